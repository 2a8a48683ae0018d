"""nginx as it is shipped, in front of servers of the tests: ``deploy/nginx.conf`` on ports of ours."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from .certificates import Pair

CONFIGURATION = Path(__file__).resolve().parents[1] / "deploy" / "nginx.conf"


def program() -> str:
    """Skips without nginx, and fails in CI."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        why = "nginx is not installed (Debian: apt install nginx-light)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found


def free_port() -> int:
    """One that nobody has; a server that is started on it finds it so, as a rule."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configured(folder: Path, pair: Pair, port: int, servers: Sequence[int]) -> str:
    """The shipped configuration, with only its places changed: what it listens to and asks, and its files."""
    text = CONFIGURATION.read_text("utf-8")
    line = re.compile(r"^( *)server server-\d+:8765 (.*;)$", re.MULTILINE)
    (first, *_), parameters = line.findall(text)[0], {found[1] for found in line.findall(text)}
    assert len(parameters) == 1, "servers are all alike"
    ours = "\n".join(f"{first}server 127.0.0.1:{server} {parameters.copy().pop()}" for server in servers)
    text = line.sub("", text).replace("# One line for each server.", f"# Ours:\n{ours}\n#")
    for shipped, here in {
        "listen 8443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/nginx/tls/fullchain.pem": str(pair.certificate),
        "/etc/nginx/tls/privkey.pem": str(pair.key),
        " /tmp/nginx": f" {folder}/nginx",
    }.items():
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    return text


class Front:
    """A running nginx; its clients come to ``wss://localhost:{port}``."""

    def __init__(self, folder: Path, pair: Pair, servers: Sequence[int]) -> None:
        self.port, self._pair = free_port(), pair
        self._file, self._log = folder / "nginx.conf", folder / "nginx.log"
        self._file.write_text(configured(folder, pair, self.port, servers))

    @property
    def host(self) -> str:
        """What clients call it."""
        return f"localhost:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client has that knows its certificate."""
        return self._pair.trusting()

    def command(self, *arguments: str) -> list[str]:
        return [program(), "-e", "stderr", "-c", str(self._file), *arguments]

    @contextmanager
    def running(self) -> Generator[Front]:
        """Started now, stopped at the end."""
        with self._log.open("w") as log:
            process = subprocess.Popen(
                self.command("-g", "daemon off; master_process off;"), stdout=log, stderr=log
            )
        try:
            self._wait(process)
            yield self
        finally:
            process.terminate()
            process.wait()

    def complaints(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            listening = [each.laddr.port for each in psutil.Process(process.pid).net_connections()]
            if self.port in listening:
                return
            time.sleep(0.005)
        raise AssertionError(self.complaints())
