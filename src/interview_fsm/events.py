"""What can happen to an interview, and the values it carries: the vocabulary of journal and wire.

Everything here is a frozen ``msgspec`` Struct. Events are tagged with the name of their trigger, in a
field called ``type``. Fields may be added with a default; none may be taken away or change its meaning,
because every log ever written must replay.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from .errors import NewerFormat
from .states import Trigger

FORMAT = 1
"""The format this release writes; it reads this one and every earlier one."""

MAX_QUESTIONS = 50
MAX_TEXT = 60_000
"""Characters in one answer or one question at the most: a text frame of the wire holds 64 KiB."""

Difficulty = str
"""How hard to ask, in any words; ``coaching`` reads it as entry, mid or senior."""

# ----------------------------------------------------------------------------------------- the plan


class Slot(Struct, frozen=True, omit_defaults=True):
    """One place in the plan: what a question is to find out, and from what.

    A host that brings questions of its own gives ``text``, which is then asked word for word.
    """

    competency: str = ""
    """What it is about: ``ownership``, ``problem_solving``, ``teamwork`` …, or a word of the host's."""
    facet: str = ""
    """From which side: two questions on one competency and evidence differ in this."""
    level: str = ""
    """``entry``, ``mid`` or ``senior``; empty for a host's own question."""
    kind: str = ""
    """``behavioural``, ``technical``, ``situational`` or ``opening``."""
    evidence: str = ""
    """The id of the piece of the résumé that it builds on; empty for a general question."""
    text: str = ""
    """The question, when the host gives it."""


class Criterion(Struct, frozen=True, omit_defaults=True):
    """One line of a rubric: a dimension, what it means, and what its levels look like."""

    dimension: str
    description: str = ""
    anchors: tuple[str, ...] = ()
    """From the weakest to the strongest."""
    weight: float = 1.0


CONFIRM_BELOW = 0.5
"""From 0 to 1: sentences that PocketSphinx understood rightly had 0.7 and more, in a quiet room."""


class Plan(Struct, frozen=True):
    """How an interview is to be held. It rides whole in ``start_interview``, defaults spelled out."""

    questions: Annotated[int, Meta(ge=1, le=MAX_QUESTIONS)] = 3
    """How many main questions, when no slots are given."""
    slots: Annotated[tuple[Slot, ...], Meta(max_length=MAX_QUESTIONS)] = ()
    """The host's own plan, in order; its length is then the number of questions."""
    rubric: tuple[Criterion, ...] = ()
    """The host's own criteria; empty for those of the interviewer."""
    language: str = "en"
    """BCP 47."""
    advance: Literal["auto", "on_request"] = "auto"
    """Whether the next question comes by itself after an answer, or only when it is asked for."""
    follow_ups: Annotated[int, Meta(ge=0, le=MAX_QUESTIONS)] | None = None
    """How many follow-up questions at the most; None is half the count, rounded up; 0 turns them off."""
    seed: int = 0
    """What the choices of the planner depend on: same plan, same résumé, same questions."""
    resume_digest: str = ""
    """SHA-256 of the résumé's text, in hex; empty without one."""
    confirm_below: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """A spoken answer understood with less confidence is not judged before the candidate has confirmed or
    corrected it; 0 asks for none. What ``CONFIRM_BELOW`` is for, where people can be asked."""

    @property
    def count(self) -> int:
        """How many main questions there will be."""
        return len(self.slots) or self.questions

    @property
    def follow_up_limit(self) -> int:
        """How many follow-ups at the most, in all."""
        return (self.count + 1) // 2 if self.follow_ups is None else self.follow_ups

    @property
    def fingerprint(self) -> str:
        """Names this plan on every report: 16 hex digits of SHA-256 over its canonical JSON."""
        said = msgspec.to_builtins(self)
        if not self.confirm_below:
            del said["confirm_below"]  # so a plan made before there was such a thing has the name it had
        return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:16]


# -------------------------------------------------------------------------- questions and answers


class Provenance(Struct, frozen=True, omit_defaults=True):
    """Who made something, so that it can be said and looked up."""

    adapter: str
    """The interviewer's name: ``coach``, ``anthropic`` …"""
    model: str = ""
    version: str = ""
    """Of the rules, or of the prompt."""
    fallback_from: tuple[str, ...] = ()
    """Who was asked before and could not."""
    fallback_codes: tuple[str, ...] = ()
    """Why each of them could not: an error's code."""


class Evidence(Struct, frozen=True, omit_defaults=True):
    """A piece of a résumé that a question may build on: ``text`` is ``resume[start:end]``."""

    id: str
    kind: str
    """``role``, ``achievement``, ``project``, ``skill``, ``education`` or ``statement``."""
    text: str
    start: int = 0
    end: int = 0
    organisation: str = ""
    title: str = ""


class Question(Struct, frozen=True, omit_defaults=True):
    """A question as it is put to the candidate."""

    number: int
    """Counts everything asked in this interview from 1, follow-ups too; commands name it."""
    text: str
    slot: Slot = Slot()
    """Its place in the plan, kept so that a later release cannot repeat it."""
    evidence: Evidence | None = None
    """What it builds on, kept because the résumé's text goes when the interview stops."""
    follow_up_to: int | None = None
    """The number of the question whose answer it asks about; follow-ups do not count."""
    difficulty: Difficulty = ""
    provenance: Provenance = Provenance("")


class Source(Struct, frozen=True, omit_defaults=True):
    """Where the sound of an answer comes from."""

    kind: Literal["microphone", "stream", "upload", "link"] = "microphone"
    """This machine's microphone, the client's stream, a file it sent, or a link."""
    ref: str = ""
    """The upload's id, or the link."""


class Segment(Struct, frozen=True, omit_defaults=True):
    """A stretch of speech between two short pauses, and what was understood of it."""

    start: float
    """Seconds from the beginning of the recording."""
    end: float
    text: str
    confidence: float | None = None
    """From 0 to 1; None when the recogniser does not say."""
    raw: str = ""
    """What the recogniser would have written without hints; empty where it is the same."""


class Transcript(Struct, frozen=True, omit_defaults=True):
    """What a recogniser understood."""

    text: str
    engine: str = ""
    confidence: float | None = None
    """From 0 to 1; None when the recogniser does not say."""
    seconds: float | None = None
    """Length of the recording; None when unknown."""
    pauses: tuple[float, ...] | None = None
    """Silences of 0.7 s and more between words, in seconds; None when the recogniser does not say."""
    verbatim: bool = False
    """Whether the recogniser writes down every "um" and "uh"; most leave them out."""
    talk: float | None = None
    """Seconds from the first word to the last without the pauses; None when the recogniser does not say."""
    segments: tuple[Segment, ...] = ()
    """The text once more, piece by piece with its time; empty when the recogniser does not say."""


class Partial(Struct, frozen=True):
    """What a recogniser has understood so far, whole; it may still change."""

    text: str


# ---------------------------------------------------------------------------------------- feedback


class Quote(Struct, frozen=True):
    """A literal slice of an answer: ``text == answer.text[start:end]``."""

    start: int
    end: int
    text: str


class Observation(Struct, frozen=True, omit_defaults=True):
    """One thing noticed in one answer."""

    kind: Literal["there", "missing", "try"]
    """What is there, what is missing, what to try."""
    aspect: str
    """``situation``, ``own_action``, ``result``, ``number``, ``reason`` …: stable, for front ends."""
    text: str
    """For the candidate to read."""
    quote: Quote | None = None


class Score(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="score"):
    """How well an answer does in one dimension, on a scale from 1 to 5 whose every point is described."""

    dimension: str
    """``relevance``, ``structure``, ``specificity``, ``depth``, ``communication``, or a host's own."""
    value: Annotated[int, Meta(ge=1, le=5)]
    anchor: str
    """What this value means in this dimension, for the candidate to read."""
    quotes: tuple[Quote, ...] = ()
    """What in the answer it rests on. A score without a quote is at most UNPROVED."""
    rationale: str = ""
    """Why this value, in a sentence; empty where the anchor says it all."""
    dropped_quotes: int = 0
    """Quotes given for it that were not found in the answer, and were left out."""
    capped: bool = False
    """The value would have been higher, had a quote borne it out."""


class NotScored(Struct, frozen=True, tag_field="type", tag="not_scored"):
    """Why a dimension has no score. There is no default score, ever."""

    dimension: str
    reason: str
    """A code: ``silence`` (no word was said), ``nothing_to_assess`` ("I don't know", or nothing counts),
    ``language`` (the answer is in another one than can be assessed), ``follow_up`` (the answer completes
    the one before it), ``own_criterion`` (the host's, and the interviewer does not know it), ``unconfirmed``
    (it was spoken, and is not sure to have been understood rightly), ``failed``
    (a model was asked and no usable answer came)."""


UNPROVED = 3
"""The most that a score without a quote can be. Never to fall: logs with such scores must replay."""


class Delivery(Struct, frozen=True, omit_defaults=True):
    """How an answer was given, in figures. None is unknown, and is never the same as 0."""

    words: int
    """As said, fillers included."""
    seconds: float | None = None
    words_per_minute: float | None = None
    fillers: int | None = None
    """"um", "uh", "you know" …; of a typed answer there are none to know."""
    fillers_at_least: bool = False
    """There may have been more: the recogniser leaves some out."""
    pauses: int | None = None
    """Silences of 0.7 s and more."""
    longest_pause: float | None = None
    """In seconds."""
    talk_seconds: float | None = None
    """From the first word to the last, without the pauses."""


class OutlineStep(Struct, frozen=True, omit_defaults=True):
    """One step of a better answer, made of facts that are there and of gaps named as such."""

    part: str
    """``situation``, ``task``, ``own_action``, ``reason``, ``result`` …"""
    text: str
    """What to say here; ``[…]`` stands where a fact is missing."""
    quote: Quote | None = None
    """The candidate's own words that belong here."""


class AnswerFeedback(Struct, frozen=True, omit_defaults=True):
    """What was noticed in one revision of one answer. Its quotes are slices of that revision."""

    question: int
    revision: int
    observations: tuple[Observation, ...] = ()
    provenance: Provenance = Provenance("")
    scores: tuple[Score | NotScored, ...] = ()
    """One for each dimension of the rubric, in its order; empty in logs from before there were scores."""
    overall: float | None = None
    """The weighted mean of the scores, to one decimal, computed by ``totals``; None without a score."""
    outline: tuple[OutlineStep, ...] = ()
    delivery: Delivery | None = None
    """None in logs from before it was measured."""
    flags: tuple[str, ...] = ()
    """``instructions``: part of it speaks to whoever assesses it, and counted for nothing. ``repeated``:
    so did what was said twice. ``language``: it is in another language than can be assessed."""
    dropped_quotes: int = 0
    """Quotes that were not found in the answer, and were left out; those of scores among them."""
    dropped_remarks: int = 0
    """Remarks, reasons and steps that were left out: they quoted, counted or named what nobody had said, or
    were not fit to be shown."""

    @property
    def strengths(self) -> tuple[Observation, ...]:
        """What is there."""
        return tuple(seen for seen in self.observations if seen.kind == "there")

    @property
    def improvements(self) -> tuple[Observation, ...]:
        """What to try."""
        return tuple(seen for seen in self.observations if seen.kind == "try")

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """All of them."""
        of_scores = (quote for score in self.scores if isinstance(score, Score) for quote in score.quotes)
        noticed = (seen.quote for seen in self.observations if seen.quote)
        outlined = (step.quote for step in self.outline if step.quote)
        return (*of_scores, *noticed, *outlined)


class Total(Struct, frozen=True):
    """What the scores of all answers in one dimension come to."""

    dimension: str
    mean: float
    """To one decimal."""
    answers: int
    """How many answers were scored in it."""


class Feedback(Struct, frozen=True, omit_defaults=True):
    """What an analysis of all answers came to."""

    answers: tuple[AnswerFeedback, ...]
    summary: str = ""
    """Speakable: a few sentences."""
    practice: tuple[str, ...] = ()
    """What to practise next, the most useful first."""
    limitations: str = ""
    """What the method cannot tell; shown with the feedback, always."""
    provenance: Provenance = Provenance("")
    plan: str = ""
    """The plan's fingerprint."""
    dropped_quotes: int = 0
    """Quotes that were no literal slice of their answer, and were left out; those of scores among them."""
    totals: tuple[Total, ...] = ()
    """By dimension, in the order of the rubric; computed by ``totals``, never by an interviewer."""
    overall: float | None = None
    """The mean of the answers' overall figures, to one decimal; None where none was scored."""
    dropped_remarks: int = 0
    """What was left out of the answers' feedback and of the summary because nothing bore it out."""


# ------------------------------------------------------------------------------------------ events


def _tag(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class _Event(Struct, frozen=True, omit_defaults=True, tag_field="type", tag=_tag):
    @property
    def trigger(self) -> Trigger:
        """What this fires at the table."""
        return TRIGGERS[type(self)]


class StartInterview(_Event, frozen=True, omit_defaults=False):
    """Begin, with this plan. All of it is written: a later release with other defaults holds to it."""

    plan: Plan = Plan()


class ChooseDifficulty(_Event, frozen=True):
    """Set how hard to ask from now on, and ask for the next question."""

    difficulty: Difficulty


class NextQuestion(_Event, frozen=True):
    """Ask for the next question; an open one is passed over."""


class RepeatQuestion(_Event, frozen=True):
    """Put the open question again."""

    question: int


class RetryQuestion(_Event, frozen=True):
    """Open an answered question again; the earlier answer stays as an earlier attempt."""

    question: int


class RecordAnswer(_Event, frozen=True):
    """Listen to the candidate."""

    question: int
    source: Source = Source()


class FinishAnswer(_Event, frozen=True):
    """The candidate has said all; let recognition finish."""


class DiscardAnswer(_Event, frozen=True):
    """Throw away what is being recorded."""


class SubmitAnswer(_Event, frozen=True):
    """A typed answer."""

    question: int
    text: str


class CorrectAnswer(_Event, frozen=True):
    """Put right what was stored for an answered question; the original is kept."""

    question: int
    text: str


class Analyze(_Event, frozen=True):
    """Ask for feedback on all answers."""


class StopInterview(_Event, frozen=True):
    """End the interview."""


class QuestionAsked(_Event, frozen=True):
    """A question is open."""

    question: Question


class FollowUpWanted(_Event, frozen=True):
    """A rule found something missing in the answer just stored; the next question asks for it."""

    question: int
    """The question whose answer it was."""
    missing: str
    """``own_part``, ``result``, ``numbers`` or ``reason``."""


class AnswerRecorded(_Event, frozen=True):
    """A spoken answer, understood."""

    question: int
    transcript: Transcript


class AnswerLost(_Event, frozen=True):
    """A spoken answer that could not be had; the question is put again."""

    reason: str
    """A code: ``no_speech``, ``interrupted``, ``microphone_unavailable`` …"""


class FeedbackGiven(_Event, frozen=True):
    """The analysis that was wanted."""

    feedback: Feedback


class ActivityFailed(_Event, frozen=True):
    """A question or an analysis could not be had; what was wanted is withdrawn."""

    code: str


class Attached(_Event, frozen=True):
    """A session took the interview over: the first entry of every log, and the fence after each move."""

    token: str = ""
    """SHA-256 of the interview's access token, in hex; empty where it has not changed."""
    owner: str = ""
    """Whose interview it is: opaque, given by the host."""
    plan: Plan | None = None
    """In the first entry: what ``start_interview`` will begin with, where that was agreed on before."""


Command = (
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
"""What a candidate may ask for."""

Outcome = (
    QuestionAsked | FollowUpWanted | AnswerRecorded | AnswerLost | FeedbackGiven | ActivityFailed | Attached
)
"""What activities and sessions report."""

Event = Command | Outcome
"""Something that happened to an interview. Its log is a sequence of these."""

EVENTS: tuple[type[_Event], ...] = tuple(_Event.__subclasses__())
TRIGGERS: dict[type[_Event], Trigger] = {event: Trigger(str(event.__struct_config__.tag)) for event in EVENTS}

# ----------------------------------------------------------------------------------------- résumés


class Warning(Struct, frozen=True, omit_defaults=True):
    """Something a person should know that is no error."""

    code: str
    message: str
    page: int | None = None


class Span(Struct, frozen=True, omit_defaults=True):
    """A run of text on one line of a page, in reading order."""

    text: str
    box: tuple[float, float, float, float]
    """Left, top, right, bottom in points from the page's top left corner."""
    size: float
    """Of the type, in points."""
    colour: tuple[float, ...] | None = None
    """Fill colour as the page gives it: grey, RGB or CMYK, 0 to 1; None when unknown."""
    hidden: str = ""
    """Why a reader cannot see it; empty when one can."""
    after: str = "\n"
    """What stands between this and the next: a space, a line end, an empty line."""


class Page(Struct, frozen=True, omit_defaults=True):
    """One page: its size in points, and its text in reading order, visible and hidden."""

    number: int
    width: float
    height: float
    spans: tuple[Span, ...] = ()


class Resume(Struct, frozen=True, omit_defaults=True):
    """A résumé as a person would read it."""

    pages: tuple[Page, ...]
    media_type: str = "application/pdf"
    warnings: tuple[Warning, ...] = ()

    @property
    def text(self) -> str:
        """What a reader can see, in reading order. Nothing else may reach an interviewer."""
        runs = (span.text + span.after for page in self.pages for span in page.spans if not span.hidden)
        return "".join(runs).strip()

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Draft(Struct, frozen=True):
    """The half of an answer, as it stood when its writer left."""

    question: int
    text: str


class Material(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="material"):
    """What the candidate brought, as kept in the log ``<id>.resume`` until the interview stops.

    It is material and never an instruction, whatever it says.
    """

    resume: str = ""
    job_description: str = ""
    digest: str = ""
    pages: int = 0
    warnings: tuple[Warning, ...] = ()
    draft: Draft | None = None
    """Of the answer that was being written; kept and erased with the rest."""

    @classmethod
    def of(cls, resume: Resume, job_description: str = "") -> Material:
        """What is kept of *resume*: its visible text and its warnings."""
        return cls(resume.text, job_description, resume.digest, len(resume.pages), resume.warnings)


# ----------------------------------------------------------------------------------------- entries


class Entry(Struct, frozen=True):
    """One step of a log: what is appended at once, or not at all."""

    version: int
    """Counts the entries of a log from 1 without gaps."""
    append_id: str
    """The client's id of the command, or a server-made one that begins with ``~``: recognises a resend."""
    at: float
    """Seconds since the epoch, by the writer's clock. For people; nothing is decided by it."""
    events: tuple[Event | Material, ...]
    format: int = FORMAT

    @property
    def story(self) -> Sequence[Event]:
        """The events that an interview is made of."""
        return [event for event in self.events if not isinstance(event, Material)]


class Head(Struct, frozen=True, omit_defaults=True):
    """What a storage knows of a log without reading it."""

    interview_id: str
    version: int
    updated_at: float
    expires_at: float | None = None
    owner: str | None = None


class _Envelope(Struct):
    format: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)
_envelope = msgspec.json.Decoder(_Envelope)


MAX_ENTRY = 900_000
"""Bytes of one entry as JSON at the most, in every storage alike: one kind has documents of 1 MiB."""


def encode(entry: Entry) -> bytes:
    """*entry* as UTF-8 JSON; ValueError for one over MAX_ENTRY, or that could not be read again.

    Structs made in Python are not checked when they are made: a lone surrogate, a NaN, or a word that is
    none of a field's choices, from one careless adapter, would make the whole log unreadable for ever.
    """
    line = _encoder.encode(entry)
    if len(line) > MAX_ENTRY:
        raise ValueError(f"this entry has {len(line)} bytes; the limit is {MAX_ENTRY}")
    try:
        _decoder.decode(line)
    except msgspec.ValidationError as error:
        raise ValueError(f"this entry could not be read again: {error}") from error
    return line


def decode(line: bytes | str, interview_id: str = "") -> Entry:
    """The entry that *encode* made *line* of; NewerFormat when a later release wrote it.

    Raises msgspec.DecodeError for a line that nobody wrote: one that a disk or a person has damaged.
    """
    try:
        return _decoded(line, interview_id)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(f"this is no entry of a log: {type(error).__name__}") from None


def _decoded(line: bytes | str, interview_id: str) -> Entry:
    try:
        entry = _decoder.decode(line)
    except msgspec.ValidationError:
        if _envelope.decode(line).format > FORMAT:
            raise NewerFormat(interview_id) from None
        raise
    if entry.format > FORMAT:
        raise NewerFormat(interview_id)
    return entry
