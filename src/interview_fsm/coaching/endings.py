"""When a spoken answer is over: how long thinking may last, and the words that say that this was all."""

from __future__ import annotations

import re
from functools import lru_cache

from ..interview import Interview
from .language import load, serves
from .levels import read_level

THINKING = {"entry": 0.0, "mid": 0.4, "senior": 0.8}
"""Seconds of silence over ``Limits.silence`` by level: who is asked for alternatives and trade-offs thinks
for longer before the next sentence."""


def thinking(interview: Interview) -> float:
    """How many seconds longer a silence in the answer to the open question may be."""
    question = interview.open_question
    if question is None:
        return 0.0
    return THINKING[question.slot.level or read_level(question.difficulty).name]


def without_ending(text: str, language: str) -> str | None:
    """*text* without the words at its end that say that this was all; None where it does not end so."""
    found = _endings().search(text) if serves(language) else None
    return text[: found.start()].rstrip(" ,;-") if found else None


@lru_cache
def _endings() -> re.Pattern[str]:
    said = "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in load().endings)
    return re.compile(rf"(?<!\w)(?:(?:so|and|well|okay)\s+)?(?:{said})[\s.!]*$", re.IGNORECASE)
