"""What a durable append costs, beside other ways to write the same rows.

    python benchmarks/appends.py [--rounds 7]

64 sessions that append at once: the SQLite storage, ``aiosqlite`` with one transaction for each append, and
a bare ``sqlite3`` loop that was batched by hand, 64 appends in a transaction. One session: the storage, and
a bare insert in a transaction of its own. All with the statements, pragmas and entries of the storage, each
round on new files in one folder, interleaved, so that a slow disk is slow for all. Medians,
of ratios too. Exit code 1 when a bound is broken.

The storage is durable against the loss of power. What being durable against a crash alone would cost, which
it does not offer, is shown beside it.
"""

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

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
BY_HAND, BARE = "sqlite3 batched by hand", "bare insert, one session"
AIOSQLITE = "aiosqlite, one transaction each"
POWER, CRASH = "power loss", "a crash"
PRAGMAS = {
    POWER: tables.PRAGMAS,
    CRASH: tuple(pragma.replace("synchronous=FULL", "synchronous=NORMAL") for pragma in tables.PRAGMAS),
}

TIMES_AIOSQLITE = 25.0
TIMES_BARE = 1.5

Spent = tuple[float, list[float]]
"""Seconds an append on the whole, and those that each took, its wait for the others among it."""


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


def by_hand(path: Path) -> Spent:
    """The loop one would write who knew all appends beforehand."""
    connection, each = prepared(path), []
    started = time.perf_counter()
    for version in range(1, LENGTH + 1):
        begun = time.perf_counter()
        both = [rows(f"session-{n}", entry(version)) for n in range(SESSIONS)]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement(version), [head for head, _ in both])
        connection.executemany(tables.ADD_ENTRY, [row for _, row in both])
        connection.execute("COMMIT")
        each += [time.perf_counter() - begun] * SESSIONS
    spent = time.perf_counter() - started
    connection.close()
    return spent / (SESSIONS * LENGTH), each


def bare(path: Path) -> Spent:
    """One insert, one transaction, one flush where it is durable against the loss of power."""
    connection, each = prepared(path), []
    connection.execute(*first("one"))
    started = time.perf_counter()
    for version in range(1, ALONE + 1):
        begun = time.perf_counter()
        connection.execute(tables.ADD_ENTRY, rows("one", entry(version))[1])
        each.append(time.perf_counter() - begun)
    spent = time.perf_counter() - started
    connection.close()
    return spent / ALONE, each


async def ours(path: Path, sessions: int, length: int) -> Spent:
    """Through the storage."""
    storage, each = await sqlite.create(path=path), []

    async def session(name: str) -> None:
        for version in range(1, length + 1):
            begun = time.perf_counter()
            await storage.append(name, version - 1, entry(version))
            each.append(time.perf_counter() - begun)

    started = time.perf_counter()
    await asyncio.gather(*(session(f"session-{n}") for n in range(sessions)))
    spent = time.perf_counter() - started
    await storage.aclose()
    return spent / (sessions * length), each


async def one_by_one(path: Path) -> Spent:
    """aiosqlite, 64 sessions, one transaction each."""
    prepared(path).close()
    each: list[float] = []
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        for pragma in tables.PRAGMAS:
            await connection.execute(pragma)
        turn = asyncio.Lock()  # one connection has one transaction

        async def session(name: str) -> None:
            for version in range(1, SLOW_LENGTH + 1):
                begun = time.perf_counter()
                head, row = rows(name, entry(version))
                async with turn:
                    await connection.execute("BEGIN IMMEDIATE")
                    await connection.execute(statement(version), head)
                    await connection.execute(tables.ADD_ENTRY, row)
                    await connection.commit()
                each.append(time.perf_counter() - begun)

        started = time.perf_counter()
        await asyncio.gather(*(session(f"session-{n}") for n in range(SESSIONS)))
        spent = time.perf_counter() - started
    return spent / (SESSIONS * SLOW_LENGTH), each


WAYS: dict[str, Callable[[Path], Spent]] = {
    OURS: lambda path: asyncio.run(ours(path, SESSIONS, LENGTH)),
    BY_HAND: by_hand,
    AIOSQLITE: lambda path: asyncio.run(one_by_one(path)),
    OURS_ALONE: lambda path: asyncio.run(ours(path, 1, ALONE)),
    BARE: bare,
}


def measure(rounds: int) -> dict[tuple[str, str], list[Spent]]:
    """Each round, by what it is durable against and by way."""
    found: dict[tuple[str, str], list[Spent]] = {(against, way): [] for against in PRAGMAS for way in WAYS}
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".appends-") as folder:
        for number in range(rounds + 1):
            for against, way in found:
                tables.PRAGMAS = PRAGMAS[against]
                spent = WAYS[way](Path(folder) / f"{number}-{len(against)}-{len(way)}.db")
                if number:  # the first round warms up
                    found[against, way].append(spent)
    return found


def ratio(one: list[Spent], other: list[Spent]) -> float:
    """Of the same round: a slow disk is slow for both."""
    return median(a / b for (a, _), (b, _) in zip(one, other, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    found = measure(parser.parse_args().rounds)
    for against in PRAGMAS:
        print(f"durable against {against}")
        for way in WAYS:
            typical = median(mean for mean, _ in found[against, way])
            cuts = quantiles([one for _, each in found[against, way] for one in each], n=100)
            print(
                f"  {way:32} {typical * 1e6:7.1f} µs  {1 / typical:8,.0f}/s"
                f"  p50 {cuts[49] * 1e3:6.2f} ms  p99 {cuts[98] * 1e3:6.2f} ms"
            )
    broken = False
    for against in PRAGMAS:
        faster = ratio(found[against, AIOSQLITE], found[against, OURS])
        dearer = ratio(found[against, OURS], found[against, BY_HAND])
        alone = ratio(found[against, OURS_ALONE], found[against, BARE])
        print(f"against {against}: {faster:.1f} times as fast as aiosqlite with 64 sessions,")
        print(f"  {dearer:.2f} times the cost of batching by hand,")
        print(f"  {alone:.2f} times the cost of a bare insert with one session")
        if against == POWER:
            print(f"  (at least {TIMES_AIOSQLITE:.0f}, at most {TIMES_BARE}, at most {TIMES_BARE})")
            broken = faster < TIMES_AIOSQLITE or max(dearer, alone) > TIMES_BARE
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
