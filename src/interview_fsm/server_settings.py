"""Where the server listens, to whom, and how much: every setting of it that a host may choose."""

from __future__ import annotations

from msgspec import Struct


class ServerSettings(Struct, frozen=True, kw_only=True):
    """Where to listen, to whom, and how much."""

    port: int = 8765
    """0 for any free one."""
    allow_hosts: tuple[str, ...] = ()
    """Values of the Host header accepted beside localhost's, such as ``interview.example:8765``."""
    allow_origins: tuple[str, ...] = ()
    """Origins of pages that may connect beside the server's own, such as ``http://localhost:3000``."""
    connections: int = 256
    """At once; the next is told 503."""
    first_message: float = 60.0
    """Seconds until the first message."""
    idle: float = 1800.0
    """Seconds without a message, while nothing is at work: longer than anybody thinks about an answer."""
    send: float = 10.0
    """Seconds for a message to leave; a client that does not read is let go."""
    drain: float = 10.0
    """Seconds that running commands have to end when the server is told to stop."""
    rate: float = 20.0
    """Text messages a second of one connection, on average."""
    burst: int = 100
    """Text messages at once: a whole interview, pasted."""
    byte_rate: float = 2_097_152.0
    """Bytes a second of one connection's files and sound, on average; what is more waits."""
    byte_burst: int = 16 * 1024 * 1024
    """Such bytes at once: more than the largest résumé."""
    page: bool = True
    """Whether the page is served."""
    access_token: str = ""
    """What ``create_session`` must bring; then plain text is refused. Empty for nothing."""
    watch: float = 5.0
    """Seconds between two looks at who says or reads nothing."""
    sweep: float = 3600.0
    """Seconds between two looks for what has expired."""
    seed: int | None = None
    """For the plain-text dialect's plans; None draws one for each interview."""
