"""JSON v1 and the page over real sockets: handshakes, dialects, files, headers."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request
from websockets.typing import Subprotocol

from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Engine
from interview_fsm.pages import MEDIA_TYPES, MOST_BYTES, Pages
from interview_fsm.server import Server, ServerSettings
from interview_fsm.testing import ScriptedInterviewer

from .serving import LINK, PATIENCE, Library, Running, closing, exchange, running

V1 = [Subprotocol("interview-fsm.v1")]


async def event(socket: Any) -> dict[str, Any]:
    return dict(json.loads(await asyncio.wait_for(socket.recv(), PATIENCE)))


async def create(socket: Any) -> dict[str, Any]:
    await socket.send('{"type": "create_session", "id": "c"}')
    return await event(socket)


# ------------------------------------------------------------------------------------------ dialects


def test_both_dialects_are_spoken_at_once_and_neither_hears_the_other() -> None:
    async def main() -> None:
        async with running() as served, served.connect() as plain, served.connect(subprotocols=V1) as v1:
            await plain.send(LINK)
            assert (await create(v1))["type"] == "session_created"
            assert (await exchange(plain, "start_interview")).startswith("Database cleared.")
            assert (await event(v1))["type"] == "update"
            assert served.engine.sessions == 2

    asyncio.run(main())


def test_after_a_message_of_neither_dialect_json_is_still_understood() -> None:
    async def main() -> None:
        async with running() as served, served.connect() as socket:
            assert (await exchange(socket, "hello")).startswith("Error: ")
            assert (await create(socket))["type"] == "session_created"

    asyncio.run(main())


def test_json_after_a_link_is_a_line_of_plain_text_like_any_other() -> None:
    async def main() -> None:
        async with running() as served, served.connect() as socket:
            await socket.send(LINK)
            assert (await exchange(socket, '{"type": "ping"}')).startswith("Error: There is no such command.")

    asyncio.run(main())


def test_a_connection_of_v1_that_goes_leaves_its_interview_waiting_and_a_server_that_stops_does_not() -> None:
    async def main() -> None:
        async with running() as served:
            async with served.connect(subprotocols=V1) as socket:
                await create(socket)
            await asyncio.sleep(0.05)
            assert served.engine.sessions == 1
            async with served.connect(subprotocols=V1) as socket:
                await create(socket)
                await served.server.drain()
                assert served.engine.sessions == 0

    asyncio.run(main())


def test_plain_text_has_no_way_to_bring_an_access_token() -> None:
    async def main() -> None:
        async with running(access_token="t") as served, served.connect() as socket:
            await socket.send(LINK)
            assert (await closing(socket))[1] == 4401

    asyncio.run(main())


def test_bytes_that_come_too_fast_wait_and_none_is_lost() -> None:
    async def main() -> None:
        slow = {"byte_rate": 100_000.0, "byte_burst": 10_000}
        async with running(**slow) as served, served.connect(subprotocols=V1) as socket:
            begun = asyncio.get_running_loop().time()
            await socket.send('{"type": "begin_upload", "purpose": "resume", "name": "a", "size": 40000}')
            for _ in range(4):
                await socket.send(bytes(10_000))
            assert (await event(socket))["type"] == "upload_received"
            assert asyncio.get_running_loop().time() - begun >= 0.29

    asyncio.run(main())


# -------------------------------------------------------------------------------------- who asks


def known(request: Request) -> str | None:
    return request.headers.get("X-User")


async def known_later(request: Request) -> str | None:
    await asyncio.sleep(0)
    return known(request)


@pytest.mark.parametrize("authenticate", [known, known_later])
def test_a_host_says_who_it_is_and_nobody_is_told_401(authenticate: Any) -> None:
    async def main() -> None:
        storage, library = MemoryStorage(), Library()
        settings = ServerSettings(port=0)
        async with (
            Engine(storage, ScriptedInterviewer()) as engine,
            Server(
                engine, fetcher=library, reader=library, settings=settings, authenticate=authenticate
            ) as server,
        ):
            served = Running(server, engine, storage, None)
            with pytest.raises(InvalidStatus) as refused:
                await served.connect().__aenter__()
            assert refused.value.response.status_code == 401
            assert (await served.get("/healthz"))[0] == 200
            named = {"additional_headers": {"X-User": "ada"}}
            async with served.connect(subprotocols=V1, **named) as socket:
                await create(socket)
            async with served.connect(**named) as socket:
                await socket.send(LINK)
                await exchange(socket, "start_interview")
                assert [head.owner async for head in storage.interviews()] == ["ada", "ada"]

    asyncio.run(main())


# ------------------------------------------------------------------------------------- the page


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, headers={"Host": f"localhost:{port}"} | headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_the_page_is_there_compressed_and_known_again() -> None:
    async def main() -> None:
        async with running() as served:
            port = served.server.port
            status, headers, body = await asyncio.to_thread(ask, port, "/")
            assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert body.lower().startswith(b"<!doctype html>")
            accepts = {"Accept-Encoding": "br, gzip;q=0.8"}
            _, packed, small = await asyncio.to_thread(ask, port, "/index.html?x=1", **accepts)
            assert packed["content-encoding"] == "gzip"
            assert len(small) < len(body)
            assert gzip.decompress(small) == body
            known = {"If-None-Match": f'"old", W/{headers["etag"]}'}
            status, headers, nothing = await asyncio.to_thread(ask, port, "/", **known)
            assert (status, nothing) == (304, b"")
            assert "content-type" not in headers
            status, headers, nothing = await asyncio.to_thread(ask, port, "/", "HEAD")
            assert (status, nothing, headers["content-length"]) == (200, b"", str(len(body)))

    asyncio.run(main())


@pytest.mark.parametrize("path", ["/", "/schema.json", "/healthz", "/nothing"])
def test_every_answer_keeps_a_browser_careful(path: str) -> None:
    async def main() -> None:
        async with running() as served:
            _, headers, _ = await asyncio.to_thread(ask, served.server.port, path)
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
            assert policy.endswith("base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["permissions-policy"] == "microphone=(self)"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cache-control"] == "no-cache"
            assert "set-cookie" not in headers

    asyncio.run(main())


def test_without_the_page_there_is_a_line_and_the_schema() -> None:
    async def main() -> None:
        async with running(page=False) as served:
            assert "interview server" in (await served.get("/"))[2]
            assert (await served.get("/index.html"))[0] == 404
            assert "$defs" in json.loads((await served.get("/schema.json"))[2])

    asyncio.run(main())


@pytest.mark.parametrize(
    "path", ["/../server.py", "/..%2fserver.py", "//etc/passwd", "/web/index.html", "/%2e%2e/cli.py", "/./"]
)
def test_only_what_was_read_at_the_start_is_served(path: str) -> None:
    async def main() -> None:
        async with running() as served:
            assert (await asyncio.to_thread(ask, served.server.port, path))[0] == 404

    asyncio.run(main())


def test_a_file_keeps_its_own_kind_and_its_limit() -> None:
    pages = Pages({"/app.js": b"let a = 1", "/a.png": b"\x89PNG"})
    script = pages.answer("/app.js", accepts="gzip")
    assert script is not None
    assert script.headers["Content-Type"] == MEDIA_TYPES[".js"]
    assert "Content-Encoding" not in script.headers, "it would be longer"
    assert pages.answer("/") is None
    with pytest.raises(ValueError, match="can be served"):
        Pages({"/big.txt": bytes(MOST_BYTES + 1)})


@pytest.mark.parametrize(
    ("accepts", "is_packed"),
    [("", False), ("gzip", True), ("GZIP ; q=1", True), ("*", True), ("gzip;q=0", False), ("br", False)],
)
def test_only_who_accepts_it_gets_it_compressed(accepts: str, is_packed: bool) -> None:
    found = Pages({"/a.txt": b"a" * 1000}).answer("/a.txt", accepts=accepts)
    assert found is not None
    assert ("Content-Encoding" in found.headers) is is_packed
