"""Links, looked at before anything is sent: one parser, one table of addresses, no input or output.

What ``check_url`` returns is what is sent; nobody parses the text again. The verdict on an address is this
module's own table: ``ipaddress.is_global`` lets NAT64, 6to4, site-local and multicast addresses through and
changes its mind between patch releases of Python (CVE-2024-4032). ``urllib.parse.urlsplit`` is not used to
read a candidate's link either: in 3.11.7 it takes ``http://[::1]example.com/`` to be the host ``::1``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import quote, urljoin

import idna

from ..errors import ResumeError, SettingError

PORTS: Final = {"http": 80, "https": 443}
"""The schemes a link may have, and the port each stands for."""

LONGEST: Final = 2_048
"""Characters of a link; no server on the way is bound to take more (RFC 9110 asks for 8,000 at most)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """What a link may reach, and how much of a server's time and bytes it may cost.

    ``allow`` holds exact (host, port) pairs that are exempt from the rules on names, addresses and ports and
    from nothing else. It is for development: honour it only while the server itself is bound to loopback.
    """

    allow: frozenset[tuple[str, int]] = frozenset()
    ports: frozenset[int] = frozenset(PORTS.values())
    connect: float = 5.0
    """Seconds to reach one address, and for TLS to be agreed."""
    read: float = 5.0
    """Seconds without a byte."""
    total: float = 20.0
    """Seconds for everything: the lookup, all redirects, the last byte. Only this one stops a slow drip."""
    size: int = 10 * 1024 * 1024
    """Bytes of a document."""
    redirects: int = 3
    addresses: int = 4
    """Addresses of one name that are tried."""

    @classmethod
    def allowing(cls, places: Iterable[str]) -> FetchPolicy:
        """The default policy with exemptions, each an exact ``HOST:PORT``. Raises SettingError."""
        return cls(allow=frozenset(_exemption(place) for place in places))


@dataclass(frozen=True, slots=True)
class Link:
    """A link that passed: the parts that are sent, in the form in which they are sent."""

    scheme: str
    host: str
    """In ASCII and lower case, or an address without brackets."""
    port: int
    target: str
    """Path and query, percent-encoded; without the fragment, which is no server's business."""

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole of it as text."""
        return f"{self.scheme}://{self.authority}{self.target}"


INSTEAD: Final = "send the file instead"

SENTENCES: Final = {
    "length": f"A link has between 1 and {LONGEST:,} characters. Use a shorter one, or {INSTEAD}.",
    "character": f"That link has a space or a sign that links cannot have. Copy it again, or {INSTEAD}.",
    "parse": f"That link cannot be read as a web address. Copy it again, or {INSTEAD}.",
    "scheme": f"Links must begin with https:// or http://. Use such a link, or {INSTEAD}.",
    "userinfo": f"Links with a user name or a password are not opened. Use a link without, or {INSTEAD}.",
    "host": f"That link does not name a server on the internet. Copy it again, or {INSTEAD}.",
    "idna": f"That link's server has a name that is not valid. Copy it again, or {INSTEAD}.",
    "port": f"Only links to the usual web ports, 80 and 443, are opened; {INSTEAD}.",
    "name": f"Links to this machine or a private network are blocked; {INSTEAD}.",
    "address": f"Links to this machine or a private network are blocked; {INSTEAD}.",
    "downgrade": f"That link leads from https to http, which anybody on the way could change; {INSTEAD}.",
}
"""What a candidate reads, by the stage that refused. No address that a name resolved to is in any."""


def refusal(kind: str) -> ResumeError:
    """The error for a link that will not be opened; *kind* is the stage that says so."""
    return ResumeError("resume_url_refused", SENTENCES[kind], kind=kind)


def check_url(text: str, policy: FetchPolicy) -> Link:
    """The parts of a link that may be opened, else ResumeError ``resume_url_refused``.

    Whoever connects must still put each address of the name to ``is_public``.
    """
    _check_text(text)
    scheme, authority, target = _parts(text)
    host_text, port = _host_and_port(authority)
    link = Link(scheme, _host(host_text), PORTS[scheme] if port is None else port, target)
    if (link.host, link.port) not in policy.allow:
        _check_place(link, policy)
    return link


def redirected(link: Link, location: bytes, policy: FetchPolicy) -> Link:
    """Where *link*'s server sends us on to, put to every check again. Raises ResumeError."""
    try:
        text = location.decode()
    except UnicodeDecodeError:
        raise refusal("character") from None
    _check_text(text)  # before the join, which drops line ends and tabs in silence
    try:
        later = check_url(urljoin(link.url, text), policy)
    except ValueError:
        raise refusal("parse") from None
    if link.scheme == "https" and later.scheme == "http":
        raise refusal("downgrade")
    return later


# Signs that RFC 3986 keeps out and that some other parser reads as the end of something, and letters that
# show as nothing. Controls, spaces, bidirectional and zero-width signs are found by their category.
_NEVER: Final = frozenset('\\"`{}<>\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0')
_NEVER_KINDS: Final = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})


def _check_text(text: str) -> None:
    if not 0 < len(text) <= LONGEST:
        raise refusal("length")
    if any(sign in _NEVER or unicodedata.category(sign) in _NEVER_KINDS for sign in text):
        raise refusal("character")


def _parts(text: str) -> tuple[str, str, str]:
    """Scheme, authority and target, cut as appendix B of RFC 3986 does."""
    scheme, _, rest = text.partition(":")
    scheme = scheme.lower()
    if scheme not in PORTS:
        raise refusal("scheme")
    if not rest.startswith("//"):
        raise refusal("host")
    cut = re.fullmatch(r"//([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", rest)
    assert cut is not None, "every text without line ends matches"
    authority, path, query = cut.groups(default="")
    return scheme, authority, quote(path or "/", safe=_SAFE) + quote(query, safe=_SAFE + "?")


_SAFE: Final = "/%:@!$&'()*+,;=~"
"""What stays as it is in a target (RFC 3986, 3.3); the percent sign too, for what is encoded already."""


_PORT: Final = re.compile(r"0|[1-9][0-9]{0,4}")  # not \d, which takes the digits of every script


def _host_and_port(authority: str) -> tuple[str, int | None]:
    """The host as written, an IPv6 address with its brackets, and the port if one is."""
    if "@" in authority:
        raise refusal("userinfo")
    if "%" in authority or not authority:
        raise refusal("host")
    if authority.startswith("["):
        host, bracket, tail = authority.partition("]")
        host += bracket
        port = tail.removeprefix(":")
        if not bracket or (tail and tail == port):
            raise refusal("parse")
    else:
        host, _, port = authority.partition(":")
    if not port:
        return host, None
    if not _PORT.fullmatch(port) or int(port) > 0xFFFF:
        raise refusal("parse")
    return host, int(port)


_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # letters, digits, hyphen: RFC 1123
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")  # what makes a host an IPv4 address: WHATWG URL, 3.5


def _host(text: str) -> str:
    """The one form of a host: an address without brackets, or a name in ASCII and lower case."""
    if text.startswith("["):
        return _ipv6(text[1:-1])
    name = _ascii(text).removesuffix(".")  # the root's dot names the same host, and TLS knows no such name
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise refusal("host")
    if _NUMBER.fullmatch(labels[-1]) and not _is_ipv4(name):
        raise refusal("host")
    return name


def _ipv6(text: str) -> str:
    try:
        return str(unmapped(IPv6Address(text)))
    except ValueError:
        raise refusal("parse") from None


def _is_ipv4(name: str) -> bool:
    """Whether it is the canonical dotted decimal; other forms mean different hosts to different parsers."""
    try:
        return str(IPv4Address(name)) == name
    except ValueError:
        return False


def _ascii(text: str) -> str:
    """A name by IDNA 2008 with the mapping of UTS 46.

    An ASCII name is left to the rule for labels, because IDNA refuses names that are in use (``r1---sn-x``);
    but its encoded labels must be true.
    """
    if len(text) > 254:  # before IDNA, whose work grows faster than the name
        raise refusal("host")
    try:
        if not text.isascii():
            return idna.encode(text, uts46=True).decode("ascii")
        for label in text.lower().split("."):
            if label.startswith("xn--"):
                idna.ulabel(label)
    except UnicodeError:
        raise refusal("idna") from None
    return text.lower()


_PRIVATE_NAMES: Final = frozenset(
    {
        *(
            "localhost",
            "local",
            "arpa",
            "onion",
            "test",
            "invalid",
        ),  # special uses: RFC 6761, 6762, 7686, 8375
        *("internal", "home", "corp"),  # never to be delegated by ICANN, because networks use them
        *("lan", "localdomain", "intranet", "svc"),  # what routers and clusters call their own
    }
)


def _check_place(link: Link, policy: FetchPolicy) -> None:
    try:
        address = ip_address(link.host)
    except ValueError:
        before, _, last = link.host.rpartition(".")
        if not before or last in _PRIVATE_NAMES:
            raise refusal("name") from None
    else:
        if not is_public(address):
            raise refusal("address")
    if link.port not in policy.ports:
        raise refusal("port")


def _exemption(place: str) -> tuple[str, int]:
    wanted = "an exact HOST:PORT such as 127.0.0.1:9000, without scheme, path, mask or wildcard"
    try:
        _check_text(place)
        host, port = _host_and_port(place)
        name = _host(host)
    except ResumeError:
        raise SettingError(f"cannot allow fetching from {place!r}: give {wanted}") from None
    if not port:
        raise SettingError(f"cannot allow fetching from {place!r}, which has no port: give {wanted}")
    return name, port


# IANA's special-purpose registry (RFC 6890 and what updates it) with multicast and the reserved class E.
NOT_PUBLIC_V4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # behind a provider's NAT
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, and the metadata of clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments, and the metadata of one cloud
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)

GLOBAL_V6: Final = IPv6Network("2000::/3")
"""All that is allocated as global unicast. To be outside is to be refused: NAT64, addresses that hold an IPv4
one, unique local, link-local, site-local, SRv6 and multicast in one line."""

NOT_PUBLIC_V6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address in disguise
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)


def unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside an IPv4-mapped one, else the address itself."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is an address of the public internet, by the table above and nothing else."""
    address = unmapped(address)
    if isinstance(address, IPv4Address):
        return not any(address in block for block in NOT_PUBLIC_V4)
    if address.scope_id is not None or address not in GLOBAL_V6:
        return False
    return not any(address in block for block in NOT_PUBLIC_V6)
