"""Every situation that an interview can come into, found by trying everything.

A situation is an interview without what only counts up (recordings, how often a question was put, how
often an answer was changed beyond once): two of one situation can do the same things.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from interview_fsm import events as e
from interview_fsm.errors import InvalidCommand
from interview_fsm.interview import Interview, Open, Turn
from interview_fsm.states import RULES, State, Trigger

from .situations import assert_sound, commands, fitting, outcomes, question

Situation = tuple[object, ...]
Step = tuple[e.Event, ...]

PLANS = {
    "one question": e.Plan(questions=1),
    "two questions": e.Plan(questions=2),
    "two questions on request": e.Plan(questions=2, follow_ups=0, advance="on_request"),
    "three questions without follow-ups": e.Plan(questions=3, follow_ups=0),
}
LARGE_PLANS = {"two questions and two follow-ups": e.Plan(questions=2, follow_ups=2)}  # 12,199: seconds
SITUATIONS_OF_TWO_QUESTIONS = 1571
"""How many there are with two questions and the one follow-up that goes with them.

Changes when the machine does: then see whether each new situation is meant.
"""


def situation(interview: Interview) -> Situation:
    """*interview* without counters, so that there are finitely many."""
    now = interview.question
    return (
        interview.state,
        now.question if isinstance(now, Open) else now,
        tuple(_turn(turn, interview.stale) for turn in interview.turns),
        interview.feedback is not None,
        interview.feedback_wanted,
        interview.feedback_fresh,
        interview.finishing,
    )


def _turn(turn: Turn, stale: tuple[int, ...]) -> Situation:
    number = turn.question.number
    return turn.question.follow_up_to, turn.answer is not None, turn.skipped, number in stale


def what_happens(interview: Interview) -> Iterator[Step]:
    """All that can befall an interview in a session: commands, its activity's end, a new session."""
    yield from commands(interview)
    yield from outcomes(interview)
    if interview.state is State.RECORDING:
        yield e.Attached(), e.AnswerLost("interrupted")
    elif interview.state is not State.STOPPED:
        yield (e.Attached(),)


class Map:
    """The situations reached from a new interview, numbered, one interview for each, and the ways on."""

    def __init__(self, plan: e.Plan) -> None:
        start = Interview(id="i", plan=plan)
        self.found = [start]
        self.ways: list[list[tuple[Step, int]]] = []
        numbers = {situation(start): 0}
        while len(self.ways) < len(self.found):
            here = self.found[len(self.ways)]
            self.ways.append([])
            for step in what_happens(here):
                later = here.following(step)
                there = numbers.setdefault(situation(later), len(self.found))
                if there == len(self.found):
                    self.found.append(later)
                self.ways[-1].append((step, there))

    def which(self, holds: Callable[[Interview], bool]) -> set[int]:
        return {here for here, interview in enumerate(self.found) if holds(interview)}

    def steps_to(self, goals: set[int], *, without: tuple[type, ...] = ()) -> dict[int, int]:
        """How many steps it takes from each situation to one of *goals*, where some way leads there."""
        back: list[set[int]] = [set() for _ in self.found]
        for here, ways in enumerate(self.ways):
            for step, there in ways:
                if not any(isinstance(event, without) for event in step):
                    back[there].add(here)
        steps, ahead = dict.fromkeys(goals, 0), deque(goals)
        while ahead:
            there = ahead.popleft()
            for here in back[there] - steps.keys():
                steps[here] = steps[there] + 1
                ahead.append(here)
        return steps


_drawn: dict[str, Map] = {}


@pytest.fixture(params=[*PLANS, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE_PLANS)])
def explored(request: pytest.FixtureRequest) -> Map:
    # Drawn once for all tests: none changes it.
    name = request.param
    if name not in _drawn:
        _drawn[name] = Map((PLANS | LARGE_PLANS)[name])
    return _drawn[name]


def is_live(interview: Interview) -> bool:
    return interview.state is not State.STOPPED


def has_all_feedback(interview: Interview) -> bool:
    return interview.feedback is not None and not interview.stale


def test_every_situation_is_sound(explored: Map):
    for interview in explored.found:
        assert_sound(interview)


def test_two_questions_have_as_many_situations_as_were_looked_at():
    found = Map(PLANS["two questions"]).found
    assert len(found) == SITUATIONS_OF_TWO_QUESTIONS


def test_every_row_of_the_table_is_used(explored: Map):
    plan = explored.found[0].plan
    used = {
        (event.trigger, before.state)
        for here, ways in enumerate(explored.ways)
        for step, _ in ways
        for before, event in _stages(explored.found[here], step)
    }
    unused = {(rule.trigger, rule.source) for rule in RULES} - used
    if plan.follow_up_limit == 0:
        unused -= {(Trigger.FOLLOW_UP_WANTED, State.QUESTIONING)}
    assert unused == set()


def _stages(interview: Interview, step: Step) -> Iterator[tuple[Interview, e.Event]]:
    for event in step:
        yield interview, event
        interview = interview.after(event)


def test_only_a_stopped_interview_is_at_its_end(explored: Map):
    for here, ways in enumerate(explored.ways):
        elsewhere = {there for _, there in ways} - {here}
        assert bool(elsewhere) == is_live(explored.found[here])


def test_every_live_interview_can_be_stopped_at_once(explored: Map):
    stopped = explored.which(lambda interview: not is_live(interview))
    steps = explored.steps_to(stopped)
    assert len(steps) == len(explored.found)
    assert max(steps.values()) == 1


def test_no_situation_but_the_end_is_a_dead_end(explored: Map):
    # On, and not by giving up: from wherever it is, the interview can still come to feedback on all answers.
    goals = explored.which(lambda interview: is_live(interview) and has_all_feedback(interview))
    assert set(explored.steps_to(goals, without=(e.StopInterview,))) == explored.which(is_live)


def test_the_plan_can_always_be_asked_to_its_end(explored: Map):
    ended = explored.which(lambda interview: is_live(interview) and not interview.questions_remain)
    assert set(explored.steps_to(ended, without=(e.StopInterview,))) == explored.which(is_live)


def test_feedback_is_near_once_there_is_an_answer(explored: Map):
    # Discard what is being recorded, analyze, feedback given; no model need make a question for it.
    goals = explored.which(lambda interview: is_live(interview) and has_all_feedback(interview))
    asking = (e.StopInterview, e.QuestionAsked)
    steps = explored.steps_to(goals, without=asking)
    answered = explored.which(lambda interview: is_live(interview) and interview.has_answers)
    assert answered <= set(steps)
    assert max(steps[here] for here in answered) <= 3


def test_an_open_question_can_always_be_answered(explored: Map):
    opened = explored.which(lambda i: is_live(i) and i.has_open_question)
    for here in opened:
        interview = explored.found[here]
        number = interview.open_question.number  # type: ignore[union-attr]
        if interview.state is State.ANALYZING:
            interview = interview.after(e.NextQuestion())
            assert interview.open_question == explored.found[here].open_question, "back to the open one"
        turns = interview.after(e.SubmitAnswer(number, "Typed.")).turns
        assert turns[number - 1].answer.text == "Typed."  # type: ignore[union-attr]


def test_what_is_going_on_can_always_end(explored: Map):
    # An activity whose end the table refuses would leave its session waiting for ever.
    for interview in explored.found:
        for entry in outcomes(interview):
            interview.following(entry)


def test_events_out_of_their_time_are_refused_or_harmless(explored: Map):
    for interview in explored.found:
        for event in (*fitting(interview).values(), *_stray(interview)):
            with suppress(InvalidCommand):
                assert_sound(interview.after(event))


def _stray(interview: Interview) -> Iterator[e.Event]:
    """Late clicks, resends, and outcomes of what is not wanted."""
    for number in range(len(interview.turns) + 3):
        yield e.SubmitAnswer(number, "Late.")
        yield e.AnswerRecorded(number, e.Transcript("Late."))
        yield e.CorrectAnswer(number, "Late.")
        yield e.RetryQuestion(number)
        yield e.FollowUpWanted(number, "reason")
        yield e.QuestionAsked(question(number))
        yield e.QuestionAsked(question(number, follow_up_to=1))
