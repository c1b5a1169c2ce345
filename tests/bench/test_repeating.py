"""Several runs as one: medians of medians, and no failure lost."""

from typing import Any

from msgspec.structs import replace

from envkit.bench.repeating import repeated
from envkit.results import Results
from tests.bench.recorded import BOTH, END, ceilings, points, results_of, start, training


def run(step: float, copy: float = 10e9, *, wrong: bool = False, **changes: Any) -> Results:
    events = [start("cpu"), *training("cpu", "backprop", "eager", step, wrong=wrong), *ceilings("cpu", copy, 1e11)]
    return results_of([*events, *points("cpu", "backprop", copy), {**END, "passed": not wrong}], **changes)


def test_a_time_is_the_median_of_the_runs_medians() -> None:
    several = repeated([run(1e-4), run(4e-4), run(2e-4)])
    timing = several.results[0].timing
    assert timing is not None
    assert timing.step_seconds.median == 2e-4
    assert timing.step_seconds.medians == (1e-4, 4e-4, 2e-4)
    assert timing.step_seconds.between_runs == 1.5
    assert timing.step_seconds.count == 300
    assert several.runs == 3


def test_the_interval_reaches_over_all_runs() -> None:
    one, other = run(1e-4), run(1e-4, copy=5e9)
    merged = repeated([one, other])
    for alone, slower, both in zip(one.points, other.points, merged.points, strict=True):
        assert both.seconds.interval == (alone.seconds.low, slower.seconds.high)
        assert both.seconds.rounds == 60


def test_a_ceiling_is_the_median_rate() -> None:
    merged = repeated([run(1e-4, copy) for copy in (9e9, 12e9, 10e9)])
    copy = next(one for one in merged.ceilings if one.of == "copy")
    assert (copy.rate, copy.rate_low, copy.rate_high) == (10e9, 9e9 * 0.98, 12e9 * 1.02)


def test_a_check_that_failed_once_has_failed() -> None:
    merged = repeated([run(1e-4), run(1e-4, wrong=True), run(1e-4)])
    failed = [check.name for check in merged.results[0].checks if not check.passed]
    assert failed == ["every-step"]
    assert not merged.results[0].passed
    assert not merged.passed


def test_checks_of_one_name_are_told_apart() -> None:
    good = run(1e-4)
    twice = replace(good, results=(replace(good.results[0], checks=good.results[0].checks * 2),))
    assert len(repeated([twice, twice]).results[0].checks) == 4


def test_a_size_that_only_one_run_came_to_is_kept() -> None:
    whole = run(1e-4)
    assert len(repeated([replace(whole, points=whole.points[:2]), whole]).points) == len(whole.points)


def test_an_error_of_every_run_is_told_once() -> None:
    both = results_of(BOTH, code=1)
    assert repeated([both, both]).errors == both.errors


def test_a_single_run_is_left_as_it_is() -> None:
    assert repeated([run(1e-4)]) == run(1e-4)
