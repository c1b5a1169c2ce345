"""What a report lacks to be sure: just what the diagnosis rests on, with the command that tells it."""

import pytest

from envkit.checks.lacking import _FOR_CODE, _NEEDS
from envkit.findings import Verdict
from envkit.snapshot import Absent, Snapshot, Toolkit
from tests.builders import make_gpu_snapshot, make_host, make_runtime, make_snapshot
from tests.checks.reports import UNTOLD, diagnosis_of, gpu_report_of, report_of


def asked(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    return {ask.command: ask.facts for ask in diagnosis_of(snapshot).asks}


def test_a_report_that_says_nothing_is_asked_for_everything_command_by_command() -> None:
    assert asked(report_of("warning: odd", source="warning")) == {
        "python -m torch.utils.collect_env": (
            "the system",
            "the Python",
            "the torch and what it is built for",
            "whether torch has CUDA",
        ),
        "nvidia-smi": ("the NVIDIA driver", "the GPU"),
    }


def test_a_report_of_what_works_lacks_nothing() -> None:
    assert asked(gpu_report_of()) == {}


def test_a_live_machine_is_asked_nothing() -> None:
    assert asked(make_snapshot(torch=UNTOLD)) == {}


@pytest.mark.parametrize(
    ("snapshot", "commands"),
    [
        pytest.param(
            report_of("nvcc fatal   : Unsupported gpu architecture 'compute_89'"),
            {"python -m torch.utils.collect_env", "nvcc --version"},
            id="toolkit",
        ),
        pytest.param(
            gpu_report_of("nvcc fatal   : Unsupported gpu architecture 'compute_89'", toolkit=Toolkit(nvcc="11.5")),
            set(),
            id="toolkit, all told",
        ),
        pytest.param(
            report_of("DataLoader worker (pid 1) is killed by signal: Bus error"), {"df -h /dev/shm"}, id="shm"
        ),
        pytest.param(report_of("ncclSystemError: x"), {"NCCL_DEBUG=INFO before the same command"}, id="NCCL"),
        pytest.param(report_of("[Errno 28] No space left on device"), {"df -h . ~ /tmp"}, id="disk"),
    ],
)
def test_only_what_bears_on_the_cause_is_asked_for(snapshot: Snapshot, commands: set[str]) -> None:
    assert set(asked(snapshot)) == commands


def test_a_mac_is_not_asked_for_an_nvidia_driver() -> None:
    mac = report_of("warning: odd", source="warning", host=make_host(os="macos", arch="arm64"))
    assert "nvidia-smi" not in asked(mac)


def test_what_is_lacking_without_a_cause_leaves_the_verdict_open() -> None:
    assert diagnosis_of(report_of("warning: odd", source="warning")).verdict is Verdict.INCOMPLETE


def test_a_torch_that_is_not_there_is_known() -> None:
    absent = make_gpu_snapshot(torch=Absent(why="No module named 'torch'"), pasted=True)
    assert "python -m torch.utils.collect_env" not in asked(absent)
    assert "python -m torch.utils.collect_env" in asked(
        make_gpu_snapshot(torch=make_runtime(version=None), packages=UNTOLD, pasted=True)
    )


def test_every_need_that_a_code_has_can_be_asked_for() -> None:
    assert {name for names in _FOR_CODE.values() for name in names} <= _NEEDS.keys()
