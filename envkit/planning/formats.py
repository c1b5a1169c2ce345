"""The files that a recipe can have: what each is called, and for which plans it can be written."""

from collections.abc import Callable
from typing import NamedTuple

from envkit.errors import EnvkitError
from envkit.planning.model import Manager, Plan

ENVIRONMENT = "environment.yml"
PYLOCK = "pylock.toml"
README = "README.md"

_PIP = (Manager.VENV, Manager.VIRTUALENV)
_ALL = tuple(Manager)


def _container_objection(plan: Plan) -> str:
    """Return why there is no image for a plan, "" when there is one."""
    if not plan.platform.startswith("linux"):
        return f"an image holds Linux, and the plan is for {plan.platform}"
    if plan.backend == "xpu":
        return "an image needs the Intel GPU driver's own libraries, which are not those of every host"
    if plan.python.endswith("t") and plan.manager is not Manager.CONDA:
        return f"there is no official image with the free-threaded Python {plan.python}"
    return ""


def _never(_plan: Plan) -> str:
    return ""


class Format(NamedTuple):
    """A file of recipes, by its path in the recipe's folder."""

    name: str
    aliases: tuple[str, ...]
    """Short words for it."""
    managers: tuple[Manager, ...] = _ALL
    objection: Callable[[Plan], str] = _never
    """Says why it cannot be written for a plan; "" when it can."""
    resolved: bool = False
    """It holds what an engine finds on the indexes, so that it is written only when it is asked for."""

    def refusal(self, plan: Plan) -> str:
        """Return why it does not go with a plan, "" when it does."""
        if plan.manager not in self.managers:
            kind = "conda" if plan.manager in _PIP else "venv and virtualenv"
            return f"{self.name} is for environments of {kind}, not of {plan.manager.value}"
        objection = self.objection(plan)
        return f"there is no {self.name}: {objection}" if objection else ""


FORMATS = (
    Format("create.sh", ("sh", "posix", "bash", "zsh")),
    Format("create.fish", ("fish",)),
    Format("create.ps1", ("powershell", "ps1", "pwsh")),
    Format("create.cmd", ("cmd", "bat", "batch")),
    Format("requirements.txt", ("requirements", "pip"), _PIP),
    Format(ENVIRONMENT, ("environment", "yml", "yaml", "conda"), (Manager.CONDA,)),
    Format("pyproject.toml", ("pyproject", "uv"), _PIP),
    Format(PYLOCK, ("pylock", "lock"), _PIP, resolved=True),
    Format("Dockerfile", ("docker",), objection=_container_objection),
    Format(".devcontainer/devcontainer.json", ("devcontainer", "devcontainer.json"), objection=_container_objection),
    Format(README, ("readme",)),
)


def find_format(word: str) -> Format:
    """Return the format of that name or short name, whatever its case; raise `EnvkitError` when there is none."""
    wanted = word.lower()
    for one in FORMATS:
        if wanted in (one.name.lower(), *one.aliases):
            return one
    known = ", ".join(f"{one.aliases[0]} ({one.name})" for one in FORMATS)
    raise EnvkitError(f"a recipe has no file called `{word}`", hint=f"one of {known}")


def main_format(plan: Plan) -> str:
    """Return the name of the one file that makes the environment on the plan's own platform."""
    if plan.manager is Manager.CONDA:
        return ENVIRONMENT
    return "create.ps1" if plan.platform.startswith("win") else "create.sh"


def formats_for(plan: Plan) -> tuple[str, ...]:
    """Return the names of the files that a recipe of the plan has when none is asked for by name."""
    return tuple(one.name for one in FORMATS if not one.resolved and not one.refusal(plan))
