"""When somebody talks and when not, whatever the words are: what figures on delivery are made of."""

from __future__ import annotations

PAUSE = 0.7
"""Seconds of silence between two words that are a pause; what is shorter belongs to speaking."""


class Rhythm:
    """Takes in when speech was heard, in order, and knows the pauses between."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        """Silences of PAUSE and more after the first word and before the last, in seconds."""
        self._first: float | None = None
        self._last = 0.0

    def spoke(self, start: float, end: float) -> None:
        """There was speech from *start* to *end*, seconds from the beginning of the sound."""
        if self._first is None:
            self._first = start
        elif start - self._last >= PAUSE:
            self.pauses.append(round(start - self._last, 2))
        self._last = max(self._last, end)

    @property
    def end(self) -> float:
        """When speech was last heard."""
        return self._last

    @property
    def talk(self) -> float:
        """Seconds from the first word to the last without the pauses; 0 where nothing was said."""
        return 0.0 if self._first is None else round(self._last - self._first - sum(self.pauses), 2)
