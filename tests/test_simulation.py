"""Two engines on one storage, a client that resends blindly, and a world that loses messages and processes.

All in one thread and in virtual time, so that the same seed is the same run. What must hold at the end of
every interview, however it went:

- every acknowledged command is in the log exactly once, as it was sent, and no refused one is;
- versions have no gaps; nothing was said, asked or answered twice;
- after a claim only the claimer writes;
- a lost message alone never looks like a takeover;
- until the interview has stopped, its résumé is there whenever it is opened, whoever sweeps meanwhile;
- once the interview has stopped, no résumé is left.

Every text ever sent is unique: else "acknowledged before it was stored" would go unnoticed.
"""

import asyncio
import logging
import math
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from msgspec import Struct

from interview_fsm import events as e
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Engine, Session
from interview_fsm.errors import Gone, InterviewError, InvalidCommand, SessionTaken
from interview_fsm.interview import Interview
from interview_fsm.states import State
from interview_fsm.testing import (
    Crash,
    Fault,
    ScriptedInterviewer,
    ScriptedRecorder,
    ScriptedTranscriber,
    Step,
    run,
)

from .worlds import MATERIAL, PLAN, World, is_due, next_command, wants_a_number

SOAK = os.environ.get("INTERVIEW_FSM_SOAK") == "1"
SEEDS = 3_000 if SOAK else 500
TOKEN = "t"

Weather = Callable[[int], Fault]
"""What befalls the n-th storage call of the whole run, counted over both engines."""


class Signed(MemoryStorage):
    """The shared storage, which notes who wrote what."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = count(1)
        self.writers: dict[tuple[str, int], str] = {}

    async def length(self, interview_id: str) -> int:
        try:
            return len(await self.load(interview_id))
        except Gone:
            return 0


class Pen:
    """One writer's way to the shared storage."""

    def __init__(self, kept: Signed, writer: str) -> None:
        self._kept, self._writer = kept, writer
        self.load, self.erase, self.interviews, self.aclose = (
            kept.load,
            kept.erase,
            kept.interviews,
            kept.aclose,
        )

    async def append(
        self,
        interview_id: str,
        expected_version: int,
        entry: e.Entry,
        *,
        owner: str | None = None,
        expires_at: float | None = None,
    ) -> None:
        before = await self._kept.length(interview_id)
        await self._kept.append(interview_id, expected_version, entry, owner=owner, expires_at=expires_at)
        if await self._kept.length(interview_id) > before:
            self._kept.writers[interview_id, entry.version] = self._writer


class Node:
    """A server process, and its successors: a crash forgets everything but the storage."""

    def __init__(self, name: str, kept: Signed, weather: Weather, chance: random.Random) -> None:
        self.name, self.kept, self.weather, self.chance = name, kept, weather, chance
        self.lives = 0
        self.start()

    def start(self) -> None:
        self.lives += 1
        writer = f"{self.name}{self.lives}"
        self.world = World(
            lambda call, name: self.weather(next(self.kept.calls)), kept=Pen(self.kept, writer)
        )
        self.world.interviewer = ScriptedInterviewer(
            [Step(takes=self.chance.uniform(0.5, 3)) for _ in range(20)]
        )
        self.world.recorder = ScriptedRecorder(seconds=self.chance.uniform(0.3, 2))
        self.world.transcriber = ScriptedTranscriber([Step(f"{writer}, take {n}, alone.") for n in range(20)])
        self.engine = self.world.engine(follow_up=wants_a_number)

    async def heal(self) -> None:
        """Start again where the process has died."""
        if self.world.storage.crashed:
            await self.engine.aclose()
            assert self.world.open == 0
            self.start()


class Moved(Exception):
    """The client has gone to the other node, in the midst of a command."""


class Client:
    """Sits one interview to its end, and repeats itself with the same id until it is acknowledged."""

    def __init__(self, nodes: tuple[Node, Node], chance: random.Random, moves: float) -> None:
        self.nodes, self.chance, self.moves = nodes, chance, moves
        self.interview_id = ""
        self.is_seated = False
        self.at = 0
        self.serial = 0
        self.pending: tuple[e.Command, str] | None = None
        self.sent: dict[str, e.Command] = {}
        self.acknowledged: set[str] = set()
        self.refused: set[str] = set()
        self.errors: list[type[BaseException]] = []
        self.loose: list[asyncio.Task[Interview]] = []

    async def sit(self) -> None:
        for _ in range(400):
            try:
                await self._talk(await self._connect())
                break
            except (InterviewError, Crash, Moved) as error:
                self.errors.append(type(error))
            for node in self.nodes:
                await node.heal()
            await asyncio.sleep(0.1)
        else:
            raise AssertionError("no progress")
        await asyncio.gather(*self.loose, return_exceptions=True)

    async def _connect(self) -> Session:
        engine = self.nodes[self.at].engine
        if self.interview_id:
            try:
                return await engine.open(self.interview_id, token=TOKEN)
            except Gone:  # not even its beginning was stored
                assert not self.is_seated
        session = engine.new(MATERIAL, token=TOKEN)
        self.interview_id = session.interview.id
        await session.attach()
        return session

    async def _talk(self, session: Session) -> None:
        self.is_seated = True
        assert session.material == (None if session.interview.state is State.STOPPED else MATERIAL)
        while True:
            if self.pending is None:
                interview = await session.until(is_due)
                if interview.state is State.STOPPED:
                    return
                self.pending = self._compose(interview)
            sending = asyncio.create_task(self._send(session, *self.pending))
            if self.chance.random() < self.moves:
                await asyncio.sleep(self.chance.uniform(0, 3))
                self.loose.append(sending)  # the old node goes on with it
                self.at = 1 - self.at
                raise Moved
            try:
                await sending
            except InvalidCommand:
                self.refused.add(self.pending[1])
            self.pending = None

    def _compose(self, interview: Interview) -> tuple[e.Command, str]:
        self.serial += 1
        command = next_command(interview)
        if isinstance(command, e.SubmitAnswer):
            command = e.SubmitAnswer(command.question, f"Typed {self.serial}, with 1 number.")
        command_id = f"c{self.serial}"
        self.sent[command_id] = command
        return command, command_id

    async def _send(self, session: Session, command: e.Command, command_id: str) -> Interview:
        interview = await session.send(command, command_id=command_id)
        self.acknowledged.add(command_id)
        return interview


class Run(Struct):
    """What one simulated interview came to."""

    calls: int
    seconds: float
    errors: list[type[BaseException]]
    log: list[e.Entry]
    interviewed: int


def simulate(weather: Weather, seed: int, moves: float = 0.0) -> Run:
    """One interview in this weather, checked; the same arguments give the same run."""
    chance = random.Random(seed)
    kept = Signed()

    async def main() -> Run:
        nodes = (Node("A", kept, weather, chance), Node("B", kept, weather, chance))
        client = Client(nodes, chance, moves)
        clear = World(kept=kept)
        sweeper = asyncio.create_task(_sweep(clear.engine()))
        await client.sit()
        sweeper.cancel()
        await asyncio.wait([sweeper])
        calls = next(kept.calls) - 1
        for node in nodes:
            await node.engine.aclose()
            assert node.world.open == 0
            assert not node.world.hurried
        await clear.engine().sweep()
        log = await kept.load(client.interview_id)
        assert not [name for name in await clear.logs() if name == client.interview_id + ".resume"]
        _check(client, log)
        _check_fencing(kept, client.interview_id, log)
        asked = sum(len(node.world.interviewer.asked) for node in nodes)
        return Run(calls, asyncio.get_running_loop().time(), client.errors, log, asked)

    return run(main())


async def _sweep(engine: Engine) -> None:
    """What a third server does all the time."""
    while True:
        await engine.sweep()
        await asyncio.sleep(0.25)


def _check(client: Client, log: list[e.Entry]) -> None:
    assert [entry.version for entry in log] == list(range(1, len(log) + 1))
    ids = [entry.append_id for entry in log]
    assert len(set(ids)) == len(ids)
    assert client.acknowledged <= set(ids)
    assert not client.refused & set(ids)
    for entry in log:
        if entry.append_id in client.sent:
            assert entry.events[0] == client.sent[entry.append_id]
    interview = Interview.replay(client.interview_id, log)
    assert interview.state is State.STOPPED
    assert interview.asked == PLAN.count
    assert interview.follow_ups <= PLAN.follow_up_limit
    assert interview.stale == ()
    answers = [answer.text for turn in interview.turns for answer in (turn.answer, *turn.attempts) if answer]
    assert len(set(answers)) == len(answers) == len(interview.turns)


def _check_fencing(kept: Signed, interview_id: str, log: list[e.Entry]) -> None:
    owner = session = ""
    for entry in log:
        writer = kept.writers[interview_id, entry.version]
        if isinstance(entry.events[0], e.Attached):
            owner, session = writer, ""
        assert writer == owner, f"{writer} wrote version {entry.version}, which is {owner}'s to write"
        if "." in entry.append_id:
            nonce = entry.append_id.split(".")[0]
            session = session or nonce
            assert nonce == session, "two sessions of one engine wrote to one log"


def fair(call: int) -> Fault:
    return None


@contextmanager
def told(what: str) -> Iterator[None]:
    """Name the run that failed."""
    try:
        yield
    except BaseException as error:
        error.add_note(what)
        raise


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """A process that dies says so at length; here thousands do."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


SINGLE: tuple[Fault, ...] = (
    *("crash-before", "crash-after", "lost-request", "lost-reply", "hung-reply", "conflict"),
    math.inf,
)


def test_in_fair_weather_nothing_is_repeated() -> None:
    went = simulate(fair, seed=1)
    assert went.errors == []
    assert went.interviewed == 3
    assert 15 < went.calls < 25


def test_the_same_seed_is_the_same_run() -> None:
    first, second = simulate(fair, seed=5, moves=0.5), simulate(fair, seed=5, moves=0.5)
    assert first.errors == second.errors
    assert Moved in first.errors
    assert (first.calls, first.seconds) == (second.calls, second.seconds)
    assert [entry.events for entry in first.log] == [entry.events for entry in second.log]


@pytest.mark.parametrize("fault", SINGLE)
def test_one_fault_at_any_storage_call(fault: Fault) -> None:
    calls = simulate(fair, seed=1).calls
    for hit in range(1, calls + 1):
        with told(f"{fault} at call {hit}"):
            went = simulate(lambda call, hit=hit: fault if call == hit else None, seed=1)  # type: ignore[misc]
            assert (SessionTaken in went.errors) <= (fault == "conflict")  # there was nobody else
            assert len(went.errors) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", SINGLE)
def test_two_faults_at_any_storage_calls(fault: Fault) -> None:
    calls = simulate(fair, seed=1).calls
    pairs = [(one, two) for one in range(1, calls + 1) for two in range(one + 1, calls + 6)]
    for pair in pairs:
        with told(f"{fault} at calls {pair}"):
            simulate(lambda call, pair=pair: fault if call in pair else None, seed=1)  # type: ignore[misc]


def weather_of(seed: int) -> Weather:
    """From fair to foul: a share of the calls fails in one of five ways, others are slow."""
    chance = random.Random(seed * 7 + 1)
    share = chance.choice([0.0, 0.05, 0.2, 0.4])

    def weather(call: int) -> Fault:
        if chance.random() < share:
            return chance.choice(SINGLE)
        return chance.choice([0.0, chance.uniform(0, 2)])

    return weather


@pytest.mark.slow
def test_any_weather_and_a_client_that_moves_about() -> None:
    calls = seconds = 0.0
    for seed in range(SEEDS):
        with told(f"seed {seed}"):
            went = simulate(weather_of(seed), seed, moves=random.Random(seed).choice([0.0, 0.2, 0.5]))
        calls += went.calls
        seconds += went.seconds
    print(f"{SEEDS} seeds, {calls:.0f} storage calls, {seconds / 3600:.1f} hours of simulated time")
