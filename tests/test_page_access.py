"""The page for everybody: axe on every screen, and checks for what axe does not see."""

from __future__ import annotations

import gzip
import re
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from interview_fsm import diagram
from interview_fsm.states import State

from . import browser
from .browser import Stage, Visit
from .page_checks import NARROW, announced, ask, faults, walk
from .sitting import ANSWER, VAGUE, Sitting

pytestmark = pytest.mark.timeout(300)
slow = pytest.mark.slow

WEB = Path(diagram.__file__).with_name("web")
MOST = 25_000
"""Bytes, compressed, of what is loaded before the first question: what a phone on a bad line has in under a
second."""
MOST_LATER = 16_000
"""Of what is loaded behind it: the feedback, and the voice."""
LATER = {
    "aloud.js",
    "check.js",
    "doubt.js",
    "microphone.js",
    "recorder-worklet.js",
    "report.js",
    "voice.js",
}

Reach = Callable[[Sitting], Awaitable[None]]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    with browser.staged(tmp_path_factory.mktemp("page")) as stage:
        yield stage


# ------------------------------------------------------------------------------------- the screens


async def start(sitting: Sitting) -> None:
    await expect(sitting.page.get_by_text("Asking the server")).to_have_count(0)


async def read(sitting: Sitting) -> None:
    await sitting.paste()


async def refused(sitting: Sitting) -> None:
    await sitting.page.get_by_text("Give a link instead").click()
    await sitting.page.get_by_label("Link to a PDF").fill("http://127.0.0.1:9/secret.pdf")
    await sitting.press("Read the link")
    await expect(sitting.page.get_by_role("alert").filter(has_text="blocked")).to_be_visible()


async def question(sitting: Sitting) -> None:
    await sitting.paste()
    await sitting.begin(2)
    await expect(sitting.button("Speak your answer")).to_be_visible()  # it is loaded behind the question


async def answered(sitting: Sitting) -> None:
    await question(sitting)
    await sitting.page.locator("#map > summary").click()
    await sitting.answer(VAGUE)
    await expect(sitting.page.get_by_role("region", name="So far")).to_be_visible()
    await sitting.answer_box.fill("I did")


async def keys(sitting: Sitting) -> None:
    await question(sitting)
    await sitting.page.locator("#open-keys").click()
    await expect(sitting.page.get_by_role("dialog", name="Keys")).to_be_visible()


async def correcting(sitting: Sitting) -> None:
    await question(sitting)
    await sitting.answer()
    await sitting.page.get_by_role("button", name=re.compile("^Correct")).first.click()
    await expect(sitting.page.get_by_role("dialog", name="Correct your answer")).to_be_visible()


async def stopping(sitting: Sitting) -> None:
    await question(sitting)
    await sitting.press("Stop the interview")
    await expect(sitting.page.get_by_role("dialog")).to_be_visible()


async def report(sitting: Sitting) -> None:
    await sitting.paste()
    await sitting.begin(2)
    await sitting.answer()
    await sitting.asked(2)
    await sitting.answer(VAGUE)
    await sitting.press("Finish and get feedback")
    await sitting.feedback()


async def stopped(sitting: Sitting) -> None:
    await report(sitting)
    await sitting.stop("End the interview")


SCREENS: tuple[Reach, ...] = (
    start,
    read,
    refused,
    question,
    answered,
    keys,
    correcting,
    stopping,
    report,
    stopped,
)


@slow
@pytest.mark.parametrize("reach", SCREENS, ids=lambda reach: reach.__name__)
def test_nothing_is_wrong_with_a_screen_light_and_dark_wide_and_narrow(stage: Stage, reach: Reach) -> None:
    async def main(visit: Visit) -> None:
        await reach(Sitting(visit.page))
        assert await faults(visit.page, reach.__name__) == {}

    stage.visit(main)


@slow
@pytest.mark.parametrize("reach", [start, read, question, answered, report], ids=lambda reach: reach.__name__)
def test_tab_goes_through_every_control_in_the_order_of_the_page(stage: Stage, reach: Reach) -> None:
    async def main(visit: Visit) -> None:
        await reach(Sitting(visit.page))
        reachable = await ask(visit.page, "reachable")
        stops = await walk(visit.page)
        places = [stop["place"] for stop in stops]
        assert places == sorted(places)
        assert [stop["html"] for stop in stops] == reachable
        assert [stop["html"] for stop in stops if stop["ring"] < 2] == [], "no ring to see"
        assert [stop["html"] for stop in stops if not stop["seen"]] == [], "out of sight"

    stage.visit(main)


@slow
def test_the_focus_goes_to_the_heading_of_each_new_screen_and_the_title_names_it(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        titles = [await page.title()]
        await sitting.paste()
        await sitting.begin(1)
        await expect(sitting.heading).to_be_focused()
        titles.append(await page.title())
        await sitting.answer()
        await sitting.press("Finish and get feedback")
        await sitting.feedback()
        await expect(sitting.heading).to_be_focused()
        titles.append(await page.title())
        assert len(set(titles)) == 3

    stage.visit(main)


HEARD = "text => checks.announced.some(each => each.includes(text))"


@slow
def test_a_question_is_announced_once_though_the_network_comes_and_goes(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting = Sitting(visit.page)
        await sitting.paste()
        first = await sitting.begin(2)
        await visit.lose_network()
        await expect(sitting.banner).to_be_visible()
        await visit.regain_network()
        await expect(sitting.banner).to_be_hidden()
        await sitting.answer()
        second = await sitting.asked(2)
        await visit.page.wait_for_function(HEARD, arg=second)
        said = await announced(visit.page)
        assert sum(first in text for text in said) == 1, said
        assert sum(second in text for text in said) == 1, said

    stage.visit(main)


@slow
def test_a_repeated_question_is_announced_again(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting = Sitting(visit.page)
        await sitting.paste()
        first = await sitting.begin(1)
        await sitting.press("Repeat the question")
        await visit.page.wait_for_function(
            "text => checks.announced.filter(each => each.includes(text)).length === 2", arg=first
        )

    stage.visit(main)


@slow
@pytest.mark.parametrize("wish", ["reduce", "no-preference"])
def test_the_question_moves_in_unless_one_wants_less_motion(stage: Stage, wish: Any) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        await ask(page, "movedAtMost")
        await sitting.paste()
        await sitting.begin(1)
        if wish == "reduce":
            assert await ask(page, "movedAtMost") == 0
        else:
            await page.wait_for_function("checks.movedAtMost() > 0")

    stage.visit(main, reduced_motion=wish)


# ------------------------------------------------------------------------------------ the diagram


def luminance(colour: str) -> float:
    """WCAG's relative luminance of ``rgb(…)``."""
    numbers = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    assert len(numbers) == 3, colour
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in numbers
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_present_state_alone_is_lit_and_can_be_read(stage: Stage, scheme: Any) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)

        async def check(state: State) -> None:
            await sitting.state(state)
            painted = await ask(page, "painted")
            now = painted.pop(state)
            assert set(painted) == ({*State} - {state}) | {diagram.ANY_STATE}
            assert now["fill"] not in {other["fill"] for other in painted.values()}
            assert int(now["weight"]) >= 600, "colour alone tells it"
            assert contrast(now["fill"], now["text"]) >= 4.5
            for other in painted.values():
                assert other["fill"] not in ("rgb(0, 0, 0)", "none")
                assert contrast(other["fill"], other["text"]) >= 4.5
            await expect(page.locator("#where-words")).not_to_be_empty()

        await sitting.paste()
        await sitting.begin(1)
        await check(State.QUESTIONING)
        await sitting.answer(ANSWER)
        await sitting.press("Finish and get feedback")
        await sitting.feedback()
        await check(State.ANALYZING)

    stage.visit(main, color_scheme=scheme)


def test_the_diagram_on_the_page_is_the_table() -> None:
    """The lists that are drawn are plain data in the script: every line, no more and no fewer."""
    script = (WEB / "diagram.js").read_text(encoding="utf-8")
    edges = re.findall(r'\{ from: "([^"]+)", to: "([^"]+)", label: "([^"]+)" \}', script)
    assert sorted(edges) == sorted(tuple(move) for move in diagram.moves())
    nodes = re.findall(r'\{ name: "(\w+)", x: \d+', script)
    assert nodes == [*State]
    drawn = set(re.findall(r'\{ from: "([^"]+)", to: "([^"]+)", path: ', script))
    assert drawn == {(move.source, move.dest) for move in diagram.moves()}


@slow
def test_every_line_of_the_diagram_is_drawn_and_told_in_words(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sitting = Sitting(visit.page)
        await question(sitting)
        labels = await visit.page.locator("svg.diagram [data-edge]").evaluate_all(
            "labels => labels.map(each => each.dataset.edge)"
        )
        assert sorted(labels) == sorted(move.label for move in diagram.moves())
        told = await visit.page.locator("#map-text").text_content() or ""
        for move in diagram.moves():
            words = [part.replace("_", " ") for part in (move.source, move.dest, move.label.split()[0])]
            assert "From {} to {}: {}.".format(*words) in told

    stage.visit(main)


IN_ITS_BOX = """state => {
  const now = document.querySelector(`[data-node=${state}].now`), box = document.getElementById("map-scroll");
  if (!now) return false;
  const [inner, outer] = [now, box].map(each => each.getBoundingClientRect());
  return inner.width > 0 && outer.left <= inner.left && inner.right <= outer.right;
}"""


@slow
def test_on_a_phone_the_state_takes_one_line_and_the_diagram_opens_where_it_is(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        page, sitting = visit.page, Sitting(visit.page)
        line = page.locator("#map > summary")

        async def check(state: State, words: str) -> None:
            await sitting.state(state)
            await expect(page.locator("#where-words")).to_have_text(words, use_inner_text=True)
            assert await line.evaluate("line => line.clientHeight") <= 44
            await page.wait_for_function(IN_ITS_BOX, arg=state)

        await sitting.begin(1)
        await line.click()
        await check(State.QUESTIONING, "Step 3 of 5: your turn")
        await sitting.answer()
        await sitting.press("Finish and get feedback")
        await sitting.feedback()
        await check(State.ANALYZING, "Step 4 of 5: feedback")
        await sitting.stop("End the interview")
        await check(State.STOPPED, "Step 5 of 5: it is over")

    stage.visit(main, viewport=NARROW)


# --------------------------------------------------------------------------------------- the weight


def test_the_files_of_the_page_are_light() -> None:
    files = [
        path for path in WEB.rglob("*") if path.is_file() and path.suffix in (".html", ".js", ".css", ".svg")
    ]
    assert {"index.html"} < {path.name for path in files}
    weights = {path.name: len(gzip.compress(path.read_bytes(), 9, mtime=0)) for path in files}
    assert weights.keys() > LATER
    later = sum(weights.pop(name) for name in LATER)
    assert sum(weights.values()) <= MOST, weights
    assert later <= MOST_LATER, f"{later} bytes"


@slow
def test_what_the_browser_loads_is_light_and_compressed(stage: Stage) -> None:
    async def main(visit: Visit) -> None:
        sizes: dict[str, list[int]] = await ask(visit.page, "weights")
        for name, (packed, unpacked) in sizes.items():
            assert packed < unpacked or unpacked < 1000, f"{name} is not compressed"
        weights = {name: packed for name, (packed, _) in sizes.items()}
        print(f"the page weighs {sum(weights.values())} bytes in {len(weights)} files")
        assert len(weights) > 3
        assert not [name for name in weights if name.endswith(tuple(LATER))], "not needed yet"
        assert sum(weights.values()) <= MOST, weights

    stage.visit(main)
