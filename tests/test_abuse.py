"""What a client may send that no proper one does: each ends as it should, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, NamedTuple

import pytest

from interview_fsm.protocol import CLEARED

from .raw import BINARY, CLOSE, CONTINUED, PING, PONG, TEXT, Raw, frame, head, opened, opening, raw
from .serving import LINK, PATIENCE, closing, exchange, running

GOODBYE = frame(struct.pack("!H", 1000), CLOSE)
STAYS = 1000
"""What a connection closes with that has lived until it was said goodbye to."""
FEW = {"rate": 0.01, "burst": 20}


class Abuse(NamedTuple):
    sent: bytes
    code: int
    v1: bool = False
    settings: dict[str, Any] = {}  # noqa: RUF012  (nobody changes it)


def many(count: int, payload: bytes, *, last: bytes = b"") -> bytes:
    """One text in *count* further pieces; *last*, if any, ends it."""
    pieces = frame(payload, TEXT, fin=False) + frame(payload, CONTINUED, fin=False) * count
    return pieces + (frame(last, CONTINUED) if last else b"")


def closed(code: int, reason: bytes = b"") -> bytes:
    return frame(struct.pack("!H", code) + reason, CLOSE)


def command(kind: str, **fields: Any) -> bytes:
    return frame(json.dumps({"type": kind, **fields}))


LINE = LINK.encode()
KEY = "sk-ant-" + "api03-Zk3_4x8mQv9Lr2TtY0aWcBv7Nd5Ph1Js6Ge"
PINGED = command("ping")
ABUSES = {
    # RFC 6455: what is no frame
    "not masked": Abuse(frame(LINE, masked=False), 1002),
    "first reserved bit, as of compression": Abuse(frame(bytes(100), rsv=4), 1002),
    "second reserved bit": Abuse(frame(LINE, rsv=2), 1002),
    "third reserved bit": Abuse(frame(LINE, rsv=1), 1002),
    "a kind of data there is not": Abuse(frame(LINE, 3), 1002),
    "a kind of control there is not": Abuse(frame(b"", 11), 1002),
    "goes on with nothing": Abuse(frame(LINE, CONTINUED), 1002),
    "begins within another": Abuse(frame(LINE, fin=False) + frame(LINE), 1002),
    "a ping in pieces": Abuse(frame(b"", PING, fin=False), 1002),
    "a ping that is too long": Abuse(frame(bytes(126), PING), 1002),
    "half a close code": Abuse(frame(b"\x03", CLOSE), 1002),
    "a close code that is never sent": Abuse(closed(1005), 1002),
    "a close code under all": Abuse(closed(999), 1002),
    "a close code over all": Abuse(closed(5000), 1002),
    "a goodbye that is no text": Abuse(closed(1000, b"\xff"), 1007),
    "another request": Abuse(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 1002),
    # what is no text
    "not UTF-8": Abuse(frame(b"\xff\xfe"), 1007),
    "UTF-8 longer than it must be": Abuse(frame(b"\xc0\xaf"), 1007),
    "half of a surrogate pair": Abuse(frame(b"\xed\xa0\x80"), 1007),
    "a letter that is cut off": Abuse(frame(b"\xe2\x82"), 1007),
    "a letter in two pieces": Abuse(frame(b"\xe2", fin=False) + frame(b"\x82\xac", CONTINUED), STAYS),
    # too long
    "2^63 bytes announced": Abuse(head(2**63 - 1), 1009),
    "a gigabyte announced": Abuse(head(2**30), 1009),
    "bytes over the limit": Abuse(head(262_145, BINARY), 1009),
    "a text over the limit": Abuse(frame(b"x" * 65_537), 1009),
    "a text over the limit, for its letters": Abuse(frame("€" * 22_000), 1009),
    "a text over the limit, of v1": Abuse(PINGED + frame(b" " * 65_537), 1009, v1=True),
    "a text over the limit, in pieces": Abuse(many(40, b"x" * 2000, last=b"x"), 1009),
    "pieces without an end": Abuse(many(300, b"x" * 1000), 1009),
    "pieces of one byte without an end": Abuse(many(5000, b"x"), 1009),
    "empty pieces without an end": Abuse(many(5000, b""), 1009),
    "many pieces": Abuse(many(3000, b"x", last=b"y"), STAYS),
    # too many
    "pings": Abuse(frame(b"", PING) * 20_000, 1008),
    "pongs": Abuse(frame(b"", PONG) * 20_000, 1008),
    "pings within a text": Abuse(frame(LINE, fin=False) + frame(b"", PING) * 20_000, 1008),
    "lines": Abuse(frame(LINE) + frame("nonsense") * 21, 1008, settings=FEW),
    "commands": Abuse(PINGED * 22, 1008, v1=True, settings=FEW),
    "what is no command": Abuse(PINGED + frame("{}") * 21, 1008, v1=True, settings=FEW),
    "empty texts": Abuse(frame("") * 8, 1008, v1=True, settings={"rate": 0.01, "burst": 2}),
    # of no dialect
    "nothing that opens": Abuse(frame("hello") * 3, 4400),
    "empty first texts": Abuse(frame("") * 3, 4400),
    "bytes where text is spoken": Abuse(frame(bytes(200_000), BINARY) + frame(LINE), STAYS),
    "bytes that nobody waits for": Abuse(PINGED + frame(bytes(200_000), BINARY), STAYS, v1=True),
    "no JSON": Abuse(frame("{") * 3, 4400, v1=True),
    "JSON of great depth": Abuse(PINGED + frame('{"type":' + "[" * 60_000), STAYS, v1=True),
    "objects of great depth": Abuse(PINGED + frame('{"type":' * 8000), STAYS, v1=True),
    "a number without end": Abuse(
        PINGED + frame('{"type":"resume_session","session":"a","token":"b","seq":' + "9" * 60_000 + "}"),
        STAYS,
        v1=True,
    ),
    "a type twice": Abuse(PINGED + frame('{"type":"ping","type":"get_session","id":"a"}'), STAYS, v1=True),
    "a NUL": Abuse(PINGED + command("create_session", job_description="\0"), STAYS, v1=True),
    "a key": Abuse(command("create_session", api_key=KEY), 1008, v1=True),
    "a key in a line": Abuse(frame(LINE) + frame(f"answer:{KEY}"), 1008),
    # and too slow
    "half a frame": Abuse(head(100) + b"xx", 4408, settings={"first_message": 0.2, "watch": 0.05}),
    "half a message": Abuse(
        frame(b"x", fin=False), 4408, settings={"first_message": 0.2, "watch": 0.05}
    ),
    "data after goodbye": Abuse(GOODBYE + frame(LINE) * 100, STAYS),
}  # fmt: skip


UNREAD = {"pieces of one byte without an end", "empty pieces without an end"}
"""What the server has not read to its end when it closes; it then waits for its client as long as it may."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in UNREAD else ()) for name in ABUSES]
)
def test_what_is_not_proper_ends_as_it_should_and_nobody_else_notices(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    abuse = ABUSES[name]

    async def main() -> None:
        async with running(**abuse.settings) as served, served.connect() as ada:
            await ada.send(LINK)
            headers = [("Host", f"localhost:{served.server.port}")]
            if abuse.v1:
                headers.append(("Sec-WebSocket-Protocol", "interview-fsm.v1"))
            async with opened(served.server.port, headers) as eve:
                assert await ends(eve, abuse.sent + (GOODBYE if abuse.code == STAYS else b"")) == abuse.code
            assert await exchange(ada, "start_interview") == CLEARED
            async with asyncio.timeout(PATIENCE):
                while len(served.server._connections) > 1:
                    await asyncio.sleep(0.01)

    asyncio.run(main())
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def ends(eve: Raw, sent: bytes) -> int | None:
    """Send this; the code it is closed with. What comes is read meanwhile, or a reset could take it away."""
    reading = asyncio.create_task(eve.close_code())
    await eve.write(sent)
    return await reading


@pytest.mark.parametrize("name", ["one byte at a time", "all at once"])
def test_how_the_bytes_are_cut_makes_no_difference(name: str) -> None:
    async def main() -> None:
        async with running() as served, raw(served.server.port) as client:
            request = opening(served.server.port)
            for piece in [request] if name == "all at once" else [bytes([byte]) for byte in request]:
                await client.write(piece)
            assert (await client.answer())[0] == 101
            reading = asyncio.create_task(client.frames())
            said = frame(LINK) + frame("start_interview") + GOODBYE
            for piece in [said] if name == "all at once" else [bytes([byte]) for byte in said]:
                await client.write(piece)
                await asyncio.sleep(0)
            assert [opcode for opcode, _ in await reading][-1] == CLOSE

    asyncio.run(main())


@pytest.mark.parametrize(
    "begun", [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nA: b"]
)
def test_a_handshake_that_does_not_end_is_ended(begun: bytes) -> None:
    async def main() -> None:
        async with running(handshake=0.2) as served, raw(served.server.port) as client:
            await client.write(begun)
            assert (await client.answer())[0] in (0, 408, 400)
            async with asyncio.timeout(PATIENCE):
                while len(served.server._crowd):
                    await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_handshake_that_drips_is_ended_all_the_same() -> None:
    async def main() -> None:
        async with running(handshake=0.3) as served, raw(served.server.port) as client:
            reading = asyncio.create_task(client.answer())
            await client.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
            async with asyncio.timeout(PATIENCE):
                while not reading.done():
                    await client.write(b"A: b\r\n" if not reading.done() else b"")
                    await asyncio.sleep(0.1)
            assert (await reading)[0] != 101

    asyncio.run(main())


def test_compression_is_not_agreed_to_so_there_are_no_bombs() -> None:
    async def main() -> None:
        async with running() as served, raw(served.server.port) as client:
            offer = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
            host = ("Host", f"localhost:{served.server.port}")
            await client.write(opening(served.server.port, [host, offer]))
            status, headers = await client.answer()
            assert status == 101
            assert "sec-websocket-extensions" not in headers

    asyncio.run(main())


@pytest.mark.parametrize("said", [b"", frame(LINK), frame(LINK) + frame("start_interview"), head(50_000)])
def test_a_connection_that_is_reset_leaves_nothing(said: bytes) -> None:
    async def main() -> None:
        async with running() as served:
            async with opened(served.server.port) as eve:
                await eve.write(said)
                eve.abort()
            async with asyncio.timeout(PATIENCE):
                while served.server._connections or len(served.server._crowd) or served.engine.sessions:
                    await asyncio.sleep(0.01)

    asyncio.run(main())


# ------------------------------------------------------------------------------------------ newcomers


def test_of_those_who_say_nothing_the_oldest_make_room_and_who_talks_comes_in_and_stays() -> None:
    async def main() -> None:
        async with running(newcomers=4, connections=100) as served, served.connect() as ada:
            await ada.send(LINK)
            assert await exchange(ada, "start_interview") == CLEARED
            silent = [served.connect() for _ in range(10)]
            sockets = [await connect.__aenter__() for connect in silent]
            assert [(await closing(socket))[1] for socket in sockets[:6]] == [1013] * 6
            assert served.server._crowd.silent == 4
            async with served.connect() as bob:
                await bob.send(LINK)
                assert await exchange(bob, "start_interview") == CLEARED
            assert (await exchange(ada, "difficulty:easy")).startswith("Question asked:")
            for socket in sockets:
                await socket.close()

    asyncio.run(main())


def test_connections_that_say_nothing_at_all_make_room_too() -> None:
    async def main() -> None:
        async with running(newcomers=4) as served, served.connect() as ada:
            await ada.send(LINK)
            assert await exchange(ada, "start_interview") == CLEARED
            lines = [raw(served.server.port) for _ in range(20)]
            clients = [await line.__aenter__() for line in lines]
            for client in clients[:16]:
                assert await client.answer() == (0, {})
            async with served.connect() as bob:
                await bob.send(LINK)
                assert await exchange(bob, "start_interview") == CLEARED
            for line in lines:
                await line.__aexit__(None, None, None)

    asyncio.run(main())
