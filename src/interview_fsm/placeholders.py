"""A log without what anybody said, that still makes the same moves: what can be sent with a bug report.

Every text is replaced letter for letter by a placeholder of its shape (``I led 4 of us.`` becomes ``X xxx 0
xx xx.``), so lengths, places of quotes, and what is empty stay true. What stays as it is are numbers, codes
that this program writes itself, and names of adapters and models.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from .events import (
    ActivityFailed,
    AnswerFeedback,
    AnswerLost,
    Attached,
    Entry,
    Feedback,
    FollowUpWanted,
    NotScored,
    Plan,
    Provenance,
    Transcript,
    Warning,
)

__all__ = ["INTERVIEW_ID", "redact_log", "shape"]

INTERVIEW_ID = "redacted"
"""What stands for the id of an interview whose log was redacted."""

_S = TypeVar("_S", bound=Struct)

_CODES = {
    (ActivityFailed, "code"), (AnswerFeedback, "flags"), (AnswerLost, "reason"), (FollowUpWanted, "missing"),
    (NotScored, "reason"), (Transcript, "engine"), (Warning, "code"),
    *((Provenance, field) for field in Provenance.__struct_fields__),
}  # fmt: skip
"""Texts that this program or an adapter writes, and nobody else."""

_SECRETS = {(Attached, "token"), (Attached, "owner"), (Plan, "resume_digest"), (Feedback, "plan")}
"""Hashes and names, whose shape alone would tell whose they are to anybody who has a guess."""

_CHOICES = {
    "", "entry", "mid", "senior", "behavioural", "technical", "situational", "opening",
    "role", "achievement", "project", "skill", "education", "statement",
    "relevance", "structure", "specificity", "depth", "communication",
    "situation", "task", "own_action", "own_part", "reason", "result", "numbers", "number",
    "ownership", "problem_solving", "teamwork",
}  # fmt: skip
"""Words of our own rubric and planner. A host's own are replaced like any text."""

_LANGUAGE = re.compile(r"[a-z]{2}(-[A-Z]{2})?")

_WORDS = {"competency", "facet", "level", "kind", "dimension", "aspect", "part"}
"""Fields that hold one of those, or a word of the host's."""


def redact_log(entries: Sequence[Entry]) -> list[Entry]:
    """*entries* without what anybody said. Times count from the first of them; ids are numbered."""
    first = entries[0].at if entries else 0.0
    return [
        Entry(
            entry.version,
            f"{'~' if entry.append_id.startswith('~') else 'c'}{number}",
            round(entry.at - first, 3),
            tuple(_redacted(event) for event in entry.story),
            entry.format,
        )
        for number, entry in enumerate(entries, 1)
    ]


def _redacted(value: _S) -> _S:
    kind = type(value)
    return replace(
        value,
        **{
            name: _replaced(kind, name, getattr(value, name))
            for name in value.__struct_fields__
            if (kind, name) not in _CODES and name not in _closed(kind)
        },
    )


def _replaced(kind: type[Struct], name: str, value: object) -> object:
    if isinstance(value, Struct):
        return _redacted(value)
    if isinstance(value, tuple):
        return tuple(_replaced(kind, name, each) for each in value)
    if not isinstance(value, str) or (name in _WORDS and value in _CHOICES):
        return value
    if name == "language" and _LANGUAGE.fullmatch(value):
        return value
    return "x" * len(value) if (kind, name) in _SECRETS else shape(value)


@cache
def _closed(kind: type[Struct]) -> frozenset[str]:
    """The fields of *kind* whose words are a closed set: the type says which."""
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    return frozenset(field.name for field in info.fields if _is_closed(field.type))


def _is_closed(kind: msgspec.inspect.Type) -> bool:
    members = kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)
    return any(isinstance(member, msgspec.inspect.LiteralType) for member in members)


def shape(text: str) -> str:
    """*text* with every letter, digit and sign replaced by one of its kind and of its length in UTF-8."""
    return "".join(map(_shaped, text))


_PLACEHOLDERS = {
    ("L", 1): "x", ("L", 2): "ß", ("L", 3): "字", ("L", 4): "𠀀",
    ("N", 1): "0", ("N", 2): "²", ("N", 3): "①", ("N", 4): "𝟎",
    ("S", 1): "+", ("S", 2): "§", ("S", 3): "€", ("S", 4): "🙂",
    ("M", 2): "\u0301", ("M", 3): "\u20dd", ("M", 4): "\U0001e8d0",
    ("C", 3): "\u200d", ("C", 4): "\U000e0001",
}  # fmt: skip
"""By a character's kind in Unicode and its bytes. What is not here stays: spaces, punctuation, controls."""


@cache
def _shaped(character: str) -> str:
    category, size = unicodedata.category(character), len(character.encode("utf-8", "surrogatepass"))
    if category == "Lu" and size == 1:
        return "X"
    return _PLACEHOLDERS.get((category[0], size), character)
