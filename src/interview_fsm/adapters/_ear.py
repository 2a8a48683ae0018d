"""Tells speech from silence in a child program that all streams share."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import count

from ._child import Child, ChildGone, cancelled
from ._listening_worker import REPORTS, Forget, Judge, Judged
from ._voice_activity import FRAME_BYTES

_ANSWERS_IN = 10.0  # seconds, for a second of sound that takes 0.03 on a machine that is not busy
_AT_ONCE = 31 * FRAME_BYTES  # bytes, a second of sound: so that no stream waits for another's backlog

Asked = tuple[Judge, "asyncio.Future[bytes]"]


class Ear:
    """Judges the frames of any number of takes, in turn.

    Holds a child program, from the first question on, and a task while there is one to ask. A program that
    dies or hangs is started anew, once for each piece of sound; one that cannot answer twice holds
    all for speech: an answer then ends when the candidate says so, and none is cut off.
    """

    def __init__(self) -> None:
        self._child: Child[Judged] | None = None
        self._numbers = count(1)
        self._asked: deque[Asked] = deque()
        self._asking: asyncio.Task[None] | None = None
        self._forgotten: list[int] = []
        self._closed = False

    def take(self) -> int:
        """The number of a new stream."""
        return next(self._numbers)

    async def judge(self, take: int, frames: bytes) -> bytes:
        """Which of these whole frames are speech: a byte for each, 1 for yes. ChildGone once closed."""
        pieces = [frames[at : at + _AT_ONCE] for at in range(0, len(frames), _AT_ONCE)]
        return b"".join([await self._judge(take, piece) for piece in pieces])

    def forget(self, take: int) -> None:
        """That stream has ended."""
        self._forgotten.append(take)

    async def aclose(self) -> None:
        """End the program, and hear nothing more."""
        self._closed = True
        asking, self._asking = self._asking, None
        if asking is not None:
            await cancelled(asking)
        while self._asked:
            _refuse(self._asked.popleft()[1])
        await self._end()

    async def _judge(self, take: int, piece: bytes) -> bytes:
        if self._closed:
            raise ChildGone
        judged: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked.append((Judge(take, piece), judged))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all())
        return await judged

    async def _ask_all(self) -> None:
        """In a task of its own: a question that has been put is answered, whoever has gone meanwhile."""
        while self._asked:
            question, judged = self._asked.popleft()
            if judged.cancelled():
                continue
            try:
                speech = await self._ask(question) or await self._ask(question)
            except asyncio.CancelledError:
                _refuse(judged)
                raise
            if not judged.done():
                judged.set_result(speech or b"\1" * (len(question.frames) // FRAME_BYTES))

    async def _ask(self, question: Judge) -> bytes:
        """The answer; nothing from a program that has none."""
        try:
            async with asyncio.timeout(_ANSWERS_IN):
                child = await self._started()
                while self._forgotten:
                    await child.send(Forget(self._forgotten.pop()))
                await child.send(question)
                return (await child.receive()).speech
        except (ChildGone, TimeoutError, OSError):
            await self._end()
            return b""

    async def _started(self) -> Child[Judged]:
        if self._child is None:
            self._child = await Child.start(f"{__package__}._listening_worker", REPORTS)
        return self._child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.aclose()


def _refuse(judged: asyncio.Future[bytes]) -> None:
    if not judged.done():
        judged.set_exception(ChildGone())
