"""A file that one process at a time holds; a lock that its holder did not survive is free."""

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from envkit.errors import EnvkitError

_NOT_THROUGH_A_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class HeldError(Exception):
    """Another process holds the file."""


@contextmanager
def hold(file: Path) -> Iterator[BinaryIO]:
    """Hold the file, made where it was not there; raise `HeldError` when another process does.

    Whoever holds it may remove it: one that waited for the removed file tries again with the one of its name.
    """
    while True:
        try:
            # Not through a link, which leads to somebody's file.
            stream = os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | _NOT_THROUGH_A_LINK, 0o644), "a+b")
        except OSError as refusal:
            raise EnvkitError(
                f"`{file}` cannot be written: {refusal.strerror}", hint="name another path", exit_code=1
            ) from None
        with stream:
            if not _take(stream):
                raise HeldError
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(stream.fileno()), file.stat()):
                    yield stream
                    return


if sys.platform == "win32":
    import msvcrt

    _BEYOND = 2**30
    """A byte that nobody writes: a locked one could not be read by others."""

    def _take(stream: BinaryIO) -> bool:
        stream.seek(_BEYOND)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(stream: BinaryIO) -> bool:
        try:
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system that knows no locks: the process in the journal is asked after instead
        return True
