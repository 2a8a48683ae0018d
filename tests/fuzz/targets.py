"""What reads bytes that strangers, or a broken disk, may have written; and what must hold whatever they are.

Each target takes bytes and raises AssertionError, or whatever the code raises that it should not. Text is
made of them as plain UTF-8: splitting them into drawn values hides from the fuzzer which byte did what.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from interview_fsm import events, messages, protocol, redaction
from interview_fsm.errors import BadMessage, NewerFormat

from ..test_links import assert_sound

CORPUS = Path(__file__).parent / "corpus"
"""A folder of small files for each target."""

KEY = "sk-" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5z7A9"  # in pieces, so that no scanner takes it for one


def link(data: bytes) -> None:
    """A link is refused, or it leads to a public place in one unmistakable form."""
    assert_sound(data.decode("utf-8", "replace"))


def plain_text(data: bytes) -> None:
    """A line of the plain-text dialect is understood or refused in words; a key is noticed behind any."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(BadMessage):
        opening = protocol.parse_opening(text)
        assert 1 <= opening.questions <= events.MAX_QUESTIONS
        assert protocol.parse_opening(f"{opening.link};{opening.questions}") == opening
    with contextlib.suppress(BadMessage):
        line = protocol.parse_line(text)
        assert text.strip().startswith(line.word)
        assert line.rest in text
    assert redaction.looks_like_key(f"{text} {KEY}")
    assert KEY not in redaction.redact(f"{text} {KEY}")


def json_v1(data: bytes) -> None:
    """A frame of JSON v1 is a command that the wire has, or unreadable in a sentence."""
    for frame in (data, data.decode("utf-8", "replace")):
        try:
            command = messages.decode(frame)
        except messages.Unreadable as error:
            assert 5 < len(str(error)) < 2000
        else:
            assert json.loads(frame)["type"] in messages.TYPES
            assert command == messages.decode(frame)


def entry(data: bytes) -> None:
    """A line of a journal is an entry that can be written again, of a later release, or no entry."""
    try:
        found = events.decode(data)
    except (msgspec.DecodeError, NewerFormat) as error:
        assert str(error)
    else:
        assert events.decode(events.encode(found)) == found


TARGETS: dict[str, Callable[[bytes], None]] = {
    "link": link,
    "plain_text": plain_text,
    "json_v1": json_v1,
    "entry": entry,
}


def corpus(name: str) -> Iterator[bytes]:
    """What is kept for a target: one of each kind, and whatever once broke it."""
    for file in sorted((CORPUS / name).iterdir()):
        yield file.read_bytes()
