"""``replay``: an interview event by event, and whether its log still yields it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import SettingError
from .options import DATABASE, Place, storing
from .running import run
from .storing import load_entries, with_storage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..archive import Fields, Kept, Step
    from ..events import Entry, Event


@click.command()
@click.argument("which", metavar="ID|FILE")
@click.option("--json", "as_json", is_flag=True, help="Print each event with the state it led to, as JSON.")
@click.option("--quiet", "-q", is_flag=True, help="Print only whether it is the same.")
@storing
@DATABASE
def replay(which: str, as_json: bool, quiet: bool, storage: Place, database: Path | None) -> None:
    """Show an interview event by event, from the storage or from an export, and check it.

    Of an export, that the log still yields what it yielded then; of a log in the storage, that it is whole
    and possible. Ends with 1 when it does not.
    """
    from ..archive import replay as replayed

    interview_id, log, fields = _find(which, storage, database)
    steps = list(replayed(interview_id, log, fields))
    if as_json:
        _print_json(interview_id, steps)
    elif not quiet:
        for number, step in enumerate(steps):
            click.echo(
                _line(step, steps[0].at, is_first=not number or steps[number - 1].version < step.version)
            )
    wrong = steps[-1].wrong if steps else "there is no entry"
    if wrong:
        at = f"Version {steps[-1].version}: " if steps else ""
        click.echo(f"{at}{wrong}.", err=True)
        sys.exit(1)
    click.echo(_verdict(steps, log), err=True)


def _find(
    which: str, storage: Place, database: Path | None
) -> tuple[str, Sequence[Kept | Entry], Fields | None]:
    from ..archive import read_export

    file = Path(which)
    if file.is_file():
        try:
            export = read_export(file.read_bytes())
        except OSError as error:
            raise SettingError(f"{file} cannot be read: {error.strerror}") from error
        return export.interview, export.log, export.fields
    return which, run(with_storage(storage, database, lambda opened: load_entries(opened, which))), None


def _verdict(steps: Sequence[Step], log: Sequence[Kept | Entry]) -> str:
    from ..archive import Kept, digest

    last = steps[-1]
    count = f"{len(log)} entries, {len(steps)} events"
    if all(isinstance(kept, Kept) for kept in log):
        return f"{count}: the log yields the interview that was exported ({digest(last.interview)[:16]})."
    return f"{count}: the log is whole, and yields an interview that is {_words(last.interview.state)}."


def _line(step: Step, began: float, *, is_first: bool) -> str:
    from ..report import plain

    place = f"{step.version:>4} {step.at - began:>+9.1f} s" if is_first else " " * 16
    said = " ".join(plain(_said(step.event)).split())
    line = f"{place}  {step.event.trigger:<18}  {_words(step.interview.state):<19}  {said}"
    return line if len(line) <= 160 else f"{line[:159]}…"


def _words(state: str) -> str:
    return state.replace("_", " ")


def _said(event: Event) -> str:
    """What *event* is about, in a line."""
    from .. import events as e

    match event:
        case e.StartInterview(plan=plan):
            return f"{plan.count} questions, plan {plan.fingerprint}"
        case e.ChooseDifficulty(difficulty=words):
            return words
        case e.QuestionAsked(question=question):
            return f"{question.number}: {question.text}"
        case e.SubmitAnswer(question=number, text=text) | e.CorrectAnswer(question=number, text=text):
            return f"{number}: {text}"
        case e.AnswerRecorded(question=number, transcript=transcript):
            return f"{number}: {transcript.text}"
        case e.RecordAnswer(question=number, source=source):
            return f"{number}: from the {source.kind}"
        case e.FollowUpWanted(question=number, missing=missing):
            return f"{number}: {missing}"
        case e.RepeatQuestion(question=number) | e.RetryQuestion(question=number):
            return f"{number}"
        case e.FeedbackGiven(feedback=feedback):
            return feedback.summary
        case e.AnswerLost(reason=code) | e.ActivityFailed(code=code):
            return code
    return ""


def _print_json(interview_id: str, steps: Sequence[Step]) -> None:
    import msgspec

    from ..archive import digest

    rows: list[dict[str, Any]] = [
        {
            "version": step.version,
            "at": step.at,
            "event": step.event,
            "state": step.interview.state,
            "allowed": step.interview.allowed,
            "digest": digest(step.interview),
            "wrong": step.wrong,
        }
        for step in steps
    ]
    click.echo(
        msgspec.json.format(msgspec.json.encode({"interview": interview_id, "events": rows}), indent=1)
    )
