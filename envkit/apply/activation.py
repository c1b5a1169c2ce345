"""The command that enters an environment, in the shell that envkit was started from."""

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Way(NamedTuple):
    """A command that enters an environment, and what a person is told before it."""

    command: str
    told: str = ""


class _Shell(NamedTuple):
    scripts: tuple[str, ...]
    """What makers of environments call the script for it."""
    command: Callable[[str], str]


def _powershell(script: str) -> str:
    return "& '" + script.replace("'", "''") + "'"


def _nushell(script: str) -> str:
    return f"overlay use r#'{script}'#"


def _csh(script: str) -> str:
    return f"source {shlex.quote(script)}".replace("!", "\\!")


def _fish(script: str) -> str:
    quoted = script.replace("\\", "\\\\").replace("'", "\\'")
    return f"source {script}" if shlex.quote(script) == script else f"source '{quoted}'"


_POSIX = _Shell(("activate",), lambda script: f". {shlex.quote(script)}")
_CSH = _Shell(("activate.csh",), _csh)
_POWERSHELL = _Shell(("Activate.ps1", "activate.ps1"), _powershell)
_SHELLS = {
    **dict.fromkeys(("bash", "zsh", "sh", "dash", "ksh", "ash", "mksh", "busybox"), _POSIX),
    **dict.fromkeys(("csh", "tcsh"), _CSH),
    **dict.fromkeys(("pwsh", "powershell"), _POWERSHELL),
    "fish": _Shell(("activate.fish",), _fish),
    "nu": _Shell(("activate.nu",), _nushell),
    "xonsh": _Shell(("activate.xsh",), lambda script: f"source {shlex.quote(script)}"),
    "cmd": _Shell(("activate.bat",), lambda script: f'"{script}"'),
}


def activation(path: Path, shell: str) -> str:
    """Return what to type to activate the environment; where it has no script for that shell, for the usual one."""
    folder = path / ("Scripts" if sys.platform == "win32" else "bin")
    usual = _SHELLS["cmd"] if sys.platform == "win32" else _POSIX
    for known in (_SHELLS.get(shell, usual), usual):
        for name in known.scripts:
            if (folder / name).is_file():
                return known.command(str(folder / name))
    return usual.command(str(folder / usual.scripts[0]))


def current_shell(variables: Mapping[str, str] = os.environ) -> str:
    """Return the name of the shell: the nearest one among the processes that envkit was started by, else of SHELL."""
    return shell_among(_ancestors()) or _name(variables.get("SHELL", ""))


def shell_among(programs: Iterable[str]) -> str:
    """Return the first program that is a shell, "" when none is; `sh` between is who runs a script."""
    return next((name for name in map(_name, programs) if name in _SHELLS and name != "sh"), "")


def _ancestors() -> Iterable[str]:
    import psutil

    with suppress(psutil.Error):
        yield from (process.name() for process in psutil.Process().parents())


def _name(program: str) -> str:
    """Return "bash" for "-bash" and "/usr/bin/bash", "cmd" for "CMD.EXE"."""
    name = program.replace("\\", "/").rpartition("/")[2].lower().lstrip("-")
    return name.removesuffix(".exe")
