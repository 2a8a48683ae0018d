"""Makes requirements/*.lock: every package that CI and `make run` install, with its hashes.

    python3 tools/lock.py               makes them anew; needs the network, for uv and for what it asks
    python3 tools/lock.py misfit run    says why requirements/run.lock cannot be used here; nothing if it can

A lock is for CPython 3.11 to 3.13 on Linux, and for the pyproject.toml whose digest it names. Packages are
installed from wheels alone; PyAudio, which has none, is built of its hashed source with the build tools that
the lock brings. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "requirements"
UV = "uv==0.13.9"
BUILD_TOOLS = ("editables>=0.5", "hatchling>=1.27", "setuptools>=77")
"""What builds our own package and PyAudio."""

LIMITS = ("pocketsphinx<5.1 ; python_version == '3.12'", "pocketsphinx>=5.1 ; python_version != '3.12'")
"""Where the latest version has no wheel, and that it is taken all the same where it has."""

EXTRAS = {
    "run": ("stt", "tts", "files"),
    "test": ("test", "docs", "diagram", "anthropic", "openai", "firestore", "stt", "tts", "files"),
}
"""What each lock has beside the package's own dependencies."""

PYTHONS = ((3, 11), (3, 13))
"""The oldest and the newest that the locks are for; PocketSphinx has no wheel for 3.14 yet."""

NAMES_DIGEST = "# for dependencies "


def digest() -> str:
    """Names what pyproject.toml asks for: changes with it, and with nothing else in there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [
        project["build-system"]["requires"],
        project["project"]["requires-python"],
        project["project"]["dependencies"],
        project["project"]["optional-dependencies"],
        {purpose: sorted(extras) for purpose, extras in EXTRAS.items()},
        BUILD_TOOLS,
        LIMITS,
    ]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def misfit(purpose: str) -> str:
    """Why this lock cannot be used here; empty when it can."""
    if sys.platform != "linux" or sys.implementation.name != "cpython":
        return "it is for CPython on Linux"
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1] or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "it is for Python {}.{} to {}.{}".format(*PYTHONS[0], *PYTHONS[1])
    path = LOCKS / f"{purpose}.lock"
    if not path.exists():
        return f"there is no {path.name}"
    if f"{NAMES_DIGEST}{digest()}\n" not in path.read_text(encoding="utf-8"):
        return "pyproject.toml asks for other packages since it was made (make lock)"
    return ""


def make() -> None:
    """Resolve and write all of them; the smaller ones have the versions of the larger."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.check_call([sys.executable, "-m", "venv", folder])
        bin_ = Path(folder) / ("Scripts" if os.name == "nt" else "bin")
        subprocess.check_call([str(bin_ / "python"), "-m", "pip", "install", "-q", UV])
        (tools := Path(folder) / "tools.in").write_text("\n".join(BUILD_TOOLS), encoding="utf-8")
        (mic := Path(folder) / "mic.in").write_text("PyAudio>=0.2.14\n", encoding="utf-8")
        (limits := Path(folder) / "limits.txt").write_text("\n".join(LIMITS), encoding="utf-8")
        project = [ROOT / "pyproject.toml", tools]
        within = ("--constraint", str(limits))
        everything = compiled(bin_ / "uv", project, *_asking(EXTRAS["test"]), *within)
        (pins := Path(folder) / "test.txt").write_text(everything, encoding="utf-8")
        alike = ("--constraint", str(pins))
        LOCKS.mkdir(exist_ok=True)
        write("test", everything)
        write("run", compiled(bin_ / "uv", project, *_asking(EXTRAS["run"]), *alike))
        write("mic", compiled(bin_ / "uv", [mic], "--no-deps", *alike))


def _asking(extras: tuple[str, ...]) -> list[str]:
    return [argument for extra in extras for argument in ("--extra", extra)]


def compiled(uv: Path, sources: list[Path], *options: str) -> str:
    """What uv resolves *sources* to, for every Python and machine that a lock is for."""
    command = [str(uv), "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--python-version", "{}.{}".format(*PYTHONS[0]), "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links", *options, *map(str, sources)]
    return subprocess.check_output(command, cwd=ROOT, encoding="utf-8")


def write(purpose: str, content: str) -> None:
    """Write one lock."""
    heading = f"# Made by tools/lock.py (make lock); do not edit.\n{NAMES_DIGEST}{digest()}\n"
    (LOCKS / f"{purpose}.lock").write_text(heading + content, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "misfit":
        print(misfit(sys.argv[2]))
    elif len(sys.argv) == 1:
        make()
    else:
        sys.exit("usage: python3 tools/lock.py [misfit run|test]")
