"""What all sessions of an engine share: its adapters, its limits, and the way to its storage."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from .budget import Budget, Ledger, Spending
from .errors import AdapterError, Conflict, Gone, InterviewError
from .events import Entry, Event, FollowUpWanted, Material
from .interview import Activity, Analyze, Ask, Interview, Listen, Speak
from .ports import Called, Interviewer, Recorder, Speaker, Storage, Transcriber
from .sound import Room
from .states import State, Trigger

log = logging.getLogger("interview_fsm")
T = TypeVar("T")

TO_THE_END = 100
"""Entries over ``Limits.entries``, for a recording that goes on and for feedback; stopping needs no limit."""

RESUME_SUFFIX = ".resume"
"""What the id of a résumé's log has after its interview's id."""


class Limits(Struct, frozen=True, kw_only=True):
    """How long things may take, in seconds, how much may wait, and what may be spent."""

    append: float = 10.0
    """For one append; after it the outcome is unknown and the session ends."""
    ask: float = 30.0
    speak: float = 120.0
    listen: float = 900.0
    """A five-minute answer, and a recogniser that is slower than speech."""
    analyze: float = 180.0
    release: float = 10.0
    """For what was told to end, to let go of what it holds; after it the interview goes on without it."""
    silence: float = 1.8
    """Silence that ends a spoken answer: pauses of 0.5 to 1.5 s are thinking."""
    linger: float = 30.0
    """How long a session outlives its connection, where the protocol can come back."""
    entries: int = 2000
    """Of one interview's log, several times what the longest needs; then it can only be ended."""
    mail: int = 64
    """Commands that may wait in a session."""
    unread: int = 1024
    """Updates that may wait for a slow reader."""
    retention: float = 30 * 86400.0
    """An interview is erased this long after its last entry."""
    resume: float = 86400.0
    """A résumé's text is erased this long after it was read, if the interview has not stopped before."""
    spending: Spending = Spending()
    """Calls to a model, tokens, and seconds of sound, of an interview and of a client's day."""

    def allowed(self, interview: Interview) -> tuple[Trigger, ...]:
        """The commands that *interview* takes: those of its state, of a log that is too long what ends it.

        A recording goes on; how late feedback may be made is ``TO_THE_END``.
        """
        over = interview.version - self.entries
        is_late = over >= TO_THE_END
        if over < 0 or (interview.state is State.RECORDING and not is_late):
            return interview.allowed
        ends = {Trigger.STOP_INTERVIEW} if is_late else {Trigger.ANALYZE, Trigger.STOP_INTERVIEW}
        return tuple(trigger for trigger in interview.allowed if trigger in ends)


class Observed(Struct, frozen=True):
    """Something that took time: an append, or an activity. Holds no text of the candidate's."""

    interview_id: str
    name: str
    """``append``, ``ask``, ``speak``, ``listen``, ``analyze``, ``prefetch`` (a question made ahead), or
    ``call``: one call to a model, within one of these."""
    seconds: float
    outcome: str = "ok"
    """``ok``, ``cancelled``, or an error's code."""
    triggers: tuple[Trigger, ...] = ()
    state: State | None = None
    version: int | None = None
    entry: Entry | None = None
    """With all texts, only for ``Engine(observe_texts=True)``."""
    call: Called | None = None
    """How a call to a model went."""


Observer = Callable[[Observed], None]
FollowUpRule = Callable[[Interview], FollowUpWanted | None]


class Endings(NamedTuple):
    """What an interviewer knows of how spoken answers end."""

    thinking: Callable[[Interview], float] = lambda _: 0.0
    """Seconds over ``Limits.silence`` that a silence may last in the answer to the open question."""
    without: Callable[[str, str], str | None] = lambda _text, _language: None
    """A text without the words at its end that say that this was all; None where it does not end so."""


class Ports(NamedTuple):
    """The adapters of an engine. Who made them closes them."""

    storage: Storage
    interviewer: Interviewer
    recorder: Recorder | None = None
    transcriber: Transcriber | None = None
    speaker: Speaker | None = None


def heard(ports: Ports) -> tuple[str, ...]:
    """The kinds of ``events.Source`` that answers are heard from; none where nothing understands them."""
    if ports.recorder is None or ports.transcriber is None:
        return ()
    return tuple(getattr(ports.recorder, "kinds", ("microphone",)))


class House:
    """What a session needs that is not its own."""

    def __init__(
        self,
        ports: Ports,
        limits: Limits,
        *,
        rule: FollowUpRule | None,
        ahead: bool,
        endings: Endings,
        speech_on_demand: bool,
        observe: Observer | None,
        observe_texts: bool,
        clock: Callable[[], float],
    ) -> None:
        self.ports, self.limits, self.clock = ports, limits, clock
        self.ledger = Ledger(limits.spending, clock)
        self.endings = endings
        self.room = Room()
        """For the sound of all sessions that waits to be heard."""
        self.ahead = ahead
        """Whether the next question is made ready while the candidate answers."""
        self.speech_on_demand = speech_on_demand
        """Whether a session is read to only when it wants to be."""
        self.to_drop: set[str] = set()
        """Interviews whose résumé is to be erased, and is not yet: the storage was away."""
        self._clinging: set[asyncio.Task[Any]] = set()
        self._rule, self._observe, self._texts = rule, observe, observe_texts

    def follow_up(self, interview: Interview) -> FollowUpWanted | None:
        """What the rule says about the answer just stored."""
        if self._rule is None or interview.plan.follow_up_limit == 0:
            return None
        try:
            return self._rule(interview)
        except Exception as error:  # an answer is worth more than a question about it
            log.error("the follow-up rule failed: %s", traced(error))
            return None

    def budget(self, interview: Interview, client: str) -> Budget:
        """What *interview* may still cost; *client* is whose day it is part of, its owner's where empty."""
        plan = interview.plan
        return self.ledger.budget(interview.id, plan.count + plan.follow_up_limit, client or interview.owner)

    async def released(self, task: asyncio.Task[Any], interview_id: str, name: str) -> bool:
        """Whether *task*, told to end, has done so within ``Limits.release``; else it is left to itself."""
        await asyncio.wait([task], timeout=self.limits.release)
        if not task.done():
            log.warning("interview %s: %s does not let go", interview_id, name)
            self._clinging.add(task)  # the event loop alone may forget it
            task.add_done_callback(self._clinging.discard)
        return task.done()

    def bounds(self, activity: Activity) -> tuple[str, float]:
        """What *activity* is called, and the seconds it may take."""
        match activity:
            case Ask():
                return "ask", self.limits.ask
            case Speak():
                return "speak", self.limits.speak
            case Listen():
                return "listen", self.limits.listen
            case Analyze():
                return "analyze", self.limits.analyze

    async def append(
        self, interview_id: str, version: int, append_id: str, events: tuple[Event, ...], later: Interview
    ) -> Entry:
        """Append one step; the entry, durable. Raises what the storage does, in time."""
        now = self.clock()
        entry = Entry(version, append_id, now, events)
        owner = later.owner if version == 1 else None
        began = time.perf_counter()
        outcome = "cancelled"
        try:
            await self.in_time(
                self.ports.storage.append(
                    interview_id, version - 1, entry, owner=owner, expires_at=now + self.limits.retention
                )
            )
            outcome = "ok"
        except Exception as error:
            outcome = error.code if isinstance(error, InterviewError) else "internal"
            raise
        finally:
            if self._observe is not None:
                took = time.perf_counter() - began
                triggers = tuple(event.trigger for event in events)
                told = (took, outcome, triggers, later.state, version, entry if self._texts else None)
                self.observed(Observed(interview_id, "append", *told))
        return entry

    async def append_again(self, interview_id: str, entry: Entry) -> None:
        """Return when *entry*, which is in the log, is durable. Raises what the storage does, in time."""
        await self.in_time(self.ports.storage.append(interview_id, entry.version - 1, entry))

    async def in_time(self, call: Coroutine[Any, Any, T]) -> T:
        """The result of a call to the storage, or AdapterError when it takes too long."""
        try:
            async with asyncio.timeout(self.limits.append):
                return await call
        except TimeoutError as error:
            raise AdapterError(
                "storage", "storage_unavailable", "the storage did not answer in time", retryable=True
            ) from error

    async def keep(self, interview_id: str, material: Material, *, after: int = 0) -> None:
        """Keep what the candidate brought, beside the interview, as version *after* + 1 of its log."""
        now = self.clock()
        entry = Entry(after + 1, f"~{secrets.token_hex(8)}", now, (material,))
        expires_at = now + self.limits.resume
        await self.in_time(
            self.ports.storage.append(resume_log(interview_id), after, entry, expires_at=expires_at)
        )

    async def keep_instead(self, interview: Interview, material: Material) -> None:
        """Keep what the candidate brought, in place of what is kept already; the latest counts.

        The interview's log is the fence, of the résumé's too. Looked at before, with the place already known:
        who took the interview over since, and kept another there, is not overwritten. Looked at after: who
        could not see this one when they took it over goes on without it. Raises Conflict, and Gone with
        nothing left; and what the storage does, in time.
        """
        kept = len(await self._kept(interview.id))
        await self._check_latest(interview)
        await self.keep(interview.id, material, after=kept)
        try:
            await self._check_latest(interview)
        except Gone:
            await self.drop_resume(interview.id)
            raise

    async def _check_latest(self, interview: Interview) -> None:
        """Conflict where its log has gone on without us, Gone where there is none."""
        if await self.in_time(self.ports.storage.load(interview.id, interview.version)):
            raise Conflict(interview.id)

    async def _kept(self, interview_id: str) -> list[Entry]:
        """The log of its résumé; empty where there is none."""
        try:
            return await self.in_time(self.ports.storage.load(resume_log(interview_id)))
        except Gone:
            return []

    async def material(self, interview: Interview) -> Material | None:
        """What the candidate brought, if it is still there: what the interview was started with, or else the
        latest.
        """
        entries = await self._kept(interview.id)
        if entries and interview.state is State.STOPPED:  # its session died before it could erase it
            await self.drop_resume(interview.id)
            return None
        brought = [event for entry in entries for event in entry.events if isinstance(event, Material)]
        agreed = "" if interview.state is State.IDLE else interview.plan.resume_digest
        fitting = [each for each in brought if agreed in ("", each.digest)] or brought
        return fitting[-1] if fitting else None

    async def drop_resume(self, interview_id: str) -> bool:
        """Erase what the candidate brought; whether it is erased now. What cannot be is left to the sweep."""
        self.to_drop.add(interview_id)
        try:
            erased = await self.in_time(self.ports.storage.erase(resume_log(interview_id)))
        except Exception as error:  # sweep() tries again; the interview has stopped all the same
            log.warning("interview %s: its résumé is not erased yet (%s)", interview_id, type(error).__name__)
            return False
        self.to_drop.discard(interview_id)
        return erased

    def called(self, interview_id: str) -> Callable[[Called], None]:
        """What is to be told of each call to a model for this interview."""

        def note(call: Called) -> None:
            self.observed(Observed(interview_id, "call", call.seconds, call.outcome, call=call))

        return note

    def observed(self, observed: Observed) -> None:
        """Tell the observer."""
        if self._observe is not None:
            try:
                self._observe(observed)
            except Exception as error:
                log.error("an observer failed: %s", traced(error))


def resume_log(interview_id: str) -> str:
    """The id of the log that the résumé of *interview_id* is kept in."""
    return interview_id + RESUME_SUFFIX


def traced(error: BaseException) -> str:
    """Where *error* happened, and not what it says: that may quote what the candidate said."""
    places = "".join(traceback.format_tb(error.__traceback__))
    return f"{type(error).__name__}\n{places}"
