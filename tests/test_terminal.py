"""An interview in the terminal, with what is typed and what is seen."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from interview_fsm import cli, steps
from interview_fsm.adapters.coach import Coach
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.assistant import assemble
from interview_fsm.cli.sitting import OWNER
from interview_fsm.engine import Engine, Session
from interview_fsm.errors import AdapterError, SettingError
from interview_fsm.events import (
    Attached,
    Entry,
    FollowUpWanted,
    Material,
    NextQuestion,
    Plan,
    StartInterview,
    StopInterview,
)
from interview_fsm.interview import Interview
from interview_fsm.portal import Portal
from interview_fsm.states import State
from interview_fsm.terminal import Keyboard, Sitting, begun, keep_begun, read_answers, scripted, spent
from interview_fsm.testing import ScriptedInterviewer, Step


async def new(**ports: Any) -> Session:
    return Engine(MemoryStorage(), ports.pop("interviewer", None) or ScriptedInterviewer(), **ports).new()


@contextmanager
def sitting(answers: Iterator[str], **ports: Any) -> Generator[tuple[Sitting, Session, io.StringIO]]:
    seen = io.StringIO()
    with Portal() as portal:
        session = portal.run(new(**ports))
        try:
            yield Sitting(session, portal, Console(file=seen, width=80), scripted(answers)), session, seen
        finally:
            portal.run(session.aclose())


def plan(**settings: Any) -> Plan:
    return Plan(**({"questions": 2, "follow_ups": 0} | settings))


def test_a_whole_interview_ends_in_the_report() -> None:
    with sitting(iter(["First I looked.", "Then I leapt."])) as (sat, _, seen):
        interview = sat.hold(plan(), "easy")
    assert interview.state is State.STOPPED
    assert [turn.answer.text for turn in interview.turns if turn.answer] == [
        "First I looked.",
        "Then I leapt.",
    ]
    shown = seen.getvalue()
    for text in ("Question 1 of 2", "Question 2 of 2", "Your feedback", "“First”", "“Then”"):
        assert text in shown, text


def test_it_says_how_the_difficulty_was_read() -> None:
    for words, said in (("junior", "“junior” is read as entry level."), ("wizard", "read as mid level")):
        with sitting(iter(["/stop"])) as (sat, _, seen):
            sat.hold(plan(), words)
        assert said in seen.getvalue()


def test_what_is_shown_fits_the_width_and_has_no_trailing_spaces() -> None:
    with sitting(iter(["word " * 100, "Then I leapt."])) as (sat, _, seen):
        sat.hold(plan(), "easy")
    lines = seen.getvalue().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_question_may_be_repeated_skipped_and_left() -> None:
    with sitting(iter(["/repeat", "/skip", "", "An answer.", "unread"])) as (sat, _, seen):
        interview = sat.hold(plan(), "easy")
    assert interview.turns[0].skipped
    assert interview.turns[1].answer is not None
    assert seen.getvalue().count("Question 1 of 2") == 2
    assert "That was empty" in seen.getvalue()
    assert "Skipped." in seen.getvalue()


def test_skipping_the_last_question_goes_on_to_the_report() -> None:
    with sitting(iter(["An answer.", "/skip"])) as (sat, _, seen):
        interview = sat.hold(plan(), "easy")
    assert interview.feedback is not None
    assert "Your feedback" in seen.getvalue()


def test_stopping_before_any_answer_says_that_there_is_nothing_to_report() -> None:
    with sitting(iter(["/stop"])) as (sat, _, seen):
        interview = sat.hold(plan(), "easy")
    assert interview.state is State.STOPPED
    assert "No answer was given" in seen.getvalue()


def test_answers_that_run_out_end_the_interview_with_what_there_is() -> None:
    with sitting(iter(["Only one."])) as (sat, _, _):
        interview = sat.hold(plan(questions=5), "easy")
    assert interview.feedback is not None
    assert len(interview.turns) == 2


def test_a_follow_up_is_called_one_and_does_not_count() -> None:
    def rule(interview: Interview) -> FollowUpWanted | None:
        newest = interview.turns[-1]
        return None if newest.question.follow_up_to else FollowUpWanted(newest.question.number, "result")

    with sitting(iter(["One.", "More.", "Two."]), follow_up=rule) as (sat, _, seen):
        interview = sat.hold(plan(follow_ups=1), "easy")
    assert [turn.question.follow_up_to for turn in interview.turns] == [None, 1, None]
    assert "Follow-up" in seen.getvalue()
    assert "Question 2 of 2" in seen.getvalue()


def test_a_failure_of_the_interviewer_reaches_the_caller_and_loses_nothing() -> None:
    away: Step[Any] = Step(raises=AdapterError("x", "model_unavailable", "it is away"))
    broken = ScriptedInterviewer([Step(), away, away])  # asked for once more by itself
    with sitting(iter(["Kept."]), interviewer=broken) as (sat, session, _):
        with pytest.raises(AdapterError, match="it is away"):
            sat.hold(plan(), "easy")
        assert session.interview.turns[0].answer is not None


def test_typed_answers_end_at_an_empty_line_or_at_the_end_of_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("one\ntwo\n\n/skip\nlast"))
    shown = io.StringIO()
    read = Keyboard(Console(file=shown))
    question: Any = None
    assert [read(question) for _ in range(4)] == ["one\ntwo", "/skip", "last", None]
    assert shown.getvalue() == "", "nobody needs a prompt where nobody types"


@pytest.mark.parametrize(
    ("typed", "answers"),
    [
        ("one\n/repeat\ntwo\n\n", ["/repeat", "one\ntwo", None]),
        ("one\n/skip\ntwo\n\n", ["/skip", "two", None]),
        ("one\n/stop\n", ["one", "/stop"]),
        ("/stop\n", ["/stop"]),
    ],
)
def test_a_command_in_the_middle_of_an_answer_loses_no_line_but_for_skip(
    monkeypatch: pytest.MonkeyPatch, typed: str, answers: list[str | None]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    read = Keyboard(Console(file=io.StringIO()))
    question: Any = None
    assert [read(question) for _ in answers] == answers


def test_the_progress_line_has_the_place_the_state_and_the_time_of_all_sittings() -> None:
    times = iter([0.0, 1.0, 71.5, 4000.0, 5000.0])
    seen = io.StringIO()
    with Portal() as portal:
        session = portal.run(new())
        read = scripted(iter(["One.", "Two."]))
        console = Console(file=seen, width=80)
        Sitting(session, portal, console, read, spent=3.0, clock=lambda: next(times)).hold(plan(), "easy")
        portal.run(session.aclose())
    shown = seen.getvalue()
    assert "Question 1 of 2 · questioning · 0:04 ──" in shown
    assert "Question 2 of 2 · questioning · 1:14 ──" in shown
    assert "2 answers given · analyzing · 1:06:43 ──" in shown


def test_the_pause_between_two_sittings_is_not_time_spent() -> None:
    stories = [(10, Attached()), (10, StartInterview()), (40, NextQuestion()), (9000, Attached())]
    stories += [(9005, NextQuestion()), (9004, NextQuestion())]  # somebody puts the clock back
    entries = [Entry(place, "", at, (event,)) for place, (at, event) in enumerate(stories, 1)]
    assert spent(entries) == 35.0


def test_nothing_that_was_said_commands_the_terminal() -> None:
    with sitting(iter(["An \x1b]0;title\x07 answer.", "\u202eTwo\x9b31m."])) as (sat, _, seen):
        sat.hold(plan(), "easy")
    assert "An ]0;title answer." in seen.getvalue()
    assert not set("\x1b\x07\x9b\u202e") & set(seen.getvalue())


# ---------------------------------------------------------------------------------- leaving and coming back

RESUME = """Ada Example
Software Engineer, Quillfeather Ltd, 2019 - 2024
- Rewrote the export and cut its run time from 3 hours to 20 minutes
"""


async def left(storage: MemoryStorage, draft: str, clock: Callable[[], float] = time.time) -> str:
    """The id of an interview whose first of two questions is open, left with the half of an answer."""
    async with Engine(storage, Coach(), clock=clock) as engine:
        session = engine.new(Material(RESUME, digest="ab", pages=1))
        await steps.start(session, plan())
        await steps.ask(session, "mid")
        if draft:
            assert await keep_begun(engine, session, draft)
        return session.interview.id


def heads(storage: MemoryStorage) -> list[str]:
    async def listed() -> list[str]:
        return [head.interview_id async for head in storage.interviews(expired_before=float("inf"))]

    return asyncio.run(listed())


def test_the_half_of_an_answer_is_kept_with_the_resume_and_goes_with_it() -> None:
    storage = MemoryStorage()
    interview_id = asyncio.run(left(storage, "Half of\nan ans"))
    assert heads(storage) == [interview_id, f"{interview_id}.resume"]

    async def come_back() -> list[str]:
        async with Engine(storage, Coach()) as engine:
            session = await engine.open(interview_id)
            found = [begun(session)]
            await steps.submit(session, "Whole.")
            await steps.asked(session)
            found.append(begun(session))  # it belongs to the question before
            await session.send(StopInterview())
            return found

    assert asyncio.run(come_back()) == ["Half of\nan ans", ""]
    assert heads(storage) == [interview_id]


def test_the_half_of_an_answer_does_not_make_the_resume_live_longer() -> None:
    now = time.time()
    storage = MemoryStorage()
    interview_id = asyncio.run(left(storage, "Half of", clock=lambda: now - 23 * 3600))

    async def sweep(later: float) -> int:
        return await Engine(storage, Coach(), clock=lambda: now + later).sweep()

    assert asyncio.run(sweep(0)) == 0
    assert asyncio.run(sweep(2 * 3600)) == 1
    assert heads(storage) == [interview_id]


def test_an_interview_goes_on_with_general_questions_when_the_resume_has_expired() -> None:
    storage = MemoryStorage()
    now = time.time()
    interview_id = asyncio.run(left(storage, "", clock=lambda: now - 25 * 3600))
    seen = io.StringIO()

    async def come_back() -> tuple[Engine, Session]:
        engine = Engine(storage, Coach())
        assert await engine.sweep() == 1
        session = await engine.open(interview_id)
        assert not await keep_begun(engine, session, "half")
        return engine, session

    with Portal() as portal:
        engine, session = portal.run(come_back())
        read = scripted(iter(["I did it myself.", "So it was."]))
        interview = Sitting(session, portal, Console(file=seen, width=80), read).hold(plan(), "easy")
        portal.run(engine.aclose())
    first, second = interview.turns
    assert first.question.evidence is not None
    assert second.question.evidence is None
    assert interview.feedback is not None
    assert interview.plan.questions == 2


def test_going_on_with_the_latest_takes_none_that_a_server_keeps_in_the_same_file(tmp_path: Path) -> None:
    file = tmp_path / "interviews.db"

    async def keep(owner: str) -> str:
        async with assemble(path=file, recorder=None, transcriber=None) as engine:
            session = engine.new(Material(RESUME), owner=owner)
            await steps.start(session, plan())
            return session.interview.id

    def go_on(*which: str) -> Result:
        arguments = ["practice", "--database", str(file), "--continue", *which]
        return CliRunner().invoke(cli.main, arguments, input="One.\n\nTwo.\n\n")

    others = asyncio.run(keep("a-guest-of-the-server"))
    assert "There is no interview to go on with" in go_on().stderr
    ours = asyncio.run(keep(OWNER))
    assert ours in go_on().stdout
    assert "There is no interview to go on with" in go_on().stderr, "it is over"
    over = go_on(ours)
    assert (over.exit_code, over.stdout) == (1, "")
    assert f"This interview is over; interview-fsm sessions show {ours}" in over.stderr
    assert others in go_on(others).stdout, "by its name any may be had"


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("One\nstill one.\n\nTwo.\n", ["One\nstill one.", "Two."]),
        ("One.\r\n\r\n\r\n\r\nTwo.", ["One.", "Two."]),
        ('["a", "b\\n\\nb"]', ["a", "b\n\nb"]),
        ("", []),
    ],
)
def test_answers_are_read_from_a_file(tmp_path: Path, text: str, answers: list[str]) -> None:
    file = tmp_path / "answers"
    file.write_bytes(text.encode())
    assert read_answers(file) == answers


@pytest.mark.parametrize("content", [b'["a", 2]', b"[oops", b"\xff\xfe\x00"])
def test_a_file_of_answers_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "answers"
    file.write_bytes(content)
    with pytest.raises(SettingError):
        read_answers(file)
