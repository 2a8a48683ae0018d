"""Finds in a résumé's text what a question can build on.

Sections by their headings, roles by job words and dates, achievements by the verb they begin with,
skills from lists, studies by their degree; running text is read sentence by sentence. A résumé that has
none of it gives none. What touches a protected topic, holds contact data or speaks to an assessor is
left out: nothing here may end in a question that should not be asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from ..events import Evidence
from . import phrases
from .guard import protected_topic, to_the_grader
from .language import load
from .lines import DATES, RANGE, Line, is_private, last_year, read_lines
from .names import employer, is_name
from .roles import find_role, job_title
from .skills import find_skills, is_skill_list
from .studies import find_labelled_work, find_project, find_study
from .units import NOWHERE, Role, Unit, unit

MAX_TEXT = 60_000
"""Characters that are read. A résumé of ten pages has 30,000."""
MAX_UNITS = 150
"""Three for each question of the longest interview; what comes after is older and less likely to be asked."""
MOST_IN_SENTENCE = 20
"""Things done in one sentence of running text; what has more is no sentence."""
MAX_SKILLS = 12
"""A list of skills is no reason to ask about nothing else."""

_WORK = ("experience", "activity", "project")
_MARGIN = re.compile(
    r"(?<! for)(?<! in)(?<! of)(?<! over)(?<! within)(?<! after)(?<! by)"
    r" (?:\d+ years? )?\d+ (?:month|year)s?$"
)
"""A length of time beside a line: "4 months", not "for 4 months"."""
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
"""Characters that some storage could not keep, and no voice could say."""
_SENTENCE = re.compile(r"[^.!?]+(?:[.!?](?!\s|$)[^.!?]*)*[.!?]*")
_I = re.compile(
    r"(?<!since )(?<!when )(?<!after )(?<!before )(?<!until )(?<!if )(?<!that )(?<!because )"
    r"\bI(?:\s+(?:also|then|first|later|have|successfully|personally)){0,2}\s+(?=[a-z])"
)
_WORKED_AS = re.compile(
    r"\b(?:work(?:ed|ing)?|employed|serv(?:ed|ing)|trained|job|role|position|am|was)\s+"
    r"(?:for\s+\w+\s+years\s+)?(?:as\s+)?(?:an?|the)\s+([\w&/ -]{3,60}?)\s+(?:at|for|with|in|on)\s+"
    r"((?:the\s+)?[A-Z][\w&.'’-]*(?:\s+(?:of|and|&|the|for|[A-Z][\w&.'’-]*))*)"
)
_NOTHING_TOLD = frozenset(
    ["worked", "wanted", "liked", "loved", "enjoyed", "needed", "trained", "studied", "lived", "decided"]
)
_UNFINISHED = frozenset(["and", "of", "the", "a", "an", "for", "with", "in", "to", "by", "or"])


def find_evidence(resume: str) -> tuple[Evidence, ...]:
    """What *resume* has to build questions on, the most recent first; no text twice."""
    return tuple(found.evidence for found in find_units(resume))


def find_units(resume: str) -> tuple[Unit, ...]:
    """The evidence in *resume*, each with its wording for a question, in the same order."""
    units: dict[str, Unit] = {}
    skills = 0
    for found in _Reading(resume[:MAX_TEXT]).units():
        skills += found.evidence.kind == "skill"
        if found.evidence.kind == "skill" and skills > MAX_SKILLS:
            continue
        units.setdefault(found.evidence.id, found)
        if len(units) >= MAX_UNITS:
            break
    return tuple(sorted(units.values(), key=lambda each: each.order))


class _Reading:
    """One walk through a résumé, line by line, that remembers under which role it is."""

    def __init__(self, resume: str) -> None:
        self._resume = resume
        self._lines = list(read_lines(resume))
        self._place = 0
        self._role = NOWHERE
        self._header = -3

    def units(self) -> Iterator[Unit]:
        """What may be asked about, as it comes."""
        while self._place < len(self._lines):
            place, self._place = self._place, self._place + 1
            for found in self._at(place):
                if _may_be_asked(found):
                    yield found

    def _at(self, place: int) -> Iterator[Unit]:
        """What the entry that begins on line *place* gives."""
        line = self._lines[place]
        if line.after_gap and line.section not in _WORK:
            self._role = NOWHERE
        if line.section == "skill" or is_skill_list(line):
            wrapped = (self._is_wrapped(place), self._is_wrapped(place + 1))
            yield from find_skills(self._resume, line, wrapped=wrapped)
        elif line.section != "other":
            entry = self._entry(line, place)
            yield from self._told(line, place) if entry is None else entry

    def _is_wrapped(self, place: int) -> bool:
        """Whether line *place* begins in the middle of an item of a list."""
        if not 0 < place < len(self._lines):
            return False
        above, line = self._lines[place - 1], self._lines[place]
        follows = line.section == above.section and not line.bullet and not line.after_gap
        return follows and line.text[0].islower() and not above.text.endswith((",", ";"))

    def _entry(self, line: Line, place: int) -> tuple[Unit, ...] | None:
        """What a line gives that heads something or stands for itself; None if it only tells something."""
        if found := find_role(self._lines, place):
            if protected_topic(line.text):
                self._role = NOWHERE
                return ()
            self._role, self._header = found.role, place
            title = phrases.plain(found.role.title)
            return (unit(self._resume, "role", found.place, title, found.role),)
        if work := find_labelled_work(self._resume, line):
            return (work,)
        if line.section == "education" and (study := find_study(self._resume, self._lines, place)):
            return (study,)
        headed = line.section == "project" and not line.bullet
        if headed and (project := find_project(self._resume, self._lines, place)):
            self._role = Role(year=project.year)
            return (project,)
        if self._begins_entry(place) and not self._is_header(place):
            self._role = NOWHERE  # not understood: what follows must not be put down to the role before it
            return ()
        return () if self._heads_list(place) else None

    def _is_header(self, place: int) -> bool:
        """Whether this is one of the two lines below a title that may hold its employer, place and dates."""
        between = self._lines[self._header + 1 : place] if self._header >= 0 else []
        return self._header < place <= self._header + 2 and not any(line.bullet for line in between)

    def _begins_entry(self, place: int) -> bool:
        """Whether this line has dates at one end, or is a name above a list."""
        line = self._lines[place]
        if line.bullet or len(line.text.split()) > 16:
            return False
        if any(found.start() == 0 or found.end() == len(line.text) for found in DATES.finditer(line.text)):
            return True
        return self._heads_list(place) and is_name(line.text) and (" " in line.text or line.after_gap)

    def _heads_list(self, place: int) -> bool:
        """Whether this line has no bullet and the next has one."""
        line, below = self._lines[place], next(iter(self._lines[place + 1 : place + 2]), None)
        if below is None or not below.bullet or below.after_gap:
            return False
        return not line.bullet and not line.text.endswith(".")

    def _told(self, line: Line, place: int) -> Iterator[Unit]:
        """What was done, or said, by the sentence that begins on *line*."""
        end = self._end(place)
        text = self._resume[line.start : end]
        span = (line.start, line.start + len(text.rstrip(" .;,")))
        done = phrases.clause(text)
        if done and (line.bullet or line.section in (*_WORK, "education")):
            yield unit(self._resume, "achievement", span, done, self._role)
        elif line.bullet:
            if line.section in ("experience", "project") and (said := _statement(text)):
                yield unit(self._resume, "statement", span, said, self._role)
        else:
            yield from _prose(self._resume, line.start, end)

    def _end(self, place: int) -> int:
        """Where the sentence that begins on line *place* ends; goes on to the line after it."""
        line = self._lines[place]
        margin = RANGE.search(line.text) or _MARGIN.search(line.text)
        if margin and margin.start() > 20:  # caught in the line: what follows is not the rest of it
            return line.start + len(line.text[: margin.start()].rstrip())
        while self._place < len(self._lines) and self._goes_on(self._place):
            self._place += 1
        return self._lines[self._place - 1].end

    def _goes_on(self, place: int) -> bool:
        """Whether line *place* is the rest of what the line above says."""
        above, line = self._lines[place - 1], self._lines[place]
        if line.bullet or line.after_gap or above.text.endswith((".", ";", ":")) or RANGE.search(line.text):
            return False
        if line.text[0].islower() or above.text.endswith(("-", ",", "&", "\u00ad")):
            return True
        return above.text.rsplit(None, 1)[-1].casefold() in _UNFINISHED or self._is_orphan(place)

    def _is_orphan(self, place: int) -> bool:
        """Whether this line is the last word or two of the long line above: "… and Founders" / "Fund"."""
        above, line = self._lines[place - 1], self._lines[place]
        below = next(iter(self._lines[place + 1 : place + 2]), None)
        short = len(line.text.split()) <= 2 and not DATES.search(line.text)
        return short and above.bullet and len(above.text) > 60 and (below is None or below.bullet)


def _may_be_asked(found: Unit) -> bool:
    piece = found.evidence
    said = f"{piece.text} {found.phrase} {piece.title} {piece.organisation}"
    if (
        _NO_TEXT.search(said)
        or is_private(said)
        or to_the_grader().search(said)
        or protected_topic(said)
        or _placeholder().search(said)
    ):
        return False
    return phrases.speakable(found.phrase.strip("“”")) and phrases.speakable(f"{piece.title}")


@lru_cache(maxsize=1)
def _placeholder() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(load().words.placeholders)})\b", re.IGNORECASE)


def _statement(text: str) -> str | None:
    """Something said without a verb that we know, to be quoted as it stands."""
    said = phrases.quotation(text)
    english = load().words.function & {word.casefold() for word in text.split()}
    if said is None or ":" in text or len(said.split()) < 4 or not english or job_title(text):
        return None
    return said


def _prose(resume: str, start: int, end: int) -> Iterator[Unit]:
    """What running text tells: "I led …", "worked as … at …"."""
    for sentence in _SENTENCE.finditer(resume, start, end):
        role = NOWHERE  # what another sentence tells may have been elsewhere
        for found in _WORKED_AS.finditer(resume, *sentence.span()):
            title, where = phrases.plain(found[1]), employer(found[2])
            if where and job_title(title[:1].upper() + title[1:]):
                role = Role(title, where, last_year(sentence[0]))
                yield unit(resume, "role", found.span(1), title, role)
        for found in islice(_I.finditer(resume, *sentence.span()), MOST_IN_SENTENCE):
            text = resume[found.end() : min(sentence.end(), found.end() + phrases.MOST_READ)]
            if done := _told_by(text):
                span = (found.end(), found.end() + len(text.rstrip(" .;,!\n")))
                yield unit(resume, "achievement", span, done, role)


def _told_by(text: str) -> str | None:
    """The clause that *text*, from behind an "I", begins with, if it is in the past tense."""
    verb = text.split(None, 1)[0].casefold()
    if verb in _NOTHING_TOLD or phrases.past(verb) != verb:
        return None
    return phrases.clause(text)
