"""A spoken interview at a real terminal: a loudspeaker says the question, a microphone hears the answer."""

from __future__ import annotations

import asyncio
import io
import wave
from contextlib import aclosing
from pathlib import Path

import pytest

from interview_fsm.adapters import pyttsx3

from .test_terminal_pty import at_home, practising, shown
from .voice_fixtures import Room, clip, need_packages, nothing_is_left, quiet, room, text, word_errors

__all__ = ["at_home", "nothing_is_left", "room"]

WATCH = """
import functools, shutil
from interview_fsm.adapters import microphone, pyttsx3
def note(said):
    with open("notes", "a") as notes:
        print(said, file=notes)
def watched(method, name):
    @functools.wraps(method)
    async def watching(*args, **named):
        note(name)
        async for piece in method(*args, **named):
            note(name)
            yield piece
        note(f"{{name}}: done")
        if name == "speaking":
            shutil.copy({loudspeaker!r}, "spoken")
    return watching
microphone.Microphone.record = watched(microphone.Microphone.record, "listening")
pyttsx3.Speech.speak = watched(pyttsx3.Speech.speak, "speaking")
"""
"""Writes down when a device is in use, and keeps what the loudspeaker has said last."""


async def samples_of(sentence: str) -> bytes:
    async with aclosing(await pyttsx3.create(play=False)) as speaker:
        (audio,) = [audio async for audio in speaker.speak(sentence)]
    with wave.open(io.BytesIO(audio.wav)) as file:
        return file.readframes(file.getnframes())


@pytest.mark.slow
def test_a_question_is_said_aloud_and_after_it_the_answer_is_heard_and_shown(
    room: Room, nothing_is_left: None
) -> None:
    need_packages("speech_recognition", "pocketsphinx", "pyttsx3", "espeakng_loader")
    room.hears(quiet(0.5), clip("help"), quiet(0.5), clip("percent"), quiet(5))
    watch = WATCH.format(loudspeaker=str(room.loudspeaker))
    with practising("-n", "1", "--voice", "--speak", before=watch) as terminal:
        terminal.see("Reading the question to you")
        terminal.see("Listening")
        assert terminal.end() == 0
        asked, _, rest = shown(terminal).partition(" Answer ")
        heard, told = rest.split(" + There ")[0], terminal.text
    question = asked.rpartition(" Question ")[2]
    assert word_errors(text("help", "percent"), heard) <= 0.35, heard
    assert told.index(heard[:40]) < told.index("Your feedback"), "what was understood is shown at once"
    # the loudspeaker's file begins anew with each sentence
    spoken, last = Path("spoken").read_bytes(), pyttsx3.sentences(question)[-1]
    assert len(spoken) == pytest.approx(len(asyncio.run(samples_of(last))), abs=13_000), "0.3 s"
    assert max(memoryview(spoken).cast("h")) > 3_000, "it is to be heard"
    notes = Path("notes").read_text().splitlines()
    assert notes[:3] == ["speaking", "speaking: done", "listening"], "nobody listens meanwhile"
    end = notes.index("listening: done")
    assert set(notes[2:end]) == {"listening"}, "and nothing is said while the candidate speaks"


@pytest.mark.slow
def test_without_a_loudspeaker_or_a_microphone_it_says_so_and_answers_are_typed(
    room: Room, nothing_is_left: None
) -> None:
    need_packages("speech_recognition", "pocketsphinx", "pyttsx3", "espeakng_loader")
    room.has_no_devices()
    with practising("-n", "1", "--voice", "--speak") as terminal:
        terminal.see("Type your answer")
        terminal.prompt()
        assert "No microphone was found" in shown(terminal)
        assert "Questions are not read aloud: no loudspeaker was found." in shown(terminal)
        terminal.type("I rewrote it.\r\r")
        assert terminal.end() == 0
        assert shown(terminal).count("no loudspeaker was found") == 1
