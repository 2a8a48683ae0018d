"""The addresses that the server listens at, and why one cannot be had."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from .errors import AdapterError, SettingError

LOOPBACK = ("127.0.0.1", "::1")
"""Bound both: ``localhost`` is whatever the client's resolver says."""


def places(addresses: Sequence[str], port: int) -> tuple[list[str], int]:
    """Which of these addresses of this machine can be bound, and the port: any free one for 0.

    Raises AdapterError.
    """
    hosts = []
    for host in addresses:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((host, port))
                port = port or probe.getsockname()[1]
        except OSError as error:
            if host != LOOPBACK[1] or error.errno == errno.EADDRINUSE:
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
        why = f"port {port} cannot be listened on: {error.strerror}; use another --port, or --host"
    return AdapterError("server", "port_unavailable", why)


def tls(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """What the server proves itself with: PEM files, the chain in *certificate*, TLS 1.2 or later.

    The key may stand in the same file. Raises SettingError.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a password of ours, OpenSSL would ask for one at the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:  # an SSLError is one
        raise SettingError(
            f"{certificate} and {key or 'its key'} cannot be used for TLS: {error.strerror or error}; "
            "both are PEM files, the key without a password"
        ) from error
    return context
