"""Scores, delivery and flags in words, the same in every form of a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ..events import AnswerFeedback, Delivery, Feedback, NotScored, Quote, Score

HIGHEST = 5
NAMES = {"depth": "Depth for the level"}
REASONS = {
    "silence": "no word was said",
    "nothing_to_assess": "there is nothing in it that could be scored",
    "language": "it is in a language that could not be assessed",
    "follow_up": "it completes the answer before it",
    "own_criterion": "it is a criterion of this interview's own, which the rules do not know",
    "unconfirmed": "it is not sure that it was understood rightly: confirm or correct it, and analyze again",
    "failed": "no usable answer came from the model",
}
FLAGS = {
    "instructions": "Part of it speaks to whoever assesses it, and counted for nothing.",
    "repeated": "What was said twice counted once.",
    "language": "It is in a language that could not be assessed.",
}


class Line(Struct, frozen=True):
    """One dimension of one answer: a label with the figure, what it means, and what it rests on."""

    label: str
    text: str
    quotes: tuple[Quote, ...] = ()


def lines(given: AnswerFeedback) -> Iterator[Line]:
    """The scores in *given*; dimensions that are not scored for the same reason share a line."""
    for each in given.scores:
        if isinstance(each, Score):
            text = " ".join(filter(None, [each.anchor, each.rationale, _CAPPED * each.capped]))
            yield Line(f"{named(each.dimension)}, {each.value} of {HIGHEST}", text, each.quotes)
    unscored: dict[str, list[str]] = {}
    for each in given.scores:
        if isinstance(each, NotScored):
            unscored.setdefault(each.reason, []).append(named(each.dimension))
    for reason, dimensions in unscored.items():
        which = (
            "Not scored" if len(dimensions) == len(given.scores) else f"{', '.join(dimensions)}, not scored"
        )
        yield Line(which, f"{named(REASONS.get(reason, reason))}.")


_CAPPED = "It would be higher, had words of the answer borne it out."


def named(dimension: str) -> str:
    """*dimension* as a heading; its other letters as they are."""
    return NAMES.get(dimension) or dimension[:1].upper() + dimension[1:]


def totals(feedback: Feedback) -> str:
    """A sentence with the figures of the whole; empty where nothing was scored."""
    if feedback.overall is None:
        return ""
    by_dimension = ", ".join(f"{named(each.dimension)} {each.mean}" for each in feedback.totals)
    return f"Overall {feedback.overall} of {HIGHEST}: {by_dimension}."


def remarks(given: AnswerFeedback) -> Sequence[str]:
    """What else is known of the answer: its overall figure, how it was given, what it is flagged with, what
    was left out.
    """
    said = [] if given.overall is None else [f"Overall: {given.overall} of {HIGHEST}."]
    if given.delivery is not None:
        said.append(f"Delivery, which goes into no score: {delivered(given.delivery)}.")
    return [*said, *(FLAGS.get(flag, flag) for flag in given.flags), *left_out(given)]


def left_out(given: AnswerFeedback) -> Iterator[str]:
    """A sentence on what was left out of *given* because nothing bore it out."""
    counts = ((given.dropped_quotes, "quote"), (given.dropped_remarks, "remark"))
    parts = [f"{count} {what}{'s' * (count != 1)}" for count, what in counts if count]
    if parts:
        yield f"Left out, because nothing that was said bears it out: {' and '.join(parts)}."


def delivered(delivery: Delivery) -> str:
    """The figures that are known; of the others it says nothing."""
    parts = [f"{delivery.words} words"]
    if delivery.seconds is not None:
        talk = delivery.talk_seconds
        talked = "" if talk is None else f" of which {talk:.0f} talking"
        parts.append(f"{delivery.seconds:.0f} seconds{talked}")
    if delivery.words_per_minute is not None:
        parts.append(f"{delivery.words_per_minute:.0f} words a minute")
    if delivery.fillers is not None:
        parts.append(f"{'at least ' * delivery.fillers_at_least}{delivery.fillers} fillers such as “um”")
    if delivery.pauses is not None:
        longest = f", the longest {delivery.longest_pause:.1f} seconds" if delivery.longest_pause else ""
        parts.append(f"{delivery.pauses} pauses{longest}")
    return ", ".join(parts)
