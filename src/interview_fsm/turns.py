"""A few things at once, and fair turns at them: whatever one client brings, another is served.

Three rules. A client has one turn at a time. When one is over, the next goes to the client that has waited
longest since its own last turn, not to the thing that has. And the last free turn is not for those who had a
long one lately: a few clients, each with something that takes as long as it may, leave a way past them.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

LONG: Final = 4.0
"""Seconds; longer turns are remembered. A résumé takes half of one, what a limit has to end five or more."""

REST: Final = 10.0
"""So many times as long as it was, a long turn is remembered."""

MOST_WAITING: Final = 256
"""Things, where nobody says otherwise: one of each connection that a server has."""

_Place = asyncio.Future[float | None]
"""Of something that waits: when its turn began, or None when it was turned away."""


class Full(Exception):
    """Too much waits, and most of it is this client's."""


class Turns:
    """*at_once* turns; *queue* more things may wait for one.

    When more would wait, the client that has most of them loses the last of its own. The client ``""`` is
    nobody in particular, a program that reads for itself: it may have every turn that is free.
    """

    def __init__(self, at_once: int, queue: int = MOST_WAITING) -> None:
        self._at_once, self._queue = at_once, queue
        self._running: list[str] = []
        """The clients that have a turn."""
        self._waiting: OrderedDict[str, deque[_Place]] = OrderedDict()
        """By client; whose turn is next comes first."""
        self._resting: dict[str, float] = {}
        """Until when the long turn of a client is remembered."""

    @asynccontextmanager
    async def turn(self, client: str = "") -> AsyncIterator[None]:
        """*client*'s turn, once it has come. Raises Full."""
        place = self._wait(client)
        try:
            # shielded: whoever is cancelled has to know whether its turn had come
            if await asyncio.shield(place) is None:
                raise Full
            yield
        finally:
            self._leave(client, place)

    def _wait(self, client: str) -> _Place:
        place: _Place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(place)
        self._hand_out()
        if sum(map(len, self._waiting.values())) > self._queue:
            # of those that have as many, whoever asks now
            has_most = max(self._waiting, key=lambda each: (len(self._waiting[each]), each == client))
            self._take(has_most, -1).set_result(None)
        return place

    def _leave(self, client: str, place: _Place) -> None:
        if not place.done():
            self._take(client, self._waiting[client].index(place))
        elif (began := place.result()) is not None:
            self._end(client, _now() - began)

    def _end(self, client: str, took: float) -> None:
        self._running.remove(client)
        if client and took > LONG:
            self._rest(client, REST * took)
        if client in self._waiting:  # behind those who came meanwhile
            self._waiting.move_to_end(client)
        self._hand_out()

    def _rest(self, client: str, seconds: float) -> None:
        now = _now()
        self._resting = {each: until for each, until in self._resting.items() if until > now}
        self._resting[client] = now + seconds

    def _hand_out(self) -> None:
        while (client := next(filter(self._may, self._waiting), None)) is not None:
            self._take(client).set_result(_now())
            self._running.append(client)

    def _may(self, client: str) -> bool:
        """Whether *client* may have a turn now."""
        free = self._at_once - len(self._running)
        if not free or not client:
            return free > 0
        is_last = free == 1 and self._running
        is_resting = self._resting.get(client, 0.0) > _now()
        return client not in self._running and not (is_last and is_resting)

    def _take(self, client: str, index: int = 0) -> _Place:
        """What waits there; it waits no more."""
        its = self._waiting[client]
        place = its[index]
        del its[index]
        if not its:
            del self._waiting[client]
        return place


def _now() -> float:
    return asyncio.get_running_loop().time()
