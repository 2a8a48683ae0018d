"""How much of something may come in a time. No clock: whoever asks says when it is."""

from __future__ import annotations

from collections import OrderedDict

MOST_KNOWN = 4096
"""Names whose allowance is remembered; the one that asked longest ago is forgotten first."""


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


class Allowances:
    """An allowance for each name: an address, a client."""

    __slots__ = ("_burst", "_known", "_rate")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._known: OrderedDict[str, Allowance] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def grant(self, name: str, now: float) -> bool:
        """Take one of *name*'s, if there is one; whether there was."""
        allowance = self._known.pop(name, None) or Allowance(self._rate, self._burst, now)
        self._known[name] = allowance
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return allowance.grant(now)
