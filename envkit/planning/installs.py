"""What pip is told, in which order, to install a plan."""

from envkit.planning.model import Plan


def pip_installs(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Return the argument lists that follow `pip install`, in order.

    A build from an index of its own goes in first and alone: were both indexes open at once, the other one
    could put another build of the same version in its place. The second step brings its dependencies.
    """
    build, beside = built_requirements(plan), other_requirements(plan)
    if plan.index is None:
        return ((*build, *beside),)
    return (("--no-deps", "--index-url", plan.index, *build), (*build, *beside))


def built_requirements(plan: Plan) -> tuple[str, ...]:
    """Return torch and the companions built with it, each pinned to the one build."""
    built = (f"{name}=={plan.companions[name]}{plan.local}" for name in plan.built_with)
    return (f"torch=={plan.torch}{plan.local}", *built)


def other_requirements(plan: Plan) -> tuple[str, ...]:
    """Return everything else, which comes from the index that pip is configured to use."""
    pinned = (f"{name}=={release}" for name, release in plan.companions.items() if name not in plan.built_with)
    return (*pinned, *plan.packages)
