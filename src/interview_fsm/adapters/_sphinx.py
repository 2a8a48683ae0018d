"""PocketSphinx, decoding while somebody speaks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

from ._ears import RATE, Piece
from ._hints import BEST, Hints

if TYPE_CHECKING:
    from pocketsphinx import Decoder

_HUSH = "hush"  # a grammar of one word: every utterance is searched for something, and this takes no time
_ANY_VOICE = "40,3,-1"  # the model's own mean spectrum, where every answer begins
_ACQUAINTANCE = 3 * RATE * 2  # bytes of a voice until text is shown: its mean is fair, no text missed yet
_KNOWN = 3 * RATE  # bytes of a segment whose mean is good for the next one; that of one word is not
_AGAIN = 10 * RATE * 2  # bytes of a first segment that is decoded again: most of a longer one went well
_TIMES = 3  # that a voice is listened to: the mean of all voices counts as much as five seconds of it
_FRAMES = 100  # of the decoder in a second
_AROUND = 0.8  # seconds of a segment before its first and after its last word
_SLOWEST = 1.5  # words a second, while somebody speaks

UNSURE = 0.5
"""Confidence under which a text should not be judged before the candidate has confirmed it.

Confidence is the mean of the posterior probabilities of the words. Over 65 sentences, quiet and noisy, it
and the word error rate correlate with -0.90. Of 45 quiet ones none was under 0.5; at 20 dB of noise, where
nine words of ten are wrong, all were.
"""


class Sphinx:
    """PocketSphinx's streaming decoder with the English model of SpeechRecognition: 110 MB, 0.3 s to load.

    ``recognize_sphinx`` makes such a decoder anew for each recording, and decodes when all was said. The
    model that comes with PocketSphinx understood people worse: word error rate 0.28 where this has 0.15.

    The decoder subtracts the mean spectrum of a voice, which it learns as it goes: the first seconds of a
    voice it does not know cost a third of all errors. So three seconds are held back, and their mean is
    learned before they are decoded, for text to be shown soon; and when the first segment has ended, the mean
    of all of it is learned, and it is decoded once more, while the candidate speaks on.
    """

    # 0.5 s is a pause between sentences; one who talks on without any is cut at ever shorter ones, so that
    # the end of a segment, which costs about 30 ms for each of its seconds, stays short.
    lulls = ((30.0, 0.0), (20.0, 0.15), (10.0, 0.3), (0.0, 0.5))

    def __init__(self, options: dict[str, Any]) -> None:
        from pocketsphinx import Decoder

        self._decoder: Decoder = Decoder(samprate=RATE, logfn=os.devnull, **_model() | options)
        self._search: str = self._decoder.current_search()
        self._decoder.add_jsgf_string(_HUSH, f"#JSGF V1.0; grammar {_HUSH}; public <{_HUSH}> = a;")
        self._hints = Hints()
        self._first = bytearray()
        """The first segment, while it lasts."""
        self._is_held = self._is_known = False
        """Whether nothing of it was decoded yet; whether the voice is known."""

    def begin(self, language: str, hints: Sequence[str]) -> None:
        """The voice is another one, it may be: forget the last one's."""
        del language  # English; the parent has looked
        self._hints = Hints(hints)
        self._is_known = False

    def start(self) -> None:
        """A new utterance."""
        self._first.clear()
        self._is_held = not self._is_known
        if self._is_known:
            self._decoder.start_utt()

    def feed(self, pcm: bytes) -> None:
        """Decode it now, if the voice is known."""
        if not self._is_known:
            self._first += pcm
        if not self._is_held:
            self._decoder.process_raw(pcm, False, False)
        elif len(self._first) >= _ACQUAINTANCE:
            self._listen_to(bytes(self._first))

    def so_far(self) -> str:
        """The best path at this moment."""
        if self._is_held:
            return ""
        hypothesis = self._decoder.hyp()
        return str(hypothesis.hypstr) if hypothesis else ""

    def end(self) -> Piece:
        """The best path of all, or one nearly as good with more of the words that are likely."""
        if not self._is_known:
            self._look_again()
            self._is_known = len(self._first) >= _KNOWN
        self._decoder.end_utt()
        raw = self.so_far()
        if not raw:
            return Piece("")
        text = self._hints.choose(raw, self._others()) if self._hints else raw
        return Piece(text, self._confidence(), raw if raw != text else "")

    def _others(self) -> Iterator[tuple[str, float]]:
        return ((each.hypstr, each.score) for each in islice(self._decoder.nbest(), BEST) if each)

    def _confidence(self) -> float | None:
        sure: list[float] = [
            word.prob for word in self._decoder.seg() if not word.word.startswith(("<", "["))
        ]
        if not sure:
            return None
        # In loud noise it may be quite sure of the one word that it hears in three seconds.
        spoken: float = max(0.5, self._decoder.n_frames() / _FRAMES - _AROUND)
        return min(1.0, sum(sure) / len(sure)) * min(1.0, len(sure) / (_SLOWEST * spoken))

    def _look_again(self) -> None:
        """Decode the first segment with what is known of the voice now that it has ended."""
        if not self._is_held:
            if len(self._first) > _AGAIN:
                return
            self._decoder.end_utt()
        self._listen_to(bytes(self._first))

    def _listen_to(self, pcm: bytes) -> None:
        """Learn the mean spectrum of *pcm*, and decode it."""
        self._decoder.set_cmn(_ANY_VOICE)
        self._decoder.activate_search(_HUSH)
        for _ in range(_TIMES):
            self._decoder.start_utt()
            self._decoder.process_raw(pcm, True, False)
            self._decoder.end_utt()
        self._decoder.activate_search(self._search)
        self._decoder.set_cmn(self._decoder.get_cmn(False))
        self._is_held = False
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
