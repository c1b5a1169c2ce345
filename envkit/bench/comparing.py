"""A run against a saved one: how many times as long each thing takes, and whether that is a regression.

The interval of a ratio of medians is put together from the intervals of both medians by the method of variance
estimates recovery on logarithms (Zou and Donner, "Construction of confidence limits about effect measures",
Statistics in Medicine 2008): each limit keeps its own distance, so neither interval need be symmetric.

Of a hundred comparisons at 95 %, two or three lie above 1 by chance. Whether one is a regression is therefore asked of
a wider interval, which holds for all of them together (Bonferroni).
"""

from collections.abc import Iterator, Mapping
from math import exp, hypot, log
from statistics import NormalDist

import msgspec

from envkit.results import Compared, Comparison, Results, Spread

_LEVEL = 0.95
_OPEN = log(1e6)
"""A factor that no two runs of one thing differ by."""


class Timed(msgspec.Struct, frozen=True):
    """A time that a run has, under the name by which another run's is found."""

    device: str
    what: str
    seconds: Spread


def compare(before: Results, after: Results, with_file: str) -> Comparison:
    """Return the times of `after` as multiples of those of the saved run `before`."""
    reasons = dict(_reasons(before, after))
    old, new = _times(before), _times(after)
    common = [key for key in new if key in old and key[0] not in reasons and reasons.get("") is None]
    return Comparison(
        with_file=with_file,
        compared=tuple(_compared(new[key], old[key], len(common)) for key in common),
        not_compared=(*reasons.values(), *_one_sided(old, new, reasons)),
    )


_Times = Mapping[tuple[str, str], Timed]


def _reasons(before: Results, after: Results) -> Iterator[tuple[str, str]]:
    """Yield why a device of both cannot be compared; "" stands for all of them."""
    if before.torch != after.torch:
        yield "", f"another torch: {before.torch} then, {after.torch} now"
        return
    devices = dict.fromkeys(one.device for one in after.devices)
    for device in devices:
        then, now = before.name_of(device), after.name_of(device)
        if then and then != now:
            yield device, f"{device} is another device: {then} then, {now} now"
        elif device == "cpu" and before.threads != after.threads:
            yield device, f"{device} has another number of threads: {before.threads} then, {after.threads} now"


def _one_sided(old: _Times, new: _Times, reasons: Mapping[str, str]) -> Iterator[str]:
    if "" in reasons:
        return
    for times, others, when in ((new, old, "then"), (old, new, "now")):
        for device, what in times:
            if device not in reasons and (device, what) not in others:
                yield f"{what} on {device}: not measured {when}"


def _times(results: Results) -> dict[tuple[str, str], Timed]:
    found = [Timed(one.device, f"{one.of} {one.dtype}, ceiling", one.seconds) for one in results.ceilings]
    for one in results.results:
        if one.timing:
            what = f"{one.workload} {one.dtype} {one.variant}, lecture's size"
            found.append(Timed(one.device, what, one.timing.step_seconds))
    for point in results.points:
        size = ", ".join(f"{name} {count}" for name, count in sorted(point.size.items()))
        found.append(Timed(point.device, f"{point.workload} {point.dtype} {point.variant}, {size}", point.seconds))
    return {(one.device, one.what): one for one in found if one.seconds.median > 0}


def _compared(new: Timed, old: Timed, comparisons: int) -> Compared:
    ratio = new.seconds.median / old.seconds.median
    # A few steps timed one after another share whatever spell they fell in: they say nothing of another run.
    sure = new.seconds.low is not None and old.seconds.low is not None
    down, up = _distances(new.seconds, old.seconds)
    wider = NormalDist().inv_cdf(1 - (1 - _LEVEL) / (2 * comparisons)) / NormalDist().inv_cdf((1 + _LEVEL) / 2)
    return Compared(
        what=new.what,
        device=new.device,
        before=old.seconds.median,
        after=new.seconds.median,
        ratio=ratio,
        low=ratio * exp(-down),
        high=ratio * exp(up),
        regression=sure and ratio * exp(-down * wider) > 1,
        improvement=sure and ratio * exp(up * wider) < 1,
    )


def _distances(new: Spread, old: Spread) -> tuple[float, float]:
    """How far the ratio's logarithm may lie below and above the measured one."""
    (new_low, new_high), (old_low, old_high) = new.interval, old.interval
    down = hypot(_distance(new_low, new.median), _distance(old.median, old_high))
    up = hypot(_distance(new.median, new_high), _distance(old_low, old.median))
    return down, up


def _distance(low: float, high: float) -> float:
    """The logarithm of their ratio; an interval that reaches down to zero leaves everything open."""
    if low <= 0:
        return _OPEN
    return log(high / low) if low < high else 0.0
