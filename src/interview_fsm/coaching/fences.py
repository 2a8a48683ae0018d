"""The candidate's material, made fit to be shown to a model: cleaned, cut to size, fenced in.

A fence alone keeps no model from obeying what stands in it. It is one measure of several: the material is
never in the system prompt, each answer is assessed by itself, what speaks to a grader is taken out before,
and whatever comes back is checked by code.
"""

from __future__ import annotations

import re
import unicodedata

from .guard import to_the_grader
from .speech import Heard

MOST = {"resume": 12_000, "job_description": 6_000, "answer": 8_000, "evidence": 600}
"""Characters of each kind that a model is shown: four pages, two pages, nine minutes of talk, one bullet."""

LEFT_OUT = "[left out: addressed to the assessor]"
MASKED = "\0"
"""Stands, as often as needed, for what counts for nothing: no quote can match it, and offsets stay."""

_KEPT = "\n\t"
# Letters that show nothing, or only how another is drawn: text can be written in them that nobody sees.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_LOOKALIKE = re.compile(
    rf"[<＜﹤](?=\W{{0,3}}(?:{'|'.join(MOST)})\b)",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """*text* in Unicode's composed form, without what a reader cannot see: controls, zero-width and
    direction marks, tag characters, private use.
    """
    text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
    return "".join(char for char in text if char in _KEPT or unicodedata.category(char)[0] != "C")


def fenced(kind: str, text: str, nonce: str) -> str:
    """*text* between tags that it cannot close itself. *kind* is one of MOST; *nonce* the interview's secret
    word. What is too long is cut, and the fence says so.
    """
    shown = clean(text).replace(nonce, "·").strip()
    most = MOST[kind]
    cut = ""
    if len(shown) > most:
        shown, cut = shown[:most].rstrip(), f"\n(cut here: {len(shown) - most} characters more)"
    return f'<{kind} n="{nonce}">\n{_LOOKALIKE.sub("‹", shown)}\n</{kind} n="{nonce}">{cut}'


def without_orders(text: str) -> str:
    """*text* without the lines that speak to whoever assesses: a résumé tells, it does not ask."""
    lines = text.splitlines()
    return "\n".join(line for line in lines if not to_the_grader().search(clean(line)))


def masked(answer: str, question: str) -> str:
    """*answer* with MASKED in place of each character of what speaks to a grader; as long as before."""
    heard = Heard(answer)
    chars = list(answer)
    for clause in heard.clauses(question):
        if clause.worthless == "instructions":
            start, end = heard.slice(clause.begin, clause.begin + len(clause.text))
            chars[start:end] = MASKED * (end - start)
    return "".join(chars)


def shown(answer: str) -> str:
    """A masked answer as a model is shown it: with a mark where something was taken out."""
    return re.sub(rf"{MASKED}+", LEFT_OUT, answer)
