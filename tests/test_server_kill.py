"""The server killed with ``kill -9`` between any two messages: no acknowledged answer is ever lost."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from interview_fsm.adapters.sqlite import create
from interview_fsm.interview import Interview

from .serving import LINK

KILLS = 1000 if os.environ.get("INTERVIEW_FSM_SOAK") else 20
LINES = ("start_interview", "difficulty:easy", "answer", "difficulty:hard", "answer", "analyze")


class Victim:
    """A server process on *file*."""

    def __init__(self, file: Path) -> None:
        script = Path(__file__).with_name("killable.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(file)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Candidate:
    """Sits interviews, and writes down what was acknowledged and what was not."""

    def __init__(self) -> None:
        self.acknowledged: list[str] = []
        self.sent: list[str] = []

    async def sit(self, victim: Victim, messages: int, wait: float) -> None:
        """Send *messages* lines in lockstep, one more without waiting for its reply, then kill."""
        try:
            async with connect(f"ws://127.0.0.1:{victim.port}", compression=None) as socket:
                await socket.send(LINK)
                for number in range(messages):
                    line = self._line(number)
                    await socket.send(line)
                    reply = str(await asyncio.wait_for(socket.recv(), 10))
                    assert not reply.startswith("Error"), reply
                    self._note(reply)
                if messages < len(LINES):
                    await socket.send(self._line(messages))
                    await asyncio.sleep(wait)
                victim.kill()
                while True:  # what it said before it died counts
                    self._note(str(await asyncio.wait_for(socket.recv(), 10)))
        except (WebSocketException, OSError):
            pass

    def _line(self, number: int) -> str:
        if LINES[number] != "answer":
            return LINES[number]
        text = f"unique answer {len(self.sent)}"
        self.sent.append(text)
        return f"answer:{text}"

    def _note(self, reply: str) -> None:
        if reply.startswith("Answer recorded: "):
            self.acknowledged.append(reply.removeprefix("Answer recorded: "))


async def stored(file: Path) -> Counter[str]:
    """Every answer in the file, read as ``interview-fsm sessions`` reads it, and how often."""
    storage = await create(path=file, read_only=True)
    try:
        answers: Counter[str] = Counter()
        async for head in storage.interviews():
            entries = await storage.load(head.interview_id)
            assert [entry.version for entry in entries] == list(range(1, len(entries) + 1))
            interview = Interview.replay(head.interview_id, entries)
            answers.update(turn.answer.text for turn in interview.turns if turn.answer)
        return answers
    finally:
        await storage.aclose()


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_every_acknowledged_answer_survives_kill_9_exactly_once(tmp_path: Path) -> None:
    async def main() -> None:
        file, candidate, rng = tmp_path / "interviews.db", Candidate(), random.Random(7)
        for trial in range(KILLS):
            victim = await asyncio.to_thread(Victim, file)
            try:
                messages = trial % (len(LINES) + 1)  # each gap in turn; the moment in it by chance
                await candidate.sit(victim, messages, rng.choice([0, 0, 0.001, 0.003, 0.01]))
            finally:
                victim.kill()
        answers = await stored(file)
        assert [text for text in candidate.acknowledged if answers[text] != 1] == []
        assert set(answers) <= set(candidate.sent)
        assert max(answers.values()) == 1
        assert len(candidate.acknowledged) >= KILLS // 2, "else nothing was shown"
        print(
            f"{KILLS} kills, {len(candidate.acknowledged)} acknowledged of {len(candidate.sent)} sent, 0 lost"
        )

    asyncio.run(main())
