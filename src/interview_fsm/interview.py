"""One interview as data: what has been said, what is open, and what must be going on now.

No I/O, no clock, no task, no randomness: the same events always make the same interview, so a log that
is replayed years later, or on another server, is the interview.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Self, assert_never

from msgspec import Struct
from msgspec.structs import replace

from .events import (
    MAX_QUESTIONS,
    MAX_TEXT,
    UNPROVED,
    ActivityFailed,
    AnswerFeedback,
    AnswerLost,
    AnswerRecorded,
    Attached,
    ChooseDifficulty,
    CorrectAnswer,
    Difficulty,
    DiscardAnswer,
    Entry,
    Event,
    Feedback,
    FeedbackGiven,
    FinishAnswer,
    FollowUpWanted,
    NextQuestion,
    NotScored,
    Plan,
    Question,
    QuestionAsked,
    Quote,
    RecordAnswer,
    RepeatQuestion,
    RetryQuestion,
    Score,
    Source,
    StartInterview,
    StopInterview,
    SubmitAnswer,
    Transcript,
    encode,
)
from .events import Analyze as AnalyzeCommand
from .states import State, Trigger, accepts, allowed, fire, refusal

# ------------------------------------------------------------------------------------- what is open


class FollowUp(Struct, frozen=True):
    """What a follow-up is to ask for: *missing* from the answer to *question*."""

    question: int
    missing: str


class Wanted(Struct, frozen=True):
    """A question is to be made; a follow-up where one is given."""

    follow_up: FollowUp | None = None


class Open(Struct, frozen=True):
    """A question waits for its answer; it has been put *puts* times."""

    question: int
    puts: int = 1


class Answer(Struct, frozen=True, omit_defaults=True):
    """What the candidate said, as it stands."""

    text: str
    revision: int = 1
    """Rises with every change and every further attempt; feedback names it."""
    transcript: Transcript | None = None
    """As recognised, where it was spoken."""
    original: str | None = None
    """Before it was corrected; None where it was not."""
    unconfirmed: bool = False
    """Whether the candidate has yet to say that it was understood rightly: by correcting it, if only to the
    same text."""


class Turn(Struct, frozen=True, omit_defaults=True):
    """A question and what came of it."""

    question: Question
    answer: Answer | None = None
    attempts: tuple[Answer, ...] = ()
    """Earlier answers to the same question, oldest first."""
    skipped: bool = False


# --------------------------------------------------------------------------- what must be going on


class Ask(Struct, frozen=True):
    """Make question *number*."""

    number: int
    difficulty: Difficulty
    follow_up: FollowUp | None = None


class Speak(Struct, frozen=True):
    """Read *text* aloud: a question that is put for the *puts*-th time, or (None) the summary."""

    text: str
    question: int | None = None
    puts: int = 1


class Listen(Struct, frozen=True):
    """Record and understand the answer to *question*."""

    question: int
    source: Source
    take: int


class Analyze(Struct, frozen=True):
    """Give feedback on these revisions of the answers: (question, revision) each."""

    revisions: tuple[tuple[int, int], ...]


Activity = Ask | Speak | Listen | Analyze
"""What must be going on now. Equal means: the same thing, do not start it again."""

# ------------------------------------------------------------------------------------ the interview


class Interview(Struct, kw_only=True):
    """An interview as it stands. Treat it as a value: ``after()`` makes the next one."""

    id: str
    state: State = State.IDLE
    version: int = 0
    """Of the log: how many entries it has."""
    plan: Plan = Plan()
    difficulty: Difficulty = ""
    turns: tuple[Turn, ...] = ()
    """Everything asked, in order; question number n is ``turns[n - 1]``."""
    question: Wanted | Open | None = None
    answered_last: int = 0
    """The question that the latest answer was given to, which need not be the latest one; 0 before any."""
    source: Source = Source()
    """Where the sound of the answer now recorded comes from."""
    takes: int = 0
    """How many recordings have been begun."""
    finishing: bool = False
    """The candidate has said all; recognition may still be at work."""
    feedback: Feedback | None = None
    feedback_wanted: bool = False
    feedback_fresh: bool = False
    """The feedback is the latest thing that happened, here and not before a move."""
    token: str = ""
    """SHA-256 of the access token, in hex."""
    owner: str = ""

    @classmethod
    def replay(cls, interview_id: str, entries: Iterable[Entry]) -> Self:
        """The interview that *entries* made."""
        interview = cls(id=interview_id)
        for entry in entries:
            interview = interview.following(entry.story)
            interview.version = entry.version
        return interview

    def following(self, events: Iterable[Event]) -> Self:
        """The interview once *events* have happened, in this order."""
        later = self
        for event in events:
            later = later.after(event)
        return copy(self) if later is self else later

    def after(self, event: Event) -> Self:
        """The interview once *event* has happened; InvalidCommand if it cannot. ``self`` is unchanged."""
        self._check(event)
        later = copy(self)
        fire(later, event.trigger)
        later.feedback_fresh = False
        later.finishing = later.finishing and later.state is State.RECORDING
        later._absorb(event, self.state)
        return later

    # ---------------------------------------------------------------------------------- refusals

    def _check(self, event: Event) -> None:
        """Refuse arguments that do not fit. Guards, in the table, see the interview alone."""
        if not accepts(self, event.trigger) and not self._names_question(event):
            return  # the table says it better
        if reason := self._unfit(event):
            raise refusal(self, event.trigger, reason)

    def _names_question(self, event: Event) -> bool:
        # A late click deserves to hear that its question is closed, not that "no question is open".
        late = isinstance(event, SubmitAnswer | RecordAnswer | RepeatQuestion)
        return late and self.state is State.QUESTIONING

    def _unfit(self, event: Event) -> str | None:
        match event:
            case StartInterview(plan=plan):
                return _unfit_plan(plan)
            case ChooseDifficulty(difficulty=words):
                return _unfit_text("the difficulty", words, 200)
            case SubmitAnswer(question=number, text=text):
                return self._not_open(number) or _unfit_text("the answer", text, MAX_TEXT)
            case RecordAnswer(question=number) | RepeatQuestion(question=number):
                return self._not_open(number)
            case CorrectAnswer(question=number, text=text):
                return self._not_answered(number) or _unfit_text("the answer", text, MAX_TEXT)
            case RetryQuestion(question=number):
                return self._not_answered(number)
            case AnswerRecorded(question=number, transcript=transcript):
                return self._not_open(number) or _unfit_text("the answer", transcript.text, MAX_TEXT)
            case QuestionAsked(question=question):
                return self._not_wanted(question) or _unfit_text("the question", question.text, MAX_TEXT)
            case FollowUpWanted(question=number):
                return self._no_follow_up(number)
            case FeedbackGiven(feedback=feedback) if self.grounded(feedback) != feedback:
                return "the feedback names what was not said"
        return None

    def _not_open(self, number: int) -> str | None:
        if isinstance(self.question, Open) and self.question.question == number:
            return None
        if 1 <= number <= len(self.turns):
            return f"question {number} is no longer open"
        return f"there is no question {number}"

    def _not_wanted(self, question: Question) -> str | None:
        if question.number != len(self.turns) + 1:
            return f"question {question.number} is not the next one"
        wanted = self.question.follow_up if isinstance(self.question, Wanted) else None
        if question.follow_up_to == (wanted.question if wanted else None):
            return None
        # Taken as it came, a main question would count where none remain, or a follow-up over the limit.
        return f"a follow-up to question {wanted.question} is wanted" if wanted else "no follow-up is wanted"

    def _not_answered(self, number: int) -> str | None:
        if 1 <= number <= len(self.turns):
            if self.turns[number - 1].answer is not None:
                return None
            return f"question {number} has no answer"
        return f"there is no question {number}"

    def _no_follow_up(self, number: int) -> str | None:
        if isinstance(self.question, Open):
            return "a question is open"
        if self.follow_ups >= self.plan.follow_up_limit:
            return "there have been all the follow-ups of the plan"
        return self._not_answered(number)

    # ------------------------------------------------------------------------------------ folding

    def _absorb(self, event: Event, was: State) -> None:
        match event:
            case StartInterview(plan=plan):
                self.plan = plan
            case ChooseDifficulty() | NextQuestion():
                if isinstance(event, ChooseDifficulty):
                    self.difficulty = event.difficulty
                if was is State.ANALYZING:
                    self._return_or_want_next()
                else:
                    self._want_next()
            case RepeatQuestion() | AnswerLost():
                self._put_again()
            case Attached(token=token, owner=owner, plan=plan):
                self.token, self.owner = token or self.token, owner or self.owner
                if self.state is State.IDLE:  # later, questions have been asked by the plan there was
                    self.plan = plan or self.plan
                self._put_again()
            case RetryQuestion(question=number):
                self.question, self.feedback_wanted = Open(number), False
            case RecordAnswer(source=source):
                self.source, self.takes, self.finishing = source, self.takes + 1, False
            case FinishAnswer():
                self.finishing = True
            case SubmitAnswer(question=number, text=text):
                self._store(number, Answer(text))
            case AnswerRecorded(question=number, transcript=transcript):
                unsure = transcript.confidence is not None and transcript.confidence < self.plan.confirm_below
                self._store(number, Answer(transcript.text, transcript=transcript, unconfirmed=unsure))
            case CorrectAnswer(question=number, text=text):
                self._correct(number, text)
            case AnalyzeCommand():
                self.feedback_wanted = True
            case QuestionAsked(question=question):
                self.turns += (Turn(question),)
                self.question = Open(question.number)
            case FollowUpWanted(question=number, missing=missing):
                self.question = Wanted(FollowUp(number, missing))
            case FeedbackGiven(feedback=feedback):
                self.feedback, self.feedback_wanted, self.feedback_fresh = feedback, False, True
            case ActivityFailed():
                self.feedback_wanted = False
                if isinstance(self.question, Wanted) and self.state is State.QUESTIONING:
                    self.question = None
            case DiscardAnswer() | StopInterview():
                pass  # the state says it all
            case _:
                assert_never(event)

    def _return_or_want_next(self) -> None:
        """From analyzing: back to what is open or wanted, else on to the next question."""
        self.feedback_wanted = False
        if self.question is None:
            self.question = Wanted()

    def _want_next(self) -> None:
        match self.question:
            case Open(question=number):
                turn = self.turns[number - 1]
                if turn.answer is None:
                    self._replace(number, replace(turn, skipped=True))
                self.question = Wanted()
            case Wanted(follow_up=FollowUp()) if self.questions_remain:
                self.question = Wanted()
            case None:
                self.question = Wanted()
            case _:
                pass  # one is being made already

    def _put_again(self) -> None:
        if isinstance(self.question, Open):
            self.question = Open(self.question.question, self.question.puts + 1)

    def _store(self, number: int, answer: Answer) -> None:
        turn = self.turns[number - 1]
        attempts = turn.attempts
        if turn.answer is not None:
            attempts += (turn.answer,)
            answer = replace(answer, revision=turn.answer.revision + 1)
        self._replace(number, replace(turn, answer=answer, attempts=attempts, skipped=False))
        self.answered_last = number
        on = self.plan.advance == "auto" and self.questions_remain
        self.question = Wanted() if on else None

    def _correct(self, number: int, text: str) -> None:
        turn = self.turns[number - 1]
        assert turn.answer is not None  # _check saw to it
        was = turn.answer
        original = was.text if was.original is None else was.original
        now = replace(was, text=text, original=original, revision=was.revision + 1, unconfirmed=False)
        self._replace(number, replace(turn, answer=now))

    def _replace(self, number: int, turn: Turn) -> None:
        self.turns = (*self.turns[: number - 1], turn, *self.turns[number:])

    # ------------------------------------------------------------------- guards, named in the table

    @property
    def can_ask(self) -> bool:
        """One is wanted already, or questions remain."""
        return isinstance(self.question, Wanted) or self.questions_remain

    @property
    def can_continue(self) -> bool:
        """One is open or wanted, or questions remain."""
        return self.question is not None or self.questions_remain

    @property
    def has_open_question(self) -> bool:
        """A question waits for its answer."""
        return isinstance(self.question, Open)

    @property
    def can_retry(self) -> bool:
        """There are answers, and no question is open or wanted."""
        return self.question is None and self.has_answers

    @property
    def has_answers(self) -> bool:
        """At least one question has been answered."""
        return any(turn.answer is not None for turn in self.turns)

    @property
    def question_wanted(self) -> bool:
        """A question is being made."""
        return isinstance(self.question, Wanted)

    def why_not(self, guard: str) -> str:
        """Why *guard* says no, in words a candidate understands."""
        count = self.plan.count
        asked = "the only question has" if count == 1 else f"all {count} questions have"
        reasons = {
            "can_ask": f"{asked} been asked",
            "can_continue": f"{asked} been asked",
            "has_open_question": "no question is open",
            "can_retry": "there is no answer yet",
            "has_answers": "there is no answer yet",
            "question_wanted": "no question is wanted",
            "feedback_wanted": "no feedback is wanted",
        }
        if guard == "can_retry" and self.has_answers:
            return "a question is being made" if self.question_wanted else "a question is open"
        return reasons[guard]

    # ---------------------------------------------------------------------------- what follows from it

    @property
    def asked(self) -> int:
        """Main questions asked, skipped ones included; follow-ups do not count."""
        return sum(turn.question.follow_up_to is None for turn in self.turns)

    @property
    def follow_ups(self) -> int:
        """Follow-up questions asked."""
        return len(self.turns) - self.asked

    @property
    def questions_remain(self) -> bool:
        """The plan has main questions that were not asked yet."""
        return self.asked < self.plan.count

    @property
    def open_question(self) -> Question | None:
        """The question that waits for its answer."""
        if isinstance(self.question, Open):
            return self.turns[self.question.question - 1].question
        return None

    @property
    def answered(self) -> tuple[Turn, ...]:
        """The turns that have an answer, in order."""
        return tuple(turn for turn in self.turns if turn.answer is not None)

    @property
    def revisions(self) -> tuple[tuple[int, int], ...]:
        """(question, revision) of each answer."""
        return tuple((turn.question.number, turn.answer.revision) for turn in self.turns if turn.answer)

    @property
    def stale(self) -> tuple[int, ...]:
        """Answered questions whose answer the feedback has not seen as it stands now."""
        seen = {(a.question, a.revision) for a in self.feedback.answers} if self.feedback else set()
        return tuple(number for number, revision in self.revisions if (number, revision) not in seen)

    @property
    def allowed(self) -> tuple[Trigger, ...]:
        """The commands that are possible now."""
        return allowed(self)

    @property
    def activity(self) -> Activity | None:
        """What must be going on now.

        It depends on the interview alone, so that coming here and coming back here after a crash are
        the same thing.
        """
        match self.state, self.question:
            case State.QUESTIONING, Wanted(follow_up=follow_up):
                return Ask(len(self.turns) + 1, self.difficulty, follow_up)
            case State.QUESTIONING, Open(question=number, puts=puts):
                return Speak(self.turns[number - 1].question.text, number, puts)
            case State.RECORDING, Open(question=number):
                return Listen(number, self.source, self.takes)
            case State.ANALYZING, _ if self.feedback_wanted:
                return Analyze(self.revisions)
            case State.ANALYZING, _ if self.feedback_fresh and self.feedback and self.feedback.summary:
                return Speak(self.feedback.summary)
        return None

    @property
    def upcoming(self) -> Ask | None:
        """The question that will be made next, if nothing else is asked for meanwhile.

        A session may make it ready beside the activity. Never a follow-up: nobody knows yet.
        """
        waiting = isinstance(self.question, Open) and self.plan.advance == "auto"
        if waiting and self.questions_remain and self.state in (State.QUESTIONING, State.RECORDING):
            return Ask(len(self.turns) + 1, self.difficulty)
        return None

    def grounded(self, feedback: Feedback) -> Feedback:
        """*feedback* with only what this interview bears out.

        A quote that is no literal slice of the answer revision it names is dropped and counted, and
        with it the claim that something is there; a score that is left without a quote is capped;
        feedback on an answer as it no longer stands is dropped whole.
        """
        kept: list[AnswerFeedback] = []
        # Answers may be of another interviewer than the whole is, and bring counts of their own.
        dropped = max(feedback.dropped_quotes, sum(given.dropped_quotes for given in feedback.answers))
        remarks = max(feedback.dropped_remarks, sum(given.dropped_remarks for given in feedback.answers))
        current = dict(self.revisions)
        for given in feedback.answers:
            if current.get(given.question) != given.revision:
                continue
            answer = self.turns[given.question - 1].answer
            assert answer is not None
            borne_out, lost = _borne_out(given, answer.text)
            kept.append(borne_out)
            dropped += lost
        return replace(feedback, answers=tuple(kept), dropped_quotes=dropped, dropped_remarks=remarks)


def _borne_out(given: AnswerFeedback, answer: str) -> tuple[AnswerFeedback, int]:
    """*given* with those quotes alone that are slices of *answer*, and how many were not."""
    observations = []
    for seen in given.observations:
        if seen.quote is None or _is_slice(seen.quote, answer):
            observations.append(seen)
        elif seen.kind != "there":
            observations.append(replace(seen, quote=None))
    kept = replace(
        given,
        observations=tuple(observations),
        scores=tuple(_proved(score, answer) for score in given.scores),
        outline=tuple(step for step in given.outline if step.quote is None or _is_slice(step.quote, answer)),
    )
    lost = len(given.quotes) - len(kept.quotes)
    return replace(kept, dropped_quotes=given.dropped_quotes + lost), lost


def _proved(score: Score | NotScored, answer: str) -> Score | NotScored:
    """*score* with the quotes that are slices of *answer*, capped where none is."""
    if isinstance(score, NotScored):
        return score
    quotes = tuple(quote for quote in score.quotes if _is_slice(quote, answer))
    lost = len(score.quotes) - len(quotes)
    capped = not quotes and score.value > UNPROVED
    return replace(
        score,
        value=UNPROVED if capped else score.value,
        anchor="" if capped else score.anchor,  # it was that of the higher value
        quotes=quotes,
        dropped_quotes=score.dropped_quotes + lost,
        capped=score.capped or capped,
    )


def _is_slice(quote: Quote, text: str) -> bool:
    return 0 <= quote.start < quote.end <= len(text) and text[quote.start : quote.end] == quote.text


def _unfit_plan(plan: Plan) -> str | None:
    if not 1 <= plan.count <= MAX_QUESTIONS:
        return f"an interview has 1 to {MAX_QUESTIONS} questions"
    if plan.follow_ups is not None and not 0 <= plan.follow_ups <= MAX_QUESTIONS:
        return f"an interview has 0 to {MAX_QUESTIONS} follow-ups"
    try:
        encode(Entry(1, "", 0.0, (StartInterview(plan),)))
    except ValueError as error:
        return f"the plan cannot be kept: {error}"
    return None


def _unfit_text(what: str, text: str, most: int) -> str | None:
    if not text.strip():
        return f"{what} is empty"
    if len(text) > most:
        return f"{what} has {len(text)} characters; the limit is {most}"
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: no storage could keep it
        return f"{what} has characters that are not text"
    return None
