"""Keeps out of questions what no interviewer may ask, and what is no question.

The protected topics are age, family, pregnancy, health, religion, origin, orientation, sex, politics, pay
history and a criminal record. There are two lists. One is of words that no piece of evidence may have; it
errs on the safe side, which costs a question a little colour and nobody anything else. The other is of
questions that a model may think of, in the languages of ``language.never_asked`` and no other. No list is
complete: they hold against an interviewer that slips, not against one that means to pry.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ..events import Warning
from .language import NeverAsked, load, never_asked, pattern, primary

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


def _folded(text: str) -> str:
    """*text* in small letters without accents, in one line: as the lists of questions are written."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).casefold()
    return " ".join("".join(char for char in plain if not unicodedata.combining(char)).split())


def pries(question: str) -> str | None:
    """The protected topic that *question* asks the person about, in any language of the lists, or None."""
    said = _folded(question)
    for each in _pryings():
        if topic := each.topic(said):
            return topic
    return None


def knows(tag: str) -> bool:
    """Whether questions that pry are known in the language of this BCP 47 tag."""
    return primary(tag) in never_asked()


class _Prying:
    """The questions of one language that no interviewer may ask, ready to be looked for."""

    def __init__(self, lists: NeverAsked) -> None:
        self._phrases = {topic: _whole(words) for topic, words in lists.phrases.items()}
        self._words = {topic: _whole(words) for topic, words in lists.words.items()}
        self._asks = re.compile("|".join(lists.asks)) if lists.asks else None

    def topic(self, said: str) -> str | None:
        found = (topic for topic, phrases in self._phrases.items() if phrases.search(said))
        return next(found, None) or next(self._asked_of_the_person(said), None)

    def _asked_of_the_person(self, said: str) -> Iterator[str]:
        for sentence in _SENTENCE_END.split(said):
            if self._asks is not None and self._asks.search(sentence):
                yield from (topic for topic, words in self._words.items() if words.search(sentence))


_SENTENCE_END = re.compile(r"(?<=[.?!]) ")


def _whole(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)")


@lru_cache(maxsize=1)
def _pryings() -> tuple[_Prying, ...]:
    return tuple(_Prying(lists) for lists in never_asked().values())


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
    topic = protected_topic(question) or pries(question)
    return f"it touches on {topic}" if topic else None
