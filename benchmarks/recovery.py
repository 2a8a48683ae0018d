"""What it costs to open an interview again, and to erase one among many, beside the bare driver.

    python benchmarks/recovery.py [--rounds 60] [--interviews 10000]

Opening: an interview with a log of 200 entries, by ``Engine.open()``: read, fold, claim with a durable
append. Bare: the same statements on a bare ``sqlite3`` or ``psycopg`` connection, the entries decoded and
folded. Erasing: one interview among 10,000, by the storage's ``erase()``; bare, the same statements, and for
SQLite the emptying of the write-ahead log that leaves no trace of the text. ``erase_interview()``, which also
erases the résumé, counts what it removes and looks again, is shown and has no bound. SQLite in two files with
the same content; PostgreSQL in one database of a durable server, started for this. Rounds are interleaved;
medians, of ratios too. Exit code 1 when a bound is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.databases import Cluster

from interview_fsm.adapters import _postgres_tables as pg
from interview_fsm.adapters import _sqlite_tables as lite
from interview_fsm.adapters import postgres, sqlite
from interview_fsm.adapters.coach import Coach
from interview_fsm.engine import Engine
from interview_fsm.events import (
    Attached,
    ChooseDifficulty,
    CorrectAnswer,
    Entry,
    Event,
    Plan,
    Question,
    QuestionAsked,
    StartInterview,
    SubmitAnswer,
    decode,
    encode,
)
from interview_fsm.interview import Interview

LENGTH = 200
SMALL = 8
"""Entries of each of the many."""
TEXT = "I led the migration of our billing to a new ledger. " * 12  # 600 bytes, about a minute of speech
AT_MOST = 1.5

Row = tuple[str, Entry]


def story(length: int) -> list[Event]:
    """A possible interview of so many events: one answer, put right again and again."""
    begun: list[Event] = [
        Attached(),
        StartInterview(Plan(questions=1, follow_ups=0)),
        ChooseDifficulty("mid"),
        QuestionAsked(Question(1, "What did you do?")),
        SubmitAnswer(1, TEXT),
    ]
    return begun + [CorrectAnswer(1, f"{n} {TEXT}") for n in range(length - len(begun))]


def log(length: int) -> list[Entry]:
    return [Entry(n, f"c{n}", 4e9, (event,)) for n, event in enumerate(story(length), 1)]


def rows(long: Sequence[str], interviews: int) -> list[Row]:
    """Everything that is kept: the long logs, and the many."""
    kept = [(name, one) for name in long for one in log(LENGTH)]
    return kept + [(f"many-{n:06}", one) for n in range(interviews) for one in log(SMALL)]


def names(way: str, rounds: int) -> list[str]:
    return [f"long-{way}-{n:04}" for n in range(rounds + 1)]


class Lite:
    """SQLite: the storage on one file, the bare connection on another."""

    title = "SQLite"

    def __init__(self, folder: Path, rounds: int, interviews: int) -> None:
        self._files = [folder / "ours.db", folder / "bare.db"]
        connection = sqlite3.connect(self._files[0], isolation_level=None)
        lite.Tables(connection).prepare()
        connection.execute("BEGIN")
        for name, one in rows([*names("ours", rounds), *names("bare", rounds)], interviews):
            if one.version == 1:
                connection.execute(lite.BEGIN_LOG, (name, one.at, None, None, lite._mark(name)))
            else:
                connection.execute(lite.MOVE_LOG, (one.version, one.at, None, None, name, one.version - 1))
            body = encode(one).decode()
            connection.execute(lite.ADD_ENTRY, (one.version, one.append_id, body, name))
        connection.execute("COMMIT")
        connection.close()
        shutil.copy(*self._files)

    async def open(self) -> Any:
        self._bare = sqlite3.connect(self._files[1], isolation_level=None)
        for pragma in lite.PRAGMAS:
            self._bare.execute(pragma)
        return await sqlite.create(path=self._files[0])

    async def resume(self, name: str) -> None:
        read = "SELECT body FROM entry WHERE log = (SELECT number FROM log WHERE interview_id = ?)"
        entries = [decode(body) for (body,) in self._bare.execute(read, (name,)).fetchall()]
        interview = Interview.replay(name, entries)
        assert not self._bare.execute(read, (f"{name}.resume",)).fetchall()
        one = Entry(interview.version + 1, "~1", 4e9, (Attached(),))
        self._bare.execute("BEGIN IMMEDIATE")
        self._bare.execute(lite.MOVE_LOG, (one.version, one.at, None, None, name, one.version - 1))
        self._bare.execute(lite.ADD_ENTRY, (one.version, one.append_id, encode(one).decode(), name))
        self._bare.execute("COMMIT")

    async def erase(self, name: str) -> None:
        self._bare.execute("BEGIN IMMEDIATE")
        assert self._bare.execute(lite.ERASE_LOG, (name,)).rowcount == 1
        self._bare.execute("INSERT OR IGNORE INTO erased VALUES (?)", (lite._mark(name),))
        self._bare.execute("COMMIT")
        self._bare.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    async def aclose(self) -> None:
        self._bare.close()


class Postgres:
    """PostgreSQL: the storage and the bare connection on one database."""

    title = "PostgreSQL"

    def __init__(self, dsn: str, rounds: int, interviews: int) -> None:
        self._dsn = dsn
        self._rows = rows([*names("ours", rounds), *names("bare", rounds)], interviews)

    async def open(self) -> Any:
        storage = await postgres.create(dsn=self._dsn)
        self._bare = await psycopg.AsyncConnection.connect(self._dsn, autocommit=True)
        last = {name: one.version for name, one in self._rows}
        cursor = self._bare.cursor()
        async with self._bare.transaction():
            async with cursor.copy(
                "COPY interview_log (interview_id, version, updated_at) FROM STDIN"
            ) as copy:
                for name, version in last.items():
                    await copy.write_row((name, version, 4e9))
            async with cursor.copy("COPY interview_entry FROM STDIN") as copy:
                for name, one in self._rows:
                    await copy.write_row((name, one.version, one.append_id, encode(one).decode()))
        await self._bare.execute("ANALYZE")
        return storage

    async def resume(self, name: str) -> None:
        read = "SELECT body FROM interview_entry WHERE interview_id = %s ORDER BY version"
        found = await (await self._bare.execute(read, (name,))).fetchall()
        interview = Interview.replay(name, [decode(body) for (body,) in found])
        assert not await (await self._bare.execute(read, (f"{name}.resume",))).fetchall()
        one = Entry(interview.version + 1, "~1", 4e9, (Attached(),))
        row = {"id": name, "version": one.version, "append_id": one.append_id, "at": one.at}
        row |= {"body": encode(one).decode(), "owner": None, "expires_at": None}
        assert (await self._bare.execute(pg.MOVE_LOG, row)).rowcount == 1

    async def erase(self, name: str) -> None:
        async with self._bare.transaction():
            assert (await self._bare.execute(pg._ERASE_HEAD, ("x", name))).rowcount == 1
            await self._bare.execute(pg._ERASE_ENTRIES, (name,))

    async def aclose(self) -> None:
        await self._bare.close()


async def seconds(call: Awaitable[object]) -> float:
    began = time.perf_counter()
    await call
    return time.perf_counter() - began


async def _opened(engine: Engine, name: str) -> None:
    await (await engine.open(name)).aclose()


async def measure(driver: Lite | Postgres, rounds: int) -> dict[str, list[float]]:
    """Seconds of each, in each round."""
    storage = await driver.open()
    spent: dict[str, list[float]] = {
        name: [] for name in ("open", "bare open", "erase", "bare erase", "erase_interview")
    }
    async with Engine(storage, Coach(), clock=lambda: 4e9) as engine:
        for number in range(rounds + 1):
            one, other, third = (f"many-{3 * number + n:06}" for n in range(3))
            once = {
                "open": await seconds(_opened(engine, f"long-ours-{number:04}")),
                "bare open": await seconds(driver.resume(f"long-bare-{number:04}")),
                "erase": await seconds(storage.erase(one)),
                "bare erase": await seconds(driver.erase(other)),
                "erase_interview": await seconds(engine.erase(third)),
            }
            if number:  # the first round warms up
                for name, each in once.items():
                    spent[name].append(each)
    await storage.aclose()
    await driver.aclose()
    return spent


def told(title: str, spent: dict[str, list[float]], interviews: int) -> bool:
    """Print the figures; whether the bounds hold."""
    holds = True
    for what, words in (("open", f"open a log of {LENGTH}"), ("erase", f"erase one of {interviews:,}")):
        ours, bare = spent[what], spent[f"bare {what}"]
        times = median(a / b for a, b in zip(ours, bare, strict=True))
        holds = holds and times <= AT_MOST
        print(
            f"{title:10} {words:22} {median(ours) * 1e3:7.2f} ms, bare {median(bare) * 1e3:7.2f} ms: "
            f"{times:.2f} times, at most {AT_MOST}"
        )
    whole = median(spent["erase_interview"]) * 1e3
    print(f"{title:10} {'with résumé and receipt':22} {whole:7.2f} ms (no bound)")
    return holds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--interviews", type=int, default=10_000)
    asked = parser.parse_args()
    size = (asked.rounds, asked.interviews)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".recovery-") as folder:
        holds = [
            told("SQLite", asyncio.run(measure(Lite(Path(folder), *size), asked.rounds)), asked.interviews)
        ]
    with Cluster.at_hand(durable=True) as cluster:
        driver = Postgres(cluster.new_database(), *size)
        holds.append(told("PostgreSQL", asyncio.run(measure(driver, asked.rounds)), asked.interviews))
    return int(not all(holds))


if __name__ == "__main__":
    sys.exit(main())
