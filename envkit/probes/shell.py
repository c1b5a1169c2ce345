"""Into which shell the person types who started this: its commands are what a fix must be written in."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_SHELLS = frozenset(
    (
        *("sh", "bash", "zsh", "dash", "ash", "ksh", "mksh", "fish", "csh", "tcsh"),
        *("powershell", "pwsh", "cmd", "nu", "xonsh", "elvish"),
    )
)
_MOST_ANCESTORS = 40
_STAT = re.compile(r"\d+ \((.*)\) \S (\d+) (\d+) ", re.DOTALL)
"""Of /proc/PID/stat: the program's name, its parent and its process group."""


def find_shell(root: Path, os_name: str, variables: Mapping[str, str]) -> str | None:
    """Return the name of the nearest shell above this process that is typed into, else of any, else the user's own.

    One that runs a script or a command has no job control: what it starts stays in its own process group. None where
    nothing tells.
    """
    found = list(_above_on_linux(root) if os_name == "linux" else _above())
    typed = [name for name, is_typed_into in found if is_typed_into]
    return next(iter(typed + [name for name, _ in found]), None) or _by_variables(os_name, variables)


def _above_on_linux(root: Path) -> Iterator[tuple[str, bool]]:
    pid, group = "self", ""
    for _ in range(_MOST_ANCESTORS):
        try:
            told = _STAT.match((root / "proc" / pid / "stat").read_text("utf-8", "replace"))
        except OSError:
            return
        if told is None:
            return
        name, parent, own = _plain(told.group(1)), told.group(2), told.group(3)
        if group and name in _SHELLS:
            yield name, own != group
        pid, group = parent, own


def _above() -> Iterator[tuple[str, bool]]:
    try:
        import psutil

        above = psutil.Process().parents()[:_MOST_ANCESTORS]
    except Exception:  # noqa: BLE001 - the collector runs where psutil is not
        return
    below = os.getpid()
    for process in above:
        try:
            name, typed = _plain(process.name()), _starts_groups(process.pid, below)
        except Exception:  # noqa: BLE001 - it has ended, or is another user's
            return
        if name in _SHELLS:
            yield name, typed
        below = process.pid


def _starts_groups(pid: int, below: int) -> bool:
    # Windows has no such groups.
    return not hasattr(os, "getpgid") or os.getpgid(pid) != os.getpgid(below)


def _plain(program: str) -> str:
    """The name of a program; a shell that logs in is called "-bash"."""
    return re.sub(r"\.exe$", "", program.lower()).lstrip("-")


def _by_variables(os_name: str, variables: Mapping[str, str]) -> str | None:
    own = _plain(re.split(r"[\\/]", variables.get("SHELL", ""))[-1])
    if own in _SHELLS:
        return own
    if os_name != "windows":
        return None
    # PowerShell puts the user's own modules before those of the system, which every process is given.
    if re.search(r"\\Documents\\(Windows)?PowerShell\\", variables.get("PSModulePath", "")):
        return "powershell"
    return "cmd" if "PROMPT" in variables else None
