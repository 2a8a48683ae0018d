"""From the bytes of a PDF to pages of spans. Runs in the child only: a parser may hang, grow or die."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from itertools import islice
from time import process_time
from typing import Any, NamedTuple

import pdfplumber
import pypdfium2
from msgspec.structs import replace
from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect
from pdfminer.pdfpage import PDFPage
from pdfplumber.page import Page as Drawn

from ..events import Page, Resume, Span, Warning
from .film import Film, flattened
from .layout import spans
from .unseen import MAX_HIDDEN, hidden_text, hidden_words, spelled
from .words import Colour, Glyph
from .xray import TINY, Mark, hidden

MAX_PAGES = 20
MAX_CHARACTERS = 200_000
LONG = 6.0
"""Seconds of computing, after which no page is begun: the child has 8, its start included. A full page takes
up to 0.5, so what is cut is longer than anybody's résumé."""


class Empty(Exception):
    """There is no text to be seen.

    ``pages`` counts the pages, ``pictures`` says whether any of them is one, ``hidden`` counts the words that
    cannot be seen.
    """

    def __init__(self, pages: int, *, pictures: bool, hidden: int) -> None:
        super().__init__(pages, pictures, hidden)
        self.pages, self.pictures, self.hidden = pages, pictures, hidden


def read_document(document: bytes) -> Resume:
    """The résumé in *document*: at most 20 pages and 200,000 characters, with a warning when cut.

    A page that cannot be read or drawn is left out, with a warning; so is a picture of a page. What a reader
    cannot see is told apart. Raises Empty, MemoryError, and whatever the parsers raise when no page can be
    read. Not to be called in a server: a PDF of 137 bytes can hang it.
    """
    pages: list[Page] = []
    warnings: list[Warning] = []
    pictures: list[int] = []
    failure: Exception | None = None
    room, began = MAX_CHARACTERS, process_time()
    # Neither pdf.pages nor pdf.close(): both make objects of all pages first, of a million too.
    pdf = pdfplumber.open(io.BytesIO(document))
    sheets = pypdfium2.PdfDocument(document)
    if flat := flattened(sheets, MAX_PAGES):
        pdf, sheets = pdfplumber.open(io.BytesIO(flat)), pypdfium2.PdfDocument(flat)
    for number, found in enumerate(islice(PDFPage.create_pages(pdf.doc), MAX_PAGES + 1), 1):
        if number > MAX_PAGES or room <= 0 or process_time() - began > LONG:
            warnings.append(_shortened(number - 1))
            break
        try:
            drawn = Drawn(pdf, found, page_number=number)
            page = _page(drawn, number, Film(sheets[number - 1]))
            if drawn.images and not _length(page):
                pictures.append(number)
        except Exception as error:
            if kind_of(error) == "memory":
                raise
            failure = error
            warnings.append(_lost(number))
            continue
        pages.append(_at_most(page, room))
        room -= _length(page)
        drawn.close()
    if not pages:
        raise failure or ValueError("no pages")
    if room == MAX_CHARACTERS:
        words = sum(hidden_words(page).total() for page in pages)
        raise Empty(len(pages), pictures=bool(pictures), hidden=words)
    if room < 0:
        warnings.append(_cut())
    warnings += [*map(_picture, pictures), *hidden_text(pages)]
    return Resume(tuple(pages), warnings=tuple(warnings))


def kind_of(error: BaseException) -> str:
    """``memory``, ``encrypted`` or ``malformed``, by the error and all that led to it."""
    for cause in _causes(error):
        if isinstance(cause, MemoryError):
            return "memory"
        if isinstance(cause, (PDFPasswordIncorrect, PDFEncryptionError)):
            return "encrypted"
    return "malformed"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it: pdfplumber puts pdfminer's error into the arguments of its own."""
    seen: list[BaseException | None] = [error]
    for cause in seen:
        if cause is not None and len(seen) < 50:
            yield cause
            inner = (part for part in cause.args if isinstance(part, BaseException))
            seen += [part for part in (cause.__cause__, cause.__context__, *inner) if part not in seen]


def _page(drawn: Drawn, number: int, film: Film) -> Page:
    left, top, right, bottom = (float(edge) for edge in drawn.bbox)
    chars = [_sized(_char(char, left, top), film) for char in drawn.chars]
    groups: dict[tuple[str, tuple[int, int]], list[Glyph]] = {("", UPRIGHT): []}
    for char, kind in zip(chars, hidden(film, [char.mark for char in chars]), strict=True):
        groups.setdefault((kind, char.direction), []).append(_glyph(char, kind))
    found: list[Span] = []
    # hidden text apart, so that it cannot change how the rest is read; upright text first
    for (kind, direction), glyphs in sorted(
        groups.items(), key=lambda group: (group[0][0], group[0][1] != UPRIGHT, group[0][1])
    ):
        read = _turned_back(spans(glyphs), direction)
        found += [replace(span, hidden=kind) for span in read] if kind else read
    return Page(number, right - left, bottom - top, tuple(found))


class _Char(NamedTuple):
    """A character of pdfplumber's: how it is drawn, how its line runs, and its looks."""

    mark: Mark
    direction: tuple[int, int]
    colour: Colour
    font: str


def _char(char: Mapping[str, Any], left: float, top: float) -> _Char:
    a, b, _c, _d, e, f = char["matrix"]
    direction = (_sign(a), 0) if abs(a) >= abs(b) else (0, _sign(b))
    box = char["x0"] - left, char["top"] - top, char["x1"] - left, char["bottom"] - top
    # e and y0 are pdfminer's, measured from the bottom left corner of the media box
    origin = e, box[3] + char["y0"] - f
    high = box[3] - box[1] if direction[0] else box[2] - box[0]
    mark = Mark(char["text"], box, origin, high)
    return _Char(mark, direction, _colour(char["non_stroking_color"]), str(char["fontname"]))


def _sized(char: _Char, film: Film) -> _Char:
    """*char* in the size in which it is drawn, where its font has a measure of its own."""
    text, _, (x, y), size = char.mark
    left, top = film.corner
    if size >= TINY or (box := film.drawn_box(text, (x - left, y - top))) is None:
        return char
    high = box[3] - box[1] if char.direction[0] else box[2] - box[0]
    placed = box[0] + left, box[1] + top, box[2] + left, box[3] + top
    return char._replace(mark=Mark(text, placed, (x, y), high)) if high > size else char


def _glyph(char: _Char, kind: str) -> Glyph:
    """*char* turned so that its line runs to the right; what shows nothing, put in letters."""
    text, box, origin, size = char.mark
    text = spelled(text) if kind == "characters" else text
    return Glyph(
        text, *_turn(box, char.direction), _along(origin, char.direction), size, char.colour, char.font
    )


UPRIGHT = (1, 0)


def _sign(number: float) -> int:
    return -1 if number < 0 else 1


Box = tuple[float, float, float, float]


def _turn(box: Box, direction: tuple[int, int]) -> Box:
    """*box* on a page turned so that *direction* (of PDF: y grows upwards) points to the right."""
    x0, y0, x1, y1 = box
    if direction == (1, 0):
        return box
    if direction == (0, 1):
        return -y1, x0, -y0, x1
    if direction == (0, -1):
        return y0, -x1, y1, -x0
    return -x1, -y1, -x0, -y0


def _along(point: tuple[float, float], direction: tuple[int, int]) -> float:
    x, y = point
    return {(1, 0): y, (0, 1): x, (0, -1): -x, (-1, 0): -y}[direction]


def _turned_back(found: list[Span], direction: tuple[int, int]) -> list[Span]:
    back = (direction[0], -direction[1])
    return [replace(span, box=_turn(span.box, back)) for span in found]


def _colour(value: Any) -> Colour:
    """Grey, RGB or CMYK; None for patterns, and for what is no number."""
    numbers = tuple(part for part in value or () if isinstance(part, (int, float)))
    if len(numbers) not in (1, 3, 4) or len(numbers) != len(value):
        return None
    return tuple(round(min(max(float(number), 0.0), 1.0), 4) for number in numbers)


def _length(page: Page) -> int:
    """Characters that can be seen."""
    return sum(len(span.text) for span in page.spans if not span.hidden)


def _at_most(page: Page, characters: int) -> Page:
    """*page* with its first spans, up to so many characters; of what is hidden, with the first of it."""
    kept, room = [], {False: characters, True: MAX_HIDDEN}
    for span in page.spans:
        left = room[bool(span.hidden)]
        if left > 0:
            kept.append(replace(span, text=span.text[:left]))
        room[bool(span.hidden)] -= len(span.text)
    return replace(page, spans=tuple(kept))


def _shortened(read: int) -> Warning:
    pages = "page was" if read == 1 else f"{read} pages were"
    return Warning("first_pages", f"Only the first {pages} read. The rest was left out.", page=read)


def _lost(number: int) -> Warning:
    return Warning("page_unreadable", f"Page {number} could not be read and was left out.", page=number)


def _picture(number: int) -> Warning:
    return Warning("page_scanned", f"Page {number} is a picture of text, which cannot be read.", page=number)


def _cut() -> Warning:
    return Warning("text_cut", f"Only the first {MAX_CHARACTERS:,} characters were read.")
