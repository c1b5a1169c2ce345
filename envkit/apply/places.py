"""Places for environments: what may be made at a path, and where the journal of its making lies."""

import errno
import os
import sys
from contextlib import suppress
from enum import Enum
from pathlib import Path

from envkit.apply.ownership import is_environment
from envkit.apply.record import RECORD, read_record
from envkit.errors import EnvkitError
from envkit.planning.quoting import UnquotableError, check_printable

_SHOWN = 80
"""Characters of a path that is too long for anything."""


class Mode(str, Enum):
    """What may be done with an environment that is there."""

    NEW = "new"
    UPDATE = "update"
    REPLACE = "replace"


def place_of(path: Path) -> Path:
    """Return the absolute path that is meant, a link followed; raise `EnvkitError` where none can be made there."""
    if os.pathsep in str(path):
        raise EnvkitError(f"the path of an environment cannot hold `{os.pathsep}`", hint="name another path")
    place = path.absolute()
    try:
        check_printable(str(place))
    except UnquotableError as problem:  # what an environment keeps its own path in is text of whole lines
        raise EnvkitError(
            f"the path of an environment cannot be {str(place)!r}: {problem}", hint="name another"
        ) from None
    _check_length(path, place)
    if place.is_symlink() and not place.exists():
        raise EnvkitError(f"`{path}` is a link that leads nowhere", hint="remove it, or name another path", exit_code=1)
    return Path(os.path.realpath(place)) if place.is_symlink() else place


def _check_length(path: Path, place: Path) -> None:
    """Refuse what the system cannot name: the path, or the longer one of its journal."""
    if not all(map(_can_be_named, (place, place.parent / f".{place.name}.envkit"))):
        shown = _shortened(str(path))
        raise EnvkitError(f"no environment can be made at a path that long: `{shown}`", hint="name a shorter one")


def _can_be_named(path: Path) -> bool:
    try:
        path.lstat()
    except OSError as refusal:
        return refusal.errno not in (errno.ENAMETOOLONG, errno.EINVAL)
    return True


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 2 :]}"


def check_place(path: Path, mode: Mode) -> Mode:
    """Return what is to be done with what is at the path; raise `EnvkitError` where that was not asked for."""
    if path.exists() and not path.is_dir():
        raise EnvkitError(f"`{path}` is there already and is no folder", hint="name another path", exit_code=1)
    if not path.exists() or not any(entry != journal_file(path) for entry in path.iterdir()):
        return Mode.NEW
    if not is_environment(path):
        raise EnvkitError(
            f"`{path}` is there already and is not empty",
            hint="name another path, or remove that folder first",
            exit_code=1,
        )
    if mode is Mode.NEW:
        raise EnvkitError(
            f"`{path}` is an environment already",
            hint="`--update` brings it to the plan, `--replace` makes it anew; or name another path",
            exit_code=1,
        )
    if mode is Mode.REPLACE:
        _check_replaceable(path)
    return mode


def _check_replaceable(path: Path) -> None:
    if any(Path(prefix).resolve().is_relative_to(path.resolve()) for prefix in (sys.prefix, sys.base_prefix)):
        raise EnvkitError(f"envkit itself runs from `{path}`", hint="run it from another environment", exit_code=1)
    if not (read_record(path) or {}).get("made"):
        raise EnvkitError(
            f"`{path}` was not made by envkit (no {RECORD} in it says so), and what others made is not removed",
            hint="`--update` brings it to the plan; or remove it yourself, or name another path",
            exit_code=1,
        )


def is_unfinished(path: Path) -> bool:
    """Tell whether a run was killed over that path, or still is at work on it."""
    file = journal_file(path)
    return file.is_file() and file.stat().st_size > 0


def journal_file(path: Path) -> Path:
    """Return where the journal lies: beside the environment, or in it where nothing may be written beside."""
    beside = path.parent / f".{path.name}.envkit"
    return path / ".envkit" if path.is_dir() and not os.access(path.parent, os.W_OK) else beside


def missing_above(folder: Path) -> tuple[Path, ...]:
    """Return the folder and those above it that are not there, deepest first."""
    return tuple(above for above in (folder, *folder.parents) if not above.exists())


def make_folder(folder: Path) -> None:
    """Make the folder with those above it; raise `EnvkitError` where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as refusal:
        raise EnvkitError(
            f"the folder `{folder}` cannot be made: {refusal.strerror}", hint="name another path", exit_code=1
        ) from None


def remove_empty(folders: tuple[Path, ...]) -> None:
    """Remove those of the folders that are empty."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
