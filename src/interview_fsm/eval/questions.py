"""What must hold of an interviewer's questions on a résumé."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..coaching.evidence import find_evidence
from ..coaching.guard import unfit
from ..coaching.verdicts import names
from ..events import Attached, ChooseDifficulty, NextQuestion, Plan, Question, QuestionAsked, StartInterview
from ..interview import Ask, Interview
from ..ports import Brief, Interviewer
from .tally import Gate, Tally

QUESTIONS = 9
LEVELS = ("entry", "mid", "senior")
GROUNDED = 0.95
"""The share of questions that name evidence, where the résumé has ENOUGH pieces."""
ENOUGH = 5


async def question_gates(interviewer: Interviewer, resumes: Mapping[str, str], count: int) -> Sequence[Gate]:
    """Ask *count* questions on each of *resumes* at each level, and look at them."""
    grounded = Tally("questions name the résumé's own evidence", GROUNDED)
    once, covered = Tally("no question comes twice"), Tally("competencies and evidence are spread")
    fit, apart = Tally("questions may be asked and are short"), Tally("levels share no question")
    for name, resume in resumes.items():
        pieces = len(find_evidence(resume))
        by_level = {level: await _asked(interviewer, resume, level, count) for level in LEVELS}
        for level, questions in by_level.items():
            case = f"{name}, {level}"
            for each in questions:
                fit.see(unfit(each.text) is None, case)
                if pieces >= ENOUGH:
                    grounded.see(each.evidence is not None and names(each.text, each.evidence), case)
            once.see(_are_different(questions), case)
            covered.see(_is_spread(questions, pieces), case)
        entry, senior = ({each.text for each in by_level[level]} for level in ("entry", "senior"))
        apart.see(not entry & senior, name)
    return [each.gate() for each in (grounded, once, covered, fit, apart)]


async def _asked(interviewer: Interviewer, resume: str, level: str, count: int) -> list[Question]:
    plan = Plan(questions=count, follow_ups=0)
    interview = Interview(id="eval").following([Attached(), StartInterview(plan), ChooseDifficulty(level)])
    while isinstance(interview.activity, Ask):
        question = await interviewer.ask(Brief(interview, resume, ask=interview.activity))
        interview = interview.after(QuestionAsked(question))
        if interview.asked < count:
            interview = interview.after(NextQuestion())
    return [turn.question for turn in interview.turns]


def _are_different(questions: Sequence[Question]) -> bool:
    slots = {(each.slot.competency, each.slot.evidence, each.slot.facet) for each in questions}
    return len(slots) == len({each.text for each in questions}) == len(questions)


def _is_spread(questions: Sequence[Question], pieces: int) -> bool:
    """Five competencies, and no piece of evidence again while there are others."""
    built_on = [each.evidence.id for each in questions if each.evidence]
    competencies = {each.slot.competency for each in questions}
    return len(competencies) >= min(len(questions), 5) and len(set(built_on)) >= min(len(built_on), pieces)
