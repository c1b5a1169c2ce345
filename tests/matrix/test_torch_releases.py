"""torch releases: the published tables, and what must hold for every row."""

import pytest

from envkit import matrix
from envkit.matrix.gpus import runs_on
from envkit.matrix.torch_releases import platform_of
from envkit.matrix.versions import numbers

MATRIX = matrix.load()
TORCH = MATRIX.torch

_311_TO_312 = ("2.0.0", "2.0.1", "2.1.0", "2.1.1", "2.1.2")
_FROM_22 = ("2.2.0", "2.2.1", "2.2.2", "2.3.0", "2.3.1", "2.4.0", "2.4.1", "2.5.0", "2.5.1")


@pytest.mark.parametrize("platform", ["linux-x86_64", "win-amd64"])
@pytest.mark.parametrize(
    ("backend", "python", "releases"),
    [
        pytest.param("cu118", "3.11", (*_311_TO_312, *_FROM_22, "2.6.0", "2.7.0", "2.7.1"), id="11.8 on 3.11"),
        pytest.param("cu118", "3.12", (*_FROM_22, "2.6.0", "2.7.0", "2.7.1"), id="11.8 on 3.12"),
        pytest.param("cu118", "3.8", (*_311_TO_312, *_FROM_22[:7]), id="11.8 on 3.8"),
        pytest.param("cu121", "3.11", (*_311_TO_312[2:], *_FROM_22), id="12.1 on 3.11"),
        pytest.param("cu121", "3.14", (), id="12.1 on 3.14: never"),
    ],
)
def test_cuda_11_8_and_12_1_are_complete(backend: str, python: str, releases: tuple[str, ...], platform: str) -> None:
    found = TORCH.builds(backend=backend, python=python, platform=platform)
    assert tuple(build.torch for build in found) == releases


def test_a_build_is_listed_once() -> None:
    seen = [(build.torch, build.backend, build.platform) for build in TORCH.builds()]
    assert len(seen) == len(set(seen))


def test_releases_come_oldest_first() -> None:
    assert list(TORCH.releases()) == sorted(TORCH.releases(), key=numbers)
    assert TORCH.releases()[0] == "1.8.0"


def test_the_tested_release_has_a_cpu_build_for_every_supported_python() -> None:
    for python in ("3.10", "3.11", "3.12", "3.13", "3.14"):
        assert TORCH.builds(torch=TORCH.tested, backend="cpu", platform="linux-x86_64", python=python)


@pytest.mark.parametrize(("backend", "index"), [("cu130", None), ("cpu", "https://download.pytorch.org/whl/cpu")])
def test_the_default_index_serves_one_build_and_needs_no_url(backend: str, index: str | None) -> None:
    (build,) = TORCH.builds(torch="2.13.0", backend=backend, platform="linux-x86_64")
    assert build.index == index


def test_every_cuda_build_is_of_a_release_that_the_driver_table_knows() -> None:
    from envkit.matrix.cuda import cuda_of

    known = MATRIX.cuda.releases()
    assert {cuda for build in TORCH.builds() if (cuda := cuda_of(build.backend)) is not None} <= set(known)


def test_companions_are_those_of_the_release() -> None:
    assert TORCH.companion("2.5.1+cu121", "torchvision") == "0.20.1"
    assert TORCH.companion("9.9.9", "torchvision") is None


@pytest.mark.parametrize(("torch", "vision"), [("2.14.0", "0.29.0"), ("2.14.1", "0.29.1"), ("2.15.0", "0.29.2")])
def test_of_several_companions_the_one_that_came_out_with_it_is_taken(torch: str, vision: str) -> None:
    assert TORCH.companion(torch, "torchvision") == vision


@pytest.mark.parametrize(
    ("torch", "backend", "glibc"),
    [
        pytest.param("2.6.0", "cu124", "2.17", id="the default wheel"),
        pytest.param("2.6.0", "cu118", "2.17", id="built as the default wheel"),
        pytest.param("2.6.0", "cu126", "2.28", id="built on a newer system"),
        pytest.param("2.6.0", "rocm6.2.4", "2.28", id="ROCm"),
        pytest.param("2.6.0", "xpu", "2.28", id="XPU"),
        pytest.param("2.5.1", "cu124", "2.17", id="another release"),
    ],
)
def test_a_variant_may_need_a_newer_glibc_than_the_default_wheel(torch: str, backend: str, glibc: str) -> None:
    found = TORCH.builds(torch=torch, backend=backend, platform="linux-x86_64")
    assert [build.min_glibc for build in found] == [glibc]


def test_the_lts_release_lies_in_folders_of_its_own() -> None:
    found = TORCH.builds(torch="1.8.2", platform="linux-x86_64")
    assert {build.backend: build.index for build in found} == {
        backend: f"https://download.pytorch.org/whl/lts/1.8/{backend}" for backend in ("cpu", "cu102", "cu111")
    }
    assert all(build.inferred for build in found)


@pytest.mark.parametrize(
    ("os", "arch", "libc", "platform"),
    [
        ("linux", "x86_64", "glibc 2.36", "linux-x86_64"),
        ("linux", "aarch64", "glibc 2.36", "linux-aarch64"),
        ("linux", "x86_64", "musl 1.2", None),
        ("linux", "armv7l", "glibc 2.36", None),
        ("linux", "i686", "glibc 2.36", None),
        ("macos", "arm64", "", "macos-arm64"),
        ("macos", "x86_64", "", "macos-x86_64"),
        ("windows", "x86_64", "", "win-amd64"),
        ("freebsd", "x86_64", "", None),
    ],
)
def test_a_machine_has_one_wheel_platform_or_none(os: str, arch: str, libc: str, platform: str | None) -> None:
    assert platform_of(os, arch, libc) == platform


@pytest.mark.parametrize(
    ("archs", "capability", "runs"),
    [
        pytest.param(["sm_80"], "8.6", True, id="same major, higher minor"),
        pytest.param(["sm_86"], "8.0", False, id="same major, lower minor"),
        pytest.param(["sm_90"], "8.0", False, id="another major"),
        pytest.param(["compute_70"], "12.0", True, id="PTX compiles for newer"),
        pytest.param(["compute_90"], "8.0", False, id="PTX does not compile for older"),
        pytest.param(["sm_90a"], "9.0", True, id="architecture-specific code"),
        pytest.param(["sm_80"], "8.7", False, id="Jetson Orin runs no code of another minor"),
        pytest.param(["sm_87"], "8.7", True, id="Jetson Orin runs its own"),
        pytest.param([], "8.0", False, id="no code at all"),
    ],
)
def test_which_code_a_gpu_runs(archs: list[str], capability: str, runs: bool) -> None:
    assert runs_on(archs, capability) is runs


@pytest.mark.parametrize("name", ["NVIDIA GeForce RTX 4090", "GeForce RTX 4090", "nvidia geforce rtx 4090"])
def test_a_gpu_is_known_with_and_without_its_maker(name: str) -> None:
    assert MATRIX.gpus.compute_capability(name) == "8.9"


def test_error_codes_have_names() -> None:
    assert MATRIX.errors.cuda(802).name == "CUDA_ERROR_SYSTEM_NOT_READY"
    assert MATRIX.errors.nvml(18).name == "NVML_ERROR_LIB_RM_VERSION_MISMATCH"
    assert MATRIX.errors.cuda(123456).name == "CUDA error 123456"


def test_a_python_has_an_end_of_life() -> None:
    assert MATRIX.pythons.end_of_life("3.8") == "2024-10"
    assert MATRIX.pythons.end_of_life("2.7") is None
