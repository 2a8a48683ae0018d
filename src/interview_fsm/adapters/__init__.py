"""Adapters, and how they are found by name.

Each is a module of its own, named after the one thing it adapts, and the only place that imports it.
An adapter, ours or anybody's, is an entry point in the group ``interview_fsm.adapters``: the name, and an
async function that takes keyword options and returns an object that fits its port.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from ..errors import MissingExtra, SettingError

GROUP = "interview_fsm.adapters"

EXTRAS = {
    "microphone": "mic",
    "speech_recognition": "stt",
    "pyttsx3": "tts",
    "stream": "stt",
    "files": "files",
}
"""Which extra of this package an adapter of ours needs."""


async def load(name: str, **options: Any) -> Any:
    """The adapter called *name*, made with *options*.

    Raises SettingError when there is none of that name, MissingExtra when its packages are not installed,
    and what the adapter itself raises when it cannot be had.
    """
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        raise SettingError(f"there is no adapter called {name!r}; there are: {', '.join(sorted(found))}")
    try:
        create = found[name].load()
    except ModuleNotFoundError as error:
        raise MissingExtra(name, EXTRAS.get(name, name)) from error
    return await create(**options)
