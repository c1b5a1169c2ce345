"""`envkit smoke`, through the command line, in real, damaged and recorded targets."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT, Cli, is_running, site_of
from tests.standins.smoke_target import make_smoke_target
from tests.standins.torch_package import install_torch

FAST = ("--quick", "--device", "cpu", "--python", sys.executable)
scripts = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in interpreter is a script with #!")

NETWORK = {
    "layers": [{"weights": [[0.5, -0.25]], "biases": [0.1, 0.2], "activation": "sigmoid"}],
    "inputs": [[1.0]],
    "targets": [[1.0, 0.0]],
    "loss": "half-sse",
    "rate": 0.9,
}


def trainings(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [result for result in told["results"] if result["workload"] != "kernels"]


def test_the_lecture_s_workloads_pass_on_the_cpu(cli: Cli) -> None:
    run = cli("smoke", *FAST, "--json")
    assert run.code == 0, run.out + run.err
    assert run.json["passed"] is True
    assert [(result["workload"], result["device"]) for result in run.json["results"]] == [
        ("kernels", "cpu"),
        ("linear-regression", "cpu"),
        ("backprop", "cpu"),
    ]
    for result in run.json["results"]:
        assert all(check["passed"] for check in result["checks"])
    for result in trainings(run.json):
        assert 0 < result["timing"]["step_seconds"]["p25"] <= result["timing"]["step_seconds"]["median"]
    assert run.json["findings"] == []


def test_the_terminal_shows_each_workload_with_its_times_and_the_loss(cli: Cli) -> None:
    run = cli("smoke", *FAST)
    assert run.code == 0
    assert run.out.startswith("PASSED")
    assert "linear-regression" in run.out
    assert "backprop" in run.out
    assert "µs" in run.out or "ms" in run.out
    assert "at best" in run.out
    assert run.err == ""  # no terminal, no progress


@pytest.mark.parametrize("device", ["cuda", "cuda:3", "mps", "xpu"])
def test_a_device_that_is_not_there_is_one_clear_error_that_names_what_is(cli: Cli, device: str) -> None:
    run = cli("smoke", "--quick", "--device", device, "--json", "--python", sys.executable)
    assert run.code == 1
    (error,) = run.json["errors"]
    assert error["kind"] == "device-unavailable"
    assert error["device"].startswith(device)
    assert error["available"] == ["cpu"]
    assert run.json["results"] == []


def test_a_missing_device_leaves_the_others_measured(cli: Cli) -> None:
    run = cli("smoke", "--device", "cuda", *FAST, "--workload", "backprop", "--json")
    assert run.code == 1
    assert [result["device"] for result in run.json["results"]] == ["cpu"]


def test_the_same_seed_gives_the_same_numbers(cli: Cli) -> None:
    runs = [cli("smoke", *FAST, "--seed", "7", "--json").json for _ in range(2)]
    losses = [[result["training"]["losses"] for result in trainings(run)] for run in runs]
    assert losses[0] == losses[1]


def test_several_runs_are_told_as_one(cli: Cli) -> None:
    run = cli("smoke", *FAST, "--repeat", "2", "--epochs", "3", "--json")
    assert run.code == 0, run.err
    assert run.json["runs"] == 2
    assert len(trainings(run.json)[0]["timing"]["step_seconds"]["medians"]) == 2


# -- what is asked for ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("--device", "gpu"), "cuda:N", id="a device that is none"),
        pytest.param(("--device", "cuda:x"), "cuda:N", id="a device with a letter for a number"),
        pytest.param(("--device", ""), "cuda:N", id="no device"),
        pytest.param(("--device", "cpu; rm -rf /"), "cuda:N", id="a command for a device"),
        pytest.param(("--budget", "soon"), "30s, 2m, 500ms", id="a budget that is no duration"),
        pytest.param(("--budget", "nan"), "30s, 2m, 500ms", id="a budget that is no number"),
        pytest.param(("--budget", "400h"), "longer than a day", id="a budget of weeks"),
        pytest.param(("--memory", "lots"), "2GiB", id="memory that is no size"),
        pytest.param(("--memory", "0"), "between 1 byte", id="no memory"),
        pytest.param(("--dtype", "int8"), "bfloat16", id="a dtype that is not offered"),
        pytest.param(("--variant", "magic"), "cuda-graph", id="a variant that is not offered"),
        pytest.param(("--quick", "--full"), "two answers", id="quick and full"),
        pytest.param(("--repeat", "0"), "--repeat", id="no run at all"),
        pytest.param(("--list", "--save", "a.json"), "no --save beside it", id="a list that is saved"),
        pytest.param(("--network", "none.json"), "cannot be read", id="a network that is not there"),
        pytest.param(("--workload", "linear-regression", "--network", "a"), "for the workload backprop", id="astray"),
        pytest.param(("--compare", "none.json"), "cannot be read", id="nothing to compare with"),
        pytest.param(("--plot", "plot.pdf"), ".svg or .png", id="a plot of another kind"),
        pytest.param(("--plot", "plot"), "ends in nothing", id="a plot of no kind"),
        pytest.param(("--plot", "none/plot.svg"), "is no folder", id="a plot in a folder that is not there"),
        pytest.param(("--save", "none/run.json"), "is no folder", id="a run in a folder that is not there"),
    ],
)
@scripts
def test_what_makes_no_sense_is_refused_before_anything_is_started(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    target = make_smoke_target(tmp_path, {"cpu": "fine"})
    run = cli("smoke", *arguments, "--python", target)
    assert run.code == 2
    assert told in run.err
    assert run.out == ""
    assert not (tmp_path / "runs.jsonl").exists()


@pytest.mark.parametrize("content", ["", "[1]", '{"layers": []}', "{"])
def test_a_file_that_is_no_network_is_refused(cli: Cli, tmp_path: Path, content: str) -> None:
    (tmp_path / "net.json").write_text(content)
    run = cli("smoke", "--network", str(tmp_path / "net.json"))
    assert run.code == 2
    assert "net.json" in run.err


@scripts
def test_options_reach_the_workloads(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(json.dumps(NETWORK))
    target = make_smoke_target(tmp_path, {"cpu": "fine"})
    options = ("--full", "--budget", "2m", "--memory", "1GiB", "--dtype", "float64", "--variant", "compile")
    assert cli("smoke", *options, "--network", str(tmp_path / "net.json"), "--python", target).code == 0
    (ran,) = map(json.loads, (tmp_path / "runs.jsonl").read_text().splitlines())
    assert ran["arguments"][2:] == [
        "--workload", "backprop", "--dtype", "float64", "--variant", "compile", "--mode", "full", "--budget", "120",
        "--memory", str(2**30), "--network", str(tmp_path / "net.json"),
    ]  # fmt: skip


def test_the_list_names_what_can_be_asked_for_and_the_target_s_devices(cli: Cli) -> None:
    told = cli("smoke", "--list", "--json", "--python", sys.executable).json
    assert [one["name"] for one in told["workloads"]] == ["kernels", "linear-regression", "backprop"]
    assert "tf32" in [one["name"] for one in told["dtypes"]]
    assert "cuda-graph" in [one["name"] for one in told["variants"]]
    assert told["devices"][0]["device"] == "cpu"
    shown = cli("smoke", "--list", "--python", sys.executable)
    assert shown.code == 0
    assert "apples and oranges" in shown.out
    assert f"devices of {sys.executable}" in shown.out


def test_the_list_of_a_target_without_torch_says_so(cli: Cli, bare_target: Path) -> None:
    run = cli("smoke", "--list", "--python", str(bare_target))
    assert run.code == 1
    assert "torch is not installed" in run.out


def test_the_help_has_examples_and_every_exit_code(cli: Cli) -> None:
    told = cli("smoke", "--help").out
    assert "envkit smoke --quick --device cpu" in told
    assert all(f"\n    {code} " in told for code in (0, 1, 2, 3, 4, 130))


# -- kept and compared ------------------------------------------------------------------------------


@scripts
def test_a_saved_run_is_compared_with(cli: Cli, tmp_path: Path) -> None:
    target = make_smoke_target(tmp_path, {"cpu": "fine"})
    saved = str(tmp_path / "before.json")
    assert cli("smoke", "--python", target, "--save", saved).code == 0
    run = cli("smoke", "--python", target, "--compare", saved, "--json")
    assert run.code == 0
    assert {one["ratio"] for one in run.json["comparison"]["compared"]} == {1.0}


@scripts
def test_a_regression_ends_with_1_and_says_how_much_slower(cli: Cli, tmp_path: Path) -> None:
    target = make_smoke_target(tmp_path, {"cpu": "fine"})
    saved = tmp_path / "before.json"
    cli("smoke", "--python", target, "--save", str(saved))
    document = json.loads(saved.read_text())
    for ceiling in document["ceilings"]:
        ceiling["seconds"] = {name: value / 2 for name, value in ceiling["seconds"].items() if name != "medians"}
        ceiling["seconds"] |= {"count": 600, "rounds": 30, "outliers": 0}
    saved.write_text(json.dumps(document))
    run = cli("smoke", "--python", target, "--compare", str(saved))
    assert run.code == 1
    assert "SLOWER" in run.out
    assert "x 2.000 (" in run.out


@scripts
def test_nothing_to_compare_is_incomplete(cli: Cli, tmp_path: Path) -> None:
    target = make_smoke_target(tmp_path, {"cpu": "fine"})
    saved = tmp_path / "before.json"
    cli("smoke", "--python", target, "--save", str(saved))
    saved.write_text(saved.read_text().replace("2.13.0+cpu", "2.12.0+cpu"))
    run = cli("smoke", "--python", target, "--compare", str(saved))
    assert run.code == 4
    assert "another torch: 2.12.0+cpu then, 2.13.0+cpu now" in run.out


@scripts
def test_somebody_else_s_file_is_not_overwritten(cli: Cli, tmp_path: Path) -> None:
    target = make_smoke_target(tmp_path, {"cpu": "fine"})
    (tmp_path / "thesis.json").write_text("years of work")
    run = cli("smoke", "--python", target, "--save", str(tmp_path / "thesis.json"))
    assert run.code == 2
    assert (tmp_path / "thesis.json").read_text() == "years of work"
    assert not (tmp_path / "runs.jsonl").exists()


@scripts
def test_a_plot_is_drawn(cli: Cli, tmp_path: Path) -> None:
    target = make_smoke_target(tmp_path, {"cpu": "fine"})
    assert cli("smoke", "--python", target, "--workload", "linear-regression", "--json").code == 0
    run = cli("smoke", *FAST, "--plot", str(tmp_path / "plot.svg"))
    assert run.code == 0, run.err
    assert (tmp_path / "plot.svg").read_text().startswith("<?xml")


def test_without_matplotlib_the_command_that_installs_it_is_told(cli: Cli, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    hide = (
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'matplotlib' else find(name, *more)\n"
    )
    (hidden / "sitecustomize.py").write_text(hide)
    run = cli("smoke", *FAST, "--plot", "plot.svg", env={"PYTHONPATH": str(hidden)})
    assert run.code == 2
    assert "pip install 'torch-envkit[plot]'" in run.err


# -- what goes wrong --------------------------------------------------------------------------------


@scripts
def test_a_device_that_dies_is_a_finding_and_the_others_are_shown(cli: Cli, tmp_path: Path) -> None:
    target = make_smoke_target(tmp_path, {"cpu": "fine", "cuda:0": "abort", "cuda:1": "fine"})
    run = cli("smoke", "--python", target, "--json")
    assert run.code == 1
    assert "device-died" in run.codes
    assert "gpu-memory-errors" in run.codes  # what stderr's last words point to
    assert [result["device"] for result in run.json["results"]] == ["cpu", "cuda:1"]
    shown = cli("smoke", "--python", target).out
    assert "cuda:0 killed the process in the middle of the run" in shown
    assert "SIGABRT" in shown
    assert "cuda:1" in shown


@scripts
def test_a_slow_gpu_is_told_with_what_its_driver_says_under_load(cli: Cli, tmp_path: Path, driver) -> None:
    target = make_smoke_target(tmp_path, {"cuda:0": "fine"})
    held = driver(throttle=4, pcie="5x4", pcie_best="5x16", clock="1200/1980", nvml_devices=1)
    run = cli("smoke", "--python", target, "--json", env=held)
    assert run.code == 0  # a warning
    (finding,) = run.json["findings"]
    assert finding["summary"].endswith("does 30 % of what it should: clocks held by the power cap, PCIe at x4")


def test_a_target_without_torch_is_one_clear_error(cli: Cli, bare_target: Path) -> None:
    run = cli("smoke", "--json", "--python", str(bare_target))
    assert run.code == 1
    assert run.json["errors"][0]["kind"] in ("torch-missing", "numpy-missing")
    assert "Traceback" not in run.err


def test_a_torch_that_crashes_on_import_is_incomplete(cli: Cli, bare_target: Path) -> None:
    install_torch(site_of(bare_target), prelude="import os; os.abort()")
    run = cli("smoke", "--json", "--python", str(bare_target))
    assert run.code == 4
    assert run.json["passed"] is False
    assert run.json["errors"][0]["kind"] == "died"


def test_a_torch_that_hangs_on_import_is_cut_off(cli: Cli, bare_target: Path) -> None:
    site = site_of(bare_target)
    install_torch(site, prelude="import time; time.sleep(600)")
    (site / "numpy").mkdir()
    (site / "numpy/__init__.py").write_text("__version__ = '2.0'\n")
    run = cli("smoke", "--timeout", "3", "--json", "--python", str(bare_target), limit=30)
    assert run.code == 4
    assert run.json["errors"][-1]["kind"] == "timed-out"


# -- Ctrl-C -----------------------------------------------------------------------------------------


def stop(tmp_path: Path, how: str, *arguments: str, times: int = 1) -> tuple[int, str, str, int]:
    """Run smoke on two devices, the second of which works on, send Ctrl-C to envkit alone; code, out, err, child."""
    target = make_smoke_target(tmp_path, {"cpu": "fine", "cuda:0": how, "cuda:1": "fine"})
    process = subprocess.Popen(
        [sys.executable, "-m", "envkit", "smoke", "--python", target, *arguments],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
    )
    log = tmp_path / "runs.jsonl"
    deadline = time.monotonic() + 30
    while not (log.exists() and log.read_text().endswith("\n")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)  # the second device is at work
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err, json.loads(log.read_text().splitlines()[0])["pid"]


@scripts
def test_ctrl_c_prints_what_was_measured_so_far(tmp_path: Path) -> None:
    code, out, _, child = stop(tmp_path, "wait")
    assert code == 130
    assert out.startswith("STOPPED")
    assert "this was measured so far" in out
    assert "cpu  AMD EPYC  right: 2 of 2 checks passed" in out
    assert not is_running(child)
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 1  # no further device was begun


@scripts
def test_ctrl_c_ends_in_one_document_too(tmp_path: Path) -> None:
    code, out, _, child = stop(tmp_path, "wait", "--json", "--repeat", "3")
    document = json.loads(out)
    assert code == 130
    assert (document["interrupted"], document["complete"], document["passed"]) == (True, False, False)
    assert [one["device"] for one in document["results"]] == ["cpu"]
    assert [error["kind"] for error in document["errors"]] == ["interrupted"]
    assert not is_running(child)


@scripts
def test_a_run_that_does_not_heed_ctrl_c_is_killed_after_a_moment(tmp_path: Path) -> None:
    code, out, _, child = stop(tmp_path, "deaf", "--json")
    assert code == 130
    assert [one["device"] for one in json.loads(out)["results"]] == ["cpu"]
    assert not is_running(child)


@scripts
def test_a_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    began = time.monotonic()
    code, _, err, child = stop(tmp_path, "deaf", times=2)
    assert code == 130
    assert "interrupted" in err
    assert time.monotonic() - began < 12
    assert not is_running(child)


@scripts
def test_half_a_run_is_not_kept(tmp_path: Path) -> None:
    code, _, err, _ = stop(tmp_path, "wait", "--save", str(tmp_path / "half.json"))
    assert code == 130
    assert "half a run is not kept" in err
    assert not (tmp_path / "half.json").exists()
