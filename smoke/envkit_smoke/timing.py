"""How long a training step and an epoch take on a device, apart from all checking."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any, Callable, Dict, Iterable, Sequence, Union

Statistics = Dict[str, Union[float, int]]


@dataclass(frozen=True)
class Timing:
    """Seconds of each timed step and of each timed epoch, after ``warmup_steps`` untimed steps."""

    warmup_steps: int
    step_seconds: Sequence[float]
    epoch_seconds: Sequence[float]

    def fields(self) -> dict[str, Any]:
        """What the timing event says: how many of each, and their statistics."""
        return {
            "warmup_steps": self.warmup_steps,
            "steps": len(self.step_seconds),
            "epochs": len(self.epoch_seconds),
            "step_seconds": statistics(self.step_seconds),
            "epoch_seconds": statistics(self.epoch_seconds),
        }


def durations(units: Iterable[Callable[[], object]], synchronise: Callable[[], None]) -> list[float]:
    """Seconds taken by each unit of work, the device idle before and after it.

    Devices work behind the caller's back: without waiting for them, only the queueing would be timed. What
    the iterable does to produce a unit, such as loading a batch, is not timed.
    """
    seconds = []
    for unit in units:
        synchronise()
        began = perf_counter()
        unit()
        synchronise()
        seconds.append(perf_counter() - began)
    return seconds


def statistics(seconds: Sequence[float]) -> Statistics:
    """Median, quartiles and extremes, in seconds."""
    ranked = sorted(seconds)
    low, p25, median, p75, high = (round(_quantile(ranked, part), 9) for part in (0.0, 0.25, 0.5, 0.75, 1.0))
    return {"median": median, "p25": p25, "p75": p75, "min": low, "max": high, "count": len(seconds)}


def _quantile(ranked: Sequence[float], part: float) -> float:
    """As ``numpy.percentile`` has it, whose first call imports ``numpy.ma``: a tenth of a second for five numbers."""
    place = part * (len(ranked) - 1)
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (place - below) * (ranked[above] - ranked[below])
