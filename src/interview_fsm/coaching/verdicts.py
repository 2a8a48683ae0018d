"""Makes feedback of what a model replied: only what can be shown to be so is kept.

A quote that does not stand in the answer is dropped and counted, and a score that is left without one is
capped; what speaks to a grader is no longer there to be quoted. Whatever a model writes (the reason for a
score, a strength, a suggestion, a step of an outline, a summary, a question) is left out, and counted, where
it quotes what was not said or brings a figure or a name that nobody has mentioned (``claims``). How an answer
was delivered, what it is flagged with, and all sums are code's and never a model's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..events import (
    AnswerFeedback,
    Criterion,
    Evidence,
    NotScored,
    Observation,
    OutlineStep,
    Provenance,
    Score,
)
from .claims import Sources
from .fences import clean
from .guard import protected_topic, to_the_grader, unfit
from .language import load
from .prompts import MAX_FOLLOW_UP_WORDS, AnswerOut, SummaryOut
from .quotes import Answer
from .rubric import scored

LIMITATIONS = (
    "A language model wrote these remarks and scores from the words of each answer alone, and it can be "
    "wrong. What it quotes of the answer was checked to stand there, and every figure to have been mentioned "
    "there, in the question, the résumé or the job description. The scores are not validated against human "
    "raters, say nothing about your chances, truthfulness or personality, and are no ground for a decision "
    "about anybody. Accent, pace and manner were not judged."
)
MOST_DROPPED = 0.3
"""Of the quotes in one assessment: one that invents more of them is not to be trusted with the rest."""
MOST_REMARKS = 4
LONGEST = 300
"""Characters of one remark."""
LONGEST_SUMMARY = 700

T = TypeVar("T", bound=Struct)

SAME = 0.75
"""Of the words of two questions: beyond that they are the same question. Two that only build on the same
piece of evidence, however long, stay below."""

_LABEL = re.compile(r"^(?:question(?: \d+)?|q\d*|interviewer)\s*[:.)-]\s*", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{4,}|\d+(?:[.,]\d+)*")
_MARKUP = re.compile(r"[*_#`<>|{}]+|\bhttps?://\S+")


class Unusable(ValueError):
    """A reply that feedback cannot be made of; ``str()`` says why, in words fit for the model as well."""


def read_reply(text: str, kind: type[T]) -> T:
    """*text* as *kind*: the outermost JSON object in it, whatever stands around. Raises Unusable."""
    begin, end = text.find("{"), text.rfind("}")
    if begin < 0 or end < begin:
        raise Unusable("it has no JSON object")
    try:
        return msgspec.json.decode(text[begin : end + 1], type=kind)
    except msgspec.MsgspecError as error:
        # The message names fields and types, and no value.
        raise Unusable(f"it is not the JSON that was asked for: {error}") from None


class Remarks:
    """Takes what a model wrote, checks it against *sources*, and keeps count of what it left out."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.dropped = 0
        self.false_quotes = 0

    def take(self, text: str, most: int = LONGEST, *, suggests: bool = False) -> str:
        """*text*, fit to be shown (``remark()``) and borne out (``Sources.bears_out()``); else empty."""
        line = remark(text, most)
        kept = line if self._sources.bears_out(line, suggests=suggests) else ""
        if not suggests:  # words to say next time are no quotes
            self.false_quotes += len(self._sources.false_quotes(line))
        self.dropped += bool(text.strip()) and not kept
        return kept


def assessed(
    reply: AnswerOut,
    criteria: Sequence[Criterion],
    answer: Answer,
    remarks: Remarks,
    base: AnswerFeedback,
    provenance: Provenance,
    *,
    english: bool,
) -> AnswerFeedback:
    """The feedback that *reply* makes on *answer*.

    *answer* is masked (``fences``), and *remarks* checks against it; *base* is what the rules say
    about the same answer, whose flags, delivery and remarks about what counts for nothing are kept. Sentences
    of ours are used where *english* is wanted alone. Raises Unusable.
    """
    scores = tuple(_scores(reply, criteria, answer, remarks))
    if not any(isinstance(each, Score) for each in scores):
        raise Unusable("it has none of the criteria that were given")
    strengths, dropped = _strengths(reply, answer, remarks)
    observations = (
        *strengths,
        *(_absent(reply, strengths) if english else ()),
        *_to_try(reply, remarks),
        *_kept_remarks(base),
    )
    outline = _outline(reply, remarks)
    dropped += sum(each.dropped_quotes for each in scores if isinstance(each, Score)) + remarks.false_quotes
    kept = len(strengths) + sum(len(each.quotes) for each in scores if isinstance(each, Score))
    if dropped > MOST_DROPPED * (dropped + kept):
        raise Unusable("most of its quotes do not stand in the answer")
    return replace(
        base,
        observations=observations,
        scores=scores,
        outline=outline or base.outline,
        provenance=provenance,
        dropped_quotes=dropped,
        dropped_remarks=remarks.dropped,
    )


def _scores(
    reply: AnswerOut, criteria: Sequence[Criterion], answer: Answer, remarks: Remarks
) -> Iterator[Score | NotScored]:
    given = {each.dimension: each for each in reply.dimensions}
    for criterion in criteria:
        if (found := given.get(criterion.dimension)) is None:
            yield NotScored(criterion.dimension, "failed")
        else:
            rationale = remarks.take(found.rationale)
            yield scored(criterion, found.score, found.quotes[:3], answer, rationale)


def question_in(
    reply: str, grounds: Evidence | None, earlier: Sequence[str], sources: Sources | None = None
) -> str:
    """The question in *reply*, as it may be asked. Raises Unusable, with the reason in words for the model.

    *grounds* is the evidence that it must name; None where there is none, or its words are of another
    language. *earlier* are the questions asked so far. With *sources* it is a follow-up: short, and
    of nothing but what they bear out.
    """
    text = " ".join(clean(reply).split())
    text = _unwrapped(_LABEL.sub("", text))
    if reason := unfit(text):
        raise Unusable(reason)
    if "?" not in text and "？" not in text and "؟" not in text:
        raise Unusable("it is not a question")
    if any(says_the_same(text, each) for each in earlier):
        raise Unusable("it repeats an earlier question")
    if grounds is not None and not names(text, grounds):
        raise Unusable("it does not name the evidence")
    if sources is not None:
        _check_follow_up(text, sources)
    return text


def _unwrapped(text: str) -> str:
    """*text* without quotation marks around the whole; those around its first words are its own."""
    bare = text.strip()
    while len(bare) > 1 and bare[0] in '“”"' and bare[-1] in '“”"':
        bare = bare[1:-1].strip()
    return bare


def _check_follow_up(text: str, sources: Sources) -> None:
    if len(text.split()) > MAX_FOLLOW_UP_WORDS:
        raise Unusable(f"it is longer than {MAX_FOLLOW_UP_WORDS} words")
    if sources.false_quotes(text):
        raise Unusable("it quotes what does not stand in the answer")
    if not sources.bears_out(text):
        raise Unusable("it has a figure or a name that is not in the answer")


def names(question: str, evidence: Evidence) -> bool:
    """Whether *question* names something of *evidence*: a word of substance, a figure, an organisation."""
    said = question.casefold()
    if evidence.kind == "skill":
        return evidence.text.strip().casefold() in said or _share(said, evidence.text)
    return _share(said, f"{evidence.text} {evidence.organisation} {evidence.title}")


def _share(said: str, material: str) -> bool:
    dull = load().words.function | load().words.asking
    words = {each for each in _WORD.findall(material.casefold()) if each not in dull}
    asked = {each for each in _WORD.findall(said) if each not in dull}
    # The beginning of a word stands for it: led and leading differ, migrate and migration do not.
    stems = {each if each[0].isdigit() else each[:5] for each in words}
    return any((each if each[0].isdigit() else each[:5]) in stems for each in asked)


def says_the_same(text: str, earlier: str) -> bool:
    """Whether two questions are one, or near copies of each other."""
    one, other = (set(_WORD.findall(each.casefold())) for each in (text, earlier))
    return bool(one) and len(one & other) >= SAME * len(one | other)


def summed_up(reply: SummaryOut, remarks: Remarks) -> tuple[str, tuple[str, ...]]:
    """The summary and what to practise, fit to be shown and borne out. Raises Unusable."""
    summary = remarks.take(reply.summary, LONGEST_SUMMARY, suggests=True)
    practice = tuple(said for each in reply.practice[:3] if (said := remarks.take(each, suggests=True)))
    if not summary or not practice:
        raise Unusable(
            "it is empty, too long, touches on what is nobody's business, or says what is not there"
        )
    return summary, practice


def remark(text: str, most: int = LONGEST) -> str:
    """*text* as one line without markup; empty where it is too long, or better not said."""
    line = " ".join(_MARKUP.sub(" ", clean(text)).split())
    if len(line) > most or protected_topic(line) or to_the_grader().search(line):
        return ""
    return line


def _strengths(reply: AnswerOut, answer: Answer, remarks: Remarks) -> tuple[tuple[Observation, ...], int]:
    """Those whose quote stands in *answer*, and of how many it does not."""
    found, dropped = [], 0
    for each in reply.strengths[:MOST_REMARKS]:
        quote = answer.find(each.quote)
        if quote is None:
            dropped += 1
            continue
        text = remarks.take(each.text) or load().feedback.there[each.aspect]
        found.append(Observation("there", each.aspect, text, quote))
    return tuple(found), dropped


def _absent(reply: AnswerOut, strengths: Sequence[Observation]) -> tuple[Observation, ...]:
    there = {seen.aspect for seen in strengths}
    texts = load().feedback.missing
    aspects = [each for each in dict.fromkeys(reply.missing) if each not in there and each in texts]
    return tuple(Observation("missing", each, texts[each]) for each in aspects[:MOST_REMARKS])


def _to_try(reply: AnswerOut, remarks: Remarks) -> tuple[Observation, ...]:
    given = reply.improvements[:MOST_REMARKS]
    tries = ((each.aspect, remarks.take(each.text, suggests=True)) for each in given)
    return tuple(Observation("try", aspect, text) for aspect, text in tries if text)


def _kept_remarks(base: AnswerFeedback) -> tuple[Observation, ...]:
    return tuple(seen for seen in base.observations if seen.aspect in ("instructions", "repeated"))


def _outline(reply: AnswerOut, remarks: Remarks) -> tuple[OutlineStep, ...]:
    """The steps that bring nothing new."""
    given = reply.outline[: 2 * MOST_REMARKS]
    steps = ((each.part, remarks.take(each.text, suggests=True)) for each in given)
    return tuple(OutlineStep(part, text) for part, text in steps if text)
