"""Spoken answers that may have been understood wrongly: not judged before they are confirmed."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from interview_fsm.adapters.coach import create
from interview_fsm.coaching.follow_up import follow_up
from interview_fsm.events import (
    AnswerRecorded,
    ChooseDifficulty,
    CorrectAnswer,
    NotScored,
    Plan,
    Question,
    QuestionAsked,
    RecordAnswer,
    Score,
    Slot,
    StartInterview,
    Transcript,
)
from interview_fsm.interview import Interview
from interview_fsm.messages import WantedPlan
from interview_fsm.ports import Brief

SAID = "I rewrote the export myself because it was slow, and it went from 3 hours to 20 minutes."


def spoken(confidence: float | None, below: float = 0.5) -> Interview:
    interview = Interview(id="i")
    for event in (
        StartInterview(Plan(questions=1, confirm_below=below)),
        ChooseDifficulty("senior"),
        QuestionAsked(Question(1, "What did you make faster?", Slot("delivery"), difficulty="senior")),
        RecordAnswer(1),
        AnswerRecorded(1, Transcript(SAID, "sphinx", confidence)),
    ):
        interview = interview.after(event)
    return interview


def is_unconfirmed(interview: Interview) -> bool:
    answer = interview.turns[0].answer
    assert answer is not None
    return answer.unconfirmed


def scores(interview: Interview) -> tuple[Score | NotScored, ...]:
    async def analyze() -> tuple[Score | NotScored, ...]:
        feedback = await (await create()).analyze(Brief(interview))
        assert interview.grounded(feedback) == feedback
        return feedback.answers[0].scores

    return asyncio.run(analyze())


@pytest.mark.parametrize(
    ("confidence", "below", "unsure"),
    [(0.49, 0.5, True), (0.5, 0.5, False), (None, 0.5, False), (0.01, 0.0, False), (0.0, 0.1, True)],
)
def test_little_confidence_is_to_be_confirmed(confidence: float | None, below: float, unsure: bool) -> None:
    assert is_unconfirmed(spoken(confidence, below)) is unsure


def test_what_is_unconfirmed_is_neither_scored_nor_asked_back_about() -> None:
    interview = spoken(0.2)
    assert {score.reason for score in scores(interview) if isinstance(score, NotScored)} == {"unconfirmed"}
    assert not any(isinstance(score, Score) for score in scores(interview))
    assert follow_up(replace_plan(interview, follow_ups=1)) is None


def replace_plan(interview: Interview, **changes: int) -> Interview:
    return replace(interview, plan=replace(interview.plan, **changes))


def test_the_summary_says_so_and_praises_nothing() -> None:
    async def summary() -> tuple[str, tuple[str, ...]]:
        feedback = await (await create()).analyze(Brief(spoken(0.2)))
        return feedback.summary, feedback.practice

    said, practice = asyncio.run(summary())
    assert "Confirm or correct" in said
    assert practice == ()


def test_the_same_text_again_confirms_it_and_its_feedback_is_made_anew() -> None:
    unsure = spoken(0.2)
    sure = unsure.after(CorrectAnswer(1, SAID))
    assert not is_unconfirmed(sure)
    answer = sure.turns[0].answer
    assert answer is not None
    assert answer.revision == 2
    assert all(isinstance(score, Score) for score in scores(sure))


def test_where_nobody_can_be_asked_nothing_is_and_old_plans_keep_their_name() -> None:
    assert Plan().confirm_below == 0
    assert WantedPlan().plan(1).confirm_below == 0.5
    assert WantedPlan(confirm_below=0.0).plan(1).confirm_below == 0
    assert Plan().fingerprint == "2ffd6f79265a78dd"
    assert Plan(confirm_below=0.5).fingerprint != Plan().fingerprint
