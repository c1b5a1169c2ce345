"""What the embedded conda says: lines of progress, and foreign messages cut down to a sentence without secrets."""

import re

from envkit.urls import redacted

_TREE = " │├└─"
_LONGEST = 700
"""Characters of a solver's explanation that still read as one sentence; all of it stands in the log."""
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def tell(text: str) -> None:
    """Print a line for whoever runs this process."""
    print(redacted(text), flush=True)  # noqa: T201 - the one way out of a process of its own


def one_line(message: str) -> str:
    """Return a message of several lines, or a tree of reasons, as one sentence.

    Of a chain of causes its two ends tell all: what was tried, and what the system said.
    """
    lines = (line.strip(_TREE) for line in _ESCAPES.sub("", message).splitlines())
    told = redacted("; ".join(dict.fromkeys(line for line in lines if line)))
    first, *causes = told.split("; Caused by: ")
    told = f"{first}: {causes[-1]}" if causes else told
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]} ..."


def megabytes(size: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{size / 1e6:.1f} MB"
