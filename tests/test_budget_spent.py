"""Denial of wallet: whatever a candidate does, whatever adapter it is, no call goes over the budget."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interview_fsm import events as e
from interview_fsm.budget import LEAST_HEARD, Amount, Billing, Spending
from interview_fsm.engine import Engine, Limits
from interview_fsm.errors import BudgetSpent
from interview_fsm.ports import Brief
from interview_fsm.states import State
from interview_fsm.testing import ScriptedInterviewer, ScriptedRecorder, run

from .serving import LINK, Running, exchange, running
from .worlds import MATERIAL, PLAN, World, has_feedback, has_open, quiet, started

QUESTIONS = PLAN.count + PLAN.follow_up_limit
ENOUGH = Spending(input_tokens_beside=10**9, output_tokens_beside=10**9, audio_per_question=10**9)


class FreeInterviewer(ScriptedInterviewer):
    billing = Billing.FREE


class ThriftyInterviewer(ScriptedInterviewer):
    """Counts for itself: two calls to a service for a question, and once it may not, rules."""

    billing = Billing.OWN

    def __init__(self) -> None:
        super().__init__()
        self.made_calls = self.by_rules = 0

    async def ask(self, brief: Brief) -> e.Question:
        try:
            for _ in range(2):
                call = brief.budget.call(len(brief.resume.encode()), 200)
                self.made_calls += 1
                call.settle(50, 20)
        except BudgetSpent:
            self.by_rules += 1
        return await super().ask(brief)


def within(
    spending: Spending,
    test: Callable[[World, Engine], Awaitable[None]],
    world: World | None = None,
    **more: Any,
) -> World:
    world = world or World()

    async def main() -> None:
        async with world.engine(Limits(spending=spending), **more) as engine:
            await test(world, engine)
        assert world.open == 0

    run(main())
    return world


@pytest.mark.parametrize("ahead", [False, True], ids=["on demand", "ahead"])
def test_never_a_call_over_two_for_each_question_and_four_beside(ahead: bool) -> None:
    async def sit(world: World, engine: Engine) -> None:
        async with engine.new(MATERIAL) as session:
            await started(session)
            await session.send(e.SubmitAnswer(1, "One."))
            for n in range(60):
                await session.send(e.CorrectAnswer(1, f"One, corrected {n} times."))
                await session.send(e.Analyze())
                interview = await quiet(session)
                assert interview.state is State.ANALYZING
            assert session.trouble is not None
            assert session.trouble.code == "budget_spent"
            assert "begin" in session.trouble.message or "begun" in session.trouble.message

    world = within(ENOUGH, sit, ahead=ahead)
    assert world.interviewer.calls == 2 * QUESTIONS + 4


def test_what_there_is_stays_when_the_budget_is_spent() -> None:
    async def sit(world: World, engine: Engine) -> None:
        async with engine.new(MATERIAL) as session:
            await started(session)
            await session.send(e.SubmitAnswer(1, "One."))
            await session.until(has_open(2))  # that was the second call
            await session.send(e.SubmitAnswer(2, "Two."))
            await session.send(e.Analyze())
            interview = await session.until(has_feedback)
            await session.send(e.CorrectAnswer(1, "Once."))
            await session.send(e.Analyze())
            later = await quiet(session)
            assert later.feedback == interview.feedback
            assert [turn.answer.text for turn in later.answered if turn.answer] == ["Once.", "Two."]
            await session.send(e.StopInterview())
        assert (await world.story(session.interview.id))[-2:] == ["activity_failed", "stop_interview"]

    world = within(Spending(calls_per_question=1, calls_beside=0), sit)
    assert world.interviewer.calls == 3


@pytest.mark.parametrize(
    ("spending", "what"),
    [
        (Spending(input_tokens_per_question=0, input_tokens_beside=20), "model input"),
        (Spending(output_tokens_per_question=0, output_tokens_beside=1000), "model output"),
    ],
    ids=["input", "output"],
)
def test_tokens_are_counted_before_the_call(spending: Spending, what: str) -> None:
    async def sit(world: World, engine: Engine) -> None:
        async with engine.new(e.Material("x" * 30)) as session:  # ten tokens
            await started(session)
            await session.send(e.SubmitAnswer(1, "y" * 60))  # the next costs more
            await session.send(e.Analyze())
            await quiet(session)
            assert session.trouble is not None
            assert what in session.trouble.message

    world = within(spending, sit)
    assert world.interviewer.calls == len(world.interviewer.asked) <= 2


def test_a_session_opened_again_has_spent_what_it_has() -> None:
    async def sit(world: World, engine: Engine) -> None:
        session = engine.new(MATERIAL)
        await started(session)
        await session.send(e.SubmitAnswer(1, "One."))
        for n in range(20):
            session = await engine.open(session.interview.id)
            await session.send(e.CorrectAnswer(1, f"One, {n}."))
            await session.send(e.Analyze())
            await quiet(session)
        assert session.trouble is not None
        assert session.trouble.code == "budget_spent"

    world = within(ENOUGH, sit)
    assert world.interviewer.calls == 2 * QUESTIONS + 4


@pytest.mark.parametrize("by", ["owner", "address"])
def test_a_client_who_begins_again_and_again_is_stopped_for_the_day(by: str) -> None:
    day = Amount(calls=7, input_tokens=10**9, output_tokens=10**9, audio_seconds=10**9)
    who = {"owner": "ada"} if by == "owner" else {"client": "203.0.113.9"}

    async def sit(world: World, engine: Engine) -> None:
        session = engine.new(MATERIAL, **who)
        for _ in range(10):
            await session.send(e.StartInterview(PLAN))
            await session.send(e.ChooseDifficulty("senior"))
            await quiet(session)
            session = await engine.restart(session)
        assert world.interviewer.calls == 7
        other = engine.new(MATERIAL, **dict.fromkeys(who, "other"))
        await started(other)
        assert world.interviewer.calls == 8, "nobody else notices"
        await asyncio.sleep(86_400)
        await started(session)

    within(Spending(client_day=day), sit)


def test_an_interviewer_that_costs_nothing_is_not_counted() -> None:
    world = World()
    world.interviewer = FreeInterviewer()

    async def sit(world: World, engine: Engine) -> None:
        async with engine.new(MATERIAL) as session:
            await started(session)

    within(Spending(calls_per_question=0, calls_beside=0), sit, world)
    assert world.interviewer.calls == 1


def test_an_interviewer_that_counts_itself_may_fall_back_when_all_is_spent() -> None:
    world = World()
    world.interviewer = thrifty = ThriftyInterviewer()

    async def sit(world: World, engine: Engine) -> None:
        async with engine.new(MATERIAL) as session:
            await started(session)
            await session.send(e.SubmitAnswer(1, "One."))
            await session.until(has_open(2))

    within(Spending(calls_per_question=1, calls_beside=0, client_day=None), sit, world)
    assert (thrifty.made_calls, thrifty.by_rules, thrifty.calls) == (3, 1, 2)


# --------------------------------------------------------------------------------------------- sound


def test_sound_is_heard_to_the_last_second_of_the_budget_and_no_further() -> None:
    world = World()
    world.recorder = ScriptedRecorder(seconds=25.0)
    warned: list[str] = []

    async def sit(world: World, engine: Engine) -> None:
        async with engine.new(MATERIAL) as session:
            await started(session)
            await session.send(e.RecordAnswer(1))
            with session.updates() as news:
                interview = await session.until(has_open(2))
                await session.aclose()
                warned.extend([each.code async for each in news if isinstance(each, e.Warning)])
            assert interview.turns[0].answer is not None, "what was said before the end is an answer"

    world = within(Spending(audio_per_question=0.0, audio_beside=12.55), sit, world)
    assert world.transcriber.heard == [int(12.55 * 16_000) * 2]
    assert warned == ["budget_spent"]


def test_when_no_sound_is_left_no_device_is_opened_and_answers_can_be_typed() -> None:
    world = World()
    world.recorder = ScriptedRecorder(seconds=1.0)

    async def sit(world: World, engine: Engine) -> None:
        async with engine.new(MATERIAL) as session:
            await started(session)
            for _ in range(3):
                await session.send(e.RecordAnswer(1))
                await asyncio.sleep(0.1)
                await session.send(e.DiscardAnswer())
            assert session.interview.state is State.QUESTIONING
            await session.send(e.RecordAnswer(1))
            interview = await session.until(lambda i: i.state is State.QUESTIONING)
            assert interview.open_question is not None
            assert session.trouble is not None
            assert session.trouble.code == "budget_spent"
            await session.send(e.SubmitAnswer(1, "Typed."))
        assert "answer_lost" in await world.story(session.interview.id)

    within(Spending(audio_per_question=0.0, audio_beside=3 * LEAST_HEARD), sit, world)
    assert len(world.recorder.sources) == 3, "an empty recording counts as ten seconds"


def test_sound_is_counted_for_the_client_too() -> None:
    world = World()
    world.recorder = ScriptedRecorder(seconds=30.0)
    day = Amount(audio_seconds=70.0, calls=100, input_tokens=10**9, output_tokens=10**9)

    async def sit(world: World, engine: Engine) -> None:
        for _ in range(4):
            async with engine.new(MATERIAL, client="203.0.113.9") as session:
                await started(session)
                await session.send(e.RecordAnswer(1))
                await session.until(lambda i: i.state is State.QUESTIONING)

    within(Spending(client_day=day), sit, world)
    assert sum(world.transcriber.heard) == 70 * 32_000
    assert world.recorder.clients == 3 * ["203.0.113.9"]


# ---------------------------------------------------------------------------------------- the server

DAILY = Limits(spending=Spending(client_day=Amount(calls=2, input_tokens=10**9, output_tokens=10**9)))


TOKEN = "Zk3_4x8mQv9Lr2TtY0aWcB"
STRANGERS = {"trusted_proxies": ("127.0.0.1",), "allow_hosts": ("interview.example",), "access_token": TOKEN}


async def question_of(served: Running, **headers: str) -> str:
    """What a client that comes with these headers is told when it wants its first question."""
    async with served.connect(additional_headers=headers) as socket:
        await socket.send(LINK)
        await exchange(socket, "start_interview")
        return await exchange(socket, "difficulty:mid")


def test_an_address_has_one_budget_for_all_its_connections() -> None:
    async def main() -> None:
        async with running(ports={"limits": DAILY}, **STRANGERS) as served:
            shown = {"Authorization": f"Bearer {TOKEN}"}
            ada, bob = ({"X-Forwarded-For": f"198.51.100.{n}"} | shown for n in (1, 2))
            told = [await question_of(served, **ada) for _ in range(3)]
            assert [line.startswith("Question asked: ") for line in told] == [True, True, False]
            assert told[2].startswith("Error: You have used up your model calls for today")
            assert (await question_of(served, **bob)).startswith("Question asked: ")
            assert served.interviewer.calls == 3

    asyncio.run(main())


def test_on_this_machine_nobody_shares_a_budget() -> None:
    async def main() -> None:
        async with running(ports={"limits": DAILY}) as served:
            for _ in range(3):
                assert (await question_of(served)).startswith("Question asked: ")

    asyncio.run(main())


def test_an_owner_has_one_budget_in_both_dialects() -> None:
    async def main() -> None:
        async with running(ports={"limits": DAILY}) as served:
            served.server._authenticate = lambda request: request.headers["X-User"]
            for n in range(3):
                async with served.connect(additional_headers={"X-User": "ada"}) as socket:
                    await socket.send('{"type": "create_session", "id": "a"}')
                    await socket.send('{"type": "start_interview", "id": "b"}')
                    await socket.send('{"type": "choose_difficulty", "id": "c", "difficulty": "mid"}')
                    heard = ""
                    while "question_asked" not in heard and "budget_spent" not in heard:
                        heard = str(await asyncio.wait_for(socket.recv(), 60))
                    assert ("budget_spent" in heard) is (n == 2)
            assert (await question_of(served, **{"X-User": "bob"})).startswith("Question asked: ")

    asyncio.run(main())
