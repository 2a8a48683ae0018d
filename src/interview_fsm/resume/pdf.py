"""From the bytes of a PDF to pages of spans. Runs in the child only: a parser may hang, grow or die."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import pdfplumber
from msgspec.structs import replace
from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect
from pdfminer.pdfpage import PDFPage
from pdfplumber.page import Page as Drawn

from ..events import Page, Resume, Span, Warning
from .layout import spans
from .words import Colour, Glyph

MAX_PAGES = 20
MAX_CHARACTERS = 200_000


class Empty(Exception):
    """There is no text. ``pages`` counts the pages, ``pictures`` says whether any of them has one."""

    def __init__(self, pages: int, *, pictures: bool) -> None:
        super().__init__(pages, pictures)
        self.pages, self.pictures = pages, pictures


def read_document(document: bytes) -> Resume:
    """The résumé in *document*: at most 20 pages and 200,000 characters, with a warning when cut.

    A page that cannot be read is left out, with a warning. Raises Empty, MemoryError, and whatever the
    parser raises when no page can be read. Not to be called in a server: a PDF of 137 bytes can hang it.
    """
    pages: list[Page] = []
    warnings: list[Warning] = []
    pictures = False
    failure: Exception | None = None
    room = MAX_CHARACTERS
    # Neither pdf.pages nor pdf.close(): both make objects of all pages first, of a million too.
    pdf = pdfplumber.open(io.BytesIO(document))
    for number, found in enumerate(islice(PDFPage.create_pages(pdf.doc), MAX_PAGES + 1), 1):
        if number > MAX_PAGES or room <= 0:
            warnings.append(_shortened(number - 1))
            break
        try:
            drawn = Drawn(pdf, found, page_number=number)
            page = _page(drawn, number)
            pictures = pictures or bool(drawn.images)
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
        raise Empty(len(pages), pictures=pictures)
    if room < 0:
        warnings.append(_cut())
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


def _page(drawn: Drawn, number: int) -> Page:
    left, top, right, bottom = (float(edge) for edge in drawn.bbox)
    upright: list[Glyph] = []
    turned: dict[tuple[int, int], list[Glyph]] = {}
    for char in drawn.chars:
        glyph, direction = _glyph(char, left, top)
        if direction == (1, 0):
            upright.append(glyph)
        else:
            turned.setdefault(direction, []).append(glyph)
    found = spans(upright)
    for direction, glyphs in sorted(turned.items()):
        found += _turned_back(spans(glyphs), direction)
    return Page(number, right - left, bottom - top, tuple(found))


def _glyph(char: Mapping[str, Any], left: float, top: float) -> tuple[Glyph, tuple[int, int]]:
    """One of pdfplumber's characters, turned so that its line runs to the right; and how it ran."""
    a, b, _c, _d, e, f = char["matrix"]
    direction = (_sign(a), 0) if abs(a) >= abs(b) else (0, _sign(b))
    x0, x1 = char["x0"] - left, char["x1"] - left
    y0, y1 = char["top"] - top, char["bottom"] - top
    # e and y0 are pdfminer's, measured from the bottom left corner of the media box
    origin = e, y1 + char["y0"] - f
    box, baseline = _turn((x0, y0, x1, y1), direction), _along(origin, direction)
    size = box[3] - box[1]
    colour, font = _colour(char["non_stroking_color"]), str(char["fontname"])
    return Glyph(char["text"], *box, baseline, size, colour, font), direction


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
    return sum(len(span.text) for span in page.spans)


def _at_most(page: Page, characters: int) -> Page:
    """*page* with its first spans, up to so many characters."""
    kept, room = [], characters
    for span in page.spans:
        if room <= 0:
            break
        kept.append(replace(span, text=span.text[:room]))
        room -= len(span.text)
    return replace(page, spans=tuple(kept))


def _shortened(read: int) -> Warning:
    pages = "page was" if read == 1 else f"{read} pages were"
    return Warning("first_pages", f"Only the first {pages} read. The rest was left out.", page=read)


def _lost(number: int) -> Warning:
    return Warning("page_unreadable", f"Page {number} could not be read and was left out.", page=number)


def _cut() -> Warning:
    return Warning("text_cut", f"Only the first {MAX_CHARACTERS:,} characters were read.")
