"""`envkit doctor` on GPUs that are not sound or not free, played by the stand-in NVML, through the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Cli, site_of
from tests.standins.torch_package import install_torch

Driver = Callable[..., dict[str, str]]


@pytest.fixture
def cuda_target(bare_target: Path) -> Path:
    """A target with a stand-in CUDA build that works on two GPUs."""
    install_torch(site_of(bare_target), "2.13.0+cu126", cuda="12.6", available=True, devices=2)
    return bare_target


@pytest.mark.parametrize(
    ("answers", "code", "severity"),
    [
        pytest.param({"handle": 15}, "gpu-lost", "error", id="a handle is refused: lost"),
        pytest.param({"handle": 16}, "gpu-lost", "error", id="a handle is refused: reset"),
        pytest.param({"ecc": 2}, "gpu-memory-errors", "error", id="uncorrected errors"),
        pytest.param({"remap": "failed"}, "gpu-memory-errors", "error", id="a row cannot be replaced"),
        pytest.param({"remap": "pending"}, "gpu-memory-errors", "warning", id="a row waits to be replaced"),
        pytest.param({"throttle": "0x48"}, "gpu-throttled", "warning", id="too hot"),
        pytest.param({"temperature": 95}, "gpu-throttled", "warning", id="95 degrees"),
        pytest.param({"pcie": "4x8", "pcie_best": "4x16"}, "pcie-degraded", "warning", id="half the lanes"),
        pytest.param(
            {"pcie": "1x16", "pcie_best": "4x16", "pstate": 0, "utilization": 90},
            "pcie-degraded",
            "warning",
            id="slow though at work",
        ),
        pytest.param(
            {"memory": "80000/81920", "processes": "79000"}, "gpu-memory-full", "warning", id="others hold the memory"
        ),
    ],
)
def test_a_gpu_that_is_not_sound_is_named_first(
    cli: Cli, driver: Driver, cuda_target: Path, answers: dict[str, object], code: str, severity: str
) -> None:
    run = cli("doctor", "--json", "--python", str(cuda_target), env=driver(**answers))
    first = run.json["findings"][0]
    assert (first["code"], first["severity"]) == (code, severity)
    assert run.code == (1 if severity == "error" else 0)
    assert first["fix"]


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({"ecc": 0, "ecc_lifetime": 9, "retired": 3}, id="old errors that were dealt with"),
        pytest.param({"remap": "none"}, id="no row replaced"),
        pytest.param({"throttle": "0x4", "utilization": 100, "pstate": 0}, id="at its power limit, as it should be"),
        pytest.param({"pcie": "1x16", "pcie_best": "4x16", "pstate": 8, "utilization": 0}, id="a slow link at rest"),
        pytest.param({"memory": "20000/81920", "processes": "19000", "utilization": 80}, id="shared and busy"),
        pytest.param({"mode": 3, "persistence": 1}, id="exclusive, and nobody else there"),
    ],
)
def test_a_sound_gpu_is_healthy(cli: Cli, driver: Driver, cuda_target: Path, answers: dict[str, object]) -> None:
    run = cli("doctor", "--json", "--python", str(cuda_target), env=driver(**answers))
    assert run.codes == ["healthy"], run.out


def test_mig_without_instances_is_gpu_mig(cli: Cli, driver: Driver, bare_target: Path) -> None:
    install_torch(site_of(bare_target), "2.13.0+cu126", cuda="12.6", error="No CUDA GPUs are available")
    env = driver(mig=0, nvml_devices=1, cuda_devices=0)
    run = cli("doctor", "--json", "--python", str(bare_target), env=env)
    assert run.codes[0] == "gpu-mig"
    assert run.json["snapshot"]["nvml"]["devices"][0]["mig_instances"] == 0


def test_a_gpu_that_is_closed_to_everybody_is_gpu_exclusive(cli: Cli, driver: Driver, bare_target: Path) -> None:
    install_torch(
        site_of(bare_target), "2.13.0+cu126", cuda="12.6", error="all CUDA-capable devices are busy or unavailable"
    )
    env = driver(mode=2, nvml_devices=1, cuda_devices=0)
    run = cli("doctor", "--json", "--python", str(bare_target), env=env)
    assert run.codes[0] == "gpu-exclusive"


def test_all_that_nvml_tells_of_a_gpu_is_in_the_snapshot(cli: Cli, driver: Driver, bare_target: Path) -> None:
    env = driver(
        ecc=1,
        ecc_lifetime=2,
        remap="pending",
        retired=3,
        throttle="0x48",
        pstate=2,
        temperature=80,
        utilization=50,
        power=100_000,
        power_default=400_000,
        pcie="3x8",
        pcie_best="4x16",
        mode=3,
        persistence=1,
        memory="1024/81920",
        processes="100,200",
        mig=2,
    )
    run = cli("doctor", "--json", "--quick", "--python", str(bare_target), env=env)
    told, silent = run.json["snapshot"]["nvml"]["devices"]
    expected = {
        "ecc_uncorrected": 1,
        "ecc_lifetime": 2,
        "remap_pending": True,
        "remap_failed": False,
        "retired_pages": 3,
        "throttle": ["hw-slowdown", "hw-thermal"],
        "performance_state": 2,
        "temperature": 80,
        "utilization": 50,
        "power_limit": 100_000,
        "power_limit_default": 400_000,
        "pcie_generation": 3,
        "pcie_generation_best": 4,
        "pcie_width": 8,
        "pcie_width_best": 16,
        "compute_mode": "exclusive-process",
        "persistence": True,
        "memory_used": 2**30,
        "processes": 2,
        "processes_memory": 300 * 2**20,
        "mig_enabled": True,
        "mig_instances": 2,
    }
    assert {field: told[field] for field in expected} == expected
    assert all(silent[field] is None for field in expected)
