"""For whom a proxy asks: its word counts when it was named, and the client's own never does."""

from __future__ import annotations

import asyncio

import pytest
from websockets.datastructures import Headers

from interview_fsm.proxies import Contradiction, Proxies, is_loopback, parse

from .raw import opening, raw
from .serving import running

PROXY, INNER, CLIENT, INVENTED = "192.0.2.1", "10.0.0.7", "198.51.100.7", "8.8.8.8"
TRUSTED = Proxies([PROXY, "10.0.0.0/24", "2001:db8:1::/64"])


def said(*pairs: tuple[str, str]) -> Headers:
    return Headers(list(pairs))


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        (CLIENT, [], CLIENT),
        (CLIENT, [("X-Forwarded-For", INVENTED)], CLIENT),
        (CLIENT, [("Forwarded", f"for={INVENTED}")], CLIENT),
        (PROXY, [], PROXY),
        (PROXY, [("X-Forwarded-For", CLIENT)], CLIENT),
        (PROXY, [("X-Forwarded-For", f"{INVENTED}, {CLIENT}")], CLIENT),
        (PROXY, [("X-Forwarded-For", f"{INVENTED}"), ("X-Forwarded-For", CLIENT)], CLIENT),
        (PROXY, [("X-Forwarded-For", f"{INVENTED}, {CLIENT}, {INNER}")], CLIENT),
        (PROXY, [("X-Forwarded-For", f"{CLIENT}:51234")], CLIENT),
        (PROXY, [("X-Forwarded-For", "[2001:db8::7]:443")], "2001:db8::7"),
        (PROXY, [("X-Forwarded-For", "::ffff:198.51.100.7")], CLIENT),
        (PROXY, [("X-Forwarded-For", "unknown")], PROXY),
        (PROXY, [("X-Forwarded-For", f"{INVENTED}, nonsense")], PROXY),
        (PROXY, [("X-Forwarded-For", f"{CLIENT}, unknown, {INNER}")], INNER),
        (PROXY, [("X-Forwarded-For", "")], PROXY),
        (PROXY, [("X-Forwarded-For", f"{INNER}")], INNER),
        (PROXY, [("Forwarded", f"for={CLIENT};proto=https;by={PROXY}")], CLIENT),
        (PROXY, [("Forwarded", f'for={INVENTED}, For="{CLIENT}:4711"')], CLIENT),
        (PROXY, [("Forwarded", 'for="[2001:db8::7]:4711"')], "2001:db8::7"),
        (PROXY, [("Forwarded", f"for={INVENTED}"), ("Forwarded", f"proto=https; for={CLIENT}")], CLIENT),
        (PROXY, [("Forwarded", "for=_hidden")], PROXY),
        (PROXY, [("Forwarded", "proto=https")], PROXY),
        (PROXY, [("X-Forwarded-For", CLIENT), ("Forwarded", f"for={CLIENT}")], CLIENT),
        ("2001:db8:1::5", [("X-Forwarded-For", CLIENT)], CLIENT),
        ("2001:db8:2::5", [("X-Forwarded-For", CLIENT)], "2001:db8:2::5"),
        ("::ffff:192.0.2.1", [("X-Forwarded-For", CLIENT)], CLIENT),
        ("10.0.1.7", [("X-Forwarded-For", CLIENT)], "10.0.1.7"),
        ("", [("X-Forwarded-For", CLIENT)], ""),
    ],
)
def test_the_client_is_the_nearest_that_is_no_proxy_of_ours(
    peer: str, headers: list[tuple[str, str]], client: str
) -> None:
    assert TRUSTED.client(peer, said(*headers)) == client


def test_two_headers_that_differ_are_believed_neither() -> None:
    with pytest.raises(Contradiction):
        TRUSTED.client(PROXY, said(("X-Forwarded-For", CLIENT), ("Forwarded", f"for={INVENTED}")))


@pytest.mark.parametrize(
    ("peer", "headers", "in_clear"),
    [
        (PROXY, [], False),
        (PROXY, [("X-Forwarded-Proto", "https")], False),
        (PROXY, [("X-Forwarded-Proto", "wss")], False),
        (PROXY, [("X-Forwarded-Proto", "http")], True),
        (PROXY, [("X-Forwarded-Proto", "WS")], True),
        (PROXY, [("X-Forwarded-Proto", "https, http")], True),
        (PROXY, [("Forwarded", f"for={CLIENT};proto=http")], True),
        (CLIENT, [("X-Forwarded-Proto", "http")], False),
    ],
)
def test_a_proxy_may_say_that_its_client_came_in_clear(
    peer: str, headers: list[tuple[str, str]], in_clear: bool
) -> None:
    assert TRUSTED.came_in_clear(peer, said(*headers)) is in_clear


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]:80", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("1.2.3", None),
        ("127.1", None),
        ("0x7f.0.0.1", None),
        ("localhost", None),
        ("", None),
    ],
)
def test_an_address_is_read_as_it_is_written(text: str, address: str | None) -> None:
    assert (str(parse(text)) if address else parse(text)) == address


def test_loopback_is_this_machine_however_it_is_written() -> None:
    here = ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1")
    assert [is_loopback(text) for text in (*here, "192.0.2.1", "localhost", "")] == [True] * 4 + [False] * 3


# ------------------------------------------------------------------------------------ over sockets

STRANGERS = {
    "trusted_proxies": ("127.0.0.0/8",),
    "allow_hosts": ("interview.example",),
    "access_token": "Zk3_4x8mQv9Lr2TtY0aWcB",
}


async def status_of(port: int, *headers: tuple[str, str]) -> int:
    async with raw(port) as client:
        named = [("Host", "interview.example"), ("Origin", "https://interview.example"), *headers]
        await client.write(opening(port, named))
        return (await client.answer())[0]


def test_behind_a_proxy_clients_are_counted_by_their_own_address() -> None:
    async def main() -> None:
        async with running(**STRANGERS, visit_burst=2, visit_rate=1e-6) as served:
            port = served.server.port
            for client in ("198.51.100.1", "198.51.100.2", "2001:db8::1"):
                came = ("X-Forwarded-For", client)
                assert [await status_of(port, came) for _ in range(3)] == [101, 101, 429]
            neighbour = ("X-Forwarded-For", "2001:db8::beef")  # of the same /64, which is one client's
            assert await status_of(port, neighbour) == 429
            invented = ("X-Forwarded-For", "203.0.113.5, 198.51.100.1")
            assert await status_of(port, invented) == 429
            assert [await status_of(port) for _ in range(5)] == [101] * 5, "this machine is not counted"

    asyncio.run(main())


def test_behind_a_proxy_nobody_comes_in_clear_or_with_two_stories() -> None:
    async def main() -> None:
        async with running(**STRANGERS) as served:
            port = served.server.port
            assert await status_of(port, ("X-Forwarded-Proto", "http")) == 403
            twice = [("X-Forwarded-For", "198.51.100.1"), ("Forwarded", "for=198.51.100.2")]
            assert await status_of(port, *twice) == 400
            assert await status_of(port, ("X-Forwarded-Proto", "https")) == 101

    asyncio.run(main())
