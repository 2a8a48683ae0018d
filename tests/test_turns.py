"""Who comes next where few things go on at once, and whom one client cannot keep waiting."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interview_fsm.testing import run
from interview_fsm.testing.clock import turns as loop_turns
from interview_fsm.turns import LONG, MOST_WAITING, REST, Full, Turns

SHORT, HANGS = 0.5, 8.0
"""Seconds of an honest thing, and of one that a limit has to end."""


class Place:
    """Where things are done by turns: what began and what ended, by name, in order."""

    def __init__(self, at_once: int = 2, queue: int = MOST_WAITING) -> None:
        self.turns = Turns(at_once, queue)
        self.began: list[str] = []
        self.ended: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def add(self, *names: str, takes: float = SHORT) -> None:
        """Things of the client that each name begins with; a dot is nobody in particular."""
        for name in names:
            self.tasks[name] = asyncio.create_task(self._do(name, takes))

    async def _do(self, name: str, takes: float) -> None:
        async with self.turns.turn(name[0].strip(".")):
            self.began.append(name)
            await asyncio.sleep(takes)
            self.ended.append(name)

    async def cancel(self, name: str) -> None:
        self.tasks[name].cancel()
        await asyncio.wait([self.tasks[name]])

    @property
    def refused(self) -> set[str]:
        return {name for name, task in self.tasks.items() if task.done() and isinstance(_error(task), Full)}


def _error(task: asyncio.Task[None]) -> BaseException | None:
    return None if task.cancelled() else task.exception()


@asynccontextmanager
async def place(at_once: int = 2, queue: int = MOST_WAITING) -> AsyncIterator[Place]:
    there = Place(at_once, queue)
    yield there
    for task in there.tasks.values():
        task.cancel()
    await asyncio.gather(*there.tasks.values(), return_exceptions=True)


async def now() -> None:
    """Let everything happen that can happen without time passing."""
    await loop_turns(10)


# --------------------------------------------------------------------------------------- one at a time


def test_a_client_has_one_turn_at_a_time_and_another_comes_beside_it() -> None:
    async def main() -> None:
        async with place() as here:
            here.add("a1", "a2", "a3", takes=HANGS)
            await now()
            assert here.began == ["a1"]
            here.add("b1")
            await now()
            assert here.began == ["a1", "b1"]
            await asyncio.sleep(HANGS)
            await now()
            assert here.began == ["a1", "b1", "a2"]

    run(main())


def test_nobody_in_particular_has_every_turn_in_the_order_of_coming() -> None:
    async def main() -> float:
        async with place() as here:
            names = [f".{n}" for n in range(6)]
            here.add(*names, takes=HANGS)
            await now()
            assert here.began == names[:2]
            await asyncio.gather(*here.tasks.values())
            assert here.began == names
            return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(3 * HANGS)


def test_others_come_in_between_nobody_in_particulars() -> None:
    async def main() -> None:
        async with place() as here:
            here.add(".1", ".2", ".3", ".4")
            await now()
            here.add("a1")
            await asyncio.gather(*here.tasks.values())
            assert sorted(here.began[2:4]) == [".3", "a1"]

    run(main())


# --------------------------------------------------------------------------------------------- in turn


def test_turns_go_round_by_client_however_much_one_of_them_brings() -> None:
    async def main() -> None:
        async with place(at_once=1) as here:
            here.add(*(f"a{n}" for n in range(5)))
            await now()
            here.add("b1", "b2", "c1")
            await asyncio.gather(*here.tasks.values())
            assert here.began == ["a0", "b1", "c1", "a1", "b2", "a2", "a3", "a4"]

    run(main())


def test_who_came_during_a_clients_turn_is_before_its_next() -> None:
    async def main() -> None:
        async with place(at_once=1) as here:
            here.add("a1", "a2", "a3")
            for newcomer in ("b1", "c1"):
                await asyncio.sleep(SHORT / 3)
                here.add(newcomer)
            await asyncio.gather(*here.tasks.values())
            assert here.began == ["a1", "b1", "c1", "a2", "a3"]

    run(main())


# ------------------------------------------------------------------------------------ the last free one


def test_two_clients_whose_things_take_as_long_as_they_may_leave_a_way_past_them() -> None:
    async def main() -> list[float]:
        loop, waited = asyncio.get_running_loop(), []
        async with place() as here:
            here.add(*(f"{who}{n}" for n in range(9) for who in "ab"), takes=HANGS)
            await now()
            assert here.began == ["a0", "b0"]
            for n in range(8):
                came = loop.time()
                here.add(f"h{n}")
                await here.tasks[f"h{n}"]
                waited.append(loop.time() - came - SHORT)
                await asyncio.sleep(2.0)
            # and they are not shut out: one of them is always served
            assert [name for name in here.began if name[0] != "h"] == ["a0", "b0", "a1", "b1", "a2"]
        return waited

    # at first nobody knows them
    assert run(main()) == pytest.approx([HANGS, *[0.0] * 7])


def test_who_has_rested_may_have_the_last_turn_again() -> None:
    async def main() -> None:
        async with place() as here:
            here.add("a1", takes=HANGS)
            await here.tasks["a1"]
            here.add("b1", takes=1_000)
            here.add("a2")
            await now()
            assert here.began == ["a1", "b1"]
            await asyncio.sleep(REST * HANGS - 1)
            here.add("h1")
            await here.tasks["h1"]
            assert here.began == ["a1", "b1", "h1"]
            await asyncio.sleep(1)
            here.add("h2")
            await here.tasks["a2"]
            assert here.began[:4] == ["a1", "b1", "h1", "a2"]

    run(main())


@pytest.mark.parametrize(("takes", "waits"), [(LONG, False), (LONG + 0.1, True)])
def test_long_turns_alone_are_remembered_however_many_there_were(takes: float, waits: bool) -> None:
    async def main() -> None:
        async with place() as here:
            for n in range(5):
                here.add(f"a{n}", takes=takes)
                await here.tasks[f"a{n}"]
            here.add("b1", takes=HANGS)
            here.add("a9")
            await now()
            assert ("a9" not in here.began) is waits

    run(main())


def test_where_there_is_one_turn_it_is_everybodys() -> None:
    async def main() -> None:
        async with place(at_once=1) as here:
            here.add("a1", "a2", "a3", takes=HANGS)
            await asyncio.gather(*here.tasks.values())
            assert here.ended == ["a1", "a2", "a3"]

    run(main())


# ---------------------------------------------------------------------------------------- too much waits


def test_when_too_much_waits_the_client_with_most_of_it_loses_the_last_of_its_own() -> None:
    async def main() -> None:
        async with place(at_once=1, queue=3) as here:
            here.add("a1", "a2", "a3", "a4")
            await now()
            assert not here.refused
            here.add("a5")
            await now()
            assert here.refused == {"a5"}
            here.add("b1")
            await now()
            assert here.refused == {"a5", "a4"}
            here.add("b2")  # who has as much as another, and asks now
            await now()
            assert here.refused == {"a5", "a4", "b2"}
            here.add("c1")
            await now()
            assert here.refused == {"a5", "a4", "b2", "a3"}
            here.add("d1")
            await now()
            assert here.refused == {"a5", "a4", "b2", "a3", "d1"}
            await asyncio.gather(*here.tasks.values(), return_exceptions=True)
            assert here.ended == ["a1", "b1", "c1", "a2"]

    run(main())


def test_where_nobody_says_otherwise_as_many_wait_as_there_are_connections() -> None:
    async def main() -> None:
        async with place() as here:
            here.add(*(f".{n}" for n in range(2 + MOST_WAITING)), takes=HANGS)
            await now()
            assert not here.refused
            here.add(".late")
            await now()
            assert here.refused == {".late"}

    run(main())


def test_without_a_queue_what_cannot_begin_is_refused() -> None:
    async def main() -> None:
        async with place(queue=0) as here:
            here.add(".1", ".2", ".3")
            await now()
            assert (here.began, here.refused) == ([".1", ".2"], {".3"})

    run(main())


# ------------------------------------------------------------------------------------------- given up


@pytest.mark.parametrize("name", ["a1", "a2"])
def test_what_is_given_up_while_it_waits_or_runs_makes_room(name: str) -> None:
    async def main() -> None:
        async with place(at_once=1, queue=2) as here:
            here.add("a1", "a2", "b1", takes=HANGS)
            await now()
            await here.cancel(name)
            here.add("b2")
            await now()
            assert here.refused == set()
            del here.tasks[name]
            await asyncio.gather(*here.tasks.values())
            assert set(here.ended) == {"a1", "a2", "b1", "b2"} - {name}

    run(main())


def test_what_is_given_up_in_the_moment_its_turn_comes_hands_it_on() -> None:
    async def main() -> None:
        async with place(at_once=1) as here:
            here.add("a1", "b1", "c1", takes=HANGS)
            await now()
            # within one turn of the loop: b1 has been given its turn, and has not begun
            here.tasks["a1"].cancel()
            await asyncio.sleep(0)
            await here.cancel("b1")
            await now()
            assert here.began == ["a1", "c1"]

    run(main())


def test_a_turn_that_fails_is_over() -> None:
    async def main() -> None:
        turns = Turns(1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with turns.turn("a"):
                    raise ZeroDivisionError

    run(main())


# -------------------------------------------------------------------------------------------- in general

SCRIPT = st.lists(
    st.tuples(
        st.floats(0, 3),  # seconds until it comes
        st.sampled_from("abc."),
        st.floats(0, 12),  # that it takes
        st.none() | st.floats(0, 12),  # until it is given up
    ),
    max_size=25,
)


@given(SCRIPT, st.integers(1, 3), st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_whatever_comes_and_goes_no_turn_is_lost_and_none_is_had_twice(
    script: list[tuple[float, str, float, float | None]], at_once: int, queue: int
) -> None:
    async def main() -> None:
        turns, running = Turns(at_once, queue), Counter[str]()

        async def do(who: str, takes: float) -> None:
            async with turns.turn(who.strip(".")):
                running[who] += 1
                try:
                    assert running.total() <= at_once
                    assert who == "." or running[who] == 1
                    await asyncio.sleep(takes)
                finally:
                    running[who] -= 1

        async def within(who: str, takes: float, patience: float | None) -> None:
            async with asyncio.timeout(patience):
                await do(who, takes)

        tasks = []
        for after, who, takes, patience in script:
            await asyncio.sleep(after)
            tasks.append(asyncio.create_task(within(who, takes, patience)))
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert ended is None or isinstance(ended, Full | TimeoutError), ended
        async with asyncio.timeout(0):  # all there are can be had at once
            held = [turns.turn() for _ in range(at_once)]
            for turn in held:
                await turn.__aenter__()
            for turn in held:
                await turn.__aexit__(None, None, None)

    run(main())
