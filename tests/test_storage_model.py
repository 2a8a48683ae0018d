"""Random histories: SQLite, PostgreSQL and Firestore answer as the storage in memory does, call for call."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from interview_fsm.adapters import firestore, memory, postgres, sqlite
from interview_fsm.events import EVENTS, Entry, Material, SubmitAnswer

from .firestores import VARIABLE, Firestore, new_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the machine may be busy
IN_FULL = os.environ.get("INTERVIEW_FSM_SOAK") == "1"
FEWEST = 40
"""Histories of each storage in make check."""

IDS = ("a", "b", "b.resume", "é", "A", "c", "d")
ids = st.sampled_from(IDS)
owners = st.sampled_from((None, None, "ada", "bob"))
times = st.sampled_from((None, 10.0, 20.0, 30.0))
append_ids = st.sampled_from(("c1", "c2", "c3", "~1"))
offsets = st.sampled_from((0, 0, 0, 0, 0, -1, 1, -2, 5))
events = st.one_of(st.text().map(lambda text: SubmitAnswer(1, text)), *map(st.from_type, (*EVENTS, Material)))
stories = st.lists(events, max_size=3).map(tuple)


class Histories(RuleBasedStateMachine):
    """Both storages live through the same; an outcome is what was returned, or the kind of error."""

    keeps_order = True
    """Whether calls made at once are done one after another, as they were made."""

    @initialize()
    def begin(self):
        self.prepare()
        self.runner = self.running()
        self.model = self.runner.run(memory.create())
        self.real = self.runner.run(self.opened())
        self.lengths = dict.fromkeys(IDS, 0)

    def teardown(self):
        if hasattr(self, "real"):
            self.runner.run(self.real.aclose())
            self.clear()

    def running(self):
        """An event loop for one history."""
        return asyncio.Runner()

    def both(self, call):
        async def outcome(storage):
            try:
                return await call(storage)
            except Exception as error:
                return type(error) if not isinstance(error, ValueError) else ValueError

        expected = self.runner.run(outcome(self.model))
        assert self.runner.run(outcome(self.real)) == expected
        return expected

    def next_entry(self, interview_id, offset, append_id, story):
        expected = max(0, self.lengths[interview_id] + offset)
        return expected, Entry(expected + 1, append_id, 1.5, story)

    @rule(interview_id=ids, offset=offsets, append_id=append_ids, story=stories, owner=owners, expires=times)
    def append(self, interview_id, offset, append_id, story, owner, expires):
        expected, one = self.next_entry(interview_id, offset, append_id, story)
        self.both(
            lambda storage: storage.append(interview_id, expected, one, owner=owner, expires_at=expires)
        )

    @rule(calls=st.lists(st.tuples(ids, offsets, append_ids, stories), min_size=2, max_size=6))
    def append_at_once(self, calls):
        """Each log at one place at the most, so that their order cannot matter."""
        if not self.keeps_order:  # which of two rivals is first is nobody's promise
            calls = list({call[0]: call for call in calls}.values())
        offset_of = {interview_id: offset for interview_id, offset, _, _ in calls}
        rows = [(i, *self.next_entry(i, offset_of[i], append_id, story)) for i, _, append_id, story in calls]

        async def together(storage):
            outcomes = await asyncio.gather(*(storage.append(*row) for row in rows), return_exceptions=True)
            return [isinstance(o, ValueError) or type(o).__name__ for o in outcomes]

        self.both(together)

    @rule(interview_id=ids, append_id=append_ids, turns=st.integers(0, 6))
    def cancel_and_repeat(self, interview_id, append_id, turns):
        expected, one = self.next_entry(interview_id, 0, append_id, (SubmitAnswer(1, "again"),))

        async def twice(storage):
            append = asyncio.ensure_future(storage.append(interview_id, expected, one))
            for _ in range(turns):
                await asyncio.sleep(0)
            append.cancel()
            await asyncio.wait({append})
            await storage.append(interview_id, expected, one)

        self.both(twice)

    @rule(interview_id=ids)
    def erase(self, interview_id):
        self.both(lambda storage: storage.erase(interview_id))

    @rule(interview_id=ids, after=st.integers(0, 4))
    def load(self, interview_id, after):
        self.both(lambda storage: storage.load(interview_id, after))

    @rule(owner=owners, before=times)
    def list_them(self, owner, before):
        async def heads(storage):
            return [head async for head in storage.interviews(owner=owner, expired_before=before)]

        self.both(heads)

    @rule()
    def reopen(self):
        self.runner.run(self.real.aclose())
        self.real = self.runner.run(self.opened())

    @invariant()
    def logs_are_the_same_and_have_no_gaps(self):
        if not hasattr(self, "real"):
            return
        for interview_id in IDS:
            log = self.both(lambda storage, interview_id=interview_id: storage.load(interview_id))
            entries = log if isinstance(log, list) else []
            assert [one.version for one in entries] == [*range(1, len(entries) + 1)]
            self.lengths[interview_id] = len(entries)


class OnSqlite(Histories):
    def prepare(self):
        self.folder = Path(tempfile.mkdtemp())

    def opened(self):
        return sqlite.create(path=self.folder / "interviews.db")

    def clear(self):
        self.runner.close()
        shutil.rmtree(self.folder)


def test_sqlite():
    live_through(OnSqlite, 1_000 if IN_FULL else FEWEST)


def test_postgres(cluster):
    dsn = cluster.new_database()

    class OnPostgres(Histories):
        keeps_order = False

        def prepare(self):
            cluster.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public", dsn.rpartition("=")[2])

        def opened(self):
            return postgres.create(dsn=dsn, connections=4)

        def clear(self):
            self.runner.close()

    live_through(OnPostgres, 300 if IN_FULL else FEWEST)


def live_through_on_firestore(runner):
    class OnFirestore(Histories):
        keeps_order = False

        def prepare(self):
            self.project = new_project()

        def running(self):
            return runner

        def opened(self):
            return firestore.create(project=self.project, patience=60)  # the machine may be busy

        def clear(self):
            pass

    live_through(OnFirestore, 100 if IN_FULL else FEWEST)


def test_firestore(grpc_runner, monkeypatch):
    with Firestore().running() as host:
        monkeypatch.setenv(VARIABLE, host)
        live_through_on_firestore(grpc_runner)


def test_firestore_emulator(grpc_runner, firestore_emulator, monkeypatch):
    monkeypatch.setenv(VARIABLE, firestore_emulator)
    live_through_on_firestore(grpc_runner)


def live_through(machine, examples):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=not IN_FULL,  # make check has the same histories each time
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
