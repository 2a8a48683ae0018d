"""The access token of a server that strangers can reach, and who has shown it.

It comes in ``create_session``, or in the handshake: as ``Authorization: Bearer …``, which programs can send,
or as one more subprotocol, ``interview-fsm.token.`` and the token in base64url, which pages can. Never in an
address: those are logged and shared.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from websockets.datastructures import Headers

from .errors import SettingError

SUBPROTOCOL = "interview-fsm.token."
"""What the subprotocol that brings a token begins with. It is never the one that is chosen."""

LEAST = 22
"""Characters of a token that keeps strangers out: 128 bits in base64url."""


def read(file: Path) -> str:
    """The token that *file* holds. Raises SettingError, for a file that others here can read as well."""
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise SettingError(f"others can read the access token in {file}; do chmod 600 {file}")
            token = opened.read(4096).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"the access token in {file} cannot be read: {type(error).__name__}") from error
    if not token:
        raise SettingError(f"there is no access token in {file}")
    return token


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
