"""A real browser before a real server, with a line between them that can be cut, held and restored.

One Chromium and one ``interview-fsm serve`` serve a module (``staged``); each test has a fresh context with
nothing stored, and a fresh line (``Stage.visit``). Leaving a visit fails the test when the page wrote to
its console, threw, kept a cookie, or wanted anything from anywhere but its own server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    async_playwright,
    expect,
)

from interview_fsm.adapters.coach import Coach

from .page_checks import SCRIPT, WIDE
from .serving import running
from .test_readme_js import FLAGS, need

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 40_000
"""Milliseconds that a condition may take at the most: it costs nothing while conditions come true, and a
machine that does many things at once may need it."""
expect.set_options(timeout=PATIENCE)
CHROMIUMS_OWN = {"content-autofill.googleapis.com:443"}
"""What Chromium asks for of itself when it sees a form, where its vendor wants to go. It is refused, too."""

LOST = re.compile(r"WebSocket connection to .* failed|Failed to load resource: net::ERR_")
"""What Chromium itself writes to the console when the line is cut; no page can keep it from that."""


class Line:
    """A SOCKS5 proxy on loopback: what a context's connections go through, whatever they are for.

    It connects ``localhost:port`` alone, and *others*: names and ports, each with the port of this machine
    that stands for it. Where else somebody wanted to go is in ``strays``. Closing it drops what is open.
    """

    def __init__(self, port: int, others: Mapping[tuple[str, int], int] | None = None) -> None:
        self.port = port
        self._ports = {("localhost", port): port, **(others or {})}
        self.strays: list[str] = []
        self.opened = 0
        """Connections to the server, so far."""
        self._up = True
        self._asks, self._replies = asyncio.Event(), asyncio.Event()
        self._asks.set()
        self._replies.set()
        self._open: set[asyncio.Transport] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"socks5://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Line:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Reset every connection, with what was held of it, and refuse new ones."""
        self._up = False
        for transport in self._open:
            transport.abort()
        self._flow()

    def hold(self, *, replies_only: bool = False) -> None:
        """Carry nothing more, and say nothing of it: a network that has gone quiet."""
        self._replies.clear()
        if not replies_only:
            self._asks.clear()

    def restore(self) -> None:
        """Carry again, what was held first."""
        self._up = True
        self._flow()

    def _flow(self) -> None:
        self._asks.set()
        self._replies.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer.transport)  # type: ignore[arg-type]
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._carry(reader, writer)
        finally:
            self._open.discard(writer.transport)  # type: ignore[arg-type]
            self._tasks.discard(task)
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, wanted = await self._greet(reader, writer)
        port = self._ports.get((host, wanted))
        if port is None and f"{host}:{wanted}" not in CHROMIUMS_OWN:
            self.strays.append(f"{host}:{wanted}")
        if port is None or not self._up:
            writer.write(b"\5\4\0\1\0\0\0\0\0\0")  # host unreachable
            await writer.drain()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        self._open.add(far_writer.transport)
        try:
            self.opened += 1
            writer.write(b"\5\0\0\1\0\0\0\0\0\0")
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, far_writer, self._asks))
                group.create_task(_pump(far_reader, writer, self._replies))
        finally:
            self._open.discard(far_writer.transport)
            far_writer.transport.abort()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
        """Who is wanted (RFC 1928, no authentication)."""
        methods = (await reader.readexactly(2))[1]
        await reader.readexactly(methods)
        writer.write(b"\5\0")
        kind = (await reader.readexactly(4))[3]
        if kind == 3:  # a name
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = ".".join(map(str, await reader.readexactly(4 if kind == 1 else 16)))
        return host, int.from_bytes(await reader.readexactly(2))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            await flowing.wait()
            writer.write(chunk)
            await writer.drain()
    writer.close()


class Serving:
    """``interview-fsm serve`` as a process, on a SQLite file; it can be killed and started again."""

    def __init__(self, database: Path, *arguments: str) -> None:
        self.database = database
        self._arguments = ["--database", str(database), "--seed", "1", *arguments]
        self.port = 0
        self._process = self._start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/"

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "interview_fsm", "serve", "--port", str(self.port), *self._arguments]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        banner = ""
        for line in process.stdout:
            banner += line
            if "Ctrl+C" in line:
                break
        found = re.search(r"ws://localhost:(\d+)", banner)
        assert found is not None, banner
        self.port = int(found.group(1))
        return process

    def kill(self) -> None:
        """``kill -9``, as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start again on the same file and port."""
        self._process = self._start()

    def close(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        self._process.wait(15)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Here(NamedTuple):
    """A server in this process."""

    port: int

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/"


class Visit:
    """One context of the browser on the page, and what is watched in it."""

    def __init__(self, serving: Serving | Here, context: BrowserContext, line: Line) -> None:
        self.serving, self.context, self.line = serving, context, line
        self.page: Page
        self.may_lose = False
        """Whether the browser may say on the console that the network has gone."""
        self._said: list[str] = []
        self._asked: list[str] = []
        context.on("console", self._hear)
        context.on("weberror", lambda error: self._said.append(f"thrown: {error.error}"))
        context.on("request", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        if not (self.may_lose and LOST.search(message.text)):
            self._said.append(f"{message.type}: {message.text}")

    def _see(self, request: Request) -> None:
        if not request.url.startswith((self.serving.url, "data:", "blob:")):
            self._asked.append(request.url)

    async def open(self, path: str = "") -> Page:
        """One more tab."""
        page = await self.context.new_page()
        page.set_default_timeout(PATIENCE)
        await page.goto(self.serving.url + path)
        return page

    async def lose_network(self) -> None:
        """Cut the line, and let the browser know, as an unplugged cable does."""
        self.may_lose = True
        self.line.cut()
        await self.context.set_offline(True)

    async def regain_network(self) -> float:
        """Restore the line and say so; when that was, on ``time.monotonic``."""
        self.line.restore()
        when = time.monotonic()
        await self.context.set_offline(False)
        return when

    async def check(self) -> None:
        """Fail for what no page of ours may do."""
        assert self._said == [], f"on the console: {self._said}"
        assert self._asked == [], f"a request left the origin: {self._asked}"
        assert self.line.strays == [], f"a connection left the origin: {self.line.strays}"
        assert await self.context.cookies() == []


class Stage:
    """One browser and one server, for all tests of a module."""

    def __init__(self, runner: asyncio.Runner, browser: Browser, serving: Serving) -> None:
        self._runner, self._browser, self.serving = runner, browser, serving

    def visit(
        self, test: Callable[[Visit], Awaitable[None]], serving: Serving | None = None, **options: Any
    ) -> None:
        """Run *test* in a fresh context, made with Playwright's *options*."""

        async def main() -> None:
            async with visiting(self._browser, serving or self.serving, **options) as visit:
                await test(visit)

        self._runner.run(main())

    def visit_here(
        self,
        test: Callable[[Visit], Awaitable[None]],
        *,
        options: Mapping[str, Any] | None = None,
        **parts: Any,
    ) -> None:
        """Run *test* before a server in this process, made of *parts* (``serving.running``), in a context
        made with Playwright's *options*.
        """

        async def main() -> None:
            async with (
                running(**{"interviewer": Coach(), **parts}) as served,
                visiting(self._browser, Here(served.server.port), **(options or {})) as visit,
            ):
                await test(visit)

        self._runner.run(main())

    def strangers(self, test: Callable[[Browser], Awaitable[None]]) -> None:
        """Run *test* with the browser itself: contexts and lines are its own."""

        async def main() -> None:
            await test(self._browser)

        self._runner.run(main())


@asynccontextmanager
async def visiting(browser: Browser, serving: Serving | Here, **options: Any) -> AsyncGenerator[Visit]:
    async with Line(serving.port) as line:
        context = await browser.new_context(
            proxy={"server": line.url}, **{"viewport": WIDE, "reduced_motion": "reduce", **options}
        )
        try:
            await context.add_init_script(path=SCRIPT)
            visit = Visit(serving, context, line)
            visit.page = await visit.open()
            yield visit
            await visit.check()
        finally:
            await context.close()


@contextmanager
def staged(folder: Path, *flags: str) -> Generator[Stage]:
    """A browser, started with *flags* too, and a server on a database in *folder*."""
    need("chromium", CHROMIUM)
    serving = Serving(folder / "interviews.db")
    try:
        with asyncio.Runner() as runner:
            # One thread, begun before the first test: none is taken to have left it running.
            runner.get_loop().set_default_executor(ThreadPoolExecutor(1))
            playwright = runner.run(async_playwright().start())
            browser = runner.run(playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags]))
            try:
                stage = Stage(runner, browser, serving)
                runner.run(_warm(browser))
                yield stage
            finally:
                runner.run(browser.close())
                runner.run(playwright.stop())
    finally:
        serving.close()


async def _warm(browser: Browser) -> None:
    """Start the processes and the thread that are kept, so that no test is taken to have left them."""
    await asyncio.to_thread(int)
    context = await browser.new_context()
    await (await context.new_page()).goto("about:blank")
    await context.close()


async def until(condition: Callable[[], bool], seconds: float = PATIENCE / 1000) -> None:
    """Wait until *condition* holds, looking each time the loop has turned; for what no page can tell."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
