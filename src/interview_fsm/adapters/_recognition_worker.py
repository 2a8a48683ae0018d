"""The child program that turns sound into text: PocketSphinx, or another recogniser of SpeechRecognition.

The decoder holds the interpreter's lock for seconds, and the others may hang in a request: neither may happen
in the server. Sound is cut into segments at short pauses, each decoded while it comes: 131 s in one
piece took 3.6 s to finish and had more errors than the same cut up, whose worst piece took 0.25 s.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Any

import msgspec
from msgspec import Struct

from ._child import Pipe
from ._ears import RATE, Ear, Trouble, Unusable
from ._rhythm import Rhythm
from ._voice_activity import FRAME_SECONDS, ONSET_SECONDS, Detector, Frames, Lull, Onset, detector

_LEAD = 10  # frames (0.32 s) before the onset that belong to a segment: speech is noticed late
_NICE = 5  # a third of the weight of a process of normal priority
_REFRESH = RATE // 4  # samples between two looks at the hypothesis so far: each costs some milliseconds


class Setup(Struct, frozen=True, tag=True):
    """Which recogniser, given once; *options* are the recogniser's own keyword arguments."""

    engine: str
    timeout: float
    """Seconds that one request to a service may take."""
    options: dict[str, Any] = {}
    key: str = ""
    """Of the service, for the one that needs it: this program's environment has no secrets."""

    def __repr__(self) -> str:
        return f"Setup({self.engine!r}, …)"


class Begin(Struct, frozen=True, tag=True):
    """An answer begins."""

    language: str
    hints: tuple[str, ...] = ()


class Sound(Struct, frozen=True, tag=True):
    """More of it: PCM16 mono 16 kHz, any length."""

    pcm: bytes


class End(Struct, frozen=True, tag=True):
    """That was all of it."""


class Ready(Struct, frozen=True, tag=True):
    """The models are loaded."""


class Heard(Struct, frozen=True, tag=True):
    """One ``Sound`` was taken in; the text so far."""

    text: str


class Part(Struct, frozen=True):
    """A segment that was understood: when, in seconds from the beginning of the sound, and what."""

    start: float
    end: float
    text: str
    confidence: float | None = None
    raw: str = ""
    """What it would have been without hints, where that is something else."""


class Understood(Struct, frozen=True, tag=True):
    """The answer, its length, and how long was talked and not in it, in seconds."""

    parts: tuple[Part, ...]
    seconds: float
    talk: float
    pauses: tuple[float, ...]


class Failed(Struct, frozen=True, tag=True):
    """The recogniser cannot be used; this answer is lost, and the program ends."""

    reason: Trouble


Order = Setup | Begin | Sound | End
Report = Ready | Heard | Understood | Failed

ORDERS: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
REPORTS: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)


class Answer:
    """One answer on its way: cut into segments, each given to the ear as it comes."""

    def __init__(self, ear: Ear, is_speech: Detector) -> None:
        self._ear, self._is_speech = ear, is_speech
        self._frames, self._onset, self._lull = Frames(), Onset(), Lull()
        self._lead: deque[bytes] = deque(maxlen=_LEAD)
        self._parts: list[Part] = []
        self._rhythm = Rhythm()
        self._now = self._began = self._segment = 0.0
        self._was_speech = False
        self._partial = ""
        self._samples = self._looked = 0

    def hear(self, pcm: bytes) -> None:
        """Take sound in, and decode what is speech."""
        self._samples += len(pcm) // 2
        for frame in self._frames.cut(pcm):
            self._now += FRAME_SECONDS
            is_speech = self._is_speech(frame)
            self._inside(frame, is_speech) if self._segment else self._outside(frame, is_speech)

    @property
    def text(self) -> str:
        """What was understood so far."""
        if self._segment and self._samples - self._looked >= _REFRESH:
            self._looked, self._partial = self._samples, self._ear.so_far()
        return " ".join(filter(None, (*(part.text for part in self._parts), self._partial)))

    def end(self) -> Understood:
        """All of it."""
        if self._segment:
            self._close()
        seconds, rhythm = self._samples / RATE, self._rhythm
        return Understood(tuple(self._parts), seconds, rhythm.talk, tuple(rhythm.pauses))

    def _outside(self, frame: bytes, is_speech: bool) -> None:
        self._lead.append(frame)
        if not self._onset.hear(is_speech):
            return
        self._began = max(0.0, self._now - ONSET_SECONDS)
        self._rhythm.spoke(self._began, self._now)
        self._ear.start()
        self._ear.feed(b"".join(self._lead))
        self._segment = len(self._lead) * FRAME_SECONDS
        self._lull, self._was_speech = Lull(), True

    def _inside(self, frame: bytes, is_speech: bool) -> None:
        self._ear.feed(frame)
        self._segment += FRAME_SECONDS
        self._lull.hear(is_speech)
        if is_speech and self._was_speech:  # one frame alone is a click
            self._rhythm.spoke(self._now - 2 * FRAME_SECONDS, self._now)
        self._was_speech = is_speech
        pause = next((pause for length, pause in self._ear.lulls if self._segment >= length), None)
        if pause is not None and (not pause or self._lull.lasts(pause)):
            self._close()

    def _close(self) -> None:
        piece = self._ear.end()
        if piece.text:
            start, end = round(self._began, 2), round(max(self._began, self._rhythm.end), 2)
            self._parts.append(Part(start, end, *piece))
        self._segment, self._partial, self._onset = 0.0, "", Onset()
        self._lead.clear()


def main() -> None:
    """Serve one answer after the other until the parent goes away."""
    if hasattr(os, "nice"):
        # Where every core decodes, the event loop that takes in sound comes first: nothing waits for it long.
        os.nice(_NICE)
    with Pipe(ORDERS) as pipe:
        try:
            _serve(pipe)
        except Unusable as unusable:
            pipe.write(Failed(unusable.trouble))
        except Exception:  # a recogniser may raise anything at all, and its text may quote what was said
            pipe.write(Failed("crash"))


def _serve(pipe: Pipe[Order]) -> None:
    setup = pipe.read()
    assert isinstance(setup, Setup)
    ear = _ear(setup)
    pipe.write(Ready())
    while isinstance(begin := pipe.read(), Begin):
        ear.begin(begin.language, begin.hints)
        answer = Answer(ear, detector())
        while isinstance(order := pipe.read(), Sound):
            answer.hear(order.pcm)
            pipe.write(Heard(answer.text))
        if not isinstance(order, End):
            return
        pipe.write(answer.end())


def _ear(setup: Setup) -> Ear:
    try:
        if setup.engine == "sphinx":
            from ._sphinx import Sphinx

            return Sphinx(setup.options)
        from ._recognizers import other

        return other(setup.engine, setup.options, key=setup.key, timeout=setup.timeout)
    except ImportError as error:
        raise Unusable("package") from error
