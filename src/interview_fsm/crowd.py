"""Everybody who is at the server, counted by address. No sockets, no clock.

Whoever has said nothing yet is a newcomer. There may be so many and no more: then the one that has been
silent longest, of the address that has most of them, makes room. So however many connect and stay silent,
somebody who talks comes in.
"""

from __future__ import annotations

import ipaddress
from typing import Protocol

from .proxies import parse
from .rates import Allowances


class Member(Protocol):
    """One connection."""

    def make_room(self) -> None:
        """Go, and leave()."""
        ...


class Crowd:
    """Who is here. *newcomers* may be silent at once; of one address there may be *each* connections, and
    *rate* new ones a second, *burst* at once.
    """

    def __init__(self, *, newcomers: int, each: int, rate: float, burst: float) -> None:
        self._most, self._each = newcomers, each
        self._here: dict[str, dict[Member, None]] = {}
        self._address: dict[Member, str] = {}
        self._newcomers: dict[str, dict[Member, None]] = {}
        self._silent = 0
        self._visits = Allowances(rate, burst)

    def __len__(self) -> int:
        return len(self._address)

    @property
    def silent(self) -> int:
        """Newcomers."""
        return self._silent

    def enter(self, member: Member, address: str) -> None:
        """*member* has connected, from *address*."""
        self._add(member, one_client(address))
        self._newcomers.setdefault(self._address[member], {})[member] = None
        self._silent += 1
        if self._silent > self._most:
            crowded = max(self._newcomers.values(), key=len)
            silent_longest = next(iter(crowded))
            self.settle(silent_longest)
            silent_longest.make_room()

    def move(self, member: Member, address: str) -> None:
        """*member* asks for somebody at *address*."""
        was, now = self._address.get(member), one_client(address)
        if was is None or was == now:
            return
        is_silent = member in self._newcomers.get(was, ())
        self.leave(member)
        self._add(member, now)
        if is_silent:
            self._newcomers.setdefault(now, {})[member] = None
            self._silent += 1

    def settle(self, member: Member) -> None:
        """*member* is no newcomer any longer."""
        address = self._address.get(member, "")
        if member in self._newcomers.get(address, ()):
            _drop(self._newcomers, address, member)
            self._silent -= 1

    def leave(self, member: Member) -> None:
        """*member* has gone."""
        self.settle(member)
        if (address := self._address.pop(member, None)) is not None:
            _drop(self._here, address, member)

    def has_place(self, address: str, now: float) -> bool:
        """Whether one more from *address* may be answered, now: few are here, and few came lately."""
        key = one_client(address)
        return self._visits.grant(key, now) and len(self._here.get(key, ())) <= self._each

    def _add(self, member: Member, address: str) -> None:
        self._address[member] = address
        self._here.setdefault(address, {})[member] = None


def _drop(groups: dict[str, dict[Member, None]], address: str, member: Member) -> None:
    del groups[address][member]
    if not groups[address]:
        del groups[address]


def one_client(address: str) -> str:
    """What is counted as one client: an IPv4 address, or the /64 of IPv6 that everybody has."""
    parsed = parse(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed or address)
