"""The child that decodes one sound file, within limits.

``python -I -B -m interview_fsm.adapters._files_worker LIMITS SECONDS``: the file comes by stdin, its sound
goes to stdout as PCM16 mono 16 kHz, and how it ended is the exit status. Native parsers read what strangers
send: they get bytes, never a name, the formats that are named here, and no protocol to open anything by.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ..confinement import Limits, confine

if TYPE_CHECKING:
    from av import AudioFrame

WELL, MALFORMED, NO_SOUND, LONG = 0, 10, 11, 12
"""How it ended, as an exit status."""

FORMATS = "wav,flac,ogg,mp3,mov,matroska,aac"
_RATE = 16_000


def main() -> None:
    """Decode stdin to stdout."""
    confine(msgspec.json.decode(sys.argv[1], type=Limits))
    sound = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints
    file = sys.stdin.buffer.read()
    status = _decode(file, sound, most=int(sys.argv[2]) * _RATE * 2)
    sound.close()
    os._exit(status)  # without the libraries' own goodbyes, which may crash after a broken file


def _decode(file: bytes, sound: io.BufferedWriter, most: int) -> int:
    """Write the sound of *file*, *most* bytes of it; the exit status."""
    written = 0
    try:
        for pcm in _pcm(file):
            written += len(pcm)
            if written > most:  # counted while it is decoded: a megabyte may hold hours
                return LONG
            sound.write(pcm)
    except MemoryError:
        raise
    except Exception:
        # A file that breaks off is an answer as far as it goes; one that never began is none.
        return WELL if written else MALFORMED
    return WELL if written else NO_SOUND


def _pcm(file: bytes) -> Iterator[bytes]:
    import av

    options = {"format_whitelist": FORMATS, "protocol_whitelist": ""}
    with av.open(io.BytesIO(file), "r", options=options) as container:
        if not container.streams.audio:
            return
        stream = container.streams.audio[0]
        stream.codec_context.thread_count = 1
        resampler = av.AudioResampler(format="s16", layout="mono", rate=_RATE)
        for frame in container.decode(stream):
            yield from _samples(resampler.resample(frame))
        yield from _samples(resampler.resample(None))


def _samples(frames: list[AudioFrame]) -> Iterator[bytes]:
    for frame in frames:
        yield bytes(frame.planes[0])[: frame.samples * 2]


if __name__ == "__main__":
    main()
