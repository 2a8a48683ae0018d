"""How soon a question is heard: from its text to the first sound, beside pyttsx3 as it comes.

Ours: the adapter, whose program is there already and gives the first sentence when it is made. Beside it a
program for each question that has pyttsx3 write all of it to a file and waits until that is there: the other
way that does not lose any. Medians of 14 questions. Takes 15 seconds.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from interview_fsm.adapters import pyttsx3

TIMES = 15
AT_LEAST = 3.0
QUESTIONS = [
    f"You have worked on project number {number}. Tell me what your own part in it was, and what you decided "
    "yourself. What would you do differently today?"
    for number in range(TIMES)
]

THEIRS = """
import ctypes, os, sys, time, espeakng_loader
ctypes.CDLL(espeakng_loader.get_library_path())
os.environ["ESPEAK_DATA_PATH"] = os.path.dirname(espeakng_loader.get_data_path())
import pyttsx3
engine = pyttsx3.init()
engine.save_to_file(sys.argv[1], sys.argv[2])
engine.runAndWait()
while pyttsx3.drivers._espeak.IsPlaying() or not os.path.exists(sys.argv[2]):
    time.sleep(0.002)
"""


async def ours() -> tuple[float, list[float]]:
    """Seconds until the first question is heard, when the program has to start; and the others."""
    found = []
    async with aclosing(await pyttsx3.create(play=False)) as speaker:
        for question in QUESTIONS:
            began = time.perf_counter()
            async with aclosing(speaker.speak(question)) as sounds:
                async for _ in sounds:
                    found.append(time.perf_counter() - began)
                    break
    return found[0], found[1:]


def theirs() -> list[float]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, question in enumerate(QUESTIONS[1:]):
            path = Path(folder) / f"{number}.wav"
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", THEIRS, question, str(path)], check=True, stdout=subprocess.DEVNULL
            )
            found.append(time.perf_counter() - began)
    return found


def main() -> int:
    first, mine = asyncio.run(ours())
    other = theirs()
    mean, peer = statistics.median(mine), statistics.median(other)
    print(
        f"first sound of a question: ours {mean * 1e3:.0f} ms ({first * 1e3:.0f} ms the first of all), "
        f"a program for each {peer * 1e3:.0f} ms: {peer / mean:.1f} times as soon"
    )
    return 0 if peer / mean >= AT_LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
