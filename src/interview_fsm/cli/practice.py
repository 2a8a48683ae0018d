"""``practice``: an interview here in the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .options import (
    ALLOW_FETCH,
    DATABASE,
    MICROPHONE,
    SILENCE,
    bearing,
    interviewers,
    interviewing,
    keeping,
    recognisers,
    recognising,
    retention,
)
from .reading import read, warn
from .report import reported
from .running import run
from .sitting import LATEST, beginning, going_on, sit, talk


@click.command()
@click.argument("resume", required=False)
@click.option("--questions", "-n", default=3, show_default=True, type=click.IntRange(1, 50))
@click.option("--difficulty", "-d", default="mid", show_default=True, help="Any words: entry-level, senior …")
@click.option(
    "--job", metavar="FILE", help="A job description, a file or a link, that the questions are to suit."
)
@click.option("--language", default="en", show_default=True, help="BCP 47; the coach knows English alone.")
@click.option(
    "--continue",
    "unfinished",
    is_flag=False,
    flag_value=LATEST,
    metavar="[ID]",
    help="Go on with the latest interview that was left here, or with this one, in place of RESUME.",
)
@click.option(
    "--answers",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with the answers: paragraphs, or a JSON array.",
)
@click.option("--voice", is_flag=True, help="Answer by voice, to this machine's microphone.")
@click.option("--speak", is_flag=True, help="Have questions read aloud on this machine.")
@click.option("--follow-ups/--no-follow-ups", default=True, show_default=True)
@click.option("--seed", type=int, help="Draw the same questions each time.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print questions, answers and feedback as JSON at the end; the talk goes to standard error.",
)
@retention
@recognisers
@MICROPHONE
@SILENCE
@interviewers
@DATABASE
@ALLOW_FETCH
@click.pass_context
def practice(ctx: click.Context, /, **options: Any) -> None:
    """Hold an interview here in the terminal, on RESUME: a file or a link.

    Ctrl-C leaves it and loses nothing; --continue goes on.
    """
    if (options["resume"] is None) == (options["unfinished"] is None):
        raise click.UsageError("name a résumé, a file or a link, or give --continue")
    if options["voice"] and options["answers"] is not None:
        raise click.UsageError("answers are spoken or come from a file: give --voice or --answers")
    source = ctx.get_parameter_source("database")
    hearing = recognising(options)
    if hearing and not options["voice"]:
        raise click.UsageError("--recogniser says who understands what is spoken: it goes with --voice")
    for name in ("microphone", "silence"):
        is_given = ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if is_given and not options["voice"]:
            raise click.UsageError(f"--{name} is about what is spoken: it goes with --voice")
    asking, keep = interviewing(options), keeping(options) | bearing(options)
    is_named = source is click.core.ParameterSource.COMMANDLINE
    _practice(**options, asking=asking, hearing=hearing, keep=keep, is_named=is_named)


def _practice(
    *,
    resume: str | None,
    unfinished: str | None,
    questions: int,
    difficulty: str,
    job: str | None,
    language: str,
    answers: Path | None,
    voice: bool,
    microphone: str | None,
    speak: bool,
    follow_ups: bool,
    seed: int | None,
    as_json: bool,
    database: Path | None,
    allow_fetch: tuple[str, ...],
    asking: dict[str, Any],
    hearing: dict[str, Any],
    keep: dict[str, Any],
    is_named: bool,
) -> None:
    import secrets
    from datetime import UTC, datetime

    from msgspec.structs import replace

    from .. import terminal
    from ..assistant import check_language
    from ..engine import Limits
    from ..events import CONFIRM_BELOW, Material, Plan

    if resume is not None:  # what goes on has its language already
        check_language(asking["interviewer"], language)
    script = terminal.read_answers(answers) if answers is not None else None
    plan = Plan(
        questions=questions,
        language=language,
        follow_ups=None if follow_ups else 0,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        confirm_below=CONFIRM_BELOW if voice else 0.0,
    )
    opening = going_on(unfinished or "")
    if resume is not None:
        document = run(read(resume, allow_fetch))
        warn(document)
        described = run(read(job, allow_fetch)).text if job is not None else ""
        opening = beginning(Material.of(document, described))
        plan = replace(plan, resume_digest=document.digest)
    with talk(apart=as_json) as console:
        interview = sit(
            opening,
            plan,
            difficulty,
            console,
            terminal.scripted(iter(script)) if script is not None else None,
            asking=asking,
            hearing=hearing,
            limits=Limits(**keep),
            database=database,
            echo=script is not None or not sys.stdin.isatty(),
            voice=voice,
            microphone=microphone,
            speak=speak,
            named=database if is_named else None,
        )
    if as_json:
        click.echo(reported(interview, "json", datetime.now(UTC)), nl=False)
