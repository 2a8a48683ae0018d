"""Texts become placeholders of their shape, and nothing of them is left; the moves are the same."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interview_fsm import events as e
from interview_fsm.archive import exported, redacted_export, write_export
from interview_fsm.interview import Interview
from interview_fsm.placeholders import redact_log, shape
from interview_fsm.testing.storage import RICH

LOGS = [
    path
    for path in sorted((Path(__file__).parent / "logs").glob("*.jsonl"))
    if not path.name.endswith((".resume.jsonl", "newer-format.jsonl"))
]


def read(path):
    return [e.decode(line) for line in path.read_bytes().splitlines()]


@given(st.text())
def test_a_shape_has_every_length_of_its_text_and_none_of_its_letters(text):
    shaped = shape(text)
    assert len(shaped) == len(text)
    assert len(shaped.encode()) == len(text.encode())
    assert len(shaped.strip()) == len(text.strip())
    letters = {letter for letter in text if letter.isalnum()} - set("xXß字𠀀0²①𝟎")
    assert not letters & set(shaped)
    assert shape(shaped) == shaped


def test_a_shape_can_be_read_as_one():
    assert shape("I led 4 of us, at Müller & Söhne!\n") == "X xxx 0 xx xx, xx Xßxxxx & Xßxxx!\n"
    assert shape("👩‍🚀 面接") == "🙂\u200d🙂 字字"


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_a_redacted_log_makes_the_same_moves(path):
    entries = read(path)
    whole = exported("i1", entries)
    redacted = redacted_export(whole)
    assert [kept.state for kept in redacted.log] == [kept.state for kept in whole.log]
    was = Interview.replay("i1", entries)
    now = Interview.replay("redacted", [kept.entry for kept in redacted.log])
    assert [(t.question.number, t.skipped, len(t.attempts)) for t in now.turns] == [
        (t.question.number, t.skipped, len(t.attempts)) for t in was.turns
    ]
    assert (now.revisions, now.stale, now.allowed) == (was.revisions, was.stale, was.allowed)
    if was.feedback is not None:
        assert now.feedback is not None
        kept = [len(given.quotes) for given in now.feedback.answers]
        assert kept == [len(given.quotes) for given in was.feedback.answers], "quotes are slices still"


def words_of(value):
    """Every word of three letters and more in the texts of *value*."""
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return set().union(*map(words_of, value))
    return set(re.findall(r"\w{3,}", value)) if isinstance(value, str) else set()


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_no_word_that_anybody_said_is_left(path):
    entries = read(path)
    said = set()
    for event in (event for entry in entries for event in entry.story):
        match event:
            case e.SubmitAnswer(text=text) | e.CorrectAnswer(text=text) | e.ChooseDifficulty(difficulty=text):
                said |= words_of(text)
            case e.AnswerRecorded(transcript=transcript):
                said |= words_of(transcript.text)
            case e.QuestionAsked(question=question):
                said |= words_of([question.text, question.evidence, question.slot.text])
            case e.FeedbackGiven(feedback=feedback):
                said |= words_of([feedback.summary, feedback.practice, feedback.plan])
            case e.Attached(token=token, owner=owner):
                said |= words_of([token, owner])
    assert len(said) > 10
    document = json.loads(write_export(redacted_export(exported("the-id", entries))))
    del document["fields"]  # names of this program's own
    left = words_of(document)
    ours = {"mid", "senior", "entry", "role", "project", "skill", "achievement"}
    assert not (said & left) - ours


def canary(kind):
    """A value of *kind* with a canary in every text that anybody but this program could have written."""
    info = msgspec.inspect.type_info(kind)
    fields = {}
    for field in info.fields:
        made = made_of(field.type, field.name)
        if made is not None:
            fields[field.encode_name] = made
    return msgspec.convert(fields | ({info.tag_field: info.tag} if info.tag_field else {}), kind)


def made_of(kind, name):
    match kind:
        case msgspec.inspect.StrType():
            return "a_code" if name in OWN else f"Zanzibar {name} 7"
        case msgspec.inspect.LiteralType(values=values):
            return values[0]
        case msgspec.inspect.StructType(cls=cls):
            return msgspec.to_builtins(canary(cls))
        case msgspec.inspect.VarTupleType(item_type=item):
            one = made_of(item, name)
            return None if one is None else [one]
        case msgspec.inspect.UnionType(types=types):
            return next((made for each in types if (made := made_of(each, name)) is not None), None)
        case msgspec.inspect.IntType():
            return 1
        case msgspec.inspect.FloatType():
            return 1.0
    return None


OWN = {
    *("adapter", "model", "version", "fallback_from", "fallback_codes", "engine", "code", "missing", "flags"),
    "reason",
}
"""Written by this program and its adapters alone."""
CODES = {e.ActivityFailed: "timeout", e.AnswerLost: "no_speech"}


@pytest.mark.parametrize("kind", [*e.EVENTS, e.Material], ids=lambda kind: kind.__name__)
def test_a_canary_in_any_field_of_any_event_is_gone(kind):
    if kind in CODES:
        made = kind(CODES[kind])
    elif kind is e.FollowUpWanted:
        made = kind(1, "numbers")
    else:
        made = canary(kind)
    (entry,) = redact_log([e.Entry(1, "Zanzibar", 5.0, (made,))])
    assert b"anzibar" not in e.encode(entry)
    assert entry.append_id == "c1"
    has_texts = b"Zanzibar" in e.encode(e.Entry(1, "c1", 5.0, (made,)))
    assert has_texts == (kind not in SILENT), "else nothing was shown"


SILENT = {
    *CODES, e.FollowUpWanted, e.NextQuestion, e.RepeatQuestion, e.RetryQuestion, e.FinishAnswer,
    e.DiscardAnswer, e.Analyze, e.StopInterview,
}  # fmt: skip
"""Events in which nobody can say anything."""


def test_every_corner_of_an_entry_can_be_redacted_and_read_again():
    entries = [e.Entry(n, f"~{n}", n / 3, events) for n, events in enumerate(RICH, 1)]
    for entry in redact_log(entries):
        assert e.decode(e.encode(entry)) == entry
    assert not redact_log(entries)[-1].events, "a résumé is no part of the story"
