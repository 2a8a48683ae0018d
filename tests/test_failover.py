"""PostgreSQL with a synchronous standby: what is acknowledged is on both, and clients go on when one dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from interview_fsm.adapters import postgres
from interview_fsm.adapters.coach import Coach
from interview_fsm.engine import Engine
from interview_fsm.errors import AdapterError, Gone
from interview_fsm.events import StopInterview
from interview_fsm.retention import erase_interview
from interview_fsm.testing.storage import entry, fresh

from .certificates import Pair, certificate  # noqa: F401 - a fixture
from .databases import Cluster
from .team import Team, Wanderer
from .test_v1_drops import checked
from .v1_client import Closed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CANDIDATES = 6


@pytest.fixture(scope="module")
def pair() -> Generator[tuple[Cluster, Cluster]]:
    """A primary, and the standby that its commits wait for."""
    with Cluster.at_hand() as primary, primary.followed() as standby:
        yield primary, standby


@asynccontextmanager
async def storage_at(dsn: str, patience: float = 8.0) -> AsyncGenerator[postgres.PostgresStorage]:
    storage = await postgres.create(dsn=dsn, patience=patience)
    try:
        yield storage
    finally:
        await storage.aclose()


async def waiting(primary: Cluster) -> int:
    """The process that waits for the standby, once there is one."""
    while True:
        found = await asyncio.to_thread(
            primary.execute, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        )
        if found:
            return int(str(found[0][0]))


def test_what_the_standby_does_not_have_is_not_acknowledged_however_often_it_is_sent(
    pair: tuple[Cluster, Cluster],
) -> None:
    primary, standby = pair

    async def main() -> None:
        interview_id, second = fresh(), entry(2)
        async with storage_at(primary.dsn(), patience=1.0) as storage:
            await storage.append(interview_id, 0, entry(1))
            await asyncio.to_thread(standby.stop)
            try:
                for _ in range(3):  # the first is on the primary's disk, and is found there by the others
                    with pytest.raises(AdapterError, match="in time"):
                        await storage.append(interview_id, 1, second)
                assert len(await storage.load(interview_id)) == 2
            finally:
                await asyncio.to_thread(standby.start)
            while True:
                with suppress(AdapterError):
                    await storage.append(interview_id, 1, second)
                    break

    asyncio.run(main())


@asynccontextmanager
async def alone(standby: Cluster) -> AsyncGenerator[None]:
    """The primary without its standby, which comes back afterwards."""
    await asyncio.to_thread(standby.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(standby.start)


def test_an_erasure_that_the_standby_does_not_have_is_not_acknowledged_however_often_it_is_asked_for(
    pair: tuple[Cluster, Cluster],
) -> None:
    primary, standby = pair

    async def main() -> None:
        interview_id = fresh()
        async with storage_at(primary.dsn(), patience=1.0) as storage:
            await storage.append(interview_id, 0, entry(1))
            async with alone(standby):
                for _ in range(3):  # the first is on the primary's disk, and is found there by the others
                    with pytest.raises(AdapterError, match="in time"):
                        await erase_interview(storage, interview_id)
                with pytest.raises(Gone):
                    await storage.load(interview_id)
            while True:
                with suppress(AdapterError):
                    assert not await storage.erase(interview_id)
                    break

    asyncio.run(asyncio.wait_for(main(), 120))


def test_a_stop_that_the_standby_does_not_have_is_not_acknowledged_by_who_finds_it_in_the_log(
    pair: tuple[Cluster, Cluster],
) -> None:
    primary, standby = pair

    async def main() -> None:
        async with storage_at(primary.dsn(), patience=1.0) as storage, Engine(storage, Coach()) as engine:
            session = engine.new()
            await session.attach()
            interview_id = session.interview.id
            async with alone(standby):
                with pytest.raises(AdapterError, match="in time"):
                    await session.send(StopInterview(), command_id="stop")
                with pytest.raises(AdapterError, match="in time"):
                    await engine.open(interview_id)
                assert (await storage.load(interview_id))[-1].append_id == "stop"
            while True:
                with suppress(AdapterError):
                    session = await engine.open(interview_id)
                    break
            assert session.version_of("stop") == session.interview.version == 2

    asyncio.run(asyncio.wait_for(main(), 120))


@pytest.mark.parametrize("call", ["append", "erase"])
@pytest.mark.parametrize("told", ["pg_cancel_backend", "pg_terminate_backend"])
def test_who_is_told_not_to_wait_for_the_standby_acknowledges_nothing(
    pair: tuple[Cluster, Cluster], told: str, call: str
) -> None:
    primary, standby = pair

    async def main() -> None:
        interview_id = fresh()
        async with storage_at(primary.dsn(), patience=60.0) as storage:
            await storage.append(interview_id, 0, entry(1))
            calls = {
                "append": lambda: storage.append(interview_id, 1, entry(2)),
                "erase": lambda: storage.erase(interview_id),
            }
            await asyncio.to_thread(standby.stop)
            going_on = asyncio.ensure_future(calls[call]())
            try:
                for _ in range(2):
                    pid = await waiting(primary)
                    await asyncio.to_thread(primary.execute, f"SELECT {told}({pid})")
                await waiting(primary)
                assert not going_on.done()
            finally:
                await asyncio.to_thread(standby.start)
            assert await asyncio.wait_for(going_on, 60) in (None, True)

    asyncio.run(asyncio.wait_for(main(), 120))


class Insistent(Wanderer):
    """Sits one interview after another, through whatever befalls the servers."""

    async def sit_through(self, team: Team) -> None:
        """To the end of one."""
        while True:
            with suppress(Closed):
                async with team.client() as wire:
                    await self.join(wire)
                    await self.sit(wire)
                    return


def test_the_primary_dies_the_standby_is_promoted_and_clients_go_on(
    certificate: Pair,  # noqa: F811
    tmp_path: Path,
) -> None:
    async def main(primary: Cluster, standby: Cluster, team: Team) -> None:
        await asyncio.gather(team.start(0), team.start(1))
        over, sat = asyncio.Event(), []

        async def candidate(name: str) -> None:
            while not over.is_set():
                one = Insistent(f"{name}-{len(sat)}-")
                sat.append(one)
                await one.sit_through(team)

        async def until(many: int) -> None:
            while len(sat) < many:
                for each in sitting:
                    assert not each.done() or each.result()
                await asyncio.sleep(0.01)

        sitting = [asyncio.ensure_future(candidate(f"c{number}")) for number in range(CANDIDATES)]
        await until(2 * CANDIDATES)
        before = acknowledged(sat)
        await asyncio.to_thread(primary.kill)
        await asyncio.to_thread(standby.promote)
        at_promotion = acknowledged(sat)
        await until(4 * CANDIDATES)
        over.set()
        await asyncio.gather(*sitting)
        async with storage_at(standby.dsn(), patience=30.0) as storage:
            for one in sat:
                await checked(one, storage)
        print(f"acknowledged {before}, {at_promotion} at the promotion, {acknowledged(sat)} in the end")

    with Cluster.at_hand() as primary, primary.followed() as standby:
        hosts = f"host={primary.folder},{standby.folder} user=postgres dbname=postgres"
        with Team.at_work(tmp_path, certificate, f"{hosts} target_session_attrs=read-write") as team:
            asyncio.run(asyncio.wait_for(main(primary, standby, team), 100))


def acknowledged(sat: list[Insistent]) -> int:
    return sum(len(one.acknowledged) for one in sat)
