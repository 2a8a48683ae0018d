"""Keys of services: from the environment, or from a file that nobody else can read. Never from a client.

The file is TOML, a line for each: ``ANTHROPIC_API_KEY = "…"``. It is the one that ``INTERVIEW_FSM_KEYS``
names, else ``keys.toml`` in the user's configuration folder.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from .errors import SettingError
from .redaction import masked

FILE_VARIABLE = "INTERVIEW_FSM_KEYS"
"""Names the file."""

NAMES = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GROQ_API_KEY", "INTERVIEW_FSM_POSTGRES_DSN")
"""Of the keys that our own adapters look for."""

LONGEST = 65_536
"""Bytes of the file."""


class Key:
    """A key that shows only its last four characters, whatever prints it; ``reveal()`` gives it whole."""

    __slots__ = ("_value", "origin")

    def __init__(self, value: str, origin: str) -> None:
        self._value = value
        self.origin = origin
        """Where it came from, in words."""

    def reveal(self) -> str:
        """The key itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"Key({masked(self._value)})"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not to be copied or kept")


def find(name: str, environment: Mapping[str, str] | None = None) -> Key | None:
    """The key of this name, such as ``ANTHROPIC_API_KEY``; the environment's first. None where there is none.

    Raises SettingError when the file of keys cannot be used.
    """
    environment = os.environ if environment is None else environment
    if value := environment.get(name, "").strip():
        return Key(value, "the environment")
    path = keys_file(environment)
    kept = read(path) if path is not None else {}
    return Key(kept[name], str(path)) if name in kept else None


def keys_file(environment: Mapping[str, str]) -> Path | None:
    """The file of keys; None where none is named and there is none at its usual place."""
    if named := environment.get(FILE_VARIABLE):
        return Path(named).expanduser()
    from platformdirs import user_config_path

    usual = user_config_path("interview_fsm", appauthor=False) / "keys.toml"
    return usual if usual.exists() else None


def read(path: Path) -> dict[str, str]:
    """The keys in *path*. Raises SettingError, which quotes nothing of it, unless it is a regular file of the
    user's own that nobody else can read.
    """
    import tomllib

    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            _check_private(path, os.fstat(descriptor))
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise SettingError(f"the keys in {path} cannot be read: {error.strerror}") from error
    try:
        if len(content) > LONGEST:
            raise ValueError
        table: dict[str, Any] = tomllib.loads(content.decode())
    except ValueError:
        # Not chained: what it says may quote a key.
        raise SettingError(f'{path} is not a file of keys: it has lines such as SOME_API_KEY = "…"') from None
    for name, value in table.items():
        if not isinstance(value, str) or not value.strip():
            raise SettingError(f'{name} in {path} is not a text: write {name} = "…"')
    return {name: value.strip() for name, value in table.items()}


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SettingError(f"{path} is not a file: keys are kept in a regular one")
    if not hasattr(os, "geteuid"):
        return  # Windows has neither owners nor modes of this kind
    if status.st_uid != os.geteuid():
        raise SettingError(f"{path} belongs to somebody else: keys are read from a file of your own only")
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise SettingError(f"{path} can be used by others (mode {mode:04o}): run chmod 600 {path}")
