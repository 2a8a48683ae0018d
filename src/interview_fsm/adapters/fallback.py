"""Several interviewers, one after the other: who fails is stood in for. Fits ``ports.Interviewer``.

Each call begins with the first again, unless it has failed so often, or asked for so long a pause, that it
is left alone for a while. What answered stands in the provenance of each question and each feedback, with
whom it stood in for and why. The last one, the coach as a rule, needs no network and always has its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from ..budget import Billing
from ..errors import AdapterError, SettingError
from ..events import Feedback, Question
from ..ports import Brief, Interviewer
from ._breaker import Breaker
from ._failures import ModelError, in_place_of, is_sound, sound

NAME = "fallback"
ASK, ANALYZE = 25.0, 160.0
"""Seconds after which the last has its turn, whoever is being waited for: the session gives 30 and 180."""

T = TypeVar("T")
Failed = list[tuple[str, str]]


async def create(*, interviewers: Sequence[Interviewer]) -> FallbackInterviewer:
    """The *interviewers* as one, asked in this order."""
    return FallbackInterviewer(interviewers)


class FallbackInterviewer:
    """Asks the first that can. One instance serves any number of interviews at once."""

    name = NAME
    billing = Billing.OWN

    def __init__(self, interviewers: Sequence[Interviewer]) -> None:
        if not interviewers:
            raise SettingError("fallback needs at least one interviewer")
        now = asyncio.get_running_loop().time
        self._links = [_Link(each, Breaker(now)) for each in interviewers]

    @property
    def sends_to(self) -> tuple[str, ...]:
        """Where the candidate's material may go."""
        places = (place for link in self._links for place in getattr(link.interviewer, "sends_to", ()))
        return tuple(dict.fromkeys(places))

    @property
    def speaker(self) -> str:
        """A sentence on who is speaking, for the candidate to read before the first question."""
        told = [text for link in self._links if (text := getattr(link.interviewer, "speaker", ""))]
        return " Or, where that fails: ".join([*told, "rules, without a model."] if told else told)

    @property
    def data(self) -> str:
        """A sentence on where data goes."""
        told = (text for link in self._links if (text := getattr(link.interviewer, "data", "")))
        return " ".join(dict.fromkeys(told))

    async def ask(self, brief: Brief) -> Question:
        """The question of the first that has one. Raises what the first has failed with, when all have."""

        async def asked(interviewer: Interviewer, failed: Failed) -> Question:
            question = await interviewer.ask(brief)
            return replace(question, provenance=in_place_of(question.provenance, failed))

        return await self._first(asked, ASK)

    async def analyze(self, brief: Brief) -> Feedback:
        """Feedback on all answers, each by the first that could assess it, the summary by the last asked."""
        kept: Feedback | None = sound(brief.interview.feedback)

        async def analyzed(interviewer: Interviewer, failed: Failed) -> Feedback:
            nonlocal kept
            known = {(each.question, each.revision) for each in kept.answers} if kept else set()
            interview = replace(brief.interview, feedback=kept)
            feedback = await interviewer.analyze(replace(brief, interview=interview))
            kept = replace(
                feedback,
                provenance=in_place_of(feedback.provenance, failed),
                answers=tuple(
                    each
                    if (each.question, each.revision) in known
                    else replace(each, provenance=in_place_of(each.provenance, failed))
                    for each in feedback.answers
                ),
            )
            whole = kept
            if not all(is_sound(each) for each in whole.answers):
                kept = sound(whole)
                raise _Partly(_name(interviewer), whole)
            return whole

        return await self._first(analyzed, ANALYZE)

    async def aclose(self) -> None:
        """Close them all."""
        for link in self._links:
            await link.interviewer.aclose()

    async def _first(self, call: Callable[[Interviewer, Failed], Awaitable[T]], seconds: float) -> T:
        """What comes of *call* for the first that can; each is told who has failed before it, and how."""
        failed: Failed = []
        errors: list[AdapterError] = []
        partly: _Partly | None = None
        ends = asyncio.get_running_loop().time() + seconds
        for link in self._links:
            last = link is self._links[-1]
            if not last and not link.breaker.may_call():
                failed.append((link.name, "model_resting"))
                continue
            try:
                async with asyncio.timeout_at(None if last else ends):
                    result = await call(link.interviewer, list(failed))
            except TimeoutError as error:
                late = ModelError(link.name, "model_timeout")
                late.__cause__ = error
                errors.append(late)
            except AdapterError as error:
                errors.append(error)
                partly = error if isinstance(error, _Partly) else partly
            except BaseException:
                link.breaker.left()
                raise
            else:
                link.breaker.went_well()
                return result
            link.breaker.failed(errors[-1])
            failed.append((link.name, errors[-1].code))
        if partly is not None:
            return partly.feedback  # type: ignore[return-value]  # of an analysis, which alone raises it
        raise errors[0]


class _Link:
    """One of them, and whether it is to be left alone."""

    def __init__(self, interviewer: Interviewer, breaker: Breaker) -> None:
        self.interviewer, self.breaker = interviewer, breaker
        self.name = _name(interviewer)


class _Partly(AdapterError):
    """An analysis in which the calls for some answers failed."""

    def __init__(self, name: str, feedback: Feedback) -> None:
        super().__init__(name, "model_partly", retryable=True)
        self.feedback = feedback


def _name(interviewer: Interviewer) -> str:
    return str(getattr(interviewer, "name", type(interviewer).__name__))
