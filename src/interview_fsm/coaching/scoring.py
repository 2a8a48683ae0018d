"""Scores by rules: how much of what the rubric describes shows in the words of one answer.

Each value follows from what was found: places in the answer, and how many of them. Nothing that is unknown
counts for or against anybody. The values put answers to one question in order; they are not calibrated
(``FeedbackTexts.limitations`` says so), and neither pace, pauses nor accent are known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from ..events import UNPROVED, Criterion, NotScored, Plan, Question, Quote, Score
from .cues import FEW_STEMS, Cue, Reading, asks_for_method
from .language import load, pattern
from .levels import read_level
from .rubric import DIMENSIONS, criteria, proved

MOST_QUOTES = 3
MOST_BY_TOPIC = (UNPROVED, 4, 5)
"""The most that structure, specificity and depth can be of an answer that has none, few, enough of the
question's words: a good case that was not asked for is worth less here, and rules cannot tell it from one
that was told in other words."""
ENOUGH_WORDS = 3
"""Of the question's, or a third of them where that is less, show that an answer is about it."""
BRIEF, SHORT, LONG, ENDLESS = 30, 60, 330, 450
"""Words that count: too few to tell a case, few, many, too many to follow."""

_ASKED = ("result", "reflection", "alternative", "check", "reason")


class Finding(Struct, frozen=True):
    """What one dimension comes to: a value with the places it rests on, and what was looked for."""

    value: int
    cues: tuple[Cue | None, ...] = ()
    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    said: str = ""
    """In place of what was found."""


def level_of(question: Question) -> str:
    """The level at which an answer to *question* is read: ``entry``, ``mid`` or ``senior``."""
    return question.slot.level or read_level(question.difficulty).name


def scores(question: Question, answer: str, reading: Reading, plan: Plan) -> tuple[Score | NotScored, ...]:
    """One for each dimension of the rubric of *plan*: a score, or why there is none."""
    rubric = criteria(plan, level_of(question))
    if reason := _unscored(question, answer, reading):
        return not_scored(rubric, reason)
    own = own_criteria(plan)
    return tuple(
        NotScored(each.dimension, "own_criterion")
        if each.dimension in own
        else _score(each, question, answer, reading)
        for each in rubric
    )


def own_criteria(plan: Plan) -> list[str]:
    """The dimensions of *plan* that the rules do not know: names of the host's, and known names to which it
    gives a meaning of its own.
    """
    return [
        each.dimension
        for each in plan.rubric
        if each.dimension not in DIMENSIONS or each.anchors or each.description
    ]


def not_scored(rubric: Iterable[Criterion], reason: str) -> tuple[NotScored, ...]:
    """The same *reason* for each criterion."""
    return tuple(NotScored(each.dimension, reason) for each in rubric)


def is_silence(answer: str) -> bool:
    """Whether no word was said."""
    return not any(char.isalnum() for char in answer)


def _unscored(question: Question, answer: str, reading: Reading) -> str:
    if is_silence(answer):
        return "silence"
    if question.follow_up_to is not None:
        return "follow_up"
    if not reading.in_language:
        return "language"
    return "" if reading.is_answer else "nothing_to_assess"


def _score(criterion: Criterion, question: Question, answer: str, reading: Reading) -> Score:
    finding = _FINDINGS[criterion.dimension](question, reading)
    value, texts = finding.value, load().feedback.rationale
    said = [finding.said or _looked_for(finding)]
    topic = _topic(reading)
    most = MOST_BY_TOPIC[topic]
    if criterion.dimension in ("structure", "specificity", "depth") and value > most:
        told = texts[f"capped_by_topic_{topic}"]
        said.append(told.replace("{would}", str(value)).replace("{value}", str(most)))
        value = most
    cues = dict.fromkeys(cue for cue in finding.cues if cue is not None)
    quotes = dict.fromkeys(Quote(cue.start, cue.end, answer[cue.start : cue.end]) for cue in cues)
    return proved(criterion, value, tuple(quotes)[:MOST_QUOTES], " ".join(said))


def _looked_for(finding: Finding) -> str:
    texts, names = load().feedback.rationale, load().feedback.aspects
    said = []
    if finding.found:
        said.append(texts["found"].replace("{found}", ", ".join(names[each] for each in finding.found)))
    if finding.missing:
        missing = ", ".join(names[each] for each in finding.missing)
        said.append(texts["not_found"].replace("{missing}", missing))
    return " ".join(said) if finding.found else texts["nothing"]


def _sorted(reading: Reading, aspects: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those of *aspects* that are there, and those that are not."""
    there = tuple(each for each in aspects if each in reading.every)
    return there, tuple(each for each in aspects if each not in there)


def _best(reading: Reading, aspects: Iterable[str]) -> tuple[Cue | None, ...]:
    return tuple(
        reading.cues.get(each) or next(iter(reading.every[each])) for each in aspects if each in reading.every
    )


# ---------------------------------------------------------------------------------- by dimension


def _topic(reading: Reading) -> int:
    """How much the answer is about the question: 0 not, 1 hardly, 2 it is, or that cannot be told."""
    asked, taken_up = len(reading.asked), len(reading.taken_up)
    if asked < FEW_STEMS or taken_up >= min(ENOUGH_WORDS, (asked + 2) // 3):
        return 2
    return 1 if taken_up else 0


def _relevance(question: Question, reading: Reading) -> Finding:
    topic = _topic(reading)
    wanted = [each for each in _ASKED if pattern(f"asks_{each}").search(question.text)]
    there, missing = _sorted(reading, list(dict.fromkeys(["own_action", *wanted])))
    quotes = (reading.topic, *_best(reading, there))
    if topic == 0 and "own_action" in there:
        return Finding(2, said=load().feedback.rationale["no_topic"])
    if topic < 2:
        few, none = ("topic_few",) * topic, ("topic",) * (1 - topic)
        return Finding(1 + topic, quotes[:topic], few, (*none, *missing))
    found = ("topic", *there) if reading.taken_up else there
    if "own_action" not in there or not (asks_for_method(question) or len(there) > 1 or _has_case(reading)):
        return Finding(2, quotes, found, missing)
    value = 5 if not missing else 4 if len(there) >= len(missing) else 3
    return Finding(value if reading.taken_up else min(value, 4), quotes, found, missing)


def _has_case(reading: Reading) -> bool:
    return bool({"situation", "result"} & reading.every.keys())


def _structure(question: Question, reading: Reading) -> Finding:
    if asks_for_method(question):
        return _method(reading)
    there, missing = _sorted(reading, ("situation", "own_action", "result"))
    value = 1 + len(there)
    found = there
    if not missing and _in_order(reading):
        found = (*there, "order")
        if "task" in reading.every or "reflection" in reading.every:
            value, found = 5, (*found, *_sorted(reading, ("task", "reflection"))[0])
    return Finding(value, _best(reading, there), found, missing)


def _method(reading: Reading) -> Finding:
    """A line of thought: what one does, when, why, and where it ends."""
    there, missing = _sorted(reading, ("own_action", "condition", "reason", "risk"))
    if missing == ("risk",) and {"alternative", "reflection"} & reading.every.keys():
        there, missing = (*there, "alternative"), ()
    return Finding(1 + len(there), _best(reading, there), there, missing)


def _in_order(reading: Reading) -> bool:
    """Something is told of the situation before an own action, and that before the last of the results."""
    first = {each: reading.every[each][0].start for each in ("situation", "own_action")}
    return first["situation"] <= first["own_action"] <= reading.every["result"][-1].start


def _specificity(_question: Question, reading: Reading) -> Finding:
    steps, figures = len(reading.every.get("own_action", ())), reading.figures
    named = [("steps", steps >= 2), ("own_action", steps == 1), ("number", figures in (1, 2))]
    named += [("figures", figures >= 3), ("when", "when" in reading.every)]
    found = tuple(name for name, is_there in named if is_there)
    missing = ("own_action",) * (steps == 0) + ("number",) * (figures == 0)
    if steps == 0 and figures == 0:
        value = 1
    elif steps == 0 or (figures == 0 and steps == 1):
        value = 2
    elif figures == 0:
        value = 3
    elif steps >= 3 and figures >= 3 and "when" in reading.every:
        value = 5
    else:
        value = 4 if figures >= 2 or steps >= 2 else 3
    return Finding(value, _best(reading, ("number", "own_action", "when")), found, missing)


def _depth(question: Question, reading: Reading) -> Finding:
    level = level_of(question)
    there, missing = _sorted(reading, _DEPTH[level])
    if level == "entry":
        steps = len(reading.every.get("own_action", ()))
        more = len(set(there) & {"reason", "reflection", "check"})
        value = 1 + min(steps, 2) + (min(more, 2) if steps >= 2 else 0)
    else:
        reason = "reason" in there
        value = 1 + reason + min(len(set(there) - {"reason"}), 3) + (reason and level == "mid")
        if value == 1 and level == "mid" and ("own_action" in reading.every or reading.only_we):
            value, there = 2, _sorted(reading, ("own_action",))[0]
    return Finding(min(5, value), _best(reading, there), there, missing)


_DEPTH = {
    "entry": ("own_action", "reason", "check", "reflection"),
    "mid": ("reason", "alternative", "check"),
    "senior": ("reason", "alternative", "risk", "check", "reflection"),
}


def _communication(_question: Question, reading: Reading) -> Finding:
    words, share = reading.words, reading.telling / max(1, reading.statements)
    value = 5
    value -= (words < SHORT) + (words < BRIEF) + (words > LONG) + (words > ENDLESS)
    value -= (share < 0.7) + (share < 0.4)
    value -= reading.hedges * 40 > words
    value -= reading.repeated
    value -= reading.fillers * 12 > words
    texts = load().feedback.rationale["communication"]
    named = {"words": words, "telling": reading.telling, "all": reading.statements}
    for name, count in named.items():
        texts = texts.replace("{" + name + "}", str(count))
    first = min(reading.cues.values(), key=lambda cue: cue.start, default=None)
    return Finding(max(1, value), (first,), said=texts)


_FINDINGS: dict[str, Callable[[Question, Reading], Finding]] = {
    "relevance": _relevance,
    "structure": _structure,
    "specificity": _specificity,
    "depth": _depth,
    "communication": _communication,
}
