"""One client of the server: read within its limits, and conducted in the dialect it speaks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from msgspec import Struct
from msgspec.structs import replace
from websockets.exceptions import ConnectionClosed

from . import messages, protocol, views
from .errors import CommandError
from .events import Material
from .guest import Guest
from .house import traced
from .jsonv1 import Host, JsonV1
from .plaintext import PlainText, TooManyTries
from .rates import Allowance
from .redaction import looks_like_key
from .server_settings import ServerSettings

log = logging.getLogger("interview_fsm")


NO_KEYS = (
    "that message holds a key, and was thrown away; keys are set where the server runs, never sent: "
    "take it out, and renew it if others may have seen it"
)


class RateLimited(CommandError):
    """More messages than the rate allows."""

    code = "rate_limited"
    retryable = True


class KeyRefused(CommandError):
    """A message that brings a key: nobody here wants one. It is neither stored nor logged."""


class Shared(Struct, frozen=True, kw_only=True):
    """What all connections of a server share."""

    settings: ServerSettings
    host: Host
    """For JSON v1; of those whose handshake has shown the access token, it asks for none."""
    bring: Callable[[str, str], Awaitable[Material]]
    """For plain text: the résumé behind a link, for a client; raises ResumeError."""


class Connection:
    """One client: its dialect, and when it was last heard. ``read()`` it to its end, then ``leave()`` it."""

    __slots__ = (
        "_born",
        "_bytes_allowance",
        "_conduct",
        "_heard",
        "_leaving",
        "_saying",
        "_settled",
        "_shared",
        "_socket",
        "_spoke",
        "_stopping",
        "_texts_allowance",
        "_work",
    )

    def __init__(self, socket: Guest, shared: Shared) -> None:
        self._socket, self._shared = socket, shared
        self._settled = socket.subprotocol is not None
        """Whether it has shown which dialect it speaks."""
        self._conduct: PlainText | JsonV1 = self._json() if self._settled else self._plain()
        settings, now = shared.settings, time.monotonic()
        self._texts_allowance = Allowance(settings.rate, settings.burst, now)
        self._bytes_allowance = Allowance(settings.byte_rate, settings.byte_burst, now)
        self._born = self._heard = now
        self._spoke = self._stopping = False
        self._saying: float | None = None
        """Since when no message has left though one is on its way; None while none is."""
        self._leaving = 0
        self._work = asyncio.create_task(self._conducted())

    def _json(self) -> JsonV1:
        host = self._shared.host
        if self._socket.has_token:
            host = replace(host, access_token="")
        return JsonV1(host, self._say, owner=self._socket.owner, client=self._socket.client)

    def _plain(self) -> PlainText:
        shared, socket = self._shared, self._socket
        return PlainText(
            shared.host.engine,
            lambda link: shared.bring(link, socket.client),
            self._say,
            seed=shared.settings.seed,
            owner=socket.owner or "",
            client=socket.client,
            admit=shared.host.seats.admit,
        )

    @property
    def busy(self) -> bool:
        """Something runs or waits."""
        return self._conduct.busy

    @property
    def is_admitted(self) -> bool:
        """Whether it may be here: it has shown the access token, or an interview's own, or needs none."""
        if not self._shared.settings.access_token or self._socket.has_token:
            return True
        return isinstance(self._conduct, JsonV1) and self._conduct.has_interview

    def has_gone_quiet(self, now: float) -> bool:
        """Whether it has said nothing for too long, while nothing was at work for it."""
        settings = self._shared.settings
        limit = settings.idle if self._spoke else settings.first_message
        is_late = not self.is_admitted and now - self._born > settings.admission
        return (is_late or now - self._heard > limit) and not self._conduct.busy

    def is_deaf(self, now: float) -> bool:
        """Whether it does not read what it is sent."""
        return self._saying is not None and now - self._saying > self._shared.settings.send

    # ------------------------------------------------------------------------------------- its life

    async def read(self) -> None:
        """Take what the client says until one of both closes."""
        try:
            if self._socket.subprotocol not in (None, protocol.SUBPROTOCOL):
                await self.close(protocol.CLOSE_NO_SUBPROTOCOL, f"offer {protocol.SUBPROTOCOL}, or none")
            if not self._settled:
                await self._settle()
            while True:
                await self._take(await self._next())
        except ConnectionClosed:
            pass

    async def leave(self) -> None:
        """Let go of everything."""
        await self._cease()
        await self._conduct.leave()

    async def close(self, code: int, reason: str) -> None:
        """Close it; returns when that is done."""
        await self._socket.close(code, reason)

    def abort(self) -> None:
        """Close it though it does not listen."""
        self._socket.transport.abort()

    def settle_down(self) -> None:
        """Let it stay, if it has said what it came for."""
        if self._spoke and self.is_admitted:
            self._socket.settle()

    def feel_pulse(self, now: float) -> None:
        """See whether the client is still there."""
        self._socket.feel_pulse(now)

    def wind_down(self, in_s: float | None = None) -> None:
        """Take nothing new: the server ends, *in_s* seconds from now at the latest, which is told."""
        self._stopping = True
        if in_s is not None and isinstance(self._conduct, JsonV1):
            self._conduct.warn_of_end(in_s)

    # ----------------------------------------------------------------------------------- what is said

    async def _say(self, frame: str | bytes) -> None:
        """Send one message; a client that does not read it is let go by the server's watch."""
        self._leaving += 1
        if self._saying is None:
            self._saying = time.monotonic()
        await self._socket.send(frame)
        self._leaving -= 1
        self._saying = time.monotonic() if self._leaving else None

    async def _conducted(self) -> None:
        """Have the dialect do its work, and close as it says."""
        conduct = self._conduct
        code, reason = protocol.CLOSE_DONE, ""
        try:
            if isinstance(conduct, JsonV1):
                code, reason = (close := await conduct.run()).code, close.reason
            else:
                await conduct.run()
        except TooManyTries:
            code, reason = protocol.CLOSE_NO_DIALECT, "not a protocol this server knows"
        except ConnectionClosed:
            return
        except Exception as error:
            log.error("a connection broke: %s", traced(error))
            code, reason = protocol.CLOSE_ERROR, "something went wrong here"
        await self.close(code, reason)

    async def _cease(self) -> None:
        self._work.cancel()
        await asyncio.wait([self._work])

    # ---------------------------------------------------------------------------------- what is heard

    async def _settle(self) -> None:
        """Read until a message has shown which dialect it is."""
        while not self._settled:
            message = await self._next()
            if isinstance(message, str) and messages.is_message(message):
                await self._change_over()
            elif isinstance(message, str) and protocol.is_opening(message):
                self._settled = True
                if not self.is_admitted:
                    await self._turn_away()
            await self._take(message)

    async def _change_over(self) -> None:
        """From plain text, which nothing was said in so far, to JSON v1."""
        await self._cease()
        self._conduct = self._json()
        self._work = asyncio.create_task(self._conducted())
        self._settled = True

    async def _take(self, message: str | bytes) -> None:
        conduct = self._conduct
        if isinstance(conduct, JsonV1):
            conduct.take(message)
        elif isinstance(message, bytes):
            await self._say(protocol.error("Send text; this is no audio stream."))
        else:
            await conduct.take(message)

    async def _next(self) -> str | bytes:
        """The next message that is within the limits; ConnectionClosed after one that is not."""
        while True:
            message = await self._socket.recv()
            self._spoke = True
            self.settle_down()
            if await self._fits(message) and not self._stopping:
                return message

    async def _fits(self, message: str | bytes) -> bool:
        """Whether *message* may be taken; bytes that come too fast may, but later."""
        self._heard = now = time.monotonic()
        if isinstance(message, bytes):
            if not self.is_admitted:  # nobody else's bytes are kept
                await self._turn_away()
                return False
            if wait := self._bytes_allowance.take(len(message), now):
                await asyncio.sleep(wait)
            return True
        if self._texts_allowance.take(1, now):
            await self._dismiss(RateLimited("too many messages at once"), "too many messages")
            return False
        # No character has more than four bytes: most texts need not be counted.
        if len(message) > protocol.MAX_FRAME // 4 and len(message.encode()) > protocol.MAX_FRAME:
            await self.close(protocol.CLOSE_TOO_BIG, "a text message has at most 64 KiB")
            return False
        if looks_like_key(message):
            await self._dismiss(KeyRefused(NO_KEYS), "that holds a key")
            return False
        return True

    async def _turn_away(self) -> None:
        await self.close(protocol.CLOSE_NO_ACCESS, "the access token comes first")

    async def _dismiss(self, problem: CommandError, reason: str) -> None:
        if isinstance(self._conduct, JsonV1):
            await self._say(messages.encode(views.failure(problem)))
        else:
            await self._say(protocol.error(problem))
        await self.close(protocol.CLOSE_POLICY, reason)
