"""Plan -> Recipe: the files that make the environment, rendered from the templates in `recipes/`."""

from collections.abc import Callable
from typing import NamedTuple

import jinja2

from envkit.payload import find_payload
from envkit.planning.installs import built_requirements, other_requirements, pip_installs
from envkit.planning.model import Manager, Plan
from envkit.planning.quoting import (
    UnquotableError,
    quote_cmd,
    quote_cmd_argument,
    quote_posix,
    quote_powershell,
    quote_yaml,
)

_SCRIPTS = ("create.sh", "create.ps1", "create.cmd")
_FILES: dict[Manager, tuple[str, ...]] = {
    Manager.VENV: (*_SCRIPTS, "requirements.txt"),
    Manager.VIRTUALENV: (*_SCRIPTS, "requirements.txt"),
    Manager.CONDA: ("environment.yml", *_SCRIPTS),
}
_FILTERS: dict[str, Callable[[str], str]] = {
    "posix": quote_posix,
    "powershell": quote_powershell,
    "cmd": quote_cmd,
    "cmd_argument": quote_cmd_argument,
    "yaml": quote_yaml,
}


class Recipe(NamedTuple):
    """Files by name, each with exactly the text that belongs into it."""

    files: dict[str, str]
    main: str
    """The one file that makes the environment on the plan's own platform; it may be left out."""
    left_out: dict[str, str]
    """Files that could not be written, and why."""


def recipe(plan: Plan) -> Recipe:
    """Render every file of the plan's manager; one whose language cannot express the plan is left out."""
    templates = _templates()
    rendered = {name: _render(templates, plan, name) for name in _FILES[plan.manager]}
    return Recipe(
        files={name: text for name, text in rendered.items() if isinstance(text, str)},
        main=_main(plan),
        left_out={name: str(problem) for name, problem in rendered.items() if isinstance(problem, UnquotableError)},
    )


def _main(plan: Plan) -> str:
    if plan.manager is Manager.CONDA:
        return "environment.yml"
    return "create.ps1" if plan.platform.startswith("win") else "create.sh"


def _render(templates: jinja2.Environment, plan: Plan, name: str) -> str | UnquotableError:
    template = templates.get_template(f"{plan.manager.value}/{name}.j2")
    try:
        return _as_file(name, template.render(_context(plan)))
    except UnquotableError as problem:
        return problem


def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(  # noqa: S701 - no HTML: each language has its own filter
        loader=jinja2.FileSystemLoader(find_payload("recipes")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(_FILTERS)
    return environment


def _context(plan: Plan) -> dict[str, object]:
    return {
        "plan": plan,
        "installs": pip_installs(plan),
        "requirements": (*built_requirements(plan), *other_requirements(plan)),
        "python_test": _python_test(plan.python),
    }


def _python_test(python: str) -> str:
    """Return a program that exits with 0 in that Python, with 1 in any other."""
    wanted = ", ".join(python.rstrip("t").split("."))
    if not python.endswith("t"):
        return f"import sys; sys.exit(sys.version_info[:2] != ({wanted}))"
    free_threaded = "sysconfig.get_config_var('Py_GIL_DISABLED')"
    return f"import sys, sysconfig; sys.exit(sys.version_info[:2] != ({wanted}) or not {free_threaded})"


def _as_file(name: str, text: str) -> str:
    """Return the text as its reader needs it.

    cmd stumbles over bare line feeds, and Windows PowerShell takes a file without a mark for ANSI.
    """
    if name.endswith(".cmd"):
        return text.replace("\n", "\r\n")
    return f"\ufeff{text}" if name.endswith(".ps1") and not text.isascii() else text
