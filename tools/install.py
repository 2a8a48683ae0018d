"""Makes .venv and installs interview_fsm into it, editable, with all it can use on this machine.

    python3 tools/install.py run     for `make run`: the package, and every voice adapter that can be had
    python3 tools/install.py test    for `make test`: that, and what the tests, the checks and the docs need
    python3 tools/install.py bench   for `make bench`: that, and what it is compared with

Where the locks of requirements/ fit (Linux, Python 3.11 to 3.13), exactly the packages they name are
installed, each checked against its hash; elsewhere what pyproject.toml allows, and it says so.

Standard library only, and it starts on any Python from 3.7, so that an old one gets a sentence instead of
a syntax error. What pip says is shown when something fails, and not before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = Path(os.environ.get("VENV", ROOT / ".venv"))
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
OLDEST = (3, 11)

PURPOSES = {
    "run": [],
    "test": ["test", "docs", "diagram", "anthropic", "openai", "firestore"],
    "bench": ["test", "docs", "diagram", "anthropic", "openai", "firestore", "bench"],
}
"""The extras that each purpose must have. Each has all that the one before it has."""

VOICE = {
    "stt": "spoken answers cannot be understood on this machine; type them",
    "tts": "questions cannot be read aloud on this machine",
    "files": "spoken answers cannot be taken from sound files",
}
"""Extras whose packages have wheels on the common platforms, and what it means to be without one."""

NO_PYAUDIO = (
    "PyAudio: this machine's microphone cannot be used; answers can be typed"
    " (Debian: apt install portaudio19-dev gcc python3-dev)"
)

LOCKS = ROOT / "requirements"
LOCKED = ("run", "test")
WRONG_HASH = "DO NOT MATCH THE HASHES"
"""What pip says of a package that is not the one it should be."""


def find_python() -> str:
    """The running interpreter where it is new enough, else the newest on the PATH that is."""
    if sys.version_info[:2] >= OLDEST:
        return sys.executable
    for minor in range(20, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return found
    sys.exit("interview_fsm needs Python 3.11 or newer, and this is {}.{}.".format(*sys.version_info))


def make_venv() -> None:
    """A .venv whose Python works; one that no longer works is made anew."""
    if has_pip():
        return
    python = find_python()
    if subprocess.call([python, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL):
        sys.exit("python3 -m venv is missing: apt install python3-venv")
    print(f"Making {VENV.name} …", flush=True)
    subprocess.check_call([python, "-m", "venv", "--clear", str(VENV)])


def has_pip() -> bool:
    """Whether there is a .venv that can install."""
    try:
        return subprocess.call([str(BIN / "python"), "-c", "import pip"], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def pip_install(*wanted: str) -> str:
    """Install; empty when it went well, else what pip said."""
    command = [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout or "pip failed and said nothing"


def install(extras: list[str]) -> list[str]:
    """The package with *extras*, and with voice where that can be had; what could not, in words.

    SystemExit when the package itself cannot be installed.
    """
    if not pip_install("-e", project(extras + list(VOICE))):
        return []
    said = pip_install("-e", project(extras))
    if said:
        sys.exit(f"{said}\nInstalling failed, as pip says above. The first time needs the network.")
    return [f"{extra}: {loss}" for extra, loss in VOICE.items() if pip_install("-e", project([extra]))]


def install_locked(purpose: str) -> list[str] | None:
    """The package with exactly what *purpose*'s lock names; what could not be had, in words.

    None when the lock cannot be used here, which is told. SystemExit when a package is not the one whose hash
    the lock has.
    """
    why = misfit(purpose)
    if not why:
        lock = str(LOCKS / f"{purpose}.lock")
        said = pip_install("--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", lock)
        if WRONG_HASH in said:
            sys.exit(f"{said}\nA package is not the one that {lock} names. Nothing of it was installed.")
        said = said or pip_install("--no-deps", "--no-build-isolation", "-e", ".")
        errors = [line for line in said.splitlines() if line.lower().startswith("error")]
        why = (errors or [said.strip()])[-1]
    if why:
        print(f"The lock is not used: {why}. Installing what pyproject.toml allows, unchecked.", flush=True)
        return None
    lock = str(LOCKS / "mic.lock")
    if not pip_install("--require-hashes", "--no-deps", "--no-build-isolation", "-r", lock):
        return []
    return [NO_PYAUDIO]


def misfit(purpose: str) -> str:
    """Why the lock for *purpose* cannot be used with the .venv's Python; empty when it can."""
    if purpose not in LOCKED:
        return "there is none for this"
    command = [str(BIN / "python"), str(ROOT / "tools" / "lock.py"), "misfit", purpose]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "it cannot be read"


def project(extras: list[str]) -> str:
    """The checkout with *extras*, as pip wants it written."""
    return ".[{}]".format(",".join(extras)) if extras else "."


def install_microphone() -> list[str]:
    """PyAudio has no wheel for Linux and macOS: it is built where there is a compiler and PortAudio."""
    if not pip_install("PyAudio>=0.2.14"):
        return []
    return [NO_PYAUDIO]


def main(purpose: str) -> None:
    """Install for *purpose*, and say in one line what could not be had."""
    make_venv()
    print("Installing, about a minute the first time …", flush=True)
    lost = install_locked(purpose)
    if lost is None:
        lost = install(PURPOSES[purpose]) + install_microphone()
    if lost:
        print("Not installed – " + "; ".join(lost) + ". Everything else works.", flush=True)
    for stamp in PURPOSES:
        (VENV / f".installed-for-{stamp}").touch()
        if stamp == purpose:
            break


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PURPOSES:
        sys.exit("usage: python3 tools/install.py " + "|".join(PURPOSES))
    main(sys.argv[1])
