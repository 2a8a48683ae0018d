"""Sound that a client brings: on its way to the recorder, and what kind of file it is."""

from __future__ import annotations

import asyncio

from .errors import Busy, CommandError

MOST_WAITING = 18 * 1024 * 1024
"""Bytes of a client's sound that may wait to be heard: nearly ten minutes, twice the longest answer."""


MOST_IN_ALL = 128 * 1024 * 1024
"""Bytes of all streams of a server beyond what each may have in any case: over an hour of backlog."""
EACH = 1024 * 1024
"""Bytes of a stream that always have room: half a minute, and who speaks into a microphone needs a second."""


class TooMuchSound(CommandError):
    """More sound than any answer has waits already."""

    code = "too_large"


class Room:
    """Memory for the sound of all streams together that is sent faster than it is heard."""

    __slots__ = ("_most", "taken")

    def __init__(self, most: int = MOST_IN_ALL) -> None:
        self._most = most
        self.taken = 0
        """Bytes."""

    def change(self, before: int, after: int) -> None:
        """A stream has *after* bytes waiting instead of *before*. Raises Busy, and it has not."""
        more = max(0, after - EACH) - max(0, before - EACH)
        if more > 0 and self.taken + more > self._most:
            raise Busy("this server hears too many at once; send sound no faster than it is said")
        self.taken += more


class Inlet:
    """What a client sends of one answer, until it is taken: an iterator of all that waits.

    It ends after ``end()``, when all has been taken; nothing is lost by a cancelled ``anext()``. It has what
    waits of *room* until that is taken, or ``close()``.
    """

    __slots__ = ("_ended", "_most", "_room", "_waiting", "_wake", "come")

    def __init__(self, room: Room | None = None, most: int = MOST_WAITING) -> None:
        self._room, self._most = room or Room(most), most
        self._waiting = bytearray()
        self._wake = asyncio.Event()
        self._ended = False
        self.come = 0
        """Bytes that were put in, in all."""

    def put(self, piece: bytes) -> None:
        """Add *piece*; after the end it is too late and left out.

        Raises TooMuchSound, or Busy where the room is taken, and it is left out.
        """
        if self._ended:
            return
        if len(self._waiting) + len(piece) > self._most:
            raise TooMuchSound("more sound than an answer may have waits here already; send `finish_answer`")
        self._room.change(len(self._waiting), len(self._waiting) + len(piece))
        self._waiting += piece
        self.come += len(piece)
        self._wake.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._wake.set()

    def close(self) -> None:
        """Nobody takes the rest."""
        self.end()
        self._take()

    def _take(self) -> bytes:
        taken = bytes(self._waiting)
        self._room.change(len(taken), 0)
        self._waiting.clear()
        return taken

    def __aiter__(self) -> Inlet:
        return self

    async def __anext__(self) -> bytes:
        await self._wake.wait()
        if not self._waiting:
            raise StopAsyncIteration
        taken = self._take()
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
