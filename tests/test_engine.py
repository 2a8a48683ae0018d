"""Sessions and the engine, as whoever conducts an interview meets them."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import pytest
from msgspec.structs import replace

from interview_fsm import events as e
from interview_fsm.engine import Engine, Heard, Limits, News, Session, Speech, Update
from interview_fsm.errors import (
    AdapterError,
    Busy,
    Gone,
    InterviewError,
    InvalidCommand,
    NewerFormat,
    SessionOver,
    SessionTaken,
    TooSlow,
)
from interview_fsm.interview import FollowUp, Interview, Open, Wanted
from interview_fsm.states import State
from interview_fsm.testing import (
    HANGS,
    Fault,
    FaultyStorage,
    ScriptedInterviewer,
    ScriptedRecorder,
    ScriptedSpeaker,
    ScriptedTranscriber,
    Step,
    run,
    turns,
)

from .worlds import (
    CANARY,
    MATERIAL,
    PLAN,
    World,
    candidate,
    has_feedback,
    has_open,
    loop,
    quiet,
    started,
    wants_a_number,
)

ONE = e.Plan(questions=1, follow_ups=0)
TWO = e.Plan(questions=2, follow_ups=0)


def sitting(test: Any, world: World | None = None, **settings: Any) -> World:
    """Run *test*(world, session) on a new session of a new engine; the world afterwards."""
    world = world or World()

    async def main() -> None:
        async with world.engine(**settings) as engine, engine.new(MATERIAL) as session:
            await test(world, session)
        assert world.open == 0
        assert engine.sessions == 0

    run(main())
    return world


# ------------------------------------------------------------------------------- a whole interview


def test_a_whole_interview_spoken_and_typed_with_a_follow_up() -> None:
    async def whole(world: World, session: Session) -> None:
        interview = await candidate(session)
        assert await world.entries(interview.id) == [
            ["attached"],
            ["start_interview"],
            ["choose_difficulty"],
            ["question_asked"],
            ["record_answer"],
            ["finish_answer"],
            ["answer_recorded", "follow_up_wanted"],
            ["question_asked"],
            ["submit_answer"],
            ["question_asked"],
            ["record_answer"],
            ["finish_answer"],
            ["answer_recorded"],
            ["analyze"],
            ["feedback_given"],
            ["stop_interview"],
        ]
        assert Interview.replay(interview.id, await world.kept.load(interview.id)) == interview
        assert [turn.question.follow_up_to for turn in interview.turns] == [None, 1, None]
        assert interview.feedback is not None
        assert interview.feedback.plan == PLAN.fingerprint

    sitting(whole, follow_up=wants_a_number)


def test_the_interviewer_is_told_of_the_resume_and_of_the_question_wanted() -> None:
    async def whole(world: World, session: Session) -> None:
        await candidate(session)
        first, second = world.interviewer.asked[:2]
        assert (first.resume, first.job_description) == (MATERIAL.resume, MATERIAL.job_description)
        assert first.ask is not None
        assert (first.ask.number, first.ask.difficulty, first.ask.follow_up) == (1, "senior", None)
        assert second.ask is not None
        assert second.ask.follow_up == FollowUp(1, "numbers")
        assert world.transcriber.hints[0][:2] == ("Question 1", "senior")
        assert world.transcriber.languages[0] == "en"

    sitting(whole, follow_up=wants_a_number)


def test_news_comes_in_order_and_only_updates_have_versions() -> None:
    async def listen(world: World, session: Session) -> None:
        with session.updates() as updates:
            news: list[News] = []

            async def read() -> None:
                async for item in updates:
                    news.append(item)

            reading = asyncio.create_task(read())
            await started(session, ONE)
            await quiet(session)
            await session.send(e.RecordAnswer(1))
            await session.until(lambda i: bool(i.answered))
            await session.aclose()
            await reading
        assert [item.entry.version for item in news if isinstance(item, Update)] == [1, 2, 3, 4, 5, 6]
        assert all(item.interview.version == item.entry.version for item in news if isinstance(item, Update))
        assert [item.question for item in news if isinstance(item, Speech)] == [1]
        heard = [item.text for item in news if isinstance(item, Heard)]
        assert heard[:2] == ["Spoken", "Spoken answer"]
        assert all(item.question == 1 for item in news if isinstance(item, Heard))

    sitting(listen)


# ---------------------------------------------------------------------- send: stored, and let go of


def test_send_returns_when_the_entry_is_stored_and_the_old_activity_has_let_go() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session)
        await turns(5)
        assert world.speaker.open == 1  # the question is being read out
        sending = asyncio.create_task(session.send(e.RecordAnswer(1)))
        while not sending.done():
            stored = "record_answer" in await world.story(session.interview.id)
            assert (session.interview.state is State.RECORDING) <= stored
            await turns(1)
        assert stored
        assert world.speaker.open == 0
        assert sending.result().state is State.RECORDING

    world = World(working=3)
    world.speaker = ScriptedSpeaker((Step(takes=60.0),))
    sitting(main, world)


def test_a_refused_command_says_why_and_changes_nothing() -> None:
    async def main(world: World, session: Session) -> None:
        before = await started(session)
        version = session.interview.version
        with pytest.raises(InvalidCommand) as caught:
            await session.send(e.SubmitAnswer(2, "x"))
        assert caught.value.reason == "there is no question 2"
        assert "submit_answer" in caught.value.allowed
        assert session.interview == before
        assert len(await world.kept.load(session.interview.id)) == version

    sitting(main)


def test_a_resent_command_is_acknowledged_again_and_not_run_again() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session, TWO)
        first = await session.send(e.SubmitAnswer(1, "I did it."), command_id="c1")
        version = session.version_of("c1")
        assert version == first.version
        again = await session.send(e.SubmitAnswer(1, "I did it."), command_id="c1")
        assert [turn.answer and turn.answer.text for turn in again.answered] == ["I did it."]
        assert session.version_of("c1") == version
        assert session.version_of("c2") is None
        both = [session.send(e.SubmitAnswer(2, "And that."), command_id="c2") for _ in range(2)]
        await session.until(has_open(2))
        await asyncio.gather(*both)
        assert (await world.story(session.interview.id)).count("submit_answer") == 2

    sitting(main)


def test_a_caller_that_goes_away_does_not_tear_a_step() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session)
        for pause in range(12):
            session_before = session.interview
            sending = asyncio.create_task(session.send(e.RepeatQuestion(1)))
            await turns(pause)
            sending.cancel()
            await asyncio.wait([sending])
            await session.send(e.RepeatQuestion(1))
            entries = await world.kept.load(session.interview.id)
            assert Interview.replay(session.interview.id, entries) == session.interview
            assert session.interview.version - session_before.version in (1, 2)

    sitting(main, World(working=3))


def test_a_command_whose_caller_has_gone_before_its_turn_is_not_run() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session)
        held = asyncio.create_task(session.send(e.RepeatQuestion(1)))
        gone = asyncio.create_task(session.send(e.SubmitAnswer(1, "too late")))
        await turns(2)
        gone.cancel()
        await held
        await session.send(e.RepeatQuestion(1))
        assert "submit_answer" not in await world.story(session.interview.id)

    sitting(main, World(working=3))


def test_busy_when_too_many_commands_wait_but_stopping_is_never_too_many() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session)
        waiting = [asyncio.create_task(session.send(e.RepeatQuestion(1)))]
        await turns(2)  # it is at work
        waiting += [asyncio.create_task(session.send(e.RepeatQuestion(1))) for _ in range(4)]
        await turns(1)
        with pytest.raises(Busy):
            await session.send(e.RepeatQuestion(1))
        assert (await session.send(e.StopInterview())).state is State.STOPPED
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(ended[0], Interview)
        assert [type(error) for error in ended[1:]] == [InvalidCommand] * 4
        assert (await world.story(session.interview.id)).count("repeat_question") == 1

    sitting(main, World(working=3), limits=Limits(mail=4))


# ------------------------------------------------------------------------------------- activities


def test_an_activity_that_has_ended_is_not_started_again_until_another_is_wanted() -> None:
    async def main(world: World, session: Session) -> None:
        interview = await started(session, TWO)
        await quiet(session)
        with pytest.raises(InvalidCommand):
            await session.send(e.FinishAnswer())
        await session.send(e.RecordAnswer(1))
        await session.send(e.DiscardAnswer())
        await quiet(session)
        # The same activity as before the recording: it was left meanwhile, so it is started anew.
        assert world.speaker.said == [interview.turns[0].question.text] * 2
        await asyncio.sleep(100)
        assert len(world.speaker.begun) == 2
        await session.send(e.RepeatQuestion(1))
        await quiet(session)
        assert len(world.speaker.said) == 3

    sitting(main)


def test_the_same_difficulty_changes_nothing_and_another_makes_the_question_anew() -> None:
    async def main(world: World, session: Session) -> None:
        await session.send(e.StartInterview(ONE))
        await session.send(e.ChooseDifficulty("senior"))
        await asyncio.sleep(1)
        await session.send(e.ChooseDifficulty("senior"))
        await asyncio.sleep(1)
        assert (world.interviewer.calls, world.interviewer.open) == (1, 1)
        await session.send(e.ChooseDifficulty("entry"))
        assert world.interviewer.open <= 1  # the new one may have begun; the old one has let go
        interview = await session.until(has_open(1))
        assert world.interviewer.calls == 2
        assert interview.turns[0].question.difficulty == "entry"
        assert not world.interviewer.hurried

    world = World()
    world.interviewer = ScriptedInterviewer((Step(takes=10.0),))
    sitting(main, world)


def test_an_outcome_that_comes_when_its_activity_was_left_is_dropped() -> None:
    async def main(world: World, session: Session) -> None:
        await session.send(e.StartInterview(ONE))
        await session.send(e.ChooseDifficulty("senior"))
        while not any(mail.reply is None for mail in session._mail):  # its outcome is in the mail
            if not session._mail:
                sending = asyncio.create_task(session.send(e.ChooseDifficulty("senior")))
                leaving = asyncio.create_task(session.send(e.ChooseDifficulty("entry")))
            await turns(1)
        await sending
        await leaving
        interview = await session.until(has_open(1))
        assert [turn.question.difficulty for turn in interview.turns] == ["entry"]
        assert world.interviewer.calls == 2
        assert (await world.story(interview.id)).count("question_asked") == 1

    world = World(working=6)
    world.interviewer = ScriptedInterviewer(working=1, leaving=1)
    sitting(main, world)


def test_finish_answer_ends_the_sound_and_lets_recognition_finish() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session, ONE)
        await session.send(e.RecordAnswer(1, e.Source("stream")))
        await asyncio.sleep(1)
        began = loop().time()
        interview = await session.send(e.FinishAnswer())
        assert interview.state is State.RECORDING
        interview = await session.until(lambda i: bool(i.answered))
        assert loop().time() - began == pytest.approx(5.0)  # recognition is slow, and was waited for
        assert interview.turns[0].answer is not None
        assert interview.turns[0].answer.text == "I led it."
        assert (world.recorder.finished, world.recorder.calls, world.transcriber.calls) == (1, 1, 1)
        assert world.recorder.sources == [e.Source("stream")]

    world = World()
    world.recorder = ScriptedRecorder(seconds=60)
    world.transcriber = ScriptedTranscriber((Step("I led it.", takes=5.0),))
    sitting(main, world)


def test_a_spoken_answer_ends_by_itself_at_silence() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session, ONE)
        await session.send(e.RecordAnswer(1))
        interview = await session.until(lambda i: i.state is not State.RECORDING)
        assert interview.answered
        assert world.recorder.finished == 0

    sitting(main)


def test_no_microphone_is_open_while_the_interviewer_speaks_nor_a_voice_heard_while_one_is() -> None:
    together: list[int] = []

    class Listening(ScriptedRecorder):
        async def record(self, *args: Any, **named: Any) -> AsyncGenerator[bytes, None]:
            together.append(world.speaker.open)
            async with aclosing(super().record(*args, **named)) as sound:
                async for chunk in sound:
                    together.append(world.speaker.open)
                    yield chunk

    async def main(world: World, session: Session) -> None:
        await started(session, ONE)
        await session.until(lambda i: i.open_question is not None)
        while not world.speaker.open:
            await asyncio.sleep(0.01)
        await session.send(e.RecordAnswer(1))  # in the middle of the question
        await session.until(lambda i: i.state is not State.RECORDING)
        assert world.speaker.said == []
        assert together
        assert not any(together)

    world = World()
    world.recorder = Listening(seconds=1)
    world.speaker = ScriptedSpeaker([Step(takes=30.0)] * 3)
    sitting(main, world)


def test_a_typed_answer_while_recording_ends_the_recording() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session, ONE)
        await session.send(e.RecordAnswer(1))
        await asyncio.sleep(0.5)
        assert world.recorder.open == world.transcriber.open == 1
        interview = await session.send(e.SubmitAnswer(1, "Typed."))
        assert world.open == 0
        assert interview.state is State.QUESTIONING
        assert interview.turns[0].answer is not None
        assert interview.turns[0].answer.text == "Typed."
        await asyncio.sleep(1000)
        assert "answer_recorded" not in await world.story(interview.id)

    sitting(main)


def test_nothing_heard_puts_the_question_again() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session, ONE)
        await session.send(e.RecordAnswer(1))
        interview = await session.until(lambda i: i.state is State.QUESTIONING)
        assert interview.question == Open(1, 2)
        assert session.trouble is not None
        assert session.trouble.code == "no_speech"
        await quiet(session)
        assert len(world.speaker.said) == 1  # the first time it was cut short by the recording
        assert (await world.kept.load(interview.id))[-1].events == (e.AnswerLost("no_speech"),)

    world = World()
    world.transcriber = ScriptedTranscriber((Step("  \n"),))
    sitting(main, world)


def test_a_correction_while_analyzing_begins_the_analysis_anew() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session, ONE)
        await session.send(e.SubmitAnswer(1, "I did it."))
        await session.send(e.Analyze())
        await asyncio.sleep(1)
        assert (world.interviewer.open, len(world.interviewer.analyzed)) == (1, 1)
        await session.send(e.Analyze())  # the same again: nothing new
        await asyncio.sleep(1)
        assert len(world.interviewer.analyzed) == 1
        await session.send(e.CorrectAnswer(1, "I led it."))
        interview = await session.until(has_feedback)
        assert interview.feedback is not None
        assert [(a.question, a.revision) for a in interview.feedback.answers] == [(1, 2)]
        assert world.interviewer.made == [(1, 2)]
        assert not world.interviewer.hurried

    world = World()
    world.interviewer = ScriptedInterviewer(feedback=(Step(takes=10.0),))
    sitting(main, world)


def test_analyze_redoes_only_the_answers_that_changed() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session, TWO)
        await session.send(e.SubmitAnswer(1, "First."))
        await session.until(has_open(2))
        await session.send(e.SubmitAnswer(2, "Second."))
        await session.send(e.Analyze())
        await session.until(has_feedback)
        await session.send(e.CorrectAnswer(1, "The first."))
        assert session.interview.stale == (1,)
        await session.send(e.Analyze())
        interview = await session.until(lambda i: has_feedback(i) and not i.stale)
        assert world.interviewer.made == [(1, 1), (2, 1), (1, 2)]
        assert interview.feedback is not None
        assert [a.revision for a in interview.feedback.answers] == [2, 1]

    sitting(main)


def test_the_summary_is_spoken_once_and_not_after_a_reopening() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as engine:
            async with engine.new() as session:
                await started(session, ONE)
                await session.send(e.SubmitAnswer(1, "First."))
                await session.send(e.Analyze())
                await session.until(has_feedback)
                await quiet(session)
            assert world.speaker.said == ["You have answered 1."]
            async with await engine.open(session.interview.id) as session:
                await quiet(session)
                assert session.interview.feedback is not None
            assert world.speaker.said == ["You have answered 1."]

    run(main())


def test_without_voice_an_interview_is_typed_and_recording_says_why_not() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session, ONE)
        await session.send(e.RecordAnswer(1))
        interview = await session.until(lambda i: i.state is State.QUESTIONING)
        assert session.trouble == e.Warning("microphone_unavailable", "This server has no microphone.")
        assert interview.question == Open(1, 2)
        await session.send(e.SubmitAnswer(1, "Typed."))
        await candidate(session)

    sitting(main, recorder=None, speaker=None)


# -------------------------------------------------------------------------------------- follow-ups


def test_the_follow_up_rule_is_asked_once_and_the_table_may_refuse_it() -> None:
    asked: list[int] = []

    def always(interview: Interview) -> e.FollowUpWanted:
        asked.append(len(interview.answered))
        return e.FollowUpWanted(1, "result")

    async def main(world: World, session: Session) -> None:
        await started(session, e.Plan(questions=2, follow_ups=1))
        interview = await session.send(e.SubmitAnswer(1, "First."))
        assert interview.question == Wanted(FollowUp(1, "result"))
        await session.until(has_open(2))
        await session.send(e.SubmitAnswer(2, "More."))  # the limit is reached: no third one
        interview = await session.until(has_open(3))
        assert asked == [1, 2]
        assert [turn.question.follow_up_to for turn in interview.turns] == [None, 1, None]
        assert (await world.entries(interview.id))[4:] == [
            ["submit_answer", "follow_up_wanted"],
            ["question_asked"],
            ["submit_answer"],
            ["question_asked"],
        ]

    sitting(main, follow_up=always)


def test_no_rule_is_asked_where_the_plan_has_no_follow_ups() -> None:
    def never(interview: Interview) -> e.FollowUpWanted:
        raise AssertionError("asked")

    async def main(world: World, session: Session) -> None:
        await started(session, ONE)
        assert (await session.send(e.SubmitAnswer(1, "First."))).question is None

    sitting(main, follow_up=never)


def test_a_follow_up_rule_that_breaks_costs_the_follow_up_and_not_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(interview: Interview) -> e.FollowUpWanted:
        raise IndexError(CANARY)

    async def main(world: World, session: Session) -> None:
        await started(session, PLAN)
        interview = await session.send(e.SubmitAnswer(1, "First."))
        assert interview.answered
        await session.until(has_open(2))

    sitting(main, follow_up=broken)
    assert "IndexError" in caplog.text
    assert CANARY not in caplog.text


# ---------------------------------------------------------------------------------- until, updates


def test_until_gives_the_interview_that_met_the_condition_though_it_moved_on() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session, ONE)
        waiting = asyncio.create_task(session.until(lambda i: i.state is State.RECORDING))
        await turns(1)
        # The storage does not wait, so both are taken in one turn of the loop.
        sent = asyncio.gather(session.send(e.RecordAnswer(1)), session.send(e.DiscardAnswer()))
        await sent
        assert session.interview.state is State.QUESTIONING
        assert (await waiting).state is State.RECORDING

    sitting(main)


@pytest.mark.parametrize("error", [IndexError("later"), StopIteration()])
def test_a_condition_that_raises_does_so_to_its_caller_and_the_session_goes_on(error: Exception) -> None:
    def breaks(interview: Interview) -> bool:
        if interview.state is State.RECORDING:
            raise error
        return False

    async def main(world: World, session: Session) -> None:
        await started(session, ONE)
        waiting = asyncio.create_task(session.until(breaks))
        await turns(1)
        await session.send(e.RecordAnswer(1))
        with pytest.raises(RuntimeError if isinstance(error, StopIteration) else IndexError):
            await waiting
        assert (await session.send(e.StopInterview())).state is State.STOPPED

    sitting(main)


def test_until_raises_when_the_session_ends_before() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session)
        waiting = [asyncio.create_task(session.until(lambda i: False)) for _ in range(3)]
        await turns(1)
        waiting[0].cancel()
        await session.aclose(SessionTaken(session.interview.id))
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(error) for error in ended] == [asyncio.CancelledError, SessionTaken, SessionTaken]
        with pytest.raises(SessionTaken):
            await session.until(lambda i: False)
        assert await session.until(lambda i: True) is session.interview
        with pytest.raises(SessionTaken):
            await session.send(e.StopInterview())
        with pytest.raises(SessionTaken):
            await session.attach()
        assert [news async for news in session.updates()] == []

    sitting(main)


def test_a_slow_reader_is_dropped_and_the_session_goes_on() -> None:
    async def main(world: World, session: Session) -> None:
        slow, quick = session.updates(), session.updates()
        seen = 0
        await started(session, ONE)
        for _ in range(20):
            await session.send(e.RepeatQuestion(1))
            while quick._waiting:
                await anext(quick)
                seen += 1
        with pytest.raises(TooSlow):
            await anext(slow)
        with pytest.raises(TooSlow):
            await anext(slow)
        assert seen >= 24
        assert len(session._readers) == 1
        await session.send(e.StopInterview())

    sitting(main, limits=Limits(unread=16))


def test_a_reader_that_stops_listening_is_told_nothing_more() -> None:
    async def main(world: World, session: Session) -> None:
        with session.updates() as updates:
            await session.attach()
        await started(session, ONE)
        assert [news.entry.version async for news in updates if isinstance(news, Update)] == [1]

    sitting(main)


# ----------------------------------------------------------------------------- what leaves nothing


def test_a_session_that_did_nothing_leaves_nothing() -> None:
    async def main(world: World, session: Session) -> None:
        await asyncio.sleep(5)

    world = sitting(main)
    assert world.storage.calls == []


def test_a_session_that_is_left_at_once_has_ended() -> None:
    async def main() -> None:
        world = World()
        async with world.engine() as engine:
            session = engine.new(MATERIAL)
            sending = asyncio.create_task(session.send(e.StartInterview()))
            await session.aclose()  # before its task has had a turn
            assert isinstance(session.ended, SessionOver)
            assert engine.sessions == 0
            with pytest.raises(SessionOver):
                await sending
            with pytest.raises(Gone):
                await engine.open(session.interview.id)
        assert world.storage.calls == ["load"]

    run(main())


def test_a_first_command_that_is_refused_leaves_nothing() -> None:
    async def main(world: World, session: Session) -> None:
        with pytest.raises(InvalidCommand):
            await session.send(e.Analyze())
        with pytest.raises(InvalidCommand):
            await session.send(e.StartInterview(e.Plan(questions=0)))

    world = sitting(main)
    assert world.storage.calls == []


def test_material_that_cannot_be_kept_is_refused_before_anything_is_stored() -> None:
    async def main(world: World, session: Session) -> None:
        session.bring(e.Material("half a pair: \ud83d"))
        with pytest.raises(ValueError, match=r"."):
            await session.send(e.StartInterview())
        assert session.interview.version == 0
        session.bring(MATERIAL)
        await session.send(e.StartInterview())

    world = sitting(main)
    assert world.storage.calls == ["append"] * 3


def test_attaching_twice_begins_the_log_once() -> None:
    async def main(world: World, session: Session) -> None:
        await asyncio.gather(session.send(e.StartInterview(ONE)), session.attach(), session.attach())
        await session.attach()
        assert await world.story(session.interview.id) == ["attached", "start_interview"]

    sitting(main, World(working=1))


# ------------------------------------------------------------------------------------- the résumé


def test_the_resume_is_kept_beside_the_log_and_erased_once_the_stop_is_durable() -> None:
    async def main(world: World, session: Session) -> None:
        await session.attach()
        resume = session.interview.id + ".resume"
        kept = (await world.kept.load(resume))[0]
        assert kept.events == (MATERIAL,)
        heads = [head async for head in world.kept.interviews(expired_before=float("inf"))]
        limits = Limits()
        assert [head.expires_at for head in heads] == [limits.retention, limits.resume]
        assert await world.logs() == [session.interview.id, resume]
        await started(session)
        await session.send(e.StopInterview())
        assert session.material is None
        assert await world.logs() == [session.interview.id]
        assert world.storage.calls[-2:] == ["append", "erase"]

    sitting(main)


def test_a_resume_that_cannot_be_erased_does_not_hold_up_the_stop_and_goes_later() -> None:
    fails = [True]
    world = World(lambda call, name: float("inf") if name == "erase" and fails[0] else None)

    async def main() -> None:
        async with world.engine() as engine:
            async with engine.new(MATERIAL) as session:
                await started(session)
                assert (await session.send(e.StopInterview())).state is State.STOPPED
                assert session.ended is None
            assert await world.has_resume(session.interview.id)
            fails[0] = False
            async with await engine.open(session.interview.id) as session:
                assert session.material is None
            assert not await world.has_resume(session.interview.id)

    run(main())


def test_restart_is_a_new_interview_on_the_same_material_and_the_old_one_is_gone() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as engine:
            old = engine.new(MATERIAL, owner="me", token="t")
            await started(old)
            new = await engine.restart(old)
            assert isinstance(old.ended, Gone)
            assert await world.logs() == []
            assert new.interview.id != old.interview.id
            await started(new)
            assert world.interviewer.asked[-1].resume == MATERIAL.resume
            assert await world.logs() == [new.interview.id, new.interview.id + ".resume"]
            assert [head.owner async for head in world.kept.interviews(owner="me")] == ["me"]
            await new.aclose()
            again = await engine.open(new.interview.id, token="t")  # the token is carried over as well
            newest = await engine.restart(again)
            assert newest.material == MATERIAL
            assert engine.sessions == 1

    run(main())


# --------------------------------------------------------------------------------------- opening


def test_opening_goes_on_from_the_log_and_ends_the_older_session() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as engine:
            first = engine.new(MATERIAL, token="t")
            await started(first, TWO)
            await first.send(e.SubmitAnswer(1, "First."), command_id="c1")
            waiting = asyncio.create_task(first.until(lambda i: False))
            second = await engine.open(first.interview.id, token="t")
            assert isinstance(first.ended, SessionTaken)
            with pytest.raises(SessionTaken):
                await waiting
            assert second.material == MATERIAL
            assert second.version_of("c1") == 5
            interview = await second.send(e.SubmitAnswer(1, "First."), command_id="c1")
            assert len(interview.answered) == 1
            await second.until(has_open(2))
            assert engine.sessions == 1

    run(main())
    assert world.open == 0


def test_whoever_waits_hears_why_their_session_ended_even_in_the_midst_of_an_append() -> None:
    world = World(working=10)

    async def main() -> None:
        async with world.engine() as engine:
            first = engine.new()
            await started(first)
            at_work = asyncio.create_task(first.send(e.RepeatQuestion(1)))
            waiting = asyncio.create_task(first.send(e.RepeatQuestion(1)))
            await turns(3)
            await engine.open(first.interview.id)
            for sending in (at_work, waiting):
                with pytest.raises(SessionTaken):
                    await sending

    run(main())


def test_a_recording_that_was_going_on_is_lost_in_the_entry_that_claims() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as engine:
            async with engine.new() as session:
                await started(session, ONE)
                await session.send(e.RecordAnswer(1))
                await asyncio.sleep(0.3)
            async with await engine.open(session.interview.id) as session:
                assert session.interview.state is State.QUESTIONING
                await quiet(session)
                last = (await world.kept.load(session.interview.id))[-1]
                assert last.events == (e.Attached(), e.AnswerLost("interrupted"))
                assert last.append_id.startswith("~")
                assert session.interview.turns[0].question.text in world.speaker.said  # put again

    run(main())


def test_opened_by_another_engine_the_older_one_finds_out_when_it_writes() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as one, world.engine() as other:
            first = one.new()
            await started(first)
            second = await other.open(first.interview.id)
            waiting = asyncio.create_task(first.until(lambda i: False))
            with pytest.raises(SessionTaken):
                await first.send(e.SubmitAnswer(1, "Lost?"))
            with pytest.raises(SessionTaken):
                await waiting
            assert isinstance(first.ended, SessionTaken)
            assert one.sessions == 0
            interview = await second.send(e.SubmitAnswer(1, "Kept."))
            assert [turn.answer and turn.answer.text for turn in interview.answered] == ["Kept."]

    run(main())


@pytest.mark.parametrize("engines", [1, 2])
@pytest.mark.parametrize("head_start", range(0, 40, 3))
def test_of_two_who_open_at_once_one_at_least_goes_on(engines: int, head_start: int) -> None:
    world = World(working=5)

    async def main() -> None:
        async with world.engine() as one, world.engine() as two:
            async with one.new(token="t") as session:
                await started(session)
            other = two if engines == 2 else one
            opening = [asyncio.create_task(one.open(session.interview.id, token="t"))]
            await turns(head_start)
            opening.append(asyncio.create_task(other.open(session.interview.id, token="t")))
            opened = await asyncio.gather(*opening, return_exceptions=True)
            assert all(isinstance(result, Session | SessionTaken) for result in opened)
            if engines == 1:
                live = [result for result in opened if isinstance(result, Session) and result.ended is None]
                assert one.sessions == len(live) == 1
            went_on = 0
            for result in opened:
                if isinstance(result, Session):
                    with suppress(SessionTaken):
                        await result.send(e.RepeatQuestion(1))
                        went_on += 1
            assert went_on == 1

    run(main())


def test_who_claimed_first_but_heard_of_it_last_does_not_end_the_later_one() -> None:
    world = World()
    append = world.storage.append

    claims: list[int] = []

    async def first_reply_is_slow(*args: Any, **settings: Any) -> None:
        claims.append(len(claims))
        is_first = claims[-1] == 0
        await append(*args, **settings)
        if is_first:
            await asyncio.sleep(5)

    async def main() -> None:
        async with world.engine() as engine:
            async with engine.new() as session:
                await started(session)
            world.storage.append = first_reply_is_slow  # type: ignore[method-assign]
            first = asyncio.create_task(engine.open(session.interview.id))
            await asyncio.sleep(1)
            second = await engine.open(session.interview.id)
            with pytest.raises(SessionTaken):
                await first
            await second.send(e.SubmitAnswer(1, "It goes on."))

    run(main())


def test_a_wrong_token_opens_nothing_and_ends_nobodys_session() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as engine:
            live = engine.new(token="right")
            await started(live)
            for wrong in ("wrong", ""):
                with pytest.raises(Gone):
                    await engine.open(live.interview.id, token=wrong)
            assert live.ended is None
            await live.aclose()
            calls = len(await world.kept.load(live.interview.id))
            with pytest.raises(Gone):
                await engine.open(live.interview.id, token="wrong")
            assert len(await world.kept.load(live.interview.id)) == calls
            async with await engine.open(live.interview.id, token="right"):
                pass
            tokenless = engine.new()
            await tokenless.attach()
            with pytest.raises(Gone):
                await engine.open(tokenless.interview.id, token="")
            with pytest.raises(Gone):
                await engine.open("never", token="right")

    run(main())


def test_a_newer_format_is_let_go_of_untouched() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as engine:
            async with engine.new() as session:
                await session.attach()

            async def newer(interview_id: str, after: int = 0) -> list[e.Entry]:
                entries = await world.kept.load(interview_id, after)
                return [
                    e.decode(e.encode(replace(entry, format=e.FORMAT)).replace(b'"format":1', b'"format":2'))
                    for entry in entries
                ]

            world.storage.load = newer  # type: ignore[method-assign]
            with pytest.raises(NewerFormat):
                await engine.open(session.interview.id)
            assert await world.story(session.interview.id) == ["attached"]
            assert engine.sessions == 0

    run(main())


def test_a_stopped_interview_opens_for_reading_only() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as engine:
            async with engine.new(MATERIAL) as session:
                await candidate(session)
            before = await world.kept.load(session.interview.id)
            async with await engine.open(session.interview.id) as session:
                assert session.interview.feedback is not None
                with pytest.raises(InvalidCommand) as caught:
                    await session.send(e.NextQuestion())
                assert caught.value.allowed == ()
                assert await session.attach() == session.interview
            assert await world.kept.load(session.interview.id) == before

    run(main())


def test_a_stopped_interview_does_not_open_before_its_stop_is_known_to_be_durable() -> None:
    # That it can be read does not say so: its append may have gone unanswered.
    faults: dict[str, Fault] = {}
    world = World(lambda _, name: faults.get(name))

    async def main() -> None:
        async with world.engine() as engine:
            session = engine.new()
            await session.attach()
            faults["append"] = "lost-reply"
            with pytest.raises(AdapterError):
                await session.send(e.StopInterview(), command_id="stop")
            for _ in range(2):
                with pytest.raises(AdapterError):
                    await engine.open(session.interview.id)
            faults.clear()
            again = await engine.open(session.interview.id)
            assert again.version_of("stop") == again.interview.version == 2

    run(main())


# -------------------------------------------------------------------------- erasing, sweeping, ending


def test_erasing_ends_the_session_and_leaves_no_log() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as engine:
            session = engine.new(MATERIAL)
            await started(session)
            assert await engine.erase(session.interview.id)
            assert isinstance(session.ended, Gone)
            assert await world.logs() == []
            assert not await engine.erase(session.interview.id)

    run(main())
    assert world.open == 0


@pytest.mark.parametrize("fault", ["lost-request", "hung-reply"])
def test_an_interview_that_could_not_be_erased_is_not_gone_and_opens_again(fault: Fault) -> None:
    world = World()
    storage = FaultyStorage(world.kept, lambda _, name: fault if name == "erase" else None)

    async def main() -> None:
        async with Engine(storage, world.interviewer, limits=Limits(append=5.0)) as engine:
            session = engine.new()
            await started(session)
            waiting = asyncio.create_task(session.until(lambda interview: interview.version > 50))
            await turns(1)
            with pytest.raises(AdapterError) as away:
                await engine.erase(session.interview.id)
            assert away.value.code == "storage_unavailable"
            assert type(session.ended) is SessionOver
            with pytest.raises(SessionOver, match="is being erased"):
                await waiting
            if fault == "lost-request":
                again = await engine.open(session.interview.id)
                await again.send(e.SubmitAnswer(1, "I am still here."))

    run(main())


def test_who_opens_an_interview_while_it_is_erased_hears_that_it_is_gone() -> None:
    world = World()
    storage = FaultyStorage(world.kept, lambda _, name: 1.0 if name == "erase" else None)

    async def main() -> None:
        async with Engine(storage, world.interviewer) as engine:
            session = engine.new()
            await started(session)
            erasing = asyncio.create_task(engine.erase(session.interview.id))
            await asyncio.sleep(0.5)
            again = await engine.open(session.interview.id)
            assert await erasing
            assert isinstance(again.ended, Gone)
            assert isinstance(session.ended, Gone)
            assert engine.sessions == 0

    run(main())


def test_erased_by_another_engine_the_session_is_gone_when_it_writes() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as one, world.engine() as other:
            session = one.new(MATERIAL)
            await started(session)
            assert await other.erase(session.interview.id)
            with pytest.raises(Gone):
                await session.send(e.SubmitAnswer(1, "To whom?"))
            assert await world.logs() == []

    run(main())


def test_sweeping_erases_what_has_expired_and_resumes_that_nobody_needs() -> None:
    world = World()
    limits = Limits(retention=2000.0, resume=1000.0)

    async def main() -> None:
        async with world.engine(limits) as engine:
            ids = {}
            for name in ("old", "stopped", "orphan", "sleeping", "live"):
                session = engine.new(MATERIAL)
                await session.send(e.StartInterview())
                ids[name] = session.interview.id
                if name != "live":
                    await session.aclose()
            await world.kept.erase(ids["orphan"])
            last = (await world.kept.load(ids["stopped"]))[-1]
            stop = e.Entry(last.version + 1, "~x", 0.0, (e.StopInterview(),))
            await world.kept.append(ids["stopped"], last.version, stop, expires_at=2000.0)
            await asyncio.sleep(400)
            assert await engine.sweep() == 2  # the résumés of the stopped one and of none
            kept = set(await world.logs())
            resumes = {ids[name] + ".resume" for name in ("old", "sleeping", "live")}
            assert kept == {ids[name] for name in ids if name != "orphan"} | resumes

            await asyncio.sleep(700)
            assert await engine.sweep() == 3  # every résumé has its own day
            await asyncio.sleep(800)
            async with await engine.open(ids["sleeping"]):
                pass
            await asyncio.sleep(200)
            assert await engine.sweep() == 2
            assert set(await world.logs()) == {ids["sleeping"], ids["live"]}
            assert await engine.sweep() == 0

    run(main())


def test_sweeping_keeps_the_resume_of_an_interview_that_a_later_release_wrote() -> None:
    world = World()

    async def main() -> None:
        async with world.engine() as engine:
            async with engine.new(MATERIAL) as session:
                await session.attach()
            load = world.kept.load

            async def newer(interview_id: str, after: int = 0) -> list[e.Entry]:
                if interview_id == session.interview.id:
                    raise NewerFormat(interview_id)
                return await load(interview_id, after)

            world.storage.load = newer  # type: ignore[method-assign]
            assert await engine.sweep() == 0
            assert await world.has_resume(session.interview.id)

    run(main())


def test_leaving_the_engine_ends_all_sessions_at_once() -> None:
    world = World()
    world.interviewer = ScriptedInterviewer((HANGS,) * 20, leaving=50)

    async def main() -> None:
        async with world.engine() as engine:
            sessions = [engine.new() for _ in range(20)]
            for session in sessions:
                await session.send(e.StartInterview())
                await session.send(e.ChooseDifficulty("x"))
            await turns(5)
            assert world.interviewer.open == 20
            ending = asyncio.create_task(engine.aclose())
            await turns(80)  # one after another they would take a thousand
            assert ending.done()
            await ending
        assert all(isinstance(session.ended, SessionOver) for session in sessions)

    run(main())
    assert world.open == 0
    assert not world.interviewer.hurried


# ---------------------------------------------------------------------------------------- observers


def test_observers_get_every_entry_and_timing_and_no_text() -> None:
    async def main(world: World, session: Session) -> None:
        await started(session)
        await quiet(session)
        await candidate(session)

    world = sitting(main)
    appended = [seen for seen in world.observed if seen.name == "append"]
    assert [seen.version for seen in appended] == list(range(1, len(appended) + 1))
    assert {seen.name for seen in world.observed} == {"append", "ask", "speak", "listen", "analyze"}
    assert {seen.outcome for seen in world.observed if seen.name != "speak"} == {"ok"}
    assert all(seen.entry is None for seen in world.observed)
    told = repr(world.observed)
    assert CANARY not in told
    assert "what was your part" not in told  # the question
    assert "did it myself" not in told  # the answer

    world = sitting(main, observe_texts=True)
    entries = [seen.entry for seen in world.observed if seen.name == "append"]
    assert all(entry is not None for entry in entries)


def test_an_observer_that_breaks_does_not_matter(caplog: pytest.LogCaptureFixture) -> None:
    def broken(seen: Any) -> None:
        raise ZeroDivisionError(CANARY)

    async def main(world: World, session: Session) -> None:
        assert (await candidate(session)).state is State.STOPPED

    with caplog.at_level(logging.ERROR):
        sitting(main, observe=broken)
    assert "an observer failed" in caplog.text
    assert CANARY not in caplog.text


def test_errors_are_told_afresh_each_time() -> None:
    async def main(world: World, session: Session) -> None:
        await session.aclose(SessionTaken("x", "elsewhere"))
        raised: list[InterviewError] = []
        for _ in range(2):
            with pytest.raises(SessionTaken) as caught:
                await session.send(e.StopInterview())
            raised.append(caught.value)
        assert raised[0] is not raised[1]
        assert str(raised[0]) == str(raised[1]) == "elsewhere"

    sitting(main)


def test_the_engine_can_be_left_with_a_session_that_was_never_used() -> None:
    async def main() -> None:
        engine = Engine(World().kept, ScriptedInterviewer())
        engine.new()
        await engine.aclose()
        assert engine.sessions == 0

    run(main())


# --------------------------------------------------------- a time limit that runs out at that very moment


class Limited(ScriptedInterviewer):
    """Asks with a time limit of its own, and begins again when that has run out."""

    limit: asyncio.Timeout

    async def ask(self, brief: Any) -> e.Question:
        async with self._held():
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(None) as self.limit:
                        await asyncio.get_running_loop().create_future()

    def run_out(self, turns: int) -> None:
        """Some turns from now; the task then counts as cancelled, for a turn."""
        if turns:
            asyncio.get_running_loop().call_soon(self.run_out, turns - 1)
        elif self.open:
            with suppress(RuntimeError):  # it has been left already
                self.limit.reschedule(0)


@pytest.mark.parametrize("turn", range(6))
def test_who_stops_while_a_limit_of_the_activity_runs_out_need_not_wait(turn: int) -> None:
    async def stopped(world: World, session: Session) -> None:
        await session.send(e.StartInterview(TWO))
        await session.send(e.ChooseDifficulty("easy"))
        await turns(5)
        asks.run_out(turn)
        assert (await session.send(e.StopInterview())).state is State.STOPPED
        assert asyncio.get_running_loop().time() == 0, "it waited until the engine's own limit"

    world, asks = World(working=1), Limited()
    world.interviewer = asks
    sitting(stopped, world)


@pytest.mark.parametrize("turn", range(4))
def test_a_task_is_given_up_though_a_limit_of_it_runs_out(turn: int) -> None:
    async def given_up(world: World, session: Session) -> None:
        await session.send(e.StartInterview(TWO))
        await session.send(e.ChooseDifficulty("easy"))
        await turns(5)
        asks.run_out(0)
        await turns(turn)
        assert session.give_up("ask")
        assert not session.give_up("ask"), "once is enough"
        await session.until(lambda interview: interview.question is None)

    world, asks = World(), Limited()
    world.interviewer = asks
    sitting(given_up, world)
