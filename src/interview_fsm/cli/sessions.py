"""``sessions``: the interviews that are kept."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AdapterError
from .options import DATABASE, STORAGE
from .running import run
from .sitting import talk
from .storing import load_entries, with_storage

if TYPE_CHECKING:
    from ..events import Head
    from ..interview import Interview
    from ..ports import Storage


@click.group()
def sessions() -> None:
    """Look at the interviews that are kept, take them with you, delete them."""


@sessions.command("list")
@click.option("--json", "as_json", is_flag=True)
@STORAGE
@DATABASE
def list_sessions(storage: str, database: Path | None, as_json: bool) -> None:
    """List them, the latest last."""

    async def work(storage: Storage) -> list[tuple[Head, Interview]]:
        from ..interview import Interview

        heads = sorted([h async for h in storage.interviews()], key=lambda head: head.updated_at)
        return [(h, Interview.replay(h.interview_id, await storage.load(h.interview_id))) for h in heads]

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
        counts = f"{row['asked']} asked, {row['answered']} answered"
        click.echo(f"{row['id']}  {row['updated']}  {row['state']:<19} {counts}")


def _row(head: Head, interview: Interview) -> dict[str, Any]:
    return {
        "id": head.interview_id,
        "updated": _when(head.updated_at),
        "state": str(interview.state),
        "asked": len(interview.turns),
        "answered": len(interview.answered),
        "version": head.version,
        "expires": _when(head.expires_at) if head.expires_at else None,
    }


def _when(at: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


@sessions.command()
@click.argument("interview_id")
@STORAGE
@DATABASE
def show(interview_id: str, storage: str, database: Path | None) -> None:
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
@STORAGE
@DATABASE
def export(interview_id: str, output: Path | None, storage: str, database: Path | None) -> None:
    """Write out everything kept of one, as JSON lines: its log, entry by entry."""
    import json

    from ..events import FORMAT, encode

    entries = run(with_storage(storage, database, lambda opened: load_entries(opened, interview_id)))
    head = json.dumps({"format": "interview_fsm.log", "version": FORMAT, "interview": interview_id})
    lines = "\n".join([head, *(encode(entry).decode() for entry in entries)]) + "\n"
    if output is None:
        click.echo(lines, nl=False)
    else:
        output.write_text(lines, encoding="utf-8")


@sessions.command()
@click.argument("interview_id", required=False)
@click.option("--all", "everything", is_flag=True, help="Every interview.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@STORAGE
@DATABASE
def delete(
    interview_id: str | None, everything: bool, yes: bool, storage: str, database: Path | None
) -> None:
    """Delete one, or all, for good: no trace of the text stays in any file."""
    if (interview_id is None) == (not everything):
        raise click.UsageError("name an interview, or give --all")
    from ..engine import RESUME_SUFFIX

    if not yes:
        click.confirm(f"Delete {'every interview' if everything else interview_id} for good?", abort=True)

    async def work(storage: Storage) -> int:
        chosen = [interview_id] if interview_id else [h.interview_id async for h in storage.interviews()]
        deleted = 0
        for each in chosen:
            await storage.erase(each + RESUME_SUFFIX)
            deleted += await storage.erase(each)
        return deleted

    deleted = run(with_storage(storage, database, work, read_only=False))
    click.echo(f"{deleted} deleted.", err=True)
    if not deleted:
        sys.exit(1)
