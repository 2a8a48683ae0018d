"""Answers said to the page: a server that takes the browser's sound, and what it was given."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from playwright.async_api import WebSocketRoute, expect

from interview_fsm.adapters.speech_recognition import Recognition
from interview_fsm.events import Transcript
from interview_fsm.testing import ScriptedRecorder, ScriptedTranscriber, Step

from .browser import Visit
from .sitting import Sitting

UNDERSTOOD = "I measured it first and rewrote the slow part myself: twenty minutes."
MICROPHONE = {"permissions": ["microphone"]}
"""A context whose page may use it."""


def parts(*answers: str) -> dict[str, Any]:
    """What a server is made of that hears until it is told that all was said, and understands *answers*."""
    steps: list[Step[Any]] = [Step(gives=answer) for answer in answers or (UNDERSTOOD,) * 3]
    return {
        "ports": {"recorder": ScriptedRecorder(seconds=3600), "transcriber": ScriptedTranscriber(steps)},
        "options": MICROPHONE,
    }


class Wire:
    """Stands between the page and a server, as if that took a stream; keeps the sound that comes.

    *alter* may change what the server says, or answer in its place what the page says (``answers``).
    """

    def __init__(self, alter: Callable[[dict[str, Any]], None] = lambda event: None) -> None:
        self.frames: list[bytes] = []
        self._alter = alter
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
                event["features"] |= {"stream": True, "microphone": False}
            self._alter(event)
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


async def speak(sitting: Sitting) -> None:
    """Press, and wait until the page listens."""
    await sitting.press("Speak your answer")
    await sitting.state("recording")
    await expect(sitting.page.get_by_text("Listening …")).to_be_visible()


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
