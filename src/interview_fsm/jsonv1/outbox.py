"""What one client is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import UNSET, Struct, UnsetType

from .. import messages, protocol, views
from ..errors import InterviewError
from ..waiting import Waiting

MOST_UNSENT = 2048
"""Messages that may wait for a client that reads slowly; then it is let go, and comes back to the log."""

MOST_UNSENT_BYTES = 8 * 1024 * 1024
"""Of such messages together; the longest there are, spoken questions and reports, have about one."""


class Close(Struct, frozen=True):
    """How a connection ends."""

    code: int
    reason: str = ""


class Outbox:
    """All that is said to one client, in one order; *say* sends one frame. Nothing is said once it is to be
    closed.
    """

    __slots__ = ("_frames", "_say", "_wake", "closing")

    def __init__(self, say: Callable[[str | bytes], Awaitable[None]]) -> None:
        self._say = say
        self._frames: Waiting[str | bytes] = Waiting(MOST_UNSENT, MOST_UNSENT_BYTES)
        self._wake = asyncio.Event()
        self.closing: Close | None = None
        """How the connection is to be closed; None while it is not."""

    def __len__(self) -> int:
        return len(self._frames)

    def tell(self, event: messages.Event, sound: bytes | None = None) -> None:
        """Say *event*, and right after it the *sound* that it announces."""
        if self.closing is not None:
            return
        if self._frames.is_full:
            self.give_up()
            return
        said = messages.encode(event)
        self._frames.put(said, len(said))
        if sound is not None:
            self._frames.put(sound, len(sound))
        self._wake.set()

    def fail(self, problem: InterviewError, reply: str | UnsetType = UNSET) -> None:
        """Say what went wrong."""
        self.tell(views.failure(problem, reply))

    def close(self, code: int, reason: str = "") -> None:
        """Close, when what was said so far has left."""
        self.closing = self.closing or Close(code, reason)
        self._wake.set()

    def give_up(self) -> None:
        """Close at once: this client reads too slowly."""
        self._frames.clear()
        self.close(protocol.CLOSE_BUSY, "this client reads too slowly")

    async def send(self) -> Close:
        """Send until it is to be closed; how. Raises what *say* does."""
        while True:
            while self._frames:
                await self._say(self._frames.take())
            if self.closing is not None:
                return self.closing
            self._wake.clear()
            await self._wake.wait()
