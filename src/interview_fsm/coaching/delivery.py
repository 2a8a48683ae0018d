"""How an answer was given, in figures. What is not known is None; none of it goes into a score."""

from __future__ import annotations

from ..events import Delivery, Observation, Transcript
from ..interview import Answer
from .language import load
from .speech import Heard

LEAST_SECONDS = 5.0
"""A pace over less than that says nothing."""
PACE = (110.0, 190.0)
"""Words a minute that nobody need be told of: a common range in coaching, measured by nobody."""
FILLERS = (5.0, 12.0)
"""A minute, as coaches have it: over the first they are mentioned, over the second there is advice."""
REMARKED = ("pace", "fillers")
"""Aspects of the remarks on delivery, whoever assesses the words."""


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


def remarks(given: Delivery) -> tuple[Observation, ...]:
    """What is outside a wide band, in words that name the band; nothing of what is unknown."""
    pace = given.words_per_minute
    if not pace or not given.words:
        return ()
    said, texts = [], load().feedback.try_
    if not PACE[0] <= pace <= PACE[1]:
        said.append(Observation("try", "pace", texts["pace"].replace("{count}", f"{pace:.0f}")))
    rate = (given.fillers or 0) * pace / given.words  # a minute, over the same seconds as the pace
    if rate > FILLERS[0]:
        text = texts["fillers_many" if rate > FILLERS[1] else "fillers_some"]
        said.append(Observation("try", "fillers", text.replace("{count}", f"{rate:.0f}")))
    return tuple(said)


def _pace(words: int, heard: Transcript) -> float | None:
    """Words a minute from the first word to the last, pauses between them included.

    The silence before and after, in which one thinks and the recorder waits, is no part of speaking; where
    the recogniser does not tell it apart, the pace is that of the whole recording.
    """
    seconds = heard.seconds if heard.talk is None else heard.talk + sum(heard.pauses or ())
    return round(words * 60 / seconds, 1) if seconds is not None and seconds >= LEAST_SECONDS else None


def _count_words(text: str) -> int:
    return sum(any(char.isalnum() for char in word) for word in text.split())
