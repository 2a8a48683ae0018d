"""Checks of a page as it is: axe, and what axe does not see (``page_checks.js``). Each gives faults."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import Any

from playwright.async_api import Page

SCRIPT = Path(__file__).with_name("page_checks.js")
"""To run before the page's own; gives it ``checks``."""
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
MAX_STOPS = 200


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
