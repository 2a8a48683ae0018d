"""The plain-text dialect conducted, without a socket and without waiting."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Engine
from interview_fsm.errors import AdapterError, ResumeError
from interview_fsm.events import Head, Material, Transcript
from interview_fsm.interview import Interview
from interview_fsm.plaintext import MOST_WAITING, MOST_WAITING_BYTES, PlainText, TooManyTries
from interview_fsm.states import State
from interview_fsm.testing import (
    HANGS,
    Fault,
    FaultyStorage,
    ScriptedInterviewer,
    ScriptedRecorder,
    ScriptedTranscriber,
    Step,
    run,
    turns,
)

LINK = "https://example.com/myresume.pdf;2"
CLEARED = "Database cleared. Please specify difficulty."


class Client:
    """The other end: what it hears, and the server's side of it."""

    def __init__(
        self,
        *,
        storage: Any = None,
        bring: Callable[[str], Awaitable[Material]] | None = None,
        interviewer: Any = None,
        **ports: Any,
    ) -> None:
        self.heard: list[str] = []
        self.storage = storage or MemoryStorage()
        self.interviewer = interviewer or ScriptedInterviewer()
        self.engine = Engine(self.storage, self.interviewer, **ports)
        self.links: list[str] = []
        self._bring_with = bring
        self.conduct = PlainText(self.engine, self._bring, self._hear, seed=1)
        self.work: asyncio.Task[None] | None = None

    async def _bring(self, link: str) -> Material:
        self.links.append(link)
        if self._bring_with is not None:
            return await self._bring_with(link)
        await asyncio.sleep(1)
        return Material("Ten years of COBOL.", digest="d")

    async def _hear(self, text: str) -> None:
        self.heard.append(text)

    async def __aenter__(self) -> Client:
        self.work = asyncio.create_task(self.conduct.run())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self.work is not None
        self.work.cancel()
        await asyncio.wait([self.work])
        await self.conduct.leave()
        await self.engine.aclose()

    async def send(self, *lines: str) -> list[str]:
        """Send these, wait until all is quiet; what was heard for them."""
        before = len(self.heard)
        for line in lines:
            await self.conduct.take(line)
        while self.conduct.busy and self.work is not None and not self.work.done():
            await asyncio.sleep(0.1)
        return self.heard[before:]

    async def kept(self) -> list[Head]:
        return [head async for head in self.storage.interviews(expired_before=float("inf"))]

    async def interviews(self) -> list[Interview]:
        heads = [head async for head in self.storage.interviews()]
        return [Interview.replay(h.interview_id, await self.storage.load(h.interview_id)) for h in heads]


def spoken(*texts: str) -> dict[str, Any]:
    """Ports that hear *texts*."""
    steps: list[Step[str | Transcript]] = [Step(gives=text) for text in texts]
    return {"recorder": ScriptedRecorder(), "transcriber": ScriptedTranscriber(steps)}


def test_the_lines_of_the_readme_pasted_at_once_conduct_an_interview() -> None:
    async def main() -> None:
        async with Client(**spoken("I rewrote the payroll.")) as client:
            heard = await client.send(
                "https://example.com/myresume.pdf;1",
                "start_interview",
                "difficulty:entry-level",
                "record_answer",
                "analyze",
                "stop_interview",
            )
            assert heard[:3] == [
                CLEARED,
                "Question asked: Question 1, entry-level: what was your part in it?",
                "Answer recorded: I rewrote the payroll.",
            ]
            assert heard[3].startswith("Analysis: ")
            assert heard[4:] == ["Interview session stopped."]
            assert client.links == ["https://example.com/myresume.pdf"]
            assert client.work is not None
            assert client.work.done()

    run(main())


def test_reading_goes_well_in_silence_and_leaves_nothing_in_the_storage() -> None:
    async def main() -> None:
        async with Client() as client:
            assert await client.send(LINK) == []
            assert await client.kept() == []

    run(main())


def test_a_typed_answer_is_stored_as_typed() -> None:
    async def main() -> None:
        async with Client() as client:
            heard = await client.send(LINK, "start_interview", "difficulty:mid", "answer: So: I did it. ")
            assert heard[-1] == "Answer recorded: So: I did it."
            (interview,) = await client.interviews()
            assert interview.turns[0].answer is not None
            assert interview.turns[0].answer.text == "So: I did it."

    run(main())


def test_each_difficulty_brings_the_next_question_until_the_count_is_reached() -> None:
    async def main() -> None:
        async with Client() as client:
            heard = await client.send(
                LINK, "start_interview", "difficulty:easy", "answer:one", "difficulty:very hard", "answer:two"
            )
            assert heard[1].startswith("Question asked: Question 1, easy")
            assert heard[3].startswith("Question asked: Question 2, very hard")
            assert await client.send("difficulty:easy") == [
                "Error: All 2 questions have been asked. "
                "Possible now: start_interview, analyze, stop_interview."
            ]

    run(main())


def test_start_interview_again_erases_this_interview_and_begins_one_on_the_same_resume() -> None:
    async def main() -> None:
        async with Client() as client:
            await client.send(LINK, "start_interview", "difficulty:easy", "answer:the first try")
            (before,) = await client.interviews()
            assert await client.send("start_interview") == [CLEARED]
            (after,) = await client.interviews()
            assert after.id != before.id
            assert after.turns == ()
            heard = await client.send("difficulty:easy")
            assert heard[0].startswith("Question asked: Question 1")
            assert client.interviewer.asked[-1].resume == "Ten years of COBOL."
            assert client.links == ["https://example.com/myresume.pdf"], "not fetched again"

    run(main())


def test_one_candidates_start_never_touches_anothers_interview() -> None:
    async def main() -> None:
        storage = MemoryStorage()
        async with Client(storage=storage) as one, Client(storage=storage) as two:
            await one.send(LINK, "start_interview", "difficulty:easy", "answer:mine")
            await two.send(LINK, "start_interview", "start_interview")
            answers = [i.turns[0].answer for i in await one.interviews() if i.turns]
            assert [answer.text for answer in answers if answer] == ["mine"]

    run(main())


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("analyze", "Error: The interview is idle. Possible now: start_interview, stop_interview."),
        ("difficulty:easy", "Error: The interview is idle. Possible now: start_interview, stop_interview."),
        ("record_answer", "Error: The interview is idle. Possible now: start_interview, stop_interview."),
        ("answer:x", "Error: The interview is idle. Possible now: start_interview, stop_interview."),
        ("hello", "Error: There is no such command. Possible now: start_interview, stop_interview."),
    ],
)
def test_what_is_not_possible_is_an_error_that_says_what_is_and_stores_nothing(line: str, reply: str) -> None:
    async def main() -> None:
        async with Client() as client:
            assert await client.send(LINK, line) == [reply]
            assert await client.kept() == []
            assert await client.send("start_interview") == [CLEARED], "the connection goes on"

    run(main())


def test_an_empty_answer_and_an_empty_difficulty_are_refused() -> None:
    async def main() -> None:
        async with Client() as client:
            heard = await client.send(LINK, "start_interview", "difficulty: ", "difficulty:x", "answer:  ")
            assert heard[1].startswith("Error: The difficulty is empty.")
            assert heard[3].startswith("Error: The answer is empty.")

    run(main())


def test_a_link_that_cannot_be_read_is_an_error_and_another_may_be_sent() -> None:
    async def bring(link: str) -> Material:
        if "bad" in link:
            raise ResumeError("resume_not_pdf", "That link gave a web page (text/html), not a PDF.")
        return Material("Fine.")

    async def main() -> None:
        async with Client(bring=bring) as client:
            heard = await client.send("https://example.com/bad;3", "start_interview", LINK, "start_interview")
            assert heard[0] == "Error: That link gave a web page (text/html), not a PDF."
            assert heard[1].startswith("Error: Send a link to a résumé")
            assert heard[2:] == [CLEARED]

    run(main())


def test_three_first_messages_that_say_nothing_end_it() -> None:
    async def main() -> None:
        async with Client() as client:
            heard = await client.send("hello", "{}", "difficulty:easy")
            assert len(heard) == 3
            assert all(text.startswith("Error: Send a link") for text in heard)
            assert client.work is not None
            assert isinstance(client.work.exception(), TooManyTries)

    run(main())


def test_errors_after_the_first_link_never_end_it() -> None:
    async def bring(link: str) -> Material:
        raise ResumeError("resume_unreachable", "That link cannot be reached.")

    async def main() -> None:
        async with Client(bring=bring) as client:
            heard = await client.send(LINK, *["start_interview"] * 5)
            assert len(heard) == 6
            assert client.work is not None
            assert not client.work.done()

    run(main())


def test_nothing_heard_is_an_error_and_the_question_stays_open() -> None:
    async def main() -> None:
        async with Client(**spoken("  ", "Now I speak.")) as client:
            heard = await client.send(LINK, "start_interview", "difficulty:easy", "record_answer")
            assert heard[-1].startswith("Error: Nothing was heard. Possible now: start_interview,")
            assert "answer:TEXT" in heard[-1]
            assert await client.send("record_answer") == ["Answer recorded: Now I speak."]

    run(main())


def test_without_a_microphone_one_is_told_that_typing_works() -> None:
    async def main() -> None:
        async with Client() as client:
            heard = await client.send(LINK, "start_interview", "difficulty:easy", "record_answer")
            assert heard[-1].startswith("Error: This server has no microphone.")
            assert "answer:TEXT" in heard[-1]

    run(main())


def test_a_question_that_fails_is_an_error_and_may_be_asked_for_again() -> None:
    failing = ScriptedInterviewer(
        [Step(raises=AdapterError("scripted", "model_unavailable", "the interviewer cannot be reached"))]
    )

    async def main() -> None:
        async with Client(interviewer=failing) as client:
            heard = await client.send(LINK, "start_interview", "difficulty:easy")
            assert heard[-1].startswith("Error: The interviewer cannot be reached. Possible now:")
            heard = await client.send("difficulty:easy")
            assert heard[0].startswith("Question asked: Question 1")

    run(main())


def test_a_stop_interrupts_what_runs_when_nothing_else_waits() -> None:
    async def main() -> None:
        client = Client(interviewer=ScriptedInterviewer([HANGS]))
        async with client:
            await client.send(LINK, "start_interview")
            await client.conduct.take("difficulty:easy")
            await turns(20)
            assert client.interviewer.open == 1
            assert await client.send("stop_interview") == ["Interview session stopped."]
            assert client.interviewer.open == 0, "let go of before it is said"
            assert client.heard == [CLEARED, "Interview session stopped."]
            (interview,) = await client.interviews()
            assert interview.state is State.STOPPED

    run(main())


def test_a_stop_interrupts_the_reading_of_the_resume() -> None:
    async def bring(link: str) -> Material:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("unreachable")

    async def main() -> None:
        async with Client(bring=bring) as client:
            await client.conduct.take(LINK)
            await turns(5)
            assert await client.send("stop_interview") == ["Interview session stopped."]
            assert await client.kept() == []

    run(main())


def test_a_stop_in_the_queue_waits_its_turn() -> None:
    async def main() -> None:
        async with Client(interviewer=ScriptedInterviewer([Step(takes=20)])) as client:
            await client.send(LINK, "start_interview")
            for line in ("difficulty:easy", "answer:said in time", "stop_interview"):
                await client.conduct.take(line)
                await turns(10)
            heard = await client.send()
            assert heard == [] or heard[-1] == "Interview session stopped."
            assert client.heard[-2:] == ["Answer recorded: said in time", "Interview session stopped."]

    run(main())


def test_leaving_stops_the_interview_and_the_resume_is_gone() -> None:
    async def main() -> None:
        client = Client()
        async with client:
            await client.send(LINK, "start_interview", "difficulty:easy", "answer:kept")
            assert any(head.interview_id.endswith(".resume") for head in await client.kept())
        assert [head.interview_id.endswith(".resume") for head in await client.kept()] == [False]
        (interview,) = await client.interviews()
        assert interview.state is State.STOPPED
        assert interview.turns[0].answer is not None

    run(main())


class Away:
    """The storage, which loses what it is asked for while it is away, or so many of one kind of call."""

    def __init__(self) -> None:
        self.kept = MemoryStorage()
        self.lose: dict[str, float] = {}
        self.fault: Fault = "lost-request"
        self.storage = FaultyStorage(self.kept, self._plan)

    def _plan(self, _: int, name: str) -> Fault:
        if self.lose.get(name, 0) <= 0:
            return None
        self.lose[name] -= 1
        return self.fault

    async def left(self) -> list[tuple[State | None, int]]:
        """State and answers of each interview that is kept, None for a résumé's text."""
        left: list[tuple[State | None, int]] = []
        async for head in self.kept.interviews(expired_before=float("inf")):
            if head.interview_id.endswith(".resume"):
                left.append((None, 0))
                continue
            interview = Interview.replay(head.interview_id, await self.kept.load(head.interview_id))
            left.append((interview.state, len(interview.answered)))
        return left


STORED = "Interview session stopped."


@pytest.mark.parametrize("end", ["stop_interview", "the line breaks"])
def test_an_interview_whose_session_the_storage_has_ended_is_stopped_all_the_same(end: str) -> None:
    world = Away()

    async def main() -> None:
        async with Client(storage=world.storage) as client:
            await client.send(LINK, "start_interview", "difficulty:easy")
            world.lose["append"] = 1
            assert (await client.send("answer:lost"))[0].startswith("Error: ")
            if end == "stop_interview":
                assert await client.send(end) == [STORED]
                assert await world.left() == [(State.STOPPED, 0)]
        assert await world.left() == [(State.STOPPED, 0)], "and no résumé"

    run(main())


@pytest.mark.parametrize("fault", ["lost-request", "lost-reply", "hung-reply", "conflict"])
def test_a_stop_that_could_not_be_stored_is_an_error_and_may_be_sent_again(fault: Fault) -> None:
    world = Away()
    world.fault = fault

    async def main() -> None:
        async with Client(storage=world.storage) as client:
            await client.send(LINK, "start_interview", "difficulty:easy", "answer:kept")
            world.lose["append"] = 1
            (said,) = await client.send("stop_interview")
            assert said.startswith("Error: ")
            assert client.work is not None
            assert not client.work.done(), "the connection stays"
            assert await client.send("stop_interview") == [STORED]
            assert client.work.done()
            assert await world.left() == [(State.STOPPED, 1)]

    run(main())


def test_while_the_storage_is_away_nothing_is_stopped_and_what_is_possible_is_said() -> None:
    world = Away()

    async def main() -> None:
        async with Client(storage=world.storage) as client:
            await client.send(LINK, "start_interview", "difficulty:easy", "answer:kept")
            world.lose = {"append": 100, "load": 100, "erase": 100}
            for _ in range(3):
                (said,) = await client.send("stop_interview")
                assert said.startswith("Error: The request was lost. Possible now: start_interview,")
                assert "stop_interview" in said
            world.lose = {}
            assert await client.send("stop_interview") == [STORED]
            assert await world.left() == [(State.STOPPED, 1)]

    run(main())


@pytest.mark.parametrize("lost", [("append",), ("append", "load", "erase")], ids=["appending", "all"])
def test_when_it_cannot_be_stopped_at_the_end_its_resume_is_erased_all_the_same(lost: tuple[str]) -> None:
    world = Away()

    async def main() -> None:
        client = Client(storage=world.storage)
        async with client:
            await client.send(LINK, "start_interview", "difficulty:easy", "answer:kept")
            world.lose = dict.fromkeys(lost, 100)
        is_erased = "erase" not in lost
        assert ((None, 0) in await world.left()) is not is_erased
        world.lose = {}
        assert await client.engine.sweep() == (0 if is_erased else 1)
        assert await world.left() == [(State.QUESTIONING, 1)]
        assert await client.engine.sweep() == 0

    run(main())


@pytest.mark.parametrize("after", [0.5, 1.5, 2.5], ids=["résumé", "first entry", "start"])
def test_whoever_leaves_while_the_interview_begins_leaves_no_resume(after: float) -> None:
    kept = MemoryStorage()
    slow = FaultyStorage(kept, lambda _, name: 1.0 if name == "append" else None)

    async def main() -> None:
        async with Client(storage=slow) as client:
            await client.send(LINK)
            await client.conduct.take("start_interview")
            await asyncio.sleep(after)
        client.storage = kept
        assert not [head for head in await client.kept() if head.interview_id.endswith(".resume")]
        assert all(interview.state is State.STOPPED for interview in await client.interviews())

    run(main())


def test_whoever_leaves_after_a_start_that_was_lost_leaves_no_resume() -> None:
    world = Away()

    async def main() -> None:
        async with Client(storage=world.storage) as client:
            await client.send(LINK)
            world.lose["append"] = 2
            world.fault = "lost-reply"
            assert (await client.send("start_interview"))[0].startswith("Error: ")
            assert await world.left() == [(None, 0)]
        assert await world.left() == []

    run(main())


@pytest.mark.parametrize("hit", [1, 2], ids=["the résumé's log", "its own"])
@pytest.mark.parametrize("fault", ["lost-request", "lost-reply"])
def test_an_interview_that_could_not_be_cleared_goes_on_or_is_cleared_when_asked_again(
    fault: Fault, hit: int
) -> None:
    """Another start erases the résumé's text and then the interview: either may fail."""
    world = Away()
    world.fault = fault
    erasures = itertools.count(1)

    def plan(call: int, name: str) -> Fault:
        return fault if name == "erase" and next(erasures) == hit else None

    world.storage = FaultyStorage(world.kept, plan)

    async def main() -> None:
        async with Client(storage=world.storage) as client:
            await client.send(LINK, "start_interview", "difficulty:easy", "answer:the first")
            assert (await client.send("start_interview"))[0].startswith("Error: ")
            if (fault, hit) != ("lost-reply", 2):  # then it is gone
                assert (await client.send("difficulty:easy"))[0].startswith("Question asked: Question 2")
                assert client.interviewer.asked[-1].resume == "Ten years of COBOL."
            assert await client.send("start_interview") == [CLEARED]
            assert await world.left() == [(State.AWAITING_DIFFICULTY, 0), (None, 0)]
            assert (await client.send("difficulty:easy"))[0].startswith("Question asked: Question 1")
            assert client.interviewer.asked[-1].resume == "Ten years of COBOL."

    run(main())


def test_when_the_storage_was_away_the_interview_goes_on_from_what_is_stored() -> None:
    def plan(call: int, name: str) -> Any:
        return "lost-reply" if name == "append" and call == answer_call else None

    # the résumé, attached, start, difficulty, asked: the sixth append is the answer.
    answer_call = 6

    async def main() -> None:
        async with Client(storage=FaultyStorage(MemoryStorage(), plan)) as client:
            heard = await client.send(LINK, "start_interview", "difficulty:easy", "answer:was stored")
            assert heard[-1].startswith("Error: ")
            heard = await client.send("analyze")
            assert heard[0].startswith("Analysis: "), "the answer whose reply was lost is there"
            (interview,) = await client.interviews()
            assert [t.answer.text for t in interview.turns if t.answer] == ["was stored"]

    run(main())


def test_too_many_lines_at_once_make_the_client_wait_and_none_is_lost() -> None:
    async def main() -> None:
        async with Client() as client:
            sending = asyncio.create_task(
                client.send(LINK, "start_interview", *["nonsense"] * (MOST_WAITING * 3))
            )
            await turns(10)
            heard = await sending
            assert len(heard) == 1 + MOST_WAITING * 3

    run(main())


def test_lines_that_are_long_make_the_client_wait_sooner() -> None:
    async def main() -> None:
        slow = ScriptedInterviewer([Step(takes=20)])
        async with Client(interviewer=slow) as client:
            await client.send(LINK, "start_interview")
            await client.conduct.take("difficulty:easy")
            await turns(5)
            long = "answer:" + "x" * 59_000
            taken = 0

            async def paste() -> None:
                nonlocal taken
                for _ in range(MOST_WAITING):
                    await client.conduct.take(long)
                    taken += 1

            pasting = asyncio.create_task(paste())
            await asyncio.sleep(10)
            assert taken == MOST_WAITING_BYTES // len(long)
            await pasting
            heard = await client.send("analyze")
            assert heard[-1].startswith("Analysis:"), "and none is lost"

    run(main())
