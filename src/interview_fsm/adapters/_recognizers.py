"""The other recognisers of SpeechRecognition: one request, or one run of a model, for each segment."""

from __future__ import annotations

import inspect
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ._ears import RATE, Ear, Piece, Unusable

_SECURE_GOOGLE = "https://www.google.com/speech-api/v2/recognize"
_PROMPT = 600  # characters of hints: Whisper reads the last 224 tokens of them
_SERVICES = ("openai", "groq")

Result = str | tuple[str, float] | Mapping[str, Any]


def other(engine: str, options: Mapping[str, Any], *, key: str, timeout: float) -> Ear:
    """The recogniser called *engine*. Raises ImportError, Unusable."""
    if engine == "vosk":
        return Vosk(options)
    given = dict(options)
    if engine in _SERVICES:
        return Segments(_compatible(given, key=key, timeout=timeout), takes_language=True, prompt="prompt")
    if engine in ("whisper", "faster_whisper"):
        return Segments(_whisper(engine, given), takes_language=True, prompt="initial_prompt")
    recognize = _named(engine, given, timeout=timeout)
    return Segments(recognize, takes_language="language" in inspect.signature(recognize).parameters)


class Segments:
    """Keeps a segment, and has it recognised when it has ended.

    Pauses must be longer for it than for a decoder, and segments too: it has nothing else to go on.
    *prompt* is the name of the argument that takes hints, if there is one.
    """

    lulls = ((50.0, 0.0), (40.0, 0.15), (20.0, 0.5), (8.0, 0.8))  # Google's takes no more than a minute

    def __init__(self, recognize: Callable[..., Any], *, takes_language: bool, prompt: str = "") -> None:
        self._recognize, self._takes_language, self._prompt = recognize, takes_language, prompt
        self._arguments: dict[str, str] = {}
        self._pcm = bytearray()

    def begin(self, language: str, hints: Sequence[str]) -> None:
        """In *language*."""
        self._arguments = {"language": language} if self._takes_language else {}
        if self._prompt and (prompt := ", ".join(hints)[:_PROMPT]):
            self._arguments[self._prompt] = prompt

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

        with _faults():
            try:
                result = self._recognize(AudioData(bytes(self._pcm), RATE, 2), **self._arguments)
            except UnknownValueError:
                return Piece("")
            return _piece(result)


def _piece(result: Result) -> Piece:
    if isinstance(result, tuple):
        return Piece(str(result[0]), _fraction(result[1]))
    if isinstance(result, Mapping):  # of a Whisper: the mean log-probability of each segment's tokens
        means = [_field(segment, "avg_logprob") for segment in result["segments"]]
        sure = math.exp(sum(means) / len(means)) if means else None
        text = " ".join(
            str(result["text"]).split()
        )  # SpeechRecognition joins what begins with a space by one
        return Piece(text, None if sure is None else _fraction(sure))
    if not isinstance(result, str):
        raise Unusable("reply")
    return Piece(result.strip())


def _field(segment: Any, name: str) -> float:
    return float(segment[name] if isinstance(segment, Mapping) else getattr(segment, name))


def _fraction(value: float) -> float:
    return min(1.0, max(0.0, float(value)))


@contextmanager
def _faults() -> Iterator[None]:
    """Whatever a recogniser raises leaves as Unusable; its text may quote what was said, or a key."""
    from speech_recognition.exceptions import RequestError, SetupError

    try:
        yield
    except Unusable:
        raise
    except ImportError as error:
        raise Unusable("package") from error
    except SetupError as error:
        raise Unusable("setup") from error
    except (RequestError, OSError) as error:
        raise Unusable("service") from error
    except (json.JSONDecodeError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise Unusable("reply") from error


# --------------------------------------------------------------------------------------- by their name


def _named(engine: str, options: dict[str, Any], *, timeout: float) -> Callable[..., Any]:
    import speech_recognition

    recognizer = speech_recognition.Recognizer()
    recognizer.operation_timeout = timeout
    recognize: Callable[..., Any] = getattr(recognizer, f"recognize_{engine}")
    if engine == "google":  # its default is plain http
        options = {"endpoint": _SECURE_GOOGLE, "with_confidence": True} | options
    parameters = inspect.signature(recognize).parameters

    def call(audio: Any, **arguments: Any) -> Any:
        return recognize(audio, **arguments | options)

    call.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    return call


# ------------------------------------------------------------------ services that speak OpenAI's language


def _compatible(options: dict[str, Any], *, key: str, timeout: float) -> Callable[..., Any]:
    """SpeechRecognition's own recogniser for these services, with a client whose key and time are ours.

    What it makes by itself reads the key from the environment, which this program does not have, tries three
    times, and waits for ten minutes.
    """
    import httpx2
    import openai
    from speech_recognition.recognizers.whisper_api.base import OpenAICompatibleRecognizer

    client = openai.OpenAI(
        api_key=key or "none",  # the SDK insists on one; a server of one's own needs none
        base_url=options.pop("base_url"),
        organization="",
        project="",
        max_retries=0,
        timeout=timeout,
        http_client=httpx2.Client(trust_env=False, timeout=timeout),
    )
    recognizer = OpenAICompatibleRecognizer(client)

    def recognize(audio: Any, **arguments: Any) -> Any:
        arguments["language"] = arguments["language"].split("-")[0].lower()  # ISO 639-1
        try:
            return recognizer.recognize(audio, **arguments | options)
        except openai.RateLimitError as error:
            raise Unusable("limit") from error
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise Unusable("key") from error
        except (openai.BadRequestError, openai.NotFoundError, openai.UnprocessableEntityError) as error:
            raise Unusable("setup") from error
        except (openai.APIConnectionError, openai.InternalServerError) as error:
            raise Unusable("service") from error
        except (openai.APIError, AttributeError, ValueError) as error:  # a reply that has no text in it
            raise Unusable("reply") from error

    return recognize


# ------------------------------------------------------------------------------- models on this machine


def _whisper(engine: str, options: dict[str, Any]) -> Callable[..., Any]:
    """Whisper with weights that are there, loaded once: SpeechRecognition would load them each time."""
    from speech_recognition.recognizers.whisper_local.base import WhisperCompatibleRecognizer

    model = str(options.pop("model"))
    try:
        recognizer = WhisperCompatibleRecognizer(_weights(engine, model))
    except (OSError, RuntimeError, ValueError) as error:
        raise Unusable("model") from error

    def recognize(audio: Any, **arguments: Any) -> Any:
        arguments["language"] = arguments["language"].split("-")[0].lower()
        return recognizer.recognize(audio, show_dict=True, **arguments | options)

    return recognize


def _weights(engine: str, model: str) -> Any:
    if engine == "faster_whisper":
        from faster_whisper import WhisperModel
        from speech_recognition.recognizers.whisper_local.faster_whisper import TranscribableAdapter

        return TranscribableAdapter(WhisperModel(model, local_files_only=True))
    import whisper
    from speech_recognition.recognizers.whisper_local import whisper as adapted

    if not os.path.exists(model):
        raise FileNotFoundError(model)  # else it would be fetched
    return adapted.TranscribableAdapter(whisper.load_model(model))


class Vosk:
    """Kaldi's streaming decoder. SpeechRecognition looks for its model in its own folder alone, and loads it
    for each recording; this is the same library with a model of one's choice, loaded once.
    """

    lulls = ((30.0, 0.0), (20.0, 0.15), (10.0, 0.3), (0.0, 0.5))

    def __init__(self, options: Mapping[str, Any]) -> None:
        import vosk

        vosk.SetLogLevel(-1)
        try:
            self._recognizer = vosk.KaldiRecognizer(vosk.Model(str(options["model"])), RATE)
        except Exception as error:  # it raises no more than this when there is no model
            raise Unusable("model") from error
        self._recognizer.SetWords(True)
        self._done: list[dict[str, Any]] = []

    def begin(self, language: str, hints: Sequence[str]) -> None:
        """The language is its model's."""

    def start(self) -> None:
        """A new segment."""
        self._recognizer.Reset()
        self._done = []

    def feed(self, pcm: bytes) -> None:
        """Decode it. Vosk ends utterances where it likes; what it has ended it does not tell again."""
        if self._recognizer.AcceptWaveform(pcm):
            self._done.append(json.loads(self._recognizer.Result()))

    def so_far(self) -> str:
        """The best path at this moment."""
        partial = str(json.loads(self._recognizer.PartialResult())["partial"])
        return " ".join(filter(None, (*(done["text"] for done in self._done), partial)))

    def end(self) -> Piece:
        """The best path, and the mean of its words' confidence."""
        results = [*self._done, json.loads(self._recognizer.FinalResult())]
        sure = [word["conf"] for result in results for word in result.get("result", ())]
        text = " ".join(filter(None, (str(result["text"]) for result in results)))
        return Piece(text, _fraction(sum(sure) / len(sure)) if sure else None)
