"""Interviews without end: is memory flat, and is nothing lost?

    python benchmarks/soak.py [--minutes 2] [--clients 8]

Two servers as anybody starts them (``interview-fsm serve``, SQLite, the coach). One runs all the time: its
memory is looked at every second, and its median in the last quarter compared with that in the second. The
other is killed with ``kill -9`` at random moments, a few seconds apart, and started again. At both, clients
sit whole interviews over JSON v1, write down every acknowledgement, and come back when the line breaks. In
the end every acknowledged command must be in the storage once, where it was said to be. Exit code 1 when it
is not, or when memory has grown by more than a tenth.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.test_v1_drops import Candidate, checked, schema_at
from tests.v1_client import Closed, Schema, client_at

from interview_fsm.adapters import sqlite

AT_MOST_GROWTH = 1.10
BETWEEN_KILLS = (0.5, 8.0)
"""Seconds."""
AT_LEAST_MINUTES = 4.0
"""Before which a server is still getting to know its own size, and no verdict on memory is given."""


class Served:
    """``interview-fsm serve`` on a file, killed and started again as often as told; always at one port."""

    def __init__(self, file: Path) -> None:
        self.file, self.port = file, 0
        self.start()

    def start(self) -> None:
        arguments = ["serve", "--port", str(self.port), "--no-page", "--database", str(self.file)]
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "interview_fsm", *arguments], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(r"ws://localhost:(\d+)", line):
                self.port = int(found[1])
            if "Ctrl+C" in line:
                return
        raise AssertionError("the server did not start")

    @property
    def memory(self) -> float:
        """Its resident memory and that of its children, in MB."""
        process = psutil.Process(self._process.pid)
        return sum(each.memory_info().rss for each in (process, *process.children())) / 2**20

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Crowd:
    """Clients that sit one interview after another at one server."""

    def __init__(self, served: Served, schema: Schema, name: str) -> None:
        self.served, self.schema, self.name = served, schema, name
        self.interviews = self.commands = self.breaks = 0
        self.over = False
        self._finished: asyncio.Queue[Candidate] = asyncio.Queue()

    async def client(self, number: int) -> None:
        serial = 0
        while not self.over:
            serial += 1
            candidate = Candidate(f"{self.name}{number}.{serial}.")
            candidate.recorded = True  # nobody here has a microphone
            while not await self._sit(candidate):
                self.breaks += 1
                await asyncio.sleep(0.05)
            self._finished.put_nowait(candidate)

    async def _sit(self, candidate: Candidate) -> bool:
        try:
            async with client_at(self.served.port, self.schema) as wire:
                await candidate.join(wire)
                return await candidate.sit(wire)
        except (Closed, OSError, EOFError):
            return False
        except Exception as error:
            if type(error).__module__.startswith("websockets"):
                return False
            raise

    async def check(self) -> None:
        """Hold what was acknowledged to what is stored. The server has ended."""
        storage = await sqlite.create(path=self.served.file, read_only=True)
        try:
            while not self._finished.empty():
                candidate = self._finished.get_nowait()
                await checked(candidate, storage)
                self.interviews += 1
                self.commands += len(candidate.acknowledged)
        finally:
            await storage.aclose()


async def killing(served: Served, until: float, chance: random.Random) -> int:
    kills = 0
    while time.monotonic() < until:
        await asyncio.sleep(chance.uniform(*BETWEEN_KILLS))
        await asyncio.to_thread(served.kill)
        await asyncio.to_thread(served.start)
        kills += 1
    return kills


async def watching(served: Served, until: float) -> list[float]:
    seen = []
    while time.monotonic() < until:
        seen.append(served.memory)
        await asyncio.sleep(1)
    return seen


async def soak(folder: Path, minutes: float, clients: int) -> bool:
    servers = [await asyncio.to_thread(Served, folder / f"{name}.db") for name in ("steady", "killed")]
    schema = await asyncio.to_thread(schema_at, servers[0].port)
    crowds = [Crowd(each, schema, name) for each, name in zip(servers, "sk", strict=True)]
    try:
        tasks = [asyncio.create_task(crowd.client(n)) for crowd in crowds for n in range(clients)]
        until = time.monotonic() + minutes * 60
        memory, kills = await asyncio.gather(
            watching(servers[0], until), killing(servers[1], until, random.Random(5))
        )
        for crowd in crowds:
            crowd.over = True
        await asyncio.gather(*tasks)
    finally:
        for served in servers:
            served.kill()
    for crowd, what in zip(crowds, ("never killed", f"killed {kills} times"), strict=True):
        await crowd.check()
        print(
            f"{what:>18}: {crowd.interviews:6} interviews, {crowd.commands:7} commands acknowledged, "
            f"{crowd.breaks} lines broken; 0 lost, 0 twice"
        )
    quarter = max(1, len(memory) // 4)
    before, after = median(memory[quarter : 2 * quarter]), median(memory[-quarter:])
    print(f"memory of the first: {before:.1f} MB in the second quarter, {after:.1f} MB in the last,", end=" ")
    print(f"{after / before:.3f} times, at most {AT_MOST_GROWTH}")
    return minutes < AT_LEAST_MINUTES or after <= before * AT_MOST_GROWTH


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--clients", type=int, default=8, help="at each server")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".soak-") as folder:
        return int(not asyncio.run(soak(Path(folder), asked.minutes, asked.clients)))


if __name__ == "__main__":
    sys.exit(main())
