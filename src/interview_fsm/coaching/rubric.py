"""The rubric: in which dimensions an answer is judged, and what each value from 1 to 5 means.

The anchors describe what can be seen in the words. They were written for this project, after the manner
of behaviourally anchored rating scales, and have not been validated against human raters.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from ..events import UNPROVED, Criterion, Plan, Quote, Score
from ..totals import WEIGHTS
from .language import load
from .quotes import Answer

SCALE = (1, 2, 3, 4, 5)
DIMENSIONS = tuple(WEIGHTS)
"""Of the standard rubric, in order."""


def criteria(plan: Plan, level: str) -> tuple[Criterion, ...]:
    """The rubric of *plan*, else the standard one for *level*; each with five anchors, 1 to 5.

    A criterion of the host's that bears the name of a standard dimension takes what it leaves out from
    there. Fewer or more than five anchors are spread over the scale.
    """
    standard = {name: _standard(name, level) for name in DIMENSIONS}
    if not plan.rubric:
        return tuple(standard.values())
    return tuple(_completed(each, standard.get(each.dimension)) for each in plan.rubric)


def scored(
    criterion: Criterion, value: int, quotes: Iterable[str], answer: Answer, rationale: str = ""
) -> Score:
    """A score of *value* with those *quotes* that stand in *answer*; capped at UNPROVED when none does.

    ValueError for a value outside 1 to 5. *criterion* is one of ``criteria()``.
    """
    found, dropped = answer.find_all(quotes)
    return replace(proved(criterion, value, found, rationale), dropped_quotes=dropped)


def proved(criterion: Criterion, value: int, quotes: tuple[Quote, ...], rationale: str = "") -> Score:
    """A score of *value* that rests on *quotes*, which are slices of the answer; capped where none is.

    ValueError for a value outside 1 to 5.
    """
    if value not in SCALE:
        raise ValueError(f"a score is from 1 to 5, not {value}")
    capped = not quotes and value > UNPROVED
    kept = UNPROVED if capped else value
    anchor = criterion.anchors[kept - 1]
    return Score(criterion.dimension, kept, anchor, quotes, rationale, capped=capped)


def _standard(dimension: str, level: str) -> Criterion:
    texts = load().rubric
    name = f"depth_{level}" if dimension == "depth" else dimension
    return Criterion(dimension, texts[dimension].description, texts[name].anchors, WEIGHTS[dimension])


def _completed(given: Criterion, standard: Criterion | None) -> Criterion:
    anchors = given.anchors or (standard.anchors if standard else (given.description,))
    last = len(anchors) - 1
    spread = tuple(anchors[round((value - 1) * last / (len(SCALE) - 1))] for value in SCALE)
    return replace(
        given, anchors=spread, description=given.description or (standard.description if standard else "")
    )
