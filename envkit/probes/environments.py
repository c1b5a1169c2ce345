"""Every environment on this machine: where the makers of environments keep theirs, and what lies about here.

Nothing is run. The search is bounded in depth, number and time, and what it did not get to is told.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from envkit.probes.paths import is_file, is_folder
from envkit.probes.selection import interpreter_in

MOST = 200
"""Environments that are told of."""
_SECONDS = 10.0
_DEPTH = 4
"""Folders between the current one and an environment in it."""
_MOST_FOLDERS = 20_000

_PASSED_OVER = frozenset(("node_modules", "__pycache__", "site-packages", "proc", "sys", "dev"))
_HIDDEN = frozenset((".venv", ".venvs", ".virtualenvs", ".env", ".tox", ".nox", ".conda", ".pixi"))
"""Hidden folders that may be environments, or hold some."""
_CONDA_ROOTS = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", "miniconda", "anaconda")


class Environment(NamedTuple):
    """An interpreter, and by what it was found."""

    python: Path
    found_by: str


class Search(NamedTuple):
    """What was found; `cut` says what ended the search early, "" when nothing did."""

    environments: tuple[Environment, ...]
    cut: str = ""


def find_environments(variables: Mapping[str, str] = os.environ, here: Path | None = None) -> Search:
    """Find every environment, those of the current folder first, each told once."""
    home = Path(variables.get("HOME") or variables.get("USERPROFILE") or os.devnull)
    deadline = time.monotonic() + _SECONDS
    found: dict[str, Environment] = {}
    for environment in _all(variables, here or Path.cwd(), home, deadline):
        found.setdefault(_identity(environment.python), environment)
        if len(found) >= MOST:
            return Search(tuple(found.values()), f"more than {MOST} environments")
        if time.monotonic() > deadline:
            return Search(tuple(found.values()), f"the search took more than {_SECONDS:g} s")
    return Search(tuple(found.values()))


def _identity(python: Path) -> str:
    """An environment is its folder: its interpreter is often a link to another's."""
    prefix = python.parent.parent
    return os.path.realpath(prefix if is_file(prefix / "pyvenv.cfg") else python)


def _all(variables: Mapping[str, str], here: Path, home: Path, deadline: float) -> Iterator[Environment]:
    prefixes = chain(
        _active(variables),
        (("the current folder", folder) for folder in _below(here, deadline)),
        _conda(variables, home),
        _stored(variables, home),
    )
    for found_by, prefix in prefixes:
        inside = interpreter_in(prefix)
        if inside:
            yield Environment(inside, found_by)
    for kernel, python in _kernels(variables, home):
        yield Environment(python, f"the Jupyter kernel {kernel}")
    yield from _on_path(variables)
    yield Environment(Path(sys.executable), "envkit's own")


def _active(variables: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if variables.get(name):
            yield f"active ({name})", Path(variables[name])


def _below(here: Path, deadline: float) -> Iterator[Path]:
    """Yield the environments in a folder and below it, the nearest first; links are not followed."""
    level, seen = [here], 0
    for _ in range(_DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            seen += 1
            if is_file(folder / "pyvenv.cfg") or is_file(folder / "conda-meta/history"):
                yield folder
            elif seen > _MOST_FOLDERS or time.monotonic() > deadline:
                return
            else:
                below += _children(folder, wanted=_may_hold_environments)
        level = below


def _may_hold_environments(name: str) -> bool:
    return name in _HIDDEN or not (name.startswith(".") or name in _PASSED_OVER)


def _children(folder: Path, wanted: Callable[[str], bool] = lambda _name: True) -> list[Path]:
    """Return the folders in a folder, by name; none where one may not look."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if wanted(entry.name) and entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]


def _conda(variables: Mapping[str, str], home: Path) -> Iterator[tuple[str, Path]]:
    """Yield conda's register of environments, its installations, and what lies in their `envs`."""
    for line in _lines(home / ".conda/environments.txt"):
        yield "conda's environments.txt", Path(line)
    program = variables.get("CONDA_EXE")
    roots = [Path(program).parent.parent] if program else []
    roots += [Path(variables[name]) for name in ("MAMBA_ROOT_PREFIX", "CONDA_ROOT") if variables.get(name)]
    roots += [folder / name for folder in (home, Path("/opt")) for name in (*_CONDA_ROOTS, "conda")]
    folders = [Path(entry) for entry in variables.get("CONDA_ENVS_PATH", "").split(os.pathsep) if entry]
    for root in roots:
        yield "conda", root
    for folder in (*folders, home / ".conda/envs", *(root / "envs" for root in roots)):
        for child in _children(folder):
            yield "conda", child


def _stored(variables: Mapping[str, str], home: Path) -> Iterator[tuple[str, Path]]:
    for found_by, places in _stores(variables, home).items():
        for child in chain.from_iterable(map(_children, places)):
            yield found_by, child


def _stores(variables: Mapping[str, str], home: Path) -> dict[str, tuple[Path, ...]]:
    """Return the folders whose children are environments, by whose they are."""
    data = Path(variables.get("XDG_DATA_HOME") or home / ".local/share")
    cache = Path(variables.get("XDG_CACHE_HOME") or home / ".cache")
    pyenv = Path(variables.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    pipx = (variables.get("PIPX_HOME"), data / "pipx", home / ".local/pipx")
    uv_pythons = Path(variables.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python")
    uv_tools = Path(variables.get("UV_TOOL_DIR") or data / "uv/tools")
    return {
        "virtualenvwrapper": (Path(variables.get("WORKON_HOME") or home / ".virtualenvs"),),
        "pipenv": (data / "virtualenvs",),
        "poetry": (cache / "pypoetry/virtualenvs",),
        "pyenv": (pyenv, *(version / "envs" for version in _children(pyenv))),
        "uv": (uv_pythons, uv_tools),
        "pipx": tuple(Path(folder) / "venvs" for folder in pipx if folder),
    }


def _kernels(variables: Mapping[str, str], home: Path) -> Iterator[tuple[str, Path]]:
    """Yield the interpreters that Jupyter's kernels name by their path."""
    data = Path(variables.get("XDG_DATA_HOME") or home / ".local/share")
    named = [Path(entry) for entry in variables.get("JUPYTER_PATH", "").split(os.pathsep) if entry]
    windows = [Path(variables[name]) / "jupyter" for name in ("APPDATA", "PROGRAMDATA") if variables.get(name)]
    system = (Path("/usr/local/share/jupyter"), Path("/usr/share/jupyter"), Path(sys.prefix) / "share/jupyter")
    for folder in (*named, data / "jupyter", home / "Library/Jupyter", *windows, *system):
        for kernel in _children(folder / "kernels"):
            try:
                program = Path(json.loads((kernel / "kernel.json").read_bytes())["argv"][0])
            except (OSError, ValueError, LookupError, TypeError):
                continue
            if program.is_absolute() and program.name.startswith("python"):
                yield kernel.name, program


def _on_path(variables: Mapping[str, str]) -> Iterator[Environment]:
    for entry in variables.get("PATH", "").split(os.pathsep):
        # pyenv's shims are scripts that choose one of its versions; Windows' stand-ins open the store.
        if not is_folder(Path(entry)) or Path(entry).name == "shims" or "WindowsApps" in entry:
            continue
        for name in ("python3", "python", "python.exe"):
            if is_file(Path(entry) / name):
                yield Environment(Path(entry) / name, "PATH")
                break


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        return []
