"""The reader of résumés: a fresh, limited child for each document, killed when it takes too long.

Only this and what is around it runs in the server. It sees a PDF as bytes, and what the child made of it as
JSON; a parser that hangs, grows or dies takes one child with it and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import os
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from msgspec.structs import replace

from ..confinement import ENDED_BY, confined, feed, hear, kill
from ..errors import ResumeError
from ..events import Page, Resume
from ..turns import Full, Turns
from .text import read_text
from .unseen import KINDS, hidden_words
from .worker import CPU, MEMORY, Done, Failed, Limits, Message, Part, is_pdf

log = logging.getLogger(__name__)

MAX_BYTES = 10 * 1024 * 1024
MAX_REPLY = 4 * 1024 * 1024
"""Bytes of JSON: 20 full pages are about a tenth of it."""
SMALL = 16 * 1024
"""Bytes of text that are read at once, in about five milliseconds. Longer ones would hold up the loop."""

_decoder = msgspec.json.Decoder(Message)
_WAY_OUT = "Export it again, or paste the text."
_UNREADABLE = {
    "timeout": f"This PDF takes too long to read. {_WAY_OUT}",
    "cpu": f"This PDF takes too long to read. {_WAY_OUT}",
    "memory": f"This PDF needs too much memory to read. {_WAY_OUT}",
    "malformed": f"This PDF is damaged and cannot be read. {_WAY_OUT}",
    "encrypted": "This PDF is locked with a password. Save it without one, or paste the text.",
    "output": f"This PDF has far too much in it for a résumé. {_WAY_OUT}",
    "crashed": f"This PDF could not be read. {_WAY_OUT}",
}


class Reader:
    """Reads PDFs in children, as it does long texts; short texts by itself. Fits ``ports.ResumeReader``.

    At most *at_once* children run, in fair turns (``turns.Turns``); *queue* more documents wait, by default
    as many as two children read in about two seconds; then ``busy``, for the client that has most of them. A
    child has *wall* seconds from its start, *cpu* seconds of computing and *memory* bytes. Nothing of a
    document is kept, or ever written to a disk.
    """

    def __init__(
        self,
        *,
        at_once: int = 2,
        queue: int = 8,
        wall: float = 10.0,
        cpu: int = CPU,
        memory: int = MEMORY,
    ) -> None:
        self._turns = Turns(at_once, queue)
        self._wall, self._cpu, self._memory = wall, cpu, memory
        self._children: set[Process] = set()
        self._closed = False

    async def read(self, document: bytes, *, client: str = "") -> Resume:
        """The résumé in *document*. Its child is dead and reaped when this returns, raises or is cancelled.

        *client* is whose turn it takes.

        Raises ResumeError: ``resume_too_large``, ``resume_not_pdf``, ``resume_empty``, ``resume_unreadable``
        (of a kind: timeout, cpu, memory, malformed, encrypted, output, crashed), ``busy``.
        """
        if len(document) > MAX_BYTES:
            raise too_large(len(document))
        if len(document) <= SMALL and not is_pdf(document):
            return _said(read_text(document))
        async with self._turn(client):
            return await self._read(document)

    async def aclose(self) -> None:
        """Kill the children there are; reads under way end as ``busy``, and so do later ones."""
        self._closed = True
        for child in tuple(self._children):
            kill(child)
            await child.wait()

    @asynccontextmanager
    async def _turn(self, client: str) -> AsyncIterator[None]:
        try:
            async with self._turns.turn(client):
                if self._closed:
                    raise busy()
                yield
        except Full:
            raise busy() from None

    async def _read(self, document: bytes) -> Resume:
        try:
            # also over the start: a machine without memory may be slow to begin
            async with asyncio.timeout(self._wall), self._child() as child:
                _, output = await asyncio.gather(feed(child, document), hear(child, MAX_REPLY))
                if len(output) > MAX_REPLY:
                    raise unreadable("output")
                status = await child.wait()
        except TimeoutError:
            raise unreadable("timeout") from None
        except OSError as error:  # the host has no process left to give
            raise busy() from error
        if self._closed:
            raise busy()
        return await _resume(output, status)

    @asynccontextmanager
    async def _child(self) -> AsyncIterator[Process]:
        limits = Limits(os.getpid(), self._memory, self._cpu)
        async with confined("interview_fsm.resume.worker", limits) as child:
            self._children.add(child)
            try:
                if self._closed:
                    raise busy()
                yield child
            finally:
                self._children.discard(child)


def too_large(size: int) -> ResumeError:
    """The refusal of a document of *size* bytes."""
    has, limit = f"{size / 1024**2:.1f}".removesuffix(".0"), MAX_BYTES // 1024**2
    return ResumeError(
        "resume_too_large",
        f"That file has {has} MB; the limit is {limit} MB. Leave out pictures, or paste the text.",
    )


def busy() -> ResumeError:
    """The refusal while all children work and the queue is full, to the client that has most of it."""
    return ResumeError(
        "busy", "Many résumés are being read right now. Try again in a few seconds.", retryable=True
    )


def unreadable(kind: str) -> ResumeError:
    """The refusal of a PDF: timeout, cpu, memory, malformed, encrypted, output or crashed."""
    kind = kind if kind in _UNREADABLE else "crashed"
    return ResumeError("resume_unreadable", _UNREADABLE[kind], kind=kind)


async def _resume(output: bytes, status: int) -> Resume:
    """What the child said, checked. The loop turns between parts."""
    pages: list[Page] = []
    for line in output.splitlines():
        match _message(line):
            case Part(page) if pages and pages[-1].number == page.number:
                pages[-1] = replace(pages[-1], spans=pages[-1].spans + page.spans)
            case Part(page):
                pages.append(page)
            case Done(media_type, warnings, networked):
                if networked:
                    log.info("this host does not let a child give up the network; résumés are read with it")
                return _said(Resume(tuple(pages), media_type, warnings))
            case Failed("not_text"):
                return _said(None)
            case Failed("empty", count, pictures, words):
                if words:
                    log.warning("a résumé with nothing to be seen on its pages was refused: %d words", words)
                raise _empty(count, pictures=pictures, words=words)
            case Failed(kind):
                raise unreadable(kind)
        await asyncio.sleep(0)
    raise unreadable(ENDED_BY.get(-status, "crashed"))


def _message(line: bytes) -> Message:
    try:
        message: Message = _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError):
        raise unreadable("crashed") from None
    return message


def _empty(pages: int, *, pictures: bool, words: int) -> ResumeError:
    has = "pictures of text only" if pictures else "only text that is not to be seen" if words else "no text"
    count = f"0 characters on {pages} page{'' if pages == 1 else 's'}"
    return ResumeError(
        "resume_empty", f"This PDF has {has} ({count}). Export it as text, or paste the text.", kind="no_text"
    )


def _said(resume: Resume | None) -> Resume:
    """*resume*, when it is one and says anything."""
    if resume is None:
        raise ResumeError(
            "resume_not_pdf",
            "That file is neither a PDF nor plain text. Export it as PDF, or paste the text.",
        )
    if hidden := [(page.number, words) for page in resume.pages if (words := hidden_words(page))]:
        told = "; ".join(f"page {number}: {_counted(words)}" for number, words in hidden)
        log.warning("left out of a résumé, because it is not to be seen: %s", told)
    if not resume.text:
        raise ResumeError(
            "resume_empty",
            "That file has no text in it (0 characters). Choose another one, or paste the text.",
            kind="no_text",
        )
    return resume


def _counted(hidden: Counter[str]) -> str:
    return ", ".join(
        f"{count} word{'' if count == 1 else 's'} {KINDS[kind]}" for kind, count in hidden.items()
    )
