"""What the table costs: ``fire()`` beside bare ``transitions``, at most 1.2 times; exit 1 when it is more.

Also, without a limit: a whole step (``after()``), a refusal, and the memory of one interview.

    python benchmarks/fire.py
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from statistics import median
from time import process_time_ns

from interview_fsm import events as e
from interview_fsm.errors import InvalidCommand
from interview_fsm.interview import Interview
from interview_fsm.states import MACHINE, State, Trigger, fire

LIMIT = 1.2
ROUNDS, TIMES = 41, 2_000
"""Interleaved, so that whatever else the machine does falls on all alike; an odd number has a middle."""
HELD = 5_000
"""Interviews held at once to see what one weighs."""


class Bare:
    """The least that ``transitions`` can move."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = State.IDLE


def opened() -> Interview:
    question = e.Question(1, "What did you do?")
    happened = (e.StartInterview(e.Plan()), e.ChooseDifficulty("senior"), e.QuestionAsked(question))
    return Interview(id="i").following(happened)


def moving(subject: Bare | Interview, move: Callable[[Bare | Interview], object]) -> Callable[[], None]:
    def once() -> None:
        subject.state = State.IDLE
        move(subject)

    return once


def bare(subject: Bare | Interview) -> object:
    return MACHINE.events[Trigger.START_INTERVIEW].trigger(subject)


def ours(subject: Bare | Interview) -> object:
    return fire(subject, Trigger.START_INTERVIEW)  # type: ignore[arg-type]


def tasks() -> dict[str, Callable[[], None]]:
    interview, answer = opened(), e.SubmitAnswer(1, "I moved the jobs to a queue.")
    analyze = e.Analyze()

    def refused() -> None:
        with suppress(InvalidCommand):
            interview.after(analyze)

    subject = Interview(id="i")
    return {
        "transitions, bare": moving(subject, bare),
        "fire()": moving(subject, ours),
        "transitions, bare, on a slotted object": moving(Bare(), bare),
        "after(submit_answer)": lambda: interview.after(answer) and None,
        "after(analyze), refused": refused,
    }


def measured() -> dict[str, float]:
    """Microseconds of CPU each, the median of interleaved rounds."""
    todo = tasks()
    rounds: dict[str, list[float]] = {name: [] for name in todo}
    gc.disable()
    for _ in range(ROUNDS):
        for name, once in todo.items():
            began = process_time_ns()
            for _ in range(TIMES):
                once()
            rounds[name].append((process_time_ns() - began) / TIMES / 1_000)
        gc.collect()
    gc.enable()
    return {name: median(times) for name, times in rounds.items()}


def weight(make: Callable[[], Interview]) -> float:
    """Bytes that one interview holds, its events and questions counted in."""
    make()
    gc.collect()
    tracemalloc.start()
    held = [make() for _ in range(HELD)]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / len(held)


def main() -> int:
    times = measured()
    for name, microseconds in times.items():
        print(f"{name:40} {microseconds:8.2f} µs")
    print(f"{'an interview, new':40} {weight(lambda: Interview(id='i')):8.0f} bytes")
    print(f"{'an interview with a question open':40} {weight(opened):8.0f} bytes")
    ratio = times["fire()"] / times["transitions, bare"]
    print(f"fire() against bare transitions: {ratio:.2f} times (at most {LIMIT})")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
