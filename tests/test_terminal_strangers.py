"""What strangers wrote, shown at a terminal: it commands nothing, is no markup, and none of it is missing."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from interview_fsm import cli
from interview_fsm.adapters.sqlite import SqliteStorage
from interview_fsm.cli import failing
from interview_fsm.errors import AdapterError
from interview_fsm.events import Attached, ChooseDifficulty, Entry, StartInterview
from interview_fsm.report import plain
from interview_fsm.terminal import report

from .hostile_texts import TEXTS
from .test_report_formats import FORBIDDEN, held

STYLES = [
    "[bold red]loud[/]",
    "[/nothing]",
    "[link=https://evil.example]here[/link]",
    ":warning: \\[b]",
    "[[x]",
]
"""What the library that styles the terminal takes for its own markup."""


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("text", [*TEXTS, *STYLES])
def test_feedback_on_what_strangers_wrote_commands_no_terminal_and_loses_no_letter(text: str) -> None:
    seen = io.StringIO()
    report(Console(file=seen, width=100, force_terminal=True, color_system=None), held(text))
    assert FORBIDDEN.search(seen.getvalue()) is None
    for said in ("Two answers.", "Say why.", "It cannot tell truth."):
        assert squeezed(plain(said + text)) in squeezed(seen.getvalue())


@pytest.mark.parametrize("text", [*TEXTS, *STYLES])
def test_an_error_that_quotes_strangers_commands_no_terminal(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        failing.give_up(AdapterError("model", "model_unavailable", f"The server said: {text}"))
    said = capsys.readouterr().err
    assert FORBIDDEN.search(said) is None
    assert squeezed(plain(text)) in squeezed(said)


async def keep(database: Path, difficulties: list[str]) -> None:
    storage = SqliteStorage(database)
    await storage.open()
    try:
        for number, difficulty in enumerate(difficulties):
            events = (Attached("token", "owner"), StartInterview(), ChooseDifficulty(difficulty))
            await storage.append(f"i{number}", 0, Entry(1, "a", 0.0, events))
    finally:
        await storage.aclose()


def test_a_difficulty_in_a_strangers_words_is_shown_as_it_was_written(tmp_path: Path) -> None:
    database, words = tmp_path / "interviews.db", [*TEXTS[::6], "\x1b]0;title\x07", *STYLES]
    asyncio.run(keep(database, words))
    for number, word in enumerate(words):
        done = CliRunner().invoke(cli.main, ["sessions", "show", f"i{number}", "--database", str(database)])
        assert done.exit_code == 0, done.output
        assert FORBIDDEN.search(done.output) is None
        assert squeezed(plain(word)) in squeezed(done.output)
