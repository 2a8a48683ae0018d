"""One client that speaks the plain-text dialect, conducted through an interview. No sockets here.

Lines run one at a time in the order sent, the reading of the résumé included: the next is taken when
the last has been answered. So the lines of the README, pasted at once, conduct an interview. Only a
``stop_interview`` that arrives while something runs and nothing else waits interrupts it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from . import protocol, steps
from .engine import Engine, Session
from .errors import (
    AdapterError,
    BadMessage,
    Gone,
    InterviewError,
    InvalidCommand,
    SessionError,
    SessionOver,
)
from .events import Material, StopInterview
from .protocol import Opening, Word
from .report import as_text
from .states import State, Trigger
from .waiting import Waiting

log = logging.getLogger("interview_fsm")

Bringer = Callable[[str], Awaitable[Material]]
"""Fetches and reads the résumé behind a link; raises ResumeError."""


MOST_WAITING = 64
"""Lines that may wait; after that the socket is not read, so the client waits and not our memory."""

MOST_WAITING_BYTES = 1024 * 1024
"""Characters of such lines together."""


class TooManyTries(BadMessage):
    """None of the first messages was one of a dialect we know."""


class PlainText:
    """The conduct of one connection.

    ``run()`` works until the interview is stopped; ``take()`` hands it what the client sent. *say* sends
    one message; *admit* raises when this client begins interviews too fast. Whatever way it ends,
    ``leave()`` stops the interview and lets go of its résumé; where the storage takes neither, the sweep
    erases that.
    """

    __slots__ = (
        "_admit",
        "_bring",
        "_busy",
        "_client",
        "_engine",
        "_lines",
        "_material",
        "_opening",
        "_over",
        "_owner",
        "_reading",
        "_room",
        "_say",
        "_seed",
        "_session",
        "_tries",
        "_wake",
    )

    def __init__(
        self,
        engine: Engine,
        bring: Bringer,
        say: Callable[[str], Awaitable[None]],
        *,
        seed: int | None = None,
        owner: str = "",
        client: str = "",
        admit: Callable[[str], None] | None = None,
    ) -> None:
        self._engine, self._bring, self._say, self._seed = engine, bring, say, seed
        self._owner, self._client, self._admit = owner, client, admit
        self._lines: Waiting[str] = Waiting(MOST_WAITING, MOST_WAITING_BYTES)
        self._wake: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._busy = self._over = False
        self._tries = 0
        self._opening: Opening | None = None
        self._material: Material | None = None
        self._reading: asyncio.Task[Material] | None = None
        self._session: Session | None = None

    @property
    def busy(self) -> bool:
        """Something runs or waits."""
        return self._busy or bool(self._lines)

    async def take(self, text: str) -> None:
        """What the client sent. Returns at once, but while too much waits, and to interrupt for a stop."""
        interrupting = self._busy and not self._lines and text.strip() == Word.STOP
        self._lines.put(text, len(text))
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
        if interrupting:
            await self._interrupt()
        while self._lines.is_full and not self._over:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    async def run(self) -> None:
        """Answer line by line until the client stops; raises TooManyTries when none is understood."""
        try:
            while not await self._answer(await self._next()):
                self._busy = False
        finally:
            self._over = True
            self._make_room()  # nobody will take what waits

    async def _next(self) -> str:
        while not self._lines:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        self._busy = True
        self._make_room()
        return self._lines.take()

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    async def leave(self) -> None:
        """Stop the interview, if one is going on, and let go of everything."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        session, self._session = self._session, None
        self._material = None
        if session is not None:
            try:
                await steps.leave(self._engine, session)
            except InterviewError as problem:
                log.warning("interview %s: not stopped (%s)", session.interview.id, problem.code)

    # ---------------------------------------------------------------------------------------- lines

    async def _answer(self, text: str) -> bool:
        """Do what *text* says and reply; whether that was the end."""
        try:
            if self._opening is not None and text.strip() == Word.STOP:
                await self._stop()
                return True
            reply = await (self._open(text) if self._material is None else self._do(text))
        except TooManyTries:
            raise
        except SessionOver as problem:
            reply = "" if self._is_stopped() else protocol.error(problem)
        except (BadMessage, InvalidCommand, AdapterError, SessionError) as problem:
            reply = protocol.error(problem, self._allowed() if self._material else None)
        except InterviewError as problem:
            reply = protocol.error(problem)
        if reply:
            await self._say(reply)
        return False

    async def _open(self, text: str) -> str:
        """Read the résumé; silence means that it went well."""
        try:
            opening = protocol.parse_opening(text)
        except BadMessage as problem:
            return await self._not_an_opening(problem)
        self._opening = opening
        self._reading = asyncio.ensure_future(self._bring(opening.link))
        try:
            await asyncio.wait([self._reading])
            if not self._reading.cancelled():
                self._material = self._reading.result()
        finally:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            self._reading = None
        return ""

    async def _not_an_opening(self, problem: BadMessage) -> str:
        if self._opening is None:  # nothing has shown yet that it speaks this dialect
            self._tries += 1
            if self._tries >= protocol.TRIES:
                await self._say(protocol.error(problem))
                raise TooManyTries(str(problem))
        return protocol.error(problem)

    async def _do(self, text: str) -> str:
        line = protocol.parse_line(text)
        if line.word is Word.START:
            return await self._start()
        session = await self._ready()
        match line.word:
            case Word.DIFFICULTY:
                return protocol.asked((await steps.ask(session, line.rest)).text)
            case Word.RECORD:
                return protocol.recorded(await steps.record(session))
            case Word.ANSWER:
                return protocol.recorded(await steps.submit(session, line.rest))
            case Word.ANALYZE:
                return await self._analyze(session)
        raise AssertionError("a stop is seen to before")

    async def _start(self) -> str:
        assert self._material is not None
        assert self._opening is not None
        if self._admit is not None:
            self._admit(self._client)
        session = self._live()
        if session.interview.version or session.ended is not None:  # its log may hold more than it knew
            self._session = await self._engine.restart(session)
            self._session.bring(self._material)
        plan = steps.plan_on_request(self._opening.questions, self._material, self._seed)
        await steps.start(self._live(), plan)
        return protocol.CLEARED

    async def _analyze(self, session: Session) -> str:
        await steps.analyze(session)
        return protocol.analysis(as_text(session.interview))

    async def _stop(self) -> None:
        """Say that it is stopped, when it is: what cannot be stored is an error, and may be tried again."""
        if self._session is not None:
            await steps.stop(await self._ready())
        await self.leave()
        await self._say(protocol.STOPPED)

    async def _interrupt(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        session = self._session
        if session is not None and session.interview.version:
            with suppress(InterviewError):  # its own line, which waits, says what there is to say
                await session.send(StopInterview())

    # ------------------------------------------------------------------------------------- its session

    def _live(self) -> Session:
        if self._session is None:
            self._session = self._engine.new(self._material, owner=self._owner, client=self._client)
        return self._session

    async def _ready(self) -> Session:
        """The session; after a storage was away, a new one that goes on from what the log says."""
        session = self._live()
        try:
            self._session = await steps.live(self._engine, session)
        except Gone:  # not even its beginning was stored
            self._session = None
            await self._engine.drop_resume(session.interview.id)
        session = self._live()
        if session.interview.state is not State.STOPPED:
            session.material = self._material  # which a restart that failed may have erased
        return session

    def _is_stopped(self) -> bool:
        """A stop has interrupted what ran; its line comes next and says so."""
        return self._session is not None and self._session.interview.state is State.STOPPED

    def _allowed(self) -> tuple[Trigger, ...]:
        allowed = tuple(t for t in self._live().allowed if t is not Trigger.START_INTERVIEW)
        return (Trigger.START_INTERVIEW, *allowed)  # later it begins anew
