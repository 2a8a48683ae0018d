"""One call to a model: in time, tried again where that helps, paid for, and told of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interview_fsm.adapters._failures import ModelError, check_url, pause
from interview_fsm.adapters._model import BOUNDS, LONGEST_WAIT, SOON, Caller, Reply, Watch
from interview_fsm.budget import Amount, Budget
from interview_fsm.coaching.prompts import Prompt, Purpose, Said
from interview_fsm.errors import AdapterError, BudgetSpent, SettingError
from interview_fsm.ports import Called
from interview_fsm.testing import run

Talk = Callable[[Watch], Awaitable[Reply]]
ENOUGH = Amount(calls=9, input_tokens=10_000, output_tokens=10_000)


def prompt(purpose: Purpose = "ask") -> Prompt:
    return Prompt(purpose, "Ask.", (Said("user", "Now."),), 200)


class Scripted:
    """A Model that does with each call what its script says; the last for ever."""

    name = "scripted"

    def __init__(self, *talks: Talk) -> None:
        self.talks, self.calls = list(talks), 0

    def named(self, purpose: Purpose) -> str:
        return f"for-{purpose}"

    def most_tokens(self, prompt: Prompt) -> int:
        return prompt.most_tokens

    async def complete(self, prompt: Prompt, watch: Watch) -> Reply:
        talk = self.talks[min(self.calls, len(self.talks) - 1)]
        self.calls += 1
        return await talk(watch)

    async def aclose(self) -> None:
        pass


def says(first: float = 0.0, *gaps: float, tokens: int = 0) -> Talk:
    async def talk(watch: Watch) -> Reply:
        for wait in (first, *gaps):
            await asyncio.sleep(wait)
            watch.heard()
        return Reply("Yes?", tokens, 0, tokens)

    return talk


def breaks(code: str, after: float = 0.0, retry_after: float | None = None) -> Talk:
    async def talk(watch: Watch) -> Reply:
        await asyncio.sleep(after)
        raise ModelError("scripted", code, retry_after=retry_after)

    return talk


def calling(*talks: Talk, purpose: Purpose = "ask", **settings: Any) -> tuple[str, float, int, list[Called]]:
    """(how it ended, seconds it took, calls that were made, what was told of them)."""
    model, notes = Scripted(*talks), list[Called]()
    budget = settings.pop("budget", Budget(ENOUGH))

    async def main() -> tuple[str, float]:
        try:
            reply = await Caller(model, **settings).call(prompt(purpose), budget, notes.append)
        except AdapterError as error:
            return error.code, asyncio.get_running_loop().time()
        return reply.text, asyncio.get_running_loop().time()

    ended, took = run(main())
    return ended, took, model.calls, notes


@pytest.mark.parametrize("purpose", BOUNDS)
def test_each_purpose_has_its_time(purpose: Purpose) -> None:
    bounds = BOUNDS[purpose]
    edge = 0.01
    assert calling(says(bounds.first - edge), purpose=purpose)[0] == "Yes?"
    assert calling(says(bounds.first + edge), purpose=purpose)[:2] == ("model_timeout", bounds.first)
    assert calling(says(0.0, bounds.gap - edge), purpose=purpose)[0] == "Yes?"
    assert calling(says(0.0, bounds.gap + edge), purpose=purpose)[:2] == ("model_timeout", bounds.gap)
    many = int(bounds.total / (bounds.gap - edge)) + 2
    ended, took, _, _ = calling(says(*[bounds.gap - edge] * many), purpose=purpose)
    assert (ended, took) == ("model_timeout", pytest.approx(bounds.total))


def test_patience_multiplies_all_of_it() -> None:
    assert calling(says(39.0, 19.0), patience=10.0)[0] == "Yes?"
    assert calling(says(41.0), patience=10.0)[:2] == ("model_timeout", 40.0)


@pytest.mark.parametrize(
    ("code", "calls"),
    [
        ("model_rate_limited", 2), ("model_overloaded", 2), ("model_unreachable", 2), ("model_cut_off", 2),
        ("model_unusable", 2), ("model_refused", 1), ("model_setup", 1), ("context_truncated", 1),
    ],
)  # fmt: skip
def test_what_may_help_is_tried_once_more(code: str, calls: int) -> None:
    ended, took, made, _ = calling(breaks(code))
    assert (ended, made) == (code, calls)
    assert took == pytest.approx(SOON * (calls - 1))


@pytest.mark.parametrize(
    ("asked", "waits"), [(None, SOON), (0.0, 0.0), (1.0, 1.0), (LONGEST_WAIT, LONGEST_WAIT)]
)
def test_a_pause_that_is_asked_for_is_kept_to(asked: float | None, waits: float) -> None:
    ended, took, calls, _ = calling(breaks("model_rate_limited", retry_after=asked), says())
    assert (ended, calls) == ("Yes?", 2)
    assert took == pytest.approx(waits)


def test_a_second_try_is_not_begun_where_its_pause_takes_most_of_what_is_left() -> None:
    # Nine seconds are gone, a pause of one would be all that is left.
    async def late(watch: Watch) -> Reply:
        for _ in range(9):
            await asyncio.sleep(1.0)
            watch.heard()
        raise ModelError("scripted", "model_rate_limited", retry_after=1.0)

    assert calling(late, says())[1:3] == (9.0, 1)


def test_every_try_is_told_of_with_its_times() -> None:
    _, _, _, notes = calling(breaks("model_cut_off", after=1.0), says(2.0, 0.5, 1.5, tokens=7))
    first, second = notes
    assert (first.outcome, first.seconds, first.first) == ("model_cut_off", 1.0, None)
    assert (second.outcome, second.first, second.gap) == ("ok", pytest.approx(2.0), pytest.approx(1.5))
    assert (second.adapter, second.model, second.purpose) == ("scripted", "for-ask", "ask")
    assert (second.input_tokens, second.output_tokens) == (7, 7)


def test_a_call_that_is_given_up_is_told_of_too() -> None:
    notes: list[Called] = []

    async def main() -> None:
        call = Caller(Scripted(says(3.0))).call(prompt(), Budget(ENOUGH), notes.append)
        task = asyncio.create_task(call)
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert [(seen.outcome, seen.seconds) for seen in notes] == [("cancelled", 1.0)]


def test_a_mistake_of_ours_is_told_of_and_not_hidden() -> None:
    async def mistaken(watch: Watch) -> Reply:
        raise ZeroDivisionError

    notes: list[Called] = []
    with pytest.raises(ZeroDivisionError):
        run(Caller(Scripted(mistaken)).call(prompt(), Budget(ENOUGH), notes.append))
    assert [seen.outcome for seen in notes] == ["internal"]


def test_what_was_set_aside_is_settled_by_what_the_provider_counted() -> None:
    budget = Budget(ENOUGH)
    calling(says(tokens=11), budget=budget)
    assert (budget.spent.calls, budget.spent.input_tokens, budget.spent.output_tokens) == (1, 11, 11)


def test_a_call_that_failed_or_was_not_counted_keeps_what_was_set_aside() -> None:
    for talk in (breaks("model_refused"), says()):
        budget = Budget(ENOUGH)
        calling(talk, budget=budget)
        assert budget.spent.output_tokens == prompt().most_tokens
        assert budget.spent.input_tokens >= prompt().size / 3


def test_a_budget_that_is_spent_is_no_call_and_no_second_try() -> None:
    model = Scripted(says())
    with pytest.raises(BudgetSpent):
        run(Caller(model).call(prompt(), Budget(Amount())))
    assert model.calls == 0
    ended, _, calls, _ = calling(
        breaks("model_cut_off"), budget=Budget(Amount(calls=1, input_tokens=999, output_tokens=999))
    )
    assert (ended, calls) == ("budget_spent", 1)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, 0.0),
    ],
)
def test_a_pause_is_read_from_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert pause(headers) == seconds


@pytest.mark.parametrize("url", ["http://localhost:1/v1", "https://example.com"])
def test_a_base_url_is_one(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize("url", ["", "localhost", "http://", "file:///etc/passwd", "http://[::1"])
def test_what_is_no_base_url_is_said_to_be_none(url: str) -> None:
    with pytest.raises(SettingError, match="no base URL"):
        check_url(url)


@pytest.mark.parametrize("code", ["model_setup", "context_truncated", "model_overloaded", "model_refused"])
def test_an_error_survives_a_copy_and_names_its_adapter(code: str) -> None:
    import copy

    error = copy.copy(ModelError("scripted", code, retry_after=3.0))
    assert (error.code, error.retry_after) == (code, 3.0)
    assert "scripted" in str(error)
