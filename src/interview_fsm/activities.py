"""What goes on in an interview: a question is made, an answer is heard, feedback is given.

Each activity is a call to an adapter that ends in the event that comes of it, or in an exception. When to
run one, and what to do with its outcome, is the session's business.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import assert_never

from msgspec.structs import replace

from .errors import AdapterError
from .events import (
    AnswerLost,
    AnswerRecorded,
    Event,
    FeedbackGiven,
    Material,
    Partial,
    QuestionAsked,
    Transcript,
)
from .house import Ports
from .interview import Activity, Analyze, Ask, Interview, Listen, Speak
from .ports import Brief
from .updates import Heard, News, Speech


class Stage:
    """Where one activity is played: the interview it belongs to, the adapters, and who is told.

    *done* is set when the candidate has said all; *silence* is in seconds.
    """

    __slots__ = ("_done", "_interview", "_material", "_ports", "_silence", "_tell")

    def __init__(
        self,
        interview: Interview,
        material: Material | None,
        ports: Ports,
        *,
        tell: Callable[[News], None],
        done: asyncio.Event | None,
        silence: float,
    ) -> None:
        self._interview, self._material, self._ports = interview, material, ports
        self._tell, self._done, self._silence = tell, done, silence

    async def perform(self, activity: Activity) -> Event | None:
        """Run *activity*; what comes of it."""
        match activity:
            case Ask():
                return await self._ask(activity)
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
        return Brief(self._interview, material.resume, material.job_description, ask)

    async def _ask(self, wanted: Ask) -> Event:
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
        return FeedbackGiven(interview.grounded(replace(feedback, plan=interview.plan.fingerprint)))

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
        sound = recorder.record(wanted.source, silence=self._silence, done=self._done)
        transcript: Transcript | None = None
        async with aclosing(sound):
            heard = transcriber.transcribe(
                sound, hints=self._hints(wanted), language=self._interview.plan.language
            )
            async with aclosing(heard):
                async for part in heard:
                    if isinstance(part, Partial):
                        self._tell(Heard(wanted.question, part.text))
                    else:
                        transcript = part
        if transcript is None or not transcript.text.strip():
            return AnswerLost("no_speech")
        return AnswerRecorded(wanted.question, transcript)

    def _hints(self, wanted: Listen) -> Sequence[str]:
        question = self._interview.turns[wanted.question - 1].question
        texts = [question.text, question.evidence.text if question.evidence else ""]
        words = re.findall(r"[^\W\d_]{3,}", " ".join(texts))
        return tuple(dict.fromkeys(words))
