"""What the child says, asked in this process; what it may do is shown in test_reader."""

from __future__ import annotations

import io
import subprocess
import sys

import msgspec
import pytest
from reportlab.pdfgen.canvas import Canvas

from interview_fsm.resume import pdf
from interview_fsm.resume.worker import SPANS_A_PART, Done, Failed, Message, Part, is_pdf, reply

from . import hostile
from .make_resumes import FOLDER


def said(document: bytes) -> list[Message]:
    return list(reply(document, networked=False))


def strewn(words: int) -> bytes:
    """A page with so many words far apart."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(2_000, 2_000), invariant=1)
    for number in range(words):
        canvas.drawString(20 + 60 * (number % 30), 1_980 - 20 * (number // 30), f"w{number}")
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def test_a_document_is_its_pages_and_an_end() -> None:
    *parts, done = said((FOLDER / "two_pages.pdf").read_bytes())
    assert [part.page.number for part in parts if isinstance(part, Part)] == [1, 2]
    assert done == Done("application/pdf")


def test_a_page_of_very_many_spans_comes_in_parts() -> None:
    *parts, _ = said(strewn(2 * SPANS_A_PART + 1))
    counts = [len(part.page.spans) for part in parts if isinstance(part, Part)]
    assert counts == [SPANS_A_PART, SPANS_A_PART, 1]
    assert {part.page.number for part in parts if isinstance(part, Part)} == {1}


@pytest.mark.parametrize(
    ("document", "failed"),
    [
        ((FOLDER / "encrypted.pdf").read_bytes(), Failed("encrypted")),
        ((FOLDER / "scanned.pdf").read_bytes(), Failed("empty", pages=2, pictures=True)),
        (hostile.rubbish(), Failed("malformed")),
        (hostile.no_pages(), Failed("malformed")),
        (b"\xff\xfe", Failed("not_text")),
    ],
)
def test_what_cannot_be_read_is_named(document: bytes, failed: Failed) -> None:
    assert said(document) == [failed]


def test_text_needs_no_parser() -> None:
    part, done = said(b"# Anselm Duquesne")
    assert isinstance(part, Part)
    assert part.page.spans[0].text == "Anselm Duquesne"
    assert done == Done("text/markdown")


def test_memory_that_ran_out_inside_of_another_error_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_document: object) -> None:
        try:
            raise MemoryError
        except MemoryError as error:
            raise ValueError("no stream") from error

    monkeypatch.setattr(pdf.pdfplumber, "open", full)
    assert said(b"%PDF-1.4") == [Failed("memory")]


def test_memory_that_ran_out_on_a_page_ends_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(pdf, "_page", full)
    assert said((FOLDER / "prose.pdf").read_bytes()) == [Failed("memory")]


def test_a_document_without_a_readable_page_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise TypeError("a parser's own")

    monkeypatch.setattr(pdf, "_page", broken)
    assert said((FOLDER / "prose.pdf").read_bytes()) == [Failed("malformed")]


@pytest.mark.parametrize(("before", "is_one"), [(0, True), (1_019, True), (1_020, False)])
def test_a_pdf_says_so_within_its_first_1024_bytes(before: int, is_one: bool) -> None:
    assert is_pdf(b" " * before + b"%PDF-1.7") is is_one


@pytest.mark.parametrize(
    ("value", "colour"),
    [
        ((0.5,), (0.5,)),
        ((1, 0, 2), (1.0, 0.0, 1.0)),
        ((0, 0, 0, 1), (0.0, 0.0, 0.0, 1.0)),
        (None, None),
        (("P1",), None),
    ],
)
def test_colours_are_numbers_between_nought_and_one(value: object, colour: object) -> None:
    assert pdf._colour(value) == colour


def test_every_message_goes_through_json_unchanged() -> None:
    decoder = msgspec.json.Decoder(Message)
    for message in (*said((FOLDER / "sidebar.pdf").read_bytes()), Failed("empty", 3, True)):
        assert decoder.decode(msgspec.json.encode(message)) == message


@pytest.mark.parametrize("module", ["worker", "reader"])
def test_no_parser_is_imported_before_the_limits_are_set(module: str) -> None:
    code = f"import sys, interview_fsm.resume.{module}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert not {"pdfplumber", "pdfminer", "pypdfium2"} & set(run.stdout.split())
