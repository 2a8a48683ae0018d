"""The report in plain text."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from interview_fsm import report
from interview_fsm.adapters.coach import Coach
from interview_fsm.events import (
    Analyze,
    Attached,
    ChooseDifficulty,
    Feedback,
    FeedbackGiven,
    NextQuestion,
    Plan,
    Question,
    QuestionAsked,
    StartInterview,
    SubmitAnswer,
)
from interview_fsm.interview import Interview, Turn
from interview_fsm.ports import Brief
from tests.coach_data import LAYOUTS

ANSWER = (
    "Last spring I moved two people\nto packing because nights were empty. In the end the backlog "
    "dropped to forty."
)


def interview():
    async def main():
        coach = Coach()
        later = Interview(id="i").following(
            [Attached(), StartInterview(Plan(questions=3)), ChooseDifficulty("mid")]
        )
        for step in (SubmitAnswer(1, ANSWER), NextQuestion(), Analyze()):
            if later.question_wanted:
                question = await coach.ask(Brief(later, LAYOUTS["nurse"], ask=later.activity))
                later = later.after(QuestionAsked(question))
            later = later.after(step)
        # The third question was being made when the analysis was asked for.
        return later.after(FeedbackGiven(await coach.analyze(Brief(later))))

    return asyncio.run(main())


def test_it_names_questions_quotes_practice_and_limits():
    done = interview()
    text = report.as_text(done)
    for turn in done.turns:
        assert turn.question.text in text
    assert done.feedback.summary in text
    assert done.feedback.limitations in text
    assert all(point in text for point in done.feedback.practice)
    assert "Skipped." in text


def test_quotes_stand_on_one_line_as_they_were_said():
    assert "“Last spring I moved two people to packing because nights were empty”" in report.as_text(
        interview()
    )


def test_it_can_be_pasted_anywhere():
    text = report.as_text(interview())
    assert text == text.strip()
    assert "\n\n\n" not in text
    assert not any(char in text for char in "{}<>|\x1b\t*")


def test_nothing_in_it_commands_a_terminal():
    done = interview()
    done.feedback = replace(done.feedback, summary="\x1b[2JGone\x9b31m \u202eback", limitations="a\x07b")
    text = report.as_text(done)
    assert text.startswith("[2JGone31m back")
    assert text.endswith("ab")


def test_follow_ups_do_not_count():
    asked = [Question(1, "One?"), Question(2, "Why?", follow_up_to=1), Question(3, "Two?")]
    done = Interview(id="i", turns=tuple(map(Turn, asked)), feedback=Feedback(()))
    titles = [line.split(":")[0] for line in report.as_text(done).splitlines() if "?" in line]
    assert titles == ["Question 1", "Follow-up to question 1", "Question 2"]


def test_before_the_analysis_it_says_so():
    assert report.as_text(Interview(id="i")) == "There is no feedback yet."


def test_an_answer_given_again_has_no_feedback_yet():
    done = interview()
    later = done.after(ChooseDifficulty("mid"))
    assert isinstance(later.turns[0].answer.text, str)
    changed = done.turns[0].answer.__class__(text="other", revision=9)
    done.turns = (done.turns[0].__class__(done.turns[0].question, changed), *done.turns[1:])
    assert "no feedback yet" in report.as_text(done)


def test_a_voice_gets_the_summary():
    done = interview()
    assert report.summary(done.feedback) == done.feedback.summary
