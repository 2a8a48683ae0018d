"""PDFs written to hang, fill or kill a parser: what each does is in its docstring."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable

HEADER = b"%PDF-1.4\n"


def document(objects: Iterable[bytes | None], trailer: bytes = b"/Root 1 0 R") -> bytes:
    """A PDF of these numbered objects, with a correct cross-reference table; None leaves a number out."""
    out = bytearray(HEADER)
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out) if body is not None else 0)
        if body is not None:
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    for place in places:
        out += b"%010d 00000 n \n" % place
    out += b"trailer\n<</Size %d %s>>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, trailer, start)
    return bytes(out)


def stream(data: bytes, extra: bytes = b"") -> bytes:
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(data), extra, data)


def page(content: bytes, *more: bytes, resources: bytes = b"", font: bytes | None = None) -> bytes:
    """One page with *content* (an object) and Helvetica, or *font*, as /F1; *more* are objects from 6 on."""
    plain = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    return document(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
            b"/Resources<</Font<</F1 5 0 R>>%s>>>>" % resources,
            content,
            font or plain,
            *more,
        ]
    )


def packed(data: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        data = zlib.compress(data, 9)
    filters = b"/FlateDecode" * times
    return stream(data, b"/Filter[%s]" % filters)


def zeros(size: int) -> bytes:
    """A zlib stream of *size* spaces: one packed megabyte again and again; only its checksum is wrong."""
    packer = zlib.compressobj(9)
    spaces = b" " * (1 << 20)
    first, again = (packer.compress(spaces) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * ((size >> 20) - 1) + b"\x03\x00" + bytes(4)


def self_reference() -> bytes:
    """The root object is a reference to itself."""
    return (
        HEADER
        + b"1 0 obj\n1 0 R\nendobj\nxref\n0 2\n0000000000 65535 f \n0000000009 00000 n \n"
        + b"trailer<</Size 2/Root 1 0 R>>\nstartxref\n30\n%%EOF"
    )


def page_cycle() -> bytes:
    """The list of pages contains itself."""
    return document([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R]/Count 1>>"])


def box_cycle() -> bytes:
    """The page's size is a chain of references that ends where it began."""
    return document(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox 4 0 R>>",
            b"5 0 R",
            b"4 0 R",
        ]
    )


def widths() -> bytes:
    """A font that gives a width to two thousand million letters."""
    return page(
        stream(b"BT /F1 12 Tf 50 700 Td (a) Tj ET"),
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        b"/Supplement 0>>/W[0 2147483647 500]>>",
        font=b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[6 0 R]>>",
    )


def letters() -> bytes:
    """A map from letters to text that covers four thousand million of them."""
    cmap = (
        b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00000000> <FFFFFFFF> "
        b"endcodespacerange 1 beginbfrange <00000000> <FFFFFFFF> <0041> endbfrange endcmap end"
    )
    return page(
        stream(b"BT /F1 12 Tf 50 700 Td (a) Tj ET"),
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        b"/Supplement 0>>>>",
        stream(cmap),
        font=b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[6 0 R]"
        b"/ToUnicode 7 0 R>>",
    )


def forms() -> bytes:
    """Nine forms, each of which draws the next ten times: a thousand million draws."""
    names = b" ".join(b"/X%d %d 0 R" % (number, 6 + number) for number in range(9))
    drawn = [
        stream(
            b"/X%d Do " % (number + 1) * 10 if number < 8 else b"BT /F1 9 Tf (a) Tj ET",
            b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</Font<</F1 5 0 R>>/XObject<<%s>>>>" % names,
        )
        for number in range(9)
    ]
    return page(stream(b"/X0 Do " * 10), *drawn, resources=b"/XObject<</X0 6 0 R>>")


def form_of_itself() -> bytes:
    """A form that draws itself."""
    form = stream(b"/X0 Do", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X0 6 0 R>>>>")
    return page(stream(b"/X0 Do"), form, resources=b"/XObject<</X0 6 0 R>>")


def double_bomb() -> bytes:
    """Eight gigabytes of spaces, packed twice."""
    return page(stream(zlib.compress(zeros(8 << 30), 9), b"/Filter[/FlateDecode/FlateDecode]"))


def bomb() -> bytes:
    """A gigabyte of spaces in a megabyte."""
    return page(stream(zeros(1 << 30), b"/Filter/FlateDecode"))


def five_million_letters() -> bytes:
    """Five million letters on a page."""
    return page(packed(b"BT /F1 9 Tf 50 700 Td " + b"(aaaaaaaaaa) Tj " * 500_000 + b"ET"))


def million_pages() -> bytes:
    """A list of pages that names the same page a million times."""
    kids = b"3 0 R " * 1_000_000
    return document(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[%s]/Count 1000000>>" % kids,
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
            b"/Resources<</Font<</F1 5 0 R>>>>>>",
            stream(b"BT /F1 12 Tf 50 700 Td (Anselm Duquesne) Tj ET"),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        ]
    )


def font_switches() -> bytes:
    """A million changes of font."""
    return page(packed(b"BT " + b"/F1 9 Tf " * 1_000_000 + b"ET"))


def paths() -> bytes:
    """A million strokes."""
    return page(packed(b"0 0 m 9 9 l S " * 1_000_000))


def open_string() -> bytes:
    """A string that never ends."""
    return page(packed(b"BT /F1 9 Tf (" + b"((((" * 500_000))


def open_picture() -> bytes:
    """A picture inside the text that never ends."""
    return page(packed(b"BI /W 1 /H 1 ID " + b"E I" * 700_000))


def long_name() -> bytes:
    """A name of fifty million letters."""
    return page(packed(b"/" + b"A" * 50_000_000 + b" Do"))


def deep_arrays() -> bytes:
    """Lists in lists, a hundred thousand deep."""
    return document([b"<</Type/Catalog/Pages " + b"[" * 100_000 + b"]" * 100_000 + b">>"])


def table_of_itself() -> bytes:
    """A cross-reference table that names itself as the one before it."""
    body = HEADER + b"1 0 obj\n<</Type/Catalog>>\nendobj\n"
    at = len(body)
    return body + (
        b"xref\n0 1\n0000000000 65535 f \ntrailer<</Size 2/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF"
        % (at, at)
    )


def length_of_itself() -> bytes:
    """A stream whose length is the stream."""
    return page(b"<</Length 4 0 R>>\nstream\nBT /F1 9 Tf (a) Tj ET\nendstream")


def huge_page() -> bytes:
    """A page ten million points square, with a million words strewn over it."""
    words = b"".join(
        b"1 0 0 1 %d %d Tm (w) Tj " % (97 * n % 10_000_000, 89 * n % 10_000_000) for n in range(200_000)
    )
    return page(packed(b"BT /F1 9 Tf " + words + b"ET")).replace(b"[0 0 612 792]", b"[0 0 10000000 10000000]")


def rainbow() -> bytes:
    """Letters that each have a colour of their own: as many spans as letters."""
    words = b"".join(
        b"%.3f 0 0 rg 1 0 0 1 %d %d Tm (w) Tj " % (n % 997 / 997, 12 * (n % 50), 9 * (n // 50 % 80))
        for n in range(150_000)
    )
    return page(packed(b"BT /F1 9 Tf " + words + b"ET"))


def picture_mode() -> bytes:
    """No operand where numbers are wanted: None and names in the place of a matrix."""
    return page(stream(b"BT /F1 /F1 Tf /A /B Td [/A 1 (x) [] <<>>] TJ /A Tm (x) Tj q q q Q Q Q Q cm re ET"))


def rubbish() -> bytes:
    """A header and noise."""
    return HEADER + bytes(range(256)) * 400


def cut_short() -> bytes:
    """A PDF of which the second half is missing."""
    whole = page(stream(b"BT /F1 12 Tf 50 700 Td (Anselm Duquesne) Tj ET"))
    return whole[: len(whole) // 2]


def no_pages() -> bytes:
    """A list of pages with nothing in it."""
    return document([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"])


def glyph_of_itself() -> bytes:
    """A letter that is drawn by writing itself."""
    return page(
        stream(b"BT /F1 12 Tf 50 700 Td (aaa) Tj ET"),
        stream(b"600 0 d0 BT /F1 12 Tf (aaaaaaaaaa) Tj ET"),
        font=b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/CharProcs<</a 6 0 R>>"
        b"/Encoding<</Differences[97/a]>>/FirstChar 97/LastChar 97/Widths[9]"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
    )


def mask_of_itself() -> bytes:
    """A soft mask that is drawn through itself."""
    look = b"/ExtGState<</G0<</SMask<</S/Luminosity/G 6 0 R>>>>>>"
    form = stream(
        b"/G0 gs 0 0 600 700 re f",
        b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Group<</S/Transparency>>/Resources<<%s>>" % look,
    )
    return page(stream(b"/G0 gs BT /F1 12 Tf 50 700 Td (a) Tj ET"), form, resources=look)


def fine_tiles() -> bytes:
    """A pattern of tiles a thousandth of a point apart."""
    tile = stream(
        b"0 0 1 1 re f",
        b"/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep 0.001/YStep 0.001"
        b"/Resources<<>>",
    )
    return page(
        stream(b"/Pattern cs /P0 scn 0 0 612 792 re f BT /F1 12 Tf 50 700 Td (a) Tj ET"),
        tile,
        resources=b"/Pattern<</P0 6 0 R>>",
    )


def vast_picture() -> bytes:
    """A picture of four thousand million dots, of which none is there."""
    image = stream(
        b"",
        b"/Type/XObject/Subtype/Image/Width 65535/Height 65535/ColorSpace/DeviceRGB/BitsPerComponent 8",
    )
    return page(stream(b"q 600 0 0 700 0 0 cm /I Do Q"), image, resources=b"/XObject<</I 6 0 R>>")


def endless_filters() -> bytes:
    """A stream behind two hundred thousand filters."""
    return page(stream(b"00>", b"/Filter[%s]" % (b"/AHx " * 200_000)))


def wide_predictor() -> bytes:
    """Packed data whose rows are two thousand million columns wide."""
    parameters = b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 2147483647/Colors 4>>"
    return page(stream(zlib.compress(b"BT /F1 12 Tf (a) Tj ET"), parameters))


def parent_cycle() -> bytes:
    """A page that is its own parent, from which it inherits all it lacks."""
    return document(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1/Parent 3 0 R>>",
            b"<</Type/Page/Parent 2 0 R/Contents 4 0 R>>",
            stream(b"BT (a) Tj ET"),
        ]
    )


def many_states() -> bytes:
    """A million states saved and none restored."""
    return page(packed(b"q " * 1_000_000 + b"BT /F1 12 Tf 50 700 Td (a) Tj ET"))


def header_only() -> bytes:
    """Nothing but the header."""
    return HEADER


QUICK: tuple[Callable[[], bytes], ...] = (
    page_cycle,
    form_of_itself,
    table_of_itself,
    length_of_itself,
    deep_arrays,
    picture_mode,
    rubbish,
    cut_short,
    no_pages,
    header_only,
    glyph_of_itself,
    mask_of_itself,
    vast_picture,
    parent_cycle,
)
"""What ends by itself."""

SLOW: tuple[Callable[[], bytes], ...] = (
    self_reference,
    box_cycle,
    widths,
    letters,
    forms,
    double_bomb,
    bomb,
    five_million_letters,
    million_pages,
    font_switches,
    paths,
    open_string,
    open_picture,
    long_name,
    huge_page,
    rainbow,
    fine_tiles,
    endless_filters,
    wide_predictor,
    many_states,
)
"""What a limit has to end, or may have to."""
