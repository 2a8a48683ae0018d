"""``interview-fsm serve`` where other machines can connect: what it insists on, and what then works."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from interview_fsm import cli
from interview_fsm.errors import AdapterError, SettingError
from interview_fsm.listening import places, tls

from .certificates import Pair, certificate, make
from .raw import raw
from .serving import closing, running

__all__ = ["certificate"]

TOKEN = "Zk3_4x8mQv9Lr2TtY0aWcB"
V1 = [Subprotocol("interview-fsm.v1")]
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("INTERVIEW_FSM_ACCESS_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)


def secret(path: Path, text: str = TOKEN, mode: int = 0o600) -> Path:
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


# -------------------------------------------------------------------------------- what it insists on


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("--host 0.0.0.0", "give --tls-cert and --tls-key"),
        ("--host ::", "give --tls-cert and --tls-key"),
        ("--host 0.0.0.0 --access-token-file token", "give --tls-cert and --tls-key"),
        ("--host 0.0.0.0 --allow-host a.example --tls-cert c.pem --tls-key k.pem", "--access-token-file"),
        ("--host 0.0.0.0 --tls-cert c.pem --tls-key k.pem --access-token-file token", "--allow-host"),
        ("--trusted-proxy 192.0.2.1 --allow-host a.example", "INTERVIEW_FSM_ACCESS_TOKEN"),
        ("--trusted-proxy proxy.example", "neither"),
        ("--host localhost", "addresses such as 0.0.0.0"),
        ("--tls-key k.pem", "goes with --tls-cert"),
        ("--tls-cert k.pem", "cannot be used for TLS"),
        ("--tls-cert missing.pem", "cannot be used for TLS"),
        ("--tls-cert c.pem --tls-key sealed/key.pem", "without a password"),
        ("--access-token-file open", "chmod 600"),
        ("--access-token-file missing", "cannot be read"),
        ("--access-token-file empty", "no access token in empty"),
        ("--trusted-proxy 192.0.2.1 --allow-host a.example --access-token-file short", "22 characters"),
        (
            "--trusted-proxy 192.0.2.1 --allow-host a.example --access-token-file token --allow-fetch a:80",
            "--allow-fetch is for development",
        ),
    ],
)
def test_it_does_not_start_without_what_protects_it(
    arguments: str, why: str, tmp_path: Path, certificate: Pair
) -> None:
    (tmp_path / "c.pem").write_bytes(certificate.certificate.read_bytes())
    (tmp_path / "k.pem").write_bytes(certificate.key.read_bytes())
    (tmp_path / "sealed").mkdir()
    make(tmp_path / "sealed", password=b"x")
    for name, text, mode in (("token", TOKEN, 0o600), ("open", TOKEN, 0o640), ("empty", "", 0o600)):
        secret(tmp_path / name, text, mode)
    secret(tmp_path / "short", "opensesame")
    done = CliRunner().invoke(cli.main, ["serve", "--port", "0", "--storage", "memory", *arguments.split()])
    assert done.exit_code == 4
    assert why in done.output
    assert TOKEN not in done.output


# ------------------------------------------------------------------------------------ what then works


@contextmanager
def serving(*arguments: str, **environment: str) -> Generator[tuple[subprocess.Popen[str], str, int]]:
    """The process, its banner, its port."""
    command = [sys.executable, "-m", "interview_fsm", "serve", "--port", "0", "--storage", "memory"]
    process = subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    )
    assert process.stdout is not None
    try:
        banner = ""
        for line in process.stdout:
            banner += line
            if "Ctrl+C" in line:
                break
        found = re.search(r"(?:port |localhost:)(\d+)", banner)
        assert found is not None, banner
        yield process, banner, int(found.group(1))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def test_with_tls_and_a_token_strangers_hold_an_interview(tmp_path: Path, certificate: Pair) -> None:
    async def main(port: int) -> None:
        url = f"wss://localhost:{port}"
        options: dict[str, Any] = {"ssl": certificate.trusting(), "compression": None}
        page = {"subprotocols": V1, "origin": Origin(f"https://localhost:{port}")}
        async with connect(url, **page, **options) as socket:
            await socket.send('{"type": "create_session", "id": "c"}')
            refused = json.loads(await asyncio.wait_for(socket.recv(), 20))
            assert refused["code"] == "unauthorized"
            assert (await closing(socket))[1] == 4401
        async with connect(url, **page, **options) as socket:
            await socket.send(json.dumps({"type": "create_session", "id": "c", "access_token": TOKEN}))
            assert json.loads(await asyncio.wait_for(socket.recv(), 20))["type"] == "session_created"
        with pytest.raises(InvalidStatus) as stranger:
            await connect(url, **options).__aenter__()
        assert stranger.value.response.status_code == 401
        async with connect(url, additional_headers=BEARER, **options) as socket:
            await socket.send("https://localhost/resume.pdf;3")  # refused, and by the plain-text dialect
            assert str(await asyncio.wait_for(socket.recv(), 20)).startswith("Error: ")

    token = secret(tmp_path / "token")
    files = ["--tls-cert", str(certificate.certificate), "--tls-key", str(certificate.key)]
    named = ["--trusted-proxy", "192.0.2.1", "--allow-host", "interview.example"]
    with serving(*files, *named, "--access-token-file", str(token), "-v") as (process, banner, port):
        assert "https://interview.example" in banner
        assert "other machines too; with TLS" in banner
        asyncio.run(main(port))
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        told = banner + process.stdout.read()
    assert process.returncode == 0
    assert TOKEN not in told
    assert "Traceback" not in told


def test_a_token_from_the_environment_is_asked_for_on_this_machine_as_well() -> None:
    async def main(port: int) -> None:
        url = f"ws://localhost:{port}"
        async with connect(url, compression=None) as socket:
            await socket.send("https://example.com/myresume.pdf;3")
            assert (await closing(socket))[1] == 4401
        async with connect(url, compression=None, additional_headers=BEARER) as socket:
            await socket.send("https://localhost/resume.pdf;3")
            assert str(await asyncio.wait_for(socket.recv(), 20)).startswith("Error: ")

    with serving(INTERVIEW_FSM_ACCESS_TOKEN=TOKEN) as (_, banner, port):
        assert "this machine only" in banner
        assert "/#token=…" in banner
        assert TOKEN not in banner
        asyncio.run(main(port))


# ----------------------------------------------------------------------------------------------- TLS


def test_tls_is_1_2_or_later(certificate: Pair) -> None:
    async def main() -> None:
        async with running(tls=tls(certificate.certificate, certificate.key)) as served:
            for version, comes_in in (
                (ssl.TLSVersion.TLSv1_1, False),
                (ssl.TLSVersion.TLSv1_2, True),
                (ssl.TLSVersion.TLSv1_3, True),
            ):
                context = certificate.trusting()
                with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of TLS 1.1
                    context.minimum_version = context.maximum_version = version
                context.set_ciphers("ALL:@SECLEVEL=0")  # an old client, which this machine's is not
                if comes_in:
                    async with served.connect(ssl=context):
                        pass
                else:
                    with pytest.raises((ssl.SSLError, ConnectionError)):
                        await served.connect(ssl=context).__aenter__()

    asyncio.run(main())


def test_a_key_that_is_sealed_does_not_make_the_server_ask(tmp_path: Path) -> None:
    pair = make(tmp_path, password=b"x")
    with pytest.raises(SettingError, match="without a password"):
        tls(pair.certificate, pair.key)


def test_who_says_nothing_of_tls_is_let_go_and_others_do_not_wait(certificate: Pair) -> None:
    async def main() -> None:
        async with running(tls=tls(certificate.certificate, certificate.key), handshake=0.5) as served:
            port = served.server.port
            async with raw(port) as silent, raw(port) as in_clear:
                await in_clear.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert await in_clear.answer() == (0, {})
                async with served.connect(ssl=certificate.trusting()) as socket:
                    await socket.ping()
                assert await silent.frames() == []

    asyncio.run(main())


def test_every_address_that_is_named_is_listened_at() -> None:
    async def main() -> None:
        async with running(addresses=("127.0.0.2", "127.0.0.3")) as served:
            for address in ("127.0.0.2", "127.0.0.3"):
                reader, writer = await asyncio.open_connection(address, served.server.port)
                writer.write(
                    f"GET /healthz HTTP/1.1\r\nHost: {address}:{served.server.port}\r\n\r\n".encode()
                )
                assert b"200" in await reader.readline()
                writer.transport.abort()
            with pytest.raises(OSError, match=r"refused|Connect call failed"):
                await asyncio.open_connection("127.0.0.1", served.server.port)

    asyncio.run(main())


def test_an_address_of_another_machine_is_said_to_be_none_of_ours() -> None:
    with pytest.raises(AdapterError, match="cannot be listened on"):
        places(["192.0.2.77"], 0)
