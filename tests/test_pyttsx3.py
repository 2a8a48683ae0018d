"""Reading aloud with pyttsx3 and espeak-ng, as WAV files and through ALSA's loudspeaker."""

import asyncio
import io
import os
import random
import signal
import wave
from contextlib import aclosing

import pytest

from interview_fsm import testing
from interview_fsm.adapters import pyttsx3
from interview_fsm.errors import AdapterError, MissingExtra, SettingError
from interview_fsm.testing import ScriptedSpeaker, turns, voice

from .voice_fixtures import Room, children, need_packages, nothing_is_left, room

__all__ = ["nothing_is_left", "room"]

pytestmark = pytest.mark.usefixtures("nothing_is_left", "packages")

QUESTION = "Tell me about a project that went wrong. What did you do about it?"
IN_FULL = os.environ.get("INTERVIEW_FSM_SOAK") == "1"


@pytest.fixture
def packages():
    need_packages("pyttsx3", "espeakng_loader")


def seconds(audio):
    with wave.open(io.BytesIO(audio.wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22_050)
        return file.getnframes() / 22_050


async def said(speaker, text=QUESTION):
    async with aclosing(speaker.speak(text)) as sounds:
        return [audio async for audio in sounds]


def run(use, **options):
    async def once():
        async with aclosing(await pyttsx3.create(**{"play": False} | options)) as speaker:
            return await use(speaker)

    return asyncio.run(once())


async def refusal(speaker, text=QUESTION):
    with pytest.raises(AdapterError) as caught:
        await said(speaker, text)
    assert (caught.value.adapter, caught.value.code) == ("pyttsx3", "speech_off")
    assert children() == []
    return caught.value


# --------------------------------------------------------------------------------------- what is said


def test_each_sentence_is_a_sound_of_its_own():
    first, second = run(said)
    assert 1.5 < seconds(first) < 4
    assert 0.8 < seconds(second) < 3


def test_it_is_heard_and_not_only_written():
    [audio] = run(lambda speaker: said(speaker, "Hello there."))
    with wave.open(io.BytesIO(audio.wav)) as file:
        samples = memoryview(file.readframes(file.getnframes())).cast("h")
    assert max(samples) > 3000


def test_the_rate_is_what_was_asked_for():
    slow, fast = (sum(map(seconds, run(said, rate=rate))) for rate in (100, 300))
    assert 2 < slow / fast < 4


def test_another_voice_sounds_different():
    usual, scottish = (run(said, voice=name)[0].wav for name in (None, "gmw/en-gb-scotland"))
    assert usual != scottish


def test_what_cannot_be_pronounced_is_passed_over():
    assert run(lambda speaker: said(speaker, "  \n ")) == []
    [audio] = run(lambda speaker: said(speaker, "( \N{EN DASH} ) Well then."))
    assert seconds(audio) > 0.4


def test_many_one_after_the_other_are_all_there():
    chance = random.Random(7)
    texts = [" ".join(["question"] * chance.randint(1, 40)) for _ in range(50 if IN_FULL else 12)]

    async def all_of_them(speaker):
        return [sum(map(seconds, await said(speaker, text))) for text in texts]

    for text, lasts in zip(texts, run(all_of_them), strict=True):
        assert 0.3 < lasts / len(text.split()) < 1.0


def test_a_very_long_text_is_read_aloud_for_five_minutes_only(monkeypatch):
    monkeypatch.setattr(pyttsx3, "MOST", 9)
    [audio] = run(lambda speaker: said(speaker, "One, two. Thr" + "ee, four, five." * 9))
    assert seconds(audio) < 2


def test_each_sound_fits_a_client_that_takes_a_mebibyte():
    long = "Consider how unreasonably longwinded interviewers sometimes phrase straightforward questions " * 5
    sounds = run(lambda speaker: said(speaker, long))
    assert len(sounds) > 1
    assert max(len(audio.wav) for audio in sounds) < 1 << 20


def test_three_callers_at_once_get_what_is_theirs():
    texts = ["One.", "This one is very much longer than the others are. And goes on.", "Three, then."]

    async def alone_and_together(speaker):
        alone = [await said(speaker, text) for text in texts]
        return alone, await asyncio.gather(*(said(speaker, text) for text in texts))

    alone, together = run(alone_and_together)
    for one, other in zip(alone, together, strict=True):
        assert [seconds(audio) for audio in one] == pytest.approx(
            [seconds(audio) for audio in other], abs=0.05
        )


def test_it_is_played_on_this_machine(room: Room):
    [audio] = run(lambda speaker: said(speaker, "Hello there."))
    assert run(lambda speaker: said(speaker, "Hello there."), play=True) == []
    played = room.loudspeaker.stat().st_size / 44_100
    assert played == pytest.approx(seconds(audio), abs=0.3)


@pytest.mark.parametrize("case", voice.SpeakerContract.cases())
def test_contract(case):
    voice.SpeakerContract(lambda: pyttsx3.create(play=False)).check(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", voice.SpeakerContract.cases())
def test_contract_where_it_is_played_here(case, room: Room):
    voice.SpeakerContract(pyttsx3.create).check(case)


@pytest.mark.parametrize("case", voice.SpeakerContract.cases())
def test_the_scripted_speaker_keeps_the_contract_too(case):
    async def create():
        return ScriptedSpeaker()

    voice.SpeakerContract(create, run=testing.run).check(case)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (
            "What did you do? Take your time.",
            ["What did you do?", "Take your time."],
        ),
        (
            "You cut it by 3.5 %, e.g. with a cache. How?",
            ["You cut it by 3.5 %, e.g. with a cache.", "How?"],
        ),
        (
            "She said “Go on.” “And then?” Ändere nichts … Ok",
            ["She said “Go on.”", "“And then?”", "Ändere nichts …", "Ok"],
        ),
        (
            "Summary\n\n- one thing\n- another",
            ["Summary", "- one thing - another"],
        ),
        ("", []),
        ("word " * 120, ["word " * 47 + "word", "word " * 47 + "word", "word " * 23 + "word"]),
        ("x" * 500, ["x" * 240, "x" * 240, "x" * 20]),
    ],
)
def test_texts_are_cut_into_sentences(text, pieces):
    assert pyttsx3.sentences(text) == pieces


# ------------------------------------------------------------------------------------ what goes wrong


def test_a_program_that_dies_loses_one_text_only():
    async def use(speaker):
        await said(speaker)
        [child] = children()
        child.send_signal(signal.SIGSTOP)
        speaking = asyncio.create_task(refusal(speaker))
        await turns(5)
        child.kill()
        assert (await speaking).retryable
        return await said(speaker)

    assert len(run(use)) == 2


def test_a_program_that_hangs_is_ended_after_a_time(monkeypatch):
    async def use(speaker):
        await said(speaker)
        monkeypatch.setattr(pyttsx3, "_DEADLINE", 0.2)
        for child in children():
            child.send_signal(signal.SIGSTOP)
        error = await refusal(speaker)
        assert "too long" in str(error)
        assert isinstance(error.__cause__, TimeoutError)

    run(use)


def test_it_is_silent_at_once_when_it_is_cancelled(room: Room):
    os.mkfifo(room.loudspeaker)  # nobody takes the sound away, so that it is never played to its end
    fifo = os.open(room.loudspeaker, os.O_RDWR | os.O_NONBLOCK)

    async def use(speaker):
        speaking = asyncio.create_task(said(speaker, QUESTION))
        while not readable(fifo):
            await asyncio.sleep(0.005)
        speaking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await speaking
        assert children() == []

    try:
        run(use, play=True)
    finally:
        os.close(fifo)


def readable(fifo):
    try:
        return os.read(fifo, 10)
    except BlockingIOError:
        return b""


def test_closing_it_ends_what_is_being_said(room: Room):
    os.mkfifo(room.loudspeaker)
    fifo = os.open(room.loudspeaker, os.O_RDWR | os.O_NONBLOCK)

    async def use(speaker):
        speaking = asyncio.create_task(refusal(speaker))
        while not readable(fifo):
            await asyncio.sleep(0.005)
        await speaker.aclose()
        assert "closed" in str(await speaking)
        assert "closed" in str(await refusal(speaker))

    try:
        run(use, play=True)
    finally:
        os.close(fifo)


def test_no_loudspeaker(room: Room, monkeypatch):
    room.has_no_devices()
    monkeypatch.setenv("PATH", "")
    error = run(refusal, play=True)
    assert "no loudspeaker" in str(error)
    assert not error.retryable


def test_a_voice_that_does_not_exist():
    assert "no such voice" in str(run(refusal, voice="gmw/en-martian"))


def test_a_machine_without_espeak(tmp_path, monkeypatch):
    # What pyttsx3's driver says without the library, said by a stand-in: the library cannot be taken away.
    (tmp_path / "pyttsx3.py").write_text("def init():\n    raise RuntimeError('no eSpeak')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    error = run(refusal)
    assert "pip install espeakng-loader" in str(error)


IN_A_FOLDER = "import os; del os.memfd_create\n"  # as where there is no Linux
NOWHERE = "import tempfile; tempfile.tempdir = '/nowhere/at/all'\n"
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"


@pytest.fixture
def begins_with(tmp_path, monkeypatch):
    """Have the child program begin with these lines, and its temporary files in a folder of their own."""
    (temporary := tmp_path / "temporary").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(temporary))

    def write(lines):
        (tmp_path / "sitecustomize.py").write_text(lines)
        return temporary

    return write


@pytest.mark.parametrize("lines", [IN_A_FOLDER + NOWHERE, IN_A_FOLDER + FULL, FULL])
def test_where_no_file_can_be_written_it_says_so_at_once(lines, begins_with):
    temporary = begins_with(lines)
    error = run(refusal)
    assert "set TMPDIR" in str(error)
    assert not error.retryable, "it would be the same with the next question"
    assert list(temporary.iterdir()) == []


def test_files_in_a_folder_are_as_good_as_in_memory_and_do_not_stay(begins_with):
    temporary = begins_with(IN_A_FOLDER)
    sounds = run(said)
    assert [seconds(audio) > 1 for audio in sounds] == [True, True]
    assert list(temporary.iterdir()) == []


def test_missing_packages_are_told_by_their_extra(monkeypatch):
    monkeypatch.setattr(pyttsx3, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"interview-fsm\[tts\]"):
        asyncio.run(pyttsx3.create())


@pytest.mark.parametrize("rate", [0, 1000])
def test_rates_that_nobody_understands_are_refused(rate):
    with pytest.raises(SettingError, match="80 to 450"):
        pyttsx3.Speech(rate=rate)
