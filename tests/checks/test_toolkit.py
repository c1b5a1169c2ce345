"""Toolkit and host compiler: facts and texts in, the cause and its fix out."""

import pytest

from envkit.findings import Severity
from envkit.snapshot import EnvironmentKind, Snapshot, Toolkit
from tests.builders import make_gpu_snapshot, make_host, make_interpreter, make_snapshot
from tests.checks.reports import codes_of, diagnosis_of, first_of, gpu_report_of, report_of, way_out

MISMATCH = (
    "RuntimeError:\nThe detected CUDA version (10.1) mismatches the version that was used to compile\nPyTorch (12.6)."
)
NO_HOME = "OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root."
TOO_NEW = "host_config.h:132:2: error: #error -- unsupported GNU version! gcc versions later than 12 are not supported!"
OLD_NVCC = Toolkit(nvcc="11.5.119", gcc="11.4.0", cuda_home="/usr/local/cuda-11.5")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(MISMATCH, "toolkit-mismatch", id="torch refuses"),
        pytest.param(
            "Exception: >- DeepSpeed Op Builder: Installed CUDA version 12.9 does not match the version torch was "
            "compiled with 11.8, unable to compile cuda/cpp extensions without a matching cuda version.",
            "toolkit-mismatch",
            id="DeepSpeed refuses",
        ),
        pytest.param("nvcc fatal   : Unsupported gpu architecture 'compute_120'", "toolkit-mismatch", id="old nvcc"),
        pytest.param(NO_HOME, "toolkit-missing", id="no CUDA_HOME"),
        pytest.param("/bin/sh: 1: :/usr/local/cuda/bin/nvcc: not found", "toolkit-missing", id="no nvcc at CUDA_HOME"),
        pytest.param(
            "ext.cpp:3:10: fatal error: cuda_runtime_api.h: No such file or directory", "toolkit-missing", id="h"
        ),
        pytest.param(TOO_NEW, "compiler-unsupported", id="gcc too new"),
        pytest.param(
            "Your compiler (g++ 4.8) may be ABI-incompatible with PyTorch!", "compiler-unsupported", id="gcc too old"
        ),
        pytest.param(
            "RuntimeError: Failed to find C compiler. Please specify via CC environment variable.",
            "compiler-unsupported",
            id="no compiler for torch.compile",
        ),
        pytest.param("RuntimeError: Ninja is required to load C++ extensions", "compiler-unsupported", id="no ninja"),
        pytest.param(
            "error: Microsoft Visual C++ 14.0 or greater is required.", "compiler-unsupported", id="no Visual C++"
        ),
    ],
)
def test_what_the_tools_say_is_the_first_finding(text: str, code: str) -> None:
    assert codes_of(report_of(text))[0] == code


def test_a_minor_difference_is_no_fault() -> None:
    minor = (
        "The detected CUDA version (12.4) has a minor version mismatch with the version that was used to compile "
        "PyTorch (12.6). Most likely this shouldn't be a problem."
    )
    assert codes_of(gpu_report_of(minor, source="warning")) == ["healthy"]


@pytest.mark.parametrize(
    ("snapshot", "severities"),
    [
        pytest.param(make_gpu_snapshot(toolkit=OLD_NVCC), [Severity.WARNING], id="CUDA_HOME names it: about to build"),
        pytest.param(make_gpu_snapshot(toolkit=Toolkit(nvcc="11.5.119", cuda_home="")), [], id="only on PATH"),
        pytest.param(
            make_gpu_snapshot(toolkit=Toolkit(nvcc="12.1.66", cuda_home="/usr/local/cuda")), [], id="same major"
        ),
        pytest.param(make_gpu_snapshot(toolkit=OLD_NVCC, pasted=True), [], id="a report that complains of nothing"),
        pytest.param(
            gpu_report_of("error: Failed building wheel for flash-attn", toolkit=OLD_NVCC),
            [Severity.ERROR],
            id="a report of a build that failed",
        ),
        pytest.param(
            gpu_report_of("Compiling the CUDA compiler identification source file failed", toolkit=OLD_NVCC),
            [Severity.ERROR],
            id="a report of CMake",
        ),
        pytest.param(make_snapshot(toolkit=OLD_NVCC), [], id="a torch without CUDA"),
    ],
)
def test_another_major_release_matters_to_who_builds(snapshot: Snapshot, severities: list[Severity]) -> None:
    found = [one.severity for one in diagnosis_of(snapshot).findings if one.code == "toolkit-mismatch"]
    assert found == severities


def test_an_nvcc_older_than_the_gpu_is_told_by_the_table() -> None:
    old = report_of("nvcc fatal   : Unsupported gpu architecture 'compute_89'", toolkit=Toolkit(nvcc="11.5.119"))
    assert "8.9: it is older than the GPU" in first_of(old).cause
    assert "11.8" in way_out(old)


def test_an_nvcc_that_dropped_the_gpu_is_not_called_old() -> None:
    new = report_of("nvcc fatal   : Unsupported gpu architecture 'compute_35'", toolkit=Toolkit(nvcc="12.4.131"))
    assert "it dropped it" in first_of(new).cause


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        pytest.param(
            gpu_report_of(NO_HOME, target=make_interpreter(kind=EnvironmentKind.CONDA)),
            "conda install --prefix /env -c nvidia/label/cuda-12.6.0 cuda-toolkit",
            id="conda",
        ),
        pytest.param(gpu_report_of(NO_HOME), "export CUDA_HOME=/usr/local/cuda-12.6", id="Linux"),
        pytest.param(gpu_report_of(NO_HOME, host=make_host(container="docker")), "devel", id="container"),
        pytest.param(gpu_report_of(NO_HOME, host=make_host(os="windows")), r"CUDA\v12.6'", id="Windows"),
        pytest.param(report_of(NO_HOME), "torch.version.cuda", id="nothing known"),
        pytest.param(gpu_report_of(TOO_NEW), "CUDAHOSTCXX=g++-12", id="the gcc that the message allows"),
        pytest.param(
            gpu_report_of(TOO_NEW, target=make_interpreter(kind=EnvironmentKind.CONDA)), "gxx=12", id="gcc from conda"
        ),
        pytest.param(report_of("RuntimeError: Ninja is required to load C++ extensions"), "install ninja", id="ninja"),
    ],
)
def test_the_fix_is_one_for_this_host(snapshot: Snapshot, words: str) -> None:
    assert words in way_out(snapshot)


def test_a_cuda_home_without_a_compiler_is_told_live() -> None:
    astray = first_of(make_gpu_snapshot(toolkit=Toolkit(nvcc="", cuda_home="/opt/cuda")))
    assert (astray.code, astray.severity) == ("toolkit-missing", Severity.WARNING)
    assert "/opt/cuda" in astray.cause


def test_no_compiler_at_all_is_no_fault_of_a_machine_that_builds_nothing() -> None:
    assert codes_of(make_gpu_snapshot(toolkit=Toolkit(nvcc="", cuda_home="", gcc="", gxx="", ninja=""))) == ["healthy"]


def test_a_gcc_newer_than_this_nvcc_takes_is_told_by_the_table() -> None:
    tools = Toolkit(nvcc="12.4.131", gcc="14.2.0", cuda_home="/usr/local/cuda-12.4")
    found = first_of(make_gpu_snapshot(toolkit=tools))
    assert (found.code, found.cause) == (
        "compiler-unsupported",
        "gcc is 14.2.0; nvcc 12.4.131 takes none newer than 13",
    )
