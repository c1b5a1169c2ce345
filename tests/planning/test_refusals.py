"""What cannot be is refused, with the reason and with what comes nearest."""

import pytest

from envkit.errors import EnvkitError
from envkit.planning.decide import plan
from envkit.planning.model import ImpossibleError, Manager, Request
from envkit.snapshot import Absent, Unknown
from tests.builders import make_host, make_interpreter, make_snapshot
from tests.planning.hosts import HOSTS


@pytest.mark.parametrize(
    ("host", "request_", "message", "hint"),
    [
        pytest.param(
            "linux-a100",
            {"torch": "2.8.0", "cuda": "12.1"},
            "torch 2.8.0 has no CUDA 12.1 wheel; newest with CUDA 12.1: 2.5.1; "
            "newest CUDA for torch 2.8.0 that this driver runs: 12.9",
            "`envkit create --torch 2.5.1 --cuda 12.1`",
            id="a CUDA that the release never had",
        ),
        pytest.param(
            "linux-1080ti-old-driver",
            {"cuda": "12.6"},
            "torch 2.14.1 (cu126) needs NVIDIA driver 525.60.13 or newer, and this machine has 470.57.02; "
            "newest CUDA that this driver runs: 11.8",
            "`envkit create --torch 2.7.1 --cuda 11.8`",
            id="a CUDA that the driver does not run",
        ),
        pytest.param(
            "linux-5090",
            {"torch": "2.5.1", "cuda": "12.1"},
            "torch 2.5.1 (cu121) has no code for NVIDIA GeForce RTX 5090 (12.0); "
            "what fits this machine for torch 2.5.1: the CPU build",
            "`envkit create --torch 2.5.1 --cuda cpu`",
            id="a CUDA without code for the GPU",
        ),
        pytest.param(
            "linux-cpu",
            {"cuda": "12.1", "python": "3.14"},
            "no torch release has a CUDA 12.1 wheel for Python 3.14; newest CUDA: 13.2; "
            "with another Python: 3.8 to 3.13",
            "`envkit create --torch 2.15.0 --cuda 13.2 --python 3.14`",
            id="a Python that came later",
        ),
        pytest.param(
            "linux-aarch64",
            {"cuda": "12.1"},
            "no torch release has a CUDA 12.1 wheel on linux-aarch64; newest CUDA: 13.2",
            "`envkit create --torch 2.15.0 --cuda 13.2`",
            id="another platform has it",
        ),
        pytest.param(
            "linux-cpu",
            {"torch": "9.9.9"},
            "there is no torch 9.9.9; newest that fits this machine: 2.15.0",
            "`envkit create --torch 2.15.0`",
            id="no such release",
        ),
        pytest.param(
            "macos-x86_64",
            {"torch": "2.8.0"},
            "torch 2.8.0 has no wheel for macos-x86_64; newest that fits this machine: 2.2.2",
            "`envkit create --torch 2.2.2`",
            id="a release without this platform",
        ),
        pytest.param(
            "macos-x86_64",
            {"python": "3.13"},
            "no torch release has a wheel for Python 3.13; with another Python: 3.6 to 3.12",
            "`envkit create --torch 2.2.2 --python 3.12`",
            id="a Python without a wheel on this platform",
        ),
        pytest.param(
            "linux-a100",
            {"manager": Manager.CONDA, "torch": "2.9.0", "cuda": "12.1"},
            "torch 2.9.0 has no CUDA 12.1 package in conda; newest with CUDA 12.1: 2.5.1; "
            "newest CUDA for torch 2.9.0 that this driver runs: 12.9",
            "`envkit create --conda --torch 2.5.1 --cuda 12.1`",
            id="conda",
        ),
        pytest.param(
            "linux-1080ti-new-driver",
            {"torch": "2.8.0", "cuda": "12.1"},
            "torch 2.8.0 has no CUDA 12.1 wheel; newest with CUDA 12.1: 2.5.1; "
            "newest CUDA for torch 2.8.0 that this driver runs: 12.6",
            "`envkit create --torch 2.5.1 --cuda 12.1`",
            id="newer CUDA has no code for the GPU",
        ),
        pytest.param(
            "linux-6700xt",
            {"rocm": "5.6", "torch": "2.8.0"},
            "torch 2.8.0 has no ROCm 5.6 wheel; newest with ROCm 5.6: 2.2.2; newest ROCm for torch 2.8.0: 6.4",
            "`envkit create --torch 2.2.2 --rocm 5.6`",
            id="a ROCm that the release never had",
        ),
        pytest.param(
            "windows-cpu",
            {"rocm": "auto"},
            "no torch release has a ROCm wheel on win-amd64; what fits this machine: the CPU build",
            "`envkit create --torch 2.15.0 --cuda cpu`",
            id="no ROCm for Windows",
        ),
        pytest.param(
            "linux-cpu",
            {"torch": "1.8.1", "cuda": "13.0"},
            "torch 1.8.1 has no CUDA 13.0 wheel; newest with CUDA 13.0: 2.14.1",
            "`envkit create --torch 2.14.1 --cuda 13.0`",
            id="a release that knows neither the CUDA nor the Python",
        ),
        pytest.param(
            "linux-cpu",
            {"torch": "2.0.0", "cuda": "12.8", "python": "3.6"},
            "torch 2.0.0 has no CUDA 12.8 wheel; with another torch and build: torch 1.10.2 (cpu) for Python 3.6; "
            "with another torch and Python: torch 2.11.0 (cu128) for Python 3.14; "
            "with another build and Python: torch 2.0.0 (cpu) for Python 3.11",
            "`envkit create --torch 1.10.2 --cuda cpu --python 3.6`",
            id="no one wish given up is enough",
        ),
    ],
)
def test_an_impossible_wish_is_refused_with_the_nearest(matrix, host, request_, message, hint):
    with pytest.raises(ImpossibleError) as refused:
        plan(Request(**request_), HOSTS[host], matrix)

    assert (refused.value.message, refused.value.hint, refused.value.exit_code) == (message, hint, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"host": make_host(libc="musl 1.2")}, "torch has no wheel for linux x86_64 musl 1.2", id="musl"),
        pytest.param(
            {"host": make_host(arch="riscv64")}, "torch has no wheel for linux riscv64 glibc 2.39", id="riscv64"
        ),
        pytest.param(
            {"target": make_interpreter(bits=32)},
            "torch has no wheel for a 32-bit Python, which /env/bin/python is",
            id="32 bit",
        ),
        pytest.param(
            {"target": make_interpreter(implementation="pypy")},
            "torch has wheels for CPython alone, and /env/bin/python is pypy",
            id="PyPy",
        ),
        pytest.param(
            {"target": make_interpreter(version="2.7.18")},
            "no torch release has a wheel for Python 2.7; with another Python: 3.6 to 3.15",
            id="Python 2",
        ),
        pytest.param(
            {"target": Absent(why="no environment is active")},
            "which Python the environment is for is not known: no environment is active",
            id="no target",
        ),
        pytest.param(
            {"host": Unknown(why="the probe failed")},
            "nothing is known of this machine: the probe failed",
            id="unknown host",
        ),
    ],
)
def test_a_machine_without_any_torch_is_refused(matrix, changes, message):
    with pytest.raises(EnvkitError) as refused:
        plan(Request(), make_snapshot(**changes), matrix)

    assert (refused.value.message, refused.value.exit_code) == (message, 1)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        pytest.param({"cuda": "twelve"}, "`twelve` is no CUDA release", id="CUDA"),
        pytest.param({"torch": "newest"}, "`newest` is neither a version of torch nor a range of them", id="torch"),
        pytest.param({"torch": "2.5.1+cu121"}, "`--torch 2.5.1+cu121` names a build, which --cuda chooses", id="build"),
        pytest.param({"rocm": "six"}, "`six` is no ROCm release", id="ROCm"),
        pytest.param({"cuda": "12.1", "xpu": True}, "--cuda and --xpu ask for different builds", id="two builds"),
        pytest.param({"python": "three"}, "`three` is no Python version", id="python"),
        pytest.param({"packages": ("--pre",)}, "`--with --pre` is no requirement", id="an option as a package"),
        pytest.param({"packages": ("torch==2.1",)}, "--with adds packages to torch", id="torch as a package"),
        pytest.param(
            {"packages": ("x @ https://host/x.whl",)},
            "`--with x @ https://host/x.whl` goes beyond a name and versions",
            id="a URL as a package",
        ),
        pytest.param(
            {"packages": ("rich[jupyter]",), "manager": Manager.CONDA},
            "conda cannot express `--with rich[jupyter]`",
            id="extras in conda",
        ),
        pytest.param({"index": "ftp://host/whl"}, "--index is no http, https or file URL: `ftp://host/whl`", id="URL"),
        pytest.param(
            {"index": "https://user:secret@host/whl"},
            "--index holds credentials, and the recipe would spread them",
            id="credentials",
        ),
        pytest.param({"name": " "}, "--name is empty", id="empty name"),
        pytest.param(
            {"path": "a\nb"}, "--path cannot stand in a recipe: it holds a control character (U+000A)", id="line break"
        ),
        pytest.param(
            {"path": "a\x1b[2Jb"}, "--path cannot stand in a recipe: it holds a control character (U+001B)", id="escape"
        ),
        pytest.param(
            {"path": "a\u202eb"},
            "--path cannot stand in a recipe: it holds RIGHT-TO-LEFT OVERRIDE (U+202E)",
            id="reordering",
        ),
        pytest.param(
            {"name": "a/b", "manager": Manager.CONDA}, "a conda environment's name cannot hold '/'", id="conda name"
        ),
    ],
)
def test_a_wish_that_makes_no_sense_is_wrong_usage(matrix, request_, message):
    with pytest.raises(EnvkitError) as refused:
        plan(Request(**request_), HOSTS["linux-cpu"], matrix)

    assert (refused.value.message, refused.value.exit_code) == (message, 2)
