"""What a reader cannot see on a page, told by what its text does to the picture of the page.

A letter that changes no pixel where it stands cannot be seen, by whatever trick, nor one of which a sliver
does. Cheap rules go first: what is outside the page, too small or too narrow, one sign that stands for many
letters, characters that show nothing.

Not found: a font whose signs show other letters than they stand for, one by one; letters that are less than
their font says from the start; text inside pictures. What follows from that is for those to bear who use the
text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .film import Film
from .objects import Box, Point
from .unseen import shows_nothing

TINY = 4.0
"""Points: smaller type is not read. Real résumés have 5 and more."""
LIGATURE = 3
"""Letters that one sign may stand for: ``ffi``."""
LEAST = 4
"""Letters on a page that cannot be seen: fewer are accidents of drawing, such as a page's number that falls
off its edge, and say nothing."""
SURE = frozenset({"characters", "letters"})
"""Reasons that hold for one character as for many."""


class Mark(NamedTuple):
    """A character as drawn: its box, its origin, its size. Points from the corner of the media box."""

    text: str
    box: Box
    origin: Point
    size: float

    @property
    def letters(self) -> int:
        """What it can say."""
        return sum(char.isalnum() for char in self.text)


def hidden(film: Film, marks: Sequence[Mark]) -> list[str]:
    """For each of *marks*, in drawing order, why it cannot be seen (``unseen.KINDS``); empty when it can.

    Blanks, and signs between hidden letters, go with what was drawn before them.
    """
    left, top = film.corner
    found: list[str] = []
    for mark in marks:
        (x0, y0, x1, y1), (x, y) = mark.box, mark.origin
        placed = mark._replace(box=(x0 - left, y0 - top, x1 - left, y1 - top), origin=(x - left, y - top))
        found.append(_by_rule(film, placed) or _by_ink(film, placed) if mark.text.strip() else "")
    return _in_company(marks, found)


def _by_rule(film: Film, mark: Mark) -> str:
    x0, y0, x1, y1 = mark.box
    if not (0 <= (x0 + x1) / 2 <= film.wide and 0 <= (y0 + y1) / 2 <= film.high):
        return "outside"
    if shows_nothing(mark.text):
        return "characters"
    if mark.letters > LIGATURE and not mark.text.startswith("(cid:"):
        return "letters"
    return "tiny" if mark.size < TINY else ""


def _by_ink(film: Film, mark: Mark) -> str:
    owners = film.owners(mark.text, mark.box, mark.origin)
    if any(piece.is_narrow for piece in owners.pieces):
        return "tiny"
    return "" if film.has_ink(mark.box, owners) else film.why(mark.box, owners)


def _in_company(marks: Sequence[Mark], kinds: Sequence[str]) -> list[str]:
    """*kinds* with what single characters cannot tell: accidents, names of icons, and blanks."""
    both = list(zip(marks, kinds, strict=True))
    said = sum(mark.letters for mark, kind in both if kind and kind not in SURE)
    found: list[str] = []
    before = ""
    for mark, kind in both:
        if not mark.text.strip():
            kind = before
        elif kind and kind not in SURE and (said < LEAST or not (mark.letters or before)):
            kind = ""
        found.append(kind)
        before = kind
    written = [place for place, mark in enumerate(marks) if mark.text.strip()]
    for last, place, following in zip([-1, *written], written, [*written[1:], -1], strict=False):
        beside = [kinds[other] for other in (last, following) if other >= 0]
        if kinds[place] == "letters" and "letters" not in beside and " " not in marks[place].text.strip():
            found[place] = "icon"  # one is the name of a small picture, more of them are text
    return found
