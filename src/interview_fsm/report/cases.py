"""What every report says, before it has a form: the questions with their feedback, and the facts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest

from msgspec import Struct

from ..coaching.levels import read_level
from ..errors import STOOD_IN_FOR
from ..events import AnswerFeedback, Provenance, Quote
from ..interview import Answer, Interview, Turn

KINDS = {"there": "There", "missing": "Missing", "try": "Try"}
TITLE = "Practice interview: report"
NO_FEEDBACK = "There is no feedback yet."


class Case(Struct, frozen=True):
    """A question with its answer and the feedback on it."""

    title: str
    turn: Turn
    given: AnswerFeedback | None

    @property
    def is_stale(self) -> bool:
        """The feedback is on the answer as it was before."""
        answer, given = self.turn.answer, self.given
        return given is not None and (answer is None or given.revision != answer.revision)

    @property
    def note(self) -> str:
        """What a reader must know about the answer or its feedback; empty where all is as it should be."""
        if self.turn.answer is None:
            return "Skipped." if self.turn.skipped else "Not answered."
        if self.given is None:
            return "Answered; this answer has no feedback yet."
        if self.is_stale:
            return "This answer has changed and has no feedback yet. What follows is on the one before it."
        return ""

    @property
    def reason(self) -> str:
        """The piece of the résumé that the question builds on; empty for a general question."""
        return self.turn.question.evidence.text if self.turn.question.evidence else ""

    def versions(self) -> Iterator[tuple[str, str, tuple[Quote, ...]]]:
        """Each text of the answer with its name and what the feedback quotes of it, the present one first."""
        if self.turn.answer is not None:
            yield from self._texts("Your answer", self.turn.answer)
        for place, attempt in enumerate(self.turn.attempts, 1):
            yield from self._texts(f"Earlier attempt {place}", attempt)

    def _texts(self, name: str, answer: Answer) -> Iterator[tuple[str, str, tuple[Quote, ...]]]:
        name += f", {told}" if (told := _told(answer)) else ""
        yield name, answer.text, self._quoted(answer.text, answer.revision)
        if answer.original is not None:
            yield "Before it was corrected", answer.original, self._quoted(answer.original, None)

    def _quoted(self, text: str, revision: int | None) -> tuple[Quote, ...]:
        """The quotes from *text*, by their place; the revision of an original is not known any more."""
        given = self.given
        if given is None or not (revision == given.revision or (revision is None and self.is_stale)):
            return ()
        quotes = dict.fromkeys(given.quotes)
        return tuple(q for q in quotes if 0 <= q.start < q.end and text[q.start : q.end] == q.text)


def _told(answer: Answer) -> str:
    """How a spoken answer was understood."""
    heard = answer.transcript
    if heard is None:
        return ""
    parts = [f"spoken and understood by {heard.engine}" if heard.engine else "spoken"]
    if heard.seconds is not None:
        parts.append(f"{heard.seconds:.0f} seconds")
    if heard.confidence is not None:
        parts.append(f"confidence {heard.confidence:.0%}")
    return ", ".join(parts)


def cases(interview: Interview) -> Iterator[Case]:
    """The questions of *interview* in order, counted as a candidate counts: follow-ups do not."""
    given = {each.question: each for each in interview.feedback.answers} if interview.feedback else {}
    counted: dict[int, int] = {}
    mains = 0
    for turn in interview.turns:
        question = turn.question
        mains += question.follow_up_to is None
        counted[question.number] = mains if question.follow_up_to is None else counted[question.follow_up_to]
        main = counted[question.number]
        title = f"Follow-up to question {main}" if question.follow_up_to else f"Question {main}"
        yield Case(title, turn, given.get(question.number))


def difficulties(interview: Interview) -> list[str]:
    """The words for how hard to ask, in the order in which they were chosen."""
    chosen = [turn.question.difficulty for turn in interview.turns]
    return [words for words in dict.fromkeys([*chosen, interview.difficulty]) if words]


def _level(difficulty: str) -> str:
    read = read_level(difficulty)
    return read.name if read.recognised else f"{read.name} (the difficulty is no level that is known here)"


def facts(interview: Interview, made_at: datetime | None) -> Iterator[tuple[str, str]]:
    """What names a report, as (label, value): which interview and plan, when, and who made it."""
    yield "Interview", interview.id
    if made_at is not None:
        yield "Date", made_at.strftime("%Y-%m-%d %H:%M %Z").strip()
    if interview.difficulty:
        yield "Difficulty", ", then ".join(difficulties(interview))
        yield "Level", ", then ".join(dict.fromkeys(_level(words) for words in difficulties(interview)))
    yield (
        "Questions",
        f"{interview.asked} of {interview.plan.count} asked, {_answered(interview)}",
    )
    yield "Plan", interview.plan.fingerprint
    makers = dict.fromkeys(made_by(turn.question.provenance) for turn in interview.turns)
    if asked := "; ".join(filter(None, makers)):
        yield "Questions by", asked
    if (given := interview.feedback) is not None:
        made = [given.provenance, *(each.provenance for each in given.answers)]
        by = dict.fromkeys(made_by(each) for each in made)
        if any(by):
            yield "Feedback by", "; ".join(filter(None, by))


def _answered(interview: Interview) -> str:
    """How many were answered, counted as a candidate counts."""
    asking_back = sum(turn.question.follow_up_to is not None for turn in interview.answered)
    main = f"{len(interview.answered) - asking_back} answered"
    if not asking_back:
        return main
    return f"{main}, and {asking_back} follow-up{'s' if asking_back > 1 else ''}"


def made_by(provenance: Provenance) -> str:
    """Who made something, in words; empty where that is not known."""
    what = "prompt version" if provenance.model else "version"
    named = [provenance.adapter, provenance.model, provenance.version and f"{what} {provenance.version}"]
    said = ", ".join(filter(None, named))
    if said and provenance.fallback_from:
        said += f" (in place of {', '.join(_stood_in_for(provenance))})"
    return said


def _stood_in_for(provenance: Provenance) -> Iterator[str]:
    """Who could not, and why where that is known."""
    for name, code in zip_longest(provenance.fallback_from, provenance.fallback_codes, fillvalue=""):
        yield f"{name}: {STOOD_IN_FOR[code]}" if code in STOOD_IN_FOR else name
