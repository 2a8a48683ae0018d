"""What a command over the socket costs the server, beside a bare ``websockets`` echo of the same bytes.

The command is ``answer:…``: decoded, fired, appended, one reply. It needs a question, which
``difficulty:mid`` brings (fired, appended, made, fired, appended, one reply); that is measured as well, and
has no bound. Lockstep: the server's CPU is read before and after each command. The echo gets exactly the
same frames. CPU of the event loop's thread; for SQLite of all threads. Medians of interleaved rounds.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from websockets.asyncio.client import ClientConnection, connect

ROUNDS, QUESTIONS = 60, 10
BOUNDS = {"asyncio": 3.0, "uvloop": 4.0}
ASK = "difficulty:mid"
ANSWER = "answer:" + "I measured it, changed one thing, and it was twice as fast. " * 4


class Served:
    """A server process, and what it has used."""

    def __init__(self, kind: str, loop: str) -> None:
        command = [sys.executable, str(Path(__file__).with_name("_serving.py")), kind, loop]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def usage(self) -> tuple[float, float, int]:
        """CPU seconds so far, of the loop's thread and of all; resident KiB."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        loop, everything, resident = self._process.stdout.readline().split()
        return float(loop), float(everything), int(resident)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Costs(NamedTuple):
    """CPU seconds of the server: for an answer, and for a difficulty with its question."""

    answer: float
    difficulty: float


async def _spent(socket: ClientConnection, served: Served, line: str, clock: int) -> float:
    before = served.usage()[clock]
    await socket.send(line)
    await socket.recv()
    return served.usage()[clock] - before


async def _round(socket: ClientConnection, served: Served, clock: int) -> list[Costs]:
    await _spent(socket, served, "start_interview", clock)
    costs = []
    for _ in range(QUESTIONS):
        difficulty = await _spent(socket, served, ASK, clock)
        costs.append(Costs(await _spent(socket, served, ANSWER, clock), difficulty))
    return costs


async def measure(kind: str, loop: str) -> tuple[Costs, Costs]:
    """Medians of the echo, and of *kind*."""
    echo, ours = Served("echo", loop), Served(kind, loop)
    clock = int(kind == "sqlite")
    theirs: list[Costs] = []
    mine: list[Costs] = []
    try:
        async with (
            connect(f"ws://127.0.0.1:{echo.port}", compression=None) as plain,
            connect(f"ws://127.0.0.1:{ours.port}", compression=None) as interview,
        ):
            await interview.send(f"https://example.com/myresume.pdf;{QUESTIONS}")
            for _ in range(ROUNDS):
                theirs += await _round(plain, echo, clock)
                mine += await _round(interview, ours, clock)
        return _median(theirs), _median(mine)
    finally:
        echo.close()
        ours.close()


def _median(costs: list[Costs]) -> Costs:
    return Costs(statistics.median(c.answer for c in costs), statistics.median(c.difficulty for c in costs))


def _compare(name: str, kind: str, loop: str) -> float:
    echo, ours = asyncio.run(measure(kind, loop))
    ratio = ours.answer / echo.answer
    print(
        f"{name}: echo {echo.answer * 1e6:.0f} us, answer {ours.answer * 1e6:.0f} us ({ratio:.2f} times); "
        f"difficulty with its question {ours.difficulty * 1e6:.0f} us "
        f"({ours.difficulty / echo.difficulty:.2f} times)"
    )
    return ratio


def main() -> None:
    broken = False
    for loop, bound in BOUNDS.items():
        broken |= _compare(f"{loop}, memory, at most {bound:g} times", "memory", loop) > bound
    _compare("asyncio, SQLite, durable", "sqlite", "asyncio")
    sys.exit(broken)


if __name__ == "__main__":
    main()
