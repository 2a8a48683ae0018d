"""How an answer was given: figures that are known or None, and remarks outside a wide band alone."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from interview_fsm.coaching.delivery import FILLERS, LEAST_SECONDS, PACE, delivery, remarks
from interview_fsm.coaching.feedback import assess_answer
from interview_fsm.events import Delivery, Observation, Plan, Provenance, Question, Transcript
from interview_fsm.interview import Answer, Turn

WORDS = " ".join(["I moved two people to the night shift"] * 5)  # forty
SPOKEN = Transcript(WORDS, "x", seconds=16.0, pauses=(), verbatim=True)


def of(heard: Transcript | None, text: str = WORDS) -> Delivery:
    return delivery(Answer(text, 1, heard))


def told(given: Delivery) -> list[str]:
    return [each.aspect for each in remarks(given)]


def test_of_a_typed_answer_there_is_nothing_but_words() -> None:
    assert of(None) == Delivery(40)
    assert told(of(None)) == []


@pytest.mark.parametrize(("text", "words"), [("", 0), ("um", 1), ("one - two", 2), ("It’s 3.5 %", 2)])
def test_words_are_counted_as_said(text: str, words: int) -> None:
    assert of(None, text).words == words


def test_no_fillers_in_what_is_verbatim_are_none_at_all() -> None:
    assert (of(SPOKEN).fillers, of(SPOKEN).fillers_at_least) == (0, False)


def test_no_fillers_in_what_is_not_verbatim_are_unknown() -> None:
    given = of(replace(SPOKEN, verbatim=False))
    assert (given.fillers, given.fillers_at_least) == (None, True)


def test_fillers_that_were_written_down_all_the_same_are_at_least_as_many() -> None:
    given = of(replace(SPOKEN, text=f"um {WORDS} uh", verbatim=False))
    assert (given.fillers, given.fillers_at_least) == (2, True)


def test_pauses_that_the_recogniser_does_not_know_are_unknown_and_none_are_none() -> None:
    unknown, none = of(replace(SPOKEN, pauses=None)), of(SPOKEN)
    assert (unknown.pauses, unknown.longest_pause) == (None, None)
    assert (none.pauses, none.longest_pause) == (0, None)


def test_the_longest_pause_is_told_with_their_number() -> None:
    given = of(replace(SPOKEN, pauses=(0.8, 2.5, 0.7)))
    assert (given.pauses, given.longest_pause) == (3, 2.5)


@pytest.mark.parametrize(("seconds", "is_known"), [(None, False), (LEAST_SECONDS - 0.1, False), (5.0, True)])
def test_there_is_no_pace_over_less_than_a_few_seconds(seconds: float | None, is_known: bool) -> None:
    assert (of(replace(SPOKEN, seconds=seconds)).words_per_minute is not None) is is_known


def test_pace_is_from_the_first_word_to_the_last_where_that_is_known() -> None:
    given = of(replace(SPOKEN, seconds=60.0, talk=10.0, pauses=(2.0, 4.0)))
    assert (given.words_per_minute, given.talk_seconds, given.seconds) == (150.0, 10.0, 60.0)


def test_what_was_heard_is_counted_and_not_what_was_corrected_since() -> None:
    assert of(SPOKEN, "Three words now.").words == 40


@pytest.mark.parametrize(("pace", "is_told"), [(109.9, True), (110.0, False), (190.0, False), (190.1, True)])
def test_pace_is_remarked_on_outside_the_band_alone(pace: float, is_told: bool) -> None:
    given = Delivery(40, 20.0, pace, 0)
    assert told(given) == ["pace"] * is_told
    assert all("common coaching range is 110 to 190" in each.text for each in remarks(given))
    assert PACE == (110.0, 190.0)


@pytest.mark.parametrize(
    ("fillers", "words"),
    [
        (None, ""),
        (0, ""),
        (5, ""),
        (6, "common coaching range"),
        (12, "coaching range"),
        (13, "short silence"),
    ],
)
def test_fillers_are_mentioned_when_many_and_advised_on_when_very_many(
    fillers: int | None, words: str
) -> None:
    remarked = remarks(Delivery(150, 60.0, 150.0, fillers))  # a minute
    assert [each.aspect for each in remarked] == ["fillers"] * bool(words)
    assert all(words in each.text for each in remarked)
    assert FILLERS == (5.0, 12.0)


def test_without_a_pace_nothing_is_said_of_a_rate() -> None:
    assert remarks(Delivery(4, 3.0, None, 4)) == ()


@pytest.mark.parametrize("pace", [60.0, 150.0, 260.0])
def test_remarks_stand_in_the_feedback_and_change_no_score(pace: float) -> None:
    heard = replace(SPOKEN, seconds=40 * 60 / pace)
    made = Provenance("coach")
    question = Question(1, "What did you change on the ward?", difficulty="mid")
    by_voice, typed = (
        assess_answer(Turn(question, Answer(WORDS, 1, each)), Plan(), made) for each in (heard, None)
    )
    assert by_voice.scores == typed.scores
    more = [each for each in by_voice.observations if each not in typed.observations]
    assert [each.aspect for each in more] == ["pace"] * (pace != 150.0)
    assert all(isinstance(each, Observation) and "no score" in each.text for each in more)
