"""The page behind the shipped nginx when its server goes: the candidate answers, and notices little."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from interview_fsm.adapters import postgres
from interview_fsm.events import SubmitAnswer

from . import browser
from .browser import Stage
from .certificates import Pair, certificate  # noqa: F401 - a fixture
from .databases import Cluster
from .front import Front, free_port
from .sitting import ANSWER, Sitting
from .test_deploy import TOKEN, Served, is_connected, name_of, started

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    flag = "--host-resolver-rules=MAP interview.example 127.0.0.1"
    with browser.staged(tmp_path_factory.mktemp("page"), flag) as stage:
        yield stage


@pytest.mark.parametrize("end", [Served.kill, Served.end], ids=["kill -9", "SIGTERM"])
def test_an_answer_that_is_sent_as_the_server_goes_is_stored_by_the_other(
    stage: Stage,
    cluster: Cluster,
    certificate: Pair,  # noqa: F811
    tmp_path: Path,
    end: object,
) -> None:
    ports = [free_port(), free_port()]
    front = Front(tmp_path, certificate, ports)

    async def main(browser: Browser) -> None:
        async with await browser.new_context(ignore_https_errors=True) as context:
            page = await context.new_page()
            sitting = Sitting(page)
            await page.goto(f"https://{name_of(front)}/#token={TOKEN}")
            await sitting.paste()
            await sitting.begin(1)
            (server,) = [each for each in servers if is_connected(each)]
            ending = asyncio.ensure_future(asyncio.to_thread(end, server))  # type: ignore[arg-type]
            await sitting.answer(ANSWER)
            await ending
            await expect(page.locator("#banner")).to_be_hidden()
            await sitting.press("Finish and get feedback")
            await sitting.feedback()
        assert await answers(dsn) == [ANSWER]

    dsn = cluster.new_database()
    with front.running(), started(front, ports, dsn, tmp_path) as servers:
        stage.strangers(main)


async def answers(dsn: str) -> list[str]:
    """Every answer in the database, as often as it was stored."""
    storage = await postgres.create(dsn=dsn, read_only=True)
    try:
        logs = [await storage.load(head.interview_id) async for head in storage.interviews()]
    finally:
        await storage.aclose()
    events = [event for log in logs for entry in log for event in entry.events]
    return [event.text for event in events if isinstance(event, SubmitAnswer)]
