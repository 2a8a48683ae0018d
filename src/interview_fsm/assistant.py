"""The library's two easy ways in: an engine put together from names, and a synchronous assistant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace

from . import steps
from .adapters import load
from .coaching.endings import thinking, without_ending
from .coaching.follow_up import follow_up
from .coaching.language import serves
from .coaching.levels import Level, read_level
from .engine import Endings, Engine, Limits, Observer
from .errors import ResumeError, SettingError
from .events import Feedback, Material, Partial, Resume, Source, Transcript
from .interview import Interview
from .portal import Portal
from .ports import Audio, Interviewer, Recorder, Speaker, Transcriber
from .report import as_text
from .sources import Sources

if TYPE_CHECKING:
    from .resume.fetch import Fetcher
    from .resume.reader import Reader

MOST_BYTES = 10 * 1024 * 1024
"""Of a résumé's file."""

# ------------------------------------------------------------------------------- adapters by name


class _Later:
    """An adapter that is loaded when it is first used: nobody waits for a microphone they do not use."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self._name, self._options = name, options
        self._adapter: Any = None

    async def _get(self) -> Any:
        if self._adapter is None:
            self._adapter = await load(self._name, **self._options)
        return self._adapter

    async def aclose(self) -> None:
        if self._adapter is not None:
            await self._adapter.aclose()


class _LaterRecorder(_Later):
    async def record(
        self,
        source: Source,
        *,
        silence: float,
        done: asyncio.Event,
        brought: AsyncIterator[bytes] | None = None,
        soon: Callable[[], None] | None = None,
        client: str = "",
    ) -> AsyncGenerator[bytes, None]:
        recorder: Recorder = await self._get()
        sound = recorder.record(source, silence=silence, done=done, brought=brought, soon=soon, client=client)
        async with aclosing(sound):
            async for chunk in sound:
                yield chunk


class _LaterTranscriber(_Later):
    sends_to: tuple[str, ...] = ()  # the default, which nobody has chosen, is the offline one

    async def transcribe(
        self, audio: AsyncIterator[bytes], *, hints: Sequence[str], language: str
    ) -> AsyncGenerator[Partial | Transcript, None]:
        transcriber: Transcriber = await self._get()
        async with aclosing(transcriber.transcribe(audio, hints=hints, language=language)) as parts:
            async for part in parts:
                yield part


class _LaterSpeaker(_Later):
    async def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        speaker: Speaker = await self._get()
        async with aclosing(speaker.speak(text)) as sounds:
            async for audio in sounds:
                yield audio


def _hearing(microphone: str, options: Mapping[str, Any], fetch: Fetch | None) -> Recorder:
    """What hears answers: *microphone*, by name, on this machine, and what clients send or link to."""
    heard = {"microphone": _LaterRecorder(microphone, dict(options)), "stream": _LaterRecorder("stream", {})}
    if find_spec("av"):
        heard["upload"] = files = _LaterRecorder("files", {"fetch": fetch})
        if fetch is not None:
            heard["link"] = files
    return Sources(heard)


Fetch = Callable[[str, str], Awaitable[bytes]]
"""Opens a link to sound for a client, with the guards of ``resume.fetch``; raises ResumeError."""


_TO_GIVE = {"play": False}
COACH = "coach"
_BY_MODEL = ("anthropic", "openai")
"""Our interviewers that need the coach beside them."""


def check_language(interviewer: str | Sequence[str], language: str) -> None:
    """Raises SettingError where nobody of *interviewer* asks in *language*, BCP 47, by himself."""
    names = [interviewer] if isinstance(interviewer, str) else interviewer
    if set(names) == {COACH} and not serves(language):
        raise SettingError(
            f"the coach asks and listens in English, and not in “{language}”: choose English, or an "
            f"interviewer that knows the language ({', '.join(_BY_MODEL)})"
        )


@asynccontextmanager
async def assemble(
    *,
    storage: str = "sqlite",
    storage_options: Mapping[str, Any] | None = None,
    path: Path | None = None,
    interviewer: str | Sequence[str] = COACH,
    interviewer_options: Mapping[str, Mapping[str, Any]] | None = None,
    recorder: str | None = "microphone",
    transcriber: str | None = "speech_recognition",
    speaker: str | None = None,
    speech_on_demand: bool = False,
    recorder_options: Mapping[str, Any] | None = None,
    transcriber_options: Mapping[str, Any] | None = None,
    fetch: Fetch | None = None,
    limits: Limits | None = None,
    observe: Observer | None = None,
) -> AsyncGenerator[Engine, None]:
    """An engine of adapters chosen by name, all closed on leaving. The defaults send nothing anywhere.

    *storage_options* are what the storage is made with; *path* is the file of one that has one. *interviewer*
    may be several names: then each call is answered by the first that can. *interviewer_options* are what
    each is made with, by its name. *fetch* opens clients' links to sound, and without it none is opened. With
    *speech_on_demand* the speaker gives its sound to sessions that want it, else it is heard on this machine.
    *recorder_options* are what this machine's microphone is made with, such as its *device*'s name. The voice
    adapters are loaded when they are first used, but for a transcriber with *transcriber_options*,
    which was chosen. Raises SettingError, MissingExtra, AdapterError.
    """
    async with AsyncExitStack() as stack:

        async def opened(name: str, **options: Any) -> Any:
            adapter = await load(name, **options)
            stack.push_async_callback(adapter.aclose)
            return adapter

        def later(adapter: Any) -> Any:
            stack.push_async_callback(adapter.aclose)
            return adapter

        async def asking(names: Sequence[str]) -> Interviewer:
            by_rules = await opened(COACH)
            made = []
            for name in names:
                options = dict((interviewer_options or {}).get(name, {}))
                if name in _BY_MODEL:
                    options["coach"] = by_rules
                made.append(by_rules if name == COACH else await opened(name, **options))
            asks: Interviewer = made[0] if len(made) == 1 else await opened("fallback", interviewers=made)
            return asks

        names = (interviewer,) if isinstance(interviewer, str) else tuple(interviewer)
        options = dict(storage_options or {}) | ({"path": path} if path is not None else {})
        hears: Any = None
        if transcriber and transcriber_options:
            hears = await opened(transcriber, **transcriber_options)
        elif transcriber:
            hears = later(_LaterTranscriber(transcriber, {}))
        engine = Engine(
            await opened(storage, **options),
            await asking(names),
            recorder=later(_hearing(recorder, recorder_options or {}, fetch)) if recorder else None,
            transcriber=hears,
            speaker=later(_LaterSpeaker(speaker, _TO_GIVE if speech_on_demand else {})) if speaker else None,
            speech_on_demand=speech_on_demand,
            follow_up=follow_up,
            endings=Endings(thinking, without_ending),
            ahead=names != (COACH,),  # which is quicker than that is worth
            limits=limits,
            observe=observe,
        )
        await stack.enter_async_context(engine)  # last in, first out: sessions end before adapters
        yield engine


# ---------------------------------------------------------------------------------------- résumés


async def read_resume(source: str | Path | bytes, *, fetcher: Fetcher, reader: Reader) -> Resume:
    """The résumé behind a link, in a file, or given as bytes. Raises ResumeError.

    A string with ``http://`` or ``https://`` is a link; any other is the name of a file.
    """
    if isinstance(source, bytes):
        return await reader.read(source)
    if isinstance(source, str) and source.strip().lower().startswith(("http://", "https://")):
        return await reader.read((await fetcher.fetch(source.strip())).data)
    return await reader.read(await asyncio.to_thread(_read_file, Path(source)))


def _read_file(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ResumeError("resume_unreadable", f"There is no file {path}.", kind="missing")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ResumeError(
            "resume_unreadable", f"{path} cannot be read: {error.strerror}.", kind="io"
        ) from error
    if len(data) > MOST_BYTES:
        raise ResumeError("resume_too_large", f"{path} is larger than 10 MB, the limit.", kind="size")
    return data


# ------------------------------------------------------------------------------------- synchronous


class InterviewAssistant:
    """One interview, conducted call by call: for a script, a notebook, a classroom.

    *resume* is a file's path, a link, bytes, or (with ``text=True``) the text itself. It works in an
    event loop of its own, in a thread of its own, so it may be used beside one. *job* is the text of a job
    description that the questions are to suit; *language* is BCP 47, and the coach knows English alone:
    with it any other raises SettingError at once.
    ``close()`` it, or use ``with``: the interview stops, the résumé's text and the job's are erased, the
    thread ends.
    """

    def __init__(
        self,
        resume: str | Path | bytes,
        questions: int = 3,
        *,
        text: bool = False,
        job: str = "",
        language: str = "en",
        storage: str = "sqlite",
        path: Path | None = None,
        interviewer: str | Sequence[str] = COACH,
        interviewer_options: Mapping[str, Mapping[str, Any]] | None = None,
        speaker: str = "pyttsx3",
        seed: int | None = None,
    ) -> None:
        check_language(interviewer, language)
        self._questions, self._language, self._seed = questions, language, seed
        self._speaker = _LaterSpeaker(speaker, {})
        self._stack = AsyncExitStack()
        self._portal = Portal()
        self._run = self._portal.run
        try:
            self._run(
                self._begin(
                    resume,
                    text,
                    job,
                    storage=storage,
                    path=path,
                    interviewer=interviewer,
                    interviewer_options=interviewer_options,
                )
            )
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------ the five methods

    def clear_database(self) -> None:
        """Begin anew on the same résumé; this interview's questions and answers are erased."""
        self._run(self._restart())

    def generate_question(self, difficulty: str) -> str:
        """The next question. Raises InvalidCommand when all have been asked, AdapterError."""
        return self._run(steps.ask(self._session, difficulty)).text

    def record_answer(self, text: str | None = None, *, sound: Path | bytes | None = None) -> str:
        """The answer to the open question, as stored: typed where *text* is given, else what is said in the
        file *sound* (wav, flac, ogg, mp3, m4a, webm), else heard by this machine's microphone until silence.
        Raises InvalidCommand, AdapterError, OSError for a file that cannot be read.
        """
        if text is None:
            file = sound.read_bytes() if isinstance(sound, Path) else sound or b""
            return self._run(steps.record(self._session, file))
        return self._run(steps.submit(self._session, text))

    def analyze_responses(self) -> str:
        """Feedback on all answers, to read; ``feedback`` has it as data."""
        return self._run(self._analyze())

    def text_to_speech(self, text: str) -> None:
        """Say *text* aloud on this machine; returns when it has been said. Raises AdapterError."""
        self._run(self._say(text))

    # ------------------------------------------------------------------------------------------- more

    @property
    def interview(self) -> Interview:
        """The interview as stored."""
        return self._session.interview

    @property
    def level(self) -> Level | None:
        """How the difficulty was read, and whether it was recognised; None before the first question."""
        difficulty = self._session.interview.difficulty
        return read_level(difficulty) if difficulty else None

    @property
    def feedback(self) -> Feedback | None:
        """The latest feedback; None before there is any."""
        return self._session.interview.feedback

    def close(self) -> None:
        """Stop the interview and let go of everything. May be called twice.

        Raises AdapterError where the storage could not take that, everything let go of: then what is still
        kept of the résumé goes when it expires.
        """
        if not self._portal.is_closed:
            try:
                self._run(self._stack.aclose())
            finally:
                self._portal.close()

    # -------------------------------------------------------------------------------- on its own loop

    async def _begin(self, resume: str | Path | bytes, text: bool, job: str, **adapters: Any) -> None:
        from .resume.fetch import Fetcher
        from .resume.reader import Reader

        self._engine = await self._stack.enter_async_context(assemble(**adapters))
        self._stack.push_async_callback(self._speaker.aclose)
        fetcher, reader = Fetcher(), Reader()
        self._stack.push_async_callback(fetcher.aclose)
        self._stack.push_async_callback(reader.aclose)
        if text:
            if not isinstance(resume, str):
                raise SettingError("text=True goes with a string")
            resume = resume.encode()
        read = await read_resume(resume, fetcher=fetcher, reader=reader)
        self._session = self._engine.new(Material.of(read, job))
        self._stack.push_async_callback(self._stop)
        await self._start()

    async def _stop(self) -> None:
        self._session = await steps.leave(self._engine, self._session)

    async def _start(self) -> None:
        plan = steps.plan_on_request(self._questions, self._session.material, self._seed)
        await steps.start(self._session, replace(plan, language=self._language))

    async def _restart(self) -> None:
        self._session = await self._engine.restart(self._session)
        await self._start()

    async def _analyze(self) -> str:
        await steps.analyze(self._session)
        return as_text(self._session.interview)

    async def _say(self, text: str) -> None:
        async with aclosing(self._speaker.speak(text)) as sounds:
            async for _ in sounds:
                pass
