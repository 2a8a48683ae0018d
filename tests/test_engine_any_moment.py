"""A full interview, interfered with after every turn of the event loop.

Whatever the moment, nothing may be left open or running, what was acknowledged is in the log, and the log
goes on to the end of the interview.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import count
from typing import Any

from interview_fsm import events as e
from interview_fsm.engine import Engine, Session
from interview_fsm.errors import Gone, InvalidCommand, SessionOver, SessionTaken
from interview_fsm.interview import Interview
from interview_fsm.states import State
from interview_fsm.testing import run

from .worlds import MATERIAL, PLAN, World, candidate, loop, wants_a_number

TOKEN = "the token"


class Sitting:
    """One interview in one world, opened as often as it takes."""

    def __init__(self) -> None:
        self.world = World(working=1)
        self.interview_id = ""

    def engine(self) -> Engine:
        return self.world.engine(follow_up=wants_a_number, ahead=True)

    async def session(self, engine: Engine) -> Session:
        with suppress(Gone):
            return await engine.open(self.interview_id, token=TOKEN)
        session = engine.new(MATERIAL, token=TOKEN)
        self.interview_id = session.interview.id
        return session

    async def sit(self) -> Interview:
        async with self.engine() as engine, await self.session(engine) as session:
            return await candidate(session)

    async def assert_whole(self) -> None:
        """The interview came to its end, and everything in it happened once."""
        entries = await self.world.kept.load(self.interview_id)
        assert [entry.version for entry in entries] == list(range(1, len(entries) + 1))
        interview = Interview.replay(self.interview_id, entries)
        assert interview.state is State.STOPPED
        assert [turn.question.number for turn in interview.turns] == [1, 2, 3]
        assert interview.asked == PLAN.count
        assert all(turn.answer and not turn.attempts for turn in interview.turns)
        assert interview.feedback is not None
        assert interview.stale == ()
        assert not await self.world.has_resume(self.interview_id)

    async def assert_claims(self) -> None:
        """Whoever took over gave up what was being recorded, in the entry of the claim."""
        interview = Interview(id="")
        for entry in await self.world.kept.load(self.interview_id):
            if isinstance(entry.events[0], e.Attached):
                lost = e.AnswerLost("interrupted")
                assert (lost in entry.events) == (interview.state is State.RECORDING)
            interview = interview.following(entry.story)

    def assert_let_go(self) -> None:
        assert self.world.open == 0
        assert self.world.storage.open == 0
        assert not self.world.hurried
        assert asyncio.all_tasks() == {asyncio.current_task()}


Moment = Callable[[int], Coroutine[Any, Any, bool]]


def at_every_moment(interfere: Moment) -> int:
    """Run *interfere* for each turn, until it says that the interview was over before; how many turns."""
    for turn in count(1):
        try:
            if not run(interfere(turn)):
                return turn - 1
        except BaseException as error:
            error.add_note(f"at turn {turn}")
            raise
    raise AssertionError


async def killed(turn: int) -> bool:
    return await killed_in(Sitting(), turn)


async def killed_again(turn: int) -> bool:
    sitting = Sitting()
    async with sitting.engine() as engine, await sitting.session(engine) as session:
        sat = asyncio.create_task(candidate(session))
        await session.until(lambda i: i.state is State.RECORDING)
        await asyncio.sleep(0.1)
    with suppress(SessionOver):
        await sat
    return await killed_in(sitting, turn)


async def killed_in(sitting: Sitting, turn: int) -> bool:
    owner = asyncio.create_task(sitting.sit())
    loop().in_turns(turn, owner.cancel)
    await asyncio.wait([owner])
    if not owner.cancelled():
        await sitting.assert_whole()
        return False
    sitting.assert_let_go()
    await sitting.sit()
    await sitting.assert_whole()
    await sitting.assert_claims()
    sitting.assert_let_go()
    return True


async def stopped(turn: int) -> bool:
    sitting = Sitting()
    seen: list[tuple[Interview, int]] = []

    async def stop(session: Session) -> None:
        with suppress(InvalidCommand, SessionOver):  # it had ended by itself
            interview = await session.send(e.StopInterview())
            seen.append((interview, sitting.world.open))
            assert not await sitting.world.has_resume(interview.id)

    async with sitting.engine() as engine, await sitting.session(engine) as session:
        stopping: list[asyncio.Task[None]] = []
        loop().in_turns(turn, lambda: stopping.append(loop().create_task(stop(session))))
        await candidate(session)
    if stopping:
        await asyncio.wait(stopping)
        assert stopping[0].exception() is None
    for interview, still_open in seen:
        assert interview.state is State.STOPPED
        assert still_open == 0
    assert (
        sum(trigger == "stop_interview" for trigger in await sitting.world.story(sitting.interview_id)) == 1
    )
    sitting.assert_let_go()
    return bool(stopping)


async def taken_over(turn: int) -> bool:
    sitting = Sitting()
    opened: list[asyncio.Task[Interview]] = []

    async def candidate_elsewhere() -> Interview:
        return await sitting.sit()

    async with sitting.engine() as engine:
        session = await sitting.session(engine)
        loop().in_turns(turn, lambda: opened.append(loop().create_task(candidate_elsewhere())))
        with suppress(SessionTaken):
            await candidate(session)
        before = opened and not opened[0].done()
        if opened:
            await asyncio.wait(opened)
            assert opened[0].exception() is None
    await sitting.assert_whole()
    sitting.assert_let_go()
    return bool(before)


def test_killed_at_any_moment_it_lets_go_and_goes_on_from_its_log() -> None:
    assert at_every_moment(killed) > 100


def test_killed_at_any_moment_while_it_is_opened_again_it_goes_on_all_the_same() -> None:
    assert at_every_moment(killed_again) > 100


def test_stopped_at_any_moment_it_returns_with_nothing_open() -> None:
    assert at_every_moment(stopped) > 100


def test_taken_over_at_any_moment_it_goes_on_elsewhere() -> None:
    assert at_every_moment(taken_over) > 100
