"""``eval``: an interviewer measured."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import interviewers, interviewing
from .reading import read
from .running import run as run_whole

if TYPE_CHECKING:
    from ..eval import Result


@click.command("eval")
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A JSON file of questions, each with a strong, a medium and a weak answer.",
)
@click.option(
    "--resumes",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder of résumés (PDF, TXT, MD) to ask about.",
)
@click.option("--runs", type=click.IntRange(2, 20), default=5, show_default=True)
@click.option(
    "--json", "output", type=click.Path(path_type=Path, dir_okay=False), help="Write figures there."
)
@interviewers
def evaluate(data: Path, resumes: Path | None, runs: int, output: Path | None, **options: Any) -> None:
    """Measure an interviewer: gates on its scores and, with --resumes, on its questions.

    Ends with 1 when a gate is broken. A model is called many times for each answer.
    """
    import msgspec

    from ..eval import measure, read_triples

    triples, asking = read_triples(data.read_bytes()), interviewing(options)

    async def run() -> Result:
        from ..assistant import assemble

        texts = {
            path.name: (await read(str(path), ())).text
            for path in (sorted(resumes.iterdir()) if resumes else ())
            if path.suffix.lower() in (".pdf", ".txt", ".md")
        }
        async with assemble(storage="memory", recorder=None, transcriber=None, **asking) as engine:
            return await measure(engine.ports.interviewer, triples, texts, runs=runs)

    result = run_whole(run())
    for gate in result.gates:
        click.echo(f"{'holds ' if gate.holds else 'BROKEN'}  {gate.held} of {gate.of}  {gate.name}")
        for case in dict.fromkeys(() if gate.holds else gate.broken):
            click.echo(f"          {case}")
    if output is not None:
        output.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    if not result.holds:
        sys.exit(1)
