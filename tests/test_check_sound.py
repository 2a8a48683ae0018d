"""A try of the microphone over the wire, and how much of an answer has come when a client comes back."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from interview_fsm.adapters import speech_recognition
from interview_fsm.errors import AdapterError
from interview_fsm.jsonv1.intake import MOST_CHECKED
from interview_fsm.sources import Sources
from interview_fsm.testing import ScriptedRecorder, ScriptedTranscriber, Step

from .serving import running
from .v1_client import Client, client
from .voice_fixtures import clip, need_packages, text, word_errors

SOUND = clip("help")


async def brought(wire: Client, sound: bytes = SOUND) -> str:
    """The upload that it becomes."""
    await wire.say("begin_upload", purpose="check", name="check", size=len(sound))
    await wire.socket.send(sound)
    return str((await wire.until("upload_received"))["upload"])


def serving(transcriber: Any) -> Any:
    recorder = Sources({"stream": ScriptedRecorder(seconds=3600)})
    return running(ports={"recorder": recorder, "transcriber": transcriber})


def test_a_try_is_understood_before_the_interview_and_kept_nowhere() -> None:
    async def main() -> None:
        transcriber = ScriptedTranscriber([Step(gives="I learned to ask"), Step(gives=" ")])
        async with serving(transcriber) as server, client(server) as wire:
            created = await wire.create()
            assert "check" in created["features"]["uploads"]
            upload = await brought(wire)
            await wire.say("check_sound", upload=upload)
            assert (await wire.until("sound_checked"))["text"] == "I learned to ask"
            await wire.say("check_sound", upload=upload)
            assert (await wire.error())["code"] == "bad_message"  # it is gone
            await wire.say("check_sound", upload=await brought(wire))
            assert (await wire.until("sound_checked"))["text"] == ""
            assert [entry.version for entry in await server.storage.load(wire.session)] == [1]

    asyncio.run(main())


def test_a_try_is_ten_seconds_at_the_most() -> None:
    async def main() -> None:
        async with serving(ScriptedTranscriber()) as server, client(server) as wire:
            await wire.create()
            await wire.say("begin_upload", purpose="check", name="check", size=MOST_CHECKED + 1)
            assert (await wire.error())["code"] == "too_large"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("transcriber", "code"),
    [
        (None, "unsupported_media"),
        (
            ScriptedTranscriber([Step(raises=AdapterError("ear", "recognition_unavailable", "It is off."))]),
            "recognition_unavailable",
        ),
    ],
    ids=["nobody understands", "it fails"],
)
def test_why_a_try_is_not_understood_is_told(transcriber: Any, code: str) -> None:
    async def main() -> None:
        async with serving(transcriber) as server, client(server) as wire:
            await wire.create()
            await wire.say("begin_upload", purpose="check", name="check", size=len(SOUND))
            if transcriber is not None:
                await wire.socket.send(SOUND)
                upload = (await wire.until("upload_received"))["upload"]
                await wire.say("check_sound", upload=upload)
            problem = await wire.error()
            assert problem["code"] == code

    asyncio.run(main())


def test_a_try_is_understood_by_pocketsphinx() -> None:
    need_packages("speech_recognition", "pocketsphinx")

    async def main() -> str:
        async with (
            aclosing(await speech_recognition.create()) as transcriber,
            serving(transcriber) as server,
            client(server) as wire,
        ):
            await wire.create()
            await wire.say("check_sound", upload=await brought(wire))
            return str((await wire.until("sound_checked"))["text"])

    assert word_errors(text("help"), asyncio.run(main())) <= 0.35


def test_who_comes_back_hears_how_much_of_the_answer_has_come() -> None:
    async def main() -> None:
        async with serving(ScriptedTranscriber()) as server:
            async with client(server) as wire:
                await wire.begin()
                await wire.ask("record_answer", question=1, source="stream")
                for _ in range(3):
                    await wire.socket.send(SOUND[:3200])
                await wire.say("ping")
                await wire.until("pong")
            async with client(server) as again:
                resumed = await again.resume(wire.session, wire.token, wire.seq)
                assert resumed["heard"] == 3 * 3200
                await again.ask("discard_answer")
                assert "heard" not in await again.snapshot()

    asyncio.run(main())
