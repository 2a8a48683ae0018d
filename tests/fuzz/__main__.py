"""Run one target under atheris: ``python -m tests.fuzz entry --seconds 60``.

What is found new is kept under ``.fuzz``, and the next run begins with it; what breaks a target is left there
as a file, to be put into the corpus with the mend.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found,unused-ignore]

ROOT = Path(__file__).resolve().parents[2]

with atheris.instrument_imports(include=["interview_fsm", "idna"]):
    from .targets import CORPUS, TARGETS


def main() -> None:
    """Fuzz, and exit with an error where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    found = ROOT / ".fuzz" / asked.target
    found.mkdir(parents=True, exist_ok=True)
    os.chdir(found)  # where the fuzzer leaves what it found
    limits = [f"-max_total_time={asked.seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=2048"]
    atheris.Setup(
        [sys.argv[0], *limits, "-print_final_stats=1", str(found), str(CORPUS / asked.target)],
        TARGETS[asked.target],
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
