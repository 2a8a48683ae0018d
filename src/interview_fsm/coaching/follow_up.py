"""Decides by rule whether an answer calls for one more question, and words that question.

The rule looks at the latest answer alone and always decides the same way, whoever asks the questions; a
log keeps the decision, so a replay never takes it again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..events import FollowUpWanted, Question
from ..interview import FollowUp, Interview, Turn
from .cues import Reading, asks_for_method, read_answer, shows
from .guard import protected_topic, unfit
from .language import load, serves
from .levels import read_level
from .phrases import plain, speakable
from .planning import pick

LEAST_WORDS = 25
"""An answer shorter than that was meant to be short."""
MOST_READ = 6_000
"""Characters: who has talked for six minutes is not asked for more, and the rule must be quick."""
QUOTED = (3, 8)
"""Fewest and most words of the candidate's that a follow-up takes up."""


def follow_up(interview: Interview) -> FollowUpWanted | None:
    """The follow-up that the latest answer in *interview* calls for, or None.

    At most one for each answer, none on an answer to a follow-up, and no more in all than the plan
    allows. What is asked for first: one's own part, then the result, then numbers, then a reason.
    """
    if not interview.answered_last:
        return None
    turn = interview.turns[interview.answered_last - 1]
    if turn.answer is None or turn.answer.unconfirmed or not _is_open_to_one(interview, turn):
        return None
    if len(turn.answer.text) > MOST_READ:
        return None
    reading = read_answer(turn.answer.text, turn.question.text, method=asks_for_method(turn.question))
    if reading.words < LEAST_WORDS or not reading.is_answer or not reading.in_language:
        return None
    missing = _missing(turn.question, reading)
    return FollowUpWanted(turn.question.number, missing) if missing else None


def word_follow_up(turn: Turn, wanted: FollowUp, seed: int) -> str:
    """The question that asks for what is missing, taking up a few of the candidate's words."""
    wordings = load().follow_ups.get(wanted.missing) or load().follow_ups["reason"]
    answer = turn.answer.text[:MOST_READ] if turn.answer else ""
    for quote in _quotable(answer, turn.question, wanted.missing):
        text = pick(wordings.quoted, seed, wanted.question).replace("{quote}", f"“{quote}”")
        if unfit(text) is None:
            return text
    return pick(wordings.plain, seed, wanted.question)


def _is_open_to_one(interview: Interview, turn: Turn) -> bool:
    if interview.follow_ups >= interview.plan.follow_up_limit or not serves(interview.plan.language):
        return False
    number = turn.question.number
    asked = any(other.question.follow_up_to == number for other in interview.turns)
    return turn.question.follow_up_to is None and not asked


def _missing(question: Question, reading: Reading) -> str | None:
    there = reading.cues
    if asks_for_method(question):
        return None if "reason" in there else _reason_wanted(question)
    if "own_action" not in there:
        return "own_part"
    if "result" not in there:
        return "result"
    if "number" not in there:
        return "numbers"
    return None if "reason" in there else _reason_wanted(question)


def _reason_wanted(question: Question) -> str | None:
    level = question.slot.level or read_level(question.difficulty).name
    return "reason" if level in ("mid", "senior") else None


def _quotable(answer: str, question: Question, missing: str) -> Sequence[str]:
    """Short runs of the candidate's own words that the question can take up, the best first."""
    method = asks_for_method(question)
    cues = read_answer(answer, question.text, method=method).cues
    found = (
        _short(answer[cues[aspect].start : cues[aspect].end], aspect, method=method)
        for aspect in _TAKEN_UP.get(missing, ("own_action", "result", "situation"))
        if aspect in cues
    )
    return [words for words in found if words and speakable(words) and not protected_topic(words)]


_TAKEN_UP = {
    "numbers": ("result", "own_action"),
    "result": ("own_action", "situation"),
    "reason": ("own_action",),
}
"""By what is missing, what can be asked back about; nobody has a reason for a result."""


def _short(quote: str, aspect: str, *, method: bool) -> str:
    """The part of *quote* that shows *aspect*, when it is short enough to be repeated or can be cut where a
    phrase ends; without what leads into it.
    """
    parts = [part for part in re.split(r"[,;:.!?](?:\s|$)", plain(quote)) if part.strip()]
    text = next((part for part in parts if shows(aspect, part, method=method)), "")
    text = re.sub(
        r"^(?:(?:and|but|so|well|then|yeah|basically|um+|uh+|er)[ ,]+)+", "", text.strip(), flags=re.I
    )
    words = text.split()
    if len(words) > QUOTED[1]:
        ends = [n for n in range(QUOTED[0], QUOTED[1] + 1) if words[n].casefold() in load().words.stops]
        words = words[: ends[-1]] if ends else []
    while words and words[-1].casefold() in load().words.function:
        words = words[:-1]
    return " ".join(words) if len(words) >= QUOTED[0] else ""
