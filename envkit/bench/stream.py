"""The event stream of `smoke/`: lines in, events out, and where the run is at work."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Event = dict[str, Any]


class Place(NamedTuple):
    """What is being worked on; "" where it is nothing in particular."""

    device: str = ""
    workload: str = ""
    dtype: str = ""
    variant: str = ""

    def told(self) -> str:
        """Return it in words: "backprop in float32, eager, on cuda:0"."""
        words = [self.workload or "the work"]
        words += [f"in {self.dtype}"] if self.dtype else []
        text = ", ".join([" ".join(words), *([self.variant] if self.variant else [])])
        return f"{text}, on {self.device}" if self.variant else f"{text} on {self.device}"


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


def place_of(event: Mapping[str, Any]) -> Place:
    """Return what an event is about."""
    told = (event.get(field) for field in Place._fields)
    return Place(*(one if isinstance(one, str) else "" for one in told))


def last_place(events: Sequence[Event]) -> Place:
    """Return where the run was at work when its last event came."""
    about = (place_of(event) for event in reversed(events) if event.get("event") != "start")
    return next((place for place in about if place.device and place.device != "reference"), Place())


def requested(events: Sequence[Event]) -> tuple[str, ...]:
    """Return the devices that the run set out to measure, in order."""
    start = next((event for event in events if event.get("event") == "start"), {})
    names = start.get("requested")
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()
