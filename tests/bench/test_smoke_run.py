"""Driving smoke in a target: whatever the child does, the results say what was measured and how it ended."""

import json
import sys
from pathlib import Path

import pytest

from envkit.bench import Request, run_smoke
from envkit.bench.request import DTYPES, VARIANTS, WORKLOADS
from tests.standins.smoke_target import make_smoke_target

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in interpreter is a script with #!")


def runs(target: str) -> list[list[str]]:
    """The arguments of each process that was started, without the folder of the workloads."""
    lines = Path(target).with_name("runs.jsonl").read_text().splitlines()
    return [json.loads(line)["arguments"][2:] for line in lines]


def test_all_devices_are_measured_by_one_process(tmp_path: Path) -> None:
    target = make_smoke_target(tmp_path, {"cpu": "fine", "cuda:0": "fine"})
    results = run_smoke(target)
    assert results.passed
    assert [one.device for one in results.results] == ["cpu", "cuda:0"]
    assert runs(target) == [[]]


def test_a_device_that_kills_the_process_leaves_the_others_measured(tmp_path: Path) -> None:
    target = make_smoke_target(tmp_path, {"cpu": "fine", "cuda:0": "abort", "cuda:1": "fine"})
    results = run_smoke(target, Request(seed=3))
    assert [one.device for one in results.results if one.passed] == ["cpu", "cuda:1"]
    (error,) = results.errors
    assert (error.kind, error.device, error.workload, error.dtype) == ("device-died", "cuda:0", "backprop", "float32")
    assert "SIGABRT" in error.message
    assert "uncorrectable ECC" in error.last_words
    assert (results.complete, results.passed) == (True, False)
    assert runs(target) == [["--seed", "3"], ["--device", "cuda:1", "--seed", "3"]]


def test_a_device_that_hangs_is_given_up_and_the_next_has_its_own_time(tmp_path: Path) -> None:
    target = make_smoke_target(tmp_path, {"cpu": "hang", "cuda:0": "fine", "cuda:1": "hang"})
    results = run_smoke(target, timeout=1.5)
    assert [one.device for one in results.results if one.passed] == ["cuda:0"]
    assert [(error.kind, error.device) for error in results.errors] == [
        ("device-hung", "cpu"),
        ("device-hung", "cuda:1"),
    ]
    assert results.seconds < 20


def test_the_limit_is_each_device_s_own_in_one_process_too(tmp_path: Path) -> None:
    target = make_smoke_target(tmp_path, {"cpu": "slow", "cuda:0": "slow", "cuda:1": "slow"})
    assert run_smoke(target, timeout=3.5).passed
    assert len(runs(target)) == 1


def test_each_device_that_dies_is_told_and_the_last_leaves_nothing_to_run(tmp_path: Path) -> None:
    target = make_smoke_target(tmp_path, {"cuda:0": "abort", "cuda:1": "abort"})
    results = run_smoke(target)
    assert [error.device for error in results.errors] == ["cuda:0", "cuda:1"]
    assert len(runs(target)) == 2


def test_a_target_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    results = run_smoke(str(tmp_path / "no-python"))
    assert not results.passed
    assert "could not be started" in results.errors[0].message


def test_a_target_that_hangs_before_any_device_is_cut_off(tmp_path: Path) -> None:
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nsleep 600\n")
    hanging.chmod(0o755)
    results = run_smoke(str(hanging), timeout=0.5)
    assert results.errors[0].kind == "timed-out"
    assert not results.complete
    assert results.seconds < 10


def test_events_are_heard_as_they_come() -> None:
    heard: list[str] = []
    results = run_smoke(
        sys.executable,
        Request(devices=["cpu"], workloads=["backprop"], mode="quick"),
        on_event=lambda event: heard.append(event["event"]),
    )
    assert results.passed, results
    assert heard[0] == "start"
    assert heard[-1] == "end"
    assert heard.index("begin") < heard.index("check")


def test_a_request_says_only_what_was_asked_for() -> None:
    assert Request().arguments() == []
    assert Request(
        devices=["cuda:1", "cpu"], dtypes=["float64"], variants=["compile"], mode="full", budget=0.0, memory=2**30,
        network="net.json",
    ).arguments() == [
        "--device", "cuda:1", "--device", "cpu", "--dtype", "float64", "--variant", "compile",
        "--mode", "full", "--budget", "0", "--memory", "1073741824", "--network", "net.json",
    ]  # fmt: skip


def test_the_names_that_are_offered_are_those_that_smoke_takes() -> None:
    from envkit_smoke import options, workload

    assert tuple(WORKLOADS) == workload.NAMES
    assert tuple(DTYPES) == options.DTYPES
    assert tuple(VARIANTS) == options.VARIANTS
