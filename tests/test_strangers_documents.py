"""Hostile documents sent to a server: each comes to a named end, and another client's heart goes on beating.

The server is a process of its own, and its memory is looked at from outside.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from interview_fsm.resume.pdf import MAX_CHARACTERS

from . import hostile
from .make_resumes import FOLDER
from .test_cli import server
from .test_v1_drops import schema_at
from .test_v1_wire import upload
from .v1_client import Client, client_at

IN_FULL = os.environ.get("INTERVIEW_FSM_SOAK") == "1"
KINDS = (*hostile.QUICK, *hostile.SLOW)
SLICE = (
    *hostile.QUICK,
    hostile.self_reference,
    hostile.widths,
    hostile.forms,
    hostile.double_bomb,
)
"""What is sent where time is short: all that end by themselves, and one for each limit that ends others."""
ENDS = 12.0
"""Seconds of a process of its own in which each has to end, when nothing else keeps the machine busy."""
REFUSED = {"resume_unreadable", "resume_empty"}
GOOD = (FOLDER / "one_column.pdf").read_bytes()
GROWS = 64 * 1024 * 1024
"""Bytes that a server may be larger afterwards: less than any of these documents makes of a parser."""


async def sent(ada: Client, document: bytes) -> str:
    """How reading *document* ends: its error's code, or ``text``."""
    command_id = await ada.say("set_resume", upload=await upload(ada, document))
    while True:
        event = await ada.hear()
        if event["type"] == "resume_read":
            assert event["characters"] <= 2 * MAX_CHARACTERS
            return "text"
        if event["type"] == "error":
            assert event["in_reply_to"] == command_id
            assert event["message"].endswith(".")
            return str(event["code"])


async def beating(bob: Client, times: list[float]) -> None:
    """Ask whether the server is there, again and again, and note how long each answer takes."""
    while True:
        began = time.perf_counter()
        await bob.say("ping")
        await bob.until("pong")
        times.append(time.perf_counter() - began)
        await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(1_000)
def test_no_document_stops_or_slows_a_server_for_anybody_else(tmp_path: Path) -> None:
    kinds: tuple[Callable[[], bytes], ...] = KINDS if IN_FULL else SLICE
    ends: dict[str, str] = {}
    took: dict[str, float] = {}
    times: list[float] = []

    async def main(port: int) -> None:
        schema = schema_at(port)
        async with client_at(port, schema) as ada, client_at(port, schema) as bob:
            await ada.create()
            heart = asyncio.create_task(beating(bob, times))
            for make in kinds:
                document = make()
                began = time.monotonic()
                ends[make.__name__] = await sent(ada, document)
                took[make.__name__] = time.monotonic() - began
                assert not heart.done()
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)
            # and an honest one is read after all of them
            assert await sent(ada, GOOD) == "text"

    with server("--database", str(tmp_path / "x.db")) as (serving, _, url):
        process = psutil.Process(serving.pid)
        before = process.memory_info().rss
        asyncio.run(main(int(url.rsplit(":", 1)[1])))
        after = process.memory_info().rss
        assert serving.poll() is None
        assert process.children() == []

    assert set(ends.values()) <= {*REFUSED, "text"}, ends
    assert after - before < GROWS
    p99 = sorted(times)[int(0.99 * len(times))]
    # far above what anybody is held up for, and far below the seconds that these documents take
    assert p99 < 1.0
    slowest = max(took, key=lambda name: took[name])
    print(
        f"{len(ends)} kinds: {dict(Counter(ends.values()))}, the slowest {slowest} in {took[slowest]:.1f} s; "
        f"another's heart {len(times)} beats, p99 {1e3 * p99:.1f} ms, longest {1e3 * max(times):.0f} ms; "
        f"the server {before >> 20} MiB before, {after >> 20} MiB after"
    )
    if IN_FULL:
        assert took[slowest] < ENDS, took
