"""Reads a difficulty, in any words, as one of three levels."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from msgspec import Struct

from .language import load

LEVELS = ("entry", "mid", "senior")


class Level(Struct, frozen=True):
    """How a difficulty was read."""

    name: str
    """``entry``, ``mid`` or ``senior``."""
    recognised: bool
    """False when the words were not known and ``mid`` was taken."""


@lru_cache(maxsize=256)
def read_level(difficulty: str) -> Level:
    """The level that *difficulty* means: known as a whole, else by its first known word, else mid."""
    words = unicodedata.normalize("NFKC", difficulty).casefold().strip()
    words = words.removeprefix("difficulty:").strip()
    plain = " ".join(re.findall(r"[^\W_]+", words))
    known = {synonym: level for level, synonyms in load().levels.items() for synonym in synonyms}
    for candidate in (plain, *plain.split()):
        if candidate in known:
            return Level(known[candidate], recognised=True)
    return Level("mid", recognised=False)
