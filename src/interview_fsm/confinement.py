"""A fresh, limited child for each document that a stranger sends: both of its ends.

A parser that hangs, grows or dies takes one child with it and nothing else. The child is started with
``confined()``; the first thing it does is ``confine()``, before any parser is imported. Nothing is written to
disk, and there is no network where the host lets a process give it up.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
from msgspec import Struct

MEMORY = 512 * 1024 * 1024
"""Bytes of address space. Real résumés need up to 245 MiB."""
CPU = 8
"""Seconds. Real résumés need up to 5; more than a whole book of 352 pages is nobody's résumé."""
CHUNK = 256 * 1024


class Limits(Struct, frozen=True):
    """What the child may use, and whose child it is."""

    parent: int
    memory: int = MEMORY
    cpu: int = CPU


ENDED_BY: dict[int, str] = {}
"""What a signal that ended a child tells: libraries abort where memory runs out inside them."""
if sys.platform != "win32":
    ENDED_BY = {signal.SIGXCPU: "cpu", signal.SIGABRT: "memory"}


# ------------------------------------------------------------------------------------------ the parent


@asynccontextmanager
async def confined(program: str, limits: Limits, *arguments: str) -> AsyncIterator[Process]:
    """A child that runs the module *program* with its limits and *arguments*; dead and reaped afterwards."""
    told = msgspec.json.encode(limits).decode()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-B", "-m", program, told, *arguments),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=_environment(),
        cwd=os.path.abspath(os.sep),
        start_new_session=True,
    )
    try:
        yield child
    finally:
        await _end(child)


def _environment() -> dict[str, str]:
    """Nothing: the child needs no key. Windows starts no Python without its own folder."""
    kept = ["SYSTEMROOT"] if sys.platform == "win32" else []
    return {name: os.environ[name] for name in kept}


async def feed(child: Process, document: bytes) -> None:
    """Give *document* to the child, as far as it wants it."""
    assert child.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        for start in range(0, len(document), CHUNK):
            child.stdin.write(document[start : start + CHUNK])
            await child.stdin.drain()
        child.stdin.close()
        await child.stdin.wait_closed()


async def hear(child: Process, most: int) -> bytes:
    """What the child says until it ends, or until it has said more than *most* bytes."""
    assert child.stdout is not None
    heard = bytearray()
    while len(heard) <= most and (chunk := await child.stdout.read(CHUNK)):
        heard += chunk
    return bytes(heard)


async def _end(child: Process) -> None:
    """Kill what is left of *child*, its group included, and reap it."""
    assert child.stdin is not None
    assert child.stdout is not None
    kill(child)
    child.stdin.close()
    # what is still in the pipe; without it the pipe would stay open
    while await child.stdout.read(CHUNK):
        pass
    await child.wait()
    with suppress(OSError):  # asyncio complains of a broken pipe that nobody has looked at
        await child.stdin.wait_closed()


def kill(child: Process) -> None:
    """End it now, its group included."""
    if child.returncode is not None:
        return
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)


# ------------------------------------------------------------------------------------------- the child


def confine(limits: Limits) -> bool:
    """Give up all that reading a document does not need; whether the network had to be kept.

    What the platform lacks is left out: on Windows all of it, where the parent's wall clock remains.
    """
    networked = True
    if sys.platform == "linux":
        networked = not _alone(limits.parent)
    if sys.platform != "win32":
        _limit(limits)
    return networked


if sys.platform != "win32":
    import resource

    def _limit(limits: Limits) -> None:
        # A second between soft and hard: SIGXCPU tells the parent which limit it was.
        sizes = [
            (resource.RLIMIT_AS, limits.memory, limits.memory),
            (resource.RLIMIT_CPU, limits.cpu, limits.cpu + 1),
            (resource.RLIMIT_FSIZE, 0, 0),
            (resource.RLIMIT_CORE, 0, 0),
            # stdin, stdout, stderr, the reply, and a few for imports
            (resource.RLIMIT_NOFILE, 8, 8),
        ]
        if os.geteuid() != 0:
            sizes.append((resource.RLIMIT_NPROC, 0, 0))
        for which, soft, hard in sizes:
            # macOS refuses some of them
            with suppress(ValueError, OSError):
                resource.setrlimit(which, (soft, hard))


if sys.platform == "linux":
    _PDEATHSIG, _NO_NEW_PRIVS = 1, 38
    """Of prctl(2)."""
    _NEWNET, _NEWUSER = 0x4000_0000, 0x1000_0000
    """Of unshare(2)."""
    _KILL = 9

    def _alone(parent: int) -> bool:
        """Die with the parent, gain no rights, have no network; whether the last worked."""
        import ctypes

        libc = ctypes.CDLL(None)
        libc.prctl(_PDEATHSIG, _KILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before that line
            os._exit(1)
        libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
        # root may; others may in a user namespace of their own, where the host permits that
        return bool(libc.unshare(_NEWNET) == 0 or libc.unshare(_NEWUSER | _NEWNET) == 0)
