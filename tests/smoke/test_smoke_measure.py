"""Times: steady before they count, sampled in rounds, with an interval drawn from the rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from envkit_smoke import measure
from envkit_smoke.clocks import clock_of
from envkit_smoke.measure import Measure, Rounds, Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Clock:
    """A clock by which each call of the work takes what the list says next; the last one for ever."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = list(seconds)
        self.calls: list[int] = []

    def __call__(self, work: Callable[[], object], calls: int) -> float:
        self.calls.append(calls)
        work()
        return calls * (self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0])


def nothing() -> None:
    """The work of a subject whose clock is a stand-in."""


def test_the_median_is_that_of_the_rounds() -> None:
    assert Measure([[1.0, 9.0, 2.0], [4.0, 4.0, 4.0], [3.0]]).median == 3.0


def test_one_bad_round_among_many_does_not_move_the_median() -> None:
    rounds = [[1.0, 1.01, 0.99]] * 9 + [[50.0, 60.0, 70.0]]
    assert Measure(rounds).median == pytest.approx(1.0)


def test_the_interval_holds_the_median() -> None:
    low, high = Measure([[1.0], [1.2], [0.9], [1.1]]).interval()
    assert low <= 1.05 <= high


def test_equal_rounds_leave_the_doubt_that_another_process_would_be_otherwise() -> None:
    doubt = 2.0 * measure.BETWEEN_PROCESSES
    assert Measure([[2.0]] * 6).interval() == pytest.approx((2.0 - doubt, 2.0 + doubt))


def test_medians_of_processes_that_differ_a_little_lie_in_each_others_intervals() -> None:
    runs = [Measure([[seconds * spread] for spread in (0.99, 1.0, 1.01)]) for seconds in (1.0, 1.02, 1.01)]
    for one in runs:
        low, high = one.interval()
        assert all(low <= other.median <= high for other in runs)


def test_rounds_that_differ_widen_the_interval_however_steady_each_is() -> None:
    drifting = Measure([[1.0] * 50, [2.0] * 50, [1.5] * 50, [1.1] * 50])
    low, high = drifting.interval()
    assert high - low > 0.5


def test_a_single_round_falls_back_on_its_samples() -> None:
    low, high = Measure([[1.0, 2.0, 3.0]]).interval()
    assert low < 2.0 < high


def test_the_interval_covers_the_true_median_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        spells = random.normal(1.0, 0.1, 12)  # noise that a whole round shares
        low, high = Measure([list(spell + random.normal(0, 0.01, 3)) for spell in spells]).interval()
        hits += low <= 1.0 <= high
    assert hits >= 180  # 190 of 200 are promised; a bootstrap of a median is a little off


def test_fields_have_what_the_readme_says() -> None:
    fields = Measure([[1.0, 2.0], [3.0, 4.0]]).fields()
    assert set(fields) == {
        "median", "low", "high", "p25", "p75", "min", "max", "count", "rounds", "outliers", "noise",
    }  # fmt: skip
    assert (fields["min"], fields["max"], fields["count"], fields["rounds"]) == (1.0, 4.0, 4, 2)
    assert fields["low"] <= fields["median"] <= fields["high"]


def test_an_outlier_is_counted() -> None:
    fields = Measure([[1.0, 1.01, 0.99, 1.02, 7.0]]).fields()
    assert fields["outliers"] == 1


def test_a_short_unit_is_called_often_enough_to_be_timed() -> None:
    subject, clock = Subject(nothing), Clock(1e-5)
    seconds = subject.warm_up(clock)
    assert subject.calls == 100
    assert seconds == pytest.approx(1e-3)


def test_the_warm_up_lasts_until_two_samples_agree() -> None:
    clock = Clock(1.0, 0.5, 0.3, 0.2, 0.2)
    assert Subject(nothing).warm_up(clock) == pytest.approx(0.2)
    assert len(clock.calls) == 5


def test_a_first_call_that_is_slow_does_not_leave_samples_too_short() -> None:
    subject = Subject(nothing)
    subject.warm_up(Clock(1.0, 1e-5))
    assert subject.calls * 1e-5 >= measure.SHORTEST_SAMPLE / 2


def test_a_unit_of_several_steps_is_told_by_the_step() -> None:
    assert Subject(nothing, steps=4).sample(Clock(2.0)) == 0.5


def test_every_subject_is_sampled_in_every_round() -> None:
    order: list[str] = []
    subjects = [Subject(lambda name=name: order.append(name)) for name in "ab"]  # type: ignore[misc]
    rounds = Rounds(subjects, Clock(1e-3))
    rounds.run(1e-9)
    assert "".join(order) == "aaabbb" * measure.ROUNDS[0]
    assert [len(one.rounds) for one in rounds.measures()] == [measure.ROUNDS[0]] * 2


def test_a_long_unit_is_sampled_once_a_round() -> None:
    rounds = Rounds([Subject(nothing)], Clock(1.0))
    rounds.run(1e-9)
    assert rounds.measures()[0].fields()["count"] == measure.ROUNDS[0]


def test_rounds_end_at_their_largest_number() -> None:
    parts: list[float] = []
    rounds = Rounds([Subject(nothing)], Clock(1e-3))
    rounds.run(1e6, parts.append)
    assert len(rounds.measures()[0].rounds) == measure.ROUNDS[1]
    assert parts[-1] == 1.0
    assert parts == sorted(parts)


def test_an_interruption_keeps_the_rounds_that_are_done() -> None:
    def interrupted() -> Iterator[None]:
        yield from [None] * 7  # two rounds of three samples, and one of the third
        raise KeyboardInterrupt

    work = interrupted()
    rounds = Rounds([Subject(lambda: next(work))], Clock(1e-3))
    with pytest.raises(KeyboardInterrupt):
        rounds.run(10.0)
    assert len(rounds.measures()[0].rounds) == 2


def test_before_the_first_round_there_is_no_measure() -> None:
    assert Rounds([Subject(nothing)], Clock(1.0)).measures() == []


def test_the_host_clock_waits_for_the_device_before_and_after() -> None:
    order: list[str] = []
    clock = clock_of(object(), "mps:0", lambda: order.append("wait"))
    assert clock(lambda: order.append("work"), 2) > 0
    assert order == ["wait", "work", "work", "wait"]


def test_a_gpu_is_timed_by_its_own_events() -> None:
    order: list[str] = []

    class Event:
        def __init__(self, *, enable_timing: bool) -> None:
            assert enable_timing

        def record(self, stream: str) -> None:
            order.append(f"record on {stream}")

        def elapsed_time(self, _: Any) -> float:
            return 1500.0

    class Cuda:
        def __init__(self) -> None:
            self.Event = Event

        def current_stream(self, device: str) -> str:
            return f"the stream of {device}"

    class Torch:
        cuda = Cuda()
        device = staticmethod(str)

    clock = clock_of(Torch, "cuda:1", lambda: order.append("wait"))
    assert clock(lambda: order.append("work"), 1) == 1.5
    assert order == ["wait", "record on the stream of cuda:1", "work", "record on the stream of cuda:1", "wait"]
