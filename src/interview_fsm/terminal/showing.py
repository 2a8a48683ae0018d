"""How things stand on a screen."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

MOST_COLUMNS = 100
"""Wider lines are hard to read; a wider terminal stays empty on the right."""


def show(console: Console, what: RenderableType) -> None:
    """Print *what* at a readable width and without spaces at the ends of lines."""
    options = console.options.update(width=min(console.width, MOST_COLUMNS))
    for line in console.render_lines(what, options, pad=False):
        console.print(Segments([*_trimmed(line), Segment.line()]), end="", soft_wrap=True)


def _trimmed(line: list[Segment]) -> list[Segment]:
    while line and not line[-1].text.strip():
        line.pop()
    if line:
        text, style, control = line[-1]
        line[-1] = Segment(text.rstrip(), style, control)
    return line


def indented(text: Text, by: int) -> RenderableType:
    """*text* with so many spaces before each of its lines."""
    grid = Table.grid(padding=0)
    grid.add_column(width=by)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_row("", text)
    grid.expand = True
    return grid
