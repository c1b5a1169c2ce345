"""What the two trainings have in common: their task, what they hand back, and their two halves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Sequence

if TYPE_CHECKING:
    from envkit_smoke.checks import Check
    from envkit_smoke.network import Network
    from envkit_smoke.timing import Timing

NAMES = ("linear-regression", "backprop")


@dataclass(frozen=True)
class Task:
    """What to do where. ``device`` carries its index ("cuda:0"); ``synchronise`` waits until it is idle."""

    device: str
    dtype: str
    variant: str
    seed: int
    epochs: int
    synchronise: Callable[[], None]
    network: Network | None = None  # for backprop; None is the textbook's


@dataclass(frozen=True)
class Report:
    """One workload on one device: verdicts, the full-data loss after each epoch as measured, and times."""

    checks: Sequence[Check]
    losses: Sequence[float]
    optimum: float | None
    timing: Timing


@dataclass(frozen=True)
class Workload:
    """``observe`` works on the device and judges nothing; ``judge`` takes its result and touches no device.

    So whatever ``observe`` raises is the device's failure, and whatever ``judge`` raises is a fault of smoke.
    """

    observe: Callable[[Task], Any]
    judge: Callable[[Any], Report]


def load(names: Sequence[str]) -> dict[str, Workload]:
    """The workloads of these names. Imports torch, which must have been found before."""
    from envkit_smoke import backprop, backprop_checks, regression, regression_checks

    table = {
        "linear-regression": Workload(regression.observe, regression_checks.judge),
        "backprop": Workload(backprop.observe, backprop_checks.judge),
    }
    return {name: table[name] for name in names}
