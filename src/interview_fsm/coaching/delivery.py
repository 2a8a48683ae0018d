"""How an answer was given, in figures. What is not known is None; none of it goes into a score."""

from __future__ import annotations

from ..events import Delivery
from ..interview import Answer
from .speech import Heard

LEAST_SECONDS = 5.0
"""A pace over less than that says nothing."""


def delivery(answer: Answer) -> Delivery:
    """The figures of *answer*: of what the recogniser wrote down, where it was spoken, corrected or not."""
    heard = answer.transcript
    if heard is None:
        return Delivery(_count_words(answer.text))
    words, pauses, seconds = _count_words(heard.text), heard.pauses, heard.seconds
    long_enough = seconds is not None and seconds >= LEAST_SECONDS
    return Delivery(
        words,
        seconds,
        round(words * 60 / seconds, 1) if long_enough and seconds else None,
        Heard(heard.text).fillers,
        fillers_at_least=not heard.verbatim,
        pauses=None if pauses is None else len(pauses),
        longest_pause=max(pauses) if pauses else None,
    )


def _count_words(text: str) -> int:
    return sum(any(char.isalnum() for char in word) for word in text.split())
