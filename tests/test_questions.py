"""How questions are worded. Each test reads all that can be generated from the fixtures."""

from __future__ import annotations

import os
import random
import re
from itertools import combinations

import pytest

from interview_fsm.coaching.evidence import find_units
from interview_fsm.coaching.guard import MAX_WORDS, protected_topic, unfit
from interview_fsm.coaching.language import load
from interview_fsm.coaching.levels import LEVELS
from interview_fsm.coaching.phrases import plain
from interview_fsm.coaching.planning import ORDERS, Standing
from interview_fsm.coaching.questions import word_question
from interview_fsm.events import Plan, Slot
from tests.coach_data import LAYOUTS, shared

TEMPLATES = [
    (competency, level, facet, forms)
    for competency, levels in load().templates.items()
    for level, facets in levels.items()
    for facet, forms in facets.items()
]


def interview(text, level, *, count=12, seed=0):
    units, asked, questions = find_units(text), [], []
    for _ in range(count):
        question, choice = word_question(Standing(units, Plan(questions=count, seed=seed), level, asked))
        asked.append(choice.slot)
        questions.append((question, choice))
    return questions


def test_every_competency_has_three_facets_at_every_level():
    assert len(TEMPLATES) >= 81
    for competency in ORDERS["mid"]:
        for level in LEVELS:
            assert len(load().templates[competency][level]) >= 3, (competency, level)


def test_levels_share_no_text():
    texts = {
        level: {
            form
            for _, at, _, forms in TEMPLATES
            if at == level
            for form in (forms.thing, forms.period, forms.generic)
        }
        for level in LEVELS
    }
    for one, other in combinations(LEVELS, 2):
        assert not texts[one] & texts[other]


def test_facets_of_one_competency_have_names_of_their_own():
    for competency, levels in load().templates.items():
        names = [facet for facets in levels.values() for facet in facets]
        assert len(names) == len(set(names)), competency


@pytest.mark.parametrize(("competency", "level", "facet", "forms"), TEMPLATES)
def test_every_template_is_a_question_by_itself(competency, level, facet, forms):
    for text in filter(None, (forms.thing, forms.period, forms.generic, forms.skill)):
        assert unfit(text) is None
        assert len(text.split()) <= 22
        assert re.fullmatch(r"[A-Z][^{}]*[.?]", text)
        assert "?" in text or text.startswith(("Tell me", "Explain", "Take one", "Pick one", "Walk me"))


def test_senior_questions_speak_of_trade_offs_and_measures_and_entry_questions_do_not():
    marker = re.compile(r"trade-off|measure|stakeholder|scale|incomplete information|risk")
    marked = {
        level: sum(
            bool(marker.search(forms.thing + forms.period)) for _, at, _, forms in TEMPLATES if at == level
        )
        for level in LEVELS
    }
    assert marked["entry"] == 0
    assert marked["senior"] > marked["mid"] > 0 or marked["mid"] <= 2
    assert marked["senior"] >= 12


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_generated_questions_can_be_asked(layout, level, seed):
    for question, choice in interview(LAYOUTS[layout], level, seed=seed):
        assert unfit(question) is None, question
        assert len(question.split()) <= MAX_WORDS
        assert protected_topic(question) is None
        assert not re.search(r"\.\.|  | ,|\bat at\b|\bthe the\b|\ba an\b|\? [a-z]", question), question
        if choice.unit:
            assert plain(choice.unit.phrase).strip("“”") in question


@pytest.mark.parametrize(
    ("layout", "level", "expected"),
    [
        (
            "nurse",
            "mid",
            "At Eastbrook Hospital you introduced a bedside handover checklist that cut drain incidents",
        ),
        ("chef_base_forms", "entry", "you managed a kitchen brigade of eleven."),
        ("retail_prose", "mid", "at Larkspur Outdoor, you led a team of nine people."),
        ("margin_headings", "senior", "your thesis, “Melting Rates of Inland Glaciers”."),
        ("student", "entry", "Bike-share forecast"),
    ],
)
def test_questions_name_the_candidates_own_evidence(layout, level, expected):
    said = " ".join(question for question, _ in interview(LAYOUTS[layout], level, count=15))
    assert expected.casefold() in said.casefold()


@pytest.mark.parametrize("level", LEVELS)
def test_without_evidence_questions_are_whole_and_differ(level):
    questions = [question for question, _ in interview("", level, count=27)]
    assert len(set(questions)) == 27
    generic = {forms.generic for _, at, _, forms in TEMPLATES if at == level}
    assert set(questions) == generic


def test_braces_in_a_resume_are_never_filled_in():
    text = (
        "Experience\nClerk, Acme {did} Ltd, 2019 - 2021\n- Filed {organisation} papers for {0}\n- "
        "Sorted the {did} post\n"
    )
    for question, _ in interview(text, "mid"):
        assert "{" not in question


def test_a_hosts_competency_is_asked_about_by_its_name():
    plan = Plan(slots=(Slot("customer_focus"), Slot("customer_focus"), Slot("customer_focus")))
    asked, texts = [], []
    for _ in range(3):
        text, choice = word_question(Standing(find_units(LAYOUTS["nurse"]), plan, "mid", asked))
        asked.append(choice.slot)
        texts.append(text)
    assert all("customer focus" in text for text in texts)
    assert len(set(texts)) == 3


def test_evidence_that_would_make_a_bad_question_is_passed_over():
    text = (
        "Experience\nClerk, Acme, 2019 - 2021\n- Counselled staff on their salary\n- Sorted 300 "
        "letters a day\n"
    )
    said = [question for question, _ in interview(text, "mid", count=3)]
    assert not any("salary" in question for question in said)


@pytest.fixture(scope="session")
def real_resumes():
    """The shared résumés as the project reads them."""
    import asyncio

    from interview_fsm.resume.reader import Reader

    async def read():
        reader = Reader()
        try:
            paths = sorted(shared("resumes").glob("*.pdf"))
            if os.environ.get("INTERVIEW_FSM_SOAK") != "1":
                paths = random.Random(2026).sample(paths, 5)
            return {path.stem: (await reader.read(path.read_bytes())).text for path in paths}
        finally:
            await reader.aclose()

    return asyncio.run(read())


@pytest.mark.slow
def test_real_resumes_get_grounded_questions_without_duplicates(real_resumes):
    named = whole = 0
    for text in real_resumes.values():
        if len(find_units(text)) < 5:
            continue
        for level in LEVELS:
            questions = interview(text, level, count=15)
            assert len({question for question, _ in questions}) == 15
            assert all(unfit(question) is None for question, _ in questions)
            named += sum(choice.unit is not None for _, choice in questions)
            whole += len(questions)
    assert whole >= 15 * 3
    assert named / whole >= 0.9
