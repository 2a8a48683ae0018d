"""A report of an interview for programs: JSON with a version of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from ..coaching.levels import read_level
from ..events import (
    Delivery,
    Evidence,
    Feedback,
    NotScored,
    Observation,
    OutlineStep,
    Plan,
    Provenance,
    Score,
    Slot,
    Total,
)
from ..interview import Answer, Interview
from .cases import Case, cases
from .text import UNSEEN


class AnswerReport(Struct, frozen=True):
    """The feedback on one answer; its quotes are slices of *revision* of that answer."""

    revision: int
    stale: bool
    """The answer has changed since."""
    observations: tuple[Observation, ...]
    provenance: Provenance
    scores: tuple[Score | NotScored, ...]
    """One for each dimension of the rubric; empty in feedback from before there were scores."""
    overall: float | None
    outline: tuple[OutlineStep, ...]
    delivery: Delivery | None
    flags: tuple[str, ...]
    dropped_quotes: int
    dropped_remarks: int
    """What was left out because nothing bore it out."""


class QuestionReport(Struct, frozen=True):
    """One question and what came of it."""

    number: int
    title: str
    text: str
    follow_up_to: int | None
    difficulty: str
    slot: Slot
    evidence: Evidence | None
    provenance: Provenance
    skipped: bool
    answer: Answer | None
    attempts: tuple[Answer, ...]
    feedback: AnswerReport | None


class Report(Struct, frozen=True, kw_only=True):
    """The whole report. Fields may be added in version 1; none goes away or changes its meaning."""

    format: Literal["interview_fsm.report"] = "interview_fsm.report"
    version: Literal[1] = 1
    offsets: Literal["code points"] = "code points"
    """What ``start`` and ``end`` of a quote count: Unicode code points, not UTF-16 units or bytes."""
    interview: str
    made_at: datetime | None
    state: str
    difficulty: str
    level: str
    """How it was read: ``entry``, ``mid`` or ``senior``; empty before one is chosen."""
    plan: Plan
    fingerprint: str
    """Of the plan."""
    questions: tuple[QuestionReport, ...]
    stale: tuple[int, ...]
    """Answered questions whose answer the feedback has not seen as it stands."""
    summary: str
    practice: tuple[str, ...]
    limitations: str
    dropped_quotes: int
    dropped_remarks: int
    totals: tuple[Total, ...]
    """By dimension."""
    overall: float | None
    """The mean of the answers' overall figures; null where nothing was scored."""
    provenance: Provenance | None
    """Of the feedback; null while there is none."""


def as_json(interview: Interview, *, made_at: datetime | None = None) -> bytes:
    """*interview* and its feedback as UTF-8 JSON, an object with the fields of ``Report``.

    What is empty is left out of the values that the log has too (slot, evidence, answer, observation).
    Texts are exact, control characters and all, but those are written as escapes, so that the file can
    be shown anywhere.
    """
    indented = msgspec.json.format(msgspec.json.encode(_report(interview, made_at)), indent=2)
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", indented.decode()).encode() + b"\n"


def _report(interview: Interview, made_at: datetime | None) -> Report:
    feedback = interview.feedback or Feedback(answers=())
    return Report(
        interview=interview.id,
        made_at=made_at,
        state=interview.state.value,
        difficulty=interview.difficulty,
        level=read_level(interview.difficulty).name if interview.difficulty else "",
        plan=interview.plan,
        fingerprint=interview.plan.fingerprint,
        questions=tuple(_question(case) for case in cases(interview)),
        stale=interview.stale,
        summary=feedback.summary,
        practice=feedback.practice,
        limitations=feedback.limitations,
        dropped_quotes=feedback.dropped_quotes,
        dropped_remarks=feedback.dropped_remarks,
        totals=feedback.totals,
        overall=feedback.overall,
        provenance=interview.feedback.provenance if interview.feedback else None,
    )


def _question(case: Case) -> QuestionReport:
    turn, question = case.turn, case.turn.question
    return QuestionReport(
        number=question.number,
        title=case.title,
        text=question.text,
        follow_up_to=question.follow_up_to,
        difficulty=question.difficulty,
        slot=question.slot,
        evidence=question.evidence,
        provenance=question.provenance,
        skipped=turn.skipped,
        answer=turn.answer,
        attempts=turn.attempts,
        feedback=_answer(case),
    )


def _answer(case: Case) -> AnswerReport | None:
    given = case.given
    if given is None:
        return None
    return AnswerReport(
        given.revision,
        case.is_stale,
        given.observations,
        given.provenance,
        given.scores,
        given.overall,
        given.outline,
        given.delivery,
        given.flags,
        given.dropped_quotes,
        given.dropped_remarks,
    )
