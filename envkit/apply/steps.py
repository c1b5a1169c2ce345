"""One command of the making of an environment, and where an environment keeps its interpreter."""

import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from envkit.urls import redacted

MAKE_TIMEOUT = 600.0
INSTALL_TIMEOUT = 6 * 3600.0
"""Seconds: 3 GB over a slow line take hours, and the installers themselves give up on a server that falls silent."""


class Step(NamedTuple):
    """One command and what it is for.

    Each can be run again on what an earlier, broken-off run of it left: that is how a killed run is gone on with.
    """

    name: str
    argv: tuple[str, ...]
    timeout: float
    call: Callable[[Mapping[str, str]], None] | None = None
    """Does the same inside envkit, where a library spares the process, with these environment variables; raises what
    it likes when it fails."""
    brings: tuple[str, ...] = ()
    """Packages that are in the environment after it."""
    variables: tuple[tuple[str, str], ...] = ()
    """Environment variables for this command alone: what may hold a password is on no command line."""

    @property
    def shown(self) -> tuple[str, ...]:
        """The command as it may be shown and kept."""
        return tuple(map(redacted, self.argv))

    @property
    def line(self) -> str:
        """The command with its variables, as it is typed on this system, without credentials."""
        if sys.platform == "win32":
            return subprocess.list2cmdline(self.shown)
        settings = [f"{name}={shlex.quote(redacted(value))}" for name, value in self.variables]
        return " ".join((*settings, shlex.join(self.shown)))


def interpreter_in(path: Path, *, conda: bool = False) -> Path:
    """Return where the interpreter of an environment lies: conda keeps it at the root on Windows."""
    if sys.platform == "win32":
        return path / "python.exe" if conda else path / "Scripts" / "python.exe"
    return path / "bin" / "python"
