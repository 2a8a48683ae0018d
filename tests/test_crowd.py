"""Who makes room when many come and say nothing, and who is asked to come later."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from interview_fsm.crowd import Crowd, one_client
from interview_fsm.rates import MOST_KNOWN, Allowance


class Somebody:
    """Goes when it is told to, as a connection does: a little later."""

    def __init__(self, crowd: Crowd, address: str = "192.0.2.1") -> None:
        self.crowd, self.has_gone = crowd, False
        crowd.enter(self, address)

    def make_room(self) -> None:
        self.has_gone = True


def crowd(newcomers: int = 3, each: int = 5, rate: float = 1.0, burst: float = 2.0) -> Crowd:
    return Crowd(newcomers=newcomers, each=each, rate=rate, burst=burst)


def test_the_one_that_was_silent_longest_makes_room() -> None:
    here = crowd()
    first, *others = [Somebody(here) for _ in range(3)]
    assert not first.has_gone
    late = Somebody(here)
    assert first.has_gone
    assert not any(each.has_gone for each in (*others, late))


def test_who_has_said_something_makes_no_room() -> None:
    here = crowd()
    talking = Somebody(here)
    here.settle(talking)
    silent = [Somebody(here) for _ in range(30)]
    assert not talking.has_gone
    assert [each.has_gone for each in silent] == [True] * 27 + [False] * 3


def test_a_crowd_of_one_address_does_not_drive_out_another() -> None:
    here = crowd(newcomers=10)
    honest = Somebody(here, "198.51.100.1")
    flood = [Somebody(here, "192.0.2.66") for _ in range(500)]
    assert not honest.has_gone
    assert sum(not each.has_gone for each in flood) == 9


def test_so_many_of_one_address_and_no_more() -> None:
    here = crowd(each=2, burst=100)
    for _ in range(2):
        Somebody(here, "2001:db8::1")
    assert here.has_place("2001:db8::2", 0.0)
    third = Somebody(here, "2001:db8::3")
    assert not here.has_place("2001:db8::1", 0.0)
    assert here.has_place("2001:db8:0:1::1", 0.0)
    here.leave(third)
    assert here.has_place("2001:db8::1", 0.0)


def test_whoever_comes_too_often_comes_in_again_when_time_has_passed() -> None:
    here = crowd(rate=1.0, burst=2)
    assert [here.has_place("192.0.2.1", 0.0) for _ in range(100)] == [True, True] + [False] * 98
    assert here.has_place("192.0.2.2", 0.0)
    assert [here.has_place("192.0.2.1", 1.0) for _ in range(2)] == [True, False]


def test_no_more_addresses_are_remembered_than_there_is_room_for() -> None:
    here = crowd()
    for number in range(MOST_KNOWN + 500):
        here.has_place(f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1", 0.0)
    assert len(here._visits) == MOST_KNOWN


def test_whoever_turns_out_to_ask_for_somebody_else_is_counted_there() -> None:
    here = crowd(newcomers=2, each=1, burst=100)
    one = Somebody(here, "10.0.0.1")
    two = Somebody(here, "10.0.0.1")
    here.settle(two)
    here.move(one, "198.51.100.1")
    here.move(two, "198.51.100.1")
    assert here.has_place("10.0.0.1", 0.0)
    assert not here.has_place("198.51.100.1", 0.0)
    assert here.silent == 1
    here.leave(one)
    here.move(one, "192.0.2.5")  # it has gone, and does not come back
    assert (len(here), here.silent) == (1, 0)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from(["enter", "settle", "leave", "move"]), st.integers(0, 7))),
    st.integers(),
)
def test_whatever_happens_the_counts_are_right(steps: list[tuple[str, int]], seed: int) -> None:
    here, rng = crowd(newcomers=4), random.Random(seed)
    members: list[Somebody] = []
    talking: set[Somebody] = set()
    for what, number in steps:
        address = f"192.0.2.{rng.randrange(3)}"
        if what == "enter":
            members.append(Somebody(here, address))
        elif members:
            chosen = members[number % len(members)]
            if what == "settle":
                here.settle(chosen)
                talking.add(chosen)
            elif what == "move":
                here.move(chosen, address)
            else:
                here.leave(chosen)
                members.remove(chosen)
        silent = [each for each in members if each not in talking and not each.has_gone]
        assert (len(here), here.silent) == (len(members), len(silent))
        assert here.silent <= 4
    for member in members:
        here.leave(member)
    assert (len(here), here.silent, here._here, here._newcomers) == (0, 0, {}, {})


def test_one_client_is_an_address_or_what_one_household_has() -> None:
    assert one_client("192.0.2.1") == one_client("::ffff:192.0.2.1") == "192.0.2.1"
    assert one_client("2001:db8::1") == one_client("2001:db8::ffff:1") != one_client("2001:db8:0:1::1")
    assert one_client("") == ""


def test_an_allowance_fills_steadily_and_holds_no_more_than_its_burst() -> None:
    allowance = Allowance(2.0, 4.0, 0.0)
    assert [allowance.grant(0.0) for _ in range(5)] == [True] * 4 + [False]
    assert [allowance.grant(1.0) for _ in range(3)] == [True, True, False]
    assert [allowance.grant(100.0) for _ in range(5)] == [True] * 4 + [False]
    assert allowance.take(4, 100.0) == 2.0
    assert allowance.take(0, 102.0) == 0.0
