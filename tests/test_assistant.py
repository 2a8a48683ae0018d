"""The synchronous assistant, and the engine put together from names."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from interview_fsm import InterviewAssistant, InvalidCommand
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.adapters.sqlite import create
from interview_fsm.assistant import assemble
from interview_fsm.errors import AdapterError, ResumeError, SettingError
from interview_fsm.events import Material
from interview_fsm.interview import Interview
from interview_fsm.portal import Portal
from interview_fsm.states import State
from interview_fsm.testing import Fault, FaultyStorage

from .left import children

RESUME = """# Ada Example

## Experience

Software Engineer, Quillfeather Ltd, 2019 - 2024

- Rewrote the export and cut its run time from 3 hours to 20 minutes
- Led the move of 40 services to one platform
"""


@pytest.fixture
def resume(tmp_path: Path) -> Path:
    file = tmp_path / "resume.md"
    file.write_text(RESUME)
    return file


@pytest.mark.parametrize("losses", [1, 100], ids=["the storage is back", "it is away"])
def test_closing_stops_an_interview_that_the_storage_has_failed_or_says_that_it_cannot(
    losses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, lose = MemoryStorage(), [0]

    def fault(_: int, name: str) -> Fault:
        lose[0] -= name == "append"
        return "lost-request" if name == "append" and lose[0] >= 0 else None

    async def faulty() -> FaultyStorage:
        return FaultyStorage(kept, fault)

    async def logs() -> list[str]:
        return [head.interview_id async for head in kept.interviews(expired_before=float("inf"))]

    monkeypatch.setattr("interview_fsm.adapters.memory.create", faulty)
    interview = InterviewAssistant(RESUME, text=True, storage="memory", seed=1)
    interview.generate_question("easy")
    lose[0] = losses
    with pytest.raises(AdapterError):
        interview.record_answer("It is lost.")
    if losses == 1:
        interview.close()
        assert interview.interview.state is State.STOPPED
    else:
        with pytest.raises(AdapterError) as away:
            interview.close()
        assert away.value.code == "storage_unavailable"
        interview.close()
    assert asyncio.run(logs()) == [interview.interview.id], "the résumé's text has gone"


def test_the_five_methods_hold_an_interview(resume: Path, tmp_path: Path) -> None:
    database = tmp_path / "interviews.db"
    with InterviewAssistant(resume, questions=2, path=database, seed=1) as interview:
        first = interview.generate_question("entry-level")
        assert first.endswith("?")
        assert (
            interview.record_answer("I rewrote it because it was slow.")
            == "I rewrote it because it was slow."
        )
        second = interview.generate_question("senior")
        assert second != first
        interview.record_answer("I moved them one by one.")
        with pytest.raises(InvalidCommand, match="all 2 questions have been asked"):
            interview.generate_question("senior")
        analysis = interview.analyze_responses()
        assert first in analysis
        assert interview.feedback is not None
        assert {answer.question for answer in interview.feedback.answers} == {1, 2}
    assert interview.interview.state is State.STOPPED
    assert stored(database) == [(interview.interview.id, State.STOPPED, 2)]


def stored(database: Path) -> list[tuple[str, State, int]]:
    async def read() -> list[tuple[str, State, int]]:
        storage = await create(path=database, read_only=True)
        try:
            heads = [head async for head in storage.interviews(expired_before=float("inf"))]
            logs = [Interview.replay(h.interview_id, await storage.load(h.interview_id)) for h in heads]
            return [(log.id, log.state, len(log.answered)) for log in logs]
        finally:
            await storage.aclose()

    return asyncio.run(read())


def test_clear_database_begins_anew_on_the_same_resume(resume: Path) -> None:
    with InterviewAssistant(resume, storage="memory", seed=1) as interview:
        before = interview.generate_question("mid")
        interview.record_answer("An answer.")
        old = interview.interview.id
        interview.clear_database()
        assert interview.interview.id != old
        assert interview.interview.turns == ()
        assert interview.generate_question("mid") == before, "the same seed, the same question"


def test_it_says_how_the_difficulty_was_read() -> None:
    with InterviewAssistant(RESUME, text=True, storage="memory") as interview:
        assert interview.level is None
        interview.generate_question("wizard")
        assert (interview.level.name, interview.level.recognised) == ("mid", False)
        interview.record_answer("I moved them one by one.")
        assert "“wizard” is no level that is known here" in interview.analyze_responses()


JOB = "You lead and mentor a team, supervise two clerks, delegate work and train new colleagues."


def test_a_job_description_reaches_the_questions_and_stays_after_a_restart() -> None:
    with InterviewAssistant(RESUME, text=True, job=JOB, storage="memory", seed=1) as interview:
        for _ in range(2):
            interview.generate_question("entry-level")
            assert interview.interview.turns[0].question.slot.competency == "leadership"
            interview.clear_database()
    with InterviewAssistant(RESUME, text=True, storage="memory", seed=1) as interview:
        interview.generate_question("entry-level")
        assert interview.interview.turns[0].question.slot.competency != "leadership"


def test_in_a_language_that_nobody_here_knows_it_does_not_begin() -> None:
    with pytest.raises(SettingError, match="asks and listens in English, and not in “de”: choose English"):
        InterviewAssistant(RESUME, text=True, language="de", storage="memory")
    InterviewAssistant(RESUME, text=True, language="en-GB", storage="memory").close()


def test_the_wrong_moment_is_refused_and_says_what_is_possible(resume: Path) -> None:
    with InterviewAssistant(resume, storage="memory") as interview:
        with pytest.raises(InvalidCommand) as refused:
            interview.record_answer("too early")
        assert refused.value.allowed == ("choose_difficulty", "stop_interview")
        with pytest.raises(InvalidCommand):
            interview.analyze_responses()


def test_text_may_be_given_in_place_of_a_file() -> None:
    with InterviewAssistant(RESUME, text=True, storage="memory", seed=1) as interview:
        assert "Quillfeather" in "".join(interview.generate_question("mid") for _ in range(3))


@pytest.mark.parametrize("missing", ["nowhere.pdf", Path("nowhere.pdf")])
def test_a_file_that_is_not_there_is_said_and_nothing_is_left(missing: str | Path) -> None:
    threads = threading.active_count()
    with pytest.raises(ResumeError, match=r"There is no file nowhere\.pdf"):
        InterviewAssistant(missing, storage="memory")
    assert threading.active_count() == threads


def test_a_link_goes_through_the_guard() -> None:
    with pytest.raises(ResumeError) as refused:
        InterviewAssistant("http://127.0.0.1/cv.pdf", storage="memory")
    assert refused.value.code == "resume_url_refused"


def test_an_adapter_that_is_not_there_names_those_that_are(resume: Path) -> None:
    with pytest.raises(SettingError, match=r"there is no adapter called 'nothing'; there are: .*sqlite"):
        InterviewAssistant(resume, storage="nothing")


def test_it_works_beside_an_event_loop_of_the_callers(resume: Path) -> None:
    async def main() -> str:
        with InterviewAssistant(resume, storage="memory") as interview:
            return interview.generate_question("mid")

    assert asyncio.run(main())


def test_closing_twice_is_closing_once_and_leaves_no_thread_or_process(resume: Path) -> None:
    threads = threading.active_count()
    interview = InterviewAssistant(resume, storage="memory")
    interview.close()
    interview.close()
    assert threading.active_count() == threads
    assert children() == []


def test_an_engine_of_names_closes_what_it_opened(tmp_path: Path) -> None:
    database = tmp_path / "interviews.db"

    async def main() -> None:
        async with assemble(path=database) as engine:
            session = engine.new(Material("text"))
            await session.attach()
        assert session.ended is not None
        async with assemble(path=database) as engine:  # the file is free again
            assert (await engine.open(session.interview.id)).material == Material("text")

    asyncio.run(main())


def test_a_portal_cancels_what_still_runs_when_it_closes() -> None:
    let_go = threading.Event()

    async def for_ever() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            let_go.set()

    async def begin() -> None:
        begin.task = asyncio.create_task(for_ever())  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    with Portal() as portal:
        portal.run(begin())
    assert let_go.is_set()


def test_an_error_of_the_world_passes_through_the_portal() -> None:
    async def fail() -> None:
        raise AdapterError("x", "away")

    with Portal() as portal, pytest.raises(AdapterError):
        portal.run(fail())
