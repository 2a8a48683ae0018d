"""The plain-text dialect, frame by frame, without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interview_fsm import protocol
from interview_fsm.errors import AdapterError, BadMessage, InvalidCommand
from interview_fsm.protocol import Line, Opening, Word
from interview_fsm.states import Trigger


@pytest.mark.parametrize(
    ("text", "link", "questions"),
    [
        ("https://example.com/myresume.pdf;3", "https://example.com/myresume.pdf", 3),
        ("https://example.com/cv;v=2.pdf;50", "https://example.com/cv;v=2.pdf", 50),
        ("  http://example.com/cv.pdf ; 1 \n", "http://example.com/cv.pdf", 1),
        ("https://example.com/a.pdf;007", "https://example.com/a.pdf", 7),
    ],
)
def test_an_opening_is_split_at_its_last_semicolon(text: str, link: str, questions: int) -> None:
    assert protocol.parse_opening(text) == Opening(link, questions)
    assert protocol.is_opening(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        ";3",
        "https://example.com/cv.pdf",
        "https://example.com/cv.pdf;",
        "https://example.com/cv.pdf;three",
        "https://example.com/cv.pdf;-1",
        "https://example.com/cv.pdf;+3",
        "https://example.com/cv.pdf;3.0",
        "https://example.com/cv.pdf;３",
        "https://example.com/cv.pdf;1234567890",
        "start_interview",
        '{"type": "create_session"}',
    ],
)
def test_what_is_no_opening_hears_what_one_looks_like(text: str) -> None:
    with pytest.raises(BadMessage, match=r"like https://example\.com/myresume\.pdf;3$"):
        protocol.parse_opening(text)
    assert protocol.is_opening(text) is False


@pytest.mark.parametrize("count", ["0", "51", "999999999"])
def test_a_count_out_of_range_hears_the_range(count: str) -> None:
    with pytest.raises(BadMessage, match=f"1 to 50 questions, not {int(count)}"):
        protocol.parse_opening(f"https://example.com/cv.pdf;{count}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("start_interview", Line(Word.START)),
        (" start_interview\n", Line(Word.START)),
        ("difficulty:entry-level", Line(Word.DIFFICULTY, "entry-level")),
        ("difficulty: as hard as it gets: go", Line(Word.DIFFICULTY, "as hard as it gets: go")),
        ("difficulty:", Line(Word.DIFFICULTY, "")),
        ("record_answer", Line(Word.RECORD)),
        ("answer:I did: this", Line(Word.ANSWER, "I did: this")),
        ("answer:one\ntwo", Line(Word.ANSWER, "one\ntwo")),
        ("analyze", Line(Word.ANALYZE)),
        ("stop_interview", Line(Word.STOP)),
    ],
)
def test_each_line_is_understood(text: str, line: Line) -> None:
    assert protocol.parse_line(text) == line


@pytest.mark.parametrize(
    "text", ["", "difficulty", "answer", "start_interview:now", "Start_Interview", "next", "analyze:", ":x"]
)
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        protocol.parse_line(text)


@given(st.text(max_size=200))
def test_no_text_breaks_the_parsers(text: str) -> None:
    for parse in (protocol.parse_opening, protocol.parse_line):
        try:
            parse(text)
        except BadMessage as problem:
            assert protocol.error(problem).startswith("Error: ")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=100), st.integers(1, 50))
def test_every_link_without_outer_space_comes_back(link: str, questions: int) -> None:
    link = link.strip()
    if link:
        assert protocol.parse_opening(f"{link};{questions}") == Opening(link, questions)


def test_a_refusal_names_the_reason_and_what_is_possible_in_the_words_of_the_dialect() -> None:
    refused = InvalidCommand("analyze", "idle", ("start_interview",), "the interview is idle")
    allowed = (Trigger.CHOOSE_DIFFICULTY, Trigger.NEXT_QUESTION, Trigger.SUBMIT_ANSWER)
    assert protocol.error(refused, allowed) == (
        "Error: The interview is idle. Possible now: difficulty:LEVEL, answer:TEXT."
    )


def test_an_error_is_a_sentence() -> None:
    assert protocol.error(AdapterError("sqlite", "storage_unavailable", "the disk is full")) == (
        "Error: The disk is full."
    )
    assert (
        protocol.error("Nothing was heard.", ()) == "Error: Nothing was heard. Nothing is possible any more."
    )


@pytest.mark.parametrize("said", ["Really?", "Stop!", "So it is.", "like " + protocol.EXAMPLE])
def test_a_sentence_that_ends_is_left_as_it_is(said: str) -> None:
    assert protocol.sentence(said) == said[:1].upper() + said[1:]


def test_each_command_of_the_dialect_is_named_as_it_is_written() -> None:
    words = ["start_interview", "difficulty:LEVEL", "record_answer", "answer:TEXT", "analyze"]
    words.append("stop_interview")
    assert sorted(protocol.SPELLINGS.values()) == sorted(words)
    assert protocol.possible([Trigger.RECORD_ANSWER]) == "Possible now: record_answer."


def test_the_numbers_of_the_wire_are_those_that_clients_were_written_for() -> None:
    codes = {name: value for name, value in vars(protocol).items() if name.startswith("CLOSE_")}
    assert codes == {
        "CLOSE_DONE": 1000,
        "CLOSE_POLICY": 1008,
        "CLOSE_TOO_BIG": 1009,
        "CLOSE_ERROR": 1011,
        "CLOSE_RESTART": 1012,
        "CLOSE_BUSY": 1013,
        "CLOSE_NO_DIALECT": 4400,
        "CLOSE_NO_ACCESS": 4401,
        "CLOSE_NO_SUBPROTOCOL": 4406,
        "CLOSE_IDLE": 4408,
        "CLOSE_TAKEN": 4409,
        "CLOSE_TOO_MANY": 4429,
    }
    assert (protocol.MAX_FRAME, protocol.MAX_BINARY) == (64 * 1024, 256 * 1024)
    assert protocol.SUBPROTOCOL == "interview-fsm.v1"
