"""A folder taken for a new environment, and given back as it was found when that fails."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envkit.errors import EnvkitError

_TRIES = 5
_PAUSE = 0.2
"""Seconds between tries: a program that was just killed may write its last file meanwhile."""


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Hold the folder while it is filled; if that fails or is broken off, remove what was made, no more."""
    check_free(path)
    was_there = path.is_dir()
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as refusal:
        raise EnvkitError(
            f"the folder `{path}` cannot be made: {refusal.strerror}", hint="name another path", exit_code=1
        ) from None
    try:
        yield
    except BaseException:
        _empty(path) if was_there else _remove(path)
        for folder in made[1:]:
            with suppress(OSError):
                folder.rmdir()
        raise


def check_free(path: Path) -> None:
    """Raise `EnvkitError` when the path cannot become an environment, for its name or for what is there."""
    if os.pathsep in str(path):
        raise EnvkitError(f"the path of an environment cannot hold `{os.pathsep}`", hint="name another path")
    if not path.exists():
        return
    if not path.is_dir():
        raise EnvkitError(f"`{path}` is there already and is no folder", hint="name another path", exit_code=1)
    if any(path.iterdir()):
        raise EnvkitError(
            f"`{path}` is there already and is not empty",
            hint="name another path, or remove that folder first",
            exit_code=1,
        )


def _remove(path: Path) -> None:
    for _ in range(_TRIES):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
        time.sleep(_PAUSE)


def _empty(path: Path) -> None:
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            _remove(entry)
        else:
            entry.unlink(missing_ok=True)
