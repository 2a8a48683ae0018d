"""Reading order by geometry: glyphs in, spans out. Only the tests that say so parse a PDF."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator

import pytest

from interview_fsm.events import Span
from interview_fsm.resume import pdf
from interview_fsm.resume.layout import SEARCHED, spans
from interview_fsm.resume.words import Glyph, clean, drop_unseen

from . import columns
from .columns import ORDERS, SHARES, Print, glyphs

IN_FULL = os.environ.get("INTERVIEW_FSM_SOAK") == "1"
SEEDS = 20
"""20 seeds × 6 orders of drawing × 3 widths: the 360 sheets of the specification."""


def text(found: Iterable[Span]) -> str:
    return "".join(span.text + span.after for span in found).strip()


def lines(found: Iterable[Span]) -> list[str]:
    return [line for line in text(found).split("\n") if line]


def read(*printed: Print) -> str:
    return text(spans(glyphs(printed)))


def wrong(seeds: Iterable[int]) -> list[str]:
    """The sheets that are not read line by line as they are to be read."""
    failed = []
    for seed in seeds:
        for share in SHARES:
            failed += misread(columns.sheet(seed, share), seed, f"left column {share}")
    return failed


def wrong_of_three(seeds: Iterable[int]) -> list[str]:
    """The same with three columns."""
    failed = []
    for seed in seeds:
        for shares in columns.THREE:
            failed += misread(columns.three(seed, shares), seed, f"columns {shares}")
    return failed


def misread(sheet: columns.Lines, seed: int, what: str) -> Iterator[str]:
    wanted = [line.text for line in sheet]
    for order in ORDERS:
        drawn = order(sheet, random.Random(seed))
        if lines(spans(glyphs(drawn))) != wanted:
            yield f"seed {seed}, {what}, drawn {order.__name__}"


def test_two_columns_are_read_one_after_the_other_in_whatever_order_they_were_drawn() -> None:
    assert wrong(range(3)) == []


def test_three_columns_are_read_one_after_the_other_in_whatever_order_they_were_drawn() -> None:
    assert wrong_of_three(range(2)) == []


@pytest.mark.slow
def test_all_360_scrambled_sheets_of_three_columns_are_read_right() -> None:
    assert wrong_of_three(range(SEEDS if IN_FULL else 4)) == []


@pytest.mark.slow
def test_all_360_scrambled_sheets_are_read_right() -> None:
    assert wrong(range(SEEDS if IN_FULL else 6)) == []


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.__name__)
def test_a_scrambled_pdf_is_read_right(order: columns.Order) -> None:
    sheet = columns.sheet(7, 0.5)
    resume = pdf.read_document(columns.pdf(order(sheet, random.Random(1))))
    assert [line for line in resume.text.split("\n") if line] == [line.text for line in sheet]


def test_words_are_told_apart_by_their_gaps_where_no_space_was_drawn() -> None:
    size = 10.0
    wide = columns.width("Bremen,", size)
    near = Print("Bremen,", 50, 100, size), Print("Germany", 50 + wide + 0.25 * size, 100, size)
    touching = Print("Bre", 50, 100, size), Print("men", 50 + columns.width("Bre", size), 100, size)
    assert read(*near) == "Bremen, Germany"
    assert read(*touching) == "Bremen"


def test_a_drawn_space_parts_words_however_narrow_it_is() -> None:
    first = list(glyphs([Print("one", 50, 100, 10)]))
    end = first[-1].x1
    space = Glyph(" ", end, 92, end + 0.2, 102, 100, 10)
    after = glyphs([Print("two", end + 0.2, 100, 10)])
    assert text(spans([*first, space, *after])) == "one two"


def spaced_out(text: str, x: float, gap: float) -> list[Print]:
    """*text* letter by letter, as a style for titles or a width between letters makes it."""
    printed = []
    for letter in text:
        if letter != " ":
            printed.append(Print(letter, x, 100, 12))
        x += columns.width(letter, 12) + gap
    return printed


def test_a_title_with_wide_gaps_between_its_letters_is_read_as_words() -> None:
    assert read(*spaced_out("WORK EXPERIENCE", 50, 3.5)) == "WORK EXPERIENCE"


def test_letters_with_drawn_spaces_between_them_stay_apart() -> None:
    assert read(Print("Licences A B C D E F", 50, 100, 12)) == "Licences A B C D E F"


def test_a_small_raised_figure_stays_in_its_line() -> None:
    end = 50 + columns.width("the 2", 10)
    printed = Print("the 2", 50, 100, 10), Print("nd", end, 96.5, 6.5), Print("time", 100, 100, 10)
    assert read(*printed) == "the 2 nd time"


def test_a_large_figure_does_not_draw_two_lines_into_one() -> None:
    page = [Print("7", 30, 108, 36)]
    page += [Print("In my spare time I read", 60, 100, 10), Print("lots of old timetables.", 60, 112, 10)]
    found = read(*page)
    assert "I read" in found
    assert "lots of old" in found
    assert "read lots" not in " ".join(found.split("\n")[0].split())


def test_a_date_at_the_right_stays_with_its_line() -> None:
    jobs = [("Engineer, Arkwright", "2020"), ("Trainee, Osterby", "2018"), ("Intern, Pellworm", "2017")]
    page = []
    for row, (job, year) in enumerate(jobs):
        page += [Print(job, 50, 100 + 14 * row, 10), Print(year, 500, 100 + 14 * row, 10)]
    assert read(*page).split("\n") == [f"{job} {year}" for job, year in jobs]


def test_dates_beside_a_list_stand_behind_the_title_and_never_inside_a_sentence() -> None:
    page = [
        Print("Lead designer, Moonhollow", 50, 100, 10),
        Print("Tarnwick", 480, 100, 10),
        Print("• Redesigned the opening after watching thirty players get lost; the share", 50, 112, 10),
        Print("May 2022", 480, 112, 10),
        Print("that comes back grew by a third.", 58, 124, 10),
        Print("4 years", 480, 124, 10),
        Print("• Built a library.", 50, 136, 10),
    ]
    assert read(*page).split("\n") == [
        "Lead designer, Moonhollow Tarnwick",
        "May 2022",
        "4 years",
        "• Redesigned the opening after watching thirty players get lost; the share",
        "that comes back grew by a third.",
        "• Built a library.",
    ]


def test_an_item_never_goes_on_with_the_item_above_it() -> None:
    page = [
        Print("• Tested, kept and released,", 50, 100, 10),
        Print("2020", 480, 100, 10),
        Print("• planned and documented", 50, 112, 10),
        Print("2019", 480, 112, 10),
    ]
    assert read(*page) == "• Tested, kept and released, 2020\n• planned and documented 2019"


def test_a_section_title_that_wraps_in_the_margin_is_read_in_one_piece() -> None:
    page = [
        Print("RESEARCH", 50, 100, 10),
        Print("EXPERIENCE", 50, 112, 10),
        Print("Institute for Patient Chemistry, Lindgrove", 125, 100, 10),
        Print("• Research assistant to two professors", 125, 112, 10),
        Print("• Wrote reports", 125, 124, 10),
    ]
    assert read(*page).split("\n")[:3] == [
        "RESEARCH",
        "EXPERIENCE",
        "Institute for Patient Chemistry, Lindgrove",
    ]


def test_a_table_is_read_row_by_row() -> None:
    rows = [("Skill", "Level", "Years"), ("Welding", "advanced", "14"), ("Estimating", "advanced", "7")]
    rows += [("Diagnosis", "expert", "9"), ("Training", "expert", "6")]
    page = [
        Print(cell, x, 100 + 16 * row, 10)
        for row, cells in enumerate(rows)
        for x, cell in zip((50, 250, 350), cells, strict=True)
    ]
    assert read(*page).split("\n") == [" ".join(row) for row in rows]


def test_three_columns_are_read_from_left_to_right() -> None:
    page, wanted = [], []
    for column, x in enumerate((40.0, 220.0, 400.0)):
        for row in range(12):
            line = f"column {column} says that line {row} goes"
            wanted.append(line)
            page.append(Print(line, x, 100 + 13 * row + 4 * column, 9))
    chance = random.Random(3)
    assert lines(spans(glyphs(chance.sample(page, len(page))))) == wanted


def test_colour_size_and_place_of_each_run_are_kept() -> None:
    black = [glyph._replace(colour=(0.0,)) for glyph in glyphs([Print("seen", 50, 100, 10)])]
    white = [glyph._replace(colour=(1.0,)) for glyph in glyphs([Print("unseen", 80, 100, 10)])]
    small = [glyph._replace(colour=(1.0,)) for glyph in glyphs([Print("tiny", 120, 100, 3)])]
    first, second, third = spans([*black, *white, *small])
    assert (first.text, first.colour, first.size, first.after) == ("seen", (0.0,), 10.0, " ")
    assert (second.text, second.colour, second.after) == ("unseen", (1.0,), " ")
    assert (third.text, third.size, third.after) == ("tiny", 3.0, "\n\n")
    assert first.box == (50.0, 92.5, round(50 + columns.width("seen", 10), 2), 102.5)


@pytest.mark.parametrize(
    ("drawn", "seen"),
    [
        ("(cid:131)", ""),
        ("tele(cid:3)phone", "telephone"),
        ("\ue0a1", ""),
        ("high\u00adimpact", "high-impact"),
        ("\ufb01rst e\ufb00ort", "first effort"),
        ("a\x07b\u202ec\U000e0041", "abc"),
        ("1\u00a0000", "1 000"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_what_is_no_text_is_left_out(drawn: str, seen: str) -> None:
    assert clean(drawn) == seen


def test_a_sign_without_a_letter_before_an_item_is_a_bullet() -> None:
    sign = Glyph("(cid:127)", 50, 92, 54, 102, 100, 10)
    assert text(spans([sign, *glyphs([Print("Trained 24 colleagues", 60, 100, 10)])])) == (
        "• Trained 24 colleagues"
    )


def test_line_ends_and_tabs_are_seen() -> None:
    assert drop_unseen("a\n\tb\u2028c\x0b") == "a\n\tb\nc"


def test_an_empty_page_has_no_spans() -> None:
    assert spans([]) == []


def test_a_page_with_more_pieces_than_anyone_writes_is_read_row_by_row() -> None:
    side = range(SEARCHED // 40 + 1)
    page = [Print("x", 12 * column, 12 * row, 4) for row in side for column in range(40)]
    assert lines(spans(glyphs(page))) == [" ".join("x" * 40)] * len(side)


def test_a_justified_line_with_a_wide_gap_stays_in_one_piece() -> None:
    text = ["And I am always looking", "for new exciting", "and interdisciplinary", "projects worldwide."]
    end = 50 + columns.width(text[0], 10)
    left, right = text[2].split(" ")
    page = [
        Print(text[0], 50, 100, 10),
        *justified(text[1].split(" "), 50, end, 112),
        *justified([left, right], 50, end, 124),
        Print(text[3], 50, 136, 10),
        # beside it, so that the pieces of a line would be read with other lines
        *(Print(word, 260, 100 + 12 * row, 10) for row, word in enumerate(("One", "Two", "Three", "Four"))),
    ]
    assert "\n".join(text) in read(*page)


def justified(words: list[str], x0: float, x1: float, baseline: float) -> list[Print]:
    gap = (x1 - x0 - sum(columns.width(word, 10) for word in words)) / (len(words) - 1)
    printed = []
    for word in words:
        printed.append(Print(word, x0, baseline, 10))
        x0 += columns.width(word, 10) + gap
    return printed
