"""``sessions``: the interviews that are kept."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AdapterError, InterviewError, SettingError
from .options import AGE, DATABASE, Place, keeping, storing
from .running import run
from .sitting import talk
from .storing import load_entries, with_storage

if TYPE_CHECKING:
    from ..events import Head
    from ..interview import Interview
    from ..ports import Storage
    from ..retention import Due, Receipt


@click.group()
def sessions() -> None:
    """Look at the interviews that are kept, take them with you, delete them."""


@sessions.command("list")
@click.option("--json", "as_json", is_flag=True)
@storing
@DATABASE
def list_sessions(storage: Place, database: Path | None, as_json: bool) -> None:
    """List them, the latest last."""

    async def work(storage: Storage) -> list[tuple[Head, Interview | None]]:
        heads = sorted([h async for h in storage.interviews()], key=lambda head: head.updated_at)
        return [(head, await _read(storage, head.interview_id)) for head in heads]

    try:
        found = run(with_storage(storage, database, work))
    except AdapterError as error:
        if error.code != "storage_empty":
            raise
        found = []
    if as_json:
        import json

        click.echo(json.dumps([_row(head, interview) for head, interview in found], indent=1))
        return
    if not found:
        click.echo("No interviews are kept.", err=True)
    for head, interview in found:
        row = _row(head, interview)
        counts = f"{row['asked']} asked, {row['answered']} answered" if interview else ""
        click.echo(f"{row['id']}  {row['updated']}  {row['state']:<19} {counts}")


async def _read(storage: Storage, interview_id: str) -> Interview | None:
    """The interview; None for one that a later release wrote, or that is damaged: the others are listed."""
    from msgspec import MsgspecError

    from ..interview import Interview

    try:
        return Interview.replay(interview_id, await storage.load(interview_id))
    except (InterviewError, MsgspecError) as error:
        if getattr(error, "retryable", False):
            raise
        return None


def _row(head: Head, interview: Interview | None) -> dict[str, Any]:
    return {
        "id": head.interview_id,
        "updated": _when(head.updated_at),
        "state": str(interview.state) if interview else "unreadable",
        "asked": len(interview.turns) if interview else None,
        "answered": len(interview.answered) if interview else None,
        "version": head.version,
        "expires": _when(head.expires_at) if head.expires_at else None,
    }


def _when(at: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


@sessions.command()
@click.argument("interview_id")
@storing
@DATABASE
def show(interview_id: str, storage: Place, database: Path | None) -> None:
    """Show one: questions, answers, feedback."""
    from rich.text import Text

    from .. import terminal
    from ..interview import Interview
    from ..report import plain

    entries = run(with_storage(storage, database, lambda opened: load_entries(opened, interview_id)))
    interview = Interview.replay(interview_id, entries)
    difficulty = f", difficulty {interview.difficulty}" if interview.difficulty else ""
    with talk() as console:
        head = f"{interview.id}: {interview.state.replace('_', ' ')}{difficulty}"
        terminal.show(console, Text(plain(head)))
        terminal.report(console, interview)


@sessions.command()
@click.argument("interview_id")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--redact",
    is_flag=True,
    help="For a bug report: every text becomes a placeholder of its shape, the résumé is left out.",
)
@storing
@DATABASE
def export(
    interview_id: str, output: Path | None, redact: bool, storage: Place, database: Path | None
) -> None:
    """Write out everything kept of one, as JSON: its log, what each entry led to, its résumé's text."""
    from ..archive import export_interview, redacted_export, write_export

    whole = run(with_storage(storage, database, lambda opened: export_interview(opened, interview_id)))
    written = write_export(redacted_export(whole) if redact else whole)
    if output is None:
        click.echo(written, nl=False)
        return
    try:
        output.write_bytes(written)
    except OSError as error:
        raise SettingError(f"the export cannot be written to {output}: {error.strerror}") from error


@sessions.command()
@click.argument("interview_id", required=False)
@click.option(
    "--all", "everything", is_flag=True, help="Every interview, and résumés that were left without one."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the receipts as JSON.")
@storing
@DATABASE
def delete(
    interview_id: str | None,
    everything: bool,
    yes: bool,
    as_json: bool,
    storage: Place,
    database: Path | None,
) -> None:
    """Delete one, or all, for good, and say what was removed: no trace of the text stays in any file."""
    if (interview_id is None) == (not everything):
        raise click.UsageError("name an interview, or give --all")
    if not yes:
        click.confirm(f"Delete {'every interview' if everything else interview_id} for good?", abort=True)

    async def work(storage: Storage) -> list[Receipt]:
        from ..retention import erase_interview, every_interview

        chosen = [interview_id] if interview_id else await every_interview(storage)
        return [receipt for each in chosen if (receipt := await erase_interview(storage, each))]

    receipts = run(with_storage(storage, database, work, read_only=False))
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(receipts), indent=1))
    for receipt in () if as_json else receipts:
        click.echo(f"{receipt.interview}  {_when(receipt.at)}  {_what(receipt)}")
    click.echo(f"{len(receipts)} deleted.", err=True)
    if not receipts:
        sys.exit(1)


def _what(receipt: Receipt) -> str:
    """What was removed, in words."""
    names = {"interview": "the interview", "resume": "the résumé's text"}
    return "removed " + " and ".join(
        f"{names[each.kind]} ({_counted(each.entries, 'entry', 'entries')})" for each in receipt.removed
    )


def _counted(count: int | None, one: str, many: str) -> str:
    return f"of an unknown number of {many}" if count is None else f"{count} {one if count == 1 else many}"


@sessions.command()
@click.option(
    "--retention",
    type=AGE,
    metavar="DAYS",
    help="Erase interviews that have lain for so long, though they were to be kept for longer.",
)
@click.option(
    "--resume-retention",
    type=AGE,
    metavar="HOURS",
    help="Erase texts of résumés that have lain for so long, though they were to be kept for longer.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was erased, and why, as JSON.")
@storing
@DATABASE
def purge(*, dry_run: bool, as_json: bool, storage: Place, database: Path | None, **ages: Any) -> None:
    """Erase what is past its time, and texts of résumés whose interview is over. A server does so itself."""

    async def work(storage: Storage) -> list[Due]:
        import time

        from ..retention import due

        found = [each async for each in due(storage, time.time(), **keeping(ages))]
        return found if dry_run else [each for each in found if await storage.erase(each.log)]

    try:
        purged = run(with_storage(storage, database, work, read_only=dry_run))
    except AdapterError as error:
        if error.code != "storage_empty":
            raise
        purged = []
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(purged), indent=1))
    for each in () if as_json else purged:
        click.echo(f"{each.log}  {each.reason.replace('_', ' ')}")
    click.echo(f"{len(purged)} logs {'would be' if dry_run else 'were'} erased.", err=True)
