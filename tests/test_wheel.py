"""What a user of pip gets: the wheel's content, and a start without extras outside the tree.

Nothing is fetched: the bare environment gets, beside the wheel, exactly the distributions that the wheel
says it needs, linked from the environment that runs the tests. A dependency that is used and not declared
is therefore not there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from interview_fsm import __version__

from .shelf import shelf

ROOT = Path(__file__).resolve().parents[1]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ROOT / "pyproject.toml").exists() and "CI" not in os.environ, reason="not a checkout"
    ),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts' folder of an environment with the wheel and its declared dependencies."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    where = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "--disable-pip-version-check"]
    run(*where, "install", "--quiet", "--no-deps", "--no-index", str(wheel), cwd=folder)
    packages = Path(
        run(str(scripts / "python"), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    )
    for needed in closure(wheel):
        link(needed, packages)
    return scripts


def test_holds_the_package_and_nothing_beside_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    info = f"interview_fsm-{__version__}.dist-info/"

    assert {name.split("/")[0] for name in names} == {"interview_fsm", info.rstrip("/")}
    assert f"{info}licenses/LICENSE" in names
    assert "interview_fsm/py.typed" in names
    assert not [name for name in names if "test_" in name or name.endswith((".pyc", ".orig", ".rej"))]


def test_holds_every_file_of_the_source_tree(wheel: Path) -> None:
    source = ROOT / "src"
    wanted = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    built = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("interview_fsm/")}
    assert built == wanted


def test_is_small(wheel: Path) -> None:
    # 560 kB, so that an install is a matter of seconds; what is no text, the demo's résumé and a recorded
    # sentence, is counted apart.
    items = zipfile.ZipFile(wheel).infolist()
    apart = [item for item in items if item.filename.endswith((".pdf", ".wav"))]
    assert len(apart) == 2
    assert sum(item.compress_size for item in items if item not in apart) < 560_000
    assert sum(item.compress_size for item in apart) < 60_000


def test_says_what_it_is(wheel: Path) -> None:
    told = metadata(wheel)
    assert told["Name"] == "interview-fsm"
    assert told["Version"] == __version__
    assert told["Requires-Python"] == ">=3.11"
    assert told["License-Expression"] == "MIT"
    assert "make run" in str(told.get_payload())  # the README rides along


def test_imports_without_extras(bare: Path) -> None:
    # Every public name, fetched from another folder than the checkout's.
    said = run(
        str(bare / "python"),
        "-W",
        "error",
        "-c",
        "import interview_fsm as package\n"
        "for name in package.__all__: getattr(package, name)\n"
        "print(package.__file__)",
        cwd=bare.parent,
    )
    assert Path(said.strip()).is_relative_to(bare.parent)


def test_starts_without_extras(bare: Path) -> None:
    assert __version__ in run(str(bare / "interview-fsm"), "--version", cwd=bare.parent)
    assert "serve" in run(str(bare / "python"), "-m", "interview_fsm", "--help", cwd=bare.parent)


def test_holds_a_whole_interview_without_extras(bare: Path) -> None:
    said = run(str(bare / "interview-fsm"), "demo", cwd=bare.parent)
    assert "What to practise" in said


def test_fetches_without_extras(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "resume.md").write_text("# Mara Lindqvist\n\nBackend engineer", "utf-8")
    with shelf(tmp_path) as place:
        said = run(
            *(str(bare / "interview-fsm"), "resume", f"http://{place}/resume.md", "--text"),
            *("--allow-fetch", place),
            cwd=bare.parent,
        )
    assert said.split() == ["Mara", "Lindqvist", "Backend", "engineer"]


def test_names_the_extra_that_is_missing(bare: Path) -> None:
    script = (
        "import asyncio\n"
        "from interview_fsm.adapters import load\n"
        "from interview_fsm.errors import MissingExtra\n"
        "for name in 'microphone', 'speech_recognition', 'pyttsx3':\n"
        "    try:\n"
        "        asyncio.run(load(name))\n"
        "    except MissingExtra as error:\n"
        "        print(error)\n"
    )
    said = run(str(bare / "python"), "-c", script, cwd=bare.parent).splitlines()
    assert len(said) == 3
    assert all("pip install" in line for line in said)


def metadata(wheel: Path):
    with zipfile.ZipFile(wheel) as content:
        (name,) = (name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(content.read(name).decode())


def closure(wheel: Path) -> list[Distribution]:
    """Every distribution that the wheel needs here, without extras, and what those need."""
    found: dict[str, Distribution] = {}
    waiting = list(needs(metadata(wheel).get_all("Requires-Dist", []), set()))
    while waiting:
        name, extras = waiting.pop()
        if (key := f"{name.lower()}{sorted(extras)}") in found:
            continue
        found[key] = distribution(name)
        waiting += needs(found[key].requires or [], extras)
    return list(found.values())


def needs(lines: list[str], extras: set[str]) -> Iterator[tuple[str, set[str]]]:
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            yield requirement.name, requirement.extras


def link(needed: Distribution, packages: Path) -> None:
    """Put the files of *needed* into *packages*, without copying them where that can be helped."""
    for file in needed.files or []:
        source = Path(str(needed.locate_file(file)))
        if ".." in file.parts or "__pycache__" in file.parts or not source.is_file():
            continue  # scripts, and what installing makes anew
        target = packages / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            continue
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copyfile(source, target)


def run(*command: str, cwd: Path | None = None) -> str:
    """What *command* prints, in an environment that cannot find the checkout, a display or a home."""
    kept = {"PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR"}
    environment = {name: value for name, value in os.environ.items() if name in kept}
    environment |= {"HOME": str(cwd or ROOT), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=90, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
