"""Twenty browsers' microphones at one server: how much of their sound is lost, and what each costs.

Each of the connections records one answer and sends speech in frames of 100 ms in real time, for 20 seconds;
the recogniser takes twice the sound's own time, so what it cannot take at once must wait. Counted are the
samples sent and the samples that the recogniser was given in the end: none may be missing. Beside it the same
with one connection, for what each more of them costs in memory and CPU (server and its detector of speech
together). ``python benchmarks/microphones.py``: about 100 seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
from websockets.asyncio.client import connect

from _serving import Instant, Nothing
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.adapters.stream import Stream
from interview_fsm.engine import Engine
from interview_fsm.events import Partial, Transcript
from interview_fsm.server import Server, ServerSettings
from interview_fsm.sources import Sources

CONNECTIONS, SECONDS, FRAME = 20, 20, 3200
SLOWER = 2.0
"""Seconds that a second of sound takes the recogniser."""
CLIP = Path(__file__).parents[1] / "tests" / "voice_fixtures" / "help.wav"


class Slow:
    """A recogniser that falls behind, and whose text is the number of samples that it was given."""

    async def transcribe(
        self, audio: AsyncIterator[bytes], *, hints: Sequence[str], language: str
    ) -> AsyncGenerator[Partial | Transcript, None]:
        samples = 0
        async for chunk in audio:
            samples += len(chunk) // 2
            await asyncio.sleep(len(chunk) / 32_000 * SLOWER)
        yield Transcript(f"{samples} samples")

    async def aclose(self) -> None:
        pass


async def serve() -> None:
    """The server's process: prints the port, and ends with its stdin."""
    nothing = Nothing()
    async with aclosing(Stream()) as hears:
        recorder, settings = Sources({"stream": hears}), ServerSettings(port=0, page=False)
        async with (
            Engine(MemoryStorage(), Instant(), recorder=recorder, transcriber=Slow()) as engine,
            Server(engine, fetcher=nothing, reader=nothing, settings=settings) as server,
        ):
            print(server.port, flush=True)
            await asyncio.to_thread(sys.stdin.read)


def speech() -> bytes:
    """SECONDS of one sentence, said again and again."""
    with wave.open(str(CLIP)) as file:
        pcm = file.readframes(file.getnframes())
    return (pcm * (SECONDS * 32_000 // len(pcm) + 1))[: SECONDS * 32_000]


async def speak(port: int, pcm: bytes) -> int:
    """Say *pcm* over one connection in real time; how many samples arrived at the recogniser."""
    async with connect(f"ws://127.0.0.1:{port}", subprotocols=["interview-fsm.v1"], max_size=None) as socket:  # type: ignore[list-item]

        async def say(kind: str, **fields: Any) -> None:
            await socket.send(json.dumps({"type": kind, "id": kind, **fields}))

        async def until(kind: str) -> dict[str, Any]:
            async for frame in socket:
                event = json.loads(frame)
                assert event["type"] != "error", event
                for stored in event.get("events", ()):
                    if stored["type"] == kind:
                        return dict(stored)
            raise AssertionError(f"closed before {kind}")

        await say("create_session", plan={"questions": 1, "follow_ups": 0})
        await say("start_interview")
        await say("choose_difficulty", difficulty="easy")
        await until("question_asked")
        await say("record_answer", question=1, source="stream")
        clock = asyncio.get_running_loop().time
        began = clock()
        for number, at in enumerate(range(0, len(pcm), FRAME), 1):
            await socket.send(pcm[at : at + FRAME])
            await asyncio.sleep(max(0.0, began + number * 0.1 - clock()))
        await say("finish_answer")
        recorded = await until("answer_recorded")
        return int(recorded["transcript"]["text"].split()[0])


def weigh(server: psutil.Process) -> tuple[float, float]:
    """MiB and CPU seconds of the server and its children."""
    all_of_it = [server, *server.children(recursive=True)]
    memory = sum(each.memory_info().rss for each in all_of_it) / 2**20
    return memory, sum(sum(each.cpu_times()[:2]) for each in all_of_it)


async def measure(connections: int) -> tuple[int, float, float]:
    """Samples lost, MiB at the end of what was said, CPU seconds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "serve", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        port, pcm = int(await process.stdout.readline()), speech()
        speaking = [asyncio.create_task(speak(port, pcm)) for _ in range(connections)]
        await asyncio.sleep(SECONDS)
        memory, _ = weigh(psutil.Process(process.pid))
        heard = await asyncio.gather(*speaking)
        _, cpu = weigh(psutil.Process(process.pid))
        return sum(len(pcm) // 2 - each for each in heard), memory, cpu
    finally:
        process.stdin.close()
        await process.wait()


async def main() -> int:
    one, many = await measure(1), await measure(CONNECTIONS)
    more = CONNECTIONS - 1
    print(f"samples lost with 1 connection: {one[0]}; with {CONNECTIONS}: {many[0]} (at most 0)")
    print(f"memory for each more: {(many[1] - one[1]) / more:.1f} MiB, {SECONDS} s of sound among it")
    print(f"CPU for each more: {(many[2] - one[2]) / more / SECONDS * 100:.1f} % of a core while it speaks")
    return 1 if one[0] or many[0] else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(serve() if sys.argv[1:] == ["serve"] else main()))
