"""Several whole runs as one: the median of their medians, and how far these lie apart."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from statistics import median
from typing import Any, TypeVar

from msgspec.structs import replace

from envkit.results import Ceiling, CheckResult, Point, Results, Spread, Timing, WorkloadResult

T = TypeVar("T")


def repeated(runs: Sequence[Results]) -> Results:
    """Return the runs as one.

    Times become medians of medians; their interval reaches over the intervals of all runs, since what differs from
    run to run (where memory lies, which cores, what else works) is no part of any one of them. A check that failed
    once has failed. What is no time is told as the first run had it.
    """
    first = runs[0]
    if len(runs) == 1:
        return first
    return replace(
        first,
        results=_merged(runs, lambda run: run.results, _place, _result),
        ceilings=_merged(runs, lambda run: run.ceilings, lambda one: (one.device, one.of, one.dtype), _ceiling),
        points=_merged(runs, lambda run: run.points, point_key, _point),
        conditions=tuple(one for run in runs for one in run.conditions),
        errors=_unique(error for run in runs for error in run.errors),
        skips=_unique(skip for run in runs for skip in run.skips),
        runs=len(runs),
        complete=all(run.complete for run in runs),
        interrupted=any(run.interrupted for run in runs),
        passed=all(run.passed for run in runs),
        seconds=round(sum(run.seconds for run in runs), 4),
    )


def point_key(point: Point) -> tuple[Hashable, ...]:
    """Return what makes two points the same one."""
    return (point.device, point.workload, point.dtype, point.variant, tuple(sorted(point.size.items())))


def _place(result: WorkloadResult) -> tuple[str, ...]:
    return (result.device, result.workload, result.dtype, result.variant)


def _merged(
    runs: Sequence[Results],
    field: Callable[[Results], Sequence[T]],
    key: Callable[[T], Hashable],
    join: Callable[[Sequence[T]], T],
) -> tuple[T, ...]:
    groups: dict[Hashable, list[T]] = {}
    for run in runs:
        for one in field(run):
            groups.setdefault(key(one), []).append(one)
    return tuple(join(group) for group in groups.values())


def _unique(several: Iterable[T]) -> tuple[T, ...]:
    kept: list[T] = []
    for one in several:
        if one not in kept:
            kept.append(one)
    return tuple(kept)


def spread(several: Sequence[Spread]) -> Spread:
    """Return the distribution over several runs: the median of medians, and what reaches over all of them."""
    medians = tuple(one.median for one in several)
    intervals = [one.interval for one in several]
    return Spread(
        median=median(medians),
        low=min(low for low, _ in intervals),
        high=max(high for _, high in intervals),
        p25=median(one.p25 for one in several),
        p75=median(one.p75 for one in several),
        min=min(one.min for one in several),
        max=max(one.max for one in several),
        count=sum(one.count for one in several),
        rounds=_known(sum, [one.rounds for one in several]),
        outliers=_known(sum, [one.outliers for one in several]),
        noise=_known(median, [one.noise for one in several]),
        medians=medians,
    )


def _known(of: Callable[[Any], Any], values: Sequence[Any]) -> Any:
    return None if None in values else of(values)


def _result(several: Sequence[WorkloadResult]) -> WorkloadResult:
    timings = [one.timing for one in several if one.timing]
    return replace(
        several[0],
        passed=all(one.passed for one in several),
        checks=tuple(max(same, key=_gravity) for same in _side_by_side([one.checks for one in several])),
        timing=_timing(timings) if timings else None,
    )


def _side_by_side(runs: Sequence[Sequence[CheckResult]]) -> list[list[CheckResult]]:
    """The same check of every run; where several have one name, the first of each, the second of each."""
    found: dict[tuple[str, int], list[CheckResult]] = {}
    for checks in runs:
        seen: Counter[str] = Counter()
        for check in checks:
            found.setdefault((check.name, seen[check.name]), []).append(check)
            seen[check.name] += 1
    return list(found.values())


def _gravity(check: CheckResult) -> tuple[bool, float]:
    return (not check.passed, float("inf") if check.error is None else check.error)


def _timing(several: Sequence[Timing]) -> Timing:
    return replace(
        several[0],
        steps=sum(one.steps for one in several),
        epochs=sum(one.epochs for one in several),
        step_seconds=spread([one.step_seconds for one in several]),
        epoch_seconds=spread([one.epoch_seconds for one in several]),
    )


def _ceiling(several: Sequence[Ceiling]) -> Ceiling:
    return replace(
        several[0],
        seconds=spread([one.seconds for one in several]),
        rate=median(one.rate for one in several),
        rate_low=min(one.rate_low for one in several),
        rate_high=max(one.rate_high for one in several),
    )


def _point(several: Sequence[Point]) -> Point:
    return replace(several[0], seconds=spread([one.seconds for one in several]))
