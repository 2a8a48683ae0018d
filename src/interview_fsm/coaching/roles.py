"""Finds roles on a résumé: a job's title, the employer near it, and the dates that prove it is one."""

from __future__ import annotations

import re
from typing import NamedTuple

from . import phrases
from .language import load
from .lines import DATES, RANGE, Line, last_year
from .names import employer, is_name, is_place, school_in, segments, without_dates, without_places
from .units import Role

_NOT_IN_TITLES = frozenset(["was", "were", "is", "the", "my", "for", "with", "by"])
_MOST_WORDS = 14
"""In the line of a role beside its dates; more is a sentence that mentions a job."""


class Found(NamedTuple):
    """A role, and where its title stands in the résumé."""

    role: Role
    place: tuple[int, int]


def find_role(lines: list[Line], place: int) -> Found | None:
    """The role that line *place* heads."""
    line = lines[place]
    if line.section not in ("experience", "activity", "summary", "") or line.text.endswith((".", ":", ";")):
        return None
    ends = {end for found in DATES.finditer(line.text) for end in found.span()}
    at_an_end = 0 in ends or (len(line.text) in ends and line.section == "experience")
    dated = at_an_end or bool(RANGE.search(line.text))
    if not dated and not _is_dated_nearby(lines, place):
        return None
    bare, shift = without_dates(line.text)
    found = _title(bare) if len(bare.split()) <= _MOST_WORDS else None
    if found is None:
        return None
    title, offset, beside = found
    where = next((name for name in beside if name), "") or school_in(bare)
    where = where or _employer_nearby(lines, place, dated=dated)
    year = max((last_year(each.text) for each in lines[place + 1 : place + 3]), default=0)
    start = line.start + shift + offset
    return Found(Role(title, where, last_year(line.text) or year), (start, start + len(title)))


def job_title(segment: str) -> str | None:
    """The job's title that *segment* begins with: up to its last job word."""
    words = segment.split()
    if not words or not words[0][0].isupper() or len(words) > 12 or _is_past(words[0]):
        return None
    if len(words) > 1 and words[1] in load().words.determiners:  # "Lead a department of seven"
        return None
    last = max((place for place, word in enumerate(words[:8]) if _is_job(word)), default=-1)
    if last < 0 or any(word.casefold() in _NOT_IN_TITLES for word in words[:last]):
        return None
    last += _area(words[last + 1 :])
    found = re.match(r"\S+" + r"\s+\S+" * last, segment)
    return found[0].rstrip(" ,;:.") if found else None


def _is_dated_nearby(lines: list[Line], place: int) -> bool:
    """Whether the dates of this entry stand on a line of their own beside it."""
    line = lines[place]
    for below in lines[place + 1 : place + 3]:
        if line.bullet and (below.bullet or _title(without_dates(below.text)[0])):
            return False
        if RANGE.search(below.text):
            return line.bullet or line.section == "experience"
    above = lines[place - 1 : place]
    return not line.bullet and line.section == "experience" and any(RANGE.search(each.text) for each in above)


def _title(text: str) -> tuple[str, int, list[str]] | None:
    """A job's title in *text*, its offset, and what may be its employer beside it, the likeliest first."""
    parts = segments(text)
    for place, (segment, offset) in enumerate(parts):
        title = job_title(segment)
        if title is None:
            continue
        rest = segment[len(title) :].strip()
        before, after = [name for name, _ in parts[:place]], [name for name, _ in parts[place + 1 :]]
        if not before and rest[:1].isupper() and not (after and is_place(after[0])):
            return title, offset, [employer(rest)]
        return title, offset, [employer(name) for name in (*before[:1], *without_places(after)[:1])]
    return None


def _is_job(word: str) -> bool:
    return any(part in load().words.jobs for part in re.split(r"[/&]", word.casefold().strip("(),.;")))


def _area(rest: list[str]) -> int:
    """How many of the words after a job word still belong to the title: "of Customer Success"."""
    if len(rest) < 2 or rest[0] != "of" or rest[1] in ("University", "School"):
        return 0
    if rest[1][0].islower():
        return len(rest) if len(rest) <= 3 else 0
    return 3 if len(rest) == 3 else 2


def _is_past(word: str) -> bool:
    low = word.casefold()
    return low not in load().words.verbs and phrases.past(low) is not None


def _employer_nearby(lines: list[Line], place: int, *, dated: bool) -> str:
    """The employer on the line below or above a title, where the layout puts it on one of its own."""
    below = lines[place + 1] if place + 1 < len(lines) else None
    if below is not None and not below.bullet and not below.after_gap:
        after = lines[place + 2 : place + 3]
        its_own = bool(DATES.search(below.text)) or any(
            not each.bullet and RANGE.search(each.text) for each in after
        )
        if dated != its_own and (name := _named(below)):
            return name
    above = lines[place - 1] if place else None
    if above is None or above.bullet or above.section != lines[place].section:
        return ""
    if dated and DATES.search(above.text):
        return ""
    heads = place < 2 or above.after_gap or lines[place].bullet or lines[place - 2].text.endswith((".", ";"))
    return _named(above, margin=True) if heads else ""


def _named(line: Line, *, margin: bool = False) -> str:
    """The employer that *line* names and nothing else."""
    bare, _ = without_dates(line.text)
    if bare.endswith(".") or _title(bare) is not None or not is_name(bare):
        return ""
    name = segments(bare)[0][0]
    if margin:  # half of a heading in the margin: "CAMPUS First Volunteers Club"
        name = re.sub(r"^[A-Z]{4,}\s+(?=[A-Z][a-z])", "", name)
    return employer(name)
