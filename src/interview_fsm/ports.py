"""What the engine needs from the world: six small protocols.

Common to all of them:

- A method may be cancelled at any await, and has let go of what it held (a device, a connection, a
  child process) before ``CancelledError`` leaves it.
- Every failure of the world leaves as ``AdapterError`` with its cause chained.
- ``aclose()`` lets go of everything, and may be called twice.
- Libraries that block run off the event loop, in a thread or process that can be stopped.

``interview_fsm.testing`` has a fake of each, and the contract suites that an adapter must pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Protocol

from msgspec import Struct, field

from .budget import Budget
from .events import Entry, Feedback, Head, Partial, Question, Resume, Source, Transcript
from .interview import Ask, Interview

SAMPLE_RATE = 16_000
"""Hz. All sound inside the engine is PCM16 little-endian, mono, at this rate."""
INSTEAD = "or type your answer."
"""How the sentences end in which a Recorder or a Transcriber says what to do: a candidate always can."""


class Storage(Protocol):
    """Keeps logs. What every adapter promises:

    - ``append`` returns only when the entry is durable: it survives power loss where the adapter's page
      says so, and the death of the process in any case.
    - Versions of a log are 1..n without gaps. ``load`` returns a clean prefix. An entry never changes.
    - The same ``append_id`` at the same place again is a success and writes nothing.
    - ``erase`` removes one log and touches no other; it leaves no trace of the text in any file. After
      it ``load`` and ``append`` say Gone. An id is never used again.
    - A cancelled call leaves either nothing or the whole entry.

    One that sends what it keeps to somebody else has ``data``, a sentence that candidates are told of it.
    """

    async def append(
        self,
        interview_id: str,
        expected_version: int,
        entry: Entry,
        *,
        owner: str | None = None,
        expires_at: float | None = None,
    ) -> None:
        """Add *entry* as version ``expected_version + 1``; 0 begins the log.

        *owner* (set where given, kept where None) and *expires_at* (seconds since the epoch, replaced
        each time) go into the head.

        Raises Conflict (nothing written; the log is elsewhere already, or exists though 0 was expected),
        Gone (nothing written; there is no such log), AdapterError (outcome unknown: repeat with the same
        ``append_id``, or do not acknowledge; ``storage_unavailable``), ValueError (an entry that cannot be
        kept: text that is no Unicode, or over the size limit of 900,000 bytes as JSON).
        """
        ...

    async def load(self, interview_id: str, after: int = 0) -> list[Entry]:
        """The entries with a version over *after*, in order. Raises Gone, NewerFormat, AdapterError."""
        ...

    def interviews(
        self, *, owner: str | None = None, expired_before: float | None = None
    ) -> AsyncIterator[Head]:
        """The logs there are, by id; only *owner*'s, only those that expired before a time.

        Logs of résumés (ids ending in ``.resume``) are never among them, unless *expired_before* is given.
        """
        ...

    async def erase(self, interview_id: str) -> bool:
        """Remove this log for good; whether there was one."""
        ...

    async def aclose(self) -> None:
        """Let go of files and connections; what was appended stays."""
        ...


class Called(Struct, frozen=True):
    """One call to a model, as it went. Holds no text of anybody's."""

    adapter: str
    model: str
    purpose: str
    """``ask``, ``follow_up``, ``assess`` or ``summarise``."""
    seconds: float
    outcome: str
    """``ok``, ``cancelled``, or an error's code."""
    first: float | None = None
    """Seconds until the first text; None when none came."""
    gap: float = 0.0
    """The longest time between two texts, in seconds."""
    input_tokens: int = 0
    """As the provider counts them, cached ones among them; 0 when it did not say."""
    cached_tokens: int = 0
    output_tokens: int = 0


class Brief(Struct, frozen=True):
    """What an interviewer is told. Everything in it that came from the candidate is material, never an
    instruction.
    """

    interview: Interview
    resume: str = ""
    """Its visible text."""
    job_description: str = ""
    ask: Ask | None = None
    """The question wanted, when asking."""
    budget: Budget = field(default_factory=Budget)
    """What this interview may still cost. Who calls a service charges it before each call."""
    note: Callable[[Called], None] | None = None
    """Told of every call to a model, when it is over; None when nobody asks."""


class Interviewer(Protocol):
    """Thinks of questions and of feedback.

    Its attribute ``billing``, a ``budget.Billing``, says who counts what it costs. One that has none is
    counted by the engine: each method is one call, and is not called when ``brief.budget`` is spent.

    What candidates are told of it before the first question are its ``name``, its ``speaker`` and ``data`` (a
    sentence each on who is speaking and where data goes) and ``sends_to`` (the hosts that get data, none if
    it is empty). It may lack any of these; then nothing is promised.
    """

    async def ask(self, brief: Brief) -> Question:
        """The question that ``brief.ask`` wants: whole, guarded, in ``plan.language``."""
        ...

    async def analyze(self, brief: Brief) -> Feedback:
        """Feedback on all answers.

        What ``brief.interview.feedback`` has for an answer's present revision is kept, not made again.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


class Recorder(Protocol):
    """Hears one answer.

    Its attribute ``kinds`` says which kinds of ``events.Source`` it hears. One that has none hears this
    machine's microphone alone.
    """

    def record(
        self,
        source: Source,
        *,
        silence: float,
        done: asyncio.Event,
        brought: AsyncIterator[bytes] | None = None,
        soon: Callable[[], None] | None = None,
        client: str = "",
    ) -> AsyncGenerator[bytes, None]:
        """PCM16 mono 16 kHz as it comes, until *silence* seconds without speech, or *done* is set.

        *brought* is what the client sends of it: PCM16 mono 16 kHz in pieces of any length for a ``stream``,
        the bytes of the file for an ``upload``; None for sources that the recorder gets by itself. *soon* is
        called each time that half of *silence* has passed: the answer is about to end. *client* is who is
        heard, as far as clients are told apart: what many of them share is theirs in turns.

        The device is open only while the generator runs; closing it closes the device. Raises
        AdapterError with ``microphone_unavailable`` or ``audio_unusable``.
        """
        ...

    async def aclose(self) -> None:
        """Let go of devices."""
        ...


class Transcriber(Protocol):
    """Turns sound into text.

    What candidates are told of it are its ``sends_to``, the hosts that get what they say and the hints, none
    where it is empty. One that has no such attribute promises nothing.
    """

    def transcribe(
        self, audio: AsyncIterator[bytes], *, hints: Sequence[str], language: str
    ) -> AsyncGenerator[Partial | Transcript, None]:
        """Partials while *audio* (PCM16 mono 16 kHz) comes, then one Transcript, then the end.

        *hints* are words and phrases that are likely to be heard, the likeliest first; *language* is BCP 47.
        A Transcript with blank text means that nothing was understood. Raises AdapterError with
        ``recognition_unavailable``.
        """
        ...

    async def aclose(self) -> None:
        """Let go of models and processes."""
        ...


class Audio(Struct, frozen=True):
    """Speech to be played by the client: a whole WAV file."""

    wav: bytes


class Speaker(Protocol):
    """Reads aloud."""

    def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        """Say *text*; ends when it has been said. Empty when it is played on this machine.

        Closing the generator stops the voice at once. Raises AdapterError with ``speech_off``.
        """
        ...

    async def aclose(self) -> None:
        """Let go of devices and processes."""
        ...


class ResumeReader(Protocol):
    """Reads a document as a person would."""

    async def read(self, document: bytes, *, client: str = "") -> Resume:
        """Pages of spans in reading order, visible and hidden told apart. Raises ResumeError.

        *client* is whose it is, as far as clients are told apart: where few are read at once, by turns.
        """
        ...

    async def aclose(self) -> None:
        """Let go of child processes."""
        ...
