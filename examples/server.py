"""The bundled server inside a program of one's own.

python examples/server.py --port 8765 --allow-fetch 127.0.0.1:8000
"""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from contextlib import suppress

from interview_fsm import assemble
from interview_fsm.resume.fetch import Fetcher, FetchPolicy
from interview_fsm.resume.reader import Reader
from interview_fsm.server import Server, ServerSettings


async def main(port: int, allowed: list[str]) -> None:
    """Serve until cancelled (Ctrl+C); the interviews that run are stopped on the way out."""
    fetcher, reader = Fetcher(FetchPolicy.allowing(allowed)), Reader()
    try:
        async with (
            assemble() as engine,
            Server(engine, fetcher=fetcher, reader=reader, settings=ServerSettings(port=port)) as server,
        ):
            print(f"Listening on {server.url}", flush=True)
            await asyncio.Event().wait()
    finally:
        await reader.aclose()
        await fetcher.aclose()


if __name__ == "__main__":
    options = ArgumentParser()
    options.add_argument("--port", type=int, default=8765)
    options.add_argument("--allow-fetch", action="append", default=[], metavar="HOST:PORT")
    given = options.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(main(given.port, given.allow_fetch))
