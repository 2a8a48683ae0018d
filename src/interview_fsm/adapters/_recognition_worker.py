"""The child program that turns sound into text: PocketSphinx, or another recogniser of SpeechRecognition.

The decoder holds the interpreter's lock for seconds, and the others may hang in a request: neither may happen
in the server. Sound is cut into segments at short pauses, each decoded while it comes: 131 s in one
piece took 3.6 s to finish and had more errors than the same cut up, whose worst piece took 0.25 s.
"""

from __future__ import annotations

import inspect
import os
from collections import deque
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
from msgspec import Struct

from ._child import Pipe
from ._voice_activity import FRAME_SECONDS, Detector, Frames, Lull, Onset, detector

if TYPE_CHECKING:
    from pocketsphinx import Decoder

RATE = 16_000
_LEAD = 10  # frames (0.32 s) before the onset that belong to a segment: speech is noticed late
_REFRESH = RATE // 4  # samples between two looks at the hypothesis so far: each costs some milliseconds
_HUSH = "hush"  # a grammar of one word: every utterance is searched for something, and this takes no time
_ANY_VOICE = "40,3,-1"  # the model's own mean spectrum, where every answer begins
_ACQUAINTANCE = 3 * RATE * 2  # bytes of a voice until it is known: its mean is good, no text missed yet


class Setup(Struct, frozen=True, tag=True):
    """Which recogniser, given once; *options* are the recogniser's own keyword arguments."""

    engine: str
    timeout: float
    """Seconds that one request to a service may take."""
    options: dict[str, Any] = {}


class Begin(Struct, frozen=True, tag=True):
    """An answer begins."""

    language: str


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


class Understood(Struct, frozen=True, tag=True):
    """The answer."""

    text: str
    seconds: float
    confidence: float | None = None


class Failed(Struct, frozen=True, tag=True):
    """The recogniser cannot be used; this answer is lost, and the program ends."""

    reason: Literal["package", "service", "setup", "crash"]


Order = Setup | Begin | Sound | End
Report = Ready | Heard | Understood | Failed

ORDERS: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
REPORTS: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)

Piece = tuple[str, float | None]
"""What a recogniser made of one segment: text, and its confidence from 0 to 1 or None."""


class _Unusable(Exception):
    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.reason)
        self.failed = failed


class Ear(Protocol):
    """A recogniser that takes one segment at a time."""

    @property
    def lulls(self) -> tuple[tuple[float, float], ...]:
        """From which length on, and after which pause, a segment may end (seconds), the longest first."""

    def begin(self, language: str) -> None:
        """A new answer."""

    def start(self) -> None:
        """A new segment."""

    def feed(self, pcm: bytes) -> None:
        """More of it."""

    def so_far(self) -> str:
        """What it may be, so far."""

    def end(self) -> Piece:
        """What it is."""


class Sphinx:
    """PocketSphinx's streaming decoder with the English model of SpeechRecognition: 110 MB, 0.3 s to load.

    ``recognize_sphinx`` makes such a decoder anew for each recording, and decodes when all was said. The
    model that comes with PocketSphinx understood people worse: word error rate 0.28 where this has 0.15.

    The decoder subtracts the mean spectrum of a voice, which it learns as it goes: the first seconds of a
    voice it does not know cost a third of all errors. So those are held back, and their mean is learned
    before they are decoded.
    """

    # 0.5 s is a pause between sentences; one who talks on without any is cut at ever shorter ones, so that
    # the end of a segment, which costs about 30 ms for each of its seconds, stays short.
    lulls = ((30.0, 0.0), (20.0, 0.15), (10.0, 0.3), (0.0, 0.5))

    def __init__(self, options: dict[str, Any]) -> None:
        from pocketsphinx import Decoder

        self._decoder: Decoder = Decoder(samprate=RATE, logfn=os.devnull, **_model() | options)
        self._search: str = self._decoder.current_search()
        self._decoder.add_jsgf_string(_HUSH, f"#JSGF V1.0; grammar {_HUSH}; public <{_HUSH}> = a;")
        self._held: bytearray | None = None
        self._is_known = False

    def begin(self, language: str) -> None:
        """The voice is another one, it may be: forget the last one's."""
        del language  # English; the parent has looked
        self._decoder.set_cmn(_ANY_VOICE)
        self._is_known = False

    def start(self) -> None:
        """A new utterance."""
        self._held = None if self._is_known else bytearray()
        if self._is_known:
            self._decoder.start_utt()

    def feed(self, pcm: bytes) -> None:
        """Decode it now, if the voice is known."""
        if self._held is None:
            self._decoder.process_raw(pcm, False, False)
            return
        self._held += pcm
        if len(self._held) >= _ACQUAINTANCE:
            self._get_to_know(bytes(self._held))

    def so_far(self) -> str:
        """The best path at this moment."""
        if self._held is not None:
            return ""
        hypothesis = self._decoder.hyp()
        return str(hypothesis.hypstr) if hypothesis else ""

    def end(self) -> Piece:
        """The best path of all; its probability says nothing about its words, so it is not given on."""
        if self._held is not None:
            self._get_to_know(bytes(self._held))
        self._decoder.end_utt()
        return self.so_far(), None

    def _get_to_know(self, pcm: bytes) -> None:
        self._decoder.activate_search(_HUSH)
        self._decoder.start_utt()
        self._decoder.process_raw(
            pcm, True, False
        )  # as a whole utterance, it would forget what all voices share
        self._decoder.end_utt()
        self._decoder.activate_search(self._search)
        self._decoder.set_cmn(self._decoder.get_cmn(False))
        self._held, self._is_known = None, True
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, False, False)


def _model() -> dict[str, str]:
    """SpeechRecognition's English model. Raises ImportError."""
    found = find_spec("speech_recognition")
    if found is None or found.origin is None:
        raise ImportError("speech_recognition")
    folder = os.path.join(os.path.dirname(found.origin), "pocketsphinx-data", "en-US")
    files = {"hmm": "acoustic-model", "lm": "language-model.lm.bin", "dict": "pronounciation-dictionary.dict"}
    return {option: os.path.join(folder, name) for option, name in files.items()}


class Recognizer:
    """Any other recogniser of SpeechRecognition, a request for each segment.

    Pauses must be longer for it, and segments too: it has nothing to go on but the segment.
    """

    lulls = ((50.0, 0.0), (40.0, 0.15), (20.0, 0.5), (8.0, 0.8))  # Google's takes no more than a minute

    def __init__(self, setup: Setup) -> None:
        import speech_recognition

        recognizer = speech_recognition.Recognizer()
        recognizer.operation_timeout = setup.timeout
        self._recognize: Callable[..., object] = getattr(recognizer, f"recognize_{setup.engine}")
        self._options = dict(setup.options)
        if setup.engine == "google":  # its default is plain http
            self._options.setdefault("endpoint", "https://www.google.com/speech-api/v2/recognize")
            self._options.setdefault("with_confidence", True)
        self._takes_language = "language" in inspect.signature(self._recognize).parameters
        self._language: dict[str, str] = {}
        self._pcm = bytearray()

    def begin(self, language: str) -> None:
        """In *language*, unless the options name another."""
        self._language = {"language": language} if self._takes_language else {}

    def start(self) -> None:
        """A new request, later."""
        self._pcm.clear()

    def feed(self, pcm: bytes) -> None:
        """Keep it for the request."""
        self._pcm += pcm

    def so_far(self) -> str:
        """Nothing before the request."""
        return ""

    def end(self) -> Piece:
        """Ask the recogniser."""
        from speech_recognition import AudioData, UnknownValueError
        from speech_recognition.exceptions import RequestError, SetupError

        try:
            result = self._recognize(AudioData(bytes(self._pcm), RATE, 2), **self._language | self._options)
        except UnknownValueError:
            return "", None
        except (ImportError, SetupError) as error:
            raise _Unusable(Failed("setup")) from error
        except (RequestError, OSError, TimeoutError) as error:
            raise _Unusable(Failed("service")) from error
        return (str(result[0]), float(result[1])) if isinstance(result, tuple) else (str(result), None)


class Answer:
    """One answer on its way: cut into segments, each given to the ear as it comes."""

    def __init__(self, ear: Ear, is_speech: Detector) -> None:
        self._ear, self._is_speech = ear, is_speech
        self._frames, self._onset, self._lull = Frames(), Onset(), Lull()
        self._lead: deque[bytes] = deque(maxlen=_LEAD)
        self._pieces: list[Piece] = []
        self._segment = 0.0
        self._partial = ""
        self._samples = self._looked = 0

    def hear(self, pcm: bytes) -> None:
        """Take sound in, and decode what is speech."""
        self._samples += len(pcm) // 2
        for frame in self._frames.cut(pcm):
            self._inside(frame) if self._segment else self._outside(frame)

    @property
    def text(self) -> str:
        """What was understood so far."""
        if self._segment and self._samples - self._looked >= _REFRESH:
            self._looked, self._partial = self._samples, self._ear.so_far()
        return " ".join(filter(None, (*(text for text, _ in self._pieces), self._partial)))

    def end(self) -> Understood:
        """The text of all of it."""
        if self._segment:
            self._close()
        known = [(sure, len(text)) for text, sure in self._pieces if sure is not None and text]
        weight = sum(length for _, length in known)
        confidence = sum(sure * length for sure, length in known) / weight if weight else None
        return Understood(self.text, self._samples / RATE, confidence)

    def _outside(self, frame: bytes) -> None:
        self._lead.append(frame)
        if not self._onset.hear(self._is_speech(frame)):
            return
        self._ear.start()
        self._ear.feed(b"".join(self._lead))
        self._segment = len(self._lead) * FRAME_SECONDS
        self._lull = Lull()

    def _inside(self, frame: bytes) -> None:
        self._ear.feed(frame)
        self._segment += FRAME_SECONDS
        self._lull.hear(self._is_speech(frame))
        pause = next((pause for length, pause in self._ear.lulls if self._segment >= length), None)
        if pause is not None and (not pause or self._lull.lasts(pause)):
            self._close()

    def _close(self) -> None:
        self._pieces.append(self._ear.end())
        self._segment, self._partial, self._onset = 0.0, "", Onset()
        self._lead.clear()


def main() -> None:
    """Serve one answer after the other until the parent goes away."""
    with Pipe(ORDERS) as pipe:
        try:
            _serve(pipe)
        except _Unusable as unusable:
            pipe.write(unusable.failed)
        except Exception:  # a recogniser may raise anything at all, and its text may quote what was said
            pipe.write(Failed("crash"))


def _serve(pipe: Pipe[Order]) -> None:
    setup = pipe.read()
    assert isinstance(setup, Setup)
    ear = _ear(setup)
    pipe.write(Ready())
    while isinstance(begin := pipe.read(), Begin):
        ear.begin(begin.language)
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
            return Sphinx(setup.options)
        return Recognizer(setup)
    except ImportError as error:
        raise _Unusable(Failed("package")) from error
