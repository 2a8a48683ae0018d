"""An export is everything, and a replay says whether it still is the same interview."""

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from interview_fsm import events as e
from interview_fsm import export_interview
from interview_fsm import interview as interviews
from interview_fsm.archive import (
    Export,
    Kept,
    Step,
    digest,
    exported,
    read_export,
    redacted_export,
    replay,
    write_export,
)
from interview_fsm.errors import Gone, InterviewError, InvalidCommand, NewerFormat, SettingError
from interview_fsm.events import Entry
from interview_fsm.interview import Interview
from interview_fsm.states import State
from interview_fsm.testing import run

from .worlds import MATERIAL, World, candidate, started, wants_a_number

LOG = Path(__file__).parent / "logs" / "0001-spoken-and-typed.jsonl"


def entries() -> list[Entry]:
    return [e.decode(line) for line in LOG.read_bytes().splitlines()]


@cache
def export() -> Export:
    return exported("i1", entries())


def wrong(log: object) -> str:
    return list(replay("i1", log))[-1].wrong  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------- exporting


def test_an_export_of_a_live_interview_has_its_resume_and_one_that_stopped_has_none() -> None:
    async def main() -> None:
        world = World()
        async with world.engine(follow_up=wants_a_number) as engine, engine.new(MATERIAL) as session:
            interview_id = (await started(session)).id
            whole = await export_interview(world.kept, interview_id)
            assert whole.resume[0].events == (MATERIAL,)
            assert [kept.entry for kept in whole.log] == await world.kept.load(interview_id)
            assert whole.log[-1].state is State.QUESTIONING
            await candidate(session)
            whole = await export_interview(world.kept, interview_id)
            assert whole.resume == ()
            assert whole.log[-1].digest == digest(session.interview)
            with pytest.raises(Gone):
                await export_interview(world.kept, "nobody")

    run(main())


def test_an_export_is_read_as_it_was_written_and_is_json_for_people() -> None:
    written = write_export(export())
    assert read_export(written) == export()
    document = json.loads(written)
    assert (document["format"], document["version"]) == ("interview_fsm.export", 1)
    assert document["log"][1]["entry"]["events"][0]["type"] == "start_interview"
    assert written.count(b"\n") > 100


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b"", "no export"),
        (b"{}", "interview-fsm sessions export makes one"),
        (b'{"format": "interview_fsm.report", "version": 1}', "interview-fsm sessions export makes one"),
        (b'{"format": "interview_fsm.export", "version": 1}', "damaged"),
        (b"\xff\xfe", "no export"),
        (b"[" * 100_000, "no export"),
    ],
)
def test_what_is_no_export_is_refused_in_words(document: bytes, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        read_export(document)


def test_an_export_of_a_later_release_is_told() -> None:
    with pytest.raises(NewerFormat, match="later release"):
        read_export(b'{"format": "interview_fsm.export", "version": 2, "log": 7}')
    later = json.loads(write_export(export())) | {"a field of a later release": 1}
    assert read_export(json.dumps(later).encode()) == export()


# ------------------------------------------------------------------------------------------ digests


def test_a_digest_is_of_all_that_an_interview_is() -> None:
    interview = Interview.replay("i1", entries())
    seen = {digest(interview)}
    changed = {
        "id": "i2", "state": State.IDLE, "version": 1, "plan": e.Plan(4), "difficulty": "x",
        "turns": interview.turns[:-1], "question": interviews.Open(1), "source": e.Source("link"), "takes": 9,
        "finishing": True, "feedback": None, "feedback_wanted": True, "feedback_fresh": True, "token": "t",
        "owner": "o", "answered_last": 99,
    }  # fmt: skip
    others = set(Interview.__struct_fields__) - set(changed)
    assert not others, "each field counts: say here how it may differ"
    for name, value in changed.items():
        assert value != getattr(interview, name)
        seen.add(digest(replace(interview, **{name: value})))
    assert len(seen) == len(changed) + 1


def test_a_field_that_a_later_release_adds_makes_no_other_interview_of_an_older_log() -> None:
    whole = export()
    older = {
        kind: [name for name in names if name not in ("takes", "puts")]
        for kind, names in whole.fields.items()
    }
    assert older != whole.fields
    log = [
        replace(kept, digest=digest(step.interview, older))
        for kept, step in zip(whole.log, last_of_each(list(replay("i1", whole.log))), strict=True)
    ]
    assert not list(replay("i1", log, older))[-1].wrong
    assert list(replay("i1", log, whole.fields))[-1].wrong


def last_of_each(steps: list[Step]) -> list[Step]:
    """The last step of each entry."""
    return [
        step
        for step, after in zip(steps, [*steps[1:], None], strict=True)
        if after is None or after.version > step.version
    ]


def test_the_fields_of_an_export_are_all_there_are() -> None:
    assert set(export().fields["Interview"]) == set(Interview.__struct_fields__)
    assert {"Turn", "Answer", "Question", "Feedback", "Plan"} <= set(export().fields)
    assert digest(Interview(id="i"), export().fields) == digest(Interview(id="i"))


def test_wanted_and_open_are_told_apart() -> None:
    wanted, nothing = Interview(id="i", question=interviews.Wanted()), Interview(id="i")
    assert digest(wanted) != digest(nothing)


# ---------------------------------------------------------------------------------------- replaying


def test_a_replay_shows_every_event_and_finds_the_same_interview() -> None:
    steps = list(replay("i1", export().log))
    assert [step.event for step in steps] == [event for entry in entries() for event in entry.story]
    assert not any(step.wrong for step in steps)
    assert steps[-1].interview == Interview.replay("i1", entries())
    assert list(replay("i1", entries())) == steps


def changed(at: int, **fields: object) -> list[Kept]:
    log = list(export().log)
    log[at] = replace(log[at], **fields)  # type: ignore[arg-type]
    return log


def test_another_text_in_the_log_is_found_where_it_stands() -> None:
    log = list(export().log)
    at = next(n for n, kept in enumerate(log) if isinstance(kept.entry.events[0], e.SubmitAnswer))
    answer = log[at].entry.events[0]
    assert isinstance(answer, e.SubmitAnswer)
    forged = replace(
        log[at].entry, events=(replace(answer, text=answer.text + "!"), *log[at].entry.events[1:])
    )
    steps = list(replay("i1", changed(at, entry=forged)))
    assert steps[-1].version == at + 1
    assert "led to another interview" in steps[-1].wrong


def test_a_program_that_folds_otherwise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    log = export().log
    monkeypatch.setattr(Interview, "_put_again", lambda self: None)
    assert "led to another interview" in wrong(log)
    monkeypatch.undo()
    assert wrong(log) == ""


def test_a_state_that_is_another_now_is_named() -> None:
    assert "led to analyzing when it was exported, and leads to questioning now" in wrong(
        changed(3, state=State.ANALYZING)
    )


def test_gaps_repeats_and_impossible_events_are_found() -> None:
    whole = entries()
    assert "version 3 should be here, and this is version 4" in wrong([*whole[:2], *whole[3:]])
    assert "version 3 should be here, and this is version 2" in wrong([*whole[:2], whole[1]])
    again = replace(whole[2], append_id=whole[1].append_id)
    assert "stored a second time" in wrong([*whole[:2], again])
    impossible = replace(whole[2], events=(e.FinishAnswer(),))
    assert "cannot finish_answer now" in wrong([*whole[:2], impossible, *whole[3:]])


@settings(max_examples=20)
@given(st.data())
def test_any_change_of_one_character_in_what_was_said_is_found(data: st.DataObject) -> None:
    log = list(export().log)
    said = [
        n for n, kept in enumerate(log) if isinstance(kept.entry.events[0], e.SubmitAnswer | e.CorrectAnswer)
    ]
    at = data.draw(st.sampled_from(said))
    event = log[at].entry.events[0]
    assert isinstance(event, e.SubmitAnswer | e.CorrectAnswer)
    place = data.draw(st.integers(0, len(event.text) - 1))
    other = event.text[:place] + chr(ord(event.text[place]) ^ 1) + event.text[place + 1 :]
    forged = replace(log[at].entry, events=(replace(event, text=other), *log[at].entry.events[1:]))
    assert wrong(changed(at, entry=forged))


# ---------------------------------------------------------------------------------------- redacting


def test_a_redacted_export_replays_and_says_that_it_is_one() -> None:
    redacted = read_export(write_export(redacted_export(export())))
    assert redacted.redacted
    assert redacted.interview == "redacted"
    assert redacted.resume == ()
    steps = list(replay(redacted.interview, redacted.log))
    assert not steps[-1].wrong
    assert [step.interview.state for step in steps] == [
        step.interview.state for step in replay("i1", entries())
    ]
    assert steps[0].at == 0.0


def test_nothing_of_a_live_interview_is_left_in_a_redacted_export() -> None:
    async def main() -> None:
        world = World()
        async with world.engine(follow_up=wants_a_number) as engine:
            session = engine.new(MATERIAL, owner="zanzibar@example.org", token="zanzibar")
            async with session:
                await candidate(session)
            whole = await export_interview(world.kept, session.interview.id)
        before, after = write_export(whole).lower(), write_export(redacted_export(whole)).lower()
        for canary in (
            b"zanzibar",
            session.interview.id.encode(),
            session.interview.token.encode(),
            b"typed",
        ):
            assert canary in before or canary == b"zanzibar"
            assert canary not in after

    run(main())


def test_a_log_that_is_none_cannot_be_redacted() -> None:
    with pytest.raises((InvalidCommand, InterviewError)):
        exported("i1", [Entry(1, "c1", 0.0, (e.FinishAnswer(),))])
