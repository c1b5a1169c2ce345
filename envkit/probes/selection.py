"""Which interpreter is meant: a path, a name, a conda environment, or what is active here."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

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
        if prefix:
            return _of_active(variable, Path(prefix))
    if sys.prefix != sys.base_prefix and _holds_torch():
        return Choice(sys.executable, "envkit's own environment, which holds torch")
    for name in ("python3", "python"):
        if found := _which(name):
            return Choice(found, f"`{name}` on PATH")
    return Absent(why="no environment is active and neither `python3` nor `python` is on PATH")


def _find(asked: str) -> Choice | Absent:
    path = Path(os.path.expanduser(asked))  # noqa: PTH111 - pathlib's raises where there is no such user
    if path.is_dir():
        inside = _interpreter_in(path)
        if inside:
            return Choice(str(inside), f"--python {asked}")
        environment = str(path) if (path / "pyvenv.cfg").is_file() else ""
        return Absent(why=f"the folder {asked} has no interpreter", environment=environment)
    if path.is_file() or path.is_symlink():
        return Choice(str(path.absolute()), f"--python {asked}")
    if os.sep in asked or (os.altsep and os.altsep in asked):
        return Absent(why=f"{asked} does not exist")
    names = (f"python{asked}", asked) if asked[:1].isdigit() else (asked,)
    for found in filter(None, map(_which, names)):
        return Choice(found, f"--python {asked}")
    for prefix in _conda_prefixes():
        inside = _interpreter_in(prefix) if prefix.name == asked else None
        if inside:
            return Choice(str(inside), f"conda environment {asked}")
    return Absent(why=f"{asked} is neither a path, a command on PATH nor a conda environment")


def _which(name: str) -> str | None:
    import shutil

    return shutil.which(name)


def _of_active(variable: str, prefix: Path) -> Choice | Absent:
    inside = _interpreter_in(prefix)
    if inside is None:
        return Absent(why=f"{variable} names {prefix}, which has no interpreter", environment=str(prefix))
    return Choice(str(inside), f"the active environment ({variable})")


def _interpreter_in(prefix: Path) -> Path | None:
    for relative in ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe"):
        # A link to an interpreter that is gone is still the environment's interpreter: it is a finding.
        if (prefix / relative).is_file() or (prefix / relative).is_symlink():
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
    return any((Path(entry) / "torch" / "version.py").is_file() for entry in sys.path if entry)
