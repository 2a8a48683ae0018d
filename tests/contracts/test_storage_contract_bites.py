"""Storages with one thing wrong: the contract must say so, in the case that is about it."""

import asyncio

import msgspec
import pytest
from msgspec.structs import replace

from interview_fsm.adapters import _sqlite_tables, memory, sqlite
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.errors import AdapterError, Conflict
from interview_fsm.events import Entry, decode, encode
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


class GivesTheLatestFirst(MemoryStorage):
    async def load(self, interview_id, after=0):
        return (await super().load(interview_id, after))[::-1]


class StopsAtANul(MemoryStorage):
    async def append(self, interview_id, expected_version, entry, **head):
        said = tuple(
            replace(event, text=event.text.partition("\0")[0]) if hasattr(event, "text") else event
            for event in entry.events
        )
        await super().append(interview_id, expected_version, replace(entry, events=said), **head)


class MixesThoseThatWriteAtOnce(MemoryStorage):
    _at_hand = None

    async def append(self, interview_id, expected_version, entry, **head):
        self._at_hand = entry
        await asyncio.sleep(0)
        await super().append(
            interview_id, expected_version, replace(self._at_hand, version=entry.version), **head
        )


class MakesWhatIsAskedFor(MemoryStorage):
    async def load(self, interview_id, after=0):
        self._logs.setdefault(interview_id, memory._Log())
        return await super().load(interview_id, after)


class ReadsWhatItCannotKnow(MemoryStorage):
    async def load(self, interview_id, after=0):
        lines = self._logs[interview_id].lines
        return [msgspec.json.decode(line, type=Entry) for line in lines[after:]]


class PutsAnEntryWhereItFits(MemoryStorage):
    async def append(self, interview_id, expected_version, entry, **head):
        await super().append(interview_id, entry.version - 1, entry, **head)


class LooksBeforeItWrites(MemoryStorage):
    async def append(self, interview_id, expected_version, entry, **head):
        log = self._logs.get(interview_id)
        free = len(log.lines if log else ()) == expected_version
        await asyncio.sleep(0)
        if not free:
            raise Conflict(interview_id)
        log = self._logs.setdefault(interview_id, memory._Log())
        log.lines[expected_version:] = [encode(entry)]


class KnowsAnIdWherever(MemoryStorage):
    async def append(self, interview_id, expected_version, entry, **head):
        log = self._logs.get(interview_id)
        if log is not None and any(decode(line).append_id == entry.append_id for line in log.lines):
            return
        await super().append(interview_id, expected_version, entry, **head)


class LosesAPlaceWithEachCancellation(MemoryStorage):
    places = 60

    async def append(self, interview_id, expected_version, entry, **head):
        while not self.places:
            raise AdapterError("wrong", "storage_unavailable")
        self.places -= 1
        await asyncio.sleep(0)
        await super().append(interview_id, expected_version, entry, **head)
        self.places += 1


class WritesInTwoSteps(MemoryStorage):
    async def append(self, interview_id, expected_version, entry, **head):
        await super().append(interview_id, expected_version, replace(entry, append_id=""), **head)
        await asyncio.sleep(0)
        self._logs[interview_id].lines[expected_version] = encode(entry)


class HasAHundredPlaces(MemoryStorage):
    async def load(self, interview_id, after=0):
        return (await super().load(interview_id, after))[:100]


class KeepsWhatNobodyCanRead(MemoryStorage):
    async def append(self, interview_id, expected_version, entry, **head):
        try:
            await super().append(interview_id, expected_version, entry, **head)
        except ValueError:
            self._logs.setdefault(interview_id, memory._Log()).lines.append(b"{}")


class MovesTheHeadFirst(MemoryStorage):
    async def append(self, interview_id, expected_version, entry, *, owner=None, expires_at=None):
        await super().append(interview_id, expected_version, entry, expires_at=expires_at)
        if owner is not None:
            owner.encode()
            self._logs[interview_id].owner = owner


class TakesAnySize(MemoryStorage):
    async def append(self, interview_id, expected_version, entry, **head):
        line = msgspec.json.encode(entry)
        log = self._logs.get(interview_id) or self._begin(interview_id, expected_version)
        log.lines.append(line)


class RemembersWhatNeverWas(MemoryStorage):
    async def erase(self, interview_id):
        found = await super().erase(interview_id)
        self._is_erased.add(hash(interview_id))
        return found


class LetsABusyWriterGoOn(MemoryStorage):
    def __init__(self):
        super().__init__()
        self._open = {}

    async def append(self, interview_id, expected_version, entry, **head):
        if expected_version and interview_id in self._open:
            self._logs[interview_id] = self._open[interview_id]
        await super().append(interview_id, expected_version, entry, **head)
        self._open[interview_id] = self._logs[interview_id]


class ForgetsToLookAgain(MemoryStorage):
    async def append(self, interview_id, expected_version, entry, **head):
        log = self._logs.get(interview_id)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if log is not None and not expected_version:
            self._logs[interview_id] = log
            return
        await super().append(interview_id, expected_version, entry, **head)


class ErasesBitByBit(MemoryStorage):
    async def erase(self, interview_id):
        log = self._logs.get(interview_id)
        while log is not None and log.lines:
            log.lines.pop()
            await asyncio.sleep(0)
        return await super().erase(interview_id)


class TakesOwnersForBeginnings(MemoryStorage):
    async def interviews(self, *, owner=None, expired_before=None):
        async for head in super().interviews(expired_before=expired_before):
            if owner is None or (head.owner or "").lower().startswith(owner.lower()):
                yield head


class ListsByPlace(MemoryStorage):
    async def interviews(self, *, owner=None, expired_before=None):
        place = 0
        while heads := [h async for h in super().interviews(owner=owner, expired_before=expired_before)][
            place:
        ]:
            yield heads[0]
            place += 1


class BreaksWhenClosedAgain(MemoryStorage):
    closed = False

    async def aclose(self):
        if self.closed:
            raise RuntimeError("closed twice")
        self.closed = True


class Forgetful(MemoryStorage):
    """Each opened anew is empty."""


WRONG_IN_MEMORY = {
    TakesAnyVersion: "an_append_at_another_version_is_a_conflict",
    ForgetsWhatItErased: "an_erased_id_is_gone_for_good",
    ErasesEveryone: "erasing_removes_one_log_and_no_other",
    LetsACancelledAppendTakeEffectLater: "a_cancelled_append_leaves_nothing_or_all",
    GivesItsOwnList: "a_loaded_log_does_not_change",
    GivesTheLatestFirst: "entries_come_back_as_they_were_and_in_order",
    StopsAtANul: "hard_texts_come_back_as_they_were",
    MixesThoseThatWriteAtOnce: "many_interviews_at_once_keep_to_themselves",
    MakesWhatIsAskedFor: "a_log_that_never_was_is_gone",
    ReadsWhatItCannotKnow: "a_newer_format_is_refused_by_name",
    PutsAnEntryWhereItFits: "an_entry_under_another_version_is_refused",
    LooksBeforeItWrites: "one_of_six_writers_wins",
    KnowsAnIdWherever: "an_append_id_at_another_place_is_no_repeat",
    LosesAPlaceWithEachCancellation: "cancelled_calls_wear_nothing_out",
    WritesInTwoSteps: "a_reader_beside_a_writer_sees_a_clean_prefix",
    HasAHundredPlaces: "a_long_log_is_whole",
    KeepsWhatNobodyCanRead: "what_could_not_be_read_again_is_refused",
    MovesTheHeadFirst: "an_unfit_owner_leaves_a_log_as_it_was",
    TakesAnySize: "the_size_of_an_entry_is_limited",
    RemembersWhatNeverWas: "erasing_what_never_was_spoils_no_id",
    LetsABusyWriterGoOn: "erasing_wins_against_a_busy_writer",
    ForgetsToLookAgain: "an_id_erased_while_it_begins_again_stays_erased",
    ErasesBitByBit: "a_cancelled_erasure_leaves_all_or_nothing",
    TakesOwnersForBeginnings: "listing_can_be_of_one_owner",
    ListsByPlace: "a_listing_bears_erasing_what_it_lists",
    BreaksWhenClosedAgain: "closing_twice_is_as_closing_once",
    Forgetful: "everything_is_there_after_reopening",
}


def test_every_case_bites_on_a_storage_that_is_wrong_in_it():
    bitten = {*WRONG_IN_MEMORY.values(), *(case for *_, case in STATEMENTS.values())}
    assert bitten == set(StorageContract.cases())


@pytest.mark.parametrize(("wrong", "case"), WRONG_IN_MEMORY.items())
def test_a_wrong_storage_in_memory_is_found(wrong, case):
    async def create():
        return wrong()

    durable = wrong is Forgetful
    assert not bites(StorageContract(memory.create, durable=False), case)
    assert bites(StorageContract(create, durable=durable), case)


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
