"""Several recorders as one, each for the kinds of sound that it hears. Fits ``ports.Recorder``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing

from .errors import AdapterError
from .events import Source
from .ports import Recorder

NAME = "sources"


class Sources:
    """Hears each answer with the recorder for its kind of source."""

    def __init__(self, recorders: Mapping[str, Recorder]) -> None:
        self._recorders = dict(recorders)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of sources, that there are recorders for."""
        return tuple(self._recorders)

    async def record(
        self,
        source: Source,
        *,
        silence: float,
        done: asyncio.Event,
        brought: AsyncIterator[bytes] | None = None,
        soon: Callable[[], None] | None = None,
        client: str = "",
    ) -> AsyncGenerator[bytes, None]:
        """What the recorder for *source* gives; AdapterError where there is none."""
        recorder = self._recorders.get(source.kind)
        if recorder is None:
            raise AdapterError(NAME, *_MISSING[source.kind])
        sound = recorder.record(source, silence=silence, done=done, brought=brought, soon=soon, client=client)
        async with aclosing(sound):
            async for chunk in sound:
                yield chunk

    async def aclose(self) -> None:
        """Close them all."""
        for recorder in {id(each): each for each in self._recorders.values()}.values():
            await recorder.aclose()


_MISSING = {
    "microphone": ("microphone_unavailable", "This server has no microphone. Type your answer."),
    "stream": ("audio_unusable", "This server does not take sound from browsers. Type your answer."),
    "upload": ("audio_unusable", "This server does not take sound files. Type your answer."),
    "link": ("audio_unusable", "This server does not take links to sound. Type your answer."),
}
