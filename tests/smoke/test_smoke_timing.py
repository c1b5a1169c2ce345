"""What is timed, and what is told of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from envkit_smoke import timing
from envkit_smoke.timing import Timing, durations, statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Clock:
    """Counts what is done by the clock's own time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[str] = []

    def work(self, what: str, seconds: float) -> None:
        self.log.append(what)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing, "perf_counter", lambda: clock.now)
    return clock


def units(clock: Clock) -> Iterator[Callable[[], object]]:
    for seconds in (1.0, 2.0):
        clock.work("load", 100.0)
        yield partial(clock.work, "step", seconds)


def test_a_duration_holds_the_wait_for_the_device_but_not_the_loading(clock: Clock) -> None:
    assert durations(units(clock), lambda: clock.work("wait", 10.0)) == [11.0, 12.0]
    assert clock.log == ["load", "wait", "step", "wait"] * 2


def test_statistics_are_median_quartiles_and_extremes() -> None:
    assert statistics([5.0, 1.0, 3.0, 2.0, 4.0]) == {
        "median": 3.0,
        "p25": 2.0,
        "p75": 4.0,
        "min": 1.0,
        "max": 5.0,
        "count": 5,
    }


def test_fields_count_steps_and_epochs_apart() -> None:
    fields: dict[str, Any] = Timing(10, [0.5, 0.5], [2.0]).fields()
    assert (fields["warmup_steps"], fields["steps"], fields["epochs"]) == (10, 2, 1)
    assert (fields["step_seconds"]["median"], fields["epoch_seconds"]["median"]) == (0.5, 2.0)
