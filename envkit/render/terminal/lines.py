"""Plain lines for a terminal, made without a library: what has to appear at once.

The import of Rich, which lays out tables and Markdown, takes as long as all else that `envkit create` does to write a
recipe, and a fifth of what `envkit doctor --quick` does.
"""

import os
import sys
import textwrap
from collections.abc import Iterable
from enum import Enum
from typing import TextIO

from envkit.render.text import clean

_PIPE_WIDTH = 100
"""Columns for a reader that is no terminal."""
_NARROWEST = 20
"""Columns that a value gets, however narrow the terminal is."""
_GAP = 2


Rows = Iterable[tuple[str, str]]
"""Names, each with its value."""


class Style(str, Enum):
    """How a word stands out: "Select Graphic Rendition" parameters of ECMA-48."""

    GOOD = "1;32"
    WARNING = "1;33"
    BAD = "1;31"
    STRONG = "1"
    DIM = "2"
    GAP = "33"
    COMMAND = "36"


class Lines:
    """A stream, as wide and as colourful as its reader is."""

    def __init__(self, stream: TextIO, *, width: int | None = None, coloured: bool | None = None) -> None:
        """Take width and colour from the stream itself where they are not given."""
        self._stream = stream
        self._width = _width_of(stream) if width is None else width
        self._coloured = _shows_colour(stream) if coloured is None else coloured

    def line(self, text: str = "", style: Style | None = None, *, indent: int = 0) -> None:
        """Write a line, folded to the width, unsafe characters shown as escapes."""
        for line in _fold(clean(text), max(self._width - indent, _NARROWEST)) or [""]:
            self._stream.write(f"{' ' * indent}{self._in_style(line, style)}".rstrip(" ") + "\n")

    def whole(self, text: str, style: Style | None = None, *, indent: int = 0) -> None:
        """Write a line that is never folded, so that a command is whole when it is copied."""
        self._stream.write(f"{' ' * indent}{self._in_style(text, style)}\n")

    def styled(self, word: str, style: Style, rest: str = "") -> None:
        """Write a line that begins with a word that stands out."""
        first, *more = _fold(clean(rest), max(self._width - len(clean(word)), _NARROWEST)) or [""]
        self._stream.write(f"{self._in_style(word, style)}{first}\n")
        self._stream.writelines(f"  {line}\n" for line in more)

    def facts(self, rows: Rows, *, indent: int = 0) -> None:
        """Write names and values side by side, the values folded to the width that is left."""
        told = [(clean(name), clean(value)) for name, value in rows]
        column = indent + max((len(name) for name, _ in told), default=0) + _GAP
        for name, value in told:
            first, *more = _fold(value, max(self._width - column, _NARROWEST)) or [""]
            padding = " " * (column - indent - len(name))
            shown = self._in_style(name, Style.DIM) if name else ""
            self._stream.write(f"{' ' * indent}{shown}{padding}{first}".rstrip() + "\n")
            self._stream.writelines(f"{' ' * column}{line}\n" for line in more)

    def _in_style(self, word: str, style: Style | None) -> str:
        return f"\x1b[{style.value}m{clean(word)}\x1b[0m" if self._coloured and style else clean(word)


def output() -> Lines:
    """Return the lines of stdout, where results go."""
    return Lines(sys.stdout)


def errors() -> Lines:
    """Return the lines of stderr, where progress and reasons go."""
    return Lines(sys.stderr)


def _fold(text: str, width: int) -> list[str]:
    return [line for part in text.splitlines() for line in textwrap.wrap(part, width, break_on_hyphens=False) or [""]]


def _width_of(stream: TextIO) -> int:
    if not stream.isatty():
        return int(columns) if (columns := os.environ.get("COLUMNS", "")).isdigit() else _PIPE_WIDTH
    import shutil

    return shutil.get_terminal_size().columns


def _shows_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
