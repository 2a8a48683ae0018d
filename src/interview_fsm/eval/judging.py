"""Puts single answers to an interviewer and keeps count of what it shows for its scores."""

from __future__ import annotations

from msgspec.structs import replace

from ..events import AnswerFeedback, Feedback, Plan, Question, Score
from ..interview import Answer, Interview, Turn
from ..ports import Brief, Interviewer
from ..totals import totalled

PLAN = Plan(questions=1, follow_ups=0)


class Judge:
    """What *interviewer* says about one answer at a time, each in an interview of its own."""

    def __init__(self, interviewer: Interviewer) -> None:
        self._interviewer = interviewer
        self._known: dict[tuple[Question, str], AnswerFeedback] = {}
        self.shown = self.dropped = 0
        """Quotes that it showed, and that did not verify: dropped by itself, or here."""
        self.unproved: list[str] = []
        """Quotes that it showed and that are no slice of their answer."""
        self.bare: list[str] = []
        """What an assessment came without: limits, provenance, anchors."""

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
        given = totalled(interview.grounded(replace(given, plan=PLAN.fingerprint)), PLAN)
        return next(each for each in given.answers if each.question == question.number)

    def _count(self, feedback: Feedback, answer: str) -> None:
        for given in feedback.answers:
            quotes = given.quotes
            self.shown += len(quotes)
            wrong = [each.text for each in quotes if answer[each.start : each.end] != each.text]
            scores = [each for each in given.scores if isinstance(each, Score)]
            self.unproved += wrong
            self.dropped += len(wrong) + sum(each.dropped_quotes for each in scores)
            if not all(each.anchor for each in scores):
                self.bare.append("a score without what it means")
        if not feedback.limitations:
            self.bare.append("no limitations")
        if not feedback.provenance.adapter:
            self.bare.append("no provenance")


def values(given: AnswerFeedback) -> dict[str, int]:
    """The scores by dimension, without those that there are none of."""
    return {each.dimension: each.value for each in given.scores if isinstance(each, Score)}


def overall(given: AnswerFeedback) -> float:
    """The overall figure; below every other where nothing was scored."""
    return 0.0 if given.overall is None else given.overall
