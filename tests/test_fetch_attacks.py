"""Servers, names and links that attack the fetcher: whom it speaks to, for how long, how much it takes.

Everything here runs in memory and under virtual time, with the limits that a server really has; that the same
conduct is seen over real sockets is for ``test_fetch``.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from itertools import product
from typing import NamedTuple

import pytest

from interview_fsm.errors import ResumeError
from interview_fsm.resume.fetch import OVERHEAD, READ, Fetched, Fetcher, FetchPolicy
from interview_fsm.testing import run

from .loopback import Behaviour, Names, Recording, Simulated, document, for_ever, head, reply, silence
from .test_fetch import FOUND, OTHER, PDF, PUBLIC, V6, assert_sealed, to
from .test_links import OPENED, REFUSED

POLICY = FetchPolicy()
# the usual context is made in a thread, and virtual time waits for none
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
EDGE = 4 * READ
"""Bytes within which a reply that is refused by its headers alone is refused."""


class End(NamedTuple):
    """How a fetch ended, when, and what it had cost."""

    kind: str
    seconds: float
    received: int


async def fetched(behaviour: Behaviour, names: Names | None = None) -> End:
    network = Simulated(behaviour)
    fetcher = Fetcher(resolve=names or Names.of({"cv.example": [PUBLIC]}), backend=network)
    try:
        kind = (await fetcher.fetch("http://cv.example/cv.pdf")).media_type
    except ResumeError as error:
        assert_sealed(error)
        kind = f"{error.code} {error.kind}"
    await fetcher.aclose()
    assert all(stream.closed for stream in network.streams)
    assert {address for address, _ in network.connected} <= {PUBLIC}
    return End(kind, asyncio.get_running_loop().time(), network.received)


# --- what a server may send: (what it does, the end, seconds, bytes taken at most) ---

PDF_HEAD = head(200, "Content-Type: application/pdf")
CHUNKED = head(200, "Content-Type: application/pdf", "Transfer-Encoding: chunked")
TINY = document(b"%PDF-1.7")
BLOCK = b"%PDF-" + b"a" * 4091
TOO_MUCH = POLICY.size + OVERHEAD + READ
ZEROS = gzip.compress(b"%PDF-" + bytes(50_000_000), mtime=0)
BOMB = [ZEROS] * 205
"""10 GB in 10 MB: 205 members of one gzip file."""
RAW_BOMB = zlib.compress(bytes(50_000_000))


def encoded(coding: str, parts: list[bytes] = BOMB) -> Behaviour:
    length = f"Content-Length: {sum(map(len, parts))}"
    return reply(head(200, "Content-Type: application/pdf", f"Content-Encoding: {coding}", length), *parts)


def piecemeal(data: bytes, every: float) -> Behaviour:
    """One byte at a time."""

    async def behave(_: object, writer: asyncio.StreamWriter) -> None:
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(every)

    return behave


def then_silence(data: bytes) -> Behaviour:
    async def behave(reader: object, writer: object) -> None:
        await reply(data)(reader, writer)  # type: ignore[arg-type]
        await silence(reader, writer)  # type: ignore[arg-type]

    return behave


PROTOCOL = "resume_unreachable protocol"
ENCODING = "resume_not_pdf encoding"
SENT: dict[str, tuple[Behaviour, str, float, int]] = {
    # nothing wrong
    "a PDF": (reply(document(PDF)), "application/pdf", 0, EDGE),
    "a PDF of the largest size": (
        reply(document(b"%PDF-".ljust(POLICY.size, b" "))),
        "application/pdf",
        0,
        TOO_MUCH,
    ),
    "a PDF, a byte at a time": (
        piecemeal(TINY, 0.2), "application/pdf", 0.2 * (len(TINY) - 1), EDGE,
    ),
    "hints before the PDF": (
        reply(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 500, document(PDF)), "application/pdf", 0, 20 * READ,
    ),
    # slow
    "silence": (silence, "resume_timeout read", 5, 0),
    "silence after the status line": (then_silence(b"HTTP/1.1 200 OK\r\n"), "resume_timeout read", 5, EDGE),
    "silence after the headers": (then_silence(PDF_HEAD), "resume_timeout read", 5, EDGE),
    "silence before the last byte": (then_silence(document(PDF)[:-1]), "resume_timeout read", 5, EDGE),
    "silence before the last chunk": (
        then_silence(CHUNKED + b"5\r\n%PDF-\r\n"), "resume_timeout read", 5, EDGE,
    ),
    "a drip of a status line": (
        piecemeal(b"HTTP/1.1 200 " + b"O" * 99, 4.9), "resume_timeout total", 20, EDGE,
    ),
    "a drip of headers": (
        for_ever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 4.9), "resume_timeout total", 20, EDGE,
    ),
    "a drip of a body": (for_ever(PDF_HEAD + b"%PDF-", b"x", 0.5), "resume_timeout total", 20, EDGE),
    "a drip of chunks": (for_ever(CHUNKED, b"1\r\n%\r\n", 4.9), "resume_timeout total", 20, EDGE),
    "a drip of hints": (
        for_ever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 1), "resume_timeout total", 20, EDGE,
    ),
    "a slow redirect each time": (
        piecemeal(to("/again"), 0.15), "resume_timeout total", 20, EDGE,
    ),
    "silence after enough to see that it is no PDF": (
        then_silence(PDF_HEAD + b" " * 1024), "resume_not_pdf type", 0, EDGE,
    ),
    "silence before enough to see that it is no PDF": (
        then_silence(PDF_HEAD + b" " * 1023), "resume_timeout read", 5, EDGE,
    ),
    # endless
    "an endless body": (for_ever(PDF_HEAD, BLOCK), "resume_too_large size", 0, TOO_MUCH),
    "an endless chunked body": (
        for_ever(CHUNKED, b"1000\r\n" + BLOCK + b"\r\n"), "resume_too_large size", 0, TOO_MUCH,
    ),
    "one endless chunk": (
        for_ever(CHUNKED + b"fffffffff\r\n", BLOCK), "resume_too_large size", 0, TOO_MUCH,
    ),
    "an endless body that is no PDF": (for_ever(PDF_HEAD, b"<p>" * 99), "resume_not_pdf type", 0, EDGE),
    "endless chunk extensions": (for_ever(CHUNKED + b"5;", b"a=b;" * 999), PROTOCOL, 0, OVERHEAD + EDGE),
    "endless tiny chunks with extensions": (
        for_ever(CHUNKED + b"5\r\n%PDF-\r\n", b"1;" + b"e" * 200 + b"\r\nx\r\n"),
        "resume_too_large overhead", 0, OVERHEAD + EDGE,
    ),
    "endless trailers": (
        for_ever(CHUNKED + b"5\r\n%PDF-\r\n0\r\n", b"X: y\r\n" * 99), PROTOCOL, 0, OVERHEAD + EDGE,
    ),
    "an endless status line": (for_ever(b"HTTP/1.1 200 ", b"O" * 999), PROTOCOL, 0, OVERHEAD + EDGE),
    "an endless header": (for_ever(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 999), PROTOCOL, 0, OVERHEAD + EDGE),
    "endless headers": (for_ever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 99), PROTOCOL, 0, OVERHEAD + EDGE),
    "endless hints": (
        for_ever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n" * 99),
        "resume_too_large overhead", 0, OVERHEAD + EDGE,
    ),
    "an endless page for an error": (for_ever(head(404), BLOCK), "resume_unreachable status", 0, EDGE),
    "an endless page with a redirect": (
        for_ever(head(302, "Location: /b"), BLOCK), "resume_unreachable redirects", 0, 4 * EDGE,
    ),
    # compressed
    "10 GB of zeros, gzip": (encoded("gzip"), ENCODING, 0, EDGE),
    "10 GB of zeros, x-gzip": (encoded("x-gzip"), ENCODING, 0, EDGE),
    "10 GB of zeros, GZIP twice": (encoded("GZIP, gzip"), ENCODING, 0, EDGE),
    "10 GB of zeros behind identity": (encoded("identity, gzip"), ENCODING, 0, EDGE),
    "zeros, deflate": (encoded("deflate", [RAW_BOMB]), ENCODING, 0, EDGE),
    "zeros, br, zstd": (encoded("br, zstd", [b"\x28\xb5\x2f\xfd"]), ENCODING, 0, EDGE),
    "10 GB of zeros as transfer coding": (
        reply(head(200, "Transfer-Encoding: gzip, chunked"), *BOMB), PROTOCOL, 0, EDGE,
    ),
    "10 GB of zeros that nobody calls compressed": (
        reply(PDF_HEAD, *BOMB), "resume_not_pdf type", 0, EDGE,
    ),
    "two codings in two headers": (
        reply(head(200, "Content-Encoding: identity", "Content-Encoding: gzip"), *BOMB), ENCODING, 0, EDGE,
    ),
    # lies about the length
    "a length of 10^12": (
        for_ever(head(200, "Content-Length: 1000000000000"), BLOCK), "resume_too_large size", 0, EDGE,
    ),
    "a length of one over the limit": (
        for_ever(head(200, f"Content-Length: {POLICY.size + 1}"), BLOCK), "resume_too_large size", 0, EDGE,
    ),
    "a length below nothing": (reply(head(200, "Content-Length: -1"), PDF), PROTOCOL, 0, EDGE),
    "a length of 5,000 digits": (reply(head(200, "Content-Length: " + "9" * 5000), PDF), PROTOCOL, 0, EDGE),
    "a length in hex": (reply(head(200, "Content-Length: 0x10"), PDF), PROTOCOL, 0, EDGE),
    "a length in another script": (reply(head(200, "Content-Length: ٣"), PDF), PROTOCOL, 0, EDGE),
    "two lengths": (
        reply(head(200, "Content-Length: 5", "Content-Length: 6"), b"%PDF-1"), PROTOCOL, 0, EDGE,
    ),
    "less than it said": (reply(document(PDF)[:-10]), PROTOCOL, 0, EDGE),
    "a chunk of less than it said": (reply(CHUNKED + b"1000\r\n%PDF-"), PROTOCOL, 0, EDGE),
    "a chunk of 10^20": (reply(CHUNKED + b"f" * 25 + b"\r\n%PDF-"), PROTOCOL, 0, EDGE),
    # not HTTP
    "nothing": (reply(), PROTOCOL, 0, 0),
    "the beginning of TLS": (reply(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), PROTOCOL, 0, EDGE),
    "HTTP/2": (reply(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80"), PROTOCOL, 0, EDGE),
    "HTTP/0.9": (reply(PDF), PROTOCOL, 0, EDGE),
    "another protocol": (reply(head(101, "Upgrade: x", "Connection: upgrade")), PROTOCOL, 0, EDGE),
    "a header with a null": (reply(b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n%PDF-"), PROTOCOL, 0, EDGE),
    "a status of four digits": (reply(b"HTTP/1.1 2000 OK\r\n\r\n%PDF-"), PROTOCOL, 0, EDGE),
    "200,000 headers": (reply(head(200, *["X: y"] * 200_000)), PROTOCOL, 0, OVERHEAD + EDGE),
    # not a résumé
    "a web page called PDF": (reply(document(b"<html>" + b"a" * 99_999)), "resume_not_pdf type", 0, EDGE),
    "the mark too late": (reply(document(b" " * 1020 + PDF * 99)), "resume_not_pdf type", 0, EDGE),
    "a part of it": (reply(head(206, "Content-Range: bytes 0-9/99")), "resume_unreachable status", 0, EDGE),
    "no content": (reply(head(204)), "resume_unreachable status", 0, EDGE),
}  # fmt: skip


@pytest.mark.parametrize("name", SENT)
def test_a_reply_costs_no_more_time_and_bytes_than_the_limits(name: str) -> None:
    behaviour, end, seconds, most = SENT[name]
    found = run(fetched(behaviour))
    assert found.kind == end
    assert found.seconds == pytest.approx(seconds)
    assert found.received <= most


def test_closing_ends_at_once_what_a_silent_server_holds_and_what_waits_for_its_turn() -> None:
    async def scene() -> None:
        network = Simulated(silence)
        fetcher = Fetcher(resolve=Names.of({"cv.example": [PUBLIC]}), backend=network)

        async def end() -> tuple[str, float]:
            with pytest.raises(ResumeError) as raised:
                await fetcher.fetch("http://cv.example/")
            return raised.value.kind, asyncio.get_running_loop().time()

        fetching = [asyncio.create_task(end()) for _ in range(4)]
        await asyncio.sleep(1)
        assert len(network.connected) == 2
        await fetcher.aclose()
        assert asyncio.get_running_loop().time() == pytest.approx(1)
        assert all(stream.closed for stream in network.streams)
        ends = await asyncio.gather(*fetching)
        assert {kind for kind, _ in ends} == {"closed"}
        assert [time for _, time in ends] == pytest.approx([1] * 4)

    run(scene())


# --- links: each of both tables, put through the fetcher ---


def opened(url: str, names: Names, *replies: bytes) -> tuple[Fetched | ResumeError, Recording]:
    network = Recording(*replies)

    async def outcome() -> Fetched | ResumeError:
        try:
            return await Fetcher(resolve=names, backend=network, tls=TLS).fetch(url)
        except ResumeError as error:
            assert_sealed(error)
            return error

    return run(outcome()), network


class Everywhere(Names):
    """Every name there is, at one public address."""

    async def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        return [PUBLIC]


@pytest.mark.parametrize(("url", "sent"), OPENED)
def test_a_link_that_is_opened_asks_its_own_host_at_a_checked_address(url: str, sent: str) -> None:
    names = Everywhere()
    outcome, network = opened(url, names, FOUND)
    assert isinstance(outcome, Fetched)
    assert outcome.url == sent
    scheme, _, rest = sent.partition("://")
    authority, _, target = rest.partition("/")
    host = authority.removesuffix(":80").removesuffix(":443").strip("[]")
    ((address, port),) = network.connected
    assert address == (PUBLIC if names.asked else host)
    assert names.asked in ([], [host])
    assert port == {"http": 80, "https": 443}[scheme] or authority.endswith(f":{port}")
    (stream,) = network.streams
    assert stream.sent.startswith(f"GET /{target} HTTP/1.1\r\nHost: {authority}\r\n".encode())
    assert stream.tls_name == (host if scheme == "https" else None)


@pytest.mark.parametrize("url", [url for _, *urls in REFUSED for url in urls])
def test_a_link_that_is_refused_asks_nobody_anything(url: str) -> None:
    names = Everywhere()
    outcome, network = opened(url, names, FOUND)
    assert isinstance(outcome, ResumeError)
    assert outcome.code == "resume_url_refused"
    assert network.connected == []
    assert names.asked == []


# --- redirects and names that change their answer, at every hop and in every way ---

LURES = {
    "loopback": ["127.0.0.1"],
    "loopback v6": ["::1"],
    "mapped": ["::ffff:127.0.0.1"],
    "metadata": ["169.254.169.254"],
    "private behind public": [PUBLIC, "10.0.0.1"],
    "private before public": ["192.168.0.1", V6, PUBLIC],
    "translated": ["64:ff9b::7f00:1"],
    "scoped": ["fe80::1%eth0"],
}


@pytest.mark.parametrize(("hop", "lure"), list(product(range(4), LURES)))
def test_a_name_that_turns_bad_at_any_hop_is_not_followed(hop: int, lure: str) -> None:
    names = Names(**{"cv.example": [*[[PUBLIC]] * hop, LURES[lure]]})
    outcome, network = opened("http://cv.example/", names, *[to("/again")] * hop, FOUND)
    assert isinstance(outcome, ResumeError)
    assert (outcome.code, outcome.kind) == ("resume_url_refused", "address")
    assert network.connected == [(PUBLIC, 80)] * hop
    assert names.asked == ["cv.example"] * (hop + 1)


@pytest.mark.parametrize(("status", "lure"), list(product([301, 302, 303, 307, 308], LURES)))
def test_no_kind_of_redirect_leads_to_a_bad_name(status: int, lure: str) -> None:
    names = Names.of({"cv.example": [PUBLIC], "lure.example": LURES[lure]})
    outcome, network = opened("http://cv.example/", names, to("//lure.example/", status), FOUND)
    assert isinstance(outcome, ResumeError)
    assert (outcome.code, outcome.kind) == ("resume_url_refused", "address")
    assert network.connected == [(PUBLIC, 80)]


@pytest.mark.parametrize("lure", LURES)
def test_a_name_that_was_good_at_the_last_attempt_is_checked_again(lure: str) -> None:
    names = Names(**{"cv.example": [[PUBLIC], LURES[lure], [OTHER]]})
    network = Recording(FOUND, FOUND)

    async def attempts() -> list[str]:
        fetcher, ends = Fetcher(resolve=names, backend=network), []
        for _ in range(3):
            try:
                ends.append((await fetcher.fetch("http://cv.example/")).media_type)
            except ResumeError as error:
                ends.append(error.kind)
        return ends

    assert run(attempts()) == ["application/pdf", "address", "application/pdf"]
    assert network.connected == [(PUBLIC, 80), (OTHER, 80)]


@pytest.mark.parametrize("tried", range(1, 5))
def test_while_addresses_are_tried_one_after_another_the_name_is_not_asked_again(tried: int) -> None:
    public = [PUBLIC, OTHER, "1.1.1.1", "9.9.9.9"][:tried]
    names = Names(**{"cv.example": [public, ["127.0.0.1"]]})
    outcome, network = opened("http://cv.example/", names)
    assert isinstance(outcome, ResumeError)
    assert (outcome.code, outcome.kind) == ("resume_unreachable", "connect")
    assert network.connected == [(address, 80) for address in public]
    assert names.asked == ["cv.example"]
