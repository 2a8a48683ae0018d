"""Sessions: interviews that live.

Log, then move, then act. A session has one task that owns its interview and takes its mail one piece at
a time: work out what the interview would be, append that to the log, make it so, and see to it that the
right activity runs and no other. Nothing is done, shown, said or acknowledged that is not stored. What a
session knows beyond its log is nothing that cannot be had again, so a crash, a move to another server and
a reconnect are one path: open it from the log.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Self

from .activities import Ahead, Stage, stood_in, understood
from .errors import AdapterError, Busy, Conflict, InterviewError, InvalidCommand, SessionOver, SessionTaken
from .events import (
    ActivityFailed,
    AnswerLost,
    AnswerRecorded,
    Attached,
    Command,
    Entry,
    Event,
    Material,
    Plan,
    QuestionAsked,
    StopInterview,
    SubmitAnswer,
    Transcript,
    Warning,
    encode,
)
from .house import House, Observed, traced
from .interview import Activity, Ask, Interview, Listen, Speak
from .sound import Inlet
from .states import State, Trigger, refusal
from .updates import News, Update, Updates

log = logging.getLogger("interview_fsm")


class _Mail:
    __slots__ = ("command_id", "event", "file", "reply", "sender")

    def __init__(
        self,
        event: Event | Material,
        *,
        command_id: str | None = None,
        reply: asyncio.Future[Interview] | None = None,
        sender: asyncio.Task[None] | None = None,
        file: bytes = b"",
    ) -> None:
        self.event, self.command_id, self.reply, self.sender = event, command_id, reply, sender
        self.file = file


class Session:
    """One live interview: its mail, its log, and at most one activity.

    Made by an Engine. ``interview`` is the interview as stored, and may be read at any time. Ending a
    session (``aclose()``, or leaving its ``async with``) cancels the activity and waits until it has let
    go, at most ``Limits.release``; the log has all that a later session needs.
    """

    __slots__ = (
        "_activity",
        "_ahead",
        "_done",
        "_file",
        "_given_up",
        "_has_resume_to_drop",
        "_has_voice",
        "_house",
        "_inlet",
        "_is_closing",
        "_is_told",
        "_leave",
        "_leaving",
        "_life",
        "_limit",
        "_mail",
        "_nonce",
        "_performing",
        "_readers",
        "_seen",
        "_stopping",
        "_waiters",
        "_wake",
        "client",
        "ended",
        "interview",
        "material",
        "mute",
        "trouble",
    )

    def __init__(
        self,
        interview: Interview,
        material: Material | None,
        house: House,
        *,
        seen: dict[str, int],
        client: str,
        leave: Callable[[Session], None],
    ) -> None:
        self.interview = interview
        self.material = material
        """What the candidate brought; None without, and once the interview has stopped."""
        self.client = client
        """Who is charged for what it costs, where that is not the owner."""
        self.trouble: Warning | None = None
        """Why the latest activity failed, in words; None when it did not."""
        self.mute: Warning | None = None
        """Why what was to be read aloud last could not be, in words; None when none failed."""
        self.ended: InterviewError | None = None
        """Why the session is over; None while it lives."""
        self._house, self._leave = house, leave
        self._mail: deque[_Mail] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._activity: Activity | None = None
        self._performing: asyncio.Task[None] | None = None
        self._ahead = Ahead()
        self._done: asyncio.Event | None = None
        self._inlet: Inlet | None = None
        self._file = b""
        self._given_up = self._is_told = self._has_resume_to_drop = False
        self._has_voice = house.ports.speaker is not None and not house.speech_on_demand
        """Whether it is read to."""
        self._readers: tuple[Updates, ...] = ()
        self._waiters: list[tuple[Callable[[Interview], bool], asyncio.Future[Interview]]] = []
        self._seen = seen
        self._nonce = secrets.token_hex(8)
        self._stopping: InterviewError | None = None
        self._limit: asyncio.Timeout | None = None
        """Of the activity, once it has begun."""
        self._leaving = self._is_closing = False
        self._life = asyncio.get_running_loop().create_task(self._live())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self, reason: InterviewError | None = None) -> None:
        """End the session; returns when its activity has let go. Whoever waits is told *reason*."""
        self._stopping = self._stopping or reason
        if not self._leaving and not self._is_closing:  # else it is letting go already
            self._is_closing = True
            self._life.cancel()
        # Not ``await self._life``: that could not tell its cancellation from one of our own.
        await asyncio.wait([self._life])
        if not self._life.cancelled():
            self._life.exception()  # a panic while it let go; why it ended is told by ``ended``
        if self.ended is None:  # cancelled before its first turn, a task runs none of its code
            self._bury(self._stopping or SessionOver(self.interview.id))

    # ---------------------------------------------------------------------------- what others call

    async def send(self, command: Command, *, command_id: str | None = None, file: bytes = b"") -> Interview:
        """Make *command* happen; the interview after it, stored. *file* is the sound of an answer that comes
        as an ``upload``.

        A *command_id* that is in the log already is acknowledged again and not run again. Raises
        InvalidCommand and Busy (nothing happened), and when the session ends meanwhile why it ended:
        AdapterError (``storage_unavailable``: it may or may not have been stored; open the interview
        again and resend), SessionTaken, Gone, SessionOver. ValueError, and nothing happened, for what no
        log could keep: text that is no Unicode, or too much of it.
        """
        if len(self._mail) >= self._house.limits.mail and not self._may_overtake(command):
            raise Busy("too many commands are waiting")
        return await self._request(command, command_id=command_id, file=file)

    @property
    def heard(self) -> int | None:
        """Bytes that came so far of the answer that is being recorded from the client's ``stream``; None when
        none is.
        """
        activity = self._activity
        is_streamed = isinstance(activity, Listen) and activity.source.kind == "stream"
        return self._inlet.come if self._inlet is not None and is_streamed else None

    async def understand(self, pcm: bytes) -> Transcript | None:
        """What is understood of *pcm* (PCM16 mono 16 kHz): a try, which is no answer and is kept nowhere.
        None for nothing.

        Raises AdapterError with ``recognition_unavailable``, and BudgetSpent: it costs what an answer does.
        """
        house = self._house
        budget = house.budget(self.interview, self.client)
        return await understood(house.ports, pcm, language=self.interview.plan.language, budget=budget)

    def hear(self, sound: bytes) -> bool:
        """Take sound of the answer that is being recorded from the client's ``stream``; whether there is one.

        Raises TooMuchSound or Busy, and it is left out.
        """
        activity = self._activity
        if self._inlet is None or not isinstance(activity, Listen) or activity.source.kind != "stream":
            return False
        self._inlet.put(sound)
        return True

    async def attach(self) -> Interview:
        """Begin the log, where it has not begun: from here on the interview outlives its session."""
        if self.ended is not None:
            raise self._over()
        if self.interview.version == 0:
            await self._request(Attached())
        return self.interview

    @property
    def allowed(self) -> tuple[Trigger, ...]:
        """The commands that are possible now: those of its state, of a log that is too long what ends it."""
        return self._house.limits.allowed(self.interview)

    async def until(self, condition: Callable[[Interview], bool]) -> Interview:
        """The first interview from now on that meets *condition*, though it may have moved on since.

        Raises why the session ended, if it does before, and whatever *condition* raises.
        """
        if condition(self.interview):
            return self.interview
        if self.ended is not None:
            raise self._over()
        met: asyncio.Future[Interview] = asyncio.get_running_loop().create_future()
        waiter = (condition, met)
        self._waiters.append(waiter)
        try:
            interview = await met
        finally:
            self._waiters.remove(waiter)
        condition(interview)  # where it raises, it does so here, to its caller
        return interview

    async def said(self) -> None:
        """Wait until what is read aloud now, if anything is, has been said or cannot be; whoever records
        before makes it silent. Raises why the session ended.
        """
        await self.until(lambda interview: self._activity == interview.activity)
        if isinstance(self._activity, Speak) and self._performing is not None:
            await asyncio.wait([self._performing])

    def updates(self) -> Updates:
        """The news from now on."""
        reader = Updates(self.interview.id, self._house.limits.unread, self._forget)
        if self.ended is not None:
            reader.end()
        else:
            self._readers += (reader,)
        return reader

    def version_of(self, command_id: str) -> int | None:
        """The version of the entry that stored this command; None when it is not in the log."""
        return self._seen.get(command_id)

    def bring(self, material: Material) -> None:
        """Set what the candidate brought; before the log begins."""
        assert self.interview.version == 0
        self.material = material

    async def bring_instead(self, material: Material) -> None:
        """Set what the candidate brought though the log has begun, until ``start_interview``; kept when this
        returns.

        Raises InvalidCommand once the interview has started, ValueError for what no log could keep, and why
        the session ended: AdapterError (``storage_unavailable``: it may or may not be kept), SessionTaken,
        Gone, SessionOver.
        """
        await self._request(material)

    def give_up(self, name: str) -> bool:
        """End the activity of this name (``ask``, ``speak``, ``listen``, ``analyze``) as ``cancelled``;
        whether it was going on. What comes of it is stored as of any other failure.
        """
        performing, activity = self._performing, self._activity
        if performing is None or activity is None or self._house.bounds(activity)[0] != name:
            return False
        if performing.done() or self._is_letting_go:
            return False
        self._given_up = True
        self._tell_to_end(performing)
        return True

    def want_speech(self, *, on: bool) -> bool:
        """Have questions and summaries read from now on, and what is open if it was not read yet; or be
        silent at once. Whether it is read to now: this changes nothing where the engine's speaker needs no
        asking, or there is none.
        """
        if not self._house.speech_on_demand or self._house.ports.speaker is None:
            return self._has_voice
        self._has_voice = on
        if not on:
            self.give_up("speak")
        elif self._performing is None and isinstance(self._activity, Speak):
            self._begin_activity(self._activity)
        return on

    # --------------------------------------------------------------------------------- its own task

    async def _live(self) -> None:
        reason: InterviewError | None = None
        try:
            await self._reconcile()
            while True:
                while not self._mail:
                    self._wake = asyncio.get_running_loop().create_future()
                    await self._wake
                await self._take(self._mail.popleft())
        except Conflict:
            reason = SessionTaken(self.interview.id)
        except InterviewError as error:
            reason = error
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a library in Rust that panics raises no Exception
            log.error("session of interview %s broke: %s", self.interview.id, traced(error))
            reason = SessionOver(self.interview.id, "the session broke; open the interview again")
        finally:
            self._leaving = True
            try:
                await self._cease()
                await self._ahead.drop(partial(self._released, name="prefetch"))
                if (
                    reason is None
                ):  # whoever has stopped an interview need not stay until its résumé is erased
                    await self._drop_resume()
            finally:
                self._bury(reason or self._stopping or SessionOver(self.interview.id))

    def _may_overtake(self, command: Command) -> bool:
        """Whether *command* is taken though the mail is full: one that stops, unless one waits already."""
        waits = bool(self._mail) and isinstance(self._mail[0].event, StopInterview)
        return isinstance(command, StopInterview) and not waits

    async def _request(
        self, event: Event | Material, *, command_id: str | None = None, file: bytes = b""
    ) -> Interview:
        """The interview once our task has done what is asked for. Raises why not."""
        if self.ended is not None:
            raise self._over()
        reply: asyncio.Future[Interview] = asyncio.get_running_loop().create_future()
        self._post(_Mail(event, command_id=command_id, reply=reply, file=file))
        return await reply

    def _post(self, mail: _Mail) -> None:
        if isinstance(mail.event, StopInterview):  # overtakes everything
            self._mail.appendleft(mail)
        else:
            self._mail.append(mail)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _take(self, mail: _Mail) -> None:
        reply = mail.reply
        if reply is None:
            assert not isinstance(mail.event, Material)
            if mail.sender is self._performing:  # else it was left while its outcome was in the mail
                await self._take_outcome(mail.event)
            return
        if reply.done():  # the caller has gone, and nothing has been done yet
            return
        try:
            if isinstance(mail.event, Material):
                await self._bring(mail.event)
            elif mail.command_id is None or mail.command_id not in self._seen:
                self._check_length(mail.event)
                self._file = mail.file
                await self._accept(mail.event, mail.command_id)
        except (InvalidCommand, ValueError) as error:
            if not reply.done():
                reply.set_exception(error)
        except BaseException:
            if mail.command_id in self._seen and not reply.done():
                reply.set_result(self.interview)  # it is stored, whatever became of what comes after it
            self._mail.appendleft(mail)  # its sender hears why when the session has ended, like all others
            raise
        else:
            if not reply.done():
                reply.set_result(self.interview)

    async def _bring(self, material: Material) -> None:
        if self.interview.state is not State.IDLE:
            is_over = self.interview.state is State.STOPPED
            why = None if is_over else "the interview has started"
            raise refusal(self.interview, Trigger.START_INTERVIEW, why)
        encode(Entry(1, "", 0.0, (material,)))
        if self.interview.version:
            await self._house.keep_instead(self.interview, material)
        self.material = material

    def _check_length(self, command: Event) -> None:
        """Refuse what makes a long log longer: else a client could have it grow without end."""
        possible = self.allowed
        if command.trigger in possible or possible == self.interview.allowed:
            return  # what its state refuses is refused for that
        reason = "this interview has become too long; it can only be brought to its end"
        raise InvalidCommand(command.trigger, self.interview.state, possible, reason)

    async def _take_outcome(self, event: Event) -> None:
        try:
            await self._accept(event, None)
        except (InvalidCommand, ValueError):
            # What an adapter gave does not fit the interview: as if it had failed.
            log.warning("interview %s: unusable outcome %s", self.interview.id, event.trigger)
            failed = AnswerLost if self.interview.state is State.RECORDING else ActivityFailed
            self.trouble = Warning("invalid_output", "What came back could not be used.")
            await self._accept(failed("invalid_output"), None)

    async def _accept(self, event: Event, command_id: str | None) -> None:
        later = self._after(event)  # refused here, or not at all
        if self.interview.version == 0:
            await self._begin()
            later = self.interview.after(event)
        if isinstance(event, Attached):  # that was all; or somebody was quicker
            return
        events: tuple[Event, ...] = (event,)
        answered = isinstance(event, SubmitAnswer | AnswerRecorded)
        if answered and (wanted := self._house.follow_up(later)) is not None:
            with suppress(InvalidCommand):  # the table decides, whatever the rule says
                later = later.after(wanted)
                events = (event, wanted)
        await self._store(events, later, command_id)
        if later.state is State.STOPPED and self.material is not None:
            self.material, self._has_resume_to_drop = None, True
        await self._reconcile()
        await self._drop_resume()

    async def _drop_resume(self) -> None:
        if self._has_resume_to_drop:
            await self._house.drop_resume(self.interview.id)
            self._has_resume_to_drop = False

    def _after(self, event: Event) -> Interview:
        try:
            return self.interview.after(event)
        except (AttributeError, TypeError) as error:
            raise ValueError(f"a field of {event.trigger} has the wrong type") from error

    async def _begin(self) -> None:
        """The first entry. The candidate's material is kept before it, so that no interview is without; that
        of one that did not come to be is found by the sweep.
        """
        plan = self.interview.plan
        agreed = plan if plan != Plan() else None
        attached = Attached(self.interview.token, self.interview.owner, agreed)
        later = self.interview.after(attached)
        if self.material is not None:
            for first in (attached, self.material):  # refused before anything is stored
                encode(Entry(1, "", 0.0, (first,)))
            await self._house.keep(self.interview.id, self.material)
        await self._store((attached,), later, None)

    async def _store(self, events: tuple[Event, ...], later: Interview, command_id: str | None) -> None:
        version = self.interview.version + 1
        append_id = command_id or f"~{self._nonce}.{version}"
        entry = await self._house.append(self.interview.id, version, append_id, events, later)
        later.version = version
        self.interview = later
        if command_id is not None:
            self._seen[command_id] = version
        for reader in self._readers:
            reader.put(Update(entry, later))
        self._tell_waiters(later)

    def _tell_waiters(self, later: Interview) -> None:
        for condition, met in self._waiters:
            if met.done():
                continue
            try:
                is_met = condition(later)
            except Exception:  # the waiter's trouble, not ours: until() asks again
                is_met = True
            if is_met:
                met.set_result(later)

    # ------------------------------------------------------------------------------------ activities

    async def _reconcile(self) -> None:
        """See to it that what must be going on is going on, and nothing else."""
        wanted, upcoming = self.interview.activity, self._upcoming
        if not self._ahead.fits(wanted, upcoming):
            await self._ahead.drop(partial(self._released, name="prefetch"))
        if wanted != self._activity:
            await self._cease()
            self._activity, self._given_up, self._is_told, self._limit = wanted, False, False, None
            if wanted is not None and (self._has_voice or not isinstance(wanted, Speak)):
                self._begin_activity(wanted)
        if self._done is not None and self.interview.finishing:
            if self._inlet is not None:
                self._inlet.end()
            self._done.set()
        if upcoming is not None and self._ahead.is_empty:
            self._ahead.begin(upcoming, self._make_ready(upcoming))
        self._tell_waiters(self.interview)  # of what goes on

    def _begin_activity(self, wanted: Activity) -> None:
        if isinstance(wanted, Listen):
            self._done, self._inlet = asyncio.Event(), self._inlet_of(wanted)
        self._performing = asyncio.get_running_loop().create_task(self._perform(wanted))

    def _inlet_of(self, wanted: Listen) -> Inlet | None:
        """Where what the client sends of this answer goes in."""
        if wanted.source.kind not in ("stream", "upload"):
            return None
        inlet = Inlet(self._house.room if wanted.source.kind == "stream" else None)
        if wanted.source.kind == "upload":
            inlet.put(self._file)
            inlet.end()
        self._file = b""
        return inlet

    @property
    def _upcoming(self) -> Ask | None:
        return self.interview.upcoming if self._house.ahead else None

    async def _make_ready(self, wanted: Ask) -> QuestionAsked:
        """The question that will be wanted. Its failure is nobody's before somebody waits for it."""
        began = time.perf_counter()
        ended = "cancelled"
        try:
            async with asyncio.timeout(self._house.limits.ask) as self._ahead.limit:
                made = await self._stage().ask(wanted)
            ended = "ok"
        except Exception as error:
            ended = error.code if isinstance(error, AdapterError) else "internal"
            raise
        finally:
            took = time.perf_counter() - began
            self._house.observed(Observed(self.interview.id, "prefetch", took, ended))
        return made

    async def _cease(self) -> None:
        """Cancel the activity and wait until it has let go of what it held: not for ever, for an adapter that
        clings to it would hold the interview too.
        """
        performing, activity = self._performing, self._activity
        if performing is not None:
            # When we are cancelled while we wait here, we come here again; the activity must not be
            # cancelled again in the midst of its clean-up. Its ``cancelling()`` cannot tell: there a time
            # limit of the adapter's own counts too, for the moment in which it runs out; then it goes on.
            if not performing.done() and not self._is_letting_go:
                self._tell_to_end(performing)
            assert activity is not None
            if not await self._released(performing, self._house.bounds(activity)[0]):
                self._leave_behind(activity)
        if self._inlet is not None:
            self._inlet.close()
        self._performing = self._activity = self._done = self._inlet = None

    @property
    def _is_letting_go(self) -> bool:
        """Whether the activity has been cancelled already, by us or by our limit."""
        return self._is_told or (self._limit is not None and self._limit.expired())

    async def _released(self, told: asyncio.Task[Any], name: str) -> bool:
        return await self._house.released(told, self.interview.id, name)

    def _leave_behind(self, activity: Activity) -> None:
        what = "What was going on"
        if isinstance(activity, Speak):
            what = "The voice"
            self._has_voice = False  # with the next question there would be one more that does not stop
        self._tell(Warning("not_stopped", f"{what} does not stop; the interview goes on without it."))

    def _tell_to_end(self, performing: asyncio.Task[None]) -> None:
        self._is_told = True
        performing.cancel()

    async def _perform(self, activity: Activity) -> None:
        """Run *activity* to its outcome; whatever an adapter raises becomes an event, not our end."""
        if not isinstance(activity, Speak):
            self.trouble = None
        name, seconds = self._house.bounds(activity)
        began = time.perf_counter()
        outcome: Event | None = None
        ended = "cancelled"
        try:
            async with asyncio.timeout(seconds) as self._limit:
                outcome = await (self._ahead.take(activity) or self._stage().perform(activity))
            self._try_out(outcome, name)
            ended = "ok"
            if (warning := stood_in(outcome)) is not None:
                self._tell(warning)
            if isinstance(outcome, AnswerLost):
                self.trouble = Warning(outcome.reason, "Nothing was heard.")
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            if _is_cancelled() and not self._given_up:  # left; however it went out, nobody waits for it
                return
            outcome = None
            if not self._given_up:
                ended = self._fail(name, error)
            elif not isinstance(activity, Speak):
                self.trouble = Warning("cancelled", "That was given up.")
        finally:
            self._house.observed(Observed(self.interview.id, name, time.perf_counter() - began, ended))
        if outcome is None:
            outcome = self._failure(activity, ended)
        if outcome is not None:
            self._post(_Mail(outcome, sender=asyncio.current_task()))

    def _stage(self) -> Stage:
        house, performing = self._house, self._performing

        def tell(news: News) -> None:
            if performing is self._performing:  # else it was left behind
                self._tell(news)

        return Stage(
            self.interview,
            self.material,
            house.ports,
            tell=tell,
            done=self._done,
            silence=house.limits.silence + house.endings.thinking(self.interview),
            without_ending=house.endings.without,
            brought=self._inlet,
            budget=house.budget(self.interview, self.client),
            note=house.called(self.interview.id),
            client=self.client,
        )

    def _try_out(self, outcome: Event | None, name: str) -> None:
        """Refuse what could not be folded, or kept: here it is the adapter's failure, later our end."""
        if outcome is None:
            return
        try:
            self.interview.after(outcome)
            encode(Entry(1, "", 0.0, (outcome,)))
        except Exception as error:
            raise AdapterError(name, "invalid_output", "What came back could not be used.") from error

    def _fail(self, name: str, raised: BaseException) -> str:
        """Tell of a failure; its code."""
        if isinstance(raised, AdapterError):
            error, cause = raised, raised.__cause__
        elif isinstance(raised, TimeoutError):
            error, cause = AdapterError(name, "timeout", "It took too long."), raised
        else:
            error, cause = AdapterError(name, "internal", "Something went wrong here."), raised
        # The type alone: the text of a provider's error may quote what the candidate said.
        why = type(cause).__name__ if cause else "no cause"
        log.warning("interview %s: %s: %s (%s)", self.interview.id, error.adapter, error.code, why)
        trouble = Warning(error.code, str(error))
        if not isinstance(self._activity, Speak):
            self.trouble = trouble
        else:
            self.mute = trouble
            if isinstance(raised, AdapterError) and not raised.retryable:
                self._has_voice = False  # the next question would be told the same
        self._tell(trouble)
        return error.code

    def _failure(self, activity: Activity, ended: str) -> Event | None:
        if ended == "ok" or isinstance(activity, Speak):  # a voice that fails is a warning, no event
            return None
        return AnswerLost(ended) if isinstance(activity, Listen) else ActivityFailed(ended)

    def _tell(self, news: News) -> None:
        for reader in self._readers:
            reader.put(news)

    # ------------------------------------------------------------------------------------------ its end

    def _forget(self, reader: Updates) -> None:
        self._readers = tuple(other for other in self._readers if other is not reader)

    def _over(self) -> InterviewError:
        # A fresh one each time: an exception that is raised again grows its traceback.
        ended = self.ended
        assert ended is not None
        error = type(ended).__new__(type(ended), *ended.args)
        error.args = ended.args
        error.__dict__.update(ended.__dict__)
        return error

    def _bury(self, reason: InterviewError) -> None:
        self.ended = reason
        for mail in self._mail:
            if mail.reply is not None and not mail.reply.done():
                mail.reply.set_exception(self._over())
        self._mail.clear()
        for _, met in self._waiters:
            if not met.done():
                met.set_exception(self._over())
        for reader in self._readers:
            reader.end()
        self._readers = ()
        self._leave(self)


def _is_cancelled() -> bool:
    """Whether the running task was told to end.

    If not, a CancelledError is a failure like any other: a library's own task was cancelled.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
