"""Where a setting comes from, and what a person is told when it cannot be used."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
from contextlib import aclosing
from pathlib import Path

import click
import msgspec
import psutil
import pytest
from click.testing import CliRunner, Result

from interview_fsm import cli, keys
from interview_fsm.adapters._child import Child
from interview_fsm.settings import Settings

SECRET = "sk-" + "ant-api03-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1"
PROJECT = Path("interview-fsm.toml")


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in (*keys.NAMES, keys.FILE_VARIABLE, *(n for n in os.environ if n.startswith("INTERVIEW_FSM_"))):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def call(arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli.main, shlex.split(arguments), env=environment)


def shown(**environment: str) -> dict[str, tuple[str, str]]:
    """Each setting's value and source, as ``config show --json`` has them."""
    done = call("config show --json", **environment)
    assert done.exit_code == 0, done.output
    return {row["name"]: (row["value"], row["source"]) for row in json.loads(done.stdout)}


def user_file(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "home" / "interview_fsm" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    return path


def said(result: Result) -> str:
    return " ".join(result.stderr.split())


# -------------------------------------------------------------------------------------- config show


def test_every_setting_is_shown_with_its_value_and_where_it_comes_from(tmp_path: Path) -> None:
    mine = user_file(tmp_path, "[serve]\nport = 9001\nlinger = 5\n[sessions.list]\njson = true\n")
    PROJECT.write_text('[serve]\nport = 9002\nallow-origin = ["http://a.example"]\n[report]\nformat = "md"\n')
    settings = shown(INTERVIEW_FSM_SERVE_CONNECTIONS="7")
    assert settings["serve.port"] == ("9002", "interview-fsm.toml")
    assert settings["serve.linger"] == ("5.0", str(mine))
    assert settings["serve.connections"] == ("7", "INTERVIEW_FSM_SERVE_CONNECTIONS in the environment")
    assert settings["serve.allow-origin"] == ("http://a.example", "interview-fsm.toml")
    assert settings["report.format"] == ("md", "interview-fsm.toml")
    assert settings["sessions.list.json"] == ("true", str(mine))
    assert settings["serve.page"] == ("true", "default")
    assert settings["practice.seed"] == ("", "default")


def test_the_environment_is_stronger_than_any_file(tmp_path: Path) -> None:
    PROJECT.write_text("[serve]\nport = 9002\n")
    assert shown(INTERVIEW_FSM_SERVE_PORT="9003")["serve.port"][0] == "9003"


def leaves(group: click.Group, names: tuple[str, ...] = ()) -> set[str]:
    found = set()
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= leaves(command, (*names, name))
        else:
            options = [p for p in command.params if isinstance(p, click.Option) and p.name != "help"]
            found |= {".".join((*names, name, max(p.opts, key=len).lstrip("-"))) for p in options}
    return found


def test_no_option_of_any_command_is_left_out() -> None:
    expected = {name for name in leaves(cli.main) if not name.startswith("config.")}
    of_services = {"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GROQ_API_KEY", "INTERVIEW_FSM_POSTGRES_DSN"}
    assert set(shown()) == expected | of_services


def test_what_is_shown_is_what_a_command_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    PROJECT.write_text("[practice]\nquestions = 4\nfollow-ups = false\n")
    given: dict[str, object] = {}
    monkeypatch.setattr("interview_fsm.cli.practice._practice", lambda **options: given.update(options))
    settings = shown()
    call("practice cv.md")
    assert (str(given["questions"]), given["follow_ups"]) == (settings["practice.questions"][0], False)
    assert settings["practice.follow-ups"][0] == "false"


def test_as_text_it_is_a_table() -> None:
    done = call("config show")
    assert re.search(r"^serve\.port +8765 +default$", done.stdout, re.MULTILINE)
    assert re.search(r"^practice\.seed +– +default$", done.stdout, re.MULTILINE)


def test_a_value_that_cannot_be_used_is_told_and_the_rest_is_shown() -> None:
    PROJECT.write_text('[serve]\nport = "banana"\n')
    done = call("config show", INTERVIEW_FSM_SERVE_LINGER="-1")
    assert done.exit_code == 4
    assert re.search(r"^serve\.connections +256", done.stdout, re.MULTILINE)
    assert "serve.port in interview-fsm.toml cannot be used: 'banana' is not a valid integer" in said(done)
    assert "INTERVIEW_FSM_SERVE_LINGER in the environment cannot be used" in said(done)


@pytest.mark.parametrize("how", ["environment", "file"])
def test_of_a_key_the_last_four_are_shown_and_where_it_comes_from(how: str, tmp_path: Path) -> None:
    if how == "environment":
        given, origin = {"ANTHROPIC_API_KEY": SECRET}, "the environment"
    else:
        path = tmp_path / "mine.toml"
        path.touch(0o600)
        path.write_text(f'ANTHROPIC_API_KEY = "{SECRET}"')
        given, origin = {"INTERVIEW_FSM_KEYS": str(path)}, str(path)
    settings = shown(**given)
    assert settings["ANTHROPIC_API_KEY"] == ("…" + SECRET[-4:], origin)
    assert settings["OPENAI_API_KEY"] == ("", "not set")
    assert SECRET not in call("config show", **given).output


def test_an_option_that_is_a_secret_and_a_value_that_is_a_key_are_masked() -> None:
    @click.group()
    def program() -> None: ...

    @program.command()
    @click.option("--access-token", default="Zk3_4x8mQv9Lr2TtY0aWcB")
    @click.option("--database", default=f"postgresql://u:pw@db/x?password={SECRET}")
    @click.option("--mirror", default="postgresql://ada:hunter2@db/x?sslmode=on")
    def serve(**options: str) -> None: ...

    ctx = click.Context(program, info_name="program")
    values = {each.name: each.value for each in Settings().shown(ctx)}
    assert values == {
        "serve.access-token": "…aWcB",
        "serve.database": "…" + SECRET[-4:],
        "serve.mirror": "postgresql://db/x?…",
    }


# ------------------------------------------------------------------------------------- bad settings


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[serve]\nprot = 1", "serve.prot in interview-fsm.toml is not known: did you mean port?"),
        ("[serve]\nzzz = 1", "serve.zzz in interview-fsm.toml is not known; known are a"),
        ("[serv]\nport = 1", "[serv] in interview-fsm.toml is no command: did you mean serve?"),
        (
            "[sessions.lst]\njson = true",
            "[sessions.lst] in interview-fsm.toml is no command: did you mean list?",
        ),
        ("port = 1", "The setting port in interview-fsm.toml cannot be used: a setting belongs in the table"),
        ("serve = 1", "serve in interview-fsm.toml is a command, not a setting: write it as [serve]"),
        ("[serve]\naccess-token = 'x'", "serve.access-token in interview-fsm.toml is a secret"),
        (f"[serve]\nanthropic_api_key = '{SECRET}'", "is a secret, and this file is not for them"),
        ("[serve\n", "The settings in interview-fsm.toml cannot be read: "),
        ("[serve]\nport = true!", "The settings in interview-fsm.toml cannot be read: "),
        (
            "[serve]\nport = 'banana'",
            "serve.port in interview-fsm.toml cannot be used: 'banana' is not a valid",
        ),
        (
            "[practice]\nquestions = 99",
            "practice.questions in interview-fsm.toml cannot be used: 99 is not in",
        ),
    ],
)
def test_a_bad_setting_is_named_with_its_file_its_key_and_what_to_do(content: str, told: str) -> None:
    PROJECT.write_text(content)
    done = call("practice cv.md" if "practice" in content else "serve")
    assert done.exit_code == 4
    assert told in said(done)
    assert said(done).endswith(".") or said(done).endswith("?")
    assert SECRET not in done.output


def test_a_bad_value_in_the_environment_is_named_with_its_variable() -> None:
    done = call("serve", INTERVIEW_FSM_SERVE_PORT="banana")
    assert done.exit_code == 4
    assert "INTERVIEW_FSM_SERVE_PORT in the environment cannot be used: 'banana' is not a valid" in said(done)


def test_a_bad_flag_is_wrong_usage_as_ever() -> None:
    done = call("serve --port banana")
    assert done.exit_code == 2
    assert "Invalid value for '--port'" in done.stderr


# --------------------------------------------------------------------------------------------- keys


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "keys.toml"
    path.touch(0o600)
    path.write_text(f'ANTHROPIC_API_KEY = "{SECRET}"\n')
    return path


def test_a_key_comes_from_the_environment_first_then_from_the_file(kept: Path) -> None:
    named = {"INTERVIEW_FSM_KEYS": str(kept)}
    assert keys.find("ANTHROPIC_API_KEY", {}) is None
    found = keys.find("ANTHROPIC_API_KEY", named)
    assert found is not None
    assert (found.reveal(), found.origin) == (SECRET, str(kept))
    found = keys.find("ANTHROPIC_API_KEY", named | {"ANTHROPIC_API_KEY": " other "})
    assert found is not None
    assert (found.reveal(), found.origin) == ("other", "the environment")
    assert keys.find("OPENAI_API_KEY", named) is None


def test_the_file_at_its_usual_place_is_found(tmp_path: Path, kept: Path) -> None:
    usual = tmp_path / "home" / "interview_fsm" / "keys.toml"
    usual.parent.mkdir(parents=True)
    kept.rename(usual)
    assert keys.find("ANTHROPIC_API_KEY") is not None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601, 0o777])
def test_a_file_that_others_can_use_is_refused_and_nothing_of_it_is_told(kept: Path, mode: int) -> None:
    kept.chmod(mode)
    with pytest.raises(keys.SettingError, match=rf"mode {mode:04o}\): run chmod 600 ") as caught:
        keys.read(kept)
    assert SECRET not in str(caught.value)


def test_only_its_owner_may_keep_it(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(keys.SettingError, match="belongs to somebody else"):
        keys.read(kept)


def test_where_there_are_no_owners_none_are_asked_for(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.chmod(0o644)
    monkeypatch.delattr(os, "geteuid")
    assert keys.read(kept) == {"ANTHROPIC_API_KEY": SECRET}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (f"ANTHROPIC_API_KEY = {SECRET}", "is not a file of keys"),
        (f"ANTHROPIC_API_KEY = '{SECRET}'\n" + "#" * keys.LONGEST, "is not a file of keys"),
        ("[keys]\nANTHROPIC_API_KEY = 'x'", "keys in .* is not a text"),
        ("ANTHROPIC_API_KEY = ' '", "ANTHROPIC_API_KEY in .* is not a text"),
    ],
)
def test_a_file_that_is_something_else_is_refused_and_nothing_of_it_is_told(
    kept: Path, content: str, told: str
) -> None:
    kept.write_text(content)
    with pytest.raises(keys.SettingError, match=told) as caught:
        keys.read(kept)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(keys.SettingError, match="cannot be read: No such file"):
        keys.read(tmp_path / "missing.toml")
    with pytest.raises(keys.SettingError, match=r"is not a file|Is a directory"):
        keys.read(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(keys.SettingError, match="is not a file"):
        keys.read(tmp_path / "pipe")


def test_a_key_shows_its_end_alone_whatever_prints_it() -> None:
    key = keys.Key(SECRET, "the environment")
    told = [repr(key), str(key), f"{key}", f"{key:>40}", repr([key]), repr(vars(keys))]
    assert all(SECRET not in text for text in told)
    assert repr(key) == f"Key(…{SECRET[-4:]})"
    with pytest.raises(TypeError, match="not to be copied"):
        __import__("pickle").dumps(key)
    assert key.reveal() == SECRET


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_no_key_reaches_a_child_program(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PGPASSWORD"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("PULSE_SERVER", "here")

    async def main() -> dict[str, str]:
        worker = "interview_fsm.adapters._pyttsx3_worker"
        async with aclosing(await Child.start(worker, msgspec.msgpack.Decoder(msgspec.Struct))) as child:
            return psutil.Process(child.pid).environ()

    seen = asyncio.run(main())
    assert SECRET not in seen.values()
    assert seen["PULSE_SERVER"] == "here"
    assert seen["PATH"] == os.environ["PATH"]
