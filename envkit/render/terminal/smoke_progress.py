"""How a smoke run goes, on one line of stderr: what is measured now, how far, and how much of the budget is left.

A terminal that cannot write over a line, and a pipe, are spared it.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from envkit.render.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

_CLEAR_LINE = "\r\x1b[K"
_TICK = 0.5
_SPEED = ("conditions", "progress")
"""The events that are told while the budget for speed is spent."""


class SmokeState:
    """What the events of a run tell of how far it is."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._place: dict[str, Any] = {}
        self._places = 0
        self._done = 0
        self._checks = 0
        self._doing = ""
        self._budget = 0.0
        self._speed_since: float | None = None

    def hear(self, event: dict[str, Any]) -> None:
        """Take an event."""
        kind = event.get("event")
        if kind == "start":
            self._start(event)
        if isinstance(event.get("device"), str):
            self._move(event)
        if kind in ("result", "skip"):
            self._done += 1
        self._checks += kind == "check"
        if kind in _SPEED:
            self._speed_since = self._clock() if self._speed_since is None else self._speed_since
            self._doing = _doing(event)

    def _start(self, event: dict[str, Any]) -> None:
        axes = (event.get(name) for name in ("requested", "workloads", "dtypes", "variants"))
        self._places = 1
        for axis in axes:
            self._places *= len(axis) if isinstance(axis, list) else 1
        budget = event.get("budget")
        self._budget = float(budget) if isinstance(budget, (int, float)) else 0.0
        self._done = self._checks = 0

    def _move(self, event: dict[str, Any]) -> None:
        if event["device"] != self._place.get("device"):
            self._speed_since, self._doing = None, ""
        self._place = event

    def line(self) -> str:
        """Return what is being done, in a line."""
        names = (self._place.get(name) for name in ("device", "workload", "dtype", "variant"))
        now = " ".join(name for name in names if isinstance(name, str)) or "importing torch"
        parts = [
            now,
            self._doing,
            f"{min(self._done, self._places)} of {self._places} trainings" if self._places else "",
        ]
        parts += [f"{self._checks} checks" if self._checks else "", f"{self._clock() - self._began:.0f} s"]
        if self._speed_since is not None and self._budget:
            left = max(0.0, self._budget - (self._clock() - self._speed_since))
            parts.append(f"{left:.0f} s of {self._budget:.0f} s for speed left")
        return ", ".join(filter(None, parts))


def _doing(event: dict[str, Any]) -> str:
    part = event.get("part")
    return f"{part:.0%} timed" if isinstance(part, (int, float)) else "preparing sizes"


class SmokeProgress:
    """Shows the state while it is entered; the line is gone at the end."""

    def __init__(self, *, repeat: int = 1, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._state = SmokeState()
        self._repeat, self._run = repeat, 0
        self._over = threading.Event()
        self._writing = threading.Lock()

    def __enter__(self) -> SmokeProgress:  # noqa: PYI034 - Self is 3.11
        if self._live:
            threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        with self._writing:
            self._over.set()
            if self._live:
                self._stream.write(_CLEAR_LINE)
                self._stream.flush()

    def hear(self, event: dict[str, Any]) -> None:
        """Take an event, and show where the run is."""
        self._run += event.get("event") == "start"
        self._state.hear(event)
        self._show()

    def _tick(self) -> None:
        while not self._over.wait(_TICK):
            self._show()

    def _show(self) -> None:
        if not self._live:
            return
        which = f"run {max(self._run, 1)} of {self._repeat}: " if self._repeat > 1 else ""
        # What a foreign program named must not move the cursor, nor begin a second line.
        told = " ".join(clean(f"smoke: {which}{self._state.line()}").split())
        with self._writing:
            if not self._over.is_set():
                self._stream.write(_CLEAR_LINE + told[: shutil.get_terminal_size().columns - 1])
                self._stream.flush()
