"""The order of events and the exit code, with stand-ins for torch and for the workloads."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from envkit_smoke import session, toolchain, workload
from envkit_smoke.checks import Check
from envkit_smoke.events import EventStream
from envkit_smoke.options import Options
from envkit_smoke.session import Session
from envkit_smoke.timing import Timing
from envkit_smoke.variants import CompilerMissingError
from envkit_smoke.workload import Report, Task, Workload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = Check("loss", 0.5, 1.0, "fine")
BAD = Check("gradient", float("nan"), 1.0, "wrong")


def report(*checks: Check) -> Report:
    return Report(checks, [3.0, 2.0], 1.0, Timing(1, [0.1], [0.2]))


def fake_torch(gpus: int = 2) -> SimpleNamespace:
    cuda = SimpleNamespace(
        is_available=lambda: gpus > 0,
        device_count=lambda: gpus,
        get_device_name=lambda index: "Fake GPU",
        synchronize=lambda device: None,
        init=lambda: None,
    )
    version = SimpleNamespace(cuda="13.0")
    return SimpleNamespace(__version__="2.9", __file__="torch.py", cuda=cuda, version=version)


def raising(error: BaseException) -> Callable[[Any], Any]:
    def call(_: Any) -> Any:
        raise error

    return call


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    """Run a session and return its exit code and events; the workload stands in for every one that is named."""

    def run(
        *,
        observe: Callable[[Task], Any] = lambda task: task,
        judge: Callable[[Any], Report] = lambda observed: report(GOOD),
        devices: tuple[str, ...] = ("cpu",),
        names: tuple[str, ...] = ("backprop",),
        dtypes: tuple[str, ...] = ("float32",),
        variants: tuple[str, ...] = ("functional",),
        explicit: frozenset[str] = frozenset(),
        network: str | None = None,
        list_only: bool = False,
        load: Any = None,
        parts: Any = None,
    ) -> tuple[int, list[dict[str, Any]]]:
        tools = toolchain.Toolchain(fake_torch(), SimpleNamespace(__version__="2.4"), [])
        monkeypatch.setattr(toolchain, "load", load or (lambda: tools))
        records = lambda observed: [{"loss": 1.0, "layers": []}]  # noqa: E731
        stand_ins = parts or (lambda wanted: {name: Workload(observe, judge, records) for name in wanted})
        monkeypatch.setattr(workload, "load", stand_ins)
        monkeypatch.setattr(session, "load_joint_stages", list)  # what is done with several devices is tested elsewhere
        file = io.StringIO()
        options = Options(
            devices=devices,
            workloads=names,
            dtypes=dtypes,
            variants=variants,
            explicit=explicit,
            mode="usual",
            epochs=2,
            seed=5,
            budget=0.0,
            memory=None,
            network=network,
            list_only=list_only,
        )
        code = Session(EventStream(file), options).run()
        return code, [json.loads(line) for line in file.getvalue().splitlines()]

    return run


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """The events in their order, but for those that say what begins."""
    return [event["event"] for event in events if event["event"] != "begin"]


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


def test_events_of_a_good_run_come_in_order(run: Any) -> None:
    code, events = run()
    assert code == 0
    assert kinds(events) == ["start", "check", "training", "timing", "result", "end"]


def test_what_begins_is_told_before_it_is_done(run: Any) -> None:
    events = run()[1]
    begun = [{name: value for name, value in one.items() if name != "event"} for one in of(events, "begin")]
    assert begun[0] == {"device": "cpu"}
    assert begun[-1] == {"device": "cpu", "workload": "backprop", "dtype": "float32", "variant": "functional"}
    assert [one["event"] for one in events].index("begin") < [one["event"] for one in events].index("check")


def test_start_tells_what_there_is_and_what_will_be_done(run: Any) -> None:
    start = run()[1][0]
    del start["python"], start["executable"]
    assert start == {
        "event": "start",
        "schema_version": 2,
        "torch": "2.9",
        "torch_file": "torch.py",
        "numpy": "2.4",
        "seed": 5,
        "threads": None,
        "devices": [
            {"device": "cpu", "name": start["devices"][0]["name"]},
            {"device": "cuda:0", "name": "Fake GPU"},
            {"device": "cuda:1", "name": "Fake GPU"},
        ],
        "requested": ["cpu"],
        "mode": "usual",
        "workloads": ["backprop"],
        "dtypes": ["float32"],
        "variants": ["functional"],
        "epochs": 2,
        "budget": 0.0,
    }


def test_check_event_has_its_fields_in_order(run: Any) -> None:
    assert list(of(run()[1], "check")[0].items()) == [
        ("event", "check"),
        ("device", "cpu"),
        ("workload", "backprop"),
        ("dtype", "float32"),
        ("variant", "functional"),
        ("name", "loss"),
        ("passed", True),
        ("error", 0.5),
        ("tolerance", 1.0),
        ("detail", "fine"),
    ]


def test_training_event_has_losses_and_optimum(run: Any) -> None:
    assert of(run()[1], "training")[0] == {
        "event": "training",
        "device": "cpu",
        "workload": "backprop",
        "dtype": "float32",
        "variant": "functional",
        "epochs": 2,
        "losses": [3.0, 2.0],
        "final_loss": 2.0,
        "optimum": 1.0,
    }


def test_a_failed_check_fails_the_result_and_the_run(run: Any) -> None:
    code, events = run(judge=lambda observed: report(GOOD, BAD))
    assert code == 1
    assert [event["passed"] for event in of(events, "check")] == [True, False]
    assert of(events, "check")[1]["error"] is None
    assert (of(events, "result")[0]["passed"], events[-1]["passed"]) == (False, False)


def test_a_failed_check_does_not_stop_the_other_workload(run: Any) -> None:
    verdicts = iter([report(BAD), report(GOOD)])
    code, events = run(judge=lambda observed: next(verdicts), names=("backprop", "linear-regression"))
    assert code == 1
    assert [(event["workload"], event["passed"]) for event in of(events, "result")] == [
        ("backprop", False),
        ("linear-regression", True),
    ]


def test_no_device_named_means_every_one_that_is_there(run: Any) -> None:
    assert run(devices=())[1][0]["requested"] == ["cpu", "cuda:0", "cuda:1"]


def test_all_is_every_device_and_none_of_them_twice(run: Any) -> None:
    events = run(devices=("cuda:1", "all"))[1]
    assert events[0]["requested"] == ["cuda:1", "cpu", "cuda:0"]
    assert [event["device"] for event in of(events, "result")] == ["cuda:1", "cpu", "cuda:0"]


def test_the_task_names_the_device_with_its_index(run: Any) -> None:
    tasks: list[Task] = []
    run(observe=tasks.append, devices=("cuda:1",))
    assert [(task.device, task.dtype, task.variant, task.epochs, task.seed) for task in tasks] == [
        ("cuda:1", "float32", "functional", 2, 5)
    ]


def test_every_variant_of_every_dtype_is_a_task(run: Any) -> None:
    events = run(dtypes=("float64", "float32"), variants=("eager", "fused"))[1]
    assert [(event["dtype"], event["variant"]) for event in of(events, "result")] == [
        ("float64", "eager"),
        ("float64", "fused"),
        ("float32", "eager"),
        ("float32", "fused"),
    ]


LACKING = RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'")


def test_a_dtype_that_the_device_lacks_is_left_out_in_silence(run: Any) -> None:
    code, events = run(observe=raising(LACKING), dtypes=("float16",))
    assert (code, kinds(events)) == (0, ["start", "end"])


def test_a_dtype_that_the_device_lacks_is_told_where_it_was_named(run: Any) -> None:
    code, events = run(observe=raising(LACKING), dtypes=("float16",), explicit=frozenset({"float16"}))
    assert code == 0
    assert of(events, "skip") == [
        {
            "event": "skip",
            "device": "cpu",
            "workload": "backprop",
            "dtype": "float16",
            "variant": "functional",
            "kind": "unsupported",
            "reason": "\"addmm_impl_cpu_\" not implemented for 'Half'",
        }
    ]


def test_no_device_may_lack_float32(run: Any) -> None:
    code, events = run(observe=raising(LACKING))
    assert (code, of(events, "error")[0]["kind"]) == (1, "device-failed")


@pytest.mark.parametrize(
    ("dtype", "variant", "reason"),
    [
        ("tf32", "eager", "TF32 is a mode of NVIDIA GPUs, which cpu is not"),
        ("float32", "cuda-graph", "CUDA graphs are of CUDA GPUs, which cpu is not"),
    ],
)
def test_what_is_of_gpus_is_skipped_elsewhere(run: Any, dtype: str, variant: str, reason: str) -> None:
    code, events = run(dtypes=(dtype,), variants=(variant,), explicit=frozenset({dtype, variant}))
    assert code == 0
    assert [(skip["kind"], skip["reason"]) for skip in of(events, "skip")] == [("unsupported", reason)]


def test_a_missing_compiler_is_told_although_nobody_named_it(run: Any) -> None:
    code, events = run(observe=raising(CompilerMissingError("there is no C++ compiler")), variants=("compile",))
    assert code == 0
    assert [(skip["kind"], skip["reason"]) for skip in of(events, "skip")] == [
        ("compiler-unsupported", "there is no C++ compiler")
    ]


def test_a_fault_in_one_variant_leaves_the_others(run: Any) -> None:
    def observe(task: Task) -> Task:
        if task.variant == "foreach":
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return task

    code, events = run(observe=observe, variants=("eager", "foreach", "fused"))
    assert code == 1
    assert [(event["variant"], event["passed"]) for event in of(events, "result")] == [
        ("eager", True),
        ("foreach", False),
        ("fused", True),
    ]
    assert of(events, "error")[0]["variant"] == "foreach"


NETWORK = """{"layers": [{"weights": [[1]], "biases": [0], "activation": "identity"}],
"inputs": [[1]], "targets": [[3]], "loss": "half-sse", "rate": 0.5, "steps": 2}"""


def test_a_network_is_told_of_the_reference_first_and_then_of_each_device(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "network.json"
    file.write_text(NETWORK, encoding="utf-8")
    tasks: list[Task] = []
    code, events = run(observe=lambda task: tasks.append(task) or task, network=str(file), devices=("cpu", "cuda:0"))
    assert code == 0
    assert [(event["device"], event["dtype"], len(event["steps"])) for event in of(events, "network")] == [
        ("reference", "float64", 2),
        ("cpu", "float32", 1),
        ("cuda:0", "float32", 1),
    ]
    assert of(events, "network")[0]["steps"][0] == {
        "loss": 2.0,
        "layers": [
            {
                "net": [[1.0]],
                "output": [[1.0]],
                "delta": [[-2.0]],
                "weight_gradient": [[-2.0]],
                "bias_gradient": [-2.0],
                "weights": [[2.0]],
                "biases": [1.0],
            }
        ],
    }
    assert [task.network and task.network.steps for task in tasks] == [2, 2]


def test_a_file_that_holds_no_network_is_one_error_and_nothing_is_measured(run: Any, tmp_path: Path) -> None:
    code, events = run(network=str(tmp_path / "absent.json"), devices=("cpu", "cuda:0"))
    assert (code, kinds(events)) == (1, ["start", "error", "end"])
    (error,) = of(events, "error")
    assert (error["kind"], error["device"], error["workload"]) == ("network-invalid", None, "backprop")
    assert events[1]["message"].endswith("absent.json: cannot be read: No such file or directory")


def test_an_unavailable_device_is_an_error_and_the_others_are_measured(run: Any) -> None:
    code, events = run(devices=("cuda:7", "cpu"))
    assert code == 1
    assert of(events, "error") == [
        {
            "event": "error",
            "kind": "device-unavailable",
            "device": "cuda:7",
            "workload": None,
            "message": "cuda:7 is not available: torch sees 2 cuda devices, numbered from 0",
            "available": ["cpu", "cuda:0", "cuda:1"],
        }
    ]
    assert [(event["device"], event["passed"]) for event in of(events, "result")] == [("cpu", True)]


def test_an_unavailable_device_after_a_measured_one_has_no_workload(run: Any) -> None:
    (error,) = of(run(devices=("cpu", "cuda:7"))[1], "error")
    assert (error["device"], error["workload"]) == ("cuda:7", None)


def test_a_device_that_fails_is_an_error_and_the_others_are_measured(run: Any) -> None:
    def observe(task: Task) -> Task:
        if task.device == "cuda:0":
            raise RuntimeError("CUDA error: no kernel image\nis available")
        return task

    code, events = run(observe=observe, devices=("cuda:0", "cpu"))
    (error,) = of(events, "error")
    assert code == 1
    assert (error["kind"], error["device"], error["workload"]) == ("device-failed", "cuda:0", "backprop")
    assert error["message"] == "RuntimeError: CUDA error: no kernel image is available"
    assert [(event["device"], event["passed"]) for event in of(events, "result")] == [
        ("cuda:0", False),
        ("cpu", True),
    ]


def test_a_fault_of_smoke_itself_is_an_event_and_exit_3(run: Any) -> None:
    code, events = run(judge=raising(KeyError("momenta")))
    assert code == 3
    assert kinds(events) == ["start", "error", "end"]
    (error,) = of(events, "error")
    assert (error["kind"], error["message"]) == (
        "internal",
        "smoke itself failed: KeyError: 'momenta'",
    )
    assert events[-1]["passed"] is False


def test_an_interruption_is_an_event_that_says_where_and_exit_130(run: Any) -> None:
    code, events = run(observe=raising(KeyboardInterrupt()), devices=("cuda:1", "cpu"))
    assert code == 130
    assert kinds(events) == ["start", "error", "end"]
    (error,) = of(events, "error")
    assert (error["kind"], error["device"], error["workload"]) == (
        "interrupted",
        "cuda:1",
        "backprop",
    )


def test_an_interruption_of_torchs_import_still_has_a_start(run: Any) -> None:
    def load() -> Any:
        raise KeyboardInterrupt

    code, events = run(load=load)
    assert code == 130
    assert kinds(events) == ["start", "error", "end"]
    assert events[0]["torch"] is None


def test_faults_of_the_toolchain_are_errors_and_nothing_is_measured(run: Any) -> None:
    faults = [toolchain.Fault("torch-missing", "torch is not installed in this interpreter")]
    code, events = run(load=lambda: toolchain.Toolchain(None, None, faults))
    assert code == 1
    assert kinds(events) == ["start", "error", "end"]
    assert (events[0]["devices"], events[1]["kind"], events[1]["available"]) == ([], "torch-missing", [])


def test_a_part_of_torch_that_cannot_be_imported_is_torchs_fault(run: Any) -> None:
    code, events = run(parts=raising(ImportError("cannot import name 'DataLoader'")))
    assert code == 1
    assert kinds(events) == ["start", "error", "end"]
    message = "a part of torch cannot be imported: ImportError: cannot import name 'DataLoader'"
    (error,) = of(events, "error")
    assert (error["kind"], error["message"]) == ("torch-import", message)


def test_list_names_the_devices_and_measures_nothing(run: Any) -> None:
    code, events = run(list_only=True)
    assert (code, kinds(events)) == (0, ["start", "end"])


def test_end_tells_the_seconds(run: Any) -> None:
    assert run()[1][-1]["seconds"] >= 0
