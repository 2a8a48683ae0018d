"""Recognisers of the SpeechRecognition package as a Transcriber.

The default is PocketSphinx, which works offline with SpeechRecognition's English model. Others are used by
the name that ``speech_recognition.Recognizer`` has for them (``recognize_google`` is ``google``), and only
when somebody chose one: they may send the candidate's voice away.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from importlib.util import find_spec

from ..errors import AdapterError, MissingExtra, SettingError
from ..events import Partial, Segment, Transcript
from ..ports import INSTEAD
from ._child import Child, ChildGone, cancelled
from ._ears import Trouble
from ._recognition_worker import REPORTS, Begin, End, Failed, Heard, Ready, Report, Setup, Sound, Understood
from ._recognizer_needs import ENGINES, choose

NAME = "speech_recognition"

_PIECE = 4096  # bytes (128 ms) handed over at least: fewer, and messages would cost more than they carry
_PIECE_MOST = 16_384  # bytes (0.5 s) at the most, so that text comes steadily from a worker that is behind
_TAPE = 600 * 32_000  # bytes: ten minutes, twice the longest answer, wait for a worker at the most
_AHEAD = 64  # pieces (1 MB at the most) that a worker may have and not have taken in
_STARTING = 30.0  # seconds to load the models, 0.5 on a machine that is not busy
_SENTENCES: dict[Trouble, str] = {
    "package": f"The recogniser's packages are not installed. Choose another one, {INSTEAD}",
    "service": f"The recogniser's service could not be reached. Try again, {INSTEAD}",
    "limit": f"The recogniser's service has had too many requests. Try again in a minute, {INSTEAD}",
    "key": f"The recogniser's service refuses its key. Correct the key, {INSTEAD}",
    "reply": f"The recogniser's service gave a reply that is none. Try again, {INSTEAD}",
    "setup": f"The recogniser turned the request down as it is set up. Choose another one, {INSTEAD}",
    "model": f"The recogniser's model could not be loaded. See to its files, {INSTEAD}",
    "crash": f"The recogniser failed in the middle of the answer. Try again, {INSTEAD}",
}
_STUCK = f"The recogniser did not answer in time. Try again, {INSTEAD}"
_CLOSED = "The recogniser has been closed."
_AGAIN = ("crash", "service", "limit", "reply")


class _Tape:
    """What was heard and not yet handed over: the microphone runs while a worker starts, or is behind.

    Holds a task that reads *audio*, until ``aclose()``.
    """

    def __init__(self, audio: AsyncIterator[bytes]) -> None:
        self._pcm = bytearray()
        self._more, self._room = asyncio.Event(), asyncio.Event()
        self._recording = asyncio.create_task(self._record(audio))
        self._recording.add_done_callback(lambda _: self._more.set())

    async def has_any(self) -> bool:
        """Whether there is any sound; waits for the first, or for the end."""
        await self._wait_for(1)
        return bool(self._pcm)

    async def take(self) -> bytes:
        """The next piece; empty at the end. What *audio* raised is raised then."""
        await self._wait_for(_PIECE)
        piece = bytes(self._pcm[:_PIECE_MOST])
        del self._pcm[:_PIECE_MOST]
        self._room.set()
        if not piece:
            await self._recording
        return piece

    async def aclose(self) -> None:
        """Read no more."""
        await cancelled(self._recording)

    async def _record(self, audio: AsyncIterator[bytes]) -> None:
        async for pcm in audio:
            self._pcm += pcm
            self._more.set()
            while len(self._pcm) > _TAPE:
                self._room.clear()
                await self._room.wait()

    async def _wait_for(self, length: int) -> None:
        while len(self._pcm) < length and not self._recording.done():
            self._more.clear()
            await self._more.wait()


class _Hearing:
    """One answer in the hands of one worker. Holds a task that hands the tape over, until ``aclose()``."""

    def __init__(self, child: Child[Report], tape: _Tape, begin: Begin, *, patience: float) -> None:
        self._child, self._patience = child, patience
        self._owed, self._room = 0, asyncio.Semaphore(_AHEAD)
        self._sending = asyncio.create_task(self._send(tape, begin))

    async def report(self) -> Heard | Understood:
        """What the worker says next. What the recording raised is raised here as well."""
        receiving = asyncio.create_task(self._child.receive())
        try:
            await self._wait(receiving)
        finally:
            await cancelled(receiving)
        self._owed -= 1
        self._room.release()
        match receiving.result():
            case Failed(reason):
                raise _unavailable(reason)
            case Ready():
                raise ChildGone
            case report:
                return report

    async def aclose(self) -> None:
        """Hand over no more."""
        await cancelled(self._sending)

    async def _wait(self, receiving: asyncio.Task[Report]) -> None:
        """Until there is a report; TimeoutError when one is owed and does not come."""
        while not receiving.done():
            self._check_sending()
            waited = {receiving} if self._sending.done() else {receiving, self._sending}
            done, _ = await asyncio.wait(waited, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED)
            if not done and self._owed:
                raise TimeoutError
        self._check_sending()

    def _check_sending(self) -> None:
        """Raise what the recording raised, whenever that was; of a worker that is gone the pipe tells."""
        if self._sending.done() and not isinstance(error := self._sending.exception(), ChildGone | None):
            raise error

    async def _send(self, tape: _Tape, begin: Begin) -> None:
        await self._child.send(begin)
        while piece := await tape.take():
            await self._room.acquire()
            self._owed += 1
            await self._child.send(Sound(piece))
        self._owed += 1
        await self._child.send(End())


class Recognition:
    """Turns answers into text in worker processes, at most *workers* at once; the next answer waits.

    A worker is started when an answer comes and none is free, kept for later answers, and killed when its
    answer is cancelled or fails. *engine* is ``sphinx`` or the name of another recogniser of
    SpeechRecognition; *options* are keyword arguments of that recogniser (for ``sphinx``: of the decoder),
    *key* is that of its service. *operation_timeout* limits one request to a service, *patience* the time
    without a sign of life: seconds. ``sends_to`` are the hosts that get sound and hints, none if it is empty.
    """

    def __init__(
        self,
        engine: str = "sphinx",
        *,
        workers: int | None = None,
        operation_timeout: float = 20.0,
        patience: float = 30.0,
        options: Mapping[str, object] | None = None,
        key: str = "",
        sends_to: tuple[str, ...] = (),
    ) -> None:
        if min(operation_timeout, patience) <= 0 or (workers is not None and workers < 1):
            raise SettingError("a recogniser's timeouts are seconds and over 0; it has one worker or more")
        self._setup = Setup(engine, operation_timeout, dict(options or {}), key)
        self.sends_to = sends_to
        self._patience = patience if engine == "sphinx" else patience + operation_timeout
        self._places = asyncio.Semaphore(workers or _cores())
        self._idle: list[Child[Report]] = []
        self._busy: set[Child[Report]] = set()
        self._closed = False

    async def transcribe(
        self, audio: AsyncIterator[bytes], *, hints: Sequence[str], language: str
    ) -> AsyncGenerator[Partial | Transcript, None]:
        """Partials while *audio* comes, then one Transcript.

        Of several texts that are about as likely the one with more words of *hints* is taken; its segment
        keeps the other as ``raw``. Raises AdapterError ``recognition_unavailable``, and what *audio* raises.
        """
        self._check(language)
        understood = Understood((), 0.0, 0.0, ())
        begin = Begin(language, tuple(hints))
        async with aclosing(_Tape(audio)) as tape:
            if await tape.has_any():
                async with self._heard(tape, begin) as hearing:
                    said = ""
                    while isinstance(report := await hearing.report(), Heard):
                        if report.text != said:
                            said = report.text
                            yield Partial(said)
                    understood = report
            else:
                await tape.take()
        yield _transcript(understood, self._setup.engine)

    async def aclose(self) -> None:
        """End all workers; answers that are with one fail."""
        self._closed = True
        for child in tuple(self._busy):
            child.kill()
            await child.ended()
        while self._idle:
            await self._idle.pop().aclose()

    def _check(self, language: str) -> None:
        if self._closed:
            raise _error(_CLOSED)
        if self._setup.engine == "sphinx" and language.split("-")[0].lower() != "en":
            sentence = f"PocketSphinx understands English only, not {language}. Choose another one, {INSTEAD}"
            raise _error(sentence)

    @asynccontextmanager
    async def _heard(self, tape: _Tape, begin: Begin) -> AsyncIterator[_Hearing]:
        """The answer in the hands of a worker; a worker that dies or hangs leaves as AdapterError."""
        try:
            async with self._worker() as child:
                hearing = _Hearing(child, tape, begin, patience=self._patience)
                async with aclosing(hearing):
                    yield hearing
        except ChildGone as error:
            raise (_error(_CLOSED) if self._closed else _unavailable("crash")) from error
        except TimeoutError as error:
            raise _error(_STUCK, retryable=True) from error

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator[Child[Report]]:
        """A worker for one answer. It outlives only an answer that ended well."""
        async with self._places:
            child = await self._free()
            try:
                yield child
                if self._closed:
                    raise ChildGone
                self._idle.append(child)
            except BaseException:
                await child.aclose()
                raise
            finally:
                self._busy.discard(child)

    async def _free(self) -> Child[Report]:
        while self._idle:
            child = self._idle.pop()
            if child.is_running:
                self._busy.add(child)
                return child
            await child.aclose()  # it died between two answers
        return await self._start()

    async def _start(self) -> Child[Report]:
        child = await Child.start(f"{__package__}._recognition_worker", REPORTS)
        self._busy.add(child)
        try:
            await child.send(self._setup)
            async with asyncio.timeout(_STARTING):
                report = await child.receive()
            if isinstance(report, Failed):
                raise _unavailable(report.reason)
        except BaseException:
            self._busy.discard(child)
            await child.aclose()
            raise
        return child


def _transcript(understood: Understood, engine: str) -> Transcript:
    parts = understood.parts
    known = [(part.confidence, len(part.text)) for part in parts if part.confidence is not None]
    weight = sum(length for _, length in known)
    return Transcript(
        " ".join(part.text for part in parts),
        engine,
        round(sum(sure * length for sure, length in known) / weight, 2) if weight else None,
        understood.seconds,
        understood.pauses,
        talk=understood.talk,
        segments=tuple(
            Segment(part.start, part.end, part.text, _rounded(part.confidence), part.raw) for part in parts
        ),
    )


def _rounded(confidence: float | None) -> float | None:
    return None if confidence is None else round(confidence, 2)


def _unavailable(trouble: Trouble) -> AdapterError:
    return _error(_SENTENCES[trouble], retryable=trouble in _AGAIN)


def _error(sentence: str, *, retryable: bool = False) -> AdapterError:
    return AdapterError(NAME, "recognition_unavailable", sentence, retryable=retryable)


def _cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


async def create(
    *,
    engine: str = "sphinx",
    workers: int | None = None,
    operation_timeout: float = 20.0,
    patience: float = 30.0,
    model: str | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    **options: object,
) -> Recognition:
    """A recogniser by name; its models are loaded with the first answer.

    *model* is the name of a service's model, or the folder of one on this machine: none is fetched.
    *base_url* is for ``openai`` and ``groq``: another server that speaks as they do, and may need no key.
    Without *api_key* it is ``keys.find("OPENAI_API_KEY")``, or ``GROQ_API_KEY``.

    Raises MissingExtra, and SettingError for a recogniser that SpeechRecognition does not have, or that lacks
    a model, an address or a key.
    """
    if any(find_spec(package) is None for package in ("speech_recognition", "pocketsphinx")):
        raise MissingExtra(NAME, "stt")
    if engine not in ENGINES and engine not in (names := await asyncio.to_thread(_names)):
        raise SettingError(f"there is no recogniser called {engine!r}; there are: {', '.join(names)}")
    chosen = choose(engine, model=model, base_url=base_url, api_key=api_key)
    return Recognition(
        engine,
        workers=None if workers is None else int(workers),
        operation_timeout=float(operation_timeout),
        patience=float(patience),
        options=options | chosen.options,
        key=chosen.key,
        sends_to=(chosen.host,) if chosen.host else (),
    )


def _names() -> list[str]:
    """What SpeechRecognition has, without what has no service any more; importing it takes 0.2 s."""
    from speech_recognition import Recognizer

    found = {name.removeprefix("recognize_") for name in dir(Recognizer) if name.startswith("recognize_")}
    return sorted(found - {"api", "legacy"})
