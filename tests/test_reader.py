"""The reader and its children: every limit is shown from outside, on real processes."""

from __future__ import annotations

import asyncio
import io
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import uvloop
from reportlab.pdfgen.canvas import Canvas

from interview_fsm.errors import ResumeError
from interview_fsm.events import Resume
from interview_fsm.ports import ResumeReader
from interview_fsm.resume import pdf, reader
from interview_fsm.resume.reader import Reader
from interview_fsm.resume.worker import CPU, MEMORY

from . import hostile, left
from .make_resumes import FOLDER

IN_FULL = os.environ.get("INTERVIEW_FSM_SOAK") == "1"
GOOD = (FOLDER / "one_column.pdf").read_bytes()
HANGS = hostile.self_reference()
LONG = 60.0
"""Seconds that nothing here takes: what ends sooner was ended by something else."""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="shown by /proc")


def refusal(document: bytes, **settings: float) -> ResumeError:
    """What reading *document* raises."""
    with pytest.raises(ResumeError) as caught:
        asyncio.run(Reader(**settings).read(document))  # type: ignore[arg-type]
    return caught.value


async def until(there: Callable[[], object]) -> None:
    """Wait for something another process does."""
    give_up = time.monotonic() + LONG
    while not there():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.005)


def children() -> list[psutil.Process]:
    """Readers' children that are alive and have become what they are to be."""
    found = []
    for child in psutil.Process().children():
        try:
            if "interview_fsm.resume.worker" in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def confined(child: psutil.Process) -> bool:
    """Whether the last of its limits has been set."""
    limits = Path(f"/proc/{child.pid}/limits").read_text()
    return "Max open files            8 " in limits


def written(*pages: str) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, invariant=1)
    for text in pages:
        canvas.drawString(50, 700, text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


# ----------------------------------------------------------------------------------- what is read


def test_it_is_a_resume_reader() -> None:
    port: ResumeReader = Reader()
    assert asyncio.run(port.read(GOOD)).text.startswith("Tomasz Ferreira\nRegistered Nurse\n")


def test_it_reads_under_uvloop_too() -> None:
    assert uvloop.run(Reader().read(GOOD)).media_type == "application/pdf"


def test_a_pdf_may_have_something_before_its_header() -> None:
    mailed = b"Content-Type: application/pdf\r\n\r\n" + GOOD
    assert "Saint Orwin Hospital" in asyncio.run(Reader().read(mailed)).text
    assert refusal(b"\0" * 1_020 + GOOD).code == "resume_not_pdf"


def test_more_than_twenty_pages_are_cut_with_a_warning() -> None:
    pages = [f"Page of the year {2000 + number}" for number in range(23)]
    resume = asyncio.run(Reader().read(written(*pages)))
    assert len(resume.pages) == 20
    assert resume.text.endswith("Page of the year 2019")
    (warning,) = resume.warnings
    assert warning.message == "Only the first 20 pages were read. The rest was left out."


def test_pages_that_take_too_long_are_left_out_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than refusing all of it: what was read first is worth more than nothing."""
    clock = iter(range(100))
    monkeypatch.setattr(pdf, "LONG", 2.0)
    monkeypatch.setattr(pdf, "process_time", lambda: float(next(clock)))
    resume = pdf.read_document(written("Anselm Duquesne", "clocks and watches", "towers", "bells"))
    assert resume.text == "Anselm Duquesne\n\nclocks and watches"
    assert [warning.code for warning in resume.warnings] == ["first_pages"]


def test_a_page_that_cannot_be_read_is_left_out_with_a_warning() -> None:
    whole = written("Anselm Duquesne", "clocks and watches")
    box = b"/MediaBox [ 0 0 595.2756 841.8898 ]"
    resume = pdf.read_document(whole.replace(box, b"/MediaBox [ 0 0 ]".ljust(len(box)), 1))
    assert [page.number for page in resume.pages] == [2]
    assert [(warning.code, warning.page) for warning in resume.warnings] == [("page_unreadable", 1)]


def test_very_long_texts_are_cut_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_CHARACTERS", 20)
    resume = pdf.read_document(written("Anselm Duquesne", "clocks and watches", "towers"))
    assert resume.text == "Anselm Duquesne\n\nclock"
    assert [warning.code for warning in resume.warnings] == ["first_pages", "text_cut"]


# ------------------------------------------------------------------------------- what is refused


def test_ten_megabytes_are_enough() -> None:
    error = refusal(b"%PDF-" + b" " * (23 * 1024 * 1024))
    assert error.code == "resume_too_large"
    assert str(error) == ("That file has 23 MB; the limit is 10 MB. Leave out pictures, or paste the text.")
    assert "10.1 MB" in str(refusal(b"%PDF-" + b" " * (10 * 1024 * 1024 + 60_000)))


@pytest.mark.parametrize(
    "document", [b"\x7fELF\x01\0\0", b"GIF89a\0\x01", b"\xff\xfeA\0n\0", "Küster".encode("latin-1")]
)
def test_what_is_neither_pdf_nor_text_is_refused(document: bytes) -> None:
    error = refusal(document)
    assert (error.code, error.retryable) == ("resume_not_pdf", False)
    assert str(error) == "That file is neither a PDF nor plain text. Export it as PDF, or paste the text."


@pytest.mark.parametrize("document", [b"", b" \n\t\n", "\ufeff\u200b".encode()])
def test_an_empty_file_is_refused(document: bytes) -> None:
    assert refusal(document).code == "resume_empty"


def test_a_blank_pdf_is_not_called_a_scan() -> None:
    assert str(refusal(written(""))) == (
        "This PDF has no text (0 characters on 1 page). Export it as text, or paste the text."
    )


def test_every_refusal_is_a_sentence_with_the_way_out() -> None:
    errors = [reader.unreadable(kind) for kind in (*reader._UNREADABLE, "unheard of")]
    errors += [reader.busy(), reader.too_large(1 << 30)]
    for error in errors:
        assert str(error)[0].isupper()
        assert str(error).endswith(".")
        assert any(way in str(error) for way in ("paste the text", "Try again"))
    assert errors[-3].kind == "crashed"


# ---------------------------------------------------------------------------------- the limits


@linux_only
def test_memory_is_limited() -> None:
    assert refusal(hostile.widths(), memory=160 << 20, wall=LONG).kind == "memory"


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_computing_is_limited() -> None:
    error = refusal(HANGS, cpu=1, wall=LONG)
    assert (error.code, error.kind) == ("resume_unreadable", "cpu")
    assert str(error) == "This PDF takes too long to read. Export it again, or paste the text."


def test_the_wall_clock_is_limited() -> None:
    began = time.monotonic()
    assert refusal(HANGS, wall=0.5).kind == "timeout"
    assert time.monotonic() - began < LONG / 2


def test_what_the_child_says_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_REPLY", 1_000)
    assert refusal(GOOD, wall=LONG).kind == "output"


@linux_only
def test_a_child_has_nothing_but_its_pipes() -> None:
    async def look() -> None:
        reading = asyncio.create_task(Reader(wall=LONG).read(HANGS))
        await until(lambda: children() and confined(children()[0]))
        (child,) = children()
        proc = Path(f"/proc/{child.pid}")
        limits = {
            line[:26].strip(): line[26:47].split() for line in (proc / "limits").read_text().splitlines()
        }
        assert limits["Max address space"] == [str(MEMORY)]
        assert limits["Max cpu time"] == [str(CPU)]
        assert limits["Max file size"] == limits["Max core file size"] == ["0"]
        assert (proc / "environ").read_bytes() == b""
        assert "NoNewPrivs:\t1" in (proc / "status").read_text()
        assert os.getpgid(child.pid) == child.pid != os.getpgrp()
        assert child.cwd() == "/"
        if os.geteuid() == 0:
            assert os.readlink(proc / "ns" / "net") != os.readlink("/proc/self/ns/net")
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    asyncio.run(look())


CONFINED = """
import os, sys
from interview_fsm.resume.worker import Limits, confine
networked = confine(Limits(os.getppid()))
"""


def confined_run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run *code* where a child's parser would run."""
    command = [sys.executable, "-I", "-c", CONFINED + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)


@linux_only
def test_a_child_reaches_no_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        code = "import socket\nprint(networked)\nsocket.create_connection(('127.0.0.1', int(sys.argv[1])))"
        run = confined_run(code, server.getsockname()[1])
        if run.stdout.strip() == "True" and os.geteuid() != 0:
            pytest.skip("this host does not let a process give up the network")
        assert "OSError" in run.stderr
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
def test_a_child_writes_no_file(tmp_path: Path) -> None:
    run = confined_run("with open(sys.argv[1], 'w') as file:\n    file.write('a')", tmp_path / "left")
    assert "File too large" in run.stderr
    assert (tmp_path / "left").read_bytes() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
def test_a_child_opens_few_files() -> None:
    run = confined_run("held = [os.open(os.devnull, os.O_RDONLY) for _ in range(8)]")
    assert "Too many open files" in run.stderr


@linux_only
def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    document = tmp_path / "hangs.pdf"
    document.write_bytes(HANGS)
    code = (
        "import asyncio, pathlib, sys\nfrom interview_fsm.resume.reader import Reader\n"
        "asyncio.run(Reader(wall=60, cpu=60).read(pathlib.Path(sys.argv[1]).read_bytes()))"
    )
    parent = psutil.Popen([sys.executable, "-c", code, str(document)])
    asyncio.run(until(lambda: parent.children() and confined(parent.children()[0])))
    (child,) = parent.children()
    parent.kill()
    parent.wait()
    asyncio.run(until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE))


def test_a_child_that_is_killed_is_a_refusal() -> None:
    async def kill() -> ResumeError:
        reading = asyncio.create_task(Reader(wall=LONG).read(HANGS))
        await until(children)
        children()[0].kill()
        with pytest.raises(ResumeError) as caught:
            await reading
        return caught.value

    error = asyncio.run(kill())
    assert (error.code, error.kind) == ("resume_unreadable", "crashed")


def test_a_host_without_a_process_to_spare_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*_arguments: object, **_options: object) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", none)
    error = refusal(GOOD)
    assert (error.code, error.retryable) == ("busy", True)


# ------------------------------------------------------------------------- how many, and the end


def test_a_cancelled_read_leaves_no_process() -> None:
    async def cancel() -> None:
        reading = asyncio.create_task(Reader(wall=LONG).read(HANGS))
        await until(children)
        (child,) = children()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert not psutil.pid_exists(child.pid)

    asyncio.run(cancel())


def test_a_read_cancelled_while_its_child_starts_leaves_no_process() -> None:
    async def cancel(turns: int) -> None:
        reading = asyncio.create_task(Reader(wall=LONG).read(HANGS))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert left.children() == []

    for turns in range(6):
        asyncio.run(cancel(turns))


def test_two_are_read_at_once_then_some_wait_then_the_reader_is_busy() -> None:
    async def crowd() -> None:
        reader = Reader(at_once=2, queue=3, wall=LONG)
        readings = [asyncio.create_task(reader.read(HANGS)) for _ in range(5)]
        await until(lambda: len(children()) == 2)
        with pytest.raises(ResumeError) as caught:
            await reader.read(GOOD)
        assert (caught.value.code, caught.value.retryable) == ("busy", True)
        assert str(caught.value) == "Many résumés are being read right now. Try again in a few seconds."
        assert len(children()) == 2
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)
        assert left.children() == []
        assert (await reader.read(GOOD)).text

    asyncio.run(crowd())


def test_who_waits_in_the_queue_has_the_whole_time_afterwards() -> None:
    async def wait() -> str:
        reader = Reader(at_once=1, wall=LONG)
        first = asyncio.create_task(reader.read(HANGS))
        await until(children)
        second = asyncio.create_task(reader.read(GOOD))
        first.cancel()
        return (await second).text

    assert "Tomasz Ferreira" in asyncio.run(wait())


def test_a_long_text_is_read_in_a_child() -> None:
    text = "Anselm Duquesne, clocks\n" * 4_000
    resume = asyncio.run(Reader().read(text.encode()))
    assert (resume.text, resume.media_type) == (text.strip(), "text/plain")
    assert refusal(text.encode("utf-16")).code == "resume_not_pdf"
    assert refusal(b" " * 100_000).code == "resume_empty"


def test_text_is_read_while_all_children_work() -> None:
    async def crowd() -> str:
        reader = Reader(at_once=1, queue=0, wall=LONG)
        hanging = asyncio.create_task(reader.read(HANGS))
        await until(children)
        text = (await reader.read(b"Anselm Duquesne, clocks")).text
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
        return text

    assert asyncio.run(crowd()) == "Anselm Duquesne, clocks"


def test_closing_ends_what_is_read_and_takes_no_more() -> None:
    async def close() -> None:
        reader = Reader(at_once=1, wall=LONG)
        readings = [asyncio.create_task(reader.read(HANGS)) for _ in range(2)]
        await until(children)
        await reader.aclose()
        await reader.aclose()
        ended = await asyncio.gather(*readings, return_exceptions=True)
        assert [getattr(error, "code", error) for error in ended] == ["busy", "busy"]
        assert left.children() == []
        with pytest.raises(ResumeError, match="Try again"):
            await reader.read(GOOD)

    asyncio.run(close())


# -------------------------------------------------------------------------------- hostile documents


def ends(make: Callable[[], bytes], **settings: float) -> str:
    """How reading ends: with a refusal's kind, or with a bounded text."""
    try:
        resume = asyncio.run(Reader(**settings).read(make()))  # type: ignore[arg-type]
    except ResumeError as error:
        assert error.code in ("resume_unreadable", "resume_empty")
        return error.kind
    assert len(resume.text) < 2 * pdf.MAX_CHARACTERS
    return "text"


@pytest.mark.parametrize("make", hostile.QUICK, ids=lambda make: make.__name__)
def test_a_broken_pdf_ends_by_itself(make: Callable[[], bytes]) -> None:
    assert ends(make, wall=LONG) in ("malformed", "no_text", "text")


@pytest.mark.slow
def test_damaged_pdfs_end_in_a_text_or_a_refusal() -> None:
    """Bytes changed, cut out and doubled at random places of small PDFs."""

    async def read_all(documents: list[bytes]) -> list[object]:
        reader = Reader(queue=len(documents))
        return await asyncio.gather(*map(reader.read, documents), return_exceptions=True)

    whole = [path.read_bytes() for path in sorted(FOLDER.glob("*.pdf")) if path.stem != "scanned"]
    damaged = [damage(whole[seed % len(whole)], seed) for seed in range(2_000 if IN_FULL else 24)]
    for end in asyncio.run(read_all(damaged)):
        if isinstance(end, ResumeError):
            assert end.code in ("resume_unreadable", "resume_empty", "resume_not_pdf")
            assert end.kind != "crashed"
        else:
            assert isinstance(end, Resume)


def damage(document: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    hurt = bytearray(document)
    for _ in range(chance.choice((1, 3, 20))):
        at = chance.randrange(8, len(hurt))
        match chance.randrange(3):
            case 0:
                hurt[at] = chance.randrange(256)
            case 1:
                del hurt[at : at + chance.randrange(1, 40)]
            case _:
                hurt[at:at] = hurt[at : at + chance.randrange(1, 40)]
    return bytes(hurt)


@pytest.mark.slow
@pytest.mark.parametrize("make", hostile.SLOW, ids=lambda make: make.__name__)
def test_a_hostile_pdf_is_ended_by_a_limit(make: Callable[[], bytes]) -> None:
    """In full with the limits a server has; else with small ones: who ends it is the same."""
    limits = {} if IN_FULL else {"wall": 2.0, "cpu": 1, "memory": 256 << 20}
    document = make()
    began = time.monotonic()
    # crashed: where memory runs out inside a library in C, it may die before anybody can say of what
    named = ("timeout", "cpu", "memory", "crashed", "malformed", "output", "text")
    assert ends(lambda: document, **limits) in named
    assert time.monotonic() - began < 12.0
