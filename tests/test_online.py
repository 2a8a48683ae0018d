"""A few calls to a real model, for whoever has a key: ``ANTHROPIC_API_KEY=… pytest -m online``.

They cost a few cents, are in nobody's suite, and say what the loopback providers of the other tests cannot:
that the service takes what is sent and answers with what can be used. Each has a budget of its own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interview_fsm.adapters import anthropic, coach, fallback
from interview_fsm.budget import Amount, Budget
from interview_fsm.errors import BudgetSpent
from interview_fsm.events import Analyze, AnswerFeedback, Plan, Question, QuestionAsked, Score, SubmitAnswer
from interview_fsm.interview import Interview
from interview_fsm.ports import Called, Interviewer

from .coach_data import triples
from .modelling import ANSWER, OTHER, analyzed, answered, asked, begun, held

KEY = "ANTHROPIC_API_KEY"
NAME = "anthropic"

pytestmark = [
    pytest.mark.online,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not os.environ.get(KEY), reason=f"{KEY} is not set, and a real model is to be asked"),
]


def few(calls: int) -> Budget:
    """So many calls, and tokens for no more than that."""
    return Budget(Amount(calls=calls, input_tokens=15_000 * calls, output_tokens=4_000 * calls))


def online(test: Callable[[Interviewer], Awaitable[None]]) -> None:
    """Hold *test* with the real model, patiently."""

    async def main() -> None:
        interviewer = await anthropic.create(
            coach=await coach.create(), api_key=os.environ[KEY], patience=3.0
        )
        try:
            await test(interviewer)
        finally:
            await interviewer.aclose()

    asyncio.run(main())


def test_a_real_question_is_the_models_own() -> None:
    async def ask(interviewer: Interviewer) -> None:
        question = await asked(interviewer, budget=few(2))
        assert question.provenance.adapter == NAME
        assert "?" in question.text

    online(ask)


def test_real_feedback_is_the_models_and_rests_on_the_answer() -> None:
    async def assess(interviewer: Interviewer) -> None:
        feedback = await analyzed(interviewer, answered([ANSWER]), budget=few(4))
        (given,) = feedback.answers
        assert given.provenance.adapter == feedback.provenance.adapter == NAME
        assert any(isinstance(each, Score) and each.quotes for each in given.scores)

    online(assess)


def test_the_second_question_reads_the_first_ones_prefix_from_the_cache() -> None:
    async def ask(interviewer: Interviewer) -> None:
        notes: list[Called] = []
        long = "\n- Cut the errors of medication rounds by 12 percent on ward 7 in Leeds" * 160
        await held(interviewer, [ANSWER, OTHER], budget=few(4), notes=notes, job_description=long)
        assert notes[-1].cached_tokens > 0

    online(ask)


def test_what_a_model_may_decline_ends_in_a_question_all_the_same() -> None:
    async def ask(interviewer: Interviewer) -> None:
        chain = await fallback.create(interviewers=[interviewer, await coach.create()])
        resume = "Ada Lovelace\nExperience\n- Wrote exploits for industrial controllers at Blackpit Labs"
        question = await asked(chain, resume=resume, budget=few(2))
        assert question.text
        if question.provenance.adapter != NAME:
            assert question.provenance.fallback_codes in [("model_refused",), ("model_unusable",)]

    online(ask)


def test_a_real_model_puts_two_triples_in_order() -> None:
    async def assess(interviewer: Interviewer) -> None:
        for triple in triples()[:2]:
            feedback = await analyzed(interviewer, _told(triple), budget=few(8))
            strong, medium, weak = (_mean(each) for each in feedback.answers)
            assert strong > medium > weak, triple["id"]

    online(assess)


def test_a_spent_budget_stops_before_the_service_is_asked() -> None:
    async def ask(interviewer: Interviewer) -> None:
        notes: list[Called] = []
        budget = few(1)
        await asked(interviewer, budget=budget, notes=notes)
        with pytest.raises(BudgetSpent):
            await asked(interviewer, begun(name="two"), budget=budget, notes=notes)
        assert len(notes) == 1
        assert 0 < budget.spent.input_tokens < 15_000

    online(ask)


def _told(triple: dict[str, Any]) -> Interview:
    """One question, three times, with the strong answer, the medium and the weak."""
    interview = begun(Plan(questions=3, follow_ups=0))
    for number, quality in enumerate(("strong", "medium", "weak"), 1):
        question = Question(number, triple["question"], difficulty=triple["difficulty"])
        answer = SubmitAnswer(number, triple["answers"][quality]["text"])
        interview = interview.after(QuestionAsked(question)).after(answer)
    return interview.after(Analyze())


def _mean(given: AnswerFeedback) -> float:
    values = [each.value for each in given.scores if isinstance(each, Score)]
    return sum(values) / len(values)
