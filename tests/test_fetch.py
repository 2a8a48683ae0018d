import asyncio
import gzip
import json
import logging
import os
import random
import ssl
import threading
from collections import Counter
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import httpcore2
import pytest

from interview_fsm.errors import ResumeError
from interview_fsm.resume import lookup
from interview_fsm.resume.fetch import Fetched, Fetcher, FetchPolicy, Guard, Meter
from interview_fsm.resume.lookup import system_addresses
from interview_fsm.resume.replies import AUDIO, RESUME, media_type_of
from interview_fsm.turns import MOST_WAITING

from .loopback import Names, Played, Recording, document, for_ever, head, loopback, reply, silence

CASES = Path(__file__).resolve().parents[2] / "shared" / "data" / "ssrf_cases.json"

PDF = b"%PDF-1.7\n" + b"a page, more or less\n" * 100
PUBLIC, OTHER, V6 = "93.184.215.14", "8.8.8.8", "2606:4700::1111"
FOUND = document(PDF)
SOUND = b"OggS" + bytes(2_000)
CHUNKED = head(200, "Content-Type: application/pdf", "Transfer-Encoding: chunked")

SIZE = 100_000  # bytes
LONG = 60.0  # seconds: what no test waits for. Sockets know no virtual clock, and a machine may be busy.
SHORT = 0.2  # seconds: what one does wait for


def small(*places, **limits):
    allowed = FetchPolicy.allowing(places).allow
    return FetchPolicy(
        **{"allow": allowed, "connect": LONG, "read": LONG, "total": LONG, "size": SIZE} | limits
    )


def run(test, loop=None):
    """Run a test to its end, and find nothing left that still runs."""

    async def alone():
        await test
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(alone())


async def failed(fetching):
    """The error a fetch ends in, with what holds for all of them."""
    with pytest.raises(ResumeError) as raised:
        await fetching
    assert_sealed(raised.value)
    return raised.value


def assert_sealed(error):
    """The sentence is fit to be shown, and no traceback leads to an error that quotes an address."""
    assert str(error)[0].isupper()
    assert str(error).endswith(".")
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def fetch(url, *replies, names=None, policy=None, want=RESUME):
    """Fetch over a network that is only written down: what came of it, and the network."""
    network = Recording(*replies)
    fetcher = Fetcher(policy or small(), resolve=names or Names(), backend=network)

    async def outcome():
        try:
            return await fetcher.fetch(url, want)
        except ResumeError as error:
            assert_sealed(error)
            return error

    return asyncio.run(outcome()), network


# --- links, names and addresses: who is connected to ---


def shared_cases():
    if not CASES.exists():
        assert "CI" not in os.environ, "the shared cases are missing"
        return []
    return json.loads(CASES.read_text("utf-8"))["cases"]


@pytest.mark.parametrize(("want", "body"), [(RESUME, PDF), (AUDIO, SOUND)], ids=["resume", "sound"])
@pytest.mark.parametrize("case", shared_cases(), ids=lambda case: case["id"])
def test_the_shared_cases_reach_a_checked_address_or_nobody(case, want, body):
    dns = json.loads(CASES.read_text("utf-8"))["dns"]
    outcome, network = fetch(case["url"], document(body, ""), names=Names.of(dns), want=want)
    if case["expect"] != "ALLOW":
        assert (outcome.code, outcome.kind) == ("resume_url_refused", case["expect"])
        assert network.connected == []
        return
    assert outcome.data == body
    ((address, port),) = network.connected
    assert address in {"8.8.8.8", *chain.from_iterable(dns.values())}
    assert port == (443 if case["url"].lower().startswith("https") else 80)


@pytest.mark.parametrize("declared", ["audio/ogg", "text/html", "application/pdf"])
def test_a_link_to_sound_is_given_up_as_soon_as_it_is_none(declared):
    begun = head(200, f"Content-Type: {declared}", "Content-Length: 90000") + PDF  # and the rest never comes
    outcome, _ = fetch("https://8.8.8.8/a.ogg", begun, want=AUDIO)
    assert (outcome.code, outcome.kind) == ("unsupported_media", "type")
    assert "not a sound file" in str(outcome)


# ruff: noqa: SIM905  (a table is read better as words)
BAD_ANSWERS = """
127.0.0.1 0.0.0.0 10.1.2.3 100.64.0.1 169.254.169.254 172.31.255.255 192.0.0.192 192.168.1.1 198.19.0.1
203.0.113.7 224.0.0.251 240.0.0.1 255.255.255.255 ::1 :: ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1
64:ff9b::7f00:1 64:ff9b:1::a00:1 2002:7f00:1:: 2001::1 2001:db8::1 3fff::1 fc00::1 fd00:ec2::254 fe80::1
fe80::1%eth0 fec0::1 ff02::1 5f00::1 100::1 2606:4700::1%2 nonsense
""".split()


@pytest.mark.parametrize("address", BAD_ANSWERS)
def test_one_bad_address_condemns_a_name(address):
    for answer in ([address], [PUBLIC, address], [address, V6, PUBLIC]):
        outcome, network = fetch("http://cv.example/a.pdf", FOUND, names=Names.of({"cv.example": answer}))
        assert (outcome.code, outcome.kind) == ("resume_url_refused", "address")
        assert network.connected == []
        assert address not in str(outcome)


@pytest.mark.parametrize(
    ("url", "answer", "connected", "host", "tls_name"),
    [
        ("https://cv.example/a.pdf", [PUBLIC], (PUBLIC, 443), "cv.example", "cv.example"),
        ("http://cv.example/a.pdf", [V6], (V6, 80), "cv.example", None),
        ("https://CV.example./a.pdf", [PUBLIC], (PUBLIC, 443), "cv.example", "cv.example"),
        (
            "https://bücher.example/",
            [PUBLIC],
            (PUBLIC, 443),
            "xn--bcher-kva.example",
            "xn--bcher-kva.example",
        ),
        ("http://cv.example:443/", [PUBLIC], (PUBLIC, 443), "cv.example:443", None),
        ("https://8.8.8.8/", None, ("8.8.8.8", 443), "8.8.8.8", "8.8.8.8"),
        ("https://[2606:4700::1111]/", None, (V6, 443), f"[{V6}]", V6),
        ("http://[::ffff:8.8.8.8]/", None, ("8.8.8.8", 80), "8.8.8.8", None),
        ("http://cv.example/", ["::ffff:8.8.8.8"], ("8.8.8.8", 80), "cv.example", None),
    ],
)
def test_the_checked_address_is_connected_to_and_the_name_is_kept_for_http_and_tls(
    url, answer, connected, host, tls_name
):
    name = host.partition(":")[0]
    outcome, network = fetch(url, FOUND, names=Names.of({name: answer} if answer else {}))
    assert outcome.data == PDF
    assert network.connected == [connected]
    (stream,) = network.streams
    assert f"\r\nHost: {host}\r\n" in stream.sent.decode()
    assert stream.tls_name == tls_name
    assert stream.closed


def test_nothing_is_sent_that_is_not_needed():
    _, network = fetch("http://cv.example/a?b#c", FOUND, names=Names.of({"cv.example": [PUBLIC]}))
    request, *fields = network.streams[0].sent.decode().removesuffix("\r\n\r\n").split("\r\n")
    assert request == "GET /a?b HTTP/1.1"
    assert set(fields) == {
        "Host: cv.example",
        "Accept: application/pdf, text/plain, text/markdown",
        "Accept-Encoding: identity",
        "User-Agent: interview-fsm",
        "Connection: close",
    }


def test_each_step_has_its_limit_and_pieces_are_small():
    policy = small(connect=11.0, read=22.0)
    names = Names.of({"cv.example": [PUBLIC]})
    outcome, network = fetch("https://cv.example/", FOUND, names=names, policy=policy)
    assert outcome.data == PDF
    assert network.limits == {("connect", 11.0), ("tls", 11.0), ("read", 22.0), ("write", 22.0)}
    assert network.streams[0].largest == 4096  # what may hold the event loop, and what overshoots a limit


def test_the_connection_that_is_given_out_is_the_one_underneath():
    async def scene():
        network = Recording(b"")
        guard = Guard(small(), Names.of({"cv.example": [PUBLIC]}), network)
        stream = await guard.connect_tcp("cv.example", 80)
        assert stream.get_extra_info("peername") == "the other end"
        assert not network.streams[0].closed
        await stream.aclose()
        assert network.streams[0].closed

    run(scene())


def test_the_certificates_to_trust_are_read_once_off_the_loop_and_for_https_only(monkeypatch):
    readers = []

    def default():
        readers.append(threading.current_thread())
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(httpcore2, "default_ssl_context", default)

    async def scene():
        names = Names.of({"cv.example": [PUBLIC]})
        fetcher = Fetcher(small(), resolve=names, backend=Recording(*[FOUND] * 3))
        await fetcher.fetch("http://cv.example/")
        assert readers == []
        await fetcher.fetch("https://cv.example/")
        await fetcher.fetch("https://cv.example/")
        assert len(readers) == 1
        assert readers[0] is not threading.current_thread()

    run(scene())


def test_the_environments_proxies_are_not_asked(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    outcome, network = fetch("http://cv.example/", FOUND, names=Names.of({"cv.example": [PUBLIC]}))
    assert outcome.data == PDF
    assert network.connected == [(PUBLIC, 80)]


def test_a_name_is_looked_up_once_and_at_most_four_addresses_are_tried():
    answer = [PUBLIC, OTHER, "1.1.1.1", "9.9.9.9", "1.0.0.1"]
    names = Names.of({"cv.example": answer})
    outcome, network = fetch("http://cv.example/", names=names)
    assert (outcome.code, outcome.kind) == ("resume_unreachable", "connect")
    assert network.connected == [(address, 80) for address in answer[:4]]
    assert names.asked == ["cv.example"]


@pytest.mark.parametrize(
    ("names", "retryable"),
    [(Names(), True), (Names.of({"cv.example": []}), False)],
    ids=["no answer", "an empty answer"],
)
def test_a_name_without_addresses_is_unreachable(names, retryable):
    outcome, network = fetch("http://cv.example/", FOUND, names=names)
    assert (outcome.code, outcome.kind, outcome.retryable) == ("resume_unreachable", "dns", retryable)
    assert network.connected == []


@pytest.mark.parametrize(
    ("replies", "kind", "retryable"),
    [
        ([], "connect", True),
        ([b""], "protocol", True),
        ([b"no HTTP"], "protocol", True),
        ([head(302)], "redirect", False),
        ([head(404)], "status", False),
        ([document(b"<html>")], "type", False),
        ([head(200, "Content-Encoding: gzip")], "encoding", False),
    ],
)
def test_whoever_may_try_the_same_link_again_is_told_so(replies, kind, retryable):
    outcome, _ = fetch("http://cv.example/", *replies, names=Names.of({"cv.example": [PUBLIC]}))
    assert (outcome.kind, outcome.retryable) == (kind, retryable)


def test_a_literal_is_never_looked_up():
    names = Names()
    fetch("http://8.8.8.8/", FOUND, names=names)
    assert names.asked == []


def test_an_allowed_place_may_resolve_to_anything_and_its_neighbours_may_not():
    policy = small("files:9000", "127.0.0.1:9001")
    names = Names.of({"files": ["127.0.0.1"], "cv.example": ["127.0.0.1"]})
    outcome, network = fetch("http://files:9000/cv.pdf", FOUND, names=names, policy=policy)
    assert outcome.data == PDF
    assert network.connected == [("127.0.0.1", 9000)]
    for url, kind in {
        "http://files:9001/": "name",
        "http://cv.example:9001/": "port",
        "http://127.0.0.1:9000/": "address",
        "http://cv.example/": "address",
    }.items():
        outcome, network = fetch(url, FOUND, names=names, policy=policy)
        assert (outcome.kind, network.connected) == (kind, [])


def test_the_guard_opens_no_unix_socket():
    async def scene():
        guard = Guard(small(), Names(), Recording())
        assert (await failed(guard.connect_unix_socket("/run/docker.sock"))).kind == "address"

    run(scene())


# --- redirects and names that change their answer ---


def to(location, status=302):
    return head(status, f"Location: {location}", "Content-Length: 0")


# (names and their successive answers, first link, replies, connected to, kind of the end)
JOURNEYS = {
    "same host": ({"a.example": [[PUBLIC]]}, "http://a.example/", [to("/b"), FOUND], [PUBLIC, PUBLIC], "ok"),
    "other host": (
        {"a.example": [[PUBLIC]], "b.example": [[OTHER]]},
        "http://a.example/",
        [to("http://b.example/"), FOUND],
        [PUBLIC, OTHER],
        "ok",
    ),
    "to https": (
        {"a.example": [[PUBLIC]]},
        "http://a.example/",
        [to("https://a.example/"), FOUND],
        [PUBLIC] * 2,
        "ok",
    ),
    "three hops": (
        {"a.example": [[PUBLIC]]},
        "http://a.example/",
        [to("/b")] * 3 + [FOUND],
        [PUBLIC] * 4,
        "ok",
    ),
    "four hops": ({"a.example": [[PUBLIC]]}, "http://a.example/", [to("/b")] * 4, [PUBLIC] * 4, "redirects"),
    "moved for good": (
        {"a.example": [[PUBLIC]]},
        "http://a.example/",
        [to("/b", 308), FOUND],
        [PUBLIC] * 2,
        "ok",
    ),
    "see other": ({"a.example": [[PUBLIC]]}, "http://a.example/", [to("/b", 303), FOUND], [PUBLIC] * 2, "ok"),
    "not modified": ({"a.example": [[PUBLIC]]}, "http://a.example/", [to("/b", 304)], [PUBLIC], "status"),
    "downgrade": (
        {"a.example": [[PUBLIC]]},
        "https://a.example/",
        [to("http://a.example/")],
        [PUBLIC],
        "downgrade",
    ),
    "to loopback": (
        {"a.example": [[PUBLIC]]},
        "http://a.example/",
        [to("http://127.0.0.1/")],
        [PUBLIC],
        "address",
    ),
    "to mapped loopback": (
        {"a.example": [[PUBLIC]]},
        "http://a.example/",
        [to("//[::ffff:7f00:1]/")],
        [PUBLIC],
        "address",
    ),
    "to decimal": (
        {"a.example": [[PUBLIC]]},
        "http://a.example/",
        [to("http://2130706433/")],
        [PUBLIC],
        "host",
    ),
    "to metadata": (
        {"a.example": [[PUBLIC]]},
        "http://a.example/",
        [to("http://169.254.169.254/")],
        [PUBLIC],
        "address",
    ),
    "to a bad name": (
        {"a.example": [[PUBLIC]], "b.example": [["10.0.0.1"]]},
        "http://a.example/",
        [to("http://b.example/")],
        [PUBLIC],
        "address",
    ),
    "to a mixed name": (
        {"a.example": [[PUBLIC]], "b.example": [[OTHER, "10.0.0.1"]]},
        "http://a.example/",
        [to("http://b.example/")],
        [PUBLIC],
        "address",
    ),
    "rebinds on the redirect": (
        {"a.example": [[PUBLIC], ["127.0.0.1"]]},
        "http://a.example/",
        [to("/again")],
        [PUBLIC],
        "address",
    ),
    "rebinds on the third hop": (
        {"a.example": [[PUBLIC], [PUBLIC], ["169.254.169.254"]]},
        "http://a.example/",
        [to("/b"), to("/c")],
        [PUBLIC, PUBLIC],
        "address",
    ),
    "rebinds between the lookup and the connection": (
        {"a.example": [[PUBLIC], ["127.0.0.1"]]},
        "http://a.example/",
        [FOUND],
        [PUBLIC],
        "ok",
    ),
    "rebinds to a public address": (
        {"a.example": [[PUBLIC], [OTHER]]},
        "http://a.example/",
        [to("/b"), FOUND],
        [PUBLIC, OTHER],
        "ok",
    ),
    "starts bad and turns good": (
        {"a.example": [["127.0.0.1"], [PUBLIC]]},
        "http://a.example/",
        [FOUND],
        [],
        "address",
    ),
    "bounces off another host": (
        {"a.example": [[PUBLIC], ["127.0.0.1"]], "b.example": [[OTHER]]},
        "http://a.example/",
        [to("http://b.example/"), to("http://a.example/")],
        [PUBLIC, OTHER],
        "address",
    ),
    "without a place": ({"a.example": [[PUBLIC]]}, "http://a.example/", [head(302)], [PUBLIC], "redirect"),
    "to an empty place": (
        {"a.example": [[PUBLIC]]},
        "http://a.example/",
        [head(302, "Location: ")],
        [PUBLIC],
        "redirect",
    ),
    "to two places": (
        {"a.example": [[PUBLIC]]},
        "http://a.example/",
        [head(302, "Location: /a", "Location: http://127.0.0.1/")],
        [PUBLIC],
        "redirect",
    ),
}


@pytest.mark.parametrize("journey", JOURNEYS)
def test_each_hop_is_looked_up_and_checked_anew(journey):
    answers, url, replies, connected, end = JOURNEYS[journey]
    names = Names(**answers)
    outcome, network = fetch(url, *replies, names=names)
    assert (outcome.kind if isinstance(outcome, ResumeError) else "ok") == end
    assert [address for address, _ in network.connected] == connected
    assert len(names.asked) <= len(connected) + 1
    assert all(stream.closed for stream in network.streams)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_kind_of_redirect_is_followed(status):
    outcome, network = fetch(
        "http://a.example/", to("/b", status), FOUND, names=Names.of({"a.example": [PUBLIC]})
    )
    assert outcome == Fetched(PDF, "application/pdf", "http://a.example/b")
    assert len(network.connected) == 2


@pytest.mark.parametrize("status", [300, 304, 305, 306, 309])
def test_nothing_else_is_taken_for_a_redirect(status):
    outcome, network = fetch(
        "http://a.example/", to("/b", status), FOUND, names=Names.of({"a.example": [PUBLIC]})
    )
    assert outcome.kind == "status"
    assert len(network.connected) == 1


def test_the_url_of_what_was_found_is_the_last_one():
    outcome, _ = fetch("http://a.example/x#y", to("z?q#r"), FOUND, names=Names.of({"a.example": [PUBLIC]}))
    assert outcome == Fetched(PDF, "application/pdf", "http://a.example/z?q")


# --- what came back ---


@pytest.mark.parametrize(
    ("data", "declared", "found"),
    [
        (b"%PDF-1.4", "application/pdf", "application/pdf"),
        (b"%PDF-1.4", "text/html", "application/pdf"),
        (b"%PDF-1.4", "", "application/pdf"),
        (b"\n" * 1019 + b"%PDF-", "", "application/pdf"),
        (b"\n" * 1020 + b"%PDF-", "", None),
        (b"# Jane", "text/markdown", "text/markdown"),
        (b"Jane", "text/plain", "text/plain"),
        (b"<html>", "application/pdf", None),
        (b"<html>", "text/html", None),
        (b"PK\x03\x04", "application/zip", None),
        (b"", "", None),
    ],
)
def test_a_pdf_is_known_by_its_mark_and_text_by_its_type(data, declared, found):
    assert media_type_of(data, declared) == found


def answered(data, names=None):
    outcome, _ = fetch("http://a.example/", data, names=Names.of({"a.example": [PUBLIC]}))
    return outcome


@pytest.mark.parametrize("media_type", ["text/plain", "Text/Markdown; charset=UTF-8"])
def test_text_may_be_a_resume(media_type):
    found = answered(document("# Zoë\n".encode(), media_type))
    assert found.data.decode() == "# Zoë\n"
    assert found.media_type == media_type.lower().partition(";")[0]


def test_of_two_types_the_first_counts():
    found = answered(document(b"Jane", "text/plain", "Content-Type: text/html"))
    assert (found.data, found.media_type) == (b"Jane", "text/plain")
    assert answered(document(b"Jane", "text/html", "Content-Type: text/plain")).kind == "type"


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
def test_a_body_that_is_called_uncompressed_is_taken(coding):
    assert answered(document(PDF, "application/pdf", f"Content-Encoding: {coding}")).data == PDF


def test_just_so_much_packaging_is_taken():
    for body in (0, 1, SIZE):
        meter = Meter()
        meter.body += body
        meter.count(2**20)
        meter.count(body)
        with pytest.raises(ResumeError) as raised:
            meter.count(1)
        assert raised.value.kind == "overhead"


@pytest.mark.parametrize(
    ("data", "code", "sentence"),
    [
        (
            document(b"<!doctype html>" + b" " * 5000, "text/html; charset=utf-8"),
            "resume_not_pdf",
            "That link gave a web page (text/html), not a PDF. "
            "Copy the file's own download link, or send the file instead.",
        ),
        (document(b"<HTML>"), "resume_not_pdf", "That link gave a web page (text/html), not a PDF. "),
        (
            document(b"\x89PNG", "image/png"),
            "resume_not_pdf",
            "That link gave something else (image/png), not a PDF. ",
        ),
        (document(b"?", "x\x1b[31m/y"), "resume_not_pdf", "That link gave something else, not a PDF. "),
        (document(b""), "resume_not_pdf", "That link gave an empty file, not a PDF. "),
        (document(b"Zo\xeb", "text/plain"), "resume_not_pdf", "That link gave text that is not UTF-8. "),
        (document(b"a\0b", "text/plain"), "resume_not_pdf", "That link gave text that is not UTF-8. "),
        (
            document(PDF, "application/pdf", "Content-Encoding: br"),
            "resume_not_pdf",
            "That link gave a compressed ",
        ),
        (
            head(404),
            "resume_unreachable",
            "That link answered 404: there is no such file. Check the link, or ",
        ),
        (
            head(403),
            "resume_unreachable",
            "That link answered 403, so it is not open to everybody. Share it, or ",
        ),
        (
            head(503),
            "resume_unreachable",
            "That link answered 503. Try again later, or send the file instead.",
        ),
        (
            head(206),
            "resume_unreachable",
            "That link answered 206, not a file. Check the link, or send the file ",
        ),
        (
            head(200, f"Content-Length: {23 * 2**20}"),
            "resume_too_large",
            "The file at that link is 23 MB; the limit is 0.1 MB. Use a smaller one.",
        ),
        (
            head(200) + b"%PDF-" + b"a" * SIZE,
            "resume_too_large",
            "The file at that link is larger than allowed; the limit is 0.1 MB. Use a smaller one.",
        ),
    ],
)
def test_what_is_wrong_has_its_own_sentence(data, code, sentence):
    error = answered(data)
    assert error.code == code
    assert str(error).startswith(sentence)
    assert str(error).isprintable()


@pytest.mark.parametrize(
    "error",
    [httpcore2.ReadError("10.9.8.7"), httpcore2.RemoteProtocolError("10.9.8.7"), OSError(104, "10.9.8.7")],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_breaks_is_a_named_error_without_the_address(monkeypatch, error):
    async def broken(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(Played, "read", broken)
    outcome = answered(FOUND)
    assert (outcome.code, outcome.kind, outcome.retryable) == ("resume_unreachable", "protocol", True)
    assert "10.9.8.7" not in str(outcome)


def test_a_file_of_just_the_limit_is_taken():
    data = b"%PDF-".ljust(SIZE, b"x")
    assert answered(document(data)).data == data
    assert answered(head(200) + data).data == data
    assert answered(document(data + b"x")).code == "resume_too_large"
    assert answered(head(200) + data + b"x").code == "resume_too_large"


def damaged(data, dice):
    data = bytearray(data)
    for _ in range(dice.randrange(1, 3)):
        place = dice.randrange(len(data) or 1)
        match dice.randrange(4):
            case 0:
                data[place : place + 1] = bytes([dice.randrange(256)])
            case 1:
                del data[place : place + dice.randrange(1, 30)]
            case 2:
                data[place:place] = dice.choice(
                    [b"\r\n", b"\0", b":", b",", b" 9", b"\r\nLocation: //[/", b"99999999"]
                )
            case _:
                data[place:place] = data[dice.randrange(len(data) or 1) :][:40]
    return bytes(data)


def test_whatever_a_server_sends_ends_in_a_document_or_a_named_error():
    dice = random.Random(20261123)
    seeds = [
        document(PDF[:60]),
        to("/b"),
        CHUNKED + b"5\r\n%PDF-\r\n0\r\n\r\n",
        document(b"Jane", "text/plain"),
        head(404),
    ]
    seeds += [head(200, "Content-Length: 5, 5", "Content-Encoding: identity") + b"%PDF-"]
    ends = Counter()

    async def scene():
        for _ in range(1_000):
            network = Recording(damaged(dice.choice(seeds), dice), FOUND)
            fetcher = Fetcher(small(), resolve=Names.of({"a.example": [PUBLIC]}), backend=network)
            try:
                ends[(await fetcher.fetch("http://a.example/")).media_type] += 1
            except ResumeError as error:
                assert_sealed(error)
                ends[error.kind] += 1
            assert all(stream.closed for stream in network.streams)

    run(scene())
    assert ends["application/pdf"] > 100
    assert len(ends) > 8, ends


# --- live behaviours: real sockets, each ends in its time and leaves nobody connected ---

ENDLESS = head(200, "Content-Type: application/pdf")
BLOCK = b"%PDF-" + b"a" * 4091
BOMB = gzip.compress(b"%PDF-" + bytes(50_000_000))

# (what the server does, code, kind)
WRONGS = {
    "no headers at all": (silence, "resume_timeout", "read"),
    "a drip of headers": (for_ever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.02), "resume_timeout", "total"),
    "a drip of a body": (for_ever(ENDLESS + b"%PDF-", b"x", 0.02), "resume_timeout", "total"),
    "an endless body": (for_ever(ENDLESS, BLOCK), "resume_too_large", "size"),
    "an endless chunked body": (for_ever(CHUNKED, b"1000\r\n" + BLOCK + b"\r\n"), "resume_too_large", "size"),
    "chunks of one byte": (for_ever(CHUNKED, b"1\r\n \r\n" * 500), "resume_not_pdf", "type"),
    "a length of 10^12": (reply(head(200, "Content-Length: 1000000000000"), PDF), "resume_too_large", "size"),
    "a bomb": (
        reply(document(BOMB, "application/pdf", "Content-Encoding: gzip")),
        "resume_not_pdf",
        "encoding",
    ),
    "a web page called PDF": (reply(document(b"<html>" + b"a" * 2000)), "resume_not_pdf", "type"),
    "200,000 headers": (reply(head(200, *["X: y"] * 200_000)), "resume_unreachable", "protocol"),
    "a truncated body": (reply(document(PDF)[:-10]), "resume_unreachable", "protocol"),
    "a truncated chunk": (reply(CHUNKED + b"1000\r\n%PDF-"), "resume_unreachable", "protocol"),
    "a redirect loop": (reply(to("/again")), "resume_unreachable", "redirects"),
    "a redirect to loopback": (reply(to("http://127.0.0.1/")), "resume_url_refused", "address"),
    "a redirect to metadata": (reply(to("http://169.254.169.254/latest")), "resume_url_refused", "address"),
    "a redirect to a file": (reply(to("file:///etc/passwd")), "resume_url_refused", "scheme"),
    "a redirect with a user": (reply(to("http://a:b@example.com/")), "resume_url_refused", "userinfo"),
    "a redirect without a scheme": (reply(to("//127.0.0.1:1/")), "resume_url_refused", "address"),
    "a redirect to a rebinding name": (reply(to("http://rebind.example/")), "resume_unreachable", "connect"),
    "a redirect to nowhere": (reply(head(302, "Content-Length: 0")), "resume_unreachable", "redirect"),
    "nothing to say": (reply(head(204)), "resume_unreachable", "status"),
    "endless early hints": (
        for_ever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * 100),
        "resume_too_large",
        "overhead",
    ),
    "garbage": (
        reply(b"\x16\x03\x01\x02\x00garbage\xff" * 100),
        "resume_unreachable",
        "protocol",
    ),
    "two lengths": (
        reply(head(200, "Content-Length: 5", "Content-Length: 6") + b"%PDF-1"),
        "resume_unreachable",
        "protocol",
    ),
    "a hang-up": (reply(), "resume_unreachable", "protocol"),
    "another protocol": (
        reply(head(101, "Upgrade: x", "Connection: upgrade")),
        "resume_unreachable",
        "protocol",
    ),
}


class Careful(httpcore2.AnyIOBackend):
    """Connects to one place for real; everybody else is written down, and nothing is sent to them."""

    def __init__(self, port):
        self.port, self.elsewhere = port, []

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        if (host, port) == ("127.0.0.1", self.port):
            return await super().connect_tcp(host, port, timeout)
        self.elsewhere.append((host, port))
        raise httpcore2.ConnectError("not for real")


@asynccontextmanager
async def live(behaviour, **limits):
    """A misbehaving server and a fetcher that may reach it."""
    async with loopback(behaviour) as server:
        network = Careful(server.port)
        names = Names(**{"rebind.example": [[PUBLIC], ["127.0.0.1"]]})
        fetcher = Fetcher(small(server.place, **limits), resolve=names, backend=network)
        yield server, fetcher, network
        await fetcher.aclose()


@pytest.mark.parametrize("name", WRONGS)
def test_a_server_that_misbehaves_ends_in_a_named_error(name):
    behaviour, code, kind = WRONGS[name]
    # What is limited by time meets that limit and no other; all else may take what a busy machine takes.
    limits = {kind: SHORT} if code == "resume_timeout" else {}

    async def scene():
        async with live(behaviour, **limits) as (server, fetcher, network):
            error = await failed(fetcher.fetch(f"http://{server.place}/cv.pdf"))
        assert (error.code, error.kind) == (code, kind)
        assert server.connections == (4 if kind == "redirects" else 1)
        assert network.elsewhere == ([(PUBLIC, 80)] if "rebinding" in name else [])

    run(scene())


# The server runs on uvloop where there is one, so what leaves sockets open must be tried on both.
try:
    import uvloop
except ImportError:
    uvloop = None
LOOPS = [asyncio.new_event_loop, *([uvloop.new_event_loop] if uvloop else [])]

EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("behaviour", "connections"),
    [
        (reply(document(PDF)), 1),
        (reply(head(200) + PDF), 1),
        (
            reply(CHUNKED, b"%x\r\n%b\r\n0\r\n\r\n" % (len(PDF), PDF)),
            1,
        ),
        (reply(*[EARLY] * 5_000, document(PDF)), 1),
    ],
    ids=["a length", "until the end", "chunked", "5,000 early hints"],
)
def test_a_server_that_behaves_gives_its_file(behaviour, connections, loop):
    async def scene():
        async with live(behaviour) as (server, fetcher, network):
            found = await fetcher.fetch(f"http://{server.place}/cv.pdf")
            assert found == Fetched(PDF, "application/pdf", f"http://{server.place}/cv.pdf")
        assert server.connections == connections
        assert network.elsewhere == []

    run(scene(), loop)


def test_one_redirect_is_followed_on_a_new_connection():
    async def behave(reader, writer):
        first = len(served.heads) == 1
        writer.write(to("/cv.pdf") if first else document(PDF))

    async def scene():
        nonlocal served
        async with live(behave) as (served, fetcher, _):
            assert (await fetcher.fetch(f"http://{served.place}/")).data == PDF
        assert served.connections == 2

    served = None
    run(scene())


def test_a_closed_port_is_unreachable():
    async def scene():
        async with loopback(silence) as server:
            place = server.place
        error = await failed(Fetcher(small(place)).fetch(f"http://{place}/"))
        assert (error.code, error.kind) == ("resume_unreachable", "connect")

    run(scene())


def test_a_body_made_of_tiny_chunks_lets_the_loop_turn():
    flood = b"5\r\n%PDF-\r\n" + b"1\r\na\r\n" * 40_000 + b"0\r\n\r\n"
    turns = 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def scene():
        async with live(reply(CHUNKED, flood)) as (server, fetcher, _):
            counting = asyncio.create_task(count())
            await fetcher.fetch(f"http://{server.place}/")
            counting.cancel()
            await asyncio.wait([counting])
        assert turns >= len(flood) // 4096

    run(scene())


# --- the whole time, cancellation, turns, closing ---


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("place", ["lookup", "connect", "tls", "headers", "body"])
def test_a_fetch_can_be_cancelled_wherever_it_waits(place, loop):
    async def scene():
        reached, hung = asyncio.Event(), asyncio.Event()

        async def hang(*_args, **_kwargs):
            reached.set()
            try:
                await asyncio.Event().wait()
            finally:
                hung.set()

        async def behave(reader, writer):
            if place == "body":
                writer.write(ENDLESS + BLOCK)
            await writer.drain()
            reached.set()
            await reader.read()

        async def no_tls(reader, writer):
            await reader.readexactly(1)  # the handshake has begun
            reached.set()
            await reader.read()

        async with raw(no_tls) if place == "tls" else loopback(behave) as server:
            network = Careful(server.port)
            if place == "connect":
                network.connect_tcp = hang
            names = hang if place == "lookup" else Names.of({"files": ["127.0.0.1"]})
            fetcher = Fetcher(small(f"files:{server.port}"), resolve=names, backend=network)
            scheme = "https" if place == "tls" else "http"
            fetching = asyncio.create_task(fetcher.fetch(f"{scheme}://files:{server.port}/"))
            await reached.wait()
            fetching.cancel()
            with pytest.raises(asyncio.CancelledError):
                await fetching
            assert hung.is_set() == (place in {"lookup", "connect"})

    run(scene(), loop)


@asynccontextmanager
async def raw(behaviour):
    """A server that is told nothing before it behaves: for handshakes that do not come about."""
    gone = asyncio.Event()

    async def accept(reader, writer):
        try:
            await behaviour(reader, writer)
        finally:
            writer.close()
            gone.set()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield SimpleNamespace(port=server.sockets[0].getsockname()[1])
        async with asyncio.timeout(5):
            await gone.wait()
    finally:
        server.close()


def test_the_total_limit_covers_the_lookup():
    async def scene():
        async def never(_):
            await asyncio.Event().wait()

        fetcher = Fetcher(small(total=SHORT), resolve=never, backend=Recording())
        assert (await failed(fetcher.fetch("http://a.example/"))).kind == "total"

    run(scene())


def test_two_are_opened_at_once_and_the_third_waits():
    async def scene():
        asked, go_on = [], asyncio.Event()

        async def resolve(host):
            asked.append(host)
            await go_on.wait()
            return [PUBLIC]

        fetcher = Fetcher(small(), resolve=resolve, backend=Recording(FOUND, FOUND, FOUND))
        fetching = [asyncio.create_task(fetcher.fetch(f"http://{name}.example/")) for name in "abc"]
        for _ in range(10):
            await asyncio.sleep(0)
        assert asked == ["a.example", "b.example"]
        go_on.set()
        assert [found.data for found in await asyncio.gather(*fetching)] == [PDF] * 3

    run(scene())


def test_whoever_waits_too_long_for_a_turn_hears_that_others_are_at_it():
    async def scene():
        async def resolve(host):
            await asyncio.Event().wait()

        fetcher = Fetcher(small(), resolve=resolve, backend=Recording(), at_once=1)
        first = asyncio.create_task(failed(fetcher.fetch("http://a.example/")))
        await asyncio.sleep(0)
        fetcher._policy = small(total=0.01)
        error = await failed(fetcher.fetch("http://b.example/"))
        assert (error.code, error.kind, error.retryable) == ("busy", "queue", True)
        await fetcher.aclose()
        assert (await first).kind == "closed"

    run(scene())


def test_when_too_much_waits_the_client_with_most_of_it_hears_that_others_are_at_it():
    async def scene():
        async def resolve(host):
            await asyncio.Event().wait()

        fetcher = Fetcher(small(), resolve=resolve, backend=Recording())
        links = [f"http://{n}.example/" for n in range(MOST_WAITING + 1)]
        fetching = [asyncio.create_task(failed(fetcher.fetch(url, client="ada"))) for url in links]
        for _ in range(10):
            await asyncio.sleep(0)
        assert not any(task.done() for task in fetching)
        bob = asyncio.create_task(failed(fetcher.fetch("http://a.example/", client="bob")))
        cyd = asyncio.create_task(failed(fetcher.fetch("http://b.example/", client="cyd")))
        error = await fetching[-1]
        assert (error.code, error.kind, error.retryable) == ("busy", "queue", True)
        assert not any(task.done() for task in (*fetching[:-1], bob, cyd))
        await fetcher.aclose()
        assert {(await task).kind for task in (*fetching[:-1], bob, cyd)} == {"closed"}

    run(scene())


def test_a_refused_link_does_not_wait_for_its_turn():
    async def scene():
        fetcher = Fetcher(small(), resolve=Names(), backend=Recording(), at_once=1)
        async with fetcher._turns.turn():
            assert (await failed(fetcher.fetch("http://127.0.0.1/"))).kind == "address"

    run(scene())


def test_a_turn_comes_back_whatever_became_of_the_fetch():
    async def scene():
        names = Names.of({"a.example": [PUBLIC]})
        fetcher = Fetcher(small(), resolve=names, backend=Recording(), at_once=1)
        for _ in range(3):
            assert (await failed(fetcher.fetch("http://a.example/"))).kind == "connect"

    run(scene())


def test_closing_ends_what_is_under_way_and_refuses_what_comes():
    async def scene():
        async with live(silence) as (server, fetcher, _):
            url = f"http://{server.place}/"
            fetching = [asyncio.create_task(failed(fetcher.fetch(url))) for _ in range(3)]
            while server.connections < 2:
                await asyncio.sleep(0.001)
            await fetcher.aclose()
            await fetcher.aclose()
            errors = [await task for task in fetching]
            assert {(error.code, error.kind) for error in errors} == {("resume_unreachable", "closed")}
            assert (await failed(fetcher.fetch(url))).kind == "closed"

    run(scene())


def test_after_closing_nobody_is_asked_anything():
    async def scene():
        names, network = Names.of({"a.example": [PUBLIC]}), Recording(FOUND)
        fetcher = Fetcher(small(), resolve=names, backend=network)
        await fetcher.aclose()
        error = await failed(fetcher.fetch("http://a.example/"))
        assert (error.code, error.kind) == ("resume_unreachable", "closed")
        assert names.asked == []
        assert network.connected == []

    run(scene())


def test_closing_waits_for_what_is_just_ending():
    async def scene():
        ending, go_on = asyncio.Event(), asyncio.Event()

        async def resolve(_):
            try:
                await asyncio.Event().wait()
            finally:
                ending.set()
                await go_on.wait()

        fetcher = Fetcher(small(total=0.01), resolve=resolve, backend=Recording())
        fetching = asyncio.create_task(failed(fetcher.fetch("http://a.example/")))
        await ending.wait()
        closing = asyncio.create_task(fetcher.aclose())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not closing.done()
        go_on.set()
        await closing
        assert (await fetching).kind == "closed"

    run(scene())


def test_the_log_has_the_stage_and_no_address(caplog):
    with caplog.at_level(logging.INFO, logger="interview_fsm"):
        fetch("http://a.example/secret", names=Names.of({"a.example": ["10.9.8.7"]}))
    assert "resume_url_refused, address" in caplog.text
    assert "10.9.8.7" not in caplog.text
    assert "secret" not in caplog.text


# --- TLS ---


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """A server's context with a certificate for cv.example, and a client's that trusts it."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("cv.example"), x509.DNSName("r1---sn.example")]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "both.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


class Detour(httpcore2.AnyIOBackend):
    """Brings a connection to a public address to this machine instead."""

    def __init__(self, port):
        self.port = port

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        assert (host, port) == (PUBLIC, 443)
        return await super().connect_tcp("127.0.0.1", self.port, timeout)


@pytest.mark.parametrize(
    ("name", "trusted", "end"),
    [
        ("cv.example", True, "ok"),
        ("r1---sn.example", True, "ok"),
        ("cw.example", True, "tls"),
        ("cv.example", False, "tls"),
    ],
)
def test_a_certificate_is_held_against_the_links_name(certified, name, trusted, end):
    server_tls, client_tls = certified

    async def scene():
        async with loopback(reply(document(PDF)), server_tls) as server:
            fetcher = Fetcher(
                small(),
                resolve=Names.of({name: [PUBLIC]}),
                backend=Detour(server.port),
                tls=client_tls if trusted else None,
            )
            try:
                kind = "ok" if (await fetcher.fetch(f"https://{name}/")).data == PDF else "?"
            except ResumeError as error:
                kind = error.kind
            assert kind == end

    run(scene())


def test_a_handshake_that_never_ends_meets_the_limit_on_connecting():
    async def scene():
        async def mute(reader, writer):
            await reader.read()

        async with raw(mute) as server:
            place = f"127.0.0.1:{server.port}"
            error = await failed(Fetcher(small(place, connect=1.0)).fetch(f"https://{place}/"))
        assert (error.code, error.kind, error.retryable) == ("resume_timeout", "connect", True)

    run(scene())


# --- the system's resolver ---


def test_the_system_resolver_gives_each_address_once(monkeypatch):
    infos = [(0, 0, 0, "", (PUBLIC, 0)), (0, 0, 0, "", (V6, 0, 0, 0)), (0, 0, 0, "", (PUBLIC, 0))]
    monkeypatch.setattr(lookup.socket, "getaddrinfo", lambda *_args, **_kwargs: infos)
    assert asyncio.run(system_addresses("cv.example")) == [PUBLIC, V6]


def test_a_name_that_does_not_exist_is_an_os_error(monkeypatch):
    def fail(*_args, **_kwargs):
        raise lookup.socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(lookup.socket, "getaddrinfo", fail)
    with pytest.raises(OSError, match="not known"):
        asyncio.run(system_addresses("cv.example"))


def test_an_answer_that_nobody_waits_for_any_more_is_dropped(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(lookup.socket, "getaddrinfo", lambda *_args, **_kwargs: release.wait() and [])

    async def scene():
        complaints = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        asking = asyncio.create_task(system_addresses("cv.example"))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        release.set()
        await asyncio.to_thread(join_lookups)
        for _ in range(3):
            await asyncio.sleep(0)
        assert complaints == []

    run(scene())


def join_lookups():
    for thread in threading.enumerate():
        if thread.name == "resume-lookup":
            thread.join(10)


def test_a_name_server_that_hangs_holds_up_nobody_and_is_asked_so_often_only(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(lookup.socket, "getaddrinfo", lambda *_args, **_kwargs: release.wait() and [])

    async def scene():
        asking = [asyncio.create_task(system_addresses("cv.example")) for _ in range(8)]
        await asyncio.sleep(0)
        threads = [thread for thread in threading.enumerate() if thread.name == "resume-lookup"]
        assert len(threads) == 8
        assert all(thread.daemon for thread in threads)  # the program's end waits for none of them
        error = await failed(system_addresses("cv.example"))
        assert (error.code, error.kind) == ("busy", "lookups")
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
        assert all(task.cancelled() for task in asking)

    try:
        run(scene())
    finally:
        release.set()
        join_lookups()
    assert asyncio.run(system_addresses("cv.example")) == []  # all eight places are free again
