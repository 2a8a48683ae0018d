"""What the documentation says about an interview's data, sentence by sentence."""

import copy

import pytest

from interview_fsm import events as e
from interview_fsm.errors import InvalidCommand
from interview_fsm.interview import Analyze, Ask, FollowUp, Interview, Listen, Open, Speak, Wanted
from interview_fsm.states import State

from .situations import ANSWER, SITUATIONS, asked, feedback, question, step, went

TWO = e.Plan(questions=2)


def refused(interview: Interview, event: e.Event) -> str:
    """The reason why *interview* refuses *event*, unchanged by it."""
    before = copy.deepcopy(interview)
    with pytest.raises(InvalidCommand) as caught:
        interview.after(event)
    assert interview == before
    return caught.value.reason


# ---------------------------------------------------------------------------------- asking and skipping


def test_the_next_question_comes_by_itself_unless_it_is_to_be_asked_for():
    by_itself = step(went(TWO), None, e.SubmitAnswer(1, ANSWER))
    assert by_itself.question == Wanted()
    on_request = step(went(e.Plan(questions=2, advance="on_request")), None, e.SubmitAnswer(1, ANSWER))
    assert on_request.question is None
    assert on_request.activity is None
    assert on_request.after(e.ChooseDifficulty("mid")).activity == Ask(2, "mid")


@pytest.mark.parametrize("command", [e.NextQuestion(), e.ChooseDifficulty("mid")])
def test_an_open_question_is_passed_over_and_kept_as_skipped(command: e.Event):
    later = step(went(TWO), None, command)
    assert later.turns[0].skipped
    assert later.question == Wanted()
    assert later.asked == 1, "a skipped question counts"


@pytest.mark.parametrize("command", [e.NextQuestion(), e.ChooseDifficulty("mid")])
def test_the_last_question_cannot_be_passed_over(command: e.Event):
    last = step(went(TWO), None, e.NextQuestion(), None)
    assert refused(last, command) == "all 2 questions have been asked"
    assert refused(step(went(e.Plan(questions=1)), None), command) == "the only question has been asked"


def test_while_a_question_is_made_another_difficulty_makes_it_anew_and_the_same_changes_nothing():
    making = went(TWO)
    assert making.activity == Ask(1, "senior")
    assert making.after(e.ChooseDifficulty("senior")) == making
    assert making.after(e.NextQuestion()) == making
    assert making.after(e.ChooseDifficulty("entry")).activity == Ask(1, "entry")


def test_the_last_follow_up_is_made_anew_too_though_no_question_remains():
    making = SITUATIONS["last follow-up wanted"]
    assert making.after(e.ChooseDifficulty("entry")).activity == Ask(3, "entry", FollowUp(2, "result"))
    assert making.after(e.NextQuestion()).question == making.question, "there is nothing to go on to"


@pytest.mark.parametrize("command", [e.NextQuestion(), e.ChooseDifficulty("mid")])
def test_from_analyzing_one_returns_to_the_open_question(command: e.Event):
    analyzing = SITUATIONS["analyzing with a question open"]
    later = analyzing.after(command)
    assert later.state is State.QUESTIONING
    assert later.question == analyzing.question
    assert not later.turns[1].skipped
    assert not later.feedback_wanted, "an analysis that was left is not wanted any more"


def test_from_analyzing_one_goes_on_while_questions_remain_and_no_longer():
    assert SITUATIONS["analyzing with questions left"].after(e.NextQuestion()).question == Wanted()
    assert refused(SITUATIONS["feedback given"], e.NextQuestion()) == "all 2 questions have been asked"


def test_a_question_carries_its_slot():
    slot = e.Slot("teamwork", "conflict", "senior", "behavioural", "e3")
    later = went(TWO).after(e.QuestionAsked(e.Question(1, "Who disagreed?", slot)))
    assert later.turns[0].question.slot == slot


def test_only_the_question_that_is_wanted_can_be_asked():
    making = went(TWO)
    assert refused(making, e.QuestionAsked(question(2))) == "question 2 is not the next one"
    assert refused(making, e.QuestionAsked(question(1, 1))) == "no follow-up is wanted"
    wanted = SITUATIONS["last follow-up wanted"]
    # A main question here would be the third of two.
    assert refused(wanted, e.QuestionAsked(question(3))) == "a follow-up to question 2 is wanted"
    assert refused(making, e.QuestionAsked(e.Question(1, "  "))) == "the question is empty"


# -------------------------------------------------------------------------------------------- follow-ups


def test_a_follow_up_does_not_count_and_names_what_it_asks_about():
    wanted = SITUATIONS["follow-up wanted"]
    assert wanted.activity == Ask(2, "senior", FollowUp(1, "result"))
    later = wanted.after(asked(wanted))
    assert (later.asked, later.follow_ups) == (1, 1)
    assert later.after(e.SubmitAnswer(2, ANSWER)).question == Wanted(), "then the plan goes on"


def test_next_question_passes_over_a_follow_up_open_or_being_made():
    wanted = SITUATIONS["follow-up wanted"]
    assert wanted.after(e.NextQuestion()).question == Wanted()
    opened = wanted.after(asked(wanted)).after(e.NextQuestion())
    assert opened.turns[1].skipped
    assert opened.question == Wanted()


def test_a_plan_limits_its_follow_ups():
    none = step(went(e.Plan(questions=2, follow_ups=0)), None, e.SubmitAnswer(1, ANSWER))
    assert refused(none, e.FollowUpWanted(1, "result")) == "there have been all the follow-ups of the plan"
    one = step(SITUATIONS["follow-up wanted"], None, e.SubmitAnswer(2, ANSWER))
    assert refused(one, e.FollowUpWanted(2, "result")) == "there have been all the follow-ups of the plan"


def test_a_follow_up_asks_about_an_answer_and_never_beside_an_open_question():
    assert (
        refused(SITUATIONS["first question withdrawn"], e.FollowUpWanted(1, "result"))
        == "there is no question 1"
    )
    assert refused(SITUATIONS["last question open"], e.FollowUpWanted(1, "result")) == "a question is open"


# ------------------------------------------------------------------------------- failures and losses


def test_a_failure_withdraws_what_was_wanted_and_one_may_ask_again():
    failed = went(TWO).after(e.ActivityFailed("timeout"))
    assert (failed.state, failed.question, failed.activity) == (State.QUESTIONING, None, None)
    assert failed.after(e.NextQuestion()).activity == Ask(1, "senior")
    analysis = SITUATIONS["analyzing"].after(e.ActivityFailed("timeout"))
    assert (analysis.state, analysis.activity) == (State.ANALYZING, None)
    assert analysis.after(e.Analyze()).activity == SITUATIONS["analyzing"].activity


def test_a_failure_leaves_an_open_question_open():
    for name in ("first question open", "analyzing with a question open"):
        assert SITUATIONS[name].after(e.ActivityFailed("timeout")).question == SITUATIONS[name].question


def test_a_lost_answer_puts_the_question_again():
    lost = SITUATIONS["recording"].after(e.AnswerLost("no_speech"))
    assert (lost.state, lost.question) == (State.QUESTIONING, Open(1, puts=2))


@pytest.mark.parametrize("text", ["", "  \n\t", "\u2003"])
def test_blank_answers_are_refused(text: str):
    assert refused(SITUATIONS["first question open"], e.SubmitAnswer(1, text)) == "the answer is empty"
    assert refused(SITUATIONS["all answered"], e.CorrectAnswer(1, text)) == "the answer is empty"
    assert refused(SITUATIONS["recording"], e.AnswerRecorded(1, e.Transcript(text))) == "the answer is empty"


def test_an_answer_is_as_long_as_the_wire_allows_and_no_longer():
    opened = SITUATIONS["first question open"]
    assert opened.after(e.SubmitAnswer(1, "x" * e.MAX_TEXT)).has_answers
    reason = refused(opened, e.SubmitAnswer(1, "x" * (e.MAX_TEXT + 1)))
    assert reason == "the answer has 60001 characters; the limit is 60000"


def test_half_a_surrogate_pair_is_no_text():
    reason = refused(SITUATIONS["first question open"], e.SubmitAnswer(1, "so \ud83d"))
    assert reason == "the answer has characters that are not text"


# -------------------------------------------------------------------------------------- recording


def test_recording_names_its_source_and_each_take_is_another_activity():
    opened = SITUATIONS["first question open"]
    first = opened.after(e.RecordAnswer(1, e.Source("link", "https://example.org/a.wav")))
    assert first.activity == Listen(1, e.Source("link", "https://example.org/a.wav"), 1)
    again = first.after(e.DiscardAnswer()).after(e.RecordAnswer(1))
    assert again.activity == Listen(1, e.Source(), 2)


def test_finishing_is_not_part_of_what_goes_on_and_ends_with_the_recording():
    recording = SITUATIONS["recording"]
    finishing = recording.after(e.FinishAnswer())
    assert finishing.finishing
    assert finishing.activity == recording.activity
    assert finishing.after(e.Attached()).finishing, "whoever takes over still has to finish"
    for event in (e.AnswerRecorded(1, e.Transcript(ANSWER)), e.AnswerLost("x"), e.StopInterview()):
        assert not finishing.after(event).finishing


def test_a_typed_answer_while_recording_counts_and_discarding_keeps_nothing():
    recording = SITUATIONS["recording"]
    typed = recording.after(e.SubmitAnswer(1, "Typed."))
    assert typed.state is State.QUESTIONING
    assert typed.turns[0].answer.text == "Typed."  # type: ignore[union-attr]
    discarded = recording.after(e.DiscardAnswer())
    assert not discarded.has_answers
    assert discarded.question == Open(1, puts=1)


def test_a_spoken_answer_keeps_its_transcript():
    heard = e.Transcript(ANSWER, "sphinx", 0.5, 9.0)
    answer = SITUATIONS["recording"].after(e.AnswerRecorded(1, heard)).turns[0].answer
    assert answer is not None
    assert (answer.text, answer.transcript) == (ANSWER, heard)


# --------------------------------------------------------------------- correcting and trying again


def test_a_correction_keeps_the_original_and_raises_the_revision():
    later = step(SITUATIONS["feedback given"], e.CorrectAnswer(1, "Second."), e.CorrectAnswer(1, "Third."))
    answer = later.turns[0].answer
    assert answer is not None
    assert (answer.text, answer.original, answer.revision) == ("Third.", ANSWER, 3)
    assert later.stale == (1,), "only that answer's feedback is out of date"
    assert not later.feedback_wanted, "a new analysis is for the candidate to ask for"


def test_a_correction_starts_a_running_analysis_anew():
    running = SITUATIONS["analyzing"]
    assert running.activity == Analyze(((1, 1), (2, 1)))
    assert running.after(e.Analyze()).activity == running.activity, "asking again is not another one"
    assert running.after(e.CorrectAnswer(2, "Other.")).activity == Analyze(((1, 1), (2, 2)))


def test_trying_again_opens_the_question_and_keeps_the_earlier_attempt():
    again = SITUATIONS["feedback given"].after(e.RetryQuestion(1))
    assert (again.state, again.question) == (State.QUESTIONING, Open(1))
    assert again.turns[0].answer, "the earlier answer stands until there is another"
    later = again.after(e.SubmitAnswer(1, "Better."))
    turn = later.turns[0]
    assert turn.answer is not None
    assert (turn.answer.text, turn.answer.revision) == ("Better.", 2)
    assert [attempt.text for attempt in turn.attempts] == [ANSWER]
    assert later.asked == 2


def test_passing_over_a_question_tried_again_does_not_skip_it():
    again = step(SITUATIONS["analyzing with questions left"], e.RetryQuestion(1), e.NextQuestion())
    assert not again.turns[0].skipped
    assert again.question == Wanted()


@pytest.mark.parametrize(
    ("name", "event", "reason"),
    [
        ("last question open", e.RepeatQuestion(1), "question 1 is no longer open"),
        ("last question open", e.RecordAnswer(1), "question 1 is no longer open"),
        ("last question open", e.SubmitAnswer(1, "late"), "question 1 is no longer open"),
        ("next question wanted", e.SubmitAnswer(1, "twice"), "question 1 is no longer open"),
        ("next question wanted", e.SubmitAnswer(2, "early"), "there is no question 2"),
        ("recording the last", e.SubmitAnswer(1, "late"), "question 1 is no longer open"),
        ("recording the last", e.AnswerRecorded(1, e.Transcript("late")), "question 1 is no longer open"),
        ("all answered", e.RetryQuestion(5), "there is no question 5"),
        ("all answered", e.CorrectAnswer(0, "what?"), "there is no question 0"),
        ("all answered", e.CorrectAnswer(-1, "what?"), "there is no question -1"),
    ],
)
def test_a_late_click_never_reaches_another_question(name: str, event: e.Event, reason: str):
    assert refused(SITUATIONS[name], event) == reason


# ---------------------------------------------------------------------------------- what goes on


def test_a_question_is_spoken_once_for_each_time_it_is_put():
    opened = SITUATIONS["first question open"]
    text = opened.turns[0].question.text
    assert opened.activity == Speak(text, 1, 1)
    assert opened.after(e.RepeatQuestion(1)).activity == Speak(text, 1, 2)
    assert opened.after(e.Attached()).activity == Speak(text, 1, 2)


def test_the_summary_is_spoken_where_it_was_given_and_not_when_one_comes_back():
    given = SITUATIONS["feedback given"]
    assert given.activity == Speak("You named a number.")
    assert given.after(e.Attached()).activity is None
    silent = SITUATIONS["analyzing"].after(e.FeedbackGiven(feedback(SITUATIONS["analyzing"], summary="")))
    assert silent.activity is None


def test_nothing_goes_on_before_a_difficulty_is_chosen_and_after_the_end():
    for name in ("idle", "awaiting difficulty", "stopped", "stopped while recording", "all answered"):
        assert SITUATIONS[name].activity is None


def test_the_question_to_come_can_be_made_ready_while_one_is_answered():
    assert SITUATIONS["first question open"].upcoming == Ask(2, "senior")
    assert SITUATIONS["recording"].upcoming == Ask(2, "senior")
    later = SITUATIONS["first question open"].after(e.SubmitAnswer(1, ANSWER))
    assert later.activity == SITUATIONS["first question open"].upcoming, "it becomes the activity"
    for name in ("last question open", "next question wanted", "analyzing with a question open", "stopped"):
        assert SITUATIONS[name].upcoming is None
    on_request = step(went(e.Plan(questions=2, advance="on_request")), None)
    assert on_request.upcoming is None, "its difficulty is not known yet"


# ----------------------------------------------------------------------------------- plans and feedback


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (e.Plan(questions=0), "an interview has 1 to 50 questions"),
        (e.Plan(questions=51), "an interview has 1 to 50 questions"),
        (e.Plan(slots=(e.Slot(),) * 51), "an interview has 1 to 50 questions"),
        (e.Plan(follow_ups=-1), "an interview has 0 to 50 follow-ups"),
        (e.Plan(questions=99, slots=(e.Slot(),)), "the plan cannot be kept"),
        (e.Plan(advance="sometimes"), "the plan cannot be kept"),  # type: ignore[arg-type]
        (e.Plan(rubric=(e.Criterion("depth", weight=float("inf")),)), "the plan cannot be kept"),
        (e.Plan(language="\ud800"), "the plan cannot be kept"),
    ],
)
def test_a_plan_that_cannot_be_held_or_kept_is_refused(plan: e.Plan, reason: str):
    assert refused(Interview(id="i"), e.StartInterview(plan)).startswith(reason)


def test_a_difficulty_is_any_words_but_some():
    waiting = SITUATIONS["awaiting difficulty"]
    assert waiting.after(e.ChooseDifficulty("für Einsteiger")).difficulty == "für Einsteiger"
    assert refused(waiting, e.ChooseDifficulty(" ")) == "the difficulty is empty"
    assert (
        refused(waiting, e.ChooseDifficulty("x" * 201))
        == "the difficulty has 201 characters; the limit is 200"
    )


def feedback_with(*observations: e.Observation, question: int = 1, revision: int = 1) -> e.Feedback:
    return e.Feedback((e.AnswerFeedback(question, revision, observations),), "In all.")


TRUE = e.Observation("there", "own_action", "You acted.", e.Quote(0, 7, ANSWER[:7]))


@pytest.mark.parametrize(
    "quote",
    [
        e.Quote(0, 7, "I flew "),
        e.Quote(1, 8, ANSWER[:7]),
        e.Quote(0, 6, ANSWER[:7]),
        e.Quote(-7, -1, ANSWER[-7:-1]),
        e.Quote(3, 3, ""),
        e.Quote(0, 999, ANSWER),
    ],
    ids=["invented", "moved", "shorter", "from the end", "empty", "past the end"],
)
def test_a_quote_that_is_no_slice_is_dropped_and_what_it_showed_with_it(quote: e.Quote):
    analyzing = SITUATIONS["analyzing"]
    claimed = e.Observation("there", "result", "You name a result.", quote)
    advice = e.Observation("try", "result", "Name a result.", quote)
    careless = feedback_with(TRUE, claimed, advice)
    assert refused(analyzing, e.FeedbackGiven(careless)) == "the feedback names what was not said"
    grounded = analyzing.grounded(careless)
    assert grounded.answers[0].observations == (TRUE, e.Observation("try", "result", "Name a result."))
    assert grounded.dropped_quotes == 2
    assert analyzing.after(e.FeedbackGiven(grounded)).feedback == grounded


def test_a_score_without_a_true_quote_is_capped_and_loses_what_its_value_meant():
    analyzing = SITUATIONS["analyzing"]
    invented, true = e.Quote(0, 7, "I flew "), e.Quote(0, 7, ANSWER[:7])
    scores = (
        e.Score("relevance", 5, "Every part.", (invented,)),
        e.Score("structure", 5, "In order.", (true, invented)),
        e.Score("depth", 2, "A reason can be guessed at."),
        e.NotScored("communication", "failed"),
    )
    careless = e.Feedback((e.AnswerFeedback(1, 1, scores=scores),), dropped_quotes=1)
    assert refused(analyzing, e.FeedbackGiven(careless)) == "the feedback names what was not said"
    grounded = analyzing.grounded(careless)
    assert grounded.answers[0].scores == (
        e.Score("relevance", e.UNPROVED, "", dropped_quotes=1, capped=True),
        e.Score("structure", 5, "In order.", (true,), dropped_quotes=1),
        *scores[2:],
    )
    assert grounded.dropped_quotes == 3
    assert analyzing.after(e.FeedbackGiven(grounded)).feedback == grounded


def test_an_outline_keeps_no_words_that_were_not_said():
    analyzing = SITUATIONS["analyzing"]
    steps = (
        e.OutlineStep("own_action", "Your own step:", e.Quote(0, 7, "I flew ")),
        e.OutlineStep("result", "Then what came of it: […]"),
    )
    grounded = analyzing.grounded(e.Feedback((e.AnswerFeedback(1, 1, outline=steps),)))
    assert grounded.answers[0].outline == steps[1:]
    assert grounded.dropped_quotes == 1


def test_what_was_left_out_of_answers_is_in_the_count_of_the_whole_whoever_made_it():
    analyzing = SITUATIONS["analyzing"]
    step = e.OutlineStep("own_action", "Your own step:", e.Quote(0, 7, "I flew "))
    answer = e.AnswerFeedback(1, 1, outline=(step,), dropped_quotes=2, dropped_remarks=4)
    grounded = analyzing.grounded(e.Feedback((answer,), "A summary."))
    assert (grounded.answers[0].dropped_quotes, grounded.answers[0].dropped_remarks) == (3, 4)
    assert (grounded.dropped_quotes, grounded.dropped_remarks) == (3, 4)
    assert analyzing.grounded(grounded) == grounded
    assert analyzing.after(e.FeedbackGiven(grounded)).feedback == grounded


@pytest.mark.parametrize(("number", "revision"), [(1, 2), (1, 0), (3, 1), (0, 1)])
def test_feedback_on_an_answer_as_it_does_not_stand_is_dropped(number: int, revision: int):
    analyzing = SITUATIONS["analyzing"]
    stray = feedback_with(TRUE, question=number, revision=revision)
    assert analyzing.grounded(stray).answers == ()
    assert refused(analyzing, e.FeedbackGiven(stray)) == "the feedback names what was not said"


# --------------------------------------------------------------------------------------- the log


@pytest.mark.parametrize("begun", ["first question open", "recording", "analyzing"])
def test_the_plan_comes_with_who_takes_over_only_before_the_interview_begins(begun: str):
    agreed = Interview(id="i").after(e.Attached("t1", plan=e.Plan(questions=2)))
    assert agreed.plan.questions == 2
    other = e.Attached("t2", plan=e.Plan(questions=1, follow_ups=0))
    assert SITUATIONS[begun].after(other).plan == SITUATIONS[begun].plan


def test_attaching_keeps_the_token_and_the_owner_unless_new_ones_come():
    interview = Interview(id="i").after(e.Attached("t1", "owner"))
    assert (interview.token, interview.owner) == ("t1", "owner")
    again = interview.after(e.Attached())
    assert (again.token, again.owner) == ("t1", "owner")
    assert again.after(e.Attached("t2")).token == "t2"


def test_a_stopped_interview_is_not_taken_over():
    assert refused(SITUATIONS["stopped"], e.Attached()) == "the interview has been stopped"


def test_an_interrupted_recording_goes_on_with_its_question():
    later = SITUATIONS["finishing"].following([e.Attached(), e.AnswerLost("interrupted")])
    assert (later.state, later.finishing) == (State.QUESTIONING, False)
    assert isinstance(later.question, Open)
    assert later.question.question == 1


def test_following_nothing_gives_a_copy_and_not_the_interview_itself():
    interview = SITUATIONS["idle"]
    same = interview.following([])
    assert same == interview
    assert same is not interview


def test_a_refusal_in_the_middle_of_an_entry_leaves_the_interview_as_it_was():
    interview = SITUATIONS["first question open"]
    before = copy.deepcopy(interview)
    with pytest.raises(InvalidCommand):
        interview.following([e.SubmitAnswer(1, ANSWER), e.SubmitAnswer(1, ANSWER)])
    assert interview == before
