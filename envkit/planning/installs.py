"""What pip, or uv in its place, is told, in which order, to install a plan."""

from envkit.planning.model import Plan

LEADING_ELSEWHERE = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_PYTHON",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_TARGET",
    "UV_PREFIX",
    "UV_TORCH_BACKEND",
    "UV_VENV_CLEAR",
)
"""Variables that belong to another Python, or name another place than the new environment, or another build."""


def pip_installs(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Return the argument lists that follow `pip install`, in order; none when there is nothing to install.

    A build from an index of its own goes in first and alone: were both indexes open at once, the other one
    could put another build of the same version in its place. The second step brings its dependencies.
    """
    return _installs(plan, "--index-url")


def uv_installs(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Return the argument lists that follow `uv pip install`, like those for pip.

    UV_DEFAULT_INDEX would count for more than `--index-url`, and an index in UV_INDEX for more than the default one.
    """
    return _installs(plan, "--index", "--default-index")


def _installs(plan: Plan, *index_options: str) -> tuple[tuple[str, ...], ...]:
    build, beside = built_requirements(plan), other_requirements(plan)
    if plan.index is None or not build:
        return ((*build, *beside),) if build or beside else ()
    index = (word for option in index_options for word in (option, plan.index))
    return (("--no-deps", *index, *build), (*build, *beside))


def built_requirements(plan: Plan) -> tuple[str, ...]:
    """Return torch and the companions built with it, each pinned to the one build; nothing for a bare environment."""
    if not plan.torch:
        return ()
    built = (f"{name}=={plan.companions[name]}{plan.local}" for name in plan.built_with)
    return (f"torch=={plan.torch}{plan.local}", *built)


def other_requirements(plan: Plan) -> tuple[str, ...]:
    """Return everything else, which comes from the index that pip is configured to use."""
    pinned = (f"{name}=={release}" for name, release in plan.companions.items() if name not in plan.built_with)
    return (*pinned, *plan.packages)
