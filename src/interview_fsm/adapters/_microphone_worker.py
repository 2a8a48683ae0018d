"""The child program that holds the microphone: it opens the device for one answer and reads it.

A native read of a device that has stalled never returns, and nothing but the end of its process frees it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from ._child import Pipe
from ._voice_activity import FRAME, FRAME_SECONDS, Answer, detector

if TYPE_CHECKING:
    import pyaudio

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


class Fading(Struct, frozen=True, tag=True):
    """Half of the silence that ends the answer has passed."""


class Ended(Struct, frozen=True, tag=True):
    """The answer is over and the device is closed."""


class Failed(Struct, frozen=True, tag=True):
    """The device cannot be had, or was lost; it is closed."""

    reason: Literal["library", "none", "unknown", "refused", "lost"]
    names: tuple[str, ...] = ()
    """Of the microphones there are, when the one wanted is unknown."""


Order = Open | Stop
Report = Listening | Sound | Fading | Ended | Failed

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
    while True:
        order = pipe.read()
        if isinstance(order, Stop):
            stop.set()
        else:
            stop = threading.Event()
            answers.put((order, stop))


def _listen(pipe: Pipe[Order], order: Open, stop: threading.Event) -> None:
    with _device(order.device) as stream:
        pipe.write(Listening())
        is_speech = detector()
        answer = Answer(silence=order.silence, patience=order.patience, longest=order.longest)
        frames, was_fading = 0, False
        while not stop.is_set() and not answer.is_over:
            frame = _read(stream)
            frames += 1
            if pcm := answer.hear(frame, is_speech(frame)):
                pipe.write(Sound(pcm))
            elif frames % _BEAT == 0:
                pipe.write(Listening())
            if answer.is_fading and not was_fading:
                pipe.write(Fading())
            was_fading = answer.is_fading
        if stop.is_set() and (pcm := answer.held()):
            pipe.write(Sound(pcm))


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
