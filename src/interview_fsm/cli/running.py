"""How a command runs what is asynchronous."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


def run(work: Coroutine[Any, Any, _T], *, fast: bool = False) -> _T:
    """Run *work* to its end; with *fast* on uvloop, where there is one."""
    import asyncio

    factory = None
    if fast:
        try:
            import uvloop

            factory = uvloop.new_event_loop
        except ImportError:
            pass
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)
