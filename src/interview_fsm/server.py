"""Interviews over WebSockets: connections become sessions. Nothing else.

Here the server starts, is watched, drains and ends. Who may come in is for ``door`` to say, what a client may
say for ``connection``, and what a file of the page is for ``pages``.
"""

from __future__ import annotations

import asyncio
import http
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Protocol, Self

from websockets.asyncio.server import Server as Listener
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from . import messages, protocol
from .connection import Connection, Shared
from .crowd import Crowd
from .door import NO_ROOM, ONLY_READING, TOO_MANY, UNKNOWN, Door, Refusal, select_subprotocol
from .engine import Engine
from .errors import InterviewError, SettingError
from .events import Material, Resume
from .guest import Guest, wants_websocket
from .house import traced
from .jsonv1 import Host
from .listening import places, unavailable
from .pages import Pages, read_pages
from .ports import ResumeReader
from .seats import Seats
from .server_settings import ServerSettings
from .uploads import Space
from .views import disclosure as says_who

__all__ = ["Authenticate", "Fetched", "Fetching", "Server", "ServerSettings"]

log = logging.getLogger("interview_fsm")

Authenticate = Callable[[Request], "str | Awaitable[str | None] | None"]
"""Who asks, from the request of the handshake: opaque, and kept as the owner of what they create; None for
nobody, who is told 401."""


class Fetching(Protocol):
    """What opens a client's link: ``resume.fetch.Fetcher``."""

    async def fetch(self, url: str, *, client: str) -> Fetched:
        """The document behind *url*, for *client*; raises ResumeError."""
        ...


class Fetched(Protocol):
    """A document, as fetched."""

    @property
    def data(self) -> bytes:
        """Its bytes."""
        ...


class _Library:
    """What brings résumés, for both dialects."""

    def __init__(self, fetcher: Fetching, reader: ResumeReader) -> None:
        self._fetcher, self._reader = fetcher, reader

    async def fetch(self, url: str, *, client: str) -> bytes:
        return (await self._fetcher.fetch(url, client=client)).data

    async def read(self, document: bytes, *, client: str) -> Resume:
        return await self._reader.read(document, client=client)

    async def bring(self, link: str, client: str) -> Material:
        return Material.of(await self.read(await self.fetch(link, client=client), client=client))


class Server:
    """The bundled server. ``async with`` it: on entering it listens, on leaving everything has ended.

    It holds *engine*, *fetcher* and *reader* but does not own them. *authenticate* is asked in every
    WebSocket handshake who it is; without it everybody is nobody in particular. *disclosure* says who is
    speaking and where data goes.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        fetcher: Fetching,
        reader: ResumeReader,
        settings: ServerSettings | None = None,
        authenticate: Authenticate | None = None,
        disclosure: messages.Disclosure | None = None,
    ) -> None:
        self.engine, self.settings = engine, settings or ServerSettings()
        self._authenticate = authenticate
        if self.settings.is_public and authenticate is None and not self.settings.access_token:
            raise SettingError(
                "other machines can reach this server: give it an access token, in the environment as "
                "INTERVIEW_FSM_ACCESS_TOKEN or in a file with --access-token-file"
            )
        self._seats = Seats(
            engine,
            most=self.settings.connections,
            each=self.settings.sessions,
            rate=self.settings.interview_rate,
            burst=self.settings.interview_burst,
        )
        library = _Library(fetcher, reader)
        self.host = Host(
            engine=engine,
            seats=self._seats,
            library=library,
            disclosure=disclosure
            or says_who(
                engine.ports.interviewer, engine.ports.transcriber, getattr(engine.storage, "data", "")
            ),
            access_token=self.settings.access_token,
            seed=self.settings.seed,
            uploads=Space(self.settings.upload_bytes),
        )
        """What its v1 connections share."""
        self._shared = Shared(settings=self.settings, host=self.host, bring=library.bring)
        self._pages = Pages({})
        self._connections: set[Connection] = set()
        self._listener: Listener | None = None
        self._chores: list[asyncio.Task[None]] = []
        self._draining = False
        self.port = self.settings.port
        self._door = self._make_door()
        self._crowd = Crowd(
            newcomers=self.settings.newcomers,
            each=self.settings.per_address,
            rate=self.settings.visit_rate,
            burst=self.settings.visit_burst,
        )

    def _make_door(self) -> Door:
        return Door(self.settings, self.port, knows_callers=self._authenticate is not None)

    @property
    def url(self) -> str:
        """Where it is reached; behind a proxy, by the proxy."""
        return f"{'wss' if self.settings.tls else 'ws'}://localhost:{self.port}"

    @property
    def home(self) -> str:
        """Where its page is, for people."""
        return self._door.home

    # ------------------------------------------------------------------------------------ life and end

    async def __aenter__(self) -> Self:
        self._pages = read_pages(messages.schema(), with_page=self.settings.page)
        hosts, self.port = places(self.settings.addresses, self.settings.port)
        self._door = self._make_door()
        try:
            self._listener = await serve(
                self._handle,
                hosts,  # type: ignore[arg-type]  # handed on to create_server(), which takes several
                self.port,
                process_request=self._process_request,  # type: ignore[arg-type]  # every connection is a Guest
                select_subprotocol=select_subprotocol,
                create_connection=partial(  # type: ignore[arg-type]
                    Guest, settings=self.settings, crowd=self._crowd
                ),
                logger=_NoFrames(logging.getLogger("websockets.server"), {}),
                ssl=self.settings.tls,
                compression=None,  # small texts; and no bombs
                max_size=protocol.MAX_BINARY,  # that text is shorter is seen to by the connection
                max_queue=8,
                open_timeout=self.settings.handshake,
                ping_interval=None,  # see _watch()
                close_timeout=5,
                server_header=None,
            )
        except OSError as error:
            raise unavailable(self.port, error) from error
        self._chores = [asyncio.create_task(self._sweep()), asyncio.create_task(self._watch())]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def drain(self) -> None:
        """Take nothing new, let what runs come to its end within the limit, and close with 1012."""
        self._draining = True
        deadline = time.monotonic() + self.settings.drain
        for connection in self._connections:
            connection.wind_down(self.settings.drain)
        while any(c.busy for c in self._connections) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection with 1012, and wait until their interviews have been let go."""
        self._draining = True
        for connection in self._connections:
            connection.wind_down()
        self._seats.close()
        for chore in self._chores:
            chore.cancel()
        if self._chores:
            await asyncio.wait(self._chores)
        self._chores = []
        if self._listener is not None:
            self._listener.close(code=protocol.CLOSE_RESTART, reason="the server is stopping")
            await self._listener.wait_closed()
            self._listener = None
        await self._seats.aclose()

    async def _handle(self, socket: ServerConnection) -> None:
        assert isinstance(socket, Guest)
        connection = Connection(socket, self._shared)
        self._connections.add(connection)
        if self._draining:
            connection.wind_down()
        try:
            await connection.read()
        finally:
            self._connections.discard(connection)
            await connection.leave()

    # ------------------------------------------------------------------------------------- handshakes

    async def _process_request(self, guest: Guest, request: Request) -> Response | None:
        refusal = self._refusal(guest, request)
        if refusal is None and wants_websocket(request):
            refusal = await self._stranger(guest, request)
            if refusal is None:
                return None
        if refusal is None and request.method not in ("GET", "HEAD"):
            refusal = ONLY_READING
        return self._answer(guest, request) if refusal is None else guest.say(*refusal)

    def _refusal(self, guest: Guest, request: Request) -> Refusal | None:
        caller = self._door.look_at(request.headers, guest.address)
        if isinstance(caller, Refusal):
            return caller
        guest.address, guest.has_token = caller.address, caller.has_token
        self._crowd.move(guest, caller.address)
        if caller.is_counted and not self._crowd.has_place(caller.address, time.monotonic()):
            return TOO_MANY
        if self._draining or len(self._connections) >= self.settings.connections:
            return NO_ROOM
        return None

    async def _stranger(self, guest: Guest, request: Request) -> Refusal | None:
        """Ask who it is; why nobody may come in."""
        if self._authenticate is None:
            return None
        owner = self._authenticate(request)
        if not isinstance(owner, str | None):
            owner = await owner
        guest.owner = owner
        return UNKNOWN if owner is None else None

    def _answer(self, guest: Guest, request: Request) -> Response:
        path = request.path.partition("?")[0]
        if path == "/healthz":
            return guest.say(http.HTTPStatus.OK, "ok")
        accepts, known = (", ".join(request.headers.get_all(n)) for n in ("Accept-Encoding", "If-None-Match"))
        found = self._pages.answer(path, accepts=accepts, known=known)
        if found is not None:
            return guest.hand(found)
        if path == "/":
            return guest.say(http.HTTPStatus.OK, f"This is an interview server; connect to {self.url}")
        return guest.say(http.HTTPStatus.NOT_FOUND, "There is nothing here.")

    # ----------------------------------------------------------------------------------------- chores

    async def _sweep(self) -> None:
        while True:
            try:
                if swept := await self.engine.sweep():
                    log.info("%d logs had expired and were erased", swept)
            except InterviewError as error:
                log.warning("could not look for what has expired: %s", error.code)
            except Exception as error:  # tomorrow is another look; without this there would be none
                log.error("could not look for what has expired: %s", traced(error))
            await asyncio.sleep(self.settings.sweep)

    async def _watch(self) -> None:
        """Let go of clients that say or read nothing, or are no more: one look at all, no timer for each."""
        while True:
            await asyncio.sleep(self.settings.watch)
            now = time.monotonic()
            for connection in list(self._connections):
                connection.settle_down()
                connection.feel_pulse(now)
                if connection.is_deaf(now):
                    connection.abort()
                elif connection.has_gone_quiet(now):
                    with suppress(ConnectionClosed):
                        await connection.close(protocol.CLOSE_IDLE, "nothing was said for too long")


class _NoFrames(logging.LoggerAdapter[logging.Logger]):
    """The log of the library, which at DEBUG would hold every header and frame: tokens, résumés, answers."""

    def isEnabledFor(self, level: int) -> bool:
        return level > logging.DEBUG and super().isEnabledFor(level)
