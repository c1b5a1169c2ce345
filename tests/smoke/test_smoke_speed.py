"""The stage of speed on this machine's CPU, with little memory and time: what is measured, told and left out."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from envkit_smoke import speed, step_checks, subjects
from envkit_smoke.checks import Check
from envkit_smoke.events import EventStream
from envkit_smoke.measure import Subject
from envkit_smoke.options import Options
from envkit_smoke.reporter import Reporter, Tally
from envkit_smoke.stage import Bench
from envkit_smoke.subjects import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY = 64 * 2**20
Events = list[dict[str, Any]]


def options(**changes: Any) -> Options:
    given: dict[str, Any] = {
        "devices": ["cpu"],
        "workloads": ["linear-regression", "backprop"],
        "dtypes": ["float32"],
        "variants": ["functional"],
        "explicit": frozenset(),
        "mode": "usual",
        "epochs": 2,
        "seed": 0,
        "budget": 1.0,
        "memory": MEMORY,
        "network": None,
        "list_only": False,
    }
    return Options(**{**given, **changes})


def run(**changes: Any) -> tuple[Events, Tally]:
    file, tally = io.StringIO(), Tally()
    reporter = Reporter(EventStream(file), tally, {"device": "cpu"})
    try:
        speed.run(Bench(torch, "cpu", options(**changes), reporter, lambda: None))
    finally:
        events = [json.loads(line) for line in file.getvalue().splitlines()]
    return events, tally


def named(events: Events, event: str) -> Events:
    return [one for one in events if one["event"] == event]


@pytest.fixture(scope="module")
def measured() -> Events:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(speed._Sweep, "_is_late", lambda _: False)  # on a busy machine it might be
        events, tally = run()
    assert tally.code == 0
    return events


def test_without_a_budget_nothing_is_measured() -> None:
    assert run(budget=0.0)[0] == []


def test_conditions_come_first_and_last(measured: Events) -> None:
    told = named(measured, "conditions")
    assert [one["when"] for one in told] == ["before", "after"]
    assert (measured[1], measured[-1]) == (told[0], told[1])


def test_two_ceilings_are_measured(measured: Events) -> None:
    assert [(one["of"], one["dtype"], one["unit"]) for one in named(measured, "ceiling")] == [
        ("copy", "float32", "B/s"),
        ("matmul", "float32", "FLOP/s"),
    ]


def test_a_ceilings_rate_is_its_amount_over_its_time(measured: Events) -> None:
    copy, product = named(measured, "ceiling")
    assert copy["rate"] == pytest.approx(2 * copy["size"]["bytes"] / copy["seconds"]["median"])
    assert product["rate"] == pytest.approx(2 * product["size"]["width"] ** 3 / product["seconds"]["median"])
    for one in (copy, product):
        assert one["rate_low"] <= one["rate"] <= one["rate_high"]


def test_the_lectures_loop_and_its_fast_equal_are_both_timed(measured: Events) -> None:
    size = {"rows": 15, "width": 3, "batch": 3}
    assert [one["variant"] for one in named(measured, "point") if one["size"] == size] == ["lecture", "fast"]


def test_rows_go_up_to_all_that_memory_has(measured: Events) -> None:
    points = [one for one in named(measured, "point") if one["workload"] == "linear-regression"]
    rows = [one["size"]["rows"] for one in points if one["size"]["batch"] != 3]
    assert rows[:2] == [15, 240]
    assert rows[-1] <= MEMORY / 2 / 20
    assert rows == sorted(rows)


def test_every_point_has_its_counts_and_what_limits_it(measured: Events) -> None:
    for one in named(measured, "point"):
        assert min(one["samples"], one["bytes"], one["flops"], one["seconds"]["median"]) > 0
        assert one["bound_by"] in ("bytes", "flops", "launch")
        assert one["lowered_from"] is None


def test_the_smallest_steps_are_bound_by_their_launch(measured: Events) -> None:
    # Of a busy machine's, any may have waited for longer than that.
    assert "launch" in [one["bound_by"] for one in named(measured, "point") if one["size"]["rows"] == 15]


def test_what_is_timed_is_checked(measured: Events) -> None:
    checks = {(one["workload"], one["name"]) for one in named(measured, "check") if "workload" in one}
    assert {
        ("linear-regression", "same-batches"),
        ("linear-regression", "every-step"),
        ("linear-regression", "large-step"),
    } <= checks
    assert all(one["passed"] for one in named(measured, "check"))


def test_each_group_of_checks_ends_with_its_result(measured: Events) -> None:
    places = [(one["workload"], one.get("variant")) for one in named(measured, "result")]
    assert {("speed", None), ("linear-regression", "fast")} <= set(places)
    assert len(places) == len(set(places))
    assert all(one["passed"] for one in named(measured, "result"))


def test_a_wrong_product_is_a_failed_result(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Check("product", 2.0, 1.0, "wrong")
    monkeypatch.setattr(step_checks, "product", lambda *_, **__: wrong)
    events, tally = run(workloads=[], budget=0.3)
    assert [one["passed"] for one in named(events, "result")] == [False]
    assert tally.code == 1


def test_progress_ends_at_all_of_it(measured: Events) -> None:
    parts = [one["part"] for one in named(measured, "progress")]
    assert parts == sorted(parts)
    assert parts[-1] == 1.0


def test_a_workload_that_is_not_asked_for_is_not_measured() -> None:
    events, _ = run(workloads=["backprop"], budget=0.3)
    assert {one["workload"] for one in named(events, "point")} == {"backprop"}


def test_compiling_takes_too_long_for_a_small_budget(measured: Events) -> None:
    assert not [one for one in named(measured, "point") if one["variant"] == "fast-compile"]


def exhausted(limit: int, build: Callable[..., Candidate]) -> Callable[..., Candidate]:
    def build_within(width: int, *arguments: Any, **options: Any) -> Candidate:
        if width > limit:
            raise RuntimeError("CUDA out of memory. Tried to allocate 64.00 GiB")
        return build(width, *arguments, **options)

    return build_within


def test_a_size_that_memory_lacks_is_lowered_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "WIDTHS", (16, 64))
    monkeypatch.setattr(speed._Sweep, "_is_late", lambda _: False)
    monkeypatch.setattr(subjects, "backprop_point", exhausted(40, subjects.backprop_point))
    events, tally = run(workloads=["backprop"], budget=0.3)
    last = named(events, "point")[-1]
    assert last["size"]["width"] == 32
    assert last["lowered_from"] == {"rows": 64, "width": 64, "batch": 64}
    assert tally.code == 0


def test_a_ceiling_that_memory_lacks_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects, "product_ceiling", exhausted(1, subjects.product_ceiling))
    events, tally = run(workloads=[], budget=0.3)
    (skip,) = named(events, "skip")
    assert (skip["kind"], [one["of"] for one in named(events, "ceiling")]) == ("memory", ["copy"])
    assert "out of memory" in skip["reason"]
    assert tally.code == 0


def test_a_dtype_that_the_device_lacks_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: Any) -> Candidate:
        raise RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'")

    monkeypatch.setattr(subjects, "product_ceiling", lacking)
    events, tally = run(workloads=[], budget=0.3)
    assert [one["kind"] for one in named(events, "skip")] == ["unsupported"]
    assert tally.code == 0


def test_a_device_that_fails_meanwhile_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> Candidate:
        raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(subjects, "lecture_loop", failing)
    events, tally = run(budget=0.3)
    (error,) = named(events, "error")
    assert (error["kind"], tally.code) == ("device-failed", 1)
    assert "launch failure" in error["message"]
    assert named(events, "conditions")[-1]["when"] == "after"


def test_an_interruption_tells_what_was_measured_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    reporter = Reporter(EventStream(file), Tally(), {"device": "cpu"})
    emit = EventStream.emit

    def interrupting(stream: EventStream, event: str, **fields: Any) -> None:
        emit(stream, event, **fields)
        if event == "progress":
            raise KeyboardInterrupt

    monkeypatch.setattr(EventStream, "emit", interrupting)
    with pytest.raises(KeyboardInterrupt):
        speed.run(Bench(torch, "cpu", options(workloads=[], budget=0.3), reporter, lambda: None))
    events = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [one["seconds"]["rounds"] for one in named(events, "ceiling")] == [1, 1]


def candidate(dtype: str = "float32", **fields: Any) -> Candidate:
    return Candidate("point", {"dtype": dtype}, {"bytes": 0, "flops": 0, **fields}, Subject(lambda: None))


@pytest.mark.parametrize(
    ("fields", "seconds", "bound"),
    [
        pytest.param({"bytes": 10**9}, 0.12, "bytes", id="near the copy's ceiling"),
        pytest.param({"flops": 10**11}, 0.12, "flops", id="near the product's"),
        pytest.param({"bytes": 10**3, "flops": 10}, 1e-5, "launch", id="far above both, and short"),
        pytest.param({"bytes": 10**9}, 9.0, "bytes", id="far above both, and long"),
    ],
)
def test_what_limits_a_point_is_read_off_the_ceilings(fields: dict[str, int], seconds: float, bound: str) -> None:
    rates = {("copy", "float32"): 1e10, ("matmul", "float32"): 1e12}
    assert speed._bound_by(candidate(**fields), seconds, rates) == bound


def test_without_ceilings_what_limits_a_point_is_unknown() -> None:
    assert speed._bound_by(candidate(bytes=1), 1.0, {}) is None


@pytest.mark.parametrize(
    ("most", "counts"), [(10, [10]), (300, [15, 300]), (60_000, [15, 240, 60_000]), (61_441, [15, 240, 3840, 61_441])]
)
def test_rows_grow_by_sixteen_and_end_with_all(most: int, counts: list[int]) -> None:
    assert speed._row_counts(most) == counts


def test_windows_lie_all_over_the_data() -> None:
    data = torch.arange(5 * 1000, dtype=torch.float32).view(5, 1000)
    windows = subjects._windows(data, 100)
    assert [int(one[0, 0]) for one in windows] == [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]


def test_tf32_is_on_for_its_own_work_alone() -> None:
    seen: list[str] = []
    subjects.inference(lambda: seen.append(torch.get_float32_matmul_precision()), "tf32")()
    subjects.inference(lambda: seen.append(torch.get_float32_matmul_precision()), "float32")()
    assert seen == ["high", "highest"]


def test_too_little_memory_for_any_measurement_is_told() -> None:
    events, tally = run(memory=1000)
    assert [(one["event"], one.get("kind")) for one in events] == [("skip", "memory")]
    assert tally.code == 0


def test_a_wide_step_in_float64_is_judged_by_where_it_began() -> None:
    point = subjects.backprop_point(subjects.CHECKED_WIDTH, "cpu", "float64")
    assert [check.passed for check in point.checks] == [True]


def test_less_time_takes_less_data() -> None:
    copies = [named(run(workloads=[], budget=budget)[0], "ceiling")[0] for budget in (0.3, 0.6)]
    sizes = [one["size"]["bytes"] for one in copies]
    assert sizes[0] < sizes[1] <= MEMORY / 4


def test_the_largest_product_that_memory_has_is_the_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "PRODUCT_WIDTHS", (16, 32, 64))
    monkeypatch.setattr(speed._Sweep, "_is_late", lambda _: False)
    monkeypatch.setattr(subjects, "product_ceiling", exhausted(32, subjects.product_ceiling))
    events, _ = run(workloads=[], budget=0.5)
    assert [one["size"] for one in named(events, "ceiling") if one["of"] == "matmul"] == [{"width": 32}]


def test_sizes_grow_no_further_when_preparing_has_taken_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed._Sweep, "_is_late", lambda _: True)
    events, _ = run(workloads=["backprop"], budget=0.3)
    assert [one["size"]["width"] for one in named(events, "point")] == [speed.WIDTHS[0]]


def test_widths_stay_within_the_memory_that_may_be_used() -> None:
    events, _ = run(budget=2.0, memory=4 * 2**20)
    widths = [one["size"]["width"] for one in named(events, "ceiling") if one["of"] == "matmul"]
    assert 3 * 4 * widths[0] ** 2 <= 4 * 2**20
    assert max(one["size"]["width"] for one in named(events, "point")) <= widths[0]


def test_data_that_memory_lacks_is_lowered_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = speed.fast_regression.columns

    def scarce(rows: int, *arguments: Any) -> torch.Tensor:
        if rows > 500_000:
            raise RuntimeError("out of memory")
        return whole(rows, *arguments)

    monkeypatch.setattr(speed.fast_regression, "columns", scarce)
    events, tally = run(workloads=[], budget=0.5)
    (skip,) = named(events, "skip")
    assert (skip["kind"], tally.code) == ("memory", 0)
    assert "bytes of data" in skip["reason"]
    assert named(events, "ceiling")[0]["size"]["bytes"] <= 500_000 * 10
