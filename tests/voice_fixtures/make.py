"""Make the clips anew: ``python tests/voice_fixtures/make.py`` (Debian package: flite).

espeak-ng is not used: the recogniser does not understand it (word error rate 0.7; flite's voices: 0.1).
"""

import io
import subprocess
import wave
from pathlib import Path

from interview_fsm.cli.checks import RECORDED

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "src" / "interview_fsm" / "data"
QUIET = 200
"""Louder than this belongs to a word."""
MARGIN = 800
"""Samples (50 ms) left before the first and after the last word."""

CLIPS = {
    "help": ("slt", "I learned to ask for help early."),
    "percent": ("rms", "We reduced the cost by thirty percent."),
}


def spoken(voice: str, text: str) -> bytes:
    """*text* by one of flite's voices, as PCM16 mono 16 kHz, with the silence at both ends cut off."""
    flite = ["flite", "-voice", voice, "-t", text, "-o", "/dev/stdout"]
    wav = subprocess.run(flite, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        pcm = file.readframes(len(wav) // 2)
    samples = memoryview(pcm).cast("h")
    loud = [at for at, sample in enumerate(samples) if abs(sample) > QUIET]
    return pcm[2 * max(0, loud[0] - MARGIN) : 2 * (loud[-1] + MARGIN)]


def keep(path: Path, pcm: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(pcm)


if __name__ == "__main__":
    for name, (voice, text) in CLIPS.items():
        keep(HERE / f"{name}.wav", spoken(voice, text))
    keep(DATA / "sentence.wav", spoken("rms", RECORDED))
