"""The classic block: beside torch's own script, against golden files, and read back by the doctor."""

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from envkit import matrix
from envkit.checks import diagnose
from envkit.intake.recorded import read
from envkit.render.collect_env import render_collect_env
from envkit.snapshot import Absent, Backend, Complaint, Snapshot, TorchError, Unknown
from tests.builders import (
    make_cuda,
    make_cuda_runtime,
    make_gpu_snapshot,
    make_host,
    make_nvml,
    make_packages,
    make_runtime,
    make_snapshot,
)
from tests.conftest import Cli
from tests.render.test_terminal import REPORTS, SNAPSHOTS, golden

UNKNOWN = "Could not collect"
HERE = sys.executable


def fields(block: str) -> dict[str, str]:
    """The labels of a block in their order, each with its value."""
    lines = [line for line in block.splitlines() if ": " in line or line.endswith(":")]
    return {label: value.strip() for label, _, value in (line.partition(":") for line in lines) if label[0] != "["}


def listed(block: str) -> list[str]:
    return sorted(line.replace("_", "-") for line in block.splitlines() if line.startswith("[pip3]"))


@pytest.fixture(scope="module")
def theirs() -> str:
    pytest.importorskip("torch")
    command = [HERE, "-W", "ignore", "-m", "torch.utils.collect_env"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.partition("information...\n")[2]


@pytest.fixture(scope="module")
def ours() -> str:
    command = [HERE, "-m", "envkit", "doctor", "--python", HERE, "--collect-env"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_labels_are_those_of_torch_in_its_order(ours: str, theirs: str) -> None:
    before_the_processor = list(fields(theirs)).index("CPU")
    labels = list(fields(theirs))[:before_the_processor]
    assert list(fields(ours))[: len(labels)] == labels
    in_the_processor = [label for label in fields(ours) if label in ("Architecture", "CPU(s)", "Model name")]
    assert in_the_processor == [label for label in fields(theirs) if label in in_the_processor]
    assert ours.index("CPU:\n") < ours.index("Versions of relevant libraries:\n") < ours.index("[conda]")


def test_what_both_know_is_the_same(ours: str, theirs: str) -> None:
    mine, torch_s = fields(ours), fields(theirs)
    known = {label for label in mine if UNKNOWN not in (mine[label], torch_s.get(label)) and label in torch_s}
    # Where theirs adds which build it is: of gcc the distribution's, of Python the day and the compiler.
    assert torch_s["GCC version"].rpartition(" ")[2] == mine["GCC version"] or mine["GCC version"] == UNKNOWN
    version, _, bits = mine["Python version"].partition(" ")
    assert torch_s["Python version"].startswith(version)
    assert torch_s["Python version"].endswith(bits)
    rest = known - {"GCC version", "Python version"}
    assert {label: mine[label] for label in rest} == {label: torch_s[label] for label in rest}
    assert rest >= {"PyTorch version", "OS", "Libc version", "Python platform", "Is CUDA available", "Model name"}


def test_the_same_packages_are_listed(ours: str, theirs: str) -> None:
    assert listed(ours) == listed(theirs)


def test_what_torch_does_not_know_is_not_known_here(ours: str) -> None:
    told = fields(ours)
    assert {label for label, value in told.items() if value == UNKNOWN} >= {"Clang version", "Is XNNPACK available"}


def test_the_block_of_this_machine_has_its_diagnosis(cli: Cli, ours: str, tmp_path: Path) -> None:
    (tmp_path / "issue.txt").write_text(ours)
    here = cli("doctor", "--python", HERE, "--json")
    there = cli("doctor", "--from", str(tmp_path / "issue.txt"), "--json")
    assert there.codes[:1] == here.codes[:1]


# -- machines that are not here ----------------------------------------------------------------------

MESSAGE = "libcudnn.so.9: cannot open shared object file: No such file or directory"
TRACE = f"""\
Traceback (most recent call last):
  File "<string>", line 1, in <module>
  File "/env/lib/python3.11/site-packages/torch/__init__.py", line 367, in <module>
    from torch._C import *
ImportError: {MESSAGE}"""
BLIND = Backend(name="cuda", built=True, available=False, device_count=0)
DEAD = Backend(
    name="cuda", built=True, available=False, device_count=0,
    error="Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized",
)  # fmt: skip
MACHINES: dict[str, Snapshot] = {
    "cpu-only": SNAPSHOTS["cpu-only"],
    "healthy-gpu": SNAPSHOTS["healthy-gpu"],
    "cpu-build": SNAPSHOTS["cpu-build"],
    "no-torch": make_gpu_snapshot(packages=make_packages(modules=()), torch=Absent(why="No module named 'torch'")),
    "old-driver": make_gpu_snapshot(
        nvml=make_nvml(driver_version="470.57.02", cuda_version="11.4"),
        cuda=Unknown(why="not asked"),
        torch=make_cuda_runtime(backends=(BLIND,), devices=()),
    ),
    "not-initialized": make_gpu_snapshot(
        cuda=make_cuda(init_error=802, devices=None), torch=make_cuda_runtime(backends=(DEAD,), devices=())
    ),
    "import-fails": make_gpu_snapshot(
        torch=make_runtime(version=None, error=TorchError(type="ImportError", message=MESSAGE, traceback=TRACE))
    ),
    **{name: read(text.encode(), "report.txt") for name, text in REPORTS.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", MACHINES)
def test_a_block_reads_as_its_golden_file(name: str) -> None:
    golden(f"collect-env-{name}", render_collect_env(MACHINES[name]))


@pytest.mark.parametrize("name", MACHINES)
def test_read_back_it_has_the_same_first_cause(name: str) -> None:
    known = matrix.load()
    before, after = (
        diagnose(snapshot, known)
        for snapshot in (MACHINES[name], read(render_collect_env(MACHINES[name]).encode(), "issue.txt"))
    )
    assert [one.code for one in after.findings][:1] == [one.code for one in before.findings][:1]


def test_a_foreign_text_makes_no_label_of_its_own() -> None:
    host = make_host(os_name="x\nPyTorch version: 9.9.9", cpu="y\x1b[31m\nIs CUDA available: True")
    told = render_collect_env(make_snapshot(host=host))
    labels = [line.partition(":")[0] for line in told.splitlines()]
    assert (labels.count("PyTorch version"), labels.count("Is CUDA available")) == (1, 1)
    assert "\x1b" not in told


def test_nothing_known_is_told_as_that() -> None:
    lost = Unknown(why="no answer")
    nothing = Snapshot(host=lost, target=lost, packages=lost, nvml=lost, cuda=lost, torch=lost)
    told = fields(render_collect_env(nothing))
    assert {value for label, value in told.items() if label not in ("CPU", "Caching allocator config")} <= {UNKNOWN, ""}


def test_what_a_report_quotes_stands_behind_the_block() -> None:
    said = "RuntimeError: CUDA error: no kernel image is available for execution on the device"
    snapshot = replace(make_gpu_snapshot(), complaints=(Complaint(source="python", text=said),))
    block, _, behind = render_collect_env(snapshot).partition("\nWhat was said:\n")
    assert (said in block, said in behind) == (False, True)
