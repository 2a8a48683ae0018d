"""A page of some other site, in a real browser, that wants something of a server on its visitor's machine."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from . import browser
from .browser import PATIENCE, Line, Serving, Stage
from .test_server_kill import stored

pytestmark = pytest.mark.slow

FOREIGN = "http://foreign.example"
RESUME = "https://example.com/cv.pdf;1"

TALK = """
([url, protocols, first]) => new Promise((resolve) => {
  const heard = [];
  const socket = new WebSocket(url, protocols);
  socket.onopen = () => { heard.push("open"); socket.send(first); };
  socket.onmessage = ({ data }) => { heard.push(data); socket.close(); };
  socket.onclose = ({ code }) => resolve([...heard, code]);
})
"""
FETCH = """
([url, options]) => fetch(url, options).then(
  async (answer) => [answer.type, await answer.text()],
  (error) => ["refused", error.name],
)
"""
CREATE = '{"type":"create_session","id":"1","resume":{"text":"Ada Example"}}'


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    with browser.staged(tmp_path_factory.mktemp("foreign")) as stage:
        yield stage


@asynccontextmanager
async def foreign_site() -> AsyncGenerator[int]:
    """A server with one empty page; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<!doctype html><title>Elsewhere</title><link rel=icon href=data:,><p>Elsewhere"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def elsewhere(chromium: Browser, serving: Serving) -> AsyncGenerator[Page]:
    """The foreign page, open; ``rebound.example`` is a name of the foreigner's that leads to *serving*."""
    async with foreign_site() as port:
        others = {("foreign.example", 80): port, ("rebound.example", serving.port): serving.port}
        async with Line(serving.port, others) as line:
            context = await chromium.new_context(proxy={"server": line.url})
            try:
                page = await context.new_page()
                page.set_default_timeout(PATIENCE)
                await page.goto(FOREIGN)
                yield page
            finally:
                await context.close()


def visit(stage: Stage, test: Callable[[Page, Serving], Any], serving: Serving | None = None) -> None:
    """Run *test* on the foreign page; nothing may be stored by it."""
    serving = serving or stage.serving

    async def main(chromium: Browser) -> None:
        async with elsewhere(chromium, serving) as page:
            await test(page, serving)

    stage.strangers(main)


def test_a_site_that_was_named_may_connect(stage: Stage, tmp_path: Path) -> None:
    """Else what follows would show that nobody can."""
    serving = Serving(tmp_path / "interviews.db", "--allow-origin", FOREIGN)

    async def test(page: Page, serving: Serving) -> None:
        heard = await page.evaluate(TALK, [f"ws://localhost:{serving.port}", ["interview-fsm.v1"], CREATE])
        assert heard[0] == "open"
        assert '"session_created"' in heard[1]

    try:
        visit(stage, test, serving)
    finally:
        serving.close()


@pytest.mark.parametrize(
    ("protocols", "first"), [([], RESUME), (["interview-fsm.v1"], CREATE)], ids=["plain text", "JSON"]
)
def test_it_opens_no_socket(stage: Stage, protocols: list[str], first: str) -> None:
    async def test(page: Page, serving: Serving) -> None:
        for host in ("localhost", "rebound.example"):
            assert await page.evaluate(TALK, [f"ws://{host}:{serving.port}", protocols, first]) == [1006]
        assert not await stored(serving.database)

    visit(stage, test)


@pytest.mark.parametrize("path", ["", "healthz", "schema.json", "app.js"])
@pytest.mark.parametrize("host", ["localhost", "rebound.example"])
def test_it_reads_nothing(stage: Stage, host: str, path: str) -> None:
    async def test(page: Page, serving: Serving) -> None:
        url = f"http://{host}:{serving.port}/{path}"
        assert await page.evaluate(FETCH, [url, {}]) == ["refused", "TypeError"]
        blind = await page.evaluate(FETCH, [url, {"mode": "no-cors"}])
        assert blind[0] == "refused" or blind == ["opaque", ""]

    visit(stage, test)


def test_it_does_not_show_our_page_in_a_frame_of_its_own(stage: Stage) -> None:
    """Where clicks could be led astray."""

    async def test(page: Page, serving: Serving) -> None:
        await page.evaluate(
            """(url) => new Promise((loaded) => {
              const frame = document.createElement("iframe");
              frame.src = url;
              frame.onload = loaded;
              document.body.append(frame);
            })""",
            serving.url,
        )
        (frame,) = page.main_frame.child_frames
        assert "Interview practice" not in await frame.content()

    visit(stage, test)


def test_its_forms_change_nothing(stage: Stage) -> None:
    async def test(page: Page, serving: Serving) -> None:
        async with page.expect_request(serving.url) as asked:
            await page.evaluate(
                """(url) => {
                  const form = document.createElement("form");
                  Object.assign(form, { action: url, method: "post", enctype: "text/plain" });
                  const field = document.createElement("input");
                  Object.assign(field, { name: '{"type":"create_session","x":"', value: '"}' });
                  form.append(field);
                  document.body.append(form);
                  form.submit();
                }""",
                serving.url,
            )
        request = await asked.value
        assert request.method == "POST"
        answer = await request.response()  # none: the connection was closed on it
        assert answer is None or answer.status in (400, 405)
        assert not await stored(serving.database)

    visit(stage, test)


def test_a_name_of_its_own_that_leads_here_is_not_answered(stage: Stage) -> None:
    """DNS rebinding: to the browser it is one site, whatever address its name has now."""

    async def test(page: Page, serving: Serving) -> None:
        answer = await page.goto(f"http://rebound.example:{serving.port}/")
        assert answer is not None
        assert answer.status == 421
        assert "Interview practice" not in await page.content()
        url = f"ws://rebound.example:{serving.port}"
        assert await page.evaluate(TALK, [url, [], RESUME]) == [1006]

    visit(stage, test)


def test_the_server_was_there_all_the_time(stage: Stage) -> None:
    with urllib.request.urlopen(f"{stage.serving.url}healthz") as answer:
        assert answer.status == 200
