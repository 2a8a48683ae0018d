"""Files that come in pieces, kept in memory until they are used. No sockets, no clock, no disk."""

from __future__ import annotations

import hashlib
import secrets

from .errors import BadMessage, Busy, CommandError

MOST_BYTES = 10 * 1024 * 1024
"""Of one file: the résumé reader takes no more."""
SECONDS = 60.0
"""That a file may take to come: 10 MiB at 1.5 Mbit/s."""


MOST_IN_ALL = 128 * 1024 * 1024
"""Of all files of a server that are coming or wait to be used."""


class TooLarge(CommandError):
    """More bytes than there may be, or than were announced."""

    code = "too_large"


class Space:
    """Bytes of memory for the files of all connections together."""

    __slots__ = ("_most", "taken")

    def __init__(self, most: int = MOST_IN_ALL) -> None:
        self._most = most
        self.taken = 0
        """Bytes that files have, or were promised."""

    def take(self, size: int) -> None:
        """Promise *size* bytes. Raises Busy."""
        if self.taken + size > self._most:
            raise Busy("too many files are being sent to this server; try again in a minute")
        self.taken += size

    def give(self, size: int) -> None:
        """Have *size* bytes back."""
        self.taken -= size


class Uploads:
    """The files of one connection: one that is coming, and the latest that came. ``clear()`` it at the end.

    A file that came is kept until it is taken, or another comes: a client cannot make it hold more than two.
    """

    __slots__ = ("_coming", "_here", "_sha256", "_size", "_space")

    def __init__(self, space: Space) -> None:
        self._space = space
        self._coming: bytearray | None = None
        self._size = 0
        self._sha256 = ""
        self._here: tuple[str, bytes] | None = None

    @property
    def is_open(self) -> bool:
        """A file is coming."""
        return self._coming is not None

    @property
    def received(self) -> int:
        """Bytes of the one that is coming."""
        return len(self._coming) if self._coming is not None else 0

    def begin(self, size: int, sha256: str = "") -> None:
        """Expect a file of *size* bytes; *sha256* is in hex. Raises Busy, TooLarge."""
        if self.is_open:
            raise Busy("a file is being sent already; wait for it, or cancel it")
        if size > MOST_BYTES:
            most, has = MOST_BYTES // 2**20, size / 2**20
            raise TooLarge(f"this file has {has:.1f} MiB, and {most} are the most; choose a smaller one")
        self._space.take(size)
        self._coming, self._size, self._sha256 = bytearray(), size, sha256.lower()

    def take(self, piece: bytes) -> str | None:
        """Add *piece*; the file's id once it is whole. Raises TooLarge and BadMessage, and it is dropped."""
        coming = self._coming
        assert coming is not None
        if len(coming) + len(piece) > self._size:
            self.drop()
            raise TooLarge(f"more than the {self._size} bytes came that were announced; send it again")
        coming += piece
        return self._finish(bytes(coming)) if len(coming) == self._size else None

    def _finish(self, data: bytes) -> str:
        self.drop()
        self._forget()
        if self._sha256 and hashlib.sha256(data).hexdigest() != self._sha256:
            raise BadMessage("the file did not arrive as it was sent (its sha256 differs); send it again")
        self._space.take(len(data))  # which drop() has just given back
        self._here = (f"u{secrets.token_hex(8)}", data)
        return self._here[0]

    def drop(self) -> None:
        """Forget the one that is coming."""
        if self._coming is not None:
            self._coming = None
            self._space.give(self._size)

    def clear(self) -> None:
        """Forget all."""
        self.drop()
        self._forget()

    def _forget(self) -> None:
        if self._here is not None:
            self._space.give(len(self._here[1]))
            self._here = None

    def look_at(self, upload: str) -> bytes:
        """The bytes of a file that came. Raises BadMessage."""
        if self._here is None or self._here[0] != upload:
            raise BadMessage("that file is not here (any more); send it again")
        return self._here[1]

    def claim(self, upload: str) -> bytes:
        """The bytes of a file that came; they are not kept any longer. Raises BadMessage."""
        data = self.look_at(upload)
        self._forget()
        return data
