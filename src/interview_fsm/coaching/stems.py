"""Words of substance by their stem: "organised" and "organising" are one."""

from __future__ import annotations

import re
from functools import lru_cache

import snowballstemmer

from .language import load


def stems(text: str) -> frozenset[str]:
    """The words of substance in *text*, by their stem."""
    return frozenset(stem(word) for word in re.findall(r"[^\W\d_]{3,}", text) if word not in _dull())


@lru_cache(maxsize=1)
def _dull() -> frozenset[str]:
    return load().words.asking | load().words.function | set(load().cues["numbers"])


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """The stem of *word*, which is in lower case."""
    # A stemmer of its own each time: it keeps state, and two threads may ask at once.
    return str(snowballstemmer.stemmer("english").stemWord(word))
