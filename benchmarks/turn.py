"""One durable turn of an interview, beside the same in LangGraph with its SQLite checkpointer.

A turn: the candidate's answer is taken and stored, the next question is made and stored. Ours: an answer
sent to a session on SqliteStorage. LangGraph: a graph of two nodes, ask and listen, which interrupts for
the answer and keeps its state in AsyncSqliteSaver; the state is the list of turns. Both with
``synchronous=FULL``, both with an interviewer that costs nothing. CPU seconds of the process, and wall
seconds; medians of interleaved rounds of 20 turns.
"""

from __future__ import annotations

import asyncio
import operator
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from _serving import Instant
from interview_fsm import steps
from interview_fsm.adapters.sqlite import create
from interview_fsm.engine import Engine
from interview_fsm.events import Plan

TURNS, ROUNDS, AT_LEAST = 20, 11, 5.0
ANSWER = "I measured it, changed one thing, and it was twice as fast. " * 4
QUESTION = "What did you do, and what came of it?"


class Talk(TypedDict):
    turns: Annotated[list[tuple[str, str]], operator.add]
    question: str


def _graph() -> Any:
    def ask(_: Talk) -> dict[str, Any]:
        return {"question": QUESTION}

    def listen(talk: Talk) -> dict[str, Any]:
        return {"turns": [(talk["question"], interrupt(talk["question"]))]}

    graph = StateGraph(Talk)
    graph.add_node("ask", ask)
    graph.add_node("listen", listen)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "listen")
    graph.add_edge("listen", "ask")
    return graph


async def _timed(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    return (time.process_time() - cpu) / TURNS, (time.perf_counter() - wall) / TURNS


async def main() -> bool:
    folder = tempfile.mkdtemp()
    storage = await create(path=f"{folder}/ours.db")
    ours, theirs = [], []
    async with AsyncSqliteSaver.from_conn_string(f"{folder}/theirs.db") as saver:
        await saver.conn.execute("PRAGMA synchronous=FULL")
        app = _graph().compile(checkpointer=saver)
        async with Engine(storage, Instant()) as engine:
            for number in range(ROUNDS):
                session = engine.new()
                await steps.start(session, Plan(questions=TURNS + 1, follow_ups=0))
                await steps.ask(session, "mid")

                async def interview(session: Any = session) -> None:
                    for _ in range(TURNS):
                        await steps.submit(session, ANSWER)
                        await steps.asked(session)

                ours.append(await _timed(interview))
                await session.aclose()
                config = {"configurable": {"thread_id": str(number)}, "recursion_limit": 10_000}
                await app.ainvoke({"turns": [], "question": ""}, config)

                async def talk(config: Any = config) -> None:
                    for _ in range(TURNS):
                        await app.ainvoke(Command(resume=ANSWER), config)

                theirs.append(await _timed(talk))
    await storage.aclose()
    ratios = []
    for name, column in (("CPU", 0), ("wall", 1)):
        mine = statistics.median(row[column] for row in ours[1:])
        other = statistics.median(row[column] for row in theirs[1:])
        ratios.append(other / mine)
        times = f"ours {mine * 1e3:.2f} ms a turn, LangGraph {other * 1e3:.2f} ms"
        print(f"{name}: {times}: {other / mine:.1f} times cheaper")
    return ratios[0] < AT_LEAST


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
