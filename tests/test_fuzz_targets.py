"""The targets of the coverage-guided fuzzer, over their corpus and what a few changed bytes make of it."""

from __future__ import annotations

import os
import random

import msgspec
import pytest

from interview_fsm import events, messages

from .fuzz.targets import TARGETS, corpus, entry

RUNS = 100_000 if os.environ.get("INTERVIEW_FSM_SOAK") else 2_000


def changed(data: bytes, others: list[bytes], dice: random.Random) -> bytes:
    """*data* after one to four changes of the kinds that a fuzzer makes."""
    made = bytearray(data)
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(made) + 1)
        match dice.randrange(5):
            case 0:
                made[at:at] = dice.randbytes(dice.randrange(1, 4))
            case 1:
                del made[at : at + dice.randrange(1, 9)]
            case 2 if at < len(made):
                made[at] ^= 1 << dice.randrange(8)
            case 3:
                other = dice.choice(others)
                start = dice.randrange(len(other) + 1)
                made[at:at] = other[start : start + dice.randrange(1, 30)]
            case _:
                made[at:at] = made[: dice.randrange(1, 60)]
    return bytes(made)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_on_its_corpus_and_on_what_is_made_of_it(name: str) -> None:
    kept = list(corpus(name))
    assert len(kept) >= 8
    for data in kept:
        TARGETS[name](data)
    dice = random.Random(20261124)
    for _ in range(RUNS):
        TARGETS[name](data := changed(dice.choice(kept), kept, dice))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff",
        b'{"version":1,"append_id":"a\xff","at":1,"events":[],"format":1}',
        b'{"version":' + b"[" * 100_000,
        b'{"x":' + b"[" * 100_000,
        b'{"format":99,"x":' + b"[" * 100_000,
        b'{"format":"99"}',
    ],
)
def test_what_is_no_entry_is_one_kind_of_error(line: bytes) -> None:
    entry(line)
    with pytest.raises(msgspec.DecodeError):
        events.decode(line)


@pytest.mark.parametrize("frame", [b'{"type":"ping","id":"\xff"}', b'{"type":"ping\xff"}', b"\xff"])
def test_bytes_that_are_no_text_are_no_message(frame: bytes) -> None:
    with pytest.raises(messages.Unreadable):
        messages.decode(frame)
