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


BEST_OF_ALL = "--index-strategy=unsafe-best-match"
"""Makes uv choose among all indexes, as pip does; of one and the same version it takes that of the first index."""


def pip_installs(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Return the argument lists that follow `pip install`, in order; none when there is nothing to install.

    A build from an index of its own goes in first and alone: were both indexes open at once, the other one
    could put another build of the same version in its place. The second step brings its dependencies.
    """
    beside = ("--extra-index-url", plan.index) if plan.index and needs_its_index(plan) else ()
    return _installs(plan, beside, "--index-url")


def uv_installs(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Return the argument lists that follow `uv pip install`, like those for pip.

    UV_DEFAULT_INDEX would count for more than `--index-url`, and an index in UV_INDEX for more than the default one.
    """
    return _installs(plan, uv_index(plan), "--index", "--default-index")


def uv_index(plan: Plan) -> tuple[str, ...]:
    """Return what opens the build's index to uv for its dependencies, nothing where they are all elsewhere."""
    return ("--index", plan.index, BEST_OF_ALL) if plan.index and needs_its_index(plan) else ()


def needs_its_index(plan: Plan) -> bool:
    """Tell whether some of what the build depends on lies on its own index alone.

    For AMD and Intel GPUs that is Triton: pytorch-triton-rocm, triton-xpu, each release of torch with its own.
    """
    return plan.index is not None and has_own_triton(plan.backend)


def has_own_triton(backend: str) -> bool:
    """Tell whether the Triton of a build is a package of its own, which the default index does not have."""
    return backend.startswith(("rocm", "xpu"))


def _installs(plan: Plan, beside: tuple[str, ...], *index_options: str) -> tuple[tuple[str, ...], ...]:
    build, others = built_requirements(plan), other_requirements(plan)
    if plan.index is None or not build:
        return ((*build, *others),) if build or others else ()
    index = (word for option in index_options for word in (option, plan.index))
    return (("--no-deps", *index, *build), (*beside, *build, *others))


def built_requirements(plan: Plan) -> tuple[str, ...]:
    """Return torch and the companions built with it, each pinned to the one build; nothing for a bare environment."""
    if not plan.torch:
        return ()
    built = (pin(name, plan.companions[name], plan.local) for name in plan.built_with)
    return (pin("torch", plan.torch, plan.local), *built)


def other_requirements(plan: Plan) -> tuple[str, ...]:
    """Return everything else, which comes from the index that pip is configured to use."""
    pinned = (pin(name, release) for name, release in plan.companions.items() if name not in plan.built_with)
    return (*pinned, *plan.packages)


def pin(name: str, release: str, local: str = "") -> str:
    """Return the requirement for that one build.

    "==1.2" is met by every local version too, and pip prefers one: a folder of wheels with 1.2+cpu would do for the
    CUDA build of the default index. "===1.2" is met by 1.2 alone.
    """
    return f"{name}=={release}{local}" if local else f"{name}==={release}"
