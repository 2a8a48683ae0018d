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


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[set[str]], list[str]]:
    """Runs the program on a machine where some things cannot be installed; what it asked pip for."""
    monkeypatch.setenv("VENV", str(tmp_path))
    program: dict[str, Any] = runpy.run_path(str(INSTALL))
    scope = program["main"].__globals__

    def run(cannot: set[str]) -> list[str]:
        asked: list[str] = []

        def pip_install(*wanted: str) -> str:
            asked.append(wanted[-1])
            return "error: no" if any(name in wanted[-1] for name in cannot) else ""

        monkeypatch.setitem(scope, "pip_install", pip_install)
        monkeypatch.setitem(scope, "make_venv", lambda: None)
        program["main"]("run")
        return asked

    return run


def test_says_nothing_more_when_all_could_be_had(
    install: Callable[[set[str]], list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    install(set())
    assert "Not installed" not in capsys.readouterr().out
    assert (tmp_path / ".installed-for-run").exists()


def test_says_in_one_line_what_a_missing_microphone_means(
    install: Callable[[set[str]], list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    install({"PyAudio"})
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "Not installed" in line]
    assert "answers can be typed" in line
    assert "apt install portaudio19-dev" in line
    assert (tmp_path / ".installed-for-run").exists()  # it is not tried again each time


def test_one_voice_that_cannot_be_had_does_not_take_the_other_with_it(
    install: Callable[[set[str]], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = install({"stt"})
    assert ".[tts]" in asked
    told = capsys.readouterr().out
    assert "stt: spoken answers cannot be understood" in told
    assert "tts:" not in told


def test_the_package_itself_must_be_had(
    install: Callable[[set[str]], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="error: no"):
        install({"."})
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
