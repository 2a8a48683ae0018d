"""Words that are likely to be said decide between texts that are about as likely, and nothing more."""

import pytest

from interview_fsm.activities import HINTS, phrases
from interview_fsm.adapters._hints import Hints

HEARD = "we knew of the reference to a message to end"


def test_a_text_with_more_of_the_words_is_taken_though_its_score_is_less():
    hints = Hints(["Moved batch jobs to a message queue"])
    others = [(HEARD, 0.0132), ("we knew of the reference to a message queue and", 0.0131)]
    assert hints.choose(HEARD, others) == others[1][0]


def test_among_those_with_more_the_likelier_one_is_taken():
    hints = Hints(["a message queue"])
    others = [
        ("a message queue an", 0.0100),
        ("a message queue and", 0.0131),
        ("a message queue end", 0.0120),
    ]
    assert hints.choose("a message cute", others) == "a message queue and"


def test_the_first_stays_without_a_better_one():
    hints = Hints(["message", "Kubernetes"])
    assert hints.choose(HEARD, [("message message message", 0.0), ("a passage to end", 0.9)]) == HEARD
    assert hints.choose(HEARD, []) == HEARD


def test_words_that_everybody_says_are_no_hints():
    assert not Hints(["What did you do, and why was it so?"])
    assert Hints(["What did you do about Redis?"]).hits("what did you do about redis") == 1


def test_neighbours_count_once_more():
    assert Hints(["payment service"]).hits("the payment service") == 3
    assert Hints(["payment", "service"]).hits("the payment service") == 2


@pytest.mark.parametrize("size", [1, 40_000])
def test_the_phrases_of_a_resume_are_bounded_and_the_question_comes_first(size):
    resume = "\n".join(f"Built thing {chr(97 + n % 26) * (3 + n // 26)} (2019–2021)" for n in range(size))
    told = phrases("How did you test it, and why?", "", resume)
    assert told[:3] == ("How did you test it", "and why", "Built thing aaa")
    assert len(told) <= HINTS
    assert "2019" not in told
