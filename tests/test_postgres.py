"""PostgreSQL as it is in the world: replies lost, servers restarted, ten starting at once, others' tables."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import psycopg
import pytest

from interview_fsm import keys
from interview_fsm.adapters import _postgres_tables as tables
from interview_fsm.adapters import postgres
from interview_fsm.engine import Engine
from interview_fsm.errors import AdapterError, Conflict, Gone, SessionOver, SessionTaken, SettingError
from interview_fsm.events import ChooseDifficulty, StartInterview
from interview_fsm.interview import Interview
from interview_fsm.testing.storage import entry, fresh

from .pooler import pooling
from .test_cli import RESUME, process, server
from .test_end_to_end import interview, serving_files
from .worlds import MATERIAL, PLAN, World, candidate

SECRET = "hunter2-is-no-password"


@pytest.fixture
def dsn(cluster):
    return cluster.new_database()


def fails(code, call):
    with pytest.raises(AdapterError) as caught:
        asyncio.run(call())
    assert caught.value.code == code
    return caught.value


# ------------------------------------------------------------------- a network that loses things


class Wire:
    """A proxy between client and server. What it does with a connection is told by ``act``."""

    def __init__(self, folder):
        self._socket = f"{folder}/.s.PGSQL.5432"
        self.act = "pass"
        """``pass``; ``lose request``, ``lose reply``: once; ``stall``: nothing comes through."""
        self.lost = 0
        self.accepted = 0
        self._tasks = set()

    async def serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self.accepted += 1
        try:
            theirs, ours = await asyncio.open_unix_connection(self._socket)
            both = [
                asyncio.ensure_future(self._up(reader, ours)),
                asyncio.ensure_future(self._down(theirs, writer)),
            ]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in both:
                    each.cancel()
                await asyncio.gather(*both, return_exceptions=True)
                ours.transport.abort()
                with suppress(OSError):
                    await ours.wait_closed()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
            self._tasks.discard(task)

    async def _up(self, reader, ours):
        while data := await reader.read(65536):
            if self.act == "lose request":
                self._has_lost()
                return
            await self._stalled()
            ours.write(data)

    async def _down(self, theirs, writer):
        while data := await theirs.read(65536):
            if self.act == "lose reply":
                self._has_lost()
                return
            await self._stalled()
            writer.write(data)

    async def _stalled(self):
        while self.act == "stall":
            await asyncio.sleep(3600)

    def _has_lost(self):
        self.act, self.lost = "pass", self.lost + 1

    async def aclose(self):
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def wire_to(cluster, kind=Wire):
    wire = kind(cluster.folder)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        await wire.aclose()


@asynccontextmanager
async def wired(cluster, dsn, **options):
    """A storage behind a Wire, and the wire."""
    async with wire_to(cluster) as wire:
        through = psycopg.conninfo.make_conninfo(dsn, host="127.0.0.1", port=wire.port)
        storage = await postgres.create(dsn=through, **options)
        try:
            yield storage, wire
        finally:
            wire.act = "pass"
            await storage.aclose()


@pytest.mark.parametrize("loss", ["lose request", "lose reply"])
def test_what_was_lost_on_the_way_is_done_once(cluster, dsn, loss):
    async def story():
        interview_id, told = fresh(), [entry(n) for n in range(1, 6)]
        async with wired(cluster, dsn, connections=1) as (storage, wire):
            for one in told:
                wire.act = loss
                await storage.append(interview_id, one.version - 1, one)
            assert wire.lost == len(told)
            assert await storage.load(interview_id) == told
            wire.act = loss
            assert await storage.erase(interview_id) is True  # its first reply was lost, and it says so
            assert await storage.erase(interview_id) is False
            assert wire.lost == len(told) + 1

    asyncio.run(story())


def test_an_append_whose_reply_was_lost_loses_to_nobody_and_a_late_one_to_who_was_first(cluster, dsn):
    async def story():
        interview_id, first = fresh(), entry(1)
        async with wired(cluster, dsn, connections=1) as (storage, wire):
            other = await postgres.create(dsn=dsn)
            await storage.append(interview_id, 0, first)
            wire.act = "lose request"
            append = asyncio.ensure_future(storage.append(interview_id, 1, entry(2)))
            while wire.act != "pass":
                await asyncio.sleep(0)
            theirs = entry(2)
            try:
                await other.append(interview_id, 1, theirs)
                won = [theirs]
            except Conflict:
                won = []
            outcome = (await asyncio.gather(append, return_exceptions=True))[0]
            assert isinstance(outcome, Conflict) == bool(won)
            log = await other.load(interview_id)
            assert len(log) == 2
            assert not won or log == [first, theirs]
            await other.aclose()

    asyncio.run(story())


@pytest.mark.parametrize("call", ["append", "load", "erase", "interviews"])
def test_a_network_that_says_nothing_is_an_error_in_time(cluster, dsn, call):
    async def story():
        interview_id = fresh()
        async with wired(cluster, dsn, patience=0.5) as (storage, wire):
            await storage.append(interview_id, 0, entry(1))
            calls = {
                "append": lambda: storage.append(interview_id, 1, entry(2)),
                "load": lambda: storage.load(interview_id),
                "erase": lambda: storage.erase(interview_id),
                "interviews": lambda: anext(storage.interviews()),
            }
            wire.act = "stall"
            with pytest.raises(AdapterError) as caught:
                await calls[call]()
            assert (caught.value.code, caught.value.retryable) == ("storage_unavailable", True)

    asyncio.run(asyncio.wait_for(story(), 60))


def test_opening_where_nobody_answers_is_an_error_in_time(cluster):
    async def story():
        async with wire_to(cluster) as wire:
            wire.act = "stall"
            with pytest.raises(AdapterError, match="in time") as caught:
                await postgres.create(dsn=f"host=127.0.0.1 port={wire.port} user=x", patience=0.5)
            assert wire.accepted
            assert caught.value.retryable

    asyncio.run(asyncio.wait_for(story(), 60))


# ----------------------------------------------------------------------------- a server that goes


def test_connections_cut_by_the_server_are_made_anew(cluster, dsn):
    """As a restart, an administrator or an idle firewall does: nobody notices."""

    async def story():
        storage = await postgres.create(dsn=dsn, connections=4)
        logs = {fresh(): [entry(n) for n in range(1, 21)] for _ in range(4)}

        async def write(interview_id, told):
            for one in told:
                await storage.append(interview_id, one.version - 1, one)

        writers = [asyncio.ensure_future(write(*log)) for log in logs.items()]
        cut = 0
        while not all(writer.done() for writer in writers):
            cut += await asyncio.to_thread(terminate, cluster, dsn)
        await asyncio.gather(*writers)
        for interview_id, told in logs.items():
            assert await storage.load(interview_id) == told
        await storage.aclose()
        assert cut

    asyncio.run(asyncio.wait_for(story(), 90))


def terminate(cluster, dsn):
    """Cut every connection to the database; how many."""
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    cut = cluster.execute(
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    return len(cut)


# ---------------------------------------------------------------------------------- its own tables


def test_ten_servers_starting_at_once_make_the_tables_once(dsn):
    script = (
        "import asyncio, sys\n"
        "from interview_fsm.adapters import postgres\n"
        "from interview_fsm.testing.storage import entry\n"
        "async def main():\n"
        "    sys.stdin.read(1)\n"  # all of them are let go together
        "    storage = await postgres.create(dsn=sys.argv[1], patience=60)\n"
        "    await storage.append(sys.argv[2], 0, entry(1))\n"
        "    await storage.aclose()\n"
        "asyncio.run(main())\n"
    )
    ids = [fresh() for _ in range(10)]
    read, write = os.pipe()
    starting = [
        subprocess.Popen([sys.executable, "-c", script, dsn, i], stdin=read, stderr=subprocess.PIPE)
        for i in ids
    ]
    os.close(read)
    os.write(write, b"g" * 10)
    os.close(write)
    said = [process.communicate(timeout=100)[1].decode() for process in starting]
    assert [process.returncode for process in starting] == [0] * 10, said

    async def listed():
        storage = await postgres.create(dsn=dsn)
        try:
            return [head.interview_id async for head in storage.interviews()]
        finally:
            await storage.aclose()

    assert asyncio.run(listed()) == sorted(ids)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT * FROM interview_schema").fetchall() == [(tables.SCHEMA_NUMBER,)]


def test_ten_engines_starting_in_one_process_too(dsn):
    async def story():
        opened = await asyncio.gather(*(postgres.create(dsn=dsn, connections=2) for _ in range(10)))
        interview_id, outcomes = fresh(), []
        for storage in opened:
            outcomes.append(storage.append(interview_id, 0, entry(1)))
        outcomes = await asyncio.gather(*outcomes, return_exceptions=True)
        assert sorted(str(type(o).__name__) for o in outcomes) == ["Conflict"] * 9 + ["NoneType"]
        await asyncio.gather(*(storage.aclose() for storage in opened))

    asyncio.run(story())


def contents(dsn):
    """All that is in the database: definitions and rows."""
    with psycopg.connect(dsn) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' ORDER BY 1, 2"
        ).fetchall()
        rows = {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()
            for name in sorted({column[0] for column in columns})
        }
        return columns, rows


def make(dsn):
    async def story():
        storage = await postgres.create(dsn=dsn)
        await storage.append("one", 0, entry(1))
        await storage.aclose()

    asyncio.run(story())


@pytest.mark.parametrize("read_only", [False, True])
def test_tables_of_a_later_release_are_refused_and_left_as_they_are(dsn, read_only):
    make(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE interview_schema SET number = 99")
        connection.execute("ALTER TABLE interview_log ADD mood text")
    before = contents(dsn)
    error = fails("storage_unavailable", lambda: postgres.create(dsn=dsn, read_only=read_only))
    assert "later release" in str(error)
    assert not error.retryable
    assert contents(dsn) == before


def test_tables_of_an_earlier_release_are_brought_up_to_date(dsn, monkeypatch):
    make(dsn)
    monkeypatch.setattr(
        tables, "MIGRATIONS", (*tables.MIGRATIONS, ("ALTER TABLE interview_log ADD mood text",))
    )
    monkeypatch.setattr(tables, "SCHEMA_NUMBER", len(tables.MIGRATIONS))
    make_again = asyncio.run(postgres_log(dsn))
    assert len(make_again) == 1
    columns, rows = contents(dsn)
    assert ("interview_log", "mood", "text") in columns
    assert rows["interview_schema"] == [(2,)]


async def postgres_log(dsn):
    storage = await postgres.create(dsn=dsn)
    try:
        return await storage.load("one")
    finally:
        await storage.aclose()


def test_a_migration_that_fails_leaves_nothing_of_it(dsn, monkeypatch):
    make(dsn)
    before = contents(dsn)
    broken = ("ALTER TABLE interview_log ADD mood text", "ALTER TABLE nobody ADD mood text")
    monkeypatch.setattr(tables, "MIGRATIONS", (*tables.MIGRATIONS, broken))
    monkeypatch.setattr(tables, "SCHEMA_NUMBER", len(tables.MIGRATIONS))
    fails("storage_unavailable", lambda: postgres.create(dsn=dsn))
    assert contents(dsn) == before


def test_tables_of_another_program_are_left_alone(dsn):
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE interview_log (candidate text)")
    before = contents(dsn)
    error = fails("storage_unavailable", lambda: postgres.create(dsn=dsn))
    assert "not of this program" in str(error)
    assert contents(dsn) == before


def test_a_database_that_cannot_keep_every_letter_is_refused(cluster):
    dsn = cluster.new_database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    assert "UTF-8" in str(fails("storage_unavailable", lambda: postgres.create(dsn=dsn)))


# --------------------------------------------------------------------------------- reading, erasing


def test_for_reading_only_nothing_is_made_and_nothing_changed(dsn):
    fails("storage_empty", lambda: postgres.create(dsn=dsn, read_only=True))
    assert contents(dsn) == ([], {})
    make(dsn)
    before = contents(dsn)

    async def story():
        storage = await postgres.create(dsn=dsn, read_only=True)
        for call in (storage.append("one", 1, entry(2)), storage.erase("one")):
            with pytest.raises(AdapterError) as caught:
                await call
            assert caught.value.code == "storage_read_only"
        assert len(await storage.load("one")) == 1
        await storage.aclose()

    asyncio.run(story())
    assert contents(dsn) == before


def test_of_an_erased_interview_stays_its_id_alone(dsn):
    async def story():
        storage = await postgres.create(dsn=dsn)
        for version in (1, 2):
            await storage.append(
                "gone", version - 1, entry(version, "what I said", at=12345.0), owner="ada", expires_at=4e9
            )
        assert await storage.erase("gone")
        await storage.aclose()

    asyncio.run(story())
    _, rows = contents(dsn)
    assert rows["interview_entry"] == []
    ((interview_id, version, updated_at, expires_at, owner, erasure),) = rows["interview_log"]
    assert (interview_id, version, updated_at, expires_at, owner) == ("gone", 0, 0, None, None)
    assert len(erasure) == 16


def test_every_append_is_durable_whatever_the_database_prefers(cluster, dsn):
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    cluster.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")

    async def story():
        storage = await postgres.create(dsn=dsn)
        async with storage._pool.connection() as connection:
            cursor = await connection.execute("SHOW synchronous_commit")
            assert await cursor.fetchone() == ("on",)
        await storage.aclose()

    asyncio.run(story())


# ------------------------------------------------------------------------------- what cannot be used


def test_what_is_wrong_with_the_database_is_said_without_its_words(cluster, dsn, caplog):
    missing = cluster.dsn("nowhere")
    assert "no such database" in str(fails("storage_unavailable", lambda: postgres.create(dsn=missing)))
    away = f"host=/nowhere user=x password={SECRET}"
    error = fails("storage_unavailable", lambda: postgres.create(dsn=away))
    assert "cannot be reached" in str(error)
    assert error.retryable
    assert SECRET not in str(error) + caplog.text


@pytest.mark.parametrize("bad", [f"host=x {SECRET}", f"postgresql://ada:{SECRET}@[x/y", f"pasword={SECRET}"])
def test_a_connection_string_that_is_none_is_not_quoted(bad):
    with pytest.raises(SettingError) as caught:
        asyncio.run(postgres.create(dsn=bad))
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_where_the_database_is_comes_from_the_environment_or_the_file_of_keys(dsn, tmp_path, monkeypatch):
    monkeypatch.delenv(postgres.SETTING, raising=False)
    monkeypatch.setenv(keys.FILE_VARIABLE, str(tmp_path / "keys.toml"))
    (tmp_path / "keys.toml").write_text("")
    (tmp_path / "keys.toml").chmod(0o600)
    with pytest.raises(SettingError, match=postgres.SETTING):
        asyncio.run(postgres.create())
    (tmp_path / "keys.toml").write_text(f'{postgres.SETTING} = "{dsn}"')
    asyncio.run(opened_and_closed())
    (tmp_path / "keys.toml").write_text("")
    monkeypatch.setenv(postgres.SETTING, dsn)
    asyncio.run(opened_and_closed())


async def opened_and_closed():
    storage = await postgres.create()
    with pytest.raises(Gone):
        await storage.load("nothing")
    await storage.aclose()
    with pytest.raises(AdapterError, match="closed"):
        await storage.load("nothing")


# ------------------------------------------------------------------------------- through a pooler


@pytest.mark.slow
def test_through_a_pooler_ten_make_the_tables_once_and_one_of_them_has_an_interview(cluster, dsn):
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]

    async def story(through):
        opened = await asyncio.gather(*(postgres.create(dsn=through, patience=60) for _ in range(10)))
        outcomes = await asyncio.gather(
            *(storage.append("one", 0, entry(1)) for storage in opened), return_exceptions=True
        )
        assert sorted(str(type(o).__name__) for o in outcomes) == ["Conflict"] * 9 + ["NoneType"]
        await asyncio.gather(*(storage.aclose() for storage in opened))

    with pooling(cluster) as pooler:
        asyncio.run(story(f"{pooler} dbname={name}"))
    _, rows = contents(dsn)
    assert rows["interview_schema"] == [(tables.SCHEMA_NUMBER,)]


@pytest.mark.slow
def test_through_a_pooler_a_role_whose_commits_are_not_durable_is_refused(cluster, dsn):
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    cluster.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pooling(cluster) as pooler:
        error = fails("storage_unavailable", lambda: postgres.create(dsn=f"{pooler} dbname={name}"))
    assert "ALTER ROLE" in str(error)
    assert contents(dsn) == ([], {})


# ------------------------------------------------------------------------------- whole interviews


def test_of_two_engines_with_one_interview_the_later_has_it(dsn):
    """Who still believes to have it loses the next append and lets go; nothing is doubled."""

    async def story():
        async with AsyncExitStack() as stack:
            engines = []
            for _ in range(2):
                storage = await postgres.create(dsn=dsn)
                stack.push_async_callback(storage.aclose)
                world = World(kept=storage)
                ports = {"recorder": world.recorder, "transcriber": world.transcriber}
                engine = Engine(world.storage, world.interviewer, follow_up=None, **ports)
                engines.append(await stack.enter_async_context(engine))
            earlier = engines[0].new(MATERIAL, token="token")
            await earlier.send(StartInterview(PLAN))
            interview_id = earlier.interview.id
            later = await engines[1].open(interview_id, token="token")
            with pytest.raises((Conflict, SessionOver, SessionTaken)):
                await earlier.send(ChooseDifficulty("mid"))
            sat = await candidate(later)
            assert [turn.question.number for turn in sat.turns] == [1, 2]
            entries = await engines[1].storage.load(interview_id)
            assert [one.version for one in entries] == list(range(1, len(entries) + 1))
            assert Interview.replay(interview_id, entries).state == "stopped"

    asyncio.run(asyncio.wait_for(story(), 90))


def test_an_interview_served_from_a_database_can_be_listed_and_deleted(dsn, tmp_path, monkeypatch):
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(postgres.SETTING, f"{dsn} password={SECRET}")
    (tmp_path / "cv.txt").write_text(RESUME)

    with (
        serving_files(tmp_path) as web,
        server("--storage", "postgres", "--allow-fetch", f"127.0.0.1:{web}") as (serving, banner, url),
    ):
        heard = asyncio.run(interview(url, f"http://127.0.0.1:{web}/cv.txt"))
        assert not [reply for reply in heard if reply.startswith("Error")], heard
        listed = process("sessions", "list", "--json", "--storage", "postgres")  # beside the server
        serving.send_signal(signal.SIGTERM)
        said = banner + "".join(serving.communicate(timeout=60)) + listed.stderr
    (row,) = json.loads(listed.stdout)
    assert (row["state"], row["answered"]) == ("stopped", 2)
    shown = process("sessions", "show", row["id"], "--storage", "postgres")
    assert "and we fixed it" in shown.stdout
    deleted = process("sessions", "delete", row["id"], "--yes", "--storage", "postgres")
    assert deleted.returncode == 0, deleted.stderr
    settings = process("config", "show")
    assert postgres.SETTING in settings.stdout
    assert SECRET not in said + shown.stdout + shown.stderr + settings.stdout + settings.stderr
    assert SECRET[-4:] not in settings.stdout
    _, rows = contents(dsn)
    assert rows["interview_entry"] == []
    amiss = process("sessions", "list", "--storage", "postgres", "--database", "x.db")
    assert (amiss.returncode, "--database" in amiss.stderr) == (4, True)


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("/run/postgresql", True),
        ("localhost", True),
        ("127.0.0.5", True),
        ("::1", True),
        ("db.example", False),
        ("10.0.0.7", False),
        ("1270.example", False),
    ],
)
def test_candidates_are_told_when_what_is_kept_leaves_this_machine(dsn, monkeypatch, host, is_here):
    async def told():
        storage = await postgres.create(dsn=dsn)
        await storage.aclose()
        return storage.data

    assert asyncio.run(told()) == "", "a socket of this machine"
    monkeypatch.setattr(psycopg.ConnectionInfo, "host", property(lambda _: host))
    assert bool(asyncio.run(told())) is not is_here
