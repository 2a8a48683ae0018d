"""A client's sound, on its way to the answer that is being recorded from it."""

from __future__ import annotations

import asyncio

from ..sound import TooMuchSound
from .relay import Relay

LATE = 5.0
"""Seconds in which sound that comes after the end of its answer is quietly left out: it was on its way."""

MOST_HELD = 1024 * 1024
"""Bytes kept while the storage has yet to take the ``record_answer`` before them: 32 s."""


class Sound:
    """Gives what comes to the session; keeps what comes before its ``record_answer`` is stored."""

    __slots__ = ("_expected", "_held", "_late_until", "_relay")

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._expected = 0
        self._held = bytearray()
        self._late_until = 0.0

    def expect(self) -> None:
        """A ``record_answer`` of the client's stream is on its way; ``settle()`` when it is done."""
        self._expected += 1

    def settle(self) -> None:
        """It is stored, or was refused: then what came with it is left out. Raises as ``take()`` does."""
        self._expected -= 1
        held, self._held = bytes(self._held), bytearray()
        if held:
            self._mind()
            self._give(held)

    def take(self, piece: bytes) -> bool:
        """Take sound; whether there is, or was just now, an answer that it is of.

        Raises TooMuchSound or Busy, and it is left out.
        """
        if self._expected:
            if len(self._held) + len(piece) > MOST_HELD:
                raise TooMuchSound("sound comes faster than its `record_answer` is stored; send it slower")
            self._held += piece
            return True
        if self._give(piece):
            self._mind()
            return True
        return asyncio.get_running_loop().time() < self._late_until

    def _give(self, piece: bytes) -> bool:
        session = self._relay.session
        return session is not None and session.hear(piece)

    def _mind(self) -> None:
        self._late_until = asyncio.get_running_loop().time() + LATE
