"""An interviewer with a model behind any server that speaks OpenAI's chat completions: Groq, Ollama, vLLM,
LM Studio. Fits ``ports.Interviewer``.

Servers differ in what they take. What one turns down is left out from then on: replies by schema (the
schema then stands in the prompt), the name of the token limit, the counting of tokens in a stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import httpx2
import openai

from .. import keys
from ..coaching.prompts import Prompt, Purpose, schema_of
from ..errors import SettingError
from ..ports import Interviewer
from ._failures import ModelError, check_url, pause
from ._interviewing import ModelInterviewer
from ._model import Reply, Watch

NAME = "openai"
PATIENCE = 2.5
"""Times as patient as with a hosted model: one that runs next door may have to be loaded first."""

LEAST_ESTIMATED = 1_500
"""Tokens: prompts with fewer fit everywhere, and are too short to estimate."""
BYTES_A_TOKEN = 4
READ = 0.6
"""Of the estimate: who counts less has not read everything. Ollama cuts what is too long and says nothing."""

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL | re.IGNORECASE)
_STATUS = {429: "model_rate_limited", 408: "model_unreachable", 409: "model_overloaded"}
_NOBODY = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
_REFUSED = re.compile(r"response_format|json_schema|json_validate_failed|max_tokens|stream_options")
_MEANS = {
    "response_format": "schema",
    "json_schema": "schema",
    "json_validate_failed": "schema",
    "max_tokens": "max_tokens",
    "stream_options": "usage",
}
_AS_JSON = "Reply with one JSON object and nothing else. It must fit this JSON schema:\n{schema}"


async def create(
    *,
    coach: Interviewer,
    base_url: str | None = None,
    model: str | None = None,
    feedback_model: str | None = None,
    api_key: str | None = None,
    patience: float = PATIENCE,
    http_client: httpx2.AsyncClient | None = None,
) -> ModelInterviewer:
    """An interviewer with *model*, and *feedback_model* for feedback, at the server under *base_url*.

    *coach* plans and stands by. Without *api_key* the key is ``keys.find("OPENAI_API_KEY")``; a server of
    one's own needs none. *patience* multiplies all time limits. Raises SettingError without a URL or a model.
    """
    if not base_url or not model:
        raise SettingError("openai needs a base URL, such as http://localhost:11434/v1, and a model's name")
    check_url(base_url)
    key = (api_key or "").strip()
    if not key and (found := keys.find("OPENAI_API_KEY")) is not None:
        key = found.reveal()
    talk = OpenAI(base_url, key, model, feedback_model or model, http_client=http_client)
    return ModelInterviewer(talk, coach, host=talk.host, patience=patience)


class OpenAI:
    """Chat completions, read as a stream. Fits ``_model.Model``."""

    name = NAME

    def __init__(
        self,
        base_url: str,
        key: str,
        questions: str,
        feedback: str,
        *,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        self._questions, self._feedback = questions, feedback
        self._refused: set[tuple[str, str]] = set()  # (model, what it does not take)
        timeout = httpx2.Timeout(None, connect=2.0, pool=2.0)
        self._client = openai.AsyncOpenAI(
            api_key=key or "none",  # the SDK insists on one
            base_url=base_url,
            organization="",
            project="",
            max_retries=0,
            http_client=http_client or httpx2.AsyncClient(trust_env=False, timeout=timeout),
        )
        self.host = self._client.base_url.host
        """Where prompts are sent."""

    def named(self, purpose: Purpose) -> str:
        """See Model.named()."""
        return self._questions if purpose in ("ask", "follow_up") else self._feedback

    def most_tokens(self, prompt: Prompt) -> int:
        """See Model.most_tokens()."""
        return prompt.most_tokens

    async def complete(self, prompt: Prompt, watch: Watch) -> Reply:
        """See Model.complete()."""
        while True:
            heard, request = _Heard(), self.request(prompt)
            with _faults():
                try:
                    await self._read(request, heard, watch)
                except openai.APIError as error:
                    if not self._learns(prompt, error):
                        raise
                    continue
            return heard.reply(prompt)

    async def _read(self, request: dict[str, Any], heard: _Heard, watch: Watch) -> None:
        stream = await self._client.chat.completions.create(**request, stream=True)
        async with stream:
            async for chunk in stream:
                if heard.take(chunk):
                    watch.heard()

    def _learns(self, prompt: Prompt, error: openai.APIError) -> bool:
        """Whether *error* says what the server does not take, and there is another way."""
        if isinstance(error, openai.APIStatusError) and error.status_code not in (400, 422):
            return False
        found = _REFUSED.search(f"{error.code} {error.param} {error.message} {error.body}")
        if found is None:
            return False
        refused = (self.named(prompt.purpose), _MEANS[found[0]])
        if refused in self._refused or (refused[1] == "schema" and prompt.reply is None):
            return False
        self._refused.add(refused)
        return True

    def request(self, prompt: Prompt) -> dict[str, Any]:
        """What is sent for *prompt*."""
        model = self.named(prompt.purpose)
        limit = "max_completion_tokens" if (model, "max_tokens") in self._refused else "max_tokens"
        request: dict[str, Any] = {"model": model, limit: prompt.most_tokens, "messages": _messages(prompt)}
        if (model, "usage") not in self._refused:
            request["stream_options"] = {"include_usage": True}
        if prompt.reply is None:
            return request
        schema = schema_of(prompt.reply)
        if (model, "schema") in self._refused:
            told = _AS_JSON.format(schema=json.dumps(schema, sort_keys=True))
            request["messages"][0]["content"] += f"\n\n{told}"
        else:
            named = {"name": prompt.reply.__name__, "schema": schema, "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": named}
        return request

    async def aclose(self) -> None:
        """See Model.aclose()."""
        await self._client.close()


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    """The system prompt and the turns; some templates insist that the two sides alternate."""
    sides = groupby(prompt.turns, key=lambda said: said.role)
    turns = [{"role": role, "content": "\n\n".join(said.text for said in turns)} for role, turns in sides]
    return [{"role": "system", "content": prompt.system}, *turns]


class _Heard:
    """What has come of a reply so far."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._finished: str | None = None
        self._input = self._cached = self._output = 0

    def take(self, chunk: Any) -> bool:
        """Add *chunk*; whether it had text."""
        if usage := getattr(chunk, "usage", None):
            self._input, self._output = usage.prompt_tokens or 0, usage.completion_tokens or 0
            details = getattr(usage, "prompt_tokens_details", None)
            self._cached = (details.cached_tokens or 0) if details else 0
        text = ""
        for choice in chunk.choices[:1]:
            text = choice.delta.content or ""
            self._finished = choice.finish_reason or self._finished
        self._texts.append(text)
        return bool(text)

    def reply(self, prompt: Prompt) -> Reply:
        """The whole reply to *prompt*, without its thoughts. Raises ModelError for one that is none."""
        if self._finished == "content_filter":
            raise ModelError(NAME, "model_refused")
        text = _THOUGHT.sub("", "".join(self._texts))
        if self._finished != "stop" or text.lstrip().lower().startswith("<think>"):
            raise ModelError(NAME, "model_cut_off")  # None: the stream just ended
        estimated = prompt.size / BYTES_A_TOKEN
        if estimated > LEAST_ESTIMATED and 0 < self._input < READ * estimated:
            raise ModelError(NAME, "context_truncated")
        return Reply(text, self._input, self._cached, self._output)


@contextmanager
def _faults() -> Generator[None]:
    """Everything that the SDK raises as a ModelError; nothing that the server said goes into it."""
    try:
        yield
    except openai.APIStatusError as error:
        raise ModelError(NAME, _code(error), retry_after=pause(error.response.headers)) from error
    except (openai.APIConnectionError, httpx2.TransportError) as error:
        nobody = isinstance(error.__cause__ or error, _NOBODY)
        raise ModelError(NAME, "model_unreachable" if nobody else "model_cut_off") from error
    except openai.APIError as error:  # in the midst of a stream
        raise ModelError(NAME, "model_overloaded") from error
    except (openai.OpenAIError, httpx2.HTTPError, json.JSONDecodeError, ValueError) as error:
        raise ModelError(NAME, "model_unusable") from error
    except (TypeError, AttributeError, KeyError) as error:  # a chunk of a shape that the SDK does not know
        raise ModelError(NAME, "model_unusable") from error


def _code(error: openai.APIStatusError) -> str:
    if error.status_code in _STATUS:
        return _STATUS[error.status_code]
    return "model_overloaded" if error.status_code >= 500 else "model_setup"
