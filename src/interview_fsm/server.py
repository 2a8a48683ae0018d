"""Interviews over WebSockets: connections become sessions. Nothing else.

The server listens on this machine alone. Before anything else it looks at who is asked for (Host) and
who asks (Origin): a page of some other site, open in the candidate's browser, must not talk to it.
"""

from __future__ import annotations

import asyncio
import errno
import http
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Protocol, Self

from msgspec import Struct
from websockets.asyncio.server import Server as Listener
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, NegotiationError
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from . import messages, protocol, views
from .engine import Engine
from .errors import AdapterError, CommandError, InterviewError
from .events import Material, Resume
from .jsonv1 import Host, JsonV1
from .pages import HEADERS, Answer, Pages, read_pages
from .plaintext import PlainText, TooManyTries
from .ports import ResumeReader
from .seats import Seats

log = logging.getLogger("interview_fsm")

LOOPBACK = ("127.0.0.1", "::1")
"""Bound both: ``localhost`` is whatever the client's resolver says."""

Authenticate = Callable[[Request], "str | Awaitable[str | None] | None"]
"""Who asks, from the request of the handshake: opaque, and kept as the owner of what they create; None for
nobody, who is told 401."""

WITHOUT_MODEL = messages.Disclosure(
    interviewer="coach",
    is_model=False,
    speaker="You talk to a program: coach, which asks and assesses by rules. It is not a model.",
    data="Nothing leaves this machine.",
)
"""What the coach says of itself."""


class RateLimited(CommandError):
    """More messages than the rate allows."""

    code = "rate_limited"
    retryable = True


class Fetching(Protocol):
    """What opens a client's link: ``resume.fetch.Fetcher``."""

    async def fetch(self, url: str) -> Fetched:
        """The document behind *url*; raises ResumeError."""
        ...


class Fetched(Protocol):
    """A document, as fetched."""

    @property
    def data(self) -> bytes:
        """Its bytes."""
        ...


class ServerSettings(Struct, frozen=True, kw_only=True):
    """Where to listen, to whom, and how much."""

    port: int = 8765
    """0 for any free one."""
    allow_hosts: tuple[str, ...] = ()
    """Values of the Host header accepted beside localhost's, such as ``interview.example:8765``."""
    allow_origins: tuple[str, ...] = ()
    """Origins of pages that may connect beside the server's own, such as ``http://localhost:3000``."""
    connections: int = 256
    """At once; the next is told 503."""
    first_message: float = 60.0
    """Seconds until the first message."""
    idle: float = 1800.0
    """Seconds without a message, while nothing is at work: longer than anybody thinks about an answer."""
    send: float = 10.0
    """Seconds for a message to leave; a client that does not read is let go."""
    drain: float = 10.0
    """Seconds that running commands have to end when the server is told to stop."""
    rate: float = 20.0
    """Text messages a second of one connection, on average."""
    burst: int = 100
    """Text messages at once: a whole interview, pasted."""
    byte_rate: float = 2_097_152.0
    """Bytes a second of one connection's files and sound, on average; what is more waits."""
    byte_burst: int = 16 * 1024 * 1024
    """Such bytes at once: more than the largest résumé."""
    page: bool = True
    """Whether the page is served."""
    access_token: str = ""
    """What ``create_session`` must bring; then plain text is refused. Empty for nothing."""
    watch: float = 5.0
    """Seconds between two looks at who says or reads nothing."""
    sweep: float = 3600.0
    """Seconds between two looks for what has expired."""
    seed: int | None = None
    """For the plain-text dialect's plans; None draws one for each interview."""


class _Connection:
    """One client: its dialect, and when it was last heard."""

    __slots__ = (
        "allowance",
        "bytes_allowance",
        "bytes_heard",
        "conduct",
        "heard",
        "leaving",
        "owner",
        "saying",
        "settled",
        "socket",
        "spoke",
        "work",
    )

    def __init__(self, socket: ServerConnection, server: Server, now: float) -> None:
        settings = server.settings
        self.socket = socket
        self.owner: str | None = getattr(socket, "owner", None)
        self.settled = socket.subprotocol is not None
        """Whether it has shown which dialect it speaks."""
        self.conduct: PlainText | JsonV1 = (
            JsonV1(server.host, self.say, owner=self.owner)
            if self.settled
            else PlainText(server.engine, server._bring, self.say, seed=settings.seed, owner=self.owner or "")
        )
        self.heard = self.bytes_heard = now
        self.saying: float | None = None
        """Since when no message has left though one is on its way; None while none is."""
        self.leaving = 0
        self.allowance, self.bytes_allowance = float(settings.burst), float(settings.byte_burst)
        self.spoke = False
        self.work: asyncio.Task[None] | None = None

    async def say(self, frame: str | bytes) -> None:
        """Send one message; a client that does not read it is let go by the server's watch."""
        self.leaving += 1
        if self.saying is None:
            self.saying = time.monotonic()
        await self.socket.send(frame)
        self.leaving -= 1
        self.saying = time.monotonic() if self.leaving else None

    def may_speak(self, settings: ServerSettings) -> bool:
        """Whether this message is within the rate: a bucket that fills steadily and holds a burst."""
        now = time.monotonic()
        gained = (now - self.heard) * settings.rate
        self.allowance = min(settings.burst, self.allowance + gained) - 1
        self.heard = now
        return self.allowance >= 0

    def too_early(self, size: int, settings: ServerSettings) -> float:
        """Seconds to wait before more bytes are read, now that *size* came."""
        now = time.monotonic()
        gained = (now - self.bytes_heard) * settings.byte_rate
        self.bytes_allowance = min(settings.byte_burst, self.bytes_allowance + gained) - size
        self.heard = self.bytes_heard = now
        return max(0.0, -self.bytes_allowance / settings.byte_rate)

    def has_gone_quiet(self, settings: ServerSettings, now: float) -> bool:
        """Whether it has said nothing for too long, while nothing was at work for it."""
        limit = settings.idle if self.spoke else settings.first_message
        return now - self.heard > limit and not self.conduct.busy

    def is_deaf(self, settings: ServerSettings, now: float) -> bool:
        """Whether it does not read what it is sent."""
        return self.saying is not None and now - self.saying > settings.send


class _Library:
    """What brings résumés to JSON v1: ``jsonv1.Library``."""

    def __init__(self, fetcher: Fetching, reader: ResumeReader) -> None:
        self._fetcher, self._reader = fetcher, reader

    async def fetch(self, url: str) -> bytes:
        return (await self._fetcher.fetch(url)).data

    async def read(self, document: bytes) -> Resume:
        return await self._reader.read(document)


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
        self._fetcher, self._reader = fetcher, reader
        self._authenticate = authenticate
        self._seats = Seats(engine, most=self.settings.connections)
        self.host = Host(
            engine=engine,
            seats=self._seats,
            library=_Library(fetcher, reader),
            disclosure=disclosure or _disclosure(engine),
            access_token=self.settings.access_token,
            seed=self.settings.seed,
        )
        """What its v1 connections share."""
        self._pages = Pages({})
        self._connections: set[_Connection] = set()
        self._listener: Listener | None = None
        self._chores: list[asyncio.Task[None]] = []
        self._hosts: frozenset[str] = frozenset()
        self._origins: frozenset[str] = frozenset()
        self._draining = False
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://localhost:{self.port}"

    # ------------------------------------------------------------------------------------ life and end

    async def __aenter__(self) -> Self:
        self._pages = read_pages(messages.schema(), with_page=self.settings.page)
        hosts, self.port = _places(self.settings.port)
        names = [f"{name}:{self.port}" for name in ("localhost", "127.0.0.1", "[::1]")]
        self._hosts = frozenset({*names, *(host.lower() for host in self.settings.allow_hosts)})
        self._origins = frozenset({*(f"http://{name}" for name in names), *self.settings.allow_origins})
        try:
            self._listener = await serve(
                self._handle,
                hosts,  # type: ignore[arg-type]  # handed on to create_server(), which takes several
                self.port,
                process_request=self._process_request,
                select_subprotocol=_select_subprotocol,
                compression=None,  # small texts; and no bombs
                max_size=protocol.MAX_BINARY,  # that text is shorter is seen to in _read()
                max_queue=16,
                open_timeout=10,
                ping_interval=20,
                ping_timeout=20,
                close_timeout=5,
                server_header=None,
            )
        except OSError as error:
            raise AdapterError("server", "port_unavailable", _bind_problem(self.port, error)) from error
        self._chores = [asyncio.create_task(self._sweep()), asyncio.create_task(self._watch())]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def drain(self) -> None:
        """Take nothing new, let what runs come to its end within the limit, and close with 1012."""
        self._draining = True
        deadline = time.monotonic() + self.settings.drain
        for connection in self._connections:
            if isinstance(connection.conduct, JsonV1):
                connection.conduct.warn_of_end(self.settings.drain)
        while any(c.conduct.busy for c in self._connections) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection with 1012, and wait until their interviews have been let go."""
        self._draining = True
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

    # ------------------------------------------------------------------------------------- handshakes

    async def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        if (refused := self._refusal(request)) is not None:
            status, why = refused
            return _respond(connection, status, why)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._admit(connection, request)
        if request.method not in ("GET", "HEAD"):
            return _respond(connection, http.HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD work here.")
        return self._answer(connection, request)

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if self._authenticate is None:
            return None
        owner = self._authenticate(request)
        if not isinstance(owner, str | None):
            owner = await owner
        if owner is None:
            return _respond(connection, http.HTTPStatus.UNAUTHORIZED, "This server does not know you.")
        connection.owner = owner  # type: ignore[attr-defined]  # ours, until _handle() has it
        return None

    def _answer(self, connection: ServerConnection, request: Request) -> Response:
        path = request.path.partition("?")[0]
        if path == "/healthz":
            return _respond(connection, http.HTTPStatus.OK, "ok")
        accepts, known = (request.headers.get(name, "") for name in ("Accept-Encoding", "If-None-Match"))
        found = self._pages.answer(path, accepts=accepts, known=known)
        if found is not None:
            return _send(connection, found)
        if path == "/":
            return _respond(
                connection, http.HTTPStatus.OK, f"This is an interview server; connect to {self.url}"
            )
        return _respond(connection, http.HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _refusal(self, request: Request) -> tuple[http.HTTPStatus, str] | None:
        hosts, origins = request.headers.get_all("Host"), request.headers.get_all("Origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return http.HTTPStatus.MISDIRECTED_REQUEST, "This server does not go by that name."
        # Browsers always say where a page comes from; a client without an Origin is a program.
        if len(origins) > 1 or (origins and origins[0] not in self._origins):
            return http.HTTPStatus.FORBIDDEN, "Pages of that site may not connect; see --allow-origin."
        if self._draining or len(self._connections) >= self.settings.connections:
            return http.HTTPStatus.SERVICE_UNAVAILABLE, "The server is full or stopping; try again soon."
        return None

    # ------------------------------------------------------------------------------------ connections

    async def _handle(self, socket: ServerConnection) -> None:
        connection = _Connection(socket, self, time.monotonic())
        self._connections.add(connection)
        connection.work = asyncio.create_task(self._work(connection))
        try:
            if not connection.settled:
                await self._settle(connection)
            await self._read(connection)
        except ConnectionClosed:
            pass
        finally:
            self._connections.discard(connection)
            connection.work.cancel()
            await asyncio.wait([connection.work])
            await connection.conduct.leave()

    async def _settle(self, connection: _Connection) -> None:
        """Read until a message has shown which dialect it is."""
        while not connection.settled:
            message = await self._next(connection)
            if isinstance(message, str) and messages.is_message(message):
                await self._change_over(connection)
            elif isinstance(message, str) and protocol.is_opening(message):
                connection.settled = True
                if self.settings.access_token:
                    await connection.socket.close(protocol.CLOSE_NO_ACCESS, "an access token is needed")
            await self._take(connection, message)

    async def _change_over(self, connection: _Connection) -> None:
        """From plain text, which nothing was said in so far, to JSON v1."""
        assert connection.work is not None
        connection.work.cancel()
        await asyncio.wait([connection.work])
        connection.conduct = JsonV1(self.host, connection.say, owner=connection.owner)
        connection.work = asyncio.create_task(self._work(connection))
        connection.settled = True

    async def _read(self, connection: _Connection) -> None:
        while True:
            await self._take(connection, await self._next(connection))

    async def _next(self, connection: _Connection) -> str | bytes:
        """The next message that is within the limits; ConnectionClosed after one that is not."""
        while True:
            message = await connection.socket.recv()
            connection.spoke = True
            if await self._fits(connection, message) and not self._draining:
                return message

    async def _fits(self, connection: _Connection, message: str | bytes) -> bool:
        """Whether *message* may be taken; bytes that come too fast may, but later."""
        if isinstance(message, bytes):
            if wait := connection.too_early(len(message), self.settings):
                await asyncio.sleep(wait)
            return True
        if not connection.may_speak(self.settings):
            await self._dismiss(connection)
            return False
        # No character has more than four bytes: most texts need not be counted.
        if len(message) > protocol.MAX_FRAME // 4 and len(message.encode()) > protocol.MAX_FRAME:
            await connection.socket.close(protocol.CLOSE_TOO_BIG, "a text message has at most 64 KiB")
            return False
        return True

    async def _dismiss(self, connection: _Connection) -> None:
        if isinstance(connection.conduct, JsonV1):
            await connection.say(messages.encode(views.failure(RateLimited("too many messages at once"))))
        await connection.socket.close(protocol.CLOSE_POLICY, "too many messages")

    async def _take(self, connection: _Connection, message: str | bytes) -> None:
        conduct = connection.conduct
        if isinstance(conduct, JsonV1):
            conduct.take(message)
        elif isinstance(message, bytes):
            await connection.say(protocol.error("Send text; this is no audio stream."))
        else:
            await conduct.take(message)

    async def _work(self, connection: _Connection) -> None:
        conduct = connection.conduct
        code, reason = protocol.CLOSE_DONE, ""
        try:
            if isinstance(conduct, JsonV1):
                code, reason = (close := await conduct.run()).code, close.reason
            else:
                await conduct.run()
        except TooManyTries:
            code, reason = protocol.CLOSE_NO_DIALECT, "not a protocol this server knows"
        except ConnectionClosed:
            return
        except Exception:
            log.exception("a connection broke")
            code, reason = protocol.CLOSE_ERROR, "something went wrong here"
        await connection.socket.close(code, reason)

    async def _bring(self, link: str) -> Material:
        fetched = await self._fetcher.fetch(link)
        return Material.of(await self._reader.read(fetched.data))

    # ----------------------------------------------------------------------------------------- chores

    async def _sweep(self) -> None:
        while True:
            try:
                if swept := await self.engine.sweep():
                    log.info("%d logs had expired and were erased", swept)
            except InterviewError as error:
                log.warning("could not look for what has expired: %s", error.code)
            await asyncio.sleep(self.settings.sweep)

    async def _watch(self) -> None:
        """Let go of clients that say nothing or read nothing: one look at all, no timer for each."""
        while True:
            await asyncio.sleep(self.settings.watch)
            now = time.monotonic()
            for connection in list(self._connections):
                if connection.is_deaf(self.settings, now):
                    connection.socket.transport.abort()
                elif connection.has_gone_quiet(self.settings, now):
                    with suppress(ConnectionClosed):
                        await connection.socket.close(protocol.CLOSE_IDLE, "nothing was said for too long")


def _select_subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    ours = Subprotocol(protocol.SUBPROTOCOL)
    if offered and ours not in offered:  # else a browser closes by itself, and does not say why
        raise NegotiationError(f"the subprotocol here is {ours}; or connect without one")
    return ours if offered else None


def _disclosure(engine: Engine) -> messages.Disclosure:
    name = type(engine.ports.interviewer).__module__.rpartition(".")[2]
    if name == WITHOUT_MODEL.interviewer:
        return WITHOUT_MODEL
    return messages.Disclosure(
        interviewer=name,
        is_model=True,  # as far as one can know
        speaker=f"You talk to a program: {name}.",
        data="Whoever runs this server can say where your data goes.",
    )


def _respond(connection: ServerConnection, status: http.HTTPStatus, text: str) -> Response:
    response = connection.respond(status, text + "\n")
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def _send(connection: ServerConnection, answer: Answer) -> Response:
    response = _respond(connection, http.HTTPStatus(answer.status), "")
    response.body = answer.body
    for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
        if name in response.headers:
            del response.headers[name]
        response.headers[name] = value
    if answer.status == http.HTTPStatus.NOT_MODIFIED:  # it has no body, and says nothing of one
        del response.headers["Content-Type"]
        del response.headers["Content-Length"]
    return response


def _places(port: int) -> tuple[list[str], int]:
    """The addresses of this machine that can be bound, and the port: any free one for 0."""
    hosts = []
    for host in LOOPBACK:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
                port = port or probe.getsockname()[1]
        except OSError as error:
            if host == LOOPBACK[0] or error.errno == errno.EADDRINUSE:
                raise AdapterError("server", "port_unavailable", _bind_problem(port, error)) from error
            continue  # no IPv6 here
        hosts.append(host)
    return hosts, port


def _bind_problem(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} is already in use, perhaps by another interview-fsm; "
            f"use --port {port + 1}, or --port 0 for any free port"
        )
    return f"port {port} cannot be listened on: {error.strerror}; use another --port"
