"""What waits its turn, bounded in number and in bytes."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Waiting(Generic[T]):
    """Things of known size, first come, first served. Ask ``is_full`` before ``put()``: *most* of them, or
    *size* bytes together, and whatever came last may have gone over it.
    """

    __slots__ = ("_most", "_size", "_taken", "_things")

    def __init__(self, most: int, size: int) -> None:
        self._most, self._size = most, size
        self._things: deque[tuple[T, int]] = deque()
        self._taken = 0

    def __len__(self) -> int:
        return len(self._things)

    @property
    def is_full(self) -> bool:
        """Whether no more should wait."""
        return len(self._things) >= self._most or self._taken >= self._size

    def put(self, thing: T, size: int) -> None:
        """Have *thing* wait."""
        self._things.append((thing, size))
        self._taken += size

    def take(self) -> T:
        """The one that waits longest; it waits no more."""
        thing, size = self._things.popleft()
        self._taken -= size
        return thing

    def clear(self) -> None:
        """Forget all."""
        self._things.clear()
        self._taken = 0
