"""What commands print beside their results: JSON on stdout, a line of progress on stderr."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from envkit.render.events import EventProgress
    from envkit.render.terminal.progress import StepProgress

_CLEAR_LINE = "\r\x1b[K"


@contextmanager
def waiting(verb: str) -> Iterator[Callable[[tuple[str, ...]], None]]:
    """Give a function that shows what is awaited; the line is gone at the end, and when that is nothing.

    Silent without a terminal.
    """
    shown = False

    def show(names: tuple[str, ...]) -> None:
        nonlocal shown
        if sys.stderr.isatty():
            from envkit.render.text import clean

            # Names may come from another program; whatever they hold, they stay on the one line.
            told = " ".join(clean(", ".join(names)).split())
            sys.stderr.write(f"{_CLEAR_LINE}{verb}: waiting for {told}" if names else _CLEAR_LINE)
            sys.stderr.flush()
            shown = True

    try:
        yield show
    finally:
        if shown:
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()


def echo_json(document: Mapping[str, Any]) -> None:
    """Print a command's document, alone on stdout."""
    from envkit.render.json import as_text

    click.echo(as_text(dict(document)))


def step_progress(*, as_json: bool) -> EventProgress | StepProgress:
    """Return who tells the steps of a work: to a program when one is listening, else to a person."""
    if as_json:
        from envkit.render.events import EventProgress

        return EventProgress()
    from envkit.render.terminal.progress import StepProgress

    return StepProgress()
