"""The coach behind its port, in whole interviews."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from interview_fsm.adapters.coach import AT_ONCE, PROVENANCE, Coach, create
from interview_fsm.coaching.follow_up import follow_up
from interview_fsm.errors import AdapterError
from interview_fsm.events import (
    Analyze,
    Attached,
    ChooseDifficulty,
    CorrectAnswer,
    Criterion,
    FeedbackGiven,
    NextQuestion,
    Plan,
    QuestionAsked,
    Slot,
    StartInterview,
    SubmitAnswer,
)
from interview_fsm.interview import Ask, Interview
from interview_fsm.ports import Brief
from tests.coach_data import LAYOUTS, triples

WE = (
    "Last spring our team had a backlog of orders and we changed the shifts and we moved two "
    "people to packing "
    "because the night shift was empty. After that the backlog dropped to forty orders and "
    "everyone was happy."
)
FULL = (
    "Last spring our shop had a backlog of orders and I was in charge of packing. I moved two "
    "people to the night shift "
    "because it was empty, and I considered a second carrier, but I decided against it because "
    "of the cost. In the end "
    "the backlog dropped to forty orders within a week. Looking back I would do it earlier."
)


def begun(plan=None, difficulty="mid"):
    return Interview(id="i").following(
        [Attached(), StartInterview(plan or Plan(questions=3)), ChooseDifficulty(difficulty)]
    )


async def put(coach, interview, resume=LAYOUTS["nurse"]):
    assert isinstance(interview.activity, Ask)
    question = await coach.ask(Brief(interview, resume, ask=interview.activity))
    return interview.after(QuestionAsked(question))


async def held(coach, answers, plan=None, resume=LAYOUTS["nurse"], difficulty="mid"):
    """An interview with these answers, follow-ups asked as the session would."""
    interview = begun(plan, difficulty)
    for answer in answers:
        interview = await put(coach, interview, resume)
        interview = interview.after(SubmitAnswer(len(interview.turns), answer))
        if wanted := follow_up(interview):
            interview = interview.after(wanted)
    return interview


async def assessed(coach, interview):
    interview = interview.after(Analyze())
    feedback = await coach.analyze(Brief(interview))
    assert interview.grounded(feedback) == feedback
    return interview.after(FeedbackGiven(feedback))


def test_a_question_is_whole():
    async def main():
        question = (await put(await create(), begun(difficulty="Staff Engineer"))).turns[0].question
        assert (question.number, question.follow_up_to, question.difficulty) == (1, None, "Staff Engineer")
        assert question.provenance == PROVENANCE
        assert question.slot.level == "senior"
        assert question.evidence is not None
        assert question.slot.evidence == question.evidence.id
        assert LAYOUTS["nurse"][question.evidence.start : question.evidence.end] == question.evidence.text

    asyncio.run(main())


def test_a_whole_interview_with_a_follow_up_and_feedback():
    async def main():
        coach = await create()
        interview = await held(coach, [WE, "I drew the new plan myself.", FULL, FULL])
        second = interview.turns[1].question
        assert second.follow_up_to == 1
        assert second.slot.facet == "own_part"
        assert "?" in second.text
        assert [turn.question.follow_up_to for turn in interview.turns] == [None, 1, None, None]
        done = await assessed(coach, interview)
        feedback = done.feedback
        assert [each.question for each in feedback.answers] == [1, 2, 3, 4]
        assert feedback.plan == interview.plan.fingerprint
        assert feedback.provenance.adapter == "coach"
        assert feedback.provenance.version
        assert "no language model" in feedback.limitations
        assert "rules" in feedback.summary
        assert 2 <= feedback.summary.count(". ") + 1 <= 4
        assert 1 <= len(feedback.practice) <= 3
        await coach.aclose()
        await coach.aclose()

    asyncio.run(main())


def test_the_same_interview_gets_the_same_questions_from_another_coach():
    async def main():
        one, other = await held(await create(), [FULL] * 3), await held(await create(), [FULL] * 3)
        assert [turn.question for turn in one.turns] == [turn.question for turn in other.turns]

    asyncio.run(main())


def test_skipping_and_changing_the_difficulty_repeat_nothing():
    async def main():
        coach, interview = await create(), begun(Plan(questions=12), "entry")
        for place in range(12):
            interview = await put(coach, interview)
            if place < 11:
                command = (
                    NextQuestion()
                    if place % 3
                    else ChooseDifficulty(["mid", "senior", "entry"][place % 9 // 3])
                )
                interview = interview.after(command)
        texts = [turn.question.text for turn in interview.turns]
        assert len(set(texts)) == 12

    asyncio.run(main())


def test_skipped_questions_are_named_without_blame():
    async def main():
        coach = await create()
        interview = await put(coach, begun())
        interview = await put(coach, interview.after(NextQuestion()))
        interview = interview.after(SubmitAnswer(2, FULL))
        feedback = (await assessed(coach, interview)).feedback
        assert "answered 1 of 2 questions and skipped 1" in feedback.summary

    asyncio.run(main())


def test_a_hosts_own_questions_are_asked_word_for_word_in_any_language():
    async def main():
        slots = (Slot(text="Quel est votre plus grand défi {ici} ?"), Slot("sales", text="Why us?"))
        coach, interview = await create(), begun(Plan(slots=slots, language="fr"))
        for slot in slots:
            interview = await put(coach, interview, "")
            question = interview.turns[-1].question
            assert (question.text, question.slot) == (slot.text, slot)
            interview = interview.after(SubmitAnswer(question.number, "Bonjour"))

    asyncio.run(main())


@pytest.mark.parametrize("language", ["fr", "de-CH", "", "zz"])
def test_another_language_is_refused_plainly_and_never_asked_in_english(language):
    async def main():
        interview = begun(Plan(language=language))
        with pytest.raises(AdapterError) as caught:
            await put(await create(), interview)
        assert caught.value.code == "language_not_served"
        assert not caught.value.retryable
        assert "English" in str(caught.value)

    asyncio.run(main())


@pytest.mark.parametrize("language", ["en", "en-GB", "EN_us"])
def test_every_english_is_served(language):
    asyncio.run(held(Coach(), [FULL], Plan(questions=1, language=language)))


def test_feedback_in_another_language_says_that_nothing_was_assessed():
    async def main():
        plan = Plan(slots=(Slot(text="Pourquoi ?"),), language="fr")
        done = await assessed(
            await create(), await held(await create(), ["Parce que je le veux bien."], plan)
        )
        assert "not assessed" in done.feedback.summary
        assert all(not each.observations for each in done.feedback.answers)
        assert done.stale == ()

    asyncio.run(main())


def test_feedback_on_an_answer_that_did_not_change_is_kept_as_it_is():
    async def main():
        coach = await create()
        done = await assessed(coach, await held(coach, [FULL] * 3))
        marked = replace(done.feedback.answers[0], provenance=replace(PROVENANCE, version="older"))
        done.feedback = replace(done.feedback, answers=(marked, *done.feedback.answers[1:]))
        changed = done.after(CorrectAnswer(2, "I don't know."))
        again = (await assessed(coach, changed)).feedback
        assert again.answers[0] == marked
        assert again.answers[1] != done.feedback.answers[1]
        assert again.answers[2] == done.feedback.answers[2]

    asyncio.run(main())


def test_a_hosts_rubric_is_said_not_to_have_been_applied():
    async def main():
        plan = Plan(questions=1, rubric=(Criterion("safety"), Criterion("empathy")))
        feedback = (await assessed(await create(), await held(await create(), [FULL], plan))).feedback
        assert "safety, empathy" in feedback.limitations

    asyncio.run(main())


def test_what_a_follow_up_brought_is_not_called_missing_in_the_whole():
    async def main():
        coach = await create()
        alone = await assessed(coach, await held(coach, [WE], Plan(questions=1, follow_ups=0)))
        told = await assessed(
            coach, await held(coach, [WE, "I drew the new plan myself."], Plan(questions=1))
        )
        own = "first person"
        assert any(own in point for point in alone.feedback.practice)
        assert not any(own in point for point in told.feedback.practice)

    asyncio.run(main())


@pytest.mark.parametrize("resume", ["", "CV", LAYOUTS["nurse"] * 20, "x" * 200_000])
def test_any_resume_gets_a_question(resume):
    asyncio.run(put(Coach(), begun(), resume))


def test_nobodys_name_worth_or_nature_is_judged():
    async def main():
        said = []
        for triple in triples():
            for answer in triple["answers"].values():
                done = await assessed(
                    Coach(), await held(Coach(), [answer["text"]], Plan(questions=1, follow_ups=0))
                )
                given = done.feedback
                said += [
                    given.summary,
                    *given.practice,
                    *(seen.text for each in given.answers for seen in each.observations),
                ]
        for sentence in said:
            for word in (
                "hire",
                "personality",
                "intelligent",
                "confident",
                "honest",
                "accent",
                "candidates",
                "score",
                "nervous",
            ):
                assert word not in sentence.casefold(), sentence

    asyncio.run(main())


def test_nothing_of_a_resume_is_kept_when_its_question_is_there():
    async def main():
        coach = await create()
        await put(coach, begun(), LAYOUTS["nurse"])
        assert vars(coach) == {}

    asyncio.run(main())


def test_a_long_resume_is_read_beside_the_event_loop():
    async def main():
        turns = 0

        async def beat():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beating = asyncio.create_task(beat())
        await put(await create(), begun(), LAYOUTS["nurse"] * 200)
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        assert turns > 3
        assert len(LAYOUTS["nurse"]) * 200 > AT_ONCE

    asyncio.run(main())


def test_without_saying_which_question_is_wanted_there_is_none():
    with pytest.raises(ValueError, match="which question"):
        asyncio.run(Coach().ask(Brief(begun())))
