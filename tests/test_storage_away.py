"""The storage fails at any call of a whole interview, and a client on a real socket sits it to its end.

It fails before it has stored, after it, never answers, or says that somebody else was quicker. Whatever it
does, the client is told or made to wait, nothing is acknowledged that is not stored, and nothing is twice.
"""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.adapters.sqlite import create
from interview_fsm.engine import Limits
from interview_fsm.jsonv1 import relay
from interview_fsm.testing import Fault, FaultyStorage, ScriptedRecorder, ScriptedTranscriber, Step

from .serving import Running, running
from .test_cli import server
from .test_v1_drops import Candidate, checked, schema_at
from .v1_client import Client, Closed, Event, Schema, client, client_at, schema_of

FAULTS: tuple[Fault, ...] = ("lost-request", "lost-reply", "hung-reply", "conflict", math.inf)
IN_TIME = 0.1
"""Seconds that a storage has here for an append."""


class Patient(Candidate):
    """Sends again what it was told that the storage could not take; comes back when it is sent away."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

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
            event = await self._answer_to(wire)
            if event["type"] != "error":
                break
            self.told.append(event["code"])
            if event["code"] == "session_taken":
                raise await wire.closing()
            assert event["code"] == "storage_unavailable", event
        self.session, self.token = wire.session, wire.token
        if event["type"] == "session_resumed":
            self._see(event)
            while wire.seq < event["seq"]:
                await self.hear(wire)

    @staticmethod
    async def _answer_to(wire: Client) -> Event:
        while True:
            event = await wire.hear()
            if event["type"] in ("session_created", "session_resumed", "error"):
                return event


async def sit(candidate: Patient, served: Running, schema: Schema) -> None:
    for _ in range(5):
        try:
            async with client(served, schema) as wire:
                await candidate.enter(wire)
                assert await candidate.sit(wire)
                return
        except Closed as closed:
            assert closed.code in (1011, 4409, 1012), closed
            assert closed.code != 1011 or candidate.told, "it says why"
    raise AssertionError("no progress")


async def interview(fault: Fault, hit: int) -> tuple[int, list[str]]:
    """One interview in which the storage fails at call *hit*: how many calls there were, what was told."""
    kept = MemoryStorage()
    storage = FaultyStorage(kept, lambda call, name: fault if call == hit else None)
    ports = {
        "recorder": ScriptedRecorder(seconds=600),
        "transcriber": ScriptedTranscriber([Step(Candidate().answers()[-1])] * 3),
        "limits": Limits(append=IN_TIME),
    }
    async with running(storage=storage, ports=ports) as served:
        candidate = Patient()
        await sit(candidate, served, await schema_of(served))
        await checked(candidate, kept)
        calls = len(storage.calls)
    assert storage.open == 0
    return calls, candidate.told


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
            candidate = Patient()
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
