"""JSON v1 when the line breaks or the server dies: nothing acknowledged is lost, nothing is twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.adapters.sqlite import create
from interview_fsm.engine import Limits
from interview_fsm.interview import Interview
from interview_fsm.testing import ScriptedRecorder, ScriptedTranscriber, Step

from .serving import Running, running
from .test_server_kill import Victim
from .v1_client import Client, Closed, Event, Schema, client, client_at, happened, schema_of

KILLS = 1000 if os.environ.get("INTERVIEW_FSM_SOAK") else 20
QUESTIONS = 2
TURNS_OF_A_SITTING = 8
"""Commands that Candidate sends in one sitting without a break."""


class Candidate:
    """Sits one interview, whatever befalls the line, and knows only what a browser would keep.

    That is the pair of session and token, the latest seq, the last that was shown, and the command that has
    not been acknowledged. What is next follows from what is shown.
    """

    def __init__(self, name: str = "Ada") -> None:
        self.name = name
        self.session = self.token = ""
        self.seq = self.sent = 0
        self.view: Event = {}
        self.pending: Event | None = None
        self.acknowledged: dict[str, tuple[int, Event]] = {}
        self.corrected = self.recorded = self.analyzed = False

    def answers(self) -> list[str]:
        """What the interview must hold in the end."""
        return [self._answer(1) + " And more.", *(self._answer(n) for n in range(2, QUESTIONS + 1))]

    def _answer(self, number: int) -> str:
        return f"{self.name} did number {number} alone."

    async def join(self, wire: Client) -> None:
        """Create the session, or come back to it."""
        if not self.session:
            await wire.create(plan={"questions": QUESTIONS, "follow_ups": 0})
            self.session, self.token = wire.session, wire.token
            return
        resumed = await wire.resume(self.session, self.token, self.seq)
        self._see(resumed)
        while wire.seq < resumed["seq"]:
            self._see(await wire.hear())

    def _see(self, event: Event) -> None:
        if "state" in event and event["seq"] >= self.seq:  # else a resend, acknowledged again
            self.view = event
        if event["type"] != "update":
            return
        self.seq = max(self.seq, event["seq"])
        self.analyzed |= happened(event, "feedback_given")
        pending = self.pending
        if pending is not None and event.get("in_reply_to") == pending["id"]:
            self.acknowledged[pending["id"]] = (event["seq"], pending)
            self.pending = None

    def _next(self) -> tuple[str, Event] | None:
        """What to send now; None while there is something to wait for."""
        view, question = self.view, (self.view.get("question") or {}).get("number")
        match view.get("state", "idle"):
            case "idle":
                return "start_interview", {}
            case "awaiting_difficulty":
                return "choose_difficulty", {"difficulty": "easy"}
            case "recording":
                return "submit_answer", {"question": question, "text": self._answer(question)}
            case "questioning" if question == 2 and not self.corrected:
                self.corrected = True
                return "correct_answer", {"question": 1, "text": self.answers()[0]}
            case "questioning" if question == QUESTIONS and not self.recorded:
                self.recorded = True
                return "record_answer", {"question": question, "source": "microphone"}
            case "questioning" if question:
                return "submit_answer", {"question": question, "text": self._answer(question)}
            case "questioning" if "next_question" not in view["allowed"]:
                return "analyze", {}
            case "analyzing" if self.analyzed:
                return "stop_interview", {}
        return None

    async def sit(self, wire: Client, most: int = 1000) -> bool:
        """Go on until the interview has stopped, or *most* commands were sent; whether it has stopped."""
        if self.pending is not None:  # nobody knows what became of it: the same again
            await wire.say_raw(self.pending)
        while self.view.get("state") != "stopped" or self.pending is not None:
            if self.pending is None and (command := self._next()) is not None:
                if most == 0:
                    return False
                most -= 1
                await self._say(wire, *command)
                if most == 0:
                    return False
            else:
                await self.hear(wire)
        return True

    async def say_next(self, wire: Client) -> bool:
        """Send what is next, and wait for nothing; whether there was something."""
        if (command := self._next()) is not None:
            await self._say(wire, *command)
        return command is not None

    async def _say(self, wire: Client, kind: str, fields: Event) -> None:
        self.sent += 1
        self.pending = wire.command(kind, id=f"{self.name}{self.sent}", **fields)
        await wire.say_raw(self.pending)

    async def hear(self, wire: Client) -> None:
        """Take in one event."""
        event = await wire.hear()
        if event["type"] == "error" and self.pending and event.get("in_reply_to") == self.pending["id"]:
            # What it was about has gone with the line: look again at what is shown.
            assert event["code"] == "invalid_command", event
            self.pending = None
        else:
            assert event["type"] != "error", event
        self._see(event)

    def check(self, interview: Interview, append_ids: list[str]) -> None:
        """Everything acknowledged is stored once, where it was said to be; every answer is there."""
        for command_id, (seq, _) in self.acknowledged.items():
            assert append_ids.count(command_id) == 1
            assert append_ids[seq - 1] == command_id
        assert [turn.answer.text for turn in interview.turns if turn.answer] == self.answers()
        assert interview.state == "stopped"
        assert interview.feedback is not None


async def checked(candidate: Candidate, storage: Any) -> None:
    entries = await storage.load(candidate.session)
    assert [entry.version for entry in entries] == list(range(1, len(entries) + 1))
    interview = Interview.replay(candidate.session, entries)
    candidate.check(interview, [entry.append_id for entry in entries])


@asynccontextmanager
async def serving(linger: float) -> AsyncGenerator[Running, None]:
    ports = {
        "recorder": ScriptedRecorder(seconds=600),
        "transcriber": ScriptedTranscriber([Step(Candidate().answers()[-1])] * 3),
        "limits": Limits(linger=linger),
    }
    async with running(ports=ports) as served:
        yield served


@pytest.mark.parametrize("linger", [30.0, 0.0], ids=["within the linger", "after it"])
@pytest.mark.parametrize("wait", ["unread", "acknowledged"])
@pytest.mark.parametrize("sent", range(TURNS_OF_A_SITTING))
def test_a_line_that_breaks_after_any_command_costs_nothing(sent: int, wait: str, linger: float) -> None:
    async def main() -> None:
        async with serving(linger) as served:
            candidate, schema = Candidate(), await schema_of(served)
            async with client(served, schema) as wire:
                await candidate.join(wire)
                assert not await candidate.sit(wire, sent)
                while wait == "acknowledged" and candidate.pending is not None:
                    await candidate.hear(wire)
                wire.socket.transport.abort()
            if linger == 0:
                await left(served)
            async with client(served, schema) as wire:
                await candidate.join(wire)
                assert await candidate.sit(wire)
            await checked(candidate, served.storage)

    asyncio.run(main())


async def left(served: Running) -> None:
    async with asyncio.timeout(20):
        while served.engine.sessions:
            await asyncio.sleep(0.005)


def test_a_sitting_without_a_break_has_as_many_commands_as_the_breaks_above_cover() -> None:
    async def main() -> None:
        async with serving(30.0) as served, client(served) as wire:
            candidate = Candidate()
            await candidate.join(wire)
            assert await candidate.sit(wire)
            await checked(candidate, served.storage)
            assert candidate.sent == TURNS_OF_A_SITTING
            shown = {e["state"] for e in wire.heard if "state" in e}
            assert shown >= {"awaiting_difficulty", "questioning", "recording", "analyzing", "stopped"}

    asyncio.run(main())


def test_a_line_that_breaks_at_every_command_and_every_time_costs_nothing() -> None:
    async def main() -> None:
        async with serving(30.0) as served:
            candidate, schema, over = Candidate(), await schema_of(served), False
            while not over:
                async with client(served, schema) as wire:
                    await candidate.join(wire)
                    over = await candidate.sit(wire, 1)
                    if not over:
                        wire.socket.transport.abort()
            await checked(candidate, served.storage)

    asyncio.run(main())


def test_another_server_on_the_same_storage_goes_on_with_the_interview() -> None:
    async def main() -> None:
        storage = MemoryStorage()
        candidate = Candidate()
        async with running(storage=storage) as one, running(storage=storage) as other:
            schema, over, turn = await schema_of(one), False, 0
            while not over:
                turn += 1
                async with client((one, other)[turn % 2], schema) as wire:
                    await candidate.join(wire)
                    over = await candidate.sit(wire, 2)
            await checked(candidate, storage)

    asyncio.run(main())


# ---------------------------------------------------------------------------------------- kill -9


def schema_at(port: int) -> Schema:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/schema.json", headers={"Host": f"localhost:{port}"})
        return Schema(json.loads(connection.getresponse().read()))
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.timeout(10_000)
def test_a_server_killed_at_any_message_has_every_acknowledged_command_once(tmp_path: Path) -> None:
    async def main() -> None:
        file, rng, kills, sat = tmp_path / "interviews.db", random.Random(11), 0, []
        schema: Schema | None = None
        candidate, died_in = Candidate("c0-"), set[str]()
        while kills < KILLS or candidate.session:
            victim = await asyncio.to_thread(Victim, file)
            try:
                schema = schema or await asyncio.to_thread(schema_at, victim.port)
                if kills < KILLS:
                    # each command in turn, within a sitting of its own; the moment in it by chance
                    await killed(
                        candidate, victim, schema, 1 + kills % 3, rng.choice([0, 0, 0.001, 0.003, 0.01])
                    )
                    died_in.add(candidate.view.get("state", "idle"))
                    kills += 1
                else:
                    async with client_at(victim.port, schema) as wire:
                        await candidate.join(wire)
                        assert await candidate.sit(wire)
            finally:
                victim.kill()
            if candidate.view.get("state") == "stopped" and candidate.pending is None:
                sat.append(candidate)
                candidate = Candidate(f"c{len(sat)}-")
        storage = await create(path=file, read_only=True)
        try:
            for candidate in sat:
                await checked(candidate, storage)
        finally:
            await storage.aclose()
        acknowledged = sum(len(c.acknowledged) for c in sat)
        assert died_in >= {"questioning", "recording", *(["analyzing"] if KILLS > 20 else [])}
        print(f"{kills} kills, {len(sat)} interviews, {acknowledged} commands acknowledged, 0 lost, 0 twice")

    asyncio.run(main())


async def killed(candidate: Candidate, victim: Victim, schema: Schema, most: int, wait: float) -> None:
    """Sit for *most* commands, and kill the server *wait* seconds after the last was sent."""
    try:
        async with client_at(victim.port, schema) as wire:
            await candidate.join(wire)
            await candidate.sit(wire, most)
            await asyncio.sleep(wait)
            victim.kill()
            while True:  # what it said before it died counts
                await candidate.hear(wire)
    except (Closed, OSError):
        pass
