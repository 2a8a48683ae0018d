"""Looking names up with the system's resolver, in a way that can be given up."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Final

from .replies import failure

LOOKUPS: Final = 8
"""Lookups at once, those that were given up and still wait for a name server included."""

_lookups = threading.BoundedSemaphore(LOOKUPS)


async def system_addresses(host: str) -> list[str]:
    """The addresses the system's resolver knows for a name. Raises OSError; ResumeError when it is swamped.

    ``getaddrinfo`` cannot be interrupted. It runs in a daemon thread of its own, so that a name server that
    does not answer can hold up neither a cancellation nor the end of the program nor the loop's own threads.
    """
    if not _lookups.acquire(blocking=False):
        raise failure("lookups", "busy")
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()
    threading.Thread(target=_look_up, args=(host, loop, answer), name="resume-lookup", daemon=True).start()
    return await answer


def _look_up(host: str, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[list[str]]) -> None:
    found: list[str] | OSError
    try:
        # as bytes: text would pass through the codec of IDNA 2003
        infos = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
        found = list(dict.fromkeys(str(info[4][0]) for info in infos))
    except OSError as error:
        found = error
    finally:
        _lookups.release()
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(_settle, answer, found)


def _settle(answer: asyncio.Future[list[str]], found: list[str] | OSError) -> None:
    if answer.done():  # cancelled
        return
    if isinstance(found, OSError):
        answer.set_exception(found)
    else:
        answer.set_result(found)
