"""Names on a résumé: employers, schools, and where a line can be taken apart."""

from __future__ import annotations

import re

from . import phrases
from .guard import protected_topic
from .language import load
from .lines import DATES, is_private

SEPARATOR = re.compile(r"\s+[-–—|·•@]\s+|,\s+|\s{3,}|\t+|\s+at\s+(?=[A-Z])|\s*\|\s*")
"""What stands between a title, an employer and a place on one line."""

# No word is endless: every repetition is bounded, so that no line takes time with its square.
_CAPITALS = r"(?:(?<![\w])[A-Z][\w.'’-]{0,30}\s+)"
_OF = r"(?:of|for)\s+(?:the\s+)?[A-Z][\w'’-]{1,30}(?:\s+(?:and\s+|of\s+)?[A-Z][\w'’-]{1,30})?"
SCHOOL = re.compile(
    r"(?:(?:Technical|Open|Free|State|National|Royal)\s+)?University\s+of\s+[A-Z][\w'’-]{1,30}"
    r"(?:\s+(?:(?:and|at)\s+)?[A-Z][\w'’-]{1,30})?"
    rf"|{_CAPITALS}{{1,4}}University(?!\s+of\b)"
    rf"|{_CAPITALS}{{0,4}}(?:College|Institute|School|Academy|Polytechnic|Hochschule)(?:\s+{_OF})?(?!\w)"
    r"|\b(?:Universit[aäé]\w{0,3}|Universidad)\s+[A-Z]\w{1,30}"
)
_STATE = re.compile(
    r"[A-Z]{2,3}|[A-Z]\.[A-Z]\.|Remote|Germany|France|Spain|Italy|India|Canada|Ireland|England|Scotland"
    r"|Wales|Türkiye|Turkey|Netherlands"
)
_SMALL = frozenset(["of", "and", "the", "for", "&", "in", "de", "von", "at"])
_LONGEST = 7
"""Words in a name; more is a sentence."""


def without_dates(text: str) -> tuple[str, int]:
    """The longest part of *text* beside its dates, and where it begins."""
    text = text.replace("**", "  ").replace("__", "  ")  # emphasis in Markdown; places stay as they are
    parts, begin = [], 0
    for start, end in [*(found.span() for found in DATES.finditer(text)), (len(text), len(text))]:
        parts.append((text[begin:start].rstrip(" \t,;|–—-·("), begin))
        begin = end
    part, begin = max(parts, key=lambda each: len(each[0]))
    lead = len(part) - len(part.lstrip(" \t,;|–—-·:)"))
    return part[lead:], begin + lead


def segments(text: str) -> list[tuple[str, int]]:
    """The parts of *text* between separators, each with where it begins."""
    parts, begin = [], 0
    for start, end in [*(found.span() for found in SEPARATOR.finditer(text)), (len(text), len(text))]:
        parts.append((text[begin:start], begin))
        begin = end
    return parts


def is_name(text: str) -> bool:
    """Whether *text*, up to its first separator, could be the name of something."""
    words = SEPARATOR.split(text)[0].split()
    return 1 <= len(words) <= _LONGEST and all(word in _SMALL or not word[0].islower() for word in words)


def is_place(text: str) -> bool:
    """Whether *text* is a state or a country."""
    return bool(_STATE.fullmatch(text.strip()))


def without_places(names: list[str]) -> list[str]:
    """*names* without a city and its state at the end."""
    if len(names) >= 2 and is_place(names[-1]):
        return names[:-2]
    return [name for name in names if not is_place(name)]


def employer(name: str) -> str:
    """*name*, if it looks like that of an employer or a school and may be named; else empty."""
    name = name.strip(" ,;.–-|·:")
    words = name.split()
    if not 1 <= len(words) <= _LONGEST or not (words[0][0].isupper() or words[0][0].isdigit()):
        return ""
    if is_private(name) or not phrases.speakable(name) or DATES.search(name) or protected_topic(name):
        return ""
    if words[-1].casefold() in load().words.jobs or phrases.past(words[0]):
        return ""
    return phrases.plain(name)


def school_in(text: str) -> str:
    """The school that *text* names."""
    for part, _ in segments(without_dates(text)[0]):
        found = SCHOOL.search(part)
        if found and (name := employer(found[0])):
            return name
    return ""
