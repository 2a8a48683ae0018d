"""Answers that come as sound files: every kind that is taken, and what a stranger might send instead."""

import asyncio
import hashlib
import io
import os
import re
import struct
from contextlib import aclosing

import pytest

from interview_fsm import confinement
from interview_fsm.adapters import files, speech_recognition
from interview_fsm.adapters.files import Files
from interview_fsm.errors import AdapterError, MissingExtra, ResumeError, SettingError
from interview_fsm.events import Source
from interview_fsm.resume.replies import AUDIO
from interview_fsm.sound import audio_type
from interview_fsm.sources import Sources
from interview_fsm.testing import ScriptedTranscriber, voice

from .serving import running
from .test_one_fetcher import PACKAGE, imported
from .v1_client import client, happened
from .voice_fixtures import children, clip, need_packages, nothing_is_left, quiet, text, word_errors

__all__ = ["nothing_is_left"]

pytestmark = pytest.mark.usefixtures("nothing_is_left")

HELP, PERCENT = clip("help"), clip("percent")
SAID = quiet(0.3) + HELP + quiet(3) + PERCENT + quiet(0.3)
"""With a pause in it that would end an answer at a microphone."""

KINDS = {
    "wav": ("wav", "pcm_s16le", 44_100, "audio/wav"),
    "wav24": ("wav", "pcm_s24le", 48_000, "audio/wav"),
    "flac": ("flac", "flac", 16_000, "audio/flac"),
    "ogg": ("ogg", "vorbis", 44_100, "audio/ogg"),
    "opus": ("ogg", "libopus", 48_000, "audio/ogg"),
    "mp3": ("mp3", "libmp3lame", 44_100, "audio/mpeg"),
    "m4a": ("ipod", "aac", 44_100, "audio/mp4"),
    "webm": ("webm", "libopus", 48_000, "audio/webm"),
}


@pytest.fixture(autouse=True)
def decoder():
    need_packages("av")


def encoded(kind, pcm=SAID, *, layout="stereo"):
    """*pcm* as a file of this kind."""
    import av

    container, codec, rate, _ = KINDS[kind]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        stream.codec_context.options = {"strict": "experimental"}  # for vorbis
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate)
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
        frame.planes[0].update(pcm)
        frame.rate = 16_000
        fifo = av.AudioFifo()
        for each in resampler.resample(frame):
            fifo.write(each)
        while piece := fifo.read(stream.frame_size or 4096, partial=True):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


async def brought(file):
    for at in range(0, len(file), 65_536):
        yield file[at : at + 65_536]


def decode(file, **options):
    async def once():
        async with aclosing(Files(**options)) as reader:
            sound = reader.record(
                Source("upload", "u1"), silence=1, done=asyncio.Event(), brought=brought(file)
            )
            async with aclosing(sound):
                return b"".join([chunk async for chunk in sound])

    return asyncio.run(once())


def refused(file, code, words, **options):
    with pytest.raises(AdapterError, match=words) as caught:
        decode(file, **options)
    assert caught.value.code == code
    assert "type your answer" in str(caught.value)
    assert children() == []


# ---------------------------------------------------------------------------------------- what is taken


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_file_is_taken_whole(kind):
    file = encoded(kind)
    assert audio_type(file) == KINDS[kind][3]
    sound = decode(file)
    assert len(sound) == pytest.approx(len(SAID), rel=0.02), "its pause ended nothing"
    loud = [
        max(map(abs, memoryview(part).cast("h"))) for part in (sound[9_600:40_000], sound[-80_000:-9_600])
    ]
    assert min(loud) > 2_000, "and both of its sentences are there"


def test_what_does_not_lose_anything_gives_the_very_sound():
    assert decode(encoded("flac", layout="mono")) == SAID


def test_a_file_that_breaks_off_is_an_answer_as_far_as_it_goes():
    file = encoded("webm")
    sound = decode(file[: len(file) // 2])
    assert 0.3 < len(sound) / len(SAID) < 0.7


@pytest.mark.slow
def test_what_is_in_a_file_is_understood():
    need_packages("speech_recognition", "pocketsphinx")

    async def heard():
        async with aclosing(await speech_recognition.create()) as transcriber, aclosing(Files()) as reader:
            file = encoded("mp3")
            sound = reader.record(Source("upload"), silence=1, done=asyncio.Event(), brought=brought(file))
            parts = transcriber.transcribe(sound, hints=(), language="en")
            async with aclosing(sound), aclosing(parts):
                return [part async for part in parts][-1].text

    said = asyncio.run(heard())
    assert word_errors(text("help", "percent"), said) <= 0.35, said


def test_the_limited_child_alone_decodes():
    parsers = re.compile(r"\b(av|audioread|pydub|soundfile|torchaudio)\b")
    sources = {path.name: path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    decoding = {
        name for name, source in sources.items()
        if parsers.search(source) and any(parsers.match(module) for module in imported(source))
    }  # fmt: skip
    assert decoding == {"_files_worker.py"}


# ------------------------------------------------------------------------------------- what is refused

SDP = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"
PLAYLIST = b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/one.ts\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    "file", [SDP, PLAYLIST, b"ffconcat version 1.0\nfile /etc/passwd\n", b"%PDF-1.7", b"MZ", os.urandom(999)]
)
def test_what_is_no_sound_file_is_refused_unread(file, monkeypatch):
    monkeypatch.setattr(files, "confined", None)
    refused(b"." + file, "unsupported_media", "wav, flac, ogg")


@pytest.mark.parametrize(
    "mark", [b"OggS", b"fLaC", b"ID3", b"\x1aE\xdf\xa3", b"\0\0\0 ftypM4A ", b"RIFF0000WAVE"]
)
def test_what_only_says_that_it_is_one_is_damaged(mark):
    refused(mark + SDP + bytes(range(256)) * 20, "audio_unusable", "damaged|no sound")


def test_an_index_that_is_missing_is_damage():
    file = encoded("m4a")
    refused(file[: len(file) // 2], "audio_unusable", "damaged")


def test_a_film_without_sound():
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as out:
        stream = out.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 64
        out.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        out.mux(stream.encode(None))
    refused(file.getvalue(), "audio_unusable", "no sound")


def test_empty_and_large_files():
    refused(b"", "audio_unusable", "empty")
    refused(b"fLaC" + bytes(files.MOST_BYTES), "too_large", "10 MB")


def test_hours_in_a_small_file_are_counted_while_they_are_read():
    file = encoded("flac", bytes(32_000 * 600), layout="mono")
    assert len(file) < 1_000_000
    refused(file, "too_large", "longer than 5 minutes")


def test_a_length_that_is_a_lie():
    data = SAID[:3200]
    head = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    assert decode(head + b"data\xff\xff\xff\xff" + data) == data


@pytest.mark.parametrize(
    ("limits", "words"), [({"wall": 0.01}, "too long"), ({"memory": 80 * 2**20}, "|damaged")]
)
def test_a_decoder_has_limits(limits, words):
    refused(encoded("flac", layout="mono"), "audio_unusable", words, **limits)


def test_a_decoder_that_hangs_is_ended_and_nothing_is_left(monkeypatch):
    """In the real child, as a native library hangs: no file is known that does it to PyAV's."""
    begin = """
import ctypes
from interview_fsm.adapters import _files_worker as worker
worker._pcm = lambda file: ctypes.CDLL(None).pause()
worker.main()
"""
    start = asyncio.create_subprocess_exec

    async def hanging(python, *arguments, **options):
        isolated, told = arguments[:2], arguments[-2:]
        return await start(python, *isolated, "-c", begin, *told, **options)

    monkeypatch.setattr(confinement.asyncio, "create_subprocess_exec", hanging)
    refused(encoded("flac", layout="mono"), "audio_unusable", "too long", wall=1.0)


@pytest.mark.slow
def test_a_file_that_keeps_the_decoder_busy_is_given_up_at_the_limit_of_computing():
    rate = 99_999_989  # a prime: the filter that makes 16 kHz of it has millions of phases
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate, 1, 8)
    file = b"RIFF\xff\xff\xff\xffWAVEfmt " + form + b"data\xff\xff\xff\xff" + os.urandom(1_000)
    refused(file, "audio_unusable", "too long", cpu=1)


@pytest.mark.slow
def test_a_decoder_that_hangs_keeps_nobody_else_waiting_for_ever(monkeypatch):
    async def two():
        async with aclosing(Files(at_once=1, wall=0.5)) as reader:
            file, start = encoded("flac", layout="mono"), asyncio.create_subprocess_exec
            started = []

            async def first_hangs(python, *arguments, **options):
                started.append(python)
                if len(started) == 1:
                    arguments = ("-c", "import time; time.sleep(3600)")
                    reader._wall = 30.0  # for the one after it, however busy the machine
                return await start(python, *arguments, **options)

            monkeypatch.setattr(confinement.asyncio, "create_subprocess_exec", first_hangs)
            return await asyncio.gather(
                *[asyncio.create_task(reader.decode(file)) for _ in range(2)], return_exceptions=True
            )

    hung, decoded = asyncio.run(two())
    assert (hung.code, "too long" in str(hung)) == ("audio_unusable", True)
    assert decoded == SAID
    assert children() == []


def test_a_decoder_that_is_cancelled_or_closed_is_gone():
    async def leave():
        reader = Files()
        reading = asyncio.create_task(reader.decode(encoded("mp3")))
        while not children():
            await asyncio.sleep(0.001)
        reading.cancel()
        await asyncio.wait([reading])
        assert children() == []
        reading = asyncio.create_task(reader.decode(encoded("mp3")))
        while not children():
            await asyncio.sleep(0.001)
        await reader.aclose()
        with pytest.raises(AdapterError, match="any more"):
            await reading
        with pytest.raises(AdapterError, match="any more"):
            await reader.decode(encoded("flac"))

    asyncio.run(leave())


def test_a_host_without_a_process_to_spare_is_busy(monkeypatch):
    async def none(*_arguments, **_options):
        raise BlockingIOError

    monkeypatch.setattr(confinement.asyncio, "create_subprocess_exec", none)
    with pytest.raises(AdapterError) as caught:
        decode(b"fLaC")
    assert (caught.value.code, caught.value.retryable) == ("busy", True)


def test_two_are_decoded_at_once_and_the_third_waits():
    async def three():
        most = 0
        async with aclosing(Files()) as reader:
            reading = [asyncio.create_task(reader.decode(encoded("flac"))) for _ in range(3)]
            while not all(task.done() for task in reading):
                most = max(most, len(reader._children))
                await asyncio.sleep(0.001)
            assert {task.result()[:100] for task in reading} == {reading[0].result()[:100]}
        assert most == 2

    asyncio.run(three())


def test_one_client_has_one_decoded_at_a_time():
    async def three():
        most = 0
        async with aclosing(Files()) as reader:
            reading = [
                asyncio.create_task(reader.decode(encoded("flac"), client="198.51.100.7")) for _ in range(3)
            ]
            while not all(task.done() for task in reading):
                most = max(most, len(reader._children))
                await asyncio.sleep(0.001)
            assert len({task.result() for task in reading}) == 1
        assert most == 1

    asyncio.run(three())


def test_who_has_more_than_may_wait_hears_busy():
    async def many():
        async with aclosing(Files(at_once=1)) as reader:
            reader._turns._queue = 0
            first = asyncio.create_task(reader.decode(encoded("flac")))
            await asyncio.sleep(0)
            with pytest.raises(AdapterError) as caught:
                await reader.decode(encoded("flac"))
            assert (caught.value.code, caught.value.retryable) == ("busy", True)
            await first

    asyncio.run(many())


def test_other_sources_are_not_for_it():
    async def answer():
        for kind in ("microphone", "stream", "link"):
            with pytest.raises(AdapterError) as caught:
                await anext(Files().record(Source(kind), silence=1, done=asyncio.Event()))
            assert caught.value.code == "audio_unusable"

    asyncio.run(answer())


def test_a_missing_package_is_told_by_its_extra(monkeypatch):
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"interview-fsm\[files\]"):
        asyncio.run(files.create())


def test_times_that_make_no_sense_are_refused():
    with pytest.raises(SettingError):
        Files(longest=0)


@pytest.mark.slow
@pytest.mark.parametrize("case", [c for c in voice.RecorderContract.cases() if c != "done_ends_an_answer"])
def test_contract(case):
    """But for one: a file is taken whole, though the candidate is done."""
    file = encoded("ogg")
    voice.RecorderContract(files.create, source=Source("upload"), bring=lambda: brought(file)).check(case)


# ------------------------------------------------------------------------------------------- of a link


def linked(answer):
    async def fetch(url, client):
        assert url == "https://example.com/answer.ogg"
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def heard():
        async with aclosing(Files(fetch=fetch)) as reader:
            assert reader.kinds == ("upload", "link")
            source = Source("link", "https://example.com/answer.ogg")
            return b"".join([c async for c in reader.record(source, silence=1, done=asyncio.Event())])

    return asyncio.run(heard())


def test_what_is_behind_a_link_is_heard():
    assert linked(encoded("flac", layout="mono")) == SAID


@pytest.mark.parametrize(
    ("code", "told"), [("resume_url_refused", "resume_url_refused"), ("resume_too_large", "too_large")]
)
def test_a_link_that_is_refused_says_why(code, told):
    with pytest.raises(AdapterError, match="private network") as caught:
        linked(ResumeError(code, "Links to a private network are blocked."))
    assert caught.value.code == told


def test_a_link_that_leads_to_no_sound_is_given_up_at_its_beginning():
    page = b"<!doctype html>" + bytes(2_000)
    assert AUDIO.kind(page, "audio/ogg") is None, "whatever its server says"
    error = AUDIO.refuse("text/html", page)
    assert (error.code, "a web page" in str(error)) == ("unsupported_media", True)
    with pytest.raises(ResumeError, match="not a sound file"):
        AUDIO.check(page, "text/html")
    assert AUDIO.check(b"OggS", "") == "audio/ogg"


# ---------------------------------------------------------------------------------------- over the wire


def test_an_uploaded_answer_is_understood_and_may_be_sent_again_when_it_was_refused():
    async def interview():
        transcriber = ScriptedTranscriber()
        async with aclosing(Files()) as reader:
            ports = {"recorder": Sources({"upload": reader}), "transcriber": transcriber}
            async with running(ports=ports) as server, client(server) as wire:
                created = await wire.create()
                assert created["features"]["uploads"] == ["resume", "answer", "check"]
                await wire.ask("start_interview")
                await wire.ask("choose_difficulty", difficulty="easy")
                await wire.question()
                file = encoded("ogg")
                digest = hashlib.sha256(file).hexdigest()
                await wire.say("begin_upload", purpose="answer", name="a.ogg", size=len(file), sha256=digest)
                await wire.say_raw(file)
                upload = (await wire.until("upload_received"))["upload"]
                problem = await wire.refused("record_answer", question=2, source={"upload": upload})
                assert problem["code"] == "invalid_command"
                await wire.ask("record_answer", question=1, source={"upload": upload})
                update = await wire.until(lambda e: happened(e, "answer_recorded", "answer_lost"))
                assert update["events"][0]["type"] == "answer_recorded"
                assert transcriber.heard == [pytest.approx(len(SAID), rel=0.02)]
                await wire.question()
                gone = await wire.refused("record_answer", question=2, source={"upload": upload})
                assert gone["code"] == "bad_message"

    asyncio.run(interview())


def test_a_hostile_upload_loses_the_answer_with_a_reason():
    async def interview():
        async with aclosing(Files()) as reader:
            ports = {"recorder": Sources({"upload": reader}), "transcriber": ScriptedTranscriber()}
            async with running(ports=ports) as server, client(server) as wire:
                await wire.begin()
                await wire.say("begin_upload", purpose="answer", name="a.ogg", size=len(SDP))
                await wire.say_raw(SDP)
                upload = (await wire.until("upload_received"))["upload"]
                await wire.ask("record_answer", question=1, source={"upload": upload})
                update = await wire.until(lambda e: happened(e, "answer_lost"))
                assert update["events"][0]["reason"] == "unsupported_media"
                warned = [e for e in wire.heard if e["type"] == "warning"]
                assert "wav, flac, ogg" in warned[-1]["message"]

    asyncio.run(interview())
