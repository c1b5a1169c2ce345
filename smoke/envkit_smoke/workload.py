"""What the two trainings have in common: their task, what they hand back, and their two halves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Sequence

if TYPE_CHECKING:
    from envkit_smoke.checks import Check
    from envkit_smoke.network import Network
    from envkit_smoke.reporter import Reporter
    from envkit_smoke.timing import Timing

TRAININGS = ("linear-regression", "backprop")
KERNELS = "kernels"
NAMES = (KERNELS, *TRAININGS)


@dataclass(frozen=True)
class Task:
    """What to do where. ``device`` carries its index ("cuda:0"); ``synchronise`` waits until it is idle.

    ``network`` is for backprop, None the textbook's, which trains for ``epochs``; another has steps of its own.
    """

    device: str
    dtype: str
    variant: str
    seed: int
    epochs: int
    synchronise: Callable[[], None]
    network: Network | None = None


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
    ``records`` gives the steps of the network event, where there is a network to tell of.
    """

    observe: Callable[[Task], Any]
    judge: Callable[[Any], Report]
    records: Callable[[Any], list[dict[str, object]]] | None = None


def load(names: Sequence[str]) -> dict[str, Workload]:
    """The trainings of these names. Imports torch, which must have been found before."""
    from envkit_smoke import backprop, backprop_checks, regression, regression_checks

    table = {
        "linear-regression": Workload(regression.observe, regression_checks.judge),
        "backprop": Workload(backprop.observe, backprop_checks.judge, backprop_checks.records),
    }
    return {name: table[name] for name in names if name in table}


@dataclass(frozen=True)
class Trial:
    """Work on a device in a dtype and a variant that it may lack, which is no failure.

    ``explicit`` holds what was asked for by name: only of that is the lack told, but for a compiler.
    """

    reporter: Reporter
    dtype: str
    variant: str | None
    explicit: frozenset[str]

    def observe(self, lacking: str | None, work: Callable[[], Any]) -> Any:
        """What ``work`` returns; None where it was skipped or failed, which is told then."""
        from envkit_smoke import torch_dtypes, variants

        if lacking is not None:
            self._skip(lacking)
            return None
        try:
            return work()
        except variants.CompilerMissingError as error:
            self.reporter.skip("compiler-unsupported", str(error))
        except Exception as error:  # noqa: BLE001 - a device may fail in any way
            if torch_dtypes.is_lacking(error, self.dtype) or variants.is_lacking(error, self.variant or ""):
                self._skip(" ".join(str(error).split())[:500])
            else:
                self.reporter.failed(error)
                self.reporter.emit("result", passed=False)
        return None

    def _skip(self, reason: str) -> None:
        if {self.dtype, self.variant} & self.explicit:
            self.reporter.skip("unsupported", reason)
