"""The board that all ranks read and write beside their collective operations, so that a failure of those can be told.

It is torch's TCPStore, which torchrun itself needs: without it, no rank would have started.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envkit_smoke.ranks import Place


class Board:
    """What each rank has come to and what it reports. Each call takes a moment and never waits for a rank."""

    def __init__(self, store: Any, place: Place) -> None:
        self._store = store
        self._place = place
        self._prefix = f"envkit-smoke/{place.run}"

    def mark(self, where: str) -> None:
        """This rank has come to a point in its work; all ranks pass the same points."""
        self._store.set(self._key("at", self._place.rank), where)
        self._store.add(self._key("count", self._place.rank), 1)

    def progress(self) -> list[int]:
        """How many points each rank has passed."""
        return [self._store.add(self._key("count", rank), 0) for rank in range(self._place.world)]

    def where(self, rank: int) -> str:
        """The last point that a rank has passed."""
        passed = self._store.add(self._key("count", rank), 0)
        return str(self._store.get(self._key("at", rank)).decode()) if passed else "its launch"

    def post(self, report: dict[str, Any]) -> None:
        """This rank's last word. ``order`` numbers the reports as they come."""
        order = self._store.add(self._key("posts"), 1)
        self._store.set(self._key("post", self._place.rank), json.dumps({**report, "order": order}))
        self._store.add(self._key("posted", self._place.rank), 1)

    def posts(self) -> dict[int, dict[str, Any]]:
        """The reports that have come, by rank."""
        ranks = range(self._place.world)
        there = [rank for rank in ranks if self._store.add(self._key("posted", rank), 0)]
        return {rank: json.loads(self._store.get(self._key("post", rank))) for rank in there}

    def arrive(self, meeting: str) -> None:
        """Count this rank at a meeting."""
        self._store.add(self._key("meeting", meeting), 1)

    def arrived(self, meeting: str) -> int:
        """How many have been counted at a meeting."""
        return int(self._store.add(self._key("meeting", meeting), 0))

    def _key(self, *parts: object) -> str:
        return "/".join([self._prefix, *map(str, parts)])


def connect(distributed: Any, place: Place, patience: float, *, host: bool = False) -> Any:
    """A connection of its own to the store of all ranks; raises when it cannot be had within ``patience`` seconds."""
    limit = timedelta(seconds=patience)
    return distributed.TCPStore(place.address, place.port, place.world, host, limit, wait_for_workers=False)
