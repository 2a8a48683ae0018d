"""JSON v1 against frames that no client would send: an error or a reply each time, never an exception."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interview_fsm import messages
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Engine
from interview_fsm.errors import ResumeError
from interview_fsm.events import Page, Resume, Span
from interview_fsm.interview import Interview
from interview_fsm.jsonv1 import Host, JsonV1
from interview_fsm.seats import Seats
from interview_fsm.testing import (
    ScriptedInterviewer,
    ScriptedRecorder,
    ScriptedSpeaker,
    ScriptedTranscriber,
    Step,
    run,
    turns,
)

from .mutation import Mutation
from .v1_client import PROPER, Schema

FRAMES = 1_000_000 if os.environ.get("INTERVIEW_FSM_SOAK") else 10_000
SITTING = 1_000
"""Frames that one storage bears before a new one takes its place."""

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def almost(draw: st.DrawFn) -> dict[str, Any]:
    """A proper command with some of its fields anything at all."""
    kind = draw(st.sampled_from(sorted(PROPER)))
    message = {"type": kind, "id": "c1", **PROPER[kind]}
    fields = st.sampled_from([*sorted(message), "plan", "resume", "sha256", "colour"])
    return message | draw(st.dictionaries(fields, values, max_size=3))


@given(st.text() | values.map(json.dumps) | almost().map(json.dumps))
@example("[" * 60_000)
@example('{"type":' * 10_000)
@example('{"type": "ping", "type": "analyze", "id": "a"}')
@example('{"type": "ping"}\x00')
@example('{"type": "\ud800"}'.encode("utf-8", "replace").decode())
def test_a_frame_is_a_command_or_unreadable_in_words(frame: str) -> None:
    try:
        command = messages.decode(frame)
    except messages.Unreadable as error:
        assert 5 < len(str(error)) < 2000
    else:
        assert json.loads(frame)["type"] in PROPER
        assert command == messages.decode(frame)


@given(almost())
def test_what_the_schema_admits_is_read_and_what_it_does_not_is_refused(message: dict[str, Any]) -> None:
    agree(published(), json.dumps(message))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_schema_and_server_agree_on_mutated_frames() -> None:
    schema, mutation = published(), Mutation(2)
    read = sum(agree(schema, frame) for _ in range(FRAMES) if isinstance(frame := mutation.frame(), str))
    assert FRAMES // 10 < read < FRAMES // 2, "else one of the two sides was hardly tried"


@cache
def published() -> Schema:
    return Schema(messages.schema())


def agree(schema: Schema, frame: str) -> bool:
    """Hold the decoder to the published schema; whether this frame was a command."""
    try:
        message = json.loads(frame, parse_constant=float.fromhex, object_pairs_hook=Members)
        admitted = schema.is_command(message)
    except (ValueError, RecursionError):
        message, admitted = None, False
    try:
        messages.decode(frame)
    except messages.Unreadable as error:
        assert not admitted or _is_left_open(message), (frame, str(error))
        return False
    assert admitted or _is_left_open(message), frame
    return True


class Members(dict[str, Any]):
    """A JSON object that knows whether a name was in it twice: which one counts, no schema can say."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice = len(pairs) > len(self)


def _is_left_open(value: Any) -> bool:
    """Whether something in it is nothing that a schema decides: a name twice, 1.0 for 1, half a pair."""
    if isinstance(value, Members):
        return value.twice or any(_is_left_open(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(map(_is_left_open, value))
    if isinstance(value, str):
        return any("\ud800" <= letter <= "\udfff" for letter in value)
    return isinstance(value, float)


# ------------------------------------------------------------------------------- the whole conduct


class Line:
    """A connection without a socket: what is said into it, and what is heard."""

    def __init__(self, host: Host) -> None:
        self.heard: list[dict[str, Any]] = []
        self.unanswered: dict[str, str] = {}
        self.told = 0
        self._sound = False
        self._conduct = JsonV1(host, self._hear)
        self._running = asyncio.ensure_future(self._conduct.run())

    async def _hear(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            assert self._sound, "sound without its announcement"
            self._sound = False
            return
        assert not self._sound, "an announcement without its sound"
        event = json.loads(frame)
        published().check("events", event)
        assert event.get("code") != "internal", event
        self._sound = event["type"] == "speech"
        self.unanswered.pop(event.get("in_reply_to", ""), None)
        self.told += event["type"] not in ("progress", "transcript_partial")
        self.heard.append(event)

    @property
    def over(self) -> bool:
        return self._running.done()

    def say(self, frame: str | bytes) -> None:
        with suppress(messages.Unreadable):
            if isinstance(frame, str) and (reply := getattr(messages.decode(frame), "id", None)):
                self.unanswered[reply] = frame
        self._conduct.take(frame)

    async def settle(self) -> None:
        """Let everything come to its end: nothing takes longer than an upload that does not come."""
        async with asyncio.timeout(120):
            while self._conduct.busy and not self.over:
                await asyncio.sleep(0.5)
        await turns(10)  # to close, where it is to be closed

    async def hang_up(self) -> None:
        self._running.cancel()
        await asyncio.wait([self._running])
        if not self._running.cancelled():
            self._running.result()
        await self._conduct.leave()

    def last(self, kind: str) -> dict[str, Any]:
        return next(event for event in reversed(self.heard) if event["type"] == kind)


@asynccontextmanager
async def line_to(host: Host) -> AsyncGenerator[Line, None]:
    line = Line(host)
    try:
        yield line
    finally:
        await line.hang_up()


class Fuzz:
    """Connection after connection of one client that says anything, beside one of a client that behaves."""

    def __init__(self, host: Host, seed: int) -> None:
        self.host, self.mutation, self.rng = host, Mutation(seed), random.Random(seed)
        self.held: tuple[str, str] | None = None
        """An interview that the client has the token of."""
        self.frames = self.answered = 0

    async def run(self, frames: int) -> None:
        while self.frames < frames:
            await self._connect()

    async def _connect(self) -> None:
        async with line_to(self.host) as line:
            if self.rng.random() < 0.9:
                line.say(self._opening())
            for _ in range(self.rng.choice((3, 20, 60))):
                if line.over:
                    break
                await self._try(line)
            await line.settle()
            if not line.over:
                assert not line.unanswered, line.unanswered
                line.say('{"type": "ping", "id": "still-there"}')
                await turns(10)
                assert line.last("pong")["in_reply_to"] == "still-there"
            self._keep(line)

    async def _try(self, line: Line) -> None:
        told = line.told
        line.say(self.mutation.frame())
        self.frames += 1
        await turns(self.rng.choice((0, 1, 30)))
        if self.rng.random() < 0.05:
            await asyncio.sleep(self.rng.choice((0.05, 1.0, 5.0)))
        self.answered += line.told > told

    def _opening(self) -> str:
        if self.held and self.rng.random() < 0.5:
            session, token = self.held
            seq = self.rng.choice((0, 1, 5, 10**6))
            return json.dumps({"type": "resume_session", "session": session, "token": token, "seq": seq})
        return '{"type": "create_session", "id": "open", "plan": {"questions": 2}}'

    def _keep(self, line: Line) -> None:
        for event in line.heard:
            if event["type"] == "session_created":
                self.held = event["session"], event["token"]


class Shelf:
    """Brings résumés: a link that is bad leads nowhere, a slow one takes its time."""

    async def fetch(self, url: str, *, client: str) -> bytes:
        await asyncio.sleep(3 if len(url) % 2 else 0)
        if "bad" in url:
            raise ResumeError("resume_unreachable", "That link cannot be reached.")
        return url.encode()

    async def read(self, document: bytes, *, client: str) -> Resume:
        text = document.decode("utf-8", "replace")[:2000]
        if not text.strip():
            raise ResumeError("resume_empty", "There is no text in it.")
        return Resume((Page(1, 595, 842, (Span(text, (0, 0, 9, 9), 9),)),))


async def withstand(frames: int, seed: int) -> float:
    """Bear *frames* frames beside an interview that goes on; the share of them that were answered at once."""
    storage = MemoryStorage()
    async with Engine(
        storage,
        ScriptedInterviewer([Step(takes=2.0)] * 3),
        recorder=ScriptedRecorder(seconds=2.0),
        transcriber=ScriptedTranscriber(),
        speaker=ScriptedSpeaker(),
    ) as engine:
        seats = Seats(engine)
        who = messages.Disclosure(interviewer="scripted", is_model=False, speaker="", data="")
        host = Host(engine=engine, seats=seats, library=Shelf(), disclosure=who, seed=1)
        fuzz = Fuzz(host, seed)
        try:
            async with line_to(host) as ada:
                await beside(ada, fuzz.run(frames))
        finally:
            await seats.aclose()
    async for head in storage.interviews():
        Interview.replay(head.interview_id, await storage.load(head.interview_id))
    return fuzz.answered / fuzz.frames


async def beside(ada: Line, trouble: Coroutine[Any, Any, None]) -> None:
    """Hold an interview, have *trouble* in the midst of it, and find everything as it was."""
    ada.say('{"type": "create_session", "resume": {"text": "Ada"}, "job_description": "Analyst"}')
    ada.say('{"type": "start_interview", "id": "1"}')
    ada.say('{"type": "choose_difficulty", "id": "2", "difficulty": "easy"}')
    before = await seen(ada)
    await trouble
    assert await seen(ada) == before
    ada.say('{"type": "submit_answer", "id": "3", "question": 1, "text": "I am still here."}')
    await ada.settle()
    ada.say('{"type": "stop_interview", "id": "4"}')
    await ada.settle()
    assert ada.last("update")["state"] == "stopped"
    assert ada.last("update")["seq"] > before["seq"] + 1


async def seen(line: Line) -> dict[str, Any]:
    await line.settle()
    line.say('{"type": "get_session"}')
    await line.settle()
    return line.last("snapshot")


def test_a_few_hundred_frames_of_nonsense_harm_nobody(caplog: pytest.LogCaptureFixture) -> None:
    assert run(withstand(300, 1)) > 0.5
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_random_and_mutated_frames_are_answered_and_harm_nobody(caplog: pytest.LogCaptureFixture) -> None:
    for seed in range(FRAMES // SITTING):
        assert run(withstand(SITTING, seed)) > 0.5
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
        caplog.clear()
    print(f"{FRAMES} frames, no exception, no hang, the neighbour's interview untouched")
