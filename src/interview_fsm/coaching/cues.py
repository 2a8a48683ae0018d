"""What in an answer shows a situation, an own action, a result … by patterns of English.

A cue is a place in the answer, never an opinion about it: finding one means that the words are there, not
that they are true or good. Clauses that count for nothing (said before, copied from the question, spoken to
a grader) have no cues.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import snowballstemmer
from msgspec import Struct

from ..events import Question
from .language import load, pattern
from .speech import Clause, Heard

ASPECTS = ("situation", "task", "own_action", "reason", "alternative", "result", "number", "reflection")
"""In the order in which a case is told."""

_ME = re.compile(r"\b(?:i|we|my|our)\b")


class Cue(Struct, frozen=True):
    """Words that show an aspect: places in the answer as it was given."""

    aspect: str
    start: int
    end: int


class Reading(Struct, frozen=True):
    """What an answer holds."""

    words: int
    """That count: fillers, repetitions and what is spoken to a grader left out."""
    cues: dict[str, Cue]
    """The best one for each aspect that is there."""
    instructions: Cue | None = None
    repeated: bool = False
    is_answer: bool = True
    """False for "I don't know", for silence, and where nothing counts."""
    in_language: bool = True
    only_we: bool = False
    """The actions told are all of a "we"."""
    on_topic: bool = True
    """Shares at least one word of substance with the question."""


def asks_for_method(question: Question) -> bool:
    """Whether *question* is how one goes about something, which needs no case from the past."""
    return question.slot.kind != "behavioural" and bool(pattern("hypothetical").search(question.text))


def read_answer(answer: str, question: str = "", *, method: bool = False) -> Reading:
    """What *answer* to *question* holds; *method* where the question is how one goes about something."""
    heard = Heard(answer)
    clauses = heard.clauses(question)
    counted = [clause for clause in clauses if not clause.worthless]
    words = sum(clause.words for clause in counted)
    told = next((clause for clause in clauses if clause.worthless == "instructions"), None)
    instructions = Cue("instructions", *_bounds(heard, told)) if told else None
    repeated = sum(clause.words for clause in clauses if clause.worthless == "repeated") >= 8
    said = " ".join(clause.text for clause in counted)
    empty = words < 3 or (words <= 15 and bool(pattern("no_answer").search(said)))
    if empty or not _is_english(said):
        return Reading(words, {}, instructions, repeated, is_answer=not empty, in_language=empty)
    cues = _cues(heard, counted, now=method)
    return Reading(
        words,
        cues,
        instructions,
        repeated,
        only_we="own_action" not in cues and any(_did("we").search(clause.text) for clause in counted),
        on_topic=_shares_words(said, question),
    )


def _cues(heard: Heard, clauses: Sequence[Clause], *, now: bool) -> dict[str, Cue]:
    """The best cue of each aspect among *clauses*; *now* where the question is how one goes about things."""
    found: dict[str, Cue] = {}
    for aspect in ASPECTS:
        best = max(_candidates(aspect, clauses, now=now), key=lambda each: each[0], default=None)
        if best is not None:
            _, clause, match = best
            start, end = heard.quote(clause, match)
            if start < end:
                found[aspect] = Cue(aspect, start, end)
    return found


def _candidates(
    aspect: str, clauses: Sequence[Clause], *, now: bool
) -> list[tuple[float, Clause, re.Match[str]]]:
    """Where *aspect* shows, each with how well: earlier is better, but for what a case ends with."""
    look = _LOOKS[aspect]
    found = []
    for place, clause in enumerate(clauses):
        if match := look(clause.text, now):
            early = -place / (len(clauses) + 1)
            richness = (aspect == "alternative" and bool(pattern("weighed").search(clause.text))) + (
                aspect in ("result", "number")
            ) * (bool(pattern("result").search(clause.text)) + bool(number().search(clause.text)))
            found.append((richness + early + min(clause.words, 8) / 8, clause, match))
    return found


def _own_action(text: str, now: bool) -> re.Match[str] | None:
    found = _did("i").search(text)
    return found or (_does().search(text) if now else None)


def _reason(text: str, now: bool) -> re.Match[str] | None:
    found = pattern("reason").search(text)
    acted = (
        (now and _ME.search(text))
        or _did("i").search(text)
        or _did("we").search(text)
        or pattern("decision").search(text)
    )
    return found if found and acted else None


def _number(text: str, _now: bool) -> re.Match[str] | None:
    return number().search(text)


def _found(name: str) -> Callable[[str, bool], re.Match[str] | None]:
    return lambda text, _now: pattern(name).search(text)


@lru_cache(maxsize=1)
def number() -> re.Pattern[str]:
    """A figure, in digits or in words; years, numbers in names and small counts of people are none."""
    words = "|".join(load().cues["numbers"])
    digits = (
        r"(?<![\w.,/-])[$€£+-]?(?!(?:19|20)\d\d(?![\d.,%]))\d[\d.,]*(?: ?%|[a-z]{1,3}\b)?(?![\w-]*[a-z]{4})"
    )
    counted = rf"(?<![\w-])(?:{words})s?\b(?!-| of (?:us|them|you|the|my|our)\b)"
    return re.compile(f"{digits}|{counted}|{pattern('figures').pattern}")


_LOOKS: dict[str, Callable[[str, bool], re.Match[str] | None]] = {
    "situation": _found("situation"),
    "task": _found("task"),
    "own_action": _own_action,
    "reason": _reason,
    "alternative": _found("alternative"),
    "result": _found("result"),
    "number": _number,
    "reflection": _found("reflection"),
}


@lru_cache(maxsize=2)
def _did(who: str) -> re.Pattern[str]:
    """Something that *who* ("i", "we") did: a verb of action in the past tense."""
    words = load().words
    verbs = {verb for verb in words.verbs.values() if not verb.endswith("ed")} | words.spoken_verbs
    known = "|".join(sorted(verbs - ({"found"} if who == "we" else set())))
    states = "|".join(sorted(words.states - words.spoken_verbs))
    had = r"(?:'ve|'d| have| had)?"
    adverbs = rf"(?:(?:{'|'.join(words.adverbs)}|\w+ly) )*"
    told = rf"did (?!not\b|my best\b)|(?:{known}|(?!(?:{states})\b)[a-z-]+ed)\b"
    vague = rf"(?! (?:{'|'.join(words.vague_objects)}|to be)\b)"
    narrower = r"worked (?:out|through|with)|looked (?:at|into|up)|used (?!to\b)|helped (?!many|people)"
    return re.compile(rf"(?<![\w']){who}{had} (?:{adverbs}(?:{told}){vague}|(?:{narrower}))")


@lru_cache(maxsize=1)
def _does() -> re.Pattern[str]:
    """Something that one says one does, asked how one goes about things."""
    verbs = "|".join(sorted((load().words.verbs.keys() | load().words.spoken_now) - {"work", "need"}))
    return re.compile(rf"(?<![\w'])(?:i|i would|i'd|we) (?:\w+ly |then |first |always |also )*(?:{verbs})\b")


def _bounds(heard: Heard, clause: Clause) -> tuple[int, int]:
    match = re.match(r".", clause.text)
    assert match is not None  # a clause is never empty
    return heard.quote(clause, match)


def _is_english(said: str) -> bool:
    """Whether one word in eight is among the most frequent of English; in ordinary speech one in two is."""
    words = re.findall(r"[^\W\d_]+", said)
    if len(words) < 12:
        return True
    return sum(word in load().words.function for word in words) >= len(words) / 8


def _shares_words(said: str, question: str) -> bool:
    """Whether *said* takes up a word of substance, by its stem; True where the question has too few."""
    stems = _stems(question.casefold())
    return len(stems) < 4 or bool(stems & _stems(said))


def _stems(text: str) -> frozenset[str]:
    dull = load().words.asking | load().words.function
    words = {word for word in re.findall(r"[^\W\d_]{3,}", text) if word not in dull}
    # A stemmer of its own each time: it keeps state, and two threads may ask at once.
    return frozenset(snowballstemmer.stemmer("english").stemWords(sorted(words)))
