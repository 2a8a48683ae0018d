"""One client that speaks JSON v1, conducted through its interview. No sockets here.

Commands are taken in the order sent, one at a time, by one worker; ``ping``, ``cancel``, ``begin_upload``
and, in an interview, ``stop_interview`` are done as they come. What the session tells is relayed as it is
stored, and all that is said leaves in one order. The connection may go at any time: the interview does not.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import copy
from typing import Any, Protocol

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace

from . import __version__, messages, protocol, report, views
from .engine import Engine, Session, Update
from .errors import (
    BadMessage,
    Busy,
    CommandError,
    Gone,
    InterviewError,
    InvalidCommand,
    NewerFormat,
    ResumeError,
    SessionOver,
    SessionTaken,
    TooSlow,
)
from .events import MAX_QUESTIONS, MAX_TEXT, Material, Resume
from .house import traced
from .interview import Interview
from .seats import Seats
from .states import State, allowed
from .updates import Heard, News, Speech
from .uploads import MOST_BYTES, SECONDS, Uploads

log = logging.getLogger("interview_fsm")

MOST_WAITING = 64
"""Commands that may wait: a whole interview, pasted. The next is told ``busy``."""
MOST_UNSENT = 2048
"""Messages that may wait for a client that reads slowly; then it is let go, and comes back to the log."""
PERIOD = 1.5
"""Seconds between two words of progress: two seconds are promised."""
AWAY = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each further try to open an interview again whose storage was away."""


class Close(Struct, frozen=True):
    """How a connection ends."""

    code: int
    reason: str = ""


class Library(Protocol):
    """What brings résumés."""

    async def fetch(self, url: str) -> bytes:
        """The document behind a client's link. Raises ResumeError."""
        ...

    async def read(self, document: bytes) -> Resume:
        """The résumé in *document*. Raises ResumeError."""
        ...


class Host(Struct, frozen=True, kw_only=True):
    """What all v1 connections of a server share."""

    engine: Engine
    seats: Seats
    library: Library
    disclosure: messages.Disclosure
    access_token: str = ""
    """What ``create_session`` must bring; empty for nothing."""
    seed: int | None = None
    """For the plans; None draws one for each interview."""


class UnexpectedBinary(CommandError):
    """No upload is open."""

    code = "unexpected_binary"


class UploadLate(CommandError):
    """A file did not come in time."""

    code = "resume_timeout"
    retryable = True


class Unauthorized(CommandError):
    """The access token is missing or wrong."""

    code = "unauthorized"


class NoSession(CommandError):
    """There is no session on this connection yet."""

    code = "no_session"


class UnsupportedMedia(CommandError):
    """A file of a kind that is not taken here."""

    code = "unsupported_media"


class JsonV1:
    """The conduct of one connection.

    ``run()`` works until the connection is to be closed, and says how; ``take()`` hands it what the client
    sent, and returns at once. *say* sends one frame. Whatever way it ends, ``leave()`` lets go of all but
    the interview, which waits in ``Seats`` for somebody to come back.
    """

    __slots__ = (
        "_busy",
        "_close",
        "_doing",
        "_errands",
        "_host",
        "_opening",
        "_outbox",
        "_owner",
        "_queue",
        "_reading",
        "_relay",
        "_reopened",
        "_say",
        "_sent",
        "_session",
        "_speaks",
        "_tick",
        "_tries",
        "_upload_id",
        "_upload_timer",
        "_uploads",
        "_wake_sender",
        "_wake_worker",
    )

    def __init__(
        self, host: Host, say: Callable[[str | bytes], Awaitable[None]], *, owner: str | None = None
    ) -> None:
        self._host, self._say, self._owner = host, say, owner
        self._queue: deque[messages.Command] = deque()
        self._outbox: deque[str | bytes] = deque()
        self._wake_worker, self._wake_sender = asyncio.Event(), asyncio.Event()
        self._busy = self._speaks = False
        self._tries = 0
        self._close: Close | None = None
        self._session: Session | None = None
        self._sent = 0
        self._opening = asyncio.Lock()
        self._reopened = asyncio.Event()
        self._relay: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[Material] | None = None
        self._errands: set[asyncio.Task[None]] = set()
        self._uploads = Uploads()
        self._upload_id: str | UnsetType = UNSET
        self._upload_timer: asyncio.TimerHandle | None = None
        self._doing: dict[messages.Task, messages.Progress] = {}
        self._tick: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Something runs or waits."""
        return self._busy or bool(self._queue or self._errands or self._outbox or self._doing)

    # ------------------------------------------------------------------------------ what comes in

    def take(self, frame: str | bytes) -> None:
        """What the client sent."""
        if self._close is not None:
            return
        if isinstance(frame, bytes):
            self._take_piece(frame)
            return
        try:
            command = messages.decode(frame)
        except messages.Unreadable as problem:
            self._not_understood(problem)
            return
        self._speaks = True
        self._dispatch(command)

    def _not_understood(self, problem: messages.Unreadable) -> None:
        self._fail(problem, problem.command_id or UNSET)
        if not self._speaks:
            self._tries += 1
            if self._tries >= protocol.TRIES:
                self.close(protocol.CLOSE_NO_DIALECT, "not a protocol this server knows")

    def _dispatch(self, command: messages.Command) -> None:
        match command:
            case messages.Ping():
                self._tell(messages.Pong(in_reply_to=command.id))
            case messages.Cancel():
                self._cancel(command)
            case messages.BeginUpload():
                self._begin_upload(command)
            case messages.StopInterview() if self._session is not None:
                errand = asyncio.create_task(self._do(command))
                self._errands.add(errand)
                errand.add_done_callback(self._errands.discard)
            case _ if len(self._queue) >= MOST_WAITING:
                self._fail(Busy("too many commands are waiting"), command.id)
            case _:
                self._queue.append(command)
                self._wake_worker.set()

    # ----------------------------------------------------------------------------------- its life

    async def run(self) -> Close:
        """Work; how the connection is to be closed. Raises what *say* does."""
        work, send = asyncio.create_task(self._work()), asyncio.create_task(self._send())
        try:
            await asyncio.wait([work, send], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            send.result()
            return self._close or Close(protocol.CLOSE_DONE)
        finally:
            await _end(work, send)

    def close(self, code: int, reason: str = "") -> None:
        """Close, when what was said so far has left."""
        self._close = self._close or Close(code, reason)
        self._wake_sender.set()

    def taken(self) -> None:
        """Another connection has the interview now."""
        if self._close is None:
            self._fail(SessionTaken(message="this interview was opened in another place and goes on there"))
            self.close(protocol.CLOSE_TAKEN, "opened in another place")

    def warn_of_end(self, in_s: float) -> None:
        """The server stops."""
        self._tell(messages.ServerClosing(in_s=in_s))

    async def leave(self) -> None:
        """Let go of everything; the interview goes on waiting for somebody to come back."""
        self._close = self._close or Close(protocol.CLOSE_DONE)
        self._stop_timers()
        if self._errands:  # a stop that has come is a stop
            await asyncio.wait(self._errands)
        await self._part()

    async def _part(self) -> None:
        """Let go of the session, once what it has stored has been told: that acknowledges it."""
        if self._errands:  # a stop on its way is meant for this session, not for the next
            await asyncio.wait(self._errands)
        session, self._session = self._session, None
        relay, self._relay = self._relay, None
        if relay is not None:
            await _end(relay)
        if session is not None and self._close is None:
            with suppress(InterviewError):  # it is in the log, and told when somebody comes back
                await self._catch_up(session)
        for task in ("ask", "listen", "analyze"):
            self._rest(task)
        if session is not None:
            await self._host.seats.leave(session, self)

    def _stop_timers(self) -> None:
        for timer in (self._tick, self._upload_timer):
            if timer is not None:
                timer.cancel()
        self._tick = self._upload_timer = None
        self._doing.clear()

    async def _work(self) -> None:
        while True:
            while not self._queue:
                self._wake_worker.clear()
                await self._wake_worker.wait()
            command = self._queue.popleft()
            self._busy = True
            await self._do(command)
            self._busy = False

    async def _send(self) -> None:
        while True:
            while self._outbox:
                await self._say(self._outbox.popleft())
            if self._close is not None:
                return
            self._wake_sender.clear()
            await self._wake_sender.wait()

    # -------------------------------------------------------------------------------- what goes out

    def _tell(self, event: messages.Event, sound: bytes | None = None) -> None:
        if self._close is not None:
            return
        if len(self._outbox) >= MOST_UNSENT:
            self._outbox.clear()
            self.close(protocol.CLOSE_BUSY, "this client reads too slowly")
            return
        self._outbox.append(messages.encode(event))
        if sound is not None:
            self._outbox.append(sound)
        self._wake_sender.set()

    def _fail(self, problem: InterviewError, reply: str | UnsetType = UNSET) -> None:
        self._tell(views.failure(problem, reply))

    # ---------------------------------------------------------------------------------- commands

    async def _do(self, command: messages.Command) -> None:
        try:
            await self._obey(command)
        except SessionTaken:
            self.taken()
        except InterviewError as problem:
            self._fail(problem, command.id)
            if isinstance(problem, Unauthorized):
                self.close(protocol.CLOSE_NO_ACCESS, "the access token is missing or wrong")
        except ValueError as problem:
            self._fail(BadMessage(str(problem)), command.id)
        except Exception as error:
            log.error("a command broke: %s", traced(error))
            self._fail(InterviewError("something went wrong here; try again"), command.id)

    async def _obey(self, command: messages.Command) -> None:
        match command:
            case messages.CreateSession():
                await self._create(command)
            case messages.ResumeSession():
                await self._resume(command)
            case messages.GetSession():
                session = await self._ready()
                whole = await views.whole(session.interview, session.material)
                self._tell(messages.Snapshot(in_reply_to=command.id, **whole))
            case messages.SetResume():
                await self._set_resume(command.given, command.id)
            case messages.GetReport():
                await self._report(command)
            case messages.EraseSession():
                await self._erase(command)
            case messages.Ping() | messages.Cancel() | messages.BeginUpload():
                raise AssertionError("done as it came")
            case _:
                await self._move(command)

    async def _create(self, command: messages.CreateSession) -> None:
        self._check_access(command.access_token or "")
        await self._part()
        seed = secrets.randbelow(2**31) if self._host.seed is None else self._host.seed
        described = command.job_description or ""
        material = Material(job_description=described) if described else None
        token = secrets.token_urlsafe(32)
        session = self._host.engine.new(
            material, owner=self._owner or "", token=token, plan=command.plan.plan(seed)
        )
        try:
            await session.attach()
        except BaseException:
            await session.aclose()
            raise
        created = messages.SessionCreated(
            in_reply_to=command.id, session=session.interview.id, token=token, **self._about()
        )
        self._tell(created)
        self._sit(session, 0)
        if command.resume is not UNSET:
            await self._set_resume(command.resume, command.id)

    def _check_access(self, given: str) -> None:
        wanted = self._host.access_token
        if wanted and not hmac.compare_digest(wanted.encode(), given.encode()):
            raise Unauthorized("the access token is missing or wrong")

    async def _resume(self, command: messages.ResumeSession) -> None:
        session = await self._host.seats.come_back(command.session, command.token, self._owner, self)
        if self._session is not session:
            await self._part()
        elif self._relay is not None:
            await _end(self._relay)
        whole = await views.whole(session.interview, session.material)
        self._tell(messages.SessionResumed(in_reply_to=command.id, **whole, **self._about()))
        self._sit(session, min(command.seq, session.interview.version))

    def _sit(self, session: Session, seq: int) -> None:
        """Have this session, of which the client knows the first *seq* entries."""
        self._session, self._sent = session, seq
        self._host.seats.sit(session, self)
        self._relay = asyncio.create_task(self._tell_news())

    async def _move(self, step: messages.Step) -> None:
        session = await self._ready()
        if (seq := session.version_of(step.id)) is not None:
            await self._catch_up(session)  # updates come in the order of seq, to whoever does not wait too
            for update in await self._host.engine.history(session.interview.id, seq - 1):
                if update.entry.version == seq:
                    self._tell(views.update(update))
            return
        digest = session.material.digest if session.material else ""
        plan = replace(session.interview.plan, resume_digest=digest)
        await session.send(messages.as_command(step, plan), command_id=step.id)

    async def _report(self, command: messages.GetReport) -> None:
        interview = (await self._ready()).interview
        match command.format:
            case "json":
                content, media_type, suffix = report.as_json(interview).decode(), "application/json", "json"
            case "markdown":
                content, media_type, suffix = report.as_markdown(interview), "text/markdown", "md"
            case "html":
                content, media_type, suffix = report.as_html(interview), "text/html", "html"
        self._tell(
            messages.Report(
                in_reply_to=command.id,
                format=command.format,
                media_type=media_type,
                name=f"interview-{interview.id[:8]}.{suffix}",
                content=content,
            )
        )

    async def _erase(self, command: messages.EraseSession) -> None:
        if (session := self._session) is None:
            raise NoSession("there is no session here: create one, or resume one")
        interview = session.interview
        receipt = messages.Receipt(
            session=interview.id,
            entries=interview.version,
            questions=len(interview.turns),
            answers=sum(1 + len(turn.attempts) for turn in interview.answered),
            feedback=interview.feedback is not None,
            resume=session.material is not None,
        )
        if self._relay is not None:
            await _end(self._relay)
        await self._host.engine.erase(interview.id)
        self._host.seats.forget(interview.id)
        self._session = self._relay = None
        self._tell(messages.SessionErased(in_reply_to=command.id, receipt=receipt))
        self.close(protocol.CLOSE_DONE, "erased")

    # ---------------------------------------------------------------------------------- the résumé

    async def _set_resume(self, given: messages.GivenResume, reply: str | UnsetType) -> None:
        session = await self._ready()
        self._check_idle(session)
        self._work_on("resume", "Opening it." if given.url else "Reading it.", total=2)
        described = session.material.job_description if session.material else ""
        self._reading = asyncio.create_task(self._read(given, described))
        try:
            await asyncio.wait([self._reading])
            if self._reading.cancelled():
                self._tell(views.cancelled("resume", reply))
                return
            material = self._reading.result()
            session = await self._ready()
            self._check_idle(session)
            await session.bring_instead(material)
            summary = await views.resume(material)
        finally:
            reading, self._reading = self._reading, None
            await _end(reading)
            self._rest("resume")
        self._tell(messages.ResumeRead(in_reply_to=reply, **asdict(summary)))

    def _check_idle(self, session: Session) -> None:
        interview = session.interview
        if interview.state is not State.IDLE:
            why = "the interview has been stopped" if interview.state is State.STOPPED else "it has started"
            raise InvalidCommand("set_resume", interview.state, allowed(interview), why)

    async def _read(self, given: messages.GivenResume, described: str) -> Material:
        match given:
            case messages.GivenResume(url=str(url)):
                document = await self._host.library.fetch(url)
            case messages.GivenResume(text=str(text)):
                document = text.encode()
            case _:
                document = self._uploads.claim(given.upload or "")
        self._work_on("resume", "Reading it.", done=1, total=2)
        material = Material.of(await self._host.library.read(document), described)
        if not material.resume:
            raise ResumeError("resume_empty", "There is no text in it. Choose another, or paste the text.")
        return material

    # ------------------------------------------------------------------------------------- uploads

    def _begin_upload(self, command: messages.BeginUpload) -> None:
        if command.purpose != "resume":
            problem = UnsupportedMedia("this server takes no spoken answers as files; type the answer")
            self._fail(problem, command.id)
            return
        try:
            self._uploads.begin(command.size, command.sha256 or "")
        except CommandError as problem:
            self._fail(problem, command.id)
            return
        self._upload_id = command.id
        self._upload_timer = asyncio.get_running_loop().call_later(SECONDS, self._upload_late)
        self._work_on("upload", "Taking in the file.", total=command.size, quiet=True)

    def _take_piece(self, piece: bytes) -> None:
        if not self._uploads.is_open:
            problem = UnexpectedBinary("no upload is open; send begin_upload first")
            self._fail(problem)
            return
        try:
            upload = self._uploads.take(piece)
        except CommandError as problem:
            self._fail(problem, self._upload_id)
            self._end_upload()
            return
        if upload is None:
            if (progress := self._doing.get("upload")) is not None:
                self._doing["upload"] = replace(progress, done=self._uploads.received)
            return
        self._tell(messages.UploadReceived(in_reply_to=self._upload_id, upload=upload))
        self._end_upload()

    def _upload_late(self) -> None:
        problem = UploadLate(f"the file did not come within {SECONDS:.0f} seconds; send it again")
        self._fail(problem, self._upload_id)
        self._end_upload()

    def _end_upload(self) -> None:
        self._uploads.drop()
        self._upload_id = UNSET
        if self._upload_timer is not None:
            self._upload_timer.cancel()
            self._upload_timer = None
        self._rest("upload")

    # ---------------------------------------------------------------------------- tasks that take long

    def _cancel(self, command: messages.Cancel) -> None:
        reading, session, task = self._reading, self._session, command.task
        if task == "resume" and reading is not None and not reading.done():
            reading.cancel()  # whoever waits for it says so
        elif task == "upload" and self._uploads.is_open:
            self._tell(views.cancelled("upload", self._upload_id))
            self._end_upload()
        elif session is not None and session.ended is None and session.give_up(task):
            self._tell(views.cancelled(task, command.id))  # type: ignore[arg-type]  # one that was going on
        else:
            self._fail(_nothing_to_cancel(command, session), command.id)

    def _work_on(
        self,
        task: messages.Task,
        message: str,
        *,
        done: int = 0,
        total: int | UnsetType = UNSET,
        quiet: bool = False,
    ) -> None:
        """Say that *task* goes on, now (unless *quiet*) and every PERIOD until it rests."""
        self._doing[task] = progress = messages.Progress(task=task, done=done, total=total, message=message)
        if not quiet:
            self._tell(progress)
        if self._tick is None:
            self._tick = asyncio.get_running_loop().call_later(PERIOD, self._say_on)

    def _say_on(self) -> None:
        for progress in self._doing.values():
            self._tell(progress)
        self._tick = asyncio.get_running_loop().call_later(PERIOD, self._say_on)

    def _rest(self, task: str) -> None:
        self._doing.pop(task, None)  # type: ignore[call-overload]
        if not self._doing and self._tick is not None:
            self._tick.cancel()
            self._tick = None

    def _watch(self, interview: Interview) -> None:
        """Say that the interview's activity goes on, if it has one that takes long."""
        current = views.activity(interview)
        for task in views.WORK:
            if task != current:
                self._rest(task)
        if current is not None and current not in self._doing:
            self._work_on(current, views.WORK[current], quiet=True)

    # --------------------------------------------------------------------------------- its session

    async def _ready(self) -> Session:
        """The session; after a storage was away, a new one that goes on from what the log says."""
        if self._session is None:
            raise NoSession("there is no session here: create one, or resume one")
        async with self._opening:
            session = self._session
            if session is None or session.ended is None:
                return session or await self._ready()
            if isinstance(session.ended, (SessionTaken, Gone, NewerFormat)):
                raise copy(session.ended)
            session = await self._host.engine.open(session.interview.id)
            self._session = session
            self._host.seats.sit(session, self)
            self._reopened.set()
            return session

    async def _tell_news(self) -> None:
        """Relay what is stored, from the first that the client does not know, until this is closed."""
        while (session := self._session) is not None:
            try:
                await self._relay_from(session)
                ended = session.ended
                if isinstance(ended, (SessionTaken, Gone, NewerFormat)):
                    raise copy(ended)
                if isinstance(ended, SessionOver) and not ended.message:  # its host has ended it: no quarrel
                    self.close(protocol.CLOSE_RESTART, "the session was ended; come back")
                    return
                await self._open_again()
            except SessionTaken:
                self.taken()
                return
            except TooSlow:
                self._outbox.clear()
                self.close(protocol.CLOSE_BUSY, "this client reads too slowly")
                return
            except InterviewError as problem:
                self._fail(problem)
                self.close(protocol.CLOSE_ERROR, "the interview cannot be had any more")
                return
            except Exception as error:
                log.error("a relay broke: %s", traced(error))
                self.close(protocol.CLOSE_ERROR, "something went wrong here")
                return

    async def _relay_from(self, session: Session) -> None:
        with session.updates() as news:
            await self._catch_up(session)
            self._watch(session.interview)
            async for each in news:
                self._relay_news(each)

    async def _catch_up(self, session: Session) -> None:
        """Tell what is in the log and was not told here."""
        if session.interview.version > self._sent:
            for update in await self._host.engine.history(session.interview.id, self._sent):
                self._relay_update(update)

    def _relay_news(self, news: News) -> None:
        match news:
            case Update():
                self._relay_update(news)
                self._watch(news.interview)
            case Heard(question=number, text=text):
                self._tell(messages.TranscriptPartial(question=number, text=text))
            case Speech(question=question, audio=audio):
                of = UNSET if question is None else question
                self._tell(messages.Speech(question=of, format="wav"), audio.wav)
            case _:
                self._tell(messages.Warned(code=news.code, message=news.message))

    def _relay_update(self, update: Update) -> None:
        if update.entry.version > self._sent:
            self._sent = update.entry.version
            self._tell(views.update(update))

    async def _open_again(self) -> None:
        """Open the interview again after its storage was away; whoever sends a command does so too."""
        for wait in AWAY:
            self._reopened.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._reopened.wait()
            try:
                await self._ready()
                return
            except (SessionTaken, Gone, NewerFormat):
                raise
            except InterviewError as error:
                problem = error
        raise problem

    def _about(self) -> dict[str, Any]:
        """What ``session_created`` and ``session_resumed`` say of the server."""
        host = self._host
        ports, limits = host.engine.ports, host.engine.limits
        return {
            "protocol": protocol.SUBPROTOCOL,
            "server": f"interview-fsm {__version__}",
            "disclosure": host.disclosure,
            "features": messages.Features(
                microphone=ports.recorder is not None and ports.transcriber is not None,
                stream=False,
                speech=ports.speaker is not None,
                uploads=("resume",),
                reports=("json", "markdown", "html"),
            ),
            "limits": messages.WireLimits(
                text=protocol.MAX_FRAME,
                binary=protocol.MAX_BINARY,
                upload=MOST_BYTES,
                answer=MAX_TEXT,
                questions=MAX_QUESTIONS,
                linger=limits.linger,
            ),
        }


def _nothing_to_cancel(command: messages.Cancel, session: Session | None) -> InvalidCommand:
    interview = session.interview if session is not None else None
    possible = allowed(interview) if interview is not None else ()
    state = interview.state if interview is not None else State.IDLE
    return InvalidCommand("cancel", state, possible, f"nothing called “{command.task}” is going on")


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel these, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
