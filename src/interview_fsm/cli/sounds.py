"""Sound files on the command line."""

from __future__ import annotations

import wave
from collections.abc import AsyncGenerator
from pathlib import Path

from ..errors import AdapterError, MissingExtra
from ..ports import SAMPLE_RATE

MOST_SECONDS = 3600
"""Of one file: an hour. What is longer is refused while it is read."""
_CHUNK = 2 * SAMPLE_RATE // 10  # a tenth of a second, as a browser sends it


def sound_of(path: Path) -> bytes:
    """The sound in *path* as PCM16 mono 16 kHz. Raises AdapterError ``audio_unusable``, MissingExtra."""
    try:
        with wave.open(str(path)) as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (SAMPLE_RATE, 1, 2):
                pcm: bytes = file.readframes(MOST_SECONDS * SAMPLE_RATE + 1)
                _check_length(path, pcm)
                return pcm
    except OSError as error:
        raise _unusable(f"{path} cannot be read: {error.strerror}") from error
    except (wave.Error, EOFError):
        pass  # another format
    return _decoded(path)


def _decoded(path: Path) -> bytes:
    try:
        import av
    except ImportError as error:
        raise MissingExtra(f"reading {path.name}", "files") from error
    pcm = bytearray()
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    try:
        # An opened file, never its name: some formats are lists of other places.
        with path.open("rb") as file, av.open(file, "r", options={"protocol_whitelist": ""}) as container:
            for frame in container.decode(audio=0):
                for resampled in resampler.resample(frame):
                    pcm += bytes(resampled.planes[0])[: resampled.samples * 2]
                _check_length(path, pcm)
    except OSError as error:
        raise _unusable(f"{path} cannot be read: {error.strerror or 'it is no sound file'}") from error
    except (ValueError, IndexError) as error:  # what av raises for what it cannot read is both
        raise _unusable(f"{path} is no sound file that can be read") from error
    for resampled in resampler.resample(None):
        pcm += bytes(resampled.planes[0])[: resampled.samples * 2]
    return bytes(pcm)


def _check_length(path: Path, pcm: bytes | bytearray) -> None:
    if len(pcm) > 2 * MOST_SECONDS * SAMPLE_RATE:
        raise _unusable(f"{path} is longer than an hour, the limit")


def _unusable(message: str) -> AdapterError:
    return AdapterError("files", "audio_unusable", message)


async def chunks(pcm: bytes) -> AsyncGenerator[bytes, None]:
    """*pcm* as a recorder gives it."""
    for at in range(0, len(pcm), _CHUNK):
        yield pcm[at : at + _CHUNK]
