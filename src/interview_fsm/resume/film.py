"""Pictures of a page with and without parts of its text, and what they show. Runs in the child only.

Text that overlaps other text is drawn apart from it, so that what hides behind or between letters is not
taken for them. Boxes are in points from the top left corner of what is visible of the page, as it is turned.
"""

from __future__ import annotations

import ctypes
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from math import ceil, hypot, sqrt
from typing import Any, NamedTuple, cast

import pypdfium2 as pdfium
from PIL import Image, ImageChops
from pypdfium2 import raw

from .objects import (
    Box,
    Matrix,
    Pixels,
    Point,
    around,
    colour_of,
    common,
    corners_of,
    draws_outlines,
    em_of,
    height_of,
    is_in,
    is_reworded,
    marks_of,
    objects_of,
    through,
)

SCALE = 2.0
"""Pixels in a point: 144 dpi."""
PIXELS = 4_000_000
"""In a picture at the most, whatever size a page says it has: 12 MB."""
INK = 24
"""Of 255 in any colour: what changes less is not seen. White on paper of 98 % changes 5."""
LAYERS = 8
"""Pictures of a page's text at the most: what overlaps itself more often than that cannot be read."""
NEAR = 0.3
"""Points between the places that two programs give one letter."""
AGAIN = 1.0
"""Points between the edges of a text and of the same once more, which makes it bold or its edges white."""
NARROW, CONDENSED = 2.0, 0.5
"""Points that type is wide, in a square as high as its size, below which it cannot be read; and its share of
its height. Half of the least height, as the most condensed of faces are half as wide as others."""
LEGIBLE, LEGIBLE_ALONG = 1 / 3, 0.2
"""Of a letter, the shares of its height and of its width that have to be seen: less is a sliver of it. The
half of letters that stands out from under a box can be read, and so can an L whose foot is cut off."""
LEGIBLE_IN_ITS_LINE = 0.2
"""Of the height of a line, where its letters' own are not told: a small one is half as high as its line."""
FILLED_BY_A_LETTER = 0.4
"""Of the longer side of its box: a small letter takes half of its font's height."""
OUTLINED, UNDRAWN = (1, 5), (3, 7)
"""Render modes that draw the outline of letters only, and nothing."""
FILLED, STENCIL = 0, 7
"""Render modes that draw letters, and that let what is drawn next show in their shape."""
STENCILLED = {"text": 0.5, "letter": 0.25}
"""Of the edges in the box of a text and of each letter, the share that letters cut out of a picture have in
common with what is seen."""

BESIDES = frozenset({raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP})
"""Notes that draw no text on the page."""


@dataclass(slots=True, eq=False)
class Piece:
    """What was drawn in one go: a text object of PDFium."""

    handle: Any
    box: Box
    layer: int = LAYERS
    em: tuple[float, float] = (0.0, 0.0)
    """Of its type, how wide and how high a square of its size is drawn."""
    is_sideways: bool = False
    """Whether its lines run up or down the page."""
    has_outlines: bool = True
    """Whether its letters are outlines, and not whatever a font draws (Type3)."""
    is_said_to_be_other: bool = False
    """Whether other words are given for it (ActualText), of whose letters no box is known."""

    @property
    def tells_boxes(self) -> bool:
        """Whether the box that is told of each of its letters is what the letter fills."""
        return self.has_outlines and not self.is_said_to_be_other

    @property
    def is_narrow(self) -> bool:
        """Whether its letters are too narrow to read, however high they are."""
        wide, high = self.em
        return wide < NARROW and wide < CONDENSED * high


class Letter(NamedTuple):
    """A letter that PDFium tells, its origin, what draws it, and its number on the page."""

    text: str
    origin: Point
    piece: Piece
    number: int


class Owners(NamedTuple):
    """What drew a letter *text* at *origin*, and the box that the letter fills, where that is told."""

    text: str
    origin: Point
    pieces: Sequence[Piece]
    box: Box | None = None


class Film:
    """One page, to be drawn again and again."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        self._page = page
        self._turn = page.get_rotation() // 90
        self._media = page.get_mediabox()
        left, bottom, right, top = page.get_bbox()
        corners = self._turned((left, bottom)), self._turned((right, top))
        (x0, x1), (y0, y1) = (sorted(ends) for ends in zip(*corners, strict=True))
        self.corner = x0, y0
        """Of what is visible, from the top left corner of the media box."""
        self.wide, self.high = max(x1 - x0, 1.0), max(y1 - y0, 1.0)
        self._misses: dict[frozenset[int], Image.Image] = {}
        self._sights: dict[tuple[frozenset[int], frozenset[int]], Image.Image] = {}

    def _turned(self, point: Point) -> Point:
        """From the page's own coordinates to points from the top left corner of its media box."""
        (x, y), (left, bottom, right, top) = point, self._media
        turns = (x - left, top - y), (y - bottom, x - left), (right - x, y - bottom), (top - y, right - x)
        return turns[self._turn]

    def _placed(self, point: Point) -> Point:
        x, y = self._turned(point)
        return x - self.corner[0], y - self.corner[1]

    # ------------------------------------------------------------------------------------- its text

    @cached_property
    def pieces(self) -> list[Piece]:
        """All text of the page in drawing order, each with its layer."""
        found = [
            self._piece(handle, forms)
            for handle, forms in objects_of(self._page)
            if raw.FPDFPageObj_GetType(handle) == raw.FPDF_PAGEOBJ_TEXT
        ]
        _layer(found, self.wide, self.high)
        return found

    def _piece(self, handle: Any, forms: Sequence[Matrix]) -> Piece:
        box = around(self._placed(through(corner, forms)) for corner in corners_of(handle))
        along, up = em_of(handle, forms)
        return Piece(
            handle,
            box,
            em=(hypot(*along), hypot(*up)),
            is_sideways=(abs(along[1]) > abs(along[0])) != bool(self._turn % 2),
            has_outlines=draws_outlines(handle),
            is_said_to_be_other=is_reworded(handle),
        )

    def owners(self, text: str, box: Box, origin: Point) -> Owners:
        """What drew *text* at *origin*: those that say they drew it, else whatever drew there.

        PDFium does not tell all letters of a text that other words are given for, and none of a text that is
        drawn once more: what *text* in *box* may belong to is sought by its place.
        """
        near = list(self._at(origin))
        said = [letter for letter in near if letter.text in text]
        if not said:
            # a mark across the page is no owner of small type
            most = 3 * max(box[2] - box[0], box[3] - box[1])
            found = [p for p in self.pieces if is_in(origin, p.box) and height_of(p.box) <= most]
            maybe = found or [letter.piece for letter in near]
            # nobody knows which of them it was: one that leaves no ink here is taken for it
            at = self._pixels(box)
            inkless = next(([piece] for piece in maybe if not self._has_own_ink(at, [piece])), None)
            return Owners(text, origin, inkless or maybe)
        pieces = [letter.piece for letter in said]
        again = [p for p in self._mute_at(origin) if any(_is_alike(p.box, piece.box) for piece in pieces)]
        return Owners(text, origin, [*pieces, *again], self._filled_by(said[0]))

    def drawn_box(self, text: str, origin: Point) -> Box | None:
        """The box of a letter *text* at *origin* by what it draws; None where that is nothing, or not told.

        A font that draws its letters has a measure of its own (Type3), in which its size says nothing about
        them. What it says of their boxes is believed where they are filled; that of others is in their size.
        """
        near = [found for found in self._at(origin) if found.text in text] or list(self._at(origin))[:1]
        for letter in near:
            edges = raw.FS_RECTF()
            if not letter.piece.has_outlines and raw.FPDFText_GetLooseCharBox(
                self._letters, letter.number, edges
            ):
                corners = (edges.left, edges.bottom), (edges.right, edges.top)
                box = around(map(self._placed, corners))
                if not text.isalnum() or self._fills(box, letter.piece):
                    return box
        return None

    def _fills(self, box: Box, piece: Piece) -> bool:
        """Whether the ink of *piece* in *box* is as large as letters are, both ways taken together."""
        at = common(self._pixels(box), self._pixels(piece.box))
        if at is None or piece.layer >= LAYERS:
            return False
        inside = at[0] + 1, at[1] + 1, max(at[2] - 1, at[0] + 2), max(at[3] - 1, at[1] + 2)  # no neighbour's
        ink = self._inks[piece.layer].crop(inside).getbbox()
        wide, high = (ink[2] - ink[0], ink[3] - ink[1]) if ink else (0, 0)
        return max(wide, high) >= FILLED_BY_A_LETTER * max(at[2] - at[0], at[3] - at[1])

    def _mute_at(self, point: Point) -> list[Piece]:
        """Text there of which PDFium tells no letter: it may be the same text once more."""
        return [piece for piece in self._mute if is_in(point, piece.box)]

    @cached_property
    def _mute(self) -> list[Piece]:
        telling = {letter.piece for found in self._origins.values() for letter in found}
        return [piece for piece in self.pieces if piece not in telling]

    def _at(self, origin: Point, within: float = NEAR) -> Iterator[Letter]:
        x, y = origin
        rows = range(round(y - within), round(y + within) + 1)
        for column in range(round(x - within), round(x + within) + 1):
            for row in rows:
                for letter in self._origins.get((column, row), ()):
                    if abs(letter.origin[0] - x) <= within and abs(letter.origin[1] - y) <= within:
                        yield letter

    @cached_property
    def _letters(self) -> pdfium.PdfTextPage:
        return self._page.get_textpage()

    @cached_property
    def _origins(self) -> dict[tuple[int, int], list[Letter]]:
        """Where PDFium puts which letter, and what draws it, by the point that is nearest."""
        pieces = {ctypes.addressof(piece.handle.contents): piece for piece in self.pieces}
        found: dict[tuple[int, int], list[Letter]] = defaultdict(list)
        page, x, y = self._letters, ctypes.c_double(), ctypes.c_double()
        for index in range(page.count_chars()):
            handle = raw.FPDFText_GetTextObject(page, index)
            piece = pieces.get(ctypes.addressof(handle.contents)) if handle else None
            if piece is not None and raw.FPDFText_GetCharOrigin(page, index, x, y):
                place = self._placed((x.value, y.value))
                text = chr(raw.FPDFText_GetUnicode(page, index))
                found[round(place[0]), round(place[1])].append(Letter(text, place, piece, index))
        return found

    def _filled_by(self, letter: Letter) -> Box | None:
        """The box that *letter* fills, as its font says; None where that is not told."""
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        if not letter.piece.tells_boxes or not raw.FPDFText_GetCharBox(
            self._letters, letter.number, left, right, bottom, top
        ):
            return None
        return around(map(self._placed, ((left.value, bottom.value), (right.value, top.value))))

    # --------------------------------------------------------------------------------- its pictures

    def has_ink(self, box: Box, owners: Owners) -> bool:
        """Whether *owners* change what is seen in *box*: by themselves, and under all other text.

        A sliver of a letter, of which the rest is covered or cut away, is none of it.
        """
        at = self._pixels(box)
        if self._is_legible(at, owners, self._seen(box, owners.pieces)):
            return True
        # what was drawn twice, for its shadow or to make it bold, is seen where either is
        copies = [letter.piece for letter in self._at(owners.origin, AGAIN) if letter.text in owners.text]
        if copies and self._is_legible(at, owners, self._seen(box, [*owners.pieces, *copies])):
            return True
        return not self._has_own_ink(at, owners.pieces) and any(
            _mode(piece) == STENCIL and self._is_stencilled(piece, at) for piece in owners.pieces
        )

    def _seen(self, box: Box, pieces: Iterable[Piece]) -> Image.Image:
        """White where the layers of *pieces* are seen on the page as it is, else black."""
        layers = frozenset(piece.layer for piece in pieces)
        if len(self._inks) == 1:
            return self._ink(layers)
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        missed = layers.union(piece.layer for piece in self._mute_at(middle))
        if (layers, missed) not in self._sights:
            self._sights[layers, missed] = ImageChops.darker(self._ink(layers), self._missed(missed))
        return self._sights[layers, missed]

    def _ink(self, layers: Iterable[int]) -> Image.Image:
        """White where text of *layers* would change the page if there were no other, else black."""
        inks = [self._inks[layer] for layer in layers if layer < LAYERS]
        return reduce(ImageChops.lighter, inks, self._nothing) if len(inks) != 1 else inks[0]

    def _is_legible(self, at: Pixels, owners: Owners, ink: Image.Image) -> bool:
        """Whether there is enough of a letter *at* in *ink*, a picture of the page."""
        if owners.box is not None:
            along, across = self._shares(ink.crop(self._pixels(owners.box)), owners.box, owners.pieces[0])
            return across >= LEGIBLE and along >= LEGIBLE_ALONG
        for piece in owners.pieces:
            line = common(at, self._pixels(piece.box)) or at
            if self._shares(ink.crop(line), piece.box, piece)[1] >= LEGIBLE_IN_ITS_LINE:
                return True
        return False

    def _shares(self, ink: Image.Image, box: Box, piece: Piece) -> tuple[float, float]:
        """How much of *box* there is *ink* in, along the line that *piece* is, and across it."""
        columns, rows = ink.getprojection()
        x, y = self._scale
        wide, high = (box[2] - box[0]) * x, (box[3] - box[1]) * y
        shares = sum(columns) / max(1.0, wide), sum(rows) / max(1.0, high)
        return shares[::-1] if piece.is_sideways else shares

    def _has_own_ink(self, at: Pixels, owners: Sequence[Piece]) -> bool:
        """Not by their neighbours, whose ink may reach into *at*: theirs is inside their own boxes."""
        return any(
            self._inks[piece.layer].crop(common(at, self._pixels(piece.box)) or at).getbbox()
            for piece in owners
            if piece.layer < LAYERS
        )

    def why(self, box: Box, owners: Owners) -> str:
        """Why there is no ink of *owners* in *box*, or too little: one of ``unseen.KINDS``."""
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        at = self._pixels(box)
        own = self._ink({piece.layer for piece in owners.pieces})
        if self._has_own_ink(at, owners.pieces) and self._is_legible(at, owners, own):
            return "covered"
        for piece in owners.pieces or [piece for piece in self.pieces if is_in(middle, piece.box)][:1]:
            mode = _mode(piece)
            if mode in UNDRAWN:
                return "invisible"
            if "OC" in marks_of(piece.handle):
                return "layer"
            *colour, alpha = colour_of(piece.handle, outline=mode in OUTLINED)
            if alpha < INK:
                return "transparent"
            # the least and the most of red, green and blue
            behind = cast("Sequence[tuple[int, int]]", self._paper.crop(at).getextrema())
            if all(
                abs(own - edge) < INK for own, edges in zip(colour, behind, strict=True) for edge in edges
            ):
                return "colour"
        whole = not owners.pieces or self._is_legible(at, owners, self._uncovered)
        return "covered" if whole and self._uncovered.crop(at).getbbox() else "clipped"

    def _pixels(self, box: Box) -> Pixels:
        """*box* in pixels, and never empty: a letter may be narrower than one."""
        x, y = self._scale
        left, top = max(0, int(box[0] * x)), max(0, int(box[1] * y))
        return left, top, max(left + 1, ceil(box[2] * x)), max(top + 1, ceil(box[3] * y))

    @cached_property
    def _scale(self) -> tuple[float, float]:
        """Pixels in a point, along and down the page."""
        return self._paper.width / self.wide, self._paper.height / self.high

    @cached_property
    def _paper(self) -> Image.Image:
        """The page without text."""
        self._show(self.pieces, active=False)
        return self._drawn()

    @cached_property
    def _inks(self) -> list[Image.Image]:
        """For each layer, white where its text changes the page, else black."""
        paper, inks = self._paper, []
        for number in range(1 + max((p.layer for p in self.pieces if p.layer < LAYERS), default=-1)):
            layer = [piece for piece in self.pieces if piece.layer == number]
            self._show(layer, active=True)
            inks.append(_changed(self._drawn(), paper))
            self._show(layer, active=False)
        return inks

    @cached_property
    def _whole(self) -> Image.Image:
        """The page as it is seen."""
        self._show(self.pieces, active=True)
        picture = self._drawn()
        self._show(self.pieces, active=False)
        return picture

    @cached_property
    def _nothing(self) -> Image.Image:
        return Image.new("L", self._paper.size)

    def _missed(self, layers: frozenset[int]) -> Image.Image:
        """White where the page would look otherwise without the text of *layers*, else black."""
        if layers not in self._misses:
            rest = [piece for piece in self.pieces if piece.layer not in layers]
            whole = self._whole
            self._show(rest, active=True)
            self._misses[layers] = _changed(self._drawn(), whole)
            self._show(rest, active=False)
        return self._misses[layers]

    def _is_stencilled(self, piece: Piece, letter: Pixels) -> bool:
        """Whether what is seen of *piece* and at *letter* has the shape of letters cut out of a picture."""
        boxes = {"text": self._pixels(piece.box), "letter": letter}
        return all(self._likeness(at) > STENCILLED[what] for what, at in boxes.items())

    def _likeness(self, at: Pixels) -> float:
        shape, seen = (edges.crop(at) for edges in self._stencils)
        both, either = ImageChops.darker(shape, seen), ImageChops.lighter(shape, seen)
        return float(both.histogram()[255] / max(1, either.histogram()[255]))

    @cached_property
    def _stencils(self) -> tuple[Image.Image, Image.Image]:
        """White at the edges of letters that only let things show through them, and at those of all else."""
        paper, cut = self._paper, [piece for piece in self.pieces if _mode(piece) == STENCIL]
        for piece in cut:
            raw.FPDFTextObj_SetTextRenderMode(piece.handle, FILLED)
        self._show(cut, active=True)
        letters = _changed(self._drawn(), paper).convert("RGB")
        self._show(cut, active=False)
        for piece in cut:
            raw.FPDFTextObj_SetTextRenderMode(piece.handle, STENCIL)
        return _edges(letters), _edges(paper)

    @cached_property
    def _uncovered(self) -> Image.Image:
        """White where text changes a page on which nothing else is drawn, else black."""
        drawn = (raw.FPDF_PAGEOBJ_TEXT, raw.FPDF_PAGEOBJ_FORM)
        others = [
            Piece(handle, (0.0, 0.0, 0.0, 0.0))
            for handle, _ in objects_of(self._page)
            if raw.FPDFPageObj_GetType(handle) not in drawn
        ]
        self._show([*others, *self.pieces], active=False)
        empty = self._drawn(notes=False)
        self._show(self.pieces, active=True)
        picture = _changed(self._drawn(notes=False), empty)
        self._show(others, active=True)
        self._show(self.pieces, active=False)
        return picture

    def _drawn(self, *, notes: bool = True) -> Image.Image:
        """The page as it is now, with the notes on it (annotations) or without."""
        scale = min(SCALE, sqrt(PIXELS / (self.wide * self.high)))
        bitmap = self._page.render(scale=scale, draw_annots=notes)
        size = bitmap.width, bitmap.height
        picture = Image.frombytes("RGB", size, bytes(bitmap.buffer), "raw", "BGR", bitmap.stride)
        bitmap.close()
        return picture

    @staticmethod
    def _show(pieces: Iterable[Piece], *, active: bool) -> None:
        for piece in pieces:
            raw.FPDFPageObj_SetIsActive(piece.handle, active)


def _changed(drawn: Image.Image, paper: Image.Image) -> Image.Image:
    red, green, blue = ImageChops.difference(drawn, paper).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point([0] * INK + [255] * (256 - INK))


def _edges(picture: Image.Image) -> Image.Image:
    """White where *picture* differs from what is two pixels beside it, else black."""
    return _changed(picture, ImageChops.offset(picture, 2, 0))


def _layer(pieces: Sequence[Piece], wide: float, high: float) -> None:
    """Give each of *pieces* the first layer on which it overlaps no other; none when all are taken.

    What is taken is marked on maps of the page, of a thousand squares across at the most.
    """
    scale = min(1.0, 1_000 / max(wide, high))
    size = int(wide * scale) + 1, int(high * scale) + 1
    maps: list[Image.Image] = []
    for piece in pieces:
        x0, y0, x1, y1 = (min(max(edge * scale, 0.0), 1_000.0) for edge in piece.box)
        box = int(x0), int(y0), max(ceil(x1), int(x0) + 1), max(ceil(y1), int(y0) + 1)
        for piece.layer in range(LAYERS):
            if piece.layer == len(maps):
                maps.append(Image.new("L", size))
            if not maps[piece.layer].crop(box).getbbox():
                maps[piece.layer].paste(255, box)
                break
        else:
            piece.layer = LAYERS


def flattened(document: pdfium.PdfDocument, pages: int) -> bytes | None:
    """*document* with what its forms' fields and other notes show as part of its first *pages*.

    None when there is nothing of that. Neither parser takes it for text of the page, and a reader does. It
    says no more than is drawn: a note that is not shown is left out.
    """
    document.init_forms()  # draws what is left to the viewer
    found = [document[number] for number in range(min(pages, len(document)))]
    noted = [page for page in found if any(kind not in BESIDES for kind in _notes(page))]
    if not [
        page for page in noted if raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY) == raw.FLATTEN_SUCCESS
    ]:
        return None
    flat = io.BytesIO()
    document.save(flat)
    return flat.getvalue()


def _notes(page: pdfium.PdfPage) -> Iterator[int]:
    """The kinds of the notes on *page*."""
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        note = raw.FPDFPage_GetAnnot(page, index)
        yield raw.FPDFAnnot_GetSubtype(note)
        raw.FPDFPage_CloseAnnot(note)


def _mode(piece: Piece) -> int:
    return int(raw.FPDFTextObj_GetTextRenderMode(piece.handle))


def _is_alike(one: Box, other: Box) -> bool:
    return all(abs(edge - beside) <= AGAIN for edge, beside in zip(one, other, strict=True))
