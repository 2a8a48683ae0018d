"""Glyphs, the words they make, and the segments of lines. Lengths are points, y grows downwards."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

WORD_GAP = 0.15
"""In em: letters nearer than this are one word. pdfplumber's default of 3 points glues words together."""
SEGMENT_GAP = 0.9
"""In em: words farther apart than this belong to different segments. Justified lines stretch to 0.8."""
SPACED_OUT = 0.5
"""In em: letters of a spaced-out title are nearer than this, its words farther apart."""
TWIN = 0.1
"""In em: a letter as near as this to the same one is its shadow, or the same once more to make it bold."""
PIECES = 8
"""Into so many a justified line may have fallen; a narrow column holds few words."""
INDENT = 2.0
"""In em: what stands nearer than this behind a bullet is its item."""
STRETCHED = 4.0
"""In em: the widest gap inside a justified line that is known as such by the line above."""
SAME_LINE = 0.45
"""In em: baselines nearer than this are one line; superscripts are raised by about 0.4."""
TIGHT = 1.5
"""In em: baselines nearer than this are lines of one paragraph."""

_BULLETS = frozenset("•◦▪▫■□●○◆◇‣⁃∙·–—-*»›▸▹►➢➤✓❖")
_LIGATURES = {ord(c): unicodedata.normalize("NFKC", c) for c in "ﬀﬁﬂﬃﬄﬅﬆ"}
_KEPT = frozenset("\n\t\u200c\u200d")
_SPACES = {ord(char): " " for char in "\u00a0\u2007\u202f"} | {0x2028: "\n", 0x2029: "\n\n"}
_CID = re.compile(r"\(cid:\d+\)")

Colour = tuple[float, ...] | None


class Glyph(NamedTuple):
    """One character as drawn, its box, and where it stands on its line."""

    text: str
    x0: float
    top: float
    x1: float
    bottom: float
    baseline: float
    size: float
    colour: Colour = None
    font: str = ""


@dataclass(slots=True, eq=False)
class Word:
    """Letters that touch. ``blank`` marks a drawn space, which separates what it stands between."""

    text: str
    x0: float
    top: float
    x1: float
    bottom: float
    baseline: float
    size: float
    colour: Colour
    font: str
    blank: bool = False

    @classmethod
    def of(cls, glyph: Glyph) -> Word:
        """A word of one letter."""
        return cls(*glyph, blank=not glyph.text.strip())

    def add(self, other: Word) -> None:
        """Take in the letters that follow; size and colour are those of the longer part."""
        if len(other.text) > len(self.text):
            self.size, self.baseline = other.size, other.baseline
            self.colour, self.font = other.colour, other.font
        self.text += other.text
        self.x0, self.x1 = min(self.x0, other.x0), max(self.x1, other.x1)
        self.top, self.bottom = min(self.top, other.top), max(self.bottom, other.bottom)


@dataclass(slots=True, eq=False)
class Segment:
    """Words of one line without a wide gap between them."""

    words: list[Word]
    x0: float
    top: float
    x1: float
    bottom: float
    baseline: float
    size: float
    font: str
    letters: int

    @classmethod
    def of(cls, words: list[Word]) -> Segment:
        """The segment these words make; its line is that of its longest word."""
        longest = max(words, key=lambda word: len(word.text))
        return cls(
            words,
            min(word.x0 for word in words),
            min(word.top for word in words),
            max(word.x1 for word in words),
            max(word.bottom for word in words),
            longest.baseline,
            longest.size,
            longest.font,
            sum(len(word.text) for word in words),
        )


def words(glyphs: Iterable[Glyph]) -> list[Word]:
    """Glyphs joined where they touch, first as drawn, then by place. Drawn spaces are kept as blanks."""
    runs: list[Word] = []
    for glyph in _once(glyphs):
        letter = Word.of(glyph)
        if runs and not letter.blank and not runs[-1].blank and _touch(runs[-1], letter):
            runs[-1].add(letter)
        else:
            runs.append(letter)
    return [word for line in lines(runs) for word in _closed_up(_joined(line))]


def _once(glyphs: Iterable[Glyph]) -> Iterator[Glyph]:
    """*glyphs* without those that stand on the spot of the same letter once more."""
    spots: dict[tuple[str, int, int], list[Glyph]] = {}
    for glyph in glyphs:
        x, y = int(glyph.x0), int(glyph.baseline)
        near = (spots.get((glyph.text, x + dx, y + dy), ()) for dx in (-1, 0, 1) for dy in (-1, 0, 1))
        if any(_is_twin(glyph, other) for others in near for other in others):
            continue
        spots.setdefault((glyph.text, x, y), []).append(glyph)
        yield glyph


def _is_twin(one: Glyph, other: Glyph) -> bool:
    near = TWIN * min(one.size, other.size)
    if one.x1 - one.x0 <= near:  # of a font without widths: all its letters stand on one spot
        return False
    return abs(one.x0 - other.x0) <= near and abs(one.baseline - other.baseline) <= near


def lines(runs: Iterable[Word]) -> list[list[Word]]:
    """Words grouped by baseline, each line from left to right.

    How far a word may stand from the line's first one is measured in its own size: a large figure beside
    small print must not draw two lines of the print into one.
    """
    found: list[list[Word]] = []
    for word in sorted(runs, key=lambda word: word.baseline):
        if not found or word.baseline - found[-1][0].baseline > SAME_LINE * word.size:
            found.append([])
        found[-1].append(word)
    return [sorted(line, key=lambda word: word.x0) for line in found]


def segments(words: Iterable[Word]) -> list[Segment]:
    """Lines cut at their wide gaps, unless the gap is one of a justified line."""
    found: list[Segment] = []
    for line in lines(word for word in words if not word.blank):
        row = list(_cut(line))
        found += _whole(row, list(_above(row[0], found)))
    return found


def _closed_up(line: Iterable[Word]) -> Iterator[Word]:
    """*line* with words joined that are spaced out, as titles are: W O R K  E X P E R I E N C E.

    Known by five capitals one by one with no space drawn between them; shorter words beside such a one
    are spaced out as well.
    """
    runs: list[list[Word]] = []
    for word in line:
        if runs and _spaced_out(runs[-1][-1], word):
            runs[-1].append(word)
        else:
            runs.append([word])
    titled = max(map(len, runs)) >= 5
    for first, *rest in runs:
        for word in rest if titled else ():
            first.add(word)
        yield first
        yield from () if titled else rest


def _spaced_out(left: Word, right: Word) -> bool:
    capitals = len(left.text) == len(right.text) == 1 and left.text.isupper() and right.text.isupper()
    return capitals and 0 < right.x0 - left.x1 < SPACED_OUT * left.size


def is_bullet(word: Word) -> bool:
    """Whether *word* is the sign before an item of a list."""
    return word.text in _BULLETS or _CID.fullmatch(word.text) is not None


def _above(segment: Segment, found: Sequence[Segment]) -> Iterator[Segment]:
    """What ends at most one line over *segment*."""
    for other in reversed(found):
        if segment.baseline - other.baseline > TIGHT * segment.size:
            return
        yield other


def _cut(line: Sequence[Word]) -> Iterator[Segment]:
    run = [line[0]]
    for left, right in pairwise(line):
        wide = INDENT if is_bullet(left) and left is run[0] else SEGMENT_GAP
        if right.x0 - left.x1 > wide * max(left.size, right.size):
            yield Segment.of(run)
            run = []
        run.append(right)
    yield Segment.of(run)


def _whole(row: list[Segment], above: Sequence[Segment]) -> list[Segment]:
    """*row* with neighbours joined that together begin and end where a segment above does."""
    whole: list[Segment] = []
    while row:
        length = next((n for n in range(min(len(row), PIECES), 1, -1) if _is_stretched(row[:n], above)), 1)
        whole.append(Segment.of([word for segment in row[:length] for word in segment.words]))
        row = row[length:]
    return whole


def _is_stretched(run: Sequence[Segment], above: Sequence[Segment]) -> bool:
    if any(right.x0 - left.x1 >= STRETCHED * left.size for left, right in pairwise(run)):
        return False
    return any(abs(s.x0 - run[0].x0) < 0.5 and abs(s.x1 - run[-1].x1) < 0.5 for s in above)


def _touch(left: Word, right: Word) -> bool:
    size = max(left.size, right.size)
    near = -0.3 * size < right.x0 - left.x1 < WORD_GAP * left.size
    return near and abs(left.baseline - right.baseline) < 0.2 * size


def _joined(line: Sequence[Word]) -> Iterator[Word]:
    held: Word | None = None
    for word in line:
        if held and not held.blank and not word.blank and _touch(held, word):
            held.add(word)
            continue
        if held:
            yield held
        held = word
    if held:
        yield held


def clean(text: str) -> str:
    """*text* without what is no text: glyph numbers, icons of private use, controls.

    U+00AD becomes a hyphen: in a page's text it was drawn, by LuaTeX also inside of words.
    """
    text = _CID.sub("", text).translate(_LIGATURES).replace("\u00ad", "-").replace("\n", " ")
    return " ".join(drop_unseen(text).split())


def drop_unseen(text: str) -> str:
    """*text* without characters that show nothing: controls, direction marks, private use, surrogates.

    Line ends, tabs, and the joiners that Persian and Indian scripts are written with stay.
    """
    unseen = {char for char in set(text) if not char.isprintable()} - _KEPT
    dropped = dict.fromkeys((ord(char) for char in unseen if unicodedata.category(char)[0] != "Z"), "")
    return text.translate(dropped | _SPACES)
