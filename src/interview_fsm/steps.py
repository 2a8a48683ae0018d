"""An interview taken one step at a time: send a command, and wait for what comes of it.

For whoever conducts an interview in order (the plain-text dialect, the assistant, the terminal). Each
step returns what it brought, and raises InvalidCommand when the interview cannot do it now, AdapterError
with the sentence for the candidate when it was tried and failed, SessionOver when the interview was
stopped meanwhile, and what ended the session when that ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress

from .engine import Engine, Session
from .errors import AdapterError, Gone, InterviewError, InvalidCommand, SessionOver
from .events import (
    Analyze,
    ChooseDifficulty,
    Feedback,
    Material,
    Plan,
    Question,
    RecordAnswer,
    Source,
    StartInterview,
    StopInterview,
    SubmitAnswer,
)
from .interview import Interview, Wanted
from .states import State, Trigger, refusal


def plan_on_request(questions: int, material: Material | None, seed: int | None = None) -> Plan:
    """A plan in which every question is asked for, without follow-ups; None draws a seed."""
    return Plan(
        questions=questions,
        advance="on_request",
        follow_ups=0,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        resume_digest=material.digest if material else "",
    )


async def start(session: Session, plan: Plan) -> None:
    """Begin."""
    await session.send(StartInterview(plan))


async def ask(session: Session, difficulty: str) -> Question:
    """The next question, or the open one on the way back from the analysis."""
    await session.send(ChooseDifficulty(difficulty))
    return await asked(session)


async def asked(session: Session) -> Question:
    """The question that is being made, once it is open."""
    interview = await _until(session, lambda i: not isinstance(i.question, Wanted))
    if (question := interview.open_question) is None:
        raise _failure(session, "the question could not be made")
    return question


async def record(session: Session, file: bytes = b"") -> str:
    """The answer to the open question, as heard by this machine's microphone, or in a sound *file*."""
    number = _open_question(session, Trigger.RECORD_ANSWER)
    await session.send(RecordAnswer(number, Source("upload") if file else Source()), file=file)
    interview = await _until(session, lambda i: i.state is not State.RECORDING)
    answer = interview.turns[number - 1].answer
    if interview.open_question is not None or answer is None:
        raise _failure(session, "the answer could not be recorded")
    return answer.text


async def submit(session: Session, text: str) -> str:
    """The answer to the open question, as typed."""
    await session.send(SubmitAnswer(_open_question(session, Trigger.SUBMIT_ANSWER), text))
    return text


async def analyze(session: Session) -> Feedback:
    """Feedback on all answers."""
    await session.send(Analyze())
    interview = await _until(session, lambda i: not i.feedback_wanted)
    if interview.feedback is None or session.trouble is not None:
        raise _failure(session, "the analysis could not be made")
    return interview.feedback


async def stop(session: Session) -> None:
    """End the interview, if it has begun and is not over."""
    if session.interview.version and session.interview.state is not State.STOPPED:
        with suppress(InvalidCommand, Gone):  # somebody else has stopped it, or erased it
            await session.send(StopInterview())


async def live(engine: Engine, session: Session) -> Session:
    """The session; where it has ended, as after a storage was away, a new one that goes on from what the log
    says. Raises what ``Engine.open()`` does.
    """
    if session.ended is None:
        return session
    return await engine.open(session.interview.id, client=session.client)


async def leave(engine: Engine, session: Session) -> Session:
    """Stop the interview, though its session may have ended, and end that; the session there was last.

    Raises why the interview cannot be stopped, everything let go of: then its résumé's text is erased
    without that, by a sweep where the storage does not take that either.
    """
    try:
        if session.interview.version == 0:  # it may just be beginning: what came of it the log says
            await session.aclose()
        session = await live(engine, session)
        await stop(session)
    except InterviewError as problem:
        await engine.drop_resume(session.interview.id)
        if not isinstance(problem, Gone):  # erased, or no more than its résumé was stored
            raise
    finally:
        await session.aclose()
    return session


async def _until(session: Session, condition: Callable[[Interview], bool]) -> Interview:
    interview = await session.until(lambda i: i.state is State.STOPPED or condition(i))
    if interview.state is State.STOPPED:
        raise SessionOver(interview.id, "the interview was stopped")
    return interview


def _open_question(session: Session, trigger: Trigger) -> int:
    if (question := session.interview.open_question) is None:
        raise refusal(session.interview, trigger)
    return question.number


def _failure(session: Session, what: str) -> AdapterError:
    trouble = session.trouble
    if trouble is None:
        return AdapterError("interview", "internal", what)
    return AdapterError("interview", trouble.code, trouble.message)
