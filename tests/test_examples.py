"""Every example runs as its first lines say, on a machine without a home."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from .shelf import shelf

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
TESTED = {"minimal", "server", "own_adapter", "own_questions", "own_rules"}

pytestmark = pytest.mark.skipif(
    not EXAMPLES.exists() and "CI" not in os.environ, reason="not a checkout: no examples"
)

RESUME = """# Mara Lindqvist

## Experience

**Backend engineer, Harbour Freight Systems**, 2021 – today

- Rewrote the nightly export; it went from 3 hours to 20 minutes.
- Led the move of 14 services to one deployment pipeline.
"""
ANSWER = "I rewrote the export myself, because it failed twice a week; it went from 3 hours to 20 minutes."


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "resume.md").write_text(RESUME, "utf-8")
    return tmp_path


def settings(home: Path) -> dict[str, str]:
    kept = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "VIRTUAL_ENV")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    return environment | {"HOME": str(home), "LOCALAPPDATA": str(home), "PYTHONUTF8": "1"}


def run(home: Path, *command: str, typed: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=home,
        env=settings(home),
        input=typed,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == TESTED


def test_minimal_asks_twice_and_quotes_the_answers(home: Path) -> None:
    said = run(home, str(EXAMPLES / "minimal.py"), "resume.md", typed=f"{ANSWER}\nWe did it.\n")
    assert said.count("> ") >= 2
    assert "3 hours to 20 minutes" in said.split("> ")[-1]  # in the feedback; typed text is not echoed


def test_own_adapter_quotes_the_number(home: Path) -> None:
    said = run(home, str(EXAMPLES / "own_adapter.py")).splitlines()
    assert said == ["What did you change that somebody still uses?", "A number makes it concrete. 3"]


def test_own_questions_are_asked_word_for_word(home: Path) -> None:
    said = run(home, str(EXAMPLES / "own_questions.py"))
    assert "Tell me about a time you stopped a job because it was not safe.\nWhose help" in said
    assert re.search(r"^  2 (there|missing|try): \S", said, re.MULTILINE)  # feedback reaches the last one
    assert re.search(r"^Held by plan [0-9a-f]{16}$", said, re.MULTILINE)


def test_own_rules_pass_their_own_tests(home: Path) -> None:
    said = run(home, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLES / "own_rules.py"))
    assert re.search(r"^\d{2} passed", said, re.MULTILINE)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_server_conducts_an_interview_and_ends_on_ctrl_c(home: Path) -> None:
    with shelf(home) as place:
        process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / "server.py"), "--port", "0", "--allow-fetch", place],
            cwd=home,
            env=settings(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        try:
            assert process.stdout is not None
            url = process.stdout.readline().removeprefix("Listening on ").strip()
            replies = asyncio.run(converse(url, f"http://{place}/resume.md;1"))
            process.send_signal(signal.SIGINT)
            _, complaints = process.communicate(timeout=20)
        except BaseException:
            process.kill()
            print(process.communicate()[1])
            raise
    assert [reply.split(":")[0] for reply in replies] == [
        "Database cleared. Please specify difficulty.",
        "Question asked",
        "Answer recorded",
        "Analysis",
        "Interview session stopped.",
    ]
    assert "3 hours to 20 minutes" in replies[3]
    assert (process.returncode, complaints) == (0, "")


async def converse(url: str, link: str) -> list[str]:
    lines = (link, "start_interview", "difficulty:mid", f"answer:{ANSWER}", "analyze", "stop_interview")
    async with asyncio.timeout(30), connect(url) as socket:
        for line in lines:
            await socket.send(line)
        return [str(reply) async for reply in socket]
