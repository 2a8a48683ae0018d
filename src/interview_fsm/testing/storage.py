"""What every Storage must do, as cases that any adapter can be held to.

::

    contract = StorageContract(open_mine)          # an async function that opens the storage

    @pytest.mark.parametrize("case", StorageContract.cases())
    def test_my_storage(case):
        contract.check(case)

Each case makes logs of its own under fresh ids and minds no others, so a storage that is shared, or has
been used before, will do.
"""

from __future__ import annotations

import asyncio
import inspect
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from ..errors import Conflict, Gone, NewerFormat
from ..events import (
    FORMAT,
    MAX_ENTRY,
    Analyze,
    AnswerFeedback,
    AnswerRecorded,
    Attached,
    Criterion,
    Entry,
    Event,
    Evidence,
    Feedback,
    FeedbackGiven,
    FollowUpWanted,
    Head,
    Material,
    Observation,
    Plan,
    Provenance,
    Question,
    QuestionAsked,
    Quote,
    Slot,
    StartInterview,
    StopInterview,
    SubmitAnswer,
    Transcript,
    Warning,
    encode,
)
from ..ports import Storage

RICH: tuple[tuple[Event | Material, ...], ...] = (
    (Attached("ab" * 32, "host-7"),),
    (
        StartInterview(
            Plan(
                4,
                (Slot("ownership", "role", "mid", "behavioural", "e1", "Why?"),),
                (Criterion("depth"),),
                "de",
            )
        ),
    ),
    (
        QuestionAsked(
            Question(
                1,
                "What did you do at Müller & Söhne?",
                Slot("ownership"),
                Evidence("e1", "role", "Müller", 3, 9, "Müller & Söhne", "Bäcker"),
                None,
                "senior",
                Provenance("coach", "", "3", ("anthropic",)),
            )
        ),
    ),
    (AnswerRecorded(1, Transcript("I led it.", "sphinx", 0.25, 3.5)), FollowUpWanted(1, "numbers")),
    (Analyze(),),
    (
        FeedbackGiven(
            Feedback(
                (
                    AnswerFeedback(
                        1, 1, (Observation("there", "own_action", "You led.", Quote(0, 5, "I led")),)
                    ),
                ),
                "Well told.",
                ("Numbers.",),
                "Rules, not a model.",
            )
        ),
    ),
    (StopInterview(),),
    (Material("résumé", "job", "cd" * 32, 2, (Warning("scan", "page 2 is a picture", 2),)),),
)
"""Entries with something in every corner, one after another."""

HARD: tuple[str, ...] = (
    "\0 in \x00 the middle\0",
    "👩🏽‍🚀 מראיין 面接 \u202e \u2028 \ufeff \U0010ffff",
    "'; DROP TABLE log; -- \" \\ \\u0000 null NaN",
    "\r\n\t\x1b[31m\x7f",
    "é" * 400_000,
)
"""Answers that have broken a storage somewhere."""


TURNS: tuple[int, ...] = (*range(13), 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
"""Turns of the event loop after which a call is cut short: at once, on the way, when it has just ended."""


def entry(version: int, text: str = "An answer.", *, append_id: str = "", at: float = 1.5) -> Entry:
    """A small entry."""
    return Entry(version, append_id or f"c{version}-{secrets.token_hex(4)}", at, (SubmitAnswer(1, text),))


def fresh() -> str:
    """An interview id that was never used."""
    return secrets.token_urlsafe(16)


class StorageContract:
    """The promises of the Storage port, each a case. A case fails with AssertionError.

    *open_storage* opens the storage; of a *durable* one every call opens the same logs again.
    """

    def __init__(self, open_storage: Callable[[], Awaitable[Storage]], *, durable: bool = True) -> None:
        self._open = open_storage
        self.durable = durable

    @classmethod
    def cases(cls) -> list[str]:
        """The names of the cases, which are their sentences."""
        named = inspect.getmembers(cls, inspect.iscoroutinefunction)
        return [name for name, _ in named if not name.startswith("_")]

    def check(self, case: str, runner: asyncio.Runner | None = None) -> None:
        """Run one case on an event loop of its own, or on *runner*'s. Tasks it leaves behind are failures.

        For a storage whose library has one event loop for good, give every case the same *runner*.
        """
        if runner is not None:
            runner.run(self._run(case))
        else:
            asyncio.run(self._run(case))

    async def _run(self, case: str) -> None:
        before = asyncio.all_tasks()
        storage = await self._open()
        try:
            await getattr(self, case)(storage)
        finally:
            await storage.aclose()
        left = asyncio.all_tasks() - before
        assert not left, left

    # --------------------------------------------------------------------------- append and load

    async def entries_come_back_as_they_were_and_in_order(self, storage: Storage) -> None:
        """Whatever an entry holds."""
        interview_id = fresh()
        told = [Entry(n, f"~{n}", n / 3, events) for n, events in enumerate(RICH, 1)]
        for one in told:
            await storage.append(interview_id, one.version - 1, one)
        assert await storage.load(interview_id) == told

    async def hard_texts_come_back_as_they_were(self, storage: Storage) -> None:
        """NUL, emoji, quotes, 800 kB."""
        interview_id = fresh()
        told = [entry(n, text, append_id=text[:40]) for n, text in enumerate(HARD, 1)]
        for one in told:
            await storage.append(interview_id, one.version - 1, one, owner=f"o{one.append_id}")
        assert await storage.load(interview_id) == told
        assert (await _head(storage, interview_id)).owner == f"o{told[-1].append_id}"

    async def loading_after_a_version_gives_the_rest(self, storage: Storage) -> None:
        """And nothing past the end."""
        interview_id, told = fresh(), [entry(n) for n in range(1, 6)]
        await _tell(storage, interview_id, told)
        for after in range(8):
            assert await storage.load(interview_id, after) == told[after:]
        assert await storage.load(interview_id, after=3) == told[3:]

    async def a_loaded_log_does_not_change(self, storage: Storage) -> None:
        """Neither by later appends nor by what the reader does with the list."""
        interview_id, told = fresh(), [entry(1), entry(2)]
        await _tell(storage, interview_id, told[:1])
        first = await storage.load(interview_id)
        await storage.append(interview_id, 1, told[1])
        second = await storage.load(interview_id)
        assert (first, second) == (told[:1], told)
        second.clear()
        assert await storage.load(interview_id) == told

    async def many_interviews_at_once_keep_to_themselves(self, storage: Storage) -> None:
        """64 writers, five entries each."""
        logs = {fresh(): [entry(n, secrets.token_hex(30)) for n in range(1, 6)] for _ in range(64)}
        await asyncio.gather(*(_tell(storage, interview_id, told) for interview_id, told in logs.items()))
        for interview_id, told in logs.items():
            assert await storage.load(interview_id) == told

    async def a_log_that_never_was_is_gone(self, storage: Storage) -> None:
        """And asking for it does not make one."""
        interview_id = fresh()
        for _ in range(2):
            await _refused(Gone, storage.load(interview_id))
            await _refused(Gone, storage.append(interview_id, 1, entry(2)))
        await _tell(storage, interview_id, [entry(1)])

    async def a_newer_format_is_refused_by_name(self, storage: Storage) -> None:
        """The log stays as it is for the release that can read it."""
        interview_id = fresh()
        newer = Entry(2, "~2", 1.5, (SubmitAnswer(1, "x"),), format=FORMAT + 1)
        await _tell(storage, interview_id, [entry(1), newer])
        await _refused(NewerFormat, storage.load(interview_id))
        assert (await _head(storage, interview_id)).version == 2

    # ------------------------------------------------------------------------ one writer at a time

    async def an_append_at_another_version_is_a_conflict(self, storage: Storage) -> None:
        """Behind or ahead: nothing is written, and there is never a gap."""
        interview_id, told = fresh(), [entry(1), entry(2), entry(3)]
        await _tell(storage, interview_id, told)
        before = await _head(storage, interview_id)
        for expected in (0, 1, 2, 4, 5, 100, 2**62):
            late = entry(expected + 1, at=99.0)
            await _refused(Conflict, storage.append(interview_id, expected, late, owner="x", expires_at=9.0))
        assert await storage.load(interview_id) == told
        assert await _head(storage, interview_id) == before

    async def an_entry_under_another_version_is_refused(self, storage: Storage) -> None:
        """The version it bears is the one that it gets."""
        interview_id = fresh()
        for expected, version in ((0, 2), (0, 0), (1, 1), (-1, 0)):
            try:
                await storage.append(interview_id, expected, entry(version))
            except (ValueError, Gone):
                continue
            raise AssertionError(f"version {version} was taken after {expected}")
        await _refused(Gone, storage.load(interview_id))

    async def one_of_six_writers_wins(self, storage: Storage) -> None:
        """At the beginning of a log, and later."""
        interview_id = fresh()
        for version in (1, 2, 3):
            rivals = [entry(version, f"rival {n}") for n in range(6)]
            appends = (storage.append(interview_id, version - 1, rival) for rival in rivals)
            outcomes = await asyncio.gather(*appends, return_exceptions=True)
            won = [rival for rival, outcome in zip(rivals, outcomes, strict=True) if outcome is None]
            assert len(won) == 1, outcomes
            assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 5, outcomes
            assert await storage.load(interview_id, version - 1) == won

    async def a_repeated_append_is_a_success_and_writes_nothing(self, storage: Storage) -> None:
        """At once, and after the log has moved on."""
        interview_id, told = fresh(), [entry(1), entry(2), entry(3)]
        for one in told:
            await storage.append(interview_id, one.version - 1, one, owner="o", expires_at=5.0)
            await storage.append(interview_id, one.version - 1, one, owner="o", expires_at=5.0)
        before = await _head(storage, interview_id)
        for one in told:
            await storage.append(interview_id, one.version - 1, one, owner="x", expires_at=7.0)
        assert await storage.load(interview_id) == told
        assert await _head(storage, interview_id) == before

    async def an_append_id_at_another_place_is_no_repeat(self, storage: Storage) -> None:
        """Nor is another append id at the same place."""
        interview_id, told = fresh(), [entry(1), entry(2)]
        await _tell(storage, interview_id, told)
        await _refused(Conflict, storage.append(interview_id, 0, entry(1, append_id=told[1].append_id)))
        await _refused(Conflict, storage.append(interview_id, 1, entry(2, append_id=told[0].append_id)))
        again = entry(3, append_id=told[0].append_id)
        await storage.append(interview_id, 2, again)
        assert await storage.load(interview_id) == [*told, again]

    async def a_cancelled_append_leaves_nothing_or_all(self, storage: Storage) -> None:
        """Whenever it is cancelled; repeating it with its id settles the matter."""
        interview_id, told = fresh(), [entry(version) for version in range(1, len(TURNS) + 1)]
        for turns, one in zip(TURNS, told, strict=True):
            before = told[: one.version - 1]
            await _cut_short(turns, storage.append(interview_id, one.version - 1, one))
            if before:
                assert await storage.load(interview_id) in (before, [*before, one])
            await storage.append(interview_id, one.version - 1, one)
            assert await storage.load(interview_id) == [*before, one]

    async def cancelled_calls_wear_nothing_out(self, storage: Storage) -> None:
        """However many there were, each at another moment: what is asked afterwards is done."""
        ids = [fresh() for _ in range(16)]
        for turns in TURNS:
            appends = (_cut_short(turns + n, storage.append(i, 0, entry(1))) for n, i in enumerate(ids))
            await asyncio.gather(*appends)
            await asyncio.gather(*(_cut_short(turns, storage.load(interview_id)) for interview_id in ids))
        logs = {fresh(): [entry(1), entry(2)] for _ in range(32)}
        await asyncio.gather(*(_tell(storage, interview_id, told) for interview_id, told in logs.items()))
        for interview_id, told in logs.items():
            assert await storage.load(interview_id) == told

    async def a_reader_beside_a_writer_sees_a_clean_prefix(self, storage: Storage) -> None:
        """At whatever moment it reads, and never less than before."""
        interview_id, told = fresh(), [entry(version) for version in range(1, 41)]
        await _tell(storage, interview_id, told[:1])
        writer = asyncio.ensure_future(_tell(storage, interview_id, told, after=1))
        seen = 1
        while not writer.done():
            log = await storage.load(interview_id)
            assert log == told[: len(log)]
            assert len(log) >= seen
            seen = len(log)
            await asyncio.sleep(0)
        await writer
        assert await storage.load(interview_id) == told

    async def a_long_log_is_whole(self, storage: Storage) -> None:
        """Longer than any interview."""
        interview_id, told = fresh(), [entry(version) for version in range(1, 251)]
        await _tell(storage, interview_id, told)
        assert await storage.load(interview_id) == told
        assert await storage.load(interview_id, 249) == told[249:]
        assert (await _head(storage, interview_id)).version == 250

    # ------------------------------------------------------------------------------ what is refused

    async def what_could_not_be_read_again_is_refused(self, storage: Storage) -> None:
        """Half a surrogate pair, no number; the neighbours at that moment do not suffer."""
        half = "\ud83d"
        unfit: list[tuple[str, Entry, str | None]] = [
            (fresh(), entry(1, f"so {half}"), None),
            (fresh(), entry(1, append_id=half), None),
            (fresh(), entry(1), f"owner {half}"),
            (f"{fresh()}{half}", entry(1), None),
            (fresh(), entry(1, at=float("nan")), None),
        ]
        good = [fresh() for _ in range(4)]
        bad = [storage.append(i, 0, one, owner=owner) for i, one, owner in unfit]
        fine = [storage.append(interview_id, 0, entry(1)) for interview_id in good]
        outcomes = await asyncio.gather(*bad, *fine, return_exceptions=True)
        assert all(isinstance(outcome, ValueError) for outcome in outcomes[: len(bad)]), outcomes
        assert outcomes[len(bad) :] == [None] * len(fine)
        for interview_id, _, _ in unfit[:3]:
            await _refused(Gone, storage.load(interview_id))

    async def an_unfit_owner_leaves_a_log_as_it_was(self, storage: Storage) -> None:
        """Nothing of that append is kept, and the log goes on."""
        interview_id, told = fresh(), [entry(1), entry(2)]
        await _tell(storage, interview_id, told[:1])
        await _refused(ValueError, storage.append(interview_id, 1, entry(2), owner="\udc00"))
        assert await storage.load(interview_id) == told[:1]
        await storage.append(interview_id, 1, told[1])
        assert await storage.load(interview_id) == told

    async def the_size_of_an_entry_is_limited(self, storage: Storage) -> None:
        """To MAX_ENTRY bytes as JSON, to the byte, in all storages alike."""
        interview_id = fresh()
        room = MAX_ENTRY - len(encode(entry(1, "", append_id="c")))
        full = entry(1, "x" * room, append_id="c")
        await _refused(ValueError, storage.append(interview_id, 0, entry(1, "x" * (room + 1), append_id="c")))
        await _refused(
            ValueError, storage.append(interview_id, 0, entry(1, "\0" * (room // 5), append_id="c"))
        )
        await _refused(Gone, storage.load(interview_id))
        await storage.append(interview_id, 0, full)
        assert await storage.load(interview_id) == [full]

    # ------------------------------------------------------------------------------------- erasing

    async def erasing_removes_one_log_and_no_other(self, storage: Storage) -> None:
        """Not its résumé's log either, nor one whose id begins alike."""
        interview_id = fresh()
        others = [
            fresh(),
            f"{interview_id}.resume",
            f"{interview_id}x",
            interview_id[:-1],
            interview_id.swapcase(),
        ]
        logs = {other: [entry(1), entry(2)] for other in others}
        for other, told in logs.items():
            await _tell(storage, other, told)
        await _tell(storage, interview_id, [entry(1), entry(2)])
        assert await storage.erase(interview_id) is True
        assert await storage.erase(interview_id) is False
        for other, told in logs.items():
            assert await storage.load(other) == told
        listed = {head.interview_id for head in await _heads(storage)}
        assert interview_id not in listed
        assert others[0] in listed

    async def an_erased_id_is_gone_for_good(self, storage: Storage) -> None:
        """No append revives it: not the next one, not a repeat, not a new beginning."""
        interview_id, told = fresh(), [entry(1), entry(2)]
        await _tell(storage, interview_id, told)
        await storage.erase(interview_id)
        for late in (entry(3), told[0], told[1], entry(1), entry(2)):
            await _refused(Gone, storage.append(interview_id, late.version - 1, late))
        await _refused(Gone, storage.load(interview_id))
        assert await storage.erase(interview_id) is False

    async def erasing_what_never_was_spoils_no_id(self, storage: Storage) -> None:
        """It says that there was nothing."""
        interview_id = fresh()
        assert await storage.erase(interview_id) is False
        await _tell(storage, interview_id, [entry(1)])

    async def erasing_wins_against_a_busy_writer(self, storage: Storage) -> None:
        """The writer learns of it at its next append, and leaves nothing behind."""
        interview_id, neighbour = fresh(), fresh()
        begun = asyncio.Event()

        async def write() -> None:
            for version in range(1, 10_000):
                await storage.append(interview_id, version - 1, entry(version))
                if version == 5:
                    begun.set()
                await asyncio.sleep(0)

        writer = asyncio.ensure_future(write())
        await _tell(storage, neighbour, [entry(1)])
        await begun.wait()
        assert await storage.erase(interview_id) is True
        await _refused(Gone, writer)
        await _refused(Gone, storage.load(interview_id))
        assert len(await storage.load(neighbour)) == 1

    async def an_id_erased_while_it_begins_again_stays_erased(self, storage: Storage) -> None:
        """A writer that repeats its first append, unheard, at that very moment revives nothing."""
        for turns in range(20):
            interview_id, first = fresh(), entry(1)
            await storage.append(interview_id, 0, first)
            appends = [asyncio.ensure_future(storage.append(interview_id, 0, first)) for _ in range(3)]
            for _ in range(turns):
                await asyncio.sleep(0)
            assert await storage.erase(interview_id) is True
            for outcome in await asyncio.gather(*appends, return_exceptions=True):
                assert outcome is None or isinstance(outcome, Gone), outcome
            await _refused(Gone, storage.load(interview_id))
            await _refused(Gone, storage.append(interview_id, 0, first))

    async def a_cancelled_erasure_leaves_all_or_nothing(self, storage: Storage) -> None:
        """Whenever it is cancelled; repeating it settles the matter."""
        for turns in TURNS:
            interview_id, told = fresh(), [entry(1), entry(2)]
            await _tell(storage, interview_id, told)
            await _cut_short(turns, storage.erase(interview_id))
            with suppress(Gone):
                assert await storage.load(interview_id) == told
            await storage.erase(interview_id)
            await _refused(Gone, storage.load(interview_id))
            await _refused(Gone, storage.append(interview_id, 2, entry(3)))

    # ------------------------------------------------------------------------------------- listing

    async def a_head_says_what_was_appended_last(self, storage: Storage) -> None:
        """The owner is kept until another is given; the expiry is that of the last append."""
        interview_id = fresh()
        await storage.append(interview_id, 0, entry(1, at=1.0), owner="ada", expires_at=10.0)
        assert await _head(storage, interview_id) == Head(interview_id, 1, 1.0, 10.0, "ada")
        await storage.append(interview_id, 1, entry(2, at=2.0))
        assert await _head(storage, interview_id) == Head(interview_id, 2, 2.0, None, "ada")
        await storage.append(interview_id, 2, entry(3, at=0.5), owner="bob", expires_at=7.25)
        assert await _head(storage, interview_id) == Head(interview_id, 3, 0.5, 7.25, "bob")

    async def listing_can_be_of_one_owner(self, storage: Storage) -> None:
        """Exactly that one's, by id."""
        ada, bob = secrets.token_hex(4), secrets.token_hex(4)
        ids = sorted(fresh() for _ in range(6))
        owners = (ada, bob, ada, None, ada.upper() + "x", ada)
        for interview_id, owner in zip(ids, owners, strict=True):
            await storage.append(interview_id, 0, entry(1), owner=owner)
        assert [head.interview_id for head in await _heads(storage, owner=ada)] == [ids[0], ids[2], ids[5]]
        assert await _heads(storage, owner=secrets.token_hex(4)) == []

    async def listing_can_be_of_what_has_expired(self, storage: Storage) -> None:
        """Before a time, that time not included; what has no expiry never does."""
        owner, ids = secrets.token_hex(4), sorted(fresh() for _ in range(4))
        for interview_id, expires_at in zip(ids, (10.0, 20.0, None, 19.5), strict=True):
            await storage.append(interview_id, 0, entry(1), owner=owner, expires_at=expires_at)
        expired = {
            time: await _heads(storage, owner=owner, expired_before=time) for time in (10.0, 20.0, 21.0)
        }
        found = {time: [head.interview_id for head in heads] for time, heads in expired.items()}
        assert found == {10.0: [], 20.0: [ids[0], ids[3]], 21.0: [ids[0], ids[1], ids[3]]}

    async def the_logs_of_resumes_are_listed_only_when_they_expired(self, storage: Storage) -> None:
        """A listing is of interviews; the sweep must find all."""
        owner, interview_id = secrets.token_hex(4), fresh()
        await storage.append(interview_id, 0, entry(1), owner=owner, expires_at=30.0)
        await storage.append(f"{interview_id}.resume", 0, entry(1), owner=owner, expires_at=10.0)
        assert [head.interview_id for head in await _heads(storage, owner=owner)] == [interview_id]
        expired = await _heads(storage, owner=owner, expired_before=20.0)
        assert [head.interview_id for head in expired] == [f"{interview_id}.resume"]
        expired = await _heads(storage, owner=owner, expired_before=40.0)
        assert [head.interview_id for head in expired] == [interview_id, f"{interview_id}.resume"]

    async def a_long_listing_is_whole_and_in_order(self, storage: Storage) -> None:
        """More than a page of it, each log once; also where ids that begin alike meet the end of a page."""
        owner, tails = secrets.token_hex(4), ("", "-", ".resume")
        ids = sorted(
            f"{interview_id}{tail}" for interview_id in (fresh() for _ in range(343)) for tail in tails
        )
        appends = (storage.append(i, 0, entry(1), owner=owner, expires_at=1.0) for i in ids)
        await asyncio.gather(*appends)
        expired = await _heads(storage, owner=owner, expired_before=2.0)
        assert [head.interview_id for head in expired] == ids
        listed = await _heads(storage, owner=owner)
        assert [head.interview_id for head in listed] == [i for i in ids if not i.endswith(".resume")]

    async def a_listing_bears_erasing_what_it_lists(self, storage: Storage) -> None:
        """Which is how expired logs are swept."""
        owner, ids = secrets.token_hex(4), sorted(fresh() for _ in range(12))
        for interview_id in ids:
            await storage.append(interview_id, 0, entry(1), owner=owner, expires_at=1.0)
        swept = []
        async for head in storage.interviews(owner=owner, expired_before=2.0):
            assert await storage.erase(head.interview_id)
            swept.append(head.interview_id)
        assert swept == ids
        assert await _heads(storage, owner=owner) == []

    # ------------------------------------------------------------------------------------- closing

    async def closing_twice_is_as_closing_once(self, storage: Storage) -> None:
        """And what is under way at that moment is done or refused, not left hanging."""
        interview_id = fresh()
        appends = [asyncio.ensure_future(storage.append(interview_id, 0, entry(1))) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.gather(storage.aclose(), storage.aclose())
        await storage.aclose()
        done, hanging = await asyncio.wait(appends, timeout=30)
        assert not hanging
        for append in done:
            append.exception()

    async def everything_is_there_after_reopening(self, storage: Storage) -> None:
        """Of a durable storage: logs, heads, which append was which, and which ids were used."""
        if not self.durable:
            return
        kept, erased, told = fresh(), fresh(), [entry(1), entry(2, HARD[1])]
        for one in told:
            await storage.append(kept, one.version - 1, one, owner="ada", expires_at=4e9)
            await storage.append(erased, one.version - 1, one)
        await storage.erase(erased)
        head = await _head(storage, kept)
        await storage.aclose()
        again = await self._open()
        try:
            assert await again.load(kept) == told
            assert await _head(again, kept) == head
            await again.append(kept, 1, told[1])
            await _refused(Conflict, again.append(kept, 1, entry(2)))
            await _refused(Gone, again.load(erased))
            await _refused(Gone, again.append(erased, 0, entry(1)))
            await again.append(kept, 2, entry(3))
        finally:
            await again.aclose()


async def _tell(storage: Storage, interview_id: str, told: Sequence[Entry], after: int = 0) -> None:
    for one in told[after:]:
        await storage.append(interview_id, one.version - 1, one)


async def _cut_short(turns: int, call: Awaitable[object]) -> None:
    """Begin *call*, cancel it after so many turns of the event loop, and wait until it has ended."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # has been seen


async def _heads(
    storage: Storage, *, owner: str | None = None, expired_before: float | None = None
) -> list[Head]:
    return [head async for head in storage.interviews(owner=owner, expired_before=expired_before)]


async def _head(storage: Storage, interview_id: str) -> Head:
    (head,) = [head for head in await _heads(storage) if head.interview_id == interview_id]
    return head


async def _refused(error: type[Exception], call: Awaitable[object]) -> None:
    try:
        outcome = await call
    except error:
        return
    raise AssertionError(f"expected {error.__name__}, but it returned {outcome!r}")
