"""Who may come in, by what the handshake says, before anything else is done for them.

A page of some other site, open in the candidate's browser, must not talk to the server: so it looks at who
is asked for (Host) and who asks (Origin). No sockets, no clock.
"""

from __future__ import annotations

import http
from collections.abc import Sequence
from typing import NamedTuple

from websockets.datastructures import Headers
from websockets.exceptions import NegotiationError
from websockets.typing import Subprotocol

from . import protocol
from .server_settings import ServerSettings


class Refusal(NamedTuple):
    """Why somebody may not come in."""

    status: http.HTTPStatus
    why: str


NOT_OUR_NAME = Refusal(http.HTTPStatus.MISDIRECTED_REQUEST, "This server does not go by that name.")
NOT_THAT_SITE = Refusal(http.HTTPStatus.FORBIDDEN, "Pages of that site may not connect; see --allow-origin.")
NO_ROOM = Refusal(http.HTTPStatus.SERVICE_UNAVAILABLE, "The server is full or stopping; try again soon.")
UNKNOWN = Refusal(http.HTTPStatus.UNAUTHORIZED, "This server does not know you.")
ONLY_READING = Refusal(http.HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD work here.")


class Door:
    """Knows the names that the server at *port* goes by, and the sites whose pages may connect."""

    def __init__(self, settings: ServerSettings, port: int) -> None:
        names = [f"{name}:{port}" for name in ("localhost", "127.0.0.1", "[::1]")]
        self._hosts = frozenset({*names, *(host.lower() for host in settings.allow_hosts)})
        self._origins = frozenset({*(f"http://{name}" for name in names), *settings.allow_origins})

    def refusal(self, headers: Headers) -> Refusal | None:
        """Why a request with these *headers* is not answered; None when it is."""
        hosts, origins = headers.get_all("Host"), headers.get_all("Origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return NOT_OUR_NAME
        # Browsers always say where a page comes from; a client without an Origin is a program.
        if len(origins) > 1 or (origins and origins[0] not in self._origins):
            return NOT_THAT_SITE
        return None


def select_subprotocol(_: object, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """JSON v1 where it is offered, none where nothing is. Raises NegotiationError for others alone."""
    ours = Subprotocol(protocol.SUBPROTOCOL)
    if offered and ours not in offered:  # else a browser closes by itself, and does not say why
        raise NegotiationError(f"the subprotocol here is {ours}; or connect without one")
    return ours if offered else None
