"""The child program that tells speech from silence, for all the streams of a server.

A detector takes a thirtieth of a core for each stream, and most of that with the interpreter's lock held.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec
from msgspec import Struct

from ._child import Pipe
from ._voice_activity import FRAME_BYTES, Detector, detector

MOST = 1024
"""Streams whose detectors are kept; of more, the one that was heard longest ago begins anew."""


class Judge(Struct, frozen=True, tag=True):
    """Which of these frames are speech?"""

    take: int
    """The stream they go on with."""
    frames: bytes
    """Whole ones."""


class Forget(Struct, frozen=True, tag=True):
    """That stream has ended."""

    take: int


class Judged(Struct, frozen=True, tag=True):
    """One byte for each frame: 1 for speech."""

    speech: bytes


Order = Judge | Forget
ORDERS: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
REPORTS: msgspec.msgpack.Decoder[Judged] = msgspec.msgpack.Decoder(Judged)


def main() -> None:
    """Judge until the parent goes away."""
    with Pipe(ORDERS) as pipe:
        detectors: OrderedDict[int, Detector] = OrderedDict()
        while True:
            order = pipe.read()
            if isinstance(order, Forget):
                detectors.pop(order.take, None)
                continue
            is_speech = _detector(detectors, order.take)
            cut = (order.frames[at : at + FRAME_BYTES] for at in range(0, len(order.frames), FRAME_BYTES))
            pipe.write(Judged(bytes(is_speech(frame) for frame in cut)))


def _detector(detectors: OrderedDict[int, Detector], take: int) -> Detector:
    if take not in detectors:
        detectors[take] = detector()
    detectors.move_to_end(take)
    while len(detectors) > MOST:
        detectors.popitem(last=False)
    return detectors[take]
