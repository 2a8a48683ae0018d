"""From the two commands' point of view: the real server, a real résumé behind a link, typed answers."""

from __future__ import annotations

import asyncio
import functools
import os
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from .serving import closing, exchange
from .test_cli import call, server

HERE = Path(__file__).parent
OURS = HERE / "resumes"
ANSWER = "I measured it first and rewrote the slow part myself because nobody else had time: 20 minutes."
SHARED = HERE.parents[1] / "shared" / "data" / "resumes"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving_files(folder: Path) -> Generator[int]:
    """A web server on loopback that gives the files of *folder*; its port."""
    web = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=web.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield web.server_port
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


async def interview(url: str, link: str) -> list[str]:
    async with connect(url.replace("localhost", "127.0.0.1")) as socket:
        await socket.send(f"{link};2")
        lines = [
            "start_interview",
            "difficulty:entry-level",
            f"answer:{ANSWER}",
            "difficulty:senior",
            "answer:We had a problem and we fixed it.",
            "analyze",
            "stop_interview",
        ]
        heard = [await exchange(socket, line) for line in lines]
        assert await closing(socket) == ([], 1000)
        return heard


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("folder", "name", "evidence"),
    [
        (OURS, "one_column.pdf", None),
        (SHARED, "rendercv_classic.pdf", "Nexus AI|NVIDIA|DeepMind|Apple|Princeton|Boğaziçi"),
    ],
)
def test_a_whole_interview_over_the_wire(
    folder: Path, name: str, evidence: str | None, tmp_path: Path
) -> None:
    if not folder.is_dir() and not os.environ.get("CI"):
        pytest.skip("the shared résumés are not beside this repository")
    database = tmp_path / "kept" / "interviews.db"
    with serving_files(folder) as port:
        arguments = ("--database", str(database), "--allow-fetch", f"127.0.0.1:{port}", "--seed", "1")
        with server(*arguments) as (_, _, url):
            heard = asyncio.run(interview(url, f"http://127.0.0.1:{port}/{name}"))
    assert heard[0] == "Database cleared. Please specify difficulty."
    questions = [text.removeprefix("Question asked: ") for text in (heard[1], heard[3])]
    assert all(text.startswith("Question asked: ") for text in (heard[1], heard[3]))
    assert questions[0] != questions[1]
    if evidence is not None:
        assert re.search(evidence, " ".join(questions)), questions
    assert heard[5].startswith("Analysis: ")
    assert all(question in heard[5] for question in questions)
    assert "rewrote the slow part myself" in heard[5]
    assert heard[6] == "Interview session stopped."
    listed = call("sessions", "list", "--database", str(database)).stdout
    assert "stopped" in listed
    assert "2 asked, 2 answered" in listed
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"%PDF-" in path.read_bytes()]


def test_a_link_to_this_machine_that_was_not_allowed_is_refused_over_the_wire(tmp_path: Path) -> None:
    with serving_files(OURS) as port, server("--database", str(tmp_path / "x.db")) as (_, _, url):

        async def main() -> str:
            async with connect(url.replace("localhost", "127.0.0.1")) as socket:
                return await exchange(socket, f"http://127.0.0.1:{port}/one_column.pdf;2")

        assert asyncio.run(main()).startswith("Error: Links to this machine or a private network are blocked")
