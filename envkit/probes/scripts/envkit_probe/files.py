"""Looking at files and folders: what cannot be read is None or nothing, never an error and never waited for."""

import os

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

MOST = 2**26
"""Bytes that are read of one file: the longest metadata is a hundredth of it."""


USUAL = 2**15


def is_text(entry):
    # type: (Any) -> bool
    """Whether the import system looks at an entry of the search path at all; it passes over a pathlib.Path."""
    return isinstance(entry, str)


def real(entry):
    # type: (str) -> str
    """The folder that an entry of the search path means, without links; "" means the current one."""
    try:
        return os.path.realpath(entry or ".")
    except OSError:  # a relative entry, and the current folder was deleted
        return entry


def listing(folder):
    # type: (str) -> list[str]
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def is_closed(folder):
    # type: (str) -> bool
    """Whether a folder is there that this user may not look into."""
    return os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK)


def read_text(path):
    # type: (str) -> str | None
    data = read_bytes(path)
    return None if data is None else data.decode("utf-8", "replace")


def read_bytes(path):
    # type: (str) -> bytes | None
    # To open a pipe waits for somebody who writes into it; a device may have no end.
    if not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            data = file.read(USUAL)
            # Room is made for as much as is asked for.
            return data + file.read(MOST) if len(data) == USUAL else data
    except (OSError, IOError):
        return None
