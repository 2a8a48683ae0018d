"""What an interview may cost: calls to a model, tokens, seconds of sound.

Counted before anything is sent, so that there is never a call over the budget. An engine keeps one
``Budget`` for each interview, within one for each client's day and one for the server's; an interviewer finds
its interview's in ``Brief.budget``::

    call = brief.budget.call(len(prompt.encode()), max_tokens=200)   # raises BudgetSpent, or it is charged
    reply = await client.messages.create(max_tokens=200, ...)
    call.settle(reply.usage.input_tokens, reply.usage.output_tokens)  # what was not used comes back

Every attempt is a call of its own, a retry too. A call that fails is not settled: nobody knows what it
cost, so it keeps what was set aside for it. Whoever has something cheaper to fall back on catches
``BudgetSpent`` and says so; of everybody else the engine makes a failure with the code ``budget_spent``.

Not for several threads at once: call it on the event loop.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum
from math import inf

from msgspec import Struct

from .errors import BudgetSpent

BYTES_A_TOKEN = 3
"""Text has at least as many bytes of UTF-8 to a token with the tokenizers of today, so an estimate made with
it is not too low; see also ``Budget.call``."""

LEAST_HEARD = 10.0
"""Seconds that a recording counts at least: a thousand empty ones are not free either."""

_GRAIN = 1e-6
"""Seconds: far under one sample, and far over what the adding up of floats leaves behind."""

DAY = 86_400.0
"""Seconds."""

REMEMBERED = 10_000
"""Interviews and clients whose counts are kept, of under 1 kB each; beyond that the longest unused goes."""


class Billing(StrEnum):
    """Who counts the calls of an interviewer; its attribute ``billing``, ``ENGINE`` where it has none."""

    FREE = "free"
    """Nobody: it costs nothing, like the coach."""
    OWN = "own"
    """The interviewer itself, with ``Brief.budget``, call by call."""
    ENGINE = "engine"
    """The engine: each question and each analysis is one call, its tokens estimated from the texts."""


class Amount(Struct, frozen=True, kw_only=True):
    """So much of everything: as a limit, or as what has been spent."""

    calls: int = 0
    """To a model; each attempt is one."""
    input_tokens: int = 0
    output_tokens: int = 0
    audio_seconds: float = 0.0
    """Of sound that was recorded to be understood."""


class Spending(Struct, frozen=True, kw_only=True):
    """What interviews may cost. None is no limit."""

    calls_per_question: int = 2
    """One to ask it, one to assess the answer. Follow-ups are questions."""
    calls_beside: int = 4
    """The summary, and retries."""
    input_tokens_per_question: int = 15_000
    """Prompts included, and what the provider has cached: the longest résumé, job description and answer that
    a model is shown (``coaching.fences.MOST``) come to 12,000 in a fifteenth question and its assessment."""
    input_tokens_beside: int = 30_000
    """The summary, retries, and scripts with three bytes to a character, until their calls are settled."""
    output_tokens_per_question: int = 2_000
    """A question is 80, an assessment about 1,000, and a model may think."""
    output_tokens_beside: int = 10_000
    """Two assessments at once set 8,000 aside until they are over."""
    audio_per_question: float = 300.0
    """Seconds: a five-minute answer."""
    audio_beside: float = 600.0
    """Seconds: recordings that are made again."""
    client_day: Amount | None = Amount(
        calls=400, input_tokens=1_200_000, output_tokens=300_000, audio_seconds=14_400.0
    )
    """Of one client in a day (UTC): twenty interviews of eight questions, follow-ups counted in, on a résumé
    of a page; half as many on the longest. A client is an owner, else an address."""
    server_day: Amount | None = None
    """Of everybody together in a day (UTC)."""

    def interview(self, questions: int) -> Amount:
        """What an interview of so many *questions*, follow-ups counted in, may cost."""
        return Amount(
            calls=self.calls_per_question * questions + self.calls_beside,
            input_tokens=self.input_tokens_per_question * questions + self.input_tokens_beside,
            output_tokens=self.output_tokens_per_question * questions + self.output_tokens_beside,
            audio_seconds=self.audio_per_question * questions + self.audio_beside,
        )


_WHAT = {
    "calls": "model calls",
    "input_tokens": "model input",
    "output_tokens": "model output",
    "audio_seconds": "time for recordings",
}


class Budget:
    """A limit, what has been spent of it, and the wider budgets it is part of.

    Without a *limit* there is none. *scope* says whose it is: ``interview``, ``client`` or ``server``.
    *day* gives the number of the day, where the count begins anew with each.
    """

    __slots__ = ("_day", "_spent", "_today", "limit", "scope", "within")

    def __init__(
        self,
        limit: Amount | None = None,
        *,
        scope: str = "interview",
        within: tuple[Budget, ...] = (),
        day: Callable[[], int] | None = None,
    ) -> None:
        self.limit, self.scope, self.within = limit, scope, within
        self._spent = Amount()
        self._day = day
        self._today = self.today

    @property
    def today(self) -> int:
        """The number of the day; 0 where the count never begins anew."""
        return self._day() if self._day is not None else 0

    @property
    def spent(self) -> Amount:
        """So far; of today, where it is counted by the day."""
        if (today := self.today) != self._today:
            self._today, self._spent = today, Amount()
        return self._spent

    def call(self, prompt_bytes: int, max_tokens: int, *, input_tokens: int = 0) -> Call:
        """Charge one call before it is made: all of *max_tokens*, and of the prompt a token for each three
        of its bytes (UTF-8, everything that is sent), or *input_tokens* where somebody counted more.

        Raises BudgetSpent, and then nothing is charged.
        """
        estimated = max(-(-prompt_bytes // BYTES_A_TOKEN), input_tokens)
        cost = Amount(calls=1, input_tokens=estimated, output_tokens=max_tokens)
        for budget in self._all:
            budget._check(cost)
        return Call(cost, [(budget, budget._add(cost)) for budget in self._all])

    def hear(self, seconds: float) -> float:
        """Charge sound before it is sent to be understood; how many of the *seconds* may be.

        The last may be fewer than asked for. Raises BudgetSpent when none are left, and charges nothing.
        """
        granted = seconds
        for budget in self._all:
            granted = min(granted, budget._audio_left())
        for budget in self._all:
            budget._add(Amount(audio_seconds=granted))
        return granted

    @property
    def _all(self) -> tuple[Budget, ...]:
        return (self, *self.within)

    def _check(self, cost: Amount) -> None:
        if (limit := self.limit) is None:
            return
        spent = self.spent
        for what in ("calls", "input_tokens", "output_tokens"):
            if getattr(spent, what) + getattr(cost, what) > getattr(limit, what):
                raise BudgetSpent(self.scope, _WHAT[what])

    def _audio_left(self) -> float:
        left = inf if self.limit is None else self.limit.audio_seconds - self.spent.audio_seconds
        if left < _GRAIN:
            raise BudgetSpent(self.scope, _WHAT["audio_seconds"])
        return left

    def _add(self, cost: Amount) -> int:
        """Count *cost*; the day that it is counted on."""
        spent = self.spent
        self._spent = Amount(
            calls=spent.calls + cost.calls,
            input_tokens=spent.input_tokens + cost.input_tokens,
            output_tokens=spent.output_tokens + cost.output_tokens,
            audio_seconds=spent.audio_seconds + cost.audio_seconds,
        )
        return self._today


class Call:
    """A call that has been charged."""

    __slots__ = ("_charged", "cost")

    def __init__(self, cost: Amount, charged: list[tuple[Budget, int]]) -> None:
        self.cost = cost
        """What is charged for it at the moment."""
        self._charged = charged

    def settle(self, input_tokens: int, output_tokens: int) -> None:
        """Correct the charge to what the service says it was, less or more: cached tokens are tokens."""
        real = Amount(calls=self.cost.calls, input_tokens=input_tokens, output_tokens=output_tokens)
        change = Amount(
            input_tokens=real.input_tokens - self.cost.input_tokens,
            output_tokens=real.output_tokens - self.cost.output_tokens,
        )
        for budget, day in self._charged:
            if budget.today == day:  # yesterday's count is gone
                budget._add(change)
        self.cost = real


class Ledger:
    """The budgets of an engine's interviews and of its clients' days, in memory.

    *clock* gives seconds since the epoch. What is counted here is not in any log: another process, or the
    same one started again, begins at nothing.
    """

    def __init__(self, spending: Spending, clock: Callable[[], float]) -> None:
        self.spending = spending
        self._clock = clock
        self._server = Budget(spending.server_day, scope="server", day=self._day)
        self._clients: OrderedDict[str, Budget] = OrderedDict()
        self._interviews: OrderedDict[str, Budget] = OrderedDict()

    def budget(self, interview_id: str, questions: int, client: str = "") -> Budget:
        """The budget of this interview, the same each time it is asked for; *questions*, follow-ups counted
        in, set its limit. *client* is whose day it is part of; empty for nobody's.
        """
        budget = self._interviews.setdefault(interview_id, Budget())
        budget.limit = self.spending.interview(questions)
        budget.within = (*([self._client(client)] if client else []), self._server)
        _keep(self._interviews, interview_id)
        return budget

    def forget(self, interview_id: str) -> None:
        """Drop the count of an interview that is over."""
        self._interviews.pop(interview_id, None)

    def _client(self, client: str) -> Budget:
        if client not in self._clients:
            self._clients[client] = Budget(self.spending.client_day, scope="client", day=self._day)
        _keep(self._clients, client)
        return self._clients[client]

    def _day(self) -> int:
        return int(self._clock() // DAY)


def _keep(budgets: OrderedDict[str, Budget], key: str) -> None:
    """Remember that *key* was used now, and forget who was not for longest."""
    budgets.move_to_end(key)
    while len(budgets) > REMEMBERED:
        budgets.popitem(last=False)
