"""The report of an interview, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import HORIZONTALS
from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ..events import AnswerFeedback, Observation
from ..interview import Interview
from ..report import plain, scores
from ..report.cases import KINDS, NO_FEEDBACK, Case, cases
from .showing import show

MARKS = {"there": ("+", "green"), "missing": ("-", "yellow"), "try": (">", "cyan")}
"""ASCII, so that every terminal shows them; the words beside them say the same without colour."""


def report(console: Console, interview: Interview) -> None:
    """Print questions, answers and feedback as a table, as far as there are any."""
    feedback = interview.feedback
    console.print()
    show(console, Rule("Your feedback", style="bold"))
    show(console, Text(plain(feedback.summary) if feedback else NO_FEEDBACK))
    if feedback and (said := scores.totals(feedback)):
        show(console, Text(plain(said), style="bold"))
    console.print()
    show(console, _table(interview))
    if feedback and feedback.practice:
        console.print()
        show(console, Text("What to practise next", style="bold"))
        show(console, _points(feedback.practice))
    if feedback and feedback.limitations:
        console.print()
        show(console, Text(plain(feedback.limitations), style="dim"))


def _table(interview: Interview) -> Table:
    table = Table(box=HORIZONTALS, show_header=False, pad_edge=False, expand=True)
    table.add_column("No.", justify="right", no_wrap=True)
    table.add_column("What", no_wrap=True)
    table.add_column("Text", ratio=1, overflow="fold")
    number = 0
    for case in cases(interview):
        is_main = case.turn.question.follow_up_to is None
        number += is_main
        _add_question(table, case, str(number) if is_main else "")
        if case.turn.answer is None or interview.feedback:
            _add_note(table, case.note)
        for seen in case.given.observations if case.given else ():
            _add_observation(table, seen)
        if case.given:
            _add_scores(table, case.given)
        table.add_section()
    return table


def _add_question(table: Table, case: Case, number: str) -> None:
    label = "Question" if number else "Follow-up"
    table.add_row(number, Text(label, style="bold"), Text(plain(case.turn.question.text), style="bold"))
    if case.turn.answer is not None:
        table.add_row("", "Answer", Text(plain(case.turn.answer.text), style="dim"))


def _add_note(table: Table, note: str) -> None:
    if note:
        table.add_row("", "", Text(note, style="dim"))


def _add_observation(table: Table, seen: Observation) -> None:
    mark, style = MARKS[seen.kind]
    text = Text(plain(seen.text))
    if seen.quote is not None:
        text.append(f"\n“{' '.join(plain(seen.quote.text).split())}”", style="italic")
    table.add_row("", Text(f"{mark} {KINDS[seen.kind]}", style=style), text)


def _add_scores(table: Table, given: AnswerFeedback) -> None:
    for each in scores.lines(given):
        table.add_row("", "Score", Text.assemble((f"{plain(each.label)}: ", "bold"), plain(each.text)))
    for said in scores.remarks(given):
        table.add_row("", "", Text(plain(said), style="dim"))
    for place, step in enumerate(given.outline):
        words = f" “{' '.join(plain(step.quote.text).split())}”" if step.quote else ""
        table.add_row("", "" if place else "Outline", Text(plain(step.text)).append(words, style="italic"))


def _points(points: Sequence[str]) -> Table:
    table = Table.grid(padding=(0, 1), pad_edge=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for place, point in enumerate(points, 1):
        table.add_row(f"{place}.", Text(plain(point)))
    return table
