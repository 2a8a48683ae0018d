"""The messages of JSON v1: what is refused and how it is said, and what the schema promises."""

from __future__ import annotations

import json
from typing import Any, get_args

import jsonschema_rs
import msgspec
import pytest

from interview_fsm import events, messages
from interview_fsm.errors import BadMessage
from interview_fsm.events import Plan
from interview_fsm.states import COMMANDS

SCHEMA = messages.schema()


def says(half: str) -> Any:
    document = {key: value for key, value in SCHEMA.items() if key != "oneOf"}
    return jsonschema_rs.Draft202012Validator(document | {"$ref": f"#/$defs/{half}"})


IS_COMMAND = says("commands")

STEPS: dict[str, dict[str, Any]] = {
    "start_interview": {},
    "choose_difficulty": {"difficulty": "easy"},
    "next_question": {},
    "repeat_question": {"question": 1},
    "retry_question": {"question": 1},
    "record_answer": {"question": 1, "source": "microphone"},
    "finish_answer": {},
    "discard_answer": {},
    "submit_answer": {"question": 1, "text": "I did it."},
    "correct_answer": {"question": 1, "text": "I did it."},
    "analyze": {},
    "stop_interview": {},
}


def decode(**message: Any) -> messages.Command:
    assert IS_COMMAND.is_valid(message), message
    return messages.decode(json.dumps(message))


def refusal(message: Any) -> messages.Unreadable:
    text = message if isinstance(message, str) else json.dumps(message)
    with pytest.raises(messages.Unreadable) as refused:
        messages.decode(text)
    return refused.value


def test_the_steps_are_the_commands_of_the_table() -> None:
    assert set(STEPS) == {str(trigger) for trigger in COMMANDS}
    assert {str(step.__struct_config__.tag) for step in get_args(messages.Step)} == set(STEPS)


@pytest.mark.parametrize("kind", STEPS)
def test_a_step_asks_for_the_command_of_its_name_with_its_fields(kind: str) -> None:
    step = decode(type=kind, id="c1", **STEPS[kind])
    assert isinstance(step, messages.Step)
    command = messages.as_command(step, Plan(questions=7))
    assert command.trigger == kind
    stored = msgspec.to_builtins(command)
    for name, value in STEPS[kind].items():
        assert name == "source" or stored[name] == value
    if isinstance(command, events.StartInterview):
        assert command.plan.questions == 7


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("microphone", events.Source("microphone")),
        ("stream", events.Source("stream")),
        ({"upload": "u1"}, events.Source("upload", "u1")),
        ({"url": "https://example.com/a.wav"}, events.Source("link", "https://example.com/a.wav")),
    ],
)
def test_sound_comes_from_where_the_client_says(source: Any, kept: events.Source) -> None:
    step = decode(type="record_answer", id="c1", question=1, source=source)
    assert isinstance(step, messages.RecordAnswer)
    assert messages.as_command(step, Plan()) == events.RecordAnswer(1, kept)


def test_a_plan_comes_with_its_defaults_and_its_own_questions_as_the_journal_keeps_them() -> None:
    bare = decode(type="create_session")
    assert isinstance(bare, messages.CreateSession)
    assert bare.plan.plan(5) == Plan(questions=3, seed=5, confirm_below=0.5)
    given = {
        "questions": 2, "language": "de", "advance": "on_request", "follow_ups": 0,
        "slots": [{"text": "Warum?"}, {"competency": "ownership"}],
        "rubric": [{"dimension": "depth", "anchors": ["none", "some"], "weight": 2.0}],
    }  # fmt: skip
    full = decode(type="create_session", plan=given)
    assert isinstance(full, messages.CreateSession)
    plan = full.plan.plan(5)
    assert plan.slots == (events.Slot(text="Warum?"), events.Slot(competency="ownership"))
    assert plan.rubric == (events.Criterion("depth", anchors=("none", "some"), weight=2.0),)
    assert (plan.count, plan.language, plan.advance, plan.follow_up_limit) == (2, "de", "on_request", 0)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"type": "ping", "colour": "red"}, "`ping` cannot be read: there is no field `colour`"),
        ({"type": "create_session", "plan": {"colour": 1}}, "at `$.plan`"),
        ({"type": "create_session", "plan": {"slots": [{"colour": 1}]}}, "at `$.plan.slots[0]`"),
        ({"type": "create_session", "plan": {"questions": 51}}, "at `$.plan.questions`"),
        ({"type": "create_session", "plan": {"questions": 0}}, "at `$.plan.questions`"),
        ({"type": "create_session", "resume": {}}, "exactly one of `url`, `text`, `upload`"),
        ({"type": "create_session", "resume": {"url": "a", "text": "b"}}, "at `$.resume`"),
        ({"type": "set_resume"}, "exactly one of `url`, `text`, `upload`"),
        ({"type": "analyze"}, "the field `id` is missing"),
        ({"type": "analyze", "id": "~1"}, "at `$.id`"),
        ({"type": "analyze", "id": ""}, "at `$.id`"),
        ({"type": "analyze", "id": "x" * 65}, "at `$.id`"),
        ({"type": "submit_answer", "id": "1", "question": "1", "text": "x"}, "at `$.question`"),
        ({"type": "submit_answer", "id": "1", "question": 1, "text": "x" * 60_001}, "at `$.text`"),
        ({"type": "record_answer", "id": "1", "question": 1, "source": {}}, "exactly one of"),
        ({"type": "record_answer", "id": "1", "question": 1, "source": "phone"}, "at `$.source`"),
        ({"type": "begin_upload", "purpose": "resume", "name": "a", "size": 0}, "at `$.size`"),
        ({"type": "begin_upload", "purpose": "x", "name": "a", "size": 1}, "at `$.purpose`"),
        ({"type": "begin_upload", "purpose": "resume", "name": "", "size": 1, "sha256": "z"}, "`$.sha256`"),
        ({"type": "get_report", "format": "pdf"}, "at `$.format`"),
        ({"type": "question_asked", "id": "1"}, "there is no command “question_asked”"),
        ({"type": 7}, "a `type`, at `$.type`"),
        ({}, "a `type`"),
        ([], "a JSON object"),
        ("nonsense", "this is not JSON"),
        ("[" * 100_000, "JSON"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place_and_the_schema_agrees(message: Any, said: str) -> None:
    assert said in str(refusal(message))
    if not isinstance(message, str):
        assert not IS_COMMAND.is_valid(message)


def test_a_refusal_answers_the_command_whose_id_can_be_read() -> None:
    assert refusal({"type": "analyze", "id": "c7", "more": 1}).command_id == "c7"
    assert refusal({"type": "nothing", "id": "c7"}).command_id == "c7"
    for unusable in ({"type": "analyze"}, {"type": "analyze", "id": 7}, {"type": "x", "id": "i" * 65}):
        assert refusal(unusable).command_id is None


def test_half_a_character_is_refused_on_the_wire_already() -> None:
    refusal('{"type": "submit_answer", "id": "a", "question": 1, "text": "\\ud800x"}')
    assert issubclass(messages.Unreadable, BadMessage)


@pytest.mark.parametrize(
    ("text", "is_ours"),
    [
        ('{"type": "ping"}', True),
        ('  {"type": "no such thing"}', True),
        ('{"type": 1}', False),
        ('{"kind": "ping"}', False),
        ('["type"]', False),
        ("https://example.com/cv.pdf;3", False),
        ('{"type": "ping"', False),
        ("{" * 50_000, False),
        ("", False),
    ],
)
def test_json_with_a_type_is_this_dialect_and_nothing_else(text: str, is_ours: bool) -> None:
    assert messages.is_message(text) is is_ours


def test_an_event_leaves_out_what_there_is_not_and_spells_out_the_rest() -> None:
    event = messages.Update(
        seq=1, events=(events.Attached(),), state="idle", allowed=(), asked=0, questions=3
    )
    assert json.loads(messages.encode(event)) == {
        "type": "update", "seq": 1, "events": [{"type": "attached"}], "state": "idle", "allowed": [],
        "asked": 0, "questions": 3,
    }  # fmt: skip
    assert says("events").is_valid(json.loads(messages.encode(event)))


def test_the_schema_tells_each_field_and_its_text_without_the_source_codes_indentation() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
    for name, part in SCHEMA["$defs"].items():
        assert "\n    " not in part.get("description", ""), name


def test_the_schema_names_itself_and_lists_commands_and_events() -> None:
    assert {key: value for key, value in SCHEMA.items() if key != "$defs"} == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:interview-fsm.v1",
        "title": "interview-fsm.v1",
        "description": "The messages of JSON v1: a command is sent by a client, an event by the server.",
        "oneOf": [{"$ref": "#/$defs/commands"}, {"$ref": "#/$defs/events"}],
    }
    assert "interview_fsm" not in json.dumps(SCHEMA), "our modules are nobody's business"
    assert all("." not in name for name in SCHEMA["$defs"])
    assert all(isinstance(part.get("description", ""), str) for part in SCHEMA["$defs"].values())
    undescribed = {name for name, part in SCHEMA["$defs"].items() if not part.get("description")}
    assert undescribed <= {"commands", "events"}
    assert messages.MAX_UPLOAD == 10_485_760


def test_what_a_plan_leaves_out_is_nothing_in_particular() -> None:
    bare = messages.PlannedSlot()
    assert {getattr(bare, name) for name in bare.__struct_fields__} == {""}
    given = decode(type="create_session", plan={"slots": [{}], "rubric": [{"dimension": "depth"}]})
    assert isinstance(given, messages.CreateSession)
    plan = given.plan.plan(0)
    assert plan.slots == (events.Slot(),)
    assert plan.rubric == (events.Criterion("depth", "", (), 1.0),)
    assert (plan.language, plan.advance) == ("en", "auto")


@pytest.mark.parametrize(("length", "named"), [(0, False), (1, True), (2, True), (64, True), (65, False)])
def test_a_refusal_names_an_id_of_1_to_64_characters(length: int, named: bool) -> None:
    with pytest.raises(messages.Unreadable) as raised:
        messages.decode(json.dumps({"type": "ping", "id": "x" * length, "colour": 1}))
    assert (raised.value.command_id == "x" * length) is named


@pytest.mark.parametrize("text", ['{"type":' + "[" * 100_000, '{"type": 1}', "[]", '{"type"', "ping", ""])
def test_what_has_no_type_is_of_another_dialect(text: str) -> None:
    assert messages.is_message(text) is False
