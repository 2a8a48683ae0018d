"""Who may come in, by what the request says and where it comes from, before anything is done for it.

A page of some other site, open in the candidate's browser, must not talk to the server: so it looks at who
is asked for (Host) and who asks (Origin). Where strangers can reach it, it looks at more: that nobody
listens on the way, and that a program shows the access token at once. No sockets, no clock.
"""

from __future__ import annotations

import http
from collections.abc import Sequence
from typing import NamedTuple

from websockets.datastructures import Headers
from websockets.exceptions import NegotiationError
from websockets.typing import Subprotocol

from . import access, protocol
from .proxies import Contradiction, Proxies, is_loopback, parse
from .server_settings import ServerSettings, is_everywhere

LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""What this machine is called from within."""


class Refusal(NamedTuple):
    """Why somebody may not come in."""

    status: http.HTTPStatus
    why: str


NOT_OUR_NAME = Refusal(http.HTTPStatus.MISDIRECTED_REQUEST, "This server does not go by that name.")
NOT_THAT_SITE = Refusal(http.HTTPStatus.FORBIDDEN, "Pages of that site may not connect; see --allow-origin.")
NOT_IN_CLEAR = Refusal(http.HTTPStatus.FORBIDDEN, "Come over https; others can read along here.")
TWO_STORIES = Refusal(
    http.HTTPStatus.BAD_REQUEST, "Forwarded and X-Forwarded-For differ; let the proxy remove one."
)
WRONG_TOKEN = Refusal(http.HTTPStatus.UNAUTHORIZED, "The access token is wrong.")
NO_TOKEN = Refusal(http.HTTPStatus.UNAUTHORIZED, "A program shows the access token: Authorization: Bearer …")
UNKNOWN = Refusal(http.HTTPStatus.UNAUTHORIZED, "This server does not know you.")
TOO_MANY = Refusal(http.HTTPStatus.TOO_MANY_REQUESTS, "Too many connections from there; try again later.")
NO_ROOM = Refusal(http.HTTPStatus.SERVICE_UNAVAILABLE, "The server is full or stopping; try again soon.")
ONLY_READING = Refusal(http.HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD work here.")


class Caller(NamedTuple):
    """Who asks, as far as the request shows it."""

    address: str
    """Behind a proxy of ours, its client's."""
    is_counted: bool
    """Whether there are bounds for each address: on this machine there are not."""
    has_token: bool


class Door:
    """Knows the names that the server at *port* goes by, and the sites whose pages may connect.

    Where *knows_callers*, somebody else finds out who asks, and no token is needed.
    """

    def __init__(self, settings: ServerSettings, port: int, *, knows_callers: bool = False) -> None:
        self._settings, self._port, self._knows_callers = settings, port, knows_callers
        self._proxies = Proxies(settings.trusted_proxies)
        self._hosts = _hosts(settings, port)
        own = {_origin(settings, host) for host in self._hosts}
        self._origins = frozenset({*own, *settings.allow_origins})

    @property
    def home(self) -> str:
        """The origin of the server's own page, by the name that people reach it by."""
        settings = self._settings
        if not settings.is_public:
            return _origin(settings, f"localhost:{self._port}")
        named = [*settings.allow_hosts, *map(_literal, settings.addresses)][0]
        is_whole = _has_port(named) or settings.tls is None  # a proxy listens where browsers look
        return _origin(settings, named if is_whole else f"{named}:{self._port}")

    def look_at(self, headers: Headers, peer: str) -> Caller | Refusal:
        """Who the request with these *headers*, from *peer*, is from; or why it is not answered."""
        hosts, origins = headers.get_all("Host"), headers.get_all("Origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return NOT_OUR_NAME
        # Browsers always say where a page comes from; a client without an Origin is a program.
        if len(origins) > 1 or (origins and origins[0] not in self._origins):
            return NOT_THAT_SITE
        if self._can_be_overheard(headers, peer):
            return NOT_IN_CLEAR
        try:
            address = self._proxies.client(peer, headers)
        except Contradiction:
            return TWO_STORIES
        return self._admit(headers, address)

    def _can_be_overheard(self, headers: Headers, peer: str) -> bool:
        settings = self._settings
        if not settings.is_public or settings.tls is not None:
            return False
        is_near = is_loopback(peer) or self._proxies.are_trusted(parse(peer))
        return not is_near or self._proxies.came_in_clear(peer, headers)

    def _admit(self, headers: Headers, address: str) -> Caller | Refusal:
        settings = self._settings
        given = list(access.tokens_in(headers)) if settings.access_token else []
        if not all(access.matches(settings.access_token, token) for token in given):
            return WRONG_TOKEN
        is_stranger = settings.is_public and "Upgrade" in headers and "Origin" not in headers
        if is_stranger and not given and not self._knows_callers:
            return NO_TOKEN
        return Caller(address, settings.is_public and not is_loopback(address), bool(given))


def _hosts(settings: ServerSettings, port: int) -> frozenset[str]:
    own = [_literal(address) for address in settings.addresses if not is_everywhere(address)]
    named = [host.lower() for host in settings.allow_hosts]
    bare = [*LOCAL, *own, *(name for name in named if not _has_port(name))]
    hosts = {*named, *(f"{name}:{port}" for name in bare)}
    if port == (443 if settings.tls else 80):  # browsers leave it out
        hosts |= set(bare)
    return frozenset(hosts)


def _origin(settings: ServerSettings, host: str) -> str:
    """Where the server's own page comes from, when it is asked for by this name."""
    is_local = host in LOCAL or host.startswith(tuple(f"{name}:" for name in LOCAL))
    if settings.tls is None and (is_local or not settings.is_public):
        return f"http://{host.removesuffix(':80')}"
    return f"https://{host.removesuffix(':443')}"


def _literal(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]


def select_subprotocol(_: object, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """JSON v1 where it is offered, none where nothing is. Of others the first, so that a browser hears why it
    is closed then: one that is refused in the handshake does not. Raises NegotiationError when the access
    token is all there is: it is not to be said again.
    """
    ours = Subprotocol(protocol.SUBPROTOCOL)
    if ours in offered:
        return ours
    others = [each for each in offered if not each.startswith(access.SUBPROTOCOL)]
    if offered and not others:
        raise NegotiationError(f"the subprotocol here is {ours}")
    return others[0] if others else None
