"""The bounds that no other test is about: what exceeds one gets a code, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State as WebSocketState

from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Engine
from interview_fsm.errors import BadMessage, Busy, InvalidCommand
from interview_fsm.events import (
    Analyze,
    ChooseDifficulty,
    CorrectAnswer,
    FinishAnswer,
    Plan,
    Question,
    RecordAnswer,
    StartInterview,
    StopInterview,
    SubmitAnswer,
)
from interview_fsm.house import TO_THE_END, Limits
from interview_fsm.jsonv1.outbox import MOST_UNSENT_BYTES, Outbox
from interview_fsm.messages import Pong, Speech
from interview_fsm.ports import Brief
from interview_fsm.protocol import CLEARED, STOPPED
from interview_fsm.seats import Seats, TooManySessions
from interview_fsm.states import State, Trigger
from interview_fsm.testing import ScriptedInterviewer, ScriptedRecorder, ScriptedTranscriber, run
from interview_fsm.uploads import Space, Uploads
from interview_fsm.waiting import Waiting

from .raw import PING, PONG, frame, opened
from .serving import LINK, PATIENCE, closing, exchange, running
from .v1_client import SUBPROTOCOL, client, schema_of

STRANGERS = {
    "trusted_proxies": ("127.0.0.0/8",),
    "allow_hosts": ("interview.example",),
    "access_token": "Zk3_4x8mQv9Lr2TtY0aWcB",
}
BEARER = {"Authorization": f"Bearer {STRANGERS['access_token']}"}


class Holder:
    def taken(self) -> None:
        raise AssertionError("nobody takes it")


# ------------------------------------------------------------------------------------------ sessions


def test_a_clients_own_waiting_interview_makes_room_and_nobody_elses() -> None:
    async def main() -> None:
        async with Engine(MemoryStorage(), ScriptedInterviewer()) as engine:
            seats = Seats(engine, each=2)
            try:
                opened = []
                for name in ("ada", "ada", "bob"):
                    with seats.place(name):
                        session, holder = engine.new(client=name), Holder()
                        await session.attach()
                        seats.sit(session, holder)
                        opened.append((session, holder))
                with pytest.raises(TooManySessions), seats.place("ada"):
                    pass
                with seats.place("bob"), pytest.raises(TooManySessions), seats.place("bob"):
                    raise AssertionError("what is being opened counts")
                for session, holder in opened:
                    await seats.leave(session, holder)
                with seats.place("ada"):
                    pass
                async with asyncio.timeout(10):
                    while engine.sessions == 3:
                        await asyncio.sleep(0)
                assert [session.ended is None for session, _ in opened] == [False, True, True]
                with seats.place(""), seats.place(""), seats.place(""):
                    pass  # this machine's people are not counted
            finally:
                await seats.aclose()

    asyncio.run(main())


def test_a_client_with_too_many_interviews_is_told_and_closed_4429_and_another_is_not() -> None:
    async def main() -> None:
        async with running(**STRANGERS, sessions=2) as served:
            schema = await schema_of(served)

            def come(address: str) -> object:
                headers = {**BEARER, "X-Forwarded-For": address}
                return client(served, schema, additional_headers=headers)

            async with come("198.51.100.1") as one, come("198.51.100.1") as two:  # type: ignore[attr-defined]
                await one.create()
                await two.create()
                async with come("198.51.100.1") as three:  # type: ignore[attr-defined]
                    error = await three.refused("create_session")
                    assert (error["code"], error["retryable"]) == ("rate_limited", True)
                    assert (await three.closing()).code == 4429
                async with come("198.51.100.2") as other:  # type: ignore[attr-defined]
                    await other.create()
                await one.ask("start_interview")

    asyncio.run(main())


# -------------------------------------------------------------------------------------------- files


def test_files_of_all_connections_share_their_space() -> None:
    space = Space(100)
    one, other = Uploads(space), Uploads(space)
    one.begin(60)
    with pytest.raises(Busy):
        other.begin(41)
    other.begin(40)
    upload = one.take(bytes(60))
    assert upload is not None
    assert space.taken == 100
    assert one.claim(upload) == bytes(60)
    other.drop()
    assert space.taken == 0


def test_whatever_becomes_of_files_their_space_is_given_back() -> None:
    rng, space = random.Random(3), Space(1000)
    every = [Uploads(space) for _ in range(5)]
    came: dict[int, str] = {}
    for _ in range(5000):
        number = rng.randrange(5)
        uploads = every[number]
        try:
            match rng.randrange(5):
                case 0:
                    uploads.begin(rng.randrange(1, 300), rng.choice(["", "00"]))
                case 1 if uploads.is_open:
                    came[number] = uploads.take(bytes(rng.randrange(300))) or came.get(number, "")
                case 2:
                    uploads.claim(came.get(number, ""))
                case 3:
                    uploads.drop()
                case _ if rng.random() < 0.1:
                    uploads.clear()
        except (Busy, BadMessage):
            pass
        except Exception as error:
            assert getattr(error, "code", "") == "too_large"
        assert 0 <= space.taken <= 1000
    for uploads in every:
        uploads.clear()
    assert space.taken == 0


def test_a_server_without_room_for_a_file_says_busy_and_has_room_when_others_have_gone() -> None:
    async def main() -> None:
        async with running(upload_bytes=1000) as served:
            schema = await schema_of(served)
            upload = {"purpose": "resume", "name": "cv.txt", "size": 800}
            async with client(served, schema) as ada:
                await ada.say("begin_upload", **upload)
                await ada.say("ping")
                await ada.until("pong")
                async with client(served, schema) as bob:
                    error = await bob.refused("begin_upload", **upload)
                    assert (error["code"], error["retryable"]) == ("busy", True)
            async with asyncio.timeout(20):
                while served.server.host.uploads.taken:
                    await asyncio.sleep(0.01)
            async with client(served, schema) as bob:
                await bob.say("begin_upload", **upload)
                await bob.socket.send(bytes(800))
                await bob.until("upload_received")

    asyncio.run(main())


# --------------------------------------------------------------------------------------- slow readers


def test_what_waits_for_a_slow_reader_is_bounded_in_bytes() -> None:
    async def main() -> None:
        stuck = asyncio.Event()

        async def say(_: str | bytes) -> None:
            await stuck.wait()

        outbox = Outbox(say)
        sending = asyncio.create_task(outbox.send())
        for _ in range(20):
            outbox.tell(Speech(format="wav"), bytes(1024 * 1024))
            await asyncio.sleep(0)
            if outbox.closing is not None:
                break
        assert outbox.closing is not None
        assert outbox.closing.code == 1013
        assert len(outbox) == 0, "what nobody reads is not kept"
        stuck.set()
        assert (await sending).code == 1013

    asyncio.run(main())


def test_what_has_left_counts_no_longer() -> None:
    async def main() -> None:
        async def say(_: str | bytes) -> None:
            pass

        outbox = Outbox(say)
        sending = asyncio.create_task(outbox.send())
        for _ in range(3 * MOST_UNSENT_BYTES // (1024 * 1024)):
            outbox.tell(Speech(format="wav"), bytes(1024 * 1024))
            while len(outbox):
                await asyncio.sleep(0)
        outbox.tell(Pong())
        outbox.close(1000)
        assert (await sending).code == 1000

    asyncio.run(main())


# ------------------------------------------------------------------------------------- the token's time


def test_who_does_not_show_the_token_in_time_is_let_go() -> None:
    async def main() -> None:
        limits = {"admission": 0.2, "watch": 0.05, "first_message": 60.0}
        async with running(**STRANGERS, **limits) as served:
            schema = await schema_of(served)
            origin = {"origin": "https://interview.example", "subprotocols": [SUBPROTOCOL]}
            async with client(served, schema, additional_headers=BEARER) as ada:
                async with served.connect(**origin) as socket:
                    talking = asyncio.create_task(talk(socket))
                    assert (await closing(socket))[1] == 4408, "talking does not help"
                    await talking
                await ada.create()

    asyncio.run(main())


async def talk(socket: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        while True:
            await socket.send('{"type": "ping"}')
            await asyncio.sleep(0.02)


def test_nothing_is_kept_of_who_has_not_shown_the_token() -> None:
    async def main() -> None:
        async with running(**STRANGERS) as served:
            origin = {"origin": "https://interview.example", "subprotocols": [SUBPROTOCOL]}
            upload = {"type": "begin_upload", "purpose": "resume", "name": "a", "size": 10_000_000}
            for frame in (json.dumps(upload), bytes(200_000)):
                async with served.connect(**origin) as socket:
                    await socket.send(frame)
                    assert (await closing(socket))[1] == 4401
                    assert served.server.host.uploads.taken == 0

    asyncio.run(main())


# --------------------------------------------------------------------------------------- a log's length


def test_a_log_that_is_too_long_can_only_be_brought_to_its_end() -> None:
    async def main() -> None:
        limits = Limits(entries=20)
        async with Engine(MemoryStorage(), ScriptedInterviewer(), limits=limits) as engine:
            session = engine.new()
            await session.send(StartInterview(Plan(questions=1)))
            await session.send(ChooseDifficulty("easy"))
            await session.until(lambda interview: interview.has_open_question)
            await session.send(SubmitAnswer(1, "I did it"))
            while session.interview.version < limits.entries:
                await session.send(CorrectAnswer(1, f"I did it {session.interview.version} times"))
            with pytest.raises(InvalidCommand, match="too long") as refused:
                await session.send(CorrectAnswer(1, "I did it once more"), command_id="c")
            assert refused.value.allowed == session.allowed == (Trigger.ANALYZE, Trigger.STOP_INTERVIEW)
            assert session.interview.version == limits.entries
            for _ in range(TO_THE_END // 2):  # an analysis is two entries
                await session.send(Analyze())
                await session.until(lambda interview: not interview.feedback_wanted)
            with pytest.raises(InvalidCommand, match="too long") as refused:
                await session.send(Analyze())
            assert refused.value.allowed == session.allowed == (Trigger.STOP_INTERVIEW,)
            assert (await session.send(StopInterview())).state is State.STOPPED

    run(main())


def test_a_recording_that_goes_on_when_the_log_is_full_is_not_lost() -> None:
    async def main() -> None:
        limits = Limits(entries=5)
        ports: dict[str, Any] = {"recorder": ScriptedRecorder(), "transcriber": ScriptedTranscriber()}
        async with Engine(MemoryStorage(), ScriptedInterviewer(), limits=limits, **ports) as engine:
            session = engine.new()
            await session.send(StartInterview(Plan(questions=1)))
            await session.send(ChooseDifficulty("easy"))
            await session.until(lambda interview: interview.has_open_question)
            await session.send(RecordAnswer(1))
            assert session.interview.version >= limits.entries
            await session.send(FinishAnswer())
            await session.until(lambda interview: interview.state is State.QUESTIONING)
            assert session.interview.has_answers

    run(main())


def test_whoever_began_too_many_interviews_waits_and_others_do_not() -> None:
    async def main() -> None:
        async with running(**STRANGERS, interview_burst=2, interview_rate=1e-9) as served:
            schema = await schema_of(served)
            here = {**BEARER, "X-Forwarded-For": "198.51.100.1"}
            async with client(served, schema, additional_headers=here) as ada:
                await ada.create()
            async with served.connect(additional_headers=here) as plain:
                await plain.send(LINK)
                assert await exchange(plain, "start_interview") == CLEARED
                assert (await exchange(plain, "start_interview")).startswith("Error: Too many interviews")
                assert (await exchange(plain, "difficulty:easy")).startswith("Question asked:")
            async with client(served, schema, additional_headers=here) as ada:
                assert (await ada.refused("create_session"))["code"] == "rate_limited"
                assert (await ada.closing()).code == 4429
            there = {**BEARER, "X-Forwarded-For": "198.51.100.2"}
            async with client(served, schema, additional_headers=there) as bob:
                await bob.create()

    asyncio.run(main())


# ------------------------------------------------------------------------------------------ what waits


def test_what_waits_is_bounded_in_number_and_in_bytes() -> None:
    waiting: Waiting[str] = Waiting(3, 10)
    for size, is_full in ((4, False), (4, False), (1, True)):
        waiting.put("a" * size, size)
        assert waiting.is_full == is_full
    assert waiting.take() == "aaaa"
    assert not waiting.is_full
    waiting.put("b", 5)
    assert waiting.take() == "aaaa", "first come, first served"
    waiting.put("c", 9)
    assert waiting.is_full, "too many bytes, though not too many"
    waiting.clear()
    assert not waiting.is_full
    assert len(waiting) == 0


# ------------------------------------------------------------------------------------ who is still there


class Thinking(ScriptedInterviewer):
    """Makes its questions when ``done`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.done = asyncio.Event()

    async def ask(self, brief: Brief) -> Question:
        await self.done.wait()
        return await super().ask(brief)


def test_a_paste_of_any_length_waits_for_what_is_slow_and_the_client_is_not_taken_for_dead() -> None:
    async def main() -> None:
        slow = Thinking()
        settings = {"watch": 3600.0, "rate": 1e9, "burst": 10**9}  # who is there is looked at below
        async with running(interviewer=slow, **settings) as served, served.connect() as socket:
            for line in (LINK, "start_interview", "difficulty:easy", *["nonsense"] * 200, "answer:kept"):
                await socket.send(line)
            (connection,) = served.server._connections
            async with asyncio.timeout(PATIENCE):
                while not connection._socket.recv_messages.paused:
                    await asyncio.sleep(0.01)
            for minutes in range(1, 60):
                connection.feel_pulse(time.monotonic() + 60 * minutes)
                await asyncio.sleep(0)
            slow.done.set()
            heard = [str(await asyncio.wait_for(socket.recv(), PATIENCE)) for _ in range(203)]
            assert heard[1].startswith("Question asked:")
            assert heard[-1] == "Answer recorded: kept"
            assert await exchange(socket, "stop_interview") == STOPPED

    asyncio.run(main())


def test_who_answers_a_ping_or_says_anything_stays_and_who_does_not_is_let_go() -> None:
    async def main() -> None:
        async with running(watch=3600.0) as served, opened(served.server.port) as eve:
            async with asyncio.timeout(PATIENCE):
                while not served.server._connections:
                    await asyncio.sleep(0.01)
            (connection,) = served.server._connections
            guest = connection._socket
            for sign in (frame(b"", PONG), frame("hello"), frame(b"", PING)):
                connection.feel_pulse(time.monotonic() + 21)
                assert guest._asked is not None
                await eve.write(sign)
                async with asyncio.timeout(PATIENCE):
                    while guest._asked is not None:
                        await asyncio.sleep(0.01)
            assert guest.state is WebSocketState.OPEN
            soon = time.monotonic()
            connection.feel_pulse(soon + 21)
            connection.feel_pulse(soon + 40)
            assert guest.state is WebSocketState.OPEN
            connection.feel_pulse(soon + 42)
            assert await eve.close_code() == 1011

    asyncio.run(main())


def test_who_does_not_answer_a_ping_is_let_go() -> None:
    async def main() -> None:
        async with running(ping=0.1, watch=0.02) as served, opened(served.server.port) as dead:
            assert await dead.close_code() == 1011

    asyncio.run(main())
