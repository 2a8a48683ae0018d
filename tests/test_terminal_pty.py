"""An interview in a real terminal of 80 columns and 24 rows: what is typed, and what stands on the screen."""

from __future__ import annotations

import json
import os
import re
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

if os.name == "nt":
    pytest.skip("Windows has no pseudo-terminals of this kind", allow_module_level=True)

import fcntl
import termios

import pyte

COLUMNS, ROWS = 80, 24
PATIENCE = 40.0
"""Seconds to wait for something to appear: the machine may be busy."""

RESUME = """# Ada Example

## Experience

Software Engineer, Quillfeather Ltd, 2019 - 2024

- Rewrote the export and cut its run time from 3 hours to 20 minutes
- Led the move of 40 services to one platform
"""
ANSWER = "I rewrote it myself because it was slow, and it took 20 minutes."
PROGRAM = "from interview_fsm.cli import main; main()"
NEVER = """
import asyncio
from interview_fsm.adapters import coach
async def never(self, brief):
    await asyncio.Event().wait()
coach.Coach.{method} = never
"""
"""An interviewer that thinks for ever."""

LEFT, UP, BACKSPACE, CTRL_C, CTRL_A, CTRL_U = "\x1b[D", "\x1b[A", "\x7f", "\x03", "\x01", "\x15"


class Terminal:
    """A program at a pseudo-terminal, and the screen as a person sees it."""

    def __init__(self, arguments: list[str], *, before: str, env: dict[str, str], stdout: int | None) -> None:
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.screen = pyte.HistoryScreen(COLUMNS, ROWS, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        # A session whose terminal this is, so that Ctrl-C becomes a signal as it does for a person.
        claim = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"{claim}\n{before}\n{PROGRAM}", *arguments],
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **env},
            start_new_session=True,
        )
        os.close(theirs)

    @property
    def lines(self) -> list[str]:
        """All lines, those that have left the screen included."""
        above = [self._line(line) for line in self.screen.history.top]
        return above + [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines).rstrip()

    def _line(self, line: Any) -> str:
        return "".join(line[column].data for column in range(COLUMNS)).rstrip()

    def see(self, seen: str | Callable[[], bool]) -> None:
        """Wait until *seen* stands there, or is so."""
        give_up = time.monotonic() + PATIENCE
        while not (seen in self.text if isinstance(seen, str) else seen()):
            assert time.monotonic() < give_up, f"{seen!r} never came:\n{self.text}"
            assert self._read(), f"it ended before {seen!r}:\n{self.text}"

    def prompt(self) -> None:
        """Wait until a line can be typed."""
        self.see(lambda: self.text.endswith("\n>") and self.screen.cursor.x == 2)

    def type(self, keys: str, *, shows: str | Callable[[], bool] | None = None) -> None:
        """Press *keys*, and wait for what they bring onto the screen.

        A terminal throws away what waits in its line when Ctrl-C comes, so nobody may hurry.
        """
        os.write(self._ours, keys.encode())
        if shows is not None:
            self.see(shows)

    def end(self) -> int:
        """What it ends with, everything shown."""
        while self._read():
            pass
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        """Take in what comes next; False at the end."""
        assert select.select([self._ours], [], [], PATIENCE)[0], f"nothing more came:\n{self.text}"
        with suppress(OSError):  # Linux says EIO when the last one at the other end has gone
            data = os.read(self._ours, 65536)
            self.raw += data
            self._stream.feed(data)
            return bool(data)
        return False

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "INPUTRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resume.md").write_text(RESUME)


@contextmanager
def at_terminal(
    *arguments: str, before: str = "", stdout: int | None = None, **env: str
) -> Generator[Terminal]:
    terminal = Terminal(list(arguments), before=before, env=env, stdout=stdout)
    try:
        yield terminal
    finally:
        terminal.close()


def practising(
    *arguments: str, before: str = "", stdout: int | None = None, **env: str
) -> AbstractContextManager[Terminal]:
    usual = ("practice", "resume.md", "-n", "2", "--no-follow-ups", "--seed", "3")
    return at_terminal(*usual, *arguments, before=before, stdout=stdout, **env)


def shown(terminal: Terminal) -> str:
    """What the report says, without the breaks of lines."""
    return " ".join(terminal.text.split())


COLOUR = re.compile(rb"\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|9[0-7]|[34]8)[;m]")


@pytest.mark.parametrize(
    "env", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["colour", "NO_COLOR", "TERM=dumb"]
)
def test_a_whole_interview_is_typed_edited_and_reported(env: dict[str, str]) -> None:
    with practising(**env) as terminal:
        terminal.see("You talk to a program")
        terminal.see("Question 1 of 2 · questioning · 0:")
        terminal.prompt()
        terminal.type("I rewrote it myselg", shows="> I rewrote it myselg")
        terminal.type(f"{BACKSPACE}f becase", shows="> I rewrote it myself becase")
        terminal.type(f"{LEFT}{LEFT}u\r", shows="> I rewrote it myself because")
        terminal.type("it was slow.\r\r")
        terminal.see("Question 2 of 2 · questioning · ")
        terminal.prompt()
        terminal.type(UP, shows=lambda: terminal.text.endswith("\n> it was slow."))
        terminal.type(f"{CTRL_U}{ANSWER}\r\r")
        assert terminal.end() == 0
        said = shown(terminal)
        assert "Answer I rewrote it myself because it was slow. " in said
        assert f"Answer {ANSWER}"[:50] in said
        assert "Read: 1 page, " in said
        assert "2 answers given · analyzing · " in said
        assert "Your feedback" in said
        assert said.index("You talk to a program") < said.index("Question 1 of 2")
        assert bool(COLOUR.search(terminal.raw)) == (not env)
        if env.get("TERM") == "dumb":
            assert b"\x1b" not in terminal.raw


def test_no_line_is_wider_than_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "answers.txt").write_text(f"{ANSWER} " * 6 + "\n\n" + "w" * 300)
    with practising("--answers", "answers.txt") as terminal:
        assert terminal.end() == 0
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.raw.decode())
    widths = [len(line.rpartition("\r")[2]) for line in plain.replace("\r\n", "\n").split("\n")]
    assert max(widths) == COLUMNS, "a rule goes from edge to edge, and nothing over it"
    lines = plain.replace("\r", "").split("\n")
    assert len({len(line) for line in lines if set(line) == {" ", "─"}}) == 1
    rows = [re.match(r"( [12]  | {4}) (Question {4}|Answer {6}|[-+>] \w+ +)\S", line) for line in lines]
    assert len({row.end() for row in rows if row}) == 1, "the table is aligned"
    assert sum(row is not None for row in rows) > 8


def test_a_pasted_answer_with_empty_lines_is_one_answer() -> None:
    with practising() as terminal:
        terminal.see("Question 1 of 2")
        terminal.prompt()
        terminal.type("\x1b[200~First part.\n\nSecond part.\x1b[201~", shows="Second part.")
        terminal.type("\r\r")
        terminal.see("Question 2 of 2")
        terminal.prompt()
        terminal.type("/stop\r")
        assert terminal.end() == 0
        assert "Answer First part. Second part." in shown(terminal)


def continue_line(terminal: Terminal) -> list[str]:
    """The command that it says to go on with, taken apart."""
    found = re.search(r"^ {2}interview-fsm (practice --continue \w{32})$", terminal.text, re.MULTILINE)
    assert found is not None, terminal.text
    return found.group(1).split()


def test_ctrl_c_in_the_middle_of_an_answer_loses_nothing_and_continue_goes_on() -> None:
    with practising() as terminal:
        terminal.see("Question 1 of 2")
        terminal.prompt()
        terminal.type(f"{ANSWER}\r\r")
        terminal.see("Question 2 of 2")
        terminal.prompt()
        question = terminal.text.split("Question 2 of 2")[1].split("\n", 1)[1].split("\n> ")[0].strip(" >\n")
        terminal.type("It began well.\r", shows="> It began well.")
        terminal.type("Then it wen", shows="  Then it wen")
        terminal.type(CTRL_C)
        assert terminal.end() == 130
        assert "1 answer kept, and the one you had begun. To go on:" in terminal.text
        assert "Traceback" not in terminal.text
        command = continue_line(terminal)
    with at_terminal(*command) as terminal:
        terminal.see("Welcome back. 1 answer so far.")
        terminal.see("> It began well.\n  Then it wen")
        assert question in terminal.text, "the open question is put again"
        assert "You talk to a program" in terminal.text
        terminal.type("t better.\r\r")
        assert terminal.end() == 0
        assert "Answer It began well. Then it went better." in shown(terminal)
        assert "Question 1 of 2" not in terminal.text
    with at_terminal("practice", "--continue") as terminal:
        assert terminal.end() == 1
        assert "There is no interview to go on with" in terminal.text


@pytest.mark.parametrize("method", ["ask", "analyze"])
def test_ctrl_c_while_something_is_made_has_it_made_again_later(method: str) -> None:
    with practising("-n", "1", before=NEVER.format(method=method)) as terminal:
        if method == "ask":
            terminal.see("Making the question")
        else:
            terminal.see("Question 1 of 1")
            terminal.prompt()
            terminal.type(f"{ANSWER}\r\r")
            terminal.see("Reading your answers")
        terminal.type(CTRL_C)
        assert terminal.end() == 130
        continue_line(terminal)
    with at_terminal("practice", "--continue") as terminal:
        if method == "ask":
            terminal.see("Question 1 of 1")
            terminal.prompt()
            terminal.type(f"{ANSWER}\r\r")
        assert terminal.end() == 0
        assert "Your feedback" in terminal.text
        assert "+ There" in terminal.text


def test_json_goes_to_a_file_while_the_terminal_is_talked_to_and_edited_at(tmp_path: Path) -> None:
    with (
        (tmp_path / "out.json").open("wb") as out,
        practising("-n", "1", "--json", stdout=out.fileno()) as terminal,
    ):
        terminal.see("Question 1 of 1")
        terminal.prompt()
        terminal.type(f"did it.{CTRL_A}I \r\r")
        assert terminal.end() == 0
        assert "Your feedback" in terminal.text
    (question,) = json.loads((tmp_path / "out.json").read_bytes())["questions"]
    assert question["answer"]["text"] == "I did it."


def test_the_report_that_is_shown_later_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "answers.txt").write_text(ANSWER)
    with practising("-n", "1", "--answers", "answers.txt") as terminal:
        assert terminal.end() == 0
        first = terminal.text
    interview_id = first.split()[-1]
    with at_terminal("sessions", "show", interview_id) as terminal:
        assert terminal.end() == 0
        again = terminal.text
    assert report_of(first) == report_of(again)
    assert any("+ There" in line for line in report_of(again))


def report_of(text: str) -> list[str]:
    lines = text.split("\n")
    begin = next(place for place, line in enumerate(lines) if "Your feedback" in line)
    end = next(place for place, line in enumerate(lines) if "human raters" in line)
    return lines[begin : end + 1]
