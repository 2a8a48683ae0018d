"""What a durable append costs, beside other ways to write the same rows.

    python benchmarks/appends.py [--rounds 7]

64 sessions that append at once: the SQLite storage, ``aiosqlite`` with one transaction for each append, and
a bare ``sqlite3`` loop that was batched by hand, 64 appends in a transaction. One session: the storage, and
a bare insert in a transaction of its own. All with the statements, pragmas and entries of the storage, each
round on new files in one folder, interleaved, so that a slow disk is slow for all. Medians,
of ratios too. Exit code 1 when a bound is broken.
"""

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import aiosqlite

from interview_fsm.adapters import _sqlite_tables as tables
from interview_fsm.adapters import sqlite
from interview_fsm.events import Entry, SubmitAnswer, encode

SESSIONS = 64
LENGTH = 100  # entries in each log
SLOW_LENGTH = 25  # for what takes a flush each; long enough for checkpoints to fall within
ALONE = 200
TEXT = "I led the migration of our billing to a new ledger. " * 12  # 600 bytes, about a minute of speech

OURS, OURS_ALONE = "storage, 64 sessions", "storage, one session"
BY_HAND, BARE = "sqlite3 batched by hand", "bare fsynced insert"
AIOSQLITE = "aiosqlite, one transaction each"

AT_LEAST_TIMES_AIOSQLITE = 25.0
AT_MOST_TIMES_BY_HAND = 1.5


def entry(version: int) -> Entry:
    return Entry(version, f"cmd-{version:08}", 1.5, (SubmitAnswer(version, TEXT),))


def rows(session: str, one: Entry) -> tuple[tuple, tuple]:
    """Parameters of the statement for the head and of that for the entry."""
    if one.version == 1:
        head = (session, one.at, None, None, tables._mark(session))
    else:
        head = (one.version, one.at, None, None, session, one.version - 1)
    return head, (one.version, one.append_id, encode(one).decode(), session)


def statement(version: int) -> str:
    return tables.BEGIN_LOG if version == 1 else tables.MOVE_LOG


def first(session: str) -> tuple[str, tuple]:
    return tables.BEGIN_LOG, rows(session, entry(1))[0]


def prepared(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    tables.Tables(connection).prepare()
    return connection


def by_hand(path: Path) -> float:
    """Seconds an append: the loop one would write who knew all appends beforehand."""
    connection = prepared(path)
    started = time.perf_counter()
    for version in range(1, LENGTH + 1):
        both = [rows(f"session-{n}", entry(version)) for n in range(SESSIONS)]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement(version), [head for head, _ in both])
        connection.executemany(tables.ADD_ENTRY, [row for _, row in both])
        connection.execute("COMMIT")
    spent = time.perf_counter() - started
    connection.close()
    return spent / (SESSIONS * LENGTH)


def bare(path: Path) -> float:
    """Seconds an append: one insert, one transaction, one flush."""
    connection = prepared(path)
    connection.execute(*first("one"))
    started = time.perf_counter()
    for version in range(1, ALONE + 1):
        one = entry(version)
        connection.execute(tables.ADD_ENTRY, rows("one", one)[1])
    spent = time.perf_counter() - started
    connection.close()
    return spent / ALONE


async def ours(path: Path, sessions: int, length: int) -> float:
    """Seconds an append through the storage."""
    storage = await sqlite.create(path=path)

    async def session(name: str) -> None:
        for version in range(1, length + 1):
            await storage.append(name, version - 1, entry(version))

    started = time.perf_counter()
    await asyncio.gather(*(session(f"session-{n}") for n in range(sessions)))
    spent = time.perf_counter() - started
    await storage.aclose()
    return spent / (sessions * length)


async def one_by_one(path: Path) -> float:
    """Seconds an append: aiosqlite, 64 sessions, one transaction each."""
    prepared(path).close()
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        for pragma in tables.PRAGMAS:
            await connection.execute(pragma)
        turn = asyncio.Lock()  # one connection has one transaction

        async def session(name: str) -> None:
            for version in range(1, SLOW_LENGTH + 1):
                head, row = rows(name, entry(version))
                async with turn:
                    await connection.execute("BEGIN IMMEDIATE")
                    await connection.execute(statement(version), head)
                    await connection.execute(tables.ADD_ENTRY, row)
                    await connection.commit()

        started = time.perf_counter()
        await asyncio.gather(*(session(f"session-{n}") for n in range(SESSIONS)))
        spent = time.perf_counter() - started
    return spent / (SESSIONS * SLOW_LENGTH)


def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds an append in each round, by way."""
    ways = {
        OURS: lambda path: asyncio.run(ours(path, SESSIONS, LENGTH)),
        BY_HAND: by_hand,
        AIOSQLITE: lambda path: asyncio.run(one_by_one(path)),
        OURS_ALONE: lambda path: asyncio.run(ours(path, 1, ALONE)),
        BARE: bare,
    }
    spent: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".appends-") as folder:
        for number in range(rounds + 1):
            for way, run in ways.items():
                seconds = run(Path(folder) / f"{number}-{len(way)}.db")
                if number:  # the first round warms up
                    spent[way].append(seconds)
    return spent


def ratio(one: list[float], other: list[float]) -> float:
    """Of the same round: a slow disk is slow for both."""
    return median(a / b for a, b in zip(one, other, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    spent = measure(parser.parse_args().rounds)
    for way, seconds in spent.items():
        typical = median(seconds)
        print(f"{way:34} {typical * 1e6:9.1f} µs  {1 / typical:9,.0f}/s")
    faster, dearer = ratio(spent[AIOSQLITE], spent[OURS]), ratio(spent[OURS], spent[BY_HAND])
    print(f"{faster:5.1f} times aiosqlite, at least {AT_LEAST_TIMES_AIOSQLITE:.0f}")
    print(f"{dearer:5.2f} times the cost of batching by hand, at most {AT_MOST_TIMES_BY_HAND}")
    alone = ratio(spent[OURS_ALONE], spent[BARE])
    print(f"{alone:5.2f} times the cost of a bare fsynced insert with one session (no bound)")
    return int(faster < AT_LEAST_TIMES_AIOSQLITE or dearer > AT_MOST_TIMES_BY_HAND)


if __name__ == "__main__":
    sys.exit(main())
