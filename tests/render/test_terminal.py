"""The terminal's pages against golden files. `ENVKIT_GOLDEN=write pytest tests/render` writes them anew."""

import io
import os
from pathlib import Path

import pytest
from msgspec import structs
from rich.console import Console

from envkit import matrix
from envkit.checks import diagnose
from envkit.intake.recorded import read
from envkit.render.terminal.diagnosis import print_diagnosis
from envkit.render.terminal.lines import Lines
from envkit.snapshot import Absent, Launcher, ProbeOutcome, ProbeRun, Snapshot, Unknown
from tests.builders import make_cuda, make_gpu_snapshot, make_interpreter, make_packages, make_runtime, make_snapshot

GOLDEN = Path(__file__).parent / "golden"

SNAPSHOTS = {
    "cpu-only": make_snapshot(),
    "healthy-gpu": make_gpu_snapshot(),
    "cpu-build": make_gpu_snapshot(packages=make_packages(), torch=make_runtime()),
    "fabric-manager": make_gpu_snapshot(cuda=make_cuda(init_error=802, devices=None)),
    "old-python": make_snapshot(
        target=make_interpreter(version="3.8.20"),
        packages=make_packages(modules=(), distributions=()),
        torch=Absent(why="No module named 'torch'"),
    ),
    "timed-out": make_snapshot(
        nvml=Unknown(why="no answer within 20 s", outcome=ProbeOutcome.TIMED_OUT),
        probes=(ProbeRun(name="nvml", outcome=ProbeOutcome.TIMED_OUT, seconds=20, detail="no answer within 20 s"),),
    ),
}  # fmt: skip

REPORTS = {
    "report-driver": """\
PyTorch version: 2.2.2+cu121
Is debug build: False
CUDA used to build PyTorch: 12.1
OS: Ubuntu 20.04.6 LTS (x86_64)
Libc version: glibc-2.31
Python version: 3.10.12 (main, Nov 20 2023) [GCC 11.4.0] (64-bit runtime)
Is CUDA available: False
GPU models and configuration: GPU 0: NVIDIA RTX A5000
Nvidia driver version: 460.91.03
""",
    "report-error-alone": "RuntimeError: CUDA error: device-side assert triggered\n",
    "report-of-little": "Hello, my training is slow.\n\n    Python 3.11.4 on Windows 11\n    NVIDIA GeForce GTX 1080\n"
    "UserWarning: something is odd\n",
    "report-two-minds": """\
Python 3.8.10
NVIDIA-SMI 535.54.03    Driver Version: 535.54.03    CUDA Version: 12.2
nvcc fatal   : Unsupported gpu architecture 'compute_89'
  File "/opt/conda/lib/python3.11/site-packages/torch/utils/cpp_extension.py", line 1, in load
""",
}


def plain(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, highlight=False, emoji=False, markup=False, color_system=None)


def shown(snapshot: Snapshot, width: int) -> str:
    """Return the page of a snapshot's diagnosis."""
    stream = io.StringIO()
    print_diagnosis(Lines(stream, width=width), diagnose(snapshot, matrix.load()), snapshot)
    return stream.getvalue()


def golden(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    text = "".join(line.rstrip() + "\n" for line in text.splitlines())
    if os.environ.get("ENVKIT_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_diagnosis_reads_as_its_golden_file(name: str, width: int) -> None:
    golden(f"doctor-{name}-{width}", shown(SNAPSHOTS[name], width))


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", REPORTS)
def test_a_report_reads_as_its_golden_file(name: str, width: int) -> None:
    golden(f"doctor-{name}-{width}", shown(read(REPORTS[name].encode(), "report.txt"), width))


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_never_shows_what_it_does_not_tell(name: str) -> None:
    page = shown(read(REPORTS[name].encode(), "report.txt"), 200)
    assert not [word for word in ("unknown", "None", "imported in") if word in page]


def test_a_format_that_failed_is_unclear_and_not_among_what_was_read() -> None:
    snapshot = read(REPORTS["report-driver"].encode(), "report.txt")
    failed = ProbeRun(name="nvidia-smi", outcome=ProbeOutcome.CRASHED, seconds=0, detail="could not be read: KeyError")
    snapshot = structs.replace(snapshot, probes=(*snapshot.probes, failed))
    lines = shown(snapshot, 200).splitlines()
    assert "nvidia-smi" not in next(line for line in lines if line.startswith("read"))
    assert "unclear nvidia-smi: could not be read: KeyError" in {" ".join(line.split()) for line in lines}


def test_a_command_is_never_broken_over_lines() -> None:
    snapshot = SNAPSHOTS["cpu-build"]
    fix = diagnose(snapshot, matrix.load()).findings[0].fix
    assert fix
    lines = [line.strip() for line in shown(snapshot, 60).splitlines()]
    assert all(command in lines for command in fix.commands)


@pytest.mark.parametrize(
    ("make", "headline"),
    [
        pytest.param(make_snapshot, "HEALTHY  no NVIDIA GPU in this machine", id="beside an answer"),
        pytest.param(make_gpu_snapshot, "HEALTHY  to be noted: packages are installed for one Python", id="alone"),
    ],
)
def test_a_note_is_not_told_as_the_answer(make, headline):
    programs = (("pip", "/usr/bin/pip", "/usr"), ("python", "/env/bin/python", "/env"))
    launchers = tuple(Launcher(program=name, path=path, prefix=prefix) for name, path, prefix in programs)
    snapshot = make(target=make_interpreter(launchers=launchers))
    stream = io.StringIO()
    print_diagnosis(Lines(stream, width=200), diagnose(snapshot, matrix.load()), snapshot)
    assert stream.getvalue().startswith(headline)
