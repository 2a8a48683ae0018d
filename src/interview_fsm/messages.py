"""Every message of JSON v1: what a client may send, and what it is sent. The reference of the wire.

A message is one text frame: a flat JSON object with ``type``. Binary frames are the bytes of the one upload
that is open (client to server), or the sound that the ``speech`` before it announced (server to client).

**Commands.** A field that is not listed is an error, ``bad_message``, which names it and its JSON path.
``id`` is 1 to 64 characters and does not begin with ``~``. The twelve commands that move the interview need
one: it is the journal's, so a command sent again with the same id is acknowledged again and not run again.
The others may carry one; whatever answers them has it as ``in_reply_to``.

**Events.** A field that is not listed is to be ignored, for there may be more some day. A field that says
``UNSET`` is left out when there is nothing to say. The values inside (questions, answers, feedback, the
stored events) are those of the journal, ``interview_fsm.events``: there a field that is missing has its
default, which the schema tells.

**Order.** ``create_session`` is answered with ``session_created``, then an ``update`` for every entry of
the journal, from ``seq`` 1. A command that was stored is acknowledged by the update with its ``in_reply_to``;
one that was not, by an ``error`` with it. Updates come in the order of ``seq`` and without gaps; an update
that answers a command sent again has an old ``seq`` and changes nothing. ``resume_session`` is answered with
``session_resumed`` (everything, as it stands now) and then, one by one, the updates that the client has
missed, which have a ``seq`` up to that one: a client that has shown the snapshot may skip them.

Close codes: 1000 erased; 1008 too many messages; 1009 too big a frame; 1011 a fault; 1012 the server
restarts; 1013 too slow a reader; 4400 no protocol we know (three bad first messages); 4401 no access; 4406
no subprotocol we know; 4408 nothing said for too long; 4409 opened in another place.
"""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Annotated, Any, Final, Literal, assert_never

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from . import events
from .errors import BadMessage
from .events import CONFIRM_BELOW, MAX_QUESTIONS, MAX_TEXT, Feedback, Question
from .interview import Turn

PROTOCOL = "interview-fsm.v1"

MAX_UPLOAD = 10 * 1024 * 1024
"""Bytes in one upload: the résumé reader takes no more."""


def _tag(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


Id = Annotated[
    str,
    Meta(min_length=1, max_length=64, pattern="^[^~]", description="Names the command; recognises a resend."),
]
Number = Annotated[int, Meta(ge=1, le=100_000, description="A question's number.")]
Link = Annotated[str, Meta(min_length=1, max_length=4096)]
Words = Annotated[str, Meta(max_length=MAX_TEXT)]
UploadId = Annotated[str, Meta(min_length=1, max_length=64)]

# ------------------------------------------------------------------------------- what commands carry


class PlannedSlot(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One place in a plan of the client's own; with ``text`` it is asked word for word."""

    competency: str = ""
    facet: str = ""
    level: str = ""
    kind: str = ""
    evidence: str = ""
    text: str = ""


class PlannedCriterion(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line of a rubric of the client's own."""

    dimension: str
    description: str = ""
    anchors: tuple[str, ...] = ()
    weight: float = 1.0


class WantedPlan(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How the interview is to be held. ``follow_ups`` left out: half the count, rounded up; 0: none.

    A spoken answer with less confidence than ``confirm_below`` (0 to 1) is ``unconfirmed``, and not judged
    before ``correct_answer``, with the same text or another.
    """

    questions: Annotated[int, Meta(ge=1, le=MAX_QUESTIONS)] = 3
    language: Annotated[str, Meta(min_length=1, max_length=35)] = "en"
    advance: Literal["auto", "on_request"] = "auto"
    follow_ups: Annotated[int, Meta(ge=0, le=MAX_QUESTIONS)] | None = None
    confirm_below: Annotated[float, Meta(ge=0, le=1)] = CONFIRM_BELOW
    slots: Annotated[tuple[PlannedSlot, ...], Meta(max_length=MAX_QUESTIONS)] = ()
    rubric: Annotated[tuple[PlannedCriterion, ...], Meta(max_length=50)] = ()

    def plan(self, seed: int) -> events.Plan:
        """The plan as the journal keeps it, drawn with *seed*."""
        said = {**msgspec.to_builtins(self), "confirm_below": self.confirm_below, "seed": seed}
        return msgspec.convert(said, events.Plan)


class GivenResume(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A résumé by exactly one of: a link, its text, a finished upload."""

    url: Link | UnsetType = UNSET
    text: Words | UnsetType = UNSET
    upload: UploadId | UnsetType = UNSET

    def __post_init__(self) -> None:
        _one_of("url", self.url, "text", self.text, "upload", self.upload)


class SoundSource(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where the sound of an answer lies: exactly one of a finished upload and a link."""

    upload: UploadId | UnsetType = UNSET
    url: Link | UnsetType = UNSET

    def __post_init__(self) -> None:
        _one_of("upload", self.upload, "url", self.url)


Sound = Literal["microphone", "stream"] | SoundSource


def _one_of(*pairs: object) -> None:
    names, values = pairs[::2], pairs[1::2]
    if sum(value is not UNSET for value in values) != 1:
        raise ValueError(f"exactly one of {', '.join(f'`{name}`' for name in names)} is needed")


# ------------------------------------------------------------------------------------------ commands


class _Message(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag=_tag,
):
    pass


class _Request(_Message, frozen=True, kw_only=True):
    id: Id | UnsetType = UNSET


class _Step(_Message, frozen=True, kw_only=True):
    id: Id


class CreateSession(_Request, frozen=True, kw_only=True):
    """Begin a new interview: ``session_created``. With ``resume`` also what ``set_resume`` brings.

    A résumé that cannot be read is an ``error``; the session is there all the same, and takes another.
    """

    plan: WantedPlan = WantedPlan()
    resume: GivenResume | UnsetType = UNSET
    job_description: Words | UnsetType = UNSET
    access_token: Annotated[str, Meta(max_length=512)] | UnsetType = UNSET
    """What a server that asks for one gave its users; others ignore it."""


class ResumeSession(_Request, frozen=True, kw_only=True):
    """Go on with an interview, on any server that has its journal. Another connection that has it is
    told ``session_taken`` and closed with 4409. A wrong token is ``session_not_found``, as is an interview
    that was erased; one past its time that is not erased yet is ``session_expired``.
    """

    session: Annotated[str, Meta(min_length=1, max_length=64)]
    token: Annotated[str, Meta(min_length=1, max_length=128)]
    seq: Annotated[int, Meta(ge=0)]
    """Of the last update the client has; 0 for none."""


class GetSession(_Request, frozen=True, kw_only=True):
    """Everything as it stands: ``snapshot``."""


class BeginUpload(_Request, frozen=True, kw_only=True):
    """Announce a file; then its bytes in binary frames of at most 256 KiB, within 60 s; then, from the
    server, ``upload_received``. One at a time; it may come before ``create_session``.

    A ``check`` is sound as in a stream (PCM16 little-endian, mono, 16 kHz, without a header), 10 s at most.
    """

    purpose: Literal["resume", "answer", "check"]
    name: Annotated[str, Meta(max_length=255)]
    """For people; nothing is read into it."""
    size: Annotated[int, Meta(ge=1)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$")] | UnsetType = UNSET


class SetResume(_Request, frozen=True, kw_only=True):
    """Bring another résumé, before ``start_interview``: exactly one of the fields. ``progress``, then
    ``resume_read``.
    """

    url: Link | UnsetType = UNSET
    text: Words | UnsetType = UNSET
    upload: UploadId | UnsetType = UNSET

    def __post_init__(self) -> None:
        _one_of("url", self.url, "text", self.text, "upload", self.upload)

    @property
    def given(self) -> GivenResume:
        """Where the résumé is."""
        return GivenResume(url=self.url, text=self.text, upload=self.upload)


class CheckSound(_Request, frozen=True, kw_only=True):
    """Say what is understood of an upload (``check``): a try of the microphone, ``sound_checked``. It is no
    answer, and kept nowhere.
    """

    upload: UploadId


class GetReport(_Request, frozen=True, kw_only=True):
    """The report as it would be written now: ``report``."""

    format: Literal["json", "markdown", "html"]


class EraseSession(_Request, frozen=True, kw_only=True):
    """Remove the interview and its résumé for good: ``session_erased``, then close 1000."""


class Cancel(_Request, frozen=True, kw_only=True):
    """Give up one task that is going on: ``error`` with ``cancelled`` and its ``task``.

    ``resume``, ``upload``, ``ask``, ``listen``, ``analyze``: as in ``progress`` and in ``activity``. The
    last three also make an update (``activity_failed`` or ``answer_lost``, with ``cancelled``).
    """

    task: Annotated[str, Meta(min_length=1, max_length=64)]


class SetSpeech(_Request, frozen=True, kw_only=True):
    """Have questions and the summary of feedback read, or not: ``speech_set``, then ``speech`` whenever there
    is something to read, beginning with the open question. Off is how every connection begins; it silences
    at once what is being said. Servers whose ``features`` lack ``speech`` say ``on: false``.
    """

    on: bool


class Ping(_Request, frozen=True, kw_only=True):
    """``pong``, whatever else is going on."""


class StartInterview(_Step, frozen=True, kw_only=True):
    """Begin, with the plan of ``create_session``."""


class ChooseDifficulty(_Step, frozen=True, kw_only=True):
    """Set how hard to ask from now on (any words), and ask for the next question."""

    difficulty: Annotated[str, Meta(max_length=200)]


class NextQuestion(_Step, frozen=True, kw_only=True):
    """Ask for the next question; an open one is passed over."""


class RepeatQuestion(_Step, frozen=True, kw_only=True):
    """Put the open question again."""

    question: Number


class RetryQuestion(_Step, frozen=True, kw_only=True):
    """Open an answered question again; the earlier answer stays as an earlier attempt."""

    question: Number


class RecordAnswer(_Step, frozen=True, kw_only=True):
    """Listen: to the server's microphone, the client's stream, an upload, or what is behind a link."""

    question: Number
    source: Sound


class FinishAnswer(_Step, frozen=True, kw_only=True):
    """All has been said; let recognition finish."""


class DiscardAnswer(_Step, frozen=True, kw_only=True):
    """Throw away what is being recorded."""


class SubmitAnswer(_Step, frozen=True, kw_only=True):
    """A typed answer."""

    question: Number
    text: Words


class CorrectAnswer(_Step, frozen=True, kw_only=True):
    """Put right what was stored; the original is kept, feedback on it is stale."""

    question: Number
    text: Words


class Analyze(_Step, frozen=True, kw_only=True):
    """Ask for feedback on all answers."""


class StopInterview(_Step, frozen=True, kw_only=True):
    """End the interview. It overtakes everything that waits; reports can still be had."""


Request = (
    CreateSession
    | ResumeSession
    | GetSession
    | BeginUpload
    | SetResume
    | CheckSound
    | GetReport
    | EraseSession
    | Cancel
    | SetSpeech
    | Ping
)
"""What asks something of the server."""

Step = (
    StartInterview
    | ChooseDifficulty
    | NextQuestion
    | RepeatQuestion
    | RetryQuestion
    | RecordAnswer
    | FinishAnswer
    | DiscardAnswer
    | SubmitAnswer
    | CorrectAnswer
    | Analyze
    | StopInterview
)
"""What moves the interview."""

Command = Request | Step


def as_command(step: Step, plan: events.Plan) -> events.Command:
    """What *step* asks of the interview; *plan* is what ``start_interview`` begins with."""
    match step:
        case StartInterview():
            return events.StartInterview(plan)
        case ChooseDifficulty(difficulty=difficulty):
            return events.ChooseDifficulty(difficulty)
        case NextQuestion():
            return events.NextQuestion()
        case RepeatQuestion(question=number):
            return events.RepeatQuestion(number)
        case RetryQuestion(question=number):
            return events.RetryQuestion(number)
        case RecordAnswer(question=number, source=source):
            return events.RecordAnswer(number, _source(source))
        case FinishAnswer():
            return events.FinishAnswer()
        case DiscardAnswer():
            return events.DiscardAnswer()
        case SubmitAnswer(question=number, text=text):
            return events.SubmitAnswer(number, text)
        case CorrectAnswer(question=number, text=text):
            return events.CorrectAnswer(number, text)
        case Analyze():
            return events.Analyze()
        case StopInterview():
            return events.StopInterview()
        case _:
            assert_never(step)


def _source(sound: Sound) -> events.Source:
    if not isinstance(sound, SoundSource):
        return events.Source(sound)
    if sound.upload is not UNSET:
        return events.Source("upload", sound.upload)
    return events.Source("link", sound.url or "")


# --------------------------------------------------------------------------------- what events carry

ErrorCode = Literal[
    "bad_message",
    "invalid_command",
    "unexpected_binary",
    "no_session",
    "session_not_found",
    "session_expired",
    "session_taken",
    "unauthorized",
    "rate_limited",
    "too_large",
    "unsupported_media",
    "resume_url_refused",
    "resume_unreachable",
    "resume_too_large",
    "resume_timeout",
    "resume_not_pdf",
    "resume_unreadable",
    "resume_empty",
    "audio_unusable",
    "microphone_unavailable",
    "recognition_unavailable",
    "model_unavailable",
    "storage_unavailable",
    "newer_format",
    "cancelled",
    "busy",
    "internal",
]

Task = Literal["resume", "upload", "ask", "speak", "listen", "analyze"]
"""What can take long: reading the résumé, taking in a file, and the interview's activities."""


class Disclosure(Struct, frozen=True, kw_only=True):
    """Who is speaking, and where data goes: to be shown before the first question."""

    interviewer: str
    """The adapter's name: ``coach`` …"""
    is_model: bool
    """Whether a language model asks; rules otherwise."""
    speaker: str
    """A sentence on who is speaking."""
    data: str
    """A sentence on where data goes."""


class Features(Struct, frozen=True, kw_only=True):
    """What this server can do; what it cannot is better not offered."""

    microphone: bool
    """``record_answer`` with this machine's microphone."""
    stream: bool
    """… with the client's own sound."""
    speech: bool
    """It reads to whoever wants it: ``set_speech``."""
    uploads: tuple[str, ...]
    """The purposes of ``begin_upload`` that it takes."""
    reports: tuple[str, ...]
    """The formats of ``get_report``."""


class WireLimits(Struct, frozen=True, kw_only=True):
    """How much, in bytes, characters (answer) and seconds (linger)."""

    text: int
    binary: int
    upload: int
    answer: int
    questions: int
    linger: float


class ResumeSection(Struct, frozen=True, kw_only=True):
    """One part of a résumé."""

    heading: str
    """As written; empty for what stands before the first heading."""
    kind: str
    """``experience``, ``activity``, ``project``, ``education``, ``skill``, ``summary``, ``other``; empty
    before the first heading."""
    lines: int
    """That hold text."""


class ResumePiece(Struct, frozen=True, kw_only=True):
    """Something in the résumé that a question may build on."""

    kind: str
    """``role``, ``achievement``, ``project``, ``skill``, ``education`` or ``statement``."""
    text: str


class ResumeSummary(Struct, frozen=True, kw_only=True):
    """What was read of a résumé."""

    pages: int
    characters: int
    sections: tuple[ResumeSection, ...]
    """In the résumé's order."""
    evidence: tuple[ResumePiece, ...]
    warnings: tuple[events.Warning, ...]


class Receipt(Struct, frozen=True, kw_only=True):
    """What was removed, counted as it was stored: what an earlier try has removed is not in it."""

    session: str
    entries: int
    """Of the journal; 0 where it could not be read, which kept nothing from being erased."""
    questions: int
    answers: int
    """Earlier attempts too."""
    feedback: bool
    resume: bool
    """Whether there was still a résumé's text."""


# -------------------------------------------------------------------------------------------- events


class _Event(Struct, frozen=True, kw_only=True, tag_field="type", tag=_tag):
    pass


class _Reply(_Event, frozen=True, kw_only=True):
    in_reply_to: str | UnsetType = UNSET


class SessionCreated(_Reply, frozen=True, kw_only=True):
    """There is an interview. Keep ``session`` and ``token``: they open it again, and nothing else does."""

    session: str
    token: str
    protocol: str
    server: str
    disclosure: Disclosure
    features: Features
    limits: WireLimits


class Level(Struct, frozen=True):
    """How the latest difficulty was read."""

    name: Literal["entry", "mid", "senior"]
    recognised: bool
    """False when the words were not known, and ``mid`` was taken."""
    message: str
    """The same in a sentence, for the candidate to read."""


class Update(_Reply, frozen=True, kw_only=True):
    """One entry of the journal, stored, and how things stand after it."""

    seq: int
    events: tuple[events.Event, ...]
    """What was stored; of ``attached`` only that it was."""
    state: str
    allowed: tuple[str, ...]
    """The commands that are possible now."""
    level: Level | UnsetType = UNSET
    """How the difficulty was read; left out until one is chosen."""
    question: Question | UnsetType = UNSET
    """The open one."""
    activity: Task | UnsetType = UNSET
    """What is going on: a question is being made (``ask``) …"""
    asked: int
    """Main questions so far; follow-ups do not count."""
    questions: int
    """Main questions in all."""


class _Whole(_Reply, frozen=True, kw_only=True):
    session: str
    seq: int
    state: str
    allowed: tuple[str, ...]
    plan: events.Plan
    difficulty: str
    level: Level | UnsetType = UNSET
    """How it was read; left out until one is chosen."""
    question: Question | UnsetType = UNSET
    """The open one."""
    activity: Task | UnsetType = UNSET
    asked: int
    questions: int
    heard: int | UnsetType = UNSET
    """Bytes that came of the answer that is being said (source ``stream``): what was sent after them was lost
    with its connection."""
    turns: tuple[Turn, ...]
    """Every question with its answer, earlier attempts, and whether it was skipped."""
    feedback: Feedback | UnsetType = UNSET
    stale: tuple[int, ...]
    """Answered questions whose feedback is missing, or on an answer as it no longer stands."""
    resume: ResumeSummary | UnsetType = UNSET
    """What was read; left out without one, and once the interview has stopped."""


class Snapshot(_Whole, frozen=True, kw_only=True):
    """The whole interview, as it stands."""


class SessionResumed(_Whole, frozen=True, kw_only=True):
    """The whole interview, as it stands; the updates that were missed follow."""

    protocol: str
    server: str
    disclosure: Disclosure
    features: Features
    limits: WireLimits


class UploadReceived(_Reply, frozen=True, kw_only=True):
    """The file is here, whole. It is kept in memory, for this connection, until it is used or another
    comes.
    """

    upload: str


class Progress(_Event, frozen=True, kw_only=True):
    """A task is going on; at least every two seconds while it does. No more of them: it has ended."""

    task: Task
    done: int
    """Bytes of an upload, steps of a résumé; 0 where nobody can tell."""
    total: int | UnsetType = UNSET
    message: str


class ResumeRead(_Reply, frozen=True, kw_only=True):
    """What was read of the résumé, now kept with the interview."""

    pages: int
    characters: int
    sections: tuple[ResumeSection, ...]
    evidence: tuple[ResumePiece, ...]
    warnings: tuple[events.Warning, ...]


class SoundChecked(_Reply, frozen=True, kw_only=True):
    """What was understood of a try; empty for nothing."""

    text: str
    confidence: float | UnsetType = UNSET
    """From 0 to 1, where the recogniser says."""


class TranscriptPartial(_Event, frozen=True, kw_only=True):
    """What is understood so far of the answer, whole; it may still change."""

    question: int
    text: str


class Speech(_Event, frozen=True, kw_only=True):
    """The next binary frame is sound to play: a question, or (without ``question``) the summary."""

    question: int | UnsetType = UNSET
    format: Literal["wav"]


class Warned(_Event, frozen=True, kw_only=True, tag="warning"):
    """Something to know that is no error; ``code`` is stable, but there may be more some day."""

    code: str
    message: str


class Failed(_Reply, frozen=True, kw_only=True, tag="error"):
    """What was asked for was not done; the connection goes on, unless it is closed right after."""

    code: ErrorCode
    message: str
    """For the person: a sentence or two."""
    hint: str | UnsetType = UNSET
    allowed: tuple[str, ...] | UnsetType = UNSET
    """With ``invalid_command``: what is possible now."""
    task: Task | UnsetType = UNSET
    """With ``cancelled``: what was given up."""
    retryable: bool
    """Whether the same thing may work when it is sent again, unchanged."""


class Report(_Reply, frozen=True, kw_only=True):
    """The report, as text to save under ``name``."""

    format: Literal["json", "markdown", "html"]
    media_type: str
    name: str
    content: str


class SessionErased(_Reply, frozen=True, kw_only=True):
    """It is gone; forget the token."""

    receipt: Receipt


class SpeechSet(_Reply, frozen=True, kw_only=True):
    """The answer to ``set_speech``."""

    on: bool
    """Whether there will be ``speech`` from now on."""


class Pong(_Reply, frozen=True, kw_only=True):
    """The answer to ``ping``."""


class ServerClosing(_Event, frozen=True, kw_only=True):
    """The server stops within so many seconds, and closes with 1012: come back and go on."""

    in_s: float


Event = (
    SessionCreated
    | SessionResumed
    | Snapshot
    | Update
    | UploadReceived
    | Progress
    | ResumeRead
    | SoundChecked
    | TranscriptPartial
    | Speech
    | Warned
    | Failed
    | Report
    | SessionErased
    | SpeechSet
    | Pong
    | ServerClosing
)

# ------------------------------------------------------------------------------- frames in and out


class _Head(Struct):
    type: Any = None
    id: Any = None


_commands = msgspec.json.Decoder(Command)
_heads = msgspec.json.Decoder(_Head)
_encoder = msgspec.json.Encoder()
TYPES: frozenset[str] = frozenset(str(each.__struct_config__.tag) for each in Command.__args__)
"""What ``type`` may be in a command."""


class Unreadable(BadMessage):
    """Not a command of JSON v1; ``command_id`` is its id, where that could be read."""

    def __init__(self, message: str, command_id: str | None = None) -> None:
        super().__init__(message)
        self.command_id = command_id


_NO_MESSAGE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(text: str | bytes) -> Command:
    """The command in a text frame; Unreadable says which field is wrong, and where."""
    try:
        command: Command = _commands.decode(text)
    except _NO_MESSAGE as error:
        raise _unreadable(text, error) from None
    return command


def _unreadable(text: str | bytes, error: Exception) -> Unreadable:
    if not isinstance(error, msgspec.ValidationError):
        return Unreadable("this is not JSON")
    try:
        head = _heads.decode(text)
    except _NO_MESSAGE:
        return Unreadable("a message is a JSON object with a `type`")
    command_id = head.id if isinstance(head.id, str) and 1 <= len(head.id) <= 64 else None
    if not isinstance(head.type, str):
        return Unreadable("a message is a JSON object with a `type`, at `$.type`", command_id)
    if head.type not in TYPES:
        return Unreadable(f"there is no command “{head.type[:64]}”, at `$.type`", command_id)
    return Unreadable(f"`{head.type}` cannot be read: {_in_words(str(error))}", command_id)


def _in_words(what: str) -> str:
    """What msgspec says, for the middle of a sentence."""
    for theirs, ours in (
        (r"^Object contains unknown field (`.*?`)", r"there is no field \1"),
        (r"^Object missing required field (`.*?`)", r"the field \1 is missing"),
        (r" - at (`\$)", r", at \1"),
    ):
        what = re.sub(theirs, ours, what)
    return what[:1].lower() + what[1:]


def is_message(text: str) -> bool:
    """Whether *text* is JSON with a ``type``, so that its sender speaks this dialect."""
    if text.lstrip()[:1] != "{":
        return False
    try:
        return isinstance(_heads.decode(text).type, str)
    except _NO_MESSAGE:
        return False


def encode(event: Event) -> str:
    """*event* as a text frame."""
    return _encoder.encode(event).decode()


# --------------------------------------------------------------------------------------- the schema


_REF = "#/$defs/"
_OURS = {f"{__name__}.": "", f"{events.__name__}.": "Stored"}
"""A command and what the journal has of it go by one name; the stored one is told apart."""


def _plainly_named(*schema: Any) -> Any:
    """*schema* without the names of our modules in it."""
    text = _encoder.encode(schema).decode()
    for ours, instead in _OURS.items():
        text = text.replace(f'"{ours}', f'"{instead}').replace(f'"{_REF}{ours}', f'"{_REF}{instead}')
    return msgspec.json.decode(text)


def schema() -> dict[str, Any]:
    """Every message as one JSON Schema (2020-12): ``$defs/commands`` and ``$defs/events`` list them."""
    (commands, told), parts = _plainly_named(
        *msgspec.json.schema_components((Command, Event), ref_template=_REF + "{name}")
    )
    for part in parts.values():
        part["description"] = cleandoc(part.get("description", ""))
    for name in ("GivenResume", "SetResume", "SoundSource"):  # what __post_init__ holds them to
        choices = [key for key in parts[name]["properties"] if key in ("url", "text", "upload")]
        parts[name]["oneOf"] = [{"required": [key]} for key in choices]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{PROTOCOL}",
        "title": PROTOCOL,
        "description": "The messages of JSON v1: a command is sent by a client, an event by the server.",
        "oneOf": [{"$ref": _REF + "commands"}, {"$ref": _REF + "events"}],
        "$defs": {"commands": commands, "events": told, **parts},
    }
