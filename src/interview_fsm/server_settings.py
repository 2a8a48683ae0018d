"""Where the server listens, to whom, and how much: every setting of it that a host may choose."""

from __future__ import annotations

import ipaddress
import re
import ssl

from msgspec import Struct

from .access import LEAST
from .errors import SettingError
from .listening import LOOPBACK
from .proxies import Proxies, is_loopback

_ORIGIN = re.compile(r"https?://[^/\s?#@]+")
_VISIBLE = re.compile(r"[!-~]*")


class ServerSettings(Struct, frozen=True, kw_only=True):
    """Where to listen, to whom, and how much. Raises SettingError for what would be no protection.

    A server that strangers can reach, because it listens at another address than this machine's own or
    because a proxy hands on to it, needs TLS, its own or the proxy's, and its own name in *allow_hosts*.
    """

    port: int = 8765
    """0 for any free one."""
    addresses: tuple[str, ...] = LOOPBACK
    """Of this machine, to listen at: ``0.0.0.0`` for every IPv4 one."""
    tls: ssl.SSLContext | None = None
    """To serve ``wss:`` and ``https:`` with; ``listening.tls()`` makes one of files."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies, which end TLS and whose word is taken on who asks."""
    allow_hosts: tuple[str, ...] = ()
    """Values of the Host header accepted beside localhost's, such as ``interview.example:8765``."""
    allow_origins: tuple[str, ...] = ()
    """Origins of pages that may connect beside the server's own, such as ``http://localhost:3000``."""
    access_token: str = ""
    """What a client must show, in ``create_session`` or in the handshake; empty for nothing."""
    connections: int = 256
    """Conversations at once; the next is told 503."""
    newcomers: int = 128
    """Connections that have said nothing yet, handshakes included; one more, and the oldest makes room."""
    per_address: int = 24
    """Connections of one address that is not this machine's; the next is told 429."""
    visit_rate: float = 4.0
    """New connections a second of one such address, on average; each file of the page takes one."""
    visit_burst: int = 120
    """New connections of one such address at once."""
    sessions: int = 8
    """Interviews that one client may have open, those that wait for it to come back included."""
    interview_rate: float = 1 / 60
    """Interviews a second that one client may begin or open again, on average: one a minute."""
    interview_burst: int = 30
    """Such interviews at once: a class that begins together."""
    upload_bytes: int = 128 * 1024 * 1024
    """Of all files together that are coming or wait to be used; the next is told ``busy``."""
    handshake: float = 10.0
    """Seconds for TLS, the request and its answer."""
    first_message: float = 60.0
    """Seconds until the first message."""
    admission: float = 10.0
    """Seconds until the access token, where one is needed."""
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
    ping: float = 20.0
    """Seconds of silence until a client is asked whether it is there, and that it has to say so."""
    control_rate: float = 4.0
    """Pings and pongs a second of one connection, on average."""
    control_burst: int = 200
    """Pings and pongs at once."""
    page: bool = True
    """Whether the page is served."""
    watch: float = 5.0
    """Seconds between two looks at who says or reads nothing."""
    sweep: float = 3600.0
    """Seconds between two looks for what has expired."""
    seed: int | None = None
    """For the plain-text dialect's plans; None draws one for each interview."""

    def __post_init__(self) -> None:
        for address in self.addresses:
            _check_address(address)
        for origin in self.allow_origins:
            if not _ORIGIN.fullmatch(origin):
                raise SettingError(
                    f"{origin!r} is no origin: write https://interview.example, with no / at its end"
                )
        if not _VISIBLE.fullmatch(self.access_token):
            raise SettingError("an access token is made of letters, digits and signs, without spaces")
        Proxies(self.trusted_proxies)
        if self.is_public:
            self._check_public()

    def __repr__(self) -> str:
        shown = "".join(f", {name}={getattr(self, name)!r}" for name in ("addresses", "allow_hosts"))
        return f"ServerSettings(port={self.port}{shown}, …)"  # never the token

    @property
    def is_public(self) -> bool:
        """Whether strangers can reach it."""
        return bool(self.trusted_proxies) or not all(map(is_loopback, self.addresses))

    def _check_public(self) -> None:
        if self.tls is None and not self.trusted_proxies:
            raise SettingError(
                "other machines can reach this address: give --tls-cert and --tls-key, or name the proxy "
                "that ends TLS with --trusted-proxy; or leave --host away"
            )
        if self.access_token and len(self.access_token) < LEAST:
            raise SettingError(f"an access token that strangers meet has {LEAST} characters or more")
        if not self.allow_hosts and all(map(is_everywhere, self.addresses)):
            raise SettingError("say by which name people reach this server: --allow-host interview.example")


def _check_address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise SettingError(f"a server listens at addresses such as 0.0.0.0, not at {text!r}") from error


def is_everywhere(address: str) -> bool:
    """Whether *address* stands for all there are, and so is no name to be asked for by."""
    return ipaddress.ip_address(address).is_unspecified
