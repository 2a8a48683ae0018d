"""Words a question: a sentence that names the evidence, then the question itself.

No text is ever put together from what the candidate wrote and a gap in the middle of a question. What
the candidate wrote stands in a sentence of its own, in the one grammatical form that its kind allows,
and the question after it has no gap at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..events import Plan
from . import phrases
from .guard import unfit
from .language import load
from .planning import Choice, Standing, next_choice, pick
from .units import Unit

_GAP = re.compile(r"\{(\w+)\}")
_FORM = {"achievement": "thing", "project": "thing", "statement": "thing"}


def word_question(now: Standing) -> tuple[str, Choice]:
    """The next question's text, and what it is about.

    A wording that the guard turns down is not mended: the evidence is left out of the choice instead,
    and in the end there is always a general question.
    """
    while True:
        choice = next_choice(now)
        text = _worded(choice, now.plan, len(now.asked))
        if choice.unit is None or unfit(text) is None:
            return text, choice
        now = now.without(choice.slot.evidence)


def _worded(choice: Choice, plan: Plan, place: int) -> str:
    _, forms, unit = choice
    if unit is None:
        return forms.generic
    if unit.evidence.kind == "skill" and forms.skill:
        return f"{_lead('skill_itself', unit, plan.seed, place)} {forms.skill}"
    body = forms.thing if _FORM.get(unit.evidence.kind) else forms.period
    return f"{_lead(_lead_form(unit), unit, plan.seed, place)} {body}"


def _lead_form(unit: Unit) -> str:
    piece = unit.evidence
    if piece.kind == "role":
        return "role_at" if piece.organisation else "role"
    if piece.kind == "project" and unit.label:
        return "thesis"
    if piece.kind == "achievement" and piece.organisation:
        # The longer sentence only where there is room for it.
        return "achievement_as" if piece.title and len(unit.phrase.split()) < 10 else "achievement_at"
    return piece.kind


def _lead(form: str, unit: Unit, seed: int, place: int) -> str:
    """The sentence that names *unit*."""
    wording = pick(load().leads[form], seed, place, unit.evidence.id)
    words = {
        "did": unit.phrase,
        "quote": unit.phrase,
        "name": unit.phrase,
        "skill": unit.phrase,
        "study": unit.phrase,
        "label": unit.label,
        "title": phrases.plain(unit.evidence.title),
        "organisation": phrases.organisation(unit.evidence.organisation),
    }
    return _fill(wording, words)


def _fill(wording: str, words: Mapping[str, str]) -> str:
    """*wording* with its gaps filled once; braces in what is filled in mean nothing."""
    filled = _GAP.sub(lambda gap: words[gap[1]], wording)
    # "at Acme Inc." at the end of a sentence has one full stop, and quotation marks close before it.
    return re.sub(r"\.\.(?!\.)", ".", filled)
