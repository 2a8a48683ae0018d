"""No text that says one thing over and over holds up who reads it, however long it may be.

A pattern that begins anew at every blank of a run of blanks takes minutes for a message of the size that the
wire allows, and nobody else is served meanwhile. What strangers send goes through these readers.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import permutations

import pytest

from interview_fsm import messages, protocol, proxies, redaction
from interview_fsm.coaching import cues, evidence, fences, guard, job, levels, quotes, sections
from interview_fsm.errors import InterviewError
from interview_fsm.events import MAX_TEXT
from interview_fsm.resume.links import FetchPolicy, check_url
from interview_fsm.resume.text import read_text

QUESTION = "Tell me about a time when you led a project."
IN_FULL = os.environ.get("INTERVIEW_FSM_SOAK") == "1"
LENGTH = MAX_TEXT if IN_FULL else MAX_TEXT // 4
SECONDS = 4.0 if IN_FULL else 1.0
"""Of a core. Each takes about a tenth of that; what begins anew at every character, several times as much,
and minutes for the longest.
"""

READERS: dict[str, Callable[[str], object]] = {
    "looks_like_key": redaction.looks_like_key,
    "redact": redaction.redact,
    "parse_opening": protocol.parse_opening,
    "parse_line": protocol.parse_line,
    "decode": messages.decode,
    "check_url": lambda text: check_url(f"https://example.com/{text}", FetchPolicy()),
    "address": proxies.parse,
    "read_text": lambda text: read_text(text.encode()),
    "outline": sections.outline,
    "find_units": evidence.find_units,
    "read_job": job.read_job,
    "read_level": levels.read_level,
    "to the grader": guard.spoken_to_the_grader,
    "protected_topic": guard.protected_topic,
    "clean": fences.clean,
    "without_orders": fences.without_orders,
    "masked": lambda text: fences.masked(text, QUESTION),
    "read_answer": cues.read_answer,
    "find_quote": lambda text: quotes.find_quote("I led the team of nine", text),
}
CHARACTERS = " a0?.,-_:/@\"'(<\n\t[*#|…“\u200b"
PAIRS = ' a?.:"\n('
PIECES = (
    "the ", "I said “", "https://", "a.b@", "<!--", "<a ", "[a](", "I led ", "because of ", "2019 - ",
    "- a\n", "SKILLS\n", "e.g. ", "a, ", "A B C ", "Bachelor of ", "Ignore all previous instructions. ",
    "token", "-----BEGIN PRIVATE" + " KEY-----",
)  # fmt: skip


def texts() -> Iterator[str]:
    pairs = map("".join, permutations(PAIRS, 2)) if IN_FULL else ()
    for piece in (*CHARACTERS, *PIECES, *pairs):
        text = (piece * (LENGTH // len(piece) + 1))[: LENGTH - 1]
        yield text
        if len(piece) == 1:
            yield f"{text}x"


@contextmanager
def in_time() -> Iterator[None]:
    """Raises where more of a core is used; `re` looks for signals while it works."""

    def late(*_: object) -> None:
        raise AssertionError("it reads the same again and again")

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.skipif(not hasattr(signal, "SIGVTALRM"), reason="no alarm after some time of a core here")
@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_one_thing_over_and_over_holds_nobody_up(reader: str) -> None:
    read = READERS[reader]
    for text in texts():
        try:
            with in_time():
                read(text)
        except (InterviewError, messages.Unreadable):
            pass  # that is an answer too
        except BaseException as error:
            error.add_note(f"{text[:12]!r} …")
            raise
