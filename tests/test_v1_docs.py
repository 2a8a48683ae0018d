"""docs/json-v1.md: its tables are the schema's, and its examples speak to real servers."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from sybil.document import Document
from sybil.parsers.markdown import PythonCodeBlockParser
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidStatus

from interview_fsm import messages, protocol
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Engine
from interview_fsm.seats import Seats
from interview_fsm.server import Server, ServerSettings
from interview_fsm.testing import ScriptedInterviewer
from interview_fsm.views import WITHOUT_MODEL

from .serving import Library, running
from .v1_client import schema_of

PAGE = Path(__file__).parents[1] / "docs" / "json-v1.md"


def rows(heading: str) -> dict[str, str]:
    """The tables under *heading*: the first column's word, and the second."""
    section = PAGE.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `?([\w, ]+?)`? \|(.*?)\|", section, re.MULTILINE)
    return {word: rest for word, rest in found if word not in ("command", "event", "code", "close code")}


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    """What the page's Python defines; running it has conducted an interview already."""
    document = Document.parse(str(PAGE), PythonCodeBlockParser())
    for example in document.examples():
        example.evaluate()
    return SimpleNamespace(**document.namespace)


@pytest.mark.parametrize(("heading", "half"), [("Commands", "commands"), ("Events", "events")])
def test_the_page_has_every_message_with_every_field_of_the_schema(heading: str, half: str) -> None:
    async def names() -> dict[str, Any]:
        async with running() as served:
            return (await schema_of(served)).names(half)

    published = asyncio.run(names())
    listed = rows(heading)
    assert set(listed) == set(published)
    for name, said in listed.items():
        if name == "session_resumed":  # in words
            continue
        fields = set(re.findall(r"`(\w+\??)`", said.partition("(")[0].partition(";")[0])) - {"in_reply_to?"}
        properties = set(published[name]["properties"]) - {"type", "id", "in_reply_to"}
        required = set(published[name]["required"])
        assert fields == {each if each in required else f"{each}?" for each in properties}, name


def test_what_is_resumed_is_a_snapshot_and_what_is_told_of_the_server() -> None:
    fields = {name: set(getattr(messages, name).__struct_fields__) for name in (
        "Snapshot", "SessionCreated", "SessionResumed",
    )}  # fmt: skip
    assert fields["SessionResumed"] == fields["Snapshot"] | fields["SessionCreated"] - {"token"}


def test_the_page_says_of_every_code_when_it_comes() -> None:
    listed = rows("When something is wrong")
    codes = {word for word in listed if not re.fullmatch(r"[\d, ]+", word)}
    assert codes == set(get_args(messages.ErrorCode))
    closing = {int(code) for word in set(listed) - codes for code in word.split(",")}
    ours = {value for name, value in vars(protocol).items() if name.startswith("CLOSE_")}
    assert ours <= closing


def test_the_example_is_let_in_and_nobody_else_is(page: SimpleNamespace) -> None:
    async def main() -> None:
        library = Library()
        async with (
            Engine(MemoryStorage(), ScriptedInterviewer()) as engine,
            Server(
                engine,
                fetcher=library,
                reader=library,
                settings=ServerSettings(port=0),
                authenticate=page.authenticate,
            ) as server,
        ):
            for headers in ({}, {"Authorization": "Bearer open"}):
                with pytest.raises(InvalidStatus) as refused:
                    await page.interview(server.url, additional_headers=headers)
                assert refused.value.response.status_code == 401
            kept = await page.interview(server.url, additional_headers={"Authorization": "Bearer sesame"})
            assert kept["report"]

    asyncio.run(main())


def test_the_conduct_alone_on_a_socket_of_ones_own_holds_the_same_interview(page: SimpleNamespace) -> None:
    async def main() -> None:
        library = Library()

        class Shelf:
            async def fetch(self, url: str, *, client: str) -> bytes:
                return (await library.fetch(url)).data

            read = library.read

        async with Engine(MemoryStorage(), ScriptedInterviewer()) as engine:
            seats = Seats(engine)
            host = page.Host(engine=engine, seats=seats, library=Shelf(), disclosure=WITHOUT_MODEL)

            async def handle(socket: ServerConnection) -> None:
                close = await page.connection(host, socket, socket.send, "mara")
                if close is not None:
                    await socket.close(close.code, close.reason)

            async with serve(handle, "127.0.0.1", 0, subprotocols=page.V1, compression=None) as listener:
                url = f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
                kept = await page.interview(url)
                assert page.ANSWER in kept["report"]
                assert [head.owner async for head in engine.storage.interviews()] == ["mara"]
                assert (await page.erase(url, kept))["answers"] == 2
                async with connect(url, subprotocols=page.V1) as socket:
                    await socket.send("{}")
                    assert "bad_message" in str(await socket.recv())
            await seats.aclose()

    asyncio.run(main())
