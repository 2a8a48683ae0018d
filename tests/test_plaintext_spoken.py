"""A whole interview spoken to the plain-text server's own microphone, by ALSA, PyAudio and PocketSphinx."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from interview_fsm.adapters import coach, microphone, speech_recognition
from interview_fsm.sources import Sources

from .serving import LINK, exchange, running
from .voice_fixtures import Room, clip, need_packages, nothing_is_left, quiet, room, text, word_errors

__all__ = ["nothing_is_left", "room"]

pytestmark = pytest.mark.usefixtures("nothing_is_left")

SPOKEN = ("help", "percent")


def test_a_whole_interview_is_spoken_to_the_servers_microphone(room: Room) -> None:
    need_packages("speech_recognition", "pocketsphinx")

    async def interview() -> tuple[list[str], str]:
        async with (
            aclosing(await microphone.create()) as hears,
            aclosing(await speech_recognition.create()) as understands,
            running(
                interviewer=await coach.create(),
                ports={"recorder": Sources({"microphone": hears}), "transcriber": understands},
            ) as server,
            server.connect() as socket,
        ):
            await socket.send(LINK)
            assert "Database cleared" in await exchange(socket, "start_interview")
            answers = []
            for name in SPOKEN:
                asked = await exchange(socket, "difficulty:entry-level")
                assert asked.startswith("Question asked: "), asked
                room.hears(quiet(0.5), clip(name), quiet(4))
                answers.append(await exchange(socket, "record_answer"))
            return answers, await exchange(socket, "analyze")

    answers, analysis = asyncio.run(interview())
    for name, answer in zip(SPOKEN, answers, strict=True):
        said = answer.removeprefix("Answer recorded: ")
        assert said != answer
        assert word_errors(text(name), said) <= 0.35, said
    assert analysis.startswith("Analysis: ")
