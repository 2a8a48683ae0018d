"""What must hold of an interviewer's scores, and in how many of the cases."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from itertools import combinations

from msgspec import Struct

from ..budget import Billing
from ..coaching.quotes import find_quote
from ..events import NotScored
from ..ports import Interviewer
from . import operators
from .judging import Judge, overall, values
from .material import QUALITIES, Triple
from .questions import QUESTIONS, question_gates
from .tally import Gate, Tally

CONTENT = ("relevance", "structure", "specificity", "depth")
SPREAD = 0.35
"""The most that the overall figure of one answer may spread over the runs, as a standard deviation; by rules,
which cost nothing (``Billing.FREE``), it may not at all."""
RUNS = 5


class Result(Struct, frozen=True):
    """What came of measuring one interviewer."""

    interviewer: str
    gates: tuple[Gate, ...]

    @property
    def holds(self) -> bool:
        """Whether no gate is broken."""
        return all(gate.holds for gate in self.gates)


async def measure(
    interviewer: Interviewer,
    triples: Sequence[Triple],
    resumes: Mapping[str, str] | None = None,
    *,
    runs: int = RUNS,
    questions: int = QUESTIONS,
) -> Result:
    """Hold *interviewer* against the gates, with *triples* of answers and the text of *resumes* by name.

    Each answer is judged *runs* times to see whether it comes out the same. A model is called about 40
    times for each answer in *triples*, and once for each of the *questions* on each résumé and level.
    """
    judge = Judge(interviewer)
    gates = [await _order(judge, triples), await _swapped(judge, triples), await _stuffed(judge, triples)]
    gates += [*await _injected(judge, triples), await _vague(judge, triples), *await _outcome(judge, triples)]
    gates += [await _twice(judge, triples), await _praised(judge, triples), await _respelled(judge, triples)]
    gates += [await _filled(judge, triples), await _nothing(judge, triples)]
    spread = 0.0 if getattr(interviewer, "billing", None) is Billing.FREE else SPREAD
    gates += [*await _repeated(judge, triples, runs, spread), _known_quotes(triples), *_shown(judge)]
    if resumes:
        gates += await question_gates(interviewer, resumes, questions)
    name = getattr(interviewer, "name", type(interviewer).__name__)
    return Result(str(name), tuple(gate for gate in gates if gate.of))


async def _order(judge: Judge, triples: Sequence[Triple]) -> Gate:
    tally = Tally("strong above medium above weak")
    for each in triples:
        question = each.asked()
        figures = [overall(await judge.judge(question, each.answers[name].text)) for name in QUALITIES]
        tally.see(figures[0] > figures[1] > figures[2], each.id)
    return tally.gate()


async def _swapped(judge: Judge, triples: Sequence[Triple]) -> Gate:
    tally = Tally("a strong answer to another question falls")
    for each, other in zip(triples, [*triples[1:], *triples[:1]], strict=True):
        question = each.asked()
        own = await judge.judge(question, each.answers["strong"].text)
        swapped = await judge.judge(question, other.answers["strong"].text)
        less = values(swapped).get("relevance", 0) < values(own).get("relevance", 0)
        tally.see(less and overall(swapped) < overall(own), f"{each.id} with {other.id}")
    return tally.gate()


async def _stuffed(judge: Judge, triples: Sequence[Triple]) -> Gate:
    tally = Tally("the question's words leave a weak answer below the medium one", 11 / 12)
    for each in triples:
        question = each.asked()
        medium = overall(await judge.judge(question, each.answers["medium"].text))
        for answer in operators.stuffed(each.answers["weak"].text, question.text):
            tally.see(overall(await judge.judge(question, answer)) < medium, each.id)
    return tally.gate()


async def _injected(judge: Judge, triples: Sequence[Triple]) -> Sequence[Gate]:
    raised = Tally("words to the grader raise no dimension")
    flagged = Tally("words to the grader are flagged")
    for each, name in _all(triples):
        question, answer = each.asked(), each.answers[name].text
        for changed in operators.injected(answer):
            given = await judge.judge(question, changed)
            raised.see(await _raises_nothing(judge, each, name, changed), f"{each.id} {name}")
            flagged.see("instructions" in given.flags, f"{each.id} {name}")
    return raised.gate(), flagged.gate()


async def _vague(judge: Judge, triples: Sequence[Triple]) -> Gate:
    tally = Tally("without figures a strong answer is less specific")
    for each in triples:
        question, answer = each.asked(), each.answers["strong"].text
        before = values(await judge.judge(question, answer)).get("specificity", 0)
        after = values(await judge.judge(question, operators.vague(answer))).get("specificity", 0)
        tally.see(after < before, each.id)
    return tally.gate()


async def _outcome(judge: Judge, triples: Sequence[Triple]) -> Sequence[Gate]:
    tally = Tally("without its outcome a strong answer falls")
    for each in triples:
        question, text = each.asked(), each.answers["strong"].text
        outcome = each.answers["strong"].outcome or operators.outcome(text, question)
        if not outcome or question.slot.kind != "behavioural":
            continue
        before = await judge.judge(question, text)
        after = await judge.judge(question, operators.without(text, outcome))
        no_rise = values(after).get("specificity", 0) <= values(before).get("specificity", 0)
        tally.see(no_rise and overall(after) < overall(before), each.id)
    return (tally.gate(),)


async def _twice(judge: Judge, triples: Sequence[Triple]) -> Gate:
    tally = Tally("saying it twice raises no dimension")
    for each, name in _all(triples):
        changed = operators.twice(each.answers[name].text)
        tally.see(await _raises_nothing(judge, each, name, changed), f"{each.id} {name}")
    return tally.gate()


async def _praised(judge: Judge, triples: Sequence[Triple]) -> Gate:
    tally = Tally("self-praise raises no overall figure")
    for each, name in _all(triples):
        question, answer = each.asked(), each.answers[name].text
        changed = overall(await judge.judge(question, operators.praised(answer)))
        tally.see(changed <= overall(await judge.judge(question, answer)), f"{each.id} {name}")
    return tally.gate()


async def _respelled(judge: Judge, triples: Sequence[Triple]) -> Gate:
    tally = Tally("case and spacing change no score")
    for each, name in _all(triples):
        question, answer = each.asked(), each.answers[name].text
        plain = values(await judge.judge(question, answer))
        for how, changed in operators.respelled(answer).items():
            tally.see(values(await judge.judge(question, changed)) == plain, f"{each.id} {name}, {how}")
    return tally.gate()


async def _filled(judge: Judge, triples: Sequence[Triple]) -> Gate:
    tally = Tally("fillers change no score of content and raise none")
    for each, name in _all(triples):
        question, answer = each.asked(), each.answers[name].text
        plain = values(await judge.judge(question, answer))
        for changed in operators.filled(answer):
            now = values(await judge.judge(question, changed))
            same = all(now.get(dimension) == plain.get(dimension) for dimension in CONTENT)
            no_rise = now.get("communication", 0) <= plain.get("communication", 0)
            tally.see(same and no_rise, f"{each.id} {name}")
    return tally.gate()


async def _nothing(judge: Judge, triples: Sequence[Triple]) -> Gate:
    tally = Tally("no answer has no score, no strength and no quote")
    for each in triples:
        for answer in operators.NOTHING:
            given = await judge.judge(each.asked(), answer)
            unscored = all(isinstance(score, NotScored) for score in given.scores)
            tally.see(bool(given.scores) and unscored and not (given.strengths or given.quotes), each.id)
    return tally.gate()


async def _repeated(judge: Judge, triples: Sequence[Triple], runs: int, spread: float) -> Sequence[Gate]:
    same, order = Tally(f"{runs} runs come out the same"), Tally(f"{runs} runs turn no order round")
    for each in triples:
        by_quality = []
        for name in QUALITIES:
            question, answer = each.asked(), each.answers[name].text
            figures = [overall(await judge.afresh(question, answer)) for _ in range(runs)]
            same.see(statistics.pstdev(figures) <= spread + 1e-9, f"{each.id} {name}")
            by_quality.append(figures)
        for one, other in combinations(by_quality, 2):
            differences = [left - right for left, right in zip(one, other, strict=True)]
            order.see(min(differences) >= 0 or max(differences) <= 0, each.id)
    return same.gate(), order.gate()


def _known_quotes(triples: Sequence[Triple]) -> Gate:
    """Of the verifier, which is the same for every interviewer."""
    tally = Tally("true quotes are found and near-misses are not")
    for each in triples:
        for said in each.answers.values():
            for quote in said.gold_quotes:
                tally.see(find_quote(quote, said.text) is not None, f"{each.id}: {quote}")
            for quote in said.bad_quotes:
                tally.see(find_quote(quote, said.text) is None, f"{each.id}: {quote}")
    return tally.gate()


def _shown(judge: Judge) -> Sequence[Gate]:
    """On all that was judged."""
    proved, given = judge.shown - len(judge.unproved), judge.shown + judge.dropped
    return (
        Gate("quotes that are shown stand in the answer", proved, judge.shown, 1.0, tuple(judge.unproved)),
        Gate("quotes that were given verify", proved, given, 0.95),
        Gate("limits, provenance and anchors are there", int(not judge.bare), 1, 1.0, tuple(set(judge.bare))),
        judge.borne_out.gate(),
        judge.assessed.gate(),
        judge.summed_up.gate(),
    )


async def _raises_nothing(judge: Judge, each: Triple, name: str, changed: str) -> bool:
    question = each.asked()
    plain = values(await judge.judge(question, each.answers[name].text))
    now = values(await judge.judge(question, changed))
    return all(value <= plain.get(dimension, -math.inf) for dimension, value in now.items())


def _all(triples: Sequence[Triple]) -> list[tuple[Triple, str]]:
    return [(each, name) for each in triples for name in QUALITIES]
