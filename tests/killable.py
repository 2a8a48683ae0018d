"""A server on a SQLite file, to be killed: ``python killable.py FILE``. Prints its port."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from interview_fsm.adapters.sqlite import create
from interview_fsm.testing import ScriptedInterviewer, ScriptedRecorder, ScriptedTranscriber, Step
from tests.serving import running


async def main() -> None:
    storage = await create(path=sys.argv[1])
    # Long enough that a death falls amid a recording, a question being made and an analysis.
    slow: list[Step[Any]] = [Step(takes=0.01)] * 1000
    interviewer = ScriptedInterviewer(slow, slow)
    ports = {"recorder": ScriptedRecorder(seconds=600), "transcriber": ScriptedTranscriber()}
    async with running(storage=storage, interviewer=interviewer, ports=ports) as served:
        print(served.server.port, flush=True)
        await asyncio.Event().wait()


asyncio.run(main())
