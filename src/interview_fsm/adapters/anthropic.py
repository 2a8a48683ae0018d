"""An interviewer with a model of Anthropic's. Fits ``ports.Interviewer``.

The SDK is loaded when the adapter is made. Its retries are off, because it waits for as long as it is told
to, an hour if need be; so are the proxies of the environment and its tracing, which can be told to copy
prompts. The key is the one it is given, else ANTHROPIC_API_KEY (``keys``); no other is looked for.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple

import anthropic
import httpx2

from .. import keys
from ..coaching.prompts import Prompt, Purpose, schema_of
from ..errors import SettingError
from ..ports import Interviewer
from ._failures import ModelError, check_url, pause
from ._interviewing import ModelInterviewer
from ._model import Reply, Watch

NAME = "anthropic"
KEY = "ANTHROPIC_API_KEY"
QUESTIONS, FEEDBACK = "claude-haiku-5-5", "claude-sonnet-5-5"
"""Quick for questions, which somebody waits for; thorough for feedback."""

THINKING_ROOM = 2_000
"""Tokens that a model which cannot be kept from thinking may use for it, on top of the reply."""


class Profile(NamedTuple):
    """What a model takes; None is a parameter that is not sent."""

    thinking: str | None = None
    """The least that it can be told to think."""
    effort: bool = False
    """Whether it can be told how much effort to make."""


PROFILES = {
    "claude-haiku-5-5": Profile("disabled", effort=True),
    "claude-sonnet-5-5": Profile("between_tools", effort=True),
    "claude-opus-5-5": Profile(effort=True),
    "claude-fable-5-1": Profile(effort=True),
}
"""By the vendor's model pages of November 2026: Haiku can be told not to think, Sonnet 5.5 turns that
down and takes "between tools", of which there are none; Opus and Fable always think. Nobody takes a
temperature any more. A model that is not here is sent neither."""

_NOBODY = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
_EFFORT: dict[Purpose, str] = {"ask": "low", "follow_up": "low", "assess": "medium", "summarise": "low"}
_STATUS = {
    429: "model_rate_limited",
    529: "model_overloaded",
    408: "model_unreachable",
    409: "model_overloaded",
}
_TYPES = {
    "rate_limit_error": "model_rate_limited",
    "overloaded_error": "model_overloaded",
    "api_error": "model_overloaded",
    "timeout_error": "model_overloaded",
}


async def create(
    *,
    coach: Interviewer,
    api_key: str | None = None,
    model: str = QUESTIONS,
    feedback_model: str = FEEDBACK,
    base_url: str | None = None,
    patience: float = 1.0,
    http_client: httpx2.AsyncClient | None = None,
) -> ModelInterviewer:
    """An interviewer that words questions with *model* and judges answers with *feedback_model*.

    *coach* plans and stands by. Without *api_key* the key is ``keys.find("ANTHROPIC_API_KEY")``.
    *patience* multiplies all time limits. Raises SettingError without a key.
    """
    key = (api_key or "").strip()
    if not key and (found := keys.find(KEY)) is not None:
        key = found.reveal()
    if not key:
        raise SettingError(f"anthropic needs a key: set {KEY}, or choose another interviewer")
    if base_url is not None:
        check_url(base_url)
    talk = Anthropic(key, model, feedback_model, base_url=base_url, http_client=http_client)
    return ModelInterviewer(talk, coach, host=talk.host, patience=patience)


class Anthropic:
    """The Messages API, read as a stream. Fits ``_model.Model``."""

    name = NAME

    def __init__(
        self,
        key: str,
        questions: str,
        feedback: str,
        *,
        base_url: str | None = None,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        self._questions, self._feedback = questions, feedback
        # Watch keeps the time of what comes back; connecting alone is for the transport to give up.
        timeout = httpx2.Timeout(None, connect=2.0, pool=2.0)
        self._client = anthropic.AsyncAnthropic(
            api_key=key,
            base_url=base_url,
            max_retries=0,
            open_telemetry=False,
            http_client=http_client or httpx2.AsyncClient(trust_env=False, timeout=timeout),
        )
        self.host = self._client.base_url.host
        """Where prompts are sent."""

    def named(self, purpose: Purpose) -> str:
        """See Model.named()."""
        return self._questions if purpose in ("ask", "follow_up") else self._feedback

    def most_tokens(self, prompt: Prompt) -> int:
        """See Model.most_tokens()."""
        thinks = PROFILES.get(self.named(prompt.purpose), Profile()).thinking is None
        return prompt.most_tokens + THINKING_ROOM * thinks

    async def complete(self, prompt: Prompt, watch: Watch) -> Reply:
        """See Model.complete()."""
        heard, request = _Heard(), self.request(prompt)
        with _faults():
            stream = await self._client.messages.create(**request, stream=True)
            async with stream:
                async for event in stream:
                    if heard.take(event):
                        watch.heard()
        return heard.reply()

    def request(self, prompt: Prompt) -> dict[str, Any]:
        """What is sent for *prompt*."""
        model = self.named(prompt.purpose)
        profile = PROFILES.get(model, Profile())
        output: dict[str, Any] = {}
        if profile.effort:
            output["effort"] = _EFFORT[prompt.purpose]
        if prompt.reply is not None:
            schema = anthropic.transform_schema(schema_of(prompt.reply))
            output["format"] = {"type": "json_schema", "schema": schema}
        request: dict[str, Any] = {
            "model": model,
            "max_tokens": self.most_tokens(prompt),
            "system": [_block(prompt.system, keep=True)],
            "messages": _messages(prompt),
        }
        if output:
            request["output_config"] = output
        if profile.thinking is not None:
            request["thinking"] = {"type": profile.thinking}
        return request

    async def aclose(self) -> None:
        """See Model.aclose()."""
        await self._client.close()


def _messages(prompt: Prompt) -> list[dict[str, Any]]:
    """The turns, what one side says in a row as one message."""
    sides = groupby(prompt.turns, key=lambda said: said.role)
    return [
        {"role": role, "content": [_block(said.text, keep=said.keep) for said in turns]}
        for role, turns in sides
    ]


def _block(text: str, *, keep: bool) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": text}
    return {**block, "cache_control": {"type": "ephemeral"}} if keep else block


class _Heard:
    """What has come of a reply so far."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._stopped: str | None = None
        self._input = self._cached = self._output = 0

    def take(self, event: Any) -> bool:
        """Add *event*; whether it was text."""
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            self._texts.append(event.delta.text)
            return bool(event.delta.text)
        if event.type == "message_start":
            self._count(event.message.usage)
        elif event.type == "message_delta":
            self._stopped = event.delta.stop_reason or self._stopped
            self._count(event.usage)
        return False

    def _count(self, usage: Any) -> None:
        cached = getattr(usage, "cache_read_input_tokens", None) or 0
        written = getattr(usage, "cache_creation_input_tokens", None) or 0
        fresh = getattr(usage, "input_tokens", None) or 0
        self._input = max(self._input, fresh + cached + written)
        self._cached = max(self._cached, cached)
        self._output = max(self._output, getattr(usage, "output_tokens", None) or 0)

    def reply(self) -> Reply:
        """The whole. Raises ModelError for one that is none."""
        if self._stopped == "refusal":
            raise ModelError(NAME, "model_refused")
        if self._stopped == "model_context_window_exceeded":
            raise ModelError(NAME, "context_truncated")
        if self._stopped not in ("end_turn", "stop_sequence"):  # None: the stream just ended
            raise ModelError(NAME, "model_cut_off")
        return Reply("".join(self._texts), self._input, self._cached, self._output)


@contextmanager
def _faults() -> Generator[None]:
    """Everything that the SDK raises as a ModelError; nothing that the provider said goes into it."""
    try:
        yield
    except anthropic.APIStatusError as error:
        raise ModelError(NAME, _code(error), retry_after=pause(error.response.headers)) from error
    except (anthropic.APIConnectionError, httpx2.TransportError) as error:
        nobody = isinstance(error.__cause__ or error, _NOBODY)
        raise ModelError(NAME, "model_unreachable" if nobody else "model_cut_off") from error
    except (anthropic.AnthropicError, httpx2.HTTPError, json.JSONDecodeError, ValueError) as error:
        raise ModelError(NAME, "model_unusable") from error
    except (TypeError, AttributeError, KeyError) as error:  # an event of a shape that the SDK does not know
        raise ModelError(NAME, "model_unusable") from error


def _code(error: anthropic.APIStatusError) -> str:
    if error.status_code in _STATUS:
        return _STATUS[error.status_code]
    if error.status_code >= 400:
        return "model_overloaded" if error.status_code >= 500 else "model_setup"
    # An error in the midst of a stream comes with the status of the stream's beginning, 200.
    return _TYPES.get(str(error.type), "model_unusable")
