"""What scores come to together: arithmetic, so that no interviewer adds up its own marks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from .events import AnswerFeedback, Feedback, NotScored, Plan, Score, Total

WEIGHTS: Mapping[str, float] = {
    "relevance": 0.25,
    "structure": 0.2,
    "specificity": 0.25,
    "depth": 0.2,
    "communication": 0.1,
}
"""Of the dimensions, where the plan brings no rubric: what is said weighs more than how it is put."""


def totalled(feedback: Feedback, plan: Plan) -> Feedback:
    """*feedback* with its overall figures, by the weights of *plan*; what it brought of them is replaced."""
    weights = _weights(plan)
    answers = tuple(replace(given, overall=overall(given.scores, weights)) for given in feedback.answers)
    overalls = [given.overall for given in answers if given.overall is not None]
    return replace(
        feedback,
        answers=answers,
        totals=tuple(_by_dimension(answers)),
        overall=_mean(overalls) if overalls else None,
    )


def overall(scores: Iterable[Score | NotScored], weights: Mapping[str, float] = WEIGHTS) -> float | None:
    """The weighted mean of what was scored, to one decimal; None where nothing was, or nothing weighs."""
    scored = [(weights.get(each.dimension, 0.0), each.value) for each in scores if isinstance(each, Score)]
    weight = sum(weight for weight, _ in scored)
    return _rounded(sum(weight * value for weight, value in scored) / weight) if weight > 0 else None


def _weights(plan: Plan) -> Mapping[str, float]:
    if not plan.rubric:
        return WEIGHTS
    usable = {each.dimension: each.weight for each in plan.rubric if math.isfinite(each.weight)}
    return {dimension: max(weight, 0.0) for dimension, weight in usable.items()}


def _by_dimension(answers: Iterable[AnswerFeedback]) -> Iterable[Total]:
    values: dict[str, list[float]] = {}
    for given in answers:
        for each in given.scores:
            if isinstance(each, Score):
                values.setdefault(each.dimension, []).append(each.value)
    return (Total(dimension, _mean(found), len(found)) for dimension, found in values.items())


def _mean(values: list[float]) -> float:
    return _rounded(sum(values) / len(values))


def _rounded(value: float) -> float:
    # Half up, as a reader would: round() takes 2.25 to 2.2. Sums of weights are a hair off.
    return math.floor(value * 10 + 0.5 + 1e-9) / 10
