"""Reads a difficulty, in any words, as one of three levels."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from msgspec import Struct

from .language import LevelName, load

LEVELS: tuple[LevelName, ...] = ("entry", "mid", "senior")


class Level(Struct, frozen=True):
    """How a difficulty was read."""

    name: LevelName
    recognised: bool
    """False when the words were not known and ``mid`` was taken."""


MOST_SHOWN = 40
"""Characters of a difficulty in a sentence about it."""


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


def told(difficulty: str) -> str:
    """A sentence for the candidate on how *difficulty* was read."""
    level, texts = read_level(difficulty), load().level_read
    if difficulty.casefold() == level.name:
        return texts["same"].replace("{level}", level.name)
    shown = " ".join(difficulty.split())
    shown = shown if len(shown) <= MOST_SHOWN else shown[:MOST_SHOWN].rstrip() + "…"
    said = texts["known"] if level.recognised else texts["unknown"]
    return said.replace("{level}", level.name).replace("{difficulty}", shown)
