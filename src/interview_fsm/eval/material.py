"""The answers that an interviewer is measured with: a strong, a medium and a weak one to each question."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ..errors import SettingError
from ..events import Evidence, Question, Slot

QUALITIES = ("strong", "medium", "weak")
"""From the best."""


class Said(Struct, frozen=True):
    """One answer, and what is known about it."""

    text: str
    gold_quotes: tuple[str, ...] = ()
    """Words that stand in it."""
    bad_quotes: tuple[str, ...] = ()
    """Words that nearly do."""
    outcome: tuple[str, ...] = ()
    """The sentences that state its outcome, without which it must be worth less; where there are none, the
    coach's rules look for them."""


class Triple(Struct, frozen=True):
    """A question with three answers, of which only the order is known."""

    id: str
    question: str
    answers: dict[str, Said]
    """By QUALITIES."""
    competency: str = ""
    difficulty: str = "mid"
    question_type: str = "behavioural"
    resume_evidence: str = ""

    def asked(self) -> Question:
        """The question as the interviewer would find it in an interview."""
        level = self.difficulty.removesuffix("-level")
        evidence = Evidence("e1", "achievement", self.resume_evidence) if self.resume_evidence else None
        slot = Slot(self.competency, self.id, level, self.question_type, "e1" if evidence else "")
        return Question(1, self.question, slot, evidence, difficulty=self.difficulty)


class _File(Struct, frozen=True):
    triples: tuple[Triple, ...]


def read_triples(data: bytes) -> tuple[Triple, ...]:
    """The triples in a JSON file's *data*, an object with a list ``triples``. Raises SettingError."""
    try:
        triples = msgspec.json.decode(data, type=_File).triples
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SettingError(f"this is no file of answers to measure with: {error}") from None
    if not triples or any(set(QUALITIES) - each.answers.keys() for each in triples):
        raise SettingError("each triple needs a strong, a medium and a weak answer")
    return triples
