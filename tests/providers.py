"""Providers of models on loopback: they speak a protocol to the byte, and misbehave on cue.

One ``Provider`` is one dialect (Anthropic's messages, or chat completions). What it does with a request is
an ``Act``: the next of its script, else a good reply. It is reached through real sockets, or, where time
matters to the millisecond, in memory under a virtual clock; the SDK in front of it is the real one either
way. It keeps what it was asked, and counts tokens as a provider with a cache does.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import httpx2

from interview_fsm.testing import VirtualLoop, turns

T = TypeVar("T")

Body = dict[str, Any]

CANARY = "canary-of-the-provider"
"""What a provider says of a failure, and nobody may repeat: it may quote what it was sent."""


class Wire:
    """The way back to the client: over a socket, or in memory."""

    async def head(self, status: int, headers: dict[str, str]) -> None:
        raise NotImplementedError

    async def send(self, data: bytes) -> None:
        raise NotImplementedError

    async def end(self) -> None:
        """The body is complete, as far as the transport is concerned."""
        raise NotImplementedError

    def cut(self) -> None:
        """The connection is gone."""
        raise NotImplementedError


Act = Callable[["Provider", Wire, Body], Awaitable[None]]


class Provider:
    """One provider. *dialect* is ``anthropic`` or ``openai``; *script* what its first replies are."""

    def __init__(self, dialect: str, script: Sequence[Act] = (), *, always: Act | None = None) -> None:
        self.dialect, self.script = dialect, list(script)
        self.always = always or reply()
        self.requests: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.fresh = 0
        """Input tokens that were not in the cache."""
        self.cached = 0
        """Input tokens that were."""
        self.gone = 0
        """Requests whose client left before the reply was over."""
        self._kept: set[str] = set()
        self.url = ""

    async def serve(self, path: str, headers: dict[str, str], body: Body, wire: Wire) -> None:
        """Take one request."""
        self.paths.append(path)
        self.headers.append(headers)
        self.requests.append(body)
        act = self.script.pop(0) if self.script else self.always
        try:
            await act(self, wire, body)
        except (ConnectionError, asyncio.CancelledError):
            self.gone += 1
            raise

    @property
    def calls(self) -> int:
        return len(self.requests)

    def count(self, body: Body) -> tuple[int, int]:
        """(fresh, cached) input tokens of *body*: four bytes are one, and prefixes that were to be kept are.

        Only Anthropic's dialect marks what to keep.
        """
        seen, cached, so_far = "", 0, 0
        for text, keep in _blocks(self.dialect, body):
            seen += text
            so_far = len(seen.encode()) // 4
            if keep and seen in self._kept:
                cached = so_far
            if keep:
                self._kept.add(seen)
        self.fresh += so_far - cached
        self.cached += cached
        return so_far - cached, cached


def _blocks(dialect: str, body: Body) -> list[tuple[str, bool]]:
    if dialect == "openai":
        return [(str(message["content"]), False) for message in body["messages"]]
    blocks = [*body["system"], *(block for message in body["messages"] for block in message["content"])]
    return [(block["text"], "cache_control" in block) for block in blocks]


# --------------------------------------------------------------------------------------- what is said


SUMMARY = "You told real cases. Say what came of them."


def said(body: Body) -> str:
    """All that the user turns say."""
    contents = [message["content"] for message in body["messages"] if message["role"] == "user"]
    blocks = [[each] if isinstance(each, str) else [block["text"] for block in each] for each in contents]
    return "\n".join(text for texts in blocks for text in texts)


def fence(kind: str, text: str) -> str:
    """What stands in the last fence of this *kind*."""
    found = re.findall(rf'<{kind} n="\w+">\n(.*?)\n</{kind} n="\w+">', text, re.DOTALL)
    return found[-1] if found else ""


def sensible(body: Body) -> str:
    """What a good model would say to *body*."""
    told, everything = said(body), json.dumps(body)
    if '"dimensions"' in everything.replace("\\", ""):
        return json.dumps(assessment(body))
    if '"practice"' in everything.replace("\\", ""):
        return json.dumps(
            {"summary": "You told real cases. Say what came of them.", "practice": ["Give a result."]}
        )
    if (answer := fence("answer", told)) and "Left out" in told:
        return f"You said “{' '.join(answer.split()[:4])}”: what came of that, as far as you know?"
    evidence = " ".join(fence("evidence", told).split()[:8]).rstrip(".,;")
    about = f"Your résumé says: {evidence}. " if evidence else ""
    return f"{about}Which decision in turn {len(body['messages'])} was yours, and what came of it?"


def assessment(body: Body, **changed: Any) -> Body:
    """A fair assessment of the answer in *body*, quoted truly."""
    answer = fence("answer", said(body))
    quote = " ".join(answer.split()[:6])
    rubric = "\n".join(block for block, _ in _blocks("openai" if "system" not in body else "anthropic", body))
    names = re.findall(r"(?m)^(\w[\w ]*): .+\n  1 = ", rubric)
    return {
        "dimensions": [
            {"dimension": name, "quotes": [quote], "rationale": "It says so.", "score": 4} for name in names
        ],
        "strengths": [{"aspect": "own_action", "quote": quote, "text": "You say what you did."}],
        "missing": ["result"],
        "improvements": [{"aspect": "result", "text": "Say what came of it."}],
        "outline": [{"part": "result", "text": "In the end [your number] orders were left."}],
        **changed,
    }


# ---------------------------------------------------------------------------------------------- acts


def reply(
    text: str | Callable[[Body], str] = sensible,
    *,
    first: float = 0.0,
    gap: float = 0.0,
    stop: str | None = None,
    usage: dict[str, int] | None = None,
) -> Act:
    """A whole reply: *text*, the first of it after *first* seconds, then every *gap* seconds a piece.

    *stop* is why it ends; *usage* replaces the counted tokens.
    """

    async def act(provider: Provider, wire: Wire, body: Body) -> None:
        fresh, cached = provider.count(body)
        words = text(body) if callable(text) else text
        speaker = _SPEAKERS[provider.dialect](wire, body, usage or {"fresh": fresh, "cached": cached})
        await wire.head(200, {"content-type": "text/event-stream"})
        await speaker.begin()
        await asyncio.sleep(first)
        pieces = [words[place : place + 40] for place in range(0, len(words), 40)]
        for place, piece in enumerate(pieces):
            if place:
                await asyncio.sleep(gap)
            await speaker.piece(piece)
        await speaker.stop(stop, len(words) // 4)
        await wire.end()

    return act


async def in_splinters(provider: Provider, wire: Wire, body: Body) -> None:
    """A whole reply with events and fields that nobody knows, its bytes cut wherever they are cut worst."""
    speaker = _SPEAKERS[provider.dialect](_Splintering(wire), body, {})
    await speaker.wire.head(200, {"content-type": "text/event-stream"})
    await speaker.begin()
    await speaker.wire.send(b'event: novelty\ndata: {"type": "novelty", "weather": "\xc3\xa9clairs"}\n\n'
                            if provider.dialect == "anthropic" else b": a comment\n\n")  # fmt: skip
    await speaker.piece(sensible(body).replace("?", ", as your résumé says — “naïve” or not?"))
    await speaker.stop(None, 20)
    await speaker.wire.end()


class _Splintering:
    """A wire that sends each byte by itself."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)

    async def send(self, data: bytes) -> None:
        for place in range(len(data)):
            await self._wire.send(data[place : place + 1])


def broken(how: Callable[[Speaker, Wire], Awaitable[None]], *, after: str = "Tell me about the ") -> Act:
    """A reply that begins well, and then does *how*."""

    async def act(provider: Provider, wire: Wire, body: Body) -> None:
        fresh, cached = provider.count(body)
        speaker = _SPEAKERS[provider.dialect](wire, body, {"fresh": fresh, "cached": cached})
        await wire.head(200, {"content-type": "text/event-stream"})
        await speaker.begin()
        if after:
            await speaker.piece(after)
        await how(speaker, wire)

    return act


def fails(status: int, kind: str = "api_error", *, message: str = CANARY, **headers: str) -> Act:
    """An error in place of a reply."""

    async def act(provider: Provider, wire: Wire, body: Body) -> None:
        error: Body = {"type": kind, "message": message}
        if provider.dialect == "openai":
            error |= {"code": kind, "param": None}
        data = json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode()
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        await wire.head(status, {"content-type": "application/json", **fields})
        await wire.send(data)
        await wire.end()

    return act


def page(status: int = 200) -> Act:
    """A page of HTML, as a proxy puts in a reply's place."""

    async def act(provider: Provider, wire: Wire, body: Body) -> None:
        await wire.head(status, {"content-type": "text/html"})
        await wire.send(b"<html><body><h1>Welcome to the hotel's network</h1></body></html>")
        await wire.end()

    return act


async def silence(provider: Provider, wire: Wire, body: Body) -> None:
    """Take the request, and say nothing for ever: not even a status line."""
    await asyncio.get_running_loop().create_future()


async def hang_up(provider: Provider, wire: Wire, body: Body) -> None:
    """Cut the connection at once."""
    wire.cut()


async def pings(speaker: Speaker, wire: Wire) -> None:
    """Signs of life for ever, and no text."""
    while True:
        await speaker.ping()
        await asyncio.sleep(0.05)


async def nothing_more(speaker: Speaker, wire: Wire) -> None:
    """The connection stays, and nothing comes any more."""
    await asyncio.get_running_loop().create_future()


async def cut(speaker: Speaker, wire: Wire) -> None:
    """The connection breaks."""
    wire.cut()


async def end_early(speaker: Speaker, wire: Wire) -> None:
    """The body ends cleanly, and the reply does not."""
    await wire.end()


async def error_event(speaker: Speaker, wire: Wire) -> None:
    """The provider says in the midst of the stream that it is overloaded."""
    await speaker.error()
    await wire.end()


async def bad_json(speaker: Speaker, wire: Wire) -> None:
    """An event that is no JSON."""
    await speaker.garbage()
    await wire.end()


class Speaker:
    """Speaks one dialect of server-sent events."""

    def __init__(self, wire: Wire, body: Body, usage: dict[str, int]) -> None:
        self.wire, self.body, self.usage = wire, body, usage

    async def begin(self) -> None:
        raise NotImplementedError

    async def piece(self, text: str) -> None:
        raise NotImplementedError

    async def stop(self, why: str | None, tokens: int) -> None:
        raise NotImplementedError

    async def ping(self) -> None:
        raise NotImplementedError

    async def error(self) -> None:
        raise NotImplementedError

    async def garbage(self) -> None:
        raise NotImplementedError


class Messages(Speaker):
    """Anthropic's."""

    async def _event(self, name: str, **fields: Any) -> None:
        data = json.dumps({"type": name, **fields})
        await self.wire.send(f"event: {name}\ndata: {data}\n\n".encode())

    async def begin(self) -> None:
        usage = {
            "input_tokens": self.usage.get("fresh", 0),
            "cache_read_input_tokens": self.usage.get("cached", 0),
            "cache_creation_input_tokens": 0,
            "output_tokens": 1,
        }
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": self.body["model"],
            "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage,
        }  # fmt: skip
        await self._event("message_start", message=message)
        if (self.body.get("thinking") or {}).get("type") != "disabled":  # thoughts come before text
            await self._event(
                "content_block_start",
                index=0,
                content_block={"type": "thinking", "thinking": "", "signature": ""},
            )
            await self._event("content_block_stop", index=0)
        await self._event("content_block_start", index=1, content_block={"type": "text", "text": ""})

    async def piece(self, text: str) -> None:
        await self._event("content_block_delta", index=1, delta={"type": "text_delta", "text": text})

    async def stop(self, why: str | None, tokens: int) -> None:
        await self._event("content_block_stop", index=1)
        refused = {"stop_details": {"type": "refusal", "category": "cyber", "explanation": "canary"}}
        delta = {
            "stop_reason": why or "end_turn",
            "stop_sequence": None,
            **(refused if why == "refusal" else {}),
        }
        await self._event("message_delta", delta=delta, usage={"output_tokens": tokens})
        await self._event("message_stop")

    async def ping(self) -> None:
        await self._event("ping")

    async def error(self) -> None:
        await self._event("error", error={"type": "overloaded_error", "message": CANARY})

    async def garbage(self) -> None:
        await self.wire.send(b'event: content_block_delta\ndata: {"type": "content_blo\n\n')


class Completions(Speaker):
    """OpenAI's chat completions."""

    async def _chunk(self, **fields: Any) -> None:
        chunk = {
            "id": "c1", "object": "chat.completion.chunk", "created": 0, "model": self.body["model"],
            "choices": [], **fields,
        }  # fmt: skip
        await self.wire.send(f"data: {json.dumps(chunk)}\n\n".encode())

    async def begin(self) -> None:
        await self._chunk(
            choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]
        )

    async def piece(self, text: str) -> None:
        await self._chunk(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}])

    async def stop(self, why: str | None, tokens: int) -> None:
        await self._chunk(choices=[{"index": 0, "delta": {}, "finish_reason": why or "stop"}])
        if self.body.get("stream_options", {}).get("include_usage"):
            prompt = self.usage.get("fresh", 0) + self.usage.get("cached", 0)
            await self._chunk(
                usage={"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}
            )
        await self.wire.send(b"data: [DONE]\n\n")

    async def ping(self) -> None:
        await self.wire.send(b": still there\n\n")

    async def error(self) -> None:
        error = {"message": CANARY, "type": "server_error", "code": None}
        await self.wire.send(f"data: {json.dumps({'error': error})}\n\n".encode())

    async def garbage(self) -> None:
        await self.wire.send(b'data: {"id": "c1", "choi\n\n')


_SPEAKERS: dict[str, type[Speaker]] = {"anthropic": Messages, "openai": Completions}

# ---------------------------------------------------------------------------------------- by sockets


class _Socket(Wire):
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def head(self, status: int, headers: dict[str, str]) -> None:
        fields = {**headers, "transfer-encoding": "chunked", "connection": "close"}
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in fields.items())]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self._writer.drain()

    async def send(self, data: bytes) -> None:
        self._writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self._writer.drain()

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    def cut(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def listening(provider: Provider) -> AsyncIterator[str]:
    """*provider* on a port of loopback, for the length of a block; its URL."""
    handling: set[asyncio.Task[Any]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handling.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                path = head.split(" ", 2)[1]
                fields = (line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                headers = {name.lower(): value for name, value in fields}
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                serving = asyncio.ensure_future(provider.serve(path, headers, body, _Socket(writer)))
                leaving = asyncio.ensure_future(reader.read())  # the end of the client's side
                await asyncio.wait([serving, leaving], return_when=asyncio.FIRST_COMPLETED)
                for each in (serving, leaving):
                    each.cancel()
                await asyncio.wait([serving, leaving])
                if not serving.cancelled():
                    error = serving.exception()
                    assert error is None or isinstance(error, ConnectionError), repr(error)
        finally:
            handling.discard(task)
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield provider.url
    finally:
        server.close()
        for task in list(handling):
            task.cancel()
        if handling:
            await asyncio.wait(handling)


# ---------------------------------------------------------------------------------------- in memory


class AtOnce(ThreadPoolExecutor):
    """Does in the loop's own thread what is meant for another: virtual time waits for no thread."""

    def submit(self, function: Any, /, *args: Any, **named: Any) -> Any:
        future: Future[Any] = Future()
        future.set_result(function(*args, **named))
        return future


class _Memory(Wire):
    def __init__(self) -> None:
        self.status: asyncio.Future[tuple[int, dict[str, str]]] = asyncio.get_running_loop().create_future()
        self.chunks: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

    async def head(self, status: int, headers: dict[str, str]) -> None:
        self.status.set_result((status, headers))

    async def send(self, data: bytes) -> None:
        self.chunks.put_nowait(data)

    async def end(self) -> None:
        self.chunks.put_nowait(None)

    def cut(self) -> None:
        error = httpx2.RemoteProtocolError("peer closed connection")
        if not self.status.done():
            self.status.set_exception(error)
        self.chunks.put_nowait(error)


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, wire: _Memory, serving: asyncio.Task[None]) -> None:
        self._wire, self._serving = wire, serving

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        while (chunk := await self._wire.chunks.get()) is not None:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    async def aclose(self) -> None:
        await _ended(self._serving)


class InMemory(httpx2.AsyncBaseTransport):
    """The way to *provider* without a socket, so that its seconds can be virtual ones."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        wire = _Memory()
        body = json.loads(await request.aread())
        headers = {name.lower(): value for name, value in request.headers.items()}
        serving = asyncio.ensure_future(self._provider.serve(request.url.path, headers, body, wire))
        try:
            status, fields = await wire.status
        except BaseException:
            await _ended(serving)
            raise
        return httpx2.Response(status, headers=fields, stream=_Stream(wire, serving))


async def _ended(serving: asyncio.Task[None]) -> None:
    serving.cancel()
    await asyncio.wait([serving])
    if not serving.cancelled():
        serving.exception()


def in_memory(provider: Provider) -> httpx2.AsyncClient:
    """A client that reaches *provider* alone. One SDK asks a thread what machine this is."""
    asyncio.get_running_loop().set_default_executor(AtOnce())
    provider.url = "http://provider.invalid"
    return httpx2.AsyncClient(transport=InMemory(provider), timeout=None)


def virtually(coroutine: Coroutine[Any, Any, T]) -> T:
    """What *coroutine* returns, in virtual time. It leaves no task behind; generators that an SDK has
    dropped are closed here.

    Not by ``asyncio.Runner``: that ends with a thread, and virtual time waits for none.
    """
    loop = VirtualLoop()
    try:
        result = loop.run_until_complete(coroutine)
        loop.run_until_complete(turns(50))  # a generator that was dropped is closed by a task
        assert not asyncio.all_tasks(loop)
        return result
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
