"""A server among several on one database, to be killed: ``python one_of_many.py PORT DSN HOST TOKEN [HANG]``.

Set up as behind the shipped proxy. HANG is ``ask`` or ``analyze``: what its interviewer does not finish
before SIGUSR1. It records as long as it takes, on no hardware. Prints a line when it listens.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from interview_fsm.adapters import postgres
from interview_fsm.events import Feedback, Question
from interview_fsm.ports import Brief
from interview_fsm.testing import ScriptedInterviewer, ScriptedRecorder, ScriptedTranscriber
from tests.serving import running


class Slow(ScriptedInterviewer):
    """Takes until it is told to go on, at one thing."""

    def __init__(self, hang: str) -> None:
        super().__init__()
        self._hang, self._go_on = hang, asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._go_on.set)

    async def ask(self, brief: Brief) -> Question:
        if self._hang == "ask":
            await self._go_on.wait()
        return await super().ask(brief)

    async def analyze(self, brief: Brief) -> Feedback:
        if self._hang == "analyze":
            await self._go_on.wait()
        return await super().analyze(brief)


async def main(port: str, dsn: str, host: str, token: str, hang: str = "") -> None:
    storage = await postgres.create(dsn=dsn)
    async with running(
        storage=storage,
        interviewer=Slow(hang),
        ports={"recorder": ScriptedRecorder(seconds=600), "transcriber": ScriptedTranscriber()},
        port=int(port),
        trusted_proxies=("127.0.0.1",),
        allow_hosts=(host,),
        access_token=token,
    ):
        print("listening", flush=True)
        await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
