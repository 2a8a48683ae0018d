"""JSON v1, row by row, against a running server, by a client that knows only /schema.json."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from interview_fsm import views
from interview_fsm.adapters.memory import MemoryStorage
from interview_fsm.engine import Limits
from interview_fsm.errors import AdapterError, ResumeError
from interview_fsm.events import Attached, Entry
from interview_fsm.jsonv1 import work
from interview_fsm.report import as_html
from interview_fsm.testing import (
    HANGS,
    FaultyStorage,
    ScriptedInterviewer,
    ScriptedRecorder,
    ScriptedSpeaker,
    ScriptedTranscriber,
    Step,
)

from .serving import Library, Running, running
from .v1_client import PATIENCE, PROPER, Client, Schema, client, happened, schema_of

TEXT = "Ada Lovelace\nEXPERIENCE\nAnalyst, Engine Works, 1841 to 1843\n- Wrote the first programme\n"

# ------------------------------------------------------------------- the names, as the page has them

COMMANDS = """
create_session plan? resume? job_description? access_token?
resume_session session token seq
get_session
begin_upload purpose name size sha256?
set_resume url? text? upload?
check_sound upload
get_report format
erase_session
cancel task
set_speech on
ping
start_interview
choose_difficulty difficulty
next_question
repeat_question question
retry_question question
record_answer question source
finish_answer
discard_answer
submit_answer question text
correct_answer question text
analyze
stop_interview
"""

EVENTS = """
session_created session token protocol server disclosure features limits
update seq in_reply_to? events state allowed question? asked questions
snapshot state allowed plan seq
session_resumed state allowed plan seq
progress task done total? message
transcript_partial question text
speech question? format
warning code message
error in_reply_to? code message hint? allowed? retryable
server_closing in_s
upload_received upload
sound_checked text confidence?
resume_read pages characters sections warnings
report format
session_erased receipt
speech_set on
pong
"""

CODES = """bad_message invalid_command unexpected_binary no_session session_not_found session_expired
session_taken unauthorized rate_limited too_large unsupported_media resume_url_refused resume_unreachable
resume_too_large resume_timeout resume_not_pdf resume_unreadable resume_empty audio_unusable
microphone_unavailable recognition_unavailable model_unavailable storage_unavailable newer_format cancelled
busy internal"""


def rows(table: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in table.strip().splitlines()}


async def published() -> Schema:
    async with running() as served:
        return await schema_of(served)


def test_the_schema_has_each_command_of_the_page_with_its_fields_and_no_other() -> None:
    names = asyncio.run(published()).names("commands")
    assert set(names) == set(rows(COMMANDS))
    for name, fields in rows(COMMANDS).items():
        assert set(names[name]["properties"]) - {"type", "id"} == {f.rstrip("?") for f in fields}, name
        required = {f for f in fields if not f.endswith("?")}
        assert required <= set(names[name]["required"]), name
        assert names[name]["additionalProperties"] is False, name


def test_the_schema_has_each_event_of_the_page_with_its_fields() -> None:
    names = asyncio.run(published()).names("events")
    assert set(names) == set(rows(EVENTS))
    for name, fields in rows(EVENTS).items():
        assert {f.rstrip("?") for f in fields} <= set(names[name]["properties"]), name
        required = {f for f in fields if not f.endswith("?")}
        assert required <= set(names[name]["required"]), name
        assert names[name].get("additionalProperties", True) is not False, "a later server may say more"


# ------------------------------------------------------------------------------------- the interview


def test_a_whole_interview_from_the_resume_to_the_feedback_and_the_reports() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            created = await ada.create(plan={"questions": 2, "follow_ups": 0}, resume={"text": TEXT})
            assert created["protocol"]
            assert created["disclosure"]
            assert (await ada.until("resume_read"))["characters"] > 40
            await ada.ask("start_interview")
            assert ada.view["state"] == "awaiting_difficulty"
            await ada.ask("choose_difficulty", difficulty="easy")
            for number in (1, 2):
                question = await ada.question()
                assert (question["number"], ada.view["asked"], ada.view["questions"]) == (number, number, 2)
                await ada.ask("submit_answer", question=number, text=f"I did {number}.")
            given = await ada.feedback()
            assert given["state"] == "analyzing"
            for form in ("json", "markdown", "html"):
                await ada.say("get_report", format=form)
                report = await ada.until("report")
                assert "did 2." in report["content"], form
            await ada.ask("stop_interview")
            assert (ada.view["state"], ada.view["allowed"]) == ("stopped", [])

    asyncio.run(main())


def test_an_acknowledgement_is_durable_when_it_comes_and_names_its_command() -> None:
    async def main() -> None:
        ports = {"recorder": ScriptedRecorder(seconds=60), "transcriber": ScriptedTranscriber()}
        async with running(ports=ports) as served, client(served) as ada:
            await ada.create()
            for kind, fields in COMPLETE:
                await settled(ada)
                ack = await ada.ask(kind, id=f"mine-{kind}-{len(ada.heard)}", **fields)
                stored = (await served.storage.load(ada.session))[ack["seq"] - 1]
                assert stored.append_id == ack["in_reply_to"]
                assert stored.version == ack["seq"]
                assert ack["events"][0]["type"] == kind

    asyncio.run(main())


COMPLETE: list[tuple[str, dict[str, Any]]] = [
    ("start_interview", {}),
    ("choose_difficulty", {"difficulty": "easy"}),
    ("repeat_question", {"question": 1}),
    ("next_question", {}),
    ("record_answer", {"question": 2, "source": "microphone"}),
    ("discard_answer", {}),
    ("record_answer", {"question": 2, "source": "microphone"}),
    ("submit_answer", {"question": 2, "text": "I wrote it."}),
    ("submit_answer", {"question": 3, "text": "I tested it."}),
    ("correct_answer", {"question": 3, "text": "I tested it twice."}),
    ("analyze", {}),
    ("retry_question", {"question": 2}),
    ("submit_answer", {"question": 2, "text": "I wrote all of it."}),
    ("stop_interview", {}),
]
"""Every command that moves an interview but finish_answer, which needs a recording that waits for it."""


async def settled(ada: Client) -> None:
    """Wait until the question that is being made is there."""
    if not ada.view:
        return
    while ada.view["state"] == "questioning" and not ada.view.get("question"):
        if "analyze" in ada.view["allowed"] and ada.view["asked"] == ada.view["questions"]:
            return
        await ada.until("update")


def test_a_resent_command_is_acknowledged_again_with_the_same_seq_and_done_once() -> None:
    async def main() -> None:
        ports = {"recorder": ScriptedRecorder(seconds=60), "transcriber": ScriptedTranscriber()}
        async with running(ports=ports) as served, client(served) as ada:
            await ada.create()
            for kind, fields in COMPLETE:
                await settled(ada)
                first = await ada.ask(kind, id=f"{kind}-{len(ada.heard)}", **fields)
                again = await ada.ask(kind, id=first["in_reply_to"], **fields)
                assert again["seq"] == first["seq"]
                assert again["events"] == first["events"]
            stored = [entry.append_id for entry in await served.storage.load(ada.session)]
            assert len(stored) == len(set(stored))
            assert sum(not i.startswith("~") for i in stored) == len(COMPLETE)

    asyncio.run(main())


def test_finish_answer_ends_a_recording_and_partials_come_whole_meanwhile() -> None:
    async def main() -> None:
        ports = {"recorder": ScriptedRecorder(seconds=60), "transcriber": ScriptedTranscriber()}
        async with running(ports=ports) as served, client(served) as ada:
            await ada.begin()
            await ada.ask("record_answer", question=1, source="microphone")
            partial = await ada.until("transcript_partial")
            assert partial["question"] == 1
            await ada.ask("finish_answer")
            done = await ada.until(lambda e: happened(e, "answer_recorded"))
            text = done["events"][0]["transcript"]["text"]
            partials = [e["text"] for e in ada.heard if e["type"] == "transcript_partial"]
            assert all(text.startswith(p) for p in partials)

    asyncio.run(main())


def test_speech_is_announced_and_followed_by_its_one_frame() -> None:
    async def main() -> None:
        ports = {"speaker": ScriptedSpeaker(), "speech_on_demand": True}
        async with running(ports=ports) as served, client(served) as ada:
            await ada.begin()
            await ada.say("set_speech", on=True)
            assert (await ada.until("speech_set"))["on"]
            speech = await ada.until("speech")
            assert (speech["question"], speech["format"]) == (1, "wav")
            await ada.say("ping")
            await ada.until("pong")
            assert ada.sound == [b"RIFF"]

    asyncio.run(main())


def test_a_refusal_says_what_is_possible_and_changes_nothing() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.create()
            await ada.ask("start_interview")
            for kind, fields in COMPLETE:
                if kind in ("choose_difficulty", "stop_interview"):
                    continue
                error = await ada.refused(kind, **fields)
                assert error["code"] == "invalid_command"
                assert error["allowed"] == ["choose_difficulty", "stop_interview"]
                assert error["message"]
            assert (await ada.snapshot())["seq"] == ada.seq

    asyncio.run(main())


def test_a_late_click_cannot_answer_the_wrong_question() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            await ada.ask("submit_answer", question=1, text="first")
            await settled(ada)
            for number in (1, 7):
                error = await ada.refused("submit_answer", question=number, text="late")
                assert error["code"] == "invalid_command"
            for bad in ({"question": "2"}, {"question": 2.5}, {}):
                await ada.say_raw({"type": "submit_answer", "id": "x", "text": "late", **bad})
                assert (await ada.error())["code"] == "bad_message"
            assert "late" not in json.dumps(await ada.snapshot())

    asyncio.run(main())


# ---------------------------------------------------------------------- coming back, and who has it


def test_resume_session_brings_what_was_missed_from_every_seq_there_was() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            schema = ada.schema
            await ada.begin()
            await ada.ask("submit_answer", question=1, text="I wrote it.")
            await settled(ada)
            heard = {e["seq"]: e for e in ada.heard if e["type"] == "update"}
            latest = ada.seq
            for seq in range(latest + 1):
                async with client(served, schema) as again:
                    resumed = await again.resume(ada.session, ada.token, seq)
                    missed = [await again.until("update") for _ in range(resumed["seq"] - seq)]
                    assert [e["seq"] for e in missed] == list(range(seq + 1, resumed["seq"] + 1))
                    for event in missed:
                        if event["seq"] in heard:
                            assert event["events"] == heard[event["seq"]]["events"]
                            assert event.get("in_reply_to") == heard[event["seq"]].get("in_reply_to")
                    await again.say("ping")
                    await again.until("pong")

    asyncio.run(main())


def test_a_seq_that_never_was_is_told_the_truth_and_what_comes_next() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            async with client(served, ada.schema) as again:
                resumed = await again.resume(ada.session, ada.token, 10_000)
                assert resumed["seq"] == ada.seq
                again.seq = ada.seq
                assert (await again.ask("submit_answer", question=1, text="I wrote it."))[
                    "seq"
                ] == ada.seq + 1

    asyncio.run(main())


def test_within_the_linger_nothing_is_appended() -> None:
    async def main() -> None:
        async with running() as served:
            async with client(served) as ada:
                await ada.begin()
            async with client(served, ada.schema) as soon:
                resumed = await soon.resume(ada.session, ada.token, ada.seq)
                assert resumed["seq"] == ada.seq
                await soon.ask("submit_answer", question=1, text="I am back")
                assert soon.seq == ada.seq + 1

    asyncio.run(main())


def test_after_the_linger_the_interview_is_taken_over_from_its_log() -> None:
    async def main() -> None:
        async with running(ports={"limits": Limits(linger=0.0)}) as served:
            async with client(served) as ada:
                await ada.begin()
            await until(lambda: served.engine.sessions == 0)
            async with client(served, ada.schema) as late:
                resumed = await late.resume(ada.session, ada.token, ada.seq)
                assert resumed["seq"] == ada.seq + 1
                attached = await late.until("update")
                assert [e["type"] for e in attached["events"]] == ["attached"]
                await late.ask("submit_answer", question=1, text="I am back")

    asyncio.run(main())


def test_what_is_said_to_be_possible_near_the_end_of_a_log_is_taken() -> None:
    async def main() -> None:
        async with running(ports={"limits": Limits(entries=8)}) as served, client(served) as ada:
            await ada.begin()
            told = await ada.ask("submit_answer", question=1, text="I did it")
            while told["seq"] < 8:
                assert "correct_answer" in told["allowed"]
                told = await ada.ask("correct_answer", question=1, text=f"I did it {told['seq']} times")
            assert told["allowed"] == (await ada.snapshot())["allowed"] == ["analyze", "stop_interview"]
            refused = await ada.refused("correct_answer", question=1, text="I did it once more")
            assert refused["allowed"] == told["allowed"]
            assert "too long" in refused["message"]
            assert (await ada.ask("stop_interview"))["state"] == "stopped"

    asyncio.run(main())


def test_a_recording_that_was_left_is_finished_when_the_linger_runs_out() -> None:
    async def main() -> None:
        ports = {
            "recorder": ScriptedRecorder(seconds=60),
            "transcriber": ScriptedTranscriber(),
            "limits": Limits(linger=0.1),
        }
        async with running(ports=ports) as served:
            async with client(served) as ada:
                await ada.begin()
                await ada.ask("record_answer", question=1, source="microphone")
                await ada.until("transcript_partial")
            await until(lambda: served.engine.sessions == 0)
            async with client(served, ada.schema) as again:
                await again.resume(ada.session, ada.token, ada.seq)
                await again.until(lambda e: happened(e, "answer_recorded"))
                assert again.heard[1]["events"][0]["type"] == "finish_answer"

    asyncio.run(main())


async def until(condition: Any) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.01)


def test_a_second_connection_takes_the_interview_over_and_the_first_is_told_4409() -> None:
    async def main() -> None:
        async with running() as served, client(served) as first, client(served, first.schema) as second:
            await first.begin()
            await second.resume(first.session, first.token, first.seq)
            closed = await first.closing()
            assert closed.code == 4409
            assert [e["code"] for e in closed.heard if e["type"] == "error"] == ["session_taken"]
            await second.ask("submit_answer", question=1, text="from here")

    asyncio.run(main())


@pytest.mark.parametrize("wrong", ["token", "session"])
def test_a_wrong_token_and_an_unknown_session_look_the_same(wrong: str) -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            async with client(served, ada.schema) as thief:
                pair = {"session": ada.session, "token": ada.token} | {wrong: "0" * 32}
                error = await thief.refused("resume_session", seq=0, **pair)
                assert error["code"] == "session_not_found"
            await ada.ask("submit_answer", question=1, text="still mine")

    asyncio.run(main())


def test_erase_session_gives_a_receipt_closes_and_leaves_nothing() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin(resume={"text": TEXT})
            await ada.say("erase_session")
            closed = await ada.closing()
            assert closed.code == 1000
            assert closed.heard[-1]["type"] == "session_erased"
            assert [h async for h in served.storage.interviews(expired_before=float("inf"))] == []
            async with client(served, ada.schema) as again:
                error = await again.refused("resume_session", session=ada.session, token=ada.token, seq=0)
                assert error["code"] == "session_not_found"

    asyncio.run(main())


def test_an_interview_past_its_time_has_expired_until_it_is_erased_and_then_never_was() -> None:
    now = [time.time()]
    ports = {"clock": lambda: now[0], "limits": Limits(linger=0.0, retention=3600.0)}

    async def main() -> None:
        async with running(ports=ports) as served:
            async with client(served) as ada:
                await ada.begin()
            await until(lambda: served.engine.sessions == 0)
            pair = {"session": ada.session, "token": ada.token}
            now[0] += 3601.0
            assert await code_for(served, ada, pair) == "session_expired"
            assert await code_for(served, ada, pair | {"token": "0" * 43}) == "session_not_found"
            assert len(await served.storage.load(ada.session)) == ada.seq, "it is not kept for longer"
            await served.engine.sweep()
            assert await code_for(served, ada, pair) == "session_not_found"

    async def code_for(served: Running, ada: Client, pair: dict[str, str]) -> str:
        async with client(served, ada.schema) as again:
            return str((await again.refused("resume_session", seq=0, **pair))["code"])

    asyncio.run(main())


# ----------------------------------------------------------------------------------------- reports


def test_a_long_report_holds_nobody_up_and_comes_in_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    is_wanted, may_be_written = asyncio.Event(), threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def slow(interview: Any) -> str:
            loop.call_soon_threadsafe(is_wanted.set)
            assert may_be_written.wait(60), "the event loop was held"
            return as_html(interview)

        monkeypatch.setattr(views.reports, "as_html", slow)
        async with running() as served, client(served) as ada:
            await ada.begin()
            await ada.ask("submit_answer", question=1, text="I did it. " * 1000)
            await settled(ada)
            await ada.say("get_report", format="html")
            await ada.say("get_session")
            await is_wanted.wait()
            since = len(ada.heard)
            await ada.say("ping")
            await ada.until("pong")
            may_be_written.set()
            await ada.until("snapshot")
            assert [event["type"] for event in ada.heard[since:]] == ["pong", "report", "snapshot"]

    try:
        asyncio.run(main())
    finally:
        may_be_written.set()


# ----------------------------------------------------------------------------------------- uploads

BYTES = bytes(range(256)) * 2000
"""Half a megabyte: two full frames and a bit."""


async def upload(ada: Client, data: bytes = BYTES, *, frame: int = 262_144, **fields: Any) -> str:
    """Send a file; the upload's name."""
    said = {"purpose": "resume", "name": "cv.pdf", "size": len(data)} | fields
    await ada.say("begin_upload", **said)
    for start in range(0, len(data), frame):
        await ada.say_raw(data[start : start + frame])
    return str((await ada.until("upload_received"))["upload"])


def test_an_upload_in_frames_becomes_the_resume() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.create()
            data = TEXT.encode() * 2000
            name = await upload(ada, data, frame=60_000, sha256=hashlib.sha256(data).hexdigest())
            await ada.say("set_resume", upload=name)
            assert (await ada.until("resume_read"))["characters"] > 100_000

    asyncio.run(main())


@pytest.mark.parametrize("case", ["hash", "too much", "too large", "unannounced", "huge frame", "path"])
def test_a_bad_upload_is_refused_and_a_good_one_works_after_it(case: str) -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.create()
            said: dict[str, Any] = {"purpose": "resume", "name": "cv.pdf", "size": 4}
            code = "bad_message"
            match case:
                case "hash":
                    await ada.say("begin_upload", **said, sha256="0" * 64)
                    await ada.say_raw(b"four")
                case "too much":
                    await ada.say("begin_upload", **said)
                    await ada.say_raw(b"four and more")
                    code = "too_large"
                case "too large":
                    await ada.say_raw({"type": "begin_upload", "id": "u", **said, "size": 10**9})
                    code = "too_large"
                case "unannounced":
                    await ada.say_raw(b"four")
                    code = "unexpected_binary"
                case "huge frame":
                    await ada.say("begin_upload", **said | {"size": 300_000})
                    await ada.say_raw(bytes(270_000))
                    assert (await ada.closing()).code == 1009
                    return
                case "path":
                    await ada.say("begin_upload", **said | {"name": "../../etc/passwd"})
                    await ada.say_raw(b"four")
                    await ada.until("upload_received")  # a name is shown, and nothing else is done with it
                    return
            assert (await ada.error())["code"] == code
            assert await upload(ada)

    asyncio.run(main())


def test_an_upload_that_does_not_exist_is_no_resume() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.create()
            error = await ada.refused("set_resume", upload="nothing")
            assert error["code"] == "bad_message"

    asyncio.run(main())


def test_exactly_one_way_to_bring_a_resume() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.create()
            for fields in ({}, {"text": TEXT, "url": "https://example.com/cv.pdf"}):
                await ada.say_raw({"type": "set_resume", "id": "r", **fields})
                assert (await ada.error())["code"] == "bad_message"

    asyncio.run(main())


# ------------------------------------------------------------------------- what waits for nothing


def test_ping_is_answered_whatever_is_at_work() -> None:
    async def main() -> None:
        interviewer = ScriptedInterviewer([HANGS])
        async with running(interviewer=interviewer) as served, client(served) as ada:
            await ada.create()
            await ada.ask("start_interview")
            await ada.ask("choose_difficulty", difficulty="easy")
            for _ in range(20):
                ping = await ada.say("ping")
                assert (await ada.until("pong"))["in_reply_to"] == ping
            assert interviewer.open == 1, "else nothing was at work"

    asyncio.run(main())


def test_stop_overtakes_a_question_in_the_making() -> None:
    async def main() -> None:
        interviewer = ScriptedInterviewer([HANGS])
        async with running(interviewer=interviewer) as served, client(served) as ada:
            await ada.create()
            await ada.ask("start_interview")
            await ada.ask("choose_difficulty", difficulty="easy")
            await ada.ask("stop_interview")
            assert ada.view["state"] == "stopped"
            await until(lambda: interviewer.open == 0)

    asyncio.run(main())


def test_stop_overtakes_the_commands_that_wait() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.create()
            waiting = ["start_interview", "choose_difficulty", "stop_interview"]
            for kind in waiting:
                await ada.say(kind, **({"difficulty": "easy"} if kind == "choose_difficulty" else {}))
            await ada.until(lambda e: happened(e, "stop_interview"))
            assert ada.view["state"] == "stopped"

    asyncio.run(main())


def test_a_stop_is_acknowledged_though_another_session_is_asked_for_in_the_same_breath() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            stop = await ada.say("stop_interview")
            await ada.say("create_session")
            ack = await ada.until(lambda e: happened(e, "stop_interview"))
            assert ack["in_reply_to"] == stop
            ada.seq = 0
            await ada.until("session_created")
            await ada.ask("start_interview")

    asyncio.run(main())


def test_what_was_missed_comes_before_the_acknowledgement_of_a_resend_sent_along() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            answer = ada.command("submit_answer", question=1, text="once")
            await ada.say_raw(answer)
            await ada.until(lambda e: happened(e, "submit_answer"))
            await settled(ada)
            async with client(served, ada.schema) as again:
                await again.say("resume_session", session=ada.session, token=ada.token, seq=0)
                await again.say_raw(answer)
                acks = []
                while len(acks) < 2:  # one of them is the update that was missed
                    event = await again.hear()
                    assert event["type"] != "error", event
                    acks += [event["seq"]] if event.get("in_reply_to") == answer["id"] else []
                assert acks[0] == acks[1]

    asyncio.run(main())


def test_cancel_ends_a_question_in_the_making_and_it_may_be_asked_for_again() -> None:
    async def main() -> None:
        interviewer = ScriptedInterviewer([HANGS])
        async with running(interviewer=interviewer) as served, client(served) as ada:
            await ada.create()
            await ada.ask("start_interview")
            await ada.ask("choose_difficulty", difficulty="easy")
            assert ada.view["activity"] == "ask"
            await ada.say("cancel", task="ask")
            told = {}
            while len(told) < 2:
                event = await ada.hear()
                told |= {event["type"]: event} if event["type"] in ("error", "update") else {}
            assert (told["error"]["code"], told["error"]["task"]) == ("cancelled", "ask")
            assert told["update"]["events"] == [{"type": "activity_failed", "code": "cancelled"}]
            await until(lambda: interviewer.open == 0)
            await ada.ask("next_question")
            assert (await ada.question())["number"] == 1

    asyncio.run(main())


def test_cancel_of_what_is_not_going_on_is_an_error_and_no_more() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            await ada.say("cancel", task="nothing")
            assert (await ada.error())["code"] == "invalid_command"
            await ada.ask("submit_answer", question=1, text="I am still here")

    asyncio.run(main())


def test_long_work_is_heard_of_every_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert work.PERIOD < 2.0
    monkeypatch.setattr(work, "PERIOD", 0.05)  # as often, only sooner

    async def main() -> None:
        interviewer = ScriptedInterviewer([HANGS])
        async with running(interviewer=interviewer) as served, client(served) as ada:
            await ada.create()
            await ada.ask("start_interview")
            await ada.ask("choose_difficulty", difficulty="easy")
            first = await ada.until("progress")
            second = await ada.until("progress")
            assert first["task"] == second["task"]
            assert second["message"]

    asyncio.run(main())


# ------------------------------------------------------------------------------- what is refused

WITHOUT_SESSION = {"create_session", "resume_session", "ping", "cancel", "begin_upload"}


@pytest.mark.parametrize("kind", sorted(set(PROPER) - WITHOUT_SESSION))
def test_without_a_session_there_is_nothing_to_command(kind: str) -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            assert (await ada.refused(kind, **PROPER[kind]))["code"] == "no_session"

    asyncio.run(main())


@pytest.mark.parametrize("kind", sorted(PROPER))
def test_an_unknown_field_is_an_error_that_names_it_and_changes_nothing(kind: str) -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            message = ada.command(kind, **PROPER[kind]) | {"colour": "red"}
            assert not ada.schema.is_command(message)
            await ada.say_raw(message)
            error = await ada.error()
            assert error["code"] == "bad_message"
            assert "colour" in error["message"] + error.get("hint", "")
            assert (await ada.snapshot())["seq"] == ada.seq

    asyncio.run(main())


@pytest.mark.parametrize("bad", ["", "~mine", "x" * 65, 7, None, ["c1"]])
def test_an_id_has_1_to_64_characters_and_no_tilde_first(bad: Any) -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.create()
            message = {"type": "start_interview", "id": bad}
            assert not ada.schema.is_command(message)
            await ada.say_raw(message)
            assert (await ada.error())["code"] == "bad_message"
            await ada.ask("start_interview", id="x" * 64)

    asyncio.run(main())


def test_a_command_that_changes_something_needs_its_id() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.create()
            await ada.say_raw({"type": "start_interview"})
            assert (await ada.error())["code"] == "bad_message"
            assert "attached" not in ada.view.get("allowed", [])

    asyncio.run(main())


@pytest.mark.parametrize(
    "frame",
    [
        "", " ", "{", "[]", "null", "17", '"start_interview"', "{}", '{"type": null}', '{"type": ["ping"]}',
        '{"type": "no_such_thing", "id": "a"}', '{"type": "question_asked", "id": "a", "question": {}}',
        '{"type": "attached", "id": "a"}', '{"type":"ping"}{"type":"ping"}', "start_interview",
        '{"type": "submit_answer", "id": "a", "question": 1, "text": "\\ud800"}',
        '{"type": "submit_answer", "id": "a", "question": 1e400, "text": "x"}',
        "[" * 30_000, '{"a":' * 10_000,
    ],
)  # fmt: skip
def test_what_is_no_message_is_answered_with_an_error_and_the_session_goes_on(frame: str) -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            await ada.say_raw(frame)
            assert (await ada.error())["code"] == "bad_message"
            await ada.ask("submit_answer", question=1, text="I am still here")

    asyncio.run(main())


def test_outcomes_are_no_commands() -> None:
    names = asyncio.run(published()).names("commands")
    outcomes = (
        "question_asked follow_up_wanted answer_recorded answer_lost feedback_given activity_failed attached"
    )
    assert not set(names) & set(outcomes.split())


@pytest.mark.parametrize("frames", [["no", "{}", "[]"], ['{"type": "nothing"}'] * 3])
def test_three_first_messages_that_are_of_no_protocol_close_with_4400(frames: list[str]) -> None:
    async def main() -> None:
        async with running() as served, served.connect() as socket:
            for frame in frames:
                await socket.send(frame)
            heard = [str(await asyncio.wait_for(socket.recv(), PATIENCE)) for _ in frames]
            assert all(heard)
            await asyncio.wait_for(socket.wait_closed(), PATIENCE)
            assert socket.close_code == 4400

    asyncio.run(main())


def test_a_first_frame_of_json_with_a_type_speaks_v1_without_the_subprotocol() -> None:
    async def main() -> None:
        async with running() as served, served.connect() as socket:
            ada = Client(socket, await schema_of(served))
            await ada.create()
            await ada.ask("start_interview")

    asyncio.run(main())


def test_an_unknown_subprotocol_is_closed_4406_and_ours_is_chosen_among_others() -> None:
    async def main() -> None:
        async with running() as served:
            async with served.connect(subprotocols=[Subprotocol("chat")]) as socket:
                with pytest.raises(ConnectionClosed):
                    await asyncio.wait_for(socket.recv(), PATIENCE)
                assert socket.close_code == 4406
            ours = [Subprotocol("chat"), Subprotocol("interview-fsm.v1")]
            async with served.connect(subprotocols=ours) as socket:
                assert socket.subprotocol == "interview-fsm.v1"

    asyncio.run(main())


def test_a_text_frame_over_64_kib_closes_with_1009() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            await ada.say_raw(json.dumps({"type": "submit_answer", "id": "a", "text": "x" * 70_000}))
            assert (await ada.closing()).code == 1009

    asyncio.run(main())


def test_the_longest_answer_there_may_be_passes() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            await ada.ask("submit_answer", question=1, text="x" * 60_000)

    asyncio.run(main())


def test_silence_from_the_first_is_closed_with_4408() -> None:
    async def main() -> None:
        async with running(first_message=0.05, watch=0.02) as served, client(served) as ada:
            assert (await ada.closing()).code == 4408

    asyncio.run(main())


def test_too_many_messages_are_told_so() -> None:
    async def main() -> None:
        async with running(rate=0.001, burst=10) as served, client(served) as ada:
            for _ in range(12):
                await ada.say("ping")
            closed = await ada.closing()
            assert "rate_limited" in [e.get("code") for e in closed.heard], closed

    asyncio.run(main())


def test_a_server_that_stops_says_so_and_closes_with_1012() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            await served.server.drain()
            closed = await ada.closing()
            assert closed.code == 1012
            assert closed.heard[-1]["type"] == "server_closing"

    asyncio.run(main())


# ------------------------------------------------------------------------- when the world fails


def test_a_model_that_fails_is_a_code_and_the_question_may_be_asked_for_again() -> None:
    async def main() -> None:
        failing = Step[Any](raises=AdapterError("model", "model_unavailable", retryable=True))
        async with running(interviewer=ScriptedInterviewer([failing])) as served, client(served) as ada:
            await ada.create()
            await ada.ask("start_interview")
            await ada.ask("choose_difficulty", difficulty="easy")
            failed = await ada.until(lambda e: happened(e, "activity_failed"))
            assert failed["events"][0]["code"] == "model_unavailable"
            await ada.ask("next_question")
            assert (await ada.question())["number"] == 1

    asyncio.run(main())


def test_a_microphone_that_is_not_there_loses_the_take_and_not_the_question() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            await ada.ask("record_answer", question=1, source="microphone")
            await ada.until(lambda e: happened(e, "answer_lost"))
            await ada.ask("submit_answer", question=1, text="typed then")

    asyncio.run(main())


def test_a_storage_that_is_away_is_said_and_a_resend_later_is_stored_once() -> None:
    async def main() -> None:
        away: set[int] = set()
        storage = FaultyStorage(MemoryStorage(), lambda call, _: "lost-reply" if call in away else None)
        async with running(storage=storage) as served, client(served) as ada:
            await ada.begin()
            away.add(len(storage.calls) + 1)
            answer = ada.command("submit_answer", question=1, text="once")
            await ada.say_raw(answer)
            error = await ada.error()
            assert (error["code"], error["retryable"]) == ("storage_unavailable", True)
            async with client(served, ada.schema) as again:
                await again.resume(ada.session, ada.token, ada.seq)
                ack = await again.ask("submit_answer", id=answer["id"], question=1, text="once")
                entries = await storage.inner.load(ada.session)
                assert [e.append_id for e in entries].count(answer["id"]) == 1
                assert entries[ack["seq"] - 1].append_id == answer["id"]

    asyncio.run(main())


def test_a_storage_that_breaks_is_internal_and_quotes_nothing() -> None:
    class Broken(MemoryStorage):
        async def append(self, *args: Any, **kwargs: Any) -> None:
            raise RuntimeError("secret")

    async def main() -> None:
        async with running(storage=Broken()) as served, client(served) as ada:
            assert (await ada.refused("create_session"))["code"] == "internal"
            assert "secret" not in json.dumps(ada.heard)

    asyncio.run(main())


def test_an_interview_of_a_later_release_is_left_alone() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.begin()
            later = Entry(ada.seq + 1, "~later", time.time(), (Attached(),), format=99)
            await served.storage.append(ada.session, ada.seq, later)
            async with running(storage=served.storage) as other, client(other, ada.schema) as again:
                error = await again.refused("resume_session", session=ada.session, token=ada.token, seq=0)
                assert error["code"] == "newer_format"

    asyncio.run(main())


def test_a_resume_that_cannot_be_had_is_said_with_its_code_and_the_interview_may_begin() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            await ada.create()
            error = await ada.refused("set_resume", url="https://example.com/bad.pdf")
            assert error["code"] == "resume_unreachable"
            await ada.ask("start_interview")

    asyncio.run(main())


RESUME_TROUBLE = [
    "resume_url_refused",
    "resume_unreachable",
    "resume_too_large",
    "resume_timeout",
    "resume_not_pdf",
    "resume_unreadable",
    "resume_empty",
    "busy",
]


@pytest.mark.parametrize("code", RESUME_TROUBLE)
def test_each_trouble_with_a_resume_arrives_with_its_code_and_its_sentence(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(self: Library, document: bytes, *, client: str) -> None:
        raise ResumeError(code, "Nobody could read that.", retryable=code == "busy")

    async def main() -> None:
        monkeypatch.setattr(Library, "read", read)
        async with running() as served, client(served) as ada:
            await ada.create()
            error = await ada.refused("set_resume", text=TEXT)
            assert (error["code"], error["message"]) == (code, "Nobody could read that.")
            assert error["retryable"] is (code == "busy")
            assert "resume" not in await ada.snapshot()

    asyncio.run(main())


def test_cancel_ends_the_reading_of_a_resume_and_another_may_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = asyncio.Event()
    whole = Library.fetch

    async def fetch(self: Library, url: str, *, client: str) -> Any:
        if "slow" not in url:
            return await whole(self, url)
        reading.set()
        return await asyncio.get_running_loop().create_future()

    async def main() -> None:
        monkeypatch.setattr(Library, "fetch", fetch)
        async with running() as served, client(served) as ada:
            await ada.create()
            said = await ada.say("set_resume", url="https://example.com/slow.pdf")
            await asyncio.wait_for(reading.wait(), 10)
            await ada.say("cancel", task="resume")
            error = await ada.error()
            assert (error["code"], error["task"], error["in_reply_to"]) == ("cancelled", "resume", said)
            await ada.say("set_resume", url="https://example.com/cv.pdf")
            await ada.until("resume_read")

    asyncio.run(main())


@pytest.mark.parametrize("code", ["audio_unusable", "microphone_unavailable", "recognition_unavailable"])
def test_a_spoken_answer_that_cannot_be_had_is_warned_of_with_its_code(code: str) -> None:
    async def main() -> None:
        failing = Step[Any](raises=AdapterError("voice", code, "That was not to be heard."))
        ports = {
            "recorder": ScriptedRecorder(seconds=0.1),
            "transcriber": ScriptedTranscriber([failing]),
            "limits": Limits(silence=0.01),
        }
        async with running(ports=ports) as served, client(served) as ada:
            await ada.begin()
            await ada.ask("record_answer", question=1, source="microphone")
            lost = await ada.until(lambda e: happened(e, "answer_lost"))
            assert lost["events"] == [{"type": "answer_lost", "reason": code}]
            assert lost["question"]["number"] == 1
            assert code in [e["code"] for e in ada.heard if e["type"] == "warning"]

    asyncio.run(main())


def test_a_spoken_answer_as_a_file_is_refused_in_words_where_the_server_takes_none() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada:
            created = await ada.create()
            if "answer" in created["features"]["uploads"]:
                pytest.skip("this server takes them")
            error = await ada.refused("begin_upload", purpose="answer", name="a.wav", size=9)
            assert error["code"] == "unsupported_media"
            assert "Type the answer" in error["message"], "what to do instead"

    asyncio.run(main())


def test_the_access_token_opens_the_door_and_nothing_else_does() -> None:
    async def main() -> None:
        async with running(access_token="sesame") as served:
            schema = await schema_of(served)
            for wrong in (
                {},
                {"access_token": "open"},
                {"access_token": ""},
                {"access_token": "sesame\u0000"},
            ):
                async with client(served, schema) as thief:
                    error = await thief.refused("create_session", **wrong)
                    assert error["code"] == "unauthorized"
                    assert (await thief.closing()).code == 4401
            async with client(served, schema) as ada:
                await ada.create(access_token="sesame")
            assert "sesame" not in json.dumps(ada.heard)

    asyncio.run(main())


def test_more_commands_than_may_wait_are_busy_and_each_is_answered() -> None:
    async def main() -> None:
        stuck = FaultyStorage(MemoryStorage(), lambda call, _: 0.3 if call == 1 else None)
        async with running(storage=stuck, burst=1000) as served, client(served) as ada:
            said = [await ada.say("create_session")]
            said += [await ada.say("get_session", id=f"g{number}") for number in range(200)]
            codes, answered = set(), set()
            while answered < set(said):
                event = await ada.hear()
                answered.add(event.get("in_reply_to", ""))
                codes |= {event.get("code")}
            assert codes == {None, "busy"}

    asyncio.run(main())


def test_a_connection_more_than_there_may_be_is_told_503() -> None:
    async def main() -> None:
        async with running(connections=1) as served, client(served) as ada:
            with pytest.raises(InvalidStatus) as refused:
                async with client(served, ada.schema):
                    pass
            assert refused.value.response.status_code == 503
            await ada.create()

    asyncio.run(main())


def test_nothing_of_one_interview_is_said_to_another() -> None:
    async def main() -> None:
        async with running() as served, client(served) as ada, client(served, ada.schema) as bob:
            await ada.begin(resume={"text": TEXT}, job_description="Adas secret")
            await bob.begin(resume={"text": "Bob"})
            await ada.ask("submit_answer", question=1, text="Adas answer")
            await bob.snapshot()
            assert "Ada" not in json.dumps(bob.heard)
            assert ada.token not in json.dumps(await ada.snapshot())

    asyncio.run(main())
