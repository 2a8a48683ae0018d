"""Hostile and damaged documents: each comes to a named end, and another client's heart goes on beating.

The server is a process of its own, and its memory is looked at from outside.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from interview_fsm.errors import ResumeError
from interview_fsm.resume.pdf import MAX_CHARACTERS
from interview_fsm.resume.reader import Reader

from . import hostile
from .make_resumes import FOLDER
from .test_cli import server
from .test_reader import damage
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
NOTICED = 0.05 if IN_FULL else 1.0
"""Seconds within which 99 of 100 of another's beats are answered: what is promised where it is measured, in
full; else what is far more than that on any machine, and far less than these documents take."""
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
    documents = {make.__name__: make() for make in kinds}  # before anybody waits for it
    ends: dict[str, str] = {}
    took: dict[str, float] = {}
    times: list[float] = []

    async def main(port: int) -> None:
        schema = schema_at(port)
        async with client_at(port, schema) as ada, client_at(port, schema) as bob:
            await ada.create()
            heart = asyncio.create_task(beating(bob, times))
            for name, document in documents.items():
                began = time.monotonic()
                ends[name] = await sent(ada, document)
                took[name] = time.monotonic() - began
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
    slowest = max(took, key=lambda name: took[name])
    print(
        f"{len(ends)} kinds: {dict(Counter(ends.values()))}, the slowest {slowest} in {took[slowest]:.1f} s; "
        f"another's heart {len(times)} beats, p99 {1e3 * p99:.1f} ms, longest {1e3 * max(times):.0f} ms; "
        f"the server {before >> 20} MiB before, {after >> 20} MiB after"
    )
    assert p99 < NOTICED
    if IN_FULL:
        assert took[slowest] < ENDS, took


# ---------------------------------------------------------------------------------------- damaged documents

SMALL = sorted(
    (path for path in FOLDER.glob("*.pdf") if path.stem not in ("scanned", "encrypted")),
    key=lambda path: (path.stat().st_size, path.name),
)[:4]
SEVERAL = """
import os, signal, sys
from pathlib import Path
from interview_fsm.resume.worker import Done, Failed, Limits, confine, reply
from tests.test_reader import damage

confine(Limits(os.getppid(), cpu=int(sys.argv[3])))
signal.signal(signal.SIGALRM, signal.default_int_handler)
whole = [Path(name).read_bytes() for name in sys.argv[4:]]
for seed in range(int(sys.argv[1]), int(sys.argv[2])):
    signal.alarm(10)
    try:
        *_, last = reply(damage(whole[seed % len(whole)], seed), networked=False)
        print(last.kind if isinstance(last, Failed) else "text", flush=True)
    except KeyboardInterrupt:
        print("timeout", flush=True)
    signal.alarm(0)
"""
"""Reads one document after another where a parser has to live: a process for each costs far more than it."""


def batch(start: int, end: int) -> list[str]:
    """How the damaged documents from *start* on end; short when one of them ends the process."""
    arguments = [str(start), str(end), "3600", *map(str, SMALL)]
    here = Path(__file__).resolve().parents[1]
    # read from a file: the process may open no more than a few, and none of ours after that
    run = subprocess.run(
        [sys.executable, "-B", "-c", SEVERAL, *arguments],
        cwd=here,
        capture_output=True,
        text=True,
        timeout=3_600,
        check=False,
    )
    return run.stdout.split()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no alarm there")
@pytest.mark.timeout(3_600)
def test_damaged_documents_end_in_a_text_or_a_named_refusal() -> None:
    """Those that end a whole process are read once more as a server reads them."""
    wanted = 2_000 if IN_FULL else 200
    ends: list[str] = []
    while len(ends) < wanted:
        ends += batch(len(ends), wanted)
        if len(ends) < wanted:
            seed = len(ends)
            ends.append(asyncio.run(end_of(damage(SMALL[seed % len(SMALL)].read_bytes(), seed))))
    kinds = Counter(ends)
    print(f"{wanted} damaged documents: {dict(kinds)}")
    assert set(kinds) <= {"text", "malformed", "empty", "encrypted", "memory", "timeout", "not_text"}
    assert kinds["text"] < wanted, "nothing was damaged"


async def end_of(document: bytes) -> str:
    try:
        await Reader().read(document)
    except ResumeError as error:
        return {"no_text": "empty", "cpu": "timeout"}.get(error.kind, error.kind)
    return "text"
