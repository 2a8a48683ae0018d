"""What a model fills in, and what comes of it: schemas, what is refused, and the way to JSON and back.

The schemas are held word for word: a provider caches them, and a change asks every model for something else.
Write them anew with ``python -m tests.test_feedback_models`` where a change is meant.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import anthropic
import msgspec
import pytest
from openai.lib._pydantic import _ensure_strict_json_schema

from interview_fsm.coaching.prompts import AnswerOut, SummaryOut, schema_of
from interview_fsm.coaching.verdicts import Unusable, read_reply
from interview_fsm.events import (
    AnswerFeedback,
    Delivery,
    Feedback,
    NotScored,
    Observation,
    OutlineStep,
    Provenance,
    Quote,
    Score,
)

SNAPSHOTS = Path(__file__).parent / "data" / "schemas"
REPLIES = [AnswerOut, SummaryOut]
ANSWER: dict[str, Any] = {
    "dimensions": [
        {"dimension": "relevance", "quotes": ["I moved two"], "rationale": "It does.", "score": 4}
    ],
    "strengths": [{"aspect": "result", "quote": "it fell to four", "text": "A result."}],
    "missing": ["reason"],
    "improvements": [{"aspect": "reason", "text": "Say why."}],
    "outline": [{"part": "situation", "text": "Begin with the ward."}],
}


def written(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=1) + "\n"


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every object in *schema*."""
    inside = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    here = [schema] if isinstance(schema, dict) and schema.get("type") == "object" else []
    return here + [each for part in inside for each in objects(part)]


@pytest.mark.parametrize("reply", REPLIES)
def test_the_schema_is_the_one_that_was_agreed_on(reply: type[msgspec.Struct]) -> None:
    assert written(schema_of(reply)) == (SNAPSHOTS / f"{reply.__name__}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("reply", REPLIES)
def test_anthropics_transform_takes_nothing_of_it_into_words(reply: type[msgspec.Struct]) -> None:
    schema = schema_of(reply)
    sent = anthropic.transform_schema(copy.deepcopy(schema))
    assert [sorted(each["properties"]) for each in objects(sent)] == [
        sorted(each["properties"]) for each in objects(schema)
    ]
    assert all(each["additionalProperties"] is False for each in objects(sent))
    # What the service does not enforce is moved into descriptions: of that there is none.
    assert "description" not in json.dumps(sent)


@pytest.mark.parametrize("reply", REPLIES)
def test_openais_strict_form_is_the_schema_itself(reply: type[msgspec.Struct]) -> None:
    schema = schema_of(reply)
    strict = copy.deepcopy(schema)
    assert _ensure_strict_json_schema(strict, path=(), root=strict) == schema


@pytest.mark.parametrize("reply", REPLIES)
def test_it_is_closed_and_all_of_it_is_required(reply: type[msgspec.Struct]) -> None:
    for each in objects(schema_of(reply)):
        assert each["additionalProperties"] is False
        assert sorted(each["required"]) == sorted(each["properties"])


def test_the_evidence_is_asked_for_before_the_number() -> None:
    (dimension,) = (each for each in objects(schema_of(AnswerOut)) if "score" in each["properties"])
    assert list(dimension["properties"]) == ["dimension", "quotes", "rationale", "score"]
    assert dimension["properties"]["score"]["enum"] == [1, 2, 3, 4, 5]


def test_a_whole_reply_is_read() -> None:
    read = read_reply(f"Here it is: {json.dumps(ANSWER)}", AnswerOut)
    assert msgspec.to_builtins(read) == ANSWER


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("dimensions", 0, "score"), 0),
        (("dimensions", 0, "score"), 6),
        (("dimensions", 0, "score"), 4.5),
        (("dimensions", 0, "score"), "4"),
        (("dimensions", 0, "quotes"), "I moved two"),
        (("strengths", 0, "aspect"), "charm"),
        (("missing",), ["charm"]),
        (("outline",), None),
    ],
)
def test_what_is_out_of_range_or_of_another_kind_is_refused(place: tuple[Any, ...], value: Any) -> None:
    changed = copy.deepcopy(ANSWER)
    inside: Any = changed
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    with pytest.raises(Unusable, match="not the JSON that was asked for"):
        read_reply(json.dumps(changed), AnswerOut)


@pytest.mark.parametrize("lost", sorted(ANSWER))
def test_a_reply_with_a_part_left_out_is_refused(lost: str) -> None:
    with pytest.raises(Unusable, match=lost):
        read_reply(json.dumps({name: part for name, part in ANSWER.items() if name != lost}), AnswerOut)


def test_feedback_comes_back_from_json_as_it_was() -> None:
    made = Provenance("coach", version="1", fallback_from=("anthropic",), fallback_codes=("budget_spent",))
    quote = Quote(0, 7, "I moved")
    given = AnswerFeedback(
        1,
        2,
        (Observation("there", "own_action", "You say what you did.", quote),),
        made,
        (Score("relevance", 4, "Nearly all.", (quote,), "Found.", 1, True), NotScored("depth", "failed")),
        outline=(OutlineStep("result", "Then what came of it.", quote),),
        delivery=Delivery(7, 3.0, None, 0, True, None, None, 2.5),
        flags=("instructions",),
    )
    whole = Feedback((given,), "In short.", ("Practise.",), "Limits.", made, "f" * 16)
    assert msgspec.json.decode(msgspec.json.encode(whole), type=Feedback) == whole


@pytest.mark.parametrize("value", [0, 6])
def test_a_stored_score_outside_the_scale_is_not_read(value: int) -> None:
    stored = msgspec.json.encode({"type": "score", "dimension": "depth", "value": value, "anchor": "x"})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(stored, type=Score | NotScored)


if __name__ == "__main__":
    for each in REPLIES:
        (SNAPSHOTS / f"{each.__name__}.json").write_text(written(schema_of(each)), encoding="utf-8")
