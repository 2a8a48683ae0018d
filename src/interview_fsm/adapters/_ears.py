"""What the worker of recognition asks of a recogniser: it takes one segment of speech at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

RATE = 16_000

Trouble = Literal["package", "service", "limit", "key", "reply", "setup", "model", "crash"]
"""Why a recogniser cannot be used: a package is missing; its service cannot be reached, asks for a pause,
refuses the key, or sends what is no reply; it is set up wrongly; its model cannot be loaded; it broke."""


class Unusable(Exception):
    """The recogniser cannot be used, and *trouble* says why. Holds no text of anybody's."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble


class Piece(NamedTuple):
    """What a recogniser made of one segment."""

    text: str
    confidence: float | None = None
    """From 0 to 1."""
    raw: str = ""
    """What it would have been without hints, where that is something else."""


class Ear(Protocol):
    """A recogniser."""

    @property
    def lulls(self) -> tuple[tuple[float, float], ...]:
        """From which length on, and after which pause, a segment may end (seconds), the longest first."""

    def begin(self, language: str, hints: Sequence[str]) -> None:
        """A new answer."""

    def start(self) -> None:
        """A new segment."""

    def feed(self, pcm: bytes) -> None:
        """More of it."""

    def so_far(self) -> str:
        """What it may be, so far."""

    def end(self) -> Piece:
        """What it is. Raises Unusable."""
