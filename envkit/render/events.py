"""Progress for a program: one JSON object a line, each with its `event`."""

import json
import sys
from typing import Any, TextIO


class EventProgress:
    """Tells the steps of a work as events: told, resumed, started, said, received, ended."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def __enter__(self) -> "EventProgress":  # noqa: PYI034 - Self is 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        """Leave nothing behind: every line stands for itself."""

    def told(self, text: str) -> None:
        """Tell something that had to be decided."""
        self._tell("told", text=text)

    def resumed(self, done: int) -> None:
        """Tell that so many steps were done by a run that was killed."""
        self._tell("resumed", done=done)

    def started(self, name: str, number: int, total: int) -> None:
        """Tell that a step begins."""
        self._tell("started", step=name, number=number, total=total)

    def said(self, line: str) -> None:
        """Tell a line of the step's output."""
        self._tell("said", line=line)

    def received(self, done: int, total: int) -> None:
        """Tell how many bytes of a file have come."""
        self._tell("received", bytes=done, of=total)

    def ended(self, seconds: float) -> None:
        """Tell that the step succeeded."""
        self._tell("ended", seconds=round(seconds, 3))

    def _tell(self, event: str, **more: Any) -> None:
        # One write a line: steps talk from several threads.
        self._stream.write(json.dumps({"event": event, **more}) + "\n")
        self._stream.flush()
