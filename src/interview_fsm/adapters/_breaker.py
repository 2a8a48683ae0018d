"""A breaker: leaves a provider alone that has failed, for as long as it asked or half a minute."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from ..errors import AdapterError
from ._failures import LONGEST_WAIT, ModelError

FAILURES = 3
"""In a row, before a provider is left alone."""
REST = 30.0
"""Seconds, where it names none."""
LONGEST_REST = 3600.0
"""Seconds, whatever it names: then one call finds out."""

_NOT_CALLED = frozenset(["budget_spent", "language_not_served"])
"""Failures that say nothing about the provider: nobody has called it."""
_THIS_TEXT = frozenset(["model_refused", "context_truncated"])
"""Failures of one text: the provider works."""


class Breaker:
    """Closed it lets every call through; open none; after its rest one, which decides.

    *now* gives seconds that only go forward.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failures = 0
        self._until = -inf
        self._probing = False

    def may_call(self) -> bool:
        """Whether a call may be made now; who is told so makes it, and says how it went."""
        if self._until == -inf:
            return True
        if self._now() < self._until or self._probing:
            return False
        self._probing = True
        return True

    def went_well(self) -> None:
        """The call has succeeded."""
        self._failures, self._until, self._probing = 0, -inf, False

    def failed(self, error: AdapterError) -> None:
        """The call has failed."""
        if error.code in _NOT_CALLED:
            self.left()
            return
        if error.code in _THIS_TEXT:
            self.went_well()
            return
        probed, self._probing = self._probing, False
        if error.code == "model_setup":  # until somebody changes the settings; one call an hour finds out
            self._until = self._now() + LONGEST_REST
            return
        asked = error.retry_after if isinstance(error, ModelError) else None
        self._failures += 1
        # A short pause is waited out within the call; one that is not has been refused to everybody.
        if probed or self._failures >= FAILURES or (asked or 0.0) > LONGEST_WAIT:
            self._until = self._now() + min(max(REST, asked or 0.0), LONGEST_REST)

    def left(self) -> None:
        """The call was given up before it came to anything."""
        self._probing = False
