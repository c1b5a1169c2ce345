"""The commands that carry out a plan, in order, before any of them runs."""

import importlib.util
import shlex
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from envkit.errors import EnvkitError
from envkit.planning.installs import pip_installs
from envkit.planning.model import Manager, Plan

MAKE_TIMEOUT = 600.0
INSTALL_TIMEOUT = 3600.0

# Isolated: no folder that envkit happens to run in can put a module of its own before venv or pip.
_ISOLATED = "-I"
_PIP_INSTALL = ("pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off")


class Step(NamedTuple):
    """One command and what it is for."""

    name: str
    argv: tuple[str, ...]
    timeout: float


def check_manager(plan: Plan) -> None:
    """Raise `EnvkitError` for an environment that envkit can only write down."""
    if plan.manager is Manager.CONDA:
        raise EnvkitError(
            "envkit writes conda environments down and leaves their making to conda",
            hint="`envkit create --conda --output DIR`, then `conda env create --file DIR/environment.yml`",
        )


def list_steps(plan: Plan, path: Path, python: str) -> tuple[Step, ...]:
    """Return the commands that make the environment at `path` from the interpreter `python`."""
    check_manager(plan)
    inside = str(interpreter_in(path))
    make = Step("make the environment", _make(plan, path, python), MAKE_TIMEOUT)
    installs = pip_installs(plan)
    names = (f"install torch {plan.torch} ({plan.backend})", "install its dependencies and the rest")
    return (
        make,
        *(
            Step(name, (inside, _ISOLATED, "-m", *_PIP_INSTALL, *arguments), INSTALL_TIMEOUT)
            for name, arguments in zip(names, installs, strict=False)
        ),
    )


def interpreter_in(path: Path) -> Path:
    """Return where the interpreter of an environment lies."""
    return path / "Scripts" / "python.exe" if sys.platform == "win32" else path / "bin" / "python"


def activation(path: Path) -> str:
    """Return the command that activates the environment in this system's usual shell."""
    if sys.platform == "win32":
        return f'"{path}\\Scripts\\activate"'
    return f". {shlex.quote(str(path / 'bin' / 'activate'))}"


def _make(plan: Plan, path: Path, python: str) -> tuple[str, ...]:
    if plan.manager is Manager.VENV:
        return (python, _ISOLATED, "-m", "venv", str(path))
    return (*_virtualenv(), "--no-periodic-update", "--python", python, str(path))


def _virtualenv() -> tuple[str, ...]:
    if importlib.util.find_spec("virtualenv"):
        return (sys.executable, "-m", "virtualenv")
    found = shutil.which("virtualenv")
    if found:
        return (found,)
    raise EnvkitError(
        "virtualenv is not installed",
        hint='`python -m pip install "torch-envkit[virtualenv]"`, or make the environment with `--venv`',
        exit_code=1,
    )
