"""Logs kept in this process: for tests, demonstrations, and interviews that nobody needs tomorrow.

Everything is lost with the process; within it, every promise of the port holds. Entries are kept as JSON,
which is the smallest and cannot be changed by whoever loaded them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

from ..errors import Conflict, Gone
from ..events import Entry, Head, decode, encode

_REMEMBERED = 20_000
"""How many erased ids are remembered, the latest: about 2 MB. An id is 128 random bits, so only a writer that
was at work while its log was erased can come with an erased one, and it comes within seconds."""


class _Log:
    __slots__ = ("expires_at", "lines", "owner", "updated_at")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.updated_at = 0.0
        self.expires_at: float | None = None
        self.owner: str | None = None


class MemoryStorage:
    """A Storage without a disk. Nothing in it waits, so each call happens at once and whole."""

    def __init__(self) -> None:
        self._logs: dict[str, _Log] = {}
        self._erased: deque[int] = deque()  # hashes, a third of the size of the ids
        self._is_erased: set[int] = set()

    async def append(
        self,
        interview_id: str,
        expected_version: int,
        entry: Entry,
        *,
        owner: str | None = None,
        expires_at: float | None = None,
    ) -> None:
        """See Storage.append()."""
        line = encode(entry)
        if entry.version != expected_version + 1:
            raise ValueError(f"version {entry.version} cannot follow version {expected_version}")
        if owner is not None:
            owner.encode()  # what no file could keep is refused here too
        log = self._logs.get(interview_id)
        if log is None:
            log = self._begin(interview_id, expected_version)
        elif len(log.lines) != expected_version:
            return self._repeat(interview_id, log, entry)
        log.lines.append(line)
        log.updated_at, log.expires_at = entry.at, expires_at
        if owner is not None:
            log.owner = owner
        return None

    def _begin(self, interview_id: str, expected_version: int) -> _Log:
        if expected_version or hash(interview_id) in self._is_erased:
            raise Gone(interview_id)
        interview_id.encode()
        log = self._logs[interview_id] = _Log()
        return log

    def _repeat(self, interview_id: str, log: _Log, entry: Entry) -> None:
        if not 0 < entry.version <= len(log.lines):
            raise Conflict(interview_id)
        if decode(log.lines[entry.version - 1]).append_id != entry.append_id:
            raise Conflict(interview_id)

    async def load(self, interview_id: str, after: int = 0) -> list[Entry]:
        """See Storage.load()."""
        log = self._logs.get(interview_id)
        if log is None:
            raise Gone(interview_id)
        return [decode(line, interview_id) for line in log.lines[after:]]

    async def interviews(
        self, *, owner: str | None = None, expired_before: float | None = None
    ) -> AsyncIterator[Head]:
        """See Storage.interviews()."""
        for interview_id in sorted(self._logs):
            log = self._logs.get(interview_id)  # may have been erased since
            if log is None or (owner is not None and log.owner != owner):
                continue
            if expired_before is None:
                if interview_id.endswith(".resume"):
                    continue
            elif log.expires_at is None or log.expires_at >= expired_before:
                continue
            yield Head(interview_id, len(log.lines), log.updated_at, log.expires_at, log.owner)

    async def erase(self, interview_id: str) -> bool:
        """See Storage.erase()."""
        if self._logs.pop(interview_id, None) is None:
            return False
        if len(self._erased) >= _REMEMBERED:
            self._is_erased.discard(self._erased.popleft())
        self._erased.append(hash(interview_id))
        self._is_erased.add(hash(interview_id))
        return True

    async def aclose(self) -> None:
        """Nothing to let go of; what was appended stays with this object."""


async def create() -> MemoryStorage:
    """An empty MemoryStorage."""
    return MemoryStorage()
