"""Real PostgreSQL servers for tests, each in a folder of its own, on a Unix socket."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from itertools import count
from pathlib import Path

import psutil
import psycopg
import pytest

_numbers = count(1)
_DEBIAN = "/usr/lib/postgresql"


def programs() -> Path:
    """The folder with initdb, pg_ctl and postgres; the newest there is. Skips without, and fails in CI."""
    found = sorted(Path(_DEBIAN).glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    elsewhere = shutil.which("initdb")
    if not found and elsewhere is None:
        why = "PostgreSQL's server is not installed (Debian: apt install postgresql)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return (found[-1] if found else Path(str(elsewhere)).resolve()).parent


def servant() -> dict[str, object]:
    """As whom the server runs: it refuses to be root's."""
    if os.geteuid():
        return {}
    names = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Cluster:
    """A database server that can be started, stopped, killed, copied and promoted."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder, self.data = folder, folder / "data"
        self._settings = [
            "listen_addresses=''",
            f"unix_socket_directories={folder}",
            "max_connections=120",
            "shared_buffers=16MB",
            "autovacuum=off",  # nothing here lives long enough
        ]
        if not durable:
            self._settings += ["fsync=off", "full_page_writes=off"]

    @classmethod
    @contextlib.contextmanager
    def at_hand(cls, *, durable: bool = False) -> Generator[Cluster]:
        """A new one, running, gone afterwards."""
        with new_folder() as folder:
            cluster = cls(folder, durable=durable)
            cluster.run(
                "initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync"
            )
            with cluster.running():
                yield cluster

    @contextlib.contextmanager
    def followed(self) -> Generator[Cluster]:
        """A standby of this one, running. Commits here wait for it from now on (synchronous replication)."""
        with new_folder() as folder:
            standby = Cluster(folder)
            standby.run(
                "pg_basebackup",
                f"--host={self.folder}",
                "--username=postgres",
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--no-sync",
            )
            with standby.running():
                self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                self.execute("SELECT pg_reload_conf()")
                while not self.is_followed():
                    time.sleep(0.01)
                yield standby

    def is_followed(self) -> bool:
        """Whether there is a standby that commits wait for."""
        states = self.execute("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'")
        return ("sync",) in states

    def promote(self) -> None:
        """Make the standby a primary; returns when it takes writes."""
        self.run("pg_ctl", "promote", "--wait", "--silent", "--timeout=90")

    @contextlib.contextmanager
    def running(self, **settings: str) -> Generator[Cluster]:
        """Started now, and stopped at the end if it still runs."""
        self.start(**settings)
        try:
            yield self
        finally:
            self.stop()

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's own programs, on the data."""
        with tempfile.TemporaryFile("w+") as said:  # no pipe: a server that is started would hold it open
            done = subprocess.run(
                [str(programs() / program), f"--pgdata={self.data}", *arguments],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=100,
                **servant(),  # type: ignore[call-overload]
            )
            said.seek(0)
            assert done.returncode == 0, f"{program}: {said.read()}\n{self.log()}"

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def start(self, **settings: str) -> None:
        """Returns when it takes connections. pg_ctl leaves it as nobody's child, as a service would be."""
        wanted = [*self._settings, *(f"{name}={value}" for name, value in settings.items())]
        options = " ".join(f"-c {setting}" for setting in wanted)
        self.run(
            "pg_ctl",
            "start",
            "--wait",
            "--silent",
            "--timeout=90",
            f"--log={self.folder / 'log'}",
            f"--options={options}",
        )

    def stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            with contextlib.suppress(AssertionError):  # was killed, and has left its file
                self.run("pg_ctl", "stop", "--mode=immediate", "--silent")

    def kill(self) -> None:
        """kill -9 of the server's first process; returns when all that it had is gone."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        while True:  # its children end by themselves, and only then another may start on the same data
            with contextlib.suppress(psutil.NoSuchProcess):
                mine = [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == str(self.data)]
                if not mine:
                    break
                psutil.wait_procs(mine, timeout=1)
        # Where nobody buries the dead, its number seems to be alive, and the next start would wait for it.
        for left in (self.data / "postmaster.pid", *self.folder.glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)

    def dsn(self, database: str = "postgres") -> str:
        return f"host={self.folder} user=postgres dbname={database}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def new_database(self, options: str = "") -> str:
        """The connection string of an empty database."""
        name = f"test_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.dsn(name)


@contextlib.contextmanager
def new_folder() -> Generator[Path]:
    """For the server alone; short, for the name of a socket has 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="fsm-pg-"))
    user = servant()
    if user:
        os.chown(folder, user["user"], user["group"])  # type: ignore[arg-type]
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
