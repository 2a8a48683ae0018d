"""A server on a SQLite file, to be killed: ``python killable.py FILE``. Prints its port."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from interview_fsm.adapters.sqlite import create
from tests.serving import running


async def main() -> None:
    storage = await create(path=sys.argv[1])
    async with running(storage=storage) as served:
        print(served.server.port, flush=True)
        await asyncio.Event().wait()


asyncio.run(main())
