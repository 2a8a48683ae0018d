"""Seconds per résumé beside bare pdfplumber, the shares of the child and of looking for what is hidden, and
how long the event loop was held up.

Exit 1 when the loop was held up for more than 10 ms. The résumés are the shared ones where they are beside
the repository, else the project's own; and one of 20 full pages, made here.

    python benchmarks/resumes.py
"""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import pdfplumber
from reportlab.pdfgen.canvas import Canvas

from interview_fsm.resume import pdf
from interview_fsm.resume.pdf import read_document
from interview_fsm.resume.reader import Reader

MOST_HELD = 0.010
ROUNDS = 5
BEAT = 0.001
"""Seconds between beats of the heart that notices when the loop stands still."""
ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (ROOT.parent / "shared" / "data" / "resumes", ROOT / "tests" / "resumes")


@dataclass
class Times:
    """Of one document, a value for each round: seconds, and the longest time the loop was held."""

    bare: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    xray: list[float] = field(default_factory=list)
    reader: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)

    @property
    def least_held(self) -> float:
        """What is ours comes back in every round; what other processes do does not."""
        return min(self.held)


def documents() -> Iterator[tuple[str, bytes]]:
    folder = next(folder for folder in FOLDERS if folder.is_dir())
    for path in sorted(folder.glob("*.pdf")):
        if path.stem not in ("scanned", "encrypted"):
            yield path.stem, path.read_bytes()
    yield "twenty full pages", _full(20)


def _full(pages: int) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, invariant=1)
    for _ in range(pages):
        canvas.setFont("Helvetica", 8)
        for line in range(80):
            canvas.drawString(40, 800 - 9.5 * line, "planned, built and kept a service for freight " * 2)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def bare(document: bytes) -> None:
    with pdfplumber.open(io.BytesIO(document)) as pdf:
        for page in pdf.pages:
            page.extract_text()


async def heart(longest: list[float]) -> None:
    """Note the longest time between two beats that was not asked for, until cancelled."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(BEAT)
        longest[0] = max(longest[0], time.perf_counter() - began - BEAT)


async def timed(reader: Reader, document: bytes) -> tuple[float, float]:
    """Seconds to read *document*, and the longest time the loop was held meanwhile."""
    longest = [0.0]
    beating = asyncio.create_task(heart(longest))
    await asyncio.sleep(2 * BEAT)
    began = time.perf_counter()
    await reader.read(document)
    seconds = time.perf_counter() - began
    await asyncio.sleep(2 * BEAT)
    beating.cancel()
    return seconds, longest[0]


async def idle() -> float:
    """What the heart notices when nothing is read: the machine's own pauses."""
    longest = [0.0]
    beating = asyncio.create_task(heart(longest))
    await asyncio.sleep(1.0)
    beating.cancel()
    return longest[0]


def looking(document: bytes) -> float:
    """Seconds of ``read_document`` that go to pictures of the pages."""
    took, look = 0.0, pdf.hidden

    def timed(*arguments: Any) -> list[str]:
        nonlocal took
        began = time.perf_counter()
        found = look(*arguments)
        took += time.perf_counter() - began
        return found

    pdf.hidden = timed
    try:
        read_document(document)
    finally:
        pdf.hidden = look
    return took


def _seconds(work: object, document: bytes) -> float:
    assert callable(work)
    began = time.perf_counter()
    work(document)
    return time.perf_counter() - began


def main() -> None:
    found = dict(documents())
    times = {name: Times() for name in found}
    reader = Reader(wall=60.0)
    pauses = []
    for _ in range(ROUNDS):
        pauses.append(asyncio.run(idle()))
        for name, document in found.items():
            times[name].bare.append(_seconds(bare, document))
            times[name].inside.append(_seconds(read_document, document))
            times[name].xray.append(looking(document))
            seconds, held = asyncio.run(timed(reader, document))
            times[name].reader.append(seconds)
            times[name].held.append(held)
    sys.exit(report(times, pauses))


def report(times: dict[str, Times], pauses: list[float]) -> bool:
    """Print it all; whether the loop was held for too long."""
    print(f"{'':24}{'bare':>8}{'reader':>8}{'ratio':>7}{'child':>8}{'held, least and most':>24}")
    for name, one in times.items():
        plain, ours, inside = median(one.bare), median(one.reader), median(one.inside)
        held = f"{one.least_held * 1e3:.1f} ms {max(one.held) * 1e3:7.1f} ms"
        print(f"{name:24}{plain:7.2f}s{ours:7.2f}s{ours / plain:7.2f}{1 - inside / ours:8.0%}{held:>24}")
    real = [one for name, one in times.items() if name != "twenty full pages"]
    ratio = median(median(one.reader) / median(one.bare) for one in real)
    child = median(median(one.reader) - median(one.inside) for one in real)
    print(
        f"median: {median(median(one.reader) for one in real):.2f} s each, {ratio:.2f} times bare "
        f"pdfplumber; of it the child {child:.2f} s (start, imports, pipes)"
    )
    xray = median(median(one.xray) for one in real)
    print(f"looking for what is hidden: {xray:.2f} s of it")
    worst = max(max(one.held) for one in times.values())
    print(
        f"loop held up for {worst * 1e3:.1f} ms at the longest (at most {MOST_HELD * 1e3:g}; the most of "
        f"{ROUNDS} rounds of all; an idle loop pauses {median(pauses) * 1e3:.1f} ms here)"
    )
    return worst > MOST_HELD


if __name__ == "__main__":
    main()
