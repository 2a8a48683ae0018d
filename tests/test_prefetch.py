"""The next question is made ready while the candidate answers, and thrown away when it no longer fits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interview_fsm import events as e
from interview_fsm.engine import Session
from interview_fsm.errors import AdapterError
from interview_fsm.interview import Ask, FollowUp
from interview_fsm.testing import HANGS, ScriptedInterviewer, Step, run, turns

from .worlds import MATERIAL, World, candidate, has_open, loop, quiet, started, wants_a_number

THREE = e.Plan(questions=3, follow_ups=1)
SLOW: Step[e.Question] = Step(takes=2.0)
"""A model that answers in two seconds."""
DOWN: Step[e.Question] = Step(takes=1.0, raises=AdapterError("scripted", "model_overloaded"))


def sitting(
    test: Callable[[World, Session], Awaitable[None]], *questions: Step[e.Question], **settings: Any
) -> World:
    """Run *test* on a new session that asks ahead; the world afterwards, with nothing left open in it."""
    world = World()
    world.interviewer = ScriptedInterviewer(questions or [SLOW] * 20)

    async def main() -> None:
        async with world.engine(ahead=True, **settings) as engine, engine.new(MATERIAL) as session:
            await test(world, session)
        assert world.open == 0
        assert not world.hurried

    run(main())
    return world


def wanted(world: World) -> list[Ask]:
    return [brief.ask for brief in world.interviewer.asked if brief.ask is not None]


def of(world: World, name: str) -> list[str]:
    return [seen.outcome for seen in world.observed if seen.name == name]


async def answered(session: Session, number: int, text: str = "A number: 7.") -> float:
    """Seconds from an answer to the question after it."""
    began = loop().time()
    await session.send(e.SubmitAnswer(number, text))
    await session.until(has_open(number + 1))
    return loop().time() - began


def test_nobody_waits_for_a_model_that_takes_two_seconds() -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        for number in (1, 2):
            await asyncio.sleep(20)  # the candidate thinks, and writes
            assert await answered(session, number) < 0.1

    world = sitting(sit)
    assert [ask.number for ask in wanted(world)] == [1, 2, 3]
    assert of(world, "prefetch") == ["ok", "ok"]


def test_without_it_everybody_does() -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await asyncio.sleep(20)
        assert await answered(session, 1) >= 2.0

    world = World()
    world.interviewer = ScriptedInterviewer([SLOW] * 3)

    async def main() -> None:
        async with world.engine() as engine, engine.new(MATERIAL) as session:
            await sit(world, session)

    run(main())
    assert of(world, "prefetch") == []


def test_a_quick_answer_waits_for_the_rest_of_the_call_and_not_for_another() -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await asyncio.sleep(1.5)
        assert await answered(session, 1) == pytest.approx(0.5)

    world = sitting(sit)
    assert [ask.number for ask in wanted(world)][:2] == [1, 2]
    assert of(world, "prefetch")[0] == "ok"


def test_it_goes_on_while_an_answer_is_recorded() -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await session.send(e.RecordAnswer(1))
        await session.until(lambda i: bool(i.answered))
        heard = loop().time()
        await session.until(has_open(2))
        assert loop().time() - heard < 0.1

    world = sitting(sit)
    assert [ask.number for ask in wanted(world)][:2] == [1, 2]


def test_what_was_made_ready_is_what_is_asked() -> None:
    ready = e.Question(2, "What did you do then?", provenance=e.Provenance("scripted"))

    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await asyncio.sleep(20)
        await answered(session, 1)
        assert session.interview.turns[1].question.text == ready.text
        assert session.interview.turns[1].question.difficulty == "senior"

    sitting(sit, SLOW, Step(ready, takes=2.0))


def test_nothing_of_it_is_in_the_log_before_it_is_wanted() -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        before = session.interview.version
        await quiet(session)
        assert session.interview.version == before
        assert await world.story(session.interview.id) == [
            "attached", "start_interview", "choose_difficulty", "question_asked",
        ]  # fmt: skip

    sitting(sit)


@pytest.mark.parametrize("after", [1.0, 20.0], ids=["while it is made", "when it is ready"])
def test_another_difficulty_throws_it_away(after: float) -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await asyncio.sleep(after)
        await session.send(e.ChooseDifficulty("entry-level"))
        await session.until(has_open(2))
        assert session.interview.turns[1].question.difficulty == "entry-level"
        await quiet(session)

    world = sitting(sit)
    assert [(ask.number, ask.difficulty) for ask in wanted(world)] == [
        (1, "senior"), (2, "senior"), (2, "entry-level"), (3, "entry-level"),
    ]  # fmt: skip


def test_passing_over_a_question_uses_what_is_ready() -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await asyncio.sleep(20)
        began = loop().time()
        await session.send(e.NextQuestion())
        await session.until(has_open(2))
        assert loop().time() - began < 0.1

    sitting(sit)


def test_a_follow_up_comes_first_and_what_is_ready_waits_for_its_turn() -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await asyncio.sleep(20)
        await answered(session, 1, "We did well.")
        assert session.interview.turns[1].question.follow_up_to == 1
        await asyncio.sleep(20)
        assert await answered(session, 2) < 0.1
        question = session.interview.turns[2].question
        assert (question.number, question.follow_up_to) == (3, None)
        await quiet(session)

    world = sitting(sit, follow_up=wants_a_number)
    assert [(ask.number, ask.follow_up) for ask in wanted(world)] == [
        (1, None), (2, None), (2, FollowUp(1, "numbers")), (4, None),
    ]  # fmt: skip


def test_a_failure_that_nobody_waited_for_is_tried_again_when_it_counts() -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await asyncio.sleep(20)
        assert session.trouble is None
        assert session.interview.open_question is not None
        assert await answered(session, 1) == pytest.approx(2.0)
        await quiet(session)

    world = sitting(sit, SLOW, DOWN, SLOW, SLOW)
    assert of(world, "prefetch")[0] == "model_overloaded"
    assert [ask.number for ask in wanted(world)] == [1, 2, 2, 3]


def test_a_failure_while_somebody_waits_is_told() -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await asyncio.sleep(0.5)
        await session.send(e.SubmitAnswer(1, "A number: 7."))
        await session.until(lambda i: i.question is None)
        assert session.trouble is not None
        assert session.trouble.code == "model_overloaded"

    world = sitting(sit, SLOW, DOWN)
    assert "activity_failed" in [str(t) for seen in world.observed for t in seen.triggers]


def test_one_that_hangs_is_given_up_in_its_time() -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await asyncio.sleep(300)
        assert world.interviewer.open == 0
        assert await answered(session, 1) == pytest.approx(2.0)

    sitting(sit, SLOW, HANGS, SLOW, SLOW)


@pytest.mark.parametrize("after", range(0, 40, 3))
def test_stopping_lets_go_of_it_at_any_moment(after: int) -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await turns(after)
        await session.send(e.StopInterview())
        assert world.interviewer.open == 0

    sitting(sit, SLOW, HANGS)


@pytest.mark.parametrize("after", range(0, 40, 3))
def test_leaving_lets_go_of_it_at_any_moment(after: int) -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await turns(after)
        await session.aclose()
        assert world.interviewer.open == 0

    sitting(sit, SLOW, HANGS)


@pytest.mark.parametrize("after", range(0, 60, 4))
def test_an_answer_at_any_moment_gets_its_question(after: int) -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, THREE)
        await turns(after)
        await answered(session, 1)
        await session.send(e.ChooseDifficulty("entry"))  # and another difficulty right behind it
        await session.until(has_open(3))
        assert [turn.question.number for turn in session.interview.turns] == [1, 2, 3]
        assert session.interview.turns[2].question.difficulty == "entry"

    sitting(sit)


def test_an_interview_on_request_is_not_looked_ahead_in() -> None:
    async def sit(world: World, session: Session) -> None:
        await started(session, e.Plan(questions=3, follow_ups=0, advance="on_request"))
        await quiet(session)

    assert [ask.number for ask in wanted(sitting(sit))] == [1]


def test_after_the_last_question_nothing_is_made() -> None:
    async def sit(world: World, session: Session) -> None:
        await candidate(session)

    world = sitting(sit)
    assert [ask.number for ask in wanted(world)] == [1, 2]
