"""The child programs of a test, told apart from what runs for all: a browser, a database's emulator."""

from __future__ import annotations

from contextlib import suppress

import psutil

_before: set[psutil.Process] = set()


def begin() -> None:
    """From here on count those that are new."""
    _before.clear()
    _before.update(psutil.Process().children(recursive=True))


def children() -> list[psutil.Process]:
    """Those that this test has started and that live, with theirs."""
    return [
        child for child in psutil.Process().children(recursive=True) if child not in _before and _lives(child)
    ]


def _lives(child: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return child.status() != psutil.STATUS_ZOMBIE
    return False
