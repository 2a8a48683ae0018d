"""The server over real sockets."""

from __future__ import annotations

import asyncio
import socket as sockets
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from interview_fsm.errors import AdapterError
from interview_fsm.interview import Interview
from interview_fsm.server import Server, ServerSettings
from interview_fsm.states import State
from interview_fsm.testing import HANGS, ScriptedInterviewer, Step

from .serving import LINK, Library, Running, closing, exchange, running

CLEARED = "Database cleared. Please specify difficulty."


async def interviews(running: Running) -> list[Interview]:
    storage = running.storage
    heads = [head async for head in storage.interviews()]
    return [Interview.replay(h.interview_id, await storage.load(h.interview_id)) for h in heads]


async def logs(running: Running) -> list[str]:
    return [h.interview_id async for h in running.storage.interviews(expired_before=float("inf"))]


def test_an_interview_from_the_link_to_the_analysis() -> None:
    async def main() -> None:
        async with running() as served, served.connect() as socket:
            await socket.send(LINK)
            assert await exchange(socket, "start_interview") == CLEARED
            assert (await exchange(socket, "difficulty:entry-level")).startswith("Question asked: ")
            assert await exchange(socket, "answer:I did it") == "Answer recorded: I did it"
            assert (await exchange(socket, "analyze")).startswith("Analysis: ")
            assert await exchange(socket, "stop_interview") == "Interview session stopped."
            assert await closing(socket) == ([], 1000)
            assert served.engine.sessions == 0

    asyncio.run(main())


def test_a_connection_that_closes_stops_its_interview_and_its_resume_is_gone() -> None:
    async def main() -> None:
        async with running() as served:
            async with served.connect() as socket:
                await socket.send(LINK)
                await exchange(socket, "start_interview")
                await exchange(socket, "difficulty:easy")
                await exchange(socket, "answer:I did it")
                assert len(await logs(served)) == 2
            await until_left(served)
            (interview,) = await interviews(served)
            assert interview.state is State.STOPPED
            assert await logs(served) == [interview.id]

    asyncio.run(main())


def test_a_connection_that_breaks_in_the_middle_of_work_leaves_nothing_running() -> None:
    interviewer = ScriptedInterviewer([HANGS])

    async def main() -> None:
        async with running(interviewer=interviewer) as served:
            async with served.connect() as socket:
                await socket.send(LINK)
                await exchange(socket, "start_interview")
                await socket.send("difficulty:easy")
                while not interviewer.open:
                    await asyncio.sleep(0)
                socket.transport.abort()
            await until_left(served)
            assert interviewer.open == 0
            (interview,) = await interviews(served)
            assert interview.state is State.STOPPED

    asyncio.run(main())


async def until_left(served: Running) -> None:
    async with asyncio.timeout(5):
        while served.engine.sessions:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "localhost:1", "0.0.0.0:{port}", "127.0.0.1.evil:{port}"]
)
@pytest.mark.parametrize("path", ["/", "/healthz"])
def test_a_host_that_is_not_ours_is_not_answered(host: str, path: str) -> None:
    async def main() -> None:
        async with running() as served:
            name = host.replace("{port}", str(served.server.port))
            status, _, _ = await served.get(path, Host=name)
            assert status == 421
            with pytest.raises(InvalidStatus) as refused:
                await served.connect(additional_headers={"Host": name}).__aenter__()
            assert refused.value.response.status_code in (400, 421)

    asyncio.run(main())


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_every_name_of_this_machine_is_answered(name: str) -> None:
    async def main() -> None:
        async with running() as served:
            status, _, text = await served.get("/healthz", Host=f"{name}:{served.server.port}")
            assert (status, text) == (200, "ok\n")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("origin", "is_welcome"),
    [
        (None, True),
        ("http://localhost:{port}", True),
        ("http://127.0.0.1:{port}", True),
        ("http://front.example:3000", True),
        ("http://localhost", False),
        ("https://localhost:{port}", False),
        ("http://localhost:{port}.evil.example", False),
        ("http://evil.example", False),
        ("null", False),
        ("http://LOCALHOST:{port}", False),
    ],
)
def test_only_pages_that_were_named_may_connect(origin: str | None, is_welcome: bool) -> None:
    async def main() -> None:
        async with running(allow_origins=("http://front.example:3000",)) as served:
            named = Origin(origin.replace("{port}", str(served.server.port))) if origin else None
            if is_welcome:
                async with served.connect(origin=named) as socket:
                    await socket.send(LINK)
                    assert await exchange(socket, "start_interview") == CLEARED
            else:
                with pytest.raises(InvalidStatus) as refused:
                    await served.connect(origin=named).__aenter__()
                assert refused.value.response.status_code == 403

    asyncio.run(main())


def test_answers_over_http_carry_the_headers_that_keep_a_browser_careful() -> None:
    async def main() -> None:
        async with running(page=False) as served:
            status, headers, text = await served.get("/")
            assert status == 200
            assert served.server.url in text
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert "server" not in {name.lower() for name in headers}
            assert (await served.get("/nothing"))[0] == 404
            assert (await served.get("/../etc/passwd"))[0] == 404
            assert (await served.get("/healthz", "POST"))[0] == 405

    asyncio.run(main())


def test_an_unknown_subprotocol_is_closed_4406_which_a_browser_can_tell_its_page() -> None:
    async def main() -> None:
        async with running() as served, served.connect(subprotocols=[Subprotocol("chat")]) as socket:
            assert await closing(socket) == ([], 4406)
            assert socket.close_reason == "offer interview-fsm.v1, or none"

    asyncio.run(main())


def test_three_first_messages_that_say_nothing_close_4400() -> None:
    async def main() -> None:
        async with running() as served, served.connect() as socket:
            for _ in range(3):
                assert (await exchange(socket, "hello")).startswith("Error: Send a link")
            assert await closing(socket) == ([], 4400)

    asyncio.run(main())


def test_a_binary_frame_is_an_error_and_the_connection_stays() -> None:
    async def main() -> None:
        async with running() as served, served.connect() as socket:
            await socket.send(b"\0\1")
            assert (await asyncio.wait_for(socket.recv(), 5)) == "Error: Send text; this is no audio stream."
            await socket.send(LINK)
            assert await exchange(socket, "start_interview") == CLEARED

    asyncio.run(main())


def test_a_frame_over_the_limit_closes_1009_and_nobody_else_notices() -> None:
    async def main() -> None:
        async with running() as served, served.connect() as other, served.connect() as socket:
            await other.send(LINK)
            await socket.send("answer:" + "x" * 65_536)
            assert (await closing(socket))[1] == 1009
            assert await exchange(other, "start_interview") == CLEARED

    asyncio.run(main())


def test_too_many_messages_close_1008() -> None:
    async def main() -> None:
        async with running(rate=1.0, burst=10) as served, served.connect() as socket:
            await socket.send(LINK)
            for _ in range(12):
                await socket.send("nonsense")
            heard, code = await closing(socket)
            assert code == 1008
            assert len(heard) <= 10

    asyncio.run(main())


def test_a_server_that_is_full_says_so_and_has_room_again_afterwards() -> None:
    async def main() -> None:
        async with running(connections=1) as served:
            async with served.connect() as socket:
                await socket.send(LINK)
                await exchange(socket, "start_interview")
                with pytest.raises(InvalidStatus) as refused:
                    await served.connect().__aenter__()
                assert refused.value.response.status_code == 503
            await until_left(served)
            async with served.connect() as socket:
                await socket.send(LINK)
                assert await exchange(socket, "start_interview") == CLEARED

    asyncio.run(main())


def test_silence_before_the_first_message_closes_4408() -> None:
    async def main() -> None:
        async with running(first_message=0.05, watch=0.02) as served, served.connect() as socket:
            assert await closing(socket) == ([], 4408)

    asyncio.run(main())


def test_silence_closes_4408_but_not_while_something_is_at_work() -> None:
    async def main() -> None:
        slow = ScriptedInterviewer([Step(takes=0.4)])
        async with running(interviewer=slow, idle=0.1, watch=0.02) as served, served.connect() as socket:
            await socket.send(LINK)
            await exchange(socket, "start_interview")
            assert (await exchange(socket, "difficulty:easy")).startswith("Question asked:")
            assert await closing(socket) == ([], 4408)

    asyncio.run(main())


def test_a_client_that_does_not_read_is_let_go_and_its_interview_stopped() -> None:
    async def main() -> None:
        # The reply to each is larger than itself, so the buffers fill on the server's side.
        async with running(send=0.2, watch=0.05, rate=1e9, burst=10**9) as served:
            writer = await deaf_client(served)
            try:
                async with asyncio.timeout(20):
                    while not served.engine.sessions:
                        await asyncio.sleep(0.01)
                    while served.server._connections:
                        await asyncio.sleep(0.02)
            finally:
                writer.close()
            await until_left(served)

    asyncio.run(main())


async def deaf_client(served: Running) -> asyncio.StreamWriter:
    """A client that sends lines and never reads a reply."""
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", served.server.port))
    _, writer = await asyncio.open_connection(sock=raw, limit=1024)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        % served.server.port
    )

    async def talk() -> None:
        writer.write(frame(LINK) + frame("start_interview"))
        for _ in range(200):
            writer.write(
                frame("difficulty:easy") + frame("answer:" + "x" * 60_000) + frame("start_interview")
            )
            await writer.drain()

    task = asyncio.create_task(talk())
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return writer


def frame(text: str) -> bytes:
    """A masked text frame (RFC 6455, 5.2), the mask all zeros."""
    payload = text.encode()
    if len(payload) < 126:
        head = bytes([0x81, 0x80 | len(payload)])
    else:
        head = bytes([0x81, 0x80 | 126]) + len(payload).to_bytes(2, "big")
    return head + bytes(4) + payload


def test_draining_lets_what_runs_come_to_its_end_then_closes_1012() -> None:
    interviewer = ScriptedInterviewer([Step(takes=0.3)])

    async def main() -> None:
        async with running(interviewer=interviewer) as served, served.connect() as socket:
            await socket.send(LINK)
            await exchange(socket, "start_interview")
            await socket.send("difficulty:easy")
            while not interviewer.open:
                await asyncio.sleep(0)
            draining = asyncio.create_task(served.server.drain())
            await asyncio.sleep(0)
            with pytest.raises((InvalidStatus, OSError)):
                await served.connect().__aenter__()
            heard, code = await closing(socket)
            assert heard == ["Question asked: Question 1, easy: what was your part in it?"]
            assert code == 1012
            await draining
            assert served.engine.sessions == 0
            (interview,) = await interviews(served)
            assert interview.state is State.STOPPED

    asyncio.run(main())


def test_draining_does_not_wait_for_ever() -> None:
    interviewer = ScriptedInterviewer([HANGS])

    async def main() -> None:
        async with running(interviewer=interviewer, drain=0.1) as served, served.connect() as socket:
            await socket.send(LINK)
            await exchange(socket, "start_interview")
            await socket.send("difficulty:easy")
            while not interviewer.open:
                await asyncio.sleep(0)
            await served.server.drain()
            assert (await closing(socket))[1] == 1012
            assert interviewer.open == 0

    asyncio.run(main())


def test_a_port_in_use_is_said_with_the_way_out() -> None:
    async def main() -> None:
        async with running() as served:
            library = Library()
            second = Server(
                served.engine,
                fetcher=library,
                reader=library,
                settings=ServerSettings(port=served.server.port),
            )
            with pytest.raises(AdapterError, match=f"port {served.server.port} is already in use"):
                await second.__aenter__()

    asyncio.run(main())


def test_what_has_expired_is_erased_at_the_start() -> None:
    async def main() -> None:
        async with running() as served, served.connect() as socket:
            await socket.send(LINK)
            await exchange(socket, "start_interview")
            storage = served.storage
            await served.server.aclose()
            for name in await logs(served):  # as if it had been kept for too long
                entries = await storage.load(name)
                last = entries[-1]
                await storage.append(
                    name,
                    last.version,
                    type(last)(last.version + 1, "~late", last.at, last.events[:0]),
                    expires_at=1.0,
                )
        async with running(storage=storage) as served:
            async with asyncio.timeout(5):
                while await logs(served):
                    await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_thousand_lines_of_one_client_do_not_hold_up_another() -> None:
    async def main() -> None:
        async with (
            running(rate=1e9, burst=10**9) as served,
            served.connect() as loud,
            served.connect() as quiet,
        ):
            await loud.send(LINK)
            await quiet.send(LINK)
            shouting = asyncio.create_task(shout(loud))
            assert await exchange(quiet, "start_interview") == CLEARED
            assert not shouting.done()
            await shouting

    asyncio.run(main())


async def shout(socket: Any) -> None:
    async def read() -> None:
        for _ in range(1000):
            await socket.recv()

    reading = asyncio.create_task(read())
    for _ in range(1000):
        await socket.send("nonsense")
    await reading


def test_a_broken_connection_is_not_an_error_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with running() as served:
            async with served.connect() as socket:
                await socket.send(LINK)
                await socket.send("start_interview")
                socket.transport.abort()
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
            await until_left(served)

    asyncio.run(main())
    assert [r for r in caplog.records if r.name == "interview_fsm" and r.levelname == "ERROR"] == []
