"""Interviews as they may stand, and events that fit them: what the tests of the core share."""

from collections.abc import Iterable, Iterator

from interview_fsm import events as e
from interview_fsm.interview import Activity, Analyze, Ask, Interview, Listen, Open, Speak, Wanted
from interview_fsm.states import State

ANSWER = "I moved the billing jobs to a queue, and the backlog fell from 9 hours to 40 minutes."


def question(number: int, follow_up_to: int | None = None) -> e.Question:
    return e.Question(number, f"What did you do, part {number}?", follow_up_to=follow_up_to)


def asked(interview: Interview) -> e.QuestionAsked:
    """The question that *interview* wants; a plain next one when it wants none."""
    wanted = interview.question
    follow_up = wanted.follow_up if isinstance(wanted, Wanted) else None
    return e.QuestionAsked(question(len(interview.turns) + 1, follow_up.question if follow_up else None))


def feedback(interview: Interview, summary: str = "You named a number.") -> e.Feedback:
    """Feedback on every answer as it stands, one quote each."""
    answers = []
    for turn in interview.answered:
        assert turn.answer is not None
        text = turn.answer.text[:12]
        seen = e.Observation("there", "own_action", "You said what you did.", e.Quote(0, len(text), text))
        answers.append(e.AnswerFeedback(turn.question.number, turn.answer.revision, (seen,)))
    return e.Feedback(tuple(answers), summary)


def went(plan: e.Plan, *happened: e.Event) -> Interview:
    """A new interview on *plan* after *happened*, with the first difficulty chosen."""
    opening = (e.Attached("t"), e.StartInterview(plan), e.ChooseDifficulty("senior"))
    return Interview(id="i").following((*opening, *happened))


def step(interview: Interview, *happened: e.Event | None) -> Interview:
    """*interview* after *happened*; None stands for the question that is wanted then."""
    for event in happened:
        interview = interview.after(event or asked(interview))
    return interview


def outcomes(interview: Interview) -> Iterator[tuple[e.Event, ...]]:
    """The ways in which the activity of *interview* may end, each as the entry that reports it."""
    match interview.activity:
        case Ask():
            yield (asked(interview),)
            yield (e.ActivityFailed("model_unavailable"),)
        case Listen(question=number):
            yield from with_follow_up(interview, e.AnswerRecorded(number, e.Transcript(ANSWER)))
            yield (e.AnswerLost("no_speech"),)
        case Analyze():
            yield (e.FeedbackGiven(feedback(interview)),)
            yield (e.ActivityFailed("model_unavailable"),)


def with_follow_up(
    interview: Interview, stored: e.SubmitAnswer | e.AnswerRecorded
) -> Iterator[tuple[e.Event, ...]]:
    """*stored* alone, and with the follow-up that a rule may want in the same entry."""
    yield (stored,)
    if interview.follow_ups < interview.plan.follow_up_limit:
        yield (stored, e.FollowUpWanted(stored.question, "result"))


def commands(interview: Interview) -> Iterator[tuple[e.Event, ...]]:
    """Every command that *interview* accepts, for each question that it could name."""
    single: tuple[e.Event, ...] = (
        e.StartInterview(interview.plan),
        e.FinishAnswer(),
        e.DiscardAnswer(),
        e.Analyze(),
        e.NextQuestion(),
        e.ChooseDifficulty("entry"),
        e.ChooseDifficulty("senior"),
        e.StopInterview(),
    )
    named = (e.RepeatQuestion, e.RetryQuestion, e.RecordAnswer)
    for number in range(1, len(interview.turns) + 1):
        single += (*(make(number) for make in named), e.CorrectAnswer(number, ANSWER + "!"))
        if interview.question == Open(number, getattr(interview.question, "puts", 1)):
            yield from _accepted(interview, with_follow_up(interview, e.SubmitAnswer(number, ANSWER)))
    yield from _accepted(interview, ((event,) for event in single))


def _accepted(interview: Interview, entries: Iterable[tuple[e.Event, ...]]) -> Iterator[tuple[e.Event, ...]]:
    return (entry for entry in entries if entry[0].trigger in interview.allowed and _fits(interview, entry))


def _fits(interview: Interview, entry: tuple[e.Event, ...]) -> bool:
    # Retry and correct name an answered question, the others the open one.
    number = getattr(entry[0], "question", None)
    if isinstance(entry[0], e.RetryQuestion | e.CorrectAnswer):
        return number in dict(interview.revisions)
    return number is None or (isinstance(interview.question, Open) and interview.question.question == number)


def _samples() -> dict[str, Interview]:
    """One interview for each situation that the table's guards tell apart."""
    two = e.Plan(questions=2)
    open_first = step(went(two), None)
    first_answered = step(open_first, e.SubmitAnswer(1, ANSWER))
    open_last = step(first_answered, None)
    all_answered = step(open_last, e.SubmitAnswer(2, ANSWER))
    recording = open_first.after(e.RecordAnswer(1))
    analyzing = all_answered.after(e.Analyze())
    given = analyzing.after(e.FeedbackGiven(feedback(analyzing)))
    return {
        "idle": Interview(id="i"),
        "awaiting difficulty": Interview(id="i").after(e.StartInterview(two)),
        "first question wanted": went(two),
        "first question open": open_first,
        "first question withdrawn": went(two).after(e.ActivityFailed("timeout")),
        "next question wanted": first_answered,
        "follow-up wanted": first_answered.after(e.FollowUpWanted(1, "result")),
        "last follow-up wanted": all_answered.after(e.FollowUpWanted(2, "result")),
        "last question open": open_last,
        "all answered": all_answered,
        "answered one open again": all_answered.after(e.RetryQuestion(1)),
        "recording": recording,
        "recording the last": open_last.after(e.RecordAnswer(2)),
        "finishing": recording.after(e.FinishAnswer()),
        "analyzing": analyzing,
        "analyzing with a question open": open_last.after(e.Analyze()),
        "analyzing with questions left": first_answered.after(e.ActivityFailed("timeout")).after(e.Analyze()),
        "feedback given": given,
        "corrected since": given.after(e.CorrectAnswer(1, "I wrote it.")),
        "stopped": given.after(e.StopInterview()),
        "stopped while recording": recording.after(e.StopInterview()),
    }


SITUATIONS: dict[str, Interview] = _samples()


def fitting(interview: Interview) -> dict[type, e.Event]:
    """One event of every class, with arguments that fit *interview* as far as any can."""
    now = interview.question.question if isinstance(interview.question, Open) else 1
    done = next(iter(dict(interview.revisions)), 1)
    chosen: tuple[e.Event, ...] = (
        e.StartInterview(e.Plan(questions=2)),
        e.ChooseDifficulty("mid"),
        e.NextQuestion(),
        e.RepeatQuestion(now),
        e.RetryQuestion(done),
        e.RecordAnswer(now, e.Source("stream")),
        e.FinishAnswer(),
        e.DiscardAnswer(),
        e.SubmitAnswer(now, ANSWER),
        e.CorrectAnswer(done, ANSWER),
        e.Analyze(),
        e.StopInterview(),
        asked(interview),
        e.FollowUpWanted(done, "numbers"),
        e.AnswerRecorded(now, e.Transcript(ANSWER, "sphinx", 0.5, 3.0)),
        e.AnswerLost("no_speech"),
        e.FeedbackGiven(feedback(interview)),
        e.ActivityFailed("timeout"),
        e.Attached("token", "owner"),
    )
    return {type(event): event for event in chosen}


def activity_by_table(interview: Interview) -> Activity | None:
    """What the documentation's table of activities says must be going on."""
    if interview.state is State.QUESTIONING and isinstance(interview.question, Wanted):
        return Ask(len(interview.turns) + 1, interview.difficulty, interview.question.follow_up)
    if interview.state is State.QUESTIONING and (put := interview.open_question):
        return Speak(put.text, put.number, interview.question.puts)  # type: ignore[union-attr]
    if interview.state is State.RECORDING and (put := interview.open_question):
        return Listen(put.number, interview.source, interview.takes)
    if interview.state is not State.ANALYZING:
        return None
    if interview.feedback_wanted:
        return Analyze(interview.revisions)
    if interview.feedback_fresh and interview.feedback and interview.feedback.summary:
        return Speak(interview.feedback.summary)
    return None


def assert_sound(interview: Interview) -> None:
    """What holds for an interview at every moment of its life."""
    plan, turns, now = interview.plan, interview.turns, interview.question
    assert interview.asked <= plan.count, "never more main questions than the plan"
    assert interview.follow_ups <= plan.follow_up_limit, "never more follow-ups than the plan"
    for number, turn in enumerate(turns, 1):
        assert turn.question.number == number
        is_open = isinstance(now, Open) and now.question == number
        assert (turn.answer is not None) or turn.skipped or is_open, "no question is lost"
        assert not (turn.skipped and (turn.answer or is_open)), "a skipped question stays skipped"
        assert turn.answer or not turn.attempts
        if to := turn.question.follow_up_to:
            assert to < number
            assert turns[to - 1].answer, "a follow-up asks about an answer"
    if isinstance(now, Open):
        assert 1 <= now.question <= len(turns)
        assert now.puts >= 1
    if isinstance(now, Wanted) and now.follow_up is None:
        assert interview.questions_remain
    if isinstance(now, Wanted) and now.follow_up:
        assert interview.follow_ups < plan.follow_up_limit
        assert turns[now.follow_up.question - 1].answer
    assert interview.state is not State.RECORDING or isinstance(now, Open)
    assert interview.state is State.RECORDING or not interview.finishing
    assert interview.state in (State.ANALYZING, State.STOPPED) or not interview.feedback_wanted
    assert not interview.feedback_fresh or (interview.state is State.ANALYZING and interview.feedback)
    assert interview.activity == activity_by_table(interview)
    if upcoming := interview.upcoming:
        assert upcoming.follow_up is None, "nobody knows yet what a follow-up will ask"
        assert upcoming.number == len(turns) + 1
        assert interview.questions_remain
        assert plan.advance == "auto"
