"""What goes on in an interview: a question is made, an answer is heard, feedback is given.

Each activity is a call to an adapter that ends in the event that comes of it, or in an exception. When to
run one, and what to do with its outcome, is the session's business.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from itertools import islice
from typing import Any, assert_never

from msgspec.structs import replace

from .budget import LEAST_HEARD, Billing, Budget
from .errors import STOOD_IN_FOR, AdapterError, BudgetSpent
from .events import (
    AnswerLost,
    AnswerRecorded,
    Event,
    FeedbackGiven,
    Material,
    Partial,
    Provenance,
    QuestionAsked,
    Transcript,
    Warning,
)
from .house import Ports
from .interview import Activity, Analyze, Ask, Interview, Listen, Speak
from .ports import SAMPLE_RATE, Brief, Called
from .totals import totalled
from .updates import Heard, News, Speech


class Ahead:
    """The main question that will come next, made ready while the candidate answers: at most one.

    It is no event. It is used when it has become what is wanted, and dropped when it no longer fits. A
    follow-up that comes before it only moves its number.
    """

    __slots__ = ("_making", "_wanted", "_was_told", "limit")

    def __init__(self) -> None:
        self._wanted: Ask | None = None
        self._making: asyncio.Task[QuestionAsked] | None = None
        self._was_told = False
        self.limit: asyncio.Timeout | None = None
        """Of its making, once that has begun."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there: not made, not being made, not failed."""
        return self._making is None

    def fits(self, wanted: Activity | None, upcoming: Ask | None) -> bool:
        """Whether what is there may still be asked, now or later."""
        if isinstance(wanted, Ask):
            return self._is(replace(wanted, follow_up=None))
        return self._is(upcoming)

    def begin(self, wanted: Ask, making: Coroutine[Any, Any, QuestionAsked]) -> None:
        """Make *wanted* ready. Nothing may be there; drop it before."""
        assert self._making is None
        self._was_told, self.limit = False, None
        self._wanted, self._making = wanted, asyncio.get_running_loop().create_task(making)
        self._making.add_done_callback(_looked_at)

    def take(self, wanted: Activity) -> Coroutine[Any, Any, Event] | None:
        """What is being made of *wanted*, to be awaited by the caller, whose it is from now on.

        None when there is nothing of it, or it failed before it was needed: then nobody has waited for
        it, and the question deserves a call of its own.
        """
        making = self._making
        if making is None or not isinstance(wanted, Ask) or not self._is(wanted):
            return None
        self._wanted = self._making = None
        failed = making.done() and (making.cancelled() or making.exception() is not None)
        return None if failed else _numbered(making, wanted.number)

    async def drop(self, released: Callable[[asyncio.Task[Any]], Awaitable[bool]]) -> None:
        """Cancel it and wait, by *released*, until it has let go of what it held."""
        making = self._making
        if making is not None:
            # As with an activity: who is cancelled while waiting here comes again, and once is enough.
            is_overdue = self.limit is not None and self.limit.expired()
            if not making.done() and not self._was_told and not is_overdue:
                self._was_told = True
                making.cancel()
            await released(making)
        self._wanted = self._making = None

    def _is(self, ask: Ask | None) -> bool:
        ready = self._wanted
        return ask is not None and ready is not None and replace(ready, number=ask.number) == ask


async def _numbered(making: asyncio.Task[QuestionAsked], number: int) -> Event:
    asked = await making
    return QuestionAsked(replace(asked.question, number=number))


def _looked_at(making: asyncio.Task[QuestionAsked]) -> None:
    if not making.cancelled():
        making.exception()  # else asyncio complains that nobody has asked


def stood_in(outcome: Event | None) -> Warning | None:
    """Who made *outcome* in whose place and why, where it was not who should have."""
    made: list[Provenance]
    match outcome:
        case QuestionAsked(question=question):
            what, made = "The question", [question.provenance]
        case FeedbackGiven(feedback=feedback):
            what, made = "Feedback", [feedback.provenance, *(each.provenance for each in feedback.answers)]
        case _:
            return None
    by = next((each for each in made if each.fallback_from), None)
    if by is None:
        return None
    codes = (*by.fallback_codes, *[""] * len(by.fallback_from))
    could_not = (
        f"{name} ({STOOD_IN_FOR.get(code, 'it could not')})"
        for name, code in zip(by.fallback_from, codes, strict=False)
    )
    return Warning("model_fallback", f"{what} is by {by.adapter}, in place of {', '.join(could_not)}.")


class Stage:
    """Where one activity is played: the interview it belongs to, the adapters, and who is told.

    *done* is set when the candidate has said all; *silence* is in seconds; *brought* is what the client sends
    of the answer. *budget* is charged for what the adapters cost; *note* is told of each call to a model.
    *client* is whose interview it is, as far as clients are told apart.
    """

    __slots__ = (
        "_brought", "_budget", "_client", "_done", "_interview", "_material", "_note", "_ports", "_silence",
        "_tell", "_without_ending",
    )  # fmt: skip

    def __init__(
        self,
        interview: Interview,
        material: Material | None,
        ports: Ports,
        *,
        tell: Callable[[News], None],
        done: asyncio.Event | None,
        silence: float,
        without_ending: Callable[[str, str], str | None] = lambda _text, _language: None,
        brought: AsyncIterator[bytes] | None = None,
        budget: Budget,
        note: Callable[[Called], None],
        client: str = "",
    ) -> None:
        self._interview, self._material, self._ports = interview, material, ports
        self._budget, self._note, self._client = budget, note, client
        self._tell, self._done, self._silence, self._brought = tell, done, silence, brought
        self._without_ending = without_ending

    async def perform(self, activity: Activity) -> Event | None:
        """Run *activity*; what comes of it."""
        match activity:
            case Ask():
                return await self.ask(activity)
            case Analyze():
                return await self._analyze()
            case Listen():
                return await self._listen(activity)
            case Speak():
                return await self._speak(activity)
            case _:
                assert_never(activity)

    def _brief(self, ask: Ask | None = None) -> Brief:
        material = self._material or Material()
        brief = Brief(
            self._interview, material.resume, material.job_description, ask, self._budget, self._note
        )
        if getattr(self._ports.interviewer, "billing", Billing.ENGINE) is Billing.ENGINE:
            self._budget.call(_size(brief), ASK_TOKENS if ask else _analyze_tokens(brief))
        return brief

    async def ask(self, wanted: Ask) -> QuestionAsked:
        """The question that is wanted, now or later."""
        question = await self._ports.interviewer.ask(self._brief(wanted))
        follow_up_to = wanted.follow_up.question if wanted.follow_up else None
        return QuestionAsked(
            replace(
                question,
                number=wanted.number,
                difficulty=wanted.difficulty,
                follow_up_to=follow_up_to,
            )
        )

    async def _analyze(self) -> Event:
        interview = self._interview
        feedback = await self._ports.interviewer.analyze(self._brief())
        feedback = interview.grounded(replace(feedback, plan=interview.plan.fingerprint))
        return FeedbackGiven(totalled(feedback, interview.plan))

    async def _speak(self, wanted: Speak) -> Event | None:
        speaker = self._ports.speaker
        assert speaker is not None  # else it is not started
        async with aclosing(speaker.speak(wanted.text)) as sounds:
            async for audio in sounds:
                self._tell(Speech(wanted.question, audio))
        return None

    async def _listen(self, wanted: Listen) -> Event:
        recorder, transcriber = self._ports.recorder, self._ports.transcriber
        if recorder is None or transcriber is None:
            raise AdapterError("engine", "microphone_unavailable", "This server has no microphone.")
        assert self._done is not None
        meter = _Meter(self._budget)  # before a device is opened
        sound = recorder.record(
            wanted.source,
            silence=self._silence,
            done=self._done,
            brought=self._brought,
            soon=self._warn,
            client=self._client,
        )
        transcript: Transcript | None = None
        ending = _Ending(self._done)
        async with aclosing(sound), aclosing(self._within(meter, sound, ending)) as affordable:
            heard = transcriber.transcribe(
                affordable, hints=self._hints(wanted), language=self._interview.plan.language
            )
            async with aclosing(heard):
                async for part in heard:
                    if isinstance(part, Partial):
                        ending.understood(is_all=self._without(part.text) != part.text)
                        self._tell(Heard(wanted.question, part.text))
                    else:
                        transcript = part
        if transcript is not None:
            transcript = self._trimmed(transcript)
        if transcript is None or not transcript.text.strip():
            return AnswerLost("no_speech")
        return AnswerRecorded(wanted.question, transcript)

    def _without(self, text: str) -> str:
        """*text* without the words that say that this was all."""
        without = self._without_ending(text, self._interview.plan.language)
        return text if without is None else without

    def _trimmed(self, transcript: Transcript) -> Transcript:
        """*transcript* without them, wherever it has them."""
        text = self._without(transcript.text)
        if text == transcript.text:
            return transcript
        last = [
            replace(each, text=self._without(each.text), raw=self._without(each.raw))
            for each in transcript.segments[-1:]
        ]
        segments = (*transcript.segments[:-1], *(each for each in last if each.text))
        return replace(transcript, text=text, segments=segments)

    def _warn(self) -> None:
        self._tell(
            Warning("silence_soon", "You have been silent for a while; go on, or the answer ends soon.")
        )

    async def _within(
        self, meter: _Meter, sound: AsyncIterator[bytes], ending: _Ending
    ) -> AsyncGenerator[bytes, None]:
        """*sound* for as long as the budget lasts, then its end: what was said before is an answer."""
        async for chunk in sound:
            ending.heard(chunk)
            try:
                granted = meter.grant(chunk)
            except BudgetSpent as spent:
                self._tell(Warning(spent.code, str(spent)))
                return
            yield granted

    def _hints(self, wanted: Listen) -> Sequence[str]:
        """What is likely to be said: the question, what it builds on, and then the rest of the résumé."""
        question = self._interview.turns[wanted.question - 1].question
        evidence = question.evidence.text if question.evidence else ""
        resume = self._material.resume if self._material else ""
        return phrases(question.text, evidence, resume)


HINTS = 500
"""Phrases that a recogniser is told at the most: a résumé of two pages has some two hundred."""

_PHRASE_END = re.compile(r"[\n.,;:!?()\[\]|•·–—/]+")
_WORD = re.compile(r"[^\W\d_]{3}")


def phrases(*texts: str) -> tuple[str, ...]:
    """The stretches of *texts* between two marks, each once, that have a word of three letters in them."""
    found = (" ".join(phrase.split()) for text in texts for phrase in _PHRASE_END.split(text))
    return tuple(islice(dict.fromkeys(each for each in found if _WORD.search(each)), HINTS))


TRY_SECONDS = 20.0
"""That a few seconds of a try may take to be understood: a recogniser may have to start."""


async def understood(ports: Ports, pcm: bytes, *, language: str, budget: Budget) -> Transcript | None:
    """What the recogniser makes of *pcm*, which is no answer; None for nothing.

    Raises AdapterError with ``recognition_unavailable``, BudgetSpent.
    """
    if ports.transcriber is None:
        raise AdapterError("engine", "recognition_unavailable", "This server does not understand speech.")
    budget.hear(len(pcm) / (2 * SAMPLE_RATE))
    heard = ports.transcriber.transcribe(_at_once(pcm), hints=(), language=language)
    try:
        async with asyncio.timeout(TRY_SECONDS), aclosing(heard):
            async for each in heard:
                if isinstance(each, Transcript):
                    return each if each.text.strip() else None
            return None
    except TimeoutError as error:
        message = "It was not understood in time. Try again, or type your answers."
        raise AdapterError("engine", "recognition_unavailable", message, retryable=True) from error


async def _at_once(pcm: bytes) -> AsyncGenerator[bytes, None]:
    yield pcm


ASK_TOKENS = 500
"""Set aside for a question where the engine counts: some ten times what a long one has."""

ANALYZE_TOKENS = 500
"""Set aside for the feedback on each answer where the engine counts, and for the summary."""


def _analyze_tokens(brief: Brief) -> int:
    return ANALYZE_TOKENS * (1 + len(brief.interview.answered))


def _size(brief: Brief) -> int:
    """Bytes of everything that an interviewer is told."""
    texts = [brief.resume, brief.job_description]
    for turn in brief.interview.turns:
        texts.append(turn.question.text)
        texts += [answer.text for answer in (turn.answer, *turn.attempts) if answer is not None]
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


class _Ending:
    """Sets *done* when it has been said that this was all, and nothing else was understood for a moment."""

    __slots__ = ("_done", "_left")

    def __init__(self, done: asyncio.Event) -> None:
        self._done = done
        self._left: int | None = None

    def understood(self, *, is_all: bool) -> None:
        """Whether what is understood so far ends in such words."""
        self._left = _samples(MOMENT) if is_all else None

    def heard(self, chunk: bytes) -> None:
        """More sound has come."""
        if self._left is not None:
            self._left -= len(chunk) // 2
            if self._left <= 0:
                self._done.set()


MOMENT = 0.7
"""Seconds after "that's my answer" until it is believed: "… to that kind of problem" may follow."""


class _Meter:
    """Charges sound to a budget as it comes. Raises BudgetSpent at once when there is none for any."""

    __slots__ = ("_ahead", "_budget")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._ahead = _samples(budget.hear(LEAST_HEARD))
        """Samples that are paid for and have not come."""

    def grant(self, chunk: bytes) -> bytes:
        """As much of *chunk* as may be heard. Raises BudgetSpent when that is none."""
        samples = -(-len(chunk) // 2)
        if samples > self._ahead:
            self._ahead += _samples(self._budget.hear((samples - self._ahead) / SAMPLE_RATE))
        granted = min(samples, self._ahead)
        self._ahead -= granted
        return chunk[: granted * 2]


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
