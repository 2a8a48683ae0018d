"""The wire, without sockets: what a frame means, and what is said in answer.

The plain-text dialect, kept to the letter of the system this grew from, and what both dialects share; the
messages of the other, JSON v1, are in ``messages``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from .errors import BadMessage, InterviewError, InvalidCommand
from .events import MAX_QUESTIONS
from .states import Trigger

SUBPROTOCOL = "interview-fsm.v1"

MAX_FRAME = 65_536
"""Bytes in one text frame."""

MAX_BINARY = 262_144
"""Bytes in one binary frame."""

TRIES = 3
"""Frames that a client may send before one of them says which dialect it speaks."""

# Close codes: 1000 to 1015 are the protocol's (RFC 6455, 7.4.1); 44xx are HTTP's with 4000 added.
CLOSE_DONE = 1000
CLOSE_POLICY = 1008
CLOSE_TOO_BIG = 1009
CLOSE_ERROR = 1011
CLOSE_RESTART = 1012
CLOSE_BUSY = 1013
CLOSE_NO_DIALECT = 4400
CLOSE_NO_ACCESS = 4401
CLOSE_NO_SUBPROTOCOL = 4406
CLOSE_IDLE = 4408
CLOSE_TAKEN = 4409
CLOSE_TOO_MANY = 4429

EXAMPLE = "https://example.com/myresume.pdf;3"

CLEARED = "Database cleared. Please specify difficulty."
STOPPED = "Interview session stopped."


class Opening(Struct, frozen=True):
    """The first message of the plain-text dialect."""

    link: str
    questions: int


class Word(StrEnum):
    """What a line of the plain-text dialect begins with."""

    START = "start_interview"
    DIFFICULTY = "difficulty"
    RECORD = "record_answer"
    ANSWER = "answer"
    ANALYZE = "analyze"
    STOP = "stop_interview"


class Line(Struct, frozen=True):
    """One line of the plain-text dialect, taken apart."""

    word: Word
    rest: str = ""


_WITH_REST = (Word.DIFFICULTY, Word.ANSWER)

SPELLINGS: dict[Trigger, str] = {
    Trigger.START_INTERVIEW: "start_interview",
    Trigger.CHOOSE_DIFFICULTY: "difficulty:LEVEL",
    Trigger.RECORD_ANSWER: "record_answer",
    Trigger.SUBMIT_ANSWER: "answer:TEXT",
    Trigger.ANALYZE: "analyze",
    Trigger.STOP_INTERVIEW: "stop_interview",
}
"""How the commands that the plain-text dialect has are written in it."""


def parse_opening(text: str) -> Opening:
    """The link and the count of ``<link>;<count>``, split at the last semicolon; or BadMessage."""
    link, semicolon, count = text.strip().rpartition(";")
    link, count = link.strip(), count.strip()
    # ASCII digits only: "３".isdigit() is true. No more than nine, so that int() has a bound.
    if not semicolon or not link or not re.fullmatch(r"[0-9]{1,9}", count):
        raise BadMessage(f"Send a link to a résumé and a number of questions first, like {EXAMPLE}")
    if not 1 <= int(count) <= MAX_QUESTIONS:
        raise BadMessage(f"An interview has 1 to {MAX_QUESTIONS} questions, not {int(count)}.")
    return Opening(link, int(count))


def is_opening(text: str) -> bool:
    """Whether *text* opens the plain-text dialect."""
    try:
        parse_opening(text)
    except BadMessage:
        return False
    return True


def parse_line(text: str) -> Line:
    """A line of the plain-text dialect; or BadMessage."""
    head, colon, rest = text.strip().partition(":")
    head = head.strip()
    for word in Word:
        if head == word and bool(colon) == (word in _WITH_REST):
            return Line(word, rest.strip())
    raise BadMessage("There is no such command.")


def possible(triggers: Iterable[Trigger]) -> str:
    """A sentence that lists what may be sent now."""
    words = [SPELLINGS[trigger] for trigger in triggers if trigger in SPELLINGS]
    return f"Possible now: {', '.join(words)}." if words else "Nothing is possible any more."


def asked(question: str) -> str:
    """The reply to a difficulty. A frame is one message: the question is kept as it is."""
    return f"Question asked: {question}"


def recorded(answer: str) -> str:
    """The reply to an answer."""
    return f"Answer recorded: {answer}"


def analysis(text: str) -> str:
    """The reply to ``analyze``."""
    return f"Analysis: {text}"


def error(problem: InterviewError | str, allowed: Iterable[Trigger] | None = None) -> str:
    """What went wrong, and what is possible now."""
    if isinstance(problem, InvalidCommand):
        text = sentence(problem.reason)
    else:
        text = sentence(str(problem))
    return f"Error: {text} {possible(allowed)}" if allowed is not None else f"Error: {text}"


def sentence(text: str) -> str:
    """*text* with a capital letter first and a full stop last."""
    text = text.strip()
    if text and not text.endswith((".", "!", "?")) and not text.endswith(EXAMPLE):
        text += "."
    return text[:1].upper() + text[1:]
