"""Sound files as a Recorder: what a client uploads, and what is behind its link. Decoded by PyAV.

Each file is decoded in a fresh child with limits, and taken whole: a pause in it ends nothing.
"""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from importlib.util import find_spec

from ..confinement import ENDED_BY, Limits, confined, feed, hear, kill
from ..errors import AdapterError, MissingExtra, ResumeError, SettingError
from ..events import Source
from ..ports import INSTEAD
from ..sound import audio_type
from ..turns import Full, Turns
from . import _files_worker as worker

NAME = "files"
MOST_BYTES = 10 * 1024 * 1024
"""Of one file, as of a résumé."""

Fetch = Callable[[str, str], Awaitable[bytes]]
"""Opens a link for a client, with the guards that résumés' links have; raises ResumeError."""

_PIECE = 32_000  # bytes, a second: so that a file comes to the recogniser as a microphone's sound does
_AGAIN = f"Save it again as wav or mp3, {INSTEAD}"
_SENTENCES = {
    "kind": ("unsupported_media", f"Sound is taken as wav, flac, ogg, mp3, m4a or webm. {_AGAIN}"),
    "empty": ("audio_unusable", f"This file is empty. Choose another, {INSTEAD}"),
    "size": ("too_large", f"This file is larger than 10 MB, the limit. Save it as mp3 or ogg, {INSTEAD}"),
    "long": (
        "too_large",
        f"This recording is longer than {{minutes:g}} minutes, the limit. Cut it, {INSTEAD}",
    ),
    "malformed": ("audio_unusable", f"This file is damaged and cannot be read. {_AGAIN}"),
    "nothing": ("audio_unusable", f"There is no sound in this file. Choose another, {INSTEAD}"),
    "memory": ("audio_unusable", f"This file needs too much memory to read. {_AGAIN}"),
    "time": ("audio_unusable", f"This file takes too long to read. {_AGAIN}"),
    "closed": ("audio_unusable", "This server reads no files any more."),
    "link": ("audio_unusable", f"This server opens no links to sound. Send the file, {INSTEAD}"),
}
_STATUS = {worker.MALFORMED: "malformed", worker.NO_SOUND: "nothing", worker.LONG: "long"}
_SIGNALS = {"cpu": "time", "memory": "memory"}


class Files:
    """Hears answers from whole files, *at_once* of them, in fair turns (``turns.Turns``).

    *fetch* opens links; without it none is opened. A file has at most ``MOST_BYTES`` bytes and *longest*
    seconds; its child *wall* seconds from its start, *cpu* seconds of computing, *memory* bytes. Neither file
    nor sound is written to a disk.
    """

    def __init__(
        self,
        *,
        fetch: Fetch | None = None,
        longest: float = 300.0,
        at_once: int = 2,
        wall: float = 30.0,
        cpu: int = 15,
        memory: int = 768 * 1024 * 1024,
    ) -> None:
        if longest < 1 or wall <= 0:
            raise SettingError("a sound file has a second or more, and some time to be read")
        self._fetch, self._longest = fetch, longest
        self._turns = Turns(at_once)
        self._wall, self._cpu, self._memory = wall, cpu, memory
        self._children: set[Process] = set()
        self._closed = False

    most_bytes = MOST_BYTES

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of sources."""
        return ("upload", "link") if self._fetch else ("upload",)

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
        """PCM16 mono 16 kHz: the whole file, whatever its pauses, and though *done* is set meanwhile.

        Raises AdapterError: ``audio_unusable``, ``unsupported_media``, ``too_large``, ``busy``, and what a
        link's fetcher refuses with (``resume_url_refused``, ``resume_unreachable``, ``resume_timeout``).
        """
        del silence, done, soon
        sound = await self.decode(await self._file(source, brought, client), client=client)
        for at in range(0, len(sound), _PIECE):
            yield sound[at : at + _PIECE]

    async def decode(self, file: bytes, *, client: str = "") -> bytes:
        """The sound of *file*, PCM16 mono 16 kHz. Its child is dead when this returns or is cancelled.

        *client* is whose turn it takes. Raises AdapterError as ``record()`` does.
        """
        if not file or len(file) > MOST_BYTES:
            raise self._refusal("size" if file else "empty")
        if audio_type(file) is None:
            raise self._refusal("kind")
        try:
            async with self._turns.turn(client):
                if self._closed:
                    raise self._refusal("closed")
                return await self._decoded(file)
        except Full:
            raise _busy() from None

    async def aclose(self) -> None:
        """Kill the children there are, and read nothing more."""
        self._closed = True
        for child in tuple(self._children):
            kill(child)
            await child.wait()

    async def _file(self, source: Source, brought: AsyncIterator[bytes] | None, client: str) -> bytes:
        if source.kind == "link" and self._fetch is not None:
            try:
                return await self._fetch(source.ref, client)
            except ResumeError as error:
                code = "too_large" if error.code == "resume_too_large" else error.code
                raise AdapterError(NAME, code, str(error), retryable=error.retryable) from error
        if source.kind != "upload" or brought is None:
            raise self._refusal("link" if source.kind == "link" else "nothing")
        file = bytearray()
        async for piece in brought:
            file += piece
            if len(file) > MOST_BYTES:
                raise self._refusal("size")
        return bytes(file)

    async def _decoded(self, file: bytes) -> bytes:
        limits = Limits(os.getpid(), self._memory, self._cpu)
        most = int(self._longest) * 32_000
        program = "interview_fsm.adapters._files_worker"
        try:
            async with (
                asyncio.timeout(self._wall),
                confined(program, limits, str(int(self._longest))) as child,
            ):
                self._children.add(child)
                try:
                    if self._closed:
                        raise self._refusal("closed")
                    _, sound = await asyncio.gather(feed(child, file), hear(child, most))
                    status = await child.wait()
                finally:
                    self._children.discard(child)
        except TimeoutError as error:
            raise self._refusal("time") from error
        except OSError as error:  # the host has no process left to give
            raise _busy() from error
        if status != worker.WELL:
            ended = _STATUS.get(status) or _SIGNALS.get(ENDED_BY.get(-status, ""), "malformed")
            raise self._refusal("closed" if self._closed else ended)
        return sound

    def _refusal(self, why: str) -> AdapterError:
        code, sentence = _SENTENCES[why]
        return AdapterError(NAME, code, sentence.format(minutes=self._longest / 60))


def _busy() -> AdapterError:
    return AdapterError(NAME, "busy", "Too much is going on here. Try again in a moment.", retryable=True)


async def create(*, fetch: Fetch | None = None, longest: float = 300.0) -> Files:
    """The reader of sound files. Raises MissingExtra."""
    if find_spec("av") is None:
        raise MissingExtra(NAME, "files")
    return Files(fetch=fetch, longest=float(longest))
