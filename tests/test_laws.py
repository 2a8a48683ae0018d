"""What holds for every sequence of events, whatever they carry."""

import copy
import os
import random
from contextlib import suppress

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interview_fsm import events as e
from interview_fsm.errors import InvalidCommand
from interview_fsm.interview import Answer, Interview
from interview_fsm.states import State, Trigger

from .situations import assert_sound, commands, fitting, outcomes
from .typed import TEXT, made

EXAMPLES = 3000 if os.environ.get("INTERVIEW_FSM_SOAK") == "1" else 40
LENGTH = 45
"""Events in one sequence: enough to get through three questions with follow-ups and back again."""

laws = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


class Life(list[tuple[Interview, e.Event, Interview]]):
    """What happened to an interview: (before, event, after) of each event."""

    def __repr__(self) -> str:
        # The whole of it, 45 interviews, is too long to be told; the events are enough to do it again.
        return f"Life of {[event for before, event, after in self if after is not before]}"


MATERIAL = made(e.Material)
WILD = st.one_of(*map(made, e.EVENTS))
PLANS = st.builds(
    e.Plan,
    questions=st.sampled_from([3, 2, 4, 1]),
    slots=st.lists(made(e.Slot), max_size=3).map(tuple),
    follow_ups=st.none() | st.integers(0, 3),
    advance=st.sampled_from(["auto", "on_request"]),
)


LATE = st.one_of(
    st.builds(e.SubmitAnswer, st.integers(0, 6), TEXT),
    st.builds(e.CorrectAnswer, st.integers(0, 6), TEXT),
    st.builds(e.RetryQuestion, st.integers(0, 6)),
    st.builds(e.StartInterview, PLANS),
)
KINDS = ("outcome",) * 5 + ("command",) * 4 + ("fitting", "late", "wild")
"""Mostly what leads on, or no sequence would get as far as an answer."""


def apt(interview: Interview, kind: str) -> list[tuple[e.Event, ...]]:
    """The entries of this *kind* that may come next; stopping is left to the wild ones, and so rare."""
    if interview.state is State.IDLE or kind in ("late", "wild"):
        return []
    if kind == "fitting":
        return [(event,) for event in fitting(interview).values()]
    entries = list(outcomes(interview)) if kind == "outcome" else []
    entries = entries or list(commands(interview))
    answers = [entry for entry in entries if isinstance(entry[0], e.SubmitAnswer | e.RecordAnswer)]
    if answers and kind != "command":
        return answers
    return [entry for entry in entries if not isinstance(entry[0], e.StopInterview)]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """(before, event, after) of every event that an interview met; the same twice where it was refused.

    The course is chosen evenly, from a drawn seed: Hypothesis likes to choose the same thing over and
    over, and then few interviews come to their second answer.
    """
    course = random.Random(draw(st.integers(0, 2**32)))
    interview = Interview(id="i")
    life = Life()
    for _ in range(LENGTH):
        kind = course.choice(KINDS)
        if entries := apt(interview, kind):
            entry = course.choice(entries)
        elif interview.state is State.IDLE and kind != "wild":
            entry = (e.StartInterview(draw(PLANS)),)
        else:
            entry = (draw(WILD if kind == "wild" else LATE),)
        for event in entry:
            later = interview
            with suppress(InvalidCommand):
                later = interview.after(event)
            life.append((interview, event, later))
            interview = later
    return life


def taken(life: Life) -> list[e.Event]:
    return [event for before, event, after in life if after is not before]


def log(happened: list[e.Event], sizes: list[int]) -> list[e.Entry]:
    """*happened* in entries of *sizes*, the rest one to an entry."""
    entries: list[e.Entry] = []
    ahead = list(happened)
    for size in (*sizes, *[1] * len(ahead)):
        if ahead:
            entries.append(e.Entry(len(entries) + 1, f"~{len(entries)}", 0.5, tuple(ahead[:size])))
            ahead = ahead[size:]
    return entries


def test_the_sequences_get_everywhere():
    reached: set[object] = set()

    @settings(laws, max_examples=150, derandomize=True, database=None)
    @given(lives())
    def look(life: Life) -> None:
        reached.update(event.trigger for event in taken(life))
        for _, _, after in life:
            reached.add(("feedback on", len(after.feedback.answers) if after.feedback else 0))
            for turn in after.turns:
                reached.add("answered again" if turn.attempts else "answered once or not at all")
                reached.add("a follow-up" if turn.question.follow_up_to else "a main question")

    look()
    assert reached >= {*Trigger, ("feedback on", 1), ("feedback on", 2), "answered again", "a follow-up"}


@laws
@given(lives())
def test_an_interview_is_sound_whatever_happens_to_it(life):
    for _, _, after in life:
        assert_sound(after)


@laws
@given(lives(), st.lists(st.integers(1, 4), max_size=10), MATERIAL)
def test_the_log_is_the_interview(life, sizes, material):
    entries = log(taken(life), sizes)
    if entries:  # a résumé's entry among them makes no difference
        entries[-1] = msgspec.structs.replace(entries[-1], events=(material, *entries[-1].events))
    live = copy.copy(life[-1][2])
    live.version = len(entries)
    lines = [e.encode(entry) for entry in entries]
    assert Interview.replay("i", map(e.decode, lines)) == live


@laws
@given(lives(), st.lists(WILD, max_size=3))
def test_a_refusal_changes_nothing_and_says_what_is_possible(life, anything):
    for before, event in [
        *((before, event) for before, event, _ in life),
        *((life[-1][2], w) for w in anything),
    ]:
        as_it_was = msgspec.json.encode(before)
        try:
            before.after(event)
        except InvalidCommand as refused:
            said = (refused.trigger, refused.state, refused.allowed, bool(refused.reason))
            assert said == (event.trigger, before.state, before.allowed, True)
        assert msgspec.json.encode(before) == as_it_was, "after() leaves its interview alone, taken or not"


@laws
@given(lives())
def test_an_answer_is_stored_only_under_the_question_it_names(life):
    for before, event, after in life:
        changed = {
            turn.question.number
            for turn, was in zip(after.turns, (*before.turns, *[None] * 9), strict=False)
            if turn.answer != (was.answer if was else None)
        }
        match event:
            case e.SubmitAnswer() | e.CorrectAnswer() | e.AnswerRecorded():
                assert changed <= {event.question}
            case _:
                assert not changed


@laws
@given(lives())
def test_every_answer_taken_is_kept_and_revisions_only_rise(life):
    kept: dict[int, list[str]] = {}
    for before, event, after in life:
        if after is not before and isinstance(event, e.SubmitAnswer | e.AnswerRecorded):
            text = event.text if isinstance(event, e.SubmitAnswer) else event.transcript.text
            kept.setdefault(event.question, []).append(text)
        for turn in after.turns:
            texts = [
                _as_given(answer) for answer in (*turn.attempts, *([turn.answer] if turn.answer else []))
            ]
            assert texts == kept.get(turn.question.number, [])
        revisions = dict(after.revisions)
        assert all(revisions[number] >= revision for number, revision in before.revisions)


def _as_given(answer: Answer) -> str:
    return answer.text if answer.original is None else answer.original


@laws
@given(lives())
def test_every_quote_in_feedback_is_a_slice_of_the_revision_it_names(life):
    texts: dict[tuple[int, int], str] = {}
    for _, _, after in life:
        for turn in after.turns:
            if turn.answer:
                # What a revision says never changes.
                key = turn.question.number, turn.answer.revision
                assert texts.setdefault(key, turn.answer.text) == turn.answer.text
        for given_ in after.feedback.answers if after.feedback else ():
            text = texts[given_.question, given_.revision]
            for seen in given_.observations:
                assert seen.quote is None or text[seen.quote.start : seen.quote.end] == seen.quote.text != ""


@st.composite
def careless_feedback(draw: st.DrawFn, interview: Interview) -> e.Feedback:
    """Feedback as a model might make it: some quotes true, some off by a little, some invented."""
    answers = []
    for number, revision in (*interview.revisions, (9, 1)):
        text = next((t.answer.text for t in interview.answered if t.question.number == number), "nothing")
        start = draw(st.integers(-2, len(text)))
        end = draw(st.integers(start, len(text) + 2))
        quoted = draw(st.just(text[max(start, 0) : end]) | TEXT)
        kind = draw(st.sampled_from(["there", "missing", "try"]))
        quote = e.Quote(start, end, quoted)
        answers.append(
            e.AnswerFeedback(
                number,
                revision + draw(st.integers(0, 1)),
                (e.Observation(kind, "result", "Noticed.", quote),),
                scores=(e.Score("depth", draw(st.integers(1, 5)), "Anchor.", (quote,)),),
                outline=(e.OutlineStep("result", "End with:", quote),),
            )
        )
    return e.Feedback(tuple(answers), "In all.")


@laws
@given(lives(), st.data())
def test_grounded_feedback_is_accepted_and_true(life, data):
    interview = next((after for _, _, after in reversed(life) if after.feedback_wanted), None)
    if interview is None or interview.state is State.STOPPED:
        return
    careless = data.draw(careless_feedback(interview))
    grounded = interview.grounded(careless)
    assert interview.grounded(grounded) == grounded
    assert interview.after(e.FeedbackGiven(grounded)).feedback == grounded
    current = {turn.question.number: turn.answer for turn in interview.answered}
    kept = [(g.question, seen) for g in grounded.answers for seen in g.observations]
    for number, seen in kept:
        answer = current[number]
        assert answer is not None
        assert seen.quote is None or answer.text[seen.quote.start : seen.quote.end] == seen.quote.text
        assert seen.quote is not None or seen.kind != "there", (
            "nothing is there without the words that show it"
        )
    for given_ in grounded.answers:
        answer = current[given_.question]
        assert answer is not None
        assert all(answer.text[q.start : q.end] == q.text for q in given_.quotes)
        for score in given_.scores:
            assert isinstance(score, e.NotScored) or score.quotes or score.value <= e.UNPROVED
    if grounded != careless:
        with pytest.raises(InvalidCommand):
            interview.after(e.FeedbackGiven(careless))


def test_every_class_of_events_has_test_data():
    assert {str(event.__struct_config__.tag) for event in e.EVENTS} == set(Trigger)
    assert set(fitting(Interview(id="i"))) == set(e.EVENTS)
    for event in e.EVENTS:
        made(event)  # TypeError for a field whose type has no strategy


@pytest.mark.parametrize("event", e.EVENTS, ids=lambda event: event.__name__)
def test_decode_undoes_encode(event: type):
    @settings(max_examples=EXAMPLES // 2, deadline=None)
    @given(
        st.builds(
            e.Entry,
            version=st.integers(1, 10**9),
            append_id=TEXT,
            at=st.floats(0, 1e11),
            events=st.tuples(made(event)) | st.tuples(MATERIAL, made(event)),
        )
    )
    def holds(entry: e.Entry) -> None:
        line = e.encode(entry)
        assert e.decode(line) == entry
        assert e.decode(line.decode()) == entry
        assert b"\n" not in line, "one entry is one line"

    holds()
