"""A run of `smoke/` in a target interpreter, all devices in one process as long as none of them kills it."""

from collections.abc import Callable

from envkit import processes
from envkit.bench.collecting import collect_results, joined
from envkit.bench.request import Request
from envkit.bench.stream import Event, last_place, parse_event, place_of, requested
from envkit.payload import find_payload
from envkit.processes import Completed, Deadline
from envkit.results import Results

SMOKE_LIMIT = 600.0
"""Seconds beside those for speed after which a device is given up, and torch that does not get as far as a device."""

_LONGEST_EVENT = 2**30
"""Bytes: one step of the largest network that a file may hold is some hundred megabytes."""

OnEvent = Callable[[Event], None]


def run_smoke(
    python: str,
    request: Request = Request(),  # noqa: B008 - it cannot be changed
    *,
    timeout: float | None = None,
    on_event: OnEvent | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Results:
    """Measure what is asked for under `python` and return what was told.

    `timeout` is for each device, in seconds. `on_event` hears each event as it comes, in another thread. A device that
    hangs or kills the process is an error in the results, and the devices after it are measured by another process; a
    run that dies elsewhere or talks nonsense gives `Results` that say so, with all that was measured before. `stopped`
    says that the user wants no more.
    """
    limit = timeout or SMOKE_LIMIT + 2 * (request.budget or 0.0)
    parts: list[Results] = []
    while True:
        events, completed = _run_child(python, request, limit, on_event)
        parts.append(collect_results(python, events, completed, interrupted=stopped()))
        left = _left(events, parts[-1])
        if not left or stopped():
            return joined(parts)
        request = request._replace(devices=left)


def _run_child(python: str, request: Request, limit: float, on_event: OnEvent | None) -> tuple[list[Event], Completed]:
    events: list[Event] = []
    deadline = Deadline(limit)

    def hear(line: bytes) -> None:
        event = parse_event(line)
        if event is None:
            return
        if place_of(event).device != last_place(events).device:
            deadline.renew(limit)
        events.append(event)
        if on_event is not None:
            on_event(event)

    # -B: nothing is written into the payload's folder, which may be read-only or another user's.
    argv = [python, "-B", str(find_payload("smoke")), *request.arguments()]
    return events, processes.run(argv, timeout=deadline, longest_line=_LONGEST_EVENT, on_line=hear)


def _left(events: list[Event], results: Results) -> tuple[str, ...]:
    """The devices that a run did not come to because of one before them."""
    lost = next((error.device for error in results.errors if error.kind in ("device-died", "device-hung")), None)
    wanted = requested(events)
    return wanted[wanted.index(lost) + 1 :] if lost in wanted else ()
