"""Word of what takes long."""

from __future__ import annotations

import asyncio

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from .. import messages, views
from ..interview import Interview
from .outbox import Outbox

PERIOD = 1.5
"""Seconds between two words of progress: two seconds are promised."""


class Work:
    """The tasks that go on for one client; each is told of every PERIOD until it ends."""

    __slots__ = ("_going_on", "_outbox", "_timer")

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._going_on: dict[str, messages.Progress] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        return bool(self._going_on)

    def begin(
        self, task: messages.Task, message: str, *, done: int = 0, total: int | UnsetType = UNSET
    ) -> None:
        """*task* goes on, or has come so far."""
        self._going_on[task] = messages.Progress(task=task, done=done, total=total, message=message)
        if self._timer is None:
            self._wait()

    def tell(self, task: messages.Task) -> None:
        """Say so now."""
        self._outbox.tell(self._going_on[task])

    def came(self, task: messages.Task, done: int) -> None:
        """So much of *task* is done."""
        self._going_on[task] = replace(self._going_on[task], done=done)

    def end(self, task: str) -> None:
        """*task* does not go on, if it did."""
        self._going_on.pop(task, None)
        if not self._going_on:
            self.stop()

    def stop(self) -> None:
        """Nothing goes on any more."""
        self._going_on.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def watch(self, interview: Interview | None) -> None:
        """What goes on in *interview* and takes long; no other of its activities does."""
        current = views.activity(interview) if interview is not None else None
        for task in views.WORK:
            if task != current:
                self.end(task)
        if current is not None and current not in self._going_on:
            self.begin(current, views.WORK[current])

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PERIOD, self._say_on)

    def _say_on(self) -> None:
        for progress in self._going_on.values():
            self._outbox.tell(progress)
        self._wait()
