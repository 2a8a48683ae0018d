"""Reads figures in a text, in digits and in English words, as numbers that can be compared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_ORDINALS = "fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_SUFFIXES = {"k": 1_000, "m": 1_000_000, "mn": 1_000_000, "bn": 1_000_000_000}
_VALUES = {
    **{word: value for value, word in enumerate(_SMALL.split())},
    **{word: value for value, word in enumerate(_ORDINALS.split(), 4)},
    **{word: value for value, word in zip(range(20, 100, 10), _TENS.split(), strict=True)},
    **_SCALES,
}
_NUMERAL = rf"(?:{'|'.join(_VALUES)})"
_SPELLED = re.compile(
    rf"\b(?P<whole>{_NUMERAL}(?:[\s-]+(?:and\s+)?{_NUMERAL})*)\b"
    rf"(?:\s+point(?P<decimals>(?:\s+(?:{'|'.join(_SMALL.split()[:10])}))+)\b|(?P<half>\s+and\s+a\s+half\b))?",
    re.IGNORECASE,
)
_DIGITS = re.compile(
    rf"(?P<digits>\d+(?:[.,]\d+)*)(?:(?P<suffix>k|mn?|bn)\b|[\s-]?(?P<scale>{'|'.join(_SCALES)})\b)?",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?")

# "Two clear sentences", "all three of the parts", "two to three options": what a text consists of.
_OF_SPEECH = re.compile(
    r"(?:[\s–-]+(?:of (?:the|your|these|those|its|all)|or|to|of|more|other|clear|concrete|short|main|key"
    r"|good|real|specific|different|separate|further|extra|such|own|strong|plain|small|single|whole|full|possible|usual"
    r"|star|two|three|four|five|six|\d)\b){0,4}[\s-]+(?:sentences?|words?|parts?|reasons?|options?|alternatives?"
    r"|figures?|numbers?|examples?|details?|aspects?|elements?|dimensions?|steps?|things?|questions?|answers?"
    r"|facts?|quotes?|claims?|ideas?|topics?|gaps?|phrases?|clauses?|letters?|halves)\b",
    re.IGNORECASE,
)
_TOGETHER = re.compile(r"\b(?:these|those|all|both|other|first|last|next|the)\s+$", re.IGNORECASE)
_NO_NOUN = re.compile(
    r"\s*(?:[.,;:!?)—–]|$|(?:are|were|is|would|could|stand|fit|belong|and|in your answer)\b)"
)
_NUMBERED = re.compile(
    r"\b(?:scor(?:e|es|ed|ing)(?: of| as)?|rat(?:ed|ing)(?: of)?|level|question|answer|part|sentence)\s+$",
    re.IGNORECASE,
)
_OUT_OF_FIVE = re.compile(r"\s?(?:out of|of|/)\s?(?:5|five)\b", re.IGNORECASE)
MOST_PARTS = 10
"""So many parts of speech may be counted where nobody has."""

_PORTIONS = {
    "half": r"half|halves|halved|halving",
    "double": r"doubled|doubling|twofold|twice as",
    "triple": r"tripled?|tripling|trebled|threefold",
    "quadruple": r"quadrupled?|fourfold",
    "tenfold": r"tenfold",
    "third": r"(?:by|to) (?:a|one) third|(?:a|one) third (?:of|less|more|fewer|lower|higher|faster)|thirds",
    "quarter": r"quarters?",
    "dozen": r"dozens",
    "hundred": r"hundreds",
    "thousand": r"thousands",
    "million": r"millions",
    "billion": r"billions",
}
_LOOSELY = {"half": "halve", "double": "double|doubles|twice", "third": "third", "triple": "triples"}
"""What stands for the same portion, and says something else too often to be taken for one."""
_OF_AN_ANSWER = re.compile(
    r"\s+(?:of )?(?:the|your|this|that)? ?(?:answer|story|sentence|question|account)", re.I
)
_WHICH = re.compile(r"\b(?:first|second|other|latter|former|later)\s+$", re.IGNORECASE)


class Figure(Struct, frozen=True):
    """A figure in a text: ``text == whole[start:end]``."""

    start: int
    end: int
    text: str
    values: tuple[float, ...]
    """What it says: one number, or several words for numbers in a row."""
    readings: frozenset[float]
    """All that it might say: "2 million" is 2 as well, "1.000" is 1 or 1000."""


class Portion(Struct, frozen=True):
    """A share, a multiple or a rough number: "halved", "a third of", "dozens"."""

    text: str
    kind: str


def figures(text: str, *, words: bool = True) -> Iterator[Figure]:
    """The figures in *text*, with those in English *words*."""
    for found in _DIGITS.finditer(text):
        readings = _readings(found["digits"])
        scale = (found["scale"] or "").casefold()
        factor = _SCALES.get(scale) or _SUFFIXES.get((found["suffix"] or "").casefold(), 1)
        value = readings[0] * factor
        yield Figure(*found.span(), found[0], (value,), frozenset([*readings, value]))
    for found in _SPELLED.finditer(text) if words else ():
        if not text[: found.start()].rstrip(" -")[-1:].isdigit():  # else the scale of those digits
            values = tuple(_with_decimals(found, list(_spelled(found["whole"].casefold()))))
            yield Figure(*found.span(), found[0], values, frozenset([*values, *_run_together(values)]))


def claims_nothing(text: str, figure: Figure) -> bool:
    """Whether *figure* in *text* is one, "2nd" or "3rd", a score, or counts or numbers parts of a text."""
    before, after = text[: figure.start], text[figure.end :]
    if set(figure.values) == {1}:
        return True
    if max(figure.values) > MOST_PARTS:
        return False
    if max(figure.values) <= 3 and re.match(r"(?:st|nd|rd)\b", after):  # as "second" and "third"
        return True
    if _OF_SPEECH.match(after) or _NUMBERED.search(before) or _OUT_OF_FIVE.match(after):
        return True
    if re.search(r"(?:out of|of|/)\s?$", before) and set(figure.values) == {5}:  # "3 of 5"
        return True
    return bool(_TOGETHER.search(before) and _NO_NOUN.match(after)) and max(figure.values) <= 4


def portions(text: str, *, loosely: bool = False) -> Iterator[Portion]:
    """The portions in *text*; *loosely*, with all that would bear one out."""
    for kind, words in _PORTIONS.items():
        more = f"|{_LOOSELY[kind]}" if loosely and kind in _LOOSELY else ""
        bare = f"|{kind}" if loosely else ""
        for found in re.finditer(rf"\b(?:{words}{more}{bare})\b", text, re.IGNORECASE):
            if loosely or not _is_of_the_answer(text, found):
                yield Portion(found[0], kind)


def _is_of_the_answer(text: str, found: re.Match[str]) -> bool:
    """Whether *found* is "the first half" or "half of the answer"."""
    return bool(_WHICH.search(text[: found.start()]) or _OF_AN_ANSWER.match(text[found.end() :]))


def _readings(digits: str) -> Sequence[float]:
    """What *digits* may be, the likeliest first; of what is no number, its parts."""
    plain = [float(digits.replace(",", ""))] if re.fullmatch(r"[\d,]+(?:\.\d+)?", digits) else []
    if _THOUSANDS.fullmatch(digits):
        grouped = float(re.sub(r"[.,](?=\d{3})", "", digits).replace(",", "."))
        return list(dict.fromkeys([grouped, *plain]))
    comma = digits.replace(",", ".")
    if comma.count(".") <= 1:
        return [float(comma)]
    return [float(part) for part in re.split(r"[.,]", digits)]


def _with_decimals(found: re.Match[str], values: list[float]) -> list[float]:
    """*values* with what *found* says behind "point", or with a half."""
    if found["half"]:
        values[-1] += 0.5
    if found["decimals"]:
        digits = "".join(str(_VALUES[word]) for word in found["decimals"].casefold().split())
        values[-1] = float(f"{values[-1]:.0f}.{digits}")
    return values


def _run_together(values: Sequence[float]) -> Iterator[float]:
    """Two numbers in a row as one, as years and prices are said: "twenty twenty-three", "one fifty"."""
    for one, other in pairwise(values):
        if 1 <= one <= 99 and 10 <= other <= 99:
            yield one * 100 + other


def _spelled(words: str) -> Iterator[float]:
    """The numbers that *words* say: "twenty-five" and "two hundred and ten" are one each."""
    whole, part = 0, 0
    for word in re.findall(rf"\b{_NUMERAL}\b", words):
        value = _VALUES[word]
        if word in _SCALES:
            part = (part or 1) * value
            if value >= 1_000:
                whole, part = whole + part, 0
        elif part == 0 or (part % 100 == 0) or (part % 10 == 0 and part % 100 >= 20 and value < 10):
            part += value
        else:
            yield whole + part
            whole, part = 0, value
    yield whole + part
