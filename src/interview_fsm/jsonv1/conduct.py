"""What a client asks for, and how it is done."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import asdict, replace

from .. import __version__, access, messages, protocol, views
from ..engine import Engine, Session
from ..errors import (
    BadMessage,
    Busy,
    CommandError,
    EngineClosed,
    InterviewError,
    InvalidCommand,
    SessionTaken,
)
from ..events import MAX_QUESTIONS, MAX_TEXT, Material
from ..house import Ports, heard, traced
from ..seats import Seats, TooManySessions
from ..states import State, allowed
from ..uploads import MOST_BYTES, Space
from ..waiting import Waiting
from .intake import Intake, Library, end
from .outbox import Close, Outbox
from .relay import NoSession, Relay
from .sound import Sound
from .work import Work

log = logging.getLogger("interview_fsm")

MOST_WAITING = 64
"""Commands that may wait: a whole interview, pasted. The next is told ``busy``."""

MOST_WAITING_BYTES = 1024 * 1024
"""Characters of such commands together: far more than anybody's answers have."""


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
    uploads: Space = field(default_factory=Space)
    """For their files."""


class Unauthorized(CommandError):
    """The access token is missing or wrong."""

    code = "unauthorized"


class JsonV1:
    """The conduct of one connection.

    ``run()`` works until the connection is to be closed, and says how; ``take()`` hands it what the client
    sent, and returns at once. *say* sends one frame. Whatever way it ends, ``leave()`` lets go of all but
    the interview, which waits in ``Seats`` for somebody to come back.
    """

    __slots__ = (
        "_client",
        "_errands",
        "_host",
        "_intake",
        "_is_at_work",
        "_outbox",
        "_owner",
        "_queue",
        "_relay",
        "_sound",
        "_speaks",
        "_tries",
        "_wake",
        "_work",
    )

    def __init__(
        self,
        host: Host,
        say: Callable[[str | bytes], Awaitable[None]],
        *,
        owner: str | None = None,
        client: str = "",
    ) -> None:
        self._host, self._owner, self._client = host, owner, client
        self._outbox = Outbox(say)
        self._work = Work(self._outbox)
        purposes = _purposes(host.engine.ports)
        self._intake = Intake(
            host.library, host.uploads, self._outbox, self._work, purposes=purposes, client=client
        )
        self._relay = Relay(host.engine, host.seats, self._outbox, self._work)
        self._sound = Sound(self._relay)
        self._queue: Waiting[messages.Command] = Waiting(MOST_WAITING, MOST_WAITING_BYTES)
        self._wake = asyncio.Event()
        self._is_at_work = self._speaks = False
        self._tries = 0
        self._errands: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Something runs or waits."""
        return self._is_at_work or bool(self._queue or self._errands or self._outbox or self._work)

    @property
    def has_interview(self) -> bool:
        """It has created one, or come back to one: so it has shown a token."""
        return self._relay.session is not None

    # ------------------------------------------------------------------------------ what comes in

    def take(self, frame: str | bytes) -> None:
        """What the client sent."""
        if self._outbox.closing is not None:
            return
        if isinstance(frame, bytes):
            self._hear(frame)
            return
        try:
            command = messages.decode(frame)
        except messages.Unreadable as problem:
            self._not_understood(problem)
            return
        self._speaks = True
        self._dispatch(command, len(frame))

    def _hear(self, piece: bytes) -> None:
        """Bytes: of the file that is coming, else of the answer that is being said."""
        try:
            if self._intake.is_open or not self._sound.take(piece):
                self._intake.take(piece)
        except CommandError as problem:
            self._outbox.fail(problem)

    def _settle(self) -> None:
        """The sound that came before its ``record_answer`` was stored."""
        try:
            self._sound.settle()
        except CommandError as problem:
            self._outbox.fail(problem)

    def _not_understood(self, problem: messages.Unreadable) -> None:
        self._outbox.fail(problem, problem.command_id or UNSET)
        if not self._speaks:
            self._tries += 1
            if self._tries >= protocol.TRIES:
                self.close(protocol.CLOSE_NO_DIALECT, "not a protocol this server knows")

    def _dispatch(self, command: messages.Command, size: int) -> None:
        match command:
            case messages.Ping():
                self._outbox.tell(messages.Pong(in_reply_to=command.id))
            case messages.Cancel():
                self._cancel(command)
            case messages.SetSpeech():
                on = self._relay.set_speech(on=command.on)
                self._outbox.tell(messages.SpeechSet(in_reply_to=command.id, on=on))
            case messages.BeginUpload() if self._host.access_token and not self.has_interview:
                problem = Unauthorized("the access token comes first, in `create_session`")
                self._outbox.fail(problem, command.id)
                self._close_after(problem)
            case messages.BeginUpload():
                self._intake.begin(command)
            case messages.StopInterview() if self._relay.session is not None:
                errand = asyncio.create_task(self._do(command))
                self._errands.add(errand)
                errand.add_done_callback(self._errands.discard)
            case _ if self._queue.is_full:
                self._outbox.fail(Busy("too many commands are waiting; try again in a moment"), command.id)
            case _:
                if _is_streamed(command):
                    self._sound.expect()
                self._queue.put(command, size)
                self._wake.set()

    # ----------------------------------------------------------------------------------- its life

    async def run(self) -> Close:
        """Work; how the connection is to be closed. Raises what *say* does."""
        work, send = asyncio.create_task(self._obey_all()), asyncio.create_task(self._outbox.send())
        try:
            await asyncio.wait([work, send], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            return send.result()
        finally:
            await end(work, send)

    def close(self, code: int, reason: str = "") -> None:
        """Close, when what was said so far has left."""
        self._outbox.close(code, reason)

    def warn_of_end(self, in_s: float) -> None:
        """The server stops."""
        self._outbox.tell(messages.ServerClosing(in_s=in_s))

    async def leave(self) -> None:
        """Let go of everything; the interview goes on waiting for somebody to come back."""
        self._outbox.close(protocol.CLOSE_DONE)
        self._work.stop()
        self._intake.stop()
        await self._part()

    async def _part(self) -> None:
        if self._errands:  # a stop on its way is a stop, and meant for this session, not for the next
            await asyncio.wait(self._errands)
        await self._relay.part()

    async def _obey_all(self) -> None:
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            command = self._queue.take()
            self._is_at_work = True
            await self._do(command)
            if _is_streamed(command):
                self._settle()
            self._is_at_work = False

    # ---------------------------------------------------------------------------------- commands

    async def _do(self, command: messages.Command) -> None:
        try:
            await self._obey(command)
        except SessionTaken:
            self._relay.taken()
        except InterviewError as problem:
            self._outbox.fail(problem, command.id)
            self._close_after(problem)
        except ValueError as problem:
            self._outbox.fail(BadMessage(str(problem)), command.id)
        except Exception as error:
            log.error("a command broke: %s", traced(error))
            self._outbox.fail(InterviewError("something went wrong here; try again"), command.id)

    def _close_after(self, problem: InterviewError) -> None:
        """Close, if this client cannot go on after *problem*."""
        match problem:
            case Unauthorized():
                self.close(protocol.CLOSE_NO_ACCESS, "the access token is missing or wrong")
            case TooManySessions():
                self.close(protocol.CLOSE_TOO_MANY, "too many interviews are open")
            case EngineClosed():
                self.close(protocol.CLOSE_RESTART, "the server is stopping; come back")

    async def _obey(self, command: messages.Command) -> None:
        match command:
            case messages.CreateSession():
                await self._create(command)
            case messages.ResumeSession():
                await self._resume(command)
            case messages.GetSession():
                session = await self._relay.ready()
                self._outbox.tell(messages.Snapshot(in_reply_to=command.id, **await self._whole(session)))
            case messages.SetResume():
                await self._set_resume(command.given, command.id)
            case messages.CheckSound():
                await self._check(command)
            case messages.GetReport():
                interview = (await self._relay.ready()).interview
                self._outbox.tell(await views.report(interview, command.format, command.id))
            case messages.EraseSession():
                await self._erase(command)
            case messages.Ping() | messages.Cancel() | messages.SetSpeech() | messages.BeginUpload():
                raise AssertionError("done as it came")
            case _:
                await self._move(command)

    async def _create(self, command: messages.CreateSession) -> None:
        self._check_access(command.access_token or "")
        await self._part()
        with self._host.seats.place(self._client):
            await self._begin(command)
        if command.resume is not UNSET:
            await self._set_resume(command.resume, command.id)

    async def _begin(self, command: messages.CreateSession) -> None:
        seed = secrets.randbelow(2**31) if self._host.seed is None else self._host.seed
        described = command.job_description or ""
        material = Material(job_description=described) if described else None
        token = secrets.token_hex(32)  # 256 bits, in letters of which no shape of a key is made
        session = self._host.engine.new(
            material,
            owner=self._owner or "",
            token=token,
            plan=command.plan.plan(seed),
            client=self._client,
        )
        try:
            await session.attach()
        except BaseException:
            await session.aclose()
            raise
        created = messages.SessionCreated(
            in_reply_to=command.id, session=session.interview.id, token=token, **self._about()
        )
        self._outbox.tell(created)
        self._relay.sit(session, 0)

    def _check_access(self, given: str) -> None:
        wanted = self._host.access_token
        if wanted and not access.matches(wanted, given):
            raise Unauthorized("the access token is missing or wrong")

    async def _resume(self, command: messages.ResumeSession) -> None:
        session = await self._host.seats.come_back(
            command.session, command.token, self._owner, self._relay, client=self._client
        )
        if self._relay.session is session:
            await self._relay.pause()
        else:
            await self._part()
        whole = await self._whole(session)
        self._outbox.tell(messages.SessionResumed(in_reply_to=command.id, **whole, **self._about()))
        self._relay.sit(session, min(command.seq, session.interview.version))

    async def _whole(self, session: Session) -> dict[str, Any]:
        """The fields of ``snapshot``."""
        whole = await views.whole(session.interview, session.material, self._host.engine.limits)
        return whole | {"heard": UNSET if session.heard is None else session.heard}

    async def _check(self, command: messages.CheckSound) -> None:
        """A try of a microphone; its file is not kept."""
        session = await self._relay.ready()
        pcm = self._intake.look_at(command.upload)
        self._intake.drop(command.upload)
        understood = await session.understand(pcm)
        text, sure = (understood.text, understood.confidence) if understood is not None else ("", None)
        confidence = UNSET if sure is None else sure
        self._outbox.tell(messages.SoundChecked(in_reply_to=command.id, text=text, confidence=confidence))

    async def _move(self, step: messages.Step) -> None:
        session = await self._relay.ready()
        if (seq := session.version_of(step.id)) is not None:
            await self._relay.tell_again(session, seq)
            return
        digest = session.material.digest if session.material else ""
        plan = replace(session.interview.plan, resume_digest=digest)
        upload = _upload_of(step)
        file = self._intake.look_at(upload) if upload else b""
        await session.send(messages.as_command(step, plan), command_id=step.id, file=file)
        if upload:
            self._intake.drop(upload)

    async def _erase(self, command: messages.EraseSession) -> None:
        if (session := self._relay.session) is None:
            raise NoSession("there is no session here: create one, or resume one")
        await self._relay.pause()
        try:
            erased = await self._host.engine.erase(session.interview.id)
        except InterviewError:
            self._relay.go_on()  # it may be there still
            raise
        self._relay.forget(session)
        self._outbox.tell(messages.SessionErased(in_reply_to=command.id, receipt=views.receipt(erased)))
        self.close(protocol.CLOSE_DONE, "erased")

    async def _set_resume(self, given: messages.GivenResume, reply: str | UnsetType) -> None:
        session = await self._relay.ready()
        _check_idle(session)
        described = session.material.job_description if session.material else ""
        try:
            material = await self._intake.read(given, described)
            if material is None:
                self._outbox.tell(views.cancelled("resume", reply))
                return
            session = await self._relay.ready()
            _check_idle(session)
            await session.bring_instead(material)
            summary = await views.resume(material)
        finally:
            self._work.end("resume")
        self._outbox.tell(messages.ResumeRead(in_reply_to=reply, **asdict(summary)))

    def _cancel(self, command: messages.Cancel) -> None:
        task, session = command.task, self._relay.session
        if self._intake.cancel(task):
            return
        if session is not None and session.ended is None and session.give_up(task):
            self._outbox.tell(views.cancelled(task, command.id))  # type: ignore[arg-type]  # one that went on
        else:
            self._outbox.fail(_nothing_to_cancel(task, session), command.id)

    def _about(self) -> dict[str, Any]:
        """What ``session_created`` and ``session_resumed`` say of the server."""
        host = self._host
        ports, limits = host.engine.ports, host.engine.limits
        kinds = heard(ports)
        return {
            "protocol": protocol.SUBPROTOCOL,
            "server": f"interview-fsm {__version__}",
            "disclosure": host.disclosure,
            "features": messages.Features(
                microphone="microphone" in kinds,
                stream="stream" in kinds,
                speech=host.engine.gives_speech,
                uploads=_purposes(ports),
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


def _purposes(ports: Ports) -> tuple[str, ...]:
    """Of uploads, that are taken."""
    answers = ("answer",) if "upload" in heard(ports) else ()
    checks = ("check",) if ports.transcriber is not None else ()
    return ("resume", *answers, *checks)


def _is_streamed(command: messages.Command) -> bool:
    return isinstance(command, messages.RecordAnswer) and command.source == "stream"


def _upload_of(step: messages.Step) -> str:
    """The file that is the answer; empty where none is."""
    source = step.source if isinstance(step, messages.RecordAnswer) else None
    return (source.upload or "") if isinstance(source, messages.SoundSource) else ""


def _check_idle(session: Session) -> None:
    interview = session.interview
    if interview.state is not State.IDLE:
        stopped = interview.state is State.STOPPED
        why = "the interview has been stopped" if stopped else "the interview has started with the one it has"
        raise InvalidCommand("set_resume", interview.state, allowed(interview), why)


def _nothing_to_cancel(task: str, session: Session | None) -> InvalidCommand:
    interview = session.interview if session is not None else None
    possible = allowed(interview) if interview is not None else ()
    state = interview.state if interview is not None else State.IDLE
    return InvalidCommand(
        "cancel", state, possible, f"nothing called “{task}” is going on; it may have ended"
    )
