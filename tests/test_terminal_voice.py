"""An interview in the terminal, spoken."""

from __future__ import annotations

import io

from click.testing import CliRunner
from rich.console import Console

from interview_fsm import cli
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Engine, Limits, Session
from interview_fsm.errors import AdapterError
from interview_fsm.events import Plan, Transcript
from interview_fsm.interview import Interview
from interview_fsm.portal import Portal
from interview_fsm.terminal import Sitting, Voice, scripted
from interview_fsm.testing import ScriptedInterviewer, ScriptedRecorder, ScriptedTranscriber, Step

PLAN = Plan(questions=2, follow_ups=0, confirm_below=0.5)


def held(*heard: Step[str | Transcript], typed: tuple[str, ...] = ()) -> tuple[Interview, str]:
    seen = io.StringIO()
    console, read = Console(file=seen, width=80), scripted(iter(typed))

    async def new() -> Session:
        recorder, transcriber = ScriptedRecorder(seconds=0.2), ScriptedTranscriber(heard)
        limits = Limits(silence=0.01)
        ports = {"recorder": recorder, "transcriber": transcriber, "limits": limits}
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
