"""PgBouncer in front of a PostgreSQL server of the tests, in transaction mode: connections are shared."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager

import psycopg
import pytest

from .databases import Cluster, new_folder, servant


def program() -> str:
    """Skips without PgBouncer, and fails in CI."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        why = "PgBouncer is not installed (Debian: apt install pgbouncer)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found


@contextmanager
def pooling(cluster: Cluster, connections: int = 3) -> Generator[str]:
    """A pooler with few connections of its own; what leads to it, without a database."""
    with new_folder() as folder:
        file = folder / "pgbouncer.ini"
        file.write_text(
            f"[databases]\n* = host={cluster.folder} user=postgres\n"
            f"[pgbouncer]\nlisten_addr =\nunix_socket_dir = {folder}\nlisten_port = 6432\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 200\n"
        )
        process = subprocess.Popen(
            [program(), str(file)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **servant(),  # type: ignore[call-overload]
        )
        try:
            dsn = f"host={folder} port=6432 user=postgres"
            _wait(process, dsn)
            yield dsn
        finally:
            process.terminate()
            process.wait()


def _wait(process: subprocess.Popen[bytes], dsn: str) -> None:
    while process.poll() is None:
        try:
            with psycopg.connect(f"{dsn} dbname=postgres"):
                return
        except psycopg.OperationalError:
            time.sleep(0.01)
    raise AssertionError("PgBouncer did not start")
