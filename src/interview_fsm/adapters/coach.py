"""The coach: an interviewer without a model, a network or a key. Fits ``ports.Interviewer``.

Everything it knows is rules and templates (``interview_fsm.coaching``); it says so in every feedback. It
is quick enough to run on the event loop: what takes longer than a few milliseconds, the reading of a long
résumé or answer, goes to a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ..budget import Billing
from ..coaching.cues import read_answer
from ..coaching.evidence import MAX_TEXT, find_units
from ..coaching.feedback import assess_answer, summarised, unassessed, unread
from ..coaching.follow_up import word_follow_up
from ..coaching.guard import unfit
from ..coaching.job import read_job
from ..coaching.language import serves
from ..coaching.levels import read_level
from ..coaching.planning import Standing
from ..coaching.questions import word_question
from ..coaching.units import Unit
from ..errors import AdapterError
from ..events import AnswerFeedback, Feedback, Plan, Provenance, Question, Slot
from ..interview import Ask, FollowUp, Turn
from ..ports import Brief

T = TypeVar("T")

NAME = "coach"
VERSION = "4"
"""Of the rules: feedback and questions made by different versions may differ."""

AT_ONCE = 2_500
"""Characters that are read on the event loop: under ten milliseconds. Longer texts go to a thread."""

_NOT_SERVED = (
    "the coach asks and listens in English, and this interview is set to “{language}”: "
    "give the questions with the plan, choose English, or choose an interviewer that knows the language"
)


class Coach:
    """Thinks of questions and of feedback by rules.

    Holds nothing of any interview. One instance serves any number of them at once.
    """

    name = NAME
    billing = Billing.FREE
    sends_to: tuple[str, ...] = ()
    """Nowhere."""

    async def ask(self, brief: Brief) -> Question:
        """The question that ``brief.ask`` wants.

        Raises AdapterError ``language_not_served`` when the plan is in another language than English and
        does not bring the question itself.
        """
        wanted = brief.ask
        if wanted is None:
            raise ValueError("the brief does not say which question is wanted")
        if wanted.follow_up is not None:
            return self._follow_up(brief, wanted, wanted.follow_up)
        given = self._given(brief)
        if given is not None:
            return _question(wanted, given.text, given)
        _check_language(brief)
        units, level = await self._units(brief.resume), read_level(wanted.difficulty).name
        job = await _at_once_or_aside(read_job, brief.job_description)
        text, choice = word_question(Standing(units, brief.interview.plan, level, _asked(brief), job))
        evidence = choice.unit.evidence if choice.unit else None
        return _question(wanted, text, choice.slot, evidence=evidence)

    async def analyze(self, brief: Brief) -> Feedback:
        """Feedback on all answers, each read by itself; what is there with scores is kept."""
        interview = brief.interview
        before = interview.feedback.answers if interview.feedback else ()
        known = {(given.question, given.revision): given for given in before if given.scores}
        answers = []
        for turn in interview.answered:
            assert turn.answer is not None
            kept = known.get((turn.question.number, turn.answer.revision))
            answers.append(kept or await _assessed(turn, interview.plan))
        whole = summarised if serves(interview.plan.language) else unassessed
        return whole(interview, answers, PROVENANCE)

    async def aclose(self) -> None:
        """There is nothing to let go of."""

    def _given(self, brief: Brief) -> Slot | None:
        """The host's own question for this place in the plan."""
        place, slots = brief.interview.asked, brief.interview.plan.slots
        return slots[place] if place < len(slots) and slots[place].text else None

    def _follow_up(self, brief: Brief, wanted: Ask, follow_up: FollowUp) -> Question:
        _check_language(brief)
        turn = brief.interview.turns[follow_up.question - 1]
        was = turn.question.slot
        # The facet says what is asked for, so that the answer is read for that alone.
        slot = Slot(was.competency, follow_up.missing, was.level, was.kind, was.evidence)
        text = word_follow_up(turn, follow_up, brief.interview.plan.seed)
        return _question(wanted, text, slot, follow_up_to=follow_up.question)

    async def _units(self, resume: str) -> tuple[Unit, ...]:
        """Read anew for each question, so that nothing of a résumé outlives its interview."""
        return await _at_once_or_aside(find_units, resume[:MAX_TEXT])


async def _at_once_or_aside(read: Callable[[str], T], text: str) -> T:
    """What *read* makes of *text*: here, or in a thread where that would hold the event loop up."""
    return read(text) if len(text) <= AT_ONCE else await asyncio.to_thread(read, text)


async def create() -> Coach:
    """A coach that has its language loaded and its patterns compiled, which takes the time of ten answers."""
    find_units("")
    unfit("What did you do?")
    read_job("We look for somebody.")
    read_answer("Last year I built it because we needed it, and in the end it worked.")
    return Coach()


PROVENANCE = Provenance(NAME, version=VERSION)


async def _assessed(turn: Turn, plan: Plan) -> AnswerFeedback:
    assert turn.answer is not None
    if not serves(plan.language):
        return unread(turn, plan, PROVENANCE)
    if len(turn.answer.text) > AT_ONCE:
        return await asyncio.to_thread(assess_answer, turn, plan, PROVENANCE)
    await asyncio.sleep(0)  # fifty answers are fifty turns of the loop
    return assess_answer(turn, plan, PROVENANCE)


def _asked(brief: Brief) -> list[Slot]:
    """The slots of the main questions so far."""
    return [turn.question.slot for turn in brief.interview.turns if turn.question.follow_up_to is None]


def _check_language(brief: Brief) -> None:
    language = brief.interview.plan.language
    if not serves(language):
        raise AdapterError(NAME, "language_not_served", _NOT_SERVED.replace("{language}", language))


def _question(wanted: Ask, text: str, slot: Slot, **fields: object) -> Question:
    return Question(wanted.number, text, slot, difficulty=wanted.difficulty, provenance=PROVENANCE, **fields)  # type: ignore[arg-type]
