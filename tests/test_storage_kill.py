"""kill -9 at any moment: every acknowledged append is there, once, and nothing is there that was not sent."""

import asyncio
import os
import random
import secrets
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from interview_fsm.adapters import postgres, sqlite
from interview_fsm.errors import AdapterError, Gone
from interview_fsm.events import Entry, SubmitAnswer

KILLS = 1_000 if os.environ.get("INTERVIEW_FSM_SOAK") == "1" else 20
SESSIONS = tuple(f"session-{n}" for n in range(8))


def told(session, version):
    """What a session says at a version: unlike everything else that is said."""
    text = f"{session} says {version}. " * (1 + version * 37 % 90)
    return Entry(version, f"{session}:{version}", float(version), (SubmitAnswer(1, text),))


class Project(str):
    """A project on the Firestore that the environment names."""


async def opened(where, **options):
    """The storage in a file, in the database of a connection string, or in a project of Firestore."""
    if isinstance(where, Project):
        from interview_fsm.adapters import firestore  # here, for it takes a child long to import

        return await firestore.create(project=where, patience=60, **options)  # the machine may be busy
    if isinstance(where, str):
        return await postgres.create(dsn=where, **options)
    return await sqlite.create(path=where, **options)


# ----------------------------------------------------------------------- the child that is killed


async def session(storage, name):
    """Go on where the log ends; first send the last entry again, as a client does that heard nothing."""
    try:
        version = max(1, len(await storage.load(name)))
    except Gone:
        version = 1
    while True:
        await storage.append(name, version - 1, told(name, version))
        os.write(1, f"{name} {version}\n".encode())
        version += 1


async def child(where):
    os.write(1, b"opening 0\n")
    storage = await opened(where)
    await asyncio.gather(*(session(storage, name) for name in SESSIONS))


# ---------------------------------------------------------------------------------------- the test


def acknowledged_before_killed(where, lines):
    """What a child acknowledged that is killed when it has written a number of lines."""
    command = [sys.executable, __file__, type(where).__name__, str(where)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        watch = threading.Timer(60, process.kill)  # a child that hangs fails the test below
        watch.start()
        heard = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        heard += process.stdout.readlines()
        watch.cancel()
        watch.join()
    assert all(line.endswith(b"\n") for line in heard), "the child ended or hung by itself"
    return [(name, int(version)) for name, version in (line.decode().split() for line in heard)][1:]


async def logs(where, after):
    """Of each session the entries after a version."""
    storage = await opened(where, read_only=True)
    try:
        heads = [head.interview_id async for head in storage.interviews()]
        return {name: await storage.load(name, after[name]) for name in heads}
    finally:
        await storage.aclose()


def check(found, checked, acknowledged):
    """What was found after the versions checked already goes on to what was acknowledged, or one further."""
    for name, version in acknowledged.items():
        entries = found.get(name, [])
        assert entries == [told(name, checked[name] + n) for n in range(1, len(entries) + 1)]
        assert checked[name] + len(entries) - version in (0, 1), name


def survive(kind, where, run):
    """Kill a client again and again; after each kill look at what is there. *run* runs what is async."""
    chance = random.Random(20)
    acknowledged = dict.fromkeys(SESSIONS, 0)
    checked = dict(acknowledged)
    for _ in range(KILLS):
        # Often while opening or just after, else anywhere in the work.
        lines = chance.choice((1, 2, chance.randrange(2, 40), chance.randrange(2, 400)))
        for name, version in acknowledged_before_killed(where, lines):
            assert version - acknowledged[name] in (0, 1)
            acknowledged[name] = version
        if not any(acknowledged.values()):
            continue  # killed before there was a file to read
        check(run(logs(where, checked)), checked, acknowledged)
        checked = dict(acknowledged)  # so that a thousand kills do not read all of it a thousand times
    assert all(acknowledged.values())
    nothing = dict.fromkeys(SESSIONS, 0)
    check(run(logs(where, nothing)), nothing, acknowledged)
    print(f"{KILLS} kills of {kind}'s client, {sum(acknowledged.values())} acknowledged, 0 lost, 0 twice")


@pytest.mark.slow
@pytest.mark.timeout(10_800)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_every_acknowledged_append_survives_kill_9_exactly_once(kind, tmp_path, request):
    if kind == "postgres":
        where = request.getfixturevalue("cluster").new_database()
    else:
        where = tmp_path / "interviews.db"
    survive(kind, where, asyncio.run)


@pytest.mark.slow
@pytest.mark.timeout(10_800)
def test_every_append_that_firestore_acknowledged_survives_kill_9_exactly_once(
    firestore_emulator, grpc_runner, monkeypatch
):
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)
    survive("firestore", Project(f"demo-{secrets.token_hex(6)}"), grpc_runner.run)


# ------------------------------------------------------------------- the database itself is killed

SERVER_KILLS = 200 if KILLS > 20 else 4


class Heard:
    """What was acknowledged, and how much."""

    def __init__(self):
        self.versions = dict.fromkeys(SESSIONS, 0)
        self.failures = 0
        self.count = 0
        self.more = asyncio.Condition()

    async def session(self, storage, name):
        """Append one after another; what failed is sent again as it was."""
        while True:
            version = self.versions[name] + 1
            try:
                await storage.append(name, version - 1, told(name, version))
            except AdapterError as error:
                assert error.retryable, error
                self.failures += 1
                continue
            self.versions[name] = version
            async with self.more:
                self.count += 1
                self.more.notify_all()

    async def until(self, count):
        async with self.more:
            await self.more.wait_for(lambda: self.count >= count)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_a_database_killed_under_load_has_every_acknowledged_append_exactly_once():
    from .databases import Cluster  # here, for the child runs this file by itself

    async def main(cluster):
        dsn, heard, chance = cluster.new_database(), Heard(), random.Random(21)
        storage = await postgres.create(dsn=dsn)
        sessions = [asyncio.create_task(heard.session(storage, name)) for name in SESSIONS]
        try:
            for _ in range(SERVER_KILLS):
                await heard.until(heard.count + chance.randrange(1, 300))
                await asyncio.to_thread(cluster.kill)
                await asyncio.to_thread(cluster.start)
                await heard.until(heard.count + len(SESSIONS))
        finally:
            for task in sessions:
                task.cancel()
            await asyncio.wait(sessions)
            await storage.aclose()
        assert all(task.cancelled() for task in sessions)
        nothing = dict.fromkeys(SESSIONS, 0)
        check(await logs(dsn, nothing), nothing, heard.versions)
        print(
            f"{SERVER_KILLS} kills of the database, {heard.count} acknowledged, {heard.failures} told to wait"
        )

    with Cluster.at_hand() as cluster:
        asyncio.run(main(cluster))


if __name__ == "__main__":
    asyncio.run(child({"str": str, "Project": Project}.get(sys.argv[1], Path)(sys.argv[2])))
