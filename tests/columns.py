"""Pages of two columns, drawn in any order as programs and attackers do, and what a reader reads on them."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from interview_fsm.resume.words import Glyph

WIDE = 612.0
HIGH = 792.0
MARGIN = 50.0
PROSE = (
    "led built wrote shipped and with for the of team service billing search latency review data platform "
    "customers queue index deploy cluster schema report weekly from two teams in a year by half moved to "
    "tested kept documented mentored planned release mobile backend storage network incident on call"
)
WORDS = PROSE.split()


@dataclass(frozen=True)
class Print:
    """Something printed in one go: a line, a word or a letter."""

    text: str
    x: float
    baseline: float
    size: float


Lines = list[Print]


def width(text: str, size: float) -> float:
    """In Helvetica, in points."""
    return float(stringWidth(text, "Helvetica", size))


def sheet(seed: int, share: float) -> Lines:
    """Title, left column, right column, footer: the lines as they are to be read.

    The left column has *share* of the width. Type, leading, gutter and where the columns begin differ by
    *seed*: on some sheets the lines of both stand on one grid, on others between each other.
    """
    chance = random.Random(f"{seed} {share}")
    gutter = chance.uniform(14.0, 26.0)
    split = MARGIN + share * (WIDE - 2 * MARGIN - gutter)
    right = _column(chance, split + gutter, WIDE - MARGIN, 130.0 + chance.uniform(-4.0, 9.0))
    return [
        Print(_text(chance, MARGIN, WIDE - MARGIN, 18.0), MARGIN, 60.0, 18.0),
        *_column(chance, MARGIN, split, 130.0),
        *right,
        Print(_text(chance, MARGIN, WIDE - MARGIN, 8.0), MARGIN, 770.0, 8.0),
    ]


def three(seed: int, shares: tuple[float, float, float]) -> Lines:
    """The same with three columns, of these *shares* of the width."""
    chance = random.Random(f"{seed} {shares}")
    gutter = chance.uniform(16.0, 26.0)
    x, columns = MARGIN, []
    for share in shares:
        wide = share * (WIDE - 2 * MARGIN - 2 * gutter)
        for line in _column(chance, x, x + wide, 130.0 + chance.uniform(-4.0, 9.0)):
            fits = width(line.text, line.size) <= wide
            columns.append(line if fits else replace(line, text=line.text.split()[0]))
        x += wide + gutter
    return [
        Print(_text(chance, MARGIN, WIDE - MARGIN, 18.0), MARGIN, 60.0, 18.0),
        *columns,
        Print(_text(chance, MARGIN, WIDE - MARGIN, 8.0), MARGIN, 770.0, 8.0),
    ]


def _column(chance: random.Random, x0: float, x1: float, baseline: float) -> Iterator[Print]:
    size = chance.choice((9.0, 10.0, 11.0))
    for _ in range(chance.randint(3, 5)):
        yield Print(f"{chance.choice(WORDS)} {chance.choice(WORDS)}".title(), x0, baseline, size + 3)
        baseline += size * 1.7
        for _ in range(chance.randint(4, 8)):
            yield Print(_text(chance, x0, x1, size), x0, baseline, size)
            baseline += size * 1.25
        baseline += size * 0.8


def _text(chance: random.Random, x0: float, x1: float, size: float) -> str:
    text = chance.choice(WORDS)
    if chance.random() < 0.4:  # a sentence or a name begins with the line
        text = text.title()
    while width(longer := f"{text} {chance.choice(WORDS)}", size) < x1 - x0:
        text = longer
    return text


# ---------------------------------------------------------------------------------- orders of drawing


def in_columns(lines: Lines, chance: random.Random) -> Lines:
    return lines


def row_by_row(lines: Lines, chance: random.Random) -> Lines:
    return sorted(lines, key=lambda line: (line.baseline, line.x))


def backwards(lines: Lines, chance: random.Random) -> Lines:
    return row_by_row(lines, chance)[::-1]


def at_random(lines: Lines, chance: random.Random) -> Lines:
    return chance.sample(lines, len(lines))


def word_by_word(lines: Lines, chance: random.Random) -> Lines:
    return at_random([word for line in lines for word in _parts(line, line.text.split(" "), " ")], chance)


def letter_by_letter(lines: Lines, chance: random.Random) -> Lines:
    letters = [letter for line in lines for letter in _parts(line, list(line.text), "")]
    return at_random([letter for letter in letters if letter.text != " "], chance)


Order = Callable[[Lines, random.Random], Lines]
ORDERS: tuple[Order, ...] = (
    in_columns,
    row_by_row,
    backwards,
    at_random,
    word_by_word,
    letter_by_letter,
)
SHARES = (0.36, 0.5, 0.62)
THREE = ((1 / 3, 1 / 3, 1 / 3), (0.26, 0.48, 0.26), (0.25, 0.375, 0.375))


def _parts(line: Print, parts: list[str], between: str) -> Iterator[Print]:
    x = line.x
    for part in parts:
        yield Print(part, x, line.baseline, line.size)
        x += width(part + between, line.size)


# ------------------------------------------------------------------------------------ as a parser sees


def glyphs(drawn: Iterable[Print]) -> Iterator[Glyph]:
    """The characters of *drawn*, as a parser would report them."""
    for piece in drawn:
        x, size = piece.x, piece.size
        for letter in piece.text:
            advance = width(letter, size)
            top, bottom = piece.baseline - 0.75 * size, piece.baseline + 0.25 * size
            yield Glyph(letter, x, top, x + advance, bottom, piece.baseline, size)
            x += advance


def pdf(drawn: Iterable[Print]) -> bytes:
    """*drawn* in Helvetica on one page."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(WIDE, HIGH), invariant=1)
    for piece in drawn:
        canvas.setFont("Helvetica", piece.size)
        canvas.drawString(piece.x, HIGH - piece.baseline, piece.text)
    canvas.showPage()
    canvas.save()
    return file.getvalue()
