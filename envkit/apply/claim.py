"""A path taken for an environment: by one run at a time, given back as it was found when the run fails.

A run that was killed leaves its journal beside the path. The next run with the same commands goes on where that one
was stopped; any other first puts things back as they were.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envkit.apply.journal import Begun, Journal, is_at_work, stop_survivors
from envkit.apply.lock import HeldError, hold
from envkit.apply.ownership import forget_torn, is_environment, is_marked, mark, remove_environment, unmark
from envkit.apply.places import Mode, check_place, is_unfinished, journal_file, make_folder, missing_above, remove_empty
from envkit.apply.record import read_record
from envkit.errors import EnvkitError

_TRIES = 3
_PAUSE = 0.2
"""Seconds between tries: a program that was just killed may write its last file meanwhile."""


class Claim:
    """A path that is held. `done` steps were done by a run that was killed and is gone on with."""

    def __init__(self, path: Path, mode: Mode, journal: Journal, done: int) -> None:
        self.path = path
        self.mode = mode
        self.journal = journal
        self.done = done
        self.is_complete = False
        self.is_put_away = False
        """Whether what it replaced is gone: if that was broken off, the journal stays for the next run to end it."""
        self.left: tuple[Path, ...] = ()
        """What somebody else had put into an environment that was replaced, where it lies now."""

    def complete(self) -> None:
        """Note that the environment is made: from here on it stays, and what it replaced goes."""
        self.journal.finish()
        self.is_complete = True
        self.left = _put_away(self.journal.read())
        self.is_put_away = True


@contextmanager
def claimed(path: Path, mode: Mode, what: str) -> Iterator[Claim]:
    """Hold the path while it is filled; if that fails or is broken off before it is complete, put things back.

    `what` identifies the commands: an unfinished run of the same ones is gone on with, also one that was killed when
    the environment was complete and only what follows was not.
    """
    file = journal_file(path)
    made = missing_above(file.parent)
    make_folder(file.parent)
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
                if claim.is_complete == claim.is_put_away:
                    journal.remove()
                    unmark(path)
                if left and isinstance(failure, EnvkitError):
                    failure.hint += f"; what envkit did not make stays: {_some(left)}"
                raise
            journal.remove()
            unmark(path)
    except HeldError:
        # What is to be changed is where it is; what is to be made may be made elsewhere.
        hint = "wait for it" if mode is Mode.UPDATE else "wait for it, or name another path"
        raise EnvkitError(f"another envkit is at work on `{path}`", hint=hint, exit_code=1) from None
    finally:
        remove_empty(made)


def check_finished(path: Path) -> None:
    """Raise `EnvkitError` where a killed run was making the environment: whoever claims its path would take it away."""
    file = journal_file(path)
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
        if stop_survivors(begun.mark):
            begun = begun.lasting_till_now()
        is_ours = is_marked(path, begun.first_mark)
        if is_ours and _can_go_on(begun, path, what):
            return _go_on(begun, path, journal)
        if is_ours or not path.exists():
            _restore(path, begun)
        # Else somebody has put something of their own in its place, of which the journal knows nothing.
    try:
        mode = check_place(path, mode)
    except EnvkitError as refusal:
        if begun and begun.aside and Path(begun.aside).is_dir():
            refusal.hint += f"; what a killed run had moved out of the way lies at `{begun.aside}`"
        journal.remove()
        raise
    missing = (*(() if path.exists() else (path,)), *made)
    aside = _aside(path) if mode is Mode.REPLACE else None
    journal.begin(what=what, mode=mode.value, made=tuple(map(str, missing)), aside=str(aside or ""))
    try:
        if aside:
            path.rename(aside)
        path.mkdir(parents=True, exist_ok=True)
        mark(path, journal.mark)
    except OSError as refusal:
        _give_up(path, journal)
        raise EnvkitError(
            f"the folder `{path}` cannot be made: {refusal.strerror}", hint="name another path", exit_code=1
        ) from None
    return Claim(path, mode, journal, 0)


def _go_on(begun: Begun, path: Path, journal: Journal) -> Claim:
    forget_torn(path, begun.spans)
    journal.go_on()
    claim = Claim(path, Mode(begun.mode), journal, begun.done)
    if begun.finished:
        claim.complete()
    return claim


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
        return _put_away(begun)
    if begun.mode == Mode.UPDATE:
        # In somebody's own environment what pip had put aside is the only copy of what was there.
        forget_torn(path, begun.spans, stash=bool((read_record(path) or {}).get("made")))
        return ()
    if aside and not aside.is_dir():
        return ()
    left = remove_environment(path, begun.spans)
    for _ in range(_TRIES if left else 0):
        time.sleep(_PAUSE)
        left = remove_environment(path, begun.spans)
    if aside:
        left = _make_way(path, left)
        aside.rename(path)
    else:
        remove_empty(tuple(map(Path, begun.made)))
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


def _put_away(begun: Begun | None) -> tuple[Path, ...]:
    """Remove the environment that was replaced, and return what stays of it."""
    if begun is None or not begun.aside:
        return ()
    aside = Path(begun.aside)
    left = remove_environment(aside)
    with suppress(OSError):
        aside.rmdir()
    return left


def _aside(path: Path) -> Path:
    """Return a free name beside the path for what is moved out of the way."""
    names = (path.with_name(f"{path.name}.before{number or ''}") for number in range(10**6))
    return next(name for name in names if not name.exists() and not name.is_symlink())
