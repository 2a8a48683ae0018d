"""An answer as it is heard: lower case, one space between words, no fillers, cut into clauses.

Whatever is found in this form can be found again in the answer as it was given, because every character
remembers where it came from. So a quote is a literal slice, whatever the case, the spacing and the
fillers were.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from msgspec import Struct

from .guard import to_the_grader
from .language import load, pattern

RUN = 8
"""Words in a row that nobody says twice by chance."""
LONG = 25
"""Words in a sentence beyond which it is cut at turns of speech: transcripts often have no full stops."""
PRAISE = 16
"""Words at the most in a sentence that says nothing but how good one is."""
FEWEST_QUOTED, MOST_QUOTED = 9, 30
"""Words in a quote; the eye finds its place in an answer with fewer."""

_MEANINGLESS_PAIRS = {("you", "know"), ("i", "mean"), ("sort", "of"), ("kind", "of")}
_MEANT_AFTER = frozenset(
    ["do", "did", "to", "a", "this", "that", "what", "the", "if", "let", "as", "which", "one"]
)
"""After these, "you know" and the like do mean something."""
# Looked for where a run of stops begins, or a long one would be read again from each of them.
_SENTENCE_END = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\bdr)(?<!\bmr)(?<!\bmrs)(?<!\bvs)(?<![.!?…])[.!?…]+[\"'”)]*(?= |$)|;(?= )"
)
_TURN = re.compile(
    r" (?=(?:and )?(?:then|after that|afterwards|finally|eventually|in the end|as a result)\b"
    r"|(?:and )?(?:in hindsight|looking back|since then)\b"
    r"|(?:and |but |so |now |because of that )(?:i|we|she|he|they|it|every|the|my|our|that)\b"
    r"|but\b|instead (?:i|we)\b|when i\b|when we\b|what i (?:learned|learnt|would)\b|now we\b)"
)


class Clause(Struct, frozen=True):
    """A stretch of an answer, to be understood by itself."""

    text: str
    """As heard."""
    begin: int
    """Of ``text`` in the heard answer."""
    worthless: str = ""
    """Why it counts for nothing: ``instructions``, ``repeated``, ``question``, ``praise`` of oneself; empty
    when it counts."""

    @property
    def words(self) -> int:
        """How many there are."""
        return len(self.text.split())


_LED_IN = re.compile(r"(?:(?:and|but|so|well|yeah|then)[, ]+)+")
"""Ties a clause to the one before it, which a quotation is without."""


class Heard:
    """An answer in the form that cues are looked for in."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.text, self._origin = _canonical(answer)

    @property
    def fillers(self) -> int:
        """Words said that say nothing: "um", "uh", "you know"."""
        return len(self.answer.split()) - len(self.text.split())

    def clauses(self, question: str = "") -> list[Clause]:
        """The clauses, each with its worth; *question* is what they answer."""
        asked = frozenset(_bare(word) for word in _canonical(question)[0].split())
        seen: set[tuple[str, ...]] = set()
        said: set[str] = set()
        recent: list[str] = []
        clauses = []
        for begin, end in _cuts(self.text, _repetitions(self.text)):
            text = self.text[begin:end]
            words = [_bare(word) for word in text.split()]
            clauses.append(Clause(text, begin, _worth(text, words, asked, seen, said)))
            said.add(" ".join(words))
            recent = [*recent[-4:], *words]
            seen.update(zip(*(recent[shift:] for shift in range(5)), strict=False))
        return clauses

    def slice(self, begin: int, end: int) -> tuple[int, int]:
        """Where the heard text from *begin* to *end* stands in the answer, without its edges' punctuation."""
        start, stop = self._origin[begin], self._origin[end - 1] + 1
        while stop < len(self.answer) and unicodedata.combining(self.answer[stop]):
            stop += 1
        while stop > start and not self.answer[stop - 1].isalnum() and self.answer[stop - 1] not in "%€$£)":
            stop -= 1
        while start < stop and not self.answer[start].isalnum() and self.answer[start] not in "$€£(":
            start += 1
        return start, stop

    def quote(self, clause: Clause, found: re.Match[str]) -> tuple[int, int]:
        """The clause around *found* (a match in its text), as places in the answer; at most 30 words."""
        text, begin, end = clause.text, 0, len(clause.text)
        if clause.words > MOST_QUOTED:
            before = [0, *(space.end() for space in re.finditer(" ", text[: found.start() + 1]))]
            begin = before[max(0, len(before) - 7)]
            words = [*re.finditer(r"\S+", text[begin:])][:MOST_QUOTED]
            # Better to end where the speaker paused than in the middle of a thought.
            pauses = [word for word in words[FEWEST_QUOTED:] if word[0].endswith((",", ":"))]
            end = begin + (pauses or words)[-1].end()
            end = max(end, found.end())
        if begin == 0 and (led_in := _LED_IN.match(text, 0, found.start())):
            begin = led_in.end()
        return self.slice(clause.begin + begin, clause.begin + end)


def _canonical(answer: str) -> tuple[str, list[int]]:
    """The answer as heard, and for each of its characters the place it came from."""
    tokens = [(found.start(), _folded(found[0])) for found in re.finditer(r"\S+", answer)]
    bare = [_bare("".join(char for char, _ in token)) for _, token in tokens]
    dropped = _fillers(bare)
    text: list[str] = []
    origin: list[int] = []
    for place, (start, token) in enumerate(tokens):
        if place in dropped:
            continue
        if text:
            text.append(" ")
            origin.append(start)
        text.extend(char for char, _ in token)
        origin.extend(start + shift for _, shift in token)
    return "".join(text), origin


def _fillers(words: list[str]) -> set[int]:
    """Which of *words* say nothing."""
    dropped = {place for place, word in enumerate(words) if word in load().words.fillers}
    for place, pair in enumerate(pairwise(words)):
        before = words[place - 1] if place else ""
        if pair in _MEANINGLESS_PAIRS and before not in _MEANT_AFTER:
            dropped |= {place, place + 1}
    return dropped


def _folded(token: str) -> list[tuple[str, int]]:
    if token.isascii():
        return [(char, place) for place, char in enumerate(token.lower())]
    return [(char, place) for place, each in enumerate(token) for char in _fold(each)]


@lru_cache(maxsize=4096)
def _fold(char: str) -> str:
    if char in "’‘ʼ`´":
        return "'"
    if char in "“”„«»":
        return '"'
    if char in "–—−‐‑":
        return "-"
    # A format character would split a word that looks whole; a space inside a token would split it too.
    folded = unicodedata.normalize("NFKC", char).casefold()
    return "".join(each for each in folded if not each.isspace() and unicodedata.category(each) != "Cf")


def _bare(word: str) -> str:
    return word.strip(".,;:!?\"'()[]…-")


def _repetitions(text: str) -> list[int]:
    """Where *text* begins to say again, eight words of what it said before."""
    words = [(found.start(), _bare(found[0])) for found in re.finditer(r"\S+", text)]
    seen: dict[tuple[str, ...], int] = {}
    begins, last = [], -2
    for place in range(len(words) - RUN + 1):
        run = tuple(word for _, word in words[place : place + RUN])
        if seen.setdefault(run, place) != place:
            if last != place - 1:
                begins.append(words[place][0])
            last = place
    return begins


def _cuts(text: str, places: list[int]) -> Iterator[tuple[int, int]]:
    """Begin and end of each clause of *text*, which is cut at *places* in any case."""
    begin = 0
    ends = {found.end() for found in _SENTENCE_END.finditer(text)} | {place - 1 for place in places if place}
    for end in [*sorted(ends), len(text)]:
        yield from _turns(text, begin, end)
        begin = end


def _turns(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentence from *begin* to *end*, cut where it turns to a grader or to praise, and at turns of
    speech.
    """
    aside = (to_the_grader(), pattern("praise"))
    cuts = [found.start() for each in aside for found in each.finditer(text, begin, end)]
    if text.count(" ", begin, end) >= LONG:
        cuts += [found.start() for found in _TURN.finditer(text, begin, end)]
    places = [begin, *sorted(place for place in cuts if begin < place < end), end]
    for start, stop in pairwise(places):
        shift = len(text[start:stop]) - len(text[start:stop].lstrip())
        if text[start:stop].strip():
            yield start + shift, start + len(text[start:stop].rstrip())


def _worth(
    text: str, words: list[str], asked: frozenset[str], seen: set[tuple[str, ...]], said: set[str]
) -> str:
    if to_the_grader().search(text) or pattern("orders").search(text):
        return "instructions"
    if " ".join(words) in said and len(words) > 1:
        return "repeated"
    runs = list(zip(*(words[shift:] for shift in range(5)), strict=False))
    if len(runs) >= 2 and sum(run in seen for run in runs) >= 0.6 * len(runs):
        return "repeated"
    if len(words) >= 5 and sum(word in asked for word in words) >= 0.8 * len(words):
        return "question"
    if len(words) <= PRAISE and pattern("praise").match(text):
        return "praise"
    return ""
