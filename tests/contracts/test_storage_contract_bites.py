"""Storages with one thing wrong: the contract must say so, in the case that is about it."""

import asyncio

import pytest
from msgspec.structs import replace

from interview_fsm.adapters import _sqlite_tables, memory, sqlite
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.testing.storage import StorageContract, entry

STATEMENTS = {
    "no version in the update": (
        "MOVE_LOG",
        "AND version = ?",
        "AND (version = ? OR 1)",
        "an_append_at_another_version_is_a_conflict",
    ),
    "a repeat is not recognised": (
        "_APPENDED",
        "SELECT append_id",
        "SELECT version",
        "a_repeated_append_is_a_success_and_writes_nothing",
    ),
    "a repeat goes by its place alone": (
        "_APPENDED",
        "SELECT append_id FROM entry",
        "SELECT 'rival' FROM entry",
        "a_repeated_append_is_a_success_and_writes_nothing",
    ),
    "erasing takes everyone": (
        "ERASE_LOG",
        "interview_id = ?",
        "interview_id = ? OR 1",
        "erasing_removes_one_log_and_no_other",
    ),
    "an append revives what was erased": (
        "BEGIN_LOG",
        "NOT EXISTS (SELECT 1 FROM erased WHERE mark = ?)",
        "? IS NOT NULL",
        "an_erased_id_is_gone_for_good",
    ),
    "the owner is lost": (
        "MOVE_LOG",
        "coalesce(?, owner)",
        "?",
        "a_head_says_what_was_appended_last",
    ),
    "what expires this moment has expired": (
        "_HEADS",
        "expires_at < ?",
        "expires_at <= ?",
        "listing_can_be_of_what_has_expired",
    ),
    "logs of résumés are listed": (
        "_HEADS",
        "substr(interview_id, -7) <> '.resume'",
        "1",
        "the_logs_of_resumes_are_listed_only_when_they_expired",
    ),
    "the second page is lost": (
        "_HEADS",
        "interview_id > ?",
        "? = ''",
        "a_long_listing_is_whole_and_in_order",
    ),
    "loading begins one too early": (
        "_ENTRIES",
        "version > ?",
        "version >= ?",
        "loading_after_a_version_gives_the_rest",
    ),
}


def bites(storage, case):
    try:
        storage.check(case)
    except Exception:
        return True
    return False


@pytest.mark.parametrize("wrong", STATEMENTS)
def test_a_wrong_statement_is_found(wrong, monkeypatch, tmp_path):
    name, right, planted, case = STATEMENTS[wrong]
    statement = getattr(_sqlite_tables, name)
    assert right in statement

    async def create():
        return await sqlite.create(path=tmp_path / "interviews.db")

    assert not bites(StorageContract(create), case)
    monkeypatch.setattr(_sqlite_tables, name, statement.replace(right, planted))
    assert bites(StorageContract(create), case)


class TakesAnyVersion(MemoryStorage):
    async def append(self, interview_id, expected_version, entry, **head):
        log = self._logs.get(interview_id)
        if log is not None and len(log.lines) > expected_version:
            del log.lines[expected_version:]
        await super().append(interview_id, expected_version, entry, **head)


class ForgetsWhatItErased(MemoryStorage):
    async def erase(self, interview_id):
        found = await super().erase(interview_id)
        self._is_erased.clear()
        return found


class ErasesEveryone(MemoryStorage):
    async def erase(self, interview_id):
        found = await super().erase(interview_id)
        self._logs.clear()
        return found


class GivesItsOwnList(MemoryStorage):
    _loaded: dict = {}  # noqa: RUF012 - the mistake

    async def load(self, interview_id, after=0):
        entries = self._loaded.setdefault((interview_id, after), [])
        entries[:] = await super().load(interview_id, after)
        return entries


class LetsACancelledAppendTakeEffectLater(MemoryStorage):
    async def append(self, interview_id, expected_version, entry, **head):
        late = asyncio.ensure_future(self._later(interview_id, expected_version, entry, head))
        await asyncio.shield(late)

    async def _later(self, interview_id, expected_version, entry, head):
        for _ in range(9):
            await asyncio.sleep(0)
        await super().append(interview_id, expected_version, replace(entry, append_id=f"{entry.at}"), **head)


WRONG_IN_MEMORY = {
    TakesAnyVersion: "an_append_at_another_version_is_a_conflict",
    ForgetsWhatItErased: "an_erased_id_is_gone_for_good",
    ErasesEveryone: "erasing_removes_one_log_and_no_other",
    LetsACancelledAppendTakeEffectLater: "a_cancelled_append_leaves_nothing_or_all",
    GivesItsOwnList: "a_loaded_log_does_not_change",
}


@pytest.mark.parametrize(("wrong", "case"), WRONG_IN_MEMORY.items())
def test_a_wrong_storage_in_memory_is_found(wrong, case):
    async def create():
        return wrong()

    assert not bites(StorageContract(memory.create, durable=False), case)
    assert bites(StorageContract(create, durable=False), case)


def test_ids_erased_long_ago_are_forgotten_so_that_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "_REMEMBERED", 3)

    async def main():
        storage = await memory.create()
        for number in range(10):
            await storage.append(f"log-{number}", 0, entry(1))
            await storage.erase(f"log-{number}")
        assert len(storage._erased) == len(storage._is_erased) == 3
        await storage.append("log-0", 0, entry(1))

    asyncio.run(main())
