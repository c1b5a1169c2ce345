"""The commands that fill a conda environment, and what else differs from an environment of pip's."""

import shlex
import site
import sys
from pathlib import Path

from envkit.apply.activation import Way
from envkit.apply.conda.engines import CondaEngine, find_environments
from envkit.apply.steps import INSTALL_TIMEOUT, Step, interpreter_in
from envkit.planning.model import Engine, Plan
from envkit.planning.recipe import recipe

ENVIRONMENT_FILE = "envkit-environment.yml"
_EMBEDDED = "envkit.apply.conda.embedded"


def conda_steps(plan: Plan, path: Path, engine: CondaEngine) -> tuple[Step, ...]:
    """Return the commands that fill the environment at `path`, which `prepare_conda` made ready.

    Each can be run again on what an earlier run left half-made.
    """
    return (Step(_name(plan, engine), _command(plan, path, engine), INSTALL_TIMEOUT),)


def prepare_conda(plan: Plan, path: Path) -> None:
    """Make the folder an empty conda environment, with the file that says what goes into it."""
    (path / "conda-meta").mkdir(parents=True, exist_ok=True)
    (path / "conda-meta" / "history").touch()
    (path / ENVIRONMENT_FILE).write_text(recipe(plan, ("environment.yml",)).text("environment.yml"), encoding="utf-8")


def conda_path(plan: Plan, engine: CondaEngine) -> Path:
    """Return where an environment known by its name goes: where the engine keeps its own."""
    return find_environments(engine) / plan.name


def conda_activation(plan: Plan, path: Path, engine: CondaEngine) -> tuple[Way, ...]:
    """Return the commands that enter the environment, the usual one first."""
    quoted = f'"{path}"' if sys.platform == "win32" else shlex.quote(str(path))
    if engine.engine is Engine.RATTLER:
        python = str(interpreter_in(path, conda=True))
        python = f'"{python}"' if sys.platform == "win32" else shlex.quote(python)
        return Way(f"conda activate {quoted}"), Way(python, "or, with no conda here, run its interpreter: ")
    by_folder = f"{engine.engine.value} activate {quoted}"
    if plan.path:
        return (Way(by_folder),)
    return Way(f"{engine.engine.value} activate {shlex.quote(plan.name)}"), Way(by_folder, "or, by its folder: ")


def _name(plan: Plan, engine: CondaEngine) -> str:
    what = f"torch {plan.torch} ({plan.backend})" if plan.torch else f"Python {plan.python}"
    return f"install {what} with {engine.engine.value}"


def _command(plan: Plan, path: Path, engine: CondaEngine) -> tuple[str, ...]:
    if engine.engine is Engine.RATTLER:
        channels = (word for channel in plan.channels for word in ("--channel", channel))
        what = ("--prefix", str(path), *channels, "--", *plan.dependencies)
        return (sys.executable, *_isolated(), "-m", _EMBEDDED, *what)
    file = str(path / ENVIRONMENT_FILE)
    if engine.classic:
        return (engine.program, "env", "update", "--prefix", str(path), "--file", file)
    return (engine.program, "install", "--yes", "--prefix", str(path), "--file", file)


def _isolated() -> tuple[str, ...]:
    """Keep the folder that envkit happens to run in out of the import path, unless envkit lies among user packages."""
    users = site.getusersitepackages() if site.ENABLE_USER_SITE else None
    return () if users and Path(__file__).is_relative_to(users) else ("-I",)
