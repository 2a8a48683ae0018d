"""How long the coach takes to its first question once a résumé is read, beside bare pdfplumber reading it.

Exit 1 when the slowest first question takes more than 50 ms, or the median more than a fifth of what
bare pdfplumber takes for the same file. The résumés are the shared ones where they are beside the
repository, else the project's own. Takes half a minute.
"""

from __future__ import annotations

import asyncio
import io
import sys
import time
from pathlib import Path
from statistics import median

import pdfplumber

from interview_fsm.adapters.coach import Coach, create
from interview_fsm.events import Attached, ChooseDifficulty, Plan, StartInterview
from interview_fsm.interview import Ask, Interview
from interview_fsm.ports import Brief
from interview_fsm.resume.pdf import read_document

MOST, SHARE = 0.050, 0.2
ROUNDS = 5
ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (ROOT.parent / "shared" / "data" / "resumes", ROOT / "tests" / "resumes")


def bare(document: bytes) -> float:
    began = time.perf_counter()
    with pdfplumber.open(io.BytesIO(document)) as pdf:
        for page in pdf.pages:
            page.extract_text()
    return time.perf_counter() - began


async def first(coach: Coach, resume: str) -> float:
    interview = Interview(id="i").following([Attached(), StartInterview(Plan()), ChooseDifficulty("mid")])
    wanted = interview.activity
    assert isinstance(wanted, Ask)
    began = time.perf_counter()
    await coach.ask(Brief(interview, resume, ask=wanted))
    return time.perf_counter() - began


async def main() -> None:
    coach, times = await create(), []
    folder = next(folder for folder in FOLDERS if folder.is_dir())
    for path in sorted(folder.glob("*.pdf")):
        if path.stem in ("scanned", "encrypted"):
            continue
        document = path.read_bytes()
        text = read_document(document).text
        asked = median([await first(coach, text) for _ in range(ROUNDS)])
        times.append((path.stem, asked, bare(document)))
    for name, asked, reading in times:
        print(f"{name:24} {asked * 1e3:5.1f} ms to the first question, {reading * 1e3:6.0f} ms of pdfplumber")
    slowest, share = (
        max(asked for _, asked, _ in times),
        median(asked / reading for _, asked, reading in times),
    )
    print(
        f"slowest {slowest * 1e3:.1f} ms (at most {MOST * 1e3:g}); median {share:.2f} × pdfplumber ({SHARE})"
    )
    sys.exit(slowest > MOST or share > SHARE)


if __name__ == "__main__":
    asyncio.run(main())
