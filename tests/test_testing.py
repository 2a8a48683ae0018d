"""The shipped fakes: they must find what they are made to find."""

import asyncio
import logging
import math
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest

import interview_fsm.testing
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.errors import AdapterError, Conflict
from interview_fsm.events import Attached, Entry, Partial, Source, Transcript
from interview_fsm.interview import Interview
from interview_fsm.ports import Brief
from interview_fsm.testing import (
    FRAME,
    HANGS,
    Crash,
    Deadlock,
    FaultyStorage,
    LeftBehind,
    ScriptedInterviewer,
    ScriptedRecorder,
    ScriptedSpeaker,
    ScriptedTranscriber,
    Step,
    run,
    turns,
)


async def ticking() -> AsyncGenerator[int, None]:
    while True:
        yield 1
        await asyncio.sleep(1)


def entry(version: int = 1, name: str = "a") -> Entry:
    return Entry(version, name, 0.0, (Attached(),))


def test_every_exported_name_is_there() -> None:
    assert len(set(interview_fsm.testing.__all__)) == len(interview_fsm.testing.__all__)
    for name in interview_fsm.testing.__all__:
        assert getattr(interview_fsm.testing, name)


# ------------------------------------------------------------------------------------------ the clock


def test_an_hour_takes_no_time_and_timers_fire_in_their_order() -> None:
    fired = []

    async def after(seconds: float) -> None:
        await asyncio.sleep(seconds)
        fired.append((seconds, asyncio.get_running_loop().time()))

    async def hour() -> str:
        await asyncio.gather(after(3600), after(0.5), after(2))
        return "done"

    assert run(hour()) == "done"
    assert fired == [(0.5, 0.5), (2, 2.0), (3600, 3600.0)]


def test_waiting_for_what_nobody_will_do_is_a_deadlock_that_says_where() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock) as caught:
        run(stuck())
    assert any("stuck > Event.wait at " in note for note in caught.value.__notes__)


def test_a_task_left_running_fails_the_test_and_is_let_go() -> None:
    let_go = []

    async def forgotten() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await turns(3)
            let_go.append(True)

    async def careless() -> None:
        asyncio.create_task(forgotten())  # noqa: RUF006
        await turns(1)

    with pytest.raises(LeftBehind, match=r"forgotten is running"):
        run(careless())
    assert let_go == [True]


def test_an_async_generator_left_open_fails_the_test() -> None:
    kept = ticking()

    async def careless() -> None:
        await anext(kept)

    with pytest.raises(LeftBehind, match="async generator ticking is open"):
        run(careless())


def test_an_async_generator_dropped_while_open_fails_the_test() -> None:
    async def careless() -> None:
        async for _ in ticking():
            break
        await turns(2)

    with pytest.raises(LeftBehind, match="async generator ticking was dropped while open"):
        run(careless())


def test_a_closed_generator_is_no_fault() -> None:
    async def careful() -> int:
        async with aclosing(ticking()) as ticks:
            return await anext(ticks)

    assert run(careful()) == 1


def test_an_exception_that_nobody_looks_at_fails_the_test() -> None:
    async def fails() -> None:
        raise ValueError("unseen")

    async def careless() -> None:
        task = asyncio.create_task(fails())
        await turns(2)
        assert task.done()

    with pytest.raises(LeftBehind, match=r"never retrieved .ValueError: unseen"):
        run(careless())


def test_a_failing_test_keeps_its_own_error_and_hears_of_the_rest_in_a_note() -> None:
    async def wrong() -> None:
        asyncio.create_task(asyncio.sleep(1000))  # noqa: RUF006
        await turns(1)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        run(wrong())
    assert caught.value.__notes__ == ["left behind: task sleep is running"]


# ------------------------------------------------------------------------------------------- the fakes


def test_a_cancelled_fake_lets_go_before_the_cancellation_is_out() -> None:
    async def main() -> None:
        speaker = ScriptedSpeaker((HANGS,))

        async def speak() -> None:
            async with aclosing(speaker.speak("hello")) as sounds:
                async for _ in sounds:
                    pass

        speaking = asyncio.create_task(speak())
        await turns(10)
        assert speaker.open == 1
        speaking.cancel()
        await turns(3)
        assert speaker.open == 1  # it takes its time to say goodbye
        await asyncio.wait([speaking])
        assert speaking.cancelled()
        assert speaker.open == 0
        assert not speaker.hurried
        assert speaker.said == []

    run(main())


def test_a_fake_that_is_cancelled_while_it_lets_go_says_so_and_lets_go() -> None:
    async def main() -> None:
        speaker = ScriptedSpeaker((HANGS,))
        speaking = asyncio.create_task(anext(speaker.speak("hello")))
        await turns(10)
        speaking.cancel()
        await turns(2)
        speaking.cancel()
        await asyncio.wait([speaking])
        assert speaker.hurried
        assert speaker.open == 0

    run(main())


def test_the_recorder_ends_by_silence_or_when_it_is_told() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        recorder = ScriptedRecorder((Step((b"one", b"two")),), seconds=3)
        heard = [chunk async for chunk in recorder.record(Source(), silence=1.8, done=asyncio.Event())]
        assert heard == [b"one", b"two"]
        assert loop.time() == pytest.approx(2.0)
        done = asyncio.Event()
        loop.call_later(1.05, done.set)
        heard = [chunk async for chunk in recorder.record(Source("stream"), silence=1.8, done=done)]
        assert heard == [FRAME] * 11
        assert loop.time() == pytest.approx(3.05)
        assert (recorder.finished, recorder.open, recorder.sources) == (1, 0, [Source(), Source("stream")])

    run(main())


def test_the_transcriber_gives_partials_while_it_hears_and_then_one_transcript() -> None:
    async def main() -> None:
        recorder = ScriptedRecorder(seconds=0.3)
        transcriber = ScriptedTranscriber((Step("I led the team"), Step(Transcript("", confidence=0.1))))
        for expected in (
            [Partial("I"), Partial("I led"), Partial("I led the"), Transcript("I led the team", "scripted")],
            [Transcript("", confidence=0.1)],
        ):
            async with aclosing(recorder.record(Source(), silence=1, done=asyncio.Event())) as sound:
                heard = transcriber.transcribe(sound, hints=("team",), language="en")
                assert [part async for part in heard] == expected
        assert transcriber.heard == [3 * len(FRAME)] * 2
        assert transcriber.hints == [("team",)] * 2

    run(main())


def test_a_scripted_error_leaves_with_nothing_open() -> None:
    async def main() -> None:
        error = AdapterError("tts", "speech_off")
        speaker = ScriptedSpeaker((Step(raises=error, takes=3.0),))
        with pytest.raises(AdapterError) as caught:
            _ = [sound async for sound in speaker.speak("hello")]
        assert caught.value is error
        assert speaker.open == 0
        assert asyncio.get_running_loop().time() == 3.0
        assert [sound.wav async for sound in speaker.speak("again")] == [b"RIFF"]
        assert (speaker.begun, speaker.said) == (["hello", "again"], ["again"])

    run(main())


# ----------------------------------------------------------------------------------------- the storage


@pytest.mark.parametrize(
    ("fault", "raised", "stored"),
    [
        ("crash-before", Crash, False),
        ("crash-after", Crash, True),
        ("lost-request", AdapterError, False),
        ("lost-reply", AdapterError, True),
        ("conflict", Conflict, False),
    ],
)
def test_a_fault_befalls_the_call_that_the_plan_names(
    fault: interview_fsm.testing.Fault, raised: type[BaseException], stored: bool
) -> None:
    async def main() -> None:
        inner = MemoryStorage()
        storage = FaultyStorage(inner, lambda call, name: fault if (call, name) == (2, "append") else None)
        await storage.append("a", 0, entry())
        with pytest.raises(raised):
            await storage.append("b", 0, entry())
        assert [head.interview_id async for head in inner.interviews()] == ["a", "b"][: 1 + stored]
        assert storage.open == 0

    run(main())


def test_after_a_crash_nothing_can_be_done_and_the_successor_finds_what_was_done() -> None:
    async def main() -> None:
        inner = MemoryStorage()
        await inner.append("a", 0, entry())
        storage = FaultyStorage(inner, lambda call, name: 5.0 if name == "erase" else "crash-after")
        slow = asyncio.create_task(storage.erase("a"))
        await turns(1)
        with pytest.raises(Crash):
            await storage.append("b", 0, entry())
        for call in (storage.load("b"), storage.erase("b"), storage.append("c", 0, entry())):
            with pytest.raises(Crash):
                await call
        with pytest.raises(Crash):
            _ = [head async for head in storage.interviews()]
        await asyncio.wait([slow])
        assert isinstance(slow.exception(), Crash)
        heads = [head async for head in FaultyStorage(inner).interviews()]
        assert [head.interview_id for head in heads] == ["a", "b"]  # not erased, and no "c"

    run(main())


def test_a_slow_call_takes_its_seconds_and_a_hung_one_can_be_cancelled() -> None:
    async def main() -> None:
        storage = FaultyStorage(MemoryStorage(), lambda call, name: 2.5 if call == 1 else math.inf)
        await storage.append("a", 0, entry())
        assert asyncio.get_running_loop().time() == 2.5
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7):
                await storage.append("a", 1, entry(2, "b"))
        assert await storage.inner.load("a") == [entry()]
        assert storage.open == 0

    run(main())


def test_a_call_whose_reply_hangs_has_taken_effect() -> None:
    async def main() -> None:
        storage = FaultyStorage(MemoryStorage(), lambda call, name: "hung-reply")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7):
                await storage.append("a", 0, entry())
        assert await storage.inner.load("a") == [entry()]
        assert storage.open == 0

    run(main())


def test_only_an_append_can_be_a_conflict() -> None:
    async def main() -> None:
        inner = MemoryStorage()
        await inner.append("a", 0, entry())
        storage = FaultyStorage(inner, lambda call, name: "conflict")
        assert await storage.load("a") == [entry()]
        assert [head.interview_id async for head in storage.interviews()] == ["a"]
        assert await storage.erase("a")

    run(main())


def test_a_storage_without_faults_is_the_one_it_wraps(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        storage = FaultyStorage(MemoryStorage(), working=3)
        await storage.append("a", 0, entry(), owner="me", expires_at=5.0)
        await storage.append("a.resume", 0, entry(), expires_at=5.0)
        assert await storage.load("a") == [entry()]
        assert [head.interview_id async for head in storage.interviews(owner="me")] == ["a"]
        assert [head.interview_id async for head in storage.interviews(expired_before=6)] == ["a", "a.resume"]
        assert await storage.erase("a")
        assert not await storage.erase("a")
        assert storage.calls == ["append", "append", "load", "interviews", "interviews", "erase", "erase"]

    with caplog.at_level(logging.WARNING):
        run(main())
    assert not caplog.records


def test_the_interviewer_refuses_to_guess_which_question_is_wanted() -> None:
    async def main() -> None:
        with pytest.raises(AssertionError):
            await ScriptedInterviewer().ask(Brief(Interview(id="i")))

    run(main())


# ---------------------------------------------------------------------------------- every test of ours

LEAVES_A_THREAD = """
import threading, time
def test_leaves_a_thread(): threading.Thread(target=time.sleep, args=(3,), daemon=True).start()
"""
LEAVES_A_PROCESS = """
import subprocess, sys
def test_leaves_a_process(): subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3)"])
"""
LEAVES_NOTHING = """
import subprocess, sys, threading, time
def test_waits(): subprocess.run([sys.executable, "-c", ""], check=True)
def test_ends_soon(): threading.Thread(target=time.sleep, args=(0.05,), daemon=True).start()
"""


@pytest.mark.parametrize(
    ("code", "passed"), [(LEAVES_A_THREAD, False), (LEAVES_A_PROCESS, False), (LEAVES_NOTHING, True)]
)
def test_a_test_that_leaves_a_thread_or_a_process_behind_fails(
    code: str, passed: bool, tmp_path: Path
) -> None:
    ours = Path(__file__).with_name("conftest.py").read_text()
    patient = "GRACE = 5.0"
    assert patient in ours
    (tmp_path / "conftest.py").write_text(ours.replace(patient, "GRACE = 0.5"))
    (tmp_path / "test_it.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == (0 if passed else 1), ran.stdout
    assert passed or "left running" in ran.stdout
