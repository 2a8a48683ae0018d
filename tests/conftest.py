"""What every test is held to: nothing is left behind, and CI tests the same examples each time."""

import os
import signal
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    import asyncio

    from .databases import Cluster

# Some tests start programs as another user, by fork(): in that child gRPC's handlers have brought it down.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile(
    "local", deadline=None
)  # the machine may be busy; slowness is the benchmarks' matter
settings.load_profile("ci" if os.environ.get("CI") else "local")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background jobs ignore Ctrl-C, and what they start inherits that: here it is to be tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What asks a real model is for whoever says ``-m online``, and no test of anybody else's.

    Of several processes, one has all tests of a file, whose fixtures are then made once. One of them has the
    browser: two at a time on one machine wait for each other.
    """
    if "online" not in config.option.markexpr:
        paid = [item for item in items if item.get_closest_marker("online")]
        config.hook.pytest_deselected(items=paid)
        items[:] = [item for item in items if item not in paid]
    for item in items:
        in_browser = "stage" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("browser" if in_browser else item.path.stem))


GRACE = 5.0
"""Seconds that a thread or a process has to end after its test; most need none."""


@pytest.fixture(scope="session")
def cluster() -> "Generator[Cluster]":
    """A PostgreSQL server, for all tests that need one. Each has a database of its own on it."""
    from .databases import Cluster  # here: this file is also tried out by itself, without its neighbours

    with Cluster.at_hand() as running:
        yield running


@pytest.fixture(scope="session")
def firestore_emulator() -> "Generator[str]":
    """The address of Google's emulator. Each test has a project of its own on it."""
    from .firestores import emulator

    with emulator() as host:
        yield host


@pytest.fixture(scope="session")
def grpc_runner() -> "Generator[asyncio.Runner]":
    """The one event loop that gRPC is used on."""
    from .firestores import one_loop

    with one_loop() as runner:
        yield runner


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Generator[None, None, None]:
    """Threads and child processes that a test began have ended when it has."""
    threads, children = _threads(), _children()
    if __package__:  # else this file is being tried out by itself
        from .left import begin

        begin()
    yield
    give_up = time.monotonic() + GRACE
    while (running := (_threads() - threads) | (_children() - children)) and time.monotonic() < give_up:
        time.sleep(0.01)
    assert not running, f"left running: {sorted(map(str, running))}"


def _threads() -> set[object]:
    return {thread for thread in threading.enumerate() if thread.is_alive()}


def _children() -> set[object]:
    if not _has_children():
        return set()
    alive = set()
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.status() != psutil.STATUS_ZOMBIE and not _is_anothers_own(child):
                alive.add(child)
    return alive


def _has_children() -> bool:
    """Whether there is any; asking this first spares each test the reading of all of /proc."""
    if not hasattr(os, "waitid"):
        return True
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _is_anothers_own(child: psutil.Process) -> bool:
    """Whether somebody else began it, who ends it too."""
    # multiprocessing starts its tracker once, and keeps it until the interpreter ends. Chromium starts what
    # it needs (--type=renderer, utility …) when it needs it, and keeps some of it for seconds after; the
    # browser itself has no such word, and is looked at.
    words = child.cmdline()
    return any("multiprocessing.resource_tracker" in word or "--type=" in word for word in words)
