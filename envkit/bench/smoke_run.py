"""One run of `smoke/` in a target interpreter: its event stream in, Results out."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from envkit import processes
from envkit.payload import find_payload
from envkit.processes import Completed, End
from envkit.results import (
    CheckResult,
    DeviceName,
    Results,
    SmokeError,
    Timing,
    Training,
    WorkloadResult,
)

SMOKE_LIMIT = 600.0
"""Seconds after which a run is given up."""

Event = dict[str, Any]
OnEvent = Callable[[Event], None]


def run_smoke(
    python: str,
    *,
    devices: Sequence[str] = (),
    workloads: Sequence[str] = (),
    epochs: int | None = None,
    seed: int | None = None,
    timeout: float = SMOKE_LIMIT,
    on_event: OnEvent | None = None,
) -> Results:
    """Run the workloads under `python` and return what they told.

    `on_event` hears each event as it comes, in another thread. A run that hangs, dies or talks
    nonsense gives `Results` that say so, with all that was measured before.
    """
    events: list[Event] = []

    def hear(line: bytes) -> None:
        event = parse_event(line)
        if event is not None:
            events.append(event)
            if on_event is not None:
                on_event(event)

    # -B: nothing is written into the payload's folder, which may be read-only or another user's.
    argv = [python, "-B", str(find_payload("smoke")), *_options(devices, workloads, epochs, seed)]
    completed = processes.run(argv, timeout=timeout, on_line=hear)
    return collect_results(python, events, completed)


def _options(devices: Sequence[str], workloads: Sequence[str], epochs: int | None, seed: int | None) -> list[str]:
    options = [word for device in devices for word in ("--device", device)]
    options += [word for workload in workloads for word in ("--workload", workload)]
    options += ["--epochs", str(epochs)] if epochs is not None else []
    return options + (["--seed", str(seed)] if seed is not None else [])


def parse_event(line: bytes) -> Event | None:
    """Return the event in a line of the stream, None when the line is somebody else's."""
    begin = line.find(b'{"event":')
    if begin < 0:
        return None
    try:
        event = json.loads(line[begin:])
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def collect_results(target: str, events: Sequence[Event], completed: Completed) -> Results:
    """Put the events of a run together with the way in which it ended."""
    told = [(event, _decoded(event)) for event in events]
    start = _first(_Start, told) or _Start()
    end = _first(_End, told)
    groups: dict[tuple[str, str, str], list[_Told]] = {}
    for event, meaning in told:
        if isinstance(meaning, (CheckResult, Training, Timing, _Verdict)):
            key = (str(event.get("workload")), str(event.get("device")), str(event.get("dtype")))
            groups.setdefault(key, []).append((event, meaning))
    results = tuple(_workload_result(key, group) for key, group in groups.items())
    errors = _all(SmokeError, told)
    if end is None:
        errors += (_early_end(completed),)
    understood = not any(error.kind == _NONSENSE for error in errors)
    return Results(
        target=target,
        python=start.python,
        torch=start.torch,
        numpy=start.numpy,
        seed=start.seed,
        threads=start.threads,
        devices=start.devices,
        results=results,
        errors=errors,
        complete=end is not None,
        passed=(
            end is not None and end.passed and completed.ok and understood and all(result.passed for result in results)
        ),
        seconds=round(completed.seconds, 4),
    )


class _Start(msgspec.Struct, frozen=True, kw_only=True):
    python: str | None = None
    torch: str | None = None
    numpy: str | None = None
    seed: int | None = None
    threads: int | None = None
    devices: tuple[DeviceName, ...] = ()


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
    "error": SmokeError,
    "end": _End,
}
_NONSENSE = "nonsense"

_Told = tuple[Event, msgspec.Struct | None]


def _decoded(event: Event) -> msgspec.Struct | None:
    """Return what an event means; None for one of a kind that is not known here."""
    kind = event.get("event")
    meaning = _MEANINGS.get(kind) if isinstance(kind, str) else None
    try:
        return msgspec.convert(event, meaning) if meaning else None
    except msgspec.ValidationError as nonsense:
        return SmokeError(kind=_NONSENSE, message=f"a {kind!r} event of the workloads makes no sense: {nonsense}")


T = TypeVar("T")


def _all(meaning: type[T], told: Sequence[_Told]) -> tuple[T, ...]:
    return tuple(found for _, found in told if isinstance(found, meaning))


def _first(meaning: type[T], told: Sequence[_Told]) -> T | None:
    return next(iter(_all(meaning, told)), None)


def _workload_result(key: tuple[str, str, str], group: Sequence[_Told]) -> WorkloadResult:
    workload, device, dtype = key
    verdict = _first(_Verdict, group)
    return WorkloadResult(
        workload=workload,
        device=device,
        dtype=dtype,
        passed=verdict is not None and verdict.passed,
        checks=_all(CheckResult, group),
        training=_first(Training, group),
        timing=_first(Timing, group),
    )


def _early_end(completed: Completed) -> SmokeError:
    told = completed.error_text.splitlines()
    kind = "timed-out" if completed.end is End.TIMED_OUT else "died"
    return SmokeError(
        kind=kind,
        message=f"the workloads did not come to their end: {completed.describe()}" + (f": {told[-1]}" if told else ""),
    )
