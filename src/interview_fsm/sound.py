"""Sound that a client brings: on its way to the recorder, and what kind of file it is."""

from __future__ import annotations

import asyncio

from .errors import CommandError

MOST_WAITING = 18 * 1024 * 1024
"""Bytes of a client's sound that may wait to be heard: nearly ten minutes, twice the longest answer."""


class TooMuchSound(CommandError):
    """More sound than any answer has waits already."""

    code = "too_large"


class Inlet:
    """What a client sends of one answer, until it is taken: an iterator of all that waits.

    It ends after ``end()``, when all has been taken; nothing is lost by a cancelled ``anext()``.
    """

    __slots__ = ("_ended", "_most", "_waiting", "_wake", "come")

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._waiting = bytearray()
        self._wake = asyncio.Event()
        self._ended = False
        self.come = 0
        """Bytes that were put in, in all."""

    def put(self, piece: bytes) -> None:
        """Add *piece*; after the end it is too late and left out. Raises TooMuchSound, and it is left out."""
        if self._ended:
            return
        if len(self._waiting) + len(piece) > self._most:
            raise TooMuchSound("more sound than an answer may have waits here already; send `finish_answer`")
        self._waiting += piece
        self.come += len(piece)
        self._wake.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._wake.set()

    def __aiter__(self) -> Inlet:
        return self

    async def __anext__(self) -> bytes:
        await self._wake.wait()
        if not self._waiting:
            raise StopAsyncIteration
        taken = bytes(self._waiting)
        self._waiting.clear()
        if not self._ended:
            self._wake.clear()
        return taken


_MARKS = {b"fLaC": "audio/flac", b"OggS": "audio/ogg", b"ID3": "audio/mpeg", b"\x1aE\xdf\xa3": "audio/webm"}


def audio_type(file: bytes) -> str | None:
    """What kind of sound file begins like this, whatever it is called; None for none that is taken."""
    if file[4:8] == b"ftyp":
        return "audio/mp4"
    if file[:4] == b"RIFF" and file[8:12] == b"WAVE":
        return "audio/wav"
    for mark, kind in _MARKS.items():
        if file.startswith(mark):
            return kind
    is_frame = len(file) > 1 and file[0] == 0xFF and file[1] & 0xE0 == 0xE0  # of MPEG, without a tag
    return "audio/mpeg" if is_frame else None
