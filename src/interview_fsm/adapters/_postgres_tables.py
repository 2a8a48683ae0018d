"""The tables of the PostgreSQL storage and the statements on them, on one connection.

Knows nothing of pools, deadlines and retries. Plain SQL: no extension, no function, no NOTIFY, no lock of the
session's, so that what only speaks PostgreSQL's protocol may do as well.

A head is never deleted: of an erased log stays a row with its id, and who erased it. A new beginning under
that id then always meets it, whatever runs at the same moment; a list of used ids beside the heads would be
read in an older snapshot than the one the new row is written in.
"""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from psycopg.errors import Diagnostic
from psycopg.rows import TupleRow

from ..errors import AdapterError, Conflict, Gone
from ..events import Entry, Head, decode


class Connection(AsyncConnection[TupleRow]):
    """A connection that notes whether the server has warned of something."""

    warned = False

    def heed(self, said: Diagnostic) -> None:
        """Take in a notice of the server's."""
        self.warned |= said.severity_nonlocalized == "WARNING"


MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE interview_schema (number integer NOT NULL)",
        'CREATE TABLE interview_log (interview_id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL,'
        " updated_at double precision NOT NULL, expires_at double precision, owner text, erasure text)",
        'CREATE TABLE interview_entry (interview_id text COLLATE "C" NOT NULL, version bigint NOT NULL,'
        " append_id text NOT NULL, body text NOT NULL, PRIMARY KEY (interview_id, version))",
        "CREATE INDEX interview_log_owner ON interview_log (owner, interview_id) WHERE erasure IS NULL",
    ),
)
"""What brings the tables from one schema to the next; only ever added to."""
SCHEMA_NUMBER = len(MIGRATIONS)

_LOCK = 0x69664D31
"""Of the advisory lock that migrations take: "ifM1"."""

_IS_THERE = (  # to_regclass() would answer from what it remembers, even after waiting for the lock
    "SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'interview_schema' AND pg_table_is_visible(oid))"
)
_NUMBER = "SELECT number FROM interview_schema"

BEGIN_LOG = (
    "WITH head AS (INSERT INTO interview_log (interview_id, version, updated_at, expires_at, owner)"
    " VALUES (%(id)s, %(version)s, %(at)s, %(expires_at)s, %(owner)s)"
    " ON CONFLICT DO NOTHING RETURNING interview_id, version)"
    " INSERT INTO interview_entry SELECT interview_id, version, %(append_id)s, %(body)s FROM head"
)
MOVE_LOG = (
    "WITH head AS (UPDATE interview_log SET version = %(version)s, updated_at = %(at)s,"
    " expires_at = %(expires_at)s, owner = coalesce(%(owner)s, owner)"
    " WHERE interview_id = %(id)s AND version = %(version)s - 1 AND erasure IS NULL"
    " RETURNING interview_id, version)"
    " INSERT INTO interview_entry SELECT interview_id, version, %(append_id)s, %(body)s FROM head"
)
_WHY_NOT = (
    "SELECT log.erasure IS NULL, entry.append_id FROM interview_log log LEFT JOIN interview_entry entry"
    " ON entry.interview_id = log.interview_id AND entry.version = %(version)s"
    " WHERE log.interview_id = %(id)s"
)
_ENTRIES = (
    "SELECT entry.body FROM interview_log log LEFT JOIN interview_entry entry"
    " ON entry.interview_id = log.interview_id AND entry.version > %s"
    " WHERE log.interview_id = %s AND log.erasure IS NULL ORDER BY entry.version"
)
_ERASE_HEAD = (
    "UPDATE interview_log SET version = 0, updated_at = 0, expires_at = NULL, owner = NULL, erasure = %s"
    " WHERE interview_id = %s AND erasure IS NULL"
)
_ERASE_ENTRIES = "DELETE FROM interview_entry WHERE interview_id = %s"
_ERASURE = "SELECT erasure FROM interview_log WHERE interview_id = %s"
_TOUCH = "UPDATE interview_log SET version = version WHERE interview_id = %s"
_HEADS = (
    "SELECT interview_id, version, updated_at, expires_at, owner FROM interview_log"
    " WHERE erasure IS NULL AND interview_id > %(beyond)s"
)
_PAGE = " ORDER BY interview_id LIMIT 500"


def kept(text: str) -> str:
    """*text* as a column has it: PostgreSQL's text has no NUL. Order and difference are those of *text*.

    UnicodeEncodeError, which is a ValueError, for what is no Unicode.
    """
    text.encode()
    if "\0" in text or "\1" in text:
        return text.replace("\1", "\1\2").replace("\0", "\1\1")
    return text


def told(text: str) -> str:
    """What *kept* was given."""
    return text.replace("\1\1", "\0").replace("\1\2", "\1") if "\1" in text else text


async def identify(connection: Connection) -> tuple[int, str]:
    """The number of the server's process that answers, and what ``synchronous_commit`` is."""
    row = await _one(connection, "SELECT pg_backend_pid(), current_setting('synchronous_commit')")
    assert row is not None
    return row[0], row[1]


async def set_up(connection: Connection, *, patience: float, read_only: bool) -> None:
    """For as long as the connection lives: durable appends, *patience* seconds for each statement."""
    statement = (
        "SELECT set_config('synchronous_commit', 'on', false), set_config('statement_timeout', %s, false)"
    )
    if read_only:
        statement += ", set_config('default_transaction_read_only', 'on', false)"
    await connection.execute(statement, (f"{round(patience * 1000)}ms",))


async def migrate(connection: Connection) -> None:
    """Bring the tables to SCHEMA_NUMBER, whoever else does so now. Raises AdapterError for newer ones."""
    if await _number(connection) == SCHEMA_NUMBER:
        return
    async with connection.transaction():
        # Whoever waited for the lock must see what was made meanwhile.
        await connection.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        number = await _number(connection)
        for statements in MIGRATIONS[number:]:
            for statement in statements:
                await connection.execute(statement)
        if not number:
            await connection.execute("INSERT INTO interview_schema VALUES (%s)", (SCHEMA_NUMBER,))
        elif number < SCHEMA_NUMBER:
            await connection.execute("UPDATE interview_schema SET number = %s", (SCHEMA_NUMBER,))


async def check(connection: Connection) -> None:
    """Raises AdapterError unless there are tables that can be read."""
    if await _number(connection) < SCHEMA_NUMBER:
        raise AdapterError("postgres", "storage_empty", "no interviews have been kept in this database")


async def _number(connection: Connection) -> int:
    """Of the schema there is; 0 for none. Raises AdapterError for one of a later release."""
    number = 0
    if await _one(connection, _IS_THERE) == (True,):
        row = await _one(connection, _NUMBER)
        number = row[0] if row else 0
    if number > SCHEMA_NUMBER:
        raise AdapterError(
            "postgres",
            "storage_unavailable",
            f"the database was written by a later release of interview_fsm (schema {number}, this one knows"
            f" {SCHEMA_NUMBER}); upgrade this one, or name another database",
        )
    return number


async def append(connection: Connection, row: dict[str, Any]) -> None:
    """Move the head on and add the entry, in one statement, or say why not. Raises Conflict, Gone."""
    statement = BEGIN_LOG if row["version"] == 1 else MOVE_LOG
    connection.warned = False
    if (await connection.execute(statement, row)).rowcount == 1 and not connection.warned:
        return
    found = await _one(connection, _WHY_NOT, row)
    if found is None or not found[0]:
        raise Gone(told(row["id"]))
    if found[1] != row["append_id"]:
        raise Conflict(told(row["id"]))
    await _outlast(connection, row["id"])


async def _outlast(connection: Connection, log: str) -> None:
    """Return when all that was committed before is on the synchronous standbys, if there are any.

    A commit that is told not to wait for them (a cancellation, a time limit) reports success, with a warning,
    and a commit that is found has perhaps been told so. One that waits to its end has all before it there.
    """
    while True:
        connection.warned = False
        await connection.execute(_TOUCH, (log,))
        if not connection.warned:
            return


async def load(connection: Connection, interview_id: str, after: int) -> list[Entry]:
    """The entries after a version, all of one moment. Raises Gone, NewerFormat."""
    cursor = await connection.execute(_ENTRIES, (after, kept(interview_id)))
    rows = await cursor.fetchall()
    if not rows:
        raise Gone(interview_id)
    return [decode(body, interview_id) for (body,) in rows if body is not None]


async def heads(
    connection: Connection, beyond: str, owner: str | None, expired_before: float | None
) -> list[Head]:
    """A page of heads with ids after *beyond*."""
    statement = _HEADS
    if owner is not None:
        statement += " AND owner = %(owner)s"
    if expired_before is None:
        statement += " AND right(interview_id, 7) <> '.resume'"
    else:
        statement += " AND expires_at < %(before)s"
    wanted = {
        "beyond": kept(beyond),
        "owner": None if owner is None else kept(owner),
        "before": expired_before,
    }
    rows = await (await connection.execute(statement + _PAGE, wanted)).fetchall()
    return [
        Head(told(interview_id), version, updated_at, expires_at, None if owner is None else told(owner))
        for interview_id, version, updated_at, expires_at, owner in rows
    ]


async def erase(connection: Connection, interview_id: str, erasure: str) -> bool:
    """Remove a log; whether there was one, which an *erasure* that is repeated finds as it left it.

    Two statements, for the second must see what was being appended when the first was waiting for it. That
    there is none is told when the standbys know too: a call that was not answered may have removed it.
    """
    log = kept(interview_id)
    connection.warned = False
    async with connection.transaction():
        is_new = (await connection.execute(_ERASE_HEAD, (erasure, log))).rowcount == 1
        if is_new:
            await connection.execute(_ERASE_ENTRIES, (log,))
        is_done = is_new or await _one(connection, _ERASURE, (log,)) == (erasure,)
    if connection.warned or not is_new:
        await _outlast(connection, log)
    return is_done


async def _one(connection: Connection, statement: str, parameters: Any = None) -> TupleRow | None:
    return await (await connection.execute(statement, parameters)).fetchone()
