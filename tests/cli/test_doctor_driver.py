"""`envkit doctor` against stand-in libcuda and NVML, compiled here, through the command line."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Cli, site_of
from tests.standins.torch_package import install_torch

Driver = Callable[..., dict[str, str]]


@pytest.fixture
def cuda_target(bare_target: Path) -> Path:
    """A target with a stand-in CUDA build that works as far as the driver lets it."""
    install_torch(site_of(bare_target), "2.13.0+cu126", cuda="12.6", available=True, devices=2)
    return bare_target


def test_a_box_with_two_gpus_and_a_cuda_build_is_healthy(cli: Cli, driver: Driver, cuda_target: Path) -> None:
    run = cli("doctor", "--json", "--python", str(cuda_target), env=driver())
    assert run.code == 0, run.out
    assert run.codes == ["healthy"]
    snapshot = run.json["snapshot"]
    assert [device["compute_capability"] for device in snapshot["cuda"]["devices"]] == ["8.0", "8.0"]
    assert [device["device"] for device in snapshot["torch"]["devices"]] == ["cpu", "cuda:0", "cuda:1"]


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        pytest.param({"cuinit": 802}, "fabric-manager-down", id="802 fabric not ready"),
        pytest.param({"cuinit": 803}, "forward-compat-unsupported", id="803 driver mismatch"),
        pytest.param({"cuinit": 804}, "forward-compat-unsupported", id="804 compat not supported"),
        pytest.param({"cuinit": 999}, "driver-init-failed", id="999 unknown"),
        pytest.param({"cuinit": 3}, "driver-init-failed", id="3 not initialised"),
        pytest.param({"cuinit": 100}, "driver-init-failed", id="100 though NVML lists two"),
        pytest.param({"nvml": 18, "cuinit": 803}, "driver-library-mismatch", id="NVML 18 library mismatch"),
        pytest.param({"nvml": 18, "cuinit": 999}, "driver-library-mismatch", id="NVML 18 and 999"),
        pytest.param({"nvml": 9, "cuinit": 100}, "driver-not-loaded", id="NVML 9 not loaded"),
        pytest.param({"nvml": 9, "cuinit": 999}, "driver-not-loaded", id="NVML 9 and 999"),
    ],
)
def test_each_driver_fault_is_named_first(
    cli: Cli, driver: Driver, cuda_target: Path, answers: dict[str, object], code: str
) -> None:
    run = cli("doctor", "--json", "--python", str(cuda_target), env=driver(**answers))
    assert run.code == 1
    assert run.codes[0] == code
    assert run.json["findings"][0]["fix"]


def test_the_numeric_answer_of_cuinit_is_a_fact(cli: Cli, driver: Driver, bare_target: Path) -> None:
    run = cli("doctor", "--json", "--quick", "--python", str(bare_target), env=driver(cuinit=802))
    assert run.json["snapshot"]["cuda"]["init_error"] == 802
    finding = run.json["findings"][run.codes.index("fabric-manager-down")]
    assert any(fact["value"].startswith("802 ") for fact in finding["facts"])


def test_no_device_anywhere_is_gpu_absent_and_no_error(cli: Cli, driver: Driver, bare_target: Path) -> None:
    install_torch(site_of(bare_target), "2.13.0+cu126", cuda="12.6")
    run = cli(
        "doctor",
        "--json",
        "--python",
        str(bare_target),
        env=driver(cuinit=100, cuda_devices=0, nvml_devices=0),
    )
    assert run.codes == ["gpu-absent"]
    assert run.code == 0


@pytest.mark.parametrize("value", ["", "-1", "7", "none"])
def test_a_variable_that_hides_every_gpu_is_gpu_hidden(cli: Cli, driver: Driver, bare_target: Path, value: str) -> None:
    install_torch(site_of(bare_target), "2.13.0+cu126", cuda="12.6", error="No CUDA GPUs are available")
    env = {**driver(), "CUDA_VISIBLE_DEVICES": value}
    run = cli("doctor", "--json", "--python", str(bare_target), env=env)
    assert run.code == 1
    assert run.codes == ["gpu-hidden"]


def test_a_variable_that_hides_one_gpu_of_two_is_no_fault(cli: Cli, driver: Driver, cuda_target: Path) -> None:
    run = cli("doctor", "--json", "--python", str(cuda_target), env={**driver(), "CUDA_VISIBLE_DEVICES": "1"})
    assert run.codes == ["healthy"]


def test_a_cpu_build_beside_a_ready_gpu_is_torch_cpu_build(cli: Cli, driver: Driver, bare_target: Path) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None)
    run = cli("doctor", "--json", "--python", str(bare_target), env=driver())
    assert run.code == 1
    assert run.codes[0] == "torch-cpu-build"
    assert any("cu126" in command for command in run.json["findings"][0]["fix"]["commands"])


def test_a_driver_older_than_the_build_s_cuda_is_driver_too_old_and_a_build_that_it_runs_the_fix(
    cli: Cli, driver: Driver, bare_target: Path
) -> None:
    install_torch(
        site_of(bare_target), "2.13.0+cu126", cuda="12.6", error="The NVIDIA driver on your system is too old"
    )
    old = driver(version="470.57.02", cuda_version=11040)
    run = cli("doctor", "--json", "--python", str(bare_target), env=old)
    assert run.code == 1
    assert run.codes[0] == "driver-too-old"
    fix = run.json["findings"][0]["fix"]
    assert any("cu118" in command for command in fix["commands"])
    assert any("525.60.13" in step for step in fix["steps"])


def test_a_gpu_that_the_build_has_no_code_for_is_gpu_arch_unsupported(
    cli: Cli, driver: Driver, bare_target: Path
) -> None:
    install_torch(site_of(bare_target), "2.13.0+cu126", cuda="12.6", available=True, devices=2, archs="sm_90 sm_100")
    run = cli("doctor", "--json", "--python", str(bare_target), env=driver())
    assert run.codes[0] == "gpu-arch-unsupported"


def test_cuda_that_fails_only_inside_torch_is_told_with_its_words(cli: Cli, driver: Driver, bare_target: Path) -> None:
    install_torch(site_of(bare_target), "2.13.0+cu126", cuda="12.6", error="CUDA unknown error - planted")
    run = cli("doctor", "--json", "--python", str(bare_target), env=driver())
    assert run.codes[0] == "driver-init-failed"
    assert "planted" in run.json["findings"][0]["cause"]


@pytest.mark.parametrize("which", ["cuinit", "nvml"])
def test_a_driver_library_that_hangs_is_cut_off_and_incomplete(
    cli: Cli, driver: Driver, bare_target: Path, which: str
) -> None:
    install_torch(site_of(bare_target), "2.13.0+cu126", cuda="12.6", available=True, devices=2)
    began = time.monotonic()
    run = cli("doctor", "--json", "--timeout", "3", "--python", str(bare_target), env=driver(**{which: "hang"}))
    assert time.monotonic() - began < 10
    section = {"cuinit": "cuda", "nvml": "nvml"}[which]
    assert run.json["snapshot"][section]["outcome"] == "timed-out"
    assert run.code == 4


@pytest.mark.parametrize("which", ["cuinit", "nvml"])
def test_a_driver_library_that_aborts_takes_nothing_along(
    cli: Cli, driver: Driver, bare_target: Path, which: str
) -> None:
    run = cli("doctor", "--json", "--quick", "--python", str(bare_target), env=driver(**{which: "abort"}))
    section = {"cuinit": "cuda", "nvml": "nvml"}[which]
    assert run.json["snapshot"][section]["outcome"] == "crashed"
    assert "SIGABRT" in run.json["snapshot"][section]["why"]
    assert run.codes[0] == "torch-missing"


def test_cuda_11_8_and_12_1_are_stated_with_the_driver_and_the_releases(
    cli: Cli, driver: Driver, bare_target: Path
) -> None:
    old = driver(version="470.57.02", cuda_version=11040)
    run = cli("doctor", "--json", "--quick", "--python", str(bare_target), env=old)
    stated = {entry["cuda"]: entry for entry in run.json["cuda"]}
    assert stated["11.8"]["driver_runs_it"] is True
    assert stated["12.1"]["driver_runs_it"] is False
    assert "525.60.13" in stated["12.1"]["why"]
    assert stated["11.8"]["torch_releases"][-1] == "2.7.1"
    assert stated["12.1"]["torch_releases"][-1] == "2.5.1"


def test_a_libcuda_without_cuinit_is_not_said_to_have_answered(cli: Cli, bare_target: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.c").write_text("int nothing(void) { return 0; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libcuda.so.1", tmp_path / "odd.c"], check=True)
    env = {"LD_LIBRARY_PATH": str(tmp_path)}
    run = cli("doctor", "--json", "--quick", "--python", str(bare_target), env=env)
    assert "no cuInit" in run.json["snapshot"]["cuda"]["why"]


def test_nvml_before_driver_384_is_initialised_the_old_way(cli: Cli, bare_target: Path, tmp_path: Path) -> None:
    (tmp_path / "old.c").write_text("int nvmlInit_v2(void) { return 9; }\n")
    library = tmp_path / "libnvidia-ml.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "old.c"], check=True)
    env = {"LD_LIBRARY_PATH": str(tmp_path)}
    run = cli("doctor", "--json", "--quick", "--python", str(bare_target), env=env)
    assert "driver-not-loaded" in run.codes
