"""The connections of the PostgreSQL storage: so many at once, made when they are wanted.

psycopg_pool (3.3.3 was tried) makes them in tasks of its own. Those keep to themselves why there is none: a
wrong host is a time-out without a cause, when all the time is up, and here an error at once that says so. And
they wait longer from try to try: when a database was away for 20 seconds, the first connection came 13
seconds after it was back, which is more than a call may take. Here who wants a connection makes it, and hears
what is wrong; nothing runs unless somebody asks, and a cancelled caller leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from psycopg.pq import TransactionStatus

from ._postgres_tables import Connection


class Pool:
    """At most *size* connections, each made by *connect*, in use or free."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int) -> None:
        self._connect, self._size = connect, size
        self._turns = asyncio.Semaphore(size)
        self._free: list[Connection] = []
        self._is_open = True

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """One connection, while the block runs; first come, first served. Raises what connecting does."""
        async with self._turns:
            connection = self._free.pop() if self._free else await self._connect()
            try:
                yield connection
            finally:  # without an await, so that no cancellation comes between
                if connection.pgconn.transaction_status == TransactionStatus.IDLE and self._is_open:
                    self._free.append(connection)
                else:
                    connection.pgconn.finish()
                    if self._is_open:  # what broke one has mostly broken all
                        self._drop_free()

    def _drop_free(self) -> None:
        for connection in self._free:
            connection.pgconn.finish()
        self._free.clear()

    async def aclose(self, patience: float) -> None:
        """Close what is free now, what is in use when it comes back; wait so many seconds for that."""
        self._is_open = False
        self._drop_free()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                for _ in range(self._size):
                    await self._turns.acquire()
