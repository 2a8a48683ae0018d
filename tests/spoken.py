"""Answers said to the page: a server that takes the browser's sound, and what it was given."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import WebSocketRoute, expect

from interview_fsm.adapters.speech_recognition import Recognition
from interview_fsm.events import Transcript
from interview_fsm.ports import Recorder
from interview_fsm.testing import ScriptedRecorder, ScriptedTranscriber, Step

from .browser import Visit
from .sitting import Sitting

UNDERSTOOD = "I measured it first and rewrote the slow part myself: twenty minutes."
MICROPHONE = {"permissions": ["microphone"]}
"""A context whose page may use it."""


def parts(*answers: str | Transcript, recorder: Recorder | None = None) -> dict[str, Any]:
    """What a server is made of that understands *answers*, and without *recorder* hears until it is told
    that all was said.
    """
    steps: list[Step[Any]] = [Step(gives=answer) for answer in answers or (UNDERSTOOD,) * 3]
    hears = recorder or ScriptedRecorder(seconds=3600)
    return {"ports": {"recorder": hears, "transcriber": ScriptedTranscriber(steps)}, "options": MICROPHONE}


class Wire:
    """Stands between the page and a server, as if that took a stream, and had a *microphone* or none; keeps
    the sound that comes.
    """

    def __init__(self, *, microphone: bool = False) -> None:
        self._microphone = microphone
        self.frames: list[bytes] = []
        self._pages: list[WebSocketRoute] = []

    @property
    def sound(self) -> bytes:
        return b"".join(self.frames)

    def say(self, **event: Any) -> None:
        """Tell the page something."""
        self._pages[-1].send(json.dumps(event))

    def connect(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        self._pages.append(page)

        def up(frame: str | bytes) -> None:
            if isinstance(frame, bytes):
                self.frames.append(frame)
            else:
                server.send(frame.replace('"source":"stream"', '"source":"microphone"'))

        def down(frame: str | bytes) -> None:
            if isinstance(frame, bytes):
                page.send(frame)
                return
            event = json.loads(frame)
            if "features" in event:
                event["features"] |= {"stream": True, "microphone": self._microphone}
            page.send(json.dumps(event))

        page.on_message(up)
        server.on_message(down)


async def with_wire(visit: Visit, wire: Wire, *scripts: str) -> Sitting:
    """The page anew, with *wire* before its server and *scripts* run before its own."""
    await visit.context.route_web_socket("**", wire.connect)
    for script in scripts:
        await visit.context.add_init_script(script)
    await visit.page.reload()
    return Sitting(visit.page)


async def as_it_is(visit: Visit) -> None:
    """The sound as the microphone gives it: what lessens noise is made for rooms, not for files."""
    await visit.page.get_by_text("Choose or try your microphone").click()
    await visit.page.get_by_label("Lessen noise and echo").uncheck()


async def speak(sitting: Sitting) -> None:
    """Press, and wait until the page listens."""
    await sitting.press("Speak your answer")
    await sitting.state("recording")
    await expect(sitting.page.get_by_text("Listening …")).to_be_visible()


async def say_all(sitting: Sitting) -> None:
    """Speak, until some of it is understood, and say that this was all."""
    await speak(sitting)
    await expect(sitting.page.locator("[data-ref=partial]")).not_to_be_empty()
    await sitting.press("I have finished")


async def understood(pcm: bytes) -> str:
    """What PocketSphinx makes of it, in a process of its own."""

    async def sound() -> AsyncIterator[bytes]:
        yield pcm

    recognition = Recognition()
    try:
        async for part in recognition.transcribe(sound(), hints=(), language="en"):
            if isinstance(part, Transcript):
                return part.text
    finally:
        await recognition.aclose()
    return ""
