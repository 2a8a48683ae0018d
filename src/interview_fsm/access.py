"""The access token of a server that strangers can reach, and who has shown it.

It comes in ``create_session``, or in the handshake: as ``Authorization: Bearer …``, which programs can send,
or as one more subprotocol, ``interview-fsm.token.`` and the token in base64url, which pages can. Never in an
address: those are logged and shared.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator

from websockets.datastructures import Headers

SUBPROTOCOL = "interview-fsm.token."
"""What the subprotocol that brings a token begins with. It is never the one that is chosen."""

LEAST = 22
"""Characters of a token that keeps strangers out: 128 bits in base64url."""


def matches(wanted: str, given: str) -> bool:
    """Whether *given* is *wanted*, in a time that tells nothing of either."""
    return hmac.compare_digest(_digest(wanted), _digest(given))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def tokens_in(headers: Headers) -> Iterator[str]:
    """Every token that a handshake brings; what cannot be read is the empty one, which opens nothing."""
    for value in headers.get_all("Authorization"):
        scheme, _, given = value.strip().partition(" ")
        if scheme.lower() == "bearer":
            yield given.strip()
    for value in headers.get_all("Sec-WebSocket-Protocol"):
        for offered in value.split(","):
            if offered.strip().startswith(SUBPROTOCOL):
                yield _decoded(offered.strip().removeprefix(SUBPROTOCOL))


def _decoded(text: str) -> str:
    try:
        padded = text + "=" * (-len(text) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except ValueError:
        return ""
