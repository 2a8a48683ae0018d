"""``config``: look at the settings."""

from __future__ import annotations

import sys

import click

from ..settings import Setting


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command("show")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def show_config(ctx: click.Context, as_json: bool) -> None:
    """Print every setting, its value, and where it comes from; of secrets the last characters alone.

    Ends with 4 when one cannot be used.
    """
    from .. import keys
    from ..redaction import masked

    shown = [each for each in ctx.obj.shown(ctx.find_root()) if not each.name.startswith("config.")]
    for name in keys.NAMES:
        key = keys.find(name)
        value = (masked(key.reveal()) if name.endswith("_KEY") else "…") if key else ""
        shown.append(Setting(name, value, key.origin if key else "not set"))
    if as_json:
        import json

        click.echo(json.dumps([each._asdict() for each in shown], indent=1, ensure_ascii=False))
    else:
        widths = [max(len(each[column]) for each in shown) for column in (0, 1)]
        for each in shown:
            click.echo(f"{each.name:<{widths[0]}}  {each.value or '–':<{widths[1]}}  {each.source}")
    problems = [each.problem for each in shown if each.problem]
    for problem in problems:
        click.echo(f"interview-fsm: {problem}", err=True)
    if problems:
        sys.exit(4)
