"""What is said before an interview in the terminal, and after it was left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from ..engine import Session
    from ..house import Ports


COACH_TOLD = "You talk to a program (coach: rules, not a model). Nothing leaves this machine."


def welcome(session: Session, ports: Ports, *, typing: bool, keeps: bool) -> list[str]:
    """What is said before the first question: what was read, who asks, where data goes, and how to answer."""
    from .. import terminal
    from ..views import WITHOUT_MODEL, disclosure

    interview, material = session.interview, session.material
    lines = []
    if keeps and interview.version:
        answered = len(interview.answered)
        so_far = f" {answered} answer{'s' if answered != 1 else ''} so far." if answered else ""
        lines.append(f"Welcome back.{so_far}")
    if material is not None:
        lines.append(_extent(material.resume, material.pages))
        if material.job_description.strip():
            lines.append("The questions take up what the job description asks for.")
    else:
        lines.append("Your résumé's text is no longer kept, so new questions are general.")
    told = disclosure(ports.interviewer, ports.transcriber)
    lines += [COACH_TOLD] if told == WITHOUT_MODEL else [told.speaker, told.data]
    if typing:
        lines += ["", terminal.HELP]
    return lines


def _extent(text: str, pages: int) -> str:
    from ..coaching.evidence import find_evidence

    words, pieces = len(text.split()), len(find_evidence(text))
    read = f"Read: {pages} page{'s' if pages != 1 else ''}, {words} words"
    return f"{read}, {pieces} piece{'s' if pieces != 1 else ''} that questions can build on."


def left(console: Console, session: Session, named: Path | None, *, begun: bool, lost: bool) -> None:
    """Say what is kept of an interview that was left, and how to go on.

    An answer may have been *begun*, and what was typed of it be *lost*.
    """
    interview = session.interview
    console.print()
    if not interview.version:
        console.print("The interview had not begun, so nothing is kept.")
        return
    if lost:
        console.print("The answer you were typing could not be kept: copy it from above.", style="yellow")
    answered = len(interview.answered)
    kept = f"{answered} answer{'s' if answered != 1 else ''} kept" if answered else "Kept"
    if begun and not lost:
        kept += ", and the one you had begun"
    put_command(console, f"{kept}. To go on:", spelled("practice --continue", interview.id, named))
    put_command(console, "To read it:", spelled("sessions show", interview.id, named))


def spelled(command: str, interview_id: str, named: Path | None = None) -> str:
    """*command* on an interview, as one types it; *named* is the ``--database`` that was."""
    import shlex

    where = f" --database {shlex.quote(str(named))}" if named else ""
    return f"interview-fsm {command} {interview_id}{where}"


def put_command(console: Console, words: str, command: str) -> None:
    """A command by itself on its line, so that it can be copied whole."""
    console.print(f"{words}\n  {command}", soft_wrap=True, markup=False)
