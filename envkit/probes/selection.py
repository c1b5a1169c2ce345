"""Which interpreter is meant: a path, a name, a conda environment, or what is active here."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from envkit.probes.paths import exists, is_file, is_file_or_link, is_folder
from envkit.snapshot import Absent


class Choice(NamedTuple):
    """An interpreter to look at, and why that one."""

    executable: str
    chosen_by: str


def choose_interpreter(asked: str | None, variables: Mapping[str, str] = os.environ) -> Choice | Absent:
    """Find the interpreter that `asked` names, or the one that a run here would use.

    With nothing asked: the active environment, else the environment that envkit itself lives in
    when that holds torch, else the interpreter on PATH.
    """
    if asked is not None:
        return _find(asked)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = variables.get(variable)
        active = _of_active(variable, Path(prefix)) if prefix else None
        if active:
            return active
    if sys.prefix != sys.base_prefix and _holds_torch():
        return Choice(sys.executable, "envkit's own environment, which holds torch")
    return _on_path() or Absent(why="no environment is active and neither `python3` nor `python` is on PATH")


def _find(asked: str) -> Choice | Absent:
    path = Path(os.path.expanduser(asked))  # noqa: PTH111 - pathlib's raises where there is no such user
    if is_folder(path):
        inside = interpreter_in(path)
        if inside:
            return Choice(str(inside), f"--python {asked}")
        environment = str(path) if is_environment(path) else ""
        return Absent(why=f"the folder {asked} has no interpreter", environment=environment)
    if is_file_or_link(path):
        return Choice(str(path.absolute()), f"--python {asked}")
    if os.sep in asked or (os.altsep and os.altsep in asked):
        return Absent(why=f"{asked} is no program" if exists(path) else f"{asked} does not exist")
    names = (f"python{asked}", asked) if asked[:1].isdigit() else (asked,)
    for found in filter(None, map(_which, names)):
        return Choice(found, f"--python {asked}")
    for prefix in _conda_prefixes():
        inside = interpreter_in(prefix) if prefix.name == asked else None
        if inside:
            return Choice(str(inside), f"conda environment {asked}")
    return Absent(why=f"{asked} is neither a path, a command on PATH nor a conda environment")


def _which(name: str, path: str | None = None) -> str | None:
    import shutil

    return shutil.which(name, path=path)


def _on_path(platform: str = sys.platform) -> Choice | None:
    # Windows' installers bring `python`; a `python3` is mostly the store's.
    names = ("python", "python3") if platform == "win32" else ("python3", "python")
    # In this folder of Windows lie stand-ins that only open the store.
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if "WindowsApps" not in folder]
    for name in names:
        if found := _which(name, os.pathsep.join(folders)):
            return Choice(found, f"`{name}` on PATH")
    return None


def _of_active(variable: str, prefix: Path) -> Choice | Absent | None:
    """Return the interpreter of an active environment; None for a conda environment of another language."""
    inside = interpreter_in(prefix)
    if inside:
        return Choice(str(inside), f"the active environment ({variable})")
    if variable == "CONDA_PREFIX":
        return None
    # The fix makes the environment anew in its folder: never in one that may be something else.
    environment = str(prefix) if is_environment(prefix) or not exists(prefix) else ""
    return Absent(why=f"{variable} names {prefix}, which has no interpreter", environment=environment)


def is_environment(folder: Path) -> bool:
    """Say whether a folder was made by venv, virtualenv or uv."""
    return is_file(folder / "pyvenv.cfg")


def interpreter_in(prefix: Path) -> Path | None:
    """Return the interpreter of an environment or an installation, None where there is none."""
    for relative in ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe"):
        # A link to an interpreter that is gone is still the environment's interpreter: it is a finding.
        if is_file_or_link(prefix / relative):
            return prefix / relative
    return None


def _conda_prefixes() -> Iterator[Path]:
    """Return the prefixes that conda keeps in its own register of environments."""
    try:
        lines = (Path.home() / ".conda/environments.txt").read_text("utf-8", "replace").splitlines()
    except (OSError, RuntimeError):
        return
    yield from (Path(line.strip()) for line in lines if line.strip())


def _holds_torch() -> bool:
    return any(is_file(Path(entry) / "torch" / "version.py") for entry in sys.path if entry)
