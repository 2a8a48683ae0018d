"""Which connection has which interview on this server, and what becomes of one that nobody has.

A session outlives its connection by ``Limits.linger``: whoever comes back within it finds everything going
on as it was, and nothing is appended. After it a recording is finished, and the session ends; its interview
is opened from the log when somebody comes for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from .engine import Engine, Session, check_access
from .errors import CommandError, InterviewError
from .events import FinishAnswer
from .rates import Allowances
from .states import State


class Holder(Protocol):
    """A connection that has an interview."""

    def taken(self) -> None:
        """Another connection has it now."""
        ...


class TooManySessions(CommandError):
    """One client has more interviews open than it may, or begins them too fast."""

    code = "rate_limited"
    retryable = True


class _Seat:
    __slots__ = ("holder", "leaving", "session")

    def __init__(self, session: Session, holder: Holder) -> None:
        self.session = session
        self.holder: Holder | None = holder
        self.leaving: asyncio.Task[None] | None = None


class Seats:
    """The interviews of a server's v1 connections. ``aclose()`` it when the connections have gone.

    *most* sessions may wait for somebody to come back; the one that waits longest makes room. One client, as
    far as clients are told apart (``Session.client``), may have *each*, those that wait included,
    and begin or open again *rate* a second, *burst* at once.
    """

    def __init__(
        self, engine: Engine, *, most: int = 256, each: int = 8, rate: float = 1 / 60, burst: float = 30
    ) -> None:
        self._engine, self._most, self._each = engine, most, each
        self._seats: dict[str, _Seat] = {}
        self._lingering: dict[str, _Seat] = {}
        self._opening: Counter[str] = Counter()
        self._begun = Allowances(rate, burst)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def come_back(
        self, interview_id: str, token: str, owner: str | None, holder: Holder, *, client: str = ""
    ) -> Session:
        """The session of this interview, which *holder* now has: the one that waits here, or a new one from
        the log. Raises what ``Engine.open()`` does.
        """
        session = await self._waiting(interview_id, token, owner)
        if session is not None:
            self.sit(session, holder)
            return session
        with self.place(client):
            session = await self._engine.open(interview_id, token=token, owner=owner, client=client)
            self.sit(session, holder)
        return session

    async def _waiting(self, interview_id: str, token: str, owner: str | None) -> Session | None:
        """The session that is here, when the interview has not gone on elsewhere meanwhile."""
        seat = self._seats.get(interview_id)
        if seat is None or seat.session.ended is not None:
            return None
        check_access(seat.session.interview, token, owner)
        # Its log alone knows: another server that took the interview over has no way to tell this one.
        is_current = await self._engine.is_current(seat.session)
        now = self._seats.get(interview_id)
        return seat.session if is_current and now is not None and now.session is seat.session else None

    def admit(self, client: str) -> None:
        """Count an interview that *client* begins; TooManySessions when there were too many lately."""
        if client and not self._begun.grant(client, time.monotonic()):
            raise TooManySessions("too many interviews were begun from there; try again in a minute")

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """A place for one more of *client*'s, which is to ``sit()`` within: of its own that wait, the one
        that waits longest makes room. Raises TooManySessions when it has them all in use, or comes too often.
        """
        self.admit(client)
        its = [each for each, seat in self._seats.items() if client and seat.session.client == client]
        if len(its) + self._opening[client] >= self._each:
            waiting = next((each for each in self._lingering if each in its), None)
            if waiting is None:
                raise TooManySessions(
                    f"{self._each} interviews are open already; end one of them, or go on with it"
                )
            self._end(waiting)
        if client:
            self._opening[client] += 1
        try:
            yield
        finally:
            if client:
                self._opening[client] -= 1
                self._opening += Counter()  # only who opens one is remembered

    def sit(self, session: Session, holder: Holder) -> None:
        """*holder* has this session from now on; another one that had it is told."""
        interview_id = session.interview.id
        seat = self._seats.get(interview_id)
        if seat is not None:
            self._stay(interview_id, seat)
            if seat.holder is not None and seat.holder is not holder:
                seat.holder.taken()
        self._seats[interview_id] = _Seat(session, holder)

    async def leave(self, session: Session, holder: Holder) -> None:
        """*holder* has gone. Its session waits a while, if there is something to wait for."""
        interview_id = session.interview.id
        seat = self._seats.get(interview_id)
        if seat is None or seat.holder is not holder:
            return  # somebody else has it
        seat.holder = None
        if self._closed or session.ended is not None or session.interview.state is State.STOPPED:
            del self._seats[interview_id]
            await session.aclose()
            return
        self._make_room()
        self._lingering[interview_id] = seat
        seat.leaving = self._begin(self._linger(interview_id, seat))

    def forget(self, interview_id: str) -> None:
        """An interview is no more."""
        if (seat := self._seats.pop(interview_id, None)) is not None:
            self._stay(interview_id, seat)

    def close(self) -> None:
        """From now on nothing waits: a session whose connection goes ends at once."""
        self._closed = True

    async def aclose(self) -> None:
        """End every session that waits."""
        self.close()
        waiting = [seat.session for seat in self._lingering.values()]
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for session in waiting:
            await session.aclose()
        self._seats.clear()
        self._lingering.clear()

    # ------------------------------------------------------------------------------------------ inside

    def _stay(self, interview_id: str, seat: _Seat) -> None:
        """It is not left any longer."""
        self._lingering.pop(interview_id, None)
        if seat.leaving is not None:
            seat.leaving.cancel()

    def _make_room(self) -> None:
        while len(self._lingering) >= self._most:
            self._end(next(iter(self._lingering)))

    def _end(self, interview_id: str) -> None:
        seat = self._seats[interview_id]
        self.forget(interview_id)
        self._begin(seat.session.aclose())

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _linger(self, interview_id: str, seat: _Seat) -> None:
        await asyncio.sleep(self._engine.limits.linger)
        await _finish(seat.session)
        # From here on whoever comes back opens the interview from its log, which ends this session.
        del self._seats[interview_id]
        del self._lingering[interview_id]
        await seat.session.aclose()


async def _finish(session: Session) -> None:
    """Let a recording come to its outcome: what was said is not thrown away."""
    if session.interview.state is not State.RECORDING:
        return
    with suppress(InterviewError):
        if not session.interview.finishing:
            await session.send(FinishAnswer())
        await session.until(lambda interview: interview.state is not State.RECORDING)
