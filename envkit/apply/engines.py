"""What makes an environment and what installs into it: venv, virtualenv or uv; pip or uv."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from envkit.apply.steps import INSTALL_TIMEOUT, MAKE_TIMEOUT, Step, interpreter_in
from envkit.apply.uv_config import uv_sources
from envkit.errors import EnvkitError
from envkit.planning.installs import BEST_OF_ALL, LEADING_ELSEWHERE
from envkit.planning.model import Engine, Manager, Reason
from envkit.probes.pip_config import PipSources
from envkit.urls import redacted

MAKE_VENV = Path(__file__).parent / "scripts" / "make_venv.py"

# Isolated: no folder that envkit happens to run in can put a module of its own before venv or pip.
_ISOLATED = "-I"


class Installer(NamedTuple):
    """What installs into an environment, and why that."""

    engine: Engine
    program: str = ""
    """Path of uv; pip is the environment's own."""
    options: tuple[str, ...] = ()
    """What it is told beside the requirements."""
    variables: tuple[tuple[str, str], ...] = ()
    """Where it takes packages from, which may hold passwords."""
    because: str = ""

    @property
    def reason(self) -> Reason:
        """The choice as a plan tells it."""
        return Reason("engine", self.engine.value, self.because)

    def with_sources(self, sources: PipSources) -> "Installer":
        """Return it told of the sources that pip is configured with, which pip itself knows."""
        return self if self.engine is Engine.PIP or self.options else self._with(sources)

    def _with(self, sources: PipSources) -> "Installer":
        return self._replace(options=_as_options(sources), variables=_as_variables(sources))

    def install(self, name: str, path: Path, arguments: tuple[str, ...], *, conda: bool = False) -> Step:
        """Return the step that installs into the environment at `path` what follows `pip install`."""
        inside = str(interpreter_in(path, conda=conda))
        if self.engine is Engine.UV:
            # What comes from an index of its own comes from that one alone (`planning.installs.uv_installs`).
            alone = "--default-index" in arguments
            options, variables = ((), ()) if alone else (self.options_beside(arguments), self.variables)
            command = (self.program, "pip", "install", "--python", inside, *options, *arguments)
            return Step(name, command, INSTALL_TIMEOUT, variables=variables)
        return Step(name, (inside, _ISOLATED, "-m", "pip", "install", *arguments), INSTALL_TIMEOUT)

    def options_beside(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        """Return the options without what the arguments say too: uv wants to be told a strategy once."""
        return tuple(option for option in self.options if option != BEST_OF_ALL or option not in arguments)


PIP = Installer(Engine.PIP, because="as asked")


def choose_installer(asked: Engine | None, read_sources: Callable[[], PipSources]) -> Installer:
    """Return what was asked for, else the best that is present; raise `EnvkitError` when it is not there.

    uv does not read pip's configuration: where pip alone was told of a mirror or a folder of wheels, pip it is; and uv,
    when it is asked for by name, is told of them.
    """
    if asked is Engine.PIP:
        return PIP
    if asked not in (None, Engine.UV):
        raise EnvkitError(f"{asked.value} fills environments of conda alone", hint=f"`--conda --engine {asked.value}`")
    uv = find_uv()
    if uv is None:
        if asked is None:
            return PIP._replace(because="uv is not on this machine")
        raise EnvkitError(
            "uv is not installed", hint='`python -m pip install "torch-envkit[uv]"`, or leave --engine out', exit_code=1
        )
    chosen = Installer(Engine.UV, uv, because="as asked" if asked else f"the fastest that is here: {uv}")
    sources = PipSources() if uv_sources(os.environ) else read_sources()
    if not is_configured(sources):
        return chosen
    if asked is None:
        return PIP._replace(because="pip is configured with sources of its own, of which uv here knows nothing")
    places = ", ".join(map(redacted, _places(sources)))
    handed = f"as asked; told of the sources that pip is configured with: {places}"
    return chosen.with_sources(sources)._replace(because=handed)


def is_configured(sources: PipSources) -> bool:
    """Tell whether pip looks anywhere else than on the default index."""
    return bool(_places(sources) or sources.no_index)


def find_uv() -> str | None:
    """Return the path of uv: the one beside envkit, else on PATH."""
    beside = Path(sys.executable).parent / ("uv.exe" if os.name == "nt" else "uv")
    return str(beside) if beside.is_file() else shutil.which("uv")


def make_steps(manager: Manager, installer: Installer, path: Path, python: str, *, bare: bool) -> tuple[Step, ...]:
    """Return the commands that make the environment, with pip in it, from the interpreter `python`."""
    if manager is Manager.VIRTUALENV:
        # virtualenv adds setuptools for Pythons before 3.12.
        alone = ("--no-setuptools",) if bare else ()
        return (_run_virtualenv("--no-periodic-update", *alone, "--python", python, str(path)),)
    if installer.engine is not Engine.UV:
        command = (python, _ISOLATED, str(MAKE_VENV), str(path), *_spare_wheel())
        return (Step("make the environment", command, MAKE_TIMEOUT),)
    make = (installer.program, "venv", "--no-project", "--allow-existing", "--python", python, str(path))
    return Step("make the environment", make, MAKE_TIMEOUT), _seed_by_uv(installer, path, python)


def _seed_by_uv(installer: Installer, path: Path, python: str) -> Step:
    """Return what puts pip into an environment of uv's: uv itself, from a wheel at hand, where that is sure to fit.

    That takes half the time; another Python than envkit's own brings a wheel of its own, or needs another.
    """
    wheel = _spare_wheel()
    if not wheel or os.path.realpath(python) != os.path.realpath(sys.executable):
        return seed_step(path)
    alone = installer._replace(options=(), variables=())
    return alone.install("put pip into it", path, ("--no-deps", "--no-index", *wheel))


def seed_step(path: Path) -> Step:
    """Return the command that puts pip into an environment without it."""
    command = (str(interpreter_in(path)), _ISOLATED, str(MAKE_VENV), "--pip", str(path), *_spare_wheel())
    return Step("put pip into it", command, MAKE_TIMEOUT)


def _run_virtualenv(*arguments: str) -> Step:
    """Return its run as a library where it lies beside envkit, else as the command on PATH."""
    name = "make the environment"
    if importlib.util.find_spec("virtualenv"):
        command = (sys.executable, "-m", "virtualenv", *arguments)
        return Step(name, command, MAKE_TIMEOUT, partial(_call_virtualenv, arguments))
    found = shutil.which("virtualenv")
    if found:
        return Step(name, (found, *arguments), MAKE_TIMEOUT)
    raise EnvkitError(
        "virtualenv is not installed",
        hint='`python -m pip install "torch-envkit[virtualenv]"`, or make the environment with `--venv`',
        exit_code=1,
    )


def _call_virtualenv(arguments: tuple[str, ...], variables: Mapping[str, str]) -> None:
    from virtualenv import cli_run

    cli_run(list(arguments), setup_logging=False, env=dict(variables))


def _spare_wheel() -> tuple[str, ...]:
    """Return a wheel of pip for an interpreter that has none: from envkit's own Python, or from virtualenv."""
    for module, folder in (("ensurepip", "_bundled"), ("virtualenv", "seed/wheels/embed")):
        found = importlib.util.find_spec(module)
        if found and found.origin:
            wheels = sorted((Path(found.origin).parent / folder).glob("pip-*.whl"))
            if wheels:
                return (str(wheels[-1]),)
    return ()


def _places(sources: PipSources) -> tuple[str, ...]:
    index = (sources.index_url,) if sources.index_url else ()
    return (*index, *sources.extra_index_urls, *sources.find_links)


def _as_options(sources: PipSources) -> tuple[str, ...]:
    """Return pip's sources in uv's words; like pip, the best of all of them is taken."""
    alone = ("--no-index",) if sources.no_index else ()
    links = (word for place in sources.find_links for word in ("--find-links", place))
    return (BEST_OF_ALL, *alone, *links)


def _as_variables(sources: PipSources) -> tuple[tuple[str, str], ...]:
    """Return pip's indexes as uv reads them from its environment."""
    if sources.no_index:
        return ()
    named = {"UV_INDEX_URL": sources.index_url, "UV_EXTRA_INDEX_URL": " ".join(sources.extra_index_urls)}
    return tuple((name, value) for name, value in named.items() if value)


# What these point to belongs to another Python, to another place than the new environment, or to another build.
_LEAKING = (*LEADING_ELSEWHERE, "VIRTUAL_ENV", "__PYVENV_LAUNCHER__", "UV_VENV_SEED")


def step_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the user's variables, pip's and uv's configuration among them, without what leads elsewhere."""
    kept = {name: value for name, value in variables.items() if name not in _LEAKING}
    talk = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "UV_NO_PROGRESS": "1", "PYTHONUNBUFFERED": "1"}
    return {**kept, **talk, "PIP_USER": "0"}
