"""The lines of one block in reading order: sentences are not interrupted, labels stay with their line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .words import SAME_LINE, TIGHT, Segment, is_bullet

LOOSE = 1.9
"""In em: baselines farther apart than this have an empty line between them."""


def sequence(block: Sequence[Segment]) -> list[tuple[Segment, str]]:
    """The segments of one block in order, each with what stands after it."""
    rows = rows_of(block)
    paragraphs = _paragraphs(rows)
    follows = {**paragraphs, **_margins(rows, paragraphs)}
    ordered: list[tuple[Segment, str]] = []
    inner = {id(segment) for segment in follows.values()}
    for row in rows:
        for segment in row:
            if id(segment) not in inner:
                ordered += _chain(segment, follows)
        if ordered and ordered[-1][1] == " ":
            ordered[-1] = (ordered[-1][0], "\n")
    return _spaced(ordered)


def _chain(segment: Segment, follows: dict[int, Segment]) -> list[tuple[Segment, str]]:
    chain = [segment]
    while (following := follows.get(id(chain[-1]))) is not None:
        chain.append(following)
    if len(chain) == 1:
        return [(segment, " ")]
    return [(part, "\n") for part in chain]


def _spaced(ordered: list[tuple[Segment, str]]) -> list[tuple[Segment, str]]:
    """With empty lines where the page leaves room, and at the end."""
    spaced = []
    for (segment, after), (following, _) in pairwise(ordered):
        apart = following.baseline - segment.baseline > LOOSE * max(segment.size, following.size)
        spaced.append((segment, "\n\n" if after == "\n" and apart else after))
    return [*spaced, (ordered[-1][0], "\n\n")]


def rows_of(block: Sequence[Segment]) -> list[list[Segment]]:
    """Segments side by side, from top to bottom and from left to right."""
    rows: list[list[Segment]] = []
    for segment in sorted(block, key=lambda segment: segment.baseline):
        if not rows or segment.baseline - rows[-1][0].baseline > SAME_LINE * segment.size:
            rows.append([])
        rows[-1].append(segment)
    return [sorted(row, key=lambda segment: segment.x0) for row in rows]


def _paragraphs(rows: Sequence[Sequence[Segment]]) -> dict[int, Segment]:
    """By the id of a segment, the one on the next line that goes on with its sentence."""
    edge = max(segment.x1 for row in rows for segment in row)
    follows: dict[int, Segment] = {}
    running: set[int] = set()
    for row, below in pairwise(rows):
        for place, segment in enumerate(row):
            room = (row[place + 1].x0 if place + 1 < len(row) else edge) - segment.x1
            for following in below:
                # within a sentence, a small letter says it even after a short line
                told = speaks_on(segment, following, words=1 if id(segment) in running else 3)
                if not (_stacked(segment, following) and (told or goes_on(segment, following, room))):
                    continue
                if told or _may_follow(row, below, segment, following):
                    follows[id(segment)] = following
                    running.add(id(following))
    return follows


def goes_on(segment: Segment, following: Segment, room: float) -> bool:
    """Whether *following*, one line down, is the rest of the same sentence.

    Sure signs: the line ends where the first word of the next would not have fitted; both lines end at
    the same place, as justified ones do; a hyphen; a small letter after several words.
    """
    if not _stacked(segment, following) or is_item(following):
        return False
    if speaks_on(segment, following):
        return True
    if segment.font != following.font:
        return False
    first = following.words[0]
    return room < 0.5 * segment.size + first.x1 - first.x0 or abs(segment.x1 - following.x1) < 0.5


def speaks_on(segment: Segment, following: Segment, *, words: int = 3) -> bool:
    """Whether the words say that a sentence runs over this line end.

    A small letter says so after a line of at least so many *words*: lists may be written small.
    """
    if is_item(following):
        return False
    first, last = following.words[0].text, segment.words[-1].text
    return last[-1:] in "-\u00ad&," or first == "&" or (first[:1].islower() and len(segment.words) >= words)


def _stacked(segment: Segment, following: Segment) -> bool:
    """Whether *following* stands right below, in the same type and with the same left edge or indented."""
    down = following.baseline - segment.baseline
    if not 0 < down <= TIGHT * segment.size or abs(segment.size - following.size) > 0.5:
        return False
    text = next((word.x0 for word in segment.words if not is_bullet(word)), segment.x0)
    return min(abs(following.x0 - segment.x0), abs(following.x0 - text)) <= 0.3 * segment.size


def _may_follow(
    row: Sequence[Segment], below: Sequence[Segment], segment: Segment, following: Segment
) -> bool:
    """False for a strip of labels or dates, each of which belongs to its own line."""
    beside, under = (max(line, key=lambda other: other.letters) for line in (row, below))
    if segment is beside or len(below) == 1:
        return True
    if any(char.isdigit() for word in (*segment.words, *following.words) for char in word.text):
        return False
    if len(segment.words) >= 4 or (_is_capital(segment) and _is_capital(following)):
        return True
    return is_item(under) or under.x0 - beside.x0 > 0.3 * beside.size


def _margins(rows: Sequence[Sequence[Segment]], paragraphs: dict[int, Segment]) -> dict[int, Segment]:
    """Dates and places stacked at the right of an entry, read with its first line.

    Only where the text beside them is an item of a list, or the middle of a sentence.
    """
    follows: dict[int, Segment] = {}
    pulled: set[int] = set()
    running = {id(segment) for segment in paragraphs.values()}
    for row, below in pairwise(rows):
        if len(row) < 2 or len(below) < 2:
            continue
        upper, lower, text = row[-1], below[-1], below[-2]
        aligned = min(abs(upper.x1 - lower.x1), abs(upper.x0 - lower.x0)) <= 1.0
        tight = lower.baseline - upper.baseline <= TIGHT * max(upper.size, lower.size)
        first = is_item(text) and not (is_item(row[-2]) and abs(row[-2].x0 - text.x0) < 1.0)
        if aligned and tight and (first or id(text) in running or id(upper) in pulled):
            follows[id(upper)] = lower
            pulled.add(id(lower))
    return follows


def is_item(segment: Segment) -> bool:
    """Whether a sign stands before the words, as in a list."""
    return is_bullet(segment.words[0]) and len(segment.words) > 1


def _is_capital(segment: Segment) -> bool:
    return all(not any(char.islower() for char in word.text) for word in segment.words)
