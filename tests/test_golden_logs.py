"""Logs as released versions wrote them. Each must replay for ever, so none of these files may change.

A release that writes something new adds files: ``python -m tests.test_golden_logs FOLDER`` writes those
of the present release, to be looked at and copied. A file that no longer replays is a breaking change,
never a file to be mended.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from interview_fsm import events as e
from interview_fsm.errors import NewerFormat
from interview_fsm.interview import Interview, Open
from interview_fsm.states import State

LOGS = Path(__file__).parent / "logs"
AT = 1_795_420_800.25  # a moment in November 2026


def read(name: str) -> list[e.Entry]:
    return [e.decode(line, name) for line in (LOGS / name).read_bytes().splitlines()]


@dataclass(frozen=True)
class End:
    """How an interview stands at the end of its log."""

    state: State
    version: int
    open: int | None = None
    puts: int = 0
    answers: tuple[tuple[int, int, str], ...] = ()
    """(question, revision, text) of each answer."""
    attempts: tuple[tuple[int, str], ...] = ()
    skipped: tuple[int, ...] = ()
    follow_ups: tuple[tuple[int, int], ...] = ()
    """(question, the one it asks about)."""
    fed_back: tuple[tuple[int, int], ...] = ()
    stale: tuple[int, ...] = ()
    owner: str = ""

    @classmethod
    def of(cls, interview: Interview) -> "End":
        now = interview.question
        turns = [(turn.question.number, turn) for turn in interview.turns]
        return cls(
            state=interview.state,
            version=interview.version,
            open=now.question if isinstance(now, Open) else None,
            puts=now.puts if isinstance(now, Open) else 0,
            answers=tuple((n, t.answer.revision, t.answer.text) for n, t in turns if t.answer),
            attempts=tuple((n, earlier.text) for n, t in turns for earlier in t.attempts),
            skipped=tuple(n for n, t in turns if t.skipped),
            follow_ups=tuple((n, t.question.follow_up_to) for n, t in turns if t.question.follow_up_to),
            fed_back=tuple((g.question, g.revision) for g in interview.feedback.answers)
            if interview.feedback
            else (),
            stale=interview.stale,
            owner=interview.owner,
        )


ENDS = {
    "0001-spoken-and-typed.jsonl": End(
        State.STOPPED,
        25,
        answers=(
            (1, 4, "I split the nightly job in four."),
            (2, 1, "The backlog fell from 9 hours to 40 minutes."),
            (4, 1, "We wrote the runbook together."),
        ),
        attempts=((1, "I split the nightly job in two."),),
        skipped=(3,),
        follow_ups=((2, 1),),
        fed_back=((1, 4), (2, 1), (4, 1)),
        owner="host-7",
    ),
    "0001-on-request.jsonl": End(
        State.ANALYZING,
        11,
        answers=((1, 1, "I led the migration."), (2, 1, "Two weeks, with tests first.")),
        fed_back=((1, 1), (2, 1)),
    ),
    "0001-interrupted-recording.jsonl": End(State.QUESTIONING, 6, open=1, puts=3),
    "0001-plan-of-the-host.jsonl": End(
        State.QUESTIONING,
        9,
        open=1,
        puts=1,
        answers=((1, 2, "Because it would have been unsafe."),),
        stale=(1,),
    ),
    "0001-scores.jsonl": End(
        State.ANALYZING,
        6,
        answers=((1, 1, "I measured it first, and it took 40 minutes."),),
        fed_back=((1, 1),),
    ),
    "0001-fields-of-a-later-release.jsonl": End(
        State.QUESTIONING, 5, answers=((1, 1, "I measured it first."),), stale=(1,)
    ),
}
MATERIAL = "0001-material.resume.jsonl"
NEWER = "0001-newer-format.jsonl"


@pytest.mark.parametrize("name", ENDS)
def test_a_log_of_an_earlier_release_replays(name: str):
    assert End.of(Interview.replay("i", read(name))) == ENDS[name]


@pytest.mark.parametrize("name", ENDS)
def test_every_beginning_of_a_log_replays_too(name: str):
    # A session that ended anywhere left such a beginning behind.
    entries = read(name)
    for length in range(len(entries) + 1):
        assert Interview.replay("i", entries[:length]).version == length


def test_the_logs_have_every_event_there_is():
    seen = {type(event) for name in ENDS for entry in read(name) for event in entry.story}
    assert seen == set(e.EVENTS)


def test_every_log_is_looked_at():
    assert {path.name for path in LOGS.glob("*.jsonl")} == {*ENDS, MATERIAL, NEWER}


def test_what_the_plan_and_the_questions_carry_is_read_back():
    interview = Interview.replay("i", read("0001-plan-of-the-host.jsonl"))
    assert interview.plan.fingerprint == "f4fd8ce2321f3a35"
    assert interview.plan.rubric[0] == e.Criterion("judgement", "weighs the risk", ("guesses", "weighs"), 2.0)
    question = interview.turns[0].question
    assert question.slot == e.Slot("judgement", "risk", "senior", "situational", text="When did you say no?")
    assert question.provenance == e.Provenance("coach", version="1")
    spoken = Interview.replay("i", read("0001-spoken-and-typed.jsonl")).turns[1].answer
    assert spoken is not None
    assert spoken.transcript == e.Transcript(spoken.text, "pocketsphinx", 0.75, 6.5)


def test_scores_are_read_back_and_what_was_not_scored_stays_so():
    feedback = Interview.replay("i", read("0001-scores.jsonl")).feedback
    assert feedback == SCORED
    before = Interview.replay("i", read("0001-on-request.jsonl")).feedback
    assert before is not None
    assert {(given.scores, given.overall, given.delivery) for given in before.answers} == {((), None, None)}
    assert before.totals == ()


def test_fields_that_this_release_does_not_know_are_ignored():
    lines = (LOGS / "0001-fields-of-a-later-release.jsonl").read_text("utf-8")
    assert lines.count('"mood"') == 3, "in an entry, in an event and in a value"


def test_a_log_of_a_newer_format_says_so():
    lines = (LOGS / NEWER).read_bytes().splitlines()
    assert e.decode(lines[0]).version == 1
    for line in lines[1:]:  # one that could be read by chance, one with an event nobody knows here
        with pytest.raises(NewerFormat) as caught:
            e.decode(line, "i9")
        assert caught.value.interview_id == "i9"


def test_kept_material_is_read_back():
    (entry,) = read(MATERIAL)
    assert list(entry.story) == []
    assert entry.events == (
        e.Material(
            "Ada Example\nKept the trains running.",
            "A railway",
            "b1946ac92492d2347c6235b4d2611184",
            2,
            (e.Warning("hidden_text", "Some text cannot be seen.", 2),),
        ),
    )


# -------------------------------------------------------------------- what this release would write


def asked(
    number: int, text: str, follow_up_to: int | None = None, slot: e.Slot | None = None
) -> e.QuestionAsked:
    evidence = e.Evidence("e1", "achievement", "Kept the trains running.", 12, 36) if number == 1 else None
    made_by = e.Provenance("coach", version="1")
    return e.QuestionAsked(
        e.Question(number, text, slot or e.Slot(), evidence, follow_up_to, "senior", made_by)
    )


def feedback(*answers: tuple[int, int, str]) -> e.FeedbackGiven:
    """Feedback on (question, revision, quoted beginning) each."""
    given = tuple(
        e.AnswerFeedback(
            question,
            revision,
            (
                e.Observation(
                    "there", "own_action", "You say what you did.", e.Quote(0, len(quoted), quoted)
                ),
                e.Observation("try", "number", "Say how much."),
            ),
            e.Provenance("coach", version="1"),
        )
        for question, revision, quoted in answers
    )
    return e.FeedbackGiven(
        e.Feedback(
            given, "Clear.", ("Say how much.",), "Rules, not a model.", e.Provenance("coach"), "0" * 16, 1
        )
    )


SPOKEN_AND_TYPED: list[list[e.Event]] = [
    [e.Attached("aa" * 32, "host-7")],
    [e.StartInterview(e.Plan(questions=3, seed=7, resume_digest="cc" * 32))],
    [e.ChooseDifficulty("senior engineer")],
    [
        asked(
            1,
            "How did you keep the trains running?",
            slot=e.Slot("ownership", "action", "senior", "behavioural", "e1"),
        )
    ],
    [e.RecordAnswer(1)],
    [e.AnswerLost("no_speech")],
    [e.RepeatQuestion(1)],
    [e.RecordAnswer(1, e.Source("upload", "u1"))],
    [e.DiscardAnswer()],
    [e.SubmitAnswer(1, "I split the nightly job in two."), e.FollowUpWanted(1, "result")],
    [asked(2, "What came of it?", 1)],
    [e.RecordAnswer(2, e.Source("stream"))],
    [e.FinishAnswer()],
    [
        e.AnswerRecorded(
            2, e.Transcript("The backlog fell from 9 hours to 40 minutes.", "pocketsphinx", 0.75, 6.5)
        )
    ],
    [asked(3, "When did you last change your mind?")],
    [e.NextQuestion()],
    [asked(4, "How do you hand work over?")],
    [e.SubmitAnswer(4, "We wrote the runbook together.")],
    [e.RetryQuestion(1)],
    [e.SubmitAnswer(1, "I split the nightly job in three.")],
    [e.CorrectAnswer(1, "I split the nightly job in five.")],
    [e.CorrectAnswer(1, "I split the nightly job in four.")],
    [e.Analyze()],
    [feedback((1, 4, "I split"), (2, 1, "The backlog fell"), (4, 1, "We wrote the runbook"))],
    [e.StopInterview()],
]
ON_REQUEST: list[list[e.Event]] = [
    [e.Attached("bb" * 32)],
    [e.StartInterview(e.Plan(questions=2, advance="on_request", follow_ups=0, language="en-GB"))],
    [e.ChooseDifficulty("entry-level")],
    [asked(1, "What did you build?")],
    [e.SubmitAnswer(1, "I led the migration.")],
    [e.ChooseDifficulty("mid")],
    [e.ActivityFailed("timeout")],
    [e.NextQuestion()],
    [asked(2, "How long did it take?")],
    [e.SubmitAnswer(2, "Two weeks, with tests first."), e.Analyze()],
    [feedback((1, 1, "I led"), (2, 1, "Two weeks"))],
]
INTERRUPTED: list[list[e.Event]] = [
    [e.Attached("dd" * 32)],
    [e.StartInterview(e.Plan())],
    [e.ChooseDifficulty("senior")],
    [asked(1, "What did you build?")],
    [e.RecordAnswer(1, e.Source("microphone"))],
    [e.Attached(), e.AnswerLost("interrupted")],
]
PLAN_OF_THE_HOST: list[list[e.Event]] = [
    [e.Attached("ee" * 32)],
    [
        e.StartInterview(
            e.Plan(
                slots=(e.Slot("judgement", "risk", "senior", "situational", text="When did you say no?"),),
                rubric=(e.Criterion("judgement", "weighs the risk", ("guesses", "weighs"), 2.0),),
                language="de",
                follow_ups=1,
                seed=3,
            )
        )
    ],
    [e.ChooseDifficulty("senior")],
    [
        asked(
            1,
            "When did you say no?",
            slot=e.Slot("judgement", "risk", "senior", "situational", text="When did you say no?"),
        )
    ],
    [e.SubmitAnswer(1, "It was unsafe."), e.FollowUpWanted(1, "reason")],
    [e.ActivityFailed("model_unavailable")],
    [e.Analyze()],
    [e.CorrectAnswer(1, "Because it would have been unsafe.")],
    [e.RetryQuestion(1)],
]
MEASURED = e.Quote(0, 19, "I measured it first")
SCORED = e.Feedback(
    (
        e.AnswerFeedback(
            1,
            1,
            (e.Observation("there", "own_action", "You say what you did.", MEASURED),),
            e.Provenance("coach", version="2"),
            (
                e.Score("relevance", 4, "Answers nearly every part.", (MEASURED,), "Names the step.", 1),
                e.Score("structure", 3, "One part is missing.", capped=True),
                e.NotScored("depth", "failed"),
            ),
            3.5,
            (
                e.OutlineStep("own_action", "Your own step:", MEASURED),
                e.OutlineStep("result", "Then what came of it: […]"),
            ),
            e.Delivery(9, 4.5, 120.0, 0, True, 1, 0.9),
            ("repeated",),
        ),
    ),
    "Clear.",
    ("Say how much.",),
    "Rules, not a model.",
    e.Provenance("coach", version="2"),
    "0" * 16,
    1,
    (e.Total("relevance", 4.0, 1), e.Total("structure", 3.0, 1)),
    3.5,
)
SCORES: list[list[e.Event]] = [
    [e.Attached("ab" * 32)],
    [e.StartInterview(e.Plan(questions=1))],
    [e.ChooseDifficulty("mid")],
    [asked(1, "What did you do first?"), e.RecordAnswer(1)],
    [
        e.AnswerRecorded(
            1,
            e.Transcript(
                "I measured it first, and it took 40 minutes.",
                "pocketsphinx",
                seconds=4.5,
                pauses=(0.9,),
                verbatim=True,
            ),
        ),
        e.Analyze(),
    ],
    [e.FeedbackGiven(SCORED)],
]
LATER_FIELDS: list[list[e.Event]] = [
    [e.Attached("ff" * 32)],
    [e.StartInterview(e.Plan(questions=1))],
    [e.ChooseDifficulty("mid")],
    [asked(1, "What did you do first?")],
    [e.SubmitAnswer(1, "I measured it first.")],
]


def entries(steps: list[list[e.Event]]) -> list[e.Entry]:
    moment = count()
    return [
        e.Entry(version, f"c{version}" if version % 2 else f"~{version}", AT + next(moment), tuple(step))
        for version, step in enumerate(steps, 1)
    ]


def lines_of(steps: list[list[e.Event]]) -> list[bytes]:
    return [e.encode(entry) for entry in entries(steps)]


def later_fields() -> list[bytes]:
    first, start, chosen, put, answered = lines_of(LATER_FIELDS)
    put = put.replace(b'"question":{', b'"question":{"mood":"calm",').replace(
        b'"format":1', b'"format":1,"mood":[1]'
    )
    return [first, start, chosen, put, answered.replace(b'"text":', b'"mood":null,"text":')]


def newer_format() -> list[bytes]:
    first, start, chosen, *_ = lines_of(LATER_FIELDS)
    start, chosen = (line.replace(b'"format":1', b'"format":2') for line in (start, chosen))
    return [first, start, chosen.replace(b"choose_difficulty", b"choose_mood")]


def material() -> list[bytes]:
    warning = e.Warning("hidden_text", "Some text cannot be seen.", 2)
    kept = e.Material(
        "Ada Example\nKept the trains running.",
        "A railway",
        "b1946ac92492d2347c6235b4d2611184",
        2,
        (warning,),
    )
    return [e.encode(e.Entry(1, "~1", AT, (kept,)))]


WRITTEN: dict[str, Callable[[], list[bytes]]] = {
    "0001-spoken-and-typed.jsonl": lambda: lines_of(SPOKEN_AND_TYPED),
    "0001-on-request.jsonl": lambda: lines_of(ON_REQUEST),
    "0001-interrupted-recording.jsonl": lambda: lines_of(INTERRUPTED),
    "0001-plan-of-the-host.jsonl": lambda: lines_of(PLAN_OF_THE_HOST),
    "0001-scores.jsonl": lambda: lines_of(SCORES),
    "0001-fields-of-a-later-release.jsonl": later_fields,
    MATERIAL: material,
    NEWER: newer_format,
}


def write_logs(folder: Path) -> None:
    """Write the logs of the present release into *folder*."""
    for name, lines in WRITTEN.items():
        (folder / name).write_bytes(b"".join(line + b"\n" for line in lines()))


@pytest.mark.parametrize("name", sorted({*ENDS, MATERIAL}))
def test_this_release_reads_a_log_as_it_would_write_it(name: str, tmp_path: Path):
    # Not byte for byte, for ever: fields may be added. What is read must be the same.
    write_logs(tmp_path)
    written = [e.decode(line) for line in (tmp_path / name).read_bytes().splitlines()]
    assert written == read(name)


if __name__ == "__main__":
    write_logs(Path(sys.argv[1]))
