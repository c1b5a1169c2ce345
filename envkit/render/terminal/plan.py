"""A plan in the terminal: what was decided and why."""

from collections.abc import Mapping

from envkit.planning.model import Plan
from envkit.render.terminal.lines import Lines, Style


def print_plan(out: Lines, plan: Plan) -> None:
    """Print what was decided, each decision with the constraint that decided it."""
    content = f"torch {plan.torch} ({plan.backend})" if plan.torch else "Python and pip"
    headline = f"  {content} for Python {plan.python} on {plan.platform}"
    out.styled(plan.manager.value.upper(), Style.GOOD, headline)
    out.line()
    out.facts((reason.decides, f"{reason.choice}: {reason.because}") for reason in plan.reasons)


def print_files(out: Lines, names: tuple[str, ...], left_out: Mapping[str, str]) -> None:
    """Print which further files there are, and which could not be written."""
    if names or left_out:
        out.line()
    if names:
        out.line(f"`--output DIR` also writes {', '.join(names)}")
    for name, why in left_out.items():
        out.styled("left out", Style.WARNING, f"  {name}: {why}")
