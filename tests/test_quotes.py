"""A quote is found where it stands, however it is typed; what was not said is never found."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interview_fsm.coaching.quotes import Answer, find_quote
from tests.coach_data import triples

ANSWERS = [answer["text"] for triple in triples() for answer in triple["answers"].values()]
GOLD = [(a["text"], q) for t in triples() for a in t["answers"].values() for q in a["gold_quotes"]]
BAD = [(a["text"], q) for t in triples() for a in t["answers"].values() for q in a["bad_quotes"]]

SAID = (
    "In 2023 it wasn't the database’s fault; p95 fell by 1.8 points – from 2,100 to 640 ms – and the "
    "non-compliant cases didn't come back. The café in the Maßstraße was at -5 degrees. "
    "Our well-known supplier can't deliver 3.50 dollars' worth of “fresh” fish…"
)

WORDS = st.lists(
    st.from_regex(r"[a-zäöüéßñ]{2,8}[.,;!?]?", fullmatch=True), min_size=8, max_size=40, unique=True
)
SPACES = st.lists(st.sampled_from([" ", "  ", "\n", "\t", "\u00a0", " \r\n "]), min_size=40, max_size=40)
CASES = st.sampled_from([str, str.upper, str.lower, str.title, str.swapcase])


def slices(words: list[str]) -> st.SearchStrategy[tuple[int, int]]:
    starts = st.integers(0, len(words) - 3)
    return starts.flatmap(lambda start: st.tuples(st.just(start), st.integers(start + 3, len(words))))


# ----------------------------------------------------------------------------- what was said is found


@pytest.mark.parametrize(("answer", "quote"), GOLD)
def test_every_true_quote_is_a_slice(answer: str, quote: str):
    found = find_quote(quote, answer)
    assert found is not None
    assert answer[found.start : found.end] == found.text


@given(st.data())
def test_any_slice_of_three_words_or_more_is_found(data: st.DataObject):
    answer = data.draw(st.sampled_from(ANSWERS))
    words = answer.split()
    start, end = data.draw(slices(words))
    quote = " ".join(words[start:end])
    found = find_quote(quote, answer)
    assert found is not None
    assert answer[found.start : found.end] == found.text
    assert found.text.strip(".,;:?!") == quote.strip(".,;:?!")


def test_of_two_places_the_one_that_is_spelled_the_same_is_found():
    answer = "We saw it was a lookup. It was a slow one, and IT WAS A shame."
    for quote in ("It was a", "it was a", "IT WAS A"):
        found = find_quote(f"“{quote}”", answer)
        assert found is not None
        assert found.text == quote
    found = find_quote("It Was A", answer)
    assert found is not None
    assert found.start == answer.index("it was a")


@given(WORDS, SPACES, CASES, st.data())
def test_a_slice_is_found_whatever_the_spaces_and_the_case(words, spaces, case, data: st.DataObject):
    answer = "".join(word + space for word, space in zip(words, spaces, strict=False))
    start, end = data.draw(slices(words))
    found = find_quote(case(" ".join(words[start:end])), answer)
    assert found is not None
    assert answer[found.start : found.end] == found.text
    assert found.text.split()[0].rstrip(".,;!?") == words[start].rstrip(".,;!?")


@pytest.mark.parametrize(
    "quote",
    [
        "it wasn’t the database's fault",
        "IT WASN'T THE DATABASE`S FAULT",
        "“fell by 1.8 points”",
        "points - from 2,100 to 640 ms",
        "points — from 2,100 to 640 ms -",
        "the non‑compliant cases didn't come back.",
        "the cafe\u0301 in the MASSSTRASSE",
        "was at -5 degrees",
        "was at −5 degrees",
        'worth of "fresh" fish...',
        "ｐ９５ fell by 1.8",
        "* fell by 1.8 points *",
        "- fell by 1.8 points -",
        "— fell by 1.8 points",
        "fell\u200b by 1.8 points",
    ],
)
def test_ways_of_typing_the_same_are_the_same(quote: str):
    found = find_quote(quote, SAID)
    assert found is not None
    assert SAID[found.start : found.end] == found.text
    assert found.text == found.text.strip("“”*. ")


def test_offsets_hold_where_letters_take_more_room_when_folded():
    answer = "Die ﬁnale Maßnahme kostete ½ Tag, dann lief es…"
    found = find_quote("maßnahme kostete ½ tag", answer)
    assert found is not None
    assert found.text == "Maßnahme kostete ½ Tag"
    assert answer[found.start : found.end] == found.text


@pytest.mark.parametrize(
    ("answer", "quote"),
    [
        ("It was -5 degrees outside", "-5 degrees outside"),
        ("It was −5 degrees outside", "– -5 degrees outside"),
        ("It was -5 degrees outside", "(-5 degrees outside)"),
        ("-5 degrees it was", "-5 degrees it was"),
        ("I said so", "I said so"),
        ("Then we fixed it all, truly", "– we fixed it all –"),
    ],
)
def test_a_sign_is_kept_and_a_dash_is_not(answer: str, quote: str):
    found = find_quote(quote, answer)
    assert found is not None
    assert found.text.replace("−", "-") == quote.strip("–() ")


@pytest.mark.parametrize(
    ("answer", "quote"),
    [
        ("I had ½ of the people", "2 of the people"),  # cut in the middle of one sign
        ("½ of the people stayed", "2 of the people stayed"),
        ("All that remained was ½", "all that remained was 1"),
        ("5 degrees it was outside", "-5 degrees it was outside"),
        ("It was -5 degrees outside", "5 degrees outside"),
        ("t can happen to us", "can happen to u"),
        ("As for ⑴ we did it all", "1) we did it all"),
    ],
)
def test_what_begins_or_ends_within_a_sign_or_a_word_is_not_found(answer: str, quote: str):
    assert find_quote(quote, answer) is None


def test_scripts_without_spaces_are_found_by_their_characters():
    answer = "私は昨年の夏に新しい在庫管理システムを一人で設計しました。"
    found = find_quote("新しい在庫管理システムを一人で", answer)
    assert found is not None
    assert found.text == "新しい在庫管理システムを一人で"


def test_a_quote_is_kept_once_and_what_is_not_there_is_counted():
    quotes, dropped = Answer(SAID).find_all(
        ["fell by 1.8 points", "Fell by 1.8 points!", "rose by 1.8 points", "of"]
    )
    assert [quote.text for quote in quotes] == ["fell by 1.8 points"]
    assert dropped == 2


# -------------------------------------------------------------------------- what was not said is not


@pytest.mark.parametrize(("answer", "quote"), BAD)
def test_no_false_quote_is_found(answer: str, quote: str):
    assert find_quote(quote, answer) is None


@pytest.mark.parametrize(
    "quote",
    [
        "fell by 1",  # cut in the middle of a figure
        "p95 fell by 1",
        "8 points – from 2,100",
        "from 2,100 to 64",
        "100 to 640 ms",
        "at 5 degrees. Our",  # the sign is part of it
        "5 degrees. Our well-known",
        "compliant cases didn't come",  # so is a prefix
        "known supplier can't deliver",
        "our well-known supplier can",  # and a "not"
        "and the non-compliant cases did",
        "it was the database’s fault",
        "the database’s fault p95 fell",  # joined
        "In 2023 … p95 fell by 1.8",
        "In 2023 [...] p95 fell",
        "tabase’s fault; p95",
        "",
        "…",
        "fish",
        "the a",
        "—————————————————",
    ],
)
def test_what_is_cut_joined_changed_or_too_short_is_not_found(quote: str):
    assert find_quote(quote, SAID) is None


@given(WORDS, st.integers(10, 10**6), st.integers(1, 9), st.data())
def test_a_changed_figure_is_never_found(words, figure, other, data: st.DataObject):
    place = data.draw(st.integers(1, len(words) - 2))
    said = [*words[:place], str(figure), *words[place:]]
    start = data.draw(st.integers(0, place - 1))
    end = data.draw(st.integers(place + 2, len(said)))
    changed = data.draw(
        st.sampled_from(
            [figure + other, figure * 10 + other, figure // 10, f"{figure}.{other}", f"-{figure}"]
        )
    )
    quote = [*said[start:place], str(changed), *said[place + 1 : end]]
    assert find_quote(" ".join(said[start:end]), " ".join(said)) is not None
    assert find_quote(" ".join(quote), " ".join(said)) is None


@given(WORDS, st.sampled_from(["not", "never", "no", "hardly", "without"]), st.data())
def test_a_negation_taken_out_or_put_in_is_never_found(words, negation, data: st.DataObject):
    place = data.draw(st.integers(1, len(words) - 2))
    denied = [*words[:place], negation, *words[place:]]
    start = data.draw(st.integers(0, place - 1))
    end = data.draw(st.integers(place + 2, len(words)))
    assert find_quote(" ".join(words[start:end]), " ".join(denied)) is None
    assert find_quote(" ".join([*words[start:place], negation, *words[place:end]]), " ".join(words)) is None


@given(st.sampled_from(ANSWERS), st.data())
def test_words_in_another_order_are_never_found(answer: str, data: st.DataObject):
    words = answer.split()
    start, end = data.draw(slices(words))
    mixed = data.draw(st.permutations(words[start:end]))
    said = re.sub(r"\W+", " ", answer).casefold()
    if re.sub(r"\W+", " ", " ".join(mixed)).strip().casefold() not in said:
        assert find_quote(" ".join(mixed), answer) is None


@given(st.text(max_size=60), st.text(max_size=200))
def test_whatever_is_found_is_a_slice_and_stands_alone(quote: str, answer: str):
    found = find_quote(quote, answer + quote + answer)
    if found is not None:
        whole = answer + quote + answer
        assert whole[found.start : found.end] == found.text != ""
