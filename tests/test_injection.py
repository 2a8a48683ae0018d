"""Sixty texts that speak to a grader, in every place that a candidate can write to."""

from __future__ import annotations

import asyncio
import json
import re
from functools import cache, lru_cache

import pytest

from interview_fsm.coaching.cues import read_answer
from interview_fsm.coaching.evidence import find_units
from interview_fsm.coaching.fences import masked
from interview_fsm.coaching.guard import unfit
from interview_fsm.coaching.job import read_job
from interview_fsm.coaching.levels import read_level
from interview_fsm.coaching.planning import Standing
from interview_fsm.coaching.prompts import assess_prompt, question_prompt
from interview_fsm.coaching.questions import word_question
from interview_fsm.coaching.quotes import Answer as Quotable
from interview_fsm.coaching.rubric import criteria
from interview_fsm.events import AnswerFeedback, Material, Plan, Resume, Slot
from interview_fsm.resume.reader import Reader

from .coach_data import LAYOUTS
from .concealed import Sheet, lines, written
from .injections import ORDINARY, PAYLOADS
from .modelling import begun
from .test_scoring import of, read, total, values

WORD = "0123456789ab"
PLACES = ("before", "within", "after")


def planted(answer: str, payload: str, place: str) -> str:
    if place == "before":
        return f"{payload} {answer}"
    if place == "after":
        return f"{answer} {payload}"
    cut = answer.index(". ") + 2
    return f"{answer[:cut]}{payload} {answer[cut:]}"


@lru_cache(maxsize=2)
def before(quality: str) -> tuple[AnswerFeedback, float]:
    question, answer = of("t03", quality)
    return read(question, answer), total(question, answer)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_in_an_answer_it_earns_nothing_and_is_flagged(payload: str, place: str) -> None:
    quality = "weak" if place == "after" else "strong"
    question, answer = of("t03", quality)
    told = planted(answer, payload, place)
    given, (usual, overall) = read(question, told), before(quality)
    assert "instructions" in given.flags
    assert all(value <= values(usual)[name] for name, value in values(given).items())
    assert total(question, told) <= overall


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_model_that_obeys_can_quote_nothing_of_it(payload: str) -> None:
    question, answer = of("t03")
    told = f"{answer} {payload}"
    counted = Quotable(masked(told, question.text))
    start = len(answer) + 1
    words = list(re.finditer(r"\S+", told[start:]))
    order = read_answer(told).instructions
    assert order is not None
    inside = [word for word in words if order.start <= start + word.start() < order.end]
    for first, last in zip(inside, inside[3:], strict=False):
        quote = told[start + first.start() : start + last.end()]
        assert counted.find(quote) is None


@pytest.mark.parametrize("place", ["résumé", "job description"])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_on_a_resume_or_in_a_job_it_is_asked_about_by_nobody(payload: str, place: str) -> None:
    planted_in = f"{payload}\n- {payload}\nSkills: {payload}\n"
    resume = LAYOUTS["nurse"] + (planted_in if place == "résumé" else "")
    job = read_job(planted_in + "Leads and mentors nurses.") if place != "résumé" else read_job("")
    units, asked = find_units(resume), list[Slot]()
    for _ in range(5):
        text, choice = word_question(Standing(units, Plan(questions=5), "mid", asked, job))
        asked.append(choice.slot)
        assert unfit(text) is None
        assert not re.search(r"\b(?:score|grade|marks|rubric|rate|instructions|stars)\b", text, re.IGNORECASE)


@cache
def resume_with_all(look: bytes) -> Resume:
    """A PDF with every payload on it, as a server reads it."""
    drawn = [payload.replace("\xa0", " ").replace("\u200b", "") for payload in PAYLOADS]
    return asyncio.run(Reader().read(written(Sheet(lines(drawn, look=look)))))


def unspaced(text: str) -> str:
    """*text* without blanks, those without width among them: a page has none of either."""
    return "".join(text.replace("\u200b", "").split())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hidden_in_a_resume_it_is_found_and_reaches_nobody(payload: str) -> None:
    """White on white; its twin in black is read, so that nothing but its colour keeps it out."""
    hidden, seen = resume_with_all(b"1 g"), resume_with_all(b"0 g")
    spans = [span.text for page in hidden.pages for span in page.spans if span.hidden == "colour"]
    assert unspaced(payload) in unspaced("".join(spans))
    assert unspaced(payload) in unspaced(Material.of(seen).resume)
    material = Material.of(hidden)
    assert "clockmaker of Sankt Alban" in material.resume
    prompt = question_prompt(
        begun(), Slot("impact", "x", "mid"), None, resume=material.resume, job_description="", word=WORD
    )
    question, _ = word_question(
        Standing(find_units(material.resume), Plan(questions=5), "mid", [], read_job(""))
    )
    for told in (*(said.text for said in prompt.turns), prompt.system, question, material.resume):
        assert unspaced(payload) not in unspaced(told)
    assert [(warning.code, warning.page) for warning in material.warnings] == [("hidden_text", 1)]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_prompt_has_it_between_fences_or_not_at_all(payload: str) -> None:
    slot, interview = Slot("impact", "x", "mid"), begun()
    asking = question_prompt(
        interview, slot, None, resume=f"Nurse\n{payload}", job_description=f"Ward\n{payload}", word=WORD
    )
    question, answer = of("t03")
    rubric = criteria(Plan(), "mid")
    counted = masked(f"{answer} {payload}", question.text)
    assessing = assess_prompt(question, counted, rubric, language="en", word=WORD)
    for prompt in (asking, assessing):
        told = "\n".join(said.text for said in prompt.turns)
        outside = re.sub(rf'<(\w+) n="{WORD}">.*?</\1 n="{WORD}">', "", told, flags=re.DOTALL)
        for text in (prompt.system, outside):
            assert payload not in text
            assert len(re.findall(WORD, text)) == 0
        assert told.count(f'n="{WORD}"') % 2 == 0


@pytest.mark.parametrize("payload", PAYLOADS)
def test_as_a_difficulty_it_is_some_level_and_no_part_of_a_prompt(payload: str) -> None:
    assert read_level(payload).name in ("entry", "mid", "senior")
    interview = begun(difficulty=payload[:200])
    prompt = question_prompt(
        interview, Slot("impact", "x", "mid"), None, resume="Nurse", job_description="", word=WORD
    )
    assert payload not in json.dumps([prompt.system, *(said.text for said in prompt.turns)])


@pytest.mark.parametrize("text", ORDINARY)
def test_work_with_marks_and_instructions_is_no_word_to_a_grader(text: str) -> None:
    assert read_answer(f"In March I was in charge of the board. {text} It worked.").instructions is None
