"""The child that reads one document, and what it says to its parent.

``python -I -B -m interview_fsm.resume.worker LIMITS``: the document comes by stdin, the reply goes to stdout
as JSON, one message a line. Every limit is set before a parser is imported. Nothing is written to disk, and
there is no network where the host lets a process give it up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from ..confinement import CPU, MEMORY, Limits, confine
from ..events import Page, Resume, Warning
from .text import read_text

__all__ = [
    "CPU",
    "MEMORY",
    "Done",
    "Failed",
    "Limits",
    "Message",
    "Part",
    "confine",
    "is_pdf",
    "main",
    "reply",
]

SPANS_A_PART = 1_000
"""So that the parent decodes a reply in steps of about a millisecond, between which its loop turns."""


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


if __name__ == "__main__":
    main()
