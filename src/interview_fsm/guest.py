"""One TCP connection to the server, from its first byte to its last, whatever it turns out to want."""

from __future__ import annotations

import asyncio
import http
import time
from typing import Any

from websockets.asyncio.server import Server, ServerConnection
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Event, State
from websockets.server import ServerProtocol

from . import protocol as wire
from .crowd import Crowd, one_client
from .pages import HEADERS, Answer
from .proxies import is_loopback
from .rates import Allowance
from .server_settings import ServerSettings


class Guest(ServerConnection):
    """A connection that is counted, whose pings are too, and whose every answer keeps a browser careful.

    That is every one: the library itself answers what is no proper request, too long, or too late.
    """

    def __init__(
        self, protocol: ServerProtocol, server: Server, *, settings: ServerSettings, crowd: Crowd, **rest: Any
    ) -> None:
        super().__init__(protocol, server, **rest)
        self.owner: str | None = None
        """Who it is, where somebody finds that out."""
        self.address = ""
        """Where it comes from; behind a proxy of ours, where its client does."""
        self.has_token = False
        """Whether its handshake has shown the access token."""
        self._crowd = crowd
        self._controls = Allowance(settings.control_rate, settings.control_burst, time.monotonic())
        self._patience = settings.ping
        self._alive = time.monotonic()
        self._asked: float | None = None
        """Since when a ping waits for its answer, or for anything else; None while none does."""
        self._last_call: asyncio.TimerHandle | None = None
        protocol.reject = _carefully(protocol.reject)  # type: ignore[method-assign]

    @property
    def client(self) -> str:
        """What counts as the same client: an owner, else an address; empty on this machine, which is one
        person's.
        """
        return self.owner or ("" if is_loopback(self.address) else one_client(self.address))

    # ----------------------------------------------------------------------------------- its answers

    def say(self, status: http.HTTPStatus, text: str) -> Response:
        """An answer of one line."""
        return self.respond(status, text + "\n")

    def hand(self, answer: Answer) -> Response:
        """An answer that is a file."""
        response = self.respond(answer.status, "")
        response.body = answer.body
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            if name in response.headers:
                del response.headers[name]
            response.headers[name] = value
        if answer.status == http.HTTPStatus.NOT_MODIFIED:  # it has no body, and says nothing of one
            del response.headers["Content-Type"]
            del response.headers["Content-Length"]
        return response

    # -------------------------------------------------------------------------------------- its place

    def settle(self) -> None:
        """It has said what it came for: it need not make room for others any longer."""
        self._crowd.settle(self)

    def feel_pulse(self, now: float) -> None:
        """Ask whether it is still there, when it was silent for long; close it, when it did not answer.

        Not the library's own keepalive: that takes a client for dead whose answer waits behind others of its
        messages, where we do not read them for a while.
        """
        if self.protocol.state is not State.OPEN:
            return
        if self.recv_messages.paused:
            self._alive, self._asked = now, None
        elif self._asked is not None and now - self._asked > self._patience:
            self.turn_away(wire.CLOSE_ERROR, "no answer to a ping")
        elif self._asked is None and now - self._alive > self._patience:
            self._asked = now
            self.protocol.send_ping(b"")
            self.send_data()

    def make_room(self) -> None:
        """Go: too many others wait who say nothing either."""
        self.turn_away(wire.CLOSE_BUSY, "too many are waiting")

    def turn_away(self, code: int, reason: str) -> None:
        """Close it at once, and take nothing more of it, whether it listens or not."""
        if self.protocol.state is not State.OPEN:
            self.transport.abort()
            return
        self.protocol.fail(code, reason)
        self.send_data()
        if self._last_call is None:
            self._last_call = self.loop.call_later(self.close_timeout or 0, self.transport.abort)

    # --------------------------------------------------------------------------- what the library calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It has come."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self._crowd.enter(self, self.address)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._crowd.leave(self)
        if self._last_call is not None:
            self._last_call.cancel()
        super().connection_lost(exc)

    def process_event(self, event: Event) -> None:
        """Take what came, unless it is one ping too many."""
        self._alive, self._asked = time.monotonic(), None
        if not _is_control(event) or self._controls.grant(time.monotonic()):
            super().process_event(event)
        elif self.protocol.state is State.OPEN:
            self.turn_away(wire.CLOSE_POLICY, "too many pings")


def _is_control(event: Event) -> bool:
    return isinstance(event, Frame) and event.opcode in (Opcode.PING, Opcode.PONG)


def _carefully(reject: Any) -> Any:
    def carefully(status: http.HTTPStatus, text: str) -> Response:
        response: Response = reject(status, text)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    return carefully


def wants_websocket(request: Request) -> bool:
    """Whether this is a handshake."""
    return [value.lower() for value in request.headers.get_all("Upgrade")] == ["websocket"]
