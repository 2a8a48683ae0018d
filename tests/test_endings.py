"""When a spoken answer is over: by silence, longer where it is harder, and by words that say so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

import pytest

from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.coaching.endings import thinking, without_ending
from interview_fsm.engine import Endings, Engine, Limits
from interview_fsm.events import (
    ChooseDifficulty,
    Partial,
    Plan,
    RecordAnswer,
    Segment,
    Source,
    StartInterview,
    Transcript,
)
from interview_fsm.interview import Answer
from interview_fsm.states import State
from interview_fsm.testing import ScriptedInterviewer, run


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("We moved it to Kafka and that's my answer.", "We moved it to Kafka"),
        ("it went well so that is  my answer", "it went well"),
        ("That's all I have to say!", ""),
        ("that's my answer to everything", None),
        ("I was done with my part by noon", None),
        ("the question is what that is my answers", None),
        ("", None),
    ],
)
def test_words_that_say_that_this_was_all(said: str, left: str | None) -> None:
    assert without_ending(said, "en-GB") == left


def test_in_another_language_nothing_is_taken_for_an_end() -> None:
    assert without_ending("that's my answer", "de") is None


class Room:
    """A recorder of five seconds, and a transcriber that understands *says* of it, a word for each 0.1 s."""

    kinds = ("microphone",)

    def __init__(self, says: str) -> None:
        self.says, self.silence, self.seconds = says.split(), 0.0, 0.0

    async def record(
        self,
        source: Source,
        *,
        silence: float,
        done: asyncio.Event,
        brought: AsyncIterator[bytes] | None = None,
        soon: Callable[[], None] | None = None,
        client: str = "",
    ) -> AsyncGenerator[bytes, None]:
        self.silence = silence
        for _ in range(50):
            if done.is_set():
                return
            self.seconds += 0.1
            yield bytes(3200)

    async def transcribe(
        self, audio: AsyncIterator[bytes], *, hints: Sequence[str], language: str
    ) -> AsyncGenerator[Partial | Transcript, None]:
        heard = 0
        async for _ in audio:
            heard += 1
            if heard <= len(self.says):
                yield Partial(" ".join(self.says[:heard]))
        text = " ".join(self.says[:heard])
        yield Transcript(text, segments=(Segment(0, 1, text, raw=text),))

    async def aclose(self) -> None:
        pass


def spoken(says: str, difficulty: str = "easy") -> tuple[Room, Answer | None]:
    async def interview() -> tuple[Room, Answer | None]:
        room = Room(says)
        engine = Engine(
            MemoryStorage(),
            ScriptedInterviewer(),
            recorder=room,
            transcriber=room,
            endings=Endings(thinking, without_ending),
            limits=Limits(silence=1.8),
        )
        async with engine, engine.new() as session:
            await session.send(StartInterview(Plan(questions=1, follow_ups=0)))
            await session.send(ChooseDifficulty(difficulty))
            await session.until(lambda i: i.open_question is not None)
            await session.send(RecordAnswer(1))
            interview = await session.until(lambda i: i.state is not State.RECORDING)
            return room, interview.turns[0].answer

    return run(interview())


def test_who_says_that_this_was_all_is_not_waited_for_and_it_is_no_part_of_the_answer() -> None:
    room, answer = spoken("I did it that's my answer")
    assert answer is not None
    assert answer.text == "I did it"
    assert answer.transcript is not None
    assert "answer" not in repr(answer.transcript)
    assert room.seconds < 2


def test_who_goes_on_after_such_words_is_not_cut_off() -> None:
    room, answer = spoken("that's my answer to such questions and I gave it twice")
    assert answer is not None
    assert answer.text.endswith("gave it twice")
    assert room.seconds == pytest.approx(5)


def test_nothing_but_that_is_no_answer() -> None:
    assert spoken("that's my answer")[1] is None


@pytest.mark.parametrize(("difficulty", "silence"), [("entry-level", 1.8), ("mid", 2.2), ("senior", 2.6)])
def test_thinking_may_last_longer_where_it_is_harder(difficulty: str, silence: float) -> None:
    assert spoken("I did it", difficulty)[0].silence == pytest.approx(silence)
