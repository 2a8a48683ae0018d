"""What README and docs say is so: their Python runs, their commands parse, and nothing is left out."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from sybil.document import Document
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from interview_fsm import __version__

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    {ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")}
)
COMMAND_LINE = ROOT / "docs" / "command-line.md"


def named_in_security() -> list[str]:
    """The tests that SECURITY.md names, as ``test_module::test_function``."""
    page = ROOT / "SECURITY.md"
    return re.findall(r"`(test_\w+::test_\w+)`", page.read_text("utf-8")) if page.exists() else []


@pytest.mark.parametrize("named", sorted(set(named_in_security())))
def test_a_test_that_security_names_exists(named: str) -> None:
    module, function = named.split("::")
    source = (ROOT / "tests" / f"{module}.py").read_text("utf-8")
    assert re.search(rf"^(?:async )?def {function}\(", source, re.MULTILINE), "renamed? SECURITY.md names it"


def test_every_threat_names_its_tests() -> None:
    page = ROOT / "SECURITY.md"
    rows = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| ")][2:]
    assert len(rows) >= 15
    assert [row for row in rows if "::test_" not in row.rsplit("|", 2)[1]] == []


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def has_python(page: Path) -> bool:
    return "```python\n" in page.read_text("utf-8")


@pytest.mark.parametrize("page", [page for page in PAGES if has_python(page)], ids=name)
def test_python_on_a_page_runs(page: Path, here: Path) -> None:
    # One namespace a page: what one block defines the next may use, as a reader would.
    for example in Document.parse(str(page), PythonCodeBlockParser()).examples():
        example.evaluate()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_on_a_page_parse(page: Path) -> None:
    for line in shell_lines(page):
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):  # a setting for this command alone
            words.pop(0)
        problem = check(words)
        assert problem is None, f"{line!r}: {problem}"


def test_every_command_is_documented_with_every_option() -> None:
    documented = sections(COMMAND_LINE)
    for path, command in commands(cli(), ()):
        text = documented.get(" ".join(path))
        assert text is not None, f"docs/command-line.md has no section `{' '.join(path)}`"
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert f"`{parameter.opts[0]}" in text, f"`{parameter.opts[0]}` of {' '.join(path)}"


def test_no_command_is_documented_that_there_is_not() -> None:
    exist = {" ".join(path) for path, _ in commands(cli(), ())}
    assert set(sections(COMMAND_LINE)) <= exist


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_on_a_page_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target and "_build" not in target:  # _build: drawn while the docs are built
            assert (page.parent / target).exists(), target


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_the_readme_shows_what_serving_prints(here: Path) -> None:
    shown = next(blocks(ROOT / "README.md", "text"))
    said = serve_and_stop(here).replace(sys.executable, ".venv/bin/python")
    assert said == re.sub(r"(?m)^interview-fsm .*", f"interview-fsm {__version__}", shown)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the reader's résumé in it, and no other place to write to."""
    (tmp_path / "resume.md").write_text(RESUME, "utf-8")
    for variable in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


RESUME = """# Mara Lindqvist

Software engineer, Gothenburg

## Experience

**Backend engineer, Harbour Freight Systems**, 2021 – today

- Rewrote the nightly export; it went from 3 hours to 20 minutes.
- Led the move of 14 services to one deployment pipeline.

## Education

BSc Computer Science, Chalmers, 2019

## Skills

Python, PostgreSQL, Kubernetes
"""


def serve_and_stop(home: Path) -> str:
    """What ``serve`` prints up to its last line, on a free port, as if that were the usual one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "interview_fsm", "serve", "--port", "0"],
        env={**os.environ, "HOME": str(home), "XDG_DATA_HOME": f"{home}/.local/share"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Press Ctrl+C"):
            break
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    process.wait(timeout=20)
    return re.sub(r"localhost:\d+", "localhost:8765", "".join(lines)).replace(str(home), "~")


def blocks(page: Path, language: str) -> Iterator[str]:
    """The fenced blocks of *language* on *page*."""
    parser = CodeBlockParser(language, lambda example: None)
    for example in Document.parse(str(page), parser).examples():
        yield str(example.parsed)


def shell_lines(page: Path) -> Iterator[str]:
    """The commands on *page*: all of a ``shell`` block, what follows ``$`` in a ``console`` block."""
    for language in "shell", "console":
        for block in blocks(page, language):
            for line in block.replace("\\\n", " ").splitlines():
                if language == "shell" and line.strip() and not line.startswith("#"):
                    yield line
                elif line.startswith("$ "):
                    yield line[2:]


def check(words: list[str]) -> str | None:
    """What is wrong with a command; None when it would be understood."""
    program, *arguments = words
    program = program.rsplit("/", 1)[-1]
    if [program, *arguments[:2]] == ["python", "-m", "interview_fsm"]:
        program, arguments = "interview-fsm", arguments[2:]
    if program == "make":
        target = f"\n{arguments[0]}:"
        return None if target in (ROOT / "Makefile").read_text("utf-8") else "no such target"
    if program == "pip" and arguments[:1] == ["install"]:
        extras = re.findall(r"interview-fsm\[([\w,]+)\]", " ".join(arguments))
        missing = {extra for group in extras for extra in group.split(",")} - set(project_extras())
        return f"no such extra: {missing}" if missing else None
    if program == "interview-fsm":
        return parse(cli(), arguments)
    if [program, *arguments[:2]] == ["docker", "compose", "--project-directory"]:
        return None if (ROOT / arguments[2] / "compose.yaml").exists() else "no such folder"
    return (
        None
        if program
        in {"apt", "cd", "chmod", "firebase", "gcloud", "git", "node", "python", "python3", "websockets"}
        else "unknown"
    )


def parse(command: click.Command, arguments: list[str]) -> str | None:
    """Whether click takes *arguments*, files that are not here aside; nothing is run."""
    while isinstance(command, click.Group):
        if not arguments or arguments[0].startswith("-"):
            break
        name, *arguments = arguments
        found = command.commands.get(name)
        if found is None:
            return f"no command {name}"
        command = found
    try:
        command.make_parser(click.Context(command)).parse_args(arguments)
    except click.UsageError as error:
        return error.format_message()
    return None


def commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command a person can type, with the words that lead to it."""
    if path and not isinstance(command, click.Group):
        yield path, command
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            if not inner.hidden:
                yield from commands(inner, (*path, word))


def sections(page: Path) -> dict[str, str]:
    """The text below each heading that is a command in backquotes."""
    parts = re.split(r"^#+ `([^`]+)`.*$", page.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def project_extras() -> list[str]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return list(tomllib.load(file)["project"]["optional-dependencies"])


def cli() -> click.Group:
    from interview_fsm.cli import main  # late: the pages can be read without it

    assert isinstance(main, click.Group)
    return main
