"""Answers that a person speaks to this machine's microphone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from rich.console import Console
from rich.text import Text

from .. import steps
from ..engine import Heard, Session
from ..errors import AdapterError
from ..events import CorrectAnswer, Question
from ..portal import Portal
from ..ports import INSTEAD
from ..report import plain
from .answers import Reader
from .showing import indented, show

IS_IT = "Is that what you said? Press Enter if it is, or type it anew."


class Voice:
    """Hears answers, and shows what is understood while it is said.

    A device or a recogniser that cannot be had is told once, and from then on answers are typed; one in which
    nothing was heard may be typed.
    """

    def __init__(self, session: Session, portal: Portal, console: Console, read: Reader) -> None:
        self._session, self._run, self._console, self._read = session, portal.run, console, read
        self._is_on = True

    def answer(self, question: Question) -> bool:
        """Whether the answer to *question* was heard, and is stored."""
        if not self._is_on:
            return False
        try:
            with self._console.status("Reading the question to you …"):
                self._run(self._session.said())
            with self._console.status("Listening … (you have finished when you fall silent)") as status:
                heard = self._run(self._heard(lambda text: status.update(Text(f"… {text[-70:]}"))))
        except AdapterError as error:
            self._is_on = error.code == "no_speech"
            said = plain(str(error))
            said += "" if said.endswith(INSTEAD) else " Type your answer."
            show(self._console, Text(said, style="yellow"))
            return False
        show(self._console, indented(Text(plain(heard), style="dim"), 2))
        self._confirm(question, heard)
        return True

    async def _heard(self, tell: Callable[[str], None]) -> str:
        with self._session.updates() as news:

            async def watch() -> None:
                async for each in news:
                    if isinstance(each, Heard):
                        tell(plain(each.text))

            watching = asyncio.create_task(watch())
            try:
                return await steps.record(self._session)
            finally:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching

    def _confirm(self, question: Question, heard: str) -> None:
        """Have an answer that was not understood surely confirmed or corrected."""
        answer = self._session.interview.turns[question.number - 1].answer
        if answer is None or not answer.unconfirmed:
            return
        show(self._console, Text(IS_IT, style="yellow"))
        typed = (self._read(question) or "").strip()
        corrected = typed if typed and not typed.startswith("/") else heard
        self._run(self._session.send(CorrectAnswer(question.number, corrected)))
