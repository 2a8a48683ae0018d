"""``demo``: an interview by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .reading import read_bytes
from .running import run
from .sitting import beginning, sit, talk

if TYPE_CHECKING:
    from ..events import Question
    from ..terminal import Reader


@click.command()
def demo() -> None:
    """Hold a whole interview by itself, offline: an invented person's résumé, answers, and the report."""
    _demo()


def _demo() -> None:
    import json
    from importlib.resources import files

    from ..events import Material, Plan

    data = files("interview_fsm") / "data"
    document = run(read_bytes((data / "demo_resume.pdf").read_bytes()))
    answers = json.loads((data / "demo_answers.json").read_text(encoding="utf-8"))
    plan = Plan(questions=3, follow_ups=1, seed=answers["seed"], resume_digest=document.digest)
    opening = beginning(Material.of(document))
    with talk() as console:
        console.print("An interview by itself: résumé and answers are an invented person's.")
        read = _demo_reader(answers)
        sit(opening, plan, answers["difficulty"], console, read, storage="memory", echo=True)


def _demo_reader(answers: dict[str, Any]) -> Reader:
    """The written answer that belongs to a question's competency; the follow-up's own."""
    by_competency, spare = dict(answers["answers"]), list(answers["spare"])

    def read(question: Question) -> str | None:
        if question.follow_up_to is not None:
            return str(answers["follow_up"])
        text = by_competency.pop(question.slot.competency, None)
        return text or (spare.pop(0) if spare else None)

    return read
