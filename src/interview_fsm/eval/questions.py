"""What must hold of an interviewer's questions on a résumé."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations

from ..coaching.evidence import find_evidence
from ..coaching.guard import unfit
from ..coaching.verdicts import names, says_the_same
from ..events import (
    Attached,
    ChooseDifficulty,
    Evidence,
    NextQuestion,
    Plan,
    Question,
    QuestionAsked,
    StartInterview,
)
from ..interview import Ask, Interview
from ..ports import Brief, Interviewer
from .tally import Gate, Tally

QUESTIONS = 9
LEVELS = ("entry", "mid", "senior")
GROUNDED = 0.95
"""The share of questions that name evidence, where the résumé has ENOUGH pieces."""
ENOUGH = 5
OWN = 0.95
"""The share that must come from the interviewer that is measured, and not from who stands in for it."""
HARDER = 0.8
"""The share of résumés on which senior questions must ask for more than entry ones."""
MARKERS = re.compile(
    r"\b(?:trade-?offs?|measur\w+|stakeholders?|scale|incomplete information|risks?|costs?|costliest"
    r"|interests|alternatives?|options?|reject\w*|turned down|proof|evidence)\b",
    re.IGNORECASE,
)
"""What a question to somebody senior asks about."""


async def question_gates(interviewer: Interviewer, resumes: Mapping[str, str], count: int) -> Sequence[Gate]:
    """Ask *count* questions on each of *resumes* at each level, and look at them."""
    grounded = Tally("questions name the résumé's own evidence", GROUNDED)
    once, covered = Tally("no question comes twice"), Tally("competencies and evidence are spread")
    fit, apart = Tally("questions may be asked and are short"), Tally("levels share no question")
    own, harder = (
        Tally("questions are the interviewer's own", OWN),
        Tally("senior questions ask for more", HARDER),
    )
    for name, resume in resumes.items():
        pieces = len(find_evidence(resume))
        by_level = {level: await _asked(interviewer, resume, level, count) for level in LEVELS}
        for level, questions in by_level.items():
            case = f"{name}, {level}"
            for each in questions:
                own.see(not each.provenance.fallback_from, case)
                fit.see(unfit(each.text) is None, case)
                if pieces >= ENOUGH:
                    grounded.see(each.evidence is not None and names(each.text, each.evidence), case)
            once.see(_are_different(questions), case)
            covered.see(_is_spread(questions, pieces), case)
        entry, senior = by_level["entry"], by_level["senior"]
        apart.see(not any(says_the_same(one.text, other.text) for one in entry for other in senior), name)
        harder.see(_marked(senior) > _marked(entry), name)
    return [each.gate() for each in (own, grounded, once, covered, fit, apart, harder)]


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
    again = any(says_the_same(one.text, other.text) for one, other in combinations(questions, 2))
    return len(slots) == len(questions) and not again


def _marked(questions: Sequence[Question]) -> int:
    """How many of *questions* ask about what seniority takes, in words that are not the résumé's."""
    return sum(bool(MARKERS.search(_without(each.text, each.evidence))) for each in questions)


def _without(text: str, evidence: Evidence | None) -> str:
    said = set(re.findall(r"\w+", f"{evidence.text} {evidence.title}".casefold())) if evidence else set()
    return re.sub(r"[\w-]+", lambda found: "…" if found[0].casefold() in said else found[0], text)


def _is_spread(questions: Sequence[Question], pieces: int) -> bool:
    """Five competencies, and no piece of evidence again while there are others."""
    built_on = [each.evidence.id for each in questions if each.evidence]
    competencies = {each.slot.competency for each in questions}
    return len(competencies) >= min(len(questions), 5) and len(set(built_on)) >= min(len(built_on), pieces)
