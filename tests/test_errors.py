import copy
import pickle
import re

import pytest

from interview_fsm import errors
from interview_fsm.errors import (
    AdapterError,
    BadMessage,
    BudgetSpent,
    Busy,
    CommandError,
    Conflict,
    EngineClosed,
    Expired,
    Gone,
    InterviewError,
    InvalidCommand,
    MissingExtra,
    NewerFormat,
    ResumeError,
    SessionError,
    SessionOver,
    SessionTaken,
    SettingError,
    TooSlow,
)

# What is raised, its code, whether trying again may help, and what a person reads. Codes never change.
TABLE: list[tuple[InterviewError, str, bool, str]] = [
    (
        InvalidCommand(
            "analyze", "questioning", ["next_question", "stop_interview"], "there is no answer yet"
        ),
        "invalid_command",
        False,
        "cannot analyze now: there is no answer yet; possible: next_question, stop_interview",
    ),
    (
        InvalidCommand("analyze", "stopped", (), "the interview has been stopped"),
        "invalid_command",
        False,
        "cannot analyze now: the interview has been stopped; possible: nothing",
    ),
    (
        BadMessage("a link and a count, as in LINK;3"),
        "bad_message",
        False,
        "a link and a count, as in LINK;3",
    ),
    (Busy("try again in a moment"), "busy", True, "try again in a moment"),
    (
        ResumeError("resume_timeout", "the link took too long", kind="slow_body", retryable=True),
        "resume_timeout",
        True,
        "the link took too long",
    ),
    (ResumeError("resume_not_pdf", "this is no PDF"), "resume_not_pdf", False, "this is no PDF"),
    (SettingError("port is not a number"), "bad_setting", False, "port is not a number"),
    (
        AdapterError("sqlite", "storage_unavailable", "the disk is full", retryable=True),
        "storage_unavailable",
        True,
        "the disk is full",
    ),
    (AdapterError("coach", "timeout"), "timeout", False, "coach failed (timeout)"),
    (
        BudgetSpent("interview", "model calls"),
        "budget_spent",
        False,
        "this interview has used up its model calls; what there is is kept, and another can be begun",
    ),
    (
        BudgetSpent("client", "time for recordings"),
        "budget_spent",
        False,
        "you have used up your time for recordings for today; what there is is kept, come back tomorrow",
    ),
    (
        MissingExtra("microphone", "mic"),
        "missing_extra",
        False,
        'microphone needs packages that are not installed: pip install "interview-fsm[mic]"',
    ),
    (
        SessionOver("i1"),
        "session_over",
        False,
        "The session has ended; the log says how far the interview came",
    ),
    (
        EngineClosed("i1"),
        "engine_closed",
        True,
        "The program that holds this interview is stopping; what is stored is kept",
    ),
    (SessionTaken("i1"), "session_taken", False, "The interview was opened somewhere else and goes on there"),
    (
        TooSlow("i1"),
        "too_slow",
        False,
        "The updates of this session were not read in time; open it again to go on from the log",
    ),
    (
        Conflict("i1"),
        "session_taken",
        False,
        "Another writer has moved this interview on; nothing was written",
    ),
    (
        Gone("i1"),
        "session_not_found",
        False,
        "There is no such interview: it was erased, has expired, or never was",
    ),
    (Gone("i1", "no interview i1"), "session_not_found", False, "no interview i1"),
    (
        Expired("i1"),
        "session_expired",
        False,
        "The interview has expired: it was kept as long as was promised, and is being erased",
    ),
    (
        NewerFormat("i1"),
        "newer_format",
        False,
        "The interview was written by a later release of interview_fsm; upgrade this one to open it",
    ),
]
CLASSES = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, InterviewError)
]


@pytest.mark.parametrize(("error", "code", "retryable", "text"), TABLE, ids=lambda v: type(v).__name__)
def test_an_error_has_its_code_and_a_text_for_people(
    error: InterviewError, code: str, retryable: bool, text: str
):
    assert (error.code, error.retryable, str(error)) == (code, retryable, text)


def test_every_class_that_is_raised_is_in_the_table():
    raised = {type(error) for error, *_ in TABLE}
    assert raised == set(CLASSES) - {InterviewError, CommandError, SessionError}


@pytest.mark.parametrize("error", [error for error, *_ in TABLE], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, *(lambda e, p=p: pickle.loads(pickle.dumps(e, p)) for p in range(2, 6))],
)
def test_a_copy_keeps_every_field(error: InterviewError, copied):
    error.add_note("while opening i1")
    again = copied(error)
    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert (again.args, again.code, str(again)) == (error.args, error.code, str(error))


def test_allowed_is_a_tuple_whatever_it_was_made_of():
    error = InvalidCommand("analyze", "idle", ["start_interview"], "the interview is idle")
    assert error.allowed == ("start_interview",)
    assert (error.trigger, error.state, error.reason) == ("analyze", "idle", "the interview is idle")


def test_three_branches_tell_whose_doing_it_was():
    branches = (CommandError, AdapterError, SessionError)
    for cls in CLASSES:
        if cls not in (InterviewError, *branches):
            assert sum(issubclass(cls, branch) for branch in branches) == 1


def tree_in_docstring() -> dict[str, str]:
    """Each class of the tree drawn in the module's docstring, and the class it hangs from."""
    parents: dict[str, str] = {}
    branch: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([│├└─ ]*)([A-Z]\w+)(?:  .*|)$", line):
            depth = len(found[1]) // 4
            branch[depth:] = [found[2]]
            if depth:
                parents[found[2]] = branch[depth - 1]
    return parents


def test_the_tree_in_the_docstring_is_the_tree_of_classes():
    assert tree_in_docstring() == {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES[1:]}


def test_every_class_says_what_it_is_and_has_a_code():
    for cls in CLASSES:
        assert cls.__doc__
        assert re.fullmatch(r"[a-z_]+", cls.code)
