"""What is shipped for containers fits the program: options, names, ports, times, and each other.

No container is run here: the command that Compose gives a server runs as a process, behind the nginx whose
configuration is shipped.
"""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from interview_fsm import cli
from interview_fsm.adapters import postgres
from interview_fsm.server_settings import ServerSettings

from .certificates import Pair, certificate  # noqa: F401 - a fixture
from .databases import Cluster
from .front import Front, free_port
from .test_v1_drops import schema_at
from .v1_client import Client, Closed, Schema, client_to

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
NGINX = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
SERVERS: dict[str, dict[str, Any]] = {
    name: service for name, service in COMPOSE["services"].items() if name.startswith("server-")
}
SETTINGS = ServerSettings()


def address(service: dict[str, Any]) -> str:
    return str(service["networks"]["default"]["ipv4_address"])


def seconds(directive: str) -> float:
    found = re.search(rf"^\s*{directive} (\d+)s;", NGINX, re.MULTILINE)
    assert found is not None, directive
    return float(found[1])


def last(instruction: str) -> str:
    """What the Dockerfile says of the image that is kept."""
    return re.findall(rf"^{instruction} ((?:.*\\\n)*.*)", DOCKERFILE, re.MULTILINE)[-1]


# -------------------------------------------------------------------------------------- each other


def test_nginx_knows_every_server_by_the_name_and_the_port_that_it_has() -> None:
    named = re.findall(r"^\s*server (\S+):(\d+) ", NGINX, re.MULTILINE)
    assert [name for name, _ in named] == sorted(SERVERS)
    assert {int(port) for _, port in named} == {SETTINGS.port} == {int(last("EXPOSE"))}
    proxy = COMPOSE["services"]["nginx"]
    assert proxy["extra_hosts"] == [f"{name}:{address(service)}" for name, service in SERVERS.items()]
    (published,) = proxy["ports"]
    assert re.search(rf"listen {published.partition(':')[2]} ssl;", NGINX)


def test_a_server_believes_the_proxy_alone() -> None:
    for server in SERVERS.values():
        assert f"--trusted-proxy={address(COMPOSE['services']['nginx'])}" in server["command"]
        assert "ports" not in server, "nobody comes past the proxy"


def test_secrets_are_where_they_are_looked_for_and_readable_by_who_looks() -> None:
    user = re.search(r"--uid (\d+)", DOCKERFILE)
    assert user is not None
    for server in SERVERS.values():
        (secret,) = server["secrets"]
        assert f"--access-token-file=/run/secrets/{secret['source']}" in server["command"]
        assert (secret["uid"], secret["mode"]) == (user[1], 0o400), "or the server refuses it"
    used = {secret["source"] for server in SERVERS.values() for secret in server["secrets"]}
    database = COMPOSE["services"]["db"]
    assert database["environment"]["POSTGRES_PASSWORD_FILE"] == f"/run/secrets/{database['secrets'][0]}"
    assert used | set(database["secrets"]) == set(COMPOSE["secrets"])


def test_what_is_secret_stands_in_no_file() -> None:
    assert all(list(secret) == ["environment"] for secret in COMPOSE["secrets"].values())
    assert not re.search(r"(?i)(token|password)['\"]?\s*[:=]\s*['\"]?\w{6}", (NGINX + DOCKERFILE))


# ------------------------------------------------------------------------------------- the program


def options() -> dict[str, click.Parameter]:
    return {name: each for each in cli.main.commands["serve"].params for name in each.opts}


def test_servers_are_given_options_and_settings_that_there_are() -> None:
    for server in SERVERS.values():
        assert server["command"][0] == "serve"
        for option in server["command"][1:]:
            assert option.partition("=")[0] in options(), option
        assert list(server["environment"]) == [postgres.SETTING]
    extras = re.search(r"ARG EXTRAS=(\S+)", DOCKERFILE)
    assert extras is not None
    assert "postgres" in extras[1].split(",")


def test_the_image_runs_as_nobody_in_particular_and_is_asked_whether_it_is_well() -> None:
    assert last("USER") not in ("root", "0")
    assert last("STOPSIGNAL") == "SIGTERM"
    assert last("ENTRYPOINT") == '["interview-fsm"]'
    assert f"http://localhost:{SETTINGS.port}/healthz" in last("HEALTHCHECK")


def test_nobody_is_cut_off_before_the_server_would_do_so_itself() -> None:
    for server in SERVERS.values():
        assert float(server["stop_grace_period"].removesuffix("s")) > SETTINGS.drain + 5
    longest = SETTINGS.ping + SETTINGS.watch + 20  # silence until it is asked, and to answer
    assert seconds("proxy_read_timeout") > longest
    assert seconds("proxy_send_timeout") > longest
    assert seconds("proxy_connect_timeout") < SETTINGS.handshake


def test_the_proxy_hands_on_what_the_server_looks_at() -> None:
    said = dict(re.findall(r"^\s*proxy_set_header (\S+) (\S+);", NGINX, re.MULTILINE))
    assert said == {
        "Upgrade": "$http_upgrade",
        "Connection": "$connection_upgrade",
        "Host": "$http_host",
        "X-Forwarded-For": "$remote_addr",
        "X-Forwarded-Proto": "$scheme",
        "Forwarded": '""',
    }
    assert "proxy_http_version 1.1;" in NGINX


def test_nginx_takes_the_configuration(certificate: Pair, tmp_path: Path) -> None:  # noqa: F811
    front = Front(tmp_path, certificate, [1, 2])
    done = subprocess.run(front.command("-t"), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


# ------------------------------------------------------------------------------------- as processes

TOKEN = "a-token-of-the-tests-long-enough"


def name_of(front: Front) -> str:
    """By which people reach it."""
    return f"interview.example:{front.port}"


class Served:
    """One server, as Compose starts it, but for addresses and places."""

    def __init__(self, name: str, port: int, front: Front, dsn: str, secret: Path) -> None:
        changed = {
            "0.0.0.0": "127.0.0.1",
            address(COMPOSE["services"]["nginx"]): "127.0.0.1",
            "${INTERVIEW_NAME:?the name that people reach it by}": name_of(front),
            "/run/secrets/access_token": str(secret),
        }
        command = [*SERVERS[name]["command"], f"--port={port}"]
        for shipped, here in changed.items():
            assert any(shipped in each for each in command), shipped
            command = [each.replace(shipped, here) for each in command]
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "interview_fsm", *command],
            env={"PATH": "", "HOME": str(secret.parent), postgres.SETTING: dsn},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait(self) -> None:
        assert self.process.stdout is not None
        said = ""
        while "Ctrl+C" not in said:
            line = self.process.stdout.readline()
            assert line, said
            said += line

    def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate()

    def end(self) -> int:
        """SIGTERM, as Docker sends it; how it ended."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)
        return self.process.returncode


@contextmanager
def started(front: Front, ports: list[int], dsn: str, folder: Path) -> Generator[list[Served]]:
    secret = folder / "access_token"
    secret.write_text(TOKEN)
    secret.chmod(0o400)
    with ExitStack() as stack:
        servers = []
        for name, port in zip(SERVERS, ports, strict=True):
            servers.append(Served(name, port, front, dsn, secret))
            stack.callback(servers[-1].kill)
        for server in servers:
            server.wait()
        yield servers


@pytest.mark.slow
def test_servers_are_renewed_one_by_one_and_an_interview_goes_on_through_the_proxy(
    cluster: Cluster,
    certificate: Pair,  # noqa: F811
    tmp_path: Path,
) -> None:
    ports = [free_port(), free_port()]
    front = Front(tmp_path, certificate, ports)

    def connected(schema: Schema, **headers: str) -> Any:
        return client_to(
            f"wss://{name_of(front)}",
            schema,
            host="127.0.0.1",
            ssl=front.trust,
            server_hostname="localhost",  # what the certificate says
            additional_headers=headers,
        )

    async def drained(wire: Client, server: Served) -> int:
        """Stop the server that the client is on; what its connection closed with."""
        ending = asyncio.create_task(asyncio.to_thread(server.end))
        closed: Closed = await wire.closing()
        assert [event["type"] for event in closed.heard].count("server_closing") == 1
        assert await ending == 0
        return closed.code or 0

    async def main(first: Served, second: Served) -> None:
        schema = await asyncio.to_thread(schema_at, first.port)
        authorized = {"Authorization": f"Bearer {TOKEN}"}
        async with connected(schema, Origin=f"https://{name_of(front)}") as wire:  # as the page does
            await wire.create(plan={"questions": 1, "follow_ups": 0}, access_token=TOKEN)
            await wire.ask("start_interview")
            last = await wire.ask("choose_difficulty", difficulty="easy")
            known = (wire.session, wire.token, last["seq"])
            on_first = is_connected(first)
            stopped, other = (first, second) if on_first else (second, first)
            assert await drained(wire, stopped) == 1012
        async with connected(schema, **authorized) as wire:  # at once: the other one takes it
            assert is_connected(other)
            resumed = await wire.resume(*known)
            while wire.seq < resumed["seq"]:
                await wire.until("update")
            await wire.question()
            await wire.ask("submit_answer", question=1, text="I did it alone: 40 hosts in 2 days.")
            await wire.feedback()
            await wire.ask("stop_interview")

    with front.running(), started(front, ports, cluster.new_database(), tmp_path) as servers:
        asyncio.run(asyncio.wait_for(main(*servers), 100))


def is_connected(server: Served) -> bool:
    import psutil

    there = psutil.Process(server.process.pid).net_connections()
    return any(each.status == "ESTABLISHED" and each.laddr.port == server.port for each in there)
