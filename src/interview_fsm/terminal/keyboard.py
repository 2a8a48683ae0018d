"""Answers that a person types."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType

from rich.console import Console

from ..events import Question
from ..report import plain

HELP = """\
Type your answer, over as many lines as you like. An empty line ends it.
  /skip    passes over the question
  /repeat  shows it again
  /stop    ends with the report
  Ctrl-C   leaves; nothing is lost, and you can go on later"""


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
