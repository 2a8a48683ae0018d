"""Twelve ways that a session ends, and four places where nothing of it may be found afterwards.

A résumé and an answer hold words that are nowhere else. Once the session has ended they are looked for, as
bytes, in the logs, in every file of the storage with what SQLite keeps beside it, in every temporary file,
and in all that the next session is told. What is promised depends on the end: a stopped interview keeps its
answers and not its résumé; one that was only left keeps the résumé for a day; one that is erased, nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from interview_fsm.adapters.coach import Coach
from interview_fsm.adapters.coach import create as create_coach
from interview_fsm.adapters.sqlite import create as create_sqlite
from interview_fsm.engine import Engine, Limits
from interview_fsm.errors import SessionOver
from interview_fsm.events import Feedback, Question, Resume, StopInterview
from interview_fsm.ports import Brief
from interview_fsm.resume.reader import Reader
from interview_fsm.server import Server, ServerSettings
from interview_fsm.states import State
from interview_fsm.testing import run

from .serving import LINK, Document, closing, exchange
from .worlds import MATERIAL, World, started

RESUME_CANARY = "Xylophonimbus"
"""In a part of the résumé that no question quotes: what a question quotes stays with it."""
ANSWER_CANARY = "Zymurgistan"
RESUME = f"""# Ada Example

ada@{RESUME_CANARY}.example, born in {RESUME_CANARY}

## Experience

Software Engineer, Quillfeather Ltd, 2019 - 2024

- Rewrote the export and cut its run time from 3 hours to 20 minutes
- Led the move of 40 services to one platform
"""
ANSWER = f"I rewrote it myself at {ANSWER_CANARY} because it was slow, and it took 20 minutes."
OTHER = "# Bo Other\n\n## Experience\n\nBaker, Crumb Ltd, 2020 - 2024\n\n- Baked 300 loaves a day\n"
DAY = 86_400.0
IDS = itertools.count(1)
"""Of commands: one that a log has already is not run again."""
PLACES = ("logs", "storage", "temporary files", "the next session")


class Traces(NamedTuple):
    """What was found once a session had ended."""

    logs: str
    storage: bytes
    temporary: bytes
    told_next: str
    """All that the next session's client hears, and all that its interviewer is told."""


class Overheard:
    """The coach, and everything it is told."""

    billing = Coach.billing

    def __init__(self, coach: Coach) -> None:
        self._coach = coach
        self.told: list[str] = []

    async def ask(self, brief: Brief) -> Question:
        self.told.append(repr(brief))
        return await self._coach.ask(brief)

    async def analyze(self, brief: Brief) -> Feedback:
        self.told.append(repr(brief))
        return await self._coach.analyze(brief)

    async def aclose(self) -> None:
        await self._coach.aclose()


class Library:
    """Every link leads to the same résumé, which is read as any other is."""

    def __init__(self) -> None:
        self.document = RESUME
        self._reader = Reader()

    async def fetch(self, url: str, *, client: str) -> Document:
        return Document(self.document.encode())

    async def read(self, document: bytes, *, client: str) -> Resume:
        return await self._reader.read(document, client=client)

    async def aclose(self) -> None:
        await self._reader.aclose()


class House:
    """A server on a file, and what a test knows of it."""

    def __init__(self, server: Server, engine: Engine, library: Library, interviewer: Overheard) -> None:
        self.server, self.engine, self.library, self.interviewer = server, engine, library, interviewer
        self.later = 0.0
        """Seconds that the engine's clock is ahead."""

    def connect(self, *, json: bool = False) -> connect:
        subprotocols = [Subprotocol("interview-fsm.v1")] if json else None
        return connect(f"ws://127.0.0.1:{self.server.port}", compression=None, subprotocols=subprotocols)

    async def settled(self) -> None:
        """No session is live any more."""
        async with asyncio.timeout(60):
            while self.engine.sessions:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def house(folder: Path, **settings: Any) -> AsyncGenerator[House, None]:
    async with AsyncExitStack() as stack:
        storage = await create_sqlite(path=folder / "interviews.db")
        stack.push_async_callback(storage.aclose)
        interviewer = Overheard(await create_coach())
        stack.push_async_callback(interviewer.aclose)
        library = Library()
        stack.push_async_callback(library.aclose)
        found: list[House] = []

        def clock() -> float:
            return time.time() + (found[0].later if found else 0.0)

        limits = Limits(linger=settings.pop("linger", 30.0))
        engine = await stack.enter_async_context(Engine(storage, interviewer, limits=limits, clock=clock))
        chosen = ServerSettings(port=0, seed=1, **settings)
        server = Server(engine, fetcher=library, reader=library, settings=chosen)
        await stack.enter_async_context(server)
        found.append(House(server, engine, library, interviewer))
        yield found[0]


# ---------------------------------------------------------------------------------- both dialects


async def answered(socket: ClientConnection) -> None:
    """Sit an interview in plain text as far as an answer and its feedback."""
    await socket.send(LINK)
    assert (await exchange(socket, "start_interview")).startswith("Database cleared")
    question = await exchange(socket, "difficulty:mid")
    assert question.startswith("Question asked: ")
    assert RESUME_CANARY not in question, "then it would stay with the question"
    assert ANSWER_CANARY in await exchange(socket, f"answer:{ANSWER}")
    assert (await exchange(socket, "analyze")).startswith("Analysis: ")


class Json:
    """A connection that speaks v1."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.heard: list[str] = []

    async def say(self, kind: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, "id": f"c{next(IDS)}"} | fields))

    async def until(self, words: str) -> dict[str, Any]:
        while True:
            frame = str(await asyncio.wait_for(self._socket.recv(), 60))
            self.heard.append(frame)
            assert '"type":"error"' not in frame, frame
            if words in frame:
                return dict(json.loads(frame))

    async def answered(self, resume: str = RESUME, answer: str = ANSWER) -> dict[str, Any]:
        """Sit an interview as far as an answer and its feedback; how to come back to it."""
        await self.say("create_session", resume={"text": resume}, plan={"questions": 2, "follow_ups": 0})
        created = await self.until("session_created")
        await self.say("start_interview")
        await self.say("choose_difficulty", difficulty="mid")
        await self.until("question_asked")
        await self.say("submit_answer", question=1, text=answer)
        await self.until("submit_answer")
        await self.say("analyze")
        await self.until("feedback_given")
        return {name: created[name] for name in ("session", "token")}


# --------------------------------------------------------------------------------- twelve endings

Ending = Callable[[House], Awaitable[None]]
STOPPED, LEFT, ERASED = "stopped", "left", "erased"


async def stop_plain(house: House) -> None:
    async with house.connect() as socket:
        await answered(socket)
        assert (await exchange(socket, "stop_interview")).startswith("Interview session stopped")


async def stop_json(house: House) -> None:
    async with house.connect(json=True) as socket:
        await (client := Json(socket)).answered()
        await client.say("stop_interview")
        await client.until('"state":"stopped"')


async def close_plain(house: House) -> None:
    async with house.connect() as socket:
        await answered(socket)


async def abort_plain(house: House) -> None:
    async with house.connect() as socket:
        await answered(socket)
        socket.transport.abort()


async def close_json(house: House) -> None:
    async with house.connect(json=True) as socket:
        await Json(socket).answered()


async def abort_json(house: House) -> None:
    async with house.connect(json=True) as socket:
        await Json(socket).answered()
        socket.transport.abort()


async def erase_json(house: House) -> None:
    async with house.connect(json=True) as socket:
        await (client := Json(socket)).answered()
        await client.say("erase_session")
        await client.until("session_erased")


async def taken(house: House) -> None:
    async with house.connect(json=True) as first, house.connect(json=True) as second:
        known = await Json(first).answered()
        await (client := Json(second)).say("resume_session", seq=0, **known)
        await client.until("session_resumed")
        assert (await closing(first))[1] == 4409
        await client.say("stop_interview")
        await client.until('"state":"stopped"')


async def idle(house: House) -> None:
    async with house.connect() as socket:
        await answered(socket)
        with suppress(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 60)
        assert socket.close_code == 4408


async def key_refused(house: House) -> None:
    async with house.connect() as socket:
        await answered(socket)
        await socket.send("api_key: anything")
        assert (await closing(socket))[1] == 1008


async def begun_anew(house: House) -> None:
    async with house.connect() as socket:
        await answered(socket)
        house.library.document = OTHER
        assert (await exchange(socket, "start_interview")).startswith("Database cleared")
        assert (await exchange(socket, "stop_interview")).startswith("Interview session stopped")


ENDINGS: dict[str, tuple[Ending, str, dict[str, Any]]] = {
    "stopped in plain text": (stop_plain, STOPPED, {}),
    "stopped in JSON": (stop_json, STOPPED, {}),
    "closed in plain text": (close_plain, STOPPED, {}),
    "cut off in plain text": (abort_plain, STOPPED, {}),
    "closed in JSON, and nobody came back": (close_json, LEFT, {"linger": 0.01}),
    "cut off in JSON, and nobody came back": (abort_json, LEFT, {"linger": 0.01}),
    "erased": (erase_json, ERASED, {}),
    "taken over, and stopped there": (taken, STOPPED, {}),
    "silent for too long": (idle, STOPPED, {"idle": 0.3, "watch": 0.05}),
    "closed for a key": (key_refused, STOPPED, {}),
    "begun anew": (begun_anew, ERASED, {}),
}
KILLED = "the server was killed"


async def end(ending: Ending, promise: str, settings: dict[str, Any], folder: Path) -> tuple[str, bytes]:
    """Have a session end; what the next is told, and what the storage's files hold, while it is open."""
    async with house(folder, **settings) as one:
        await ending(one)
        await one.settled()
        if promise == LEFT:
            assert contains(folder, RESUME_CANARY), "kept for a day, for whoever comes back"
            one.later = DAY + 60
            await one.engine.sweep()
        one.interviewer.told.clear()
        told = await next_session(one.connect(json=True))
        return told + "".join(one.interviewer.told), content(folder)


async def next_session(connecting: connect) -> str:
    async with connecting as socket:
        client = Json(socket)
        await client.answered(OTHER, "I baked 300 loaves a day by myself because people were hungry.")
        await client.say("get_session")
        await client.until("snapshot")
        await client.say("get_report", format="markdown")
        await client.until('"report"')
        await client.say("erase_session")
        await client.until("session_erased")
        return "".join(client.heard)


async def killed(folder: Path, temporary: Path) -> tuple[str, bytes, str]:
    """The same in a process of its own, that ``kill -9`` ends; and what it had logged."""
    file, log = folder / "interviews.db", folder.parent / "log"
    log.touch()
    command = [sys.executable, "-m", "interview_fsm", "serve", "--port", "0", "-v", "--database", str(file)]
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}

    @asynccontextmanager
    async def serving() -> AsyncGenerator[tuple[asyncio.subprocess.Process, str], None]:
        with log.open("ab") as written:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, stderr=written, env=environment
            )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(60):
                while b"Listening" not in (line := await process.stdout.readline()):
                    assert line, log.read_text()
            yield process, line.split()[1].decode().replace("localhost", "127.0.0.1")
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    v1 = [Subprotocol("interview-fsm.v1")]
    async with serving() as (process, url), connect(url, compression=None, subprotocols=v1) as socket:
        await Json(socket).answered()
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert contains(folder, RESUME_CANARY), "nobody could erase it"
    async with serving() as (_, url):
        told = await next_session(connect(url, compression=None, subprotocols=v1))
    # A day later, whichever process it is: here one whose clock can be set.
    async with house(folder) as one:
        one.later = DAY + 60
        await one.engine.sweep()
        return told, content(folder), log.read_text()


def content(folder: Path) -> bytes:
    """Every byte of every file in and below *folder*."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def contains(folder: Path, word: str) -> bool:
    return any(form in content(folder) for form in forms(word))


def forms(word: str) -> list[bytes]:
    return [word.encode(), word.encode("utf-16-le"), word.lower().encode(), word.encode().hex().encode()]


FOUND: dict[str, Traces] = {}
"""Each ending is brought about once, and looked at from four sides."""


@pytest.fixture
def traces(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traces:
    name = request.param
    if name not in FOUND:
        FOUND[name] = bring_about(name, tmp_path, monkeypatch)
    return FOUND[name]


def bring_about(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traces:
    kept, temporary = tmp_path / "kept", tmp_path / "temporary"
    kept.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    logged = Logged()
    if name == KILLED:
        told, storage, logs = asyncio.run(killed(kept, temporary))
        assert "server listening" in logs, "else there is nothing to look through"
        return Traces(logs, storage + content(kept), content(temporary), told)
    with logged:
        told, storage = asyncio.run(end(*ENDINGS[name], kept))
    return Traces("\n".join(logged.lines), storage + content(kept), content(temporary), told)


class Logged(logging.Handler):
    """Everything that is logged, as ``--verbose`` would, and our own down to the least."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def __enter__(self) -> None:
        self._levels = [
            (logging.getLogger(name), logging.getLogger(name).level)
            for name in ("", "interview_fsm", "websockets")  # a command that ran before may have hushed it
        ]
        for (logger, _), level in zip(self._levels, (logging.INFO, logging.DEBUG, logging.INFO), strict=True):
            logger.setLevel(level)
        logging.getLogger().addHandler(self)

    def __exit__(self, *exc_info: object) -> None:
        logging.getLogger().removeHandler(self)
        for logger, level in self._levels:
            logger.setLevel(level)


def cases() -> list[Any]:
    marks = {KILLED: [pytest.mark.slow]}
    return [
        pytest.param(name, place, id=f"{name}: {place}", marks=marks.get(name, []))
        for name in (*ENDINGS, KILLED)
        for place in PLACES
    ]


@pytest.mark.parametrize(("traces", "place"), cases(), indirect=["traces"])
def test_nothing_of_a_session_is_found_where_it_must_not_be(
    traces: Traces, place: str, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["traces"]
    promise = LEFT if name == KILLED else ENDINGS[name][1]
    where = traces[PLACES.index(place)]
    data = where if isinstance(where, bytes) else where.encode()
    for form in forms(RESUME_CANARY):
        assert form not in data
    if place != "storage":
        for form in forms(ANSWER_CANARY):
            assert form not in data
    if place == "storage":
        assert data, "else nothing was looked at"
        assert (ANSWER_CANARY.encode() in data) is (promise != ERASED)
    if place == "logs":
        assert data, "else nothing was looked at"
    if place == "the next session":
        assert b"300 loaves" in data


def test_there_are_twelve_endings_and_four_places() -> None:
    assert len(cases()) == 48


@pytest.mark.parametrize("moment", [0.0, 0.5, 2.0])
def test_a_resume_goes_with_its_interview_though_the_session_ends_while_it_is_erased(moment: float) -> None:
    """As when a client stops, hears that it is stored, and closes at once."""
    world = World(lambda _call, name: 1.0 if name == "erase" else None)

    async def main() -> None:
        async with world.engine() as engine:
            session = engine.new(MATERIAL)
            await started(session)
            sent = asyncio.create_task(session.send(StopInterview()))
            await session.until(lambda interview: interview.state is State.STOPPED)
            await asyncio.sleep(moment)
            await session.aclose()
            with suppress(SessionOver):
                await sent
            assert not await world.has_resume(session.interview.id)

    run(main())
