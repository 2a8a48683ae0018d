"""An engine that is being closed opens nothing more, at whatever moment its closing comes."""

from __future__ import annotations

import asyncio

import pytest

from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Engine, Limits
from interview_fsm.errors import EngineClosed, Expired, Gone
from interview_fsm.events import ChooseDifficulty, Material, StartInterview
from interview_fsm.testing import FaultyStorage, ScriptedInterviewer, run

TOKEN = "a token"


async def left(storage: MemoryStorage) -> str:
    """An interview in *storage*, in the midst of it; its id."""
    async with Engine(storage, ScriptedInterviewer()) as engine:
        session = engine.new(Material("Ada"), token=TOKEN)
        await session.send(StartInterview())
        await session.send(ChooseDifficulty("easy"))
        await session.until(lambda interview: interview.open_question is not None)
        return session.interview.id


@pytest.mark.parametrize("seconds", [0.5, 1.5, 2.5], ids=["log", "resume", "claim"])
def test_an_interview_that_is_being_opened_when_the_engine_closes_is_not_opened(seconds: float) -> None:
    async def main() -> None:
        storage = MemoryStorage()
        interview_id = await left(storage)
        slow = FaultyStorage(storage, lambda *_: 1.0)  # the log, the résumé, the claim: a second each
        engine = Engine(slow, ScriptedInterviewer())
        opening = asyncio.create_task(engine.open(interview_id))
        await asyncio.sleep(seconds)
        await engine.aclose()
        assert engine.sessions == 0
        with pytest.raises(EngineClosed):
            await opening
        assert engine.sessions == 0
        async with Engine(storage, ScriptedInterviewer()) as other:  # and nothing is lost
            again = await other.open(interview_id, token=TOKEN)
            assert again.interview.open_question is not None

    run(main())


def test_a_closed_engine_opens_begins_and_restarts_nothing_and_touches_no_log() -> None:
    async def main() -> None:
        storage = FaultyStorage(MemoryStorage())
        interview_id = await left(storage.inner)
        engine = Engine(storage, ScriptedInterviewer())
        session = await engine.open(interview_id)
        await engine.aclose()
        before = list(storage.calls)
        with pytest.raises(EngineClosed):
            await engine.open(interview_id)
        with pytest.raises(EngineClosed):
            engine.new()
        with pytest.raises(EngineClosed):
            await engine.restart(session)
        assert storage.calls == before
        assert engine.sessions == 0

    run(main())


def test_whoever_waits_in_a_session_hears_that_the_engine_closes_and_may_try_again() -> None:
    async def main() -> None:
        engine = Engine(FaultyStorage(MemoryStorage(), lambda *_: 1.0), ScriptedInterviewer())
        session = engine.new()
        sending = asyncio.create_task(session.send(StartInterview()))
        waiting = asyncio.create_task(session.until(lambda interview: interview.version > 5))
        await asyncio.sleep(0.5)
        await engine.aclose()
        for task in (sending, waiting):
            with pytest.raises(EngineClosed) as closed:
                await task
            assert closed.value.retryable
        assert isinstance(session.ended, EngineClosed)

    run(main())


def test_what_has_expired_is_not_opened_and_so_not_kept_for_longer() -> None:
    now = [1_000.0]

    async def main() -> None:
        storage = MemoryStorage()
        limits = Limits(retention=100.0)
        async with Engine(storage, ScriptedInterviewer(), limits=limits, clock=lambda: now[0]) as engine:
            session = engine.new(token=TOKEN)
            await session.attach()
            interview_id = session.interview.id
            await session.aclose()
            now[0] += 100.0
            await (await engine.open(interview_id, token=TOKEN)).aclose()  # just in time, and kept again
            now[0] += 100.5
            with pytest.raises(Expired):
                await engine.open(interview_id, token=TOKEN)
            with pytest.raises(Gone) as wrong:
                await engine.open(interview_id, token="another")
            assert type(wrong.value) is Gone, "only its candidate is told that it was there"
            assert len(await storage.load(interview_id)) == 2
            assert await engine.sweep() == 1

    run(main())
