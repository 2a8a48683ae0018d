"""What in an answer shows a situation, an own action, a result … by patterns of English.

A cue is a place in the answer, never an opinion about it: finding one means that the words are there, not
that they are true or good. Clauses that count for nothing (said before, copied from the question, spoken to
a grader) have no cues.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from msgspec import Struct

from ..events import Question
from .language import load, pattern
from .speech import Clause, Heard
from .stems import stems

ALSO = ("check", "risk", "when", "condition")
"""Noticed as well, for scores."""
ASPECTS = ("situation", "task", "own_action", "reason", "alternative", "result", "number", "reflection")
"""In the order in which a case is told."""

FEW_STEMS = 4
"""A question with fewer words of substance cannot tell whether an answer is about it."""

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
    every: dict[str, tuple[Cue, ...]] = {}
    """All places of each aspect, ALSO those of use for scores alone, in their order."""
    figures: int = 0
    """Different ones."""
    statements: int = 0
    """Clauses that count."""
    telling: int = 0
    """Of them, those in which an aspect shows."""
    hedges: int = 0
    fillers: int = 0
    asked: frozenset[str] = frozenset()
    """The question's words of substance, by their stem."""
    taken_up: frozenset[str] = frozenset()
    """Those of them that the answer has."""
    topic: Cue | None = None
    """Where it has the most of them."""


def asks_for_method(question: Question) -> bool:
    """Whether *question* is how one goes about something, which needs no case from the past."""
    return question.slot.kind != "behavioural" and bool(pattern("hypothetical").search(question.text))


def read(answer: str, question: Question) -> Reading:
    """What *answer* to *question* holds."""
    built_on = question.evidence
    about = f"{built_on.text} {built_on.organisation} {built_on.title}" if built_on else ""
    return read_answer(answer, question.text, about, method=asks_for_method(question))


def read_answer(answer: str, question: str = "", about: str = "", *, method: bool = False) -> Reading:
    """What *answer* to *question* holds; *about* is more of what the question builds on, *method* says that
    it is how one goes about something.
    """
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
    found = {aspect: _candidates(aspect, counted, now=method) for aspect in (*ASPECTS, *ALSO)}
    cues = _cues(heard, found)
    asked = stems(f"{question} {about}".casefold())
    taken_up = asked & stems(said)
    return Reading(
        words,
        cues,
        instructions,
        repeated,
        only_we="own_action" not in cues and any(_did("we").search(clause.text) for clause in counted),
        on_topic=len(asked) < FEW_STEMS or bool(taken_up),
        every={aspect: _places(heard, aspect, each) for aspect, each in found.items() if each},
        figures=len({match[0] for clause in counted for match in number().finditer(clause.text)}),
        statements=len(counted),
        telling=len({each.clause.begin for aspect in ASPECTS for each in found[aspect]}),
        hedges=sum(len(pattern("hedge").findall(clause.text)) for clause in counted),
        fillers=heard.fillers,
        asked=asked,
        taken_up=taken_up,
        topic=_topic(heard, counted, taken_up),
    )


_Look = Callable[[str, bool], "re.Match[str] | None"]


class _Place(Struct, frozen=True):
    """Where an aspect shows."""

    clause: Clause
    match: re.Match[str]
    richness: int
    """How much else there makes it a good one."""
    worth: float
    """Among those that are as rich."""


def _cues(heard: Heard, found: dict[str, list[_Place]]) -> dict[str, Cue]:
    """The best cue of each aspect among what was *found*: among those as rich, one in a clause that shows no
    other yet. A figure may stand where the result does.
    """
    cues: dict[str, Cue] = {}
    taken: set[int] = set()
    for aspect, places in found.items():
        if aspect not in ASPECTS or not places:
            continue
        spent = set() if aspect == "number" else taken
        best = max(places, key=lambda each: (each.richness, each.clause.begin not in spent, each.worth))
        taken.add(best.clause.begin)
        start, end = heard.quote(best.clause, best.match)
        if start < end:
            cues[aspect] = Cue(aspect, start, end)
    return cues


def _places(heard: Heard, aspect: str, found: Sequence[_Place]) -> tuple[Cue, ...]:
    places = (heard.quote(each.clause, each.match) for each in found)
    return tuple(Cue(aspect, start, end) for start, end in places if start < end)


def _topic(heard: Heard, clauses: Sequence[Clause], taken_up: frozenset[str]) -> Cue | None:
    """The clause that has the most of the question's words."""
    if not taken_up:
        return None
    shared = [len(taken_up & stems(clause.text)) for clause in clauses]
    clause = clauses[shared.index(max(shared))]
    start, end = _bounds(heard, clause)
    return Cue("topic", start, end) if max(shared) and start < end else None


def _candidates(aspect: str, clauses: Sequence[Clause], *, now: bool) -> list[_Place]:
    """Where *aspect* shows, each with how well: earlier is better, but for what a case ends with."""
    look = _LOOKS[aspect]
    found = []
    for place, clause in enumerate(clauses):
        if match := look(clause.text, now):
            late = place / (len(clauses) + 1)
            richness = sum(bool(look(clause.text, now)) for look in _richer(aspect))
            worth = (late if aspect in _LAST else -late) + min(clause.words, 8) / 8
            found.append(_Place(clause, match, richness, worth))
    return found


_LAST = ("result", "reflection")
"""What a case ends with."""


def shows(aspect: str, words: str, *, method: bool = False) -> bool:
    """Whether *words*, part of an answer, show *aspect* by themselves."""
    return _LOOKS[aspect](Heard(words).text, method) is not None


def _richer(aspect: str) -> tuple[_Look, ...]:
    """What makes one place of *aspect* a better one than another."""
    if aspect == "alternative":
        return (_found("weighed"),)
    if aspect == "reason":
        return (_found("explained"),)
    return (_result, _number) if aspect in ("result", "number") else ()


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


def _result(text: str, _now: bool) -> re.Match[str] | None:
    """What came of something; what was the cause of it, "because two patients fell", is not."""
    found = pattern("result").finditer(text)
    return next((each for each in found if not _CAUSE.search(text, 0, each.start())), None)


_CAUSE = re.compile(r"\b(?:because|although|though)\b[^,.;:]*$")


def _number(text: str, _now: bool) -> re.Match[str] | None:
    return number().search(text)


def _found(name: str) -> _Look:
    return lambda text, _now: pattern(name).search(text)


@lru_cache(maxsize=1)
def number() -> re.Pattern[str]:
    """A figure, in digits or in words; years, numbers in names, small counts of people and the numbers of a
    list are none.
    """
    words = "|".join(load().cues["numbers"])
    digits = (
        r"(?!^\d{1,2}[.)](?: |$))"
        r"(?<![\w.,/-])[$€£+-]?(?!(?:19|20)\d\d(?![\d.,%]))\d[\d.,]*(?: ?%|[a-z]{1,3}\b)?(?![\w-]*[a-z]{4})"
    )
    counted = rf"(?<![\w-])(?:{words})s?\b(?!-| of (?:us|them|you|the|my|our)\b)"
    return re.compile(f"{digits}|{counted}|{pattern('figures').pattern}")


_LOOKS: dict[str, _Look] = {
    "situation": _found("situation"),
    "task": _found("task"),
    "own_action": _own_action,
    "reason": _reason,
    "alternative": _found("alternative"),
    "result": _result,
    "number": _number,
    "reflection": _found("reflection"),
    "check": _found("check"),
    "risk": _found("risk"),
    "when": _found("when"),
    "condition": _found("condition"),
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
    narrower += r"|learn(?:ed|t) [^,;.:]{1,60}? by \w+ing\b"
    saying = "said|mentioned|told|described|explained|noted"
    repeating = rf"(?!(?:(?<=\bas )|(?<=\blike )){who}{had} (?:\w+ )?(?:{saying})\b)"
    return re.compile(rf"(?<![\w']){repeating}{who}{had} (?:{adverbs}(?:{told}){vague}|(?:{narrower}))")


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
