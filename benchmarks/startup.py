"""How long ``interview-fsm --version`` takes, beside a bare interpreter. Medians of interleaved runs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS, MOST = 21, 0.150


def _seconds(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    script = Path(sys.executable).with_name("interview-fsm")
    pairs = [
        (_seconds(sys.executable, "-c", "pass"), _seconds(str(script), "--version")) for _ in range(RUNS)
    ]
    bare, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    more = ours - bare
    times = f"bare {bare * 1e3:.0f} ms, --version {ours * 1e3:.0f} ms"
    print(f"{times}: {more * 1e3:.0f} ms more (at most {MOST * 1e3:g})")
    sys.exit(more > MOST)


if __name__ == "__main__":
    main()
