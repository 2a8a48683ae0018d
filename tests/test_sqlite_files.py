"""What the SQLite storage does to files: its own, a stranger's, and those of a later release."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from interview_fsm.adapters import _sqlite_tables, sqlite
from interview_fsm.errors import AdapterError, Gone
from interview_fsm.events import Entry, SubmitAnswer
from interview_fsm.testing.storage import entry

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX file modes")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "interviews.db"


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def contents(folder):
    return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def holding(folder, trace):
    return [name for name, content in contents(folder).items() if trace in content]


async def refusal(opening, code="storage_unavailable"):
    with pytest.raises(AdapterError) as caught:
        await opening
    assert (caught.value.adapter, caught.value.code) == ("sqlite", code)
    return str(caught.value)


# ----------------------------------------------------------------------------------- the file itself


@posix
def test_only_the_owner_can_read_what_is_kept(path):
    async def main():
        storage = await sqlite.create(path=path)
        await storage.append("one", 0, entry(1))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        await storage.aclose()
        return modes

    modes = asyncio.run(main())
    assert {"interviews.db", "interviews.db-wal"} <= set(modes)
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_default_is_the_platforms_folder_for_data(monkeypatch, tmp_path):
    monkeypatch.setattr(sqlite, "user_data_path", lambda name, **_: tmp_path / name)

    async def main():
        storage = await sqlite.create()
        await storage.aclose()

    asyncio.run(main())
    assert (tmp_path / "interview_fsm" / "interviews.db").exists()


def test_a_closed_storage_is_one_file_and_its_lock(path):
    async def main():
        storage = await sqlite.create(path=path)
        await storage.append("one", 0, entry(1))
        await storage.aclose()
        with pytest.raises(AdapterError, match="closed"):
            await storage.load("one")

    asyncio.run(main())
    assert set(contents(path.parent)) <= {"interviews.db", "interviews.db.lock"}


def test_opening_that_is_cancelled_lets_go_of_the_file(path):
    async def main():
        for turns in range(4):
            opening = asyncio.ensure_future(sqlite.create(path=path))
            for _ in range(turns):
                await asyncio.sleep(0)
            opening.cancel()
            await asyncio.wait({opening})
            if not opening.cancelled():
                await opening.result().aclose()
        storage = await sqlite.create(path=path)
        await storage.aclose()

    asyncio.run(main())


def test_a_path_that_cannot_be_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    text = asyncio.run(refusal(sqlite.create(path=tmp_path / "file" / "interviews.db")))
    assert "cannot be opened" in text


# ------------------------------------------------------------------------- one writer, many readers


def test_a_second_writer_is_refused_and_changes_nothing(path):
    async def main():
        storage = await sqlite.create(path=path)
        await storage.append("one", 0, entry(1))
        before = contents(path.parent)
        text = await refusal(sqlite.create(path=path))
        assert contents(path.parent) == before
        await storage.append("one", 1, entry(2))  # the first has lost neither lock nor file
        await storage.aclose()
        again = await sqlite.create(path=path)
        assert len(await again.load("one")) == 2
        await again.aclose()
        return text

    text = asyncio.run(main())
    assert str(path) in text
    assert "in use by another process" in text


OTHER_WRITER = """
import asyncio, sys
from interview_fsm.adapters import sqlite
from interview_fsm.events import Entry, SubmitAnswer

async def main():
    storage = await sqlite.create(path=sys.argv[1])
    for version in range(1, 4):
        one = Entry(version, f"c{version}", 1.5, (SubmitAnswer(1, "text"),))
        await storage.append("one", version - 1, one)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture
def other_writer(path):
    command = [sys.executable, "-c", OTHER_WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"ready\n"
        yield child
        child.kill()


def test_another_process_that_writes_keeps_a_second_away_until_it_dies(path, other_writer):
    async def main():
        text = await refusal(sqlite.create(path=path))
        other_writer.send_signal(signal.SIGTERM if os.name != "posix" else signal.SIGKILL)
        other_writer.wait()
        storage = await sqlite.create(path=path)
        assert len(await storage.load("one")) == 3
        await storage.aclose()
        return text

    assert "in use by another process" in asyncio.run(main())


def test_a_reader_beside_a_running_server_sees_what_is_committed(path, other_writer):
    async def main():
        reader = await sqlite.create(path=path, read_only=True)
        assert len(await reader.load("one")) == 3
        assert [head.version async for head in reader.interviews()] == [3]
        await reader.aclose()

    asyncio.run(main())


def test_a_reader_follows_the_writer_and_does_not_hold_it_up(path):
    async def main():
        writer = await sqlite.create(path=path)
        await writer.append("one", 0, entry(1, "first words"))
        reader = await sqlite.create(path=path, read_only=True)
        for version in range(2, 6):
            await writer.append("one", version - 1, entry(version))
            assert len(await reader.load("one")) == version
        await writer.erase("one")
        assert not holding(path.parent, b"first words")
        with pytest.raises(Gone):
            await reader.load("one")
        await writer.aclose()
        await reader.aclose()

    asyncio.run(main())


@posix
@pytest.mark.parametrize("index_is_lost", [False, True])
def test_a_reader_can_read_after_the_writer_died(path, other_writer, index_is_lost):
    other_writer.send_signal(signal.SIGKILL)
    other_writer.wait()
    wal = path.with_name("interviews.db-wal")
    assert wal.stat().st_size
    if index_is_lost:
        path.with_name("interviews.db-shm").unlink()
    before = path.read_bytes(), wal.read_bytes()

    async def main():
        reader = await sqlite.create(path=path, read_only=True)
        assert len(await reader.load("one")) == 3
        await reader.aclose()

    asyncio.run(main())
    assert (path.read_bytes(), wal.read_bytes()) == before


def test_a_reader_changes_nothing(path):
    async def main():
        writer = await sqlite.create(path=path)
        await writer.append("one", 0, entry(1))
        await writer.aclose()
        before = path.read_bytes()
        reader = await sqlite.create(path=path, read_only=True)
        for change in (reader.append("one", 1, entry(2)), reader.erase("one")):
            with pytest.raises(AdapterError, match="for reading only") as caught:
                await change
            assert caught.value.code == "storage_read_only"
        assert len(await reader.load("one")) == 1
        await reader.aclose()
        assert path.read_bytes() == before

    asyncio.run(main())


def test_a_reader_of_nothing_is_told_so_and_makes_no_file(path):
    text = asyncio.run(refusal(sqlite.create(path=path, read_only=True), "storage_empty"))
    assert "no interviews have been kept" in text
    assert not path.parent.exists()


# ------------------------------------------------------------------------------------ not our files


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("writer_died", [False, True])
def test_a_later_release_s_file_is_refused_and_left_as_it_was(path, read_only, writer_died):
    async def write():
        storage = await sqlite.create(path=path)
        await storage.append("one", 0, entry(1))
        await storage.aclose()

    asyncio.run(write())
    later = f"PRAGMA user_version={_sqlite_tables.SCHEMA_NUMBER + 1}"
    if writer_died:  # the number is in the write-ahead log alone
        code = f"import os, sqlite3; sqlite3.connect({str(path)!r}).execute({later!r}); os._exit(0)"
        subprocess.run([sys.executable, "-c", code], check=True)
        assert path.with_name("interviews.db-wal").stat().st_size
    else:
        connection = sqlite3.connect(path)
        connection.execute(later)
        connection.close()
    before = contents(path.parent)
    text = asyncio.run(refusal(sqlite.create(path=path, read_only=read_only)))
    assert "later release" in text
    after = contents(path.parent)
    assert {name: after[name] for name in before if not name.endswith("-shm")} == {
        name: content for name, content in before.items() if not name.endswith("-shm")
    }


def other_database(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks(url)")
    connection.close()


FOREIGN = {
    "text": lambda path: path.write_text("Dear diary, this is not a database. " * 100),
    "short": lambda path: path.write_bytes(b"PK"),
    "database": other_database,
}


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("kind", FOREIGN)
def test_somebody_else_s_file_is_refused_and_left_as_it_was(path, kind, read_only):
    path.parent.mkdir()
    FOREIGN[kind](path)
    before = path.read_bytes()
    text = asyncio.run(refusal(sqlite.create(path=path, read_only=read_only)))
    assert str(path) in text
    assert path.read_bytes() == before


HALF_MADE = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size=1")  # pages, so that some are written before the end
connection.execute("BEGIN")
for number in range(50):
    connection.execute(f"CREATE TABLE log{number}(x)")
os._exit(9)
"""


@pytest.mark.parametrize("half_made", [False, True])
def test_a_death_while_the_file_was_being_made_is_put_right(path, half_made):
    path.parent.mkdir()
    path.touch()
    if half_made:
        subprocess.run([sys.executable, "-c", HALF_MADE, str(path)], check=False)
        assert path.with_name("interviews.db-journal").stat().st_size

    async def main():
        assert "no interviews" in await refusal(sqlite.create(path=path, read_only=True), "storage_empty")
        storage = await sqlite.create(path=path)
        await storage.append("one", 0, entry(1))
        await storage.aclose()

    asyncio.run(main())


# ---------------------------------------------------------------------------------------- no traces


def name(log):
    return f"interview-{log:03}"


def marker(log, version):
    return f"secret-{log:03}-{version:02} "


def test_what_is_erased_is_in_no_file(path):
    """Many logs, interleaved, short and long; erased in no order, so that pages split and merge."""
    order = [(n * 37) % 60 for n in range(60)]

    async def main():
        storage = await sqlite.create(path=path)
        for version in range(1, 7):
            appends = []
            for log in range(60):
                text = marker(log, version) * (3 + (log * version * 7) % 150)
                one = Entry(version, f"c{version}", 1.5, (SubmitAnswer(1, text),))
                appends.append(storage.append(name(log), version - 1, one, owner=f"owner-{log:03}"))
            await asyncio.gather(*appends)
        assert len(holding(path.parent, b"secret-000-01")) >= 1
        for done, log in enumerate(order, 1):
            await storage.erase(name(log))
            files = contents(path.parent)
            for gone in order[:done]:
                for trace in (f"secret-{gone:03}-", f"owner-{gone:03}", name(gone)):
                    found = [file for file, content in files.items() if trace.encode() in content]
                    assert not found, (trace, log, found)
            assert len(await storage.load(name(order[-1]))) == 6 or done == len(order)
            if done == len(order) - 1:
                break
        await storage.aclose()

    asyncio.run(main())


def test_traces_left_by_a_death_amid_erasing_go_at_the_next_start(path):
    async def write():
        storage = await sqlite.create(path=path)
        await storage.append("one", 0, entry(1, "first words"))
        await storage.aclose()

    asyncio.run(write())
    code = (
        f"import os, sqlite3; c = sqlite3.connect({str(path)!r}, isolation_level=None);"
        "c.execute('PRAGMA foreign_keys=ON'); c.execute('PRAGMA secure_delete=ON');"
        "c.execute('UPDATE entry SET append_id = 2'); c.execute('DELETE FROM log'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "interviews.db-wal" in holding(path.parent, b"first words")

    async def restart():
        storage = await sqlite.create(path=path)
        assert not holding(path.parent, b"first words")
        await storage.aclose()

    asyncio.run(restart())


def test_erasing_under_somebody_who_holds_the_file_says_that_traces_are_left(path, monkeypatch):
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.0)

    async def main():
        storage = await sqlite.create(path=path)
        await storage.append("one", 0, entry(1, "first words"))
        foreign = sqlite3.connect(path, isolation_level=None)
        foreign.execute("BEGIN")
        foreign.execute("SELECT * FROM log").fetchall()
        with pytest.raises(AdapterError, match="traces") as caught:
            await storage.erase("one")
        assert caught.value.retryable
        with pytest.raises(Gone):
            await storage.load("one")
        assert holding(path.parent, b"first words")
        foreign.close()
        assert await storage.erase("one") is False
        assert not holding(path.parent, b"first words")
        await storage.aclose()

    asyncio.run(main())


# ------------------------------------------------------------------------------------------ trouble


def pragma(storage, statement):
    """Run on the storage's own connection, in its thread, as its next request."""
    return storage._ask(lambda tables: tables._cursor.execute(statement).fetchone())


def test_a_full_disk_costs_nothing_that_was_acknowledged(path):
    async def main():
        storage = await sqlite.create(path=path)
        await storage.append("one", 0, entry(1))
        (pages,) = await pragma(storage, "PRAGMA page_count")
        await pragma(storage, f"PRAGMA max_page_count={pages + 10}")
        kept, full = 1, None
        while full is None:
            try:
                await storage.append("one", kept, entry(kept + 1, "x" * 4_000))
            except AdapterError as error:
                full = error
            else:
                kept += 1
        assert "disk is full" in str(full)
        assert full.retryable
        assert 3 < kept < 20
        assert len(await storage.load("one")) == kept
        await pragma(storage, "PRAGMA max_page_count=1000000")
        await storage.append("one", kept, entry(kept + 1))
        assert len(await storage.load("one")) == kept + 1
        await storage.aclose()

    asyncio.run(main())


def test_a_request_that_fails_does_not_fail_its_neighbours(path):
    async def main():
        storage = await sqlite.create(path=path)
        (pages,) = await pragma(storage, "PRAGMA page_count")
        await pragma(storage, f"PRAGMA max_page_count={pages + 20}")
        big = storage.append("big", 0, entry(1, "x" * 400_000))
        small = [storage.append(f"small-{n}", 0, entry(1)) for n in range(7)]
        outcomes = await asyncio.gather(*small[:3], big, *small[3:], return_exceptions=True)
        assert [type(outcome).__name__ for outcome in outcomes] == [
            *["NoneType"] * 3,
            "AdapterError",
            *["NoneType"] * 4,
        ]
        await storage.aclose()

    asyncio.run(main())


def test_a_foreign_program_that_locks_the_file_is_named_and_waited_for_once(path, monkeypatch):
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.0)

    async def main():
        storage = await sqlite.create(path=path)
        foreign = sqlite3.connect(path, isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")
        appends = [storage.append(f"log-{n}", 0, entry(1)) for n in range(3)]
        outcomes = await asyncio.gather(*appends, return_exceptions=True)
        assert all("another program" in str(outcome) and outcome.retryable for outcome in outcomes)
        foreign.close()
        await storage.append("log-0", 0, entry(1))
        await storage.aclose()

    asyncio.run(main())


def test_the_event_loop_runs_on_while_the_file_is_slow(path):
    """The thread is held up at a gate that only the loop can open."""

    async def main():
        storage = await sqlite.create(path=path)
        gate = threading.Event()
        held = storage._ask(lambda tables: gate.wait(60))
        append = asyncio.ensure_future(storage.append("one", 0, entry(1)))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not append.done()
        gate.set()
        assert await held is True
        await append
        await storage.aclose()

    asyncio.run(main())


def test_appends_that_wait_together_share_a_transaction_and_a_wake_up(path, monkeypatch):
    async def main():
        storage = await sqlite.create(path=path)
        groups, wake_ups = [], []
        settle, tell = _sqlite_tables.Tables.settle, storage._loop.call_soon_threadsafe
        monkeypatch.setattr(
            _sqlite_tables.Tables,
            "settle",
            lambda self, group: groups.append(len(group)) or settle(self, group),
        )
        monkeypatch.setattr(
            storage._loop, "call_soon_threadsafe", lambda *call: wake_ups.append(call) or tell(*call)
        )
        await asyncio.gather(*(storage.append(f"log-{n}", 0, entry(1)) for n in range(64)))
        assert (groups, len(wake_ups)) == ([64], 1)
        await storage.aclose()

    asyncio.run(main())
