"""The interview that a client has, and what it is told of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import copy
from functools import partial

from msgspec import UNSET

from .. import messages, protocol, views
from ..engine import Engine, Session, Update
from ..errors import (
    CommandError,
    EngineClosed,
    Gone,
    InterviewError,
    NewerFormat,
    SessionOver,
    SessionTaken,
    TooSlow,
)
from ..house import traced
from ..seats import Seats
from ..updates import Heard, News, Speech
from .intake import end
from .outbox import Outbox
from .work import Work

log = logging.getLogger("interview_fsm")

AWAY = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each try to have from a storage what may be away."""
FINAL = (SessionTaken, Gone, NewerFormat, EngineClosed)
"""Why an interview is not opened again from here."""


class NoSession(CommandError):
    """There is no session on this connection yet."""

    code = "no_session"


class Relay:
    """The session of one connection. It tells every entry once, in the order of the log, though the session
    under it may end and another go on.
    """

    __slots__ = (
        "_engine",
        "_opening",
        "_outbox",
        "_reopened",
        "_seats",
        "_task",
        "_told",
        "_wants_speech",
        "_work",
        "session",
    )

    def __init__(self, engine: Engine, seats: Seats, outbox: Outbox, work: Work) -> None:
        self._engine, self._seats, self._outbox, self._work = engine, seats, outbox, work
        self.session: Session | None = None
        """The one there is, though it may have ended."""
        self._told = 0
        self._wants_speech = False
        self._task: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._reopened = asyncio.Event()

    async def ready(self) -> Session:
        """The session; after a storage was away, a new one that goes on from what the log says."""
        if self.session is None:
            raise NoSession("there is no session here: create one, or resume one")
        async with self._opening:
            session = self.session
            if session is None or session.ended is None:
                return session or await self.ready()
            if isinstance(session.ended, FINAL):
                raise copy(session.ended)
            if self._outbox.closing is not None:  # it must not take the interview back from who has it now
                raise SessionTaken(message="this connection is about to be closed")
            session = await self._engine.open(session.interview.id, client=session.client)
            self.session = session
            self._seats.sit(session, self)
            session.want_speech(on=self._wants_speech)
            self._reopened.set()
            return session

    def sit(self, session: Session, seq: int) -> None:
        """Have this session, of which the client knows the first *seq* entries."""
        self.session, self._told = session, seq
        self._seats.sit(session, self)
        session.want_speech(on=self._wants_speech)
        self.go_on()

    def set_speech(self, *, on: bool) -> bool:
        """Have this connection read to, whichever its session is; whether it is."""
        self._wants_speech = on and self._engine.gives_speech
        if self.session is not None and self.session.ended is None:
            self.session.want_speech(on=self._wants_speech)
        return self._wants_speech

    async def pause(self) -> None:
        """Tell nothing more of it, until somebody sits down again or it goes on."""
        task, self._task = self._task, None
        if task is not None:
            await end(task)

    def go_on(self) -> None:
        """Tell of it from where that was left."""
        self._task = asyncio.create_task(self._tell_all())

    async def part(self) -> None:
        """Let go of the session, once what it has stored has been told: that acknowledges it."""
        session, self.session = self.session, None
        await self.pause()
        if session is not None and self._outbox.closing is None:
            with suppress(InterviewError):  # it is in the log, and told when somebody comes back
                await self._catch_up(session)
        self._work.watch(None)
        if session is not None:
            await self._seats.leave(session, self)

    def forget(self, session: Session) -> None:
        """It is no more."""
        self._seats.forget(session.interview.id)
        self.session = None

    def taken(self) -> None:
        """Another connection has the interview now."""
        self._outbox.fail(
            SessionTaken(message="this interview was opened in another place and goes on there")
        )
        self._outbox.close(protocol.CLOSE_TAKEN, "opened in another place")

    async def tell_again(self, session: Session, seq: int) -> None:
        """Acknowledge a command that was stored as *seq* once more."""
        await self._catch_up(session)  # updates come in the order of seq, to whoever does not wait too
        for update in await self._engine.history(session.interview.id, seq - 1):
            if update.entry.version == seq:
                self._outbox.tell(views.update(update, self._engine.limits))

    # ------------------------------------------------------------------------------------------ inside

    async def _tell_all(self) -> None:
        """Relay what is stored, from the first that the client does not know, until this is closed."""
        while (session := self.session) is not None:
            try:
                await self._tell_of(session)
                ended = session.ended
                if isinstance(ended, FINAL):
                    raise copy(ended)
                if isinstance(ended, SessionOver) and not ended.message:  # its host has ended it: no quarrel
                    self._outbox.close(protocol.CLOSE_RESTART, "the session was ended; come back")
                    return
                await self._patiently(self.ready)
            except SessionTaken:
                self.taken()
                return
            except TooSlow:
                self._outbox.give_up()
                return
            except EngineClosed:
                self._outbox.close(protocol.CLOSE_RESTART, "the server is stopping; come back")
                return
            except InterviewError as problem:
                self._outbox.fail(problem)
                self._outbox.close(protocol.CLOSE_ERROR, "the interview cannot be had any more")
                return
            except Exception as error:
                log.error("a relay broke: %s", traced(error))
                self._outbox.close(protocol.CLOSE_ERROR, "something went wrong here")
                return

    async def _tell_of(self, session: Session) -> None:
        with session.updates() as news:
            await self._patiently(partial(self._catch_up, session))
            self._work.watch(session.interview)
            async for each in news:
                self._tell(each)

    async def _catch_up(self, session: Session) -> None:
        """Tell what is in the log and was not told here."""
        if session.interview.version > self._told:
            for update in await self._engine.history(session.interview.id, self._told):
                self._tell_entry(update)

    def _tell(self, news: News) -> None:
        match news:
            case Update():
                self._tell_entry(news)
                self._work.watch(news.interview)
            case Heard(question=number, text=text):
                self._outbox.tell(messages.TranscriptPartial(question=number, text=text))
            case Speech(question=question, audio=audio):
                of = UNSET if question is None else question
                self._outbox.tell(messages.Speech(question=of, format="wav"), audio.wav)
            case _:
                self._outbox.tell(messages.Warned(code=news.code, message=news.message))

    def _tell_entry(self, update: Update) -> None:
        if update.entry.version > self._told:
            self._told = update.entry.version
            self._outbox.tell(views.update(update, self._engine.limits))

    async def _patiently(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do *work* once the storage is there; a command that gets through meanwhile shows that it is."""
        for wait in AWAY:
            self._reopened.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._reopened.wait()
            try:
                await work()
                return
            except FINAL:
                raise
            except InterviewError as error:
                problem = error
        raise problem
