"""A server on loopback that does what it is told, however wrong, and a network that is only written down."""

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

    Without a reply left, connecting fails.
    """

    def __init__(self, *replies: bytes) -> None:
        self.connected: list[tuple[str, int]] = []
        self.streams: list[Played] = []
        self._replies = list(replies)

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # type: ignore[no-untyped-def]
        self.connected.append((host, port))
        if not self._replies:
            raise httpcore2.ConnectError("nobody there")
        self.streams.append(Played(self._replies.pop(0)))
        return self.streams[-1]


class Played(httpcore2.AsyncNetworkStream):
    """A connection whose other end is a list of bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.sent = b""
        self.tls_name: str | None = None
        self.closed = False

    async def read(self, max_bytes, timeout=None):  # type: ignore[no-untyped-def]
        data, self._data = self._data[:max_bytes], self._data[max_bytes:]
        return data

    async def write(self, buffer, timeout=None):  # type: ignore[no-untyped-def]
        self.sent += buffer

    async def aclose(self) -> None:
        self.closed = True

    async def start_tls(self, ssl_context, server_hostname=None, timeout=None):  # type: ignore[no-untyped-def]
        self.tls_name = server_hostname
        return self

    def get_extra_info(self, info):  # type: ignore[no-untyped-def]
        return None
