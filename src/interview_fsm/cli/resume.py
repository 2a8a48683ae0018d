"""``resume``: what is read of a résumé."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import ALLOW_FETCH
from .reading import read, warn
from .running import run

if TYPE_CHECKING:
    from ..events import Resume


@click.command()
@click.argument("source")
@click.option("--text", "as_text", is_flag=True, help="Print exactly the text that an interviewer gets.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was read, as JSON.")
@click.option("--show-hidden", is_flag=True, help="Print what a reader of its pages cannot see, and why.")
@ALLOW_FETCH
def resume(
    source: str, as_text: bool, as_json: bool, show_hidden: bool, allow_fetch: tuple[str, ...]
) -> None:
    """Show what is read of a résumé. SOURCE is a file, a link, or - for standard input."""
    document = run(read(source, allow_fetch))
    warn(document)
    if show_hidden:
        _show_hidden(document)
    elif as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=1))
    elif as_text:
        click.echo(document.text)
    else:
        _describe(document)


def _show_hidden(document: Resume) -> None:
    """One line for each piece of text that cannot be seen: page, reason, text."""
    from ..report import plain
    from ..resume.unseen import KINDS

    hidden = [(page.number, span) for page in document.pages for span in page.spans if span.hidden]
    if not hidden:
        click.echo("Nothing is hidden: all text of this résumé can be seen.")
    for number, span in hidden:
        click.echo(
            f"page {number}  {KINDS.get(span.hidden, span.hidden)}: {' '.join(plain(span.text).split())}"
        )


def _describe(document: Resume) -> None:
    from ..coaching.evidence import find_evidence

    text = document.text
    pages = len(document.pages)
    click.echo(f"{pages} page{'s' if pages != 1 else ''}, {len(text)} characters, {len(text.split())} words")
    evidence = find_evidence(text)
    click.echo(f"{len(evidence)} pieces that a question may build on:")
    for piece in evidence:
        click.echo(f"  {piece.kind:<12} {' '.join(piece.text.split())}")
