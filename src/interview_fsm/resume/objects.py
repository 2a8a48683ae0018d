"""PDFium's objects on a page: what they are, where they are drawn, and in what. Runs in the child only.

Boxes and points are in the page's own space, in points, until ``film`` turns them as the page is shown.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from typing import Any

import pypdfium2 as pdfium
from pypdfium2 import raw

DEPTH = 50
"""Forms within forms; PDFium draws 40."""

Box = tuple[float, float, float, float]
Pixels = tuple[int, int, int, int]
Point = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]


def objects_of(page: pdfium.PdfPage) -> Iterator[tuple[Any, tuple[Matrix, ...]]]:
    """What is on *page* in drawing order, forms before what is in them; each with its forms' matrices."""
    count = raw.FPDFPage_CountObjects(page)
    for index in range(count):
        yield from _within(raw.FPDFPage_GetObject(page, index), ())


def _within(handle: Any, forms: tuple[Matrix, ...]) -> Iterator[tuple[Any, tuple[Matrix, ...]]]:
    yield handle, forms
    if raw.FPDFPageObj_GetType(handle) == raw.FPDF_PAGEOBJ_FORM and len(forms) < DEPTH:
        inner = (matrix_of(handle), *forms)
        for index in range(raw.FPDFFormObj_CountObjects(handle)):
            yield from _within(raw.FPDFFormObj_GetObject(handle, index), inner)


def matrix_of(handle: Any) -> Matrix:
    """How what is within *handle* is placed in what it is within."""
    matrix = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(handle, matrix)
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def through(point: Point, matrices: Iterable[Matrix]) -> Point:
    """Where *point* comes to, through one matrix after another."""
    x, y = point
    for a, b, c, d, e, f in matrices:
        x, y = a * x + c * y + e, b * x + d * y + f
    return x, y


def corners_of(handle: Any) -> list[Point]:
    """The corners of the box of *handle*."""
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    raw.FPDFPageObj_GetBounds(handle, left, bottom, right, top)
    return [(x.value, y.value) for x in (left, right) for y in (bottom, top)]


def around(points: Iterable[Point]) -> Box:
    """The least box that holds *points*."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def height_of(box: Box) -> float:
    """Of a line of type, whichever way it runs."""
    return min(box[2] - box[0], box[3] - box[1])


def common(one: Pixels, other: Pixels) -> Pixels | None:
    """What two boxes share; None where that is nothing."""
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right, bottom = min(one[2], other[2]), min(one[3], other[3])
    return (left, top, right, bottom) if left < right and top < bottom else None


def em_of(handle: Any, forms: Iterable[Matrix]) -> tuple[Point, Point]:
    """How a square of the size of text *handle* is drawn: its sides along the line and upwards."""
    size = ctypes.c_float()
    raw.FPDFTextObj_GetFontSize(handle, size)
    matrices, by = (matrix_of(handle), *forms), size.value
    start, *ends = (through(point, matrices) for point in ((0, 0), (by, 0), (0, by)))
    along, up = ((end[0] - start[0], end[1] - start[1]) for end in ends)
    return along, up


def draws_outlines(handle: Any) -> bool:
    """Whether the font of text *handle* draws outlines, and not whatever it likes (Type3)."""
    length = ctypes.c_size_t()
    raw.FPDFFont_GetFontData(raw.FPDFTextObj_GetFont(handle), None, 0, length)
    return length.value > 0


def is_reworded(handle: Any) -> bool:
    """Whether other words are given for text *handle* (ActualText)."""
    return any(
        raw.FPDFPageObjMark_GetParamValueType(raw.FPDFPageObj_GetMark(handle, index), b"ActualText")
        for index in range(raw.FPDFPageObj_CountMarks(handle))
    )


def is_in(point: Point, box: Box) -> bool:
    """Whether *point* is in *box*, edges included."""
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def colour_of(handle: Any, *, outline: bool) -> tuple[int, int, int, int]:
    """Red, green, blue, alpha of what fills *handle*, or of its *outline*; black where none is said."""
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    read = raw.FPDFPageObj_GetStrokeColor if outline else raw.FPDFPageObj_GetFillColor
    if not read(handle, red, green, blue, alpha):
        return 0, 0, 0, 255
    return red.value, green.value, blue.value, alpha.value


def marks_of(handle: Any) -> set[str]:
    """The names of the marks that *handle* is drawn under: ``OC`` is a layer that may be switched off."""
    return {
        _name(raw.FPDFPageObj_GetMark(handle, index)) for index in range(raw.FPDFPageObj_CountMarks(handle))
    }


def _name(mark: Any) -> str:
    buffer, length = (raw.FPDF_WCHAR * 64)(), ctypes.c_ulong()
    raw.FPDFPageObjMark_GetName(mark, buffer, ctypes.sizeof(buffer), length)
    return bytes(buffer).decode("utf-16-le", "replace").split("\0")[0]
