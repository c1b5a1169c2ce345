"""A path taken for an environment: by one run at a time, given back as it was found when the run fails.

A run that was killed leaves its journal beside the path. The next run with the same commands goes on where that one
was stopped; any other first puts things back as they were.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

from envkit.apply.journal import Begun, Journal, is_at_work, stop_survivors
from envkit.apply.lock import HeldError, hold
from envkit.apply.ownership import forget_torn, is_environment, remove_environment
from envkit.errors import EnvkitError
from envkit.planning.quoting import UnquotableError, check_printable

_TRIES = 3
_PAUSE = 0.2
"""Seconds between tries: a program that was just killed may write its last file meanwhile."""


class Mode(str, Enum):
    """What may be done with an environment that is there."""

    NEW = "new"
    UPDATE = "update"
    REPLACE = "replace"


class Claim:
    """A path that is held. `done` steps were done by a run that was killed and is gone on with."""

    def __init__(self, path: Path, mode: Mode, journal: Journal, done: int) -> None:
        self.path = path
        self.mode = mode
        self.journal = journal
        self.done = done
        self.is_complete = False
        self.left: tuple[Path, ...] = ()
        """What somebody else had put into an environment that was replaced, where it lies now."""

    def complete(self) -> None:
        """Note that the environment is made: from here on it stays, and what it replaced goes."""
        self.journal.finish()
        self.is_complete = True
        self.left = _put_away(self.path, self.journal.read())


@contextmanager
def claimed(path: Path, mode: Mode, what: str) -> Iterator[Claim]:
    """Hold the path while it is filled; if that fails or is broken off before it is complete, put things back.

    `what` identifies the commands: an unfinished run of the same ones is gone on with, also one that was killed when
    the environment was complete and only what follows was not.
    """
    file = _journal_file(path)
    made = _missing_above(file.parent)
    _make_folder(file.parent)
    try:
        with hold(file) as stream:
            journal = Journal(stream, file)
            claim = _take(path, mode, what, journal, made)
            try:
                yield claim
            except BaseException as failure:
                journal.beat()
                # The journal goes last: who is broken off over this too leaves it to the next run.
                left = () if claim.is_complete else _give_up(path, journal)
                journal.remove()
                if left and isinstance(failure, EnvkitError):
                    failure.hint += f"; what envkit did not make stays: {_some(left)}"
                raise
            journal.remove()
    except HeldError:
        raise EnvkitError(
            f"another `envkit create` is at work on `{path}`", hint="wait for it, or name another path", exit_code=1
        ) from None
    finally:
        _remove_empty(made)


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
    if place.is_symlink() and not place.exists():
        raise EnvkitError(f"`{path}` is a link that leads nowhere", hint="remove it, or name another path", exit_code=1)
    return Path(os.path.realpath(place)) if place.is_symlink() else place


def check_place(path: Path, mode: Mode) -> Mode:
    """Return what is to be done with what is at the path; raise `EnvkitError` where that was not asked for."""
    if path.exists() and not path.is_dir():
        raise EnvkitError(f"`{path}` is there already and is no folder", hint="name another path", exit_code=1)
    if not path.exists() or not any(entry != _journal_file(path) for entry in path.iterdir()):
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
    if mode is Mode.REPLACE and Path(sys.prefix) == path:
        raise EnvkitError(f"envkit itself runs from `{path}`", hint="run it from another environment", exit_code=1)
    return mode


def is_unfinished(path: Path) -> bool:
    """Tell whether a run was killed over that path, or still is at work on it."""
    file = _journal_file(path)
    return file.is_file() and file.stat().st_size > 0


def check_finished(path: Path) -> None:
    """Raise `EnvkitError` where a killed run was making the environment: whoever claims its path would take it away."""
    file = _journal_file(path)
    if not is_unfinished(path):
        return
    with file.open("rb") as stream:
        begun = Journal(stream, file).read()
    if begun is not None and begun.mode != Mode.UPDATE:
        raise EnvkitError(
            f"the making of `{path}` was broken off",
            hint="the same `envkit create --apply` again finishes it",
            exit_code=1,
        )


def _take(path: Path, mode: Mode, what: str, journal: Journal, made: tuple[Path, ...]) -> Claim:
    begun = journal.read()
    if begun is not None:
        if begun.process != os.getpid() and is_at_work(begun):
            raise HeldError
        stop_survivors(begun.mark)
        if _can_go_on(begun, path, what):
            forget_torn(path, begun.spans)
            journal.go_on()
            claim = Claim(path, Mode(begun.mode), journal, begun.done)
            if begun.finished:
                claim.complete()
            return claim
        _restore(path, begun)
    try:
        mode = check_place(path, mode)
    except EnvkitError:
        journal.remove()
        raise
    missing = (*(() if path.exists() else (path,)), *made)
    aside = _aside(path) if mode is Mode.REPLACE else None
    journal.begin(what=what, mode=mode.value, made=tuple(map(str, missing)), aside=str(aside or ""))
    try:
        if aside:
            path.rename(aside)
        path.mkdir(parents=True, exist_ok=True)
    except OSError as refusal:
        _give_up(path, journal)
        raise EnvkitError(
            f"the folder `{path}` cannot be made: {refusal.strerror}", hint="name another path", exit_code=1
        ) from None
    return Claim(path, mode, journal, 0)


def _can_go_on(begun: Begun, path: Path, what: str) -> bool:
    if begun.what != what:
        return False
    if begun.finished:
        return is_environment(path)
    return begun.mode != Mode.REPLACE or Path(begun.aside).is_dir()


def _give_up(path: Path, journal: Journal) -> tuple[Path, ...]:
    begun = journal.read()
    left = _restore(path, begun) if begun else ()
    journal.remove()
    return left


def _restore(path: Path, begun: Begun) -> tuple[Path, ...]:
    """Put things back as they were before the run began, and return what somebody else put there, which stays.

    What was being updated stays as far as that came.
    """
    aside = Path(begun.aside) if begun.aside else None
    if begun.finished:
        return _put_away(path, begun)
    if begun.mode == Mode.UPDATE or (aside and not aside.is_dir()):
        return ()
    left = remove_environment(path, begun.spans)
    for _ in range(_TRIES if left else 0):
        time.sleep(_PAUSE)
        left = remove_environment(path, begun.spans)
    if aside:
        left = _make_way(path, left)
        aside.rename(path)
    else:
        _remove_empty(tuple(map(Path, begun.made)))
    return left


def _make_way(path: Path, left: tuple[Path, ...]) -> tuple[Path, ...]:
    """Clear the path for what belongs there; what somebody put there meanwhile is moved, not removed."""
    try:
        path.rmdir()
    except FileNotFoundError:
        return ()
    except OSError:
        moved = _aside(path)
        path.rename(moved)
        return tuple(moved / file.relative_to(path) for file in left)
    return ()


def _some(files: tuple[Path, ...]) -> str:
    return ", ".join(f"`{file}`" for file in files[:3]) + (", ..." if len(files) > 3 else "")


def _put_away(path: Path, begun: Begun | None) -> tuple[Path, ...]:
    """Remove the environment that was replaced, and return what stays of it."""
    if begun is None or not begun.aside:
        return ()
    aside = Path(begun.aside)
    left = remove_environment(aside, home=path)
    with suppress(OSError):
        aside.rmdir()
    return left


def _aside(path: Path) -> Path:
    """Return a free name beside the path for what is moved out of the way."""
    names = (path.with_name(f"{path.name}.before{number or ''}") for number in range(10**6))
    return next(name for name in names if not name.exists() and not name.is_symlink())


def _journal_file(path: Path) -> Path:
    """Return where the journal lies: beside the environment, or in it where nothing may be written beside."""
    beside = path.parent / f".{path.name}.envkit"
    return path / ".envkit" if path.is_dir() and not os.access(path.parent, os.W_OK) else beside


def _missing_above(folder: Path) -> tuple[Path, ...]:
    return tuple(above for above in (folder, *folder.parents) if not above.exists())


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as refusal:
        raise EnvkitError(
            f"the folder `{folder}` cannot be made: {refusal.strerror}", hint="name another path", exit_code=1
        ) from None


def _remove_empty(folders: tuple[Path, ...]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
