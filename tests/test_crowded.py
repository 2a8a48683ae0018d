"""Five hundred connections that are slow or silent, while somebody holds an interview."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from interview_fsm.protocol import CLEARED

from .raw import PONG, Raw, frame, opening
from .serving import LINK, closing, exchange

CROWD = 2000 if os.environ.get("INTERVIEW_FSM_SOAK") else 500
ROUNDS = 60


class Served:
    """A server process, so that its memory is its own."""

    def __init__(self, file: Path) -> None:
        script = Path(__file__).with_name("killable.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(file)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def memory(self) -> float:
        """MiB that it has now."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


async def one_of_many(port: int, number: int) -> None:
    """Connect and be a nuisance in one of five ways, for ever; come again when turned away."""
    while True:
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            client = Raw(reader, writer)
            try:
                match number % 5:
                    case 1:
                        await client.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
                    case 2:
                        await client.write(opening(port))
                    case 3:
                        await client.write(opening(port) + b"\x81")
                    case 4:
                        await client.write(opening(port) + frame(b"", PONG))
                await client.frames()
            finally:
                writer.transport.abort()
        await asyncio.sleep(5)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read in /proc")
def test_an_interview_goes_on_among_five_hundred_who_say_nothing(tmp_path: Path) -> None:
    async def main(served: Served) -> None:
        async with connect(f"ws://127.0.0.1:{served.port}", compression=None) as ada:
            await ada.send(LINK)
            assert await exchange(ada, "start_interview") == CLEARED
            alone, quiet = await replies(ada), served.memory
            crowd = [asyncio.create_task(one_of_many(served.port, n)) for n in range(CROWD)]
            try:
                await asyncio.sleep(0)
                among, crowded = await replies(ada), served.memory
                async with connect(f"ws://127.0.0.1:{served.port}", compression=None) as bob:
                    await bob.send(LINK)
                    assert await exchange(bob, "start_interview") == CLEARED, "others still come in"
                assert (await exchange(ada, "difficulty:easy")).startswith("Question asked:")
                assert await exchange(ada, "answer:I did it") == "Answer recorded: I did it"
                assert (await exchange(ada, "analyze")).startswith("Analysis:")
                await ada.send("stop_interview")
                assert (await closing(ada))[1] == 1000
            finally:
                for task in crowd:
                    task.cancel()
                await asyncio.wait(crowd)
        print(
            f"{CROWD} silent: p99 of a reply {alone:.1f} ms alone, {among:.1f} ms among them; "
            f"{quiet:.1f} MiB before, {crowded:.1f} MiB with them"
        )
        assert crowded - quiet < 64, "MiB: newcomers are bounded, however many come"

    served = Served(tmp_path / "interviews.db")
    try:
        asyncio.run(main(served))
    finally:
        served.end()


async def replies(socket: object) -> float:
    """The 99th percentile of replies' times, in ms."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        assert (await exchange(socket, "nonsense")).startswith("Error:")  # type: ignore[arg-type]
        times.append(time.perf_counter() - begun)
        await asyncio.sleep(0.06)  # twenty a second are allowed
    return sorted(times)[len(times) * 99 // 100] * 1000
