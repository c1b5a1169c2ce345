"""One run of `smoke/` in a target interpreter: its event stream in, Results out."""

import json
from collections.abc import Callable, Sequence
from typing import Any

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
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def collect_results(target: str, events: Sequence[Event], completed: Completed) -> Results:
    """Put the events of a run together with the way in which it ended."""
    start = _first(events, "start")
    end = _first(events, "end")
    groups: dict[tuple[str, str, str], list[Event]] = {}
    for event in events:
        if event["event"] in ("check", "training", "timing", "result"):
            key = (str(event.get("workload")), str(event.get("device")), str(event.get("dtype")))
            groups.setdefault(key, []).append(event)
    results = tuple(_workload_result(key, group) for key, group in groups.items())
    errors = tuple(_known(event, SmokeError) for event in events if event["event"] == "error")
    if not end:
        errors += (_early_end(completed),)
    return Results(
        target=target,
        python=start.get("python"),
        torch=start.get("torch"),
        numpy=start.get("numpy"),
        seed=start.get("seed"),
        threads=start.get("threads"),
        devices=tuple(_known(device, DeviceName) for device in start.get("devices", ())),
        results=results,
        errors=errors,
        complete=bool(end),
        passed=bool(end.get("passed")) and completed.ok and all(result.passed for result in results),
        seconds=round(completed.seconds, 4),
    )


def _first(events: Sequence[Event], name: str) -> Event:
    return next((event for event in events if event.get("event") == name), {})


def _known(event: Event, shape: type[Any]) -> Any:
    return msgspec.convert(event, shape)


def _workload_result(key: tuple[str, str, str], group: Sequence[Event]) -> WorkloadResult:
    workload, device, dtype = key
    training, timing = _first(group, "training"), _first(group, "timing")
    return WorkloadResult(
        workload=workload,
        device=device,
        dtype=dtype,
        passed=_first(group, "result").get("passed") is True,
        checks=tuple(_known(event, CheckResult) for event in group if event["event"] == "check"),
        training=_known(training, Training) if training else None,
        timing=_known(timing, Timing) if timing else None,
    )


def _early_end(completed: Completed) -> SmokeError:
    told = completed.error_text.splitlines()
    kind = "timed-out" if completed.end is End.TIMED_OUT else "died"
    return SmokeError(
        kind=kind,
        message=f"the workloads did not come to their end: {completed.describe()}" + (f": {told[-1]}" if told else ""),
    )
