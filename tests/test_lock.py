"""The locks are of this pyproject.toml, whole, and point nowhere; and pip takes nothing else for them."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "tools" / "lock.py"
pytestmark = pytest.mark.skipif(
    not LOCK.exists() and "CI" not in os.environ, reason="not a checkout: no tools/lock.py"
)
PURPOSES = ("run", "test", "mic")
PYTHONS = ("3.11.0", "3.11.9", "3.12.7", "3.13.1")


class Pin(NamedTuple):
    name: str
    version: Version
    marker: Marker | None
    hashes: list[str]

    def is_for(self, python: str) -> bool:
        here = {
            "sys_platform": "linux",
            "platform_system": "Linux",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "python_full_version": python,
            "python_version": ".".join(python.split(".")[:2]),
        }
        return self.marker is None or self.marker.evaluate(here)


def pins(purpose: str) -> Iterator[Pin]:
    text = (ROOT / "requirements" / f"{purpose}.lock").read_text("utf-8")
    for line in text.replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            stated, *hashes = line.split("--hash=")
            requirement = Requirement(stated.strip())
            (exactly,) = requirement.specifier
            assert exactly.operator == "=="
            name = canonicalize_name(requirement.name)
            yield Pin(name, Version(exactly.version), requirement.marker, [h.strip() for h in hashes])


@pytest.fixture(scope="module")
def program() -> dict[str, Any]:
    return runpy.run_path(str(LOCK))


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_package_has_one_version_for_each_python_and_its_hashes(purpose: str) -> None:
    for python in PYTHONS:
        here = [pin for pin in pins(purpose) if pin.is_for(python)]
        assert len({pin.name for pin in here}) == len(here) > 0
        for pin in here:
            assert pin.hashes
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in pin.hashes), pin.name


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_lock_names_no_place(purpose: str) -> None:
    text = (ROOT / "requirements" / f"{purpose}.lock").read_text("utf-8")
    assert not re.search(r"://|@|--index|--find-links|--trusted-host|(?m:^-)|/", text.partition("\n")[2])


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("purpose", ["run", "test"])
def test_everything_that_is_asked_for_is_there_in_a_version_that_will_do(
    purpose: str, python: str, program: dict[str, Any]
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    here = {pin.name: pin for pin in pins(purpose) if pin.is_for(python)}
    asked = [*map(Requirement, [*project["dependencies"], *program["BUILD_TOOLS"]])]
    extras = [*program["EXTRAS"][purpose]]
    for extra in extras:  # it grows: an extra may have others of ours
        for requirement in map(Requirement, project["optional-dependencies"][extra]):
            if requirement.name == project["name"]:
                extras += requirement.extras
            else:
                asked.append(requirement)
    for requirement in asked:
        pin = here[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin.version, prereleases=True), requirement


def test_one_package_is_in_one_version_in_all_locks() -> None:
    test = {(pin.name, pin.version) for pin in pins("test")}
    assert {(pin.name, pin.version) for pin in pins("run")} <= test


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ""),
        ({"platform": "darwin"}, "it is for CPython on Linux"),
        ({"version_info": (3, 14, 0)}, "it is for Python 3.11 to 3.13"),
        ({"version_info": (3, 10, 9)}, "it is for Python 3.11 to 3.13"),
    ],
)
def test_a_lock_says_where_it_does_not_fit(
    change: dict[str, Any], told: str, program: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ({"platform": "linux", "version_info": (3, 12, 1)} | change).items():
        monkeypatch.setattr(sys, name, value)
    monkeypatch.setattr(program["sysconfig"], "get_config_var", lambda _name: None)
    assert program["misfit"]("run") == told


def test_a_lock_that_pyproject_has_left_behind_is_not_used(
    program: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    monkeypatch.setitem(program["misfit"].__globals__, "digest", lambda: "0" * 16)
    assert "make lock" in program["misfit"]("run")
    assert program["misfit"]("bench") == "there is no bench.lock"


def test_pip_refuses_a_package_that_is_not_the_one(tmp_path: Path) -> None:
    """Offline: a wheel in a folder, and the hash of another."""
    with zipfile.ZipFile(tmp_path / "pkg-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pkg-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: pkg\nVersion: 1\n")
        tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr("pkg-1.dist-info/WHEEL", tag)
        wheel.writestr("pkg-1.dist-info/RECORD", "")
    (tmp_path / "x.lock").write_text(f"pkg==1 --hash=sha256:{'0' * 64}\n")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--isolated",
        "--no-index",
        "--find-links",
        str(tmp_path),
    ]
    command += [
        "--require-hashes",
        "--no-deps",
        "--target",
        str(tmp_path / "in"),
        "-r",
        str(tmp_path / "x.lock"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    install = runpy.run_path(str(ROOT / "tools" / "install.py"))
    assert done.returncode != 0
    assert install["WRONG_HASH"] in done.stdout + done.stderr
    assert not (tmp_path / "in").exists()
