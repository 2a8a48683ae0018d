"""The command line as a person meets it: in a process of its own wherever that matters."""

from __future__ import annotations

import asyncio
import json
import os
import pkgutil
import re
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from websockets.asyncio.client import connect

from interview_fsm import __version__, cli
from interview_fsm.adapters import sqlite
from interview_fsm.diagram import mermaid
from interview_fsm.events import Attached, Entry, Material, decode
from interview_fsm.interview import Interview
from interview_fsm.states import State

from .serving import closing, exchange

RESUME = """# Ada Example

## Experience

Software Engineer, Quillfeather Ltd, 2019 - 2024

- Rewrote the export and cut its run time from 3 hours to 20 minutes
- Led the move of 40 services to one platform
"""
ANSWERS = "I rewrote it myself because it was slow, and it took 20 minutes.\n\nI moved them one by one."


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own: nothing is read from or written to the developer's."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resume.md").write_text(RESUME)
    (tmp_path / "answers.txt").write_text(ANSWERS)


def call(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(cli.main, arguments, **options)


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "interview_fsm", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


# ---------------------------------------------------------------------------------------- practice


def test_a_scripted_practice_prints_the_report_and_keeps_the_interview() -> None:
    done = process(
        "practice", "resume.md", "-n", "2", "-d", "entry-level", "--answers", "answers.txt", "--no-follow-ups"
    )
    assert done.returncode == 0, done.stderr
    assert "You talk to a program" in done.stdout
    assert done.stdout.index("You talk to a program") < done.stdout.index("Question 1 of 2")
    assert "Your feedback" in done.stdout
    kept = re.search(r"interview-fsm sessions show (\w+)", done.stdout)
    assert kept is not None
    shown = process("sessions", "show", kept.group(1))
    assert "I moved them one by one." in shown.stdout
    assert "stopped, difficulty entry-level" in shown.stdout


def test_a_practice_for_a_job_asks_what_the_job_asks_for(tmp_path: Path) -> None:
    (tmp_path / "job.txt").write_text("You lead and mentor a team, supervise two clerks and delegate work.")
    done = call("practice", "resume.md", "-n", "1", "--job", "job.txt", "--answers", "answers.txt", "--json")
    assert done.exit_code == 0, done.output
    assert "take up what the job description asks for" in done.output
    assert '"competency": "leadership"' in done.stdout


def test_a_practice_in_a_language_that_the_coach_does_not_know_is_refused_before_it_begins() -> None:
    done = call("practice", "resume.md", "--language", "de", "--answers", "answers.txt")
    assert done.exit_code == 4
    assert "asks and listens in English, and not in “de”: choose English" in " ".join(done.output.split())
    assert "with the plan" not in done.output
    assert json.loads(call("sessions", "list", "--json").stdout) == []


def test_a_practice_is_right_when_it_is_piped() -> None:
    done = process("practice", "resume.md", "-n", "2", "--answers", "answers.txt", "--no-follow-ups")
    assert "\x1b" not in done.stdout
    assert max(len(line) for line in done.stdout.splitlines() if "sessions show" not in line) <= 80


def test_answers_may_be_typed_into_standard_input() -> None:
    done = process("practice", "resume.md", "-n", "2", "--no-follow-ups", input=ANSWERS + "\n\n")
    assert done.returncode == 0, done.stderr
    assert "What to practise next" in done.stdout


def test_ctrl_c_keeps_what_was_said() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "interview_fsm", "practice", "resume.md", "-n", "2", "--no-follow-ups"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as practice:
        assert practice.stdin is not None
        assert practice.stdout is not None
        practice.stdin.write("Said before the end.\n\n")
        practice.stdin.flush()
        for line in practice.stdout:
            if "Question 2 of 2" in line:
                break
        practice.send_signal(signal.SIGINT)
        rest, errors = practice.communicate(timeout=20)
    assert practice.returncode == 130
    assert "Traceback" not in errors
    kept = re.search(r"interview-fsm sessions show (\w+)", rest)
    assert kept is not None
    assert "Said before the end." in process("sessions", "show", kept.group(1)).stdout


def test_the_demo_ends_by_itself_offline_with_a_report_and_keeps_nothing(tmp_path: Path) -> None:
    done = process("demo")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for text in ("Question 3 of 3", "Follow-up", "Your feedback", "What to practise next", "not a model"):
        assert text in done.stdout, text
    assert "Not answered." not in done.stdout
    assert not (tmp_path / "home").exists()


# ----------------------------------------------------------------------------------------- résumés


def test_text_is_exactly_what_an_interviewer_gets_and_json_is_everything() -> None:
    text = process("resume", "resume.md", "--text").stdout
    assert "cut its run time from 3 hours to 20 minutes" in text
    document = json.loads(process("resume", "resume.md", "--json").stdout)
    spans = [span for page in document["pages"] for span in page["spans"]]
    assert any("Quillfeather" in span["text"] for span in spans)
    assert process("resume", "-", "--text", input=RESUME).stdout == text


def test_what_was_read_is_shown_with_what_questions_may_build_on() -> None:
    shown = process("resume", "resume.md").stdout
    assert "1 page, " in shown
    assert "achievement" in shown


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("nowhere.pdf", 1, "There is no file nowhere.pdf."),
        ("http://127.0.0.1/cv.pdf", 1, "Links to this machine or a private network are blocked"),
        ("ftp://example.com/cv.pdf", 1, "There is no file ftp:"),
    ],
)
def test_a_resume_that_cannot_be_had_is_one_sentence(source: str, code: int, words: str) -> None:
    done = process("resume", source)
    assert done.returncode == code
    assert done.stdout == ""
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_link_that_nobody_answers_is_a_failure_of_the_network() -> None:
    done = process("resume", "http://127.0.0.1:9/cv.pdf", "--allow-fetch", "127.0.0.1:9")
    assert done.returncode == 5
    assert len(done.stderr.splitlines()) == 1


# --------------------------------------------------------------------------------- settings, errors


def test_a_wrong_use_is_2_and_an_unusable_setting_4(tmp_path: Path) -> None:
    assert process("practice").returncode == 2
    assert process("nonsense").returncode == 2
    done = process("serve", "--storage", "nothing", "--port", "0")
    assert done.returncode == 4
    assert "there is no adapter called 'nothing'" in done.stderr.lower()
    assert process("resume", "resume.md", "--allow-fetch", "*").returncode == 4


def test_a_missing_package_is_3_with_the_command_that_installs_it() -> None:
    blocked = "import sys; sys.modules['pygraphviz'] = None; from interview_fsm.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", blocked, "diagram", "-f", "svg"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert 'pip install "interview-fsm[diagram]"' in done.stderr


def test_settings_come_from_files_and_the_environment_and_flags_are_the_strongest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "interview-fsm.toml").write_text("[practice]\nquestions = 1\nfollow-ups = false\n")
    base = ["practice", "resume.md", "--answers", "answers.txt"]
    assert "Question 1 of 1" in call(*base).output
    monkeypatch.setenv("INTERVIEW_FSM_PRACTICE_QUESTIONS", "2")
    assert "Question 1 of 2" in call(*base).output
    assert "Question 1 of 4" in call(*base, "-n", "4").output


@pytest.mark.parametrize("content", ["questions = 1\n", "[practice\n"])
def test_a_broken_file_of_settings_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "interview-fsm.toml").write_text(content)
    done = process("resume", "resume.md")
    assert done.returncode == 4
    assert "interview-fsm.toml" in done.stderr


def test_no_traceback_without_being_asked_for() -> None:
    assert "Traceback" not in process("resume", "nowhere.pdf").stderr
    debug = process("resume", "nowhere.pdf", env={**os.environ, "INTERVIEW_FSM_DEBUG": "1"})
    assert "Traceback" in debug.stderr


# ----------------------------------------------------------------------------------------- diagram


def test_the_diagram_is_printed_or_written_in_the_format_of_its_name(tmp_path: Path) -> None:
    assert process("diagram").stdout.strip() == mermaid().strip()
    assert process("diagram", "-o", "life.dot").returncode == 0
    assert (tmp_path / "life.dot").read_text().lstrip().startswith(("digraph", "strict digraph"))


# ---------------------------------------------------------------------------------------- sessions


def practised() -> str:
    """The id of an interview that was practised."""
    done = call("practice", "resume.md", "-n", "2", "--answers", "answers.txt", "--no-follow-ups")
    found = re.search(r"sessions show (\w+)", done.output)
    assert found is not None, done.output
    return found.group(1)


def test_sessions_are_listed_shown_exported_and_deleted(tmp_path: Path) -> None:
    first, second = practised(), practised()
    listed = call("sessions", "list").output.splitlines()
    assert [line.split()[0] for line in listed] == [first, second]
    assert "2 asked, 2 answered" in listed[0]
    rows = json.loads(call("sessions", "list", "--json").output)
    assert [(row["id"], row["state"]) for row in rows] == [(first, "stopped"), (second, "stopped")]

    whole = json.loads(call("sessions", "export", first).output)
    assert (whole["format"], whole["version"], whole["interview"]) == ("interview_fsm.export", 1, first)
    again = Interview.replay(first, [decode(json.dumps(kept["entry"])) for kept in whole["log"]])
    assert again.state is State.STOPPED
    assert len(again.answered) == 2

    deleted = call("sessions", "delete", first, "--yes")
    assert deleted.exit_code == 0
    assert re.match(rf"{first}  .+  removed the interview \({len(whole['log'])} entries\)\n", deleted.stdout)
    assert call("sessions", "show", first).exit_code == 1
    assert call("sessions", "delete", first, "--yes").exit_code == 1, "it is gone already"
    (receipt,) = json.loads(call("sessions", "delete", "--all", "--yes", "--json").stdout)
    assert (receipt["interview"], receipt["removed"][0]["kind"]) == (second, "interview")
    assert call("sessions", "list").stdout == ""
    (file,) = (tmp_path / "home").rglob("interviews.db")
    traces = [path.name for path in file.parent.iterdir() if b"one by one" in path.read_bytes()]
    assert traces == []


def test_a_purge_erases_what_is_past_its_time_and_first_says_what(tmp_path: Path) -> None:
    kept = practised()
    assert json.loads(call("sessions", "purge", "--json").stdout) == []
    assert call("sessions", "purge", "--retention", "0").exit_code == 2
    soon = ("sessions", "purge", "--retention", "0.0000001")
    assert call(*soon, "--dry-run").stdout == f"{kept}  expired\n"
    assert call("sessions", "show", kept).exit_code == 0
    done = call(*soon)
    assert (done.stdout, done.stderr) == (f"{kept}  expired\n", "1 logs were erased.\n")
    assert call("sessions", "show", kept).exit_code == 1


def test_how_long_things_are_kept_is_a_setting() -> None:
    arguments = ("practice", "resume.md", "-n", "2", "--answers", "answers.txt", "--no-follow-ups")
    assert "Kept for 12 hours:" in call(*arguments, "--retention", "0.5").output
    (row,) = json.loads(call("sessions", "list", "--json").output)
    lasts = datetime.fromisoformat(row["expires"]) - datetime.fromisoformat(row["updated"])
    assert lasts == timedelta(hours=12)
    assert "Kept for 7 days:" in call(*arguments, env={"INTERVIEW_FSM_PRACTICE_RETENTION": "7"}).output


def test_a_replay_shows_an_interview_and_finds_out_a_forged_one(tmp_path: Path) -> None:
    kept = practised()
    shown = call("replay", kept)
    assert re.search(r"5 +\+\d+\.\d s  submit_answer +questioning +1: I rewrote it myself", shown.stdout)
    assert "the log is whole, and yields an interview that is stopped" in shown.stderr

    assert call("sessions", "export", kept, "-o", "whole.json").exit_code == 0
    again = call("replay", "--quiet", "whole.json")
    assert (again.exit_code, again.stdout) == (0, "")
    assert "the log yields the interview that was exported" in again.stderr
    text = Path("whole.json").read_text()
    Path("forged.json").write_text(text.replace("I rewrote it myself", "I rewrote it our-self"))
    forged = call("replay", "forged.json")
    assert forged.exit_code == 1
    assert "Version 5: it led to another interview" in forged.stderr
    events = json.loads(call("replay", "--json", "whole.json").stdout)["events"]
    assert events[-1]["state"] == "stopped"
    assert call("replay", "resume.md").exit_code == 4


def test_a_redacted_export_holds_nothing_that_was_said() -> None:
    kept = practised()
    redacted = call("sessions", "export", kept, "--redact").stdout
    Path("redacted.json").write_text(redacted)
    assert call("replay", "--quiet", "redacted.json").exit_code == 0
    said = {word for text in (RESUME, ANSWERS) for word in re.findall(r"[a-z]{5,}", text.lower())}
    assert not {word for word in said if word in redacted.lower()} - {"export"}, "its own format"
    assert kept not in redacted


def test_deleting_asks_first() -> None:
    kept = practised()
    asked = CliRunner().invoke(cli.main, ["sessions", "delete", kept], input="n\n")
    assert asked.exit_code == 1
    assert call("sessions", "show", kept).exit_code == 0
    assert call("sessions", "delete").exit_code == 2


def test_deleting_all_leaves_no_resume_that_was_left_without_its_interview() -> None:
    async def add() -> None:
        storage = await sqlite.create()
        try:
            one = Entry(1, "~r", 4e9, (Material("Nobody's."),))
            await storage.append("nobody.resume", 0, one, expires_at=4e9)
        finally:
            await storage.aclose()

    asyncio.run(add())
    receipts = json.loads(call("sessions", "delete", "--all", "--yes", "--json").stdout)
    assert [(each["interview"], each["removed"][0]["log"]) for each in receipts] == [
        ("nobody", "nobody.resume")
    ]
    assert call("sessions", "delete", "--all", "--yes").exit_code == 1, "it is gone already"


def test_an_interview_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    kept = practised()

    async def add() -> None:
        storage = await sqlite.create()
        try:
            await storage.append("later", 0, Entry(1, "c1", 4e9, (Attached(),), format=99))
        finally:
            await storage.aclose()

    asyncio.run(add())
    first, second = call("sessions", "list").stdout.splitlines()
    assert first.startswith(kept)
    assert re.match(r"later +\S+ +unreadable", second)
    assert [row["asked"] for row in json.loads(call("sessions", "list", "--json").stdout)] == [2, None]
    assert call("sessions", "delete", "later", "--yes").exit_code == 0


def test_there_are_no_sessions_before_the_first() -> None:
    done = call("sessions", "list")
    assert (done.exit_code, done.stdout) == (0, "")


# ------------------------------------------------------------------------------------------- serve


@contextmanager
def server(*arguments: str) -> Generator[tuple[subprocess.Popen[str], str, str]]:
    """A running ``interview-fsm serve``: the process, its banner, its address."""
    command = [sys.executable, "-m", "interview_fsm", "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as serving:
        assert serving.stdout is not None
        banner = ""
        for line in serving.stdout:
            banner += line
            if "Ctrl+C" in line:
                break
        found = re.search(r"ws://localhost:\d+", banner)
        try:
            assert found is not None, banner + (serving.stderr.read() if serving.stderr else "")
            yield serving, banner, found.group()
        finally:
            if serving.poll() is None:
                serving.kill()


def test_serve_says_where_it_is_how_to_talk_to_it_and_who_asks() -> None:
    with server() as (_, banner, url):
        for text in (__version__, url, "difficulty:entry-level", "not a model", "interviews.db", "30 days"):
            assert text in banner, text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_drains_at_a_signal_and_closes_1012(number: signal.Signals, tmp_path: Path) -> None:
    with server("--allow-fetch", "127.0.0.1:9") as (serving, banner, url):
        assert "127.0.0.1:9" in banner

        async def talk() -> int | None:
            async with connect(url.replace("localhost", "127.0.0.1")) as socket:
                assert (await exchange(socket, "hello")).startswith("Error: ")
                serving.send_signal(number)
                return (await closing(socket))[1]

        assert asyncio.run(talk()) == 1012
        assert serving.wait(10) == 0


def test_two_signals_end_it_at_once() -> None:
    with server() as (serving, _, _):
        serving.send_signal(signal.SIGTERM)
        serving.send_signal(signal.SIGTERM)
        # The second may arrive when all is closed and the interpreter is on its way out.
        assert serving.wait(10) in (0, -signal.SIGTERM)


def test_a_second_server_on_the_same_file_is_told_and_reading_beside_it_works() -> None:
    with server():
        second = process("serve", "--port", "0")
        assert second.returncode == 1
        assert len(second.stderr.splitlines()) == 1
        assert call("sessions", "list").exit_code == 0
        deleting = process("sessions", "delete", "--all", "--yes")
        assert deleting.returncode == 1
        assert len(deleting.stderr.splitlines()) == 1


def test_a_port_in_use_names_another() -> None:
    with server("--storage", "memory") as (_, _, url):
        port = url.rsplit(":", 1)[1]
        second = process("serve", "--storage", "memory", "--port", port)
        assert second.returncode == 1
        assert f"Port {port} is already in use" in second.stderr
        assert f"--port {int(port) + 1}" in second.stderr


# ----------------------------------------------------------------------------------------- start-up


def test_every_command_that_is_written_can_be_given() -> None:
    def reached(group: click.Group) -> Iterator[click.Command]:
        for command in group.commands.values():
            yield command
            if isinstance(command, click.Group):
                yield from reached(command)

    written = {
        value.name
        for module in pkgutil.iter_modules(cli.__path__)
        for value in vars(import_module(f"{cli.__name__}.{module.name}")).values()
        if isinstance(value, click.Command)
    }
    assert written == {command.name for command in reached(cli.main)}


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["practice", "--help"]])
def test_the_first_answers_load_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        "before = set(sys.modules)\n"  # what measures coverage may be there already
        "from interview_fsm.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "loaded = set(sys.modules) - before\n"
        "print(sorted({name.partition('.')[0] for name in loaded}), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    heavy = {"asyncio", "websockets", "pdfplumber", "httpcore2", "rich", "transitions", "sqlite3", "numpy"}
    loaded = set(json.loads(done.stderr.replace("'", '"')))
    assert loaded & heavy == set()
    assert done.stdout
