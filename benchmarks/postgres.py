"""What an append to PostgreSQL costs, beside bare psycopg doing the same.

    python benchmarks/postgres.py [--rounds 5]

One session, and 64 that append at once, on a server of this machine that is durable (``fsync`` and
``synchronous_commit`` on), started for this. Bare psycopg runs the storage's own statement on as many
connections, in a queue, and checks nothing: no time limits, no repetition, no pool that mends itself. Rounds
are interleaved; medians, of ratios too. Exit code 1 when a bound is broken.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from statistics import median, quantiles

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.databases import Cluster

from interview_fsm.adapters import _postgres_tables as tables
from interview_fsm.adapters import postgres
from interview_fsm.events import Entry, SubmitAnswer, encode

CONNECTIONS = 8
LENGTH = {1: 400, 64: 40}  # entries in each log
TEXT = "I led the migration of our billing to a new ledger. " * 12  # 600 bytes, about a minute of speech
AT_MOST_TIMES_BARE = 1.5


def entry(version):
    return Entry(version, f"cmd-{version:08}", 1.5, (SubmitAnswer(version, TEXT),))


class Bare:
    """psycopg as one would write it for this alone."""

    async def open(self, dsn):
        self.free = asyncio.Queue()
        for _ in range(CONNECTIONS):
            self.free.put_nowait(await psycopg.AsyncConnection.connect(dsn, autocommit=True))
        return self

    async def append(self, interview_id, expected_version, one):
        row = {"id": interview_id, "version": one.version, "append_id": one.append_id}
        row |= {"body": encode(one).decode(), "at": one.at, "owner": None, "expires_at": None}
        connection = await self.free.get()
        try:
            statement = tables.MOVE_LOG if expected_version else tables.BEGIN_LOG
            assert (await connection.execute(statement, row)).rowcount == 1
        finally:
            self.free.put_nowait(connection)

    async def aclose(self):
        while not self.free.empty():
            await self.free.get_nowait().close()


async def seconds(storage, sessions, name):
    """Of each append; and of all together."""
    spent = []

    async def session(interview_id):
        for version in range(1, LENGTH[sessions] + 1):
            one = entry(version)
            began = time.perf_counter()
            await storage.append(interview_id, version - 1, one)
            spent.append(time.perf_counter() - began)

    await asyncio.gather(*(storage.append(f"warm-{name}-{n}", 0, entry(1)) for n in range(64)))
    began = time.perf_counter()
    await asyncio.gather(*(session(f"{name}-{n}") for n in range(sessions)))
    whole = time.perf_counter() - began
    await storage.aclose()
    return whole / len(spent), spent


async def measure(cluster, rounds):
    """By way and number of sessions: seconds an append in each round, and of every one."""
    dsn = cluster.new_database()
    await (await postgres.create(dsn=dsn)).aclose()
    ways = {
        "storage": lambda: postgres.create(dsn=dsn, connections=CONNECTIONS),
        "bare psycopg": lambda: Bare().open(dsn),
    }
    found = {(way, sessions): ([], []) for sessions in LENGTH for way in ways}
    for number in range(rounds + 1):
        for (way, sessions), (means, each) in found.items():
            mean, spent = await seconds(await ways[way](), sessions, f"{number}-{way}-{sessions}")
            if number:  # the first round warms up
                means.append(mean)
                each += spent
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with Cluster.at_hand(durable=True) as cluster:
        found = asyncio.run(measure(cluster, rounds))
    for (way, sessions), (means, each) in found.items():
        cuts = quantiles(each, n=100)
        print(
            f"{way:14} {sessions:3} session{'s' if sessions > 1 else ' '} {1 / median(means):7,.0f}/s"
            f"  p50 {cuts[49] * 1e3:6.2f} ms  p99 {cuts[98] * 1e3:6.2f} ms"
        )
    broken = False
    for sessions in LENGTH:
        pairs = zip(found["storage", sessions][0], found["bare psycopg", sessions][0], strict=True)
        dearer = median(ours / bare for ours, bare in pairs)
        print(f"{dearer:5.2f} times bare psycopg with {sessions}, at most {AT_MOST_TIMES_BARE}")
        broken |= dearer > AT_MOST_TIMES_BARE
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
