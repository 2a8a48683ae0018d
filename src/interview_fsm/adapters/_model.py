"""Calls to a model, whoever the provider: paid for beforehand, watched while they run, over in time.

An adapter of a provider brings a ``Model``: one method that sends one prompt and reads the reply as it
comes. Everything that the SDKs leave open is here: how long the first word, the next word and the whole
may take (a stream that sends only signs of life would never end), one more try where that may help and
there is time, and errors with a code of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import stamina
from msgspec import Struct

from ..budget import Budget
from ..coaching.prompts import Prompt, Purpose
from ..errors import InterviewError
from ..ports import Called
from ._failures import LONGEST_WAIT, ModelError


class Bounds(Struct, frozen=True):
    """Seconds that a call may take: to its first text, between texts, and in all, a second try included."""

    first: float
    gap: float
    total: float

    def times(self, factor: float) -> Bounds:
        """So much more patient."""
        return Bounds(self.first * factor, self.gap * factor, self.total * factor)


_SHORT = Bounds(first=4.0, gap=2.0, total=10.0)
BOUNDS: dict[Purpose, Bounds] = {
    "ask": _SHORT,
    "follow_up": _SHORT,
    "assess": Bounds(first=20.0, gap=10.0, total=45.0),
    "summarise": Bounds(first=15.0, gap=10.0, total=30.0),
}
"""Beyond ten seconds a candidate wonders whether anybody is there. Thinking comes before the first text."""

ATTEMPTS = 2
SOON = 0.3
"""Seconds before a second try where the provider names no time."""
_TRIED_AGAIN = {
    "model_rate_limited", "model_overloaded", "model_unreachable", "model_cut_off", "model_unusable",
}  # fmt: skip


class Reply(Struct, frozen=True):
    """What a model said, whole, and what the provider counted."""

    text: str
    input_tokens: int = 0
    """All of them, those from the provider's cache among them."""
    cached_tokens: int = 0
    output_tokens: int = 0


class Watch:
    """The time of one attempt. ``heard()`` it with every piece of text; signs of life do not count."""

    def __init__(self, timer: asyncio.Timeout, bounds: Bounds, ends: float) -> None:
        self._timer, self._bounds, self._ends = timer, bounds, ends
        self._now = asyncio.get_running_loop().time
        self._began = self._latest = self._now()
        self.first: float | None = None
        """Seconds until the first text; None when there was none."""
        self.gap = 0.0
        """The longest time between two texts, in seconds."""

    def heard(self) -> None:
        """A piece of text has come."""
        now = self._now()
        if self.first is None:
            self.first = now - self._began
        else:
            self.gap = max(self.gap, now - self._latest)
        self._latest = now
        self._timer.reschedule(min(self._ends, now + self._bounds.gap))


class Model(Protocol):
    """One provider's SDK, held to one way of being called."""

    name: str
    """The adapter's."""

    def named(self, purpose: Purpose) -> str:
        """The model that answers prompts of this purpose."""
        ...

    def most_tokens(self, prompt: Prompt) -> int:
        """Tokens that the reply to *prompt* may have at the most, thoughts included."""
        ...

    async def complete(self, prompt: Prompt, watch: Watch) -> Reply:
        """Send *prompt* once and read the whole reply. Raises ModelError, with its cause."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


class Caller:
    """Calls a model in time, and once more where that may help."""

    def __init__(self, model: Model, *, patience: float = 1.0) -> None:
        self.model, self._patience = model, patience

    async def call(
        self, prompt: Prompt, budget: Budget, note: Callable[[Called], None] | None = None
    ) -> Reply:
        """The reply to *prompt*. Raises ModelError within its bounds, and BudgetSpent."""
        bounds = BOUNDS[prompt.purpose].times(self._patience)
        loop = asyncio.get_running_loop()
        ends = loop.time() + bounds.total

        def may_again(error: Exception) -> float | bool:
            if not isinstance(error, ModelError) or error.code not in _TRIED_AGAIN:
                return False
            wait = SOON if error.retry_after is None else error.retry_after
            return wait if wait <= min(LONGEST_WAIT, (ends - loop.time()) / 2) else False

        async for attempt in stamina.retry_context(on=may_again, attempts=ATTEMPTS, timeout=None):
            with attempt:
                return await self._once(prompt, bounds, ends, budget, note)
        raise AssertionError("unreachable")

    async def _once(
        self,
        prompt: Prompt,
        bounds: Bounds,
        ends: float,
        budget: Budget,
        note: Callable[[Called], None] | None,
    ) -> Reply:
        model = self.model
        charge = budget.call(prompt.size, model.most_tokens(prompt))
        now = asyncio.get_running_loop().time
        began, outcome, reply, watch = now(), "cancelled", Reply(""), None
        try:
            async with asyncio.timeout_at(min(ends, began + bounds.first)) as timer:
                watch = Watch(timer, bounds, ends)
                reply = await model.complete(prompt, watch)
            outcome = "ok"
        except TimeoutError as error:
            outcome = "model_timeout"
            raise ModelError(model.name, outcome) from error
        except Exception as error:
            outcome = error.code if isinstance(error, InterviewError) else "internal"
            raise
        finally:
            if note is not None:
                note(
                    Called(
                        model.name,
                        model.named(prompt.purpose),
                        prompt.purpose,
                        now() - began,
                        outcome,
                        first=watch.first if watch else None,
                        gap=watch.gap if watch else 0.0,
                        input_tokens=reply.input_tokens,
                        cached_tokens=reply.cached_tokens,
                        output_tokens=reply.output_tokens,
                    )
                )
        if reply.input_tokens or reply.output_tokens:
            charge.settle(reply.input_tokens, reply.output_tokens)
        return reply
