"""The page in a real browser before the real server: whole interviews, bad networks, other tabs, and ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.testing import FaultyStorage

from . import browser, page_checks
from .browser import Serving, Stage, Visit
from .hostile_texts import TEXTS
from .sitting import ANSWER, RESUME, VAGUE, Sitting
from .test_end_to_end import OURS, serving_files
from .test_server_kill import stored

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PAYLOAD = (
    """<img src=x onerror="pwned=1"><svg onload="pwned=1"></svg>"'`</p><script>pwned=1</script>&lt;b&gt;"""
)
SOON = 1.0
"""Seconds: the issue's figure for the first question, and for being there again. Held to in `make soak`;
everywhere the page's own clock is stopped meanwhile: it waits for no timer."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    with browser.staged(tmp_path_factory.mktemp("page")) as stage:
        yield stage


async def kept(serving: Serving, mark: str) -> list[str]:
    """The answers with *mark* in them that the server's file holds; one that is there twice comes twice."""
    return [text for text in (await stored(serving.database)).elements() if mark in text]


async def downloaded(page: Page, name: str) -> str:
    async with page.expect_download() as download:
        await page.get_by_role("button", name=name, exact=True).click()
    return Path(await (await download.value).path()).read_text(encoding="utf-8")


async def gone(page: Page, since: float) -> float:
    """Seconds from *since* until the page no longer says that it has no connection."""
    await page.locator("#banner").wait_for(state="hidden")
    return time.monotonic() - since


def check_figure(what: str, seconds: float) -> None:
    print(f"{what} after {seconds:.2f} s")
    assert seconds <= SOON or not os.environ.get("INTERVIEW_FSM_SOAK")


async def stop_clock(page: Page) -> None:
    """From here on no timer of the page runs out."""
    await page.clock.install()
    await page.clock.pause_at(await page.evaluate("Date.now()") / 1000 + 1)


# ------------------------------------------------------------------------------- whole interviews


def test_a_whole_interview_by_mouse_from_a_pdf(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await page.get_by_label("Choose a file").set_input_files(OURS / "one_column.pdf")
        await expect(sitting.read).to_be_visible()
        await expect(sitting.read).to_contain_text("Education")
        await expect(sitting.main).to_have_attribute("data-screen", "setup")
        first = await sitting.begin(2)
        await sitting.answer(f"{ANSWER} mouse-1")
        second = await sitting.asked(2)
        assert first != second
        await sitting.answer(f"{ANSWER} mouse-2")
        await sitting.press("Finish and get feedback")
        await sitting.feedback()
        marks = page.locator("mark")
        await expect(marks).not_to_have_count(0)
        quotes = await marks.all_inner_texts()
        assert all(quote in f"{ANSWER} mouse-1 {ANSWER} mouse-2" for quote in quotes)
        for question in (first, second):
            await expect(sitting.main).to_contain_text(question)
        assert len(await kept(visit.serving, "mouse-")) == 2

    stage.visit(main)


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control of that name has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        stop = await page_checks.ask(page, "focus")
        if stop is not None and stop["name"].startswith(name):
            assert stop["ring"] >= 2, f"no ring around {stop['html']}"
            assert stop["seen"], f"out of sight: {stop['html']}"
            return
    raise AssertionError(f"the Tab key does not lead to {name!r}")


def test_a_whole_interview_by_keyboard_alone(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, keys, sitting = visit.page, visit.page.keyboard, Sitting(visit.page)
        await tab_to(page, "Paste the text instead")
        await keys.press("Enter")
        await tab_to(page, "Text of your résumé")
        await keys.insert_text(RESUME)
        await tab_to(page, "Use this text")
        await keys.press("Enter")
        await expect(sitting.read).to_be_visible()
        await tab_to(page, "Number of questions")
        await keys.press("ControlOrMeta+a")
        await keys.type("3")
        await tab_to(page, "Begin the interview")
        await keys.press("Enter")
        first = await sitting.asked(1)
        await tab_to(page, "Your answer")
        await keys.type("s p ? ")  # and no commands
        await keys.insert_text(f"{ANSWER} keyboard-1")
        await keys.press("ControlOrMeta+Enter")
        assert await sitting.asked(2) != first
        # Told in the same breath in which the answer box takes the focus again.
        await expect(page.locator("[data-ref=stored]")).to_have_text("Question 1: your answer is stored ✓")
        await page.evaluate("document.activeElement.blur()")
        await keys.press("?")
        await expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        await keys.press("Escape")
        await expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
        await keys.press("s")
        await sitting.asked(3)
        await tab_to(page, "Your answer")
        await keys.insert_text(f"{ANSWER} keyboard-3")
        await keys.press("ControlOrMeta+Enter")
        await expect(sitting.answer_box).not_to_have_value(f"{ANSWER} keyboard-3")
        await tab_to(page, "Finish and get feedback")
        await keys.press("Enter")
        await sitting.feedback()
        async with page.expect_download():
            await tab_to(page, "Download Markdown")
            await keys.press("Enter")
        answers = await kept(visit.serving, "keyboard-")
        assert sorted(answers) == [
            f"{ANSWER} keyboard-3",
            f"s p ? {ANSWER} keyboard-1",
        ]

    stage.visit(main)


async def closed_and(page: Page, key: str) -> None:
    """Close the dialog and press *key* before the next frame, up to which Chromium leaves the focus there."""
    await page.evaluate(
        """key => {
          document.querySelector("dialog[open]").close();
          if (!document.activeElement.closest("dialog")) throw new Error("the focus has left the dialog");
          document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
        }""",
        key,
    )


def test_a_key_pressed_in_the_breath_that_closes_a_dialog_is_heard_and_none_while_it_is_open(
    stage: Stage,
) -> None:
    async def main(visit: Visit) -> None:
        page, keys, sitting = visit.page, visit.page.keyboard, Sitting(visit.page)
        dialog = page.get_by_role("dialog", name="Keys")
        await sitting.begin(4)
        await page.evaluate("document.activeElement.blur()")  # so that closing gives it back to nothing
        await keys.press("?")
        await expect(dialog).to_be_visible()
        await dialog.get_by_role(
            "heading"
        ).click()  # takes the focus from its button, and gives it to nothing
        await keys.press("s")
        await keys.press("?")
        await keys.press("Tab")
        assert await page.evaluate("document.activeElement.closest('dialog') !== null")
        await closed_and(page, "s")
        await sitting.asked(2)  # it was skipped once
        await keys.press("?")
        await expect(dialog).to_be_visible()
        await closed_and(page, "?")
        await expect(dialog).to_be_visible()

    stage.visit(main)


def test_the_first_question_is_there_within_a_second(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting = Sitting(visit.page)
        await sitting.paste()
        await stop_clock(visit.page)
        begin = time.monotonic()
        await sitting.press("Begin the interview")
        await sitting.question.filter(has_text=re.compile(r"\w")).wait_for()
        check_figure("first question", time.monotonic() - begin)

    stage.visit(main)


def test_a_resume_may_be_dropped_onto_the_page(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        data = await page.evaluate_handle(
            """text => { const data = new DataTransfer();
              data.items.add(new File([text], "cv.txt", {type: "text/plain"})); return data; }""",
            RESUME,
        )
        await page.locator(".drop").dispatch_event("drop", {"dataTransfer": data})
        await expect(sitting.read).to_contain_text("Experience")

    stage.visit(main)


def test_a_resume_may_come_from_a_link_and_a_bad_link_is_told(stage: Stage, tmp_path: Path) -> None:
    with serving_files(OURS) as port:
        serving = Serving(tmp_path / "x.db", "--allow-fetch", f"127.0.0.1:{port}")
        try:

            async def main(visit: Visit) -> None:
                page, sitting = visit.page, Sitting(visit.page)
                await page.get_by_text("Give a link instead").click()
                link = page.get_by_label("Link to a PDF")
                await link.fill("http://127.0.0.1:9/secret.pdf")
                await sitting.press("Read the link")
                await expect(page.get_by_role("alert").filter(has_text="blocked")).to_be_visible()
                await link.fill(f"http://127.0.0.1:{port}/one_column.pdf")
                await sitting.press("Read the link")
                await expect(sitting.read).to_contain_text("Education")

            stage.visit(main, serving)
        finally:
            serving.close()


def test_what_cannot_be_read_is_told_and_another_can_be_given(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await page.get_by_label("Choose a file").set_input_files(OURS / "encrypted.pdf")
        refused = page.get_by_role("alert").filter(has_text=re.compile("password", re.IGNORECASE))
        await expect(refused).to_be_visible()
        await sitting.paste()
        await expect(refused).to_be_hidden()

    stage.visit(main)


# -------------------------------------------------------------------------------------- bad networks


async def in_setup(sitting: Sitting) -> None:
    await sitting.paste()


async def at_a_question(sitting: Sitting) -> None:
    await sitting.paste()
    await sitting.begin(1)
    await sitting.answer_box.fill(f"{ANSWER} drop-draft")


async def at_the_feedback(sitting: Sitting) -> None:
    await sitting.paste()
    await sitting.sit(1)
    await expect(sitting.page.locator("mark")).not_to_have_count(0)


@pytest.mark.parametrize(
    ("reach", "state"),
    [(in_setup, "idle"), (at_a_question, "questioning"), (at_the_feedback, "analyzing")],
)
def test_a_lost_network_is_told_and_the_page_is_there_again_within_a_second(
    stage: Stage, reach: Any, state: str
) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await reach(sitting)
        await sitting.state(state)
        before = await sitting.main.inner_text()
        typed = await sitting.answer_box.input_value() if state == "questioning" else ""
        await visit.lose_network()
        await expect(sitting.banner).to_be_visible()
        await stop_clock(page)
        check_figure(f"resumed in {state}", await gone(page, await visit.regain_network()))
        await sitting.state(state)
        if state == "questioning":
            await expect(sitting.answer_box).to_have_value(typed)
            await sitting.press("Send answer")
            await sitting.press("Finish and get feedback")
            await sitting.feedback()
        elif state == "analyzing":
            await expect(sitting.main).to_have_text(before, use_inner_text=True)
        else:
            await expect(sitting.read).to_be_visible()
            await sitting.begin(1)

    stage.visit(main)


COUNT_TRIES = """() => {
  window.tries = [];
  window.failures = [Date.now()];
  window.WebSocket = class extends WebSocket {
    constructor(...which) {
      super(...which);
      tries.push(Date.now());
      this.addEventListener("close", () => failures.push(Date.now()));
    }
  };
}"""


def test_without_a_network_the_page_tries_again_ever_more_rarely(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting, visit.may_lose = visit.page, Sitting(visit.page), True
        await sitting.begin(1)
        await stop_clock(page)
        await page.evaluate(COUNT_TRIES)
        visit.line.cut()
        for number, longest in enumerate((500, 1000, 2000, 4000, 8000, 15_000, 15_000)):
            await expect(sitting.main).to_have_attribute("data-connection", "waiting")
            await expect(sitting.banner).to_be_visible()
            await page.clock.run_for(longest)
            tries: list[int] = await page.evaluate("tries")
            assert len(tries) == number + 1
            waited = await page.evaluate("number => tries[number] - failures[number]", number)
            assert longest / 2 <= waited <= longest
        await expect(sitting.main).to_have_attribute("data-connection", "waiting")
        visit.line.restore()
        await page.clock.run_for(15_000)
        await expect(sitting.banner).to_be_hidden()
        await sitting.answer()

    stage.visit(main)


def test_a_network_lost_during_an_upload_only_delays_it(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting = Sitting(visit.page)
        await expect(visit.page.get_by_text("Fixed rules, no model")).to_be_visible()
        visit.line.hold()
        await visit.page.get_by_label("Choose a file").set_input_files(OURS / "one_column.pdf")
        await visit.lose_network()
        await expect(sitting.banner).to_be_visible()
        await visit.regain_network()
        await expect(sitting.read).to_contain_text("Education")
        await sitting.begin(1)

    stage.visit(main)


def test_a_network_lost_while_the_interview_begins_only_delays_it(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting = Sitting(visit.page)
        await sitting.paste()
        visit.line.hold(replies_only=True)  # what is begun is stored; nobody hears of it
        await sitting.press("Begin the interview")
        await visit.lose_network()
        await expect(sitting.banner).to_be_visible()
        await visit.regain_network()
        await sitting.asked(1)

    stage.visit(main)


@pytest.mark.parametrize("way", ["to", "fro"])
def test_an_answer_on_its_way_when_the_network_goes_is_stored_once(stage: Stage, way: str) -> None:
    async def main(visit: Visit) -> None:
        sitting, text = Sitting(visit.page), f"{ANSWER} lost-on-the-way-{way}"
        await sitting.paste()
        await sitting.begin(2)
        visit.line.hold(replies_only=way == "fro")
        await sitting.answer_box.fill(text)
        await sitting.press("Send answer")
        if way == "fro":
            await stored_soon(visit.serving, text)
        await visit.lose_network()
        await expect(sitting.banner).to_be_visible()
        await visit.regain_network()
        await sitting.asked(2)
        assert await kept(visit.serving, text) == [text]

    stage.visit(main)


async def stored_soon(serving: Serving, text: str) -> None:
    async with asyncio.timeout(browser.PATIENCE / 1000):
        while not await kept(serving, text):
            pass


def test_an_answer_sent_without_a_network_is_sent_when_there_is_one(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting, text = Sitting(visit.page), f"{ANSWER} sent-into-nothing"
        await sitting.paste()
        await sitting.begin(2)
        await visit.lose_network()
        await expect(sitting.banner).to_be_visible()
        await sitting.answer_box.fill(text)
        if await sitting.button("Send answer").is_enabled():
            await sitting.press("Send answer")
            await visit.regain_network()
        else:  # it may as well say that it waits
            await visit.regain_network()
            await expect(sitting.answer_box).to_have_value(text)
            await sitting.press("Send answer")
        await sitting.asked(2)
        assert await kept(visit.serving, text) == [text]

    stage.visit(main)


def test_a_network_lost_during_the_analysis_does_not_lose_the_feedback(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting = Sitting(visit.page)
        await sitting.paste()
        await sitting.begin(1)
        await sitting.answer()
        visit.line.hold()
        await sitting.press("Finish and get feedback")
        await visit.lose_network()
        await visit.regain_network()
        await sitting.feedback()

    stage.visit(main)


def test_a_network_that_only_stands_still_loses_nothing(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting, text = Sitting(visit.page), f"{ANSWER} stood-still"
        await sitting.paste()
        await sitting.begin(2)
        visit.line.hold()
        await sitting.answer_box.fill(text)
        await sitting.press("Send answer")
        visit.line.restore()
        await sitting.asked(2)
        assert await kept(visit.serving, text) == [text]

    stage.visit(main)


def test_a_server_killed_and_started_again_under_the_page_loses_nothing(stage: Stage, tmp_path: Path) -> None:
    serving = Serving(tmp_path / "killed.db")
    try:

        async def main(visit: Visit) -> None:
            sitting, visit.may_lose = Sitting(visit.page), True
            await sitting.paste()
            await sitting.begin(2)
            await sitting.answer(f"{ANSWER} killed-1")
            second = await sitting.asked(2)
            await sitting.answer_box.fill("half an ans")
            serving.kill()
            await expect(sitting.banner).to_be_visible()
            await sitting.answer_box.press_sequentially("wer: killed-2")  # one goes on typing
            await asyncio.to_thread(serving.restart)
            print(f"there again {await gone(visit.page, time.monotonic()):.2f} s after the server was")
            assert await sitting.asked(2) == second
            await expect(sitting.answer_box).to_have_value("half an answer: killed-2")
            await sitting.press("Send answer")
            await sitting.press("Finish and get feedback")
            await sitting.feedback()
            expected = [f"{ANSWER} killed-1", "half an answer: killed-2"]
            assert await stored(serving.database) == Counter(expected)

        stage.visit(main, serving)
    finally:
        serving.close()


def test_a_page_loaded_again_goes_on_where_it_was(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.paste()
        first = await sitting.begin(2)
        await sitting.answer_box.fill("typed before the page was loaded again")
        await page.reload()
        assert await sitting.asked(1) == first
        await expect(sitting.answer_box).to_have_value("typed before the page was loaded again")

    stage.visit(main)


def test_another_tab_takes_over_and_the_first_is_told_and_can_take_it_back(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        first = Sitting(visit.page)
        await first.paste()
        question = await first.begin(2)
        second = Sitting(await visit.open(visit.page.url.removeprefix(visit.serving.url)))
        await second.asked(1)
        await expect(first.banner).to_contain_text("another tab")
        await visit.page.bring_to_front()  # as a person does: behind, Chromium draws one picture a second
        await first.press("Take over here")
        await expect(first.banner).to_be_hidden()
        await expect(second.banner).to_contain_text("another tab")
        assert await first.asked(1) == question
        await first.answer()
        await first.asked(2)

    stage.visit(main)


# ----------------------------------------------------------------------------- answers, and after


def test_an_answer_is_corrected_and_the_feedback_is_on_the_new_text(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.paste()
        await sitting.begin(1)
        await sitting.answer(f"{ANSWER} before-correction")
        await page.get_by_role("button", name=re.compile("^Correct")).first.click()
        dialog = page.get_by_role("dialog", name="Correct your answer")
        box = dialog.get_by_label("Your answer")
        await expect(box).to_have_value(f"{ANSWER} before-correction")
        await box.fill(f"{ANSWER} after-correction")
        await dialog.get_by_role("button", name="Store the correction").click()
        await expect(sitting.main).to_contain_text("after-correction")
        await sitting.press("Finish and get feedback")
        await sitting.feedback()
        assert "after-correction" in await downloaded(page, "Download JSON")
        assert await kept(visit.serving, "after-correction") == [f"{ANSWER} after-correction"]

    stage.visit(main)


def test_a_question_is_tried_again_and_the_earlier_attempt_stays(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.paste()
        await sitting.begin(1)
        question = await sitting.question.inner_text()
        await sitting.answer(f"{ANSWER} first-try")
        await sitting.press("Finish and get feedback")
        await sitting.feedback()
        await page.get_by_role("button", name=re.compile("^Try")).first.click()
        await sitting.screen("interview")
        await expect(sitting.question).to_have_text(question)
        await sitting.answer(f"{ANSWER} second-try")
        await sitting.press("Finish and get feedback")
        await sitting.feedback()
        report = await downloaded(page, "Download JSON")
        assert "second-try" in report
        assert "first-try" in report

    stage.visit(main)


def test_a_vague_answer_is_followed_up(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting = Sitting(visit.page)
        await sitting.paste()
        first = await sitting.begin(2)
        await sitting.answer(VAGUE)
        await expect(sitting.heading).to_have_text("Follow-up to question 1")
        await expect(sitting.question).not_to_have_text(first)

    stage.visit(main)


def test_the_report_is_kept_as_html_markdown_and_json(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.paste()
        await sitting.sit(1)
        markdown = await downloaded(page, "Download Markdown")
        html = await downloaded(page, "Download HTML")
        data = json.loads(await downloaded(page, "Download JSON"))
        for text in (markdown, html, json.dumps(data)):
            assert "rewrote the slow part myself" in text
        assert markdown.startswith("#")
        assert html.lstrip().lower().startswith("<!doctype html>")

    stage.visit(main)


def test_an_interview_is_deleted_here_and_on_the_server(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.paste()
        await sitting.begin(1)
        await sitting.answer(f"{ANSWER} to-be-deleted")
        await sitting.press("Finish and get feedback")
        await sitting.feedback()
        assert len(await kept(visit.serving, "to-be-deleted")) == 1
        await page.get_by_role("button", name=re.compile("^Delete")).first.click()
        await page.get_by_role("dialog").get_by_role("button", name=re.compile("^Delete")).click()
        await sitting.screen("setup")
        assert await kept(visit.serving, "to-be-deleted") == []
        assert b"to-be-deleted" not in visit.serving.database.read_bytes()
        assert await page.evaluate("JSON.stringify(localStorage)") == "{}"

    stage.visit(main)


def test_all_interviews_of_this_browser_are_deleted_at_once(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page = visit.page
        for number in (1, 2):
            page = await visit.open()
            sitting = Sitting(page)
            await sitting.begin(1)
            await sitting.answer(f"{ANSWER} all-deleted-{number}")
        assert len(await kept(visit.serving, "all-deleted")) == 2
        await visit.page.bring_to_front()
        await visit.page.reload()
        await Sitting(visit.page).press("Delete all")
        await visit.page.get_by_role("dialog").get_by_role("button", name="Delete all", exact=True).click()
        await expect(visit.page.get_by_text("Your interviews in this browser")).to_be_hidden()
        assert await kept(visit.serving, "all-deleted") == []
        assert await visit.page.evaluate("JSON.stringify(localStorage)") == "{}"

    stage.visit(main)


WHERE = {"on its own page": False, "from the first page": True}


@pytest.mark.parametrize("elsewhere", WHERE.values(), ids=WHERE.keys())
def test_what_cannot_be_deleted_now_stays_within_reach_and_is_deleted_later(
    stage: Stage, elsewhere: bool
) -> None:
    kept, away = MemoryStorage(), set[str]()
    storage = FaultyStorage(kept, lambda _, name: "lost-request" if name in away else None)

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.sit(1)
        session = page.url.partition("#interview=")[2]
        if elsewhere:
            await page.goto(visit.serving.url)
            await expect(sitting.button("Begin the interview")).to_be_visible()
        told = page.get_by_role("alert").filter(has_text="Not deleted yet.")
        screen = await sitting.main.get_attribute("data-screen")
        for failing in ({"erase"}, {"erase", "append", "load", "interviews"}, set[str]()):
            away.clear()
            away.update(failing)
            await page.get_by_role("button", name="Delete the interview of").click()
            await page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
            if failing:
                await expect(told).to_contain_text(re.compile("try again", re.IGNORECASE))
                await sitting.press("Close")
                await sitting.screen(str(screen))
                assert "token" in await page.evaluate("JSON.stringify(localStorage)")
            if failing and not elsewhere:
                away.clear()
                assert ANSWER in await downloaded(page, "Download Markdown"), "it is no use any more"
        await expect(page.get_by_text("Your interviews in this browser")).to_be_hidden()
        await sitting.screen("setup")
        assert await page.evaluate("JSON.stringify(localStorage)") == "{}"
        assert session
        assert session not in [head.interview_id async for head in kept.interviews()]

    stage.visit_here(main, storage=storage)


def test_the_browser_keeps_tokens_and_drafts_alone(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.paste()
        await sitting.begin(2)
        await sitting.answer(f"{ANSWER} sent-and-stored")
        await sitting.asked(2)
        await sitting.answer_box.fill("a draft that was not sent")
        await page.wait_for_function("JSON.stringify(localStorage).includes('a draft that was not sent')")
        held: dict[str, str] = await page.evaluate("({...localStorage})")
        drafts = {key: text for key, text in held.items() if "draft" in key}
        assert list(drafts.values()) == ["a draft that was not sent"]
        (tokens,) = [json.loads(text) for key, text in held.items() if key not in drafts]
        assert [set(each) for each in tokens] == [{"id", "token", "at"}]
        assert await page.evaluate("sessionStorage.length") == 0
        assert await page.evaluate("indexedDB.databases()") == []
        assert await page.evaluate("caches.keys()") == []
        assert await page.evaluate("navigator.serviceWorker.getRegistrations().then(r => r.length)") == 0

    stage.visit(main)


def test_no_text_from_outside_is_ever_markup(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)

        async def check() -> None:
            assert await page.evaluate("typeof pwned") == "undefined"
            assert await page.locator("img, script:not([src]), [onerror], [onload]").count() == 0

        hostile = {"name": f"{PAYLOAD.replace('/', '_')}.txt", "mimeType": "text/plain", "buffer": b"\0\1"}
        await page.get_by_label("Choose a file").set_input_files(hostile)
        await expect(page.get_by_role("alert").first).to_be_visible()
        await check()
        resume = RESUME.replace("Northwind Traders", PAYLOAD).replace("Ada Example", PAYLOAD)
        await sitting.paste(resume + f"\n{PAYLOAD}\n- I led {PAYLOAD} and cut its cost by 40 %.\n")
        await check()
        await page.get_by_label("Job description").fill(f"We want {PAYLOAD}")
        await page.get_by_label("My words", exact=True).check()
        await page.get_by_label("How hard, in your words").fill(PAYLOAD)
        await sitting.begin(1)
        await check()
        await sitting.answer(f"{ANSWER} {PAYLOAD}")
        await check()
        await page.get_by_role("button", name=re.compile("^Correct")).first.click()
        await page.get_by_role("dialog").get_by_label("Your answer").fill(f"{PAYLOAD} {ANSWER} {PAYLOAD}")
        await sitting.press("Store the correction")
        await check()
        await sitting.press("Finish and get feedback")
        await sitting.feedback()
        await expect(sitting.main).to_contain_text(PAYLOAD)
        await check()
        report = await downloaded(page, "Download HTML")
        alone = await visit.context.new_page()
        await alone.set_content(report)
        await expect(alone.locator("body")).to_contain_text(PAYLOAD)
        assert await alone.evaluate("typeof pwned") == "undefined"
        assert await alone.locator("img, script, [onerror], [onload]").count() == 0

    stage.visit(main)


def test_sixty_texts_that_try_to_be_more_are_text(stage: Stage) -> None:
    """All in one résumé, one job description, one answer and its report."""

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        said: list[str] = []
        page.on("dialog", lambda dialog: said.append(dialog.message))
        foreign = "main :is(img, script, iframe, object, embed, base, meta, style, link, math, [onerror])"
        hostile = "\n".join(text.replace("\n", " ").replace("\0", "") for text in TEXTS)  # no text has a NUL
        await sitting.paste(f"{RESUME}\n{hostile}\n")
        assert await page.locator(foreign).count() == 0
        await page.get_by_label("Job description").fill(hostile)
        await sitting.begin(1)
        await sitting.answer(f"{ANSWER}\n{hostile}")
        await sitting.press("Finish and get feedback")
        await sitting.feedback()
        await expect(sitting.main).to_contain_text("<img src=x onerror=alert(1)>")
        assert await page.locator(foreign).count() == 0
        assert said == []

    stage.visit(main)


def test_the_timer_warns_softly_and_can_be_paused_and_turned_off(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        visit.may_lose = True  # the page's clock runs ahead of the server's: a pong can be late for it
        await page.clock.install()
        await page.reload()
        await sitting.paste()
        await sitting.begin(2)
        await page.clock.run_for(65_000)
        await expect(page.get_by_role("timer")).to_have_text(re.compile("^1:"))
        await sitting.press("Pause timer")
        paused = await page.get_by_role("timer").inner_text()
        await page.clock.run_for(30_000)
        await expect(page.get_by_role("timer")).to_have_text(paused)
        await page.get_by_role("group", name="Timer").get_by_role("button").first.click()
        await expect(page.get_by_text("over two minutes")).to_be_hidden()
        await page.clock.run_for(65_000)
        await expect(page.get_by_text("over two minutes")).to_be_visible()
        await sitting.answer()  # late, and taken all the same
        await sitting.asked(2)
        await expect(page.get_by_text("over two minutes")).to_be_hidden()
        await sitting.press("Turn timer off")
        await expect(page.get_by_role("timer")).to_be_hidden()

    stage.visit(main)
