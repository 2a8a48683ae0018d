"""The rubric: five dimensions, five described values each, and scores that rest on quotes."""

from __future__ import annotations

import pytest

from interview_fsm.coaching.levels import LEVELS
from interview_fsm.coaching.quotes import Answer
from interview_fsm.coaching.rubric import DIMENSIONS, criteria, scored
from interview_fsm.events import UNPROVED, Criterion, Plan

SAID = Answer("I added trace spans around every call, and p95 fell by 1.8 points.")


def of(dimension: str, level: str = "mid") -> Criterion:
    return next(each for each in criteria(Plan(), level) if each.dimension == dimension)


@pytest.mark.parametrize("level", LEVELS)
def test_each_of_the_five_dimensions_says_what_its_five_values_look_like(level: str):
    rubric = criteria(Plan(), level)
    assert tuple(each.dimension for each in rubric) == DIMENSIONS
    for each in rubric:
        assert each.description
        assert len(set(each.anchors)) == 5
        assert all(anchor.endswith(".") for anchor in each.anchors)


def test_depth_means_something_else_at_each_level_and_the_rest_does_not():
    depth = {of("depth", level).anchors for level in LEVELS}
    assert len(depth) == 3
    assert len({of("structure", level).anchors for level in LEVELS}) == 1


def test_no_anchor_judges_a_voice_or_a_person():
    said = " ".join(anchor for each in criteria(Plan(), "mid") for anchor in each.anchors).casefold()
    for word in ("accent", "fluen", "confiden", "nervous", "personality", "pronunc"):
        assert word not in said


def test_a_hosts_rubric_takes_the_place_of_the_standard_one():
    plan = Plan(rubric=(Criterion("empathy", "Listens.", ("never", "sometimes", "always")),))
    (empathy,) = criteria(plan, "mid")
    assert empathy.anchors == ("never", "never", "sometimes", "always", "always")
    assert empathy.description == "Listens."


def test_a_standard_dimension_of_the_host_takes_what_it_leaves_out_from_the_standard():
    plan = Plan(rubric=(Criterion("depth", weight=2.0), Criterion("tact", "Is tactful.")))
    depth, tact = criteria(plan, "senior")
    assert depth.anchors == of("depth", "senior").anchors
    assert depth.weight == 2.0
    assert set(tact.anchors) == {"Is tactful."}


def test_a_score_keeps_the_quotes_that_stand_in_the_answer_and_counts_the_others():
    score = scored(of("specificity"), 5, ["p95 fell by 1.8 points", "p95 fell by 8.1 points"], SAID, "Why.")
    assert (score.value, score.capped, score.dropped_quotes) == (5, False, 1)
    assert [quote.text for quote in score.quotes] == ["p95 fell by 1.8 points"]
    assert score.anchor == of("specificity").anchors[4]
    assert score.rationale == "Why."


def test_a_score_without_a_quote_is_capped_and_says_what_its_value_means():
    score = scored(of("structure"), 5, ["an outcome that nobody named"], SAID)
    assert (score.value, score.capped, score.dropped_quotes) == (UNPROVED, True, 1)
    assert score.anchor == of("structure").anchors[UNPROVED - 1]


def test_a_low_score_needs_no_quote():
    score = scored(of("structure"), 1, [], SAID)
    assert (score.value, score.capped) == (1, False)


@pytest.mark.parametrize("value", [0, 6, -1])
def test_there_is_nothing_outside_the_scale(value: int):
    with pytest.raises(ValueError, match="from 1 to 5"):
        scored(of("structure"), value, [], SAID)
