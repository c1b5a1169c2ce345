"""What is to be done to make an environment: its place, its commands in order, and what is kept of them."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from envkit.apply.activation import Way
from envkit.apply.engines import PIP, Installer, make_steps, seed_step
from envkit.apply.interpreters import is_to_be_fetched
from envkit.apply.kernel import install_kernel, register_kernel
from envkit.apply.ownership import is_conda_environment, is_environment
from envkit.apply.places import Mode
from envkit.apply.record import installed_packages, python_version
from envkit.apply.steps import MAKE_TIMEOUT, Step, interpreter_in
from envkit.errors import EnvkitError
from envkit.planning.model import Engine, Manager, Plan


class Work(NamedTuple):
    """An environment that is to be made."""

    path: Path
    steps: tuple[Step, ...]
    inside: Path
    """Where its interpreter will lie."""
    mode: Mode
    record: dict[str, Any]
    """What is kept in it of how it was made."""
    minor: str = ""
    """The version of its Python, "3.12"; "" where nobody asked."""
    backend: str = ""
    """The build of torch that it must have, "" for none."""
    prepare: Callable[[Path], None] | None = None
    """What is to be written into the folder before the first step."""
    contents: tuple[str, ...] = ()
    """What its commands read from a file."""
    register: Step | None = None
    """What makes it known outside of it, once it is made."""
    activate: tuple[Way, ...] = ()
    """What activates it, where that is not a script in it."""

    @property
    def commands(self) -> tuple[Step, ...]:
        """All of its commands, in order."""
        return (*self.steps, *((self.register,) if self.register else ()))

    @property
    def what(self) -> str:
        """Identify the commands and what they are told."""
        told = [self.mode.value, *(step.argv for step in self.commands), *self.contents]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def bare_work(manager: Manager, installer: Installer, path: Path, python: str, mode: Mode) -> Work:
    """Return the making of an environment with pip alone."""
    *first, last = make_steps(manager, installer, path, python, bare=True)
    told = {"python": python, "manager": manager.value, "engine": installer.engine.value}
    record: dict[str, Any] = {**told, "plan": None, "install": []}
    return Work(path, (*first, last._replace(brings=("pip",))), interpreter_in(path), mode, record)


def planned_work(
    plan: Plan, installer: Installer, path: Path, python: str, mode: Mode, *, kernel: bool = False
) -> Work:
    """Return the making of what was planned, or what brings an environment that is there to the plan."""
    installs = _installs(plan, installer.engine)
    names = (f"install torch {plan.torch} ({plan.backend})", "install its dependencies and the rest")
    steps = (
        *_making(plan, installer, path, python, mode),
        *(
            installer.install(name, path, arguments)._replace(brings=("torch",) if plan.torch else ())
            for name, arguments in zip(names, installs, strict=False)
        ),
        *((install_kernel(installer, path),) if kernel else ()),
    )
    return Work(
        path=path,
        steps=steps,
        inside=interpreter_in(path),
        mode=mode,
        record=_record(plan, python, installer.engine),
        minor=plan.python,
        backend=plan.backend,
        register=register_kernel(path, plan.name) if kernel else None,
    )


def conda_work(plan: Plan, path: Path, mode: Mode, *, kernel: bool = False) -> Work:
    """Return the making of a conda environment, by the engine that the plan names or the best that is here."""
    from envkit.apply.conda.engines import find_conda_engine
    from envkit.apply.conda.steps import conda_activation, conda_path, conda_steps, prepare_conda

    engine = find_conda_engine(plan.engine)
    place = path if plan.path else conda_path(plan, engine)
    _check_update(plan, place, mode)
    steps = conda_steps(plan, place, engine)
    return Work(
        path=place,
        steps=(*steps, *((install_kernel(PIP, place, conda=True),) if kernel else ())),
        inside=interpreter_in(place, conda=True),
        mode=mode,
        record=_record(plan, "", engine.engine),
        minor=plan.python,
        prepare=lambda folder: prepare_conda(plan, folder),
        contents=(*plan.channels, *plan.dependencies),
        register=register_kernel(place, plan.name, conda=True) if kernel else None,
        activate=conda_activation(plan, place, engine),
    )


def _installs(plan: Plan, engine: Engine) -> tuple[tuple[str, ...], ...]:
    from envkit.planning.installs import pip_installs, uv_installs

    return uv_installs(plan) if engine is Engine.UV else pip_installs(plan)


def _record(plan: Plan, python: str, engine: Engine) -> dict[str, Any]:
    import msgspec

    install = () if plan.manager is Manager.CONDA else _installs(plan, engine)
    told = {"python": python, "manager": plan.manager.value, "engine": engine.value}
    return {**told, "plan": msgspec.to_builtins(plan), "install": install}


def _making(plan: Plan, installer: Installer, path: Path, python: str, mode: Mode) -> tuple[Step, ...]:
    if _is_to_be_made(path, mode):
        get = (installer.program, "python", "install", python)
        fetch = (Step(f"get Python {python}", get, MAKE_TIMEOUT),) if is_to_be_fetched(python) else ()
        return (*fetch, *make_steps(plan.manager, installer, path, python, bare=False))
    _check_update(plan, path, mode)
    needs_pip = installer.engine is Engine.PIP and "pip" not in installed_packages(path)
    return (seed_step(path),) if needs_pip else ()


def _check_update(plan: Plan, path: Path, mode: Mode) -> None:
    """Refuse to lay one kind of environment over another, or the packages of one Python into that of another."""
    if mode is not Mode.UPDATE or not is_environment(path):
        return
    of_conda = is_conda_environment(path)
    if of_conda != (plan.manager is Manager.CONDA):
        kind, other = ("a conda environment", "--conda") if of_conda else ("no conda environment", "--venv")
        raise EnvkitError(
            f"`{path}` is {kind}, and the plan is for {plan.manager.value}",
            hint=f"`{other}` in its place; or name another path",
            exit_code=1,
        )
    there = python_version(path)
    if there and there.split(".")[:2] != plan.python.rstrip("t").split("."):
        raise EnvkitError(
            f"`{path}` is an environment of Python {there}, and the plan is for Python {plan.python}",
            hint="`--replace` makes it anew; or name another path",
            exit_code=1,
        )


def _is_to_be_made(path: Path, mode: Mode) -> bool:
    return mode is not Mode.UPDATE or not is_environment(path)
