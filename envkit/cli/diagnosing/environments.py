"""`envkit doctor --all-envs`: each environment of this machine in a line, as soon as it is known."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from envkit import reading
from envkit.cli.output import echo_json, waiting
from envkit.errors import EnvkitError
from envkit.findings import Verdict
from envkit.snapshot import Interpreter

if TYPE_CHECKING:
    from collections.abc import Callable

    from envkit.cli.diagnosing.asked import Asked
    from envkit.cli.doctor import Examined
    from envkit.probes.environments import Environment

EXIT_INCOMPLETE = 4
_AT_ONCE = 4
"""Environments that are examined side by side: each may import a torch."""


def survey(asked: Asked, examine: Callable[[str], Examined]) -> int:
    """Examine every environment that can be found and return the exit code that says most."""
    from envkit.probes.environments import find_environments
    from envkit.render.terminal.environments import render_line

    search = find_environments()
    told: list[dict[str, Any]] = []
    codes: list[int] = []
    look = partial(_look, examine)
    with waiting("examining") as show, ThreadPoolExecutor(min(_AT_ONCE, os.cpu_count() or 1)) as pool:
        answers = pool.map(look, search.environments)
        for number, environment in enumerate(search.environments, 1):
            show((f"{number} of {len(search.environments)}, {environment.python}",))
            examined = next(answers)
            show(())
            codes.append(EXIT_INCOMPLETE if isinstance(examined, EnvkitError) else examined.exit_code)
            told.append(_told(environment, examined))
            if not asked.as_json:
                click.echo(render_line(told[-1]))
    if asked.as_json:
        from envkit.render.json import environments_document

        echo_json(environments_document(told, search.cut))
    elif search.cut:
        click.echo(f"not all is told: {search.cut}", err=True)
    return 1 if 1 in codes else max(codes, default=0)


def _look(examine: Callable[[str], Examined], environment: Environment) -> Examined | EnvkitError:
    try:
        return examine(str(environment.python))
    except EnvkitError as gone:  # a kernel may name an interpreter that is no more
        return gone


def _told(environment: Environment, examined: Examined | EnvkitError) -> dict[str, Any]:
    told = {"python": str(environment.python), "found_by": environment.found_by}
    if isinstance(examined, EnvkitError):
        nothing = {"version": None, "torch": None, "verdict": Verdict.INCOMPLETE, "code": None, "findings": ()}
        return {**told, **nothing, "incomplete": (examined.message,), "ignored": ()}
    target, torch = examined.snapshot.target, reading.installed_torch(examined.snapshot)
    diagnosis = examined.diagnosis
    return {
        **told,
        "version": target.version if isinstance(target, Interpreter) else None,
        "torch": torch.version if torch else None,
        "verdict": diagnosis.verdict,
        "code": next(iter(examined.codes), None),
        "findings": diagnosis.findings,
        "incomplete": diagnosis.incomplete,
        "ignored": diagnosis.ignored,
    }
