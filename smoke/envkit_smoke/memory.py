"""How much memory the measurements of speed may use, and making do with less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, TypeVar

from envkit_smoke import machine

SHARE = 0.5  # of what is free
FREE_UNKNOWN = 4 * 2**30  # bytes taken as free where nothing tells
LEAST_DATA = 2**30  # bytes of data, however small the cache: hosts of virtual machines have larger ones than they tell
LARGEST_DATA = 4 * 2**30
CACHES = 4  # how many times the last cache the data is, so that a pass over it finds nothing there

T = TypeVar("T")


@dataclass(frozen=True)
class Room:
    """Bytes that may be used in all, and those of the data that a pass reads."""

    total: int
    data: int

    @classmethod
    def of(cls, torch: Any, device: str, wanted: int | None) -> Room:
        """The room on a device: as wanted, else half of what is free."""
        free = machine.free_bytes(torch, device)
        total = wanted if wanted is not None else int((FREE_UNKNOWN if free is None else free) * SHARE)
        beyond_caches = max(LEAST_DATA, CACHES * machine.cache_bytes(torch, device))
        return cls(total, min(beyond_caches, LARGEST_DATA, total // 2))


def is_exhausted(error: BaseException) -> bool:
    """Whether this is an allocation that failed: each backend has its own words, and some their own class."""
    text = f"{type(error).__name__}: {error}".lower()
    return any(words in text for words in ("outofmemory", "out of memory", "can't allocate memory", "memoryerror"))


def lowered(size: int, least: int, build: Callable[[int], T]) -> tuple[T, int]:
    """``build(size)``, or of half the size where memory does not suffice, and so on down to ``least``.

    Returns it and the size that it has. Raises what the last attempt raised.
    """
    while True:
        try:
            return build(size), size
        except Exception as error:
            if not is_exhausted(error) or size // 2 < least:
                raise
        size //= 2
