"""A résumé, read for a command."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..events import Resume


@contextmanager
def _told_here() -> Iterator[None]:
    """What is hidden is not logged: whoever gives the command is told by ``warn``."""
    logger = logging.getLogger("interview_fsm.resume.reader")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


async def read(source: str, allow_fetch: tuple[str, ...]) -> Resume:
    """What is read of *source*: a file, a link, or ``-`` for standard input."""
    from ..assistant import read_resume
    from ..resume.fetch import Fetcher
    from ..resume.links import FetchPolicy
    from ..resume.reader import Reader

    fetcher, reader = Fetcher(FetchPolicy.allowing(allow_fetch)), Reader()
    try:
        given: str | bytes = sys.stdin.buffer.read() if source == "-" else source
        with _told_here():
            return await read_resume(given, fetcher=fetcher, reader=reader)
    finally:
        await fetcher.aclose()
        await reader.aclose()


async def read_bytes(document: bytes) -> Resume:
    """What is read of a document in memory."""
    from ..resume.reader import Reader

    reader = Reader()
    try:
        with _told_here():
            return await reader.read(document)
    finally:
        await reader.aclose()


def warn(document: Resume) -> None:
    """Say on standard error what is odd about a résumé."""
    from ..coaching.remarks import remarks
    from ..report import plain

    for warning in (*document.warnings, *remarks(document.text)):
        click.echo(f"Warning: {plain(warning.message)}", err=True)
