"""Two servers, one database, nginx in front: one is killed, moved away from, cut off; no interview minds.

PostgreSQL; and two servers without nginx on Firestore.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from interview_fsm.adapters import firestore, postgres
from interview_fsm.interview import Interview
from interview_fsm.states import Trigger

from .certificates import Pair, certificate  # noqa: F401 - a fixture
from .databases import Cluster
from .firestores import VARIABLE, Firestore, new_project
from .team import Team, Wanderer
from .test_cli import server
from .test_postgres import Wire, wire_to
from .test_v1_drops import Candidate, checked, schema_at
from .v1_client import Client, Event, client_at, happened

ROUNDS = 20 if os.environ.get("INTERVIEW_FSM_SOAK") else 1

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def team(cluster: Cluster, certificate: Pair, tmp_path: Path) -> Generator[Team]:  # noqa: F811
    with Team.at_work(tmp_path, certificate, cluster.new_database()) as team:
        yield team


def state(name: str) -> Callable[[Candidate], bool]:
    return lambda candidate: candidate.view.get("state") == name


def question(is_open: bool) -> Callable[[Candidate], bool]:
    return lambda candidate: (
        candidate.view.get("state") == "questioning" and bool(candidate.view.get("question")) == is_open
    )


MOMENTS: list[tuple[str, str, Callable[[Candidate], bool]]] = [
    ("idle", "", lambda candidate: candidate.view.get("state", "idle") == "idle"),
    ("awaiting_difficulty", "", state("awaiting_difficulty")),
    ("questioning, the question in the making", "ask", question(False)),
    ("questioning, the question open", "", question(True)),
    ("recording", "", state("recording")),
    ("analyzing, the feedback in the making", "analyze", state("analyzing")),
    ("stopped", "", state("stopped")),
]
"""In the order they come: what it is, what the server does not finish in it, how a client knows it."""


@pytest.mark.parametrize("answered", [True, False], ids=["all is answered", "one is on its way"])
def test_a_server_killed_in_any_state_is_followed_by_the_other(team: Team, answered: bool) -> None:
    rng = random.Random(5)
    unanswered = Counter[bool]()

    async def killed(candidate: Wanderer, wire: Client, place: int) -> None:
        if not answered and await candidate.say_next(wire):
            await asyncio.sleep(rng.choice([0, 0, 0.001, 0.003]))
        team.kill(place)
        await candidate.hear_the_end(wire)
        unanswered[candidate.pending is not None] += 1

    async def sat(candidate: Wanderer, place: int) -> int:
        """One interview, with a kill in each state; where the one server is that still runs."""
        shown = set()
        for (_, _, moment), hang in zip(MOMENTS, [*(hang for _, hang, _ in MOMENTS[1:]), ""], strict=True):
            async with team.client() as wire:  # one server runs: the client is on it
                await candidate.join(wire)
                starting = asyncio.ensure_future(team.start(1 - place, hang))
                await candidate.until(wire, moment)
                await starting
                shown.add(candidate.view.get("state", "idle"))
                await killed(candidate, wire, place)
            place = 1 - place
        assert len(shown) == 6
        async with team.client() as wire:
            await candidate.join(wire)
            assert await candidate.sit(wire)
            await wire.say("get_report", format="json")
            assert await wire.until("report")
        await stored_once(candidate, team)
        return place

    async def main() -> None:
        place = 0
        await team.start(place)
        for number in range(ROUNDS):
            place = await sat(Wanderer(f"c{number}-"), place)
        print(
            f"{unanswered.total()} kills, {unanswered[True]} with a command unanswered, none lost, none twice"
        )

    asyncio.run(main())


# ------------------------------------------------------------- two that believe they have the interview


class Line(Wire):
    """A line to the database that can be held up, each way by itself, and let go again."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.requests, self.replies = asyncio.Event(), asyncio.Event()
        self.requests.set()
        self.replies.set()

    async def _up(self, reader: asyncio.StreamReader, ours: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self.requests.wait()
            ours.write(data)

    async def _down(self, theirs: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await theirs.read(65536):
            await self.replies.wait()
            writer.write(data)


PLAN = {"questions": 2, "follow_ups": 0}


@pytest.mark.parametrize("held", ["the request", "the reply", "the server"])
def test_of_two_servers_that_have_the_interview_one_wins_and_the_other_lets_go(
    cluster: Cluster, team: Team, held: str
) -> None:
    """The first server's line to the database, or the server itself, stands still in an append."""

    async def main() -> None:
        async with wire_to(cluster, Line) as line:
            through = make_conninfo(team.dsn, host="127.0.0.1", port=line.port)
            one, _ = await asyncio.gather(team.start(0, dsn=through), team.start(1))
            async with one.client(await team.schema()) as old:
                await old.begin(plan=PLAN)
                answer = old.command("submit_answer", question=1, text="I did number 1.")
                known = (old.session, old.token, old.seq)
                hold, go_on = {
                    "the request": (line.requests.clear, line.requests.set),
                    "the reply": (line.replies.clear, line.replies.set),
                    "the server": (one.pause, one.resume),
                }[held]
                hold()
                try:
                    await old.say_raw(answer)
                    if held == "the reply":
                        await stored(team, old.session, known[2] + 1)
                    await moved(team, known, answer)
                finally:
                    go_on()
                await told_that_it_is_taken(old)
            await as_it_should_be(team, known[0], ["I did number 1.", "I did number 2."], answer["id"])

    asyncio.run(asyncio.wait_for(main(), 120))


@pytest.mark.parametrize("hang", ["ask", "analyze"])
def test_who_has_moved_on_from_slow_work_gets_it_once(team: Team, hang: str) -> None:
    """The first server is still at a question, or at the feedback, when the client is on the second."""

    async def main() -> None:
        one, _ = await asyncio.gather(team.start(0, hang), team.start(1))
        async with one.client(await team.schema()) as old:
            await old.create(plan={"questions": 1, "follow_ups": 0})
            await old.ask("start_interview")
            last = await old.ask("choose_difficulty", difficulty="easy")
            if hang == "analyze":
                await old.question()
                await old.ask("submit_answer", question=1, text="I did number 1.")
                last = await old.ask("analyze")
            async with team.members[1].client(await team.schema()) as new:
                await new.resume(old.session, old.token, last["seq"])
                if hang == "ask":
                    await new.question()
                    await new.ask("submit_answer", question=1, text="I did number 1.")
                    await new.feedback()
                else:
                    await new.until(lambda event: happened(event, "feedback_given"))
                one.go_on()
                await told_that_it_is_taken(old)
                await new.ask("stop_interview")
            await as_it_should_be(team, old.session, ["I did number 1."])

    asyncio.run(asyncio.wait_for(main(), 120))


# -------------------------------------------------------------------------------------- on Firestore


def test_two_servers_on_firestore_have_one_interview_and_who_has_lost_it_lets_go(
    monkeypatch: pytest.MonkeyPatch, grpc_runner: asyncio.Runner
) -> None:
    """The client is on the other server with every command; another is on both, and erases it in the end."""
    candidate, project = Candidate(), new_project()
    candidate.recorded = True  # nobody here has a microphone

    async def sat(ports: list[int]) -> int:
        schema, moves, is_over = await asyncio.to_thread(schema_at, ports[0]), 0, False
        while not is_over:
            moves += 1
            async with client_at(ports[moves % 2], schema) as wire:
                await candidate.join(wire)
                is_over = await candidate.sit(wire, 1)
        return moves

    async def both(ports: list[int]) -> None:
        schema = await asyncio.to_thread(schema_at, ports[0])
        async with client_at(ports[0], schema) as old, client_at(ports[1], schema) as new:
            await old.begin(plan=PLAN)
            await new.resume(old.session, old.token, old.seq)
            await new.ask("submit_answer", question=1, text="I did number 1.")
            await old.say("submit_answer", question=1, text="I did nothing.")
            await told_that_it_is_taken(old)
            await new.ask("stop_interview")
            answers = [turn["answer"]["text"] for turn in (await new.snapshot())["turns"] if "answer" in turn]
            assert answers == ["I did number 1."]
            await new.say("erase_session")
            assert (await new.until("session_erased"))["receipt"]["answers"] == 1
        async with client_at(ports[0], schema) as late:
            known = {"session": old.session, "token": old.token, "seq": old.seq}
            assert (await late.refused("resume_session", **known))["code"] == "session_not_found"
        left = {name: str(each.fields) for name, each in kept.documents.items() if old.session in name}
        assert not [name for name in left if "/entries/" in name]
        assert "number 1" not in "".join(left.values()), "a tombstone has no texts"

    async def as_acknowledged() -> None:
        storage = await firestore.create(project=project, read_only=True)
        try:
            await checked(candidate, storage)
        finally:
            await storage.aclose()

    kept = Firestore()
    with kept.running() as host:
        monkeypatch.setenv(VARIABLE, host)
        options = ("--storage", "firestore", "--firestore-project", project)
        with server(*options) as (_, _, one), server(*options) as (_, _, other):
            ports = [int(url.rpartition(":")[2]) for url in (one, other)]
            assert asyncio.run(asyncio.wait_for(sat(ports), 120)) == candidate.sent + 1
            asyncio.run(asyncio.wait_for(both(ports), 120))
        grpc_runner.run(as_acknowledged())


async def moved(team: Team, known: tuple[str, str, int], answer: Event) -> None:
    """Go on at the other server, as a client that has not heard what became of its answer."""
    async with team.members[1].client(await team.schema()) as new:
        await new.resume(*known)
        await new.say_raw(answer)
        await new.until(lambda event: event.get("in_reply_to") == answer["id"])
        while (await new.question())["number"] != 2:
            await new.until("update")
        await new.ask("submit_answer", question=2, text="I did number 2.")
        await new.feedback()
        await new.ask("stop_interview")


async def told_that_it_is_taken(old: Client) -> None:
    """What a client hears whose interview has gone on elsewhere."""
    closed = await old.closing()
    assert closed.code == 4409
    assert [event["code"] for event in closed.heard if event["type"] == "error"] == ["session_taken"]


async def stored(team: Team, interview_id: str, version: int) -> None:
    """Until the database has this version."""
    async with reading(team) as storage:
        while len(await storage.load(interview_id)) < version:
            pass


async def as_it_should_be(team: Team, interview_id: str, answers: list[str], *command_ids: str) -> None:
    """Each question asked once, each answer once, one feedback; no version twice."""
    async with reading(team) as storage:
        entries = await storage.load(interview_id)
    assert [entry.version for entry in entries] == list(range(1, len(entries) + 1))
    for command_id in command_ids:
        assert [entry.append_id for entry in entries].count(command_id) == 1
    interview = Interview.replay(interview_id, entries)
    assert interview.state == "stopped"
    assert [turn.question.number for turn in interview.turns] == list(range(1, len(answers) + 1))
    assert [turn.answer.text for turn in interview.turns if turn.answer] == answers
    kinds = [event.trigger for entry in entries for event in entry.events]
    assert kinds.count(Trigger.FEEDBACK_GIVEN) == 1


@asynccontextmanager
async def reading(team: Team) -> AsyncGenerator[postgres.PostgresStorage]:
    storage = await postgres.create(dsn=team.dsn, read_only=True)
    try:
        yield storage
    finally:
        await storage.aclose()


async def stored_once(candidate: Candidate, team: Team) -> None:
    async with reading(team) as storage:
        await checked(candidate, storage)
