"""The feedback, whole, on the page: scores, what they rest on, an outline, how it was given, who made it."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

import pytest
from playwright.async_api import expect

from interview_fsm.events import (
    AnswerFeedback,
    Delivery,
    Feedback,
    NotScored,
    OutlineStep,
    Provenance,
    Quote,
    Score,
    Total,
)
from interview_fsm.ports import Brief
from interview_fsm.testing import ScriptedInterviewer

from . import browser
from .browser import Stage, Visit
from .page_checks import faults
from .sitting import ANSWER, Sitting

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    with browser.staged(tmp_path_factory.mktemp("page")) as stage:
        yield stage


def test_the_coachs_outline_scores_and_figures_are_shown(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await page.get_by_label("My words", exact=True).check()
        await page.get_by_label("How hard, in your words").fill("senior engineer")
        await sitting.begin(1)
        read = "“senior engineer” is read as senior level."
        await expect(sitting.interviewer).to_contain_text(read)
        await sitting.answer(f"{ANSWER} (1)")
        await sitting.press("Finish and get feedback")
        await sitting.feedback()
        await expect(page.get_by_role("region", name="In short")).to_contain_text(read)
        case = page.get_by_role("article", name="Question 1")
        outline = case.locator(".outline > li")
        await expect(outline.first).to_contain_text("Situation")
        assert await outline.count() >= 4
        quotes = await outline.locator("q").all_inner_texts()
        assert quotes
        assert all(quote in ANSWER for quote in quotes)
        figures = dict(
            zip(
                await case.locator(".figures dt").all_inner_texts(),
                await case.locator(".figures dd").all_inner_texts(),
                strict=True,
            )
        )
        assert figures["Words"] == str(len(f"{ANSWER} (1)".split()))
        assert figures["Words a minute"] == figures["Pauses"] == "unknown"
        assert "Talk time" not in figures, "of what was typed there is none"
        await expect(case).to_contain_text("None of this goes into a score.")
        totals = page.get_by_role("table", name="Scores in all answers")
        await expect(totals.get_by_role("row")).to_have_count(5)
        await expect(totals).to_contain_text(re.compile(r"Depth for the level\s*\d(\.\d)? of 5"))
        await expect(page.get_by_text("Feedback by coach")).to_be_visible()

    stage.visit(main)


class Assessor(ScriptedInterviewer):
    """Gives feedback of every kind on an answer that was spoken and not clearly understood."""

    async def analyze(self, brief: Brief) -> Feedback:
        scores = (
            Score("relevance", 3, "It answers the question.", capped=True, rationale="Nothing is named."),
            Score("structure", 4, "One can follow it.", (Quote(0, 1, "I"),)),
            NotScored("specificity", "unconfirmed"),
            NotScored("depth", "unconfirmed"),
            NotScored("communication", "failed"),
        )
        model = Provenance("openai", "m-1", fallback_from=("anthropic",))
        answer = AnswerFeedback(
            1,
            1,
            (),
            model,
            scores,
            3.5,
            (OutlineStep("own_action", "Say what you did: […]", Quote(0, 1, "I")),),
            Delivery(30, 62.4, 28.8, 0, True, 2, 1.25, 41.6),
            ("instructions",),
            dropped_quotes=1,
            dropped_remarks=2,
        )
        totals = (Total("relevance", 3.0, 1),)
        return Feedback((answer,), "A summary.", provenance=Provenance("coach"), totals=totals, overall=3.5)


def test_every_kind_of_feedback_has_its_words(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.begin(1)
        await sitting.answer()
        await sitting.press("Finish and get feedback")
        await sitting.screen("report")
        case = page.get_by_role("article", name="Question 1")
        for words in (
            "Relevance, 3 of 5",
            "It answers the question. Nothing is named. It would be higher, had words",
            "Specificity, Depth for the level: not scored because it was not understood surely; confirm or",
            "Communication: not scored because no usable answer came from the model.",
            "Own action Say what you did: […]",
            "Part of it speaks to whoever assesses it, and counted for nothing.",
            "Left out, because nothing that was said bears it out: 1 quote and 2 remarks.",
            "Assessed by openai, m-1 in place of anthropic.",
            "at least 0",
            "2, the longest 1.3 s",
            "62 s",
            "Talk time42 s",
        ):
            await expect(case).to_contain_text(words)
        await expect(page.get_by_role("region", name="In short")).to_contain_text("Feedback by coach.")
        assert await faults(page, "feedback") == {}

    parts: dict[str, Any] = {"interviewer": Assessor()}
    stage.visit_here(main, **parts)
