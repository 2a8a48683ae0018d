"""What is worth a remark about a résumé's text, before anything is asked."""

from __future__ import annotations

import re

from ..events import Warning
from .guard import spoken_to_the_grader
from .language import load

FEW = 8
"""Frequent words of other languages in a text: fewer are names of streets and towns."""


def remarks(text: str) -> tuple[Warning, ...]:
    """Warnings about a résumé's visible *text*, for the candidate to read."""
    return (*spoken_to_the_grader(text), *_foreign(text))


def _foreign(text: str) -> tuple[Warning, ...]:
    words, known = re.findall(r"[^\W\d_]+", text.casefold()), load().words
    foreign = sum(word in known.foreign for word in words)
    if foreign < FEW or foreign <= sum(word in known.function for word in words):
        return ()
    return (Warning("resume_language", load().resume_language),)
