"""A running server for tests, with real sockets and fakes behind them."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Engine
from interview_fsm.errors import ResumeError
from interview_fsm.events import Page, Resume, Span
from interview_fsm.server import Server, ServerSettings
from interview_fsm.testing import ScriptedInterviewer

PATIENCE = 20.0
"""Seconds until something that ought to come is missed; the machine may be busy."""
LINK = "https://example.com/myresume.pdf;2"


class Document:
    def __init__(self, data: bytes) -> None:
        self.data = data


class Library:
    """A fetcher and a reader: every link leads to its own name; one with ``bad`` in it to nothing."""

    async def fetch(self, url: str, *, client: str = "") -> Document:
        if "bad" in url:
            raise ResumeError("resume_unreachable", "That link cannot be reached.")
        return Document(url.encode())

    async def read(self, document: bytes, *, client: str = "") -> Resume:
        return Resume((Page(1, 595, 842, (Span(document.decode(), (0, 0, 9, 9), 9),)),))

    async def aclose(self) -> None:
        pass


class Running:
    """The server and what it stands on."""

    def __init__(self, server: Server, engine: Engine, storage: Any, interviewer: Any) -> None:
        self.server, self.engine = server, engine
        self.storage, self.interviewer = storage, interviewer

    def connect(self, **options: Any) -> connect:
        return connect(self.server.url.replace("localhost", "127.0.0.1"), compression=None, **options)

    async def get(
        self, path: str = "/", method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], str]:
        return await asyncio.to_thread(self._get, path, method, headers)

    def _get(self, path: str, method: str, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in ({"Host": f"localhost:{self.server.port}"} | headers).items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()


@asynccontextmanager
async def running(
    *,
    storage: Any = None,
    interviewer: Any = None,
    ports: dict[str, Any] | None = None,
    authenticate: Any = None,
    fetcher: Any = None,
    reader: Any = None,
    **settings: Any,
) -> AsyncGenerator[Running, None]:
    storage = storage or MemoryStorage()
    interviewer = interviewer or ScriptedInterviewer()
    library = Library()
    async with (
        Engine(storage, interviewer, **(ports or {})) as engine,
        Server(
            engine,
            fetcher=fetcher or library,
            reader=reader or library,
            settings=ServerSettings(**{"port": 0, "seed": 1} | settings),
            authenticate=authenticate,
        ) as server,
    ):
        yield Running(server, engine, storage, interviewer)


async def exchange(socket: ClientConnection, line: str) -> str:
    """Send *line*; the reply."""
    await socket.send(line)
    return str(await asyncio.wait_for(socket.recv(), PATIENCE))


async def closing(socket: ClientConnection) -> tuple[list[str], int | None]:
    """What still comes, and the code it closes with."""
    heard = []
    try:
        while True:
            heard.append(str(await asyncio.wait_for(socket.recv(), PATIENCE)))
    except ConnectionClosed:
        return heard, socket.close_code
