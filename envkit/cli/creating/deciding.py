"""The plan for the machine at hand, and why it is no other."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from envkit import probes
from envkit.cli.output import waiting

if TYPE_CHECKING:
    from envkit.cli.creating.asked import Asked
    from envkit.planning.model import Other, Plan, Request
    from envkit.snapshot import Snapshot


def decide(asked: Asked) -> tuple[Plan, Snapshot]:
    """Return the plan and the facts that it rests on."""
    # With a version asked for, no interpreter here is the target; envkit's own stands in for it.
    gathering = probes.start(sys.executable if asked.python_version else asked.python, quick=True, packages=False)
    # What decides and writes is loaded while the probes run.
    import_module("envkit.planning.decide")
    import_module("envkit.planning.recipe")
    with waiting("probing") as on_wait:
        snapshot = gathering.result(on_wait)
    return plan_or_explain(asked, asked.request, snapshot), snapshot


def plan_or_explain(asked: Asked, request: Request, snapshot: Snapshot) -> Plan:
    """Return the plan; where there is none, and --explain asks why, first tell what each build lacks."""
    from envkit import matrix
    from envkit.planning.decide import plan
    from envkit.planning.model import ImpossibleError

    try:
        return plan(request, snapshot, matrix.load())
    except ImpossibleError:
        tried = explain(asked, request, snapshot)
        if tried:
            from envkit.render.terminal.explanation import print_others
            from envkit.render.terminal.lines import errors

            print_others(errors(), tried)
        raise


def explain(asked: Asked, request: Request, snapshot: Snapshot) -> tuple[Other, ...]:
    """Return why each build other than the plan's was not chosen, where that was asked for."""
    if not asked.explain:
        return ()
    from envkit import matrix
    from envkit.planning import decide as planner

    return planner.explain(request, snapshot, matrix.load())
