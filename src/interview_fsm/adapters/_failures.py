"""How calls to a model fail, and what is left of feedback when some did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from msgspec.structs import replace

from ..errors import AdapterError, SettingError
from ..events import AnswerFeedback, Feedback, NotScored, Provenance

LONGEST_WAIT = 1.5
"""Seconds: who is asked to wait longer is better off with another interviewer."""

_FAULTS: dict[str, tuple[str, bool]] = {
    "model_rate_limited": (
        "{name} has had too many requests and asks for a pause; try again in a minute",
        True,
    ),
    "model_overloaded": ("{name} is overloaded; try again in a minute", True),
    "model_unreachable": ("{name} cannot be reached; check the network and the base URL", True),
    "model_timeout": ("{name} did not answer in time; try again, or give it more time", True),
    "model_cut_off": ("the reply of {name} ended before it was complete; try again", True),
    "model_refused": ("{name} declined to answer this; try again, or choose another interviewer", False),
    "model_unusable": ("the reply of {name} could not be used; try again, or choose another model", True),
    "model_setup": (
        "{name} turned the request down as it is set up; check the key, the model's name and the base URL",
        False,
    ),
    "context_truncated": (
        "{name} has read only a part of what it was sent; raise its context length (for Ollama: num_ctx)",
        False,
    ),
}


class ModelError(AdapterError):
    """A call to a model failed; ``code`` says how, and ``str()`` what to do.

    ``retry_after`` is how many seconds the provider asked to be left alone for, None when it did not.
    """

    def __init__(self, adapter: str, code: str, *, retry_after: float | None = None) -> None:
        message, retryable = _FAULTS[code]
        super().__init__(adapter, code, message.format(name=adapter), retryable=retryable)
        self.args = (adapter, code)
        self.retry_after = retry_after


def check_url(base_url: str) -> None:
    """Raises SettingError for what is no base URL."""
    try:
        parts = urlsplit(base_url)
        if parts.scheme in ("http", "https") and parts.hostname:
            return
    except ValueError:
        pass
    raise SettingError(f"{base_url!r} is no base URL; one looks like http://localhost:11434/v1")


NOT_SOON = 30.0
"""Seconds to leave a provider alone for that says not to try again, and not until when."""


def pause(headers: Mapping[str, str]) -> float | None:
    """Seconds that a provider asks to be left alone for, by the *headers* of its reply."""
    asked = _asked(headers)
    return max(asked or 0.0, NOT_SOON) if headers.get("x-should-retry") == "false" else asked


def _asked(headers: Mapping[str, str]) -> float | None:
    for header, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[header]) * unit)
        except (KeyError, ValueError):
            continue
    return None


def sound(feedback: Feedback | None) -> Feedback | None:
    """*feedback* without the answers whose call failed, so that they are done again."""
    if feedback is None:
        return None
    return replace(feedback, answers=tuple(each for each in feedback.answers if is_sound(each)))


def is_sound(given: AnswerFeedback) -> bool:
    """Whether no call for this answer failed."""
    return not any(isinstance(each, NotScored) and each.reason == "failed" for each in given.scores)


def in_place_of(provenance: Provenance, failed: Sequence[tuple[str, str]]) -> Provenance:
    """*provenance* of who stood in for those that *failed*: (name, code) each, in this order."""
    return replace(
        provenance,
        fallback_from=(*(name for name, _ in failed), *provenance.fallback_from),
        fallback_codes=(*(code for _, code in failed), *provenance.fallback_codes),
    )
