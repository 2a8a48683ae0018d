"""An interviewer with a model: what it shares whoever the provider is.

The coach chooses what each question is about and stands by with its own; the model words it. The coach
reads each answer first, so that silence costs no call, and keeps flags, delivery and sums; the model judges
what there is to judge, one answer at a time, and code checks what it says.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ..budget import Billing
from ..coaching.claims import Sources
from ..coaching.delivery import REMARKED
from ..coaching.fences import MOST, masked
from ..coaching.guard import knows
from ..coaching.language import serves
from ..coaching.levels import read_level
from ..coaching.prompts import (
    VERSION,
    AnswerOut,
    Prompt,
    SummaryOut,
    assess_prompt,
    follow_up_prompt,
    nonce,
    question_prompt,
    summary_prompt,
)
from ..coaching.quotes import Answer
from ..coaching.rubric import criteria
from ..coaching.verdicts import (
    LIMITATIONS,
    Remarks,
    Unusable,
    assessed,
    question_in,
    read_reply,
    summed_up,
)
from ..errors import AdapterError, BudgetSpent
from ..events import AnswerFeedback, Criterion, Feedback, NotScored, Provenance, Question
from ..interview import Ask, Interview, Turn
from ..ports import Brief, Interviewer
from ._failures import ModelError, in_place_of, is_sound, sound
from ._model import Caller, Model, Reply

TRIES = 2
"""A question that the guard turns down is asked anew once; then the coach's is as good, and here."""
AT_ONCE = 2
"""Answers assessed at the same time: each sets tokens of the budget aside until it is over."""
ANALYSIS = 150.0
"""Seconds for all of them; what is not done then is marked as failed. The session gives an analysis 180."""

UNGUARDED = "Questions in this language were not checked for topics that no interviewer may ask about."
"""Said with the limitations where the guard does not know the language."""

NOT_TO_JUDGE = frozenset(["silence", "nothing_to_assess", "follow_up", "unconfirmed"])
"""Why a model need not be asked: reasons of ``NotScored`` that it could not change."""

T = TypeVar("T", bound=Struct)


class ModelInterviewer:
    """Thinks of questions and of feedback with *model*, and with *coach* for all that code knows better.

    Holds no interview. One instance serves any number at once. *patience* multiplies every time limit.
    """

    billing = Billing.OWN

    def __init__(self, model: Model, coach: Interviewer, *, host: str, patience: float = 1.0) -> None:
        self.name = model.name
        self.sends_to = (host,)
        """Where the candidate's material goes."""
        self._model, self._coach = model, coach
        self._caller = Caller(model, patience=patience)
        self._secret = secrets.token_bytes(16)

    @property
    def speaker(self) -> str:
        """A sentence on who is speaking, for the candidate to read before the first question."""
        ask, assess = self._model.named("ask"), self._model.named("assess")
        both = ask if ask == assess else f"{ask} asks, {assess} assesses"
        return f"You talk to a language model: {both} ({self.name})."

    @property
    def data(self) -> str:
        """A sentence on where data goes."""
        return (
            "The résumé's text, the job description, the questions and the answers are sent to "
            f"{', '.join(self.sends_to)}."
        )

    async def ask(self, brief: Brief) -> Question:
        """The question that ``brief.ask`` wants: the model's, or the coach's where the model's must not be
        asked. Raises ModelError, BudgetSpent.
        """
        if brief.ask is None:
            raise ValueError("the brief does not say which question is wanted")
        planned = await self._planned(brief)
        if planned.slot.text and brief.ask.follow_up is None:  # the host's, word for word
            return planned
        prompt = self._prompt(brief, brief.ask, planned)
        earlier = [turn.question.text for turn in brief.interview.turns]
        grounds = planned.evidence if serves(brief.interview.plan.language) else None
        sources = _said_before(brief, brief.ask)
        for _ in range(TRIES):
            reply = await self._call(prompt, brief)
            try:
                text = await asyncio.to_thread(question_in, reply.text, grounds, earlier, sources)
            except Unusable as reason:
                prompt = prompt.again(reply.text, str(reason))
                continue
            return replace(planned, text=text, provenance=self._made("ask"))
        if not serves(brief.interview.plan.language):
            raise ModelError(self.name, "model_unusable")
        return replace(planned, provenance=in_place_of(planned.provenance, [(self.name, "model_unusable")]))

    async def analyze(self, brief: Brief) -> Feedback:
        """Feedback on all answers: one call for each that is new, and one for the summary.

        An answer whose call failed is marked so and not scored, and done again by the next analysis. Once the
        budget is spent the rules assess what is left. Raises ModelError and BudgetSpent when all have failed.
        """
        interview = brief.interview
        known = sound(interview.feedback)
        base = await self._coach.analyze(_with_feedback(brief, interview, known))
        answers = await self._assess_all(brief, base, known)
        whole = await self._coach.analyze(_with_feedback(brief, interview, _feedback(answers)))
        limits = _limits(whole, answers, self.name, interview.plan.language)
        whole = replace(whole, answers=tuple(answers), limitations=limits)
        prompt = summary_prompt(interview, answers)
        # It may speak of what it was told, which has no word of the candidate's.
        remarks = Remarks(Sources("", prompt.turns[-1].text, english=serves(interview.plan.language)))
        try:
            summary, practice = summed_up(await self._fill(prompt, brief, SummaryOut), remarks)
        except (AdapterError, Unusable) as error:
            code = error.code if isinstance(error, AdapterError) else "model_unusable"
            whole = replace(whole, provenance=in_place_of(whole.provenance, [(self.name, code)]))
        else:
            made = self._made("summarise")
            whole = replace(whole, summary=summary, practice=practice, provenance=made)
        return replace(
            whole,
            dropped_quotes=sum(each.dropped_quotes for each in answers),
            dropped_remarks=sum(each.dropped_remarks for each in answers) + remarks.dropped,
        )

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._model.aclose()

    # ---------------------------------------------------------------------------------------- questions

    async def _planned(self, brief: Brief) -> Question:
        """What the coach would ask: its place in the plan, its evidence, its words."""
        plan = brief.interview.plan
        if serves(plan.language):
            return await self._coach.ask(brief)
        # What a question is about does not depend on the language that it is asked in.
        english = replace(brief.interview, plan=replace(plan, language="en"))
        return await self._coach.ask(replace(brief, interview=english))

    def _prompt(self, brief: Brief, wanted: Ask, planned: Question) -> Prompt:
        interview, word = brief.interview, nonce(self._secret, brief.interview.id)
        if wanted.follow_up is not None:
            turn = interview.turns[wanted.follow_up.question - 1]
            return follow_up_prompt(turn, wanted.follow_up.missing, interview.plan.language, word)
        return question_prompt(
            interview,
            planned.slot,
            planned.evidence,
            resume=brief.resume,
            job_description=brief.job_description,
            word=word,
        )

    # ----------------------------------------------------------------------------------------- feedback

    async def _assess_all(self, brief: Brief, base: Feedback, known: Feedback | None) -> list[AnswerFeedback]:
        turns = {turn.question.number: turn for turn in brief.interview.answered}
        done = {(each.question, each.revision) for each in known.answers} if known else set()
        few = asyncio.Semaphore(AT_ONCE)
        failures: list[AdapterError] = []
        ends = asyncio.get_running_loop().time() + ANALYSIS

        async def assess(by_rules: AnswerFeedback) -> AnswerFeedback:
            turn = turns[by_rules.question]
            if (by_rules.question, by_rules.revision) in done:
                return by_rules
            if not _is_to_judge(by_rules):
                return _unjudged(by_rules, _rubric(brief.interview, turn))
            try:
                async with asyncio.timeout_at(ends), few:
                    return await self._assess(brief, turn, by_rules)
            except TimeoutError as error:
                late = ModelError(self.name, "model_timeout")
                late.__cause__ = error
                failures.append(late)
            except BudgetSpent as error:  # nor will the next analysis have more to spend
                failures.append(error)
                return self._by_rules(by_rules, error.code)
            except AdapterError as error:
                failures.append(error)
            return self._failed(by_rules, _rubric(brief.interview, turn))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(assess(each)) for each in base.answers]
        answers = [task.result() for task in tasks]
        if failures and not any(each.provenance.adapter == self.name and is_sound(each) for each in answers):
            raise failures[0]
        return answers

    async def _assess(self, brief: Brief, turn: Turn, by_rules: AnswerFeedback) -> AnswerFeedback:
        """What the model makes of one answer; what the rules do, where that cannot be used."""
        assert turn.answer is not None
        plan, question = brief.interview.plan, turn.question
        rubric = _rubric(brief.interview, turn)
        counted = masked(turn.answer.text, question.text)
        word = nonce(self._secret, brief.interview.id)
        prompt = assess_prompt(question, counted, rubric, language=plan.language, word=word)
        made = self._made("assess")
        try:
            reply = await self._fill(prompt, brief, AnswerOut)
            remarks = Remarks(_sources(brief, turn, counted, [each.dimension for each in rubric]))
            english = serves(plan.language)
            given = await asyncio.to_thread(  # each remark is looked for in all that was brought
                assessed, reply, rubric, Answer(counted), remarks, by_rules, made, english=english
            )
            of_delivery = (seen for seen in by_rules.observations if seen.aspect in REMARKED)
            return replace(given, observations=(*given.observations, *of_delivery))
        except Unusable:
            return self._by_rules(by_rules, "model_unusable")

    def _by_rules(self, by_rules: AnswerFeedback, code: str) -> AnswerFeedback:
        """What the rules make of an answer, in place of the model for the reason *code*."""
        return replace(by_rules, provenance=in_place_of(by_rules.provenance, [(self.name, code)]))

    def _failed(self, by_rules: AnswerFeedback, rubric: Sequence[Criterion]) -> AnswerFeedback:
        scores = tuple(NotScored(each.dimension, "failed") for each in rubric)
        made = self._made("assess")
        return replace(by_rules, observations=(), scores=scores, outline=(), provenance=made)

    # -------------------------------------------------------------------------------------------- calls

    async def _call(self, prompt: Prompt, brief: Brief) -> Reply:
        return await self._caller.call(prompt, brief.budget, brief.note)

    async def _fill(self, prompt: Prompt, brief: Brief, kind: type[T]) -> T:
        """The reply as data; asked for anew once where it is not. Raises Unusable."""
        reply = await self._call(prompt, brief)
        try:
            return read_reply(reply.text, kind)
        except Unusable as reason:
            reply = await self._call(prompt.again(reply.text, str(reason)), brief)
        return read_reply(reply.text, kind)

    def _made(self, purpose: str) -> Provenance:
        model = self._model.named("ask" if purpose == "ask" else "assess")
        return Provenance(self.name, model, VERSION)


def _rubric(interview: Interview, turn: Turn) -> Sequence[Criterion]:
    return criteria(interview.plan, turn.question.slot.level or read_level(turn.question.difficulty).name)


def _sources(brief: Brief, turn: Turn, counted: str, terms: Sequence[str] = ()) -> Sources:
    """What may be said of the answer in *turn*, masked in *counted*."""
    brought = [
        turn.question.text,
        brief.resume[: MOST["resume"]],
        brief.job_description[: MOST["job_description"]],
    ]
    if (evidence := turn.question.evidence) is not None:
        brought += [evidence.text, evidence.organisation, evidence.title]
    return Sources(counted, *brought, terms=terms, english=serves(brief.interview.plan.language))


def _said_before(brief: Brief, wanted: Ask) -> Sources | None:
    """What a follow-up may speak of; None for a main question."""
    if wanted.follow_up is None:
        return None
    turn = brief.interview.turns[wanted.follow_up.question - 1]
    assert turn.answer is not None
    return _sources(brief, turn, masked(turn.answer.text, turn.question.text))


def _is_to_judge(by_rules: AnswerFeedback) -> bool:
    """Whether there is anything in the answer that a model could tell more about."""
    if any((seen.kind, seen.aspect) == ("missing", "answer") for seen in by_rules.observations):
        return False
    settled = [isinstance(each, NotScored) and each.reason in NOT_TO_JUDGE for each in by_rules.scores]
    return not settled or not all(settled)


def _unjudged(by_rules: AnswerFeedback, rubric: Sequence[Criterion]) -> AnswerFeedback:
    """*by_rules*, with a reason in place of each score where it has not said so itself."""
    none = tuple(NotScored(each.dimension, "nothing_to_assess") for each in rubric)
    return replace(by_rules, scores=by_rules.scores or none)


def _with_feedback(brief: Brief, interview: Interview, feedback: Feedback | None) -> Brief:
    return replace(brief, interview=replace(interview, feedback=feedback))


def _feedback(answers: Sequence[AnswerFeedback]) -> Feedback:
    return Feedback(tuple(answers))


def _limits(whole: Feedback, answers: Sequence[AnswerFeedback], name: str, language: str) -> str:
    """What is to be said of the method: the model's, the coach's where it stood in, the guard's."""
    by_model = any(each.provenance.adapter == name for each in answers)
    by_rules = any(each.provenance.adapter != name for each in answers)
    said = [LIMITATIONS] * by_model + [whole.limitations] * (by_rules or not by_model)
    return " ".join([*said, *([] if knows(language) else [UNGUARDED])])
