"""What an interview may cost: counted to the last token, before anything is sent."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interview_fsm.adapters.coach import Coach
from interview_fsm.budget import DAY, REMEMBERED, Amount, Billing, Budget, Ledger, Spending
from interview_fsm.errors import AdapterError, BudgetSpent
from interview_fsm.events import MAX_QUESTIONS
from interview_fsm.interview import Interview
from interview_fsm.ports import Brief

SMALL = Amount(calls=3, input_tokens=100, output_tokens=50, audio_seconds=60.0)


def test_as_many_calls_as_there_are_and_not_one_more():
    budget = Budget(SMALL)
    for _ in range(3):
        budget.call(3, 1)
    with pytest.raises(BudgetSpent) as caught:
        budget.call(3, 1)
    assert (caught.value.code, caught.value.scope, caught.value.what) == (
        "budget_spent",
        "interview",
        "model calls",
    )
    assert isinstance(caught.value, AdapterError), "so that whoever handles a failing adapter handles it"
    assert budget.spent == Amount(calls=3, input_tokens=3, output_tokens=3)


@pytest.mark.parametrize(
    ("prompt_bytes", "counted", "tokens"),
    [(0, 0, 0), (1, 0, 1), (3, 0, 1), (4, 0, 2), (300, 0, 100), (30, 10, 10), (30, 9, 10), (30, 11, 11)],
)
def test_a_prompt_is_never_fewer_tokens_than_a_third_of_its_bytes(
    prompt_bytes: int, counted: int, tokens: int
):
    budget = Budget(SMALL)
    budget.call(prompt_bytes, 0, input_tokens=counted)
    assert budget.spent.input_tokens == tokens


@pytest.mark.parametrize(
    ("prompt_bytes", "max_tokens", "what"), [(301, 0, "model input"), (3, 51, "model output")]
)
def test_a_call_that_would_cost_too_much_is_refused_and_costs_nothing(
    prompt_bytes: int, max_tokens: int, what: str
):
    budget = Budget(SMALL)
    with pytest.raises(BudgetSpent) as caught:
        budget.call(prompt_bytes, max_tokens)
    assert caught.value.what == what
    assert budget.spent == Amount()
    budget.call(300, 50)


def test_what_was_set_aside_and_not_used_comes_back():
    budget = Budget(SMALL)
    call = budget.call(300, 50)
    call.settle(40, 20)
    assert budget.spent == Amount(calls=1, input_tokens=40, output_tokens=20)
    call.settle(30, 10)  # a stream says it twice
    assert budget.spent == Amount(calls=1, input_tokens=30, output_tokens=10)


def test_a_service_that_counts_more_is_believed():
    budget = Budget(SMALL)
    budget.call(3, 1).settle(101, 1)
    with pytest.raises(BudgetSpent):
        budget.call(0, 0, input_tokens=1)


def test_a_call_that_fails_costs_what_was_set_aside_for_it():
    budget = Budget(SMALL)
    budget.call(30, 50)
    with pytest.raises(BudgetSpent):
        budget.call(30, 1)


def test_sound_is_cut_where_the_budget_ends():
    budget = Budget(SMALL)
    assert [budget.hear(25.0), budget.hear(25.0), budget.hear(25.0)] == [25.0, 25.0, 10.0]
    with pytest.raises(BudgetSpent) as caught:
        budget.hear(0.1)
    assert caught.value.what == "time for recordings"
    assert budget.spent == Amount(audio_seconds=60.0)


def test_without_a_limit_everything_is_counted_and_nothing_refused():
    budget = Brief(Interview(id="i1")).budget
    budget.call(3_000_000, 1_000_000)
    assert budget.hear(1e9) == 1e9
    assert budget.spent == Amount(calls=1, input_tokens=1_000_000, output_tokens=1_000_000, audio_seconds=1e9)
    assert Brief(Interview(id="i1")).budget.spent == Amount(), "each has its own"


def test_a_wider_budget_refuses_for_all_that_are_part_of_it():
    client = Budget(SMALL, scope="client")
    one, other = Budget(SMALL, within=(client,)), Budget(SMALL, within=(client,))
    one.call(150, 10)
    call = other.call(150, 10)
    with pytest.raises(BudgetSpent) as caught:
        one.call(3, 1)
    assert caught.value.scope == "client"
    assert one.spent.calls == 1, "refused by one, charged to none"
    call.settle(10, 10)
    one.call(3, 1)
    assert (one.hear(50.0), other.hear(50.0)) == (50.0, 10.0)
    with pytest.raises(BudgetSpent) as caught:
        one.hear(1.0)
    assert caught.value.scope == "client"


costs = st.tuples(st.integers(0, 200), st.integers(0, 30))


@given(st.lists(st.tuples(st.integers(0, 1), costs, st.none() | costs, st.floats(0.1, 40.0))))
def test_nothing_is_ever_charged_over_any_limit(steps):
    client = Budget(SMALL, scope="client")
    budgets = (Budget(SMALL, within=(client,)), Budget(SMALL, within=(client,)))
    for which, cost, real, seconds in steps:
        budget = budgets[which]
        try:
            call = budget.call(*cost)
            if real is not None:  # at most what was set aside
                call.settle(min(real[0], call.cost.input_tokens), min(real[1], call.cost.output_tokens))
            budget.hear(seconds)
        except BudgetSpent:
            pass
        for each in (client, *budgets):
            for field in Amount.__struct_fields__:
                assert 0 <= getattr(each.spent, field) <= getattr(SMALL, field)
    for field in ("calls", "input_tokens", "output_tokens"):
        assert getattr(client.spent, field) == sum(getattr(b.spent, field) for b in budgets)


# ------------------------------------------------------------------------------------------- ledgers


class Clock:
    def __init__(self) -> None:
        self.now = 20_000 * DAY + 5.0

    def __call__(self) -> float:
        return self.now


SPENDING = Spending(client_day=Amount(calls=5, input_tokens=10**6, output_tokens=10**6, audio_seconds=90.0))


def test_an_interview_may_make_two_calls_for_each_question_and_four_beside():
    ledger = Ledger(Spending(), Clock())
    budget = ledger.budget("i1", questions=3)
    for _ in range(2 * 3 + 4):
        budget.call(3, 1)
    with pytest.raises(BudgetSpent):
        budget.call(3, 1)


def test_the_defaults_are_the_documented_ones():
    assert Spending().interview(10) == Amount(
        calls=24, input_tokens=180_000, output_tokens=30_000, audio_seconds=3600.0
    )
    # twenty interviews of eight questions on a résumé of a page, and four hours of sound
    assert Spending().client_day == Amount(
        calls=20 * (2 * 8 + 4), input_tokens=20 * 60_000, output_tokens=20 * 15_000, audio_seconds=4 * 3600.0
    )
    assert Spending().server_day is None


def test_the_longest_interview_fits_into_a_clients_day():
    day, longest = Spending().client_day, Spending().interview(MAX_QUESTIONS + MAX_QUESTIONS // 2)
    assert day is not None
    assert all(
        getattr(longest, each) <= getattr(day, each) for each in ("calls", "input_tokens", "output_tokens")
    )


def test_a_clients_day_is_one_of_the_calendar_in_utc():
    clock = Clock()
    clock.now = 20_000 * 86_400.0 - 1  # a second before midnight
    budget = Ledger(SPENDING, clock).budget("i1", 3, "ada")
    budget.call(3, 1)
    (client, _) = budget.within
    assert client.spent.calls == 1
    clock.now += 1
    assert client.spent.calls == 0
    budget.call(3, 1)
    clock.now += 86_399
    assert client.spent.calls == 1


def test_who_counts_may_be_said_in_a_word():
    assert [str(billing) for billing in Billing] == ["free", "own", "engine"]


def test_an_interview_that_is_opened_again_has_spent_what_it_has():
    ledger = Ledger(SPENDING, Clock())
    ledger.budget("i1", 3).call(3, 1)
    assert ledger.budget("i1", 3).spent.calls == 1
    assert ledger.budget("i2", 3).spent.calls == 0
    ledger.forget("i1")
    assert ledger.budget("i1", 3).spent.calls == 0


def test_a_plan_that_comes_later_sets_the_limit():
    ledger = Ledger(SPENDING, Clock())
    budget = ledger.budget("i1", 3)
    ledger.budget("i1", 10)
    assert budget.limit == SPENDING.interview(10)


def test_many_interviews_of_one_client_share_its_day():
    clock = Clock()
    ledger = Ledger(SPENDING, clock)
    for n in range(5):
        ledger.budget(f"i{n}", 3, "ada").call(3, 1)
    with pytest.raises(BudgetSpent) as caught:
        ledger.budget("i5", 3, "ada").call(3, 1)
    assert caught.value.scope == "client"
    ledger.budget("i6", 3, "bob").call(3, 1)
    ledger.budget("i7", 3).call(3, 1)  # nobody's
    clock.now += DAY
    ledger.budget("i5", 3, "ada").call(3, 1)


def test_a_call_that_is_settled_on_the_next_day_takes_nothing_off_that_day():
    clock = Clock()
    ledger = Ledger(SPENDING, clock)
    budget = ledger.budget("i1", 3, "ada")
    call = budget.call(300, 50)
    clock.now += DAY
    budget.call(30, 5)
    call.settle(10, 10)
    (client, _) = budget.within
    assert client.spent == Amount(calls=1, input_tokens=10, output_tokens=5)
    assert budget.spent == Amount(calls=2, input_tokens=20, output_tokens=15)


def test_the_server_has_a_day_of_its_own_where_it_is_given_one():
    clock = Clock()
    ledger = Ledger(Spending(client_day=None, server_day=SMALL), clock)
    for name in ("ada", "bob", ""):
        ledger.budget(f"of {name}", 3, name).call(3, 1)
    with pytest.raises(BudgetSpent) as caught:
        ledger.budget("i4", 3, "eve").call(3, 1)
    assert caught.value.scope == "server"


def test_the_longest_unused_counts_are_forgotten_and_no_others():
    ledger = Ledger(SPENDING, Clock())
    for name in ("i0", "i1"):
        ledger.budget(name, 3, f"client of {name}").call(3, 1)
    for n in range(2, REMEMBERED):
        ledger.budget(f"i{n}", 3, f"client of i{n}")
    ledger.budget("i0", 3, "client of i0")
    ledger.budget("one more", 3, "client of one more")
    again = ledger.budget("i0", 3, "client of i0")
    assert (again.spent.calls, again.within[0].spent.calls) == (1, 1)
    forgotten = ledger.budget("i1", 3, "client of i1")
    assert (forgotten.spent.calls, forgotten.within[0].spent.calls) == (0, 0)


def test_the_coach_is_free():
    assert Coach.billing is Billing.FREE


def test_a_refusal_can_be_copied():
    refused = BudgetSpent("client", "model calls")
    assert str(copy.copy(refused)) == str(refused)
