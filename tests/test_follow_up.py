"""When one more question is asked, and how."""

from __future__ import annotations

import pytest

from interview_fsm.coaching.follow_up import MOST_READ, follow_up, word_follow_up
from interview_fsm.coaching.guard import unfit
from interview_fsm.events import (
    Attached,
    ChooseDifficulty,
    FollowUpWanted,
    NextQuestion,
    Plan,
    Question,
    QuestionAsked,
    RetryQuestion,
    Slot,
    StartInterview,
    SubmitAnswer,
)
from interview_fsm.interview import FollowUp, Interview
from tests.coach_data import triples

WE = (
    "Last spring our team had a backlog of orders and we changed the shifts and we moved two "
    "people to packing "
    "because the night shift was empty. After that the backlog dropped to forty orders and "
    "everyone was happy."
)
NO_RESULT = (
    "Last spring our shop had a long backlog of orders. I looked at the shifts, then I moved two "
    "people to packing "
    "because the night shift was empty, and I asked the carrier for a later pickup."
)
NO_NUMBER = (
    "Last spring our shop had a long backlog of orders. I looked at the shifts and then I moved "
    "some people to packing "
    "because the night shift was empty. In the end the backlog dropped a lot and people were happy."
)
NO_REASON = (
    "Last spring our shop had a backlog of orders. I looked at the shifts and I moved two people to packing. "
    "In the end the backlog dropped to forty orders within a week and the manager kept it."
)
COMPLETE = NO_REASON.replace("to packing.", "to packing because the night shift was empty.")


def asked(level="mid", text="Tell me about a problem.", *, plan=None, slot=None):
    interview = Interview(id="i").following(
        [Attached(), StartInterview(plan or Plan(questions=4)), ChooseDifficulty(level)]
    )
    slot = slot or Slot("problem_solving", "obstacle", level, "behavioural")
    return interview.after(QuestionAsked(Question(1, text, slot, difficulty=level)))


def after(answer, **kwargs):
    interview = asked(**kwargs)
    return interview.after(SubmitAnswer(1, answer))


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        (WE, "own_part"),
        (NO_RESULT, "result"),
        (NO_NUMBER, "numbers"),
        (NO_REASON, "reason"),
        (COMPLETE, None),
    ],
)
def test_what_is_missing_is_asked_for_in_this_order(answer, missing):
    wanted = follow_up(after(answer))
    assert (wanted.missing if wanted else None) == missing


def test_the_same_answer_always_gets_the_same_decision():
    interview = after(WE)
    assert {follow_up(interview) for _ in range(5)} == {FollowUpWanted(1, "own_part")}


def test_a_reason_is_asked_for_from_mid_level_on():
    assert follow_up(after(NO_REASON, level="entry")) is None
    assert follow_up(after(NO_REASON, level="senior")) == FollowUpWanted(1, "reason")


@pytest.mark.parametrize(
    "answer",
    [
        "I don't know.",
        "We changed the shifts.",
        "um " * 40,
        "Je ne sais pas vraiment ce que je dois dire ici. " * 6,
    ],
)
def test_short_empty_and_foreign_answers_get_none(answer):
    assert follow_up(after(answer)) is None


def test_repeating_oneself_does_not_reach_the_length():
    short = "We changed the shifts and it was good for all of us."
    assert follow_up(after(" ".join([short] * 5))) is None


def test_an_answer_that_takes_minutes_gets_none_and_takes_no_time():
    assert follow_up(after((WE + " ") * (MOST_READ // len(WE) + 1))) is None


def test_one_follow_up_for_an_answer_and_none_for_its_own_answer():
    interview = after(WE)
    interview = interview.after(follow_up(interview))
    question = Question(
        2, "What was your own part in that?", Slot("problem_solving", "own_part"), follow_up_to=1
    )
    interview = interview.after(QuestionAsked(question)).after(SubmitAnswer(2, WE))
    assert follow_up(interview) is None


def test_no_more_in_all_than_the_plan_allows():
    interview = asked(plan=Plan(questions=4, follow_ups=1))
    for number, to in ((1, None), (2, 1), (3, None)):
        if number > 1:
            question = Question(number, "And?", Slot("x", str(number), "mid"), follow_up_to=to)
            interview = interview.after(QuestionAsked(question))
        interview = interview.after(SubmitAnswer(number, WE))
        if number == 1:
            interview = interview.after(follow_up(interview))
    assert interview.follow_ups == 1
    assert follow_up(interview) is None


def test_none_where_the_plan_wants_none():
    assert follow_up(after(WE, plan=Plan(questions=4, follow_ups=0))) is None


def test_none_in_a_language_the_coach_does_not_know():
    assert follow_up(after(WE, plan=Plan(questions=4, language="fr"))) is None


def test_without_an_answer_there_is_nothing_to_follow():
    assert follow_up(asked()) is None
    assert follow_up(asked().after(NextQuestion())) is None


def test_a_question_about_how_one_works_needs_no_case_with_a_result():
    answer = (
        "I look at which part of the report has changed first, then I compare the figures with "
        "those of the week before "
        "and I call the department, and if nobody knows I go through the bookings one by one "
        "with my colleague."
    )
    slot = Slot("technical_depth", "verifying", "mid", "technical")
    wanted = follow_up(after(answer, text="How do you find an error in a monthly report?", slot=slot))
    assert wanted == FollowUpWanted(1, "reason")


@pytest.mark.parametrize("missing", ["own_part", "result", "numbers", "reason"])
@pytest.mark.parametrize("seed", range(3))
def test_it_takes_up_the_candidates_own_words(missing, seed):
    interview = after(NO_RESULT)
    text = word_follow_up(interview.turns[0], FollowUp(1, missing), seed)
    quoted = text.split("“")[1].split("”")[0]
    assert quoted in NO_RESULT
    assert 3 <= len(quoted.split()) <= 8
    assert unfit(text) is None
    assert len(text.split()) <= 25


@pytest.mark.parametrize("missing", ["own_part", "result", "numbers", "reason", "something_new"])
def test_it_does_without_where_the_words_cannot_be_repeated(missing):
    answer = (
        "I told my wife {that} we have two children and I asked <the> bishop of our church about {0} "
        "religion."
    )
    text = word_follow_up(after(answer).turns[0], FollowUp(1, missing), 1)
    assert "“" not in text
    assert unfit(text) is None


def test_the_shared_answers_get_sensible_follow_ups():
    decided = {}
    for triple in triples():
        for quality, answer in triple["answers"].items():
            level = triple["difficulty"].removesuffix("-level")
            slot = Slot("x", "y", level, triple["question_type"])
            wanted = follow_up(after(answer["text"], text=triple["question"], level=level, slot=slot))
            decided[triple["id"], quality] = wanted.missing if wanted else None
    assert decided["t01", "medium"] == "own_part"
    assert decided["t03", "medium"] == "numbers"
    assert decided["t04", "medium"] == "numbers"
    assert decided["t01", "strong"] is None
    assert decided["t02", "strong"] is None
    assert decided["t06", "strong"] is None


def test_after_another_attempt_at_an_earlier_question_it_looks_at_that_one():
    interview = after(COMPLETE, plan=Plan(questions=2))
    slot = Slot("impact", "proud", "mid", "behavioural")
    interview = interview.after(QuestionAsked(Question(2, "And then?", slot, difficulty="mid")))
    interview = interview.following([SubmitAnswer(2, NO_RESULT), RetryQuestion(1)])
    assert follow_up(interview.after(SubmitAnswer(1, COMPLETE))) is None, "the second lacks a result"
    wanted = follow_up(interview.after(SubmitAnswer(1, WE)))
    assert wanted == FollowUpWanted(1, "own_part")
    asked_on = interview.after(SubmitAnswer(1, WE)).after(wanted)
    assert asked_on.activity.follow_up == FollowUp(1, "own_part")
