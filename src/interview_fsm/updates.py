"""What a session tells while it lives, and who listens."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Self

from msgspec import Struct

from .errors import TooSlow
from .events import Entry, Warning
from .interview import Interview
from .ports import Audio


class Update(Struct, frozen=True):
    """An entry was stored, and this is the interview after it."""

    entry: Entry
    interview: Interview


class Heard(Struct, frozen=True):
    """What is understood so far of the answer being recorded."""

    question: int
    text: str


class Speech(Struct, frozen=True):
    """Sound for the client to play; *question* is None for the summary."""

    question: int | None
    audio: Audio


News = Update | Heard | Speech | Warning
"""What a session tells. Only an Update is in the log."""


class Updates:
    """The news of a session from now on, in order; ``async for`` until the session ends.

    Raises TooSlow when more than ``Limits.unread`` wait; the session itself is not held up. ``close()``
    it, or leave its ``with``, when it is no longer read.
    """

    def __init__(self, interview_id: str, most: int, forget: Callable[[Updates], None]) -> None:
        self._interview_id, self._most, self._forget = interview_id, most, forget
        self._waiting: deque[News] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._ended = self._lost = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> News:
        while not self._waiting:
            if self._lost:
                raise TooSlow(self._interview_id)
            if self._ended:
                raise StopAsyncIteration
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        return self._waiting.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._forget(self)
        self.end()

    def put(self, news: News) -> None:
        """Have *news* read; the session's to call."""
        if len(self._waiting) >= self._most:
            self._lost = True
            self._waiting.clear()
            self._forget(self)
        else:
            self._waiting.append(news)
        self._rouse()

    def end(self) -> None:
        """No more will come; the session's to call."""
        self._ended = True
        self._rouse()

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
