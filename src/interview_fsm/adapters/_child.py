"""Child programs of the voice adapters, both ends of the pipe.

The libraries of sound and speech hang in native calls, crash, print, and hold the interpreter's lock. Each
runs in a program of its own, which can be killed when it does. A message is a length (four bytes, little
endian) and a tagged ``msgspec`` Struct as MessagePack; sound goes in it as it is.

The child's end closes with the parent, whatever that died of, and the program ends with it, in the middle of
a native call that never returns too: a thread at the pipe's end sees to that.
"""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

import msgspec
from msgspec import Struct

from ..redaction import is_secret_name

_LENGTH = struct.Struct("<I")
_encode = msgspec.msgpack.Encoder().encode

Message = TypeVar("Message")


def _frame(message: Struct) -> bytes:
    body = _encode(message)
    return _LENGTH.pack(len(body)) + body


class ChildGone(Exception):
    """The child program ended without being asked to."""


class Child(Generic[Message]):
    """A running child program, seen from its parent.

    It holds a process and two pipes until ``aclose()``, which kills it, its own children too, and reaps it.
    Belongs to the event loop that started it.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, decoder: msgspec.msgpack.Decoder[Message]
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._stdin, self._stdout, self._decoder = (
            process,
            process.stdin,
            process.stdout,
            decoder,
        )

    @classmethod
    async def start(cls, program: str, decoder: msgspec.msgpack.Decoder[Message]) -> Self:
        """Run ``main()`` of the module *program*, whose replies *decoder* reads."""
        process = await asyncio.create_subprocess_exec(
            *_command(program),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # ALSA and JACK write sixty lines each time a device is looked for
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for the parent; and a group of its own can be killed whole
        )
        return cls(process, decoder)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not been seen to end."""
        return self._process.returncode is None

    async def send(self, message: Struct) -> None:
        """Hand *message* over; waits for room in the pipe. The child takes in whatever comes, and who sends
        much must not be far ahead of its reports. Raises ChildGone.
        """
        try:
            self._stdin.write(_frame(message))
            await self._stdin.drain()
        except OSError as error:
            raise ChildGone from error

    async def receive(self) -> Message:
        """The next message. Raises ChildGone when there will be none."""
        try:
            head = await self._stdout.readexactly(_LENGTH.size)
            body = await self._stdout.readexactly(*_LENGTH.unpack(head))
        except (asyncio.IncompleteReadError, OSError) as error:
            raise ChildGone from error
        return self._decoder.decode(body)

    def kill(self) -> None:
        """End it now, without waiting."""
        if not self.is_running:
            return
        with suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    async def ended(self) -> None:
        """Wait until it has ended and been reaped."""
        await self._process.wait()

    async def aclose(self) -> None:
        """Kill it, and return when it is gone and its pipes are closed. Nobody may be in ``receive()``."""
        self.kill()
        self._stdin.close()
        with suppress(OSError):
            while await self._stdout.read(1 << 16):  # a pipe that is not read to its end is never closed
                pass
        await self._process.wait()
        with suppress(OSError):  # asyncio complains of a broken pipe that nobody has looked at
            await self._stdin.wait_closed()


def _command(program: str) -> list[str]:
    """Runs *program* where this one runs, with the current folder left out: it may hold anything."""
    path = [folder for folder in sys.path if folder]
    start = (
        f"import sys; sys.path += [p for p in {path!r} if p not in sys.path]; import {program} as p; p.main()"
    )
    return [sys.executable, "-P", "-W", "ignore", "-c", start]


class Pipe(Generic[Message]):
    """The way to the parent, seen from the child.

    Made before any library is imported: file descriptor 1 leads nowhere from then on, because libraries
    print on it. Holds a thread that takes in what comes, and ends the program when nothing can come any more.
    """

    def __init__(self, decoder: msgspec.msgpack.Decoder[Message]) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Unbuffered: the lock of a buffer that a thread waits in makes Python abort at its end.
        self._in, self._out = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
        with open(os.devnull, "r+b") as nowhere:
            os.dup2(nowhere.fileno(), 0)
            os.dup2(nowhere.fileno(), 1)
        self._decoder = decoder
        self._unread: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._take_in, daemon=True).start()

    def read(self) -> Message:
        """The parent's next message."""
        return self._decoder.decode(self._unread.get())

    def write(self, message: Struct) -> None:
        """Hand *message* to the parent."""
        self._out.write(_frame(message))
        self._out.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> bool:
        """A parent that went away is the end of the program, not an error."""
        return kind is not None and issubclass(kind, BrokenPipeError)

    def _take_in(self) -> None:
        with suppress(OSError):
            while len(head := self._bytes(_LENGTH.size)) == _LENGTH.size:
                self._unread.put(self._bytes(*_LENGTH.unpack(head)))
        _end()

    def _bytes(self, count: int) -> bytes:
        """So many of the next; fewer where there are no more."""
        taken = bytearray()
        while len(taken) < count and (piece := self._in.read(count - len(taken))):
            taken += piece
        return bytes(taken)


def _end() -> None:
    """End this program, whatever it does, and those that it has started: the parent is gone."""
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _environment() -> dict[str, str]:
    """The parent's, for sound needs much of it; no secrets, for it needs none of them."""
    kept = {name: value for name, value in os.environ.items() if not is_secret_name(name)}
    return kept | {"JACK_NO_START_SERVER": "1"}


async def cancelled(task: asyncio.Task[object]) -> None:
    """Cancel *task* and wait for its end; what it raises is nobody's business any more."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
