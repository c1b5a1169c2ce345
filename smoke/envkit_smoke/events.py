"""The stream of events: strict JSON, one object a line, on a standard output that nothing else can write to.

``smoke/README.md`` documents the events and their fields.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any, TextIO

SCHEMA_VERSION = 2


class EventStream:
    """Writes events to a file and flushes each, so that a reader sees them as they happen."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def emit(self, event: str, **fields: Any) -> None:
        """Write one event. Numbers that JSON lacks become null, and ``not_finite`` says which they were."""
        strict, lost = to_strict(fields)
        if lost:
            strict["not_finite"] = lost
        self._file.write(json.dumps({"event": event, **strict}, allow_nan=False) + "\n")
        self._file.flush()


def to_strict(fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields with null for NaN and the infinities, and what was lost: {"losses.3": "inf"}."""
    lost: dict[str, str] = {}

    def strict(value: Any, path: str) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            lost[path] = str(value)
            return None
        if isinstance(value, dict):
            return {key: strict(part, _join(path, key)) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [strict(part, _join(path, index)) for index, part in enumerate(value)]
        return value

    return strict(fields, ""), lost


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def claim_stdout() -> TextIO:
    """Keep the real standard output for events and let file descriptor 1 mean standard error from now on.

    Libraries print, some from native code straight to the descriptor. What Python code has printed before but
    not yet flushed also ends up on standard error, since its flush comes after the switch.
    """
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    try:
        os.dup2(2, 1)
    except OSError:  # standard error is closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return events
