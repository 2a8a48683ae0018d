"""The child program that speaks: pyttsx3 with espeak-ng, one sentence at a time.

What its parent is protected from, all of it seen: ``runAndWait()`` returns before the file is written, and
the next sentence then cancels this one (an empty file); of several sentences queued only the last is made;
two threads crash the process; a file that cannot be written hangs it; a voice that does not exist is ignored.
"""

from __future__ import annotations

import ctypes
import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from ._child import Pipe

if TYPE_CHECKING:
    import pyttsx3

_MAKING = 15.0  # seconds for a sentence, which takes 0.012 at the median
_ROOM = 2 * 1024 * 1024  # bytes: the longest piece of a text at the slowest rate
_BLOCK = 1024  # frames of 22,050 Hz: 46 ms


class Setup(Struct, frozen=True, tag=True):
    """How to speak, given once."""

    voice: str | None
    rate: int
    """Words a minute."""
    play: bool


class Say(Struct, frozen=True, tag=True):
    """One sentence."""

    text: str


class Ready(Struct, frozen=True, tag=True):
    """The voice is there, and so is the loudspeaker where one is wanted."""


class Made(Struct, frozen=True, tag=True):
    """The sentence as a whole WAV file; empty where it is played here, from now on."""

    wav: bytes
    seconds: float


class Said(Struct, frozen=True, tag=True):
    """It has been played."""


class Failed(Struct, frozen=True, tag=True):
    """There will be no speech; the program ends."""

    reason: Literal["espeak", "voice", "folder", "loudspeaker", "crash"]


Order = Setup | Say
Report = Ready | Made | Said | Failed

ORDERS: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
REPORTS: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)

Player = Callable[[bytes], None]
"""Plays a WAV file, and returns when it has been heard."""


class _Mute(Exception):
    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.reason)
        self.failed = failed


def main() -> None:
    """Serve one sentence after the other until the parent goes away."""
    with Pipe(ORDERS) as pipe:
        try:
            _serve(pipe)
        except _Mute as mute:
            pipe.write(mute.failed)
        except Exception:  # pyttsx3 and the drivers under it may raise anything at all
            pipe.write(Failed("crash"))


def _serve(pipe: Pipe[Order]) -> None:
    setup = pipe.read()
    assert isinstance(setup, Setup)
    voice = Voice(setup)
    player = _player() if setup.play else None
    pipe.write(Ready())
    while isinstance(order := pipe.read(), Say):
        wav, seconds = voice.speak(order.text)
        if player is None:
            pipe.write(Made(wav, seconds))
            continue
        pipe.write(Made(b"", seconds))
        player(wav)
        pipe.write(Said())


class Voice:
    """One pyttsx3 engine, used in the one way that was right 2,400 times of 2,400."""

    def __init__(self, setup: Setup) -> None:
        try:
            self._engine = _engine()
        except (ImportError, OSError, RuntimeError) as error:
            raise _Mute(Failed("espeak")) from error
        if setup.voice and setup.voice not in _voices(self._engine):
            raise _Mute(Failed("voice"))
        self._setup = setup
        self._finished = threading.Event()
        self._engine.connect("finished-utterance", self._finish)

    def speak(self, text: str) -> tuple[bytes, float]:
        """*text* as a WAV file, and how long it is; made a second time if the first came out empty."""
        for _ in range(2):
            with _place() as path:
                self._make(text, path)
                wav = _read(path)
            if wav and not wav.startswith(b"RIFF"):
                raise _Mute(Failed("espeak"))  # the voice of another platform, which writes no WAV
            if seconds := _seconds(wav):
                return wav, seconds
        return wav, 0.0  # nothing to be heard in it: a dash, a bracket

    def _finish(self, name: str | None, completed: bool) -> None:
        del name
        if completed:  # a cancelled one is told twice, this the second time
            self._finished.set()

    def _make(self, text: str, path: str) -> None:
        self._finished.clear()
        self._engine.setProperty("rate", self._setup.rate)  # every time: one run in many loses it
        if self._setup.voice:
            self._engine.setProperty("voice", self._setup.voice)
        self._engine.save_to_file(text, path)
        self._engine.runAndWait()
        if not self._finished.wait(_MAKING) or not _is_quiet(_MAKING):
            raise TimeoutError


def _engine() -> pyttsx3.Engine:
    """espeak-ng of the ``espeakng_loader`` wheel if it is there, else the system's or the platform's."""
    with suppress(ImportError, OSError, RuntimeError):
        import espeakng_loader

        ctypes.CDLL(
            espeakng_loader.get_library_path()
        )  # pyttsx3 asks for it by its soname, and finds this one
        os.environ["ESPEAK_DATA_PATH"] = os.path.dirname(espeakng_loader.get_data_path())
    import pyttsx3

    return pyttsx3.init()


def _voices(engine: pyttsx3.Engine) -> set[str]:
    voices = engine.getProperty("voices")
    return {name for voice in voices for name in (voice.id, voice.name)}


def _is_quiet(seconds: float) -> bool:
    """Whether espeak is done within *seconds*: it says that it has finished a moment before it has."""
    espeak = sys.modules.get("pyttsx3.drivers._espeak")
    until = time.monotonic() + seconds
    while espeak is not None and espeak.IsPlaying():
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True


@contextmanager
def _place() -> Iterator[str]:
    """A path for one file, with room for it: pyttsx3 waits for ever for a file that it cannot write."""
    with ExitStack() as held:
        try:
            path = _path(held)
            with open(path, "wb") as file:
                file.write(bytes(_ROOM))
        except OSError as error:
            raise _Mute(Failed("folder")) from error
        yield path


def _path(held: ExitStack) -> str:
    """In memory on Linux, because a question may quote a résumé; gone when *held* is."""
    if hasattr(os, "memfd_create"):
        memory = os.memfd_create("speech")
        held.callback(os.close, memory)
        return f"/proc/self/fd/{memory}"
    return os.path.join(held.enter_context(tempfile.TemporaryDirectory()), "speech.wav")


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _seconds(wav: bytes) -> float:
    """How long it is; 0 for a file without sound."""
    try:
        with wave.open(io.BytesIO(wav)) as file:
            return float(file.getnframes() / file.getframerate())
    except (wave.Error, EOFError):
        return 0.0


def _player() -> Player:
    """PyAudio where it is installed and has a loudspeaker, else ALSA's ``aplay``."""
    with suppress(ImportError, OSError):
        return _pyaudio_player()
    if shutil.which("aplay"):
        return _aplay
    raise _Mute(Failed("loudspeaker"))


def _pyaudio_player() -> Player:
    import pyaudio

    audio = pyaudio.PyAudio()
    audio.get_default_output_device_info()

    def play(wav: bytes) -> None:
        with wave.open(io.BytesIO(wav)) as file:
            stream = audio.open(
                rate=file.getframerate(), channels=file.getnchannels(), format=pyaudio.paInt16, output=True
            )
            try:
                while block := file.readframes(_BLOCK):
                    stream.write(block)
                stream.stop_stream()  # waits for what is in the device, which close() would throw away
            finally:
                stream.close()

    return _checked(play)


def _aplay(wav: bytes) -> None:
    try:
        subprocess.run(["aplay", "-q", "-"], input=wav, check=True, timeout=_MAKING + _seconds(wav))  # noqa: S607
    except subprocess.CalledProcessError as error:
        raise _Mute(Failed("loudspeaker")) from error


def _checked(player: Player) -> Player:
    def play(wav: bytes) -> None:
        try:
            player(wav)
        except OSError as error:
            raise _Mute(Failed("loudspeaker")) from error

    return play
