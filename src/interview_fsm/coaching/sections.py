"""What was understood of a résumé, in short: shown to its owner before anything is asked."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from .evidence import MAX_TEXT, find_evidence
from .lines import WRITTEN, find_heading, read_lines

MAX_SECTIONS = 50
"""A résumé has five to fifteen; a text of nothing but headings must not make a message of megabytes."""


class Section(Struct, frozen=True):
    """One part of a résumé."""

    heading: str
    """As written, without what decorates it; empty for what stands before the first heading."""
    kind: str
    """``experience``, ``activity``, ``project``, ``education``, ``skill``, ``summary``, ``other``; empty
    before the first heading."""
    lines: int
    """That hold words, the heading not counted."""


class Outline(Struct, frozen=True):
    """The parts of a résumé, and how much in it questions may build on."""

    sections: tuple[Section, ...]
    evidence: dict[str, int]
    """Pieces of each kind (``role``, ``achievement`` …), the most frequent first; no kind without any."""


def outline(text: str) -> Outline:
    """The sections of the résumé *text* in its order, and its evidence counted.

    It reads as much as ``find_evidence`` does: MAX_TEXT characters. A text without known headings is one
    section without a name, one without a line has none. After MAX_SECTIONS headings the rest is the last's.
    """
    text = text[:MAX_TEXT]
    headings = [(0, "", ""), *islice(_headings(text), MAX_SECTIONS)]
    starts = [start for start, _, _ in headings]
    told = (line for line in read_lines(text) if any(char.isalnum() for char in line.text))
    lines = Counter(bisect_right(starts, line.start) - 1 for line in told)
    found = (Section(words, kind, lines[place]) for place, (_, words, kind) in enumerate(headings))
    counts = Counter(piece.kind for piece in find_evidence(text))
    return Outline(tuple(each for each in found if each.heading or each.lines), dict(counts.most_common()))


def _headings(text: str) -> Iterator[tuple[int, str, str]]:
    """(where its section begins, its words, its kind) of each heading."""
    for written in WRITTEN.finditer(text):
        kind, length = find_heading(written[0])
        if kind:
            words = written[0][:length].strip().strip(":.-–—_=#*| ")
            yield written.start(), " ".join(words.split()), kind
