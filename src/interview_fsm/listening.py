"""The addresses that the server listens at, and why one cannot be had."""

from __future__ import annotations

import errno
import socket

from .errors import AdapterError

LOOPBACK = ("127.0.0.1", "::1")
"""Bound both: ``localhost`` is whatever the client's resolver says."""


def places(port: int) -> tuple[list[str], int]:
    """The addresses of this machine that can be bound, and the port: any free one for 0.

    Raises AdapterError.
    """
    hosts = []
    for host in LOOPBACK:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
                port = port or probe.getsockname()[1]
        except OSError as error:
            if host == LOOPBACK[0] or error.errno == errno.EADDRINUSE:
                raise unavailable(port, error) from error
            continue  # no IPv6 here
        hosts.append(host)
    return hosts, port


def unavailable(port: int, error: OSError) -> AdapterError:
    """What to say when *port* cannot be bound, and the way out."""
    if error.errno == errno.EADDRINUSE:
        why = (
            f"port {port} is already in use, perhaps by another interview-fsm; "
            f"use --port {port + 1}, or --port 0 for any free port"
        )
    else:
        why = f"port {port} cannot be listened on: {error.strerror}; use another --port"
    return AdapterError("server", "port_unavailable", why)
