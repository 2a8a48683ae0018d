"""How what is kept goes again: one interview when somebody says so, and whatever is past its time.

On any storage, with or without an engine on it. An interview is two logs, its own and its résumé's; the
storage's index goes with the log it lists.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Literal

from msgspec import MsgspecError, Struct

from .errors import AdapterError, Gone, InterviewError
from .events import Entry, Head
from .house import RESUME_SUFFIX, resume_log
from .interview import Interview
from .ports import Storage
from .states import State

__all__ = ["Due", "Receipt", "Removed", "due", "erase_interview", "every_interview"]

BEGINNING = 300.0
"""Seconds that a résumé may wait for its interview, which is stored after it: two appends, by servers whose
clocks differ."""


class Removed(Struct, frozen=True):
    """One log that is no more."""

    log: str
    """Its id."""
    kind: Literal["interview", "resume"]
    """``interview``: questions, answers, feedback; ``resume``: what the candidate brought."""
    entries: int | None
    """How many it had; None where they could not be read, which kept nothing from being erased."""


class Receipt(Struct, frozen=True):
    """What was removed of an interview, found gone by looking again. True when there was something.

    What was in its log is counted where the log could be read, which keeps nothing from being erased.
    """

    interview: str
    """Its id."""
    at: float
    """When, in seconds since the epoch."""
    removed: tuple[Removed, ...] = ()
    questions: int = 0
    answers: int = 0
    """Earlier attempts too."""
    feedback: bool = False

    def __bool__(self) -> bool:
        return bool(self.removed)


async def erase_interview(
    storage: Storage, interview_id: str, *, clock: Callable[[], float] = time.time
) -> Receipt:
    """Remove an interview for good: its log, its résumé's, and both from the index; what was removed.

    One that lives in an engine is erased by ``Engine.erase()``, which ends its session first. Raises
    AdapterError: then something may be left, and erasing again settles it.
    """
    # The résumé first: should we die between the two, a sweep finds no text without its interview.
    logs: tuple[tuple[str, Literal["interview", "resume"]], ...] = (
        (resume_log(interview_id), "resume"),
        (interview_id, "interview"),
    )
    removed: list[Removed] = []
    interview = Interview(id=interview_id)
    for log, kind in logs:
        entries = await _read(storage, log)
        if await storage.erase(log):
            removed.insert(0, Removed(log, kind, None if entries is None else len(entries)))
            interview = _replayed(interview_id, entries) if entries and kind == "interview" else interview
    for log, _ in logs:
        await _check_gone(storage, log)
    return Receipt(
        interview_id,
        clock(),
        tuple(removed),
        questions=len(interview.turns),
        answers=sum(1 + len(turn.attempts) for turn in interview.answered),
        feedback=interview.feedback is not None,
    )


async def every_interview(storage: Storage) -> list[str]:
    """The ids of all interviews of which anything is kept, be it a résumé alone. Raises AdapterError."""
    listings = (storage.interviews(), storage.interviews(expired_before=math.inf))
    return sorted({head.interview_id.removesuffix(RESUME_SUFFIX) for each in listings async for head in each})


async def _read(storage: Storage, log: str) -> Sequence[Entry] | None:
    try:
        return await storage.load(log)
    except Gone:
        return ()
    except (InterviewError, MsgspecError):
        return None  # a later release's, or damaged: it can be erased all the same


def _replayed(interview_id: str, entries: Sequence[Entry]) -> Interview:
    """What *entries* made, to count; an empty one where they make no interview."""
    with suppress(InterviewError):
        return Interview.replay(interview_id, entries)
    return Interview(id=interview_id)


async def _check_gone(storage: Storage, log: str) -> None:
    try:
        await storage.load(log)
    except Gone:
        return
    raise AdapterError(
        "storage", "storage_unavailable", "the storage still has what it was told to erase", retryable=True
    )


class Due(Struct, frozen=True):
    """A log that has no business being kept."""

    log: str
    """Its id."""
    reason: Literal["expired", "interview_stopped", "interview_missing"]
    """Past its time; or a résumé whose interview has stopped, or is not there five minutes later."""


async def due(
    storage: Storage,
    now: float,
    *,
    retention: float = math.inf,
    resume: float = math.inf,
    living: Callable[[str], Interview | None] | None = None,
) -> AsyncIterator[Due]:
    """The logs that are to be erased at *now*, seconds since the epoch. Raises AdapterError.

    A log goes at the time that was promised when it was last appended to, or sooner: an interview that has
    lain for *retention* seconds, a résumé for *resume*. *living* gives the interview of a session that is
    going on here: that one stays.
    """
    living = living or _nobody
    # All of them first: a listing may be read in pages, and who erases meanwhile waits for nobody.
    for head in [head async for head in storage.interviews(expired_before=math.inf)]:
        log = head.interview_id
        if living(log) is not None:  # one that lives has not been given up
            continue
        is_resume = log.endswith(RESUME_SUFFIX)
        if _end(head, resume if is_resume else retention) < now:
            yield Due(log, "expired")
        elif is_resume and (reason := await _is_orphan(storage, head, now, living)):
            yield Due(log, reason)


def _nobody(_: str) -> None:
    return None


def _end(head: Head, age: float) -> float:
    promised = math.inf if head.expires_at is None else head.expires_at
    return min(promised, head.updated_at + age)


async def _is_orphan(
    storage: Storage, resume: Head, now: float, living: Callable[[str], Interview | None]
) -> Literal["interview_stopped", "interview_missing"] | None:
    interview_id = resume.interview_id.removesuffix(RESUME_SUFFIX)
    interview = living(interview_id)
    if interview is None:
        try:
            interview = Interview.replay(interview_id, await storage.load(interview_id))
        except Gone:
            return "interview_missing" if resume.updated_at + BEGINNING < now else None
        except (InterviewError, MsgspecError):
            return None  # not ours to judge
    return "interview_stopped" if interview.state is State.STOPPED else None
