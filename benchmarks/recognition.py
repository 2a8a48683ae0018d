"""How well and how soon spoken answers are understood, beside SpeechRecognition's own ``recognize_sphinx``.

Word error rate: 20 sentences of interviews, spoken by two voices of flite, and what people read aloud, each a
recording of its own; ours in its worker, with and without hints (the question and the résumé), and
``recognize_sphinx`` on the same sound. People are never tuned on, and their hints are foreign: those of the
same résumé, which must do no harm.

Time: an answer of half a minute, spoken in real time by as many candidates as there are cores: seconds from
its end to its text, beside ``recognize_sphinx`` of all of it at the end; and the longest that the event loop
stood still meanwhile. From the same answers: how much speech one core decodes in a second, and memory.

Needs flite. Takes three minutes on two cores.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
import wave
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import jiwer
import psutil
import speech_recognition

from interview_fsm.activities import phrases
from interview_fsm.adapters.speech_recognition import Recognition
from interview_fsm.events import Transcript

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.voice_fixtures import quiet  # noqa: E402
from tests.voice_fixtures.interview import RESUME, SPOKEN  # noqa: E402
from tests.voice_fixtures.make import spoken  # noqa: E402

HUMAN = ROOT.parent / "shared" / "data" / "speech"
RATE, CHUNK = 16_000, 3_200  # bytes: a tenth of a second
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
LATEST, LONGEST_GAP = 0.3, 0.02  # seconds
AT_LEAST = 28.0  # seconds of the long answer

_WORDS = jiwer.Compose(
    [
        jiwer.ToLowerCase(),
        jiwer.RemovePunctuation(),
        jiwer.RemoveMultipleSpaces(),
        jiwer.Strip(),
        jiwer.ReduceToListOfListOfWords(),
    ]
)


def rate(said: list[str], heard: list[str]) -> float:
    return jiwer.wer(said, heard, reference_transform=_WORDS, hypothesis_transform=_WORDS)


async def sound(pcm: bytes, *, real_time: bool = False) -> AsyncIterator[bytes]:
    began = time.perf_counter()
    for at in range(0, len(pcm), CHUNK):
        yield pcm[at : at + CHUNK]
        due = began + (at + CHUNK) / (2 * RATE) if real_time else 0.0
        await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def understood(ours: Recognition, audio: AsyncIterator[bytes], question: str) -> Transcript:
    hints = phrases(question, "", RESUME)
    async with aclosing(ours.transcribe(audio, hints=hints, language="en")) as parts:
        return [part async for part in parts if isinstance(part, Transcript)][-1]


def theirs(pcm: bytes) -> str:
    try:
        audio = speech_recognition.AudioData(pcm, RATE, 2)
        return str(speech_recognition.Recognizer().recognize_sphinx(audio))
    except speech_recognition.UnknownValueError:
        return ""


def recordings() -> dict[str, list[tuple[str, str, bytes]]]:
    """(question, what was said, sound) by who said it."""
    found = {voice: [(q, text, spoken(voice, text)) for q, text in SPOKEN] for voice in ("rms", "slt")}
    people = []
    for path in sorted(HUMAN.glob("*.wav")):
        with wave.open(str(path)) as file:
            text = path.with_suffix(".txt").read_text("utf-8").strip()
            people.append(("", text, file.readframes(file.getnframes())))
    return found | ({"people": people} if people else {})


async def errors(ours: Recognition) -> bool:
    print(f"word error rate      {'recognize_sphinx':>16} {'ours, no hints':>15} {'ours':>7}")
    holds = True
    for voice, clips in recordings().items():
        said = [text for _, text, _ in clips]
        peer = rate(said, [theirs(pcm) for *_, pcm in clips])
        answers = await asyncio.gather(*(understood(ours, sound(pcm), q) for q, _, pcm in clips))
        raw = [" ".join(part.raw or part.text for part in answer.segments) for answer in answers]
        without, with_hints = rate(said, raw), rate(said, [answer.text for answer in answers])
        better = with_hints < peer
        holds = holds and better
        print(
            f"  {voice:<18} {peer:>16.3f} {without:>15.3f} {with_hints:>7.3f}"
            f"   {'better' if better else 'NOT BETTER'}"
        )
    return holds


async def watched(gaps: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.002)
        gaps.append(time.perf_counter() - before - 0.002)


async def in_time(ours: Recognition) -> bool:
    pcm = spoken("rms", SPOKEN[0][1])
    for _, text in SPOKEN[1:]:
        pcm += quiet(0.7) + spoken("rms", text)  # it ends with its last word: "done" was said at once
        if len(pcm) > AT_LEAST * 2 * RATE:
            break
    seconds = len(pcm) / (2 * RATE)
    used = sum(map(cpu_of, children()))
    gaps: list[float] = []
    watching = asyncio.create_task(watched(gaps))
    lags = await asyncio.gather(*(lagging(ours, pcm) for _ in range(CORES)))
    watching.cancel()
    used = sum(map(cpu_of, children())) - used
    memory = max(child.memory_info().rss for child in children()) / 1e6
    began = time.perf_counter()
    theirs(pcm)
    at_the_end = time.perf_counter() - began
    held = max(gaps)
    print(f"an answer of {seconds:.0f} s, {CORES} at once, in real time")
    print(
        f"  from its end to its text {max(lags):.3f} s (limit {LATEST}); all at the end: {at_the_end:.1f} s"
    )
    print(
        f"  the event loop stood still {held * 1000:.0f} ms at the longest (limit {LONGEST_GAP * 1000:.0f})"
    )
    print(
        f"  a core decodes {seconds * CORES / used:.1f} s of speech in a second; a worker has {memory:.0f} MB"
    )
    return max(lags) <= LATEST and held <= LONGEST_GAP


async def lagging(ours: Recognition, pcm: bytes) -> float:
    """Seconds from the end of *pcm* to its text."""
    ended = 0.0

    async def audio() -> AsyncIterator[bytes]:
        nonlocal ended
        async for chunk in sound(pcm, real_time=True):
            yield chunk
        ended = time.perf_counter()

    await understood(ours, audio(), SPOKEN[0][0])
    return time.perf_counter() - ended


def cpu_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def children() -> list[psutil.Process]:
    return psutil.Process().children()


async def main() -> int:
    began = time.perf_counter()
    async with aclosing(Recognition(workers=CORES)) as ours:
        better = await errors(ours)
        soon = await in_time(ours)
    print(f"took {time.perf_counter() - began:.0f} s")
    return 0 if better and soon else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
