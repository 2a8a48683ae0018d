"""One interview, held."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from .. import steps
from ..coaching.levels import read_level, told
from ..engine import Session
from ..errors import InvalidCommand
from ..events import (
    Attached,
    ChooseDifficulty,
    Entry,
    NextQuestion,
    Plan,
    Question,
    StopInterview,
    SubmitAnswer,
)
from ..interview import Interview
from ..portal import Portal
from ..report import plain
from ..states import State, Trigger
from .answers import Reader
from .feedback import report
from .showing import indented, show
from .voice import Voice


class Sitting:
    """One interview held in a terminal: *read* gives the answers, *console* shows the rest.

    It blocks, so that Ctrl-C reaches it at the keyboard; the session lives in *portal*. *spent* are the
    seconds of earlier sittings. With *echo* answers are shown, because nobody has typed them here; one
    that is refused is then an error, for nobody could put it right. With a *voice* answers are spoken, as
    far as that works.
    """

    def __init__(
        self,
        session: Session,
        portal: Portal,
        console: Console,
        read: Reader,
        *,
        voice: Voice | None = None,
        echo: bool = False,
        spent: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._run, self._console = session, portal.run, console
        self._read, self._echo, self._voice = read, echo, voice
        self._clock, self._began = clock, clock() - spent
        self._has_told_mute = False

    def hold(self, plan: Plan, difficulty: str) -> Interview:
        """From where the interview is to the report; the interview, stopped.

        *plan* and *difficulty* are for one that has not got so far. Whatever ends this early, Ctrl-C or an
        error, leaves the interview in its log, to be opened again.
        """
        self._begin(plan, difficulty)
        while (question := self._question()) is not None:
            self._put(question)
            if not self._reply(question):
                break
        self._conclude()
        return self._run(self._session.send(StopInterview()))

    def _begin(self, plan: Plan, difficulty: str) -> None:
        if self._session.interview.state is State.IDLE:
            self._run(steps.start(self._session, plan))
        if self._session.interview.state is State.AWAITING_DIFFICULTY:
            self._run(self._session.send(ChooseDifficulty(difficulty)))
            self._tell_level(difficulty)

    def _tell_level(self, difficulty: str) -> None:
        said = plain(told(difficulty))
        if read_level(difficulty).recognised:
            show(self._console, Text(said, style="dim"))
        else:
            self._note(said)

    def _question(self) -> Question | None:
        """The question to be answered now; None when all have been, or the analysis has begun."""
        interview = self._session.interview
        if interview.state is not State.QUESTIONING:
            return None
        if interview.question is None:
            if Trigger.NEXT_QUESTION not in self._session.allowed:
                return None
            self._run(self._session.send(NextQuestion()))
        with self._console.status("Making the question …"):
            return self._run(steps.asked(self._session))

    def _reply(self, question: Question) -> bool:
        """Take the answer; whether to go on."""
        is_heard = self._voice is not None and self._voice.answer(question)
        self._tell_mute()
        return is_heard or self._typed(question)

    def _typed(self, question: Question) -> bool:
        while True:
            text = self._read(question)
            word = text.strip().lower() if text is not None else "/stop"
            if text is None or word == "/stop":
                return False
            if word == "/skip":
                return self._skip()
            if word == "/repeat":
                self._put(question)
            elif not word:
                self._note("That was empty. Write a sentence or two, or /skip.")
            elif self._submit(question, text.strip()):
                return True

    def _submit(self, question: Question, text: str) -> bool:
        if self._echo:
            show(self._console, indented(Text(plain(text), style="dim"), 2))
        try:
            self._run(self._session.send(SubmitAnswer(question.number, text)))
        except InvalidCommand as error:
            if self._echo:
                raise
            self._note(f"That could not be kept: {error.reason}. Try again.")
            return False
        return True

    def _skip(self) -> bool:
        if Trigger.NEXT_QUESTION not in self._session.allowed:
            return False  # the last one: on to the report
        self._run(self._session.send(NextQuestion()))
        return True

    def _conclude(self) -> None:
        self._tell_mute()
        interview = self._session.interview
        if not interview.has_answers:
            self._console.print()
            self._note("No answer was given, so there is no feedback. Try again whenever you like.")
            return
        if interview.feedback is None or interview.stale:
            self._head(f"{_count(len(interview.answered), 'answer')} given", State.ANALYZING)
            with self._console.status("Reading your answers …"):
                self._run(steps.analyze(self._session))
        report(self._console, self._session.interview)

    # ------------------------------------------------------------------------------------ what is seen

    def _put(self, question: Question) -> None:
        self._head(_title(self._session.interview, question), self._session.interview.state)
        show(self._console, Text(plain(question.text), style="bold"))
        if (by := question.provenance).fallback_from:
            show(
                self._console,
                Text(f"(by {by.adapter}; {', '.join(by.fallback_from)} could not)", style="dim"),
            )

    def _head(self, title: str, state: State) -> None:
        spent = _minutes(self._clock() - self._began)
        self._console.print()
        line = f"{title} · {_words(state)} · {spent}"
        show(self._console, Rule(line, align="left", style="dim"))

    def _tell_mute(self) -> None:
        """Say once why questions are not read aloud."""
        if self._session.mute is not None and not self._has_told_mute:
            self._has_told_mute = True
            self._note(plain(self._session.mute.message))

    def _note(self, text: str) -> None:
        show(self._console, Text(text, style="yellow"))


def spent(entries: Sequence[Entry]) -> float:
    """Seconds that the interview with these entries has gone on; the pauses between sittings left out."""
    seconds = 0.0
    for before, entry in pairwise(entries):
        if not any(isinstance(event, Attached) for event in entry.events):  # somebody came back
            seconds += max(0.0, entry.at - before.at)  # a clock may have been put back
    return seconds


def _title(interview: Interview, question: Question) -> str:
    place = f"{interview.asked} of {interview.plan.count}"
    return f"Follow-up to question {place}" if question.follow_up_to is not None else f"Question {place}"


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _words(state: State) -> str:
    return state.replace("_", " ")


def _count(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
