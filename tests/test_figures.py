"""Figures are read as numbers, however they are written; what only counts parts of a text claims nothing."""

from __future__ import annotations

import pytest

from interview_fsm.coaching.figures import claims_nothing, figures, portions


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("from 2.1 s to 640 ms at p95", [2.1, 640, 95]),
        ("1,200 merchants, 1.200.000 users", [1200, 1_200_000]),
        ("2,5 Minuten", [2.5]),
        ("version 3.11.2", [3]),
        ("$2m, 3k, 4bn and 5 million", [2_000_000, 3_000, 4_000_000_000, 5_000_000]),
        ("5 metres, 5 more", [5, 5]),
        ("twenty-five and forty", [25, 40]),
        ("two hundred and fifty thousand", [250_000]),
        ("two million three hundred thousand and six", [2_300_006]),
        ("a hundred, a dozen, three dozen", [100, 12, 36]),
        ("sixteen, sixty, six", [16, 60, 6]),
        ("two point one seconds", [2.1]),
        ("six and a half minutes", [6.5]),
        ("the ninth week", [9]),
        ("someone often weighs tension", []),
        ("", []),
    ],
)
def test_a_figure_is_the_number_that_it_says(text: str, values: list[float]) -> None:
    found = sorted(figures(text), key=lambda figure: figure.start)
    assert [value for figure in found for value in figure.values] == values
    assert all(text[each.start : each.end] == each.text for each in found)


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("2 million", 2),
        ("1.000", 1),
        ("1.000", 1000),
        ("3.11.2", 11),
        ("twenty twenty three", 2023),
        ("one fifty", 150),
    ],
)
def test_a_figure_may_be_read_otherwise_as_well(text: str, reading: float) -> None:
    assert any(reading in figure.readings for figure in figures(text))


def test_only_digits_are_read_where_words_are_of_another_language() -> None:
    assert [figure.text for figure in figures("Seven of 8", words=False)] == ["8"]


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ("one nurse", True),
        ("two clear sentences", True),
        ("all three of the parts", True),
        ("two to three options", True),
        ("1–2 sentences", True),
        ("all four.", True),
        ("these two are linked", True),
        ("answer 3 is shorter", True),
        ("it scores 4", True),
        ("3 out of 5", True),
        ("the 2nd time", True),
        ("two nurses", False),
        ("all nine surgeons", False),
        ("all four surgeons", False),
        ("two surgeons of three parts", False),
        ("eleven parts", False),
        ("the 9th time", False),
        ("three times faster", False),
        ("nine people, two sentences", False),
    ],
)
def test_parts_of_a_text_may_be_counted(text: str, nothing: bool) -> None:
    first = min(figures(text), key=lambda figure: figure.start)
    assert claims_nothing(text, first) is nothing


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Costs were halved, and sales doubled.", ["half", "double"]),
        ("by a third, two thirds", ["third", "third"]),
        ("a third of them", ["third"]),
        ("a third reason", []),
        ("the first half, half of the answer, half your story", []),
        ("dozens of people, millions of users", ["dozen", "million"]),
        ("double-check it", []),
        ("twice as fast, said twice", ["double"]),
    ],
)
def test_shares_and_multiples_are_figures(text: str, kinds: list[str]) -> None:
    assert [each.kind for each in portions(text)] == kinds
