"""Plan -> Recipe: the files that make the environment, rendered from the templates in `recipes/`."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property

import jinja2

from envkit.payload import find_payload
from envkit.planning.formats import formats_for, main_format
from envkit.planning.installs import (
    LEADING_ELSEWHERE,
    built_requirements,
    needs_its_index,
    other_requirements,
    pip_installs,
    uv_installs,
)
from envkit.planning.model import Engine, Manager, Plan
from envkit.planning.quoting import (
    UnquotableError,
    quote_cmd,
    quote_cmd_argument,
    quote_fish,
    quote_json,
    quote_markdown,
    quote_posix,
    quote_powershell,
    requirement_line,
)

_FILTERS: dict[str, Callable[[str], str]] = {
    "posix": quote_posix,
    "fish": quote_fish,
    "powershell": quote_powershell,
    "cmd": quote_cmd,
    "cmd_argument": quote_cmd_argument,
    "yaml": quote_json,
    "toml": quote_json,
    "json": quote_json,
    "markdown": quote_markdown,
    "requirement": requirement_line,
}
_CONDA_VARIABLES = {"conda": "CONDA_EXE", "mamba": "MAMBA_EXE", "micromamba": "MAMBA_EXE"}
"""What can make a conda environment, and the variable in which its shell function names the program."""


class Recipe:
    """The files of a plan by name, each rendered when it is first asked for."""

    def __init__(self, plan: Plan, names: Sequence[str] = (), resolved: Mapping[str, str] | None = None) -> None:
        """Prepare the files of these names, by default all that go with the plan; `resolved` has its texts already."""
        self.names = tuple(names) or formats_for(plan)
        self.main = main_format(plan)
        """The one file that makes the environment on the plan's own platform."""
        self._plan = plan
        self._made: dict[str, str | UnquotableError] = dict(resolved or {})

    def text(self, name: str) -> str:
        """Return exactly the text that belongs into that file.

        Raise `UnquotableError` when its language cannot express the plan.
        """
        made = self._text_or_refusal(name)
        if isinstance(made, UnquotableError):
            raise made
        return made

    @property
    def files(self) -> dict[str, str]:
        """Every file that its language can express."""
        return {name: text for name, text in self._rendered.items() if isinstance(text, str)}

    @property
    def left_out(self) -> dict[str, str]:
        """The files that could not be written, and why."""
        return {name: str(why) for name, why in self._rendered.items() if isinstance(why, UnquotableError)}

    @cached_property
    def _rendered(self) -> dict[str, str | UnquotableError]:
        return {name: self._text_or_refusal(name) for name in self.names}

    def _is_written(self, name: str) -> bool:
        """Tell whether the recipe has that file: it is wanted, and its language can express the plan."""
        return name in self.names and isinstance(self._text_or_refusal(name), str)

    def _image(self) -> str:
        """Return the image that a container is built on."""
        from envkit.matrix.images import micromamba_image, python_image  # for containers alone

        return micromamba_image() if self._plan.manager is Manager.CONDA else python_image(self._plan.python)

    def _text_or_refusal(self, name: str) -> str | UnquotableError:
        if name not in self._made:
            try:
                self._made[name] = self._render(name)
            except UnquotableError as refusal:
                self._made[name] = refusal
        return self._made[name]

    def _render(self, name: str) -> str:
        file = f"{name.rpartition('/')[2]}.j2"
        template = _templates().select_template([f"{self._plan.manager.value}/{file}", f"shared/{file}"])
        return _as_file(name, template.render(self._context))

    @cached_property
    def _context(self) -> dict[str, object]:
        plan = self._plan
        return {
            "plan": plan,
            "content": f"torch {plan.torch} ({plan.backend})" if plan.torch else "Python and pip",
            "uses_uv": plan.engine is Engine.UV,
            "needs_python": not (plan.engine is Engine.UV and plan.manager is Manager.VENV),
            "windows": plan.platform.startswith("win"),
            "conda_programs": _conda_programs(plan.engine),
            "conda_create": _conda_create(plan.engine),
            "conda_variables": dict.fromkeys(_CONDA_VARIABLES[program] for program in _conda_programs(plan.engine)),
            "leading_elsewhere": LEADING_ELSEWHERE,
            "programs": "Scripts" if plan.platform.startswith("win") else "bin",
            "installs": uv_installs(plan) if plan.engine is Engine.UV else pip_installs(plan),
            "pip_installs": pip_installs(plan),
            "requirements": (*built_requirements(plan), *other_requirements(plan)),
            "python_test": _python_test(plan.python),
            "slug": _slug(plan.name),
            "is_written": self._is_written,
            "image": self._image,
            "needs_its_index": needs_its_index(plan),
            "sources": ("torch", *plan.built_with) if plan.torch else (),
            "gpu_options": _gpu_options(plan.backend),
        }


def recipe(plan: Plan, names: Sequence[str] = (), resolved: Mapping[str, str] | None = None) -> Recipe:
    """Return the recipe of a plan: the files of these names, by default all that go with it.

    `resolved` are the texts of those that no template has: an engine found them.
    """
    return Recipe(plan, names, resolved)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(  # noqa: S701 - no HTML: each language has its own filter
        loader=jinja2.FileSystemLoader(find_payload("recipes")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters.update(_FILTERS, word=_word)
    environment.tests["expressible_in"] = _is_expressible
    return environment


def _word(text: str, shell: str) -> str:
    """Return the text as one word of that shell."""
    return f'"{quote_cmd(text)}"' if shell == "cmd" else _FILTERS[shell](text)


def _is_expressible(text: str, language: str) -> bool:
    try:
        _FILTERS[language](text)
    except UnquotableError:
        return False
    return True


def _python_test(python: str) -> str:
    """Return a program that exits with 0 in that Python, with 1 in any other."""
    wanted = ", ".join(python.rstrip("t").split("."))
    if not python.endswith("t"):
        return f"import sys; sys.exit(sys.version_info[:2] != ({wanted}))"
    free_threaded = "sysconfig.get_config_var('Py_GIL_DISABLED')"
    return f"import sys, sysconfig; sys.exit(sys.version_info[:2] != ({wanted}) or not {free_threaded})"


def _conda_programs(engine: Engine | None) -> tuple[str, ...]:
    """Return the programs to look for: the one that was asked for, else each that there is."""
    return (engine.value,) if engine and engine.value in _CONDA_VARIABLES else tuple(_CONDA_VARIABLES)


def _conda_create(engine: Engine | None) -> str:
    """Return the command that makes an environment from a file."""
    program = _conda_programs(engine)[0]
    return f"{program} create" if program == "micromamba" else f"{program} env create"


def _gpu_options(backend: str) -> str:
    """Return what hands a container the GPUs that a build is for, each option with a space behind it."""
    if backend.startswith("cu"):
        return "--gpus all "
    return "--device=/dev/kfd --device=/dev/dri --group-add=video " if backend.startswith("rocm") else ""


def _slug(name: str) -> str:
    """Return the name in the letters that projects and images may have."""
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-") or "environment"


def _as_file(name: str, text: str) -> str:
    """Return the text as its reader needs it.

    cmd stumbles over bare line feeds, and Windows PowerShell takes a file without a mark for ANSI.
    """
    if name.endswith(".cmd"):
        return text.replace("\n", "\r\n")
    return f"\ufeff{text}" if name.endswith(".ps1") and not text.isascii() else text
