"""An interview in the terminal: questions, typed answers, and a report worth reading."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType

from msgspec.structs import replace
from rich.box import HORIZONTALS
from rich.console import Console, RenderableType
from rich.rule import Rule
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from . import steps
from .engine import RESUME_SUFFIX, Engine, Session
from .errors import InterviewError, InvalidCommand, SettingError
from .events import (
    Attached,
    ChooseDifficulty,
    Draft,
    Entry,
    NextQuestion,
    Observation,
    Plan,
    Question,
    StopInterview,
    SubmitAnswer,
)
from .interview import Interview
from .portal import Portal
from .report import plain
from .report.cases import KINDS, NO_FEEDBACK, Case, cases
from .states import State, Trigger

HELP = (
    "An empty line ends your answer. /skip passes over, /repeat shows the question again, /stop ends"
    " with the report. Ctrl-C leaves; nothing is lost, and you can go on later."
)

MOST_COLUMNS = 100
"""Wider lines are hard to read; a wider terminal stays empty on the right."""

Reader = Callable[[Question], str | None]
"""The answer to a question, blocking; None when there are no more."""


class Sitting:
    """One interview held in a terminal: *read* gives the answers, *console* shows the rest.

    It blocks, so that Ctrl-C reaches it at the keyboard; the session lives in *portal*. *spent* are the
    seconds of earlier sittings. With *echo* answers are shown, because nobody has typed them here; one
    that is refused is then an error, for nobody could put it right.
    """

    def __init__(
        self,
        session: Session,
        portal: Portal,
        console: Console,
        read: Reader,
        *,
        echo: bool = False,
        spent: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._run, self._console = session, portal.run, console
        self._read, self._echo = read, echo
        self._clock, self._began = clock, clock() - spent

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

    def _question(self) -> Question | None:
        """The question to be answered now; None when all have been, or the analysis has begun."""
        interview = self._session.interview
        if interview.state is not State.QUESTIONING:
            return None
        if interview.question is None:
            if Trigger.NEXT_QUESTION not in interview.allowed:
                return None
            self._run(self._session.send(NextQuestion()))
        with self._console.status("Making the question …"):
            return self._run(steps.asked(self._session))

    def _reply(self, question: Question) -> bool:
        """Take the answer; whether to go on."""
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
                self._note("That was empty. Say a sentence or two, or /skip.")
            elif self._submit(question, text.strip()):
                return True

    def _submit(self, question: Question, text: str) -> bool:
        if self._echo:
            show(self._console, _indented(Text(plain(text), style="dim"), 2))
        try:
            self._run(self._session.send(SubmitAnswer(question.number, text)))
        except InvalidCommand as error:
            if self._echo:
                raise
            self._note(f"That could not be kept: {error.reason}. Try again.")
            return False
        return True

    def _skip(self) -> bool:
        if Trigger.NEXT_QUESTION not in self._session.interview.allowed:
            return False  # the last one: on to the report
        self._run(self._session.send(NextQuestion()))
        return True

    def _conclude(self) -> None:
        interview = self._session.interview
        if not interview.has_answers:
            self._note("No answer was given, so there is nothing to report on.")
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

    def _head(self, title: str, state: State) -> None:
        spent = _minutes(self._clock() - self._began)
        self._console.print()
        line = f"{title} · {_words(state)} · {spent}"
        show(self._console, Rule(line, align="left", style="dim"))

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


# -------------------------------------------------------------------------------------------- showing


def show(console: Console, what: RenderableType) -> None:
    """Print *what* at a readable width and without spaces at the ends of lines."""
    options = console.options.update(width=min(console.width, MOST_COLUMNS))
    for line in console.render_lines(what, options, pad=False):
        console.print(Segments([*_trimmed(line), Segment.line()]), end="", soft_wrap=True)


def _trimmed(line: list[Segment]) -> list[Segment]:
    while line and not line[-1].text.strip():
        line.pop()
    if line:
        text, style, control = line[-1]
        line[-1] = Segment(text.rstrip(), style, control)
    return line


def _indented(text: Text, by: int) -> RenderableType:
    grid = Table.grid(padding=0)
    grid.add_column(width=by)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_row("", text)
    grid.expand = True
    return grid


# -------------------------------------------------------------------------------------------- report

MARKS = {"there": ("+", "green"), "missing": ("-", "yellow"), "try": (">", "cyan")}
"""ASCII, so that every terminal shows them; the words beside them say the same without colour."""


def report(console: Console, interview: Interview) -> None:
    """Print questions, answers and feedback as a table, as far as there are any."""
    feedback = interview.feedback
    console.print()
    show(console, Rule("Your feedback", style="bold"))
    show(console, Text(plain(feedback.summary) if feedback else NO_FEEDBACK))
    console.print()
    show(console, _table(interview))
    if feedback and feedback.practice:
        console.print()
        show(console, Text("What to practise next", style="bold"))
        show(console, _points(feedback.practice))
    if feedback and feedback.limitations:
        console.print()
        show(console, Text(plain(feedback.limitations), style="dim"))


def _table(interview: Interview) -> Table:
    table = Table(box=HORIZONTALS, show_header=False, pad_edge=False, expand=True)
    table.add_column("No.", justify="right", no_wrap=True)
    table.add_column("What", no_wrap=True)
    table.add_column("Text", ratio=1, overflow="fold")
    number = 0
    for case in cases(interview):
        is_main = case.turn.question.follow_up_to is None
        number += is_main
        _add_question(table, case, str(number) if is_main else "")
        if case.turn.answer is None or interview.feedback:
            _add_note(table, case.note)
        for seen in case.given.observations if case.given else ():
            _add_observation(table, seen)
        table.add_section()
    return table


def _add_question(table: Table, case: Case, number: str) -> None:
    label = "Question" if number else "Follow-up"
    table.add_row(number, Text(label, style="bold"), Text(plain(case.turn.question.text), style="bold"))
    if case.turn.answer is not None:
        table.add_row("", "Answer", Text(plain(case.turn.answer.text), style="dim"))


def _add_note(table: Table, note: str) -> None:
    if note:
        table.add_row("", "", Text(note, style="dim"))


def _add_observation(table: Table, seen: Observation) -> None:
    mark, style = MARKS[seen.kind]
    text = Text(plain(seen.text))
    if seen.quote is not None:
        text.append(f"\n“{' '.join(plain(seen.quote.text).split())}”", style="italic")
    table.add_row("", Text(f"{mark} {KINDS[seen.kind]}", style=style), text)


def _points(points: Sequence[str]) -> Table:
    table = Table.grid(padding=(0, 1), pad_edge=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for place, point in enumerate(points, 1):
        table.add_row(f"{place}.", plain(point))
    return table


# ------------------------------------------------------------------------------------------- answers


class Keyboard:
    """Answers from standard input, of any number of lines; an empty line or the end of input ends one.

    At a keyboard lines can be edited, and earlier ones called back with the arrow keys, wherever Python
    has readline. Nothing of that is written to a file. A pasted text is taken whole, empty lines and all.
    """

    def __init__(self, console: Console, begun: str = "") -> None:
        self._console = console
        self._lines = begun.split("\n") if begun else []
        self._is_over = False
        _prepare_editing()

    @property
    def begun(self) -> str:
        """What has been typed and not been given yet: after Ctrl-C, the half of an answer."""
        return "\n".join(self._lines) if any(line.strip() for line in self._lines) else ""

    def __call__(self, _: Question) -> str | None:
        """The next answer; or one of /skip, /repeat, /stop; None at the end of the input."""
        if self._is_over:
            return "/stop"
        ready = self._again()
        while True:
            try:
                line = self._line(ready)
            except EOFError:
                return self._given() or None
            ready = ""
            word = line.strip().lower()
            if not word:
                return self._given()
            if word in ("/skip", "/repeat", "/stop"):
                return self._obey(word)
            self._lines.append(line)

    def _obey(self, word: str) -> str:
        """What a command means for the lines above it: /skip drops them, /repeat and /stop do not."""
        if word == "/skip":
            self._lines = []
        if word == "/stop" and self.begun:
            self._is_over = True
            return self._given()
        return word

    def _given(self) -> str:
        lines, self._lines = self._lines, []
        return "\n".join(lines)

    def _again(self) -> str:
        """Show the lines there are already; the last one to be edited, where it can be."""
        ready = self._lines.pop() if self._lines and _readline() else ""
        for place, line in enumerate(self._lines):
            print(_prompt(place) + plain(line))
        return ready

    def _line(self, ready: str) -> str:
        prompt = _prompt(len(self._lines))
        if not _edits():
            if sys.stdin.isatty():
                self._console.print(prompt, end="")
            return input()
        try:
            with _filled_in(ready):
                return input(prompt)  # the prompt must be input()'s own, or editing would run over it
        except KeyboardInterrupt:
            if (readline := _readline()) is not None:
                self._lines.append(readline.get_line_buffer())
            print()
            raise


def _prompt(place: int) -> str:
    return "  " if place else "> "


def _edits() -> bool:
    """Whether input() lets a person edit: only with both ends at a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _readline() -> ModuleType | None:
    """The module that edits lines; None where there is none, or nobody who types."""
    with suppress(ImportError):
        return import_module("readline") if _edits() else None
    return None


def _prepare_editing() -> None:
    readline = _readline()
    if readline is not None and os.environ.get("TERM", "dumb") != "dumb":
        # Python turns it off for its own prompt's sake; here it keeps a pasted text with empty lines
        # from being taken for several answers.
        readline.parse_and_bind("set enable-bracketed-paste on")


@contextmanager
def _filled_in(text: str) -> Generator[None]:
    """Has *text* stand in the line that is read next, as if it had been typed."""
    readline = _readline()
    if readline is None or not text:
        yield
        return
    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        yield
    finally:
        readline.set_startup_hook()


async def keep_begun(engine: Engine, session: Session, text: str) -> bool:
    """Keep the half of an answer with the résumé's text, and as long; whether it is kept."""
    question, material = session.interview.open_question, session.material
    if text == begun(session):
        return bool(text)
    if question is None or material is None:
        return False
    log_id = session.interview.id + RESUME_SUFFIX
    with suppress(InterviewError):
        entries = await engine.storage.load(log_id)
        version, expires_at = entries[-1].version, entries[0].at + engine.limits.resume
        kept = replace(material, draft=Draft(question.number, text) if text else None)
        entry = Entry(version + 1, f"~{secrets.token_hex(8)}", time.time(), (kept,))
        await engine.storage.append(log_id, version, entry, expires_at=expires_at)
        return True
    return False


def begun(session: Session) -> str:
    """The half of an answer to the open question that was kept; empty where there is none."""
    question = session.interview.open_question
    draft = session.material.draft if session.material else None
    return draft.text if draft and question and draft.question == question.number else ""


def scripted(answers: Iterator[str]) -> Reader:
    """Answers that were written down before."""
    return lambda _: next(answers, None)


def read_answers(path: Path) -> list[str]:
    """The answers in a file: a JSON array of strings, or paragraphs with empty lines between them."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"the answers in {path} cannot be read: {error}") from error
    if text.lstrip().startswith("["):
        with suppress(json.JSONDecodeError):
            answers = json.loads(text)
            if all(isinstance(answer, str) for answer in answers):
                return list(answers)
        raise SettingError(f"{path} is no JSON array of strings")
    return [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
