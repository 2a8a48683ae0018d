"""A report of an interview in plain text: for a message, a terminal, a printout, or a voice.

One paragraph per thought, no tables, no markup; whoever shows it wraps it. Quotes come in quotation marks
with the words as they were said, on one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..coaching.levels import told
from ..events import Feedback, Observation
from ..interview import Interview
from . import scores
from .cases import KINDS, NO_FEEDBACK, Case, cases, difficulties

_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1: what a terminal obeys
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidi controls: what makes text read as other text
    "\ud800-\udfff\ufeff]"  # halves of pairs, which no file can hold; the byte order mark
)
"""What may stand in nothing that is shown."""


def plain(text: str) -> str:
    """*text* without control characters and bidi controls, every line end a line feed."""
    return UNSEEN.sub("", _LINE_END.sub("\n", text))


def line(text: str) -> str:
    """*text*, plain and on one line."""
    return " ".join(plain(text).split())


def as_text(interview: Interview) -> str:
    """The feedback of *interview*, question by question; a sentence that there is none yet."""
    feedback = interview.feedback
    if feedback is None:
        return NO_FEEDBACK
    parts = [plain(feedback.summary), line(scores.totals(feedback))]
    parts.append(" ".join(line(told(words)) for words in difficulties(interview)))
    parts += ["\n".join(_case(case)) for case in cases(interview)]
    parts += ["\n".join(_practice(feedback)), plain(feedback.limitations)]
    return "\n\n".join(part for part in parts if part)


def summary(feedback: Feedback) -> str:
    """What a voice says of *feedback*."""
    return feedback.summary


def _case(case: Case) -> Iterator[str]:
    yield f"{case.title}: {line(case.turn.question.text)}"
    if case.note:
        yield f"  {case.note}"
    for seen in case.given.observations if case.given else ():
        yield f"  {_observation(seen)}"
    if case.given:
        for score in scores.lines(case.given):
            yield f"  {line(score.label)}: {line(score.text)}"
        for said in scores.remarks(case.given):
            yield f"  {line(said)}"
        if case.given.outline:
            yield "  A better answer in outline:"
        for step in case.given.outline:
            yield f"    {line(step.text)}" + (f" “{line(step.quote.text)}”" if step.quote else "")


def _observation(seen: Observation) -> str:
    said = f"{KINDS[seen.kind]}: {line(seen.text)}"
    return f"{said} “{line(seen.quote.text)}”" if seen.quote else said


def _practice(feedback: Feedback) -> Iterator[str]:
    if feedback.practice:
        yield "To practise next:"
    for place, point in enumerate(feedback.practice, 1):
        yield f"  {place}. {line(point)}"
