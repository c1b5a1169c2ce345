"""What a workload found out: named checks, each a pure function of things already measured."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Iterable, Sequence

import numpy as np

from envkit_smoke.bounded import Bounded

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from envkit_smoke.bounded import Array

MOST_NAMED = 4


@dataclass(frozen=True)
class Check:
    """One verdict. It passed if ``error``, a dimensionless ratio or a count, is at most ``tolerance``."""

    name: str
    error: float
    tolerance: float
    detail: str

    @property
    def passed(self) -> bool:
        """False also where the error is not a number."""
        return self.error <= self.tolerance

    def fields(self) -> dict[str, Any]:
        """What the check event says."""
        verdict = {"name": self.name, "passed": self.passed}
        return {**verdict, "error": self.error, "tolerance": self.tolerance, "detail": self.detail}


class Comparison:
    """Something measured against its reference; ``axis`` names what the first axis counts, such as "step"."""

    def __init__(self, what: str, measured: ArrayLike, expected: Bounded, axis: str = "") -> None:
        self.what = what
        self.measured = np.asarray(measured, dtype=np.float64)
        self.expected = expected
        self.axis = axis
        if self.measured.shape != expected.value.shape:
            raise ValueError(f"{what}: {self.measured.shape} measured, {expected.value.shape} expected")
        self.ratios = self._ratios()

    def _ratios(self) -> Array:
        with np.errstate(all="ignore"):
            difference = np.abs(self.measured - self.expected.value)
            certain = np.where(difference == 0, 0.0, np.inf)
            ratios = np.where(self.expected.error > 0, difference / self.expected.error, certain)
            # Beyond the dtype's range anything may come out, and nothing is judged.
            return np.where(np.isinf(self.expected.error), 0.0, ratios)

    @property
    def unjudged(self) -> int:
        """How many of the numbers may honestly have left the range of their dtype."""
        return int(np.isinf(self.expected.error).sum())

    @property
    def ratio(self) -> float:
        """The largest difference in units of its bound; not a number if any difference is not."""
        return float(np.max(self.ratios))

    def describe(self) -> str:
        """Where the largest ratio stands, and both numbers there."""
        place = np.unravel_index(int(np.argmax(self.ratios)), self.ratios.shape)
        what = f"{self.what} at {self.axis} {int(place[0]) + 1}" if self.axis else self.what
        measured, expected = float(self.measured[place]), float(self.expected.value[place])
        share = f"{self.ratio:.3g} of the allowed difference"
        return f"{what} measured {measured:.9g}, reference {expected:.9g}, {share}"


def within_bounds(name: str, claim: str, comparisons: Sequence[Comparison]) -> Check:
    """Every difference is at most its bound. ``error`` is the largest ratio of difference to bound."""
    # A comparison that is not a number is the worst of all, and max() alone would lose it.
    worst = max(comparisons, key=lambda one: np.inf if np.isnan(one.ratio) else one.ratio)
    verdict = claim if worst.ratio <= 1 else "Not so: " + claim[0].lower() + claim[1:]
    count, unjudged = sum(one.measured.size for one in comparisons), sum(one.unjudged for one in comparisons)
    beyond = f"; {unjudged} of {count} numbers may have left the dtype's range and were not judged" if unjudged else ""
    return Check(name, worst.ratio, 1.0, f"{verdict}; closest to its bound: {worst.describe()}{beyond}")


def trajectory(steps: Iterable[Sequence[Bounded]], measured: Sequence[Array], names: Sequence[str]) -> Check:
    """The whole run, from its start, is within a bound that carries every step's error on to the next.

    ``steps`` are the reference's states after each step, in the arithmetic of the device, several arrays of ``names``;
    ``measured`` (steps, ...) the device's. The bound grows with the number of steps, the faster the less stable the
    training is, and the comparison ends where it exceeds a tenth of the largest number of its kind: from there on it
    would say nothing.
    """
    states: list[Sequence[Bounded]] = []
    for state in islice(steps, len(measured[0])):
        if any(np.max(one.error) > np.max(np.abs(one.value)) / 10 for one in state):
            break
        states.append(state)
    total = len(measured[0])
    if not states:
        return Check(
            "trajectory", 0.0, 1.0, "rounding alone may hide where the first step goes, so nothing is compared"
        )
    kinds = [Bounded(*_stacked(one), one[0].arithmetic) for one in zip(*states)]
    return within_bounds(
        "trajectory",
        f"The first {len(states)} of {total} steps went where float64 goes from the same start, within a bound that "
        "grows with their number",
        [Comparison(name, numbers[: len(states)], kind, "step") for name, numbers, kind in zip(names, measured, kinds)],
    )


def _stacked(states: Sequence[Bounded]) -> tuple[Array, Array]:
    return np.stack([one.value for one in states]), np.stack([one.error for one in states])


def on_device(placements: Iterable[tuple[str, str]], device: str) -> Check:
    """Every tensor of the workload was on the device it names, index included.

    ``placements`` are pairs of a tensor's name and its own word on where it was. This is what catches the
    lecture's training loop: ``xb.to(device)`` returns a moved copy, and without assignment the batch stays on
    the CPU.
    """
    seen = sorted(set(placements))
    if not seen:
        return Check("on-device", 1, 0, f"no tensor was seen, so nothing proves that {device} was used")
    strays = [f"{name} was on {place}" for name, place in seen if place != device]
    if not strays:
        return Check("on-device", 0, 0, f"all {len(seen)} tensors of the training were on {device}")
    more = [f"and {len(strays) - MOST_NAMED} more"] if len(strays) > MOST_NAMED else []
    named = ", ".join(strays[:MOST_NAMED] + more)
    return Check("on-device", len(strays), 0, f"not everything was on {device}: {named}")


def epoch_permutation(batches: Array, rows: Array) -> Check:
    """Every epoch's batches hold each row of the data set once.

    ``batches`` (epochs, rows, columns) are the rows in the order they came, ``rows`` (rows, columns) the data
    set.
    """
    wanted = _sorted_rows(rows)
    wrong = [number for number, epoch in enumerate(batches, 1) if _sorted_rows(epoch) != wanted]
    if not wrong:
        detail = f"the batches of each of {len(batches)} epochs are the {len(rows)} rows in some order"
    else:
        detail = f"the batches of {len(wrong)} epochs are not the data set, first in epoch {wrong[0]}"
    return Check("epoch-permutation", len(wrong), 0, detail)


def same_bits(first: bytes, second: bytes) -> Check:
    """Two runs from the same seed ended with the same parameters, bit for bit."""
    differing = sum(a != b for a, b in zip(first, second)) + abs(len(first) - len(second))
    if not differing:
        detail = f"a second run from the same seed gave the same {len(first)} bytes of parameters"
    else:
        detail = f"a second run from the same seed differs in {differing} of {len(first)} bytes"
    return Check("repeatable", differing, 0, detail)


def _sorted_rows(rows: Array) -> list[tuple[float, ...]]:
    return sorted(tuple(row) for row in rows.tolist())
