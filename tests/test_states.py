import copy

import pytest
from transitions import Machine, MachineError

from interview_fsm import events as e
from interview_fsm.errors import InvalidCommand
from interview_fsm.interview import Interview
from interview_fsm.states import (
    COMMANDS,
    MACHINE,
    OUTCOMES,
    RULES,
    Rule,
    State,
    Trigger,
    accepts,
    allowed,
    fire,
)

from .situations import SITUATIONS, fitting

# The table of the documentation, row for row: trigger, sources, destination ("-" stays), guard.
TABLE = """
start_interview    idle                    awaiting_difficulty
choose_difficulty  awaiting_difficulty     questioning
choose_difficulty  questioning             -                    can_ask
choose_difficulty  analyzing               questioning          can_continue
next_question      questioning             -                    can_ask
next_question      analyzing               questioning          can_continue
repeat_question    questioning             -                    has_open_question
retry_question     questioning             -                    can_retry
retry_question     analyzing               questioning          can_retry
record_answer      questioning             recording            has_open_question
finish_answer      recording               -
discard_answer     recording               questioning
submit_answer      questioning             -                    has_open_question
submit_answer      recording               questioning
correct_answer     questioning,analyzing   -                    has_answers
analyze            questioning             analyzing            has_answers
analyze            analyzing               -                    has_answers
stop_interview     LIVE                    stopped
question_asked     questioning             -                    question_wanted
follow_up_wanted   questioning             -
answer_recorded    recording               questioning
answer_lost        recording               questioning
feedback_given     analyzing               -                    feedback_wanted
activity_failed    questioning,analyzing   -
attached           LIVE                    -
"""
LIVE = "idle,awaiting_difficulty,questioning,recording,analyzing"
NEVER_SENT = [
    "question_asked",
    "follow_up_wanted",
    "answer_recorded",
    "answer_lost",
    "feedback_given",
    "activity_failed",
    "attached",
]
GUARDS = sorted({rule.conditions for rule in RULES if rule.conditions})
PAIRS = [(state, trigger) for state in State for trigger in Trigger]


def expected_rows() -> list[tuple[str, str, str | None, str | None]]:
    rows = []
    for line in TABLE.replace("LIVE", LIVE).strip().splitlines():
        trigger, sources, dest, *guard = line.split()
        for source in sources.split(","):
            rows.append((trigger, source, None if dest == "-" else dest, guard[0] if guard else None))
    return rows


def test_the_rules_are_the_table_row_for_row():
    assert [tuple(rule) for rule in RULES] == expected_rows()


def test_no_pair_of_trigger_and_source_has_two_rows():
    assert len({(rule.trigger, rule.source) for rule in RULES}) == len(RULES)


def test_commands_and_outcomes_share_all_triggers_out_between_them():
    assert sorted(NEVER_SENT) == sorted(OUTCOMES)
    assert [*COMMANDS, *NEVER_SENT] == list(Trigger)


def test_the_machine_holds_the_rules_and_nothing_else():
    assert MACHINE.models == []
    assert set(MACHINE.events) == set(Trigger), "no to_<state>() events: the table is the only way to move"
    held = [
        (event.name, transition.source, transition.dest)
        for event in MACHINE.events.values()
        for transitions in event.transitions.values()
        for transition in transitions
    ]
    # The machine names states as their members are named.
    wanted = [(r.trigger, r.source.name, r.dest.name if r.dest else None) for r in RULES]
    assert sorted(held, key=str) == sorted(wanted, key=str)


def test_the_machine_has_no_callbacks_and_no_queue():
    assert not MACHINE.has_queue
    for callbacks in (
        MACHINE.before_state_change,
        MACHINE.after_state_change,
        MACHINE.prepare_event,
        MACHINE.finalize_event,
        MACHINE.on_exception,
        MACHINE.on_final,
    ):
        assert callbacks == []
    for state in MACHINE.states.values():
        assert not state.on_enter
        assert not state.on_exit


def situations_in(state: State) -> list[tuple[str, Interview]]:
    return [(name, interview) for name, interview in SITUATIONS.items() if interview.state is state]


def test_every_state_is_among_the_situations():
    assert {interview.state for interview in SITUATIONS.values()} == set(State)


@pytest.mark.parametrize(("state", "trigger"), PAIRS)
def test_every_pair_of_state_and_trigger_moves_or_is_refused(state: State, trigger: Trigger):
    rule = next((rule for rule in RULES if (rule.trigger, rule.source) == (trigger, state)), None)
    for name, interview in situations_in(state):
        moving = copy.copy(interview)
        if rule and (rule.conditions is None or getattr(interview, rule.conditions)):
            fire(moving, trigger)
            assert moving.state is (rule.dest or state), name
            continue
        with pytest.raises(InvalidCommand) as caught:
            fire(moving, trigger)
        refused = caught.value
        assert moving == interview, name
        assert (refused.trigger, refused.state) == (trigger, state)
        assert refused.allowed == interview.allowed
        assert refused.reason
        assert refused.reason == refused.reason.strip()
        assert (refused.__cause__ is None) == (rule is not None), "a missing row is chained"


def test_the_cause_of_a_refusal_is_chained():
    with pytest.raises(InvalidCommand) as caught:
        fire(Interview(id="i"), Trigger.ANALYZE)
    assert isinstance(caught.value.__cause__, MachineError)


@pytest.mark.parametrize("name", SITUATIONS)
def test_allowed_is_what_fire_accepts(name: str):
    accepted = []
    for trigger in Trigger:
        try:
            fire(copy.copy(SITUATIONS[name]), trigger)
        except InvalidCommand:
            continue
        accepted.append(trigger)
    assert tuple(t for t in Trigger if accepts(SITUATIONS[name], t)) == tuple(accepted)
    assert allowed(SITUATIONS[name]) == tuple(t for t in accepted if t in COMMANDS)
    assert SITUATIONS[name].allowed == allowed(SITUATIONS[name])


@pytest.mark.parametrize("name", SITUATIONS)
def test_an_allowed_command_has_arguments_with_which_it_is_taken(name: str):
    interview = SITUATIONS[name]
    for event in fitting(interview).values():
        if event.trigger in interview.allowed:
            assert interview.after(event).state in State


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_is_a_bool_and_says_why_not(guard: str):
    # transitions compares a guard with True, so a truthy tuple would mean no.
    values = {getattr(interview, guard) for interview in SITUATIONS.values()}
    assert values == {True, False}, "the situations show both answers"
    assert all(type(value) is bool for value in values)
    for interview in SITUATIONS.values():
        if not getattr(interview, guard):
            assert interview.why_not(guard)


def test_a_guard_that_breaks_is_not_a_refusal():
    class Broken:
        state = State.QUESTIONING

        @property
        def has_answers(self) -> bool:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fire(Broken(), Trigger.ANALYZE)  # type: ignore[arg-type]


def reachable_from(start: State) -> set[State]:
    seen, ahead = {start}, [start]
    while ahead:
        here = ahead.pop()
        new = {rule.dest for rule in RULES if rule.source is here and rule.dest} - seen
        seen |= new
        ahead += new
    return seen


def test_every_state_can_be_reached_and_every_live_one_can_be_stopped():
    assert reachable_from(State.IDLE) == set(State)
    for state in State:
        assert State.STOPPED in reachable_from(state)
        assert (state is State.STOPPED) == (reachable_from(state) == {State.STOPPED})


@pytest.mark.parametrize(
    ("name", "event", "reason"),
    [
        ("stopped", e.NextQuestion(), "the interview has been stopped"),
        ("idle", e.Analyze(), "the interview is idle"),
        ("awaiting difficulty", e.NextQuestion(), "the interview is awaiting difficulty"),
        ("first question wanted", e.Analyze(), "there is no answer yet"),
        ("all answered", e.NextQuestion(), "all 2 questions have been asked"),
        ("last question open", e.ChooseDifficulty("mid"), "all 2 questions have been asked"),
        ("all answered", e.SubmitAnswer(2, "late"), "question 2 is no longer open"),
        ("last question open", e.SubmitAnswer(1, "late"), "question 1 is no longer open"),
        ("last question open", e.SubmitAnswer(7, "early"), "there is no question 7"),
        ("last question open", e.RetryQuestion(1), "a question is open"),
        ("next question wanted", e.RetryQuestion(1), "a question is being made"),
        ("last question open", e.CorrectAnswer(2, "what?"), "question 2 has no answer"),
        ("first question open", e.SubmitAnswer(1, " \n"), "the answer is empty"),
        ("first question withdrawn", e.RepeatQuestion(1), "there is no question 1"),
        ("feedback given", e.FeedbackGiven(e.Feedback(())), "no feedback is wanted"),
        ("first question open", e.QuestionAsked(e.Question(2, "And?")), "no question is wanted"),
        ("recording", e.RecordAnswer(1), "the interview is recording"),
    ],
)
def test_a_refusal_says_why_in_words(name: str, event: e.Event, reason: str):
    interview = SITUATIONS[name]
    before = copy.deepcopy(interview)
    with pytest.raises(InvalidCommand) as caught:
        interview.after(event)
    assert caught.value.reason == reason
    assert caught.value.allowed == interview.allowed
    assert interview == before


def test_a_single_question_is_not_called_all_questions():
    alone = Interview(id="i", state=State.QUESTIONING, plan=e.Plan(questions=1))
    assert alone.why_not("can_ask") == "the only question has been asked"


def test_users_can_build_their_own_machine_from_the_rules():
    own = Machine(
        model=None,
        states=[*State, "paused"],
        initial=State.IDLE,
        transitions=[rule._asdict() for rule in (*RULES, Rule("pause", State.QUESTIONING, "paused"))],
        auto_transitions=False,
    )
    interview = copy.copy(SITUATIONS["first question open"])
    assert own.events["pause"].trigger(interview)
    assert interview.state == "paused"
