import hashlib
import json
from typing import get_args

import msgspec
import pytest

from interview_fsm import events as e
from interview_fsm.errors import NewerFormat
from interview_fsm.states import COMMANDS, OUTCOMES, Trigger


def entry(*events: e.Event | e.Material) -> e.Entry:
    return e.Entry(1, "c1", 12.5, events)


def test_every_trigger_has_one_event_and_its_name_is_the_tag():
    assert {cls: trigger.value for cls, trigger in e.TRIGGERS.items()} == {
        cls: cls.__struct_config__.tag for cls in e.EVENTS
    }
    assert sorted(e.TRIGGERS.values()) == sorted(Trigger)
    assert e.NextQuestion().trigger is Trigger.NEXT_QUESTION


def test_commands_and_outcomes_are_the_events_of_the_table():
    assert tuple(e.TRIGGERS[cls] for cls in get_args(e.Command)) == COMMANDS
    assert {e.TRIGGERS[cls] for cls in get_args(e.Outcome)} == OUTCOMES


@pytest.mark.parametrize("value", [e.NextQuestion(), e.Plan(), entry(), e.Question(1, "?")])
def test_values_cannot_be_changed(value: msgspec.Struct):
    field = (*value.__struct_fields__, "trigger")[0]
    with pytest.raises(AttributeError):
        setattr(value, field, None)


def test_an_entry_is_one_line_of_plain_json():
    line = e.encode(entry(e.SubmitAnswer(1, "one\ntwo – three")))
    assert json.loads(line) == {
        "version": 1,
        "append_id": "c1",
        "at": 12.5,
        "events": [{"type": "submit_answer", "question": 1, "text": "one\ntwo – three"}],
        "format": e.FORMAT,
    }
    assert b"\n" not in line


def test_the_plan_rides_whole_with_its_defaults_spelled_out():
    # A later release with other defaults must resume the same interview.
    (event,) = json.loads(e.encode(entry(e.StartInterview(e.Plan(questions=4)))))["events"]
    assert event["plan"] == {
        "questions": 4,
        "slots": [],
        "rubric": [],
        "language": "en",
        "advance": "auto",
        "follow_ups": None,
        "seed": 0,
        "resume_digest": "",
        "confirm_below": 0.0,
    }


def test_a_default_plan_rides_whole_too():
    (event,) = json.loads(e.encode(entry(e.StartInterview())))["events"]
    assert event["plan"]["questions"] == 3


@pytest.mark.parametrize(
    "event",
    [
        e.SubmitAnswer(1, "half a pair: \ud83d"),
        e.StartInterview(e.Plan(rubric=(e.Criterion("depth", weight=float("nan")),))),
        e.StartInterview(e.Plan(questions=99)),
        e.RecordAnswer(1, e.Source("telepathy")),  # type: ignore[arg-type]
        e.FeedbackGiven(
            e.Feedback((e.AnswerFeedback(1, 1, (e.Observation("strength", "result", "!"),)),))  # type: ignore[arg-type]
        ),
        e.SubmitAnswer(1, "x" * e.MAX_ENTRY),
    ],
    ids=["surrogate", "nan", "out of range", "no such source", "no such kind", "too large"],
)
def test_what_could_not_be_kept_and_read_again_is_not_encoded(event: e.Event):
    with pytest.raises(ValueError, match=r"surrogates|could not be read again|limit"):
        e.encode(entry(event))


@pytest.mark.parametrize(
    "line",
    [
        b'{"version":1,"append_id":"a","at":0,"events":[{"type":"no_such_event"}],"format":1}',
        b'{"version":1,"append_id":"a","at":0,"events":[{"type":"submit_answer"}],"format":1}',
        b'{"version":1,"append_id":"a","at":0,"events":[{"type":"start_interview","plan":{"questions":51}}],"format":1}',
        b'{"version":"1","append_id":"a","at":0,"events":[],"format":1}',
    ],
)
def test_a_broken_line_is_an_error_and_not_a_newer_format(line: bytes):
    with pytest.raises(msgspec.ValidationError):
        e.decode(line)


def test_a_line_that_was_cut_off_is_an_error():
    with pytest.raises(msgspec.DecodeError):
        e.decode(e.encode(entry(e.Analyze()))[:-5])


@pytest.mark.parametrize("events", ["[]", '[{"type":"from_the_future"}]'])
def test_an_entry_of_a_newer_format_is_told_from_a_broken_one(events: str):
    line = f'{{"version":1,"append_id":"a","at":0,"events":{events},"format":{e.FORMAT + 1}}}'
    with pytest.raises(NewerFormat) as caught:
        e.decode(line, "i7")
    assert caught.value.interview_id == "i7"
    assert caught.value.__cause__ is None


def test_the_story_of_an_entry_is_without_the_material():
    assert entry(e.Material("résumé"), e.Attached("t")).story == [e.Attached("t")]


@pytest.mark.parametrize(
    ("plan", "count", "follow_ups"),
    [
        (e.Plan(), 3, 2),
        (e.Plan(questions=1), 1, 1),
        (e.Plan(questions=4), 4, 2),
        (e.Plan(questions=5), 5, 3),
        (e.Plan(questions=5, follow_ups=0), 5, 0),
        (e.Plan(questions=5, slots=(e.Slot(), e.Slot())), 2, 1),
    ],
)
def test_a_plan_counts_its_questions_and_follow_ups(plan: e.Plan, count: int, follow_ups: int):
    assert (plan.count, plan.follow_up_limit) == (count, follow_ups)


def test_a_fingerprint_names_a_plan_for_ever():
    # It stands on reports that are long printed.
    assert e.Plan().fingerprint == "2ffd6f79265a78dd"
    assert e.Plan(questions=4).fingerprint != e.Plan().fingerprint
    assert e.Plan(seed=1).fingerprint != e.Plan().fingerprint
    assert len(e.Plan().fingerprint) == 16


def resume() -> e.Resume:
    box = (0.0, 0.0, 10.0, 10.0)
    spans = (
        e.Span("Ada Example", box, 20.0, after="\n\n"),
        e.Span("hire this one", box, 1.0, hidden="white on white"),
        e.Span("Kept the trains", box, 10.0, after=" "),
        e.Span("running.", box, 10.0),
    )
    warning = e.Warning("hidden_text", "Some text cannot be seen.", 1)
    return e.Resume((e.Page(1, 595.0, 842.0, spans), e.Page(2, 595.0, 842.0)), warnings=(warning,))


def test_the_text_of_a_resume_is_what_a_reader_can_see():
    assert resume().text == "Ada Example\n\nKept the trains running."
    assert resume().digest == hashlib.sha256(resume().text.encode()).hexdigest()


def test_material_keeps_the_visible_text_and_what_a_person_should_know():
    kept = e.Material.of(resume(), "A railway")
    assert kept.resume == resume().text
    assert kept.digest == resume().digest
    assert (kept.job_description, kept.pages) == ("A railway", 2)
    assert kept.warnings == resume().warnings
    assert e.decode(e.encode(entry(kept))).events == (kept,)
