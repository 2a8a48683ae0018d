"""An interviewer of your own: what it takes to fit a port.

    python examples/own_adapter.py

It asks from a stack of cards and looks for numbers in the answers. To have it found by name, as
``interview-fsm serve --interviewer cards``, let your package declare an entry point and its ``create``::

    [project.entry-points."interview_fsm.adapters"]
    cards = "your_package.cards:create"
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from interview_fsm import Engine, Plan
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.events import (
    Analyze,
    AnswerFeedback,
    ChooseDifficulty,
    Feedback,
    Observation,
    Provenance,
    Question,
    Quote,
    StartInterview,
    SubmitAnswer,
)
from interview_fsm.ports import Brief

CARDS = (
    "What did you change that somebody still uses?",
    "When did you last throw your own work away?",
)
BY = Provenance("cards", version="1")


class Cards:
    """An Interviewer. There is nothing to inherit from: the three methods are all."""

    def __init__(self, cards: Sequence[str] = CARDS) -> None:
        self._cards = cards

    async def ask(self, brief: Brief) -> Question:
        """The next card; a model would be asked here, with ``brief.resume`` as material."""
        number = len(brief.interview.turns) + 1
        return Question(number, self._cards[(number - 1) % len(self._cards)], provenance=BY)

    async def analyze(self, brief: Brief) -> Feedback:
        """One observation for each answer, with the words it rests on."""
        answers = []
        for turn in brief.interview.turns:
            if turn.answer is not None:
                seen = observe(turn.answer.text)
                answers.append(AnswerFeedback(turn.question.number, turn.answer.revision, (seen,), BY))
        return Feedback(tuple(answers), limitations="Cards count numbers and understand nothing.")

    async def aclose(self) -> None:
        """Let go of connections; there are none."""


def observe(answer: str) -> Observation:
    """Whether there is a number, and which. A quote is a slice: the engine drops any that is not."""
    if (number := re.search(r"\d+", answer)) is None:
        return Observation("missing", "number", "No number: how many, how long, how often?")
    quote = Quote(number.start(), number.end(), number.group())
    return Observation("there", "number", "A number makes it concrete.", quote)


async def create() -> Cards:
    """What the entry point names: an async function that takes options and returns the adapter."""
    return Cards()


async def main() -> None:
    """One question, answered and analyzed."""
    async with Engine(MemoryStorage(), await create()) as engine, engine.new() as session:
        await session.send(StartInterview(Plan(questions=1)))
        await session.send(ChooseDifficulty("mid"))
        interview = await session.until(lambda now: now.open_question is not None)
        print(interview.turns[0].question.text)
        await session.send(SubmitAnswer(1, "The nightly export: it went from 3 hours to 20 minutes."))
        await session.send(Analyze())
        interview = await session.until(lambda now: now.feedback is not None)
        assert interview.feedback is not None
        for observation in interview.feedback.answers[0].observations:
            print(observation.text, observation.quote.text if observation.quote else "")


if __name__ == "__main__":
    asyncio.run(main())
