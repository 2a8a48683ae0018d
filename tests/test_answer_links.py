"""Links to the sound of an answer, from the wire through the guarded fetcher to the decoder and the text."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpcore2
import pytest

from interview_fsm.assistant import _hearing
from interview_fsm.resume.fetch import Fetcher, FetchPolicy
from interview_fsm.testing import ScriptedTranscriber

from .loopback import document, head, loopback, reply
from .serving import running
from .test_bounds import BEARER, STRANGERS
from .v1_client import Client, Event, client, happened
from .voice_fixtures import clip, need_packages, nothing_is_left

__all__ = ["nothing_is_left"]

pytestmark = pytest.mark.usefixtures("nothing_is_left")

SAID = clip("help")
PAGE = b"<!doctype html><title>Sign in</title>" + bytes(2_000)
PDF = b"%PDF-1.7\n" + b"a page, more or less\n" * 100


@pytest.fixture(autouse=True)
def decoder() -> None:
    need_packages("av")


def wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 16_000, 0, "NONE", ""))
        out.writeframes(SAID)
    return file.getvalue()


class Watched(httpcore2.AnyIOBackend):
    """The network, and where the fetcher connected to."""

    def __init__(self) -> None:
        self.connected: list[str] = []

    async def connect_tcp(self, host: str, port: int, **options: Any) -> httpcore2.AsyncNetworkStream:
        self.connected.append(f"{host}:{port}")
        return await super().connect_tcp(host, port, **options)


class Linked:
    """A client whose interview has a question open, and what its answers' links go through."""

    def __init__(self, wire: Client, network: Watched, transcriber: ScriptedTranscriber) -> None:
        self.wire, self.network, self.transcriber = wire, network, transcriber

    async def answer(self, url: str) -> Event:
        """What becomes of an answer behind *url*."""
        await self.wire.ask("record_answer", question=1, source={"url": url})
        update = await self.wire.until(lambda e: happened(e, "answer_recorded", "answer_lost"))
        return dict(update["events"][0])

    async def refused(self, url: str) -> tuple[str, str]:
        """The code and the words with which an answer behind *url* is lost."""
        lost = await self.answer(url)
        assert lost["type"] == "answer_lost"
        assert self.wire.view["question"]["number"] == 1, "it can be answered again"
        warned = [event for event in self.wire.heard if event["type"] == "warning"][-1]
        assert warned["code"] == lost["reason"]
        return lost["reason"], warned["message"]


@asynccontextmanager
async def linked(*places: str) -> AsyncGenerator[Linked]:
    """A server whose one fetcher may open links to *places* on this machine."""
    network, transcriber = Watched(), ScriptedTranscriber()
    async with (
        aclosing(Fetcher(FetchPolicy.allowing(places), backend=network)) as fetcher,
        aclosing(_hearing("microphone", {}, fetcher.sound)) as recorder,  # type: ignore[type-var]
        running(ports={"recorder": recorder, "transcriber": transcriber}) as server,
        client(server) as wire,
    ):
        await wire.begin()
        yield Linked(wire, network, transcriber)


def test_the_sound_behind_a_link_is_heard_and_the_fetcher_alone_opens_it() -> None:
    async def interview() -> None:
        async with loopback(reply(document(wav(), "audio/wav"))) as far, linked(far.place) as ada:
            assert (await ada.answer(f"http://{far.place}/answer.wav"))["type"] == "answer_recorded"
            assert ada.transcriber.heard == [len(SAID)]
            assert (far.connections, ada.network.connected) == (1, [far.place])
            assert far.heads[0].startswith(b"GET /answer.wav HTTP/1.1\r\n")
            assert b"\r\nAccept: audio/*\r\n" in far.heads[0]

    asyncio.run(interview())


def test_whose_turn_it_takes_to_open_one_is_its_clients() -> None:
    opened = []

    async def sound(url: str, client: str) -> bytes:
        opened.append((url, client))
        return wav()

    async def interview() -> None:
        ada, transcriber = {**BEARER, "X-Forwarded-For": "198.51.100.7"}, ScriptedTranscriber()
        async with (
            aclosing(_hearing("microphone", {}, sound)) as recorder,  # type: ignore[type-var]
            running(ports={"recorder": recorder, "transcriber": transcriber}, **STRANGERS) as server,
            client(server, additional_headers=ada) as wire,
        ):
            await wire.begin()
            await Linked(wire, Watched(), transcriber).answer("https://example.com/answer.wav")
        assert opened == [("https://example.com/answer.wav", "198.51.100.7")]

    asyncio.run(interview())


@pytest.mark.parametrize("url", ["http://127.0.0.1/a.wav", "http://[::1]/a.wav", "http://169.254.169.254/a"])
def test_an_address_that_was_not_allowed_is_refused_before_anybody_connects(url: str) -> None:
    async def interview() -> None:
        async with linked("127.0.0.1:9") as ada:
            code, said = await ada.refused(url)
            assert (code, "private network are blocked" in said) == ("resume_url_refused", True)
            assert ada.network.connected == []

    asyncio.run(interview())


def test_a_redirect_to_an_address_that_was_not_allowed_is_not_followed() -> None:
    async def interview() -> None:
        async with loopback(reply(document(wav(), "audio/wav"))) as inner:
            moved = head(302, f"Location: http://{inner.place}/a.wav", "Content-Length: 0")
            async with loopback(reply(moved)) as far, linked(far.place) as ada:
                code, _ = await ada.refused(f"http://{far.place}/a.wav")
                assert code == "resume_url_refused"
                assert (inner.connections, ada.network.connected) == (0, [far.place])

    asyncio.run(interview())


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (document(PAGE, "text/html"), "unsupported_media", "gave a web page, not a sound file"),
        (document(PDF, "audio/wav"), "unsupported_media", "not a sound file"),
        (document(b"", "audio/wav"), "unsupported_media", "an empty file, not a sound file"),
        (document(wav()[:20], "audio/wav"), "audio_unusable", "damaged"),
        (head(200, "Content-Type: audio/wav", f"Content-Length: {2**40}"), "too_large", "limit is 10 MB"),
        (head(404, "Content-Length: 0"), "resume_unreachable", "no such file"),
    ],
    ids=["a page", "a PDF that is called sound", "nothing", "damage", "a terabyte", "gone"],
)
def test_what_is_no_sound_is_told_by_its_code(answer: bytes, code: str, words: str) -> None:
    async def interview() -> None:
        async with loopback(reply(answer)) as far, linked(far.place) as ada:
            lost, said = await ada.refused(f"http://{far.place}/a.wav")
            assert (lost, words in said) == (code, True), said
            assert ada.transcriber.heard == []
            update = await ada.wire.ask("submit_answer", question=1, text="I did it.")
            assert happened(update, "submit_answer")
            assert far.connections == 1

    asyncio.run(interview())
