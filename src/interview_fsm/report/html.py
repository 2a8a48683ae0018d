"""A report of an interview as one page of HTML that needs nothing else: to keep, to print, to send.

No script, no link, no request: the page's own policy forbids them. Every text goes through ``_tag``, which
escapes whatever is not markup already, so that nothing from outside can become markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from html import escape
from importlib.resources import files

from ..events import AnswerFeedback, Feedback, Observation, Quote, Total
from ..interview import Interview
from . import scores
from .cases import KINDS, NO_FEEDBACK, TITLE, Case, cases, facts
from .text import plain

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


class _Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def as_html(interview: Interview, *, made_at: datetime | None = None) -> str:
    """*interview* and its feedback as one page."""
    head = _tag(
        "head",
        _Markup('<meta charset="utf-8">'),
        _Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        _Markup('<meta name="viewport" content="width=device-width">'),
        _tag("title", TITLE),
        _Markup(f"<style>{_style()}</style>"),
    )
    header = _tag("header", _tag("h1", TITLE), _facts(interview, made_at))
    body = _tag("body", header, _tag("main", *_sections(interview)))
    return f"<!doctype html>\n{_tag('html', head, body, lang='en')}\n"


def _sections(interview: Interview) -> Iterator[_Markup]:
    feedback = interview.feedback
    yield _section("Summary", _tag("p", feedback.summary if feedback else NO_FEEDBACK, dir="auto"))
    if feedback and feedback.totals:
        yield _section("Scores", chart(feedback), _said("p", scores.totals(feedback)))
    if interview.turns:
        language = interview.plan.language if _LANGUAGE.fullmatch(interview.plan.language) else ""
        yield _section("Questions and answers", *(_case(case, language) for case in cases(interview)))
    if feedback and feedback.practice:
        yield _section("To practise next", _list("ol", (_said("li", point) for point in feedback.practice)))
    if feedback and feedback.limitations:
        yield _section("What this report cannot tell", _said("p", feedback.limitations))


def _facts(interview: Interview, made_at: datetime | None) -> _Markup:
    pairs = (_tag("dt", label) + _said("dd", value) for label, value in facts(interview, made_at))
    return _tag("dl", *(_tag("div", _Markup(pair)) for pair in pairs))


def _case(case: Case, language: str) -> _Markup:
    return _tag("article", _tag("h3", case.title), *_parts(case, language))


def _parts(case: Case, language: str) -> Iterator[_Markup]:
    yield _said("p", case.turn.question.text, class_="question", lang=language)
    if case.reason:
        yield _said("p", f"From your résumé: “{case.reason}”", class_="note")
    for name, text, quotes in case.versions():
        yield _said("h4", name)
        yield _tag("blockquote", *_marked(text, quotes), dir="auto", lang=language)
    if case.note:
        yield _tag("p", case.note, class_="note")
    if case.given and case.given.observations:
        yield _tag("h4", "What was noticed")
        yield _list("ul", (_observation(seen, language) for seen in case.given.observations))
    if case.given:
        yield from _scored(case.given, language)


def _scored(given: AnswerFeedback, language: str) -> Iterator[_Markup]:
    if given.scores:
        yield _tag("h4", "Scores")
        yield _list("ul", (_score(each, language) for each in scores.lines(given)))
    for said in scores.remarks(given):
        yield _said("p", said, class_="note")
    if given.outline:
        yield _tag("h4", "A better answer in outline")
        yield _list(
            "ol",
            (_tag("li", step.text, *_quotes([step.quote], language), dir="auto") for step in given.outline),
        )


def _score(score: scores.Line, language: str) -> _Markup:
    return _tag(
        "li", _tag("strong", f"{score.label}:"), " ", score.text, *_quotes(score.quotes, language), dir="auto"
    )


def _quotes(quotes: Iterable[Quote | None], language: str) -> Iterator[str]:
    for quote in quotes:
        if quote is not None:
            yield from (" ", _said("q", quote.text, lang=language))


def chart(feedback: Feedback) -> _Markup:
    """The totals as bars on the scale from 1 to 5; its name says all that it shows."""
    rows, height = feedback.totals, 30 * len(feedback.totals) + 22
    bars = (_bar(total, 30 * place) for place, total in enumerate(rows))
    ticks = (
        _tag("text", str(value), x=str(_AXIS + _UNIT * value), y=str(height - 4), class_="tick")
        for value in range(1, scores.HIGHEST + 1)
    )
    shown = "; ".join(f"{scores.named(total.dimension)} {total.mean}" for total in rows)
    name = f"Mean score by dimension, from 1 to {scores.HIGHEST}: {shown}"
    return _tag("svg", *bars, *ticks, role="img", aria_label=name, viewBox=f"0 0 440 {height}")


_AXIS, _UNIT = 170, 48
_LONGEST = 20
"""Letters of a dimension's name that have room beside its bar."""


def _bar(total: Total, top: int) -> _Markup:
    named = scores.named(total.dimension)
    short = named if len(named) <= _LONGEST else f"{named[: _LONGEST - 1]}…"
    width = _UNIT * total.mean
    return _tag(
        "g",
        _tag("text", short, x=str(_AXIS - 8), y=str(top + 19), class_="name"),
        _tag("rect", x=str(_AXIS), y=str(top + 6), width=str(5 * _UNIT), height="18", class_="scale"),
        _tag("rect", x=str(_AXIS), y=str(top + 6), width=f"{width:.1f}", height="18", class_="bar"),
        _tag("text", str(total.mean), x=str(_AXIS + 5 * _UNIT + 6), y=str(top + 19)),
    )


def _observation(seen: Observation, language: str) -> _Markup:
    kind = _tag("strong", f"{KINDS[seen.kind]}:")
    quoted = [" ", _said("q", seen.quote.text, lang=language)] if seen.quote else []
    return _tag("li", kind, " ", seen.text, *quoted, class_=seen.kind, dir="auto")


def _marked(text: str, quotes: Sequence[Quote]) -> Iterator[str]:
    """*text* in pieces, what is quoted from it marked; quotes that overlap become one mark."""
    done = 0
    for start, end in _merged(quotes):
        yield text[done:start]
        yield _tag("mark", text[start:end])
        done = end
    yield text[done:]


def _merged(quotes: Sequence[Quote]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted((quote.start, quote.end) for quote in quotes):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _section(heading: str, *inside: _Markup) -> _Markup:
    name = heading.lower().replace(" ", "-")
    return _tag("section", _tag("h2", heading, id=name), *inside, aria_labelledby=name)


def _list(name: str, items: Iterator[_Markup]) -> _Markup:
    return _tag(name, *items, role="list")  # without bullets, one browser's reader takes it for no list


def _said(name: str, text: str, **attributes: str) -> _Markup:
    """An element of text from outside, which may run from right to left."""
    return _tag(name, text, dir="auto", **attributes)


def _tag(name: str, *inside: str, **attributes: str) -> _Markup:
    """An element; empty attributes are left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(plain(value))}"'
        for key, value in attributes.items()
        if value
    )
    return _Markup(f"<{name}{given}>{''.join(_safe(each) for each in inside)}</{name}>")


def _safe(text: str) -> str:
    return text if isinstance(text, _Markup) else escape(plain(text))


@lru_cache(maxsize=1)
def _style() -> str:
    return (files(__package__) / "report.css").read_text(encoding="utf-8")
