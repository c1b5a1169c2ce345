"""The program that fills a conda environment: micromamba, mamba or conda where there is one, else py-rattler."""

import importlib.util
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from envkit import processes
from envkit.apply.conda.condarc import read_configuration
from envkit.errors import EnvkitError
from envkit.planning.model import Engine

_PROGRAMS = (Engine.MICROMAMBA, Engine.MAMBA, Engine.CONDA)
"""Fastest first."""
_VERSION_TIMEOUT = 30.0
_INFO_TIMEOUT = 60.0
_GET_RATTLER = '`python -m pip install "torch-envkit[conda]"`'


class CondaEngine(NamedTuple):
    """What fills the environment."""

    engine: Engine
    program: str = ""
    """Its path; "" for py-rattler, which runs in envkit's own interpreter."""
    version: str = ""
    """What it says of itself."""

    @property
    def classic(self) -> bool:
        """Whether it takes its orders as conda does: mamba did so before its second edition."""
        return self.engine is Engine.CONDA or (self.engine is Engine.MAMBA and "conda" in self.version)


def find_conda_engine(asked: Engine | None = None) -> CondaEngine:
    """Return the engine that was asked for, else the best one that is present; raise `EnvkitError` without one."""
    if asked in (Engine.PIP, Engine.UV):
        raise EnvkitError(
            f"{asked.value} cannot make a conda environment",
            hint="leave --engine out, or name conda, mamba, micromamba or rattler",
        )
    wanted = _PROGRAMS if asked is None else (asked,)
    broken = ""
    for engine in wanted:
        for program in _installed(engine):
            told = processes.run([program, "--version"], timeout=_VERSION_TIMEOUT)
            if told.ok:
                return CondaEngine(engine, program, told.stdout.decode("utf-8", "replace").strip())
            broken = broken or f"; `{program}` is there but does not run: {told.describe()}"
    if asked in (None, Engine.RATTLER) and has_rattler():
        return CondaEngine(Engine.RATTLER)
    raise _none_found(asked, broken)


def has_rattler() -> bool:
    """Tell whether what the embedded conda needs is installed beside envkit."""
    return all(importlib.util.find_spec(module) for module in ("rattler", "yaml"))


def _none_found(asked: Engine | None, broken: str) -> EnvkitError:
    if asked is Engine.RATTLER:
        return EnvkitError("py-rattler is not installed beside envkit", hint=_GET_RATTLER, exit_code=1)
    if asked is not None:
        return EnvkitError(f"{asked.value} is not on PATH{broken}", hint="leave --engine out", exit_code=1)
    return EnvkitError(
        f"there is no conda here: neither micromamba, mamba nor conda on PATH, nor py-rattler beside envkit{broken}",
        hint=_GET_RATTLER,
        exit_code=1,
    )


def _installed(engine: Engine) -> Iterator[str]:
    """Yield the paths of a program: often it is a function of the shell, and a variable names the file."""
    if engine is Engine.RATTLER:
        return
    named = os.environ.get("CONDA_EXE" if engine is Engine.CONDA else "MAMBA_EXE", "")
    found = dict.fromkeys((named if Path(named).stem == engine.value else "", shutil.which(engine.value) or ""))
    yield from (program for program in found if program and Path(program).is_file())


def find_environments(engine: CondaEngine) -> Path:
    """Return the folder in which the engine keeps its environments by name: its first that can be written to."""
    folders = _own_folders() if engine.engine is Engine.RATTLER else _told_folders(engine)
    for folder in folders:
        if _writable(folder):
            return folder
    raise EnvkitError(
        "none of conda's environment folders can be written to"
        + (f": {', '.join(map(str, folders))}" if folders else ""),
        hint="give a folder: `--path PATH`",
        exit_code=1,
    )


def _own_folders() -> tuple[Path, ...]:
    configured = (Path(folder).expanduser() for folder in read_configuration().envs_dirs)
    return (*configured, Path.home() / ".conda" / "envs")


def _told_folders(engine: CondaEngine) -> tuple[Path, ...]:
    told = processes.run([engine.program, "info", "--json"], timeout=_INFO_TIMEOUT)
    try:
        facts = json.loads(told.stdout)
        folders = facts.get("envs_dirs") or facts.get("envs directories") or ()
    except (ValueError, AttributeError):
        raise EnvkitError(
            f"`{engine.program} info` does not say where environments go: {told.describe()}",
            hint="give a folder: `--path PATH`",
            exit_code=1,
        ) from None
    return tuple(Path(folder) for folder in ((folders,) if isinstance(folders, str) else folders))


def _writable(folder: Path) -> bool:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
