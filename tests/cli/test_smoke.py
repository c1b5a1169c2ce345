"""`envkit smoke`, through the command line, in real and in damaged targets."""

import sys
from pathlib import Path

import pytest

from tests.conftest import Cli, site_of
from tests.standins.torch_package import install_torch


def test_the_lecture_s_workloads_pass_on_the_cpu(cli: Cli) -> None:
    run = cli("smoke", "--device", "cpu", "--json", "--python", sys.executable)
    assert run.code == 0, run.out + run.err
    assert run.json["passed"] is True
    assert [(result["workload"], result["device"]) for result in run.json["results"]] == [
        ("linear-regression", "cpu"),
        ("backprop", "cpu"),
    ]
    for result in run.json["results"]:
        assert all(check["passed"] for check in result["checks"])
        assert 0 < result["timing"]["step_seconds"]["p25"] <= result["timing"]["step_seconds"]["median"]


def test_the_terminal_shows_each_workload_with_its_times(cli: Cli) -> None:
    run = cli("smoke", "--python", sys.executable)
    assert run.code == 0
    assert run.out.startswith("PASSED")
    assert "linear-regression" in run.out
    assert "backprop" in run.out
    assert "µs" in run.out or "ms" in run.out


@pytest.mark.parametrize("device", ["cuda", "cuda:3", "mps", "xpu"])
def test_a_device_that_is_not_there_is_one_clear_error_that_names_what_is(cli: Cli, device: str) -> None:
    run = cli("smoke", "--device", device, "--json", "--python", sys.executable)
    assert run.code == 1
    (error,) = run.json["errors"]
    assert error["kind"] == "device-unavailable"
    assert error["device"].startswith(device)
    assert error["available"] == ["cpu"]
    assert run.json["results"] == []


def test_a_missing_device_leaves_the_others_measured(cli: Cli) -> None:
    run = cli(
        "smoke", "--device", "cuda", "--device", "cpu", "--workload", "backprop", "--json", "--python", sys.executable
    )
    assert run.code == 1
    assert [result["device"] for result in run.json["results"]] == ["cpu"]


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "", "cpu; rm -rf /"])
def test_an_unknown_device_is_a_usage_error(cli: Cli, device: str) -> None:
    run = cli("smoke", "--device", device)
    assert run.code == 2
    assert "cuda:N" in run.err


def test_the_same_seed_gives_the_same_numbers(cli: Cli) -> None:
    runs = [cli("smoke", "--device", "cpu", "--seed", "7", "--json", "--python", sys.executable).json for _ in range(2)]
    losses = [[result["training"]["losses"] for result in run["results"]] for run in runs]
    assert losses[0] == losses[1]


def test_a_target_without_torch_is_one_clear_error(cli: Cli, bare_target: Path) -> None:
    run = cli("smoke", "--json", "--python", str(bare_target))
    assert run.code == 1
    assert run.json["errors"][0]["kind"] in ("torch-missing", "numpy-missing")
    assert "Traceback" not in run.err


def test_a_torch_that_crashes_on_import_is_incomplete(cli: Cli, bare_target: Path) -> None:
    install_torch(site_of(bare_target), prelude="import os; os.abort()")
    run = cli("smoke", "--json", "--python", str(bare_target))
    assert run.code in (1, 4)
    assert run.json["passed"] is False
    assert run.json["errors"]


def test_a_torch_that_hangs_on_import_is_cut_off(cli: Cli, bare_target: Path) -> None:
    site = site_of(bare_target)
    install_torch(site, prelude="import time; time.sleep(600)")
    (site / "numpy").mkdir()
    (site / "numpy/__init__.py").write_text("__version__ = '2.0'\n")
    run = cli("smoke", "--timeout", "3", "--json", "--python", str(bare_target), limit=30)
    assert run.code == 4
    assert run.json["errors"][-1]["kind"] == "timed-out"
