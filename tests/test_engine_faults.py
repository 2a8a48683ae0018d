"""What the world does wrong: a session tells of it, lives on where it can, and never hangs."""

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from interview_fsm import events as e
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Engine, Limits, News, Session, Speech, Update
from interview_fsm.errors import AdapterError, Conflict, Gone, InvalidCommand, SessionOver, SessionTaken
from interview_fsm.interview import Interview, Open
from interview_fsm.ports import Audio, Brief
from interview_fsm.states import State
from interview_fsm.testing import (
    HANGS,
    Fault,
    FaultyStorage,
    ScriptedInterviewer,
    ScriptedRecorder,
    ScriptedSpeaker,
    ScriptedTranscriber,
    Step,
    run,
    turns,
)

from .worlds import CANARY, MATERIAL, World, candidate, has_feedback, has_open, loop, quiet, started

ONE = e.Plan(questions=1, follow_ups=0)


class Panic(BaseException):
    """What a library written in Rust raises."""


ERRORS = [
    AdapterError("fake", "model_unavailable", "The model cannot be reached."),
    ValueError(CANARY),
    TimeoutError(CANARY),
    asyncio.CancelledError(CANARY),  # a task of the library's own was cancelled
    Panic(CANARY),
    Conflict("i", CANARY),
    InvalidCommand("analyze", "idle", (), CANARY),
    KeyError(CANARY),
]
CODES = ["model_unavailable", "internal", "timeout"] + ["internal"] * 5
FAILURES = list(zip(ERRORS, CODES, strict=True))


def named(failure: tuple[BaseException, str]) -> str:
    return type(failure[0]).__name__


def sitting(test: Any, world: World, **settings: Any) -> None:
    async def main() -> None:
        async with world.engine(**settings) as engine, engine.new(MATERIAL) as session:
            await test(session)
        assert world.open == 0

    run(main())


# -------------------------------------------------------------------------------------- the storage


def at_append(number: int, fault: Fault) -> World:
    """A world in which *fault* befalls the append with this number."""
    appends: list[int] = []

    def plan(call: int, name: str) -> Fault:
        if name == "append":
            appends.append(call)
        return fault if name == "append" and len(appends) == number else None

    return World(plan)


LOST: list[Fault] = [math.inf, "lost-request", "lost-reply"]


@pytest.mark.parametrize("fault", LOST)
def test_an_append_without_an_answer_ends_the_session_and_a_resend_is_stored_once(fault: Fault) -> None:
    world = at_append(5, fault)  # attached, start_interview, choose_difficulty, question_asked, and then

    async def main() -> None:
        async with world.engine() as engine:
            session = engine.new(token="t")
            before = await started(session, ONE)
            waiting = asyncio.create_task(session.until(lambda i: i.state is State.STOPPED))
            began = loop().time()
            with pytest.raises(AdapterError) as caught:
                await session.send(e.SubmitAnswer(1, "I did it."), command_id="c1")
            assert (caught.value.code, caught.value.retryable) == ("storage_unavailable", True)
            assert loop().time() - began == (10.0 if fault == math.inf else 0.0)
            assert session.interview == before  # nothing moves that is not known to be stored
            assert isinstance(session.ended, AdapterError)
            with pytest.raises(AdapterError):
                await waiting
            with pytest.raises(AdapterError):
                await session.send(e.StopInterview())
            assert engine.sessions == world.open == 0

            again = await engine.open(session.interview.id, token="t")
            for _ in range(2):
                interview = await again.send(e.SubmitAnswer(1, "I did it."), command_id="c1")
                assert len(interview.answered) == 1
            stored = [entry.append_id for entry in await world.kept.load(interview.id)]
            assert stored.count("c1") == 1
            await candidate(again)

    run(main())


@pytest.mark.parametrize("fault", LOST)
def test_an_outcome_that_cannot_be_stored_ends_the_session_and_is_had_again(fault: Fault) -> None:
    world = at_append(4, fault)

    async def main() -> None:
        async with world.engine() as engine:
            session = engine.new()
            with pytest.raises(AdapterError):
                await started(session, ONE)
            assert isinstance(session.ended, AdapterError)
            again = await engine.open(session.interview.id)
            await again.until(has_open(1))
            assert (await world.story(session.interview.id)).count("question_asked") == 1
            assert world.interviewer.calls == (1 if fault == "lost-reply" else 2)

    run(main())


@pytest.mark.parametrize("hit", [1, 2])
@pytest.mark.parametrize("fault", LOST)
def test_where_the_beginning_fails_there_is_no_interview_or_one_with_its_resume(
    fault: Fault, hit: int
) -> None:
    world = at_append(hit, fault)

    async def main() -> None:
        async with world.engine() as engine:
            session = engine.new(MATERIAL)
            with pytest.raises(AdapterError):
                await session.send(e.StartInterview(ONE))
            if hit == 1 or fault != "lost-reply":
                with pytest.raises(Gone):
                    await engine.open(session.interview.id)
                await asyncio.sleep(301)
                await engine.sweep()
                assert await world.logs() == []
                return
            async with await engine.open(session.interview.id) as again:
                assert again.interview.state is State.IDLE
                assert again.material == MATERIAL
                await candidate(again)

    run(main())


def test_what_was_not_stored_is_told_to_nobody() -> None:
    world = at_append(6, "lost-request")  # the résumé, attached, three more, and then

    async def main(session: Session) -> None:
        with session.updates() as updates:
            await started(session, ONE)
            with pytest.raises(AdapterError):
                await session.send(e.RecordAnswer(1))
            told = [news.entry.version async for news in updates if isinstance(news, Update)]
        assert told == [1, 2, 3, 4]
        assert world.recorder.calls == 0

    sitting(main, world)


@pytest.mark.parametrize("pause", range(0, 24, 2))
def test_who_closes_a_session_that_is_failing_waits_until_it_has_let_go(pause: int) -> None:
    world = at_append(6, "lost-reply")
    world.speaker = ScriptedSpeaker((HANGS,), leaving=15)

    async def main(session: Session) -> None:
        await started(session, ONE)
        await asyncio.sleep(1)
        assert world.open == 1
        sending = asyncio.create_task(session.send(e.RepeatQuestion(1)))
        await turns(pause)
        await session.aclose(SessionTaken(session.interview.id))
        assert world.open == 0
        with pytest.raises((AdapterError, SessionTaken)) as caught:
            await sending
        # It failed first, unless it was closed before it had begun.
        assert isinstance(caught.value, AdapterError if pause else SessionTaken)

    sitting(main, world)
    assert not world.hurried


def test_an_interview_opens_or_says_in_time_that_the_storage_is_silent() -> None:
    world = World(lambda call, name: math.inf if name == "load" else None)

    async def main() -> None:
        async with world.engine() as engine:
            async with engine.new() as session:
                await session.attach()
            with pytest.raises(AdapterError) as caught:
                await engine.open(session.interview.id)
            assert caught.value.code == "storage_unavailable"
            assert loop().time() == 10.0
            assert engine.sessions == 0

    run(main())


def test_a_storage_that_breaks_its_word_ends_the_session_and_no_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main(session: Session) -> None:
        await started(session, ONE)

        async def breaks(*args: Any, **settings: Any) -> None:
            raise RuntimeError(CANARY)

        world.storage.append = breaks  # type: ignore[method-assign]
        with pytest.raises(SessionOver):
            await session.send(e.RepeatQuestion(1))
        assert isinstance(session.ended, SessionOver)

    world = World()
    sitting(main, world)
    assert "RuntimeError" in caplog.text
    assert CANARY not in caplog.text


def picky(world: World, refuses: type[e.Event]) -> None:
    """Let the storage of *world* refuse every entry with such an event, as too large for it."""
    append = world.storage.append

    async def refusing(interview_id: str, version: int, entry: e.Entry, **head: Any) -> None:
        if any(isinstance(event, refuses) for event in entry.events):
            raise ValueError("an entry of more bytes than this storage keeps")
        await append(interview_id, version, entry, **head)

    world.storage.append = refusing  # type: ignore[method-assign,assignment]


def test_a_command_that_the_storage_cannot_keep_is_refused_and_the_session_lives() -> None:
    world = World()
    picky(world, e.SubmitAnswer)

    async def main(session: Session) -> None:
        before = await started(session, ONE)
        with pytest.raises(ValueError, match="more bytes"):
            await session.send(e.SubmitAnswer(1, "I did it."), command_id="c1")
        assert session.interview == before
        assert session.version_of("c1") is None
        assert (await session.send(e.RepeatQuestion(1))).question == Open(1, 2)

    sitting(main, world)


def test_an_outcome_that_the_storage_cannot_keep_is_a_failure_and_the_session_lives() -> None:
    world = World()
    picky(world, e.FeedbackGiven)

    async def main(session: Session) -> None:
        await started(session, ONE)
        await session.send(e.SubmitAnswer(1, "I did it."))
        await session.send(e.Analyze())
        interview = await session.until(lambda i: not i.feedback_wanted)
        assert (await world.kept.load(interview.id))[-1].events == (e.ActivityFailed("invalid_output"),)
        assert session.trouble is not None
        assert session.trouble.code == "invalid_output"

    sitting(main, world)


@pytest.mark.parametrize(
    "command",
    [e.SubmitAnswer(1, None), e.SubmitAnswer("one", "x"), e.ChooseDifficulty(3), e.CorrectAnswer(None, "x")],  # type: ignore[arg-type]
    ids=repr,
)
def test_a_command_of_the_wrong_types_is_refused_and_the_session_lives(command: e.Command) -> None:
    async def main(session: Session) -> None:
        before = await started(session, e.Plan(questions=2, follow_ups=0))
        before = await session.send(e.SubmitAnswer(1, "I did it."))
        before = await session.until(has_open(2))
        with pytest.raises((ValueError, InvalidCommand)):
            await session.send(command)
        assert session.interview == before
        assert (await session.send(e.SubmitAnswer(2, "And this."))).answered

    sitting(main, World())


def test_observers_hear_of_an_append_that_failed() -> None:
    world = at_append(3, "lost-request")

    async def main(session: Session) -> None:
        with pytest.raises(AdapterError):
            await started(session, ONE)

    sitting(main, world)
    assert [seen.outcome for seen in world.observed if seen.name == "append"] == ["ok", "storage_unavailable"]


# ------------------------------------------------------------------------------- adapters that raise


@pytest.mark.parametrize("failure", FAILURES, ids=named)
def test_a_question_that_fails_is_withdrawn_and_may_be_asked_for_again(
    failure: tuple[BaseException, str], caplog: pytest.LogCaptureFixture
) -> None:
    error, code = failure
    world = World()
    world.interviewer = ScriptedInterviewer((Step(raises=error, takes=1.0),))

    async def main(session: Session) -> None:
        with session.updates() as updates:
            await session.send(e.StartInterview(ONE))
            await session.send(e.ChooseDifficulty("x"))
            interview = await session.until(lambda i: not i.question_wanted)
            assert interview.question is None
            assert (await world.kept.load(interview.id))[-1].events == (e.ActivityFailed(code),)
            assert session.trouble is not None
            assert session.trouble.code == code
            assert CANARY not in session.trouble.message
            await asyncio.sleep(100)
            assert world.interviewer.calls == 1  # nothing loops
            await session.send(e.NextQuestion())
            await session.until(has_open(1))
            assert session.trouble is None
            await session.aclose()
            warnings = [news async for news in updates if isinstance(news, e.Warning)]
        assert [warning.code for warning in warnings] == [code]

    with caplog.at_level(logging.DEBUG):
        sitting(main, world)
    assert CANARY not in caplog.text
    assert [seen.outcome for seen in world.observed if seen.name == "ask"] == [code, "ok"]


@pytest.mark.parametrize("failure", FAILURES, ids=named)
def test_an_analysis_that_fails_is_withdrawn_and_may_be_asked_for_again(
    failure: tuple[BaseException, str],
) -> None:
    error, code = failure
    world = World()
    world.interviewer = ScriptedInterviewer(feedback=(Step(raises=error),))

    async def main(session: Session) -> None:
        await started(session, ONE)
        await session.send(e.SubmitAnswer(1, "I did it."))
        await session.send(e.Analyze())
        interview = await session.until(lambda i: not i.feedback_wanted)
        assert (interview.state, interview.feedback) == (State.ANALYZING, None)
        assert session.trouble is not None
        assert session.trouble.code == code
        await session.send(e.Analyze())
        await session.until(has_feedback)

    sitting(main, world)


@pytest.mark.parametrize("failure", FAILURES, ids=named)
@pytest.mark.parametrize("port", ["recorder", "transcriber"])
def test_an_answer_that_cannot_be_had_is_lost_and_the_question_is_put_again(
    failure: tuple[BaseException, str], port: str
) -> None:
    error, code = failure
    world = World()
    if port == "recorder":
        world.recorder = ScriptedRecorder((Step(raises=error),))
    else:
        world.transcriber = ScriptedTranscriber((Step(raises=error),))

    async def main(session: Session) -> None:
        await started(session, ONE)
        await session.send(e.RecordAnswer(1))
        interview = await session.until(lambda i: i.state is State.QUESTIONING)
        assert interview.question == Open(1, 2)
        assert (await world.kept.load(interview.id))[-1].events == (e.AnswerLost(code),)
        await session.send(e.RecordAnswer(1))
        assert (await session.until(lambda i: bool(i.answered))).answered

    sitting(main, world)


@pytest.mark.parametrize("failure", FAILURES, ids=named)
def test_a_voice_that_fails_is_a_warning_and_no_event(failure: tuple[BaseException, str]) -> None:
    error, code = failure
    world = World()
    world.speaker = ScriptedSpeaker((Step(raises=error),) * 9)

    async def main(session: Session) -> None:
        with session.updates() as updates:
            await started(session, ONE)
            await quiet(session)
            assert session.trouble is None
            assert world.speaker.begun == [session.interview.turns[0].question.text]
            assert "activity_failed" not in await world.story(session.interview.id)
            await candidate(session)
            await session.aclose()
            codes = [news.code async for news in updates if isinstance(news, e.Warning)]
        assert codes[0] == code

    sitting(main, world)


# --------------------------------------------------------------------------- adapters that take for ever


def test_what_takes_too_long_is_a_failure_with_its_own_limit() -> None:
    world = World()
    world.interviewer = ScriptedInterviewer((HANGS,), (HANGS,))
    world.recorder = ScriptedRecorder((HANGS,))
    world.speaker = ScriptedSpeaker((HANGS,))
    limits = Limits(ask=3, speak=5, listen=7, analyze=11)

    async def main(session: Session) -> None:
        await session.send(e.StartInterview(ONE))
        began = loop().time()
        await session.send(e.ChooseDifficulty("x"))
        await session.until(lambda i: i.question is None)
        assert loop().time() - began == pytest.approx(3)
        await session.send(e.NextQuestion())
        await session.until(has_open(1))
        await asyncio.sleep(4.9)
        assert world.speaker.open == 1
        await asyncio.sleep(0.2)
        assert world.speaker.open == 0
        began = loop().time()
        await session.send(e.RecordAnswer(1))
        await session.until(lambda i: i.state is State.QUESTIONING)
        assert loop().time() - began == pytest.approx(7)
        await session.send(e.SubmitAnswer(1, "x"))
        began = loop().time()
        await session.send(e.Analyze())
        await session.until(lambda i: not i.feedback_wanted)
        assert loop().time() - began == pytest.approx(11)
        lost = [event for entry in await world.kept.load(session.interview.id) for event in entry.events]
        assert [event for event in lost if isinstance(event, e.ActivityFailed | e.AnswerLost)] == [
            e.ActivityFailed("timeout"),
            e.AnswerLost("timeout"),
            e.ActivityFailed("timeout"),
        ]

    sitting(main, world, limits=limits)
    assert not world.hurried


@pytest.mark.parametrize("pause", range(12))
def test_stopping_while_an_overdue_activity_lets_go_waits_for_it_and_does_not_hurry_it(pause: int) -> None:
    world = World()
    world.interviewer = ScriptedInterviewer((HANGS,), leaving=8)

    async def main(session: Session) -> None:
        await session.send(e.StartInterview(ONE))
        await session.send(e.ChooseDifficulty("x"))
        await asyncio.sleep(30.0)
        await turns(pause)
        assert (await session.send(e.StopInterview())).state is State.STOPPED
        assert world.open == 0

    sitting(main, world)
    assert not world.hurried


class Stubborn(ScriptedInterviewer):
    """Answers a cancellation with what it was asked for, or with an error of its own."""

    def __init__(self, answer: BaseException | None) -> None:
        super().__init__()
        self.answer = answer

    async def ask(self, brief: Brief) -> e.Question:
        try:
            return await super().ask(brief)
        except asyncio.CancelledError:
            if self.answer is not None:
                raise self.answer from None
            return e.Question(1, "A question that nobody wants any more?")


@pytest.mark.parametrize("answer", [None, ValueError(CANARY), AdapterError("x", "y")], ids=repr)
def test_an_adapter_that_answers_its_cancellation_is_not_heard(
    answer: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.interviewer = Stubborn(answer)
    world.interviewer.questions = (HANGS,)

    async def main(session: Session) -> None:
        with session.updates() as updates:
            await session.send(e.StartInterview(ONE))
            await session.send(e.ChooseDifficulty("x"))
            await asyncio.sleep(1)
            await session.send(e.ChooseDifficulty("y"))
            interview = await session.until(has_open(1))
            assert interview.turns[0].question.difficulty == "y"
            assert "nobody wants" not in interview.turns[0].question.text
            await session.aclose()
            assert not [news async for news in updates if isinstance(news, e.Warning)]

    sitting(main, world)
    assert not caplog.records


# ------------------------------------------------------------------------ adapters that give rubbish

RUBBISH_QUESTIONS: list[Any] = [
    e.Question(1, ""),
    e.Question(1, " \n"),
    e.Question(1, "half a pair: \ud83d"),
    e.Question(1, "x" * 60_001),
    e.Question(1, None),  # type: ignore[arg-type]
    e.Question(1, b"bytes"),  # type: ignore[arg-type]
    e.Question(1, "Why?", evidence="none"),  # type: ignore[arg-type]
    "Why?",
    object(),
    e.ActivityFailed("x"),
]


def _named(value: object) -> str:
    """The same in every process: an address in a name makes it another test there."""
    return repr(value).partition(" at 0x")[0][:40]


@pytest.mark.parametrize("rubbish", RUBBISH_QUESTIONS, ids=_named)
def test_a_question_that_cannot_be_used_is_a_failure(rubbish: Any) -> None:
    world = World()
    world.interviewer = ScriptedInterviewer((Step(gives=rubbish),))

    async def main(session: Session) -> None:
        await session.send(e.StartInterview(ONE))
        await session.send(e.ChooseDifficulty("x"))
        interview = await session.until(lambda i: not i.question_wanted)
        assert interview.turns == ()
        assert session.trouble is not None
        assert session.trouble.code in ("invalid_output", "internal")
        await session.send(e.NextQuestion())
        await session.until(has_open(1))

    sitting(main, world)


def test_a_question_is_numbered_by_the_engine_whatever_the_interviewer_says() -> None:
    world = World()
    world.interviewer = ScriptedInterviewer(
        (Step(gives=e.Question(7, "Why?", follow_up_to=3, difficulty="hardest")),)
    )

    async def main(session: Session) -> None:
        interview = await started(session, ONE)
        assert interview.turns[0].question == e.Question(1, "Why?", difficulty="senior")

    sitting(main, world)


def feedback(*observations: e.Observation, question: int = 1, revision: int = 1) -> e.Feedback:
    return e.Feedback((e.AnswerFeedback(question, revision, observations),), "So it is.")


def seen(start: int, end: int, text: str, kind: Any = "there") -> e.Observation:
    return e.Observation(kind, "own_action", "You did.", e.Quote(start, end, text))


def test_quotes_that_the_candidate_never_said_are_dropped_and_counted() -> None:
    world = World()
    made = feedback(
        seen(0, 5, "I did"), seen(0, 5, "I led"), seen(2, 5, "did", "try"), seen(-3, 99, "it", "try")
    )
    elsewhere = e.AnswerFeedback(2, 1, (seen(0, 1, "I"),))
    made = e.Feedback((*made.answers, elsewhere), made.summary)
    world.interviewer = ScriptedInterviewer(feedback=(Step(gives=made),))

    async def main(session: Session) -> None:
        await started(session, ONE)
        await session.send(e.SubmitAnswer(1, "I did it."))
        await session.send(e.Analyze())
        interview = await session.until(has_feedback)
        assert interview.feedback is not None
        assert [answer.question for answer in interview.feedback.answers] == [1]
        kept = interview.feedback.answers[0].observations
        assert [o.quote and o.quote.text for o in kept] == ["I did", "did", None]
        assert interview.feedback.dropped_quotes == 2

    sitting(main, world)


RUBBISH_FEEDBACK: list[Any] = [
    "well done",
    e.Feedback(None),  # type: ignore[arg-type]
    e.Feedback((), summary=None),  # type: ignore[arg-type]
    e.Feedback((), summary="\udc00"),
    feedback(seen(0, 5, "I did", kind="splendid")),
    e.Feedback((), limitations="x" * 950_000),
]


@pytest.mark.parametrize("rubbish", RUBBISH_FEEDBACK, ids=_named)
def test_feedback_that_cannot_be_used_is_a_failure(rubbish: Any) -> None:
    world = World()
    world.interviewer = ScriptedInterviewer(feedback=(Step(gives=rubbish),))

    async def main(session: Session) -> None:
        await started(session, ONE)
        await session.send(e.SubmitAnswer(1, "I did it."))
        await session.send(e.Analyze())
        interview = await session.until(lambda i: not i.feedback_wanted)
        assert interview.feedback is None
        await session.send(e.Analyze())
        await session.until(has_feedback)

    sitting(main, world)


RUBBISH_TRANSCRIPTS: list[Any] = [
    e.Transcript(""),
    e.Transcript("\t"),
    e.Transcript("\ud83d"),
    e.Transcript(None),  # type: ignore[arg-type]
    e.Transcript(7),  # type: ignore[arg-type]
    e.Transcript("x" * 60_001),
    e.Transcript("I did", confidence="high"),  # type: ignore[arg-type]
    object(),
]


@pytest.mark.parametrize("rubbish", RUBBISH_TRANSCRIPTS, ids=_named)
def test_a_transcript_that_cannot_be_used_is_an_answer_lost(rubbish: Any) -> None:
    world = World()
    world.transcriber = ScriptedTranscriber((Step(gives=rubbish),))

    async def main(session: Session) -> None:
        await started(session, ONE)
        await session.send(e.RecordAnswer(1))
        interview = await session.until(lambda i: i.state is State.QUESTIONING)
        assert not interview.answered
        assert interview.question == Open(1, 2)
        assert session.trouble is not None
        await session.send(e.SubmitAnswer(1, "Typed."))

    sitting(main, world)


class Mute(ScriptedTranscriber):
    """Hears all, and says nothing at all."""

    async def transcribe(
        self, audio: AsyncIterator[bytes], *, hints: Sequence[str], language: str
    ) -> AsyncGenerator[e.Partial | e.Transcript, None]:
        async for _ in audio:
            pass
        return
        yield  # an async generator, all the same


class Impatient(ScriptedTranscriber):
    """Has understood before the sound has ended."""

    async def transcribe(
        self, audio: AsyncIterator[bytes], *, hints: Sequence[str], language: str
    ) -> AsyncGenerator[e.Partial | e.Transcript, None]:
        await anext(aiter(audio))
        yield e.Transcript("Enough.")


class Endless(ScriptedSpeaker):
    """Speaks for ever, and takes so many seconds to fall silent; with ``math.inf`` until *may_end*."""

    def __init__(self, falling_silent: float) -> None:
        super().__init__()
        self._falling_silent, self.may_end = falling_silent, asyncio.Event()

    async def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        self.begun.append(text)
        self.open += 1
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            if math.isfinite(self._falling_silent):
                await asyncio.sleep(self._falling_silent)
                raise
            while not self.may_end.is_set():  # as a library's own loop that takes it for an error of its own
                with suppress(asyncio.CancelledError):
                    await self.may_end.wait()
        finally:
            self.open -= 1
        yield Audio(b"late")


@pytest.mark.parametrize("falling_silent", [0.0, 6.0, math.inf])
def test_a_voice_that_does_not_stop_holds_the_interview_for_a_while_only(falling_silent: float) -> None:
    world, limits = World(), Limits(speak=1e6, release=10.0)
    world.speaker = voice = Endless(falling_silent)
    deaf = min(falling_silent, limits.release)

    async def main(session: Session) -> None:
        await started(session, ONE)
        await asyncio.sleep(60)
        assert voice.open == 1
        with session.updates() as updates:
            began = loop().time()
            await session.send(e.RecordAnswer(1))
            assert loop().time() - began == pytest.approx(deaf, abs=0.01), "it listens from now on"
            await session.until(lambda i: i.state is not State.RECORDING)
            assert session.interview.turns[0].answer
            voice.may_end.set()
            await turns(20)
            await session.send(e.Analyze())
            await session.until(has_feedback)
            await session.send(e.StopInterview())
        told = [news async for news in updates if not isinstance(news, Update)]
        warnings = [news.code for news in told if isinstance(news, e.Warning)]
        assert warnings == (["not_stopped"] if math.isinf(falling_silent) else [])
        late = [news for news in told if isinstance(news, Speech) and news.question == 1]
        assert late == [], "what it says when nobody wants it any more"

    sitting(main, world, limits=limits)


def test_a_session_is_closed_though_its_voice_does_not_stop() -> None:
    world = World()
    world.speaker = voice = Endless(math.inf)

    async def main(session: Session) -> None:
        await started(session, ONE)
        await asyncio.sleep(1)
        began = loop().time()
        await session.aclose()
        assert loop().time() - began == pytest.approx(10)
        assert voice.open == 1
        voice.may_end.set()
        await turns(20)

    sitting(main, world)


class Obstinate(ScriptedInterviewer):
    """Makes the second question until *may_end*, whatever it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = asyncio.Event()

    async def ask(self, brief: Brief) -> e.Question:
        while brief.ask and brief.ask.number == 2 and not self.may_end.is_set():
            with suppress(asyncio.CancelledError):
                await self.may_end.wait()
        return await super().ask(brief)


def test_a_question_made_ahead_that_does_not_stop_holds_the_interview_for_a_while_only() -> None:
    world = World()
    world.interviewer = stuck = Obstinate()

    async def main(session: Session) -> None:
        await started(session, e.Plan(questions=2, follow_ups=0))
        await asyncio.sleep(1)
        began = loop().time()
        await session.send(e.StopInterview())
        await session.aclose()
        assert loop().time() - began == pytest.approx(10)
        stuck.may_end.set()
        await turns(40)

    sitting(main, world, ahead=True)


class NoGenerator(ScriptedSpeaker):
    """Gives what is no sound, from what is no generator."""

    def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        return iter(())  # type: ignore[return-value]


def test_a_recogniser_without_a_transcript_is_an_answer_lost() -> None:
    world = World()
    world.transcriber = Mute()

    async def main(session: Session) -> None:
        await started(session, ONE)
        await session.send(e.RecordAnswer(1))
        await session.until(lambda i: i.state is State.QUESTIONING)
        assert (await world.kept.load(session.interview.id))[-1].events == (e.AnswerLost("no_speech"),)

    sitting(main, world)


def test_a_recogniser_that_ends_first_closes_the_microphone() -> None:
    world = World()
    world.transcriber = Impatient()

    async def main(session: Session) -> None:
        await started(session, ONE)
        await session.send(e.RecordAnswer(1))
        interview = await session.until(lambda i: bool(i.answered))
        assert interview.turns[0].answer is not None
        assert interview.turns[0].answer.text == "Enough."
        assert world.recorder.open == 0

    sitting(main, world)


def test_a_speaker_of_the_wrong_kind_is_a_warning() -> None:
    world = World()
    world.speaker = NoGenerator()

    async def main(session: Session) -> None:
        with session.updates() as updates:
            await started(session, ONE)
            await quiet(session)
            await session.aclose()
            told: list[News] = [news async for news in updates if isinstance(news, e.Warning)]
        assert told == [e.Warning("internal", "Something went wrong here.")]

    sitting(main, world)


# -------------------------------------------------------------------------------------- log messages


def test_no_log_message_holds_what_the_candidate_brought_or_said(caplog: pytest.LogCaptureFixture) -> None:
    error = RuntimeError(f"could not send {CANARY}")
    world = World(lambda call, name: "lost-reply" if name == "erase" else None)
    world.interviewer = ScriptedInterviewer((Step(raises=error),), (Step(raises=error),))
    world.recorder = ScriptedRecorder((Step(raises=error),))
    world.speaker = ScriptedSpeaker((Step(raises=error),) * 20)
    world.transcriber = ScriptedTranscriber((Step(raises=error), Step(f"{CANARY} heard")))

    async def whole() -> None:
        async with world.engine() as engine, engine.new(MATERIAL) as session:
            interview = await candidate(session)
            assert CANARY in str(interview.turns)
            for refused in (e.SubmitAnswer(1, CANARY), e.CorrectAnswer(9, CANARY)):
                with pytest.raises(InvalidCommand) as caught:
                    await session.send(refused)
                assert CANARY not in str(caught.value)

    with caplog.at_level(logging.DEBUG):
        run(whole())
    messages = [record.getMessage() for record in caplog.records if record.name == "interview_fsm"]
    assert len(messages) == 5  # three activities, the voice, the résumé's erasure
    assert CANARY not in caplog.text


def test_replaying_the_log_of_an_interview_full_of_failures_gives_the_same_interview() -> None:
    world = World()
    failing: Step[Any] = Step(raises=ValueError("x"))
    world.interviewer = ScriptedInterviewer((failing, Step(), failing), (failing,))
    world.recorder = ScriptedRecorder((failing, Step(), failing))
    world.transcriber = ScriptedTranscriber((Step(" "),))

    async def main(session: Session) -> None:
        interview = await candidate(session)
        assert Interview.replay(interview.id, await world.kept.load(interview.id)) == interview
        assert interview.stale == ()

    sitting(main, world)


def test_a_command_that_is_stored_is_acknowledged_though_its_session_ends_before_all_is_done() -> None:
    """The stop is in the log, the résumé is being erased."""

    async def main() -> None:
        storage = FaultyStorage(MemoryStorage(), lambda _, name: 1.0 if name == "erase" else None)
        async with Engine(storage, ScriptedInterviewer()) as engine, engine.new(MATERIAL) as session:
            await started(session)
            stopping = asyncio.create_task(session.send(e.StopInterview(), command_id="c9"))
            await session.until(lambda interview: interview.state is State.STOPPED)
            await session.aclose()
            assert (await stopping).state is State.STOPPED
            assert isinstance(session.ended, SessionOver)

    run(main())
