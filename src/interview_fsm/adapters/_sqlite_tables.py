"""The tables of the SQLite storage and the statements on them, on one connection.

Knows nothing of threads and event loops, so the tests run it on a connection whose power can be cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from ..errors import AdapterError, Conflict, Gone, SessionError
from ..events import Entry, Head, decode

APPLICATION_ID = 0x69664D31
"""Tells our file from any other program's SQLite file: "ifM1"."""
SCHEMA_NUMBER = 1

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA fullfsync=ON",  # macOS: its fsync alone does not reach the disk
    "PRAGMA checkpoint_fullfsync=ON",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",  # nothing of an interview in a temporary file
    "PRAGMA trusted_schema=OFF",
)
SCHEMA = (
    "CREATE TABLE log(number INTEGER PRIMARY KEY, interview_id TEXT NOT NULL UNIQUE,"
    " version INTEGER NOT NULL, updated_at REAL NOT NULL, expires_at REAL, owner TEXT)",
    "CREATE TABLE entry(log INTEGER NOT NULL REFERENCES log ON DELETE CASCADE, version INTEGER NOT NULL,"
    " append_id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(log, version))",
    "CREATE TABLE erased(mark INTEGER PRIMARY KEY)",
    f"PRAGMA application_id={APPLICATION_ID}",
    f"PRAGMA user_version={SCHEMA_NUMBER}",
)

BEGIN_LOG = (
    "INSERT INTO log SELECT NULL, ?, 1, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM erased WHERE mark = ?)"
    " ON CONFLICT DO NOTHING"
)
MOVE_LOG = (
    "UPDATE log SET version = ?, updated_at = ?, expires_at = ?, owner = coalesce(?, owner)"
    " WHERE interview_id = ? AND version = ?"
)
ADD_ENTRY = "INSERT INTO entry SELECT number, ?, ?, ? FROM log WHERE interview_id = ?"
_APPENDED = (
    "SELECT append_id FROM entry WHERE log = (SELECT number FROM log WHERE interview_id = ?) AND version = ?"
)
_EXISTS = "SELECT 1 FROM log WHERE interview_id = ?"
_ENTRIES = (
    "SELECT body FROM entry WHERE log = (SELECT number FROM log WHERE interview_id = ?) AND version > ?"
    " ORDER BY version"
)
ERASE_LOG = "DELETE FROM log WHERE interview_id = ?"  # its entries go with it
_HEADS = (
    "SELECT interview_id, version, updated_at, expires_at, owner FROM log WHERE interview_id > ?"
    " AND (? IS NULL OR owner = ?)"
    " AND CASE WHEN ? IS NULL THEN substr(interview_id, -7) <> '.resume' ELSE expires_at < ? END"
    " ORDER BY interview_id LIMIT 500"
)


class Request(Struct):
    """One call that waits for its turn: a method of Tables, its arguments, and who wants to know."""

    run: Callable[..., Any]
    args: tuple[Any, ...]
    result: asyncio.Future[Any]


class Tables:
    """The statements, on one connection. Knows nothing of threads and event loops."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._leaves_traces = False
        """Whether erased text may still be in the write-ahead log."""

    def prepare(self) -> None:
        """Set the connection up for writing, and make the tables of a new file."""
        for pragma in PRAGMAS:
            self._cursor.execute(pragma)
        self._cursor.execute("BEGIN IMMEDIATE")
        if self._cursor.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in SCHEMA:
                self._cursor.execute(statement)
        self._cursor.execute("COMMIT")
        self._scrub()  # the process may have died between an erasure and this

    def settle(self, requests: Sequence[Request]) -> list[Any]:
        """What became of each request: what it returns, or the exception it raises.

        All in one transaction. If that fails, each in its own, so that one bad request does not fail its
        neighbours. Nobody hears of success before it is committed.
        """
        try:
            outcomes = self._together(requests)
        except Exception as error:
            locked = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY  # for all alike: wait once
            if locked or len(requests) == 1:
                return [_failure(error) for _ in requests]
            return [outcome for request in requests for outcome in self.settle([request])]
        if self._leaves_traces and any(request.run is Tables.erase for request in requests):
            return self._after_scrubbing(requests, outcomes)
        return outcomes

    def _together(self, requests: Sequence[Request]) -> list[Any]:
        self._cursor.execute("BEGIN IMMEDIATE")
        try:
            outcomes = self._appended(requests) or [self._attempt(request) for request in requests]
            self._cursor.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._cursor.execute("ROLLBACK")
            raise
        return outcomes

    def _appended(self, requests: Sequence[Request]) -> list[None] | None:
        """The outcomes if these are all appends and nothing speaks against any; else None, nothing done.

        The common case at a third less than one by one. All heads move exactly when as many rows changed as
        there are requests, because none can change more than one.
        """
        if len(requests) < 2 or any(request.run is not Tables.append for request in requests):
            return None
        rows = [request.args for request in requests]
        begun = [(i, at, exp, own, _mark(i)) for i, v, _, _, at, own, exp in rows if v == 1]
        moved = [(v, at, exp, own, i, v - 1) for i, v, _, _, at, own, exp in rows if v != 1]
        changed = 0
        for statement, heads in ((BEGIN_LOG, begun), (MOVE_LOG, moved)):
            if heads:
                changed += self._cursor.executemany(statement, heads).rowcount
        if changed != len(rows):
            self._cursor.execute("ROLLBACK")
            self._cursor.execute("BEGIN IMMEDIATE")
            return None
        self._cursor.executemany(ADD_ENTRY, [(v, append_id, body, i) for i, v, append_id, body, *_ in rows])
        return [None] * len(rows)

    def _attempt(self, request: Request) -> Any:
        try:
            return request.run(self, *request.args)
        except SessionError as refusal:  # raised before anything was written for this request
            return refusal

    def _after_scrubbing(self, requests: Sequence[Request], outcomes: list[Any]) -> list[Any]:
        with contextlib.suppress(sqlite3.Error):
            if self._scrub():
                return outcomes
        left = AdapterError(
            "sqlite",
            "storage_unavailable",
            "the interview is erased, but its traces could not be: another program may be reading the file;"
            " erase it again when that has ended",
            retryable=True,
        )
        return [
            left if request.run is Tables.erase else outcome
            for request, outcome in zip(requests, outcomes, strict=True)
        ]

    def _scrub(self) -> bool:
        """Empty the write-ahead log; whether that was possible."""
        busy = self._cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        self._leaves_traces = bool(busy)
        return not busy

    def append(
        self,
        interview_id: str,
        version: int,
        append_id: str,
        body: str,
        at: float,
        owner: str | None,
        expires_at: float | None,
    ) -> None:
        """Move the head on and add the entry, or say why not."""
        execute = self._cursor.execute
        if version == 1:
            execute(BEGIN_LOG, (interview_id, at, expires_at, owner, _mark(interview_id)))
        else:
            execute(MOVE_LOG, (version, at, expires_at, owner, interview_id, version - 1))
        if self._cursor.rowcount == 1:
            execute(ADD_ENTRY, (version, append_id, body, interview_id))
        elif execute(_APPENDED, (interview_id, version)).fetchone() != (append_id,):
            raise Conflict(interview_id) if self._exists(interview_id) else Gone(interview_id)

    def load(self, interview_id: str, after: int) -> list[Entry]:
        """The entries after a version. Raises Gone, NewerFormat."""
        rows = self._cursor.execute(_ENTRIES, (interview_id, after)).fetchall()
        if not rows and not self._exists(interview_id):
            raise Gone(interview_id)
        return [decode(body, interview_id) for (body,) in rows]

    def heads(self, beyond: str, owner: str | None, expired_before: float | None) -> list[Head]:
        """A page of heads with ids after *beyond*."""
        wanted = (beyond, owner, owner, expired_before, expired_before)
        return [Head(*row) for row in self._cursor.execute(_HEADS, wanted)]

    def erase(self, interview_id: str) -> bool:
        """Remove a log and remember that its id was used; whether there was one."""
        self._cursor.execute(ERASE_LOG, (interview_id,))
        if not self._cursor.rowcount:
            return False
        self._cursor.execute("INSERT OR IGNORE INTO erased VALUES (?)", (_mark(interview_id),))
        self._leaves_traces = True
        return True

    def _exists(self, interview_id: str) -> bool:
        return self._cursor.execute(_EXISTS, (interview_id,)).fetchone() is not None

    def close(self) -> None:
        """Close the connection; the last writer leaves one file behind."""
        self._connection.close()


def _mark(interview_id: str) -> int:
    return int.from_bytes(blake2b(interview_id.encode(), digest_size=8).digest(), signed=True)


def _failure(error: Exception) -> Exception:
    """*error* as the caller is to see it: the caller's own mistake as it is, the file's as AdapterError."""
    if isinstance(error, ValueError | AdapterError):
        return error
    code = getattr(error, "sqlite_errorcode", None) or 0
    failed = {
        sqlite3.SQLITE_FULL: ("the disk is full; nothing was written", True),
        sqlite3.SQLITE_BUSY: ("another program has the file of interviews locked", True),
        sqlite3.SQLITE_LOCKED: ("another program has the file of interviews locked", True),
        sqlite3.SQLITE_READONLY: ("the file of interviews may not be written", False),
        sqlite3.SQLITE_CORRUPT: ("the file of interviews is damaged", False),
        sqlite3.SQLITE_NOTADB: ("the file of interviews is damaged", False),
    }
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    message, retryable = failed.get(
        code & 0xFF, (f"the file of interviews could not be used ({name})", False)
    )
    failure = AdapterError("sqlite", "storage_unavailable", message, retryable=retryable)
    failure.__cause__ = error
    return failure
