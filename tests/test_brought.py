"""What the candidate brings once the interview is there, though it is taken over, stopped or erased then."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interview_fsm import events as e
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Session
from interview_fsm.errors import AdapterError, Gone, InvalidCommand, SessionTaken
from interview_fsm.retention import erase_interview
from interview_fsm.testing import Fault, run

from .serving import running
from .v1_client import client, schema_of
from .worlds import World, has_open

FIRST = e.Material("The first résumé.", digest="d1")
OLD = e.Material("The one that came to the server before.", digest="d2")
NEW = e.Material("The one that came to the server after.", digest="d3")


class Meanwhile(MemoryStorage):
    """Does *first* before the next append to a log that *end*s so, once."""

    def __init__(self) -> None:
        super().__init__()
        self.end = ""
        self.first: Callable[[], Awaitable[object]] | None = None

    def before(self, end: str, first: Callable[[], Awaitable[object]]) -> None:
        self.end, self.first = end, first

    async def append(self, interview_id: str, *args: Any, **settings: Any) -> None:
        first = self.first
        if first is not None and interview_id.endswith(self.end):
            self.first = None
            await first()
        await super().append(interview_id, *args, **settings)


def two(test: Callable[[World, World, Session], Awaitable[None]]) -> None:
    """*test* with two servers on one storage, and an interview begun on the first."""
    here = World(kept=Meanwhile())
    there = World(kept=here.kept)

    async def main() -> None:
        session = here.engine().new(FIRST)
        await session.attach()
        try:
            await test(here, there, session)
        finally:
            await session.aclose()

    run(main())


async def reopened(world: World, session: Session) -> e.Material | None:
    async with await world.engine().open(session.interview.id) as again:
        return again.material


def test_what_is_brought_instead_is_there_when_the_interview_is_opened_again() -> None:
    async def test(here: World, there: World, session: Session) -> None:
        await session.bring_instead(NEW)
        assert session.material == NEW
        assert session.interview.version == 1
        assert await reopened(there, session) == NEW

    two(test)


def test_who_has_lost_the_interview_brings_nothing_and_hears_so() -> None:
    async def test(here: World, there: World, session: Session) -> None:
        async with await there.engine().open(session.interview.id) as other:
            await other.bring_instead(NEW)
            with pytest.raises(SessionTaken):
                await session.bring_instead(OLD)
            assert isinstance(session.ended, SessionTaken)
            assert await here.kept.load(session.interview.id + ".resume", 2) == []
        assert await reopened(there, session) == NEW

    two(test)


def test_who_loses_the_interview_while_it_brings_something_overwrites_nothing() -> None:
    async def test(here: World, there: World, session: Session) -> None:
        async def take() -> None:
            async with await there.engine().open(session.interview.id) as other:
                await other.bring_instead(NEW)

        assert isinstance(here.kept, Meanwhile)
        here.kept.before(".resume", take)
        with pytest.raises(SessionTaken):
            await session.bring_instead(OLD)
        assert await reopened(there, session) == NEW

    two(test)


def test_what_an_interview_was_started_with_is_not_replaced_by_what_comes_late() -> None:
    async def test(here: World, there: World, session: Session) -> None:
        async def take() -> None:
            async with await there.engine().open(session.interview.id) as other:
                assert other.material == FIRST
                await other.send(e.StartInterview(e.Plan(resume_digest=FIRST.digest)))

        assert isinstance(here.kept, Meanwhile)
        here.kept.before(".resume", take)
        with pytest.raises(SessionTaken):  # it is not acknowledged
            await session.bring_instead(OLD)
        assert await reopened(there, session) == FIRST

    two(test)


def test_who_takes_an_interview_over_has_what_was_brought_up_to_then() -> None:
    async def test(here: World, there: World, session: Session) -> None:
        assert isinstance(here.kept, Meanwhile)
        here.kept.before(session.interview.id, lambda: session.bring_instead(OLD))  # before the claim
        async with await there.engine().open(session.interview.id) as other:
            assert session.ended is None, "it has been acknowledged"
            assert other.material == OLD

    two(test)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
@pytest.mark.parametrize("first", [FIRST, None])
def test_nothing_is_kept_of_an_interview_that_somebody_else_erases(
    when: str, first: e.Material | None
) -> None:
    world = World(kept=Meanwhile())

    async def main() -> None:
        session = world.engine().new(first)
        await session.attach()
        assert isinstance(world.kept, Meanwhile)
        if when == "before":
            await erase_interview(world.kept, session.interview.id)
        else:
            world.kept.before(".resume", lambda: erase_interview(world.kept, session.interview.id))
        with pytest.raises(Gone):
            await session.bring_instead(NEW)
        assert isinstance(session.ended, Gone)
        assert await world.logs() == []

    run(main())


@pytest.mark.parametrize("fault", ["lost-request", "lost-reply", "hung-reply", "conflict"])
def test_what_is_not_known_to_be_kept_is_not_acknowledged(fault: Fault) -> None:
    faults: dict[str, Fault] = {}
    world = World(lambda _, name: faults.pop(name, None))

    async def main() -> None:
        async with world.engine() as engine:
            session = engine.new(FIRST)
            await session.attach()
            faults["append"] = fault
            with pytest.raises(SessionTaken if fault == "conflict" else AdapterError):
                await session.bring_instead(NEW)
            async with await engine.open(session.interview.id) as again:
                assert again.material == (NEW if fault in ("lost-reply", "hung-reply") else FIRST)

    run(main())


def test_a_stop_while_something_is_brought_leaves_nothing_of_it() -> None:
    faults: dict[str, Fault] = {}
    world = World(lambda _, name: faults.pop(name, None))

    async def main() -> None:
        async with world.engine() as engine:
            session = engine.new(FIRST)
            await session.attach()
            faults["append"] = 2.0
            bringing = asyncio.create_task(session.bring_instead(NEW))
            await asyncio.sleep(1)
            late = asyncio.create_task(session.bring_instead(OLD))
            await session.send(e.StopInterview())
            await bringing
            with pytest.raises(InvalidCommand, match="has been stopped"):
                await late
            assert session.material is None
            await asyncio.sleep(1)
            assert await world.logs() == [session.interview.id]

    run(main())


def test_a_started_interview_keeps_what_it_was_started_with() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as engine, engine.new(FIRST) as session:
            await session.send(e.StartInterview(e.Plan(questions=1, follow_ups=0)))
            with pytest.raises(InvalidCommand, match="has started"):
                await session.bring_instead(NEW)
            assert session.material == FIRST
            await session.send(e.ChooseDifficulty("senior"))
            await session.until(has_open(1))

    run(main())


def test_what_no_log_could_keep_is_refused_and_the_session_goes_on() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as engine, engine.new(FIRST) as session:
            await session.attach()
            with pytest.raises(ValueError, match="limit"):
                await session.bring_instead(e.Material("x" * 900_000))
            await session.bring_instead(NEW)

    run(main())


def test_a_client_that_stayed_at_the_server_before_hears_that_its_resume_was_not_taken() -> None:
    async def main() -> None:
        kept = MemoryStorage()
        async with running(storage=kept) as before, running(storage=kept) as after:
            schema = await schema_of(before)
            async with client(before, schema) as left, client(after, schema) as moved:
                await left.create()
                await moved.resume(left.session, left.token, 1)
                await moved.say("set_resume", id="new", text=NEW.resume)
                await moved.until("resume_read")
                await left.say("set_resume", id="old", text=OLD.resume)
                assert (await left.until("error"))["code"] == "session_taken"
            log = await kept.load(f"{left.session}.resume")
            assert [
                event.resume for entry in log for event in entry.events if isinstance(event, e.Material)
            ] == [NEW.resume]

    asyncio.run(asyncio.wait_for(main(), 60))
