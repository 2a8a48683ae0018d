"""Servers for the benchmarks, each in a process of its own: ``python _serving.py KIND LOOP``.

Prints the port, then for each line it reads one of its own: CPU seconds of the event loop's thread, CPU
seconds of all threads, resident KiB.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from contextlib import suppress

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.cli.serve import settle
from interview_fsm.engine import Engine
from interview_fsm.events import Feedback, Page, Question, Resume, Span
from interview_fsm.ports import Brief
from interview_fsm.server import Server, ServerSettings


class Instant:
    """An interviewer that costs nothing, so that what is measured is ours."""

    async def ask(self, brief: Brief) -> Question:
        return Question(1, "What did you do, and what came of it?")

    async def analyze(self, brief: Brief) -> Feedback:
        return Feedback(answers=(), summary="Well.")

    async def aclose(self) -> None:
        pass


class Document:
    data = b"text"


class Nothing:
    """A fetcher and a reader of nothing."""

    async def fetch(self, url: str, *, client: str = "") -> Document:
        return Document()

    async def read(self, document: bytes, *, client: str = "") -> Resume:
        return Resume((Page(1, 1, 1, (Span("A line.", (0, 0, 1, 1), 1),)),))

    async def aclose(self) -> None:
        pass


async def _echo(connection: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


def _report() -> None:
    """On its own thread, and its own clock: the loop is not disturbed by being asked."""
    ident = threading.main_thread().ident
    assert ident is not None
    loop_clock = time.pthread_getcpuclockid(ident)
    for _ in sys.stdin:
        with open(f"/proc/{os.getpid()}/statm") as file:
            pages = int(file.read().split()[1])
        print(
            time.clock_gettime(loop_clock),
            time.process_time(),
            pages * os.sysconf("SC_PAGE_SIZE") // 1024,
            flush=True,
        )
    os._exit(0)


async def _main(kind: str) -> None:
    threading.Thread(target=_report, daemon=True).start()
    if kind == "echo":
        async with serve(_echo, "127.0.0.1", 0, compression=None, max_size=65_536, max_queue=16) as server:
            settle()
            print(next(iter(server.sockets)).getsockname()[1], flush=True)
            await asyncio.Event().wait()
    settings = ServerSettings(port=0, connections=100_000, newcomers=100_000, rate=1e9, burst=10**9, seed=1)
    storage = MemoryStorage()
    if kind == "sqlite":
        import tempfile

        from interview_fsm.adapters.sqlite import create

        storage = await create(path=tempfile.mkdtemp() + "/bench.db")  # type: ignore[assignment]
    nothing = Nothing()
    async with (
        Engine(storage, Instant()) as engine,
        Server(engine, fetcher=nothing, reader=nothing, settings=settings) as server,
    ):
        settle()
        print(server.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        import uvloop

        uvloop.run(_main(sys.argv[1]))
    else:
        asyncio.run(_main(sys.argv[1]))
