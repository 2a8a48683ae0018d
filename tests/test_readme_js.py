"""The README's JavaScript, its five lines pasted at once, in Node and in Chromium."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright

from interview_fsm.testing import ScriptedInterviewer, ScriptedRecorder, ScriptedTranscriber, Step

from .serving import Running, running

README = Path(__file__).resolve().parents[1] / "README.md"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NODE = shutil.which("node")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
EXPECTED = [
    "Database cleared. Please specify difficulty.",
    "Question asked: Question 1, entry-level: what was your part in it?",
    "Answer recorded: I rewrote the payroll in a weekend.",
]


def need(what: str, there: object) -> None:
    """Skip where *what* is missing on a developer's machine; in CI that is a failure."""
    if not there:
        if os.environ.get("CI"):
            pytest.fail(f"{what} is missing")
        pytest.skip(f"{what} is not installed")


def snippet(served: Running) -> str:
    """The first JavaScript of the README, aimed at *served*."""
    found = re.search(r"```js\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    code = found.group(1)
    assert code.count(".send(") == 5
    assert "ws://localhost:8765" in code
    assert "https://example.com/myresume.pdf;1" in code
    return code.replace("ws://localhost:8765", served.server.url)


def ports() -> dict[str, Any]:
    spoken: list[Step[Any]] = [Step(gives=EXPECTED[2].removeprefix("Answer recorded: "))]
    return {"recorder": ScriptedRecorder(seconds=0.1), "transcriber": ScriptedTranscriber(spoken)}


def check(heard: list[str]) -> None:
    assert heard[:3] == EXPECTED
    assert heard[3].startswith("Analysis: ")
    assert len(heard) == 4


def test_the_snippet_conducts_an_interview_in_node(tmp_path: Path) -> None:
    need("node", NODE)

    async def main() -> None:
        async with running(interviewer=ScriptedInterviewer(), ports=ports()) as served:
            script = tmp_path / "snippet.js"
            # One reply may have several lines; an end mark keeps them apart.
            marked = snippet(served).replace("console.log(data)", 'console.log(data + "\\u0000")')
            script.write_text(marked, encoding="utf-8")
            assert NODE is not None
            process = await asyncio.create_subprocess_exec(
                NODE,
                "--no-warnings",
                "--experimental-websocket",  # Node 20; later it is there without
                str(script),
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            try:
                async with asyncio.timeout(30):
                    heard = [(await process.stdout.readuntil(b"\0\n"))[:-2].decode() for _ in range(4)]
            finally:
                process.kill()
                await process.wait()
            check(heard)

    asyncio.run(main())


@pytest.mark.slow
def test_the_snippet_conducts_an_interview_in_chromium() -> None:
    need("chromium", CHROMIUM)

    async def main() -> None:
        async with (
            running(interviewer=ScriptedInterviewer(), ports=ports()) as served,
            async_playwright() as playwright,
        ):
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            try:
                page = await browser.new_page()
                heard: list[str] = []
                done = asyncio.Event()

                def listen(message: Any) -> None:
                    heard.append(message.text)
                    if len(heard) >= 4 or message.type == "error":
                        done.set()

                page.on("console", listen)
                await page.goto(served.server.url.replace("ws://", "http://"))
                # Pasted as a script is: const at the top level, no function around it.
                await page.evaluate("code => { (0, eval)(code) }", snippet(served))
                await asyncio.wait_for(done.wait(), 30)
            finally:
                await browser.close()
            check(heard)

    asyncio.run(main())


@pytest.mark.slow
def test_a_foreign_page_in_chromium_cannot_talk_to_the_server() -> None:
    need("chromium", CHROMIUM)

    async def main() -> None:
        async with (
            running() as served,
            running() as foreign,  # another port is another origin
            async_playwright() as playwright,
        ):
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            try:
                context = await browser.new_context(bypass_csp=True)  # that page may do what it likes
                page = await context.new_page()
                await page.goto(foreign.server.url.replace("ws://", "http://"))
                code = await page.evaluate(
                    """url => new Promise(resolve => {
                        const socket = new WebSocket(url);
                        socket.onopen = () => resolve("open");
                        socket.onclose = event => resolve(event.code);
                    })""",
                    served.server.url,
                )
            finally:
                await browser.close()
            assert code == 1006
            assert served.engine.sessions == 0

    asyncio.run(main())
