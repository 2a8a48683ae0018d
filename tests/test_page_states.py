"""The page in each state of the interview: what can be done there, and that a lost network loses nothing."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Generator
from typing import Any

import pdfplumber
import pytest
from playwright.async_api import expect
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from interview_fsm import protocol
from interview_fsm.errors import AdapterError
from interview_fsm.testing import ScriptedRecorder, ScriptedTranscriber, Step

from . import browser
from .browser import Stage, Visit
from .page_checks import faults
from .sitting import ANSWER, Sitting

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    with browser.staged(tmp_path_factory.mktemp("page")) as stage:
        yield stage


async def drop(visit: Visit) -> None:
    """Lose the network, until the page says so, and have it again, until it says no more of it."""
    banner = Sitting(visit.page).banner
    await visit.lose_network()
    await expect(banner).to_be_visible()
    await visit.regain_network()
    await expect(banner).to_be_hidden()


# -------------------------------------------------------------------------------- awaiting_difficulty


async def started(visit: Visit) -> Sitting:
    """An interview that another client began, and left before it chose a difficulty."""
    url = visit.serving.url.replace("http", "ws")
    async with connect(url, subprotocols=[Subprotocol(protocol.SUBPROTOCOL)]) as client:
        await client.send(json.dumps({"type": "create_session", "id": "1", "plan": {"questions": 1}}))
        created: dict[str, Any] = json.loads(await client.recv())
        await client.send(json.dumps({"type": "start_interview", "id": "2"}))
        while json.loads(await client.recv()).get("in_reply_to") != "2":
            pass
    kept = [{"id": created["session"], "token": created["token"], "at": 0}]
    await visit.page.evaluate(
        "([kept, id]) => { localStorage.setItem('interview-fsm.interviews', kept); location.hash = id; }",
        [json.dumps(kept), f"interview={created['session']}"],
    )
    sitting = Sitting(visit.page)
    await sitting.state("awaiting_difficulty")
    return sitting


def test_a_network_lost_before_the_difficulty_is_chosen_loses_no_letter_of_it(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting = await started(visit)
        words = visit.page.get_by_label("In your words")
        await words.fill("as for a staff engineer")
        await drop(visit)
        await sitting.state("awaiting_difficulty")
        await expect(words).to_have_value("as for a staff engineer")
        await sitting.press("Use these words")
        await sitting.asked(1)

    stage.visit(main)


def test_nothing_is_wrong_with_the_screen_that_waits_for_a_difficulty(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        await started(visit)
        assert await faults(visit.page, "difficulty") == {}

    stage.visit(main)


# ------------------------------------------------------------------------------------------ recording

SPOKEN = "I measured it first and rewrote the slow part myself: twenty minutes."


def voiced() -> dict[str, Any]:
    """A microphone that hears somebody until they say that they have finished, and what understands them."""
    answers: list[Step[Any]] = [Step(gives=SPOKEN)] * 3
    return {
        "ports": {"recorder": ScriptedRecorder(seconds=3600), "transcriber": ScriptedTranscriber(answers)}
    }


async def listening(sitting: Sitting) -> None:
    """Wait until the whole of what is said is understood."""
    await sitting.state("recording")
    await expect(sitting.page.get_by_text("Listening …")).to_be_visible()
    await expect(sitting.page.locator("[data-ref=partial]")).to_have_text(SPOKEN)


def test_an_answer_is_recorded_by_buttons_and_by_keys_and_can_be_discarded(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        first = await sitting.begin(2)
        await sitting.answer_box.fill("typed before it was said")
        await sitting.press("Record")
        await listening(sitting)
        await expect(sitting.answer_box).to_be_editable()  # to type is always possible
        await sitting.press("Discard it")
        assert await sitting.asked(1) == first
        await expect(sitting.answer_box).to_have_value("typed before it was said")
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("r")
        await listening(sitting)
        await page.keyboard.press("r")
        await sitting.asked(2)
        await expect(page.get_by_role("region", name="So far")).to_contain_text(SPOKEN)
        await sitting.press("Record")
        await listening(sitting)
        await sitting.press("I have finished")
        await expect(page.locator(".past .answer").filter(has_text=SPOKEN)).to_have_count(2)
        await sitting.press("Finish and get feedback")
        await sitting.feedback()

    stage.visit_here(main, **voiced())


def test_a_network_lost_while_listening_loses_no_word(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting = Sitting(visit.page)
        await sitting.begin(1)
        await sitting.press("Record")
        await listening(sitting)
        await drop(visit)
        await listening(sitting)
        await sitting.press("I have finished")
        await expect(visit.page.get_by_role("region", name="So far")).to_contain_text(SPOKEN)

    stage.visit_here(main, **voiced())


def test_a_microphone_that_cannot_be_used_is_told_and_the_answer_typed(stage: Stage) -> None:
    gone: Step[Any] = Step(raises=AdapterError("microphone", "microphone_unavailable", "It was unplugged."))

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.begin(2)
        await sitting.press("Record")
        await expect(page.get_by_role("alert").filter(has_text="microphone cannot be used")).to_be_visible()
        await sitting.asked(1)
        await sitting.answer()
        await sitting.asked(2)

    parts = {"recorder": ScriptedRecorder([gone]), "transcriber": ScriptedTranscriber()}
    stage.visit_here(main, ports=parts)


def test_nothing_is_wrong_with_the_screen_that_listens(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting = Sitting(visit.page)
        await sitting.begin(1)
        await sitting.press("Record")
        await listening(sitting)
        assert await faults(visit.page, "recording") == {}

    stage.visit_here(main, **voiced())


def test_what_the_server_cannot_hear_is_not_offered_to_be_recorded(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting = Sitting(visit.page)
        await sitting.begin(1)
        await expect(sitting.button("Record")).to_be_hidden()
        await visit.page.keyboard.press("r")
        await sitting.press("Repeat the question")  # sent after it, and answered
        await sitting.state("questioning")

    stage.visit_here(main)


# ------------------------------------------------------------------------------------------- stopped


def test_an_interview_is_stopped_and_what_was_answered_stays(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.begin(2)
        await sitting.answer()
        await sitting.asked(2)
        await sitting.press("Stop the interview")
        await page.get_by_role("dialog").get_by_role("button", name="Go on").click()
        await sitting.state("questioning")
        await sitting.stop()
        await expect(sitting.main).to_contain_text(ANSWER)
        await expect(sitting.main).to_contain_text("There is no feedback.")
        for name in ("Correct", "Try again", "Go on with the interview", "Get feedback", "End the interview"):
            await expect(page.get_by_role("button", name=re.compile(f"^{name}"))).to_have_count(0)
        await expect(page.get_by_text("Your interviews in this browser")).to_be_visible()

    stage.visit(main)


def test_a_network_lost_after_the_end_takes_nothing_away(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.sit(1)
        await sitting.stop("End the interview")
        await expect(page.locator("mark")).not_to_have_count(0)
        before = await sitting.main.inner_text()
        await drop(visit)
        await expect(sitting.main).to_have_text(before, use_inner_text=True)
        async with page.expect_download():
            await sitting.press("Download Markdown")

    stage.visit(main)


# ------------------------------------------------------------------------- another level, and on paper


def test_another_difficulty_skips_the_open_question(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        first = await sitting.begin(2)
        change = sitting.button("Change the difficulty")
        await change.click()
        await expect(change).to_have_attribute("aria-expanded", "true")
        panel = page.get_by_role("region", name="How hard from now on?")
        await panel.get_by_role("button", name="Senior").click()
        assert await sitting.asked(2) != first
        await expect(panel).to_be_hidden()
        past = page.get_by_role("region", name="So far")
        await expect(past).to_contain_text(first)
        await expect(past).to_contain_text("Skipped")
        await expect(change).to_be_hidden()  # there is no further question

    stage.visit(main)


def test_on_paper_there_is_the_whole_feedback_and_nothing_to_press(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.sit(3, answer=f"{ANSWER} " * 20)
        await expect(page.locator("mark")).not_to_have_count(0)
        await expect(page.locator(".case").first).to_contain_text(re.compile(r"Relevance, [1-5] of 5\w"))
        await expect(page.locator(".summary")).to_contain_text(re.compile(r"Overall score: \d(?:\.\d)? of 5"))
        await page.emulate_media(media="print")
        for gone in ("button", "summary", "a"):
            for each in await page.locator(gone).all():
                await expect(each).to_be_hidden()
        texts = await page.locator(".lead, .answer, .note p, h3, .case > .question").all_inner_texts()
        assert len(texts) > 10
        with pdfplumber.open(io.BytesIO(await page.pdf())) as paper:
            printed = "".join(sheet.extract_text() for sheet in paper.pages)

        def letters(text: str) -> str:
            return "".join(re.findall(r"\w", text))

        assert [text for text in texts if letters(text) not in letters(printed)] == []

    stage.visit(main)
