"""What has to hold before anything is made: a path that can be written, and room on its disk."""

import os
import shutil
from pathlib import Path

from envkit.apply.places import Mode, check_place, is_unfinished
from envkit.errors import EnvkitError

LEAST = 20 * 10**6
"""Bytes that an environment with pip alone takes; what goes beside it may not be known."""


def check_before(path: Path, mode: Mode, need: int | None) -> None:
    """Raise `EnvkitError` where the making is bound to fail.

    `need` is about how many bytes it takes, None where that is not known. What a killed run left at the path is looked
    at when its journal is.
    """
    if not is_unfinished(path):
        check_place(path, mode)
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        why = "may not be written to" if there.is_dir() else "is no folder"
        raise EnvkitError(f"the folder `{path}` cannot be made: `{there}` {why}", hint="name another path", exit_code=1)
    need = LEAST if need is None else need
    free = shutil.disk_usage(there).free
    if free < need:
        raise EnvkitError(
            f"there is too little room for it: it takes about {_megabytes(need)}, and `{there}` has "
            f"{_megabytes(free)} free",
            hint="free some space, or name a path on another disk",
            exit_code=1,
        )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count < 10**9 else f"{count / 1e9:.1f} GB"
