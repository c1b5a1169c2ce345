"""What every page in the terminal is made of."""

import os
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from envkit.render.text import clean

Rows = Iterable[tuple[str, str]]


class _Console(Console):
    """A console that leaves a reader's early exit to the command line: Rich would end the program with code 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """Return a console for stdout or stderr; colour only where a person looks (NO_COLOR is respected)."""
    stream = sys.stderr if stderr else sys.stdout
    # Rich takes 80 columns for a pipe; an unwrapped pipe is easier to grep.
    width = None if stream.isatty() or "COLUMNS" in os.environ else 100
    return _Console(stderr=stderr, highlight=False, emoji=False, markup=False, width=width)


def fact_table(rows: Rows) -> Table:
    """Return names and values side by side, the values folded to the width that is left."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(clean(name), style="dim"), Text(clean(value)))
    return table
