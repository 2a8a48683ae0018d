"""An interview in the terminal, spoken."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from interview_fsm import cli
from interview_fsm.adapters.coach import Coach
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.cli import practice
from interview_fsm.cli.greeting import welcome
from interview_fsm.engine import Engine, Limits, Session
from interview_fsm.errors import AdapterError
from interview_fsm.events import Plan, Transcript
from interview_fsm.interview import Interview
from interview_fsm.portal import Portal
from interview_fsm.terminal import Sitting, Voice, scripted
from interview_fsm.testing import (
    ScriptedInterviewer,
    ScriptedRecorder,
    ScriptedSpeaker,
    ScriptedTranscriber,
    Step,
)

PLAN = Plan(questions=2, follow_ups=0, confirm_below=0.5)


def held(
    *heard: Step[str | Transcript], typed: tuple[str, ...] = (), speaker: ScriptedSpeaker | None = None
) -> tuple[Interview, str]:
    seen = io.StringIO()
    console, read = Console(file=seen, width=80), scripted(iter(typed))

    async def new() -> Session:
        recorder, transcriber = ScriptedRecorder(seconds=0.2), ScriptedTranscriber(heard)
        limits = Limits(silence=0.01)
        ports = {"speaker": speaker, "recorder": recorder, "transcriber": transcriber, "limits": limits}
        return Engine(MemoryStorage(), ScriptedInterviewer(), **ports).new()  # type: ignore[arg-type]

    with Portal() as portal:
        session = portal.run(new())
        try:
            voice = Voice(session, portal, console, read)
            return Sitting(session, portal, console, read, voice=voice).hold(PLAN, "easy"), seen.getvalue()
        finally:
            portal.run(session.aclose())


def answers(interview: Interview) -> list[str]:
    return [turn.answer.text for turn in interview.turns if turn.answer]


def test_answers_are_heard_and_shown() -> None:
    interview, shown = held(Step("I did it."), Step("And once more."))
    assert answers(interview) == ["I did it.", "And once more."]
    assert "I did it." in shown
    assert "Is that what you said?" not in shown


def test_each_question_is_read_to_its_end_before_anybody_listens() -> None:
    speaker = ScriptedSpeaker([Step(takes=0.2)] * 2)
    interview, _ = held(Step("I did it."), Step("And once more."), speaker=speaker)
    assert speaker.said[:2] == [turn.question.text for turn in interview.turns]


def test_a_voice_that_fails_is_told_of_once_and_the_answers_are_heard() -> None:
    gone = AdapterError("pyttsx3", "speech_off", "No loudspeaker was found.", retryable=True)
    interview, shown = held(
        Step("I did it."), Step("And once more."), speaker=ScriptedSpeaker([Step(raises=gone)] * 3)
    )
    assert answers(interview) == ["I did it.", "And once more."]
    assert shown.count("No loudspeaker was found.") == 1


def test_what_was_hard_to_understand_is_confirmed_or_typed_anew() -> None:
    unsure = Step[str | Transcript](Transcript("I dig it.", confidence=0.1))
    interview, shown = held(unsure, unsure, typed=("", "I did it."))
    assert answers(interview) == ["I dig it.", "I did it."]
    assert [turn.answer.unconfirmed for turn in interview.turns if turn.answer] == [False, False]
    assert shown.count("Is that what you said?") == 2


def test_without_a_microphone_it_says_why_once_and_answers_are_typed() -> None:
    gone = AdapterError("microphone", "microphone_unavailable", "No microphone was found.")
    interview, shown = held(Step(raises=gone), typed=("Typed one.", "Typed two."))
    assert answers(interview) == ["Typed one.", "Typed two."]
    assert shown.count("No microphone was found. Type your answer.") == 1


def test_who_says_nothing_may_type_and_is_heard_the_next_time() -> None:
    interview, shown = held(Step(""), Step("Spoken."), typed=("Typed.",))
    assert answers(interview) == ["Typed.", "Spoken."]
    assert "Nothing was heard." in shown


def test_spoken_and_written_answers_exclude_each_other() -> None:
    result = CliRunner().invoke(cli.main, ["practice", "cv.pdf", "--voice", "--answers", "a.txt"])
    assert result.exit_code == 2
    assert "--voice or --answers" in result.output


@pytest.fixture
def resume(tmp_path: Path) -> Path:
    (path := tmp_path / "cv.txt").write_text("Rebuilt the billing service of a bank in Go.")
    return path


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {}),
        (["--recogniser", "google"], {"engine": "google"}),
        (
            ["--recogniser", "groq", "--recogniser-model", "tiny", "--recogniser-url", "http://x"],
            {"engine": "groq", "model": "tiny", "base_url": "http://x"},
        ),
    ],
)
def test_answers_are_understood_by_whom_was_chosen(
    arguments: list[str], expected: dict[str, str], resume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sat: list[Any] = []
    monkeypatch.setattr(practice, "sit", lambda *_, **how: sat.append((how["voice"], how["hearing"])))
    command = ["practice", str(resume), "--voice", *arguments]
    assert CliRunner().invoke(cli.main, command, catch_exceptions=False).exit_code == 0
    assert sat == [(True, expected)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [([], (None, 1.8)), (["--microphone", "Studio 3", "--silence", "4"], ("Studio 3", 4.0))],
)
def test_answers_are_heard_by_the_microphone_and_until_the_silence_that_were_chosen(
    arguments: list[str], expected: tuple[str | None, float], resume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sat: list[Any] = []
    monkeypatch.setattr(
        practice, "sit", lambda *_, **how: sat.append((how["microphone"], how["limits"].silence))
    )
    command = ["practice", str(resume), "--voice", *arguments]
    assert CliRunner().invoke(cli.main, command, catch_exceptions=False).exit_code == 0
    assert sat == [expected]


@pytest.mark.parametrize("arguments", [["--microphone", "Studio 3"], ["--silence", "4"]])
def test_what_is_about_speaking_is_a_mistake_where_answers_are_typed(
    arguments: list[str], resume: Path
) -> None:
    result = CliRunner().invoke(cli.main, ["practice", str(resume), *arguments])
    assert result.exit_code == 2
    assert f"{arguments[0]} is about what is spoken: it goes with --voice" in result.output


def test_a_recogniser_that_cannot_be_had_is_told_before_the_first_question(
    resume: Path, tmp_path: Path
) -> None:
    database = ["--database", str(tmp_path / "kept.db")]
    result = CliRunner().invoke(
        cli.main, ["practice", str(resume), "--voice", "--recogniser", "martian", *database]
    )
    assert result.exit_code == 4
    assert "There is no recogniser called 'martian'" in result.output
    assert "Question 1" not in result.output


def test_a_recogniser_for_typed_answers_is_a_mistake(resume: Path) -> None:
    result = CliRunner().invoke(cli.main, ["practice", str(resume), "--recogniser", "google"])
    assert result.exit_code == 2
    assert "it goes with --voice" in result.output


async def greeted(sends_to: tuple[str, ...]) -> str:
    transcriber = ScriptedTranscriber()
    transcriber.sends_to = sends_to  # type: ignore[attr-defined]
    engine = Engine(MemoryStorage(), Coach(), recorder=ScriptedRecorder(), transcriber=transcriber)
    async with engine.new() as session:
        return " ".join(welcome(session, engine.ports, typing=True, keeps=False))


def test_who_speaks_is_told_where_the_voice_goes() -> None:
    with Portal() as portal:
        assert "Nothing leaves this machine." in portal.run(greeted(()))
        told = portal.run(greeted(("api.groq.com",)))
    assert "What you speak, and words of the question and the résumé, go to api.groq.com" in told
    assert "Nothing leaves" not in told
