"""Several servers on one database, each in a process of its own, and nginx in front of them."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from websockets.exceptions import InvalidHandshake

from .certificates import Pair
from .front import Front, free_port
from .test_v1_drops import Candidate, schema_at
from .v1_client import Client, Closed, Schema, client_to

TOKEN = "a-token-of-the-tests-long-enough"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}


class Member:
    """One server. ``hang`` is what its interviewer does not finish before ``go_on()``."""

    def __init__(self, port: int, dsn: str, host: str, hang: str = "") -> None:
        self.port = port
        script = str(Path(__file__).with_name("one_of_many.py"))
        self._process = subprocess.Popen(
            [sys.executable, script, str(port), dsn, host, TOKEN, hang], stdout=subprocess.PIPE, text=True
        )

    def wait(self) -> Member:
        """Until it listens."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "listening\n", "it did not start"
        return self

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGUSR1)

    def pause(self) -> None:
        """As a machine does that has no time for it."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """``kill -9``; returns when it is gone."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    @asynccontextmanager
    async def client(self, schema: Schema) -> AsyncGenerator[Client]:
        """A connection past the proxy."""
        url = f"ws://127.0.0.1:{self.port}"
        async with client_to(url, schema, additional_headers=SHOWN) as wire:
            yield wire


class Wanderer(Candidate):
    """Goes on until a moment, and comes back to whoever is there."""

    async def until(self, wire: Client, moment: Callable[[Candidate], bool]) -> None:
        """Go on until *moment*, with nothing unanswered."""
        if self.pending is not None:
            await wire.say_raw(self.pending)
        while self.pending is not None or not moment(self):
            if self.pending is not None or not await self.say_next(wire):
                await self.hear(wire)

    async def hear_the_end(self, wire: Client) -> None:
        """What a server said before it died counts."""
        try:
            while True:
                await self.hear(wire)
        except Closed:
            pass


class Team:
    """Two places for servers, and the proxy that knows them. Whoever is started is killed at the end."""

    def __init__(self, front: Front, ports: tuple[int, int], dsn: str) -> None:
        self.front, self.dsn, self._ports = front, dsn, ports
        self.members: dict[int, Member] = {}
        self._schema: Schema | None = None

    @classmethod
    @contextmanager
    def at_work(cls, folder: Path, pair: Pair, dsn: str) -> Generator[Team]:
        ports = (free_port(), free_port())
        front = Front(folder, pair, ports)
        with front.running():
            team = cls(front, ports, dsn)
            try:
                yield team
            finally:
                for member in team.members.values():
                    member.kill()

    async def start(self, place: int, hang: str = "", dsn: str = "") -> Member:
        """A server at *place*, 0 or 1, listening."""
        member = self.members[place] = Member(self._ports[place], dsn or self.dsn, self.front.host, hang)
        return await asyncio.to_thread(member.wait)

    def kill(self, place: int) -> None:
        self.members.pop(place).kill()

    async def schema(self) -> Schema:
        """As the servers give it."""
        if self._schema is None:
            port = next(iter(self.members.values())).port
            self._schema = await asyncio.to_thread(schema_at, port)
        return self._schema

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[Client]:
        """A connection through the proxy, tried until it is there, as every client does."""
        schema, url = await self.schema(), f"wss://{self.front.host}"
        async with AsyncExitStack() as stack:
            while True:
                trying = client_to(url, schema, ssl=self.front.trust, additional_headers=SHOWN)
                try:
                    wire = await stack.enter_async_context(trying)
                except (OSError, InvalidHandshake):  # nobody is there: 502
                    await asyncio.sleep(0.02)
                else:
                    break
            yield wire
