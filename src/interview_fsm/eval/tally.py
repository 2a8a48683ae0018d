"""Counts of what held, as a gate needs them."""

from __future__ import annotations

from msgspec import Struct


class Gate(Struct, frozen=True):
    """One thing that must hold, and how often it did."""

    name: str
    held: int
    of: int
    needed: float = 1.0
    """The share of the cases."""
    broken: tuple[str, ...] = ()
    """The cases in which it did not hold."""

    @property
    def holds(self) -> bool:
        """Whether it held often enough."""
        return self.held >= self.needed * self.of - 1e-9


class Tally:
    """A gate in the making."""

    def __init__(self, name: str, needed: float = 1.0) -> None:
        self._name, self._needed = name, needed
        self._held = 0
        self._broken: list[str] = []

    def see(self, held: bool, case: str) -> None:
        """Count one *case*."""
        if held:
            self._held += 1
        else:
            self._broken.append(case)

    def gate(self) -> Gate:
        """What came of it."""
        of = self._held + len(self._broken)
        return Gate(self._name, self._held, of, self._needed, tuple(self._broken))
