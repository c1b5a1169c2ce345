"""How the making of an environment goes, in the terminal."""

import os
import shutil
import sys
import threading
from typing import TextIO

from envkit.render.terminal.lines import Lines, Style
from envkit.render.text import clean, duration, size

_CLEAR_LINE = "\r\x1b[K"


class StepProgress:
    """Tells the steps of a work as they go: a line each, and on a terminal what is being done right now."""

    def __init__(self, stream: TextIO | None = None, *, live: bool | None = None, width: int | None = None) -> None:
        """Take from the stream itself whether there is a line to be written over, and how wide it is."""
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty() and os.environ.get("TERM") != "dumb" if live is None else live
        self._width = width or shutil.get_terminal_size().columns
        self._out = Lines(self._stream) if width is None else Lines(self._stream, width=width)
        self._heading = ""
        self._at_work = False
        self._writing = threading.Lock()

    def __enter__(self) -> "StepProgress":  # noqa: PYI034 - Self is 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self._hide()

    def told(self, text: str) -> None:
        """Tell something that had to be decided."""
        self._out.styled("note", Style.WARNING, f"  {text}")

    def resumed(self, done: int) -> None:
        """Tell that so many steps were done by a run that was killed."""
        self._out.line(f"going on where a run was stopped: {done} of its steps {'is' if done == 1 else 'are'} done")

    def started(self, name: str, number: int, total: int) -> None:
        """Tell that a step begins."""
        self._heading = f"{number}/{total}  {name}"
        self._at_work = True
        if self._live:
            self._show("")
        else:
            self._out.line(self._heading)
        self._stream.flush()

    def said(self, line: str) -> None:
        """Show the last line of the step's output; a pipe is spared them."""
        if line.strip():
            self._show(line.strip())

    def received(self, done: int, total: int) -> None:
        """Show how many bytes of a file have come."""
        self._show(f"{size(done)} of {size(total)}")

    def ended(self, seconds: float) -> None:
        """Tell that the step succeeded."""
        self._hide()
        self._out.line(f"{self._heading}  done in {duration(seconds)}")
        self._stream.flush()

    def _show(self, said: str) -> None:
        with self._writing:
            if self._live and self._at_work:
                # Control characters would move the cursor; what does not fit would begin a second line.
                told = " ".join(clean(f"{self._heading}  {said}").split())[: self._width - 1]
                self._stream.write(f"{_CLEAR_LINE}{told}")
                self._stream.flush()

    def _hide(self) -> None:
        with self._writing:
            if self._live and self._at_work:
                self._stream.write(_CLEAR_LINE)
            self._at_work = False
