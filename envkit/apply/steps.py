"""One command of the making of an environment, and where an environment keeps its interpreter."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MAKE_TIMEOUT = 600.0
INSTALL_TIMEOUT = 3600.0


class Step(NamedTuple):
    """One command and what it is for.

    Each can be run again on what an earlier, broken-off run of it left: that is how a killed run is gone on with.
    """

    name: str
    argv: tuple[str, ...]
    timeout: float
    call: Callable[[], None] | None = None
    """Does the same inside envkit, where a library spares the process; raises what it likes when it fails."""


def interpreter_in(path: Path) -> Path:
    """Return where the interpreter of an environment lies."""
    return path / "Scripts" / "python.exe" if sys.platform == "win32" else path / "bin" / "python"
