"""A report of an interview in Markdown that reads well on GitHub and in a plain editor.

What came from outside is escaped so that CommonMark and GitHub's dialect find nothing in it: no link, no
image, no HTML, no heading, no list, no table, no mention.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from ..events import AnswerFeedback, Observation, OutlineStep
from ..interview import Interview
from . import scores
from .cases import KINDS, NO_FEEDBACK, TITLE, Case, cases, facts
from .text import line, plain

_SPECIAL = re.compile(r"[\\`*_\[\]<>&~|$]|/(?=/)|(?<=www)\.", re.IGNORECASE)
_RUN = re.compile(r"([\w.+@-]+)")
"""What addresses are made of. Taken whole, so that no sign is looked at twice."""
_BLOCK = re.compile(r"^(\d*)([#+=:.)-])")
"""What would begin a heading, a list, a rule or a table at the beginning of a line."""


def as_markdown(interview: Interview, *, made_at: datetime | None = None) -> str:
    """*interview* and its feedback in Markdown."""
    return "\n\n".join(_blocks(interview, made_at)) + "\n"


def _blocks(interview: Interview, made_at: datetime | None) -> Iterator[str]:
    feedback = interview.feedback
    yield f"# {TITLE}"
    yield _items(f"{label}: {_inline(value)}" for label, value in facts(interview, made_at))
    yield "## Summary"
    yield _paragraph(feedback.summary if feedback else NO_FEEDBACK)
    if feedback and (said := scores.totals(feedback)):
        yield _paragraph(said)
    if interview.turns:
        yield "## Questions and answers"
    for case in cases(interview):
        yield from _case(case)
    if feedback and feedback.practice:
        yield "## To practise next"
        yield "\n".join(f"{place}. {_inline(point)}" for place, point in enumerate(feedback.practice, 1))
    if feedback and feedback.limitations:
        yield "## What this report cannot tell"
        yield _paragraph(feedback.limitations)


def _case(case: Case) -> Iterator[str]:
    yield f"### {case.title}"
    yield _paragraph(case.turn.question.text)
    if case.reason:
        yield f"From your résumé: “{_inline(case.reason)}”"
    for name, text, _ in case.versions():
        yield f"{_inline(name)}:"
        yield "\n".join(f"> {each}".rstrip() for each in _paragraph(text).split("\n"))
    if case.note:
        yield f"*{case.note}*"
    if case.given and case.given.observations:
        yield _items(_observation(seen) for seen in case.given.observations)
    if case.given:
        yield from _scored(case.given)


def _scored(given: AnswerFeedback) -> Iterator[str]:
    if given.scores:
        yield "#### Scores"
        yield _items(_score(each) for each in scores.lines(given))
    if said := scores.remarks(given):
        yield _items(map(_inline, said))
    if given.outline:
        yield "#### A better answer in outline"
        yield "\n".join(f"{place}. {_step(step)}" for place, step in enumerate(given.outline, 1))


def _score(score: scores.Line) -> str:
    said = f"**{_inline(score.label)}:** {_inline(score.text)}"
    return " ".join([said, *(f"“{_inline(quote.text)}”" for quote in score.quotes)])


def _step(step: OutlineStep) -> str:
    return _inline(step.text) + (f" “{_inline(step.quote.text)}”" if step.quote else "")


def _observation(seen: Observation) -> str:
    said = f"**{KINDS[seen.kind]}:** {_inline(seen.text)}"
    return f"{said} “{_inline(seen.quote.text)}”" if seen.quote else said


def _items(lines: Iterator[str]) -> str:
    return "\n".join(f"- {each}" for each in lines)


def _inline(text: str) -> str:
    """*text* on one line, to stand behind other text."""
    said = line(text)
    return "".join(map(_escaped, _RUN.split(said))) if "@" in said else _escaped(said)


def _paragraph(text: str) -> str:
    """*text* to stand by itself, line by line: a backslash at the end keeps a line end."""
    lines = [_BLOCK.sub(r"\1\\\2", _inline(each)) for each in plain(text).strip().split("\n")]
    broken = [f"{each}\\" if each and below else each for each, below in pairwise(lines)]
    return "\n".join([*broken, lines[-1]])


def _escaped(text: str) -> str:
    if "@" not in text or text == "@":
        return _SPECIAL.sub(r"\\\g<0>", text)
    # GitHub looks for addresses and mentions in what is left after escaping, but not in a code span.
    address = text.rstrip(".")
    return f"`{address}`{text[len(address) :]}"
