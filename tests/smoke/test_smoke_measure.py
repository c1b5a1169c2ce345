"""The statistics of a time that was measured in rounds."""

from __future__ import annotations

import pytest
from envkit_smoke.measure import measure


def test_the_fields_are_those_of_the_documented_measure() -> None:
    fields = ["median", "low", "high", "p25", "p75", "min", "max", "count", "rounds", "outliers", "noise"]
    assert list(measure([0.1, 0.2, 0.3])) == fields


def test_equal_rounds_leave_no_doubt() -> None:
    told = measure([0.5] * 8)
    assert (told["low"], told["median"], told["high"], told["noise"], told["outliers"]) == (0.5, 0.5, 0.5, 0.0, 0)


def test_the_interval_lies_about_the_median_and_within_the_extremes() -> None:
    told = measure([1.0, 1.1, 1.2, 1.3, 9.0])
    assert told["min"] <= told["low"] <= told["median"] == 1.2 <= told["high"] <= told["max"]
    assert told["outliers"] == 1
    assert told["noise"] == pytest.approx(0.1 / 1.2, rel=1e-2)


def test_rounds_of_several_times_are_counted_apart() -> None:
    told = measure([0.1, 0.2], count=40)
    assert (told["count"], told["rounds"]) == (40, 2)


def test_the_same_times_give_the_same_interval() -> None:
    assert measure([1.0, 2.0, 4.0, 8.0]) == measure([1.0, 2.0, 4.0, 8.0])
