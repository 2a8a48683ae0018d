"""``report``: an interview that is kept, as text, Markdown, HTML or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import SettingError
from .options import DATABASE, Place, storing
from .running import run
from .storing import load_entries, with_storage

if TYPE_CHECKING:
    from datetime import datetime

    from ..events import Entry
    from ..interview import Interview


@click.command()
@click.argument("interview_id")
@click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice(["text", "md", "html", "json"]),
    help="[default: by the file's name, else text]",
)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False))
@storing
@DATABASE
def report(
    interview_id: str, form: str | None, output: Path | None, storage: Place, database: Path | None
) -> None:
    """Make a report of an interview that is kept: questions, answers, feedback and what it rests on."""
    from ..interview import Interview

    entries = run(with_storage(storage, database, lambda opened: load_entries(opened, interview_id)))
    suffixes = {".md": "md", ".markdown": "md", ".html": "html", ".htm": "html", ".json": "json"}
    form = form or suffixes.get(output.suffix.lower() if output else "", "text")
    written = reported(Interview.replay(interview_id, entries), form, _given_at(entries))
    if output is None:
        click.echo(written, nl=False)
        return
    try:
        output.write_bytes(written)
    except OSError as error:
        raise SettingError(f"the report cannot be written to {output}: {error.strerror}") from error


def reported(interview: Interview, form: str, made_at: datetime) -> bytes:
    """The report of *interview* in one of the forms of ``--format``."""
    from ..report import as_html, as_json, as_markdown, as_text

    if form == "json":
        return as_json(interview, made_at=made_at)
    if form == "html":
        return as_html(interview, made_at=made_at).encode()
    if form == "md":
        return as_markdown(interview, made_at=made_at).encode()
    return as_text(interview).encode() + b"\n"


def _given_at(entries: list[Entry]) -> datetime:
    """When the latest feedback was given; when the interview began, where there is none."""
    from datetime import UTC, datetime

    from ..events import FeedbackGiven

    given = [entry for entry in entries if any(isinstance(event, FeedbackGiven) for event in entry.story)]
    return datetime.fromtimestamp((given[-1] if given else entries[0]).at, UTC)
