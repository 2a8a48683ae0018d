"""The child program that holds the microphone: it opens the device for one answer and reads it.

A native read of a device that has stalled never returns, and nothing but the end of its process frees it.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from ._child import Pipe
from ._voice_activity import FRAME, FRAME_SECONDS, Lull, Onset, detector

if TYPE_CHECKING:
    import pyaudio

_LEAD = round(1.0 / FRAME_SECONDS)  # kept from before the onset: a soft first word is heard late
_BEAT = round(0.25 / FRAME_SECONDS)  # how often a sign of life is given while there is nothing to say


class Open(Struct, frozen=True, tag=True):
    """Listen to one answer. Times in seconds of sound."""

    device: str | None
    silence: float
    patience: float
    """How long to wait for speech."""
    longest: float


class Stop(Struct, frozen=True, tag=True):
    """All has been said; give what there is, and close the device."""


class Listening(Struct, frozen=True, tag=True):
    """The device is open, and gives sound."""


class Sound(Struct, frozen=True, tag=True):
    """PCM16 mono 16 kHz, from a second before speech began."""

    pcm: bytes


class Ended(Struct, frozen=True, tag=True):
    """The answer is over and the device is closed."""


class Failed(Struct, frozen=True, tag=True):
    """The device cannot be had, or was lost; it is closed."""

    reason: Literal["library", "none", "unknown", "refused", "lost"]
    names: tuple[str, ...] = ()
    """Of the microphones there are, when the one wanted is unknown."""


Order = Open | Stop
Report = Listening | Sound | Ended | Failed

ORDERS: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
REPORTS: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)


class _Trouble(Exception):
    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.reason)
        self.failed = failed


def main() -> None:
    """Serve answers until the parent goes away."""
    with Pipe(ORDERS) as pipe:
        answers: SimpleQueue[tuple[Open, threading.Event]] = SimpleQueue()
        threading.Thread(target=_obey, args=(pipe, answers), daemon=True).start()
        while True:
            order, stop = answers.get()
            try:
                _listen(pipe, order, stop)
            except _Trouble as trouble:
                pipe.write(trouble.failed)
            else:
                pipe.write(Ended())


def _obey(pipe: Pipe[Order], answers: SimpleQueue[tuple[Open, threading.Event]]) -> None:
    """Read orders beside the device, which may be stuck; each answer has its own stop."""
    stop = threading.Event()
    while (order := pipe.read()) is not None:
        if isinstance(order, Stop):
            stop.set()
        else:
            stop = threading.Event()
            answers.put((order, stop))
    os._exit(0)  # the parent is gone; a thread that is stuck in a read must not keep this alive


def _listen(pipe: Pipe[Order], order: Open, stop: threading.Event) -> None:
    with _device(order.device) as stream:
        pipe.write(Listening())
        answer = _Answer(order)
        while not stop.is_set() and not answer.is_over:
            for report in answer.hear(_read(stream)):
                pipe.write(report)
        if stop.is_set() and (pcm := answer.held()):
            pipe.write(Sound(pcm))  # who says that all is said was heard, whatever the detector thought


class _Answer:
    """One answer as it comes in: what to hold back, what to give, and when it is over."""

    def __init__(self, order: Open) -> None:
        self._order = order
        self._is_speech, self._onset, self._lull = detector(), Onset(), Lull()
        self._held: deque[bytes] = deque()
        self._frames = 0
        self._begun = False
        self.is_over = False

    def hear(self, frame: bytes) -> Iterator[Listening | Sound]:
        """Take one frame in; what the parent should know."""
        is_speech = self._is_speech(frame)
        self._frames += 1
        if self._begun:
            self._lull.hear(is_speech)
            self.is_over = self._lull.lasts(self._order.silence) or self._lasted(self._order.longest)
            yield Sound(frame)
            return
        self._held.append(frame)
        if self._onset.hear(is_speech):
            yield Sound(self._begin())
        elif self._frames % _BEAT == 0:
            yield Listening()
        self.is_over = not self._begun and self._lasted(self._order.patience)

    def held(self) -> bytes:
        """What was held back until now."""
        held = b"".join(self._held)
        self._held.clear()
        return held

    def _begin(self) -> bytes:
        self._begun = True
        while len(self._held) > _LEAD:
            self._held.popleft()
        self._frames = len(self._held)
        return self.held()

    def _lasted(self, seconds: float) -> bool:
        return self._frames * FRAME_SECONDS >= seconds


def _read(stream: pyaudio.Stream) -> bytes:
    try:
        pcm: bytes = stream.read(FRAME, exception_on_overflow=False)
    except OSError as error:
        raise _Trouble(Failed("lost")) from error
    return pcm


@contextmanager
def _device(name: str | None) -> Iterator[pyaudio.Stream]:
    """The device, open. PortAudio looks for devices when it starts, so it starts for every answer."""
    try:
        import pyaudio
    except (
        ImportError
    ) as error:  # the package is there, or the parent would not have come here: PortAudio is not
        raise _Trouble(Failed("library")) from error
    audio = pyaudio.PyAudio()
    try:
        stream = _open(audio, name)
        try:
            yield stream
        finally:
            stream.close()
    finally:
        audio.terminate()


def _open(audio: pyaudio.PyAudio, name: str | None) -> pyaudio.Stream:
    import pyaudio

    index = _index(audio, name)
    try:
        return audio.open(
            rate=16_000,
            channels=1,
            format=pyaudio.paInt16,
            input=True,
            input_device_index=index,
            frames_per_buffer=FRAME,
        )
    except (OSError, ValueError) as error:
        raise _Trouble(Failed("refused")) from error


def _index(audio: pyaudio.PyAudio, name: str | None) -> int | None:
    """Which device *name* is: by its whole name, else the only one that has it in its name."""
    devices = (audio.get_device_info_by_index(at) for at in range(audio.get_device_count()))
    names = {
        int(device["index"]): str(device["name"]) for device in devices if device["maxInputChannels"] > 0
    }
    if not names:
        raise _Trouble(Failed("none"))
    if name is None:
        return None
    exact = [at for at, called in names.items() if called == name]
    alike = [at for at, called in names.items() if name.casefold() in called.casefold()]
    for found in (exact[:1], alike):
        if len(found) == 1:
            return found[0]
    raise _Trouble(Failed("unknown", tuple(names.values())))
