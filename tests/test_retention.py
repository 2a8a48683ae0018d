"""What goes, when, and what is said of it: on every storage that can be had here."""

import asyncio
import math
import time

import pytest

from interview_fsm import Receipt, erase_interview
from interview_fsm.adapters import firestore, memory, postgres, sqlite
from interview_fsm.engine import Limits
from interview_fsm.errors import AdapterError, Gone
from interview_fsm.events import FORMAT, Attached, Entry, Material, StartInterview, StopInterview
from interview_fsm.retention import Due, Removed, due, every_interview
from interview_fsm.testing import FaultyStorage, run

from .firestores import VARIABLE, Firestore, new_project
from .serving import running
from .worlds import CANARY, MATERIAL, World, candidate, started

NOW = 1_000_000.0


class Kind:
    """One kind of storage: what opens it, empty, and what runs that."""

    def __init__(self, create, run=asyncio.run):
        self.create, self.run = create, run


@pytest.fixture(params=["memory", "sqlite", "postgres", "firestore"])
def kind(request, tmp_path, monkeypatch, grpc_runner):
    if request.param == "memory":
        yield Kind(memory.create)
    elif request.param == "sqlite":
        yield Kind(lambda: sqlite.create(path=tmp_path / "kept.db"))
    elif request.param == "postgres":
        dsn = request.getfixturevalue("cluster").new_database()
        yield Kind(lambda: postgres.create(dsn=dsn))
    else:
        project = new_project()
        with Firestore().running() as host:
            monkeypatch.setenv(VARIABLE, host)
            yield Kind(lambda: firestore.create(project=project, patience=60), grpc_runner.run)


async def keep(storage, interview_id, *, at=NOW, expires_at=None, stopped=False, resume_at=None):
    """An interview of two entries, three if it was stopped; and its résumé where *resume_at* says when."""
    events = [Attached("", "ada"), StartInterview(), *([StopInterview()] if stopped else [])]
    for version, event in enumerate(events, 1):
        one = Entry(version, f"c{version}", at, (event,))
        await storage.append(interview_id, version - 1, one, owner="ada", expires_at=expires_at or NOW * 2)
    if resume_at is not None:
        one = Entry(1, "~r", resume_at, (Material("A résumé."),))
        await storage.append(f"{interview_id}.resume", 0, one, expires_at=resume_at + 100)


async def listed(storage):
    return [head.interview_id async for head in storage.interviews(expired_before=math.inf)]


def test_an_erasure_reaches_log_resume_and_index_and_says_so(kind):
    async def main():
        storage = await kind.create()
        try:
            await keep(storage, "one", resume_at=NOW)
            await keep(storage, "two", resume_at=NOW)
            receipt = await erase_interview(storage, "one", clock=lambda: 7.0)
            removed = (Removed("one", "interview", 2), Removed("one.resume", "resume", 1))
            assert receipt == Receipt("one", 7.0, removed)
            assert receipt
            assert await listed(storage) == ["two", "two.resume"]
            assert [head.interview_id async for head in storage.interviews(owner="ada")] == ["two"]
            for log in ("one", "one.resume"):
                with pytest.raises(Gone):
                    await storage.load(log)
            again = await erase_interview(storage, "one")
            assert not again
            assert again.removed == ()
            assert again.at == pytest.approx(time.time(), abs=60)
        finally:
            await storage.aclose()

    kind.run(main())


def test_every_interview_is_found_by_its_log_or_by_its_resume(kind):
    async def main():
        storage = await kind.create()
        try:
            await keep(storage, "one", resume_at=NOW)
            await storage.append("two", 0, Entry(1, "c1", NOW, (Attached(),)))  # to be kept for ever
            one = Entry(1, "~r", NOW, (Material("A résumé."),))
            await storage.append("nobody.resume", 0, one, expires_at=NOW + 1)
            assert await every_interview(storage) == ["nobody", "one", "two"]
        finally:
            await storage.aclose()

    kind.run(main())


@pytest.mark.parametrize("unreadable", ["written by a later release", "damaged"])
def test_what_cannot_be_read_is_erased_all_the_same_and_holds_no_sweep_up(unreadable):
    async def main():
        storage = await memory.create()
        await keep(storage, "one", resume_at=NOW)
        if unreadable == "damaged":
            storage._logs["one"].lines[1] = b"{"
        else:
            later = Entry(3, "c3", NOW, (StopInterview(),), FORMAT + 1)
            await storage.append("one", 2, later)
        await keep(storage, "two", expires_at=NOW - 1)
        assert await what_is_due(storage) == {"two": "expired"}
        receipt = await erase_interview(storage, "one")
        assert receipt.removed[0] == Removed("one", "interview", None)

    asyncio.run(main())


@pytest.mark.parametrize(("fault", "fatal"), [("lost-request", (2, 4, 5, 6)), ("lost-reply", (2, 4))])
def test_an_erasure_that_fails_anywhere_is_no_receipt_and_can_be_repeated(fault, fatal):
    # Two logs, each counted, erased, looked for again. Counting may fail; that a log is gone is no reply to
    # be lost.
    async def main(hit):
        kept = await memory.create()
        await keep(kept, "one", resume_at=NOW)
        storage = FaultyStorage(kept, lambda call, name: fault if call == hit else None)
        try:
            receipt = await erase_interview(storage, "one")
        except AdapterError:
            await erase_interview(kept, "one")
            assert await listed(kept) == []
            return True
        assert [each.kind for each in receipt.removed] == ["interview", "resume"]
        return False

    assert [hit for hit in range(1, 8) if run(main(hit))] == [*fatal]


def test_a_storage_that_keeps_what_it_was_told_to_erase_is_found_out():
    class Keeps(memory.MemoryStorage):
        async def erase(self, interview_id):
            return interview_id in self._logs

    async def main():
        storage = Keeps()
        await keep(storage, "one")
        with pytest.raises(AdapterError, match="still has"):
            await erase_interview(storage, "one")

    asyncio.run(main())


def test_a_live_interview_is_ended_before_it_is_erased():
    world = World()

    async def main():
        async with world.engine() as engine:
            session = engine.new(MATERIAL)
            await started(session)
            receipt = await engine.erase(session.interview.id)
            assert [each.kind for each in receipt.removed] == ["interview", "resume"]
            assert isinstance(session.ended, Gone)
            assert await world.logs() == []

    run(main())


# ----------------------------------------------------------------------------------------- what is due


async def what_is_due(storage, **ages):
    return {each.log: each.reason async for each in due(storage, NOW, **ages)}


def test_what_is_due_is_past_its_time_or_belongs_to_nothing(kind):
    async def main():
        storage = await kind.create()
        try:
            await keep(storage, "fresh", resume_at=NOW)
            await keep(storage, "past", expires_at=NOW - 1)
            await keep(storage, "stopped", stopped=True, resume_at=NOW)
            await keep(storage, "slow", resume_at=NOW - 101)
            for name, at in (("nobody", NOW - 301), ("beginning", NOW - 299)):
                one = Entry(1, "~r", at, (Material("A résumé."),))
                await storage.append(f"{name}.resume", 0, one, expires_at=NOW + 1)
            expected = {
                "past": "expired",
                "slow.resume": "expired",
                "stopped.resume": "interview_stopped",
                "nobody.resume": "interview_missing",
            }
            assert await what_is_due(storage) == expected
        finally:
            await storage.aclose()

    kind.run(main())


def test_ages_that_are_given_shorten_what_was_promised_and_never_lengthen_it():
    async def main():
        storage = await memory.create()
        await keep(storage, "day", at=NOW - 86_400, resume_at=NOW - 50)
        await keep(storage, "past", at=NOW - 86_400, expires_at=NOW - 1)
        assert await what_is_due(storage, retention=10 * 86_400, resume=1e9) == {"past": "expired"}
        assert set(await what_is_due(storage, retention=3_600)) == {"day", "past"}
        assert set(await what_is_due(storage, resume=49)) == {"past", "day.resume"}

    asyncio.run(main())


def test_what_lives_here_stays_however_old_and_its_resume_goes_with_its_time():
    async def main():
        storage = await memory.create()
        await keep(storage, "old", at=-500.0, expires_at=-1.0, resume_at=-500.0)
        world = World(kept=storage)
        async with world.engine() as engine:
            session = engine.new(MATERIAL)
            await started(session)
            assert await engine.sweep() == 2
            left = await listed(storage)
            assert left == [session.interview.id, f"{session.interview.id}.resume"]
            living = {session.interview.id: session.interview}
            found = [each async for each in due(storage, NOW * 9, living=living.get)]
            assert found == [Due(f"{session.interview.id}.resume", "expired")]

    run(main())


def test_a_server_whose_look_for_what_expired_breaks_looks_again(caplog):
    class Breaks(memory.MemoryStorage):
        looks = 0

        async def interviews(self, **which):
            self.looks += 1
            if self.looks == 1:
                raise RuntimeError(CANARY)
            if self.looks == 3:
                looked.set()
            async for head in super().interviews(**which):
                yield head

    async def main():
        async with running(storage=Breaks(), sweep=0.0):
            await asyncio.wait_for(looked.wait(), 20)

    looked = asyncio.Event()
    asyncio.run(main())
    assert "could not look for what has expired: RuntimeError" in caplog.text
    assert CANARY not in caplog.text


def test_a_shorter_limit_holds_for_what_is_written_from_then_on():
    async def main():
        world = World()
        async with (
            world.engine(Limits(retention=50.0, resume=20.0)) as engine,
            engine.new(MATERIAL) as session,
        ):
            await started(session)
            heads = [head async for head in world.kept.interviews(expired_before=math.inf)]
            assert [head.expires_at - head.updated_at for head in heads] == [50.0, 20.0]
            await candidate(session)
            assert await world.logs() == [session.interview.id], "the résumé goes when the interview stops"

    run(main())
