"""Logs kept in one SQLite file: the default, on a laptop as on a server.

What an append costs is the wait for the disk, so appends that wait together share one transaction and one
flush (group commit). One connection in one thread does everything; the event loop never waits for a file.

**Durable** means: the write-ahead log with ``synchronous=FULL``. NORMAL survives ``kill -9`` as well, but not
the loss of power; the tests cut the power after every write and show both.

**One writer a file**, held by a lock file beside it. SQLite from 3.7.0 to 3.51.2 can damage a file when two
connections write or checkpoint at once, and many systems still ship those; so there is one writing
connection, and readers (``read_only=True``) open the file read-only and never checkpoint.

**Erasing** overwrites the pages and then empties the write-ahead log, so that the text is in no file any
more. Of an erased log stays eight bytes of a hash of its id, for ever: an id is not used again, and a
million of them are 20 MB.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from platformdirs import user_data_path

from ..errors import AdapterError
from ..events import Entry, Head, encode
from ._sqlite_tables import APPLICATION_ID, SCHEMA_NUMBER, Request, Tables

_T = TypeVar("_T")

_GROUP = 256
"""Requests in one transaction at the most, so that the first of them does not wait for a thousand."""
_PATIENCE = 2.0
"""Seconds to wait for a reader or a foreign program that has the file locked; a session gives up after 10."""


def default_path() -> Path:
    """The file used when none is named, in the platform's folder for a program's data."""
    return user_data_path("interview_fsm", appauthor=False) / "interviews.db"


def _refusal(message: str, *, retryable: bool = False) -> AdapterError:
    return AdapterError("sqlite", "storage_unavailable", message, retryable=retryable)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=_PATIENCE)


def _examine(path: Path) -> bool:
    """Refuse a file that is not ours, without touching it; whether there are tables in it yet."""
    if not path.stat().st_size:
        return False
    connection = _connect(path, "ro")
    try:
        ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        number = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.OperationalError as error:
        # A crash while the file was being made: the writer, who may, puts it right.
        if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
        return False
    finally:
        connection.close()
    if tables and not ours:
        raise _refusal(f"{path} belongs to another program; nothing was changed in it")
    if number > SCHEMA_NUMBER:
        raise _refusal(
            f"{path} was written by a later release of interview_fsm (schema {number}, this one knows"
            f" {SCHEMA_NUMBER}); upgrade this one, or name another file"
        )
    return bool(tables)


def _make(path: Path) -> None:
    """An empty file for the owner's eyes only, whose name survives the loss of power."""
    if path.exists():
        return
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if os.name == "posix":  # elsewhere a folder cannot be opened, nor need be
        for folder in (path.parent, path.parent.parent):
            with contextlib.suppress(PermissionError):  # made by somebody else, long ago
                descriptor = os.open(folder, os.O_RDONLY)
                os.fsync(descriptor)
                os.close(descriptor)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns what goes wrong while opening into one sentence."""
    try:
        yield
    except Timeout as error:
        raise _refusal(
            f"{path} is in use by another process that writes to it; stop that one, or name another file",
            retryable=True,
        ) from error
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise _refusal(f"{path} is not a file of interviews; nothing was changed in it") from error
        raise _refusal(f"{path} cannot be opened: {error}") from error
    except OSError as error:
        raise _refusal(f"{path} cannot be opened: {error.strerror}") from error


def _open_for_writing(path: Path, lock: FileLock) -> Tables:
    with _explained(path), contextlib.ExitStack() as undo:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()  # before the file is touched: closing it would drop SQLite's own locks in this process
        undo.callback(lock.release)
        _make(path)
        _examine(path)
        tables = Tables(_connect(path, "rw"))
        undo.callback(tables.close)
        tables.prepare()
        undo.pop_all()
        return tables


def _open_for_reading(path: Path) -> Tables:
    with _explained(path):
        if not path.exists() or not _examine(path):
            raise AdapterError("sqlite", "storage_empty", f"no interviews have been kept in {path}")
        return Tables(_connect(path, "ro"))


class SqliteStorage:
    """A Storage in one file. Made by ``create()``; used on the event loop it was made on.

    Holds a thread, a connection and, when it may write, the lock on the file, until ``aclose()``.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False) -> None:
        self.path = path = Path(path).expanduser().resolve()
        self.read_only = read_only
        self._loop = asyncio.get_running_loop()
        self._lock = FileLock(f"{path}.lock", timeout=0, mode=0o600, thread_local=False)
        self._waiting: list[Request] = []
        self._inbox: queue.SimpleQueue[list[Request] | None] = queue.SimpleQueue()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name=f"sqlite {path.name}", daemon=True)
        self._closing = False

    async def open(self) -> None:
        """Start the thread and open the file. Raises AdapterError with a sentence that says what is wrong."""
        self._thread.start()
        try:
            await asyncio.wait({self._opened})
            self._opened.result()
        except BaseException:
            await self.aclose()
            self._opened.exception()  # has been seen, even if this was cancelled
            raise

    async def append(
        self,
        interview_id: str,
        expected_version: int,
        entry: Entry,
        *,
        owner: str | None = None,
        expires_at: float | None = None,
    ) -> None:
        """See Storage.append(). Survives the loss of power when it returns."""
        body = encode(entry).decode()
        if entry.version != expected_version + 1:
            raise ValueError(f"version {entry.version} cannot follow version {expected_version}")
        self._must_write()
        row = (interview_id, entry.version, entry.append_id, body, entry.at, owner, expires_at)
        await self._ask(Tables.append, *row)

    async def load(self, interview_id: str, after: int = 0) -> list[Entry]:
        """See Storage.load()."""
        return await self._ask(Tables.load, interview_id, after)

    async def interviews(
        self, *, owner: str | None = None, expired_before: float | None = None
    ) -> AsyncIterator[Head]:
        """See Storage.interviews(). Read a page at a time: what is appended meanwhile may be in it or not."""
        beyond = ""
        while heads := await self._ask(Tables.heads, beyond, owner, expired_before):
            for head in heads:
                yield head
            beyond = heads[-1].interview_id

    async def erase(self, interview_id: str) -> bool:
        """See Storage.erase()."""
        self._must_write()
        return await self._ask(Tables.erase, interview_id)

    async def aclose(self) -> None:
        """Do what was asked for, close the file, release the lock; the thread has ended when this returns."""
        if not self._closing:
            self._closing = True
            self._hand_over()
            self._inbox.put(None)
        await asyncio.wait({self._ended})
        self._thread.join()  # it has said so as its last act

    def _must_write(self) -> None:
        if self.read_only:
            raise AdapterError("sqlite", "storage_read_only", f"{self.path} was opened for reading only")

    def _ask(self, run: Callable[..., _T], *args: object) -> asyncio.Future[_T]:
        if self._closing:
            raise AdapterError("sqlite", "storage_unavailable", f"{self.path} has been closed")
        result: asyncio.Future[_T] = self._loop.create_future()
        if not self._waiting:  # one hand-over for all that is asked in this turn of the loop
            self._loop.call_soon(self._hand_over)
        self._waiting.append(Request(run, args, result))
        return result

    def _hand_over(self) -> None:
        if self._waiting:
            requests, self._waiting = self._waiting, []
            self._inbox.put(requests)

    def _deliver(self, requests: Sequence[Request], outcomes: Sequence[Any]) -> None:
        for request, outcome in zip(requests, outcomes, strict=True):
            if request.result.done():  # cancelled; what it asked for has been done all the same
                continue
            if isinstance(outcome, Exception):
                request.result.set_exception(outcome)
            else:
                request.result.set_result(outcome)

    # In the thread:

    def _work(self) -> None:
        try:
            tables = (
                _open_for_reading(self.path) if self.read_only else _open_for_writing(self.path, self._lock)
            )
        except Exception as error:
            self._report(self._opened.set_exception, error)
        else:
            self._report(self._opened.set_result, None)
            self._serve(tables)
            tables.close()
        finally:
            self._lock.release()
            self._report(self._ended.set_result, None)

    def _serve(self, tables: Tables) -> None:
        more = True
        while more:
            requests, more = self._next_group()
            if requests:
                self._report(self._deliver, requests, tables.settle(requests))

    def _next_group(self) -> tuple[list[Request], bool]:
        """All that waits, at least one unless there is none to come; whether there may be more."""
        requests: list[Request] = []
        while len(requests) < _GROUP:
            try:
                handed = self._inbox.get(block=not requests)
            except queue.Empty:
                break
            if handed is None:
                return requests, False
            requests += handed
        return requests, True

    def _report(self, tell: Callable[..., None], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed under us; nobody listens
            self._loop.call_soon_threadsafe(tell, *args)


async def create(*, path: str | Path | None = None, read_only: bool = False) -> SqliteStorage:
    """The storage in the file *path*, made if it is not there; the platform's folder for data by default.

    With *read_only*: beside a writer, or after one that died; sees what is committed, changes nothing, and
    refuses to append and to erase (``storage_read_only``). Raises AdapterError: ``storage_empty`` when there
    is nothing to read yet; ``storage_unavailable`` when another process writes to the file, a later release
    wrote it, or it is something else. It is left as it was then.
    """
    storage = SqliteStorage(path or default_path(), read_only=read_only)
    await storage.open()
    return storage
