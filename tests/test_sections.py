"""What is told about a résumé before anything is asked: its sections and how much questions may build on."""

from __future__ import annotations

import pytest

from interview_fsm.coaching.evidence import MAX_TEXT, find_evidence
from interview_fsm.coaching.sections import MAX_SECTIONS, Section, outline

from .coach_data import LAYOUTS

RESUME = """Ada Example
ada@example.com

Professional Experience
=======================
Software Engineer, Quillfeather Ltd, 2019 - 2024
- Rewrote the export and cut its run time from 3 hours to 20 minutes

S K I L L S:
Python, SQL
EDUCATION Northern University
BSc Mathematics, 2019
"""


def test_sections_come_in_order_with_their_words_and_lines() -> None:
    assert outline(RESUME).sections == (
        Section("", "", 2),
        Section("Professional Experience", "experience", 2),
        Section("S K I L L S", "skill", 1),
        Section("EDUCATION", "education", 2),  # a heading in the margin: the line beside it counts
    )


def test_a_section_that_occurs_twice_is_told_twice_and_an_empty_one_with_no_lines() -> None:
    twice = "Experience\nNurse, Ward 7, 2020 - 2021\n\nExperience\nCook, Inn, 2018\n\nSkills\n"
    assert [(each.heading, each.lines) for each in outline(twice).sections] == [
        ("Experience", 1),
        ("Experience", 1),
        ("Skills", 0),
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_counts_each_line_once_and_all_the_evidence(layout: str) -> None:
    text = LAYOUTS[layout]
    told = outline(text)
    written = [line for line in text.splitlines() if any(map(str.isalnum, line))]
    headings = sum(1 for each in told.sections if each.heading in map(_bare, written))
    assert sum(each.lines for each in told.sections) == len(written) - headings
    assert sum(told.evidence.values()) == len(find_evidence(text))
    assert list(told.evidence.values()) == sorted(told.evidence.values(), reverse=True)


def _bare(line: str) -> str:
    return line.strip().strip(":.-–—_=#*| ")


def test_a_text_without_headings_is_one_section_and_none_has_none() -> None:
    assert [each.heading for each in outline(LAYOUTS["retail_prose"]).sections] == [""]
    assert outline(" \n\f\n").sections == ()
    assert outline("").evidence == {}


def test_a_text_of_nothing_but_headings_makes_no_endless_list() -> None:
    told = outline("Skills\n" * 60 + "Python, SQL\n" * MAX_TEXT)
    assert len(told.sections) == MAX_SECTIONS
    assert told.sections[-1].lines > 1000
