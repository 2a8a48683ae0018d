"""``diagram``: the life of an interview, drawn."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..errors import SettingError


@click.command()
@click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice(["mermaid", "dot", "svg", "png"]),
    help="[default: by the file's name, else mermaid]",
)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False))
def diagram(form: str | None, output: Path | None) -> None:
    """Draw the life of an interview from its table."""
    from ..diagram import draw

    suffixes = {
        ".mmd": "mermaid",
        ".md": "mermaid",
        ".dot": "dot",
        ".gv": "dot",
        ".svg": "svg",
        ".png": "png",
    }
    form = form or suffixes.get(output.suffix.lower() if output else "", "mermaid")
    drawn = draw(form)
    if output is not None:
        output.write_bytes(drawn)
    elif form == "png" and sys.stdout.isatty():
        raise SettingError("a PNG cannot be shown in a terminal; use --output FILE")
    else:
        sys.stdout.buffer.write(drawn)
        if form != "png":
            sys.stdout.buffer.write(b"\n")
