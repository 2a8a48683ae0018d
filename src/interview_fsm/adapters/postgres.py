"""Logs kept in PostgreSQL: for more than one server, or where there is a database anyway.

An append is one statement. Its head's version is the condition, so of two servers that believe they have an
interview one is told Conflict; no lock is held and no clock is asked. Everything here may be repeated, an
append because of its ``append_id``, so what is lost with a connection is tried again on the next, until the
time is up: a restart or a failover of the database is a pause, and after that an error, never a hang.

**Durable** means ``synchronous_commit=on``, which each connection sets, whatever the database's default: an
append survives the database's crash and its loss of power (if it has ``fsync`` on). It survives the loss of
the *machine* where the database replicates synchronously: then it is not acknowledged before the standby has
it, whoever tells the database not to wait.

**Erasing** removes a log from every query. The database's files have the old rows until they are vacuumed
and written over, its write-ahead log until it is recycled, a backup until it is deleted. Of an erased log
stays its id, for ever, so that it is not used again.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from .. import keys
from ..errors import AdapterError, SettingError
from ..events import Entry, Head, encode
from . import _postgres_tables as tables
from ._postgres_pool import Pool
from ._postgres_tables import Connection, kept

_T = TypeVar("_T")

SETTING = "INTERVIEW_FSM_POSTGRES_DSN"
"""What the connection string is called, in the environment and in the file of keys."""

PATIENCE = 8.0
"""Seconds for a call, with all its repetitions; a session gives up after 10."""
_LET_GO = 1.0
"""Seconds more that a call may take to end when its time is up, or the connection is closed under it."""
_CONNECTIONS = 8
"""At once. One is held for an append, not for an interview; ten servers stay below the usual limit of 100."""
_PREPARED = 5
"""Times that a statement runs on a connection before it is prepared, which saves a quarter of an append."""
_DEFAULTS: dict[str, Any] = {
    "client_encoding": "UTF8",
    "connect_timeout": 3,  # for each host: of three, two may be dead
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "fallback_application_name": "interview_fsm",
}
"""Of libpq, where the connection string does not say otherwise: a dead connection is to be known as such."""


ELSEWHERE = "What is kept goes to the PostgreSQL database of whoever runs this."
"""Told to candidates: no name of a machine that is none of their business."""


def _is_here(host: str) -> bool:
    """Whether this is a socket or an address of this machine."""
    return host.startswith(("/", "@", "127.")) or host in ("", "localhost", "::1")


def _refusal(message: str, *, retryable: bool = False) -> AdapterError:
    return AdapterError("postgres", "storage_unavailable", message, retryable=retryable)


class PostgresStorage:
    """A Storage in PostgreSQL. Made by ``create()``; used on the event loop it was made on.

    Holds up to *connections* connections until ``aclose()``.
    """

    def __init__(self, conninfo: str, *, read_only: bool, connections: int, patience: float) -> None:
        self.read_only = read_only
        self.data = ""
        """Where what is kept goes, in a sentence; empty while that is this machine, and before ``open()``."""
        self._conninfo = conninfo
        self._patience = patience
        self._pool = Pool(self._connect, connections)
        self._closing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make the tables, if there are none. Raises AdapterError with a sentence that says what is wrong."""
        try:
            async with (
                asyncio.timeout(self._patience + _LET_GO),
                asyncio.timeout(self._patience),
                self._pool.connection() as connection,
            ):
                if connection.info.parameter_status("server_encoding") != "UTF8":
                    raise _refusal("the database is not in UTF-8; make one with ENCODING 'UTF8'")
                await (tables.check if self.read_only else tables.migrate)(connection)
                self.data = "" if _is_here(connection.info.host) else ELSEWHERE
        except TimeoutError as error:
            raise _refusal("the database did not answer in time", retryable=True) from error
        except psycopg.Error as error:
            raise _explained(error) from error

    async def _connect(self) -> Connection:
        """A connection, set up. One through a pooler is shared: nothing may be set on it, nor prepared."""
        connection = await Connection.connect(self._conninfo, autocommit=True, prepare_threshold=None)
        connection.add_notice_handler(connection.heed)
        try:
            pid, durability = await tables.identify(connection)
            if pid == connection.info.backend_pid:  # a pooler tells a number of its own
                connection.prepare_threshold = _PREPARED
                await tables.set_up(connection, patience=self._patience, read_only=self.read_only)
            elif durability == "off":
                raise _refusal(
                    "behind a pooler durability cannot be asked for: ALTER ROLE … SET synchronous_commit = on"
                )
        except BaseException:
            connection.pgconn.finish()
            raise
        return connection

    async def append(
        self,
        interview_id: str,
        expected_version: int,
        entry: Entry,
        *,
        owner: str | None = None,
        expires_at: float | None = None,
    ) -> None:
        """See Storage.append(). Survives a crash of the database when it returns."""
        body = encode(entry).decode()
        if entry.version != expected_version + 1:
            raise ValueError(f"version {entry.version} cannot follow version {expected_version}")
        row = {
            "id": kept(interview_id),
            "version": entry.version,
            "append_id": kept(entry.append_id),
            "body": body,
            "at": entry.at,
            "owner": None if owner is None else kept(owner),
            "expires_at": expires_at,
        }
        self._must_write()
        await self._ask(lambda connection: tables.append(connection, row))

    async def load(self, interview_id: str, after: int = 0) -> list[Entry]:
        """See Storage.load()."""
        return await self._ask(lambda connection: tables.load(connection, interview_id, after))

    async def interviews(
        self, *, owner: str | None = None, expired_before: float | None = None
    ) -> AsyncIterator[Head]:
        """See Storage.interviews(). Read a page at a time: what is appended meanwhile may be in it or not."""
        beyond = ""
        while heads := await self._heads(beyond, owner, expired_before):
            for head in heads:
                yield head
            beyond = heads[-1].interview_id

    async def _heads(self, beyond: str, owner: str | None, expired_before: float | None) -> list[Head]:
        return await self._ask(lambda connection: tables.heads(connection, beyond, owner, expired_before))

    async def erase(self, interview_id: str) -> bool:
        """See Storage.erase()."""
        self._must_write()
        erasure = secrets.token_hex(8)
        return await self._ask(lambda connection: tables.erase(connection, interview_id, erasure))

    async def aclose(self) -> None:
        """Close the connections; what runs may end, what waits for a connection is refused."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._pool.aclose(_LET_GO))
        await asyncio.shield(self._closing)

    def _must_write(self) -> None:
        if self.read_only:
            raise AdapterError("postgres", "storage_read_only", "the database was opened for reading only")

    def _must_be_open(self) -> None:
        if self._closing is not None:
            raise _refusal("the storage has been closed")

    async def _ask(self, work: Callable[[Connection], Awaitable[_T]]) -> _T:
        """What *work* returns, done as often as it takes while there is time.

        psycopg answers the first cancellation by asking the server to stop, and waits; the second, by closing
        the connection. So the two limits.
        """
        try:
            async with asyncio.timeout(self._patience + _LET_GO), asyncio.timeout(self._patience):
                return await self._insist(work)
        except TimeoutError as error:
            raise _refusal("the database did not answer in time", retryable=True) from error

    async def _insist(self, work: Callable[[Connection], Awaitable[_T]]) -> _T:
        pause = 0.01
        while True:
            self._must_be_open()
            try:
                async with self._pool.connection() as connection:
                    self._must_be_open()
                    try:
                        return await work(connection)
                    except errors.ReadOnlySqlTransaction:  # was the primary, and is a standby now
                        await connection.close()
                        raise
            except psycopg.Error as error:
                if not _may_pass(error):
                    raise _explained(error) from error
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - not for secrets
            pause = min(2 * pause, 0.5)


_PASSING = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.ReadOnlySqlTransaction,
    errors.TooManyConnections,
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
)


def _may_pass(error: psycopg.Error) -> bool:
    """Whether the same may go well on the next try; what has no code is a connection that broke."""
    if isinstance(error, _PASSING):
        return True
    state = error.sqlstate
    return isinstance(error, psycopg.OperationalError) and (state is None or state.startswith("08"))


_SENTENCES: tuple[tuple[type[psycopg.Error], str, bool], ...] = (
    (errors.InsufficientPrivilege, "the database's user may not use or make the tables of interviews", False),
    (errors.UndefinedTable, "the tables of interviews are gone; start again to have them made", False),
    (errors.DuplicateTable, "the database has tables called interview_… that are not of this program", False),
    (errors.ReadOnlySqlTransaction, "the database may not be written to: it may be a standby", True),
    (errors.DiskFull, "the database's disk is full; nothing was written", True),
    (errors.QueryCanceled, "the database took too long, and was told to stop", True),
    (errors.TooManyConnections, "the database has no connection left; raise its max_connections", True),
)


_UNREACHED = {
    "password authentication failed": "the database refuses the password",
    "no password supplied": "the database wants a password",
    "pg_hba.conf": "the database refuses this user or this machine (its pg_hba.conf)",
    "does not exist": "there is no such database or user",
    "certificate": "the database's certificate is not trusted",
    "too many clients": "the database has no connection left; raise its max_connections",
    "starting up": "the database is starting up",
}
"""By what the server's refusal says: one that comes before the session has no code that libpq would tell."""


def _unreached(said: str) -> str:
    for words, sentence in _UNREACHED.items():
        if words in said:
            return sentence
    return f"the database cannot be reached; is it running, and is {SETTING} right?"


def _explained(error: psycopg.Error) -> AdapterError | ValueError:
    """*error* as the caller is to see it; never with the server's words, which may quote what was sent."""
    for kind, sentence, retryable in _SENTENCES:
        if isinstance(error, kind):
            return _refusal(sentence, retryable=retryable)
    if isinstance(error, psycopg.DataError | errors.ProgramLimitExceeded):
        return ValueError(f"PostgreSQL cannot keep this (SQLSTATE {error.sqlstate})")
    if error.sqlstate is None and isinstance(error, psycopg.OperationalError):
        return _refusal(_unreached(str(error)), retryable=True)
    name = f"SQLSTATE {error.sqlstate}" if error.sqlstate else type(error).__name__
    return _refusal(f"the database could not be used ({name})")


def _conninfo(dsn: str | None) -> str:
    """The connection string with our defaults. Raises SettingError, which quotes nothing of it."""
    if dsn is None:
        key = keys.find(SETTING)
        if key is None:
            raise SettingError(
                f"say where the database is: set {SETTING} in the environment or in the file of keys, such as"
                " postgresql://interview@db.example/interview?sslmode=verify-full"
            )
        dsn = key.reveal()
    parameters: dict[str, Any] | None = None
    with suppress(psycopg.ProgrammingError):  # not chained: what it says may quote a password
        parameters = conninfo_to_dict(dsn)
    if parameters is None:
        raise SettingError(
            f"{SETTING} is no connection string: write postgresql://user@host/database or host=… dbname=…"
        )
    return make_conninfo("", **_DEFAULTS | parameters)


async def create(
    *,
    dsn: str | None = None,
    read_only: bool = False,
    connections: int = _CONNECTIONS,
    patience: float = PATIENCE,
) -> PostgresStorage:
    """The storage in the database that *dsn* leads to; its tables are made or brought up to date.

    *dsn* is a connection string as libpq takes it, by default ``INTERVIEW_FSM_POSTGRES_DSN`` of the
    environment or of the file of keys. At most *connections* at once; *patience* is how many seconds a call
    may take. With *read_only*, which will do on a standby: nothing is made, and appending and erasing are
    refused (``storage_read_only``).

    Raises SettingError for a connection string that is none; AdapterError: ``storage_empty`` when there is
    nothing to read yet; ``storage_unavailable`` when the database cannot be used or a later release wrote it.
    """
    storage = PostgresStorage(_conninfo(dsn), read_only=read_only, connections=connections, patience=patience)
    try:
        await storage.open()
    except BaseException:
        await storage.aclose()
        raise
    return storage
