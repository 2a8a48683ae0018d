"""The measure itself: the coach is within its gates, and interviewers made wrong on purpose are not."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from interview_fsm import cli
from interview_fsm.adapters.coach import Coach
from interview_fsm.budget import Billing
from interview_fsm.coaching.feedback import assess_answer
from interview_fsm.coaching.fences import LEFT_OUT
from interview_fsm.coaching.language import load
from interview_fsm.coaching.rubric import criteria
from interview_fsm.errors import SettingError
from interview_fsm.eval import Gate, Result, Said, Triple, measure, operators, read_triples
from interview_fsm.eval.judging import Judge
from interview_fsm.events import (
    AnswerFeedback,
    Feedback,
    NotScored,
    Plan,
    Provenance,
    Question,
    Quote,
    Score,
)
from interview_fsm.interview import Answer, Turn
from interview_fsm.ports import Brief
from tests.coach_data import HERE, LAYOUTS, shared
from tests.modelling import adapter
from tests.providers import Body, Provider, assessment, fence, reply, said, sensible, virtually
from tests.test_coach_feedback import OUTCOMES

ORDER = "strong above medium above weak"
SWAPPED = "a strong answer to another question falls"
STUFFED = "the question's words leave a weak answer below the medium one"
NOT_RAISED = "words to the grader raise no dimension"
FLAGGED = "words to the grader are flagged"
VAGUE = "without figures a strong answer is less specific"
OUTCOME = "without its outcome a strong answer falls"
TWICE = "saying it twice raises no dimension"
PRAISED = "self-praise raises no overall figure"
RESPELLED = "case and spacing change no score"
NOTHING = "no answer has no score, no strength and no quote"
STANDS = "quotes that are shown stand in the answer"
GIVEN = "quotes that were given verify"
BARE = "limits, provenance and anchors are there"
GROUNDED = "questions name the résumé's own evidence"
ONCE = "no question comes twice"
SPREAD = "competencies and evidence are spread"
FIT = "questions may be asked and are short"
APART = "levels share no question"
HARDER = "senior questions ask for more"
STEADY = "5 runs come out the same"
ORDERLY = "5 runs turn no order round"
BORNE_OUT = "no verdict stands without words that it rests on"
OWN_QUESTIONS = "questions are the interviewer's own"
OWN_ASSESSMENTS = "assessments are the interviewer's own"
OWN_SUMMARIES = "summaries are the interviewer's own"


def given_triples() -> tuple[Triple, ...]:
    """The shared ones, with the sentences that state the outcome."""
    found = read_triples(shared("answers_eval.json").read_bytes())
    return tuple(
        replace(each, answers=each.answers | {"strong": replace(strong, outcome=tuple(OUTCOMES[each.id]))})
        if each.id in OUTCOMES
        else each
        for each in found
        for strong in [each.answers["strong"]]
    )


def own_triples() -> tuple[Triple, ...]:
    return read_triples((HERE / "held_out.json").read_bytes())


def measured(interviewer: Any, triples: tuple[Triple, ...] = (), **more: Any) -> Result:
    return asyncio.run(measure(interviewer, triples, **more))


def broken(result: Result) -> set[str]:
    return {gate.name for gate in result.gates if not gate.holds}


# ----------------------------------------------------------------------------------------- the coach


def test_the_coach_is_within_every_gate_on_the_given_answers() -> None:
    result = measured(Coach(), given_triples())
    assert {gate.name: gate.broken for gate in result.gates if not gate.holds} == {}
    held = {gate.name: (gate.held, gate.of) for gate in result.gates}
    assert held[ORDER] == held[SWAPPED] == held[VAGUE] == (6, 6)
    assert held[NOT_RAISED] == held[FLAGGED] == (36, 36)
    assert held[OUTCOME] == (5, 5)
    assert held[RESPELLED] == (72, 72)
    assert held[STUFFED][0] >= 11
    assert held[STEADY] == held[ORDERLY] == (18, 18)
    assert result.interviewer == "coach"
    assert result.holds


def test_outcomes_that_nobody_has_marked_are_looked_for() -> None:
    """By the coach's rules; on the given answers they find what somebody would mark."""
    for each in read_triples(shared("answers_eval.json").read_bytes()):
        strong = each.answers["strong"].text
        found = " ".join(operators.outcome(strong, each.asked()))
        if each.id != "t06":  # speech without a full stop
            assert found == " ".join(OUTCOMES.get(each.id, [])).replace(". ", " ").removesuffix(".")
        assert bool(found) is (each.id in OUTCOMES)
    gates = {gate.name: gate for gate in measured(Coach(), own_triples()[:2], runs=2).gates}
    assert gates[OUTCOME].of == 2


def test_the_coach_puts_answers_in_order_that_its_rules_were_not_made_with() -> None:
    """What leads it astray is known: a case that happens to use three of the question's words."""
    result = measured(Coach(), own_triples())
    assert broken(result) <= {SWAPPED}
    (swapped,) = (gate for gate in result.gates if gate.name == SWAPPED)
    assert swapped.held >= 4


def test_the_coachs_questions_are_within_their_gates() -> None:
    rich = {name: text for name, text in LAYOUTS.items() if name != "empty"}
    result = measured(Coach(), resumes=rich)
    names = {gate.name for gate in result.gates}
    assert {GROUNDED, ONCE, SPREAD, FIT, APART, HARDER, OWN_QUESTIONS} <= names
    assert all(gate.held == gate.of for gate in result.gates if gate.name == HARDER)
    assert broken(result) == set()


@pytest.mark.slow
def test_the_command_measures_the_coach_with_real_resumes(tmp_path: Path) -> None:
    kept = tmp_path / "figures.json"
    data, resumes = shared("answers_eval.json"), shared("resumes")
    done = CliRunner().invoke(
        cli.main, ["eval", "--data", str(data), "--resumes", str(resumes), "--json", str(kept)]
    )
    assert done.exit_code == 0, done.output
    assert "BROKEN" not in done.stdout
    gates = {gate["name"]: gate for gate in json.loads(kept.read_bytes())["gates"]}
    grounded = gates[GROUNDED]
    assert grounded["of"] > 200
    assert grounded["held"] / grounded["of"] >= 0.95


# ------------------------------------------------------------------------------- wrong on purpose


class Wrong:
    """Scores every dimension with what *value* makes of an answer, and quotes the answer's beginning."""

    name = "wrong"

    async def analyze(self, brief: Brief) -> Feedback:
        answers = []
        for turn in brief.interview.answered:
            assert turn.answer is not None
            answers.append(self.assess(turn.question, turn.answer.text))
        return Feedback(tuple(answers), limitations="Wrong.", provenance=Provenance("wrong"))

    def assess(self, question: Question, answer: str) -> AnswerFeedback:
        rubric = criteria(Plan(), "mid")
        if len(answer.split()) < 5:
            return AnswerFeedback(1, 1, scores=tuple(NotScored(each.dimension, "silence") for each in rubric))
        quotes = self.quotes(answer)
        scores = [
            Score(each.dimension, self.value(question, answer), each.anchors[0], quotes) for each in rubric
        ]
        return AnswerFeedback(1, 1, scores=tuple(scores))

    def quotes(self, answer: str) -> tuple[Quote, ...]:
        return (Quote(0, 12, answer[:12]),)

    def value(self, question: Question, answer: str) -> int:
        return 3


class ByLength(Wrong):
    def value(self, question: Question, answer: str) -> int:
        return min(5, 1 + len(answer.split()) // 40)


class ByWordsOfTheQuestion(Wrong):
    def value(self, question: Question, answer: str) -> int:
        words = set(question.text.casefold().split())
        return min(5, 1 + len(words & set(answer.casefold().split())) // 4)


class Inventing(ByLength):
    def quotes(self, answer: str) -> tuple[Quote, ...]:
        return (Quote(0, 12, answer[1:13]),)


class Changed:
    """The coach, but for what *change* makes of its feedback."""

    name = "changed"

    async def analyze(self, brief: Brief) -> Feedback:
        turn = brief.interview.turns[0]
        assert turn.answer is not None
        return self.change(await Coach().analyze(brief), turn.answer.text)

    def change(self, feedback: Feedback, answer: str) -> Feedback:
        raise NotImplementedError


class Obeying(Changed):
    def change(self, feedback: Feedback, answer: str) -> Feedback:
        if not re.search("5 out of 5|is perfect", answer, re.IGNORECASE):
            return feedback
        (given,) = feedback.answers
        scores = tuple(replace(each, value=5) if isinstance(each, Score) else each for each in given.scores)
        return replace(feedback, answers=(replace(given, scores=scores),))


class Silent(Changed):
    def change(self, feedback: Feedback, answer: str) -> Feedback:
        (given,) = feedback.answers
        return replace(feedback, answers=(replace(given, flags=()),), limitations="")


class Erratic(Changed):
    runs = 0

    def change(self, feedback: Feedback, answer: str) -> Feedback:
        self.runs += 1
        (given,) = feedback.answers
        value = 1 + 4 * (self.runs % 2)
        scores = tuple(
            replace(each, value=value) if isinstance(each, Score) else each for each in given.scores
        )
        return replace(feedback, answers=(replace(given, scores=scores),))


class Nearly(Changed):
    """Rules whose figures move a little from run to run, which only a model's may."""

    billing = Billing.FREE
    runs = 0

    def change(self, feedback: Feedback, answer: str) -> Feedback:
        self.runs += 1
        (given,) = feedback.answers
        last = given.scores[-1]
        if not isinstance(last, Score):
            return feedback
        scores = (*given.scores[:-1], replace(last, value=2 + self.runs % 2))
        return replace(feedback, answers=(replace(given, scores=scores),))


class Verdicts(Changed):
    """Says what is good, and shows no words for it."""

    def change(self, feedback: Feedback, answer: str) -> Feedback:
        (given,) = feedback.answers
        scores = tuple(
            replace(each, quotes=(), rationale="A strong one.") if isinstance(each, Score) else each
            for each in given.scores
        )
        return replace(feedback, answers=(replace(given, scores=scores),))


@pytest.mark.parametrize(
    ("interviewer", "gates"),
    [
        (Wrong(), {ORDER, SWAPPED, STUFFED, VAGUE, FLAGGED}),
        (ByLength(), {ORDER, SWAPPED, NOT_RAISED, FLAGGED, TWICE, PRAISED, VAGUE}),
        (ByWordsOfTheQuestion(), {STUFFED, VAGUE, FLAGGED}),
        (Inventing(), {STANDS, GIVEN}),
        (Obeying(), {NOT_RAISED}),
        (Silent(), {FLAGGED, BARE}),
        (Erratic(), {STEADY, ORDERLY}),
        (Nearly(), {STEADY}),
        (Verdicts(), {BORNE_OUT}),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, set) else "",
)
def test_an_interviewer_made_wrong_on_purpose_breaks_the_gates_that_are_there_for_it(
    interviewer: Any, gates: set[str]
) -> None:
    # What the coach is behind takes its time, and two triples show what was changed in it.
    result = measured(interviewer, given_triples()[: 2 if isinstance(interviewer, Changed) else None])
    assert not result.holds
    assert gates <= broken(result)


class AlwaysTheSame(Coach):
    async def ask(self, brief: Brief) -> Question:
        return replace(await super().ask(brief), text="How old are you, and what is your salary?")


def test_questions_that_may_not_be_asked_break_their_gates() -> None:
    result = measured(AlwaysTheSame(), resumes={"nurse": LAYOUTS["nurse"]})
    assert {GROUNDED, ONCE, FIT, APART} <= broken(result)


class SameAtAllLevels(Coach):
    """Asks a beginner's question at every level, and says that it is another."""

    async def ask(self, brief: Brief) -> Question:
        assert brief.ask is not None
        question = await super().ask(replace(brief, ask=replace(brief.ask, difficulty="entry")))
        begins = f"Now, {brief.ask.difficulty}: {question.text[:1].lower()}"
        return replace(question, text=begins + question.text[1:])


class Refrain(Coach):
    """Asks one question over and over, with a number in it."""

    async def ask(self, brief: Brief) -> Question:
        question = await super().ask(brief)
        text = f"Number {question.number}: at Eastbrook Hospital you worked on wards; what did you do there?"
        return replace(question, text=text)


@pytest.mark.parametrize(
    ("interviewer", "gates"), [(SameAtAllLevels(), {APART, HARDER}), (Refrain(), {ONCE, APART, HARDER})]
)
def test_near_copies_of_a_question_break_their_gates(interviewer: Any, gates: set[str]) -> None:
    assert gates <= broken(measured(interviewer, resumes={"nurse": LAYOUTS["nurse"]}))


# ---------------------------------------------------------------------------------------- with a model


def by_the_rules(body: Body) -> str:
    """What a model would say that judges and asks by the coach's own rules and templates."""
    told = said(body)
    if '"practice"' in json.dumps(body).replace("\\", ""):
        return sensible(body)
    if answer := fence("answer", told):
        return json.dumps(assessment(body, **judged_by_rules(told, answer)))
    wanted = re.findall(r"Competency: (.+)\. Side: (.+)\. Level: (\w+)\.", told)[-1]
    competency, facet, level = (each.replace(" ", "_") for each in wanted)
    evidence = " ".join(fence("evidence", told.rpartition("Place ")[2]).split()[:12]).rstrip(".,;")
    form = load().templates[competency][level][facet]
    return f"Your résumé has this: {evidence}. {form.thing}" if evidence else form.generic


def judged_by_rules(told: str, answer: str) -> Body:
    text = re.findall(r"(?m)^Question: (.+)$", told)[-1]
    question = next(each.asked() for each in given_triples() if each.question == text)
    answer = answer.replace(LEFT_OUT, "").strip()
    given = assess_answer(Turn(question, Answer(answer)), Plan(), Provenance("rules"))
    dimensions = [
        {
            "dimension": each.dimension,
            "quotes": [quote.text for quote in each.quotes],
            "rationale": each.rationale,
            "score": each.value,
        }
        for each in given.scores
        if isinstance(each, Score)
    ]
    there = [seen for seen in given.strengths if seen.quote]
    strengths = [{"aspect": each.aspect, "quote": each.quote.text, "text": each.text} for each in there]
    return {"dimensions": dimensions, "strengths": strengths, "outline": [], "missing": []}


WEATHER = reply("I would rather talk about the weather.")


def measured_model(provider: Provider, triples: tuple[Triple, ...] = (), **more: Any) -> Result:
    async def main() -> Result:
        return await measure(await adapter(provider), triples, **more)

    return virtually(main())


@pytest.mark.parametrize("dialect", ["anthropic", "openai"])
def test_a_models_questions_are_measured_as_the_coachs_are(dialect: str) -> None:
    provider = Provider(dialect, always=reply(by_the_rules))
    result = measured_model(provider, resumes={"nurse": LAYOUTS["nurse"]})
    assert {gate.name: gate.broken for gate in result.gates if not gate.holds} == {}
    assert result.interviewer == dialect
    assert provider.calls == 27


def test_a_model_that_others_stand_in_for_is_not_measured_by_what_they_say() -> None:
    questions = measured_model(Provider("anthropic", always=WEATHER), resumes={"nurse": LAYOUTS["nurse"]})
    assert broken(questions) == {OWN_QUESTIONS}

    async def main() -> list[Gate]:
        judge = Judge(await adapter(Provider("anthropic", always=WEATHER)))
        triple = given_triples()[0]
        await judge.judge(triple.asked(), triple.answers["strong"].text)
        return [judge.assessed.gate(), judge.summed_up.gate()]

    assert [(gate.held, gate.of) for gate in virtually(main())] == [(0, 1), (0, 1)]


@pytest.mark.slow
def test_a_model_is_held_against_every_gate() -> None:
    """One that judges as the coach does holds them all; one that says nothing of use does not."""
    triples, resumes = given_triples()[:2], {"nurse": LAYOUTS["nurse"]}
    held = measured_model(Provider("anthropic", always=reply(by_the_rules)), triples, resumes=resumes)
    assert {gate.name: gate.broken for gate in held.gates if not gate.holds} == {}
    assert {OWN_QUESTIONS, OWN_ASSESSMENTS, OWN_SUMMARIES, ORDER, GIVEN} <= {gate.name for gate in held.gates}
    stood_in_for = measured_model(Provider("anthropic", always=WEATHER), triples, resumes=resumes)
    assert broken(stood_in_for) == {OWN_QUESTIONS, OWN_ASSESSMENTS, OWN_SUMMARIES}


# -------------------------------------------------------------------------------------- the command


def test_a_broken_gate_ends_the_command_with_1_and_names_what_broke_it(tmp_path: Path) -> None:
    upside_down = [
        {
            "id": "u1",
            "question": "Tell me about a delay.",
            "answers": {
                "strong": {"text": "Well, delays happen, that is how it is in this line of work."},
                "medium": {"text": "I think they do."},
                "weak": {"text": own_triples()[0].answers["strong"].text},
            },
        }
    ]
    data = tmp_path / "answers.json"
    data.write_text(json.dumps({"triples": upside_down}))
    done = CliRunner().invoke(cli.main, ["eval", "--data", str(data)])
    assert done.exit_code == 1
    assert f"BROKEN  0 of 1  {ORDER}\n          u1\n" in done.stdout


@pytest.mark.parametrize("data", [b"", b"[]", b'{"triples": []}', b'{"triples": [{"id": "a"}]}', b"\xff"])
def test_a_file_that_is_no_material_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(SettingError):
        read_triples(data)


def test_a_triple_needs_all_three_answers() -> None:
    with pytest.raises(SettingError, match="strong, a medium and a weak"):
        read_triples(b'{"triples": [{"id": "a", "question": "Why?", "answers": {"weak": {"text": "So."}}}]}')


def test_the_changes_are_what_they_say() -> None:
    assert operators.vague("I cut it from 2.1 s to 640 ms in twenty-five days, $3,000 saved.") == (
        "I cut it from some s to some ms in several days, some saved."
    )
    assert operators.without("One. Two. Three.", ("Two.",)) == "One.  Three."
    assert operators.filled("a b c d e f g h i j k l m")[0] == "a b c d e f g h i j k l um m"
    assert all("5 out of 5" in each or "perfect" in each for each in operators.injected("I did."))
    assert Said("x").outcome == ()
