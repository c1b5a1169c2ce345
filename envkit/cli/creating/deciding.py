"""The plan for the machine at hand, or for the one that --for describes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envkit import probes
from envkit.cli.output import waiting

if TYPE_CHECKING:
    from envkit.cli.creating.asked import Asked
    from envkit.planning.model import Plan
    from envkit.snapshot import Snapshot


def decide(asked: Asked) -> tuple[Plan, Snapshot]:
    """Return the plan and the facts that it rests on."""
    # With a version asked for, no interpreter here is the target; envkit's own stands in for it.
    gathering = probes.start(sys.executable if asked.python_version else asked.python, quick=True)
    # What decides is loaded while the probes run.
    from envkit import matrix
    from envkit.planning.decide import plan

    with waiting("probing") as on_wait:
        snapshot = gathering.result(on_wait)
    return plan(asked.request, snapshot, matrix.load()), snapshot
