"""Interviews with a model behind its real SDK, as the tests of the adapters hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from interview_fsm.adapters import anthropic, coach, openai
from interview_fsm.adapters._failures import ModelError
from interview_fsm.adapters._interviewing import ModelInterviewer
from interview_fsm.events import (
    Analyze,
    Attached,
    ChooseDifficulty,
    Feedback,
    FollowUpWanted,
    Plan,
    Question,
    QuestionAsked,
    StartInterview,
    SubmitAnswer,
)
from interview_fsm.interview import Ask, Interview
from interview_fsm.ports import Brief, Called, Interviewer

from .coach_data import LAYOUTS
from .providers import CANARY, Act, Provider, in_memory, listening

RESUME = LAYOUTS["nurse"]
JOB = "We look for a charge nurse who trains others."
KEY = "sk-test-canary"
ANSWER = (
    "Last spring our ward had a backlog of discharges and I was in charge of the board. I moved two nurses "
    "to the late shift because it was empty, and I considered a second round but decided against it. In the "
    "end the backlog fell to four patients within a week."
)
OTHER = (
    "Two years ago the handover took forty minutes, so I drew up a checklist with three colleagues. I tested "
    "it for a month because nobody trusted it at first. After that it took fifteen minutes."
)
EVENTUALLY = 30.0
"""Times as patient as usual: for tests with real sockets in which nothing is to run out of time."""
AT_ONCE = 0.05
"""Times as patient as usual: for tests with real sockets in which something is."""


async def adapter(provider: Provider, url: str | None = None, **options: Any) -> ModelInterviewer:
    """The interviewer of *provider*'s dialect: over sockets to *url*, else in memory."""
    by_rules = await coach.create()
    client = None if url else in_memory(provider)
    where = url or provider.url
    if provider.dialect == "anthropic":
        options = {"api_key": KEY, "base_url": where, "http_client": client, **options}
        return await anthropic.create(coach=by_rules, **options)
    options = {"base_url": f"{where}/v1", "model": "llama", "http_client": client, "patience": 1.0, **options}
    return await openai.create(coach=by_rules, **options)


def begun(plan: Plan | None = None, difficulty: str = "mid", name: str = "one") -> Interview:
    plan = plan or Plan(questions=3, follow_ups=0)
    return Interview(id=name).following([Attached(), StartInterview(plan), ChooseDifficulty(difficulty)])


def brief(interview: Interview, notes: list[Called] | None = None, **changed: Any) -> Brief:
    """What the session would hand over for what is going on in *interview*."""
    wanted = interview.activity
    given = Brief(
        interview,
        RESUME,
        JOB,
        wanted if isinstance(wanted, Ask) else None,
        note=notes.append if notes is not None else None,
    )
    return replace(given, **changed)


async def asked(interviewer: Interviewer, interview: Interview | None = None, **changed: Any) -> Question:
    return await interviewer.ask(brief(interview or begun(), **changed))


async def held(
    interviewer: Interviewer,
    answers: Sequence[str],
    plan: Plan | None = None,
    missing: str = "",
    **changed: Any,
) -> Interview:
    """The interview with these *answers*; with *missing* each main answer gets a follow-up."""
    interview = begun(plan or Plan(questions=len(answers), follow_ups=0))
    for answer in answers:
        question = await interviewer.ask(brief(interview, **changed))
        interview = interview.after(QuestionAsked(question)).after(SubmitAnswer(question.number, answer))
        if missing and interview.turns[-1].question.follow_up_to is None:
            interview = interview.after(FollowUpWanted(question.number, missing))
    return interview


def answered(answers: Sequence[str], plan: Plan | None = None) -> Interview:
    """An interview with these *answers* to questions that nobody had to think of, at its analysis."""
    interview = begun(plan or Plan(questions=len(answers), follow_ups=0))
    for number, answer in enumerate(answers, 1):
        question = Question(number, f"What did you change on ward {number}, and why?", difficulty="mid")
        interview = interview.after(QuestionAsked(question)).after(SubmitAnswer(number, answer))
    return interview.after(Analyze())


async def analyzed(interviewer: Interviewer, interview: Interview, **changed: Any) -> Feedback:
    """Feedback, every quote of which the interview bears out."""
    feedback = await interviewer.analyze(brief(interview, **changed))
    assert interview.grounded(feedback) == feedback
    return feedback


async def fault(
    dialect: str, act: Act, *, patience: float = EVENTUALLY, tries: int = 2
) -> tuple[ModelError, Provider]:
    """What a question ends in when each call goes like *act*, over a real socket."""
    provider = Provider(dialect, always=act)
    async with listening(provider) as url:
        interviewer = await adapter(provider, url, patience=patience)
        try:
            with pytest.raises(ModelError) as caught:
                await asked(interviewer)
        finally:
            await interviewer.aclose()
    assert provider.calls == tries
    assert CANARY not in f"{caught.value} {caught.value!r}"
    return caught.value, provider
