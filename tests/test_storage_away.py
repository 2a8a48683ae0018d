"""The storage fails at any call of a whole interview, and a client on a real socket sits it to its end.

It fails before it has stored, after it, never answers, or says that somebody else was quicker. Whatever it
does, the client is told or made to wait, nothing is acknowledged that is not stored, and nothing is twice.
What is said to be read is kept, what is said to be stopped has no résumé any more, and what is said to be
erased or not to be there is not. Both dialects.
"""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection

from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.adapters.sqlite import create
from interview_fsm.engine import Engine, Limits
from interview_fsm.errors import Gone
from interview_fsm.events import Material
from interview_fsm.interview import Interview
from interview_fsm.jsonv1 import relay
from interview_fsm.states import State
from interview_fsm.testing import Fault, FaultyStorage, ScriptedRecorder, ScriptedTranscriber, Step

from .serving import PATIENCE, Running, closing, exchange, running
from .test_cli import server
from .test_v1_drops import Candidate, checked, schema_at
from .v1_client import Client, Closed, Event, Schema, client, client_at, schema_of

FAULTS: tuple[Fault, ...] = ("lost-request", "lost-reply", "hung-reply", "conflict", math.inf)
IN_TIME = 0.1
"""Seconds that a storage has here for an append."""
RESUME = "Ten years of COBOL."

Visit = Callable[["Patient", Client], Awaitable[None]]
"""What is done in an interview before it is erased."""


class World:
    """A server, and its storage, which fails at one call if at all."""

    engine: Engine

    def __init__(self, fault: Fault = None, hit: int = 0) -> None:
        self.kept = MemoryStorage()
        self.storage = FaultyStorage(self.kept, lambda call, name: fault if call == hit else None)
        self._hit = hit

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Running]:
        ports = {
            "recorder": ScriptedRecorder(seconds=600),
            "transcriber": ScriptedTranscriber([Step(Candidate().answers()[-1])] * 3),
            "limits": Limits(append=IN_TIME),
        }
        async with running(storage=self.storage, ports=ports) as served:
            self.engine = served.engine
            yield served
        assert self.storage.open == 0

    async def logs(self) -> list[str]:
        return [head.interview_id async for head in self.kept.interviews(expired_before=math.inf)]

    async def interviews(self) -> list[Interview]:
        logs = [log for log in await self.logs() if not log.endswith(".resume")]
        return [Interview.replay(log, await self.kept.load(log)) for log in logs]

    async def resume(self, interview_id: str) -> str | None:
        """The résumé's text that is kept beside an interview, as it would be read; None for none."""
        try:
            entries = await self.kept.load(f"{interview_id}.resume")
        except Gone:
            return None
        return [event.resume for entry in entries for event in entry.events if isinstance(event, Material)][
            -1
        ]

    async def no_resume(self, interview_id: str) -> None:
        """Its text goes: with the stop, or where the fault befell just that with a sweep."""
        async with asyncio.timeout(PATIENCE):
            while await self.resume(interview_id) is not None:
                if self.storage.calls[self._hit - 1 : self._hit] == ["erase"]:
                    await self.engine.sweep()
                await asyncio.sleep(0.005)


class Patient(Candidate):
    """Sends again what it was told that the storage could not take; comes back when it is sent away."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.told: list[str] = []
        self.is_erasing = self.is_erased = False

    async def hear(self, wire: Client) -> None:
        event = await wire.hear()
        if event["type"] == "error" and event["code"] in ("storage_unavailable", "session_taken"):
            assert event["hint"]
            self.told.append(event["code"])
            if event["code"] == "storage_unavailable" and self.pending is not None:
                await wire.say_raw(self.pending)
        elif event["type"] == "error":
            assert event["code"] == "invalid_command", event
            assert event.get("in_reply_to") == (self.pending or {}).get("id"), event
            self.pending = None  # what it was about has gone with the session
        else:
            self._see(event)

    async def enter(self, wire: Client) -> None:
        """Create the interview or come back to it, as often as it takes."""
        wire.session, wire.token, wire.seq = self.session, self.token, self.seq
        while True:
            if self.session:
                await wire.say("resume_session", session=self.session, token=self.token, seq=self.seq)
            else:
                await wire.say("create_session", plan={"questions": 2, "follow_ups": 0})
            event = await self._answer_to(wire, "session_created", "session_resumed")
            if event["type"] != "error":
                break
            if await self._has_gone(event):
                return
            self.told.append(event["code"])
            if event["code"] == "session_taken":
                raise await wire.closing()
            assert event["code"] == "storage_unavailable", event
        self.session, self.token = wire.session, wire.token
        if event["type"] == "session_resumed":
            self._see(event)
            while wire.seq < event["seq"]:
                await self.hear(wire)

    async def bring(self, wire: Client, text: str) -> None:
        """Set the résumé, as often as it takes."""
        while (await self._ask(wire, "resume_read", "set_resume", text=text))["type"] == "error":
            pass
        assert await self.world.resume(self.session) == text

    async def erase(self, wire: Client) -> None:
        """Erase the interview, as often as it takes; until it is gone it is there."""
        self.is_erasing = True
        while not self.is_erased:
            event = await self._ask(wire, "session_erased", "erase_session")
            if event["type"] == "session_erased" or await self._has_gone(event):
                await self._gone()
                return
            await self._has_gone(await self._ask(wire, "snapshot", "get_session"))

    async def _ask(self, wire: Client, answer: str, kind: str, **fields: str) -> Event:
        await wire.say(kind, **fields)
        event = await self._answer_to(wire, answer)
        if event["type"] == "error" and not (self.is_erasing and event["code"] == "session_not_found"):
            assert event["code"] in ("storage_unavailable", "session_taken"), event
            self.told.append(event["code"])
        return event

    async def _answer_to(self, wire: Client, *kinds: str) -> Event:
        while True:
            event = await wire.hear()
            if event["type"] in (*kinds, "error"):
                return event
            self._see(event)

    async def _has_gone(self, event: Event) -> bool:
        if self.is_erasing and event.get("code") == "session_not_found":
            await self._gone()
        return self.is_erased

    async def _gone(self) -> None:
        """It is as was said."""
        self.is_erased = True
        assert not [log for log in await self.world.logs() if log.startswith(self.session)]


async def come(candidate: Patient, served: Running, schema: Schema, visit: Visit) -> None:
    """Come back until *visit* is over and the interview is erased."""
    for _ in range(6):
        try:
            async with client(served, schema) as wire:
                await candidate.enter(wire)
                if not candidate.is_erasing:
                    await visit(candidate, wire)
                await candidate.erase(wire)
                return
        except Closed as closed:
            assert closed.code in (1011, 4409, 1012), closed
            assert closed.code != 1011 or candidate.told, "it says why"
    raise AssertionError("no progress")


async def reconsider(candidate: Patient, wire: Client) -> None:
    """Bring one résumé, and another, and begin no interview."""
    await candidate.bring(wire, "Two years of Fortran.")
    await candidate.bring(wire, RESUME)


async def sit(candidate: Patient, wire: Client) -> None:
    """A whole interview."""
    if candidate.view.get("state", "idle") == "idle" and candidate.pending is None:
        await candidate.bring(wire, RESUME)
    assert await candidate.sit(wire)
    await checked(candidate, candidate.world.kept)
    await candidate.world.no_resume(candidate.session)


async def interview(fault: Fault, hit: int) -> tuple[int, list[str]]:
    """One interview in which the storage fails at call *hit*: how many calls there were, what was told."""
    world, told = World(fault, hit), list[str]()
    async with world.running() as served:
        schema = await schema_of(served)
        for visit in (reconsider, sit):
            candidate = Patient(world)
            await come(candidate, served, schema, visit)
            told += candidate.told
        calls = len(world.storage.calls)
    return calls, told


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_storage_that_fails_at_any_call_of_an_interview_costs_nothing(fault: Fault) -> None:
    calls, told = asyncio.run(interview(None, 0))
    assert told == []
    assert calls > 12
    heard = set()
    for hit in range(1, calls + 1):
        try:
            heard.update(asyncio.run(interview(fault, hit))[1])
        except BaseException as error:
            error.add_note(f"{fault} at call {hit}")
            raise
    assert heard == {"session_taken" if fault == "conflict" else "storage_unavailable"}


# ------------------------------------------------------------------------------------- plain text

CLEARED, STORED = "Database cleared. Please specify difficulty.", "Interview session stopped."


class Typist:
    """Sits one interview in plain text: sends again what was answered with an error, and looks at what is
    kept whenever something is said to have been done.
    """

    def __init__(self, world: World, socket: ClientConnection) -> None:
        self.world, self.socket = world, socket
        self.errors = 0

    async def sit(self) -> None:
        """Bring a résumé and begin, twice; two questions, and feedback."""
        await self.socket.send("https://example.com/myresume.pdf;6")
        await self.start()
        await self.answer("I am not sure yet.")
        await self.start()
        await self.answer("I did number 1.")
        await self.answer("I did number 2.")
        await self.tell("analyze", "Analysis: ")
        interview = await self.kept()
        assert interview.feedback is not None
        said = [turn.answer.text for turn in interview.turns if turn.answer]
        assert said == ["I did number 1.", "I did number 2."]

    async def start(self) -> None:
        """Begin, anew: of what was before nothing is kept."""
        await self.tell("start_interview", CLEARED)
        interview = await self.kept()
        assert (interview.state, interview.turns) == (State.AWAITING_DIFFICULTY, ())
        assert await self.world.resume(interview.id) == "https://example.com/myresume.pdf"

    async def answer(self, text: str) -> None:
        """Have a question asked, and answer it."""
        asked = await self.tell("difficulty:easy", "Question asked: ")
        question = (await self.kept()).open_question
        assert question is not None
        assert asked == f"Question asked: {question.text}"
        await self.tell(f"answer:{text}", f"Answer recorded: {text}")
        answers = [turn.answer.text for turn in (await self.kept()).turns if turn.answer]
        assert answers.count(text) == 1

    async def stop(self) -> None:
        await self.tell("stop_interview", STORED)
        interview = await self.kept()
        assert interview.state is State.STOPPED
        await self.world.no_resume(interview.id)
        assert (await closing(self.socket))[1] == 1000

    async def tell(self, line: str, success: str) -> str:
        """What says that it is done; sent until it is, or is found to be done already."""
        for _ in range(4):
            said = await exchange(self.socket, line)
            if said.startswith(success):
                return said
            assert said.startswith("Error: "), said
            self.errors += 1
            assert "Possible now: " in said
            if line.startswith("answer:") and "answer:TEXT" not in said:  # stored, though it was not said
                return said
        raise AssertionError(said)

    async def kept(self) -> Interview:
        """The one interview that there is."""
        (interview,) = await self.world.interviews()
        return interview


async def typed(fault: Fault, hit: int, end: str) -> tuple[int, int]:
    """An interview in plain text with a storage that fails at call *hit*: the calls, the errors told."""
    world = World(fault, hit)
    async with world.running() as served, served.connect() as socket:
        typist = Typist(world, socket)
        await typist.sit()
        before = len(world.storage.calls)
        if end == "stop":
            await typist.stop()
        else:
            await socket.close()
            await world.no_resume((await typist.kept()).id)
            assert hit > before or (await typist.kept()).state is State.STOPPED
    return len(world.storage.calls), typist.errors


@pytest.mark.slow
@pytest.mark.parametrize("end", ["stop", "close"])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_in_plain_text_every_reply_of_success_is_true_of_what_is_stored(fault: Fault, end: str) -> None:
    calls, errors = asyncio.run(typed(None, 0, end))
    assert (errors, calls > 12) == (0, True)
    for hit in range(1, calls + 1):
        try:
            errors += asyncio.run(typed(fault, hit, end))[1]
        except BaseException as error:
            error.add_note(f"{fault} at call {hit}")
            raise
    assert errors > 5


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_in_plain_text_a_storage_that_fails_once_costs_nothing(fault: Fault) -> None:
    assert asyncio.run(typed(fault, 7, "stop"))[1]


# --------------------------------------------------------------------------------------- one ends


def test_a_server_told_to_stop_says_so_and_its_successor_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "interviews.db"

    async def until_stopped(candidate: Candidate, url: str, serving: subprocess.Popen[str]) -> None:
        port = int(url.rpartition(":")[2])
        async with client_at(port, await asyncio.to_thread(schema_at, port)) as wire:
            await candidate.join(wire)
            assert not await candidate.sit(wire, 4)  # the last of them is on its way
            serving.send_signal(signal.SIGTERM)
            closed = await wire.closing()
            for event in closed.heard:
                candidate._see(event)
        assert closed.code == 1012
        assert any(event["type"] == "server_closing" for event in closed.heard)

    async def to_the_end(candidate: Candidate, url: str) -> None:
        port = int(url.rpartition(":")[2])
        async with client_at(port, await asyncio.to_thread(schema_at, port)) as wire:
            await candidate.join(wire)
            assert await candidate.sit(wire)

    async def kept(candidate: Candidate) -> None:
        storage = await create(path=file, read_only=True)
        try:
            await checked(candidate, storage)
        finally:
            await storage.aclose()

    candidate = Candidate()
    candidate.recorded = True  # nobody here has a microphone
    for last in (False, True):
        with server("--database", str(file)) as (serving, _, url):
            if last:
                asyncio.run(to_the_end(candidate, url))
            else:
                asyncio.run(until_stopped(candidate, url, serving))
                assert serving.wait(20) == 0
    asyncio.run(kept(candidate))


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_storage_that_fails_once_costs_nothing(fault: Fault) -> None:
    asyncio.run(interview(fault, 5))


def test_who_comes_back_while_the_storage_cannot_be_read_waits_for_what_was_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The interview goes on at the server, so that coming back needs the storage for the past alone."""
    monkeypatch.setattr(relay, "AWAY", (0.0,) * len(relay.AWAY))
    loads: list[int] = []

    def fault(call: int, name: str) -> Fault:
        """The first answers to who knocks; then it is away for as long as anybody waits."""
        if name == "load":
            loads.append(call)
        return "lost-request" if name == "load" and 1 < len(loads) <= len(relay.AWAY) else None

    async def story() -> None:
        async with running(storage=FaultyStorage(MemoryStorage(), fault)) as served:
            schema = await schema_of(served)
            candidate = Patient(World())
            async with client(served, schema) as wire, client(served, schema) as another:
                await candidate.enter(wire)
                assert not await candidate.sit(wire, 3)
                loads.clear()
                await another.say("resume_session", session=wire.session, token=wire.token, seq=0)
                resumed = await another.hear()
                assert resumed["type"] == "session_resumed"
                while another.seq < resumed["seq"]:
                    await another.hear()
        assert len(loads) == 1 + len(relay.AWAY)

    asyncio.run(story())
