"""Who may come in: every Host with every Origin and every token, on this machine and where strangers are."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
from pathlib import Path

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus, NegotiationError
from websockets.typing import Subprotocol

from interview_fsm import access, door
from interview_fsm.door import Caller, Door, Refusal, select_subprotocol
from interview_fsm.errors import SettingError
from interview_fsm.listening import tls
from interview_fsm.server_settings import ServerSettings

from .certificates import Pair, certificate
from .raw import opening, raw
from .serving import running

__all__ = ["certificate"]

TOKEN = "Zk3_4x8mQv9Lr2TtY0aWcB"
PORT = 8765
HOME, OUT = "127.0.0.1", "198.51.100.7"

NEAR = ServerSettings(access_token=TOKEN, allow_hosts=("front.example",))


def far(pair: Pair) -> ServerSettings:
    return ServerSettings(
        addresses=("0.0.0.0",),
        tls=tls(pair.certificate, pair.key),
        access_token=TOKEN,
        allow_hosts=("front.example",),
        allow_origins=("https://partner.example",),
    )


HOSTS = {  # whether it is a name of the server at PORT
    "localhost:8765": True,
    "127.0.0.1:8765": True,
    "[::1]:8765": True,
    "LOCALHOST:8765": True,
    "front.example": True,
    "front.example:8765": True,
    "localhost": False,
    "localhost:80": False,
    "0.0.0.0:8765": False,
    "evil.example:8765": False,
    "localhost.evil.example:8765": False,
    "": False,
}
ORIGINS = {  # whether pages of it may connect: to the server on this machine, and to the one for strangers
    None: (True, True),
    "http://localhost:8765": (True, False),
    "https://localhost:8765": (False, True),
    "http://front.example": (True, False),
    "https://front.example": (False, True),
    "https://partner.example": (False, True),
    "null": (False, False),
    "https://evil.example": (False, False),
    "https://front.example.evil.example": (False, False),
    "https://FRONT.example": (False, False),
}


def subprotocol(token: str) -> str:
    return access.SUBPROTOCOL + base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


TOKENS = {
    "none": {},
    "header": {"Authorization": f"Bearer {TOKEN}"},
    "subprotocol": {"Sec-WebSocket-Protocol": f"interview-fsm.v1, {subprotocol(TOKEN)}"},
    "wrong": {"Authorization": f"Bearer {TOKEN[:-1]}C"},
}
MATRIX = list(itertools.product(HOSTS, ORIGINS, TOKENS, ("near", "far")))


def wanted(host: str, origin: str | None, token: str, bound: str) -> int | None:
    """The status that a handshake is refused with; None when it is not."""
    if not HOSTS[host]:
        return 421
    if not ORIGINS[origin][bound == "far"]:
        return 403
    if token == "wrong":
        return 401
    if bound == "far" and origin is None and token == "none":
        return 401
    return None


def test_every_handshake_there_can_be(certificate: Pair) -> None:
    doors = {"near": Door(NEAR, PORT), "far": Door(far(certificate), PORT)}
    refused = dict.fromkeys((None, 401, 403, 421), 0)
    for host, origin, token, bound in MATRIX:
        headers = Headers({"Host": host, "Upgrade": "websocket", **TOKENS[token]})
        if origin is not None:
            headers["Origin"] = origin
        met = doors[bound].look_at(headers, HOME if bound == "near" else OUT)
        status = int(met.status) if isinstance(met, Refusal) else None
        assert status == wanted(host, origin, token, bound), (host, origin, token, bound)
        if isinstance(met, Caller):
            assert met.has_token is (token != "none")
            assert met.is_counted is (bound == "far")
        refused[status] += 1
    assert len(MATRIX) == 960
    print(f"{len(MATRIX)} handshakes: {refused}")


# What a library on the way could spoil is tried over sockets, each decisive cell with one of its kind.
DECISIVE = [
    *((host, None, "none", "near") for host in HOSTS),
    *((host, "https://front.example", "header", "far") for host in HOSTS),
    *(("localhost:8765", origin, token, "near") for origin in ORIGINS for token in TOKENS),
    *(("front.example", origin, token, "far") for origin in ORIGINS for token in TOKENS),
    *(("evil.example:8765", origin, "header", bound) for origin in ORIGINS for bound in ("near", "far")),
]


def test_the_decisive_ones_over_sockets(certificate: Pair) -> None:
    async def knock(port: int, cell: tuple[str, str | None, str, str]) -> int | None:
        host, origin, token, bound = cell
        given = [("Host", host), *TOKENS[token].items(), *([("Origin", origin)] if origin else [])]
        given = [(name, value.replace("8765", str(port))) for name, value in given]
        async with raw(port, certificate.trusting() if bound == "far" else None) as client:
            await client.write(opening(port, given))
            status, headers = await client.answer()
        if status == 101:
            chosen = "interview-fsm.v1" if token == "subprotocol" else None
            assert headers.get("sec-websocket-protocol") == chosen
            return None
        assert "default-src 'none'" in headers["content-security-policy"]
        return status

    async def main() -> None:
        # On loopback, yet open to strangers: a proxy of it is named.
        away = {
            "addresses": ("127.0.0.1",),
            "trusted_proxies": ("203.0.113.9",),
            "tls": tls(certificate.certificate, certificate.key),
            "allow_origins": ("https://partner.example",),
        }
        named = {"access_token": TOKEN, "allow_hosts": ("front.example",)}
        async with running(**named) as near, running(**named, **away) as distant:
            tried = 0
            for cell in DECISIVE:
                served = distant if cell[3] == "far" else near
                met = await knock(served.server.port, cell)
                assert met == wanted(*cell), cell
                tried += 1
            assert tried >= 120
            assert near.engine.sessions == distant.engine.sessions == 0
            print(f"{tried} handshakes over sockets")

    asyncio.run(main())


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_a_header_that_counts_may_not_come_twice(name: str) -> None:
    headers = Headers({"Host": "localhost:8765", "Origin": "http://localhost:8765"})
    headers[name] = headers[name]
    assert isinstance(Door(ServerSettings(), PORT).look_at(headers, HOME), Refusal)


def test_a_request_without_a_host_is_refused() -> None:
    assert isinstance(Door(ServerSettings(), PORT).look_at(Headers(), HOME), Refusal)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({}, []),
        ({"Authorization": "Bearer abc"}, ["abc"]),
        ({"Authorization": "bearer  abc "}, ["abc"]),
        ({"Authorization": "Basic YWJj"}, []),
        ({"Authorization": "Bearer"}, [""]),
        ({"Sec-WebSocket-Protocol": "interview-fsm.v1"}, []),
        ({"Sec-WebSocket-Protocol": "interview-fsm.token.YWJj , interview-fsm.v1"}, ["abc"]),
        ({"Sec-WebSocket-Protocol": "interview-fsm.token.YWI"}, ["ab"]),
        ({"Sec-WebSocket-Protocol": "interview-fsm.token."}, [""]),
        ({"Sec-WebSocket-Protocol": "interview-fsm.token.%%%"}, [""]),
        ({"Sec-WebSocket-Protocol": "interview-fsm.token._w"}, [""]),
        ({"Authorization": "Bearer a", "Sec-WebSocket-Protocol": "interview-fsm.token.Yg"}, ["a", "b"]),
    ],
)
def test_a_token_is_read_from_the_handshake(given: dict[str, str], read: list[str]) -> None:
    assert list(access.tokens_in(Headers(given))) == read


def test_one_wrong_token_spoils_a_right_one() -> None:
    headers = Headers({"Host": "localhost:8765", **TOKENS["subprotocol"], **TOKENS["wrong"]})
    assert Door(NEAR, PORT).look_at(headers, HOME) == door.WRONG_TOKEN


def test_where_no_token_is_needed_none_is_wrong() -> None:
    headers = Headers({"Host": "localhost:8765", **TOKENS["wrong"]})
    assert Door(ServerSettings(), PORT).look_at(headers, HOME) == Caller(HOME, False, False)


@pytest.mark.parametrize("given", ["", TOKEN[:-1], TOKEN + " ", TOKEN.lower(), "\ud800", "é", "\0"])
def test_only_the_token_is_the_token(given: str) -> None:
    assert not access.matches(TOKEN, given)
    assert access.matches(TOKEN, TOKEN)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([], None),
        (["interview-fsm.v1"], "interview-fsm.v1"),
        (["chat", "interview-fsm.v1"], "interview-fsm.v1"),
        ([subprotocol(TOKEN), "interview-fsm.v1"], "interview-fsm.v1"),
        (["interview-fsm.v2", "chat"], "interview-fsm.v2"),
        ([subprotocol(TOKEN), "chat"], "chat"),
    ],
)
def test_the_token_is_never_the_subprotocol_that_is_chosen(offered: list[str], chosen: str | None) -> None:
    assert select_subprotocol(None, [Subprotocol(each) for each in offered]) == chosen


def test_a_token_alone_is_no_subprotocol() -> None:
    with pytest.raises(NegotiationError):
        select_subprotocol(None, [Subprotocol(subprotocol(TOKEN))])


def test_at_the_usual_port_a_host_needs_none(certificate: Pair) -> None:
    at_home = Door(ServerSettings(), 80)
    assert isinstance(
        at_home.look_at(Headers({"Host": "localhost", "Origin": "http://localhost"}), HOME), Caller
    )
    secure = Door(far(certificate), 443)
    given = Headers({"Host": "front.example", "Origin": "https://front.example", "Upgrade": "websocket"})
    assert isinstance(secure.look_at(given, OUT), Caller)


def test_an_address_that_is_listened_at_is_a_name_too(certificate: Pair) -> None:
    settings = ServerSettings(
        addresses=("192.0.2.1", "2001:db8::1"), tls=tls(certificate.certificate, certificate.key)
    )
    inside = Door(settings, PORT, knows_callers=True)
    for name in ("192.0.2.1:8765", "[2001:db8::1]:8765"):
        given = Headers({"Host": name, "Origin": f"https://{name}", "Upgrade": "websocket"})
        assert isinstance(inside.look_at(given, OUT), Caller)


def test_the_home_of_a_server_is_the_name_that_people_reach_it_by(certificate: Pair) -> None:
    pair = tls(certificate.certificate, certificate.key)
    for settings, home in {
        ServerSettings(): "http://localhost:8765",
        ServerSettings(tls=pair): "https://localhost:8765",
        far(certificate): "https://front.example:8765",
        ServerSettings(
            addresses=("2001:db8::1",), tls=pair, access_token=TOKEN
        ): "https://[2001:db8::1]:8765",
        ServerSettings(
            trusted_proxies=("10.0.0.1",), access_token=TOKEN, allow_hosts=("front.example",)
        ): "https://front.example",
        ServerSettings(
            trusted_proxies=("10.0.0.1",), access_token=TOKEN, allow_hosts=("front.example:9",)
        ): "https://front.example:9",
    }.items():
        assert Door(settings, PORT).home == home


# ------------------------------------------------------------------------------- a token that is in a file


def test_a_token_is_read_from_a_file_that_nobody_else_can_read(tmp_path: Path) -> None:
    file = tmp_path / "token"
    for written, read in {b"the-token\n": "the-token", "  gr\u00fcn ".encode(): "gr\u00fcn"}.items():
        file.write_bytes(written)
        file.chmod(0o600)
        assert access.read(file) == read


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o777])
@pytest.mark.skipif(os.name != "posix", reason="files have no such modes here")
def test_a_file_that_others_can_get_at_is_no_place_for_a_token(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(mode)
    with pytest.raises(SettingError, match="chmod 600") as raised:
        access.read(file)
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"", "no access token"),
        (b" \n", "no access token"),
    ],
)
def test_a_file_without_a_token_is_said_to_be_so(tmp_path: Path, written: bytes | None, why: str) -> None:
    file = tmp_path / "token"
    if written is not None:
        file.write_bytes(written)
        file.chmod(0o600)
    with pytest.raises(SettingError, match=why):
        access.read(file)


# ---------------------------------------------------------------------------------- what cannot be set


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"addresses": ("0.0.0.0",)}, "--tls-cert"),
        ({"addresses": ("127.0.0.1", "192.0.2.1")}, "--tls-cert"),
        ({"addresses": ("::",), "allow_hosts": ("a.example",)}, "--trusted-proxy"),
        ({"addresses": ("0.0.0.0",), "trusted_proxies": ("192.0.2.9",)}, "--allow-host"),
        ({"addresses": ("somewhere.example",)}, "addresses such as"),
        ({"trusted_proxies": ("everywhere",)}, "neither"),
        ({"trusted_proxies": ("0.0.0.0/0",)}, "everybody"),
        ({"trusted_proxies": ("::/0",)}, "everybody"),
        ({"trusted_proxies": ("10.0.0.1/8",)}, "neither"),
        ({"allow_origins": ("*",)}, "no origin"),
        ({"allow_origins": ("null",)}, "no origin"),
        ({"allow_origins": ("https://a.example/",)}, "no origin"),
        ({"allow_origins": ("a.example",)}, "no origin"),
        ({"access_token": "has a space"}, "without spaces"),
        ({"access_token": "naïve"}, "without spaces"),
        ({"trusted_proxies": ("192.0.2.9",), "access_token": "short", "allow_hosts": ("a.example",)}, "22"),
    ],
)
def test_a_setting_that_protects_nobody_is_refused(settings: dict[str, object], why: str) -> None:
    with pytest.raises(SettingError, match=why):
        ServerSettings(**settings)  # type: ignore[arg-type]


def test_strangers_need_a_token_or_somebody_who_knows_them() -> None:
    async def main() -> None:
        settings = {"trusted_proxies": ("192.0.2.9",), "allow_hosts": ("a.example",)}
        with pytest.raises(SettingError, match="INTERVIEW_FSM_ACCESS_TOKEN"):
            async with running(**settings):
                pass
        async with running(**settings, authenticate=lambda request: request.headers.get("X-User")) as served:
            with pytest.raises(InvalidStatus):
                await served.connect().__aenter__()
            async with served.connect(additional_headers={"X-User": "ada"}):
                pass

    asyncio.run(main())


def test_the_settings_do_not_show_the_token() -> None:
    assert TOKEN not in repr(NEAR)
    assert TOKEN not in str(NEAR)
