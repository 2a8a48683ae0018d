"""Strangers of two addresses who hold what is shared for as long as they may, and an honest one of a third.

Nothing here is measured: what the strangers bring ends when the test says so, and until then whoever waits
for it waits for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any, NamedTuple

import pytest

from interview_fsm import turns
from interview_fsm.resume.fetch import Fetcher, FetchPolicy
from interview_fsm.resume.reader import Reader

from .loopback import document, loopback, reply, silence
from .make_resumes import FOLDER
from .serving import running
from .test_bounds import BEARER, STRANGERS
from .test_reader import HANGS, LONG, children, until
from .test_v1_wire import upload
from .v1_client import Client, client, schema_of

GOOD = (FOLDER / "one_column.pdf").read_bytes()
ATTACKERS = ("198.51.100.1", "198.51.100.2")
ENOUGH = 3
"""Interviews of each: one whose turn it is, and others that wait."""


class Ways(NamedTuple):
    """How a résumé is brought: one that hangs, one that is good, and how many that hang have their turn."""

    hangs: Callable[[Client], Any]
    good: Callable[[Client], Any]
    at_work: Callable[[], int]
    fetcher: Fetcher
    reader: Reader


@asynccontextmanager
async def documents() -> AsyncIterator[Ways]:
    def sent(data: bytes) -> Callable[[Client], Any]:
        async def send(who: Client) -> dict[str, Any]:
            return {"upload": await upload(who, data)}

        return send

    async with aclosing(Fetcher()) as fetcher, aclosing(Reader(wall=LONG, cpu=int(LONG))) as reader:
        yield Ways(sent(HANGS), sent(GOOD), lambda: len(children()), fetcher, reader)


@asynccontextmanager
async def links() -> AsyncIterator[Ways]:
    def sent(place: str) -> Callable[[Client], Any]:
        async def send(_: Client) -> dict[str, Any]:
            return {"url": f"http://{place}/cv"}

        return send

    async with loopback(silence) as quiet, loopback(reply(document(b"Ada", "text/plain"))) as good:
        allowed = FetchPolicy.allowing([quiet.place, good.place])
        policy = FetchPolicy(allow=allowed.allow, read=2 * LONG, total=2 * LONG)
        async with aclosing(Fetcher(policy)) as fetcher, aclosing(Reader()) as reader:
            yield Ways(sent(quiet.place), sent(good.place), lambda: quiet.here, fetcher, reader)


@pytest.mark.parametrize("ways", [documents, links])
def test_two_addresses_that_hold_all_they_may_keep_nobody_else_waiting(
    ways: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONG", 0.0)  # else each of theirs would have to last four seconds

    async def main() -> None:
        async with (
            ways() as way,
            running(fetcher=way.fetcher, reader=way.reader, **STRANGERS) as served,
            AsyncExitStack() as stack,
        ):
            schema = await schema_of(served)

            async def come(address: str) -> Client:
                headers = {**BEARER, "X-Forwarded-For": address}
                who = await stack.enter_async_context(client(served, schema, additional_headers=headers))
                await who.create()
                return who

            async def attack(address: str) -> list[Client]:
                them = [await come(address) for _ in range(ENOUGH)]
                for who in them:
                    await asks(who, way.hangs)
                return them

            async def asks(who: Client, for_one: Callable[[Client], Any]) -> None:
                await who.say("set_resume", **await for_one(who))
                await who.until("progress")

            one = await attack(ATTACKERS[0])
            await until(lambda: way.at_work() == 1)
            first = await come("203.0.113.1")
            await asks(first, way.good)
            await first.until("resume_read")

            two = await attack(ATTACKERS[1])
            await until(lambda: way.at_work() == 2)
            second = await come("203.0.113.2")
            await asks(second, way.good)
            await one[0].say("cancel", task="resume")
            await second.until("resume_read")

            # by now both are known for what they bring
            await two[0].say("cancel", task="resume")
            assert (await two[0].error())["code"] == "cancelled"
            await until(lambda: way.at_work() == 1)
            third = await come("203.0.113.3")
            await asks(third, way.good)
            await third.until("resume_read")
            assert way.at_work() == 1
            theirs = [event["type"] for who in (*one, *two) for event in who.heard]
            assert "resume_read" not in theirs

    asyncio.run(main())
