"""JSON v1 conducted, without a socket and without waiting."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interview_fsm import messages
from interview_fsm.adapters.coach import Coach
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Engine
from interview_fsm.errors import AdapterError, ResumeError
from interview_fsm.events import (
    MAX_TEXT,
    ChooseDifficulty,
    Head,
    Page,
    Plan,
    Resume,
    Span,
    StartInterview,
    SubmitAnswer,
)
from interview_fsm.jsonv1 import MOST_UNSENT, MOST_WAITING, MOST_WAITING_BYTES, Close, Host, JsonV1
from interview_fsm.jsonv1.sound import MOST_HELD
from interview_fsm.ports import Audio
from interview_fsm.retention import erase_interview
from interview_fsm.seats import Seats
from interview_fsm.sound import EACH, Room
from interview_fsm.states import State
from interview_fsm.testing import (
    HANGS,
    Fault,
    FaultyStorage,
    ScriptedInterviewer,
    ScriptedRecorder,
    ScriptedSpeaker,
    ScriptedTranscriber,
    Step,
    run,
    turns,
)
from interview_fsm.views import WITHOUT_MODEL

Event = dict[str, Any]
IDS = itertools.count(1)
"""Of commands: a client that comes back does not begin from one again."""
SENTENCE = "Ten years of COBOL."


class Library:
    """Every link leads to SENTENCE, after a second; one with ``slow`` in it after a minute, ``bad`` never."""

    async def fetch(self, url: str, *, client: str) -> bytes:
        await asyncio.sleep(60 if "slow" in url else 1)
        if "bad" in url:
            raise ResumeError("resume_unreachable", "That link cannot be reached.", retryable=True)
        return SENTENCE.encode()

    async def read(self, document: bytes, *, client: str) -> Resume:
        return Resume((Page(1, 595, 842, (Span(document.decode(), (0, 0, 9, 9), 9),)),))


class World:
    """A server without sockets: an engine, and what its connections share."""

    def __init__(self, storage: Any = None, interviewer: Any = None, **options: Any) -> None:
        self.storage = storage or MemoryStorage()
        self.interviewer = interviewer or ScriptedInterviewer()
        host = {name: options.pop(name) for name in ("access_token", "seed") if name in options}
        self.engine = Engine(self.storage, self.interviewer, **options)
        self.seats = Seats(self.engine, most=4)
        shared = {"engine": self.engine, "seats": self.seats, "library": Library(), "seed": 1}
        self.host = Host(**(shared | {"disclosure": WITHOUT_MODEL} | host))

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.seats.aclose()
        await self.engine.aclose()

    async def logs(self) -> list[Head]:
        return [head async for head in self.storage.interviews(expired_before=float("inf"))]


class Client:
    """One connection: what it hears, and the server's side of it."""

    def __init__(self, world: World, *, owner: str | None = None) -> None:
        self.heard: list[Event] = []
        self.frames: list[str | bytes] = []
        self.deaf = False
        self.conduct = JsonV1(world.host, self._hear, owner=owner)
        self._work: asyncio.Task[Close] | None = None

    async def _hear(self, frame: str | bytes) -> None:
        if self.deaf:
            await asyncio.get_running_loop().create_future()
        self.frames.append(frame)
        if isinstance(frame, str):
            self.heard.append(json.loads(frame))

    async def __aenter__(self) -> Client:
        self._work = asyncio.create_task(self.conduct.run())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.leave()

    async def leave(self) -> None:
        assert self._work is not None
        self._work.cancel()
        await asyncio.wait([self._work])
        await self.conduct.leave()

    def say(self, kind: str, **fields: Any) -> str:
        message = {"type": kind, "id": f"c{next(IDS)}"} | fields
        self.conduct.take(json.dumps(message))
        return str(message["id"])

    async def hear(self, kind: str, meets: Callable[[Event], object] = bool, *, since: int = 0) -> Event:
        """The first of what was heard since that is of this kind and meets a condition."""
        async with asyncio.timeout(300):
            while True:
                for event in self.heard[since:]:
                    if event["type"] == kind and meets(event):
                        return event
                await asyncio.sleep(0.05)

    async def do(self, kind: str, **fields: Any) -> Event:
        """Send a command; what answers it, an update, another event, or an error."""
        since = len(self.heard)
        command_id = self.say(kind, **fields)
        async with asyncio.timeout(300):
            while True:
                for event in self.heard[since:]:
                    if event.get("in_reply_to") == command_id:
                        return event
                await asyncio.sleep(0.05)

    async def create(self, **fields: Any) -> tuple[str, str]:
        created = await self.do("create_session", **fields)
        assert created["type"] == "session_created", created
        return created["session"], created["token"]

    async def begin(self, **fields: Any) -> tuple[str, str]:
        pair = await self.create(**fields)
        await self.do("start_interview")
        await self.do("choose_difficulty", difficulty="easy")
        await self.hear("update", lambda e: "question" in e)
        return pair

    async def come_back(self, pair: tuple[str, str], seq: int = 0) -> Event:
        return await self.do("resume_session", session=pair[0], token=pair[1], seq=seq)

    async def closing(self) -> Close:
        assert self._work is not None
        await asyncio.wait([self._work], timeout=300)
        return self._work.result()


def conducted(story: Callable[[World], Awaitable[None]], **options: Any) -> None:
    """Run *story* in a world of its own, in virtual time."""

    async def main() -> None:
        async with World(**options) as world:
            await story(world)

    run(main())


def voice(seconds: float = 600.0) -> dict[str, Any]:
    return {"recorder": ScriptedRecorder(seconds=seconds), "transcriber": ScriptedTranscriber()}


def updates(client: Client) -> list[int]:
    return [event["seq"] for event in client.heard if event["type"] == "update"]


def test_in_a_language_that_is_not_served_it_is_told_and_nothing_is_asked() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.create(plan={"language": "de"}, resume={"text": SENTENCE})
            await ada.do("start_interview")
            await ada.do("choose_difficulty", difficulty="easy")
            told = await ada.hear("warning")
            assert told["code"] == "language_not_served"
            assert "asks and listens in English, and this interview is set to “de”" in told["message"]
            after = await ada.do("get_session")
            assert after["turns"] == []
            assert "choose_difficulty" in after["allowed"]

    conducted(story, interviewer=Coach())


def test_a_job_description_reaches_the_first_question() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            job = "You lead and mentor a team, supervise two clerks and delegate work."
            await ada.begin(job_description=job, resume={"text": SENTENCE})
            question = (await ada.do("get_session"))["question"]
            assert question["slot"]["competency"] == "leadership"

    conducted(story, interviewer=Coach())


def test_each_view_says_how_the_difficulty_was_read() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.create()
            assert "level" not in await ada.do("start_interview")
            chosen = await ada.do("choose_difficulty", difficulty="wizard")
            assert (chosen["level"]["name"], chosen["level"]["recognised"]) == ("mid", False)
            assert "“wizard”" in chosen["level"]["message"]
            assert (await ada.do("get_session"))["level"] == chosen["level"]
            again = await ada.do("choose_difficulty", difficulty="Junior")
            assert (again["level"]["name"], again["level"]["recognised"]) == ("entry", True)

    conducted(story)


def test_a_session_begins_with_the_first_entry_and_says_who_is_speaking() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            interview_id, token = await ada.create()
            await ada.hear("update")
            created, first = ada.heard[:2]
            assert (first["seq"], first["events"]) == (1, [{"type": "attached"}])
            assert "stop_interview" in first["allowed"]
            assert "not a model" in created["disclosure"]["speaker"]
            assert created["disclosure"]["data"] == "Nothing leaves this machine."
            assert len(token) >= 43, "256 bits"
            (entry,) = await world.storage.load(interview_id)
            hashed = hashlib.sha256(token.encode()).hexdigest()
            assert entry.events[0].token == hashed
            assert hashed not in json.dumps(ada.heard)

    conducted(story)


def test_a_plan_given_before_the_start_outlives_the_server() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            pair = await ada.create(plan={"questions": 7, "follow_ups": 0}, resume={"text": SENTENCE})
            await ada.hear("resume_read")
        async with World(world.storage) as other, Client(other) as ada:
            resumed = await ada.come_back(pair)
            assert resumed["questions"] == 7
            assert resumed["resume"]["characters"] == len(SENTENCE)
            await ada.do("start_interview")
            (stored,) = (await other.storage.load(pair[0]))[-1].events
            assert (stored.plan.questions, stored.plan.follow_ups) == (7, 0)
            assert stored.plan.resume_digest == hashlib.sha256(SENTENCE.encode()).hexdigest()

    conducted(story)


# ----------------------------------------------------------------------------------------- lingering


def test_a_session_outlives_its_connection_by_the_linger_and_no_longer() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            pair = await ada.begin()
            before = updates(ada)[-1]
        await asyncio.sleep(29)
        assert world.engine.sessions == 1
        async with Client(world) as ada:
            assert (await ada.come_back(pair, before))["seq"] == before
            await asyncio.sleep(100)
            assert world.engine.sessions == 1, "somebody is here again"
        await asyncio.sleep(29)
        assert world.engine.sessions == 1
        await asyncio.sleep(2)
        assert world.engine.sessions == 0
        async with Client(world) as ada:
            assert (await ada.come_back(pair, before))["seq"] == before + 1

    conducted(story)


def test_a_recording_that_nobody_comes_back_to_is_finished_and_kept() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            interview_id, _ = await ada.begin()
            await ada.do("record_answer", question=1, source="microphone")
        await asyncio.sleep(29)
        entries = await world.storage.load(interview_id)
        assert entries[-1].events[0].trigger == "record_answer"
        await asyncio.sleep(5)
        assert world.engine.sessions == 0
        triggers = [
            event.trigger for entry in await world.storage.load(interview_id) for event in entry.events
        ]
        assert triggers[-2:] == ["finish_answer", "answer_recorded"]

    conducted(story, **voice())


def test_whoever_comes_back_while_the_recording_is_being_finished_hears_the_outcome() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            pair = await ada.begin()
            await ada.do("record_answer", question=1, source="microphone")
            seq = updates(ada)[-1]
        await asyncio.sleep(30.05)
        async with Client(world) as ada:
            assert (await ada.come_back(pair, seq))["state"] == "recording"
            outcome = await ada.hear("update", lambda e: e["events"][0]["type"] == "answer_recorded")
            assert outcome["seq"] == seq + 2
            await asyncio.sleep(60)
            assert world.engine.sessions == 1

    slow = ScriptedTranscriber([Step(takes=3.0)])
    conducted(story, recorder=ScriptedRecorder(seconds=600), transcriber=slow)


def test_only_so_many_sessions_wait_and_the_oldest_makes_room() -> None:
    async def story(world: World) -> None:
        for _ in range(6):
            async with Client(world) as ada:
                await ada.create()
        await turns(50)
        assert world.engine.sessions == 4

    conducted(story)


def test_another_server_may_have_gone_on_and_the_session_that_waits_here_is_not_believed() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            pair = await ada.begin()
        async with World(world.storage) as other, Client(other) as ada:
            await ada.come_back(pair)
            await ada.do("submit_answer", question=1, text="said elsewhere")
        async with Client(world) as ada:
            assert (await ada.come_back(pair))["turns"][0]["answer"]["text"] == "said elsewhere"
            assert (await ada.do("stop_interview"))["type"] == "update"

    conducted(story)


# ------------------------------------------------------------------------------- who has what


def test_the_second_connection_takes_over_and_the_first_is_told_and_loses_nothing_for_it() -> None:
    async def story(world: World) -> None:
        async with Client(world) as first, Client(world) as second:
            pair = await first.begin()
            seq = updates(first)[-1]
            assert (await second.come_back(pair, seq))["seq"] == seq
            assert (await first.closing()).code == 4409
            assert first.heard[-1]["code"] == "session_taken"
            await first.leave()
            await asyncio.sleep(60)
            assert (await second.do("submit_answer", question=1, text="mine"))["type"] == "update"

    conducted(story)


def test_a_token_is_never_taken_for_a_key() -> None:
    """One in forty thousand of base64 has the shape of some provider's, and would be refused with 1008."""

    async def story(world: World) -> None:
        async with Client(world) as ada:
            _, token = await ada.create()
            assert re.fullmatch("[0-9a-f]{64}", token)

    conducted(story)


def test_who_was_sent_away_does_not_take_the_interview_back_when_its_session_ends() -> None:
    """Its connection is open for a while, until the client has read why it is closed."""

    async def story(world: World) -> None:
        async with Client(world) as first, Client(world) as second:
            pair = await first.begin()
            await second.come_back(pair, updates(first)[-1])
            assert (await first.closing()).code == 4409
            assert (await second.do("erase_session"))["type"] == "session_erased"
        assert await world.logs() == []

    storage = FaultyStorage(MemoryStorage(), lambda _, name: 2.0 if name == "erase" else None)
    conducted(story, storage=storage)


def test_another_owner_finds_nothing_though_the_token_is_right() -> None:
    async def story(world: World) -> None:
        async with Client(world, owner="ada") as ada, Client(world, owner="eve") as eve:
            pair = await ada.begin()
            assert (await eve.come_back(pair))["code"] == "session_not_found"
            assert (await ada.do("submit_answer", question=1, text="still mine"))["type"] == "update"
            assert [head.owner for head in await world.logs()] == ["ada"]
        async with World(world.storage) as other, Client(other, owner="eve") as eve:
            assert (await eve.come_back(pair))["code"] == "session_not_found"

    conducted(story)


def test_a_host_that_ends_its_sessions_is_not_fought_and_the_client_is_told_to_come_back() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            pair = await ada.begin()
            await world.engine.aclose()
            assert (await ada.closing()).code == 1012
            assert world.engine.sessions == 0
        for kind, fields in (
            ("resume_session", {"session": pair[0], "token": pair[1], "seq": 0}),
            ("create_session", {}),
        ):
            async with Client(world) as ada:
                refused = await ada.do(kind, **fields)
                assert (refused["code"], refused["retryable"]) == ("busy", True)
                assert refused["message"] == "The server is stopping; come back in a moment."
                assert (await ada.closing()).code == 1012
        async with World(world.storage) as other, Client(other) as ada:
            assert (await ada.come_back(pair))["state"] == "questioning"

    conducted(story)


def test_a_command_that_waits_while_the_engine_closes_may_be_sent_again() -> None:
    storage = FaultyStorage(MemoryStorage(), lambda _, name: 5.0 if name == "append" else None)

    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.create()
            ada.say("start_interview")
            waiting = ada.say("choose_difficulty", difficulty="easy")
            await asyncio.sleep(1)
            await world.engine.aclose()
            refused = await ada.hear("error", lambda e: e["in_reply_to"] != waiting)
            assert (refused["code"], refused["retryable"]) == ("busy", True)
            assert (await ada.closing()).code == 1012

    conducted(story, storage=storage)


@pytest.mark.parametrize("later", range(0, 60, 3))
def test_a_connection_opens_nothing_again_behind_the_back_of_an_engine_that_closes(later: int) -> None:
    down = False
    storage = FaultyStorage(MemoryStorage(), lambda _, __: "lost-request" if down else 0.5)

    async def story(world: World) -> None:
        nonlocal down
        async with Client(world) as ada:
            await ada.begin()
            down = True
            ada.say("submit_answer", question=1, text="once")  # the session ends, and is opened again
            await asyncio.sleep(0.5)
            down = False
            await turns(later)
            await asyncio.sleep(later * 0.05)
            await world.engine.aclose()
            assert world.engine.sessions == 0
            assert (await ada.closing()).code == 1012
            await asyncio.sleep(60)
            assert world.engine.sessions == 0

    conducted(story, storage=storage)


def test_an_access_token_is_asked_for_where_there_is_one() -> None:
    async def story(world: World) -> None:
        for fields in ({}, {"access_token": "wrong"}):
            async with Client(world) as eve:
                assert (await eve.do("create_session", **fields))["code"] == "unauthorized"
                assert (await eve.closing()).code == 4401
        async with Client(world) as ada:
            await ada.create(access_token="right")
        assert len(await world.logs()) == 1

    conducted(story, access_token="right")


def test_erasing_says_what_is_gone_and_can_be_tried_again_when_the_storage_is_away() -> None:
    away: set[str] = set()
    storage = FaultyStorage(MemoryStorage(), lambda _, name: "lost-request" if name in away else None)

    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.begin(resume={"text": SENTENCE})
            await ada.do("submit_answer", question=1, text="once")
            away.add("erase")
            assert (await ada.do("erase_session"))["code"] == "storage_unavailable"
            away.clear()
            erased = await ada.do("erase_session")
            assert erased["receipt"]["answers"] == 1
            assert erased["receipt"]["resume"] is True
            assert (await ada.closing()).code == 1000
            assert await world.logs() == []

    conducted(story, storage=storage)


@pytest.mark.parametrize("log", ["the résumé's", "its own"])
def test_an_interview_that_could_not_be_erased_goes_on_where_it_was(log: str) -> None:
    hits = {"the résumé's": 1, "its own": 2}
    erasures = itertools.count(1)

    def fault(_: int, name: str) -> Fault:
        return "lost-request" if name == "erase" and next(erasures) == hits[log] else None

    storage = FaultyStorage(MemoryStorage(), fault)

    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.begin(resume={"text": SENTENCE})
            assert (await ada.do("erase_session"))["code"] == "storage_unavailable"
            await ada.do("submit_answer", question=1, text="I am still here.")
            assert (await ada.do("get_session"))["turns"][0]["answer"]["text"] == "I am still here."
            await ada.do("erase_session")
            assert (await ada.closing()).code == 1000
            assert await world.logs() == []

    conducted(story, storage=storage)


def test_the_receipt_counts_what_was_removed_and_not_what_this_server_knew_of_it() -> None:
    storage = MemoryStorage()

    async def story(world: World) -> None:
        async with Client(world) as ada, World(storage) as other:
            session, _ = await ada.create(plan={"questions": 1}, resume={"text": SENTENCE})
            await ada.hear("resume_read")
            async with await other.engine.open(session) as moved:
                await moved.send(StartInterview(Plan(questions=1)))
                await moved.send(ChooseDifficulty("easy"))
                await moved.until(lambda interview: interview.open_question is not None)
                await moved.send(SubmitAnswer(1, "There."))
                stored = moved.interview.version
            erased = (await ada.do("erase_session"))["receipt"]
            assert (erased["entries"], erased["questions"], erased["answers"]) == (stored, 1, 1)
            assert erased["resume"] is True

    conducted(story, storage=storage)


def test_the_receipt_of_what_somebody_else_has_erased_is_empty() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            session, _ = await ada.begin(resume={"text": SENTENCE})
            await erase_interview(world.storage, session)
            receipt = (await ada.do("erase_session"))["receipt"]
            assert not any(receipt[name] for name in receipt.keys() - {"session"})

    conducted(story)


# ---------------------------------------------------------------------------------------- the résumé


def test_another_resume_may_be_brought_until_the_start_and_the_latest_counts() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            fields = {"resume": {"url": "https://example.com/bad"}, "job_description": "A baker."}
            pair = await ada.create(id="mine", **fields)
            error = await ada.hear("error")
            assert (error["code"], error["in_reply_to"]) == ("resume_unreachable", "mine")
            assert (await ada.do("set_resume", text="First."))["type"] == "resume_read"
            assert (await ada.do("set_resume", url="https://example.com/cv"))["characters"] == len(SENTENCE)
        async with World(world.storage, world.interviewer) as other, Client(other) as ada:
            await ada.come_back(pair)
            await ada.do("start_interview")
            refused = await ada.do("set_resume", text="Too late.")
            assert (refused["code"], refused["allowed"][0]) == ("invalid_command", "choose_difficulty")
            await ada.do("choose_difficulty", difficulty="easy")
            await ada.hear("update", lambda e: "question" in e)
            brief = world.interviewer.asked[-1]
            assert (brief.resume, brief.job_description) == (SENTENCE, "A baker.")

    conducted(story)


def test_a_reading_that_takes_long_is_heard_of_and_can_be_given_up() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.create()
            command_id = ada.say("set_resume", url="https://example.com/slow")
            await asyncio.sleep(10)
            said = [event for event in ada.heard if event["type"] == "progress"]
            assert len(said) >= 5
            assert {event["task"] for event in said} == {"resume"}
            ada.say("cancel", task="resume")
            error = await ada.hear("error")
            assert (error["code"], error["task"], error["in_reply_to"]) == ("cancelled", "resume", command_id)
            count = len(ada.heard)
            await asyncio.sleep(10)
            assert len(ada.heard) == count, "what has ended is not heard of"
            assert (await ada.do("set_resume", text=SENTENCE))["type"] == "resume_read"

    conducted(story)


def test_a_stop_does_not_wait_for_the_reading_which_then_leaves_nothing_behind() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            interview_id, _ = await ada.create()
            ada.say("set_resume", url="https://example.com/slow")
            await asyncio.sleep(1)
            assert (await ada.do("stop_interview"))["state"] == "stopped"
            assert (await ada.hear("error"))["code"] == "invalid_command"
            assert [head.interview_id for head in await world.logs()] == [interview_id]

    conducted(story)


def test_an_upload_that_does_not_come_is_given_up_after_a_minute_and_another_may_come() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            begun = ada.say("begin_upload", purpose="resume", name="cv.txt", size=100)
            assert (await ada.do("begin_upload", purpose="resume", name="b", size=1))["code"] == "busy"
            ada.conduct.take(b"some")
            await asyncio.sleep(59)
            said = [event for event in ada.heard if event["type"] == "progress"]
            assert len(said) >= 29
            assert (said[-1]["done"], said[-1]["total"]) == (4, 100)
            await asyncio.sleep(2)
            assert (ada.heard[-1]["code"], ada.heard[-1]["in_reply_to"]) == ("resume_timeout", begun)
            ada.say("begin_upload", purpose="resume", name="cv.txt", size=4)
            ada.conduct.take(b"four")
            received = await ada.hear("upload_received")
            await ada.create()
            assert (await ada.do("set_resume", upload=received["upload"]))["characters"] == 4
            again = await ada.do("set_resume", upload=received["upload"])
            assert again["code"] == "bad_message", "it is used once"

    conducted(story)


@pytest.mark.parametrize("is_held", [False, True], ids=["as it comes", "before its command is stored"])
def test_a_server_without_room_for_more_sound_says_busy_and_the_answer_goes_on(is_held: bool) -> None:
    async def story(world: World) -> None:
        world.engine._house.room = Room(most=0)
        async with Client(world) as ada:
            await ada.create()
            await ada.do("start_interview")
            await ada.do("choose_difficulty", difficulty="easy")
            await ada.hear("update", lambda e: e["events"][0]["type"] == "question_asked")
            await ada.do("record_answer", question=1, source="stream")
            ada.conduct.take(bytes(EACH))  # which every stream may have
            if is_held:
                ada.say("record_answer", question=1, source="stream")
            ada.conduct.take(b"more")
            error = await ada.hear("error", lambda e: e["code"] == "busy")
            assert error["retryable"]
            assert "no faster than it is said" in error["message"]
            assert (await ada.do("finish_answer"))["type"] == "update"

    recorder = ScriptedRecorder(seconds=60)
    recorder.kinds = ("stream",)  # type: ignore[attr-defined]
    conducted(story, recorder=recorder, transcriber=ScriptedTranscriber())


def test_more_sound_than_can_be_kept_for_an_answer_that_has_yet_to_begin_is_refused() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.create()
            await ada.do("start_interview")
            await ada.do("choose_difficulty", difficulty="easy")
            await ada.hear("update", lambda e: e["events"][0]["type"] == "question_asked")
            ada.say("record_answer", question=1, source="stream")
            for _ in range(4):
                ada.conduct.take(bytes(MOST_HELD // 4))
            ada.conduct.take(b"more")
            error = await ada.hear("error", lambda e: e["code"] == "too_large")
            assert "slower" in error["message"]
            assert (await ada.do("finish_answer"))["type"] == "update"

    recorder = ScriptedRecorder(seconds=60)
    recorder.kinds = ("stream",)  # type: ignore[attr-defined]
    conducted(story, recorder=recorder, transcriber=ScriptedTranscriber())


@pytest.mark.parametrize("purpose", ["answer", "check"])
def test_a_file_with_sound_that_does_not_come_is_not_told_of_as_a_resume(purpose: str) -> None:
    recorder = ScriptedRecorder()
    recorder.kinds = ("upload",)  # type: ignore[attr-defined]

    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.create()
            begun = ada.say("begin_upload", purpose=purpose, name="a.wav", size=100)
            await asyncio.sleep(61)
            error = ada.heard[-1]
            assert (error["code"], error["retryable"]) == ("audio_unusable", True)
            assert error["in_reply_to"] == begun
            assert "type your answer" in error["message"]
            ada.say("begin_upload", purpose=purpose, name="a.wav", size=4)
            ada.conduct.take(b"four")
            await ada.hear("upload_received")

    conducted(story, recorder=recorder, transcriber=ScriptedTranscriber())


# ------------------------------------------------------------------------------------ long work


def test_a_question_in_the_making_can_be_given_up_and_is_let_go_of() -> None:
    interviewer = ScriptedInterviewer([HANGS])

    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.create()
            await ada.do("start_interview")
            await ada.do("choose_difficulty", difficulty="easy")
            assert ada.heard[-1]["activity"] == "ask"
            await asyncio.sleep(8)
            assert [e["task"] for e in ada.heard if e["type"] == "progress"] == ["ask"] * 5
            error = await ada.do("cancel", task="ask")
            assert (error["code"], error["task"]) == ("cancelled", "ask")
            failed = await ada.hear("update", lambda e: e["events"][0]["type"] == "activity_failed")
            assert failed["events"][0]["code"] == "cancelled"
            assert interviewer.open == 0
            assert (await ada.do("cancel", task="ask"))["code"] == "invalid_command"
            count = len(ada.heard)
            await asyncio.sleep(20)
            assert len(ada.heard) == count

    conducted(story, interviewer=interviewer)


def test_a_recording_can_be_given_up_and_the_question_is_open_again() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.begin()
            await ada.do("record_answer", question=1, source="microphone")
            await ada.do("cancel", task="listen")
            lost = await ada.hear("update", lambda e: e["events"][0]["type"] == "answer_lost")
            assert (lost["events"][0]["reason"], lost["question"]["number"]) == ("cancelled", 1)

    conducted(story, **voice())


def test_sound_follows_its_announcement_whatever_else_is_said() -> None:
    speaker = ScriptedSpeaker([Step(gives=Audio(b"RIFF-1"))])

    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.begin()
            for _ in range(20):
                ada.say("ping")
                await turns(1)
            await ada.hear("speech")
            place = next(i for i, frame in enumerate(ada.frames) if isinstance(frame, bytes))
            assert json.loads(ada.frames[place - 1])["type"] == "speech"

    conducted(story, speaker=speaker)


def test_a_connection_is_read_to_when_it_says_so_and_begins_with_the_open_question() -> None:
    speaker = ScriptedSpeaker([Step(gives=Audio(b"RIFF-1"))])

    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.begin()
            assert ada.heard[0]["features"]["speech"]
            await turns(50)
            assert speaker.begun == [], "nothing is made for who did not ask"
            assert (await ada.do("set_speech", on=True))["on"] is True
            assert (await ada.hear("speech"))["question"] == 1
            await ada.do("set_speech", on=False)
            await ada.do("repeat_question", question=1)
            await turns(50)
            assert len(speaker.begun) == 1

    conducted(story, speaker=speaker, speech_on_demand=True)


def test_it_is_silent_at_once_when_it_is_told_so() -> None:
    speaker = ScriptedSpeaker([Step(takes=100.0)])

    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.do("set_speech", on=True)
            await ada.begin()
            while not speaker.open:
                await turns(1)
            await ada.do("set_speech", on=False)
            while speaker.open:
                await turns(1)
            assert speaker.said == []
            assert "warning" not in [event["type"] for event in ada.heard]

    conducted(story, speaker=speaker, speech_on_demand=True)


def test_who_comes_back_is_read_to_again_in_the_new_session() -> None:
    speaker = ScriptedSpeaker()

    async def story(world: World) -> None:
        async with Client(world) as ada:
            pair = await ada.begin()
            await ada.do("set_speech", on=True)
            await ada.hear("speech")
        await asyncio.sleep(world.host.engine.limits.linger + 5)
        async with Client(world) as bob:
            await bob.do("set_speech", on=True)
            await bob.come_back(pair)
            await bob.hear("speech")

    conducted(story, speaker=speaker, speech_on_demand=True)


@pytest.mark.parametrize("options", [{}, {"speaker": ScriptedSpeaker()}], ids=["none", "on its own machine"])
def test_a_server_that_has_no_sound_to_give_says_so(options: dict[str, Any]) -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.create()
            assert not ada.heard[0]["features"]["speech"]
            assert (await ada.do("set_speech", on=True))["on"] is False

    conducted(story, **options)


def test_a_voice_that_cannot_be_had_is_one_warning_and_the_text_stands() -> None:
    error = AdapterError("pyttsx3", "speech_off", "Reading aloud needs espeak-ng.")
    speaker = ScriptedSpeaker([Step(raises=error)] * 3)

    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.do("set_speech", on=True)
            await ada.begin()
            warning = await ada.hear("warning")
            assert (warning["code"], warning["message"]) == ("speech_off", "Reading aloud needs espeak-ng.")
            await ada.do("repeat_question", question=1)
            await ada.do("submit_answer", question=1, text="I did it.")
            await turns(50)
            assert len(speaker.begun) == 1
            assert sum(event["type"] == "warning" for event in ada.heard) == 1

    conducted(story, speaker=speaker, speech_on_demand=True)


# ----------------------------------------------------------------------------------- too much, too bad


def test_a_ping_does_not_wait_for_what_waits_and_too_much_is_refused() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.create()
            ada.say("set_resume", url="https://example.com/slow")
            await asyncio.sleep(1)
            waiting = [ada.say("get_session") for _ in range(MOST_WAITING)]
            assert (await ada.do("get_session"))["code"] == "busy"
            assert (await ada.do("ping"))["type"] == "pong"
            ada.say("cancel", task="resume")
            await ada.hear("snapshot", lambda e: e["in_reply_to"] == waiting[-1])

    conducted(story)


def test_what_waits_is_bounded_in_bytes_too() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            await ada.create()
            ada.say("set_resume", url="https://example.com/slow")
            await asyncio.sleep(1)
            some = MOST_WAITING_BYTES // MAX_TEXT
            assert some + 1 < MOST_WAITING
            for _ in range(some + 1):
                ada.say("set_resume", text="x" * MAX_TEXT)
            assert (await ada.do("get_session"))["code"] == "busy"
            ada.say("cancel", task="resume")
            while ada.conduct.busy:
                await asyncio.sleep(1)
            assert (await ada.do("get_session"))["type"] == "snapshot"

    conducted(story)


def test_a_client_that_does_not_read_is_let_go_and_finds_all_of_it_later() -> None:
    async def story(world: World) -> None:
        async with Client(world) as ada:
            pair = await ada.begin()
            ada.deaf = True
            for number in range(MOST_UNSENT + 2):
                ada.say("ping", id=f"p{number}")
            ada.deaf = False
            await turns(5)
            assert not ada.conduct._outbox
            await ada.leave()
        async with Client(world) as ada:
            assert (await ada.come_back(pair))["state"] == "questioning"

    conducted(story)


def test_bad_messages_end_it_only_when_none_was_good() -> None:
    async def story(world: World) -> None:
        async with Client(world) as eve:
            for _ in range(3):
                eve.conduct.take("{}")
            assert (await eve.closing()).code == 4400
            assert [event["code"] for event in eve.heard] == ["bad_message"] * 3
        async with Client(world) as ada:
            ada.conduct.take("{}")
            await ada.do("ping")
            for _ in range(5):
                ada.conduct.take("{}")
            assert (await ada.do("ping"))["type"] == "pong"

    conducted(story)


# ---------------------------------------------------------------------------- the storage goes away


def test_a_storage_that_comes_back_is_gone_on_with_and_no_update_is_missing() -> None:
    down = False
    storage = FaultyStorage(MemoryStorage(), lambda call, name: "lost-reply" if down else None)

    async def story(world: World) -> None:
        nonlocal down
        async with Client(world) as ada:
            await ada.begin()
            down = True
            error = await ada.do("submit_answer", id="a1", question=1, text="said once")
            assert (error["code"], error["retryable"]) == ("storage_unavailable", True)
            await asyncio.sleep(2)
            down = False
            stored = await ada.hear("update", lambda e: e.get("in_reply_to") == "a1")
            assert stored["events"][0]["text"] == "said once"
            await ada.hear("update", lambda e: e.get("question", {}).get("number") == 2)
            assert updates(ada) == list(range(1, len(updates(ada)) + 1))
            again = await ada.do("submit_answer", id="a1", question=1, text="said once")
            assert again["type"] == "update"

    conducted(story, storage=storage)


def test_a_storage_that_stays_away_ends_the_connection_with_a_code_that_is_tried_again() -> None:
    down = False
    storage = FaultyStorage(MemoryStorage(), lambda call, name: "lost-request" if down else None)

    async def story(world: World) -> None:
        nonlocal down
        async with Client(world) as ada:
            await ada.begin()
            down = True
            await ada.do("submit_answer", question=1, text="lost")
            assert (await ada.closing()).code == 1011
            assert ada.heard[-1]["code"] == "storage_unavailable"
            down = False

    conducted(story, storage=storage)


@pytest.mark.parametrize("kind", ["bad_setting", "missing_extra", "something_new"])
def test_a_code_that_is_none_of_the_list_is_told_as_internal(kind: str) -> None:
    from interview_fsm import views

    told = views.failure(AdapterError("model", kind))
    assert told.code == "internal"
    assert State.IDLE.value not in told.message
    messages.encode(told)
