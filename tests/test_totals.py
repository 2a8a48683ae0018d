"""Overall figures are arithmetic over what was scored, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interview_fsm.events import AnswerFeedback, Criterion, Feedback, NotScored, Plan, Score, Total
from interview_fsm.totals import WEIGHTS, overall, totalled

SCORES = st.builds(Score, st.sampled_from(list(WEIGHTS)), st.integers(1, 5), st.just("anchor"))


def test_the_weights_are_those_of_the_rubric():
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    scores = [Score("relevance", 5, ""), Score("communication", 1, "")]
    assert overall(scores) == 3.9  # (5 × 0.25 + 1 × 0.1) ÷ 0.35 = 3.857…


def test_nothing_scored_is_no_figure():
    assert overall([]) is None
    assert overall([NotScored("relevance", "silence")]) is None
    given = AnswerFeedback(1, 1, scores=(NotScored("relevance", "silence"),))
    totalled_ = totalled(Feedback((given,)), Plan())
    assert (totalled_.overall, totalled_.totals, totalled_.answers[0].overall) == (None, (), None)


def test_what_was_not_scored_does_not_weigh():
    assert overall([Score("depth", 4, ""), NotScored("structure", "failed")]) == 4.0


def test_the_hosts_weights_are_used_and_a_weight_of_nothing_weighs_nothing():
    rubric = (Criterion("empathy", weight=3.0), Criterion("depth"), Criterion("grammar", weight=-1.0))
    scores = (Score("empathy", 5, ""), Score("depth", 1, ""), Score("grammar", 5, ""))
    feedback = totalled(Feedback((AnswerFeedback(1, 1, scores=scores),)), Plan(rubric=rubric))
    assert feedback.overall == 4.0
    none = Plan(rubric=(Criterion("empathy", weight=0.0), Criterion("depth", weight=float("nan"))))
    assert totalled(Feedback((AnswerFeedback(1, 1, scores=scores),)), none).overall is None


def test_dimensions_are_totalled_over_the_answers_that_were_scored_in_them():
    one = AnswerFeedback(1, 1, scores=(Score("relevance", 4, ""), Score("depth", 2, "")))
    two = AnswerFeedback(2, 1, scores=(Score("relevance", 5, ""), NotScored("depth", "language")))
    feedback = totalled(Feedback((one, two)), Plan())
    assert feedback.totals == (Total("relevance", 4.5, 2), Total("depth", 2.0, 1))
    assert feedback.overall == 4.1  # 3.1 and 5.0, half up


def test_what_an_interviewer_added_up_itself_is_replaced():
    scores = (Score("relevance", 2, ""),)
    made_up = Feedback(
        (AnswerFeedback(1, 1, scores=scores, overall=5.0),), totals=(Total("charm", 5.0, 1),), overall=5.0
    )
    feedback = totalled(made_up, Plan())
    assert (feedback.overall, feedback.answers[0].overall) == (2.0, 2.0)
    assert feedback.totals == (Total("relevance", 2.0, 1),)


@given(st.lists(SCORES, min_size=1, max_size=10))
def test_a_mean_lies_between_the_least_and_the_most_and_has_one_decimal(scores):
    mean = overall(scores)
    assert mean is not None
    assert min(each.value for each in scores) <= mean <= max(each.value for each in scores)
    assert mean == round(mean, 1)
