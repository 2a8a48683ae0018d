"""Several interviewers as one: who fails is stood in for, in time, and it is said."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interview_fsm.adapters import coach
from interview_fsm.adapters._breaker import FAILURES, REST, Breaker
from interview_fsm.adapters._failures import ModelError
from interview_fsm.adapters.fallback import ASK, FallbackInterviewer, create
from interview_fsm.budget import Amount, Billing, Budget
from interview_fsm.errors import AdapterError, BudgetSpent, SettingError
from interview_fsm.events import Analyze, CorrectAnswer, FeedbackGiven, NotScored, Plan
from interview_fsm.interview import Ask

from .modelling import ANSWER, OTHER, adapter, analyzed, answered, asked, begun, brief, held
from .providers import (
    Act,
    Provider,
    bad_json,
    broken,
    cut,
    end_early,
    error_event,
    fails,
    hang_up,
    nothing_more,
    page,
    pings,
    reply,
    silence,
    virtually,
)

OVERLOADED = fails(529, "overloaded_error")
WRONG_KEY = fails(401, "authentication_error")


def loop_time() -> float:
    return asyncio.get_running_loop().time()


async def chain(*providers: Provider) -> FallbackInterviewer:
    """The interviewers of *providers*, then the coach."""
    links = [await adapter(provider) for provider in providers]
    return await create(interviewers=[*links, await coach.create()])


# --------------------------------------------------------------------------- every fault has a question


FAULTS = {
    "429 for an hour": fails(429, "rate_limit_error", retry_after="3600"),
    "429 for a second": fails(429, "rate_limit_error", retry_after="1"),
    "529": OVERLOADED,
    "500": fails(500),
    "502 with a page": page(502),
    "200 with a page": page(),
    "400": fails(400, "invalid_request_error"),
    "401": WRONG_KEY,
    "404": fails(404, "not_found_error"),
    "not even a status line": silence,
    "no word": broken(nothing_more, after=""),
    "signs of life and no word": broken(pings, after=""),
    "a stall": broken(nothing_more),
    "a stall with pings": broken(pings),
    "no connection": hang_up,
    "a cut": broken(cut),
    "a clean early end": broken(end_early),
    "an error event": broken(error_event),
    "bad JSON": broken(bad_json),
    "a refusal": reply(stop="refusal"),
    "no tokens left": reply(stop="max_tokens"),
    "nothing at all": reply(""),
    "a lecture": reply("Well. " * 100),
    "a private matter": reply("How old are you, and do you have children?"),
}


@pytest.mark.parametrize("act", FAULTS.values(), ids=FAULTS)
def test_each_fault_of_a_provider_ends_in_the_coachs_question_in_time(act: Act) -> None:
    async def main() -> None:
        interviewer = await chain(Provider("anthropic", always=act))
        question = await asked(interviewer)
        assert loop_time() <= 10.0
        assert question.provenance.adapter == "coach"
        assert question.provenance.fallback_from == ("anthropic",)
        assert len(question.provenance.fallback_codes) == 1
        assert question.provenance.fallback_codes[0].startswith(("model_", "context_"))
        assert "?" in question.text

    virtually(main())


@pytest.mark.parametrize("act", FAULTS.values(), ids=FAULTS)
def test_each_fault_of_a_provider_ends_in_feedback_in_time(act: Act) -> None:
    async def main() -> None:
        interviewer = await chain(Provider("anthropic", always=act))
        feedback = await analyzed(interviewer, answered([ANSWER, OTHER]))
        assert loop_time() <= 160.0
        assert feedback.summary
        for given in feedback.answers:
            assert given.provenance.adapter == "coach"
            assert "anthropic" in given.provenance.fallback_from
            assert not any(isinstance(each, NotScored) and each.reason == "failed" for each in given.scores)
        assert feedback.provenance.adapter == "coach"
        assert "anthropic" in feedback.provenance.fallback_from

    virtually(main())


def test_the_second_is_asked_before_the_coach() -> None:
    async def main() -> None:
        interviewer = await chain(Provider("anthropic", always=OVERLOADED), Provider("openai"))
        question = await asked(interviewer)
        assert question.provenance.adapter == "openai"
        assert question.provenance.fallback_from == ("anthropic",)
        assert question.provenance.fallback_codes == ("model_overloaded",)

    virtually(main())


def test_when_both_fail_the_coach_names_both() -> None:
    async def main() -> None:
        interviewer = await chain(
            Provider("anthropic", always=OVERLOADED), Provider("openai", always=broken(nothing_more))
        )
        question = await asked(interviewer)
        assert question.provenance.fallback_from == ("anthropic", "openai")
        assert question.provenance.fallback_codes == ("model_overloaded", "model_timeout")

    virtually(main())


def test_while_all_goes_well_nobody_stands_in_for_anybody() -> None:
    async def main() -> None:
        second = Provider("openai")
        interviewer = await chain(Provider("anthropic"), second)
        interview = await held(interviewer, [ANSWER, OTHER])
        feedback = await analyzed(interviewer, interview.after(Analyze()))
        assert all(turn.question.provenance.fallback_from == () for turn in interview.turns)
        assert feedback.provenance.adapter == "anthropic"
        assert second.calls == 0

    virtually(main())


def test_each_call_begins_with_the_first_again() -> None:
    async def main() -> None:
        interviewer = await chain(Provider("anthropic", [OVERLOADED, OVERLOADED]), Provider("openai"))
        interview = await held(interviewer, [ANSWER, OTHER])
        assert [turn.question.provenance.adapter for turn in interview.turns] == ["openai", "anthropic"]

    virtually(main())


def test_a_follow_up_is_the_coachs_too_when_it_must() -> None:
    async def main() -> None:
        interviewer = await chain(Provider("anthropic", always=OVERLOADED))
        interview = await held(interviewer, [ANSWER], Plan(questions=1, follow_ups=1), missing="numbers")
        question = await asked(interviewer, interview)
        assert question.follow_up_to == 1
        assert question.provenance.adapter == "coach"

    virtually(main())


def test_an_answer_that_one_could_not_assess_is_assessed_by_the_next_alone() -> None:
    async def main() -> None:
        first, second = Provider("anthropic", [fails(400, "invalid_request_error")]), Provider("openai")
        feedback = await analyzed(await chain(first, second), answered([ANSWER, OTHER, ANSWER]))
        makers = sorted(given.provenance.adapter for given in feedback.answers)
        assert makers == ["anthropic", "anthropic", "openai"]
        (stood_in,) = [given for given in feedback.answers if given.provenance.adapter == "openai"]
        assert stood_in.provenance.fallback_from == ("anthropic",)
        assert second.calls == 2  # that answer, and the summary

    virtually(main())


def test_what_was_assessed_is_kept_when_the_analysis_is_asked_for_again() -> None:
    async def main() -> None:
        provider = Provider("anthropic")
        interviewer = await chain(provider)
        interview = answered([ANSWER, OTHER])
        feedback = await analyzed(interviewer, interview)
        before = provider.calls
        later = interview.after(FeedbackGiven(feedback)).after(CorrectAnswer(2, ANSWER)).after(Analyze())
        again = await analyzed(interviewer, later)
        assert provider.calls - before == 2  # the corrected one, and the summary
        assert again.answers[0] == feedback.answers[0]

    virtually(main())


def test_where_the_coach_knows_the_language_neither_the_first_failure_is_told() -> None:
    async def main() -> None:
        interviewer = await chain(Provider("anthropic", always=OVERLOADED))
        with pytest.raises(ModelError) as caught:
            await asked(interviewer, begun(Plan(questions=2, follow_ups=0, language="de")))
        assert caught.value.code == "model_overloaded"

    virtually(main())


# --------------------------------------------------------------------------------------------- time


def test_whoever_is_waited_for_the_last_has_its_turn_in_time() -> None:
    async def main() -> None:
        links = [await adapter(Provider("openai", always=silence), patience=10.0) for _ in range(2)]
        interviewer = await create(interviewers=[*links, await coach.create()])
        question = await asked(interviewer)
        assert question.provenance.adapter == "coach"
        assert question.provenance.fallback_codes == ("model_timeout", "model_timeout")
        assert loop_time() == pytest.approx(ASK)

    virtually(main())


def test_giving_up_leaves_nothing_and_blames_nobody() -> None:
    async def main() -> None:
        provider = Provider("anthropic", [silence])
        interviewer = await chain(provider)
        asking = asyncio.create_task(asked(interviewer))
        await asyncio.sleep(1.0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert provider.gone == 1
        assert (await asked(interviewer)).provenance.adapter == "anthropic"

    virtually(main())


# ------------------------------------------------------------------------------------------- budget


def test_when_the_budget_is_spent_the_coach_takes_over_and_says_so() -> None:
    async def main() -> None:
        provider, second = Provider("anthropic"), Provider("openai")
        interviewer = await chain(provider, second)
        budget = Budget(Amount(calls=2, input_tokens=100_000, output_tokens=100_000))
        interview = await held(interviewer, [ANSWER, OTHER, ANSWER], budget=budget)
        assert [turn.question.provenance.adapter for turn in interview.turns] == [
            "anthropic", "anthropic", "coach",
        ]  # fmt: skip
        last = interview.turns[2].question.provenance
        assert last.fallback_from == ("anthropic", "openai")
        assert last.fallback_codes == ("budget_spent", "budget_spent")
        feedback = await analyzed(interviewer, interview.after(Analyze()), budget=budget)
        assert "budget_spent" in feedback.provenance.fallback_codes
        assert (provider.calls, second.calls) == (2, 0)

    virtually(main())


def test_a_spent_budget_does_not_count_against_a_provider() -> None:
    async def main() -> None:
        interviewer = await chain(Provider("anthropic"))
        spent = Budget(Amount())
        for _ in range(FAILURES + 1):
            assert (await asked(interviewer, budget=spent)).provenance.adapter == "coach"
        assert (await asked(interviewer)).provenance.adapter == "anthropic"

    virtually(main())


def test_it_pays_for_itself() -> None:
    assert FallbackInterviewer.billing is Billing.OWN


# ------------------------------------------------------------------------------------- the breaker


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def failing(code: str = "model_overloaded", after: float | None = None) -> ModelError:
    return ModelError("anthropic", code, retry_after=after)


def opened() -> tuple[Breaker, Clock]:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.may_call()
        breaker.failed(failing())
    assert not breaker.may_call()
    return breaker, clock


def test_three_failures_in_a_row_open_it_for_half_a_minute() -> None:
    breaker, clock = opened()
    clock.now += REST - 0.1
    assert not breaker.may_call()
    clock.now += 0.1
    assert breaker.may_call()


def test_a_success_in_between_begins_the_count_anew() -> None:
    breaker = Breaker(Clock())
    for _ in range(5):
        breaker.failed(failing())
        breaker.failed(failing())
        breaker.went_well()
    assert breaker.may_call()


def test_after_its_rest_one_call_decides() -> None:
    breaker, clock = opened()
    clock.now += REST
    assert breaker.may_call()
    assert not breaker.may_call()  # one is enough to find out
    breaker.failed(failing())
    assert not breaker.may_call()
    clock.now += REST
    assert breaker.may_call()
    breaker.went_well()
    assert breaker.may_call()
    assert breaker.may_call()


def test_a_probe_that_was_given_up_leaves_room_for_another() -> None:
    breaker, clock = opened()
    clock.now += REST
    assert breaker.may_call()
    breaker.left()
    assert breaker.may_call()


def test_a_long_pause_is_kept_to_and_a_short_one_opens_nothing() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    breaker.failed(failing("model_rate_limited", 1.0))
    assert breaker.may_call()
    breaker.failed(failing("model_rate_limited", 600.0))
    clock.now += 599.0
    assert not breaker.may_call()
    clock.now += 1.0
    assert breaker.may_call()


@pytest.mark.parametrize("asked", [86_400.0, float("inf")])
def test_nobody_is_left_alone_for_longer_than_an_hour(asked: float) -> None:
    clock = Clock()
    breaker = Breaker(clock)
    breaker.failed(failing("model_rate_limited", asked))
    clock.now += 3599.0
    assert not breaker.may_call()
    clock.now += 1.0
    assert breaker.may_call()


def test_what_only_other_settings_can_mend_is_tried_once_an_hour() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(3):
        assert breaker.may_call()
        breaker.failed(failing("model_setup"))
        clock.now += 3599.0
        assert not breaker.may_call()
        clock.now += 1.0


def test_what_is_no_fault_of_the_provider_opens_nothing() -> None:
    breaker = Breaker(Clock())
    for _ in range(10):
        breaker.failed(failing("model_refused"))
        breaker.failed(failing("context_truncated"))
        breaker.failed(BudgetSpent("interview", "calls to a model"))
        breaker.failed(AdapterError("coach", "language_not_served"))
    assert breaker.may_call()


def test_a_provider_that_is_left_alone_costs_no_time() -> None:
    async def main() -> None:
        provider = Provider("anthropic", always=silence)
        interviewer = await chain(provider)
        for _ in range(FAILURES):
            await asked(interviewer)
        began, calls = loop_time(), provider.calls
        question = await asked(interviewer)
        assert loop_time() == began
        assert provider.calls == calls
        assert question.provenance.fallback_codes == ("model_resting",)
        provider.always = reply()
        await asyncio.sleep(REST)
        assert (await asked(interviewer)).provenance.adapter == "anthropic"

    virtually(main())


def test_a_wrong_key_is_found_out_once() -> None:
    async def main() -> None:
        provider = Provider("anthropic", always=WRONG_KEY)
        interviewer = await chain(provider)
        for _ in range(3):
            await asked(interviewer)
            await asyncio.sleep(600)
        assert provider.calls == 1

    virtually(main())


# --------------------------------------------------------------------------------------- the rest


def test_it_needs_somebody() -> None:
    async def main() -> None:
        with pytest.raises(SettingError):
            await create(interviewers=[])

    asyncio.run(main())


def test_it_closes_them_all_and_says_where_data_goes() -> None:
    async def main() -> None:
        interviewer = await chain(Provider("anthropic"), Provider("openai"))
        assert "claude-haiku-5-5" in interviewer.speaker
        assert "llama" in interviewer.speaker
        assert interviewer.sends_to == ("provider.invalid",)
        assert "are sent to provider.invalid" in interviewer.data
        await interviewer.aclose()
        await interviewer.aclose()

    virtually(main())


def test_a_failure_that_is_no_failure_of_the_world_is_not_papered_over() -> None:
    class Broken:
        name = "broken"

        async def ask(self, given: Any) -> Any:
            raise ZeroDivisionError

        async def analyze(self, given: Any) -> Any:
            raise ZeroDivisionError

        async def aclose(self) -> None:
            pass

    async def main() -> None:
        interviewer = await create(interviewers=[Broken(), await coach.create()])
        wanted = begun().activity
        assert isinstance(wanted, Ask)
        with pytest.raises(ZeroDivisionError):
            await interviewer.ask(brief(begun()))

    asyncio.run(main())
