"""A résumé's text as lines with places: which section each is in, what dates it bears, what is private.

Everything here keeps offsets into the text as it was given, because evidence is a literal slice of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from .language import load

PRESENT = 9999
"""The year in which something that still goes on ended."""

WRITTEN = re.compile(r"[^\n\r\f\v\u2028\u2029]+")
"""A line as it is written."""

_BULLET = re.compile(
    r"[^\S\n]*(?:[•●○◦▪■□▸►‣⁃∙·◆✓✔➢➤❖\u2023\uf0b7]|[-–—*](?=\s)|\(?\d{1,2}[.)](?=\s))[^\S\n]*"
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?"
_POINT = (
    rf"(?:(?:{_MONTH}|spring|summer|autumn|fall|winter)\s+)?(?:\d{{1,2}}\s?[/.]\s?)?"
    r"(?:19|20)\d\d(?!\d)(?:\s?[/.]\s?(?:0?[1-9]|1[0-2])(?!\d)|-(?:0[1-9]|1[0-2])(?!\d))?"
)
_OPEN_END = r"present|now|today|ongoing|current|to date"
_SPAN = rf"(?<!\w)(?:{_POINT}\s*(?:-{{1,2}}|–|—|−|to|until|through)\s*(?:{_POINT}|(?:{_OPEN_END})\b))"
DATES = re.compile(rf"[(\[]?(?:{_SPAN}|(?<!\w)since\s+{_POINT}|(?<!\w){_POINT})[)\]]?", re.IGNORECASE)
"""A date or a range of dates."""
RANGE = re.compile(rf"{_SPAN}|(?<!\w)since\s+{_POINT}", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")

# Seven digits make a telephone number; dates and amounts of money are taken out before it is tried.
_PHONE = re.compile(r"(?<![\w.,$€£])(?:\+\d[\d\s().*/–-]{5,}|\(?\d(?:[\s().*/–-]{0,4}[\d*]){6,19})(?![\w%])")
_ADDRESS = re.compile(
    r"\S@\S|(?<!\w)@\w{2,}|\bhttps?:|\bwww\.|(?<![\w-])[\w-]{1,63}(?:\.[\w-]{1,63}){0,5}\.(?:com|org|net|edu|gov|info|io|dev|me|uk|de|eu|ai)\b(?![-\w])"
    r"|\b(?:linkedin|github|gitlab|twitter|x)\.com\b|\b10\.\d{4,}/"
    r"|\b\d{1,5}[a-z]?,?\s{1,3}(?:[A-Z][\w'’.]{1,30}\s+){1,3}(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|way|court|ct|place|square|terrace)\b"
    r"|\b[A-Z]\w{1,30}(?:straße|strasse|gasse|weg|platz)\s+\d|\b[A-Z]{2}\s+\d{5}(?:-\d{4})?\b|\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b",
    re.IGNORECASE,
)


class Line(Struct, frozen=True):
    """One line without its bullet: ``text == resume[start:end]``."""

    text: str
    start: int
    end: int
    bullet: bool
    section: str
    """``experience``, ``activity``, ``project``, ``education``, ``skill``, ``summary``, ``other``, or empty
    before the first heading."""
    after_gap: bool
    """An empty line or a heading stands before it."""


def is_private(text: str) -> bool:
    """Whether *text* holds contact data: a telephone number, an address of any kind, a link."""
    if _ADDRESS.search(text):
        return True
    return any(char.isdigit() for char in text) and bool(_PHONE.search(DATES.sub(" ", text)))


def last_year(text: str) -> int:
    """The year in which the dates in *text* end; 0 when there are none."""
    found = DATES.search(text)
    if not found:
        return 0
    if re.search(rf"\b(?:{_OPEN_END}|since)\b", found[0], re.IGNORECASE):
        return PRESENT
    return max((int(year) for year in _YEAR.findall(found[0])), default=0)


def read_lines(text: str) -> Iterator[Line]:
    """The lines of *text* that are neither empty nor headings, each with its section."""
    section, gap = "", True
    for found in WRITTEN.finditer(text):
        start, end = found.start(), found.end()
        gap = gap or "\n\n" in text[max(0, start - 2) : start]
        heading, length = find_heading(found[0])
        if heading:
            section, gap, start = heading, True, start + length
        mark = _BULLET.match(text, start, end)
        start = mark.end() if mark else start
        start, end = _trim(text, start, end)
        if start == end:
            gap = True
            continue
        yield Line(text[start:end], start, end, mark is not None, section, gap)
        gap = False


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def find_heading(line: str) -> tuple[str, int]:
    """The section that *line* begins, and how many of its characters say so; ("", 0) if none."""
    words = line.strip().strip(":.-–—_=#*| ")
    if re.fullmatch(r"(?:\w )+\w", words):  # letters set apart: S K I L L S
        words = words.replace(" ", "")
    name = _heading_name(words)
    if name and (words.istitle() or words.isupper() or len(words.split()) < 4):
        return name, len(line)
    # Headings in a margin: "EDUCATION First American University".
    capitals = re.match(r"\s*((?:[A-Z]{3,}|&)(?:\s+(?:[A-Z]{3,}|&))*)(?=\s)", line)
    if capitals and (name := _heading_name(capitals[1])):
        return name, capitals.end()
    return "", 0


def _heading_name(words: str) -> str:
    plain = re.sub(r"\s*&\s*|\s+", " ", words.replace("&", " and ")).casefold()
    plain = re.sub(r"[ .]*\.[ .]*$", "", plain)
    return _section_of(plain)


def _section_of(plain: str) -> str:
    return next((section for section, names in load().headings.items() if plain in names), "")
