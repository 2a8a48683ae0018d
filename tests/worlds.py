"""An engine in a world of fakes, and a candidate who sits an interview in it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from interview_fsm import events as e
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Engine, Limits, Observed, Session
from interview_fsm.errors import Gone, InvalidCommand
from interview_fsm.interview import Interview, Open
from interview_fsm.ports import Storage
from interview_fsm.states import State
from interview_fsm.testing import (
    FaultPlan,
    FaultyStorage,
    ScriptedInterviewer,
    ScriptedRecorder,
    ScriptedSpeaker,
    ScriptedTranscriber,
    VirtualLoop,
    no_faults,
)

PLAN = e.Plan(questions=2, follow_ups=1)
CANARY = "Zanzibar"
"""What the résumé says, and no log may."""
MATERIAL = e.Material(f"{CANARY}: led the ledger team.", "Bookkeeper.", "d1", 1)


def wants_a_number(interview: Interview) -> e.FollowUpWanted | None:
    """A follow-up rule: spoken answers name no number, typed ones do."""
    turn = max(interview.answered, key=lambda turn: turn.question.number)
    assert turn.answer is not None
    if "number" in turn.answer.text:
        return None
    return e.FollowUpWanted(turn.question.number, "numbers")


class World:
    """Fakes of all ports, and the storage that outlives them. Fakes may be replaced before ``engine()``."""

    def __init__(
        self, faults: FaultPlan = no_faults, *, working: int = 0, kept: Storage | None = None
    ) -> None:
        self.kept = kept or MemoryStorage()
        self.storage = FaultyStorage(self.kept, faults, working=working)
        self.interviewer = ScriptedInterviewer()
        self.recorder = ScriptedRecorder()
        self.transcriber = ScriptedTranscriber()
        self.speaker = ScriptedSpeaker()
        self.observed: list[Observed] = []

    def engine(self, limits: Limits | None = None, **settings: Any) -> Engine:
        settings.setdefault("follow_up", None)
        settings.setdefault("observe", self.observed.append)
        settings.setdefault("speaker", self.speaker)
        settings.setdefault("recorder", self.recorder)
        settings.setdefault("transcriber", self.transcriber)
        return Engine(self.storage, self.interviewer, limits=limits, clock=loop().time, **settings)

    @property
    def open(self) -> int:
        """What the activities hold now."""
        fakes = (self.interviewer, self.recorder, self.transcriber, self.speaker)
        return sum(fake.open for fake in fakes)

    @property
    def hurried(self) -> bool:
        fakes = (self.interviewer, self.recorder, self.transcriber, self.speaker)
        return any(fake.hurried for fake in fakes)

    async def logs(self) -> list[str]:
        """The ids of all logs, those of résumés too."""
        return [head.interview_id async for head in self.kept.interviews(expired_before=float("inf"))]

    async def entries(self, interview_id: str) -> list[list[str]]:
        """The triggers of each entry."""
        return [[str(event.trigger) for event in entry.story] for entry in await self.kept.load(interview_id)]

    async def story(self, interview_id: str) -> list[str]:
        """The triggers of the whole log."""
        return [trigger for entry in await self.entries(interview_id) for trigger in entry]

    async def has_resume(self, interview_id: str) -> bool:
        with suppress(Gone):
            return bool(await self.kept.load(interview_id + ".resume"))
        return False


def loop() -> VirtualLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualLoop)
    return running


async def quiet(session: Session) -> Interview:
    """The interview once what is going on has ended: no scripted call takes half a minute."""
    await asyncio.sleep(30)
    return session.interview


def has_open(number: int) -> Callable[[Interview], bool]:
    return lambda i: (
        i.state is State.QUESTIONING and isinstance(i.question, Open) and i.question.question == number
    )


def has_feedback(interview: Interview) -> bool:
    return interview.feedback is not None and not interview.feedback_wanted


async def started(session: Session, plan: e.Plan = PLAN, difficulty: str = "senior") -> Interview:
    """The interview with its first question open."""
    await session.send(e.StartInterview(plan))
    await session.send(e.ChooseDifficulty(difficulty))
    return await session.until(has_open(1))


def is_due(interview: Interview) -> bool:
    """Whether the candidate has something to do."""
    match interview.state:
        case State.QUESTIONING:
            return not interview.question_wanted
        case State.RECORDING:
            return not interview.finishing
        case State.ANALYZING:
            return not interview.feedback_wanted
    return True


def next_command(interview: Interview) -> e.Command:
    """What a candidate would do: questions with odd numbers are answered aloud, the others in writing."""
    match interview.state, interview.question:
        case State.IDLE, _:
            return e.StartInterview(PLAN)
        case State.AWAITING_DIFFICULTY, _:
            return e.ChooseDifficulty("senior")
        case State.QUESTIONING, Open(question=number):
            if number % 2:
                return e.RecordAnswer(number)
            return e.SubmitAnswer(number, f"Typed answer {number}, with 1 number.")
        case State.QUESTIONING, None:
            return e.NextQuestion() if interview.questions_remain else e.Analyze()
        case State.RECORDING, _:
            return e.FinishAnswer()
        case State.ANALYZING, _:
            return e.StopInterview() if has_feedback(interview) and not interview.stale else e.Analyze()
    raise AssertionError(f"nothing to do in {interview.state}")


async def candidate(session: Session) -> Interview:
    """Sit the interview to its end, from wherever it stands."""
    while True:
        interview = await session.until(is_due)
        if interview.state is State.STOPPED:
            return interview
        if interview.state is State.RECORDING:
            await asyncio.sleep(0.25)
        with suppress(InvalidCommand):  # it moved on by itself in between
            await session.send(next_command(interview))
