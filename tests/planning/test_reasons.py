"""What is said for a choice: the constraint that decided it."""

import pytest

from envkit.planning.decide import explain, plan
from envkit.planning.model import Manager, Request
from envkit.snapshot import CudaDriver
from tests.builders import make_host, make_snapshot
from tests.planning.hosts import GTX_1080_TI, HOSTS, make_driver, make_gpus


@pytest.mark.parametrize(
    ("host", "request_", "decides", "because"),
    [
        pytest.param("linux-cpu", {}, "python", "the version of /env/bin/python, --python", id="python"),
        pytest.param("linux-cpu", {"python": "3.12"}, "python", "as asked", id="python asked"),
        pytest.param("linux-cpu", {}, "torch", "the newest release", id="newest"),
        pytest.param("linux-cpu", {"torch": "2.5.1"}, "torch", "as asked", id="torch asked"),
        pytest.param("linux-cpu", {"torch": "<2.5"}, "torch", "the newest release in `<2.5`", id="range"),
        pytest.param(
            "linux-old-glibc",
            {},
            "torch",
            "the newest release that fits this machine; torch 2.7.0 (cpu) needs glibc 2.28, and this machine has 2.17",
            id="glibc",
        ),
        pytest.param(
            "linux-a100",
            {"cuda": "12.1"},
            "torch",
            "the newest release that fits this machine; torch 2.6.0 has no CUDA 12.1 build",
            id="torch for a CUDA",
        ),
        pytest.param(
            "linux-1080ti-old-driver",
            {},
            "torch",
            "the newest release that fits this machine; torch 2.8.0 (cu126) needs NVIDIA driver 525.60.13 or newer, "
            "and this machine has 470.57.02",
            id="torch for a driver",
        ),
        pytest.param(
            "linux-1080ti-new-driver",
            {},
            "backend",
            "the newest that fits: driver 570.86.15 runs it (the least is 525.60.13), it has code for "
            "NVIDIA GeForce GTX 1080 Ti (6.1); CUDA 13.0 needs NVIDIA driver 580.65.06 or newer, "
            "and this machine has 570.86.15",
            id="backend",
        ),
        pytest.param(
            "linux-cpu",
            {"cuda": "12.1"},
            "backend",
            "as asked; whether this machine runs it could not be checked: there is no NVIDIA driver: "
            "libnvidia-ml.so.1: No such file; CUDA 12.1 needs NVIDIA driver 525.60.13 or newer",
            id="backend without a driver",
        ),
        pytest.param(
            "linux-driver-broken",
            {},
            "backend",
            "the NVIDIA driver does not work: NVML_ERROR_LIB_RM_VERSION_MISMATCH (18), "
            "library and kernel module differ",
            id="broken driver",
        ),
        pytest.param(
            "linux-driver-unknown",
            {},
            "backend",
            "the NVIDIA driver could not be asked: no answer within 20 s",
            id="unknown driver",
        ),
        pytest.param("macos-x86_64", {}, "backend", "there is no GPU build for macos-x86_64", id="Intel Mac"),
        pytest.param("linux-mixed", {}, "gpu", "no build that fits has code for all of the GPUs", id="left out"),
        pytest.param(
            "windows-cpu",
            {},
            "index",
            "the default index serves the cpu build of this release",
            id="default index",
        ),
        pytest.param(
            "linux-cpu",
            {"torch": "2.5.1"},
            "index",
            "the default index serves the cu124 build of torch 2.5.1 for linux-x86_64",
            id="torch index",
        ),
        pytest.param("linux-cpu", {"torch": "2.2.2"}, "numpy", "torch 2.2.2 is built against NumPy 1", id="numpy"),
        pytest.param(
            "linux-cpu",
            {"manager": Manager.CONDA, "torch": "2.5.1"},
            "channels",
            "the pytorch channel has torch 2.5.1 for linux-x86_64; its packages for Python 3.11 are inferred, not seen",
            id="conda channel",
        ),
    ],
)
def test_the_deciding_constraint_is_told(matrix, host, request_, decides, because):
    chosen = plan(Request(**request_), HOSTS[host], matrix)

    assert [reason.because for reason in chosen.reasons if reason.decides == decides] == [because]


def test_an_unchecked_libc_is_told(matrix):
    chosen = plan(Request(), make_snapshot(host=make_host(libc=None)), matrix)

    assert "libc" in {reason.decides for reason in chosen.reasons}


def told(chosen, decides):
    (because,) = (reason.because for reason in chosen.reasons if reason.decides == decides)
    return because


def test_without_a_driver_it_is_said_which_one_each_build_would_need(matrix):
    machine = make_snapshot(nvml=make_driver(None, GTX_1080_TI))

    chosen = plan(Request(), machine, matrix)

    assert chosen.backend == "cpu"
    assert told(chosen, "backend") == (
        "no CUDA build is sure to run: the version of the NVIDIA driver is not known; "
        "torch 2.14.1 (cu126) needs driver 525.60.13 or newer; torch 2.7.1 (cu118) needs driver 450.80.02 or newer"
    )


def test_a_gpu_without_a_known_name_is_said_to_be_a_matter_of_asking(matrix):
    machine = make_snapshot(nvml=make_driver("650.10", "NVIDIA GeForce RTX 6090"))

    assert told(plan(Request(), machine, matrix), "backend") == (
        "the compute capability of NVIDIA GeForce RTX 6090 is not known; "
        "a CUDA build is taken nevertheless when it is asked for by name"
    )


def test_of_two_makers_the_newer_release_is_said_to_fail_the_other_gpu(matrix):
    host = make_host(gpus=make_gpus("amd", "AMD Radeon RX 7900 XTX"))
    machine = make_snapshot(host=host, nvml=make_driver("470.82.01", GTX_1080_TI))

    chosen = plan(Request(), machine, matrix)

    assert told(chosen, "torch") == (
        "the newest release that fits this machine; torch 2.15.0 (cu132) needs NVIDIA driver 580.65.06 or newer, "
        "and this machine has 470.82.01"
    )
    why = {(other.torch, other.backend): other.why for other in explain(Request(), machine, matrix)}
    assert why["2.7.1", "cu118"] == "would fit, and torch 2.14.1 is newer"
    assert why["2.14.1", "cpu"] == "serves none of the GPUs, and torch 2.14.1 (rocm7.14) 1"


def test_a_driver_that_sees_no_gpu_and_is_not_ready_is_told(matrix):
    machine = make_snapshot(nvml=make_driver("570.86.15"), cuda=CudaDriver(init_error=999))

    chosen = plan(Request(), machine, matrix)

    assert told(chosen, "driver") == "not ready for use yet: cuInit answers 999; `envkit doctor` says more"
    assert told(chosen, "backend").startswith("the NVIDIA driver sees no GPU")
