"""What ``serve`` makes of the options of the voice, and what candidates are told of where it goes."""

import asyncio

import click
import pytest
from click.testing import CliRunner

from interview_fsm import assistant
from interview_fsm.cli import main
from interview_fsm.cli import serve as serving
from interview_fsm.cli.options import recognisers, recognising
from interview_fsm.errors import AdapterError, MissingExtra
from interview_fsm.events import Source
from interview_fsm.testing import ScriptedInterviewer, ScriptedTranscriber
from interview_fsm.views import WITHOUT_MODEL, disclosure

from .voice_fixtures import Room, nothing_is_left, room

__all__ = ["nothing_is_left", "room"]


@pytest.mark.parametrize(
    ("speak", "speech", "is_there", "expected"),
    [
        (False, None, True, {"speaker": "pyttsx3", "speech_on_demand": True}),
        (False, None, False, {}),
        (False, False, True, {}),
        (True, None, True, {"speaker": "pyttsx3"}),
        (True, True, True, {"speaker": "pyttsx3"}),
    ],
)
def test_who_is_read_to(speak, speech, is_there, expected, monkeypatch):
    monkeypatch.setattr(serving, "find_spec", lambda name: object() if is_there else None)
    assert serving._reading(speak=speak, speech=speech) == expected


def test_speech_that_was_asked_for_and_cannot_be_had_says_what_to_install(monkeypatch):
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"interview-fsm\[tts\]"):
        serving._reading(speak=False, speech=True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {}),
        (["--recogniser", "google"], {"engine": "google"}),
        (["--recogniser", "vosk", "--recogniser-model", "here"], {"engine": "vosk", "model": "here"}),
        (
            ["--recogniser", "groq", "--recogniser-url", "http://x"],
            {"engine": "groq", "base_url": "http://x"},
        ),
    ],
)
def test_a_recogniser_is_what_was_chosen_and_else_the_offline_one(arguments, expected):
    @click.command()
    @recognisers
    def command(**options):
        assert recognising(options) == expected
        assert options == {}

    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ({"device": None}, 1.8)),
        (["--microphone", "Studio", "--silence", "4"], ({"device": "Studio"}, 4.0)),
    ],
)
def test_answers_are_heard_as_was_chosen(arguments, expected, monkeypatch):
    class Seen(Exception):
        pass

    def assemble(**how):
        assert (how["recorder_options"], how["limits"].silence) == expected
        raise Seen

    monkeypatch.setattr(assistant, "assemble", assemble)
    with pytest.raises(Seen):
        CliRunner().invoke(main, ["serve", "--port", "0", *arguments], catch_exceptions=False)


@pytest.mark.parametrize("seconds", ["0", "0.4", "31", "nan"])
def test_silences_that_make_no_sense_are_refused(seconds):
    assert CliRunner().invoke(main, ["serve", "--silence", seconds]).exit_code == 2


def test_the_microphone_of_that_name_is_asked_for(room: Room, nothing_is_left):
    async def answer():
        async with assistant.assemble(storage="memory", recorder_options={"device": "Studio 3"}) as engine:
            async for _ in engine.ports.recorder.record(Source(), silence=1, done=asyncio.Event()):
                pass

    with pytest.raises(AdapterError, match="no one microphone called “Studio 3”"):
        asyncio.run(answer())


class Coach(ScriptedInterviewer):
    name = "coach"


def test_candidates_are_told_where_what_they_speak_goes():
    transcriber = ScriptedTranscriber()
    assert disclosure(Coach(), transcriber) == WITHOUT_MODEL
    transcriber.sends_to = ("api.groq.com",)
    told = disclosure(Coach(), transcriber)
    assert "go to api.groq.com" in told.data
    assert "Nothing leaves" not in told.data
    assert told.speaker == WITHOUT_MODEL.speaker
