"""The life of an interview as a table, and the one machine that enforces it.

For whoever edits this file:

1. The table is the program. Whatever moves an interview is a row here; nothing else may set ``state``.
2. Nothing here knows what an event carries, what an adapter is, or what time it is.
3. Rows may be added. To take one away strands logs that were written with it, so that is a breaking
   change; ``tests/logs`` will say so.

A row with several sources is one line of the table in the documentation. A row whose ``dest`` is None
stays where it is: the data change, the state does not. A guard names a bool property of the interview;
a guard that says no is a refusal, like a missing row. All that the library ``transitions`` does that
nobody expects is kept out by three rules: one machine without models for the whole program, no callbacks,
no automatic transitions. Interviews are fired *at* it and never added: adding one costs 8.5 kB, a linear
search, and a dozen attributes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol

from transitions import Machine, MachineError

from .errors import InvalidCommand


class State(StrEnum):
    """Where an interview is in its life."""

    IDLE = "idle"
    AWAITING_DIFFICULTY = "awaiting_difficulty"
    QUESTIONING = "questioning"
    RECORDING = "recording"
    ANALYZING = "analyzing"
    STOPPED = "stopped"


class Trigger(StrEnum):
    """What can happen to an interview: the candidate's commands, then what activities and sessions report."""

    START_INTERVIEW = "start_interview"
    CHOOSE_DIFFICULTY = "choose_difficulty"
    NEXT_QUESTION = "next_question"
    REPEAT_QUESTION = "repeat_question"
    RETRY_QUESTION = "retry_question"
    RECORD_ANSWER = "record_answer"
    FINISH_ANSWER = "finish_answer"
    DISCARD_ANSWER = "discard_answer"
    SUBMIT_ANSWER = "submit_answer"
    CORRECT_ANSWER = "correct_answer"
    ANALYZE = "analyze"
    STOP_INTERVIEW = "stop_interview"

    QUESTION_ASKED = "question_asked"
    FOLLOW_UP_WANTED = "follow_up_wanted"
    ANSWER_RECORDED = "answer_recorded"
    ANSWER_LOST = "answer_lost"
    FEEDBACK_GIVEN = "feedback_given"
    ACTIVITY_FAILED = "activity_failed"
    ATTACHED = "attached"


OUTCOMES: frozenset[Trigger] = frozenset(
    {
        Trigger.QUESTION_ASKED,
        Trigger.FOLLOW_UP_WANTED,
        Trigger.ANSWER_RECORDED,
        Trigger.ANSWER_LOST,
        Trigger.FEEDBACK_GIVEN,
        Trigger.ACTIVITY_FAILED,
        Trigger.ATTACHED,
    }
)
"""Triggers that no client may send."""

COMMANDS: tuple[Trigger, ...] = tuple(trigger for trigger in Trigger if trigger not in OUTCOMES)
"""Triggers that a client may send, in the order of the table."""


class Rule(NamedTuple):
    """One row, field for field what ``Machine.add_transition()`` takes.

    ``dest`` None stays put; ``conditions`` names the guard, a bool property of the interview.
    """

    trigger: Trigger
    source: State
    dest: State | None
    conditions: str | None = None


_S, _T = State, Trigger
_LIVE = tuple(state for state in State if state is not State.STOPPED)

RULES: tuple[Rule, ...] = (
    Rule(_T.START_INTERVIEW, _S.IDLE, _S.AWAITING_DIFFICULTY),
    Rule(_T.CHOOSE_DIFFICULTY, _S.AWAITING_DIFFICULTY, _S.QUESTIONING),
    Rule(_T.CHOOSE_DIFFICULTY, _S.QUESTIONING, None, "can_ask"),
    Rule(_T.CHOOSE_DIFFICULTY, _S.ANALYZING, _S.QUESTIONING, "can_continue"),
    Rule(_T.NEXT_QUESTION, _S.QUESTIONING, None, "can_ask"),
    Rule(_T.NEXT_QUESTION, _S.ANALYZING, _S.QUESTIONING, "can_continue"),
    Rule(_T.REPEAT_QUESTION, _S.QUESTIONING, None, "has_open_question"),
    Rule(_T.RETRY_QUESTION, _S.QUESTIONING, None, "can_retry"),
    Rule(_T.RETRY_QUESTION, _S.ANALYZING, _S.QUESTIONING, "can_retry"),
    Rule(_T.RECORD_ANSWER, _S.QUESTIONING, _S.RECORDING, "has_open_question"),
    Rule(_T.FINISH_ANSWER, _S.RECORDING, None),
    Rule(_T.DISCARD_ANSWER, _S.RECORDING, _S.QUESTIONING),
    Rule(_T.SUBMIT_ANSWER, _S.QUESTIONING, None, "has_open_question"),
    Rule(_T.SUBMIT_ANSWER, _S.RECORDING, _S.QUESTIONING),
    Rule(_T.CORRECT_ANSWER, _S.QUESTIONING, None, "has_answers"),
    Rule(_T.CORRECT_ANSWER, _S.ANALYZING, None, "has_answers"),
    Rule(_T.ANALYZE, _S.QUESTIONING, _S.ANALYZING, "has_answers"),
    Rule(_T.ANALYZE, _S.ANALYZING, None, "has_answers"),
    *(Rule(_T.STOP_INTERVIEW, state, _S.STOPPED) for state in _LIVE),
    # Outcomes, never sent by a client:
    Rule(_T.QUESTION_ASKED, _S.QUESTIONING, None, "question_wanted"),
    Rule(_T.FOLLOW_UP_WANTED, _S.QUESTIONING, None),
    Rule(_T.ANSWER_RECORDED, _S.RECORDING, _S.QUESTIONING),
    Rule(_T.ANSWER_LOST, _S.RECORDING, _S.QUESTIONING),
    Rule(_T.FEEDBACK_GIVEN, _S.ANALYZING, None, "feedback_wanted"),
    Rule(_T.ACTIVITY_FAILED, _S.QUESTIONING, None),
    Rule(_T.ACTIVITY_FAILED, _S.ANALYZING, None),
    *(Rule(_T.ATTACHED, state, None) for state in _LIVE),
)
"""The table: every move there is. Build a machine of your own from it with ``rule._asdict()``."""


class Subject(Protocol):
    """Whatever has a state that the table can move, and the bool properties that its guards name."""

    state: State

    def why_not(self, guard: str) -> str:
        """Why *guard* says no, in words."""
        ...


MACHINE = Machine(
    model=None,
    states=State,
    initial=State.IDLE,
    transitions=[rule._asdict() for rule in RULES],
    auto_transitions=False,  # no to_<state>(): the table is the only way to move
)
"""One machine for every interview: it holds the rules and no interview. ``fire()`` is the way to it."""

_ROWS: dict[tuple[Trigger, State], Rule] = {(rule.trigger, rule.source): rule for rule in RULES}


def fire(subject: Subject, trigger: Trigger) -> None:
    """Move *subject* along the table, or raise InvalidCommand and leave it as it is."""
    try:
        moved = MACHINE.events[trigger].trigger(subject)
    except MachineError as error:
        raise refusal(subject, trigger) from error
    if not moved:  # the guard said no
        raise refusal(subject, trigger)


def refusal(subject: Subject, trigger: Trigger, reason: str | None = None) -> InvalidCommand:
    """The error that says why *subject* cannot do *trigger* now."""
    if reason is None:
        row = _ROWS.get((trigger, subject.state))
        if row is not None and row.conditions is not None:
            reason = subject.why_not(row.conditions)
        elif subject.state is State.STOPPED:
            reason = "the interview has been stopped"
        else:
            reason = f"the interview is {subject.state.value.replace('_', ' ')}"
    return InvalidCommand(trigger, subject.state, allowed(subject), reason)


def accepts(subject: Subject, trigger: Trigger) -> bool:
    """Whether *subject* could do *trigger* now: there is a row, and its guard says yes."""
    row = _ROWS.get((trigger, subject.state))
    return row is not None and (row.conditions is None or bool(getattr(subject, row.conditions)))


def allowed(subject: Subject) -> tuple[Trigger, ...]:
    """The commands that *subject* would accept now, guards counted in, in table order."""
    return tuple(trigger for trigger in COMMANDS if accepts(subject, trigger))
