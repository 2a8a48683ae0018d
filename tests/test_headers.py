"""Whatever the server answers keeps a browser careful: errors of the library's own, too."""

from __future__ import annotations

import asyncio

import pytest

from interview_fsm.pages import HEADERS

from .raw import opening, raw
from .serving import running

HOST = b"Host: localhost:%d\r\n"


def get(
    path: bytes = b"/", extra: bytes = b"", *, method: bytes = b"GET", version: bytes = b"HTTP/1.1"
) -> bytes:
    return b"%s %s %s\r\n" % (method, path, version) + HOST + extra + b"\r\n"


HANDSHAKE = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
PROPER = HANDSHAKE + KEY + b"Sec-WebSocket-Version: 13\r\n"
REQUESTS = {
    "the page": (get(), 200),
    "known already": (get(extra=b"If-None-Match: *\r\n"), 304),
    "known twice": (get(extra=b"If-None-Match: a\r\nIf-None-Match: b\r\n"), 200),
    "healthz": (get(b"/healthz"), 200),
    "schema": (get(b"/schema.json"), 200),
    "head": (get(method=b"HEAD"), 200),
    "nothing there": (get(b"/nothing"), 404),
    "a form": (get(method=b"POST", extra=b"Content-Length: 0\r\n"), 405),
    "a method of their own": (get(method=b"BREW"), 405),
    "preflight": (get(method=b"OPTIONS", extra=b"Origin: http://localhost:%d\r\n"), 405),
    "another name": (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    "no name": (b"GET / HTTP/1.1\r\n\r\n", 421),
    "another site": (get(extra=b"Origin: https://evil.example\r\n"), 403),
    "no version": (get(extra=HANDSHAKE + KEY), 400),
    "a version of long ago": (get(extra=HANDSHAKE + KEY + b"Sec-WebSocket-Version: 8\r\n"), 400),
    "no key": (get(extra=HANDSHAKE + b"Sec-WebSocket-Version: 13\r\n"), 400),
    "no connection": (get(extra=b"Upgrade: websocket\r\n" + KEY), 426),
    "a token alone": (
        get(extra=PROPER + b"Sec-WebSocket-Protocol: interview-fsm.token.YQ\r\n"),
        400,
    ),
    "two upgrades": (get(extra=b"Upgrade: websocket\r\nUpgrade: h2c\r\n"), 200),
    "posted": (get(extra=PROPER, method=b"POST"), 405),
    "an old version": (get(extra=PROPER, version=b"HTTP/1.0"), 505),
    "a long path": (get(b"/" + b"a" * 9000), 414),
    "a long header": (get(extra=b"A: " + b"a" * 9000 + b"\r\n"), 431),
    "many headers": (get(extra=b"".join(b"A%d: 1\r\n" % n for n in range(200))), 431),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_every_answer_keeps_a_browser_careful(name: str) -> None:
    request, wanted = REQUESTS[name]

    async def main() -> None:
        async with running() as served, raw(served.server.port) as client:
            await client.write(request.replace(b"%d", str(served.server.port).encode()))
            status, headers = await client.answer()
            assert status == wanted
            for header, value in HEADERS.items():
                assert headers.get(header.lower()) == value, header
            assert "server" not in headers
            assert "set-cookie" not in headers
            assert "access-control-allow-origin" not in headers

    asyncio.run(main())


@pytest.mark.parametrize(
    "garbage",
    [b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01", b"GET / HTTP/9\r\n\r\n", bytes(64)],
)
def test_what_is_no_request_is_not_served(garbage: bytes) -> None:
    async def main() -> None:
        async with running() as served, raw(served.server.port) as client:
            await client.write(garbage + bytes(10_000))
            status, headers = await client.answer()
            assert status in (0, 400, 414, 431, 505)
            if status:
                assert headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
        assert served.server._crowd.silent == 0

    asyncio.run(main())


def test_a_server_that_is_full_answers_as_carefully() -> None:
    async def main() -> None:
        async with running(connections=0) as served, raw(served.server.port) as client:
            await client.write(opening(served.server.port))
            status, headers = await client.answer()
            assert status == 503
            assert headers["x-content-type-options"] == "nosniff"

    asyncio.run(main())


def test_an_authenticate_hook_that_fails_lets_nobody_in() -> None:
    def broken(_: object) -> str:
        raise LookupError("the directory is away")

    async def main() -> None:
        async with running(authenticate=broken) as served, raw(served.server.port) as client:
            await client.write(opening(served.server.port))
            status, headers = await client.answer()
            assert status == 500
            assert headers["x-content-type-options"] == "nosniff"

    asyncio.run(main())
