"""Résumés in real layouts, read by a child, against what a person sees on the rendered page."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from reportlab.pdfgen.canvas import Canvas

from interview_fsm.errors import ResumeError
from interview_fsm.events import Resume
from interview_fsm.resume.pdf import read_document
from interview_fsm.resume.reader import Reader

from .make_resumes import DEMO, FOLDER, MAKERS, demo

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "resumes"
BULLETS = dict.fromkeys(map(ord, "•◦▪▫■□●○◆◇‣⁃∙·"), " ")

Expectation = dict[str, Any]


@dataclass
class Misses:
    """What a reader sees and the text does not have, and how many things were looked for."""

    asked: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("facts", "wrap", "order", "apart"), 0)
    )
    missed: dict[str, list[str]] = field(
        default_factory=lambda: {"facts": [], "wrap": [], "order": [], "apart": []}
    )

    def see(self, kind: str, wanted: str, found: bool) -> None:
        self.asked[kind] += 1
        if not found:
            self.missed[kind].append(wanted)

    @property
    def found(self) -> dict[str, int]:
        return {kind: self.asked[kind] - len(missed) for kind, missed in self.missed.items()}


def compared(text: str) -> str:
    """*text* as the expectations compare it (the README beside them has the rules)."""
    text = re.sub(r"\(cid:\d+\)", "", unicodedata.normalize("NFKC", text)).replace("\u00ad", "-")
    text = re.sub(r"-[ \t]*\n\s*(?=[^\W\d_])(?![A-ZÀ-Þ])", "", text.translate(BULLETS))
    return " ".join(text.split()).casefold()


def check(text: str, expected: Expectation, misses: Misses) -> None:
    whole = compared(text)
    for fact in (expected["name"], *expected["facts"]):
        misses.see("facts", fact, compared(fact) in whole)
    for sentence in expected["wrap"]:
        misses.see("wrap", sentence, compared(sentence) in whole)
    for markers in expected["order"]:
        place = 0
        for marker in markers:
            at = whole.find(compared(marker), place)
            misses.see("order", marker, at >= 0)
            place = max(place, at + 1)
    lines = [compared(line) for line in text.split("\n")]
    for one, other in expected["apart"]:
        together = any(compared(one) in line and compared(other) in line for line in lines)
        misses.see("apart", f"{one} | {other}", not together)


def read_all(folder: Path, names: list[str]) -> dict[str, Resume]:
    async def read() -> dict[str, Resume]:
        reader = Reader(queue=len(names))
        found = await asyncio.gather(*(reader.read((folder / name).read_bytes()) for name in names))
        return dict(zip(names, found, strict=True))

    return asyncio.run(read())


@cache
def expectations(folder: Path) -> dict[str, Expectation]:
    return dict(json.loads((folder / "expectations.json").read_text(encoding="utf-8")))


def readable(folder: Path) -> list[str]:
    return [name for name, expected in expectations(folder).items() if "error" not in expected]


def score(folder: Path) -> Misses:
    misses = Misses()
    for name, resume in read_all(folder, readable(folder)).items():
        check(resume.text, expectations(folder)[name], misses)
        assert len(resume.pages) == expectations(folder)[name]["pages"], name
    print(folder.name, {kind: f"{misses.found[kind]} of {asked}" for kind, asked in misses.asked.items()})
    return misses


def test_every_own_resume_is_read_as_a_person_reads_it() -> None:
    misses = score(FOLDER)
    assert misses.missed == {"facts": [], "wrap": [], "order": [], "apart": []}
    assert misses.asked["facts"] >= 30
    assert misses.asked["wrap"] >= 15


def test_real_resumes_are_read_as_a_person_reads_them() -> None:
    if not SHARED.is_dir():
        if os.environ.get("CI"):
            pytest.fail("the shared résumés are missing")
        pytest.skip("the shared résumés are not beside this repository")
    misses = score(SHARED)
    assert misses.asked == {"facts": 117, "wrap": 29, "order": 137, "apart": 6}
    assert misses.missed == {"facts": [], "wrap": [], "order": [], "apart": []}


@pytest.mark.parametrize("name", [name for name, one in expectations(FOLDER).items() if "error" in one])
def test_a_resume_that_cannot_be_read_says_why(name: str) -> None:
    expected = expectations(FOLDER)[name]
    with pytest.raises(ResumeError) as caught:
        asyncio.run(Reader().read((FOLDER / name).read_bytes()))
    assert caught.value.code == expected["error"]
    assert caught.value.kind == expected.get("kind", caught.value.kind)


def test_a_scanned_resume_gets_the_sentence_with_the_way_out() -> None:
    with pytest.raises(ResumeError) as caught:
        asyncio.run(Reader().read((FOLDER / "scanned.pdf").read_bytes()))
    assert str(caught.value) == (
        "This PDF has pictures of text only (0 characters on 2 pages). Export it as text, or paste the text."
    )


def test_the_fixtures_are_those_that_were_expected() -> None:
    for name, expected in expectations(FOLDER).items():
        document = (FOLDER / name).read_bytes()
        assert hashlib.sha256(document).hexdigest() == expected["sha256"], name
        assert len(document) < 40_000, name
    assert set(expectations(FOLDER)) == set(MAKERS)


@pytest.mark.parametrize("name", readable(FOLDER))
def test_the_script_makes_the_same_resumes_again(name: str) -> None:
    """The text, not the bytes: another release of reportlab may write them in another way."""
    assert read_document(MAKERS[name]()).text == read_document((FOLDER / name).read_bytes()).text


def test_the_demo_resume_is_what_the_script_makes() -> None:
    text = read_document(DEMO.read_bytes()).text
    assert read_document(demo()).text == text
    assert text.startswith("Mara Lindqvist\nSoftware Engineer\n")
    assert "Halvorsen Freight Systems Mar 2024 – present\n• Led the move" in text


def test_white_text_keeps_its_colour_and_its_place() -> None:
    (page,) = read_document((FOLDER / "sidebar.pdf").read_bytes()).pages
    contact = next(span for span in page.spans if span.text == "Contact")
    experience = next(span for span in page.spans if span.text == "Experience")
    assert contact.colour in ((1.0,), (1.0, 1.0, 1.0))
    assert contact.size == 12.0
    assert contact.box[0] == pytest.approx(24.0)
    assert contact.box[2] < 190 < experience.box[0]
    assert (page.width, page.height) == (595.0, 842.0)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_page_is_read_like_an_upright_one(degrees: int) -> None:
    """A viewer turns such a page; its text was drawn so that it then stands upright."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(400, 400), invariant=1)
    canvas.translate(200, 200)
    canvas.rotate(degrees)
    canvas.translate(-200, -200)
    canvas.setPageRotation(degrees)
    canvas.drawString(50, 300, "Anselm Duquesne, clocks")
    canvas.drawString(50, 280, "Sankt Alban")
    canvas.showPage()
    canvas.save()
    assert read_document(file.getvalue()).text == "Anselm Duquesne, clocks\nSankt Alban"


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_text_that_stands_on_its_side_is_read_after_the_rest(degrees: int) -> None:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(400, 400), invariant=1)
    canvas.drawString(150, 300, "Anselm Duquesne")
    canvas.translate(100, 200)
    canvas.rotate(degrees)
    canvas.drawString(0, 0, "Work experience")
    canvas.drawString(0, -14, "in brief")
    canvas.showPage()
    canvas.save()
    resume = read_document(file.getvalue())
    assert resume.text == "Anselm Duquesne\n\nWork experience\nin brief"
    side = resume.pages[0].spans[1].box
    wide, high = side[2] - side[0], side[3] - side[1]
    assert (high > wide) is (degrees != 180)
    assert min(side) >= 0
    assert max(side) <= 400


def test_what_was_read_comes_through_json_unchanged() -> None:
    resume = read_document((FOLDER / "two_columns.pdf").read_bytes())
    assert msgspec.json.decode(msgspec.json.encode(resume), type=Resume) == resume
