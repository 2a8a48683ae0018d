"""Feedback on answers by rules: what is there, with the candidate's words; what is missing; what to try;
scores, an outline of a better answer, and how it was given.

Each answer is read by itself, so what was said in another cannot help or harm it, and feedback on an answer
that has not changed is kept. A pattern that is found says that words are there and nothing more; the
limitations, which go with every feedback, say that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence

from ..events import (
    AnswerFeedback,
    Feedback,
    Observation,
    OutlineStep,
    Plan,
    Provenance,
    Question,
    Quote,
    Score,
)
from ..interview import Interview, Turn
from .cues import Cue, Reading, asks_for_method, read
from .delivery import delivery, remarks
from .language import FeedbackTexts, load
from .rubric import criteria
from .scoring import is_silence, level_of, not_scored, own_criteria, scores

SHORT, LONG = 60, 330
"""Words in a spoken case: under half a minute leaves something out, over two minutes loses the listener."""
MUCH_SHORTER = SHORT * 3 // 4
"""Who is nearer to SHORT need not be told."""
MOST_MISSING = 3
MOST_TRIES = 2
"""More than two things to change at once is none."""
MOST_PRACTICE = 3

ASKED_FOR = {"own_part": "own_action", "result": "result", "numbers": "number", "reason": "reason"}
"""What a follow-up wants to hear, by what was missing."""

_EXPECTED = {
    "entry": ("own_action", "result", "situation", "number"),
    "mid": ("own_action", "result", "number", "reason", "situation"),
    "senior": ("own_action", "result", "reason", "alternative", "number", "situation"),
}
"""By level, the most important first."""
_EXPECTED_OF_METHODS = {
    "entry": ("own_action",),
    "mid": ("own_action", "reason"),
    "senior": ("own_action", "reason", "alternative"),
}
"""Where the question is how one goes about something: there need be no case with a result."""


_TOLD = ("situation", "own_action", "reason", "alternative", "result", "number", "reflection")
"""The parts of an outline, in the order in which they are told."""


def assess_answer(turn: Turn, plan: Plan, provenance: Provenance) -> AnswerFeedback:
    """What can be seen in one answer. *turn* has one."""
    assert turn.answer is not None
    question, answer = turn.question, turn.answer.text
    if turn.answer.unconfirmed:  # what was perhaps not said is neither praised nor blamed
        unscored = not_scored(criteria(plan, level_of(question)), "unconfirmed")
        return AnswerFeedback(question.number, turn.answer.revision, provenance=provenance, scores=unscored)
    reading = read(answer, question)
    given = delivery(turn.answer)
    return AnswerFeedback(
        question.number,
        turn.answer.revision,
        (*_observations(question, answer, reading), *remarks(given)),
        provenance,
        scores(question, answer, reading, plan),
        outline=_outline(question, answer, reading),
        delivery=given,
        flags=_flags(reading),
    )


def observe(question: Question, answer: str) -> tuple[Observation, ...]:
    """What can be seen in *answer* to *question*."""
    return _observations(question, answer, read(answer, question))


def _observations(question: Question, answer: str, reading: Reading) -> tuple[Observation, ...]:
    texts = load().feedback
    remarks = _remarks(reading, answer, texts)
    if not reading.in_language:
        return (*remarks, Observation("try", "language", texts.try_["language"]))
    if not reading.is_answer:
        asked = next(iter(expected(question)), "answer") if question.follow_up_to is not None else "answer"
        none = Observation("missing", asked, texts.missing[asked])
        return (none, Observation("try", asked, texts.try_[asked]), *remarks)
    there = tuple(
        Observation("there", aspect, texts.there[aspect], _quote(cue, answer))
        for aspect, cue in reading.cues.items()
    )
    lacking = [aspect for aspect in expected(question) if aspect not in reading.cues]
    missing = tuple(
        Observation("missing", aspect, texts.missing[_wording(aspect, reading)])
        for aspect in lacking[:MOST_MISSING]
    )
    tries = tuple(
        Observation("try", aspect, _advice(aspect, question, reading, texts))
        for aspect in lacking[:MOST_TRIES]
    )
    return (*there, *missing, *tries, *_about_length(question, reading, texts), *remarks)


def _outline(question: Question, answer: str, reading: Reading) -> tuple[OutlineStep, ...]:
    """A better answer in the order in which a case is told, of the candidate's words and of gaps."""
    if not reading.is_answer or not reading.in_language or question.follow_up_to is not None:
        return ()
    texts, steps = load().feedback, dict[tuple[int, int] | str, OutlineStep]()
    for part in _TOLD:
        if part in reading.cues:
            cue = _place(part, reading, steps)
            # Words that show two parts, a result and its figure, stand once.
            steps.setdefault(
                (cue.start, cue.end), OutlineStep(part, texts.outline[part], _quote(cue, answer))
            )
        elif part in expected(question):
            steps[part] = OutlineStep(part, texts.outline_missing[part])
    return tuple(steps.values())


def _place(part: str, reading: Reading, taken: Container[object]) -> Cue:
    """The best words for *part*; others where those stand already. A figure needs none of its own then."""
    best = reading.cues[part]
    others = () if part == "number" else reading.every.get(part, ())
    return next((cue for cue in (best, *others) if (cue.start, cue.end) not in taken), best)


def _flags(reading: Reading) -> tuple[str, ...]:
    flags = {
        "instructions": reading.instructions is not None,
        "repeated": reading.repeated,
        "language": not reading.in_language,
    }
    return tuple(flag for flag, is_set in flags.items() if is_set)


def expected(question: Question) -> tuple[str, ...]:
    """The aspects that an answer to *question* should have, the most important first."""
    if question.follow_up_to is not None:
        aspect = ASKED_FOR.get(question.slot.facet)
        return (aspect,) if aspect else ()
    level = level_of(question)
    if asks_for_method(question):
        return _EXPECTED_OF_METHODS.get(level, _EXPECTED_OF_METHODS["mid"])
    aspects = _EXPECTED.get(level, _EXPECTED["mid"])
    return (*aspects, "reflection") if question.slot.competency == "learning" else aspects


def _quote(cue: Cue, answer: str) -> Quote:
    return Quote(cue.start, cue.end, answer[cue.start : cue.end])


def _advice(aspect: str, question: Question, reading: Reading, texts: FeedbackTexts) -> str:
    """What to try, in words that change from answer to answer."""
    name = "own_action_we" if aspect == "own_action" and reading.only_we else aspect
    wordings = (texts.try_[name], *texts.try_again.get(name, ()))
    return wordings[(question.number - 1) % len(wordings)]


def _wording(aspect: str, reading: Reading) -> str:
    if aspect == "own_action" and reading.only_we:
        return "own_action_we"
    return "situation_when" if aspect == "situation" and "when" in reading.every else aspect


def _remarks(reading: Reading, answer: str, texts: FeedbackTexts) -> tuple[Observation, ...]:
    """What counts for nothing and should be left out."""
    remarks = []
    if reading.instructions:
        quote = _quote(reading.instructions, answer)
        if quote.text:
            remarks.append(Observation("try", "instructions", texts.try_["instructions"], quote))
    if reading.repeated:
        remarks.append(Observation("try", "repeated", texts.try_["repeated"]))
    return tuple(remarks)


def _about_length(question: Question, reading: Reading, texts: FeedbackTexts) -> tuple[Observation, ...]:
    tries = []
    if reading.words < MUCH_SHORTER and question.follow_up_to is None:
        tries.append(Observation("try", "length", texts.try_["short"].replace("{words}", str(reading.words))))
    if reading.words > LONG:
        tries.append(Observation("try", "length", texts.try_["long"].replace("{words}", str(reading.words))))
    if not reading.on_topic and question.follow_up_to is None:  # that one asks in words of its own
        tries.append(Observation("try", "question", texts.try_["question"]))
    return tuple(tries)


# ----------------------------------------------------------------------------------------- the whole


def summarised(interview: Interview, answers: Sequence[AnswerFeedback], provenance: Provenance) -> Feedback:
    """*answers* with what they come to together."""
    texts = load().feedback
    cases = _cases(interview, answers)
    missing = _missing_most(cases)
    return Feedback(
        answers=tuple(answers),
        summary=" ".join(_sentences(interview, cases, missing, texts)),
        practice=_practice(cases, missing, texts),
        limitations=_limitations(interview.plan, texts),
        provenance=provenance,
        plan=interview.plan.fingerprint,
    )


def _cases(interview: Interview, answers: Sequence[AnswerFeedback]) -> dict[int, set[tuple[str, str]]]:
    """By main question, what was seen in its answer and in those to its follow-ups: (kind, aspect)."""
    cases: dict[int, set[tuple[str, str]]] = {}
    for given in answers:
        turn = interview.turns[given.question - 1]
        if turn.answer is not None and turn.answer.unconfirmed:
            continue
        question = turn.question
        case = cases.setdefault(question.follow_up_to or question.number, set())
        case |= {(seen.kind, seen.aspect) for seen in given.observations}
    return cases


def _missing_most(cases: dict[int, set[tuple[str, str]]]) -> list[str]:
    """What is missing from the most cases, told in no answer of theirs; the most frequent first."""
    order = ("answer", *_EXPECTED["senior"], "reflection")
    found: Counter[str] = Counter()
    for seen in cases.values():
        found.update(aspect for kind, aspect in seen if kind == "missing" and ("there", aspect) not in seen)
    return sorted(
        found, key=lambda aspect: (-found[aspect], order.index(aspect) if aspect in order else len(order))
    )


def _sentences(
    interview: Interview, cases: dict[int, set[tuple[str, str]]], missing: Sequence[str], texts: FeedbackTexts
) -> list[str]:
    """Two to four sentences to be spoken."""
    told = [_count_sentence(interview, texts.summary)]
    if unsure := sum(turn.answer is not None and turn.answer.unconfirmed for turn in interview.turns):
        told.append(_fill(texts.summary["unconfirmed"], {"count": str(unsure)}))
    if not cases and unsure:
        return [*told, texts.summary["rules"]]
    best = _there_most(cases)
    if best:
        aspect, count = best
        words = {"count": str(count), "cases": str(len(cases)), "aspect": texts.aspects[aspect]}
        form = (
            {1: "there_one", 2: "there_both"}.get(len(cases), "there_all") if count == len(cases) else "there"
        )
        told.append(_fill(texts.summary[form], words))
    else:
        told.append(texts.summary["nothing_there"])
    if missing:
        told.append(_fill(texts.summary["missing"], {"aspect": texts.aspects[missing[0]]}))
    elif best:
        told.append(texts.summary["nothing_missing"])
    return [*told, texts.summary["rules"]]


def _count_sentence(interview: Interview, texts: dict[str, str]) -> str:
    main = [turn for turn in interview.turns if turn.question.follow_up_to is None]
    answered = sum(turn.answer is not None for turn in main)
    skipped = sum(turn.skipped and turn.answer is None for turn in main)
    if len(main) == 1 and answered:
        return texts["answered_one"]
    words = {"answered": str(answered), "asked": str(len(main)), "skipped": str(skipped)}
    if answered == len(main):
        return _fill(texts["answered_both" if answered == 2 else "answered_all"], words)
    return _fill(texts["answered_skipped" if skipped else "answered"], words)


def _there_most(cases: dict[int, set[tuple[str, str]]]) -> tuple[str, int] | None:
    worth = ("result", "own_action", "number", "reason", "alternative", "reflection", "situation", "task")
    found = Counter(aspect for seen in cases.values() for kind, aspect in seen if kind == "there")
    if not found:
        return None
    aspect = max(found, key=lambda each: (found[each], -worth.index(each)))
    return aspect, found[aspect]


def _practice(
    cases: dict[int, set[tuple[str, str]]], missing: Sequence[str], texts: FeedbackTexts
) -> tuple[str, ...]:
    if not cases:
        return ()
    tries = {aspect for seen in cases.values() for kind, aspect in seen if kind == "try"}
    points = [
        aspect
        for aspect in (*missing, *(("instructions",) if "instructions" in tries else ()))
        if aspect in texts.practice
    ]
    return tuple(texts.practice[aspect] for aspect in points[:MOST_PRACTICE]) or (texts.practice["fine"],)


def _limitations(plan: Plan, texts: FeedbackTexts) -> str:
    names = ", ".join(own_criteria(plan))
    if not names:
        return texts.limitations
    return f"{texts.limitations} {_fill(texts.own_criteria, {'criteria': names})}"


def unassessed(interview: Interview, answers: Sequence[AnswerFeedback], provenance: Provenance) -> Feedback:
    """*answers* in an interview whose language the coach does not know: that it adds nothing to them."""
    texts = load().feedback
    by_another = any(isinstance(each, Score) for given in answers for each in given.scores)
    said = texts.language_not_summed_up if by_another else texts.language_not_assessed
    said = _fill(said, {"language": interview.plan.language})
    fingerprint = interview.plan.fingerprint
    return Feedback(tuple(answers), said, (), f"{said} {texts.limitations}", provenance, fingerprint)


def unread(turn: Turn, plan: Plan, provenance: Provenance) -> AnswerFeedback:
    """Feedback on an answer in a language that the coach does not know."""
    assert turn.answer is not None
    reason = "silence" if is_silence(turn.answer.text) else "language"
    none = not_scored(criteria(plan, level_of(turn.question)), reason)
    number, revision = turn.question.number, turn.answer.revision
    return AnswerFeedback(number, revision, (), provenance, none, delivery=delivery(turn.answer))


def _fill(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text
