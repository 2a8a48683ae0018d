"""Sound files on the command line."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncGenerator
from pathlib import Path

from ..adapters import load
from ..errors import AdapterError, InterviewError
from ..ports import INSTEAD, SAMPLE_RATE

MOST_SECONDS = 3600
"""Of one file: an hour. What is longer is refused while it is read."""
_CHUNK = 2 * SAMPLE_RATE // 10  # bytes: a tenth of a second, as a browser sends it


async def sound_of(path: Path) -> bytes:
    """The sound in *path* as PCM16 mono 16 kHz. Raises AdapterError: what cannot be used, by its name, and
    MissingExtra for formats that only the extra ``files`` reads.
    """
    if (pcm := await asyncio.to_thread(_as_it_is, path)) is not None:
        return pcm
    files = await load("files", longest=MOST_SECONDS)
    try:
        return bytes(await files.decode(await asyncio.to_thread(_begun, path, files.most_bytes)))
    except AdapterError as error:
        raise AdapterError(error.adapter, error.code, f"{told(error).rstrip('.')} ({path})") from error
    finally:
        await files.aclose()


def _begun(path: Path, most: int) -> bytes:
    """The file, no further than it takes to see that it is too large: a device never ends."""
    with path.open("rb") as file:
        return file.read(most + 1)


def _as_it_is(path: Path) -> bytes | None:
    """The sound of a WAV that needs no decoding; None for any other file."""
    try:
        with wave.open(str(path)) as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (SAMPLE_RATE, 1, 2):
                return None
            pcm: bytes = file.readframes(MOST_SECONDS * SAMPLE_RATE + 1)
    except OSError as error:
        raise AdapterError(
            "files", "audio_unusable", f"this file cannot be read: {error.strerror} ({path})"
        ) from error
    except (wave.Error, EOFError):
        return None
    if not pcm:
        raise AdapterError("files", "audio_unusable", f"there is no sound in this file ({path})")
    if len(pcm) > 2 * MOST_SECONDS * SAMPLE_RATE:
        raise AdapterError("files", "too_large", f"this file is longer than an hour, the limit ({path})")
    return pcm


def told(error: InterviewError) -> str:
    """What *error* says to whoever has no answer to type in place of what is heard."""
    return str(error).removesuffix(f", {INSTEAD}")


async def chunks(pcm: bytes) -> AsyncGenerator[bytes, None]:
    """*pcm* as a recorder gives it."""
    for at in range(0, len(pcm), _CHUNK):
        yield pcm[at : at + _CHUNK]
