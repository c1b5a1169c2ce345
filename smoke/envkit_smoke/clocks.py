"""The clock of a device."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from envkit_smoke.measure import Clock


def clock_of(torch: Any, device: str, synchronise: Callable[[], None]) -> Clock:
    """The device's own events where it has them, else the host's clock around a wait for the device.

    Events are stamped by the device as it comes to them, so that neither the call nor the wait for it is timed; what
    the host takes to queue the work is, once it is slower than the device.
    """
    backend = device.partition(":")[0]
    events = getattr(getattr(torch, backend, None), "Event", None) if backend in ("cuda", "xpu") else None
    if events is None:
        return _host_clock(synchronise)
    return _event_clock(torch, backend, events, device, synchronise)


def _host_clock(synchronise: Callable[[], None]) -> Clock:
    def clock(work: Callable[[], object], calls: int) -> float:
        synchronise()
        began = perf_counter()
        for _ in range(calls):
            work()
        synchronise()
        return perf_counter() - began

    return clock


def _event_clock(torch: Any, backend: str, events: Any, device: str, synchronise: Callable[[], None]) -> Clock:
    streams = getattr(torch, backend)

    def clock(work: Callable[[], object], calls: int) -> float:
        begin, end = events(enable_timing=True), events(enable_timing=True)
        stream = streams.current_stream(torch.device(device))
        synchronise()
        begin.record(stream)
        for _ in range(calls):
            work()
        end.record(stream)
        synchronise()
        return float(begin.elapsed_time(end)) / 1000  # of milliseconds

    return clock
