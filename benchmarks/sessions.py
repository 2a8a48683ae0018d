"""Many sessions at once: what one holds in memory, and how long a command takes among a thousand.

Memory: 2,000 connections, each with an interview started (no résumé worth the name), beside 2,000 bare
``websockets`` connections; the growth of the server's resident set for each. Pace: 1,000 connections that
each send a command a second, beside the echo at the same pace.
"""

from __future__ import annotations

import asyncio
import random
import resource
import statistics
import sys
import time

from websockets.asyncio.client import ClientConnection, connect

from command import ANSWER, Served

CONNECTIONS = 2_000
AT_WORK = 1_000
SECONDS = 10
MOST_KIB = 12.0


async def _connected(served: Served, count: int) -> list[ClientConnection]:
    sockets: list[ClientConnection] = []
    while len(sockets) < count:
        batch = (
            connect(f"ws://127.0.0.1:{served.port}", compression=None, ping_interval=None, max_queue=4)
            for _ in range(min(50, count - len(sockets)))
        )
        sockets += await asyncio.gather(*batch)
    return sockets


async def _converse(socket: ClientConnection, lines: list[str]) -> None:
    for line in lines:
        await socket.send(line)
        if not line.startswith("http"):
            await socket.recv()


async def _memory(kind: str, lines: list[str]) -> float:
    """KiB of the server for each connection, when *lines* have been said on it."""
    served = Served(kind, "asyncio")
    try:
        for warming in await _connected(served, 10):  # what is loaded once is not a session's
            await _converse(warming, lines)
            await warming.close()
        *_, before = served.usage()
        sockets = await _connected(served, CONNECTIONS)
        for socket in sockets:
            await _converse(socket, lines)
        *_, after = served.usage()
        for socket in sockets:
            socket.transport.abort()
        return (after - before) / CONNECTIONS
    finally:
        served.close()


async def _pace(kind: str, opening: list[str]) -> tuple[float, float]:
    """p50 and p99, in seconds, of a reply among AT_WORK connections with a command a second each."""
    served = Served(kind, "uvloop")
    latencies: list[float] = []
    rng = random.Random(1)

    async def work(socket: ClientConnection) -> None:
        await asyncio.sleep(rng.random())
        for number in range(SECONDS):
            began = time.perf_counter()
            await _converse(socket, [("difficulty:mid", ANSWER)[number % 2]])
            took = time.perf_counter() - began
            latencies.append(took)
            await asyncio.sleep(max(0.0, 1 - took))

    try:
        sockets = await _connected(served, AT_WORK)
        for socket in sockets:
            await _converse(socket, opening)
        await asyncio.gather(*(work(socket) for socket in sockets))
        for socket in sockets:
            socket.transport.abort()
    finally:
        served.close()
    cuts = statistics.quantiles(latencies, n=100)
    return cuts[49], cuts[98]


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (8_192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    opening = ["https://example.com/myresume.pdf;50", "start_interview"]
    bare = asyncio.run(_memory("echo", ["https://example.com/myresume.pdf;50"]))
    ours = asyncio.run(_memory("memory", opening))
    print(
        f"memory: bare connection {bare:.1f} KiB, started session {ours:.1f} KiB: "
        f"{ours - bare:.1f} KiB more (at most {MOST_KIB:g})"
    )
    for kind in ("echo", "memory"):
        p50, p99 = asyncio.run(_pace(kind, opening if kind == "memory" else []))
        print(f"{AT_WORK} at work, {kind}: p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms")
    sys.exit(ours - bare > MOST_KIB)


if __name__ == "__main__":
    main()
