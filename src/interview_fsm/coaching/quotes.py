"""Finds words that are said to stand in an answer, or says that they do not.

Whoever quotes, a model or a rule, hands over words; what is kept is a slice of the answer itself. Case,
kinds of quotation mark and dash, width of letters and white space may differ. A word, a figure or a
"not" may not: words put together from two places, or cut in the middle, are not found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from ..events import Quote

LEAST_WORDS = 3
LEAST_CHARACTERS = 12
"""One or the other: less can be found anywhere, and proves nothing."""

_QUOTES = dict.fromkeys("’‘ʼ‛`´′", "'") | dict.fromkeys("“”„‟«»″", '"')
_DASHES = "-‐‑‒–—―−﹣－"
_EDGE = " \t\r\n.,;:!?\"'()[]{}<>*_|"
# Scripts that are written without spaces: there a slice may begin and end anywhere.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


class Answer:
    """An answer, ready to look for quotes in."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._folded, self._origin = _fold(text)

    def find(self, words: str) -> Quote | None:
        """Where *words* stand in the answer, as a slice of it; None where they do not, or are too few.

        Of several places, the first that is spelled as they are, else the first.
        """
        wanted = _trimmed(_fold(words)[0])
        if len(wanted) < LEAST_CHARACTERS and _count_words(wanted) < LEAST_WORDS:
            return None
        places = list(self._places(wanted))
        return next((quote for quote in places if quote.text in words), places[0] if places else None)

    def has(self, words: str) -> bool:
        """Whether *words* stand in the answer, however few they are; whole ones, as for ``find()``."""
        wanted = _trimmed(_fold(words)[0])
        return bool(wanted) and next(self._places(wanted), None) is not None

    def find_all(self, words: Iterable[str]) -> tuple[tuple[Quote, ...], int]:
        """The quotes that are found, each once, and how many are not."""
        found = [self.find(each) for each in words]
        quotes = tuple(dict.fromkeys(quote for quote in found if quote is not None))
        return quotes, sum(quote is None for quote in found)

    def _places(self, wanted: str) -> Iterator[Quote]:
        place = self._folded.find(wanted)
        while place >= 0:
            if self._stands_alone(place, place + len(wanted)):
                start, end = self._origin[place], self._origin[place + len(wanted) - 1] + 1
                yield Quote(start, end, self.text[start:end])
            place = self._folded.find(wanted, place + 1)

    def _stands_alone(self, begin: int, end: int) -> bool:
        """Whether the folded text from *begin* to *end* is cut off at whole words and whole figures."""
        text, origin = self._folded, self._origin
        if begin and (origin[begin - 1] == origin[begin] or _joined(text, begin)):
            return False
        return end == len(text) or not (origin[end - 1] == origin[end] or _joined(text, end))


def find_quote(words: str, answer: str) -> Quote | None:
    """Where *words* stand in *answer*, as a slice of it; None where they do not, or are too few."""
    return Answer(answer).find(words)


def _joined(text: str, place: int) -> bool:
    """Whether what stands before *place* in *text* and what stands after belong to one word or figure."""
    before, after = text[place - 1], text[place]
    if _of_a_word(before) and _of_a_word(after):
        return not (_UNSPACED.match(before) and _UNSPACED.match(after))
    left, right = text[max(0, place - 2) : place], text[place : place + 2]
    if after in ".,'-" and len(right) == 2:  # 1|.8, can|'t, well|-known; "done.|" is the end of a sentence
        return _links(before, after, right[1])
    if before in ".,'-+":  # 1.|8, can'|t, non-|compliant, -|5
        earlier = left[0] if len(left) == 2 else " "
        return _links(earlier, before, after) or (before in "-+" and after.isdigit())
    return False


def _links(before: str, mark: str, after: str) -> bool:
    if mark in ".,":
        return before.isdigit() and after.isdigit()
    return _of_a_word(before) and _of_a_word(after)


def _of_a_word(char: str) -> bool:
    return char.isalnum() or unicodedata.combining(char) != 0


def _trimmed(words: str) -> str:
    """*words* without the marks around them; a sign before a figure stays."""
    words = words.strip(_EDGE)
    while words and (words[0] in _EDGE or (words[0] == "-" and not words[1:2].isdigit())):
        words = words[1:]
    while words and (words[-1] in _EDGE or words[-1] == "-"):
        words = words[:-1]
    return words


def _count_words(words: str) -> int:
    return sum(any(char.isalnum() for char in word) for word in words.split())


def _fold(text: str) -> tuple[str, list[int]]:
    """*text* in the form in which it is compared, and the place in *text* that each character came from."""
    folded: list[str] = []
    origin: list[int] = []
    for place, char in _folded_characters(text):
        if char == " " and (not folded or folded[-1] == " "):
            continue
        folded.append(char)
        origin.append(place)
    return "".join(folded), origin


def _folded_characters(text: str) -> Iterator[tuple[int, str]]:
    for place, char in enumerate(text):
        for each in _folded_character(char):
            yield place, each


@lru_cache(maxsize=4096)
def _folded_character(char: str) -> str:
    if char in _DASHES:
        return "-"
    if char in _QUOTES:
        return _QUOTES[char]
    # Taken apart, not put together: that can be done one character at a time, and compares the same.
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    kept = "".join(" " if each.isspace() else each for each in parts if unicodedata.category(each) != "Cf")
    return kept if char.isspace() or kept.strip() == kept else kept.strip()
