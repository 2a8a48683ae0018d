"""What every Recorder, Transcriber and Speaker must do, as cases that any adapter can be held to.

::

    contract = RecorderContract(open_mine)         # an async function that opens the recorder

    @pytest.mark.parametrize("case", RecorderContract.cases())
    def test_my_recorder(case):
        contract.check(case)

The cases look at what the engine relies on: that calls end, that they can be cancelled and closed at any
time, and that the next one works after that. Whether speech is understood is the adapter's own test.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Any, Generic, Protocol, TypeVar

from ..errors import AdapterError
from ..events import Partial, Source, Transcript
from ..ports import Recorder, Speaker, Transcriber
from .clock import turns

DEADLINE = 60.0
"""Seconds that one case may take: long, because machines that test are busy."""
SILENCE = 1.0
"""Seconds of silence that end an answer here."""
_TURNS = 100  # of the event loop, in which whatever has happened reaches whoever it concerns
_NO_TEXT = 5.0  # seconds: some recognisers give no text before the end of the sound


class _Closing(Protocol):
    async def aclose(self) -> None: ...


Port = TypeVar("Port", bound=_Closing)
Item = TypeVar("Item")
Run = Callable[[Coroutine[Any, Any, None]], None]


class _Contract(Generic[Port]):
    def __init__(self, open_port: Callable[[], Awaitable[Port]], *, run: Run = asyncio.run) -> None:
        self._open, self._loop = open_port, run

    @classmethod
    def cases(cls) -> list[str]:
        """The names of the cases, which are their sentences."""
        named = inspect.getmembers(cls, inspect.iscoroutinefunction)
        return [name for name, _ in named if not name.startswith("_")]

    def check(self, case: str) -> None:
        """Run one case on an event loop of its own. Tasks it leaves behind are failures."""
        self._loop(self._run(case))

    async def _run(self, case: str) -> None:
        port = await self._open()
        try:
            async with asyncio.timeout(DEADLINE):
                await getattr(self, case)(port)
        finally:
            await port.aclose()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left

    async def closing_twice_is_no_error(self, port: Port) -> None:
        """Whether or not it was ever used."""
        await port.aclose()
        await port.aclose()


class RecorderContract(_Contract[Recorder]):
    """The promises of the Recorder port.

    Each recorder that is opened hears, at every ``record()`` of *source*, a person who speaks for at least
    two seconds and is then silent. Where the client brings the sound, *bring* gives it, and goes on waiting
    after it as a client does who is still there.
    """

    def __init__(
        self,
        open_port: Callable[[], Awaitable[Recorder]],
        *,
        source: Source | None = None,
        bring: Callable[[], AsyncGenerator[bytes, None]] | None = None,
        run: Run = asyncio.run,
    ) -> None:
        super().__init__(open_port, run=run)
        self._source, self._bring = source or Source(), bring

    async def an_answer_ends_by_itself(self, recorder: Recorder) -> None:
        """Its sound comes in whole samples."""
        chunks = await _all(self._recorded(recorder))
        assert any(chunks), "nothing was heard"
        assert all(len(chunk) % 2 == 0 for chunk in chunks)

    async def one_answer_can_follow_another(self, recorder: Recorder) -> None:
        """The device is free again."""
        assert await _all(self._recorded(recorder))
        assert await _all(self._recorded(recorder))

    async def done_ends_an_answer(self, recorder: Recorder) -> None:
        """Without waiting for silence."""
        done = asyncio.Event()
        async with aclosing(self._recorded(recorder, done, silence=50.0)) as sound:
            async for _ in sound:
                done.set()
        assert done.is_set()

    async def done_may_be_set_before_anything_is_heard(self, recorder: Recorder) -> None:
        """The candidate was quicker than the device."""
        done = asyncio.Event()
        done.set()
        await _all(self._recorded(recorder, done, silence=50.0))

    async def an_answer_that_is_closed_frees_the_device(self, recorder: Recorder) -> None:
        """In the middle of it."""
        await _first(self._recorded(recorder))
        assert await _all(self._recorded(recorder))

    async def an_answer_that_is_cancelled_frees_the_device(self, recorder: Recorder) -> None:
        """In the middle of it."""
        await _cancelled(self._recorded(recorder, silence=50.0))
        assert await _all(self._recorded(recorder))

    async def _recorded(
        self, recorder: Recorder, done: asyncio.Event | None = None, *, silence: float = SILENCE
    ) -> AsyncGenerator[bytes, None]:
        brought = self._bring() if self._bring is not None else None
        done = done or asyncio.Event()
        sound = recorder.record(self._source, silence=silence, done=done, brought=brought)
        async with AsyncExitStack() as stack:
            if brought is not None:
                await stack.enter_async_context(aclosing(brought))
            await stack.enter_async_context(aclosing(sound))
            async for chunk in sound:
                yield chunk


class TranscriberContract(_Contract[Transcriber]):
    """The promises of the Transcriber port. *say* gives the sound of one English answer."""

    def __init__(
        self,
        open_port: Callable[[], Awaitable[Transcriber]],
        say: Callable[[], AsyncGenerator[bytes, None]],
        *,
        run: Run = asyncio.run,
    ) -> None:
        super().__init__(open_port, run=run)
        self._say = say

    async def partials_come_before_the_one_transcript(self, transcriber: Transcriber) -> None:
        """And nothing after it."""
        *before, last = await _all(_heard(transcriber, self._say()))
        assert all(isinstance(part, Partial) for part in before)
        assert isinstance(last, Transcript)
        assert last.confidence is None or 0 <= last.confidence <= 1

    async def sound_that_never_comes_ends_in_a_transcript(self, transcriber: Transcriber) -> None:
        """The microphone heard nothing."""
        *_, last = await _all(_heard(transcriber, _nothing()))
        assert isinstance(last, Transcript)

    async def two_answers_at_once_both_end(self, transcriber: Transcriber) -> None:
        """Even where there is room for one only."""
        both = [asyncio.create_task(_all(_heard(transcriber, self._say()))) for _ in range(2)]
        for parts in await asyncio.gather(*both):
            assert isinstance(parts[-1], Transcript)

    async def what_the_recording_raises_is_raised(self, transcriber: Transcriber) -> None:
        """The same error, so that the candidate reads about the microphone and not about recognition."""
        lost = AdapterError("microphone", "microphone_unavailable", "gone")
        reading = asyncio.create_task(_all(_heard(transcriber, _breaking(self._say(), lost))))
        await asyncio.wait([reading])
        assert reading.exception() is lost

    async def what_it_raises_while_nobody_takes_the_text_is_not_lost(self, transcriber: Transcriber) -> None:
        """A reader that is slow gets the error with what it reads next."""
        read, lost = asyncio.Event(), AdapterError("microphone", "microphone_unavailable", "gone")
        sound = _breaking(self._say(), lost, after=read)
        reading = asyncio.create_task(_read(_heard(transcriber, sound), read, pause=_TURNS))
        await asyncio.wait([reading])
        assert reading.exception() is lost

    async def an_answer_that_is_closed_makes_room(self, transcriber: Transcriber) -> None:
        """Early, at its first partial."""
        await _first(_heard(transcriber, self._say()))
        await _all(_heard(transcriber, self._say()))

    async def an_answer_that_is_cancelled_makes_room(self, transcriber: Transcriber) -> None:
        """While it waits for more sound."""
        paused = asyncio.Event()
        await _cancelled(_heard(transcriber, _pausing(self._say(), paused)), when=paused)
        await _all(_heard(transcriber, self._say()))


class SpeakerContract(_Contract[Speaker]):
    """The promises of the Speaker port."""

    async def a_text_is_said_to_its_end(self, speaker: Speaker) -> None:
        """Whatever is given to be played is a WAV file."""
        for audio in await _all(speaker.speak("What did you do? Take your time.")):
            assert audio.wav.startswith(b"RIFF")

    async def one_text_can_follow_another(self, speaker: Speaker) -> None:
        """As questions do."""
        await _all(speaker.speak("What was the result?"))
        await _all(speaker.speak("And then?"))

    async def a_text_that_is_closed_makes_room(self, speaker: Speaker) -> None:
        """After its first sentence, where it gives any."""
        await _first(speaker.speak("First. Second. Third."))
        await _all(speaker.speak("What was the result?"))

    async def a_text_that_is_cancelled_makes_room(self, speaker: Speaker) -> None:
        """Before anything of it could be said."""
        await _cancelled_early(speaker.speak("First. Second. Third."))
        await _all(speaker.speak("What was the result?"))


async def _heard(
    transcriber: Transcriber, audio: AsyncGenerator[bytes, None]
) -> AsyncGenerator[Partial | Transcript, None]:
    parts = transcriber.transcribe(audio, hints=("Kubernetes",), language="en")
    async with aclosing(audio), aclosing(parts):
        async for part in parts:
            yield part


async def _nothing() -> AsyncGenerator[bytes, None]:
    chunks: tuple[bytes, ...] = ()
    for chunk in chunks:
        yield chunk


async def _breaking(
    audio: AsyncGenerator[bytes, None], error: Exception, *, after: asyncio.Event | None = None
) -> AsyncGenerator[bytes, None]:
    async with aclosing(audio):
        async for chunk in audio:
            yield chunk
    if after is not None:
        with suppress(TimeoutError):
            await asyncio.wait_for(after.wait(), _NO_TEXT)
    raise error


async def _pausing(audio: AsyncGenerator[bytes, None], paused: asyncio.Event) -> AsyncGenerator[bytes, None]:
    async with aclosing(audio):
        async for chunk in audio:
            yield chunk
    paused.set()
    await asyncio.Event().wait()


async def _all(items: AsyncGenerator[Item, None]) -> list[Item]:
    async with aclosing(items):
        return [item async for item in items]


async def _first(items: AsyncGenerator[Item, None]) -> None:
    async with aclosing(items):
        async for _ in items:
            return


async def _read(items: AsyncGenerator[Item, None], begun: asyncio.Event, *, pause: int = 0) -> None:
    async with aclosing(items):
        async for _ in items:
            begun.set()
            await turns(pause)


async def _cancelled(items: AsyncGenerator[Item, None], *, when: asyncio.Event | None = None) -> None:
    """Read *items*, and cancel that at the event, else at the first item."""
    begun = asyncio.Event()
    reading = asyncio.create_task(_read(items, begun))
    ready = asyncio.create_task((when or begun).wait())
    await asyncio.wait([reading, ready], return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    await _end(reading)
    await asyncio.wait([ready])


async def _cancelled_early(items: AsyncGenerator[Item, None]) -> None:
    reading = asyncio.create_task(_read(items, asyncio.Event()))
    await asyncio.sleep(0)
    await _end(reading)


async def _end(reading: asyncio.Task[None]) -> None:
    reading.cancel()
    await asyncio.wait([reading])
    if not reading.cancelled():
        reading.result()
