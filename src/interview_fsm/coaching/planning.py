"""Chooses what the next question is about: competency × evidence × facet, never the same twice.

The choice is a pure function of the evidence, the plan, the level, the job and the slots already asked.
Nothing is planned ahead, so another difficulty midway, a skipped question, or a release with other templates
just changes what follows; what was asked stays excluded by its slot.

The rules: every competency once before any comes twice; every piece of evidence once before any comes
twice; recent before old; one technical question in about four where the résumé has skills; and the last
question is about learning or conflict, because an interview should not end on a hymn. Where there is a job
description, what it asks for comes sooner, and so does evidence that has to do with it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..events import Plan, Slot
from .job import NO_JOB, Job
from .language import Forms, load
from .levels import LEVELS
from .units import Unit

ORDERS: dict[str, tuple[str, ...]] = {
    "entry": (
        "ownership", "learning", "teamwork", "problem_solving", "communication", "impact", "conflict",
        "leadership", "technical_depth",
    ),
    "mid": (
        "impact", "problem_solving", "ownership", "teamwork", "communication", "conflict", "leadership",
        "learning", "technical_depth",
    ),
    "senior": (
        "impact", "leadership", "problem_solving", "ownership", "communication", "conflict", "teamwork",
        "learning", "technical_depth",
    ),
}  # fmt: skip
"""Beginners are asked about their own part first, others about what came of it."""

CLOSERS = ("learning", "conflict")
TECHNICAL = "technical_depth"
MOST_USES = 2
"""Of one piece of evidence, before a general question is the better one."""
TECHNICAL_EVERY = 4
"""One technical question in so many, where there are skills to ask about."""
FORWARD = 3
"""Places that each word of the job's for a competency brings it forward: three bring the last to the head."""

_PREFERRED = {
    "technical_depth": ("skill", "project", "achievement"),
    "impact": ("achievement", "statement", "role", "project"),
    "problem_solving": ("achievement", "project", "role"),
    "ownership": ("achievement", "project", "role"),
    "teamwork": ("role", "achievement", "project"),
    "leadership": ("role", "achievement", "project"),
    "communication": ("role", "achievement", "project"),
    "conflict": ("role", "achievement", "project"),
    "learning": ("project", "role", "education", "achievement"),
}
_TELLING = {
    "impact": ("%", "$", "€", "£", "reduced", "increased", "raised", "grew", "saved", "improved", "cut"),
    "leadership": (
        "led",
        "managed",
        "supervised",
        "mentored",
        "trained",
        "coached",
        "team",
        "recruited",
        "hired",
        "head",
        "lead",
        "supervisor",
        "manager",
    ),
    "teamwork": ("team", "together", "collaborated", "co-", "supported", "formed"),
    "communication": (
        "presented",
        "wrote",
        "published",
        "taught",
        "customer",
        "client",
        "trained",
        "documented",
        "explained",
    ),
    "problem_solving": (
        "solved",
        "resolved",
        "fixed",
        "reduced",
        "designed",
        "developed",
        "analysed",
        "analyzed",
        "debugged",
        "redesigned",
    ),
    "ownership": (
        "built",
        "owned",
        "created",
        "set up",
        "launched",
        "organised",
        "organized",
        "ran",
        "founded",
        "introduced",
        "led",
    ),
}


class Choice(NamedTuple):
    """What to ask next."""

    slot: Slot
    forms: Forms
    """The wordings."""
    unit: Unit | None
    """What it builds on; None for a general question."""


class Standing(NamedTuple):
    """All that the next choice depends on."""

    units: Sequence[Unit]
    plan: Plan
    level: str
    asked: Sequence[Slot]
    """The slots of all main questions so far, in order."""
    job: Job = NO_JOB

    def without(self, evidence: str) -> Standing:
        """The same, but for one piece of evidence."""
        return self._replace(units=[unit for unit in self.units if unit.evidence.id != evidence])


def next_choice(now: Standing) -> Choice:
    """What to ask next."""
    place = len(now.asked)
    given = now.plan.slots[place] if place < len(now.plan.slots) else Slot()
    competencies = (given.competency,) if given.competency else _competencies(now)
    for competency in competencies:
        if competency in load().templates and (choice := _within(competency, given, now)):
            return choice
    # A competency of the host's; or everything has been asked, which takes a log of a later release.
    return _topic(competencies[0], given, now)


def _topic(competency: str, given: Slot, now: Standing) -> Choice:
    """A question about *competency* by its name alone, on a time of the candidate's life."""
    level = given.level if given.level in LEVELS else now.level
    earlier = sum(slot.competency == competency for slot in now.asked)
    wordings = load().topic[level]
    times = [unit for unit in now.units if unit.evidence.kind in ("role", "education")]
    unit = next(iter(_by_use(times, competency, given.evidence, now)), None)
    evidence = unit.evidence.id if unit else ""
    slot = Slot(competency, f"topic_{earlier}", level, given.kind or "behavioural", evidence)
    name = " ".join(competency.replace("_", " ").split())
    text = wordings[earlier % len(wordings)].replace("{topic}", name)
    return Choice(slot, Forms(text, text, text), unit)


def _competencies(now: Standing) -> list[str]:
    """All competencies, the one to take next first."""
    order = ORDERS[now.level]
    used = Counter(slot.competency for slot in now.asked if slot.competency in order)
    least = min(used[competency] for competency in order)
    due = [competency for competency in order if used[competency] == least]
    ranked = sorted(due, key=lambda each: _rank(each, now, len(due)))
    return ranked + [competency for competency in order if competency not in ranked]


def _rank(competency: str, now: Standing, due: int) -> tuple[int, int]:
    place, plan, closer = len(now.asked), now.plan, _closer(now)
    last = place == plan.count - 1 and plan.count > 2
    order = ORDERS[now.level].index(competency) - FORWARD * now.job.wants.get(competency, 0)
    if competency == closer:
        return (0 if last or due == 1 else 2, order)
    if competency == TECHNICAL:
        skilled = any(unit.evidence.kind == "skill" for unit in now.units)
        due_here = skilled and place % TECHNICAL_EVERY == TECHNICAL_EVERY // 2 - (plan.count == 2)
        return (0 if due_here and not last else 1, order)
    return (1, order)


def _closer(now: Standing) -> str:
    """What the last question is about."""
    drawn = CLOSERS[_pick(2, now.plan.seed, "closer")]
    return max(CLOSERS, key=lambda each: (now.job.wants.get(each, 0), each == drawn))


def _within(competency: str, given: Slot, now: Standing) -> Choice | None:
    """The best evidence and facet for *competency*; None when all of it has been asked."""
    asked = now.asked
    taken = {(slot.competency, slot.evidence, slot.facet) for slot in asked}
    for name in (given.level,) if given.level in LEVELS else _levels_from(now.level):
        facets = load().templates[competency][name]
        order = _facet_order(facets, competency, given.facet, now)
        # A wording that was used already comes after evidence that was: nothing bores like a refrain.
        fresh = [
            facet
            for facet in order
            if not any((slot.competency, slot.facet) == (competency, facet) for slot in asked)
        ]
        for unit in (*_worth_asking(competency, given.evidence, now), None):
            if not fresh:
                break
            for facet in fresh:
                evidence = unit.evidence.id if unit else ""
                if (competency, evidence, facet) not in taken:
                    kind = given.kind or ("technical" if competency == TECHNICAL else "behavioural")
                    return Choice(Slot(competency, facet, name, kind, evidence), facets[facet], unit)
    return _again(competency, now, taken)


def _again(competency: str, now: Standing, taken: set[tuple[str, str, str]]) -> Choice | None:
    """A wording used before, on evidence that it was not used with."""
    for name in _levels_from(now.level):
        facets = load().templates[competency][name]
        for unit in (*_by_use(now.units, competency, "", now), None):
            for facet in _facet_order(facets, competency, "", now):
                evidence = unit.evidence.id if unit else ""
                if (competency, evidence, facet) not in taken:
                    kind = "technical" if competency == TECHNICAL else "behavioural"
                    return Choice(Slot(competency, facet, name, kind, evidence), facets[facet], unit)
    return None


def _levels_from(level: str) -> tuple[str, ...]:
    """*level*, then the others, for interviews longer than the templates of one level."""
    return {
        "entry": ("entry", "mid", "senior"),
        "mid": ("mid", "entry", "senior"),
        "senior": ("senior", "mid", "entry"),
    }[level]


def _facet_order(facets: Iterable[str], competency: str, wanted: str, now: Standing) -> list[str]:
    used, seed = Counter(slot.facet for slot in now.asked if slot.competency == competency), now.plan.seed
    return sorted(facets, key=lambda facet: (facet != wanted, used[facet], _mix(seed, competency, facet)))


def _by_use(units: Sequence[Unit], competency: str, wanted: str, now: Standing) -> list[Unit]:
    """*units*, the one to ask about first at the head."""
    used = Counter(slot.evidence for slot in now.asked)
    at_work = Counter(
        unit.evidence.organisation for unit in units if used[unit.evidence.id] and unit.evidence.organisation
    )
    kinds = _PREFERRED.get(competency, ())
    preferred = {kind: place for place, kind in enumerate(kinds)}
    telling = _TELLING.get(competency, ())

    def rank(item: tuple[int, Unit]) -> tuple[object, ...]:
        place, unit = item
        text = f" {unit.phrase} {unit.evidence.title}".casefold()
        fits = (
            any(f" {word}" in text or (word in "%$€£" and word in text) for word in telling)
            and unit.evidence.kind in kinds
        )
        skill = unit.evidence.kind == "skill"
        return (
            unit.evidence.id != wanted,
            used[unit.evidence.id],
            skill != (competency == TECHNICAL),
            at_work[unit.evidence.organisation] // 3,  # three questions on one employer, then others
            not fits,
            -now.job.touches(unit),
            preferred.get(unit.evidence.kind, len(kinds)),
            # Among the equally good, the seed chooses one of two neighbours; recent still comes first.
            place // 2,
            _mix(now.plan.seed, competency, unit.evidence.id),
        )

    return [unit for _, unit in sorted(enumerate(units), key=rank)]


def _worth_asking(competency: str, wanted: str, now: Standing) -> list[Unit]:
    """The units in this order, without what has been asked about enough."""
    used = Counter(slot.evidence for slot in now.asked)
    return [
        unit
        for unit in _by_use(now.units, competency, wanted, now)
        if used[unit.evidence.id] < MOST_USES or unit.evidence.id == wanted
    ]


def _mix(*parts: object) -> int:
    """A number that depends on *parts* alone, on every machine and in every release."""
    return int.from_bytes(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:6])


def _pick(count: int, *parts: object) -> int:
    return _mix(*parts) % count


def pick(wordings: Sequence[str], *parts: object) -> str:
    """One of *wordings*, by *parts* alone."""
    return wordings[_pick(len(wordings), *parts)]
