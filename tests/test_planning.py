"""Which question comes next."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interview_fsm.coaching.evidence import find_units
from interview_fsm.coaching.levels import LEVELS
from interview_fsm.coaching.planning import CLOSERS, ORDERS, Standing, next_choice
from interview_fsm.coaching.questions import word_question
from interview_fsm.events import Plan, Slot
from tests.coach_data import LAYOUTS

UNITS = {name: find_units(text) for name, text in LAYOUTS.items()} | {"empty": ()}


def slots(units, plan, level="mid", count=None):
    asked = []
    for _ in range(count or plan.count):
        asked.append(next_choice(Standing(units, plan, level, asked)).slot)
    return asked


def triples_of(asked):
    return [(slot.competency, slot.evidence, slot.facet) for slot in asked]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("layout", UNITS)
def test_fifty_questions_repeat_no_slot_and_no_text(layout, level):
    asked, texts = [], []
    for _ in range(50):
        text, choice = word_question(Standing(UNITS[layout], Plan(questions=50), level, asked))
        asked.append(choice.slot)
        texts.append(text)
    assert len(set(triples_of(asked))) == 50
    assert len(set(texts)) == 50


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(UNITS)),
    st.lists(st.sampled_from(LEVELS), min_size=1, max_size=50),
    st.integers(0, 9),
)
def test_changing_the_difficulty_midway_repeats_nothing(layout, levels, seed):
    asked = []
    for level in levels:
        asked.append(next_choice(Standing(UNITS[layout], Plan(questions=50, seed=seed), level, asked)).slot)
    assert len(set(triples_of(asked))) == len(levels)


@pytest.mark.parametrize("level", LEVELS)
def test_every_competency_once_before_any_comes_twice(level):
    asked = slots(UNITS["nurse"], Plan(questions=18), level)
    assert {slot.competency for slot in asked[:9]} == set(ORDERS[level])
    assert {slot.competency for slot in asked[9:]} == set(ORDERS[level])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_piece_once_before_any_comes_twice(layout):
    fit = [unit for unit in UNITS[layout] if unit.evidence.kind != "skill"]
    asked = [
        slot.evidence
        for slot in slots(UNITS[layout], Plan(questions=9))
        if slot.competency != "technical_depth"
    ]
    first = asked[: len(fit)]
    assert len(set(first)) == len(first)


def test_beginners_start_with_their_own_part_others_with_the_effect():
    firsts = [slots(UNITS["nurse"], Plan(questions=3), level)[0].competency for level in LEVELS]
    assert firsts == ["ownership", "impact", "impact"]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("count", [3, 5, 9])
def test_the_last_question_is_about_learning_or_conflict(seed, count):
    asked = slots(UNITS["nurse"], Plan(questions=count, seed=seed))
    assert asked[-1].competency in CLOSERS
    assert [slot.competency for slot in asked].count(asked[-1].competency) == 1


def test_one_question_in_about_four_is_technical_where_there_are_skills():
    asked = slots(UNITS["nurse"], Plan(questions=5))
    technical = [slot for slot in asked if slot.kind == "technical"]
    assert len(technical) == 1
    skills = {unit.evidence.id for unit in UNITS["nurse"] if unit.evidence.kind == "skill"}
    assert technical[0].evidence in skills
    assert not any(slot.kind == "technical" for slot in slots(UNITS["retail_prose"], Plan(questions=5)))


def test_recent_work_is_asked_about_before_old():
    first = next_choice(Standing(UNITS["nurse"], Plan(questions=3), "mid", []))
    assert first.unit is not None
    assert first.unit.evidence.organisation == "Eastbrook Hospital"


def test_the_seed_decides_and_nothing_else():
    plans = [Plan(questions=5, seed=seed) for seed in range(8)]
    assert all(slots(UNITS["nurse"], plan) == slots(UNITS["nurse"], plan) for plan in plans)
    assert len({tuple(triples_of(slots(UNITS["nurse"], plan))) for plan in plans}) > 1


def test_what_was_asked_by_another_release_is_not_asked_again():
    plan = Plan(questions=5)
    usual = next_choice(Standing(UNITS["nurse"], plan, "mid", [])).slot
    foreign = Slot("charisma", "glow", "mid", "behavioural", usual.evidence)
    after = next_choice(Standing(UNITS["nurse"], plan, "mid", [foreign])).slot
    assert after.evidence != usual.evidence
    again = slots(UNITS["nurse"], plan, count=2)
    assert again[1] == next_choice(Standing(UNITS["nurse"], plan, "mid", [again[0]])).slot


def test_a_hosts_competencies_are_taken_in_order():
    plan = Plan(slots=(Slot("conflict"), Slot("ownership", level="senior"), Slot("customer_focus")))
    asked = slots(UNITS["nurse"], plan, "entry")
    assert [slot.competency for slot in asked] == ["conflict", "ownership", "customer_focus"]
    assert asked[1].level == "senior"


def test_a_host_may_name_the_evidence():
    wanted = UNITS["nurse"][-1].evidence.id
    assert slots(UNITS["nurse"], Plan(slots=(Slot("learning", evidence=wanted),)))[0].evidence == wanted


def test_general_questions_where_there_is_no_evidence():
    assert {slot.evidence for slot in slots((), Plan(questions=9))} == {""}
