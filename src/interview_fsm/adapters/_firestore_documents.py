"""What the Firestore storage keeps, as documents: names, fields, and what goes into them. No calls.

::

    interviews/{id}                        the head: version, owner, times, outline
    interviews/{id}/entries/{0000000007}   one for each entry, named after its version

The names stand in ``deploy/firestore`` too, for rules, deletion by age, and indexes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ..errors import Gone, InterviewError
from ..events import Entry, Head, decode
from ..interview import Interview, Open
from ..states import State

LOGS = "interviews"
ENTRIES = "entries"

VERSION = "version"
UPDATED_AT = "updated_at"
EXPIRES_AT = "expires_at"
OWNER = "owner"
KIND = "kind"
OUTLINE = "outline"
ENTRIES_EXPIRE_AT = "entries_expire_at"
ERASED_AT = "erased_at"
HEAD = (VERSION, UPDATED_AT, EXPIRES_AT, OWNER, KIND, OUTLINE, ENTRIES_EXPIRE_AT, ERASED_AT)
"""The fields of a head. Of an erased log there are ``version``, 0, and ``erased_at``: its id is used up."""

APPEND_ID = "append_id"
BODY = "body"
ENTRY = (APPEND_ID, BODY, EXPIRES_AT)
"""The fields of an entry; ``body`` is all of it, as JSON."""

INTERVIEW, RESUME = "interview", "resume"
"""Kinds of logs. A listing asks for the first: what is erased has none."""

LONGEST_ID = 1_500
"""Bytes of a document's name; Firestore's limit."""
LONGEST_TEXT = 10_000
"""Characters of each text in an outline, for a head must stay below 1 MiB."""
SLACK = timedelta(days=1)
"""Entries expire later than their head, by once to twice this: a log is never without its beginning."""

_RESERVED = re.compile(r"\.\.?|__.*__", re.DOTALL)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)


def fits(interview_id: str) -> bool:
    """Whether Firestore can name a document so; every id that is made here can be."""
    try:
        size = len(interview_id.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= LONGEST_ID and "/" not in interview_id and not _RESERVED.fullmatch(interview_id)


def entry_name(version: int) -> str:
    """Of an entry's document: sorts as versions do."""
    return f"{version:010d}"


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as Firestore has them, to the microsecond. ValueError where it has none."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(f"{seconds} is no time that Firestore knows") from error


def moment_before(seconds: float) -> datetime:
    """The same to compare with: what is out of reach is as far as one can go."""
    return moment(seconds) if seconds < _LATEST.timestamp() else _LATEST


class Standing(Struct, frozen=True):
    """A log as this storage knows it after an append or a read; the next append begins here."""

    version: int = 0
    seen: Any = None
    """When Firestore last wrote the head: the next append's condition."""
    entries_expire_at: datetime | None = None
    interview: Interview | None = None
    """What the log makes; None for a résumé's, and where its events make no interview."""

    def following(self, entry: Entry, expires_at: datetime | None) -> Standing:
        """The log with *entry*, all but when Firestore will have written it."""
        return replace(
            self,
            version=entry.version,
            entries_expire_at=entries_expiry(self.entries_expire_at, expires_at),
            interview=following(self.interview, [entry]),
        )


def following(interview: Interview | None, entries: Sequence[Entry]) -> Interview | None:
    """*interview* once *entries* have happened; None where they do not fit it."""
    try:
        for entry in entries:
            interview = interview and interview.following(entry.story)
    except InterviewError:
        return None
    return interview


def entries_expiry(kept: datetime | None, head: datetime | None) -> datetime | None:
    """When all entries of a log expire, now that its head does at *head*; as *kept* while that will do.

    One time for all: with each entry's own, the beginning of a long interview would go while it lives.
    """
    if head is None or head > _LATEST - 2 * SLACK:
        return None
    if kept is not None and head + SLACK <= kept <= head + 2 * SLACK:
        return kept
    return head + 2 * SLACK


def begun(interview_id: str) -> Standing:
    """A log before its first entry."""
    return Standing(interview=None if kind(interview_id) == RESUME else Interview(id=interview_id))


def kind(interview_id: str) -> str:
    """Of the log with this id."""
    return RESUME if interview_id.endswith(".resume") else INTERVIEW


def head_fields(
    standing: Standing, at: float, *, owner: str | None, expires_at: datetime | None, texts: bool
) -> dict[str, Any]:
    """What an append writes into a head. The owner that is there stays where None is given."""
    fields = {
        VERSION: standing.version,
        UPDATED_AT: at,
        EXPIRES_AT: expires_at,
        ENTRIES_EXPIRE_AT: standing.entries_expire_at,
        OUTLINE: standing.interview and outline(standing.interview, texts=texts),
    }
    return fields if owner is None else fields | {OWNER: owner}


def outline(interview: Interview, *, texts: bool) -> dict[str, Any]:
    """What a front end may listen to; what anybody said is in it with *texts* alone."""
    opened = interview.question.question if isinstance(interview.question, Open) else 0
    told: dict[str, Any] = {
        "state": interview.state.value,
        "question": opened,
        "asked": len(interview.turns),
        "answered": sum(turn.answer is not None for turn in interview.turns),
        "skipped": sum(turn.skipped for turn in interview.turns),
        "planned": interview.plan.count,
        "has_feedback": interview.feedback is not None,
    }
    return told | _texts(interview) if texts else told


def _texts(interview: Interview) -> dict[str, str]:
    turn = interview.turns[-1] if interview.turns else None
    said = {
        "question_text": turn.question.text if turn else "",
        "answer_text": turn.answer.text if turn and turn.answer else "",
        "summary": interview.feedback.summary if interview.feedback else "",
    }
    return {name: text[:LONGEST_TEXT] for name, text in said.items()}


def is_over(standing: Standing) -> bool:
    """Whether nothing more is to be expected in this log."""
    return standing.interview is not None and standing.interview.state is State.STOPPED


def head_of(interview_id: str, fields: dict[str, Any]) -> Head:
    """The head that a document's *fields* say."""
    expires_at = fields.get(EXPIRES_AT)
    return Head(
        interview_id,
        fields[VERSION],
        fields[UPDATED_AT],
        None if expires_at is None else expires_at.timestamp(),
        fields.get(OWNER),
    )


def live(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    """The head in *fields*; None where there is none, and where its log was erased."""
    return None if fields is None or ERASED_AT in fields else fields


def entries_of(interview_id: str, after: int, found: Sequence[tuple[str, str]]) -> list[Entry]:
    """The entries in documents (name, body), which must go on after a version without a gap.

    Raises NewerFormat, and Gone where some are missing: they have expired, and the rest is about to go.
    """
    if [name for name, _ in found] != [entry_name(after + n) for n in range(1, len(found) + 1)]:
        raise Gone(interview_id)
    return [decode(body, interview_id) for _, body in found]
