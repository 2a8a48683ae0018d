"""How much of something may come in a time. No clock: whoever asks says when it is."""

from __future__ import annotations


class Allowance:
    """A bucket that fills steadily, at *rate* a second, and holds *burst* at the most."""

    __slots__ = ("_burst", "_left", "_rate", "_when")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._when = float(burst), now

    def take(self, amount: float, now: float) -> float:
        """Take *amount*, there or not; the seconds until it would have been there, 0 when it was."""
        self._fill(now)
        self._left -= amount
        return max(0.0, -self._left / self._rate)

    def grant(self, now: float) -> bool:
        """Take one, if there is one; whether there was."""
        self._fill(now)
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def _fill(self, now: float) -> None:
        self._left = min(self._burst, self._left + (now - self._when) * self._rate)
        self._when = now
