"""Thousands of interviews, each another course of events: in its time, late, twice, or of another question.

The laws are those of ``test_laws``, where Hypothesis looks for the smallest course that breaks one; here
their number is what counts. The same seed is the same course.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress

import pytest

from interview_fsm import events as e
from interview_fsm.errors import InvalidCommand
from interview_fsm.interview import Interview
from interview_fsm.states import State, Trigger

from .situations import assert_sound
from .test_laws import KINDS, LENGTH, apt

SEQUENCES = 100_000 if os.environ.get("INTERVIEW_FSM_SOAK") else 2_000
BATCH = 1_000


def unasked(dice: random.Random) -> e.Event:
    """What a client may send at any time, whether it fits or not."""
    number = dice.randrange(6)
    return dice.choice([
        e.StartInterview(e.Plan(questions=dice.randrange(1, 4), advance=dice.choice(["auto", "on_request"]))),
        e.ChooseDifficulty("easy"), e.NextQuestion(), e.RepeatQuestion(number), e.RetryQuestion(number),
        e.RecordAnswer(number), e.FinishAnswer(), e.DiscardAnswer(), e.SubmitAnswer(number, "Late."),
        e.CorrectAnswer(number, "Better."), e.Analyze(), e.StopInterview(),
    ])  # fmt: skip


def lived(seed: int) -> tuple[Interview, list[e.Event]]:
    """An interview at the end of its course, and what it took of it."""
    dice, interview, taken = random.Random(seed), Interview(id="i"), []
    for _ in range(LENGTH):
        entries = apt(interview, dice.choice(KINDS))
        entry = dice.choice(entries) if entries else (unasked(dice),)
        for event in entry:
            with suppress(InvalidCommand):
                interview = interview.after(event)
                taken.append(event)
            assert_sound(interview)
    return interview, taken


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("batch", range(SEQUENCES // BATCH))
def test_every_course_of_events_is_sound_and_its_log_is_the_interview(batch: int) -> None:
    states: set[State] = set()
    seen: set[Trigger] = set()
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        interview, taken = lived(seed)
        entries = [e.Entry(number, f"~{number}", 0.5, (event,)) for number, event in enumerate(taken, 1)]
        again = Interview.replay("i", [e.decode(e.encode(entry)) for entry in entries])
        interview.version = len(entries)
        assert again == interview, seed
        states.add(interview.state)
        seen.update(event.trigger for event in taken)
    assert seen == set(Trigger), "else the courses lead nowhere"
    assert len(states) > 2
