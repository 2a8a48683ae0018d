"""Sound that waits to be heard: what is taken, in which order, and how much there may be of it."""

from __future__ import annotations

import asyncio

import pytest

from interview_fsm.errors import Busy, CommandError
from interview_fsm.sound import EACH, MOST_IN_ALL, MOST_WAITING, Inlet, Room, TooMuchSound

SECOND = bytes(32_000)


def taken(inlet: Inlet) -> bytes:
    """What waits, and whatever comes until its end."""

    async def all_of_it() -> bytes:
        return b"".join([piece async for piece in inlet])

    return asyncio.run(all_of_it())


def filled(inlet: Inlet, refusal: type[CommandError] = Busy) -> int:
    """How much it takes, in seconds, until it refuses."""
    for second in range(1_000):
        try:
            inlet.put(SECOND)
        except CommandError as problem:
            assert type(problem) is refusal
            return second
    raise AssertionError("it never refused")


def test_what_is_put_is_taken_in_order_up_to_the_end():
    inlet = Inlet()
    for piece in (b"ab", b"", b"cd"):
        inlet.put(piece)
    inlet.end()
    inlet.put(b"too late")
    assert taken(inlet) == b"abcd"


def test_one_stream_has_no_more_waiting_than_an_answer_has():
    inlet = Inlet(Room())
    assert filled(inlet, TooMuchSound) == MOST_WAITING // len(SECOND)
    inlet.end()
    assert len(taken(inlet)) == MOST_WAITING // len(SECOND) * len(SECOND)


def test_who_sends_too_fast_is_refused_and_nobody_else_notices():
    room = Room()
    most = MOST_IN_ALL // MOST_WAITING  # that may have all that one stream may have
    waiting = sum(filled(Inlet(room), TooMuchSound) for _ in range(most)) + sum(
        filled(Inlet(room)) for _ in range(20 - most)
    )
    assert MOST_IN_ALL < waiting * len(SECOND) <= MOST_IN_ALL + 20 * EACH
    # whoever sends what a microphone gives has room all the same
    honest = Inlet(room)
    for _ in range(30):
        honest.put(SECOND)
    with pytest.raises(Busy, match="no faster than it is said") as caught:
        honest.put(bytes(EACH))
    assert (caught.value.code, caught.value.retryable) == ("busy", True)
    honest.end()
    assert len(taken(honest)) == 30 * len(SECOND)


@pytest.mark.parametrize("end", ["taken", "closed"])
def test_room_comes_back(end: str):
    room = Room(most=EACH)
    inlet = Inlet(room)
    assert filled(inlet) == 2 * EACH // len(SECOND)
    with pytest.raises(Busy):
        inlet.put(bytes(2 * EACH))  # and what was refused takes none
    if end == "taken":
        inlet.end()
        taken(inlet)
    else:
        inlet.close()
        assert taken(inlet) == b""
    assert room.taken == 0
    assert filled(Inlet(room)) == 2 * EACH // len(SECOND)
