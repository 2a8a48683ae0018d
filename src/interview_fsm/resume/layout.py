"""Reading order by geometry: from the glyphs of a page to its spans, in the order a person reads them.

Nothing here knows PDF. Lengths are points, y grows downwards. The order in which glyphs were drawn decides
nothing but which of two glyphs on the same spot comes first: office programs and design tools draw pages
row by row, backwards or at random, and attackers do it on purpose.

The way: glyphs → words → segments (runs of words without a wide gap) → columns, found as the largest block
with a vertical gutter, again and again → lines. A narrow strip whose lines stand beside lines of the text
(dates, places, section titles) is no column: it is read along with its lines, but never in the middle of a
sentence that runs over a line end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from statistics import median
from typing import NamedTuple

from ..events import Span
from .paragraphs import goes_on, is_item, rows_of, sequence, speaks_on
from .words import Colour, Glyph, Segment, Word, clean, segments, words

GUTTER = 0.7
"""In em: a gutter is at least this wide."""
SEARCHED = 2_000
"""Segments on a page whose columns are looked for; a full page has about 200. More is read row by row."""
DEPTH = 12
"""Splits within splits; a résumé needs about four."""


def spans(glyphs: Iterable[Glyph]) -> list[Span]:
    """The spans of a page in reading order.

    A span is a run of words of one colour and size; ``after`` is a space where the line goes on, a line
    end, or an empty line where a block ends.
    """
    blocks = [sequence(block) for block in blocks_of(segments(words(glyphs)))]
    return [span for block in blocks for segment, after in block for span in _spans(segment, after)]


def blocks_of(found: Sequence[Segment], depth: int = DEPTH) -> Iterator[list[Segment]]:
    """Parts of a page in reading order, none of which has columns."""
    if not found:
        return
    parts = _columns(found) if depth and len(found) <= SEARCHED else None
    if parts is None:
        yield list(found)
        return
    for part in parts:
        yield from blocks_of(part, depth - 1)


class _Band(NamedTuple):
    letters: int
    width: float
    start: int
    end: int
    x: float


def _columns(found: Sequence[Segment]) -> tuple[list[Segment], ...] | None:
    """What is above, left, right and below of the largest block with a gutter; None without one."""
    rows = rows_of(found)
    em = median(segment.size for segment in found)
    edges = sorted({round(segment.x0) for segment in found})[1:]
    band = max((band for x in edges for band in _bands(rows, x - 1.0, em)), default=None)
    if band is None:
        return None
    left, right = _sides(rows[band.start : band.end], band.x)
    return _flat(rows[: band.start]), left, right, _flat(rows[band.end :])


def _bands(rows: Sequence[Sequence[Segment]], x: float, em: float) -> Iterator[_Band]:
    """Stretches of lines of which none crosses *x*, as far as they are columns."""
    start = 0
    crossed = [n for n, row in enumerate(rows) if any(s.x0 < x and s.x1 > x + 1.0 for s in row)]
    for end in (*crossed, len(rows)):
        left, right = _sides(rows[start:end], x)
        if len(left) >= 4 and len(right) >= 4:
            width = min(segment.x0 for segment in right) - max(segment.x1 for segment in left)
            if width >= GUTTER * em and _are_columns(left, right):
                yield _Band(_letters(left) + _letters(right), width, start, end, x)
        start = end + 1


def _sides(rows: Sequence[Sequence[Segment]], x: float) -> tuple[list[Segment], list[Segment]]:
    block = _flat(rows)
    left = [segment for segment in block if segment.x1 <= x + 1.0]
    return left, [segment for segment in block if segment.x1 > x + 1.0]


def _flat(rows: Iterable[Sequence[Segment]]) -> list[Segment]:
    return [segment for row in rows for segment in row]


def _are_columns(left: Sequence[Segment], right: Sequence[Segment]) -> bool:
    both = _letters(left) + _letters(right)
    told = min(_told(left), _told(right)) >= 1 / 3
    least = (0.2 if told else 0.45) * _extent([*left, *right])
    for side in left, right:
        if _letters(side) <= 0.1 * both or _extent(side) <= least:
            return False
    narrow, wide = sorted((left, right), key=_letters)
    if _beside(narrow, wide) <= 0.75 or _told(narrow) >= 1 / 3:
        return True
    # A strip whose lines stand beside lines of the text is read along with them, and so is a table.
    share = _letters(narrow) / both
    return share >= (0.25 if _runs(narrow) else 0.4) and not _is_table(narrow, wide)


def _is_table(narrow: Sequence[Segment], wide: Sequence[Segment]) -> bool:
    """Whether every line of both sides has its partner, in type of one size: columns have headings."""
    first, last = min(s.baseline for s in narrow), max(s.baseline for s in narrow)
    partners = [s for s in wide if first - s.size / 4 <= s.baseline <= last + s.size / 4]
    sizes = [segment.size for segment in (*narrow, *partners)]
    return max(sizes) - min(sizes) <= 0.5 and _beside(partners, narrow) > 0.75


def _told(side: Sequence[Segment]) -> float:
    """The share of lines that go on in the next by what they say, as sentences do and labels do not."""
    lines = sorted(side, key=lambda segment: segment.baseline)
    return sum(speaks_on(*pair) for pair in pairwise(lines)) / len(lines)


def _runs(side: Sequence[Segment]) -> bool:
    """Whether any line may go on in the next, which dates at the right edge do not."""
    return any(goes_on(segment, following, 0.0) for segment, following in pairwise(side))


def _letters(side: Iterable[Segment]) -> int:
    return sum(segment.letters for segment in side)


def _extent(side: Sequence[Segment]) -> float:
    return max(segment.bottom for segment in side) - min(segment.top for segment in side)


def _beside(narrow: Sequence[Segment], wide: Sequence[Segment]) -> float:
    """The share of *narrow*'s lines that stand on a line of *wide*, as dates beside their entries do."""
    matched = sum(
        any(abs(other.baseline - segment.baseline) <= 0.25 * segment.size for other in wide)
        for segment in narrow
    )
    return matched / len(narrow)


def _spans(segment: Segment, after: str) -> Iterator[Span]:
    if is_item(segment) and clean(segment.words[0].text) == "":
        # a sign that the font has no letter for; a reader sees that an item begins here
        segment.words[0].text = "•"
    runs = [list(run) for _, run in groupby(segment.words, key=_look)]
    made = [span for run in runs if (span := _span(run, " ")).text]
    for span in made[:-1]:
        yield span
    if made:
        last = made[-1]
        yield Span(last.text, last.box, last.size, last.colour, after=after)


def _look(word: Word) -> tuple[Colour, float]:
    return word.colour, round(word.size)


def _span(run: Sequence[Word], after: str) -> Span:
    return Span(
        text=" ".join(text for word in run if (text := clean(word.text))),
        box=(
            round(min(word.x0 for word in run), 2),
            round(min(word.top for word in run), 2),
            round(max(word.x1 for word in run), 2),
            round(max(word.bottom for word in run), 2),
        ),
        size=round(max(run, key=lambda word: len(word.text)).size, 2),
        colour=run[0].colour,
        after=after,
    )
