"""A microphone for Chromium: a WAV file, read anew each time that a page opens it."""

from __future__ import annotations

import wave
from pathlib import Path

RATE = 48_000
"""Hz: what Chromium takes a fake microphone's file for without asking."""


class Ear:
    """The file, and the flags with which Chromium hears it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "microphone.wav"
        self.hears(b"")

    @property
    def flags(self) -> list[str]:
        return [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={self._path}%noloop",
        ]

    def hears(self, pcm: bytes, before: float = 0.5, after: float = 3.0) -> None:
        """From the next opening on: *pcm* (PCM16 mono 16 kHz) between so many seconds of silence."""
        samples = memoryview(pcm).cast("h")
        thrice = b"".join(sample.to_bytes(2, "little", signed=True) * 3 for sample in samples)
        with wave.open(str(self._path), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(bytes(round(before * RATE) * 2) + thrice + bytes(round(after * RATE) * 2))
