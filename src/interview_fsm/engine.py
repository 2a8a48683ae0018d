"""The engine: opens sessions, one for an interview at a time, and keeps the house."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Self

from .errors import Conflict, EngineClosed, Expired, Gone, SessionError, SessionOver, SessionTaken
from .events import AnswerLost, Attached, Entry, Event, Material, Plan
from .house import RESUME_SUFFIX, Endings, FollowUpRule, House, Limits, Observed, Observer, Ports
from .interview import Interview
from .ports import Interviewer, Recorder, Speaker, Storage, Transcriber
from .retention import Receipt, due, erase_interview
from .session import Session
from .states import State
from .updates import Heard, News, Speech, Update, Updates

__all__ = [
    "RESUME_SUFFIX",
    "Endings",
    "Engine",
    "FollowUpRule",
    "Heard",
    "Limits",
    "News",
    "Observed",
    "Observer",
    "Ports",
    "Receipt",
    "Session",
    "Speech",
    "Update",
    "Updates",
    "check_access",
]


class Engine:
    """Opens sessions, one for an interview at a time, and keeps the house.

    It holds its adapters but does not own them: whoever made them closes them. *follow_up* is the rule
    that decides after each answer whether one is wanted (``interview_fsm.coaching.follow_up``); without
    it there are none. *ahead* has the next question made ready while the candidate answers: worth its
    calls where the interviewer takes its time, as a model does. *endings* says how spoken answers end
    (``interview_fsm.coaching.endings``); without it they do by silence alone. With *speech_on_demand* the
    speaker is used in those sessions alone that want to be read to (``Session.want_speech``): for one that
    gives its sound to clients; one that is heard on this machine needs no asking.

    *observe* is called with every entry and
    timing, on the event loop: be quick. *clock* gives seconds since the epoch.
    """

    def __init__(
        self,
        storage: Storage,
        interviewer: Interviewer,
        *,
        recorder: Recorder | None = None,
        transcriber: Transcriber | None = None,
        speaker: Speaker | None = None,
        follow_up: FollowUpRule | None = None,
        ahead: bool = False,
        endings: Endings | None = None,
        speech_on_demand: bool = False,
        observe: Observer | None = None,
        observe_texts: bool = False,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.storage = storage
        self.limits = limits or Limits()
        self._house = House(
            Ports(storage, interviewer, recorder, transcriber, speaker),
            self.limits,
            rule=follow_up,
            ahead=ahead,
            endings=endings or Endings(),
            speech_on_demand=speech_on_demand,
            observe=observe,
            observe_texts=observe_texts,
            clock=clock,
        )
        self._sessions: dict[str, Session] = {}
        self._closing = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every session (EngineClosed), and open no other; returns when all activities have let go."""
        self._closing = True
        ends = [session.aclose(EngineClosed(session.interview.id)) for session in self._sessions.values()]
        await asyncio.gather(*ends)

    @property
    def ports(self) -> Ports:
        """Its adapters."""
        return self._house.ports

    @property
    def gives_speech(self) -> bool:
        """Whether a session can be read to that wants to be (``Session.want_speech``)."""
        return self.ports.speaker is not None and self._house.speech_on_demand

    @property
    def sessions(self) -> int:
        """How many are live."""
        return len(self._sessions)

    # --------------------------------------------------------------------------------------- sessions

    def new(
        self,
        material: Material | None = None,
        *,
        owner: str = "",
        token: str = "",
        plan: Plan | None = None,
        client: str = "",
    ) -> Session:
        """A session of a new interview. Nothing is stored before its first command, or ``attach()``.

        *token* is the secret that opens the interview again; its hash is kept. *owner* is opaque. *plan* is
        kept until ``start_interview``, whose own counts. *client* is whose day's budget it is part of, such
        as an address; the owner's where it is empty. Raises EngineClosed.
        """
        hashed = hashlib.sha256(token.encode()).hexdigest() if token else ""
        interview = Interview(id=secrets.token_hex(16), token=hashed, owner=owner, plan=plan or Plan())
        return self._session(interview, material, client=client)

    async def open(
        self, interview_id: str, *, token: str | None = None, owner: str | None = None, client: str = ""
    ) -> Session:
        """A session that goes on from the log; one that is open here ends first (SessionTaken).

        A stopped interview opens for reading only. Raises Gone when there is no such interview, or *token*
        is not its token, or *owner* not its owner; Expired for one past its time that is not erased yet;
        NewerFormat; SessionTaken when others keep taking it over; EngineClosed; AdapterError.
        """
        for _ in range(3):  # another writer may come between our reading and our claim
            self._check_open(interview_id)
            if (older := self._sessions.get(interview_id)) is not None:
                check_access(older.interview, token, owner)  # nobody else may end it
                await older.aclose(SessionTaken(interview_id))
            entries = await self._house.in_time(self.storage.load(interview_id))
            interview = Interview.replay(interview_id, entries)
            check_access(interview, token, owner)
            self._check_fresh(interview_id, entries)
            seen = {e.append_id: e.version for e in entries if not e.append_id.startswith("~")}
            try:
                interview = await self._claim(interview, entries[-1])
            except Conflict:
                continue
            material = await self._house.material(interview)  # now nobody else may bring another
            if not await self._is_latest(interview):
                break
            return self._session(interview, material, seen, client=client)
        raise SessionTaken(interview_id)

    async def _is_latest(self, interview: Interview) -> bool:
        """Whether nobody here has claimed the interview after us; who has before us is ended."""
        while (older := self._sessions.get(interview.id)) is not None:
            if older.interview.version > interview.version:
                return False
            await older.aclose(SessionTaken(interview.id))
        return True

    async def is_current(self, session: Session) -> bool:
        """Whether nobody else has moved this interview on behind the session's back. Raises Gone,
        NewerFormat, AdapterError.
        """
        interview_id = session.interview.id
        later = await self._house.in_time(self.storage.load(interview_id, session.interview.version))
        return session.ended is None and (not later or later[-1].version <= session.interview.version)

    async def history(self, interview_id: str, after: int = 0) -> list[Update]:
        """The updates there were with a version over *after*, from the log. Raises Gone, NewerFormat,
        AdapterError.
        """
        interview, updates = Interview(id=interview_id), []
        for entry in await self._house.in_time(self.storage.load(interview_id)):
            interview = interview.following(entry.story)
            interview.version = entry.version
            if entry.version > after:
                updates.append(Update(entry, interview))
        return updates

    async def restart(self, session: Session) -> Session:
        """A new interview with the same material; the old is erased. Raises EngineClosed, AdapterError."""
        old = session.interview
        material = session.material or await self._house.material(old)
        self._check_open(old.id)
        later = Interview(id=secrets.token_hex(16), token=old.token, owner=old.owner)
        await self.erase(old.id)
        return self._session(later, material, client=session.client)

    async def erase(self, interview_id: str) -> Receipt:
        """Remove an interview and its résumé for good, live or not; what was removed.

        Its session ends first, with SessionOver; ``ended`` is Gone once the interview is. Raises AdapterError
        after ``Limits.append`` at the latest: then something may be left, which opens again or is erased by
        erasing again.
        """
        ended = await self._end(interview_id, SessionOver(interview_id, "the interview is being erased"))
        erasing = erase_interview(self.storage, interview_id, clock=self._house.clock)
        receipt = await self._house.in_time(erasing)
        if ended is not None:
            ended.ended = Gone(interview_id)
        await self._end(interview_id, Gone(interview_id))  # of whoever has opened it meanwhile
        self._house.ledger.forget(interview_id)
        return receipt

    async def _end(self, interview_id: str, reason: SessionError) -> Session | None:
        """End the session there is of this interview."""
        if (session := self._sessions.get(interview_id)) is not None:
            await session.aclose(reason)
        return session

    async def drop_resume(self, interview_id: str) -> None:
        """Erase what the candidate brought, and nothing else; what cannot go now is left to the sweep."""
        await self._house.drop_resume(interview_id)

    async def sweep(self) -> int:
        """Erase what has expired, and résumés that are to go or whose interview is stopped or missing; how
        many logs.
        """
        swept = 0
        for interview_id in tuple(self._house.to_drop):
            swept += await self._house.drop_resume(interview_id)
        async for each in due(self.storage, self._house.clock(), living=self._living):
            if each.log not in self._sessions:  # it may have been opened since
                swept += await self.storage.erase(each.log)
        return swept

    def _living(self, interview_id: str) -> Interview | None:
        session = self._sessions.get(interview_id)
        return session.interview if session is not None else None

    # ------------------------------------------------------------------------------------------ inside

    def _check_open(self, interview_id: str) -> None:
        if self._closing:
            raise EngineClosed(interview_id)

    def _check_fresh(self, interview_id: str, entries: Sequence[Entry]) -> None:
        """Expired for a log that sweep() only has not come to: going on would keep it for longer."""
        if entries[-1].at + self.limits.retention < self._house.clock():
            raise Expired(interview_id)

    def _session(
        self,
        interview: Interview,
        material: Material | None,
        seen: dict[str, int] | None = None,
        *,
        client: str,
    ) -> Session:
        self._check_open(interview.id)  # closing began while this was being opened
        session = Session(interview, material, self._house, seen=seen or {}, client=client, leave=self._left)
        self._sessions[interview.id] = session
        return session

    def _left(self, session: Session) -> None:
        if session.interview.state is State.STOPPED:
            self._house.ledger.forget(session.interview.id)
        if self._sessions.get(session.interview.id) is session:
            del self._sessions[session.interview.id]

    async def _claim(self, interview: Interview, latest: Entry) -> Interview:
        """Fence every older owner off; a recording that was going on is lost.

        Either way what was read is durable then: that it can be read does not say so of its *latest* entry,
        where nobody was told that its append went well.
        """
        if interview.state is State.STOPPED:
            await self._house.append_again(interview.id, latest)
            return interview
        events: tuple[Event, ...] = (Attached(),)
        if interview.state is State.RECORDING:
            events += (AnswerLost("interrupted"),)
        later = interview.following(events)
        version = interview.version + 1
        await self._house.append(interview.id, version, f"~{secrets.token_hex(8)}", events, later)
        later.version = version
        return later


def check_access(interview: Interview, token: str | None, owner: str | None) -> None:
    """Gone for a wrong token or owner, as for an interview that never was; None is whoever need not ask."""
    if owner is not None and owner != interview.owner:
        raise Gone(interview.id)
    if token is None:
        return
    given = hashlib.sha256(token.encode()).hexdigest()
    if not interview.token or not hmac.compare_digest(given, interview.token):
        raise Gone(interview.id)
