"""The voice of pyttsx3 with espeak-ng as a Speaker.

It speaks on this machine (by PyAudio, else by ALSA's ``aplay``) or gives WAV files for a client to play. All
of it happens in one child program, started with the first sentence, kept, and killed to make it silent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TypeVar

from ..errors import AdapterError, MissingExtra, SettingError
from ..ports import Audio
from ._child import Child, ChildGone
from ._pyttsx3_worker import REPORTS, Failed, Made, Report, Said, Say, Setup

NAME = "pyttsx3"

_DEADLINE = 20.0  # seconds until the voice is there, or a sentence is made: 0.2 and 0.01 in use
_LONGEST = 240  # characters in one piece: 20 s, whose WAV fits a client that takes 1 MiB in a message
MOST = 5_000
"""Characters of a text that are spoken: five minutes; who wants more reads it."""
_AS_TEXT = "Questions are shown as text."
_SENTENCES = {
    "espeak": f"Reading aloud needs espeak-ng: pip install espeakng-loader. {_AS_TEXT}",
    "voice": f"Questions are not read aloud: there is no such voice. Choose another one. {_AS_TEXT}",
    "folder": f"Reading aloud has no room for a temporary file: free some, or set TMPDIR. {_AS_TEXT}",
    "loudspeaker": f"Questions are not read aloud: no loudspeaker was found. {_AS_TEXT}",
    "crash": f"Reading aloud ended unexpectedly. {_AS_TEXT}",
    "stuck": f"Reading aloud took too long. {_AS_TEXT}",
    "closed": "The voice has been closed.",
}

_SENTENCE_END = re.compile(  # and after it a capital or a digit
    r"""(?:(?<=[.!?…])|(?<=[.!?…]["'”’)\]]))\s+(?=["'“‘(\[]?[^\W_a-zß-öø-ÿ])|\n\s*\n"""
)
_BREAK = re.compile(rf"(.{{1,{_LONGEST - 1}}}[,;:–—]|.{{1,{_LONGEST}}})(?:\s+|$)|(.{{{_LONGEST}}})")


class Speech:
    """Reads aloud, one text at a time.

    *voice* is the id or the name of one of espeak's voices (``gmw/en-us``), *rate* is words a minute. With
    *play* it is heard on this machine; without, each sentence is given as a WAV file.
    """

    def __init__(self, voice: str | None = None, *, rate: int = 165, play: bool = True) -> None:
        if not 80 <= rate <= 450:
            raise SettingError("the rate of speech is 80 to 450 words a minute")
        self._setup = Setup(voice or None, rate, play)
        self._child: Child[Report] | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    async def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        """Say *text*, MOST characters of it, sentence by sentence. Raises AdapterError ``speech_off``."""
        text = text[:MOST]
        if self._setup.play:
            await self._play(text)
            return
        for sentence in sentences(text):
            async with self._voice() as child:
                made = await self._say(child, sentence)
            if made.seconds:
                yield Audio(made.wav)

    async def aclose(self) -> None:
        """Be silent, and end the child program."""
        self._closed = True
        if self._child is not None:
            self._child.kill()
        async with self._turn:
            await self._end()

    async def _play(self, text: str) -> None:
        async with self._voice() as child:
            for sentence in sentences(text):
                made = await self._say(child, sentence)
                async with asyncio.timeout(made.seconds + _DEADLINE):
                    _expect(await child.receive(), Said)

    async def _say(self, child: Child[Report], sentence: str) -> Made:
        async with asyncio.timeout(_DEADLINE):
            await child.send(Say(sentence))
            return _expect(await child.receive(), Made)

    @asynccontextmanager
    async def _voice(self) -> AsyncIterator[Child[Report]]:
        """The child program, for one's own; killed, and so made silent, by whatever goes wrong meanwhile."""
        async with self._turn:
            try:
                yield await self._started()
            except ChildGone as error:
                await self._end()
                raise _off("closed" if self._closed else "crash") from error
            except TimeoutError as error:
                await self._end()
                raise _off("stuck") from error
            except BaseException:
                await self._end()
                raise

    async def _started(self) -> Child[Report]:
        if self._closed:
            raise _off("closed")
        if self._child is not None and self._child.is_running:
            return self._child
        await self._end()
        self._child = child = await Child.start(f"{__package__}._pyttsx3_worker", REPORTS)
        async with asyncio.timeout(_DEADLINE):
            await child.send(self._setup)
            report = await child.receive()
        if isinstance(report, Failed):
            raise _off(report.reason)
        if self._closed:
            raise ChildGone
        return child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.aclose()


Expected = TypeVar("Expected", Made, Said)


def _expect(report: Report, kind: type[Expected]) -> Expected:
    if isinstance(report, kind):
        return report
    raise _off(report.reason) if isinstance(report, Failed) else ChildGone


def sentences(text: str) -> list[str]:
    """*text* in pieces to be spoken one after the other, so that the first is heard at once.

    A piece is a sentence, or a part of a very long one. An end that is not seen makes a piece longer; what is
    wrongly taken for one makes a short pause.
    """
    found = (" ".join(piece.split()) for piece in _SENTENCE_END.split(text))
    return [part for piece in found if piece for part in _parts(piece)]


def _parts(piece: str) -> list[str]:
    return (
        [(match[1] or match[2]).strip() for match in _BREAK.finditer(piece)]
        if len(piece) > _LONGEST
        else [piece]
    )


def _off(kind: str) -> AdapterError:
    return AdapterError(NAME, "speech_off", _SENTENCES[kind], retryable=kind in ("crash", "stuck"))


async def create(*, voice: str | None = None, rate: int = 165, play: bool = True) -> Speech:
    """The voice; espeak and the loudspeaker are looked for with the first sentence. Raises MissingExtra."""
    if find_spec("pyttsx3") is None:
        raise MissingExtra(NAME, "tts")
    return Speech(voice, rate=int(rate), play=play)
