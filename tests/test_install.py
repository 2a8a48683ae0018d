"""What `make run` says when something cannot be had on this machine."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

INSTALL = Path(__file__).resolve().parents[1] / "tools" / "install.py"
pytestmark = pytest.mark.skipif(
    not INSTALL.exists() and "CI" not in os.environ, reason="not a checkout: no tools/install.py"
)

Install = Callable[..., list[tuple[str, ...]]]
SAID = "note: why\nerror: no such package\nnote: this error is none of pip's\nhint: how"
"""By pip, when something cannot be had."""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Runs the program on a machine where some things cannot be installed, and where the lock does not fit,
    or does (*misfit* is empty); each thing that it asked pip for.
    """
    monkeypatch.setenv("VENV", str(tmp_path))
    program: dict[str, Any] = runpy.run_path(str(INSTALL))
    scope = program["main"].__globals__

    def run(cannot: set[str], *, misfit: str = "no such Python", said: str = SAID) -> list[tuple[str, ...]]:
        asked: list[tuple[str, ...]] = []

        def pip_install(*wanted: str) -> str:
            asked.append(wanted)
            return said if any(name in wanted[-1] for name in cannot) else ""

        monkeypatch.setitem(scope, "pip_install", pip_install)
        monkeypatch.setitem(scope, "make_venv", lambda: None)
        monkeypatch.setitem(scope, "misfit", lambda _purpose: misfit)
        program["main"]("run")
        return asked

    return run


def test_says_nothing_more_when_all_could_be_had(
    install: Install, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    install(set())
    assert "Not installed" not in capsys.readouterr().out
    assert (tmp_path / ".installed-for-run").exists()


def test_says_in_one_line_what_a_missing_microphone_means(
    install: Install, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    install({"PyAudio"})
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "Not installed" in line]
    assert "answers can be typed" in line
    assert "apt install portaudio19-dev" in line
    assert (tmp_path / ".installed-for-run").exists()  # it is not tried again each time


def test_one_voice_that_cannot_be_had_does_not_take_the_other_with_it(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = install({"stt"})
    assert ("-e", ".[tts]") in asked
    told = capsys.readouterr().out
    assert "stt: spoken answers cannot be understood" in told
    assert "tts:" not in told


def test_the_package_itself_must_be_had(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="error: no such package"):
        install({"."})
    assert not (tmp_path / ".installed-for-run").exists()


# --------------------------------------------------------------------------------------------- locks


def test_where_the_lock_fits_nothing_is_installed_but_what_it_names(
    install: Install, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = install(set(), misfit="")
    packages, ours, microphone = asked
    assert packages[:4] == ("--require-hashes", "--no-deps", "--only-binary", ":all:")
    assert packages[-1].endswith("run.lock")
    assert ours == ("--no-deps", "--no-build-isolation", "-e", ".")
    assert microphone[:3] == ("--require-hashes", "--no-deps", "--no-build-isolation")
    assert microphone[-1].endswith("mic.lock")
    assert "lock" not in capsys.readouterr().out
    assert (tmp_path / ".installed-for-run").exists()


def test_a_microphone_that_cannot_be_built_of_the_lock_is_missing_and_nothing_else(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = install({"mic.lock"}, misfit="")
    assert len(asked) == 3, "it is not tried without its hash"
    assert "answers can be typed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cannot", "misfit", "told"),
    [
        (set(), "it is for Python 3.11 to 3.13", "it is for Python 3.11 to 3.13"),
        ({"run.lock"}, "", "error: no such package"),
    ],
    ids=["does not fit", "cannot be had"],
)
def test_where_the_lock_cannot_be_used_it_is_said_and_pyproject_counts(
    cannot: set[str], misfit: str, told: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = install(cannot, misfit=misfit)
    assert asked[-2:] == [("-e", ".[stt,tts,files]"), ("PyAudio>=0.2.14",)]
    assert f"The lock is not used: {told}. Installing what pyproject.toml allows" in capsys.readouterr().out


def test_a_package_that_is_not_the_one_of_the_lock_ends_it(install: Install, tmp_path: Path) -> None:
    said = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."
    with pytest.raises(SystemExit, match=r"not the one that .*run\.lock names"):
        install({"run.lock"}, misfit="", said=said)
    assert not (tmp_path / ".installed-for-run").exists()


def test_a_python_without_venv_is_told_how_to_get_it(tmp_path: Path) -> None:
    # As on Debian without python3-venv: the module ensurepip is not there.
    (tmp_path / "ensurepip.py").write_text("raise ModuleNotFoundError(__name__)")
    done = subprocess.run(
        [sys.executable, str(INSTALL), "run"],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "VENV": str(tmp_path / "venv")},
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "python3 -m venv is missing: apt install python3-venv\n"
    assert not (tmp_path / "venv").exists()
