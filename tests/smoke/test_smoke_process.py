"""Smoke as a process: what a caller sees, and that nothing corrupts it."""

from __future__ import annotations

import ast
import json
import runpy
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from envkit_smoke.workload import KERNELS, NAMES, TRAININGS

SMOKE = Path(__file__).parents[2] / "smoke"
FAST = ("--mode", "quick", "--epochs", "2")

NOISY_TORCH = """
import os, sys
print("a library says hello")
os.write(1, b"native code says hello, without a line break")
sys.path.remove(os.path.dirname(os.path.dirname(__file__)))
del sys.modules["torch"]
import torch
"""


def package(folder: Path, name: str, source: str) -> str:
    """Write a package and return what PYTHONPATH must be for it to be found first."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(source, encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def cpu_run(run_smoke: Any) -> Any:
    return run_smoke("--device", "cpu", "--dtype", "float32", "--variant", "functional", "--budget", "0")


def test_cpu_passes(cpu_run: Any) -> None:
    failures = [one for one in cpu_run.events if one.get("passed") is False or one["event"] == "error"]
    assert (cpu_run.code, failures) == (0, [])


def test_stream_begins_with_start_and_ends_with_end(cpu_run: Any) -> None:
    names = [one["event"] for one in cpu_run.events]
    assert (names[0], names[-1], names.count("start"), names.count("end")) == ("start", "end", 1, 1)


def test_every_line_begins_with_its_event(cpu_run: Any) -> None:
    assert all(line.startswith('{"event": "') for line in cpu_run.stdout.splitlines())


def test_each_workload_is_one_group_that_ends_with_its_result(cpu_run: Any) -> None:
    between = [one for one in cpu_run.events[1:-1] if one["event"] != "begin"]
    groups = {name: [one["event"] for one in between if one["workload"] == name] for name in NAMES}
    assert [one["workload"] for one in between] == [name for name in NAMES for _ in groups[name]]
    for name in TRAININGS:
        assert groups[name][-3:] == ["training", "timing", "result"]
        assert set(groups[name][:-3]) == {"check"}
    assert groups[KERNELS] == ["check"] * 6 + ["result"]


def test_training_has_a_loss_for_each_of_the_lectures_epochs(cpu_run: Any) -> None:
    for training in cpu_run.named("training"):
        assert training["epochs"] == len(training["losses"]) == 100
        assert training["final_loss"] == training["losses"][-1]


def test_optimum_is_given_where_there_is_one(cpu_run: Any) -> None:
    assert [one["optimum"] for one in cpu_run.named("training")] == [0.483121, None]


def test_times_are_positive_and_in_order(cpu_run: Any) -> None:
    for timing in cpu_run.named("timing"):
        for unit, count in (("step_seconds", timing["steps"]), ("epoch_seconds", timing["epochs"])):
            told = timing[unit]
            assert 0 < told["min"] <= told["p25"] <= told["median"] <= told["p75"] <= told["max"]
            assert told["count"] == count


def test_start_names_the_interpreter_that_ran(cpu_run: Any) -> None:
    start = cpu_run.events[0]
    assert start["executable"] == sys.executable
    assert start["python"] == sys.version.split()[0]


def test_losses_of_a_seed_come_again(run_smoke: Any, cpu_run: Any) -> None:
    same = ("--dtype", "float32", "--variant", "functional", "--budget", "0")
    again = run_smoke("--device", "cpu", "--workload", "linear-regression", *same)
    assert again.named("training")[0]["losses"] == cpu_run.named("training")[0]["losses"]


def test_an_unavailable_device_is_reported_and_the_cpu_still_measured(run_smoke: Any) -> None:
    done = run_smoke("--device", "cuda:99", "--device", "cpu", *FAST)
    (error,) = done.named("error")
    assert done.code == 1
    assert (error["kind"], error["device"]) == ("device-unavailable", "cuda:99")
    assert error["available"][0] == "cpu"
    assert error["message"].startswith("cuda:99 is not available: ")
    assert [(one["device"], one["passed"]) for one in done.named("result")] == [("cpu", True)] * 3


def test_cuda_where_there_is_none_is_an_error_that_names_the_cpu(run_smoke: Any) -> None:
    done = run_smoke("--device", "cuda", *FAST, CUDA_VISIBLE_DEVICES="", HIP_VISIBLE_DEVICES="")
    assert done.code == 1
    assert [one["event"] for one in done.events] == ["start", "error", "end"]
    assert done.events[1]["device"] == "cuda:0"
    assert done.events[1]["available"][0] == "cpu"
    assert done.events[-1]["passed"] is False


def test_wrong_usage_leaves_standard_output_empty(run_smoke: Any) -> None:
    done = run_smoke("--device", "abacus")
    assert (done.code, done.stdout) == (2, "")
    assert "'abacus' is no device" in done.stderr


def test_what_libraries_print_goes_to_standard_error(run_smoke: Any, tmp_path: Path) -> None:
    done = run_smoke("--device", "cpu", *FAST, PYTHONPATH=package(tmp_path, "torch", NOISY_TORCH))
    assert (done.code, done.events[-1]["passed"]) == (0, True)
    assert "a library says hello" in done.stderr
    assert "native code says hello" in done.stderr


def test_what_a_site_hook_printed_goes_to_standard_error(run_smoke: Any, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text('print("site hook", end="")', encoding="utf-8")
    done = run_smoke("--list", PYTHONPATH=str(tmp_path))
    assert [one["event"] for one in done.events] == ["start", "end"]
    assert "site hook" in done.stderr


def test_a_line_that_was_flushed_before_smoke_began_leaves_the_events_intact(run_smoke: Any, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text('print("site hook", flush=True)', encoding="utf-8")
    first, *lines = run_smoke("--list", PYTHONPATH=str(tmp_path)).stdout.splitlines()
    assert first == "site hook"
    assert [json.loads(line)["event"] for line in lines] == ["start", "end"]


def test_an_interpreter_without_torch_says_so(run_smoke: Any) -> None:
    done = run_smoke(flags=("-B", "-S", "-E"))
    assert done.code == 1
    assert [one["event"] for one in done.events] == ["start", "error", "error", "end"]
    assert [one["kind"] for one in done.named("error")] == ["torch-missing", "numpy-missing"]


def test_a_torch_that_cannot_load_its_library_says_so(run_smoke: Any, tmp_path: Path) -> None:
    source = "raise OSError('libtorch_cpu.so: cannot open shared object file')"
    done = run_smoke(PYTHONPATH=package(tmp_path, "torch", source))
    (error,) = done.named("error")
    assert (done.code, error["kind"]) == (1, "torch-import")
    assert "libtorch_cpu.so" in error["message"]


def test_an_interruption_ends_the_stream_properly(run_smoke: Any, tmp_path: Path) -> None:
    done = run_smoke(PYTHONPATH=package(tmp_path, "torch", "raise KeyboardInterrupt"))
    assert done.code == 130
    assert [one["event"] for one in done.events] == ["start", "error", "end"]
    assert done.events[1]["kind"] == "interrupted"


def test_without_a_standard_output_smoke_fails_and_says_why(run_smoke: Any) -> None:
    closing = "import os, runpy, sys; os.close(1); sys.argv.pop(0); runpy.run_path(sys.argv[0], run_name='__main__')"
    done = run_smoke("--list", flags=("-B", "-c", closing))
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr.startswith("smoke: there is no standard output to report to")


def test_smoke_runs_from_a_zip(run_smoke: Any, tmp_path: Path) -> None:
    archive = tmp_path / "smoke.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for source in SMOKE.rglob("*.py"):
            zipped.write(source, source.relative_to(SMOKE))
    done = run_smoke("--device", "cpu", "--workload", "backprop", *FAST, program=archive)
    assert (done.code, done.events[-1]["passed"]) == (0, True)


def test_a_network_is_trained_and_shown_step_by_step(run_smoke: Any, tmp_path: Path) -> None:
    layer = {"weights": [[0.5], [-0.25]], "biases": [0.125], "activation": "tanh"}
    network = {"layers": [layer], "inputs": [[1, 2], [3, 4]], "targets": [[0], [1]], "loss": "mse", "rate": 0.5}
    file = tmp_path / "network.json"
    file.write_text(json.dumps({**network, "steps": 3}), encoding="utf-8")
    dtypes = ("--dtype", "float64", "--dtype", "float32")
    done = run_smoke("--device", "cpu", "--workload", "backprop", "--network", str(file), *dtypes, *FAST)
    assert done.code == 0
    told = done.named("network")
    assert [(one["device"], one["dtype"], len(one["steps"])) for one in told] == [
        ("reference", "float64", 3),
        ("cpu", "float64", 3),
        ("cpu", "float32", 3),
    ]
    losses = [[step["loss"] for step in one["steps"]] for one in told]
    assert losses[1] == pytest.approx(losses[0], rel=1e-14)
    assert losses[2] == pytest.approx(losses[0], rel=1e-6)


def test_quick_spares_the_slow_imports(run_smoke: Any, tmp_path: Path) -> None:
    slow = "[name for name in ('torch._dynamo', 'numpy.ma') if name in sys.modules]"
    hook = f"import atexit, sys\natexit.register(lambda: print({slow}, file=sys.stderr))\n"
    (tmp_path / "sitecustomize.py").write_text(hook, encoding="utf-8")
    done = run_smoke("--device", "cpu", "--mode", "quick", PYTHONPATH=str(tmp_path))
    assert done.code == 0
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize("source", sorted(SMOKE.rglob("*.py")), ids=lambda path: path.name)
def test_every_file_is_python_3_8(source: Path) -> None:
    ast.parse(source.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_an_old_interpreter_is_told_so_in_events(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 7, 16, "final", 0))
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(SMOKE / "__main__.py"))
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert left.value.code == 3
    assert [one["event"] for one in events] == ["start", "error", "end"]
    assert events[1]["message"] == "Python 3.7.16 is too old: the smoke workloads need Python 3.8 or newer"


def test_an_old_interpreters_events_have_the_usual_fields(
    cpu_run: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 7, 16, "final", 0))
    with pytest.raises(SystemExit):
        runpy.run_path(str(SMOKE / "__main__.py"))
    start, _, end = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert list(start) == list(cpu_run.events[0])
    assert list(end) == list(cpu_run.events[-1])


def test_every_event_field_and_check_is_in_the_readme(cpu_run: Any) -> None:
    readme = (SMOKE / "README.md").read_text(encoding="utf-8")
    told = {field for one in cpu_run.events for field in one}
    told |= {one["name"] for one in cpu_run.named("check")} | {one["event"] for one in cpu_run.events}
    assert {word for word in told if f"`{word}`" not in readme} == set()


def test_smoke_imports_nothing_of_envkit() -> None:
    imported = set()
    for source in SMOKE.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    assert imported & {"torch", "numpy", "envkit", "envkit_smoke"} == {"torch", "numpy", "envkit_smoke"}
