"""The table as data: a rulebook of one's own on top of it, and its tests. No engine, no adapters.

    python -m pytest examples/own_rules.py

A supervised interview may be paused while a question is open. Two rows and a way out are added to the
rows of the library; the guards are answered by hand, as a unit test would.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from transitions import Machine, MachineError

from interview_fsm.states import COMMANDS, RULES, State

PAUSED = "paused"


def rows() -> list[dict[str, str | None]]:
    """The library's rows by name, and three more."""
    table = [
        {
            "trigger": rule.trigger.value,
            "source": rule.source.value,
            "dest": rule.dest.value if rule.dest else None,
            "conditions": rule.conditions,
        }
        for rule in RULES
    ]
    return [
        *table,
        {"trigger": "pause", "source": "questioning", "dest": PAUSED, "conditions": "has_open_question"},
        {"trigger": "go_on", "source": PAUSED, "dest": "questioning"},
        {"trigger": "stop_interview", "source": PAUSED, "dest": "stopped"},
    ]


MACHINE = Machine(
    model=None,
    states=[*(state.value for state in State), PAUSED],
    initial="idle",
    transitions=rows(),
    auto_transitions=False,  # no to_<state>(): the table is the only way to move
)


@dataclass
class Situation:
    """Where an interview is, and what its guards would say."""

    state: str = "idle"
    can_ask: bool = True
    can_continue: bool = True
    can_retry: bool = False
    has_open_question: bool = False
    has_answers: bool = False

    def fire(self, trigger: str) -> bool:
        """Move along the table; False when a guard says no, MachineError where there is no row."""
        return bool(MACHINE.events[trigger].trigger(self))


def test_a_pause_comes_back_to_the_question() -> None:
    situation = Situation("questioning", has_open_question=True)
    assert situation.fire("pause")
    assert situation.state == PAUSED
    assert situation.fire("go_on")
    assert situation.state == "questioning"


def test_there_is_nothing_to_pause_without_a_question() -> None:
    situation = Situation("questioning")
    assert not situation.fire("pause")
    assert situation.state == "questioning"


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "stop_interview"])
def test_a_paused_interview_goes_on_or_stops_and_nothing_else(command: str) -> None:
    situation = Situation(PAUSED, has_open_question=True, has_answers=True)
    with pytest.raises(MachineError):
        situation.fire(command)
    assert situation.state == PAUSED
    assert situation.fire("stop_interview")
    assert situation.state == "stopped"
