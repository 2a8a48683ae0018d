"""How an answer was given, in figures. What is not known is None; none of it goes into a score."""

from __future__ import annotations

from ..events import Delivery, Transcript
from ..interview import Answer
from .speech import Heard

LEAST_SECONDS = 5.0
"""A pace over less than that says nothing."""


def delivery(answer: Answer) -> Delivery:
    """The figures of *answer*: of what the recogniser wrote down, where it was spoken, corrected or not."""
    heard = answer.transcript
    if heard is None:
        return Delivery(_count_words(answer.text))
    words, pauses, fillers = _count_words(heard.text), heard.pauses, Heard(heard.text).fillers
    return Delivery(
        words,
        heard.seconds,
        _pace(words, heard),
        fillers if fillers or heard.verbatim else None,  # one that leaves them out has none to count
        fillers_at_least=not heard.verbatim,
        pauses=None if pauses is None else len(pauses),
        longest_pause=max(pauses) if pauses else None,
        talk_seconds=heard.talk,
    )


def _pace(words: int, heard: Transcript) -> float | None:
    """Words a minute from the first word to the last, pauses between them included.

    The silence before and after, in which one thinks and the recorder waits, is no part of speaking; where
    the recogniser does not tell it apart, the pace is that of the whole recording.
    """
    seconds = heard.seconds if heard.talk is None else heard.talk + sum(heard.pauses or ())
    return round(words * 60 / seconds, 1) if seconds is not None and seconds >= LEAST_SECONDS else None


def _count_words(text: str) -> int:
    return sum(any(char.isalnum() for char in word) for word in text.split())
