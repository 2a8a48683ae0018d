"""The one place that opens a candidate's link.

No other module of the package may open a URL that came from outside; a test reads the imports. A link is
parsed by ``links.check_url``; its name is looked up once, every address of the answer is put to our own
table, and the connection goes to an address that passed, so that a name which answers differently a moment
later changes nothing. Redirects are followed by hand and checked like the first link. There are no proxies,
cookies, credentials or compressed bodies, because nothing here asks for them.

Everything that can be wrong leaves as ResumeError. Its ``kind`` is for the log; neither it nor the sentence
says which address was found, or the server would tell strangers about its own network. For the same reason no
error is chained to the one below it, which often quotes an address.
"""
# ruff: noqa: ASYNC109, ARG002  (the streams and backends below have the signatures that httpcore2 calls)

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final

import httpcore2
from msgspec import Struct

from ..errors import ResumeError
from ..turns import Full, Turns
from .links import FetchPolicy, Link, check_url, is_public, redirected, refusal, unmapped
from .lookup import system_addresses
from .replies import (
    AUDIO,
    HEAD,
    RESUME,
    Wanted,
    declared_type,
    failure,
    status_failure,
    too_large,
)

__all__ = ["FetchPolicy", "Fetched", "Fetcher"]

logger = logging.getLogger(__name__)

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Gives the addresses of a name as text, in the order to try them; raises OSError."""

READ: Final = 4_096
"""Bytes taken from the network at once. A body of one-byte chunks costs about 7 µs a chunk and six bytes are
one chunk: pieces of this size hold the event loop for 5 ms, pieces of 64 KiB for 75 (measured)."""

OVERHEAD: Final = 1024 * 1024
"""Bytes of a reply beyond its body: headers, early hints, the framing of chunks. 5,000 early hints fit."""


class Fetched(Struct, frozen=True):
    """A document as it came."""

    data: bytes
    media_type: str
    """``application/pdf``, ``text/plain`` or ``text/markdown``: what was found, not what was claimed."""
    url: str
    """Where it was in the end."""


class Fetcher:
    """Opens links, *at_once* of them, in fair turns (``turns.Turns``).

    *resolve* and *backend* stand between this and the network, for tests. A fetch may be cancelled at any
    moment and has closed its sockets when the cancellation leaves it. One Fetcher belongs to one event loop.
    """

    def __init__(
        self,
        policy: FetchPolicy | None = None,
        *,
        resolve: Resolve | None = None,
        backend: httpcore2.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
        at_once: int = 2,
    ) -> None:
        self._policy = policy or FetchPolicy()
        self._resolve = resolve or system_addresses
        self._backend = backend or httpcore2.AnyIOBackend()
        self._tls = tls
        self._turns = Turns(at_once)
        self._running: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    async def fetch(self, url: str, want: Wanted = RESUME, *, client: str = "") -> Fetched:
        """What is at *url*: for a résumé a PDF, or text that a server calls plain text or Markdown.

        *client* is whose turn it takes. Raises ResumeError. A link that breaks a rule is refused before any
        packet is sent.
        """
        try:
            link = check_url(url, self._policy)
            async with self._turn(client), self._limit():
                return await self._follow(link, want)
        except ResumeError as error:
            logger.info("a link was not used: %s, %s", error.code, error.kind)
            raise

    async def sound(self, url: str, client: str = "") -> bytes:
        """The sound file at *url*, for ``assemble(fetch=…)``. Raises ResumeError, as ``fetch()`` does."""
        return (await self.fetch(url, AUDIO, client=client)).data

    async def aclose(self) -> None:
        """End what is under way, with ``resume_unreachable``, and refuse what comes."""
        self._closed = True
        now = asyncio.get_running_loop().time()
        for limit in self._running:
            if not limit.expired():
                limit.reschedule(now)
        await self._idle.wait()

    @asynccontextmanager
    async def _turn(self, client: str) -> AsyncIterator[None]:
        """Its turn, or ``busy`` when that did not come within the time for a whole fetch."""
        async with AsyncExitStack() as turn:
            try:
                async with asyncio.timeout(self._policy.total) as limit:
                    with self._listed(limit):
                        await turn.enter_async_context(self._turns.turn(client))
            except (TimeoutError, Full):
                raise self._ended("busy", "queue") from None
            yield

    @asynccontextmanager
    async def _limit(self) -> AsyncIterator[None]:
        """The limit on everything a link may take."""
        try:
            async with asyncio.timeout(self._policy.total) as limit:
                with self._listed(limit):
                    yield
        except TimeoutError:
            raise self._ended("resume_timeout", "total") from None

    @contextmanager
    def _listed(self, limit: asyncio.Timeout) -> Iterator[None]:
        if self._closed:
            raise failure("closed")
        self._running.add(limit)
        self._idle.clear()
        try:
            yield
        finally:
            self._running.discard(limit)
            if not self._running:
                self._idle.set()

    def _ended(self, code: str, kind: str) -> ResumeError:
        return failure("closed") if self._closed else failure(kind, code)

    async def _follow(self, link: Link, want: Wanted) -> Fetched:
        for _ in range(self._policy.redirects + 1):
            answer = await self._get(link, want)
            if isinstance(answer, Fetched):
                return answer
            link = answer
        raise failure("redirects")

    async def _get(self, link: Link, want: Wanted) -> Fetched | Link:
        """The document at one link, or the link it sends us on to."""
        guard = Guard(self._policy, self._resolve, self._backend)
        with _mapped():
            tls = await self._tls_for(link)
            try:
                async with (
                    httpcore2.AsyncConnectionPool(
                        ssl_context=tls, max_keepalive_connections=0, network_backend=guard
                    ) as pool,
                    _request(pool, link, self._policy, want.accept) as response,
                ):
                    return await self._answer(link, response, guard.meter, want)
            finally:
                await guard.aclose()

    async def _tls_for(self, link: Link) -> ssl.SSLContext | None:
        """The usual context, made when first needed and off the loop: it reads some 140 certificates."""
        if link.scheme == "https" and self._tls is None:
            self._tls = await asyncio.to_thread(httpcore2.default_ssl_context)
        return self._tls

    async def _answer(
        self, link: Link, response: httpcore2.Response, meter: Meter, want: Wanted
    ) -> Fetched | Link:
        if response.status in _REDIRECTS:
            locations = _values(response, b"location")
            if len(locations) != 1 or not locations[0]:
                raise failure("redirect")
            return redirected(link, locations[0], self._policy)
        if response.status != 200:
            raise status_failure(response.status)
        declared = declared_type(b"".join(_values(response, b"content-type")[:1]))
        data = await self._body(response, declared, meter, want)
        return Fetched(data, want.check(data, declared), link.url)

    async def _body(self, response: httpcore2.Response, declared: str, meter: Meter, want: Wanted) -> bytes:
        """The whole body, given up as soon as it is known to be of no use."""
        if any(value.lower() not in (b"", b"identity") for value in _values(response, b"content-encoding")):
            raise failure("encoding", "resume_not_pdf")
        for value in _values(response, b"content-length"):
            if int(value) > self._policy.size:
                raise too_large(self._policy.size, int(value))
        data = bytearray()
        async with aclosing(response.aiter_stream()) as chunks:
            async for chunk in chunks:
                data += chunk
                meter.body = len(data)
                if len(data) > self._policy.size:
                    raise too_large(self._policy.size)
                if len(data) >= HEAD and want.kind(bytes(data[:HEAD]), declared) is None:
                    raise want.refuse(declared, bytes(data))
        return bytes(data)


@dataclass(slots=True)
class Meter:
    """Bytes that came over the wire in one exchange, and how many of them were body."""

    wire: int = 0
    body: int = 0

    def count(self, received: int) -> None:
        """Add what was received. Raises ResumeError when all but nothing of it is body."""
        self.wire += received
        if self.wire - self.body > OVERHEAD:
            raise failure("overhead", "resume_too_large")


class MeteredStream(httpcore2.AsyncNetworkStream):
    """A connection that is read in small pieces, each of them counted."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, meter: Meter) -> None:
        self._stream, self._meter = stream, meter

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next piece; empty at the end."""
        data = await self._stream.read(min(max_bytes, READ), timeout)
        self._meter.count(len(data))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send *buffer* whole."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the socket."""
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """The same connection inside TLS, with the certificate held against *server_hostname*."""
        return MeteredStream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._meter)

    def get_extra_info(self, info: str) -> Any:
        """What the transport knows."""
        return self._stream.get_extra_info(info)


@dataclass(slots=True, eq=False)
class Guard(httpcore2.AsyncNetworkBackend):
    """The only way to the network, for one exchange: one lookup, all addresses checked, then one.

    It holds the sockets it opened until ``aclose``: httpcore2 forgets a socket when it is cancelled amid
    the TLS handshake.
    """

    policy: FetchPolicy
    resolve: Resolve
    backend: httpcore2.AsyncNetworkBackend
    meter: Meter = field(default_factory=Meter)
    _opened: list[httpcore2.AsyncNetworkStream] = field(default_factory=list)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first of the checked addresses that answers."""
        for address in await self._checked(host, port):
            with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                stream = await self.backend.connect_tcp(address, port, timeout=timeout)
                self._opened.append(stream)
                return MeteredStream(stream, self.meter)
        raise failure("connect", retryable=True)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """Refused: no link means a socket of this machine."""
        raise refusal("address")

    async def aclose(self) -> None:
        """Close every socket that was opened."""
        while self._opened:
            with suppress(OSError):
                await self._opened.pop().aclose()

    async def _checked(self, host: str, port: int) -> list[str]:
        """The addresses to try. One that is not public condemns the whole name."""
        exempt = (host, port) in self.policy.allow
        literals = []
        for text in await self._addresses(host):
            try:
                address = unmapped(ip_address(text))
            except ValueError:
                raise refusal("address") from None
            if not exempt and not is_public(address):
                raise refusal("address")
            literals.append(str(address))
        if not literals:
            raise failure("dns")
        return literals[: self.policy.addresses]

    async def _addresses(self, host: str) -> Sequence[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        try:
            return await self.resolve(host)
        except OSError:
            raise failure("dns", retryable=True) from None


_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@asynccontextmanager
async def _request(
    pool: httpcore2.AsyncConnectionPool, link: Link, policy: FetchPolicy, accept: str
) -> AsyncIterator[httpcore2.Response]:
    url = httpcore2.URL(scheme=link.scheme, host=link.host, port=link.port, target=link.target)
    headers: dict[bytes | str, bytes | str] = {
        "Host": link.authority,
        "Accept": accept,
        "Accept-Encoding": "identity",
        "User-Agent": "interview-fsm",
        "Connection": "close",
    }
    timeout = {"connect": policy.connect, "read": policy.read, "write": policy.read}
    async with pool.stream("GET", url, headers=headers, extensions={"timeout": timeout}) as response:
        yield response


@contextmanager
def _mapped() -> Iterator[None]:
    """What the library below raises, as ResumeError, and without it: its texts quote addresses."""
    try:
        yield
    except httpcore2.ConnectTimeout:
        raise failure("connect", "resume_timeout") from None
    except httpcore2.TimeoutException:
        raise failure("read", "resume_timeout") from None
    except httpcore2.ConnectError:  # the Guard answers for TCP, so this is the TLS handshake
        raise failure("tls") from None
    except (httpcore2.ProtocolError, httpcore2.NetworkError, OSError):
        raise failure("protocol", retryable=True) from None


def _values(response: httpcore2.Response, name: bytes) -> list[bytes]:
    return [value for key, value in response.headers if key.lower() == name]
