"""The events of a run as Results: forward-compatible, and never silent about what makes no sense."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from envkit.bench.stream import Event, Place, last_place, place_of
from envkit.processes import Completed, End
from envkit.results import (
    Ceiling,
    CheckResult,
    Conditions,
    Copied,
    DeviceName,
    Distributed,
    Network,
    Point,
    Results,
    Skip,
    SmokeError,
    Timing,
    Together,
    Training,
    WorkloadResult,
)

NONSENSE = "nonsense"
_LAST_WORDS = 2000
_TRAININGS = ("linear-regression", "backprop")
"""The workloads that end with a verdict: one without it was cut short."""

T = TypeVar("T")


class _Start(msgspec.Struct, frozen=True, kw_only=True):
    python: str | None = None
    torch: str | None = None
    numpy: str | None = None
    seed: int | None = None
    threads: int | None = None
    mode: str | None = None
    epochs: int | None = None
    budget: float | None = None
    devices: tuple[DeviceName, ...] = ()
    requested: tuple[str, ...] = ()


class _Verdict(msgspec.Struct, frozen=True, kw_only=True):
    passed: bool = False


class _End(msgspec.Struct, frozen=True, kw_only=True):
    passed: bool = False


_MEANINGS: dict[str, type[msgspec.Struct]] = {
    "start": _Start,
    "check": CheckResult,
    "training": Training,
    "timing": Timing,
    "result": _Verdict,
    "network": Network,
    "conditions": Conditions,
    "ceiling": Ceiling,
    "point": Point,
    "copy": Copied,
    "together": Together,
    "distributed": Distributed,
    "skip": Skip,
    "error": SmokeError,
    "end": _End,
}
_OF_A_WORKLOAD = (CheckResult, Training, Timing, _Verdict)
_AS_TOLD: dict[str, type[msgspec.Struct]] = {
    "conditions": Conditions,
    "ceilings": Ceiling,
    "points": Point,
    "copies": Copied,
    "together": Together,
    "distributed": Distributed,
    "skips": Skip,
}
"""Fields of Results that keep the events of one kind in the order in which they came."""

_Told = tuple[Event, msgspec.Struct | None]


def collect_results(
    target: str, events: Sequence[Event], completed: Completed, *, interrupted: bool = False
) -> Results:
    """Put the events of a run together with the way in which it ended."""
    told = [(event, _decoded(event)) for event in events]
    start, end = _first(_Start, told) or _Start(), _first(_End, told)
    groups: dict[Place, list[_Told]] = {}
    for event, meaning in told:
        if isinstance(meaning, _OF_A_WORKLOAD):
            groups.setdefault(place_of(event), []).append((event, meaning))
    results = tuple(_workload_result(place, group) for place, group in groups.items())
    errors = _all(SmokeError, told)
    errors += _end_errors(events, completed, errors, ended=end is not None, interrupted=interrupted)
    died_at_a_device = any(error.kind in ("device-died", "device-hung") for error in errors)
    interrupted = any(error.kind == "interrupted" for error in errors)
    return Results(
        target=target,
        **msgspec.structs.asdict(start),
        results=results,
        **{field: _all(meaning, told) for field, meaning in _AS_TOLD.items()},  # type: ignore[arg-type]
        networks=_whole(_all(Network, told)),
        errors=errors,
        complete=(end is not None or died_at_a_device) and not interrupted,
        interrupted=interrupted,
        passed=(
            (end is not None and end.passed and completed.ok)
            and not any(error.kind == NONSENSE for error in errors)
            and all(result.passed for result in results)
        ),
        seconds=round(completed.seconds, 4),
    )


def joined(parts: Sequence[Results]) -> Results:
    """Return what several processes told of one run, each of the devices that those before it did not come to."""
    first, *rest = parts
    if not rest:
        return first
    several = ("results", "errors", "networks", *_AS_TOLD)
    return msgspec.structs.replace(
        first,
        **{field: tuple(one for part in parts for one in getattr(part, field)) for field in several},
        complete=all(part.complete for part in parts),
        interrupted=any(part.interrupted for part in parts),
        passed=all(part.passed for part in parts),
        seconds=round(sum(part.seconds for part in parts), 4),
    )


def _decoded(event: Event) -> msgspec.Struct | None:
    """Return what an event means; None for one of a kind that is not known here."""
    kind = event.get("event")
    meaning = _MEANINGS.get(kind) if isinstance(kind, str) else None
    try:
        return msgspec.convert(event, meaning) if meaning else None
    except msgspec.ValidationError as nonsense:
        message = f"a {kind!r} event of the workloads makes no sense: {nonsense}"
        return SmokeError(kind=NONSENSE, message=message, device=place_of(event).device or None)


def _all(meaning: type[T], told: Sequence[_Told]) -> tuple[T, ...]:
    return tuple(found for _, found in told if isinstance(found, meaning))


def _first(meaning: type[T], told: Sequence[_Told]) -> T | None:
    return next(iter(_all(meaning, told)), None)


def _whole(parts: Sequence[Network]) -> tuple[Network, ...]:
    """Put the parts of each network's steps together."""
    whole: dict[tuple[str, str, str], Network] = {}
    for part in parts:
        place = (part.device, part.dtype, part.variant)
        before = whole.get(place, msgspec.structs.replace(part, first_step=1, steps=(), not_finite={}))
        lost = {_later(path, part.first_step - 1): value for path, value in part.not_finite.items()}
        whole[place] = msgspec.structs.replace(
            before, steps=before.steps + part.steps, not_finite={**before.not_finite, **lost}
        )
    return tuple(whole.values())


def _later(path: str, steps: int) -> str:
    """A place in an event's steps as a place in all of them: "steps.0.loss" is "steps.7.loss" after seven others."""
    first, number, *rest = path.split(".")
    return ".".join((first, str(int(number) + steps), *rest)) if number.isdigit() else path


def _workload_result(place: Place, group: Sequence[_Told]) -> WorkloadResult:
    verdict = _first(_Verdict, group)
    checks = _all(CheckResult, group)
    unjudged = place.workload not in _TRAININGS and all(check.passed for check in checks)
    return WorkloadResult(
        workload=place.workload,
        device=place.device,
        dtype=place.dtype,
        variant=place.variant,
        passed=verdict.passed if verdict is not None else unjudged,
        checks=checks,
        training=_first(Training, group),
        timing=_first(Timing, group),
    )


def _end_errors(
    events: Sequence[Event],
    completed: Completed,
    errors: Sequence[SmokeError],
    *,
    ended: bool,
    interrupted: bool,
) -> tuple[SmokeError, ...]:
    """What the way in which the process ended adds to what it told."""
    how = completed.describe()
    if interrupted and not ended:
        told = any(error.kind == "interrupted" for error in errors)
        return () if told else (SmokeError(kind="interrupted", message=f"stopped from the keyboard: {how}"),)
    if ended:
        # A library may crash while the process takes itself apart; what was told before stands.
        crashed = completed.end is not End.EXITED
        return (_death("died", f"after the end of the workloads: {how}", completed),) if crashed else ()
    place = last_place(events)
    hung = completed.end is End.TIMED_OUT
    if place.device:
        kind = "device-hung" if hung else "device-died"
        about = {field: value or None for field, value in place._asdict().items()}
        return (_death(kind, f"{place.told()}: {how}", completed, **about),)
    return (_death("timed-out" if hung else "died", f"the workloads did not come to their end: {how}", completed),)


def _death(kind: str, message: str, completed: Completed, **about: Any) -> SmokeError:
    words = completed.error_text[-_LAST_WORDS:]
    last = words.splitlines()[-1:]
    return SmokeError(kind=kind, message=": ".join((message, *last)), last_words=words, **about)
