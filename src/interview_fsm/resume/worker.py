"""The child that reads one document, and what it says to its parent.

``python -I -B -m interview_fsm.resume.worker LIMITS``: the document comes by stdin, the reply goes to stdout
as JSON, one message a line. Every limit is set before a parser is imported. Nothing is written to disk, and
there is no network where the host lets a process give it up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress

import msgspec
from msgspec import Struct

from ..events import Page, Resume, Warning
from .text import read_text

MEMORY = 512 * 1024 * 1024
"""Bytes of address space. Real résumés need up to 245 MiB."""
CPU = 8
"""Seconds. Real résumés need up to 5; more than a whole book of 352 pages is nobody's résumé."""
SPANS_A_PART = 1_000
"""So that the parent decodes a reply in steps of about a millisecond, between which its loop turns."""


class Limits(Struct, frozen=True):
    """What the child may use, and whose child it is."""

    parent: int
    memory: int = MEMORY
    cpu: int = CPU


class Part(Struct, frozen=True, tag="part"):
    """A page, or more spans of the page before."""

    page: Page


class Done(Struct, frozen=True, tag="done"):
    """All pages were sent. ``networked`` when the host did not let the child give up the network."""

    media_type: str
    warnings: tuple[Warning, ...] = ()
    networked: bool = False


class Failed(Struct, frozen=True, tag="failed"):
    """There is nothing to send: ``kind`` is malformed, encrypted, memory, empty or not_text."""

    kind: str
    pages: int = 0
    pictures: bool = False
    hidden: int = 0
    """Words that cannot be seen."""


Message = Part | Done | Failed


def main() -> None:
    """Read stdin, answer on stdout."""
    limits = msgspec.json.decode(sys.argv[1], type=Limits)
    networked = confine(limits)
    # pdfminer.six looks for CMap files in a directory of this name, and in /usr/share without it
    os.environ["CMAP_PATH"] = ""
    answer = os.fdopen(os.dup(1), "wb")
    # whatever a parser prints must not end up between our lines
    os.dup2(2, 1)
    document = sys.stdin.buffer.read()
    for message in reply(document, networked=networked):
        answer.write(msgspec.json.encode(message) + b"\n")
    answer.close()


def reply(document: bytes, *, networked: bool) -> Iterator[Message]:
    """What is to be said about *document*."""
    read = _read_pdf if is_pdf(document) else read_text
    match read(document):
        case Resume() as resume:
            yield from _parts(resume)
            yield Done(resume.media_type, resume.warnings, networked)
        case None:
            yield Failed("not_text")
        case failed:
            yield failed


def is_pdf(document: bytes) -> bool:
    """Whether it says so near its beginning; before that there may be what a mail program left."""
    return b"%PDF-" in document[:1_024]


def _read_pdf(document: bytes) -> Resume | Failed:
    from .pdf import Empty, kind_of, read_document

    try:
        return read_document(document)
    except Empty as empty:
        return Failed("empty", empty.pages, empty.pictures, empty.hidden)
    except Exception as error:  # parsers raise whatever they like: TypeError, RecursionError …
        return Failed(kind_of(error))


def _parts(resume: Resume) -> Iterator[Part]:
    for page in resume.pages:
        for start in range(0, max(len(page.spans), 1), SPANS_A_PART):
            spans = page.spans[start : start + SPANS_A_PART]
            yield Part(Page(page.number, page.width, page.height, spans))


def confine(limits: Limits) -> bool:
    """Give up all that reading a document does not need; whether the network had to be kept.

    What the platform lacks is left out: on Windows all of it, where the parent's wall clock remains.
    """
    networked = True
    if sys.platform == "linux":
        networked = not _alone(limits.parent)
    if sys.platform != "win32":
        _limit(limits)
    return networked


if sys.platform != "win32":
    import resource

    def _limit(limits: Limits) -> None:
        # A second between soft and hard: SIGXCPU tells the parent which limit it was.
        sizes = [
            (resource.RLIMIT_AS, limits.memory, limits.memory),
            (resource.RLIMIT_CPU, limits.cpu, limits.cpu + 1),
            (resource.RLIMIT_FSIZE, 0, 0),
            (resource.RLIMIT_CORE, 0, 0),
            # stdin, stdout, stderr, the reply, and a few for imports
            (resource.RLIMIT_NOFILE, 8, 8),
        ]
        if os.geteuid() != 0:
            sizes.append((resource.RLIMIT_NPROC, 0, 0))
        for which, soft, hard in sizes:
            # macOS refuses some of them
            with suppress(ValueError, OSError):
                resource.setrlimit(which, (soft, hard))


if sys.platform == "linux":
    _PDEATHSIG, _NO_NEW_PRIVS = 1, 38
    """Of prctl(2)."""
    _NEWNET, _NEWUSER = 0x4000_0000, 0x1000_0000
    """Of unshare(2)."""
    _KILL = 9

    def _alone(parent: int) -> bool:
        """Die with the parent, gain no rights, have no network; whether the last worked."""
        import ctypes

        libc = ctypes.CDLL(None)
        libc.prctl(_PDEATHSIG, _KILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before that line
            os._exit(1)
        libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
        # root may; others may in a user namespace of their own, where the host permits that
        return bool(libc.unshare(_NEWNET) == 0 or libc.unshare(_NEWUSER | _NEWNET) == 0)


if __name__ == "__main__":
    main()
