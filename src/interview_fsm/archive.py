"""Everything about one interview in one JSON document, and whether it still is that interview.

An export has each entry of the log beside a digest of the interview that it led to. A replay folds the log
anew and compares: so a change of this program, or of the file, that would make another interview of the
same events is told, with the entry where it begins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

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

Fields = Mapping[str, Sequence[str]]

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
    fields: dict[str, tuple[str, ...]]
    """By kind of value, the fields that the digests are over: those that this release knew."""
    resume: tuple[Entry, ...] = ()
    """What the candidate brought, while it is kept."""


_decoder = msgspec.json.Decoder(Export)


def digest(interview: Interview, fields: Fields | None = None) -> str:
    """SHA-256, in hex, over all that an interview is; with *fields*, over what was known of it then.

    So a field that a later release adds makes no other interview of an older log.
    """
    return hashlib.sha256(msgspec.json.encode(_essence(interview, fields), order="sorted")).hexdigest()


def _essence(value: object, fields: Fields | None) -> object:
    if isinstance(value, Struct):
        kind = type(value).__name__
        names = value.__struct_fields__ if fields is None else fields.get(kind, ())
        said = {name: _essence(getattr(value, name), fields) for name in names if hasattr(value, name)}
        return {"": kind, **said}
    if isinstance(value, tuple):
        return [_essence(each, fields) for each in value]
    return value


def _fields_of(value: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The kinds of values that *value* is made of, and the fields of each."""
    if isinstance(value, Struct):
        yield type(value).__name__, value.__struct_fields__
        for name in value.__struct_fields__:
            yield from _fields_of(getattr(value, name))
    elif isinstance(value, tuple):
        for each in value:
            yield from _fields_of(each)


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

    interview, log, fields = Interview(id=interview_id), [], dict[str, tuple[str, ...]]()
    for entry in entries:
        interview = interview.following(entry.story)
        interview.version = entry.version
        log.append(Kept(entry, interview.state, digest(interview)))
        fields.update(_fields_of(interview))
    return Export(
        interview=interview_id,
        exported_by=__version__,
        redacted=redacted,
        log=tuple(log),
        fields=fields,
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


def replay(interview_id: str, log: Sequence[Kept | Entry], fields: Fields | None = None) -> Iterator[Step]:
    """The interview event by event; the last step is the one where something is wrong, if it is.

    *fields* are an export's.

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
                wrong = wrong or (_unlike(interview, kept, fields) if isinstance(kept, Kept) else "")
            yield Step(entry.version, entry.at, event, interview, wrong)
            if wrong:
                return


def _out_of_place(entry: Entry, number: int, seen: set[str]) -> str:
    if entry.version != number:
        return f"version {number} should be here, and this is version {entry.version}"
    if entry.append_id in seen:
        return "this append is stored a second time"
    return ""


def _unlike(interview: Interview, kept: Kept, fields: Fields | None) -> str:
    if interview.state is not kept.state:
        return f"it led to {kept.state} when it was exported, and leads to {interview.state} now"
    if digest(interview, fields) != kept.digest:
        return "it led to another interview when it was exported: state and version agree, the rest does not"
    return ""
