"""A server on loopback that does what it is told, however wrong; and two networks without sockets.

``Recording`` plays back what is written down and sends nothing. ``Simulated`` answers each connection by a
behaviour, like the server, but in memory: under virtual time the whole of a slow reply takes none, and each
byte that was taken from it is counted.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import httpcore2

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Loopback:
    """A listening server: how often it was connected to, what was asked of it, who is still there."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.port = 0
        self.connections = 0
        self.heads: list[bytes] = []
        self._behaviour = behaviour
        self._served: set[asyncio.Task[None]] = set()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def here(self) -> int:
        """Connections that are open."""
        return len(self._served)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._served.add(task)
        self.connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await self._behaviour(reader, writer)
                await writer.drain()
                writer.write_eof() if writer.can_write_eof() else None
                await reader.read()  # until the client has closed its side as well
        finally:
            writer.close()
            self._served.discard(task)

    async def left_alone(self) -> None:
        """Every client has closed its socket, handshakes included; TimeoutError when one keeps it open."""
        async with asyncio.timeout(5):
            while self._served or any("accept" in repr(task.get_coro()) for task in asyncio.all_tasks()):
                await asyncio.sleep(0.005)


@asynccontextmanager
async def loopback(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Loopback]:
    """A server for the length of a block, at whose end no client may be connected any more."""
    served = Loopback(behaviour)
    server = await asyncio.start_server(served.accept, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
        await served.left_alone()
    finally:
        server.close()


def reply(*parts: bytes) -> Behaviour:
    """Send these bytes, whatever they are, and end."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return behave


def for_ever(first: bytes, again: bytes, every: float = 0.0) -> Behaviour:
    """Send *first*, then *again* until the client has gone."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(every)

    return behave


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Say nothing until the client has gone."""
    await reader.read()


def head(status: int = 200, *fields: str) -> bytes:
    """A status line and header fields."""
    return "\r\n".join([f"HTTP/1.1 {status} Whatever", *fields, "", ""]).encode()


def document(data: bytes, media_type: str = "application/pdf", *fields: str) -> bytes:
    """A reply with a body."""
    return head(200, f"Content-Type: {media_type}", f"Content-Length: {len(data)}", *fields) + data


class Names:
    """A resolver with answers of its own; the last answer of a name's list is repeated for ever.

    An answer is a list of addresses; a name that is not there does not exist.
    """

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name: list(rows) for name, rows in answers.items()}
        self.asked: list[str] = []

    @classmethod
    def of(cls, answers: dict[str, list[str]]) -> Names:
        """One answer for each name, for ever."""
        return cls(**{name: [row] for name, row in answers.items()})

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        rows = self._answers.get(host)
        if rows is None:
            raise OSError(-2, "Name or service not known")
        return rows.pop(0) if len(rows) > 1 else rows[0]


class Recording(httpcore2.AsyncNetworkBackend):
    """A network that sends nothing: it writes down who was to be connected to, and plays replies back.

    Without a reply left, connecting fails. How long each step may take is written down in ``limits``.
    """

    def __init__(self, *replies: bytes) -> None:
        self.connected: list[tuple[str, int]] = []
        self.streams: list[Played] = []
        self.limits: set[tuple[str, float | None]] = set()
        self._replies = list(replies)

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # type: ignore[no-untyped-def]
        self.connected.append((host, port))
        self.limits.add(("connect", timeout))
        if not self._replies:
            raise httpcore2.ConnectError("nobody there")
        self.streams.append(Played(self._replies.pop(0), self.limits))
        return self.streams[-1]


class Played(httpcore2.AsyncNetworkStream):
    """A connection whose other end is a list of bytes."""

    def __init__(self, data: bytes, limits: set[tuple[str, float | None]]) -> None:
        self._data = data
        self.limits = limits
        self.largest = 0
        """The most bytes that were asked for at once."""
        self.sent = b""
        self.tls_name: str | None = None
        self.closed = False

    async def read(self, max_bytes, timeout=None):  # type: ignore[no-untyped-def]
        self.limits.add(("read", timeout))
        self.largest = max(self.largest, max_bytes)
        data, self._data = self._data[:max_bytes], self._data[max_bytes:]
        return data

    async def write(self, buffer, timeout=None):  # type: ignore[no-untyped-def]
        self.limits.add(("write", timeout))
        self.sent += buffer

    async def aclose(self) -> None:
        self.closed = True

    async def start_tls(self, ssl_context, server_hostname=None, timeout=None):  # type: ignore[no-untyped-def]
        self.limits.add(("tls", timeout))
        self.tls_name = server_hostname
        return self

    def get_extra_info(self, info):  # type: ignore[no-untyped-def]
        return "the other end" if info == "peername" else None


MOST_UNREAD = 65_536
"""Bytes that a simulated server may be ahead of its client, as a socket's buffers allow."""


class Simulated(httpcore2.AsyncNetworkBackend):
    """A network in memory: whoever is connected to behaves in the same way."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.connected: list[tuple[str, int]] = []
        self.streams: list[Pipe] = []
        self._behaviour = behaviour

    @property
    def received(self) -> int:
        """Bytes that the client has taken."""
        return sum(stream.received for stream in self.streams)

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # type: ignore[no-untyped-def]
        self.connected.append((host, port))
        self.streams.append(Pipe(self._behaviour))
        return self.streams[-1]


class Pipe(httpcore2.AsyncNetworkStream):
    """A connection in memory, as its client has it."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.received = 0
        self.closed = False
        self._asked = asyncio.StreamReader()
        self._far = FarEnd()
        self._serving = asyncio.ensure_future(self._serve(behaviour))

    async def _serve(self, behaviour: Behaviour) -> None:
        await self._asked.readuntil(b"\r\n\r\n")
        await behaviour(self._asked, self._far)  # type: ignore[arg-type]
        self._far.over = True
        await self._far.moved()

    async def read(self, max_bytes, timeout=None):  # type: ignore[no-untyped-def]
        try:
            async with asyncio.timeout(timeout):
                data = await self._far.taken(max_bytes)
        except TimeoutError:
            raise httpcore2.ReadTimeout from None
        self.received += len(data)
        return data

    async def write(self, buffer, timeout=None):  # type: ignore[no-untyped-def]
        self._asked.feed_data(bytes(buffer))

    async def aclose(self) -> None:
        self.closed = True
        self._serving.cancel()
        await asyncio.wait([self._serving])

    def get_extra_info(self, info):  # type: ignore[no-untyped-def]
        return None


class FarEnd:
    """The same connection as its server has it: as much of a StreamWriter as behaviours use."""

    def __init__(self) -> None:
        self.over = False
        self._unread = bytearray()
        self._moving = asyncio.Condition()

    def write(self, data: bytes) -> None:
        self._unread += data

    async def drain(self) -> None:
        """Wait until the client has read most of it."""
        await self.moved()
        async with self._moving:
            await self._moving.wait_for(lambda: len(self._unread) <= MOST_UNREAD)

    async def moved(self) -> None:
        async with self._moving:
            self._moving.notify_all()

    async def taken(self, most: int) -> bytes:
        """The next bytes for the client, as soon as there are any; none at the end."""
        async with self._moving:
            await self._moving.wait_for(lambda: self._unread or self.over)
            data = bytes(self._unread[:most])
            del self._unread[:most]
            self._moving.notify_all()
            return data
