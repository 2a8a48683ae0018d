"""Virtual time: thirty seconds of talk take none, and always go the same way.

``run()`` is ``asyncio.run()`` for tests. Its loop does not wait for a timer but jumps to it, says so when
nothing is left that could happen, and fails a test that leaves anything behind.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
import sys
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

Context = dict[str, Any]
"""What asyncio tells an exception handler."""


class Deadlock(RuntimeError):
    """Every task waits for something that nobody will do."""


class LeftBehind(AssertionError):
    """A task still runs, an async generator is not closed, or an exception was never looked at."""


async def turns(count: int) -> None:
    """Let the event loop turn *count* times."""
    for _ in range(count):
        await asyncio.sleep(0)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What *coroutine* returns, under virtual time that begins at 0.

    Raises Deadlock when every task waits for ever, and LeftBehind when the coroutine ends and leaves a
    task running, an async generator open, or an exception that nobody has looked at. Nothing from outside
    the loop is waited for: for threads, processes and sockets use ``asyncio.run()``.
    """
    loop = VirtualLoop()
    watch = _Watch(loop)
    try:
        try:
            result = loop.run_until_complete(watch.over(coroutine))
        except Deadlock:
            watch.left += watch.waiting()
            raise
        finally:
            watch.tidy()
    except BaseException as error:
        for line in watch.left:
            error.add_note(f"left behind: {line}")
        raise
    finally:
        loop.close()
    if watch.left:
        raise LeftBehind("; ".join(watch.left))
    return result


class _Jumps(selectors.DefaultSelector):
    """Looks at what is ready, and moves the clock instead of waiting. The loop comes by once a turn."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.turn, self.tidying = 0.0, 0, False
        self.planned: dict[int, Callable[[], object]] = {}

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        self.turn += 1
        if (happens := self.planned.pop(self.turn, None)) is not None:
            happens()
            return ready
        if ready:
            return ready
        if timeout is None and not self.tidying:
            raise Deadlock("every task waits, and no timer is set")
        self.now += timeout or 0.0
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps to the next timer, and can be interfered with at every one of its turns."""

    def __init__(self) -> None:
        self._jumps = _Jumps()
        super().__init__(self._jumps)

    def time(self) -> float:
        """Seconds of virtual time since the loop was made."""
        return self._jumps.now

    def in_turns(self, count: int, happens: Callable[[], object]) -> None:
        """Call *happens* when the loop has turned *count* times more, whatever is going on then."""
        self._jumps.planned[self._jumps.turn + count] = happens


class _Watch:
    """Sees what one run leaves behind."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.left: list[str] = []
        self._loop = loop
        self._generators: weakref.WeakSet[AsyncGenerator[Any, Any]] = weakref.WeakSet()
        loop.set_exception_handler(self._unseen)

    async def over(self, coroutine: Coroutine[Any, Any, T]) -> T:
        sys.set_asyncgen_hooks(self._generators.add, self._dropped)  # the loop puts the old ones back
        try:
            return await coroutine
        finally:
            self._count()

    def _count(self) -> None:
        here = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not here]
        self.left += sorted(f"task {_name(task.get_coro())} is running" for task in tasks)
        for generator in list(self._generators):
            if _is_open(generator):
                self.left.append(f"async generator {_name(generator)} is open")

    def waiting(self) -> list[str]:
        """Where each task stands."""
        return sorted(f"task {_place(task.get_coro())}" for task in asyncio.all_tasks(self._loop))

    def tidy(self) -> None:
        """Cancel and close what is left, so that one bad test does not spoil the next."""
        self._loop._jumps.tidying = True
        self._loop._jumps.planned.clear()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._rest())
        gc.collect(1)  # an exception that nobody has looked at speaks up when its task goes

    async def _rest(self) -> None:
        await turns(1)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=60.0)  # virtual: one that refuses to die is told of already
        for generator in list(self._generators):
            if _is_open(generator):
                await generator.aclose()

    def _dropped(self, generator: AsyncGenerator[Any, Any]) -> None:
        self.left.append(f"async generator {_name(generator)} was dropped while open")
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.create_task, generator.aclose())

    def _unseen(self, _loop: asyncio.AbstractEventLoop, context: Context) -> None:
        error = context.get("exception")
        what = f" ({type(error).__name__}: {error})" if error else ""
        self.left.append(f"{context['message']}{what}")


def _is_open(generator: AsyncGenerator[Any, Any]) -> bool:
    return getattr(generator, "ag_frame", None) is not None


def _place(outer: object) -> str:
    """What awaits what, down to the last that has a frame."""
    names, frame = [], None
    while (deeper := getattr(outer, "cr_frame", None) or getattr(outer, "ag_frame", None)) is not None:
        names.append(_name(outer))
        frame = deeper
        outer = getattr(outer, "cr_await", None) or getattr(outer, "ag_await", None)
    where = f" at {frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""
    return " > ".join(names) + where


def _name(thing: object) -> str:
    return str(getattr(thing, "__qualname__", None) or thing)
