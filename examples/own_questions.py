"""Your own questions and criteria, as data: a plan that rides in ``start_interview``.

    python examples/own_questions.py

The plan is stored with the interview, so an interview goes on with the questions it began with, and its
fingerprint on the report says by which plan it was held.
"""

from __future__ import annotations

import asyncio

from interview_fsm import Criterion, Plan, Slot, assemble
from interview_fsm.events import Analyze, ChooseDifficulty, StartInterview, SubmitAnswer
from interview_fsm.interview import Interview

PLAN = Plan(
    slots=(
        Slot(competency="safety", text="Tell me about a time you stopped a job because it was not safe."),
        Slot(competency="teamwork", text="Whose help did you need for that, and how did you get it?"),
    ),
    rubric=(
        Criterion("safety", "Names the risk before the rule.", ("quotes a rule", "names the risk")),
        Criterion("teamwork", "Says who did what.", ("we", "I did this, they did that")),
    ),
    follow_ups=0,
)

ANSWERS = (
    "On the night shift I stopped the crane because the wind was at 14 m/s. We lost 2 hours and no load.",
    "I called the foreman, who read the meter himself; then he told the others.",
)


async def hold(plan: Plan, answers: tuple[str, ...]) -> Interview:
    """The interview that *answers* to *plan* make, analyzed."""
    async with assemble(storage="memory") as engine, engine.new() as session:
        send = session.send
        await send(StartInterview(plan))
        await send(ChooseDifficulty("mid"))
        for number, answer in enumerate(answers, 1):
            await session.until(lambda now: now.open_question is not None)
            await send(SubmitAnswer(number, answer))
        await send(Analyze())
        return await session.until(lambda now: now.feedback is not None)


def show(interview: Interview) -> None:
    """What was asked, and what was noticed."""
    for turn in interview.turns:
        print(turn.question.text)
    assert interview.feedback is not None
    for answer in interview.feedback.answers:
        for observation in answer.observations:
            print(f"  {answer.question} {observation.kind}: {observation.text}")
    print(f"Held by plan {interview.feedback.plan}")


if __name__ == "__main__":
    show(asyncio.run(hold(PLAN, ANSWERS)))
