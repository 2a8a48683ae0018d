"""Puts single answers to an interviewer and keeps count of what it shows for its scores."""

from __future__ import annotations

import re

from msgspec.structs import replace

from ..events import UNPROVED, AnswerFeedback, Feedback, NotScored, Plan, Question, Score
from ..interview import Answer, Interview, Turn
from ..ports import Brief, Interviewer
from ..totals import totalled
from .tally import Tally

BAND = re.compile(r"\b(?:weak|poor|fair|good|solid|strong|excellent|outstanding)\b", re.IGNORECASE)
"""Words that are a verdict."""
OWN = 0.95
"""The share that must come from the interviewer that is measured, and not from who stands in for it."""
PLAN = Plan(questions=1, follow_ups=0)


class Judge:
    """What *interviewer* says about one answer at a time, each in an interview of its own."""

    def __init__(self, interviewer: Interviewer) -> None:
        self._interviewer = interviewer
        self._known: dict[tuple[Question, str], AnswerFeedback] = {}
        self.shown = self.dropped = 0
        """Quotes that it showed, and that it dropped by itself because they did not verify."""
        self.unproved: list[str] = []
        """Quotes that it showed and that are no slice of their answer."""
        self.bare: list[str] = []
        """What an assessment came without: limits, provenance, anchors."""
        self.assessed = Tally("assessments are the interviewer's own", OWN)
        self.summed_up = Tally("summaries are the interviewer's own", OWN)
        self.borne_out = Tally("no verdict stands without words that it rests on")

    async def judge(self, question: Question, answer: str) -> AnswerFeedback:
        """The feedback on *answer*, asked for once."""
        key = (question, answer)
        if key not in self._known:
            self._known[key] = await self.afresh(question, answer)
        return self._known[key]

    async def afresh(self, question: Question, answer: str) -> AnswerFeedback:
        """The feedback on *answer*, asked for again."""
        interview = Interview(id="eval", plan=PLAN, turns=(Turn(question, Answer(answer)),))
        given = await self._interviewer.analyze(Brief(interview))
        self._count(given, answer)
        self._look_into(given, question.slot.facet)
        given = totalled(interview.grounded(replace(given, plan=PLAN.fingerprint)), PLAN)
        return next(each for each in given.answers if each.question == question.number)

    def _count(self, feedback: Feedback, answer: str) -> None:
        for given in feedback.answers:
            quotes = given.quotes
            self.shown += len(quotes)
            wrong = [each.text for each in quotes if answer[each.start : each.end] != each.text]
            scores = [each for each in given.scores if isinstance(each, Score)]
            self.unproved += wrong
            self.dropped += max(given.dropped_quotes, sum(each.dropped_quotes for each in scores))
            if not all(each.anchor for each in scores):
                self.bare.append("a score without what it means")
        if not feedback.limitations:
            self.bare.append("no limitations")
        if not feedback.provenance.adapter:
            self.bare.append("no provenance")

    def _look_into(self, feedback: Feedback, case: str) -> None:
        """Who made *feedback*, and what its verdicts rest on."""
        self.summed_up.see(not feedback.provenance.fallback_from, case)
        for given in feedback.answers:
            failed = any(isinstance(each, NotScored) and each.reason == "failed" for each in given.scores)
            self.assessed.see(not given.provenance.fallback_from and not failed, case)
            for each in given.scores:
                if isinstance(each, Score):
                    self.borne_out.see(bool(each.quotes) or not _is_verdict(each), case)
            for seen in given.strengths:
                self.borne_out.see(seen.quote is not None, case)


def _is_verdict(score: Score) -> bool:
    """Whether *score* says more than that something is not there."""
    return score.value > UNPROVED or bool(BAND.search(score.rationale))


def values(given: AnswerFeedback) -> dict[str, int]:
    """The scores by dimension, without those that there are none of."""
    return {each.dimension: each.value for each in given.scores if isinstance(each, Score)}


def overall(given: AnswerFeedback) -> float:
    """The overall figure; below every other where nothing was scored."""
    return 0.0 if given.overall is None else given.overall
