"""Keeps out of questions what no interviewer may ask, and what is no question.

The protected topics are age, family, pregnancy, health, religion, origin, orientation, politics and pay
history. The lists err on the safe side: a piece of evidence that only looks like one of them is not
used, which costs a question a little colour and nobody anything else.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ..events import Warning
from .language import load, pattern

MAX_WORDS = 45
MAX_CHARACTERS = 400
MAX_QUESTION_MARKS = 2

# Marks that no spoken sentence has: braces, tags, code, headings, and our own fences.
MARKUP = re.compile(r"[{}<>\\`|*\[\]^~]|(?<!\w)#|__|\bhttps?:|www\.|\S@\S")


def to_the_grader() -> re.Pattern[str]:
    """Text that speaks to whoever assesses it, in place of a listener."""
    return pattern("grader")


MOST_QUOTED = 120
"""Characters of a line that speaks to whoever assesses it, as a warning quotes it."""


def spoken_to_the_grader(text: str) -> tuple[Warning, ...]:
    """A warning when lines of a résumé's visible *text* speak to whoever assesses it, with the first of them.

    Such lines are no evidence and reach no model; the candidate may not even know that they are there.
    """
    lines = [line.strip(" \t-•*") for line in text.splitlines() if to_the_grader().search(line)]
    if not lines:
        return ()
    first = lines[0] if len(lines[0]) <= MOST_QUOTED else f"{lines[0][:MOST_QUOTED]}…"
    more = f", and {len(lines) - 1} more" if len(lines) > 1 else ""
    message = f"Words that speak to whoever assesses the résumé count for nothing: “{first}”{more}."
    return (Warning("speaks_to_assessor", message),)


@lru_cache(maxsize=1)
def _topics() -> tuple[tuple[str, re.Pattern[str]], ...]:
    lists = load().protected
    return tuple((topic, re.compile("|".join(words), re.IGNORECASE)) for topic, words in lists.items())


@lru_cache(maxsize=1)
def _any_topic() -> re.Pattern[str]:
    return re.compile(
        "|".join(words for topic in load().protected.values() for words in topic), re.IGNORECASE
    )


def protected_topic(text: str) -> str | None:
    """The first protected topic that *text* touches, or None."""
    if not _any_topic().search(text):
        return None
    return next(topic for topic, words in _topics() if words.search(text))


def unfit(question: str) -> str | None:
    """Why *question* must not be asked, in words, or None when it may."""
    if not question.strip():
        return "it is empty"
    if len(question) > MAX_CHARACTERS or len(question.split()) > MAX_WORDS:
        return f"it is longer than {MAX_WORDS} words or {MAX_CHARACTERS} characters"
    if question.count("?") > MAX_QUESTION_MARKS:
        return "it is more than one question"
    if MARKUP.search(question):
        return "it has marks that cannot be spoken"
    if to_the_grader().search(question):
        return "it carries an instruction"
    topic = protected_topic(question)
    return f"it touches on {topic}" if topic else None
