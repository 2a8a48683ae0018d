"""The storage that a command looks into."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SettingError
from .options import Place

if TYPE_CHECKING:
    from ..events import Entry
    from ..ports import Storage


_OURS = ("sqlite", "postgres", "firestore")
"""The durable ones of this package, which can be opened for reading only."""


def check_place(storage: Place, database: Path | None) -> None:
    """Refuse a file for a storage that has none."""
    if database is not None and storage.name in ("memory", "postgres", "firestore"):
        raise SettingError(
            f"--database names the file of SQLite, and does not go with --storage {storage.name}"
        )


async def with_storage(storage: Place, database: Path | None, work: Any, *, read_only: bool = True) -> Any:
    """What *work* makes of the storage, which is opened for it and closed after it."""
    from ..adapters import load

    check_place(storage, database)
    options = storage.options | ({"path": database} if database is not None else {})
    if storage.name in _OURS:
        options["read_only"] = read_only
    opened = await load(storage.name, **options)
    try:
        return await work(opened)
    finally:
        await opened.aclose()


async def load_entries(storage: Storage, interview_id: str) -> list[Entry]:
    """The whole log of an interview."""
    return await storage.load(interview_id)
