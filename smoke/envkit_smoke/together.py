"""All devices training at the same time, a thread for each: right still, and not a bit of one disturbed by another.

The threads share one interpreter, which hands out work to one device at a time: times together are those of a program
that drives all devices from one process, not of the devices alone.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Callable, Mapping, Sequence, Union

import numpy as np

from envkit_smoke.checks import Check, on_device
from envkit_smoke.descent import Descent
from envkit_smoke.stepwise import Trace, check_gradient, check_steps, draw_lessons

if TYPE_CHECKING:
    from envkit_smoke.options import Options
    from envkit_smoke.stepwise import Lessons

POLL = 0.1  # seconds: Ctrl-C does not wake a thread that waits without a limit on Windows


@dataclass(frozen=True)
class Joined:
    """A device's trainings: seconds and last parameters, alone and together, and the trace of one together."""

    alone_seconds: float
    together_seconds: float
    alone_bits: bytes
    together_bits: bytes
    trace: Trace
    placements: frozenset[tuple[str, str]]


Outcome = Union[Joined, Exception]


class Work:
    """What one device does; the others go on until each has done its part, so that all that counts is at once."""

    def __init__(self, lessons: Lessons, device: str, synchronise: Callable[[], None]) -> None:
        self.lessons = lessons
        self.device = device
        self.synchronise = synchronise
        self.alone_seconds = 0.0
        self.alone_bits = b""
        self.outcome: Outcome | None = None

    def alone(self) -> None:
        """Train while nobody else does, once to warm up and once for the clock."""
        try:
            self._timed()
            self.alone_seconds, self.alone_bits = self._timed()
        except Exception as error:  # noqa: BLE001 - a device may fail in any way
            self.outcome = error

    def together(self, crowd: Crowd) -> None:
        """Train against the clock and under observation, then keep the device busy for the others."""
        try:
            crowd.begin()
            seconds, bits = self._timed()
            watched = Descent(self.lessons, self.device).watched()
            told = (watched.trace, watched.placements)
            worse = bits if bits != self.alone_bits else watched.bits
            self.outcome = Joined(self.alone_seconds, seconds, self.alone_bits, worse, *told)
        except Exception as error:  # noqa: BLE001 - likewise
            self.outcome = error
        crowd.one_is_done()
        self._until(crowd)

    def _until(self, crowd: Crowd) -> None:
        if isinstance(self.outcome, Exception):
            return
        more = Descent(self.lessons, self.device)
        while not crowd.all_are_done():
            more.step(0)

    def _timed(self) -> tuple[float, bytes]:
        descent = Descent(self.lessons, self.device)
        self.synchronise()
        began = perf_counter()
        descent.run()
        self.synchronise()
        return perf_counter() - began, descent.bits()


class Crowd:
    """Who is at work: all begin together, and each learns when the last one is done."""

    def __init__(self, size: int) -> None:
        self._start = threading.Barrier(size)
        self._left = size
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Wait until all are here."""
        self._start.wait()

    def one_is_done(self) -> None:
        """Count one who is done, or failed."""
        with self._lock:
            self._left -= 1

    def all_are_done(self) -> bool:
        """Whether nobody is left whom anything could disturb."""
        return self._left == 0


def observe(
    devices: Sequence[str], seed: int, epochs: int, synchronise: Mapping[str, Callable[[], None]]
) -> dict[str, Outcome]:
    """What each device did, or what it raised; the others go on without it."""
    lessons = draw_lessons(seed, epochs)
    works = [Work(lessons, device, synchronise[device]) for device in devices]
    for work in works:
        work.alone()
    able = [work for work in works if work.outcome is None]
    crowd = Crowd(len(able))
    # Daemons: a device that hangs does not keep the interpreter from leaving.
    threads = [threading.Thread(target=work.together, args=(crowd,), daemon=True) for work in able]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(POLL)
    return {work.device: work.outcome for work in works if work.outcome is not None}


def judge(device: str, one: Joined, options: Options) -> list[Check]:
    """All verdicts on what a device did beside the others."""
    lessons = draw_lessons(options.seed, options.epochs)
    with np.errstate(over="ignore", invalid="ignore"):  # of a training that left the range of numbers
        numbers = [check_steps(one.trace, lessons), check_gradient(one.trace, lessons)]
    return [*numbers, on_device(one.placements, device), undisturbed(one.alone_bits, one.together_bits)]


def undisturbed(alone: bytes, together: bytes) -> Check:
    """Trained beside others, a device comes to the bits that it comes to alone."""
    differing = sum(a != b for a, b in zip(alone, together)) + abs(len(alone) - len(together))
    if not differing:
        detail = f"the same {len(alone)} bytes of parameters alone and while the other devices trained"
    else:
        detail = f"while the other devices trained, {differing} of {len(alone)} bytes came out otherwise than alone"
    return Check("undisturbed", differing, 0, detail)
