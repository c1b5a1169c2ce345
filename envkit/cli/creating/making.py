"""The environment made: steps run, then doctor and smoke in it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envkit.cli.output import echo_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envkit.apply.run import Applied
    from envkit.cli.creating.asked import Asked
    from envkit.cli.doctor import Examined
    from envkit.cli.smoke import Exercised
    from envkit.planning.model import Plan
    from envkit.snapshot import Snapshot


def make(asked: Asked, plan: Plan, snapshot: Snapshot) -> int:
    """Carry the plan out and return the exit code."""
    from envkit.apply.interpreters import base_interpreter
    from envkit.apply.run import apply_plan
    from envkit.apply.steps import check_manager
    from envkit.render.terminal.layout import console
    from envkit.render.terminal.plan import StepProgress, print_plan

    check_manager(plan)
    python = base_interpreter(asked.python_version, snapshot.target)
    path = Path(plan.path).absolute()
    out = console(stderr=True)
    print_plan(out, plan)
    if asked.dry_run:
        _rehearse(asked, plan, path, python)
        return 0
    with StepProgress(out) as progress:
        applied = apply_plan(plan, path, python, progress)
    return _verify(asked, plan, applied)


def _rehearse(asked: Asked, plan: Plan, path: Path, python: str) -> None:
    """Print the commands that would make the environment."""
    from envkit.apply.claim import check_free
    from envkit.apply.steps import list_steps
    from envkit.render.json import plan_document

    check_free(path)
    steps = list_steps(plan, path, python)
    if asked.as_json:
        echo_json(plan_document(plan, path=str(path), steps=[step._asdict() for step in steps]))
        return
    for step in steps:
        click.echo(shlex.join(step.argv))


def _verify(asked: Asked, plan: Plan, applied: Applied) -> int:
    """Run doctor and smoke in the new environment, and say how to enter it."""
    from envkit.apply.steps import activation
    from envkit.cli.doctor import examine
    from envkit.cli.smoke import exercise

    checks: dict[str, Callable[[str], Examined | Exercised]] = {"doctor": examine, "smoke": exercise}
    answers: dict[str, Examined | Exercised] = {}
    for name, check in ({} if asked.no_verify else checks).items():
        answers[name] = check(applied.python)
        if not asked.as_json:
            click.echo()
            answers[name].show()
    if asked.as_json:
        _print_applied(plan, applied, answers)
    else:
        click.echo(f"\nActivate it with:\n    {activation(Path(applied.path))}")
    return _worst([answer.exit_code for answer in answers.values()])


def _print_applied(plan: Plan, applied: Applied, answers: Mapping[str, Examined | Exercised]) -> None:
    from envkit.render.json import plan_document

    steps = [step._asdict() for step in applied.steps]
    told = {name: answer.document() for name, answer in answers.items()}
    echo_json(plan_document(plan, path=applied.path, python=applied.python, steps=steps, **told))


def _worst(codes: list[int]) -> int:
    """Return the code that says most: an error is told before an incomplete answer."""
    return 1 if 1 in codes else max(codes, default=0)
