"""What a client brings: files, and the résumé."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Protocol

from msgspec import UNSET, UnsetType

from .. import messages, views
from ..errors import BadMessage, CommandError, ResumeError
from ..events import Material, Resume
from ..ports import SAMPLE_RATE
from ..uploads import SECONDS, Space, TooLarge, Uploads
from .outbox import Outbox
from .work import Work

MOST_CHECKED = 10 * 2 * SAMPLE_RATE
"""Bytes of sound in one try of a microphone: ten seconds, where three are enough."""

_REFUSED = {
    "answer": "Answers are not taken as sound files here. Type the answer, and send it with `submit_answer`.",
    "check": "Nothing here understands speech. Type your answers, and send them with `submit_answer`.",
}


class Library(Protocol):
    """What brings résumés."""

    async def fetch(self, url: str, *, client: str) -> bytes:
        """The document behind a link of *client*'s. Raises ResumeError."""
        ...

    async def read(self, document: bytes, *, client: str) -> Resume:
        """The résumé in *document*, which is *client*'s. Raises ResumeError."""
        ...


class UnexpectedBinary(CommandError):
    """No upload is open."""

    code = "unexpected_binary"


class UploadLate(CommandError):
    """A résumé's file did not come in time."""

    code = "resume_timeout"
    retryable = True


class SoundLate(CommandError):
    """A file with sound did not come in time."""

    code = "audio_unusable"
    retryable = True


class UnsupportedMedia(CommandError):
    """A file of a kind that is not taken here."""

    code = "unsupported_media"


class Intake:
    """The file that is coming on a connection, and the résumé that is being read."""

    __slots__ = (
        "_client", "_library", "_outbox", "_purpose", "_purposes", "_reading", "_timer", "_upload_id",
        "_uploads", "_work",
    )  # fmt: skip

    def __init__(
        self,
        library: Library,
        space: Space,
        outbox: Outbox,
        work: Work,
        *,
        purposes: Collection[str] = ("resume",),
        client: str = "",
    ) -> None:
        self._client = client
        self._library, self._outbox, self._work = library, outbox, work
        self._purpose, self._purposes = "resume", purposes
        self._uploads = Uploads(space)
        self._upload_id: str | UnsetType = UNSET
        self._timer: asyncio.TimerHandle | None = None
        self._reading: asyncio.Task[Material] | None = None

    # --------------------------------------------------------------------------------------- files

    def begin(self, command: messages.BeginUpload) -> None:
        """A file is announced."""
        try:
            if command.purpose not in self._purposes:
                raise UnsupportedMedia(_REFUSED[command.purpose])
            if command.purpose == "check" and command.size > MOST_CHECKED:
                raise TooLarge("ten seconds of sound are enough for a try; send less")
            self._uploads.begin(command.size, command.sha256 or "")
        except CommandError as problem:
            self._outbox.fail(problem, command.id)
            return
        self._upload_id, self._purpose = command.id, command.purpose
        self._timer = asyncio.get_running_loop().call_later(SECONDS, self._late)
        self._work.begin("upload", "Taking in the file.", total=command.size)

    @property
    def is_open(self) -> bool:
        """Whether a file is coming."""
        return self._uploads.is_open

    def look_at(self, upload: str) -> bytes:
        """The bytes of a file that came. Raises BadMessage."""
        return self._uploads.look_at(upload)

    def drop(self, upload: str) -> None:
        """That file has been used."""
        with suppress(BadMessage):  # another has come meanwhile, and took its place
            self._uploads.claim(upload)

    def take(self, piece: bytes) -> None:
        """Bytes of it."""
        if not self._uploads.is_open:
            self._outbox.fail(
                UnexpectedBinary(
                    "no upload is open, and no answer is being recorded from a stream; send `begin_upload`,"
                    " or `record_answer` with the source `stream`, first"
                )
            )
            return
        try:
            upload = self._uploads.take(piece)
        except CommandError as problem:
            self._end(problem)
            return
        if upload is None:
            self._work.came("upload", self._uploads.received)
            return
        self._outbox.tell(messages.UploadReceived(in_reply_to=self._upload_id, upload=upload))
        self._end()

    def stop(self) -> None:
        """Nobody sends any more, and nobody takes what came."""
        self._uploads.clear()
        self._rest()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        said = f"the file did not come within {SECONDS:.0f} seconds; send it again"
        if self._purpose == "resume":
            self._end(UploadLate(said))
        else:
            self._end(SoundLate(f"{said}, or type your answer"))

    def _end(self, problem: CommandError | None = None) -> None:
        """No file is coming any more; because of *problem*, if there is one."""
        if problem is not None:
            self._outbox.fail(problem, self._upload_id)
        self._uploads.drop()
        self._upload_id = UNSET
        self._rest()
        self._work.end("upload")

    # ---------------------------------------------------------------------------------- the résumé

    async def read(self, given: messages.GivenResume, described: str) -> Material | None:
        """What is *given*, read, with the job that was *described*; None when that was cancelled.
        ``resume`` goes on until the caller says that it has ended.

        Raises ResumeError, and BadMessage for a file that is not here.
        """
        self._work.begin("resume", "Opening it." if given.url else "Reading it.", total=2)
        self._work.tell("resume")
        self._reading = reading = asyncio.create_task(self._read(given, described))
        try:
            await asyncio.wait([reading])
            return None if reading.cancelled() else reading.result()
        finally:
            self._reading = None
            await end(reading)

    async def _read(self, given: messages.GivenResume, described: str) -> Material:
        match given:
            case messages.GivenResume(url=str(url)):
                document = await self._library.fetch(url, client=self._client)
            case messages.GivenResume(text=str(text)):
                document = text.encode()
            case _:
                document = self._uploads.claim(given.upload or "")
        self._work.begin("resume", "Reading it.", done=1, total=2)
        self._work.tell("resume")
        material = Material.of(await self._library.read(document, client=self._client), described)
        if not material.resume:
            raise ResumeError("resume_empty", "There is no text in it. Choose another, or paste the text.")
        return material

    def cancel(self, task: str) -> bool:
        """Give up the file that is coming (``upload``) or the reading (``resume``); whether there was one."""
        if task == "resume" and self._reading is not None and not self._reading.done():
            self._reading.cancel()  # whoever waits for it says so
            return True
        if task == "upload" and self._uploads.is_open:
            self._outbox.tell(views.cancelled("upload", self._upload_id))
            self._end()
            return True
        return False


async def end(*tasks: asyncio.Task[object]) -> None:
    """Cancel these, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
