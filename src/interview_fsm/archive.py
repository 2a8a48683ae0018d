"""Everything about one interview in one JSON document, and whether it still is that interview.

An export has each entry of the log beside a digest of the interview that it led to. A replay folds the log
anew and compares: so a change of this program, or of the file, that would make another interview of the
same events is told, with the entry where it begins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from .errors import Gone, InterviewError, InvalidCommand, NewerFormat, SettingError
from .events import Entry, Event
from .house import resume_log
from .interview import Interview
from .placeholders import INTERVIEW_ID, redact_log
from .ports import Storage
from .states import State

__all__ = [
    "Export",
    "Kept",
    "Step",
    "digest",
    "export_interview",
    "exported",
    "read_export",
    "redacted_export",
    "replay",
    "write_export",
]

VERSION = 1
"""Of the document. Fields may be added; none is taken away or changes its meaning."""


class Kept(Struct, frozen=True):
    """One entry of the log, and the interview that it led to."""

    entry: Entry
    state: State
    digest: str
    """See ``digest()``."""


class Export(Struct, frozen=True, tag_field="format", tag="interview_fsm.export", kw_only=True):
    """One interview, whole."""

    version: int = VERSION
    interview: str
    """Its id."""
    exported_by: str
    """This package's version, for whoever reads a bug report."""
    redacted: bool = False
    """Whether every text was replaced by a placeholder of its shape."""
    log: tuple[Kept, ...]
    resume: tuple[Entry, ...] = ()
    """What the candidate brought, while it is kept."""


_decoder = msgspec.json.Decoder(Export)


def digest(interview: Interview) -> str:
    """SHA-256, in hex, over all that an interview is: every field that has not its default, canonically.

    Defaults are left out, so that a field that a later release adds does not make every interview another.
    """
    return hashlib.sha256(msgspec.json.encode(_essence(interview), order="sorted")).hexdigest()


def _essence(value: object) -> object:
    if isinstance(value, Struct):
        said = {
            field.name: _essence(now)
            for field in msgspec.structs.fields(value)
            if (now := getattr(value, field.name)) != _default(field)
        }
        return {"": type(value).__name__, **said}
    if isinstance(value, tuple):
        return [_essence(each) for each in value]
    return value


def _default(field: msgspec.structs.FieldInfo) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


# --------------------------------------------------------------------------------------- exporting


async def export_interview(storage: Storage, interview_id: str) -> Export:
    """Everything that *storage* keeps about one interview. Raises Gone, NewerFormat, AdapterError, and
    InvalidCommand for a log that is none.
    """
    entries = await storage.load(interview_id)
    try:
        resume = await storage.load(resume_log(interview_id))
    except Gone:
        resume = []
    return exported(interview_id, entries, resume)


def exported(
    interview_id: str, entries: Sequence[Entry], resume: Sequence[Entry] = (), *, redacted: bool = False
) -> Export:
    """The document of these entries."""
    from . import __version__

    interview, log = Interview(id=interview_id), []
    for entry in entries:
        interview = interview.following(entry.story)
        interview.version = entry.version
        log.append(Kept(entry, interview.state, digest(interview)))
    return Export(
        interview=interview_id,
        exported_by=__version__,
        redacted=redacted,
        log=tuple(log),
        resume=tuple(resume),
    )


def redacted_export(export: Export) -> Export:
    """*export* without what anybody said: texts become placeholders of their shape, the résumé goes.

    It replays to the same states, which is checked. Raises InvalidCommand for a log that is none.
    """
    log = redact_log([kept.entry for kept in export.log])
    redacted = exported(INTERVIEW_ID, log, redacted=True)
    for was, now in zip(export.log, redacted.log, strict=True):
        if was.state is not now.state:
            raise InterviewError(f"without its texts, version {was.entry.version} leads to {now.state}")
    return redacted


def write_export(export: Export) -> bytes:
    """*export* as JSON for people and programs, ending in a line end."""
    return msgspec.json.format(msgspec.json.encode(export), indent=1) + b"\n"


class _Envelope(Struct):
    format: str = ""
    version: int = 0


def read_export(document: bytes) -> Export:
    """What *write_export* made *document* of. Raises SettingError for anything else, NewerFormat for what a
    later release wrote.
    """
    try:
        envelope = msgspec.json.decode(document, type=_Envelope)
        if envelope.format != "interview_fsm.export":
            raise SettingError("this is no export of an interview; interview-fsm sessions export makes one")
        if envelope.version > VERSION:
            raise NewerFormat(message="this export was written by a later release of interview_fsm")
        return _decoder.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SettingError(f"this is no export of an interview, or a damaged one: {error}") from error


# --------------------------------------------------------------------------------------- replaying


class Step(Struct, frozen=True):
    """One event, and the interview after it."""

    version: int
    at: float
    event: Event
    interview: Interview
    wrong: str = ""
    """What is not as it was; empty where it is. Nothing after it can be trusted."""


def replay(interview_id: str, log: Sequence[Kept | Entry]) -> Iterator[Step]:
    """The interview event by event; the last step is the one where something is wrong, if it is.

    What is checked: versions count from 1 without a gap, no append was stored twice, the table takes every
    event, and, of a Kept, that the state and all that the interview is are what they were.
    """
    interview, seen = Interview(id=interview_id), set[str]()
    for number, kept in enumerate(log, 1):
        entry = kept.entry if isinstance(kept, Kept) else kept
        wrong = _out_of_place(entry, number, seen)
        seen.add(entry.append_id)
        for place, event in enumerate(entry.story, 1):
            if not wrong:
                try:
                    interview = interview.after(event)
                except InvalidCommand as error:
                    wrong = str(error)
            if place == len(entry.story):
                interview.version = entry.version
                wrong = wrong or (_unlike(interview, kept) if isinstance(kept, Kept) else "")
            yield Step(entry.version, entry.at, event, interview, wrong)
            if wrong:
                return


def _out_of_place(entry: Entry, number: int, seen: set[str]) -> str:
    if entry.version != number:
        return f"version {number} should be here, and this is version {entry.version}"
    if entry.append_id in seen:
        return "this append is stored a second time"
    return ""


def _unlike(interview: Interview, kept: Kept) -> str:
    if interview.state is not kept.state:
        return f"it led to {kept.state} when it was exported, and leads to {interview.state} now"
    if digest(interview) != kept.digest:
        return "it led to another interview when it was exported: state and version agree, the rest does not"
    return ""
