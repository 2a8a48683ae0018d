"""Finds studies on a résumé: degrees with their field and school, theses, and projects that say so."""

from __future__ import annotations

import re

from . import phrases
from .lines import DATES, RANGE, Line, last_year
from .names import SCHOOL, is_name, school_in, without_dates
from .units import Role, Unit, unit

_DEGREE = re.compile(
    r"(?:Ph\.?\s?D\.?|D\.?Phil\.?|Doctorate|M\.?\s?Sc\.?|M\.B\.A\.|MBA|M\.?Eng\.?|M\.S\.|MS|M\.A\.|MA|MPhil"
    r"|M\.?Ed\.?|B\.?Ed\.?|M\.?Res|PGCE|B\.?\s?Sc\.?|B\.?Eng\.?|B\.S\.|BS|B\.A\.|BA|BBA|BCom|BFA|LL\.?[BM]\.?|M\.D\.|MD"
    r"|(?:Bachelor|Master)(?:['’]?s)?(?:\s+(?:Degree|of\s+[A-Z]\w+))?"
    r"|Associate(?:['’]s)?(?:\s+Degree|\s+of\s+[A-Z]\w+)|Foundation\s+Degree"
    r"|(?:Advanced\s+)?Diploma|Apprenticeship|High\s+[Ss]chool(?:\s+[Dd]iploma)?"
    r"|GED|A[- ][Ll]evels?|NVQ(?:\s+Level\s+\d)?)(?!\w)"
)
_FIELD = re.compile(
    r"(?:\s+candidate|\s+student)?(?:\s+(?:in|of))?(\s+Studies)?(?:\s+(?:in|of))?\s+"
    r"(?!Thesis|Project|Program|Degree|Studies)"
    r"((?:[A-Z][\w'’-]{1,30})(?:\s+(?:(?:and|of|in|&)\s+)?[A-Z][\w'’-]{1,30}){0,4}"
    r"|(?<= in )[a-z]{3,30}(?:\s+[a-z]{2,30}){0,3}(?=\s*(?:[,;.]|$)))"
)
_LABELLED_WORK = re.compile(
    r"((?:(?:bachelor|master|phd|doctoral|final[- ]year|senior|university)(?:['’]?s)?\s+)?"
    r"(?:thesis|dissertation|capstone(?:\s+project)?|final(?:[- ]year)?\s+project|senior\s+project|project))"
    r"\s*:\s+",
    re.IGNORECASE,
)
_OTHER_WORK = re.compile(r"(?:['’]?s)?\s+(?:thesis|project|certificate|craftsman)", re.IGNORECASE)
_LOWER = ("high school", "apprentice", "diploma", "advanced")


def find_study(resume: str, lines: list[Line], place: int) -> Unit | None:
    """A degree on this line, with its field and its school."""
    line = lines[place]
    for found in _DEGREE.finditer(line.text):
        if not _is_degree(line.text, found):
            continue
        field = _field(line.text, found.end())
        start = line.start + found.start()
        end = line.start + (field.end() if field else found.end())
        school = _school(lines, place)
        role = Role(organisation=school, year=last_year(line.text))
        return unit(resume, "education", (start, end), _studied(found[0], field, school), role)
    return None


def find_labelled_work(resume: str, line: Line) -> Unit | None:
    """A thesis or a project that says so: "Thesis: …"."""
    found = _LABELLED_WORK.match(line.text)
    if not found:
        return None
    margin = RANGE.search(line.text, found.end())
    said = line.text[found.end() : margin.start() if margin else None].rstrip(" .,")
    name = phrases.quotation(said)
    if name is None or len(name) < 6:
        return None
    start = line.start + found.end()
    label = phrases.plain(found[1]).casefold().replace("phd", "PhD")
    label = re.sub(r"^(bachelor|master)s? ", r"\1’s ", label)
    role = Role(year=last_year(line.text))
    return unit(resume, "project", (start, start + len(said)), name, role, label=label)


def find_project(resume: str, lines: list[Line], place: int) -> Unit | None:
    """A project's name on a line of its own."""
    line = lines[place]
    below = lines[place + 1] if place + 1 < len(lines) else None
    bare, shift = without_dates(line.text)
    dated_below = bool(below and not below.bullet and RANGE.search(below.text))
    told = bool(below and not below.after_gap) and not bare.isupper()
    is_headed = DATES.search(line.text) or dated_below or (line.after_gap and told and len(bare.split()) <= 5)
    if not is_headed or ":" in bare or bare.endswith("."):
        return None
    if bare.casefold().startswith(lines[0].text.casefold()):  # the candidate's name at the foot of a page
        return None
    if SCHOOL.search(bare) and not dated_below:
        return None
    name = re.split(r"\s+[-–—|·]\s+|,\s|\s\(|\t|\s{3,}", bare)[0].strip()
    short = bool(DATES.search(line.text)) and name[:1].isupper() and len(name.split()) <= 5
    if not name or not name[0].isalnum() or not (short or is_name(name)) or phrases.clause(bare):
        return None
    titled = len(name.split()) <= 3 and not any(word.islower() for word in name.split())
    phrase = phrases.plain(name) if titled else phrases.quotation(name)
    start = line.start + shift
    role = Role(year=last_year(line.text) or (last_year(below.text) if below and dated_below else 0))
    return unit(resume, "project", (start, start + len(name)), phrase, role) if phrase else None


def _is_degree(text: str, found: re.Match[str]) -> bool:
    """Whether *found* is a degree where it stands: "MA" after a town is a state."""
    before, after = text[: found.start()].rstrip(), text[found.end() :]
    if _OTHER_WORK.match(after) or (before and found[0].isupper() and not after.strip()):
        return False
    inside = before and before[-1].isalnum() and not DATES.search(before[-12:])
    return not inside or before.endswith(" as")


def _field(text: str, begin: int) -> re.Match[str] | None:
    """What was studied, right after the degree and before the school and the dates."""
    ends = [found.start() for found in (SCHOOL.search(text, begin), DATES.search(text, begin)) if found]
    return _FIELD.match(text, begin, min(ends, default=len(text)))


def _school(lines: list[Line], place: int) -> str:
    for line in (lines[place], *lines[max(0, place - 1) : place], *lines[place + 1 : place + 2]):
        if line.bullet and line is not lines[place]:
            continue
        # A degree before the school's name would be read as a part of it: "BSc Leeds College".
        if name := school_in(_DEGREE.sub(" | ", line.text)):
            return name
    return ""


def _studied(degree: str, field: re.Match[str] | None, school: str) -> str:
    degree = phrases.plain(degree)
    degree = degree.casefold() if degree.casefold().startswith(_LOWER) else degree
    degree += "’s studies" if field and field[1] else ""
    subject = f" in {phrases.plain(field[2])}" if field else ""
    return f"your {degree}{subject}" + (f" at {phrases.organisation(school)}" if school else "")
