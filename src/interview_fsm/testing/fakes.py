"""Fakes of the ports, played from a script: what they give, when, and how they fail, is data.

Each counts what it holds (``open``), takes turns of the event loop to work and more to let go, and notices
when it is cancelled a second time while it lets go. They run under any event loop; under ``run()`` their
seconds take no time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from ..errors import AdapterError, Conflict
from ..events import (
    AnswerFeedback,
    Entry,
    Feedback,
    Head,
    Observation,
    Partial,
    Provenance,
    Question,
    Quote,
    Source,
    Transcript,
)
from ..interview import Interview, Turn
from ..ports import SAMPLE_RATE, Audio, Brief, Storage
from .clock import turns

T = TypeVar("T")

FRAME = bytes(SAMPLE_RATE // 10 * 2)
"""A tenth of a second of silence."""


class Step(Struct, Generic[T], frozen=True):
    """What a fake does when it is called: it takes its time, then raises, or gives."""

    gives: T | None = None
    """None for what the fake would give without a script."""
    takes: float = 0.0
    """Seconds; ``math.inf`` for one that never comes to an end."""
    raises: BaseException | None = None


HANGS: Step[Any] = Step(takes=math.inf)
"""A call that never comes to an end."""


class _Holding:
    """What every fake counts, and the turns that it takes."""

    def __init__(self, *, working: int = 2, leaving: int = 8) -> None:
        self.open = 0
        """Calls that hold something now."""
        self.calls = 0
        """Calls so far."""
        self.hurried = False
        """Whether a call that was letting go after a cancellation was cancelled again."""
        self.closed = False
        self._working, self._leaving = working, leaving

    @asynccontextmanager
    async def _held(self) -> AsyncGenerator[None, None]:
        self.open += 1
        cancelled = False
        try:
            await turns(self._working)
            yield
            await turns(self._working)
        except asyncio.CancelledError:
            cancelled = True
            raise
        finally:
            try:
                await turns(self._leaving)  # a courteous goodbye, which a cancellation may cut short
            except asyncio.CancelledError:
                self.hurried |= cancelled
                raise
            finally:
                self.open -= 1  # the release itself, which nothing may

    def _next(self, script: Sequence[Step[T]], number: int) -> Step[T]:
        self.calls += 1
        return script[number] if number < len(script) else Step()

    async def aclose(self) -> None:
        """Note that it was called."""
        self.closed = True


async def _take(step: Step[T]) -> T | None:
    if math.isinf(step.takes):
        await asyncio.get_running_loop().create_future()
    await asyncio.sleep(step.takes)
    if step.raises is not None:
        raise step.raises
    return step.gives


class ScriptedInterviewer(_Holding):
    """An Interviewer: the n-th question comes as ``questions[n]`` says, the n-th feedback as ``feedback[n]``.

    Beyond the script it asks a question that names its number and difficulty, and quotes the first word of
    each answer. Feedback that the brief has for an answer's present revision is kept; ``made`` tells what
    was made anew.
    """

    name = "scripted"

    def __init__(
        self,
        questions: Sequence[Step[Question]] = (),
        feedback: Sequence[Step[Feedback]] = (),
        *,
        working: int = 2,
        leaving: int = 8,
    ) -> None:
        super().__init__(working=working, leaving=leaving)
        self.questions, self.feedback = questions, feedback
        self.asked: list[Brief] = []
        """What it was told, for each question."""
        self.analyzed: list[Brief] = []
        """What it was told, for each feedback."""
        self.made: list[tuple[int, int]] = []
        """(question, revision) of each answer it has looked at."""

    async def ask(self, brief: Brief) -> Question:
        """See Interviewer.ask()."""
        assert brief.ask is not None, "the engine says which question it wants"
        step = self._next(self.questions, len(self.asked))
        self.asked.append(brief)
        async with self._held():
            given = await _take(step)
        number, difficulty = brief.ask.number, brief.ask.difficulty
        text = f"Question {number}, {difficulty}: what was your part in it?"
        return given or Question(number, text, provenance=Provenance(self.name))

    async def analyze(self, brief: Brief) -> Feedback:
        """See Interviewer.analyze()."""
        step = self._next(self.feedback, len(self.analyzed))
        self.analyzed.append(brief)
        async with self._held():
            given = await _take(step)
        return given or self._look(brief.interview)

    def _look(self, interview: Interview) -> Feedback:
        before = interview.feedback.answers if interview.feedback else ()
        known = {(answer.question, answer.revision): answer for answer in before}
        answers = []
        for turn in interview.answered:
            assert turn.answer is not None
            key = (turn.question.number, turn.answer.revision)
            if key not in known:
                self.made.append(key)
            answers.append(known.get(key) or _first_word(turn))
        return Feedback(
            tuple(answers), f"You have answered {len(answers)}.", provenance=Provenance(self.name)
        )


def _first_word(turn: Turn) -> AnswerFeedback:
    assert turn.answer is not None
    text = turn.answer.text
    start = len(text) - len(text.lstrip())
    end = start + len(text.split()[0])
    seen = Observation("there", "own_action", "You began with this.", Quote(start, end, text[start:end]))
    return AnswerFeedback(turn.question.number, turn.answer.revision, (seen,))


class ScriptedRecorder(_Holding):
    """A Recorder: the n-th take comes as ``takes[n]`` says, a tuple of chunks, one each tenth of a second.

    Beyond the script a take is *seconds* of silence. It ends early when ``done`` is set, as a person does
    who says that this was all.
    """

    def __init__(
        self,
        takes: Sequence[Step[tuple[bytes, ...]]] = (),
        *,
        seconds: float = 1.0,
        working: int = 2,
        leaving: int = 8,
    ) -> None:
        super().__init__(working=working, leaving=leaving)
        self.takes, self.seconds = takes, seconds
        self.sources: list[Source] = []
        self.clients: list[str] = []
        self.finished = 0
        """Takes that ended because ``done`` was set."""

    async def record(
        self,
        source: Source,
        *,
        silence: float,
        done: asyncio.Event,
        brought: AsyncIterator[bytes] | None = None,
        soon: Callable[[], None] | None = None,
        client: str = "",
    ) -> AsyncGenerator[bytes, None]:
        """See Recorder.record(). The script is what is heard, whatever is *brought*."""
        del brought, soon
        step = self._next(self.takes, len(self.sources))
        self.sources.append(source)
        self.clients.append(client)
        async with self._held():
            chunks = await _take(step) or (FRAME,) * round(self.seconds * 10)
            for chunk in chunks:
                yield chunk
                if await _within(0.1, done):
                    self.finished += 1
                    return
            # Silence is how it knows that the answer has ended.
            self.finished += await _within(silence, done)


async def _within(seconds: float, done: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await done.wait()
    except TimeoutError:
        return False


class ScriptedTranscriber(_Holding):
    """A Transcriber: the n-th answer is understood as ``answers[n]`` says, a text or a whole Transcript.

    Beyond the script each answer has a text of its own. While sound comes, a Partial with one more word of
    it is given for each chunk.
    """

    def __init__(
        self, answers: Sequence[Step[str | Transcript]] = (), *, working: int = 2, leaving: int = 8
    ) -> None:
        super().__init__(working=working, leaving=leaving)
        self.answers = answers
        self.hints: list[Sequence[str]] = []
        self.languages: list[str] = []
        self.heard: list[int] = []
        """Bytes of sound of each answer that was heard to its end."""

    async def transcribe(
        self, audio: AsyncIterator[bytes], *, hints: Sequence[str], language: str
    ) -> AsyncGenerator[Partial | Transcript, None]:
        """See Transcriber.transcribe()."""
        number = len(self.hints)
        step = self._next(self.answers, number)
        self.hints.append(hints)
        self.languages.append(language)
        text = step.gives if step.gives is not None else f"Spoken answer {number + 1}: I did it myself."
        words = (text if isinstance(text, str) else text.text).split()
        size = chunks = 0
        async with self._held():
            async for chunk in audio:
                size += len(chunk)
                chunks += 1
                if words[:chunks]:
                    yield Partial(" ".join(words[:chunks]))
            self.heard.append(size)
            await _take(step)
            yield Transcript(text, "scripted") if isinstance(text, str) else text


class ScriptedSpeaker(_Holding):
    """A Speaker: the n-th text is said as ``says[n]`` tells, with some bytes for sound."""

    def __init__(self, says: Sequence[Step[Audio]] = (), *, working: int = 2, leaving: int = 8) -> None:
        super().__init__(working=working, leaving=leaving)
        self.says = says
        self.begun: list[str] = []
        self.said: list[str] = []
        """Texts that were said to their end."""

    async def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        """See Speaker.speak()."""
        step = self._next(self.says, len(self.begun))
        self.begun.append(text)
        async with self._held():
            yield await _take(step) or Audio(b"RIFF")
        self.said.append(text)


# ------------------------------------------------------------------------------------------ storage

Fault = (
    Literal["crash-before", "crash-after", "lost-request", "lost-reply", "hung-reply", "conflict"]
    | float
    | None
)
"""What befalls one call: the process dies before or after it took effect; the request or the reply is lost
(AdapterError, so the caller cannot know); it takes effect and then never answers; an append is refused as a
Conflict, other calls are not; it takes so many seconds, ``math.inf`` for ever; or nothing."""

FaultPlan = Callable[[int, str], Fault]
"""From (the number of the call, counted from 1; the method's name) to what befalls it."""


class Crash(BaseException):
    """The process is dead. No part of it may do anything any more."""


def no_faults(_call: int, _name: str) -> Fault:
    """The plan of a storage that works."""
    return None


class FaultyStorage:
    """A Storage around another one, with faults by plan.

    After a crash every further call raises Crash too: what the dead process still tries to do happens to
    nobody. Its successor wraps the same *inner* storage anew. *working* turns of the event loop pass before
    a call takes effect, and as many after it.
    """

    def __init__(self, inner: Storage, plan: FaultPlan = no_faults, *, working: int = 0) -> None:
        self.inner = inner
        self.calls: list[str] = []
        """The names of all calls so far."""
        self.open = 0
        """Calls that are under way."""
        self.crashed = False
        self.closed = False
        self._plan, self._working = plan, working

    async def append(
        self,
        interview_id: str,
        expected_version: int,
        entry: Entry,
        *,
        owner: str | None = None,
        expires_at: float | None = None,
    ) -> None:
        """See Storage.append()."""
        effect = self.inner.append(interview_id, expected_version, entry, owner=owner, expires_at=expires_at)
        await self._call("append", effect)

    async def load(self, interview_id: str, after: int = 0) -> list[Entry]:
        """See Storage.load()."""
        return await self._call("load", self.inner.load(interview_id, after))

    async def interviews(
        self, *, owner: str | None = None, expired_before: float | None = None
    ) -> AsyncGenerator[Head, None]:
        """See Storage.interviews(). A fault befalls the whole listing."""
        for head in await self._call("interviews", self._heads(owner, expired_before)):
            yield head

    async def erase(self, interview_id: str) -> bool:
        """See Storage.erase()."""
        return await self._call("erase", self.inner.erase(interview_id))

    async def aclose(self) -> None:
        """Note that it was called; the inner storage stays open."""
        self.closed = True

    async def _heads(self, owner: str | None, expired_before: float | None) -> list[Head]:
        listing = self.inner.interviews(owner=owner, expired_before=expired_before)
        return [head async for head in listing]

    async def _call(self, name: str, effect: Coroutine[Any, Any, T]) -> T:
        self.calls.append(name)
        self.open += 1
        try:
            fault = self._plan(len(self.calls), name)
            return await self._befall(effect, None if fault == "conflict" and name != "append" else fault)
        finally:
            self.open -= 1
            effect.close()  # where it was not to happen

    async def _befall(self, effect: Coroutine[Any, Any, T], fault: Fault) -> T:
        self._live(fault != "crash-before")
        await turns(self._working)
        if isinstance(fault, float | int):
            await _take(Step[None](takes=fault))
        if fault == "lost-request":
            raise AdapterError("storage", "storage_unavailable", "the request was lost", retryable=True)
        if fault == "conflict":
            raise Conflict
        self._live(True)  # another call may have been the end, while this one was under way
        given = await effect
        self._live(fault != "crash-after")
        await turns(self._working)
        if fault == "hung-reply":
            await _take(HANGS)
        if fault == "lost-reply":
            raise AdapterError("storage", "storage_unavailable", "the reply was lost", retryable=True)
        self._live(True)
        return given

    def _live(self, on: bool) -> None:
        self.crashed = self.crashed or not on
        if self.crashed:
            raise Crash
