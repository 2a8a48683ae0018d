"""A client that writes bytes, proper or not: what no library would let one send."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress

PATIENCE = 20.0
"""Seconds until something that ought to come is missed; the machine may be busy."""

TEXT, BINARY, CONTINUED, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
Headers = Iterable[tuple[str, str]]


def opening(port: int, headers: Headers | None = None, *, path: str = "/", method: str = "GET") -> bytes:
    """A WebSocket handshake; *headers* beside the four it must have, a Host among them."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in headers or [("Host", f"localhost:{port}")]),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(
    payload: bytes | str, opcode: int = TEXT, *, fin: bool = True, masked: bool = True, rsv: int = 0
) -> bytes:
    """A frame (RFC 6455, 5.2), its mask all zeros."""
    data = payload.encode() if isinstance(payload, str) else payload
    return head(len(data), opcode, fin=fin, masked=masked, rsv=rsv) + bytes(4 if masked else 0) + data


def head(size: int, opcode: int = TEXT, *, fin: bool = True, masked: bool = True, rsv: int = 0) -> bytes:
    """What a frame of *size* bytes begins with, up to its mask."""
    first, mask = fin << 7 | rsv << 4 | opcode, masked << 7
    if size < 126:
        return bytes([first, mask | size])
    if size < 65_536:
        return struct.pack("!BBH", first, mask | 126, size)
    return struct.pack("!BBQ", first, mask | 127, size)


class Raw:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def write(self, data: bytes) -> None:
        """Send it, as far as the other side takes it; a connection that is closed meanwhile is no error."""
        with suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, str]]:
        """The status and the headers (names in lower case) of an HTTP answer; (0, {}) when none comes."""
        try:
            whole = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), PATIENCE)
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0, {}
        first, *lines = whole.decode("latin-1").strip().split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}

    async def frames(self) -> list[tuple[int, bytes]]:
        """Every frame until the connection ends: opcode and payload."""
        return [frame async for frame in self._frames()]

    async def close_code(self) -> int | None:
        """The code that the connection is closed with; None when it ends without one."""
        async for opcode, payload in self._frames():
            if opcode == CLOSE:
                return int.from_bytes(payload[:2])
        return None

    async def _frames(self) -> AsyncGenerator[tuple[int, bytes]]:
        try:
            while True:
                first, size = await self._exactly(2)
                if size in (126, 127):
                    size = int.from_bytes(await self._exactly(2 if size == 126 else 8))
                yield first & 15, await self._exactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    async def _exactly(self, size: int) -> bytes:
        async with asyncio.timeout(PATIENCE):  # wait_for() of Python 3.11 may lose a cancellation
            return await self._reader.readexactly(size)

    def abort(self) -> None:
        """End it without a word."""
        self._writer.transport.abort()


@asynccontextmanager
async def raw(port: int, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Raw]:
    """A connection on which nothing has been said."""
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


@asynccontextmanager
async def opened(port: int, headers: Headers | None = None) -> AsyncGenerator[Raw]:
    """A connection whose handshake was accepted."""
    async with raw(port) as client:
        await client.write(opening(port, headers))
        status, _ = await client.answer()
        assert status == 101
        yield client
