"""Input tokens of an interview with a model, beside what sending everything each time would take.

Five questions on the résumé that the package brings, and on one as long as is shown to a model;
feedback on each of the answers that it brings, and a summary. The real SDK before a provider on loopback,
which counts four bytes as a token and keeps the beginnings that it is told to keep. Beside it the same
interview as a plain chat: each question is asked with the whole conversation so far, and the feedback with
all of it and the criteria, in one go or once for each answer and the summary.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.modelling import adapter, analyzed, held
from tests.providers import Provider, listening

from interview_fsm.coaching.fences import MOST
from interview_fsm.events import Analyze, Plan
from interview_fsm.resume.reader import Reader

QUESTIONS = 5
LONGEST = MOST["resume"]
JOB = "We look for somebody who has led a team, works with data, and explains it to people who do not. " * 10
CACHE_READ, CACHE_WRITE = 0.1, 1.25
"""Of the price of an input token: the usual rates."""


def size(*texts: str) -> int:
    return sum(len(text.encode()) for text in texts) // 4


def texts(body: dict[str, Any]) -> list[str]:
    blocks = [*body["system"], *(block for message in body["messages"] for block in message["content"])]
    return [block["text"] for block in blocks]


def as_a_chat(
    questions: list[dict[str, Any]], answers: list[str], criteria: str, asked: list[str]
) -> tuple[int, int]:
    """Tokens of the questions, and of one call for feedback, were everything sent each time."""
    told, total = "", 0
    system, material = texts(questions[0])[:2]
    for body, answer, question in zip(questions, answers, asked, strict=True):
        place = texts(body)[-1]
        total += size(system, material, told, place)
        told += place + question + answer
    return total, size(system, material, told, criteria)


async def measure(resume: str, answers: list[str]) -> None:
    provider = Provider("anthropic")
    async with listening(provider) as url:
        interviewer = await adapter(provider, url, patience=30.0)
        brought = {"resume": resume, "job_description": JOB}
        interview = await held(interviewer, answers, Plan(questions=QUESTIONS, follow_ups=0), **brought)
        asking = provider.fresh, provider.cached
        await analyzed(interviewer, interview.after(Analyze()), **brought)
        await interviewer.aclose()
    questions = provider.requests[:QUESTIONS]
    criteria = "".join(texts(provider.requests[QUESTIONS])[:2])
    asked = [turn.question.text for turn in interview.turns]
    chat, feedback = as_a_chat(questions, answers, criteria, asked)
    fresh, cached = provider.fresh, provider.cached
    paid = fresh * CACHE_WRITE + cached * CACHE_READ  # as if every fresh token were written to the cache
    most = chat + feedback * (QUESTIONS + 1)
    print(
        f"résumé {size(resume[:LONGEST])} tokens, job {size(JOB)}, answers {size(*answers) // QUESTIONS} each"
    )
    print(f"  questions       {sum(asking):>6} tokens sent, {asking[1]} of them kept by the provider")
    print(f"  with feedback   {fresh + cached:>6} tokens sent, {cached} of them kept, {fresh} read anew")
    print(f"  as a plain chat {chat + feedback:>6} with feedback in one go, {most} with feedback by answer")
    print(f"  paid for        {paid:>6.0f} at the most, in tokens of full price: ", end="")
    print(f"{paid / (chat + feedback):.0%} and {paid / most:.0%} of the chat")


async def main() -> None:
    data = files("interview_fsm") / "data"
    reader = Reader()
    resume = (await reader.read((data / "demo_resume.pdf").read_bytes())).text
    await reader.aclose()
    given = list(json.loads((data / "demo_answers.json").read_text("utf-8"))["answers"].values())
    answers = [given[place % len(given)] for place in range(QUESTIONS)]
    await measure(resume, answers)
    await measure((resume + "\n") * (LONGEST // len(resume) + 1), answers)  # as long as one may be


if __name__ == "__main__":
    asyncio.run(main())
