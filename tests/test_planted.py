"""Every planted bug turns its tests red: see ``planted``."""

import os
import random

import pytest

from .planted import BUGS, PACKAGE, Bug, is_noticed

ALL = os.environ.get("INTERVIEW_FSM_SOAK") == "1"
SLICE = 3
"""Of all, another choice each day would make a red that nobody can repeat; so these."""
CHOSEN = BUGS if ALL else random.Random(8).sample(BUGS, SLICE)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("bug", CHOSEN, ids=[bug.name for bug in CHOSEN])
def test_a_planted_bug_is_noticed(bug: Bug) -> None:
    assert is_noticed(bug)


@pytest.mark.parametrize("bug", BUGS, ids=[bug.name for bug in BUGS])
def test_what_a_bug_changes_is_still_there(bug: Bug) -> None:
    assert (PACKAGE / bug.module).read_text("utf-8").count(bug.right) == 1


@pytest.mark.slow
def test_what_is_no_bug_is_not_noticed_and_tests_that_do_not_run_are_an_error() -> None:
    none = Bug("none", "retention.py", "import math\n", "import math\n", ("tests/test_states.py",))
    assert not is_noticed(none)
    with pytest.raises(AssertionError, match="do not run"):
        is_noticed(none._replace(tests=("tests/test_nothing.py",)))
