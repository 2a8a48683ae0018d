"""Checks of a page as it is: axe, and what axe does not see (``page_checks.js``). Each gives faults."""

from __future__ import annotations

import importlib.resources
import os
from pathlib import Path
from typing import Any

from playwright.async_api import Page

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
ARTEFACTS = Path(__file__).resolve().parents[1] / "artefacts"
SCRIPT = Path(__file__).with_name("page_checks.js")
"""To run before the page's own; gives it ``checks``."""
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
MAX_STOPS = 200
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": WIDE},
    "dark": {"color_scheme": "dark", "viewport": WIDE},
    "phone": {"color_scheme": "light", "viewport": NARROW},
    "phone-dark": {"color_scheme": "dark", "viewport": NARROW},
}
if not os.environ.get("INTERVIEW_FSM_SOAK"):  # each light and each width once
    LOOKS = {name: LOOKS[name] for name in ("light", "phone-dark")}
CHECKS = ("sideways", "shownThoughHidden", "smallTargets", "moving")


async def axe(page: Page) -> list[str]:
    """The violations that axe-core finds on *page*."""
    source = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js")
    await page.evaluate(source.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", AXE_TAGS
    )
    assert len(found["passes"]) > 10, "else it looked at nothing"
    return [
        f"{violation['id']}: {node['html']}: {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


async def faults(page: Page, name: str) -> dict[str, list[str]]:
    """What is wrong with the screen, in each look; each is kept as a picture ``artefacts/<name>-<look>.png``,
    for people to look at.
    """
    wrong = {}
    ARTEFACTS.mkdir(exist_ok=True)
    for look, how in LOOKS.items():
        await page.emulate_media(color_scheme=how["color_scheme"])
        await page.set_viewport_size(how["viewport"])
        whole = await page.locator("dialog[open]").count() == 0  # of more than is seen, dialogs are left out
        await page.screenshot(path=ARTEFACTS / f"{name}-{look}.png", full_page=whole)
        found = {"axe": await axe(page)} | {check: await ask(page, check) for check in CHECKS}
        wrong |= {f"{look}: {check}": each for check, each in found.items() if each}
    return wrong


async def ask(page: Page, check: str) -> Any:
    """What the check of that name in ``page_checks.js`` finds."""
    return await page.evaluate(f"checks.{check}()")


async def announced(page: Page) -> list[str]:
    """What a screen reader has been given to say, so far."""
    said: list[str] = await page.evaluate("checks.announced")
    return said


async def walk(page: Page) -> list[dict[str, Any]]:
    """Each stop of the Tab key, from the top of the page until it leaves it or comes round."""
    await ask(page, "toTop")
    stops: list[dict[str, Any]] = []
    for _ in range(MAX_STOPS):
        await page.keyboard.press("Tab")
        stop = await ask(page, "focus")
        if stop is None or (stops and stop["place"] == stops[0]["place"]):
            return stops
        stops.append(stop)
    raise AssertionError("the Tab key never comes round")
