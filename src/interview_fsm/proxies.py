"""Who is behind a proxy: what it says of that is believed from those that were named, and nobody else."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

from websockets.datastructures import Headers

from .errors import SettingError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# A pair of a Forwarded header (RFC 7239, 4): a name, and a token or a quoted string.
_PAIR = re.compile(r'\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s",;]*)\s*')
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\w+)?|([0-9.]+):\w+")


class Contradiction(Exception):
    """Two headers say different things; one of them is the client's own invention."""


def parse(text: str) -> Address | None:
    """The address that *text* is, with or without a port; None when it is none."""
    text = text.strip()
    if with_port := _WITH_PORT.fullmatch(text):
        text = with_port[1] or with_port[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(text: str) -> bool:
    """Whether *text* is an address of this machine alone."""
    address = parse(text)
    return address is not None and address.is_loopback


class Proxies:
    """The proxies that may say for whom they ask: addresses, and networks such as ``10.0.0.0/24``.

    Raises SettingError for what is neither.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        self._networks = [_network(each) for each in trusted]

    def are_trusted(self, address: Address | None) -> bool:
        """Whether this is the address of one of them."""
        return address is not None and any(address in network for network in self._networks)

    def client(self, peer: str, headers: Headers) -> str:
        """The address of whoever asks: *peer*, or the nearest to us that is no proxy of ours.

        What stands further away was written by that client, and may say anything (the rule of the rightmost
        one that is not trusted). Raises Contradiction.
        """
        address = parse(peer)
        if not self.are_trusted(address):
            return str(address or peer)
        said = {
            self._nearest(address, chain)
            for chain in (_forwarded_for(headers), _forwarded(headers, "for"))
            if chain
        }
        # Most proxies write one of the two headers and pass the other one through as it came.
        if len(said) > 1:
            raise Contradiction
        return str(said.pop() if said else address)

    def _nearest(self, address: Address | None, chain: list[str]) -> Address | None:
        while chain and self.are_trusted(address):
            following = parse(chain.pop())
            if following is None:  # "unknown", or nonsense: the last that is known
                break
            address = following
        return address

    def came_in_clear(self, peer: str, headers: Headers) -> bool:
        """Whether one of our proxies says that its client came without TLS."""
        if not self.are_trusted(parse(peer)):
            return False
        schemes = [each for value in headers.get_all("X-Forwarded-Proto") for each in value.split(",")]
        schemes += _forwarded(headers, "proto")
        return any(scheme.strip().lower() in ("http", "ws") for scheme in schemes)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise SettingError(f"a trusted proxy is an address or a network, and {text!r} is neither") from error
    if network.prefixlen == 0:
        raise SettingError(f"{text} is everybody; name the proxy's own address")
    return network


def _forwarded_for(headers: Headers) -> list[str]:
    return [each for value in headers.get_all("X-Forwarded-For") for each in value.split(",")]


def _forwarded(headers: Headers, name: str) -> list[str]:
    """What the elements of Forwarded say of *name*, the nearest to us last."""
    return [said for value in headers.get_all("Forwarded") for said in _said(value, name)]


def _said(value: str, name: str) -> Iterator[str]:
    for pair in _PAIR.finditer(value):
        if pair[1].lower() == name:
            yield re.sub(r"\\(.)", r"\1", pair[2].strip('"'))
