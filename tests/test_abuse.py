"""What a client may do that no proper one does: each ends as it should, and nobody else notices."""

from __future__ import annotations

import asyncio

from interview_fsm.protocol import CLEARED

from .raw import PING, PONG, frame, opened
from .serving import LINK, exchange, running


def test_too_many_pings_close_1008() -> None:
    async def main() -> None:
        async with running() as served, served.connect() as ada:
            await ada.send(LINK)
            for opcode in (PING, PONG):
                async with opened(served.server.port) as eve:
                    await eve.write(frame(LINK) + frame(b"", opcode) * 20_000)
                    assert await eve.close_code() == 1008
            assert await exchange(ada, "start_interview") == CLEARED

    asyncio.run(main())
