"""Which of the GPUs that NVML lists is torch's, and what it says while it works."""

from collections.abc import Callable, Mapping

import pytest

from envkit.bench.load import LoadProbe, find_gpu
from envkit.snapshot import NvmlDevice
from tests.bench.recorded import H100, ceilings, start

PAIR = [NvmlDevice(index=0, name=H100, uuid="GPU-aa11"), NvmlDevice(index=1, name=H100, uuid="GPU-bb22")]
MIXED = [NvmlDevice(index=0, name="NVIDIA T400", uuid="GPU-cc33"), NvmlDevice(index=1, name=H100, uuid="GPU-dd44")]


@pytest.mark.parametrize(
    ("listed", "index", "variables", "found"),
    [
        pytest.param(PAIR, 1, {}, 1, id="all alike: the order is the same"),
        pytest.param(PAIR, 0, {"CUDA_VISIBLE_DEVICES": "1"}, 1, id="one of them visible, by number"),
        pytest.param(PAIR, 1, {"CUDA_VISIBLE_DEVICES": "GPU-bb22,GPU-aa11"}, 0, id="by UUID"),
        pytest.param(MIXED, 0, {}, 1, id="the fastest first: by name"),
        pytest.param(MIXED, 1, {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, 1, id="in the order of the bus"),
        pytest.param([PAIR[0], *MIXED, PAIR[1]], 0, {}, None, id="several of that name among others: not told"),
        pytest.param(PAIR, 5, {}, None, id="a number that is not there"),
    ],
)
def test_torch_s_gpu_is_found(
    listed: list[NvmlDevice], index: int, variables: Mapping[str, str], found: int | None
) -> None:
    gpu = find_gpu(listed, index, H100, variables)
    assert (gpu.index if gpu else None) == found


def test_the_driver_is_asked_when_the_first_speed_of_a_device_has_come(
    driver: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in driver(throttle=4, pcie="4x4", pcie_best="5x16", clock="1200/1980", nvml_devices=1).items():
        monkeypatch.setenv(name, value)
    probe = LoadProbe()
    probe.hear(start("cpu", "cuda:0"))
    probe.hear({"event": "check", "device": "cuda:0"})
    assert probe.answers() == {}
    for event in ceilings("cuda:0", 1e12, 5e13):
        probe.hear(event)
    gpu = probe.answers()["cuda:0"]
    assert (gpu.throttle, gpu.pcie_width, gpu.pcie_width_best) == (("sw-power-cap",), 4, 16)
    assert (gpu.clock, gpu.clock_best) == (1200, 1980)


def test_the_cpu_is_nothing_to_ask_a_driver_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envkit.bench.load.probe_nvml", lambda _: pytest.fail("asked"))
    probe = LoadProbe()
    for event in ceilings("cpu", 1e10, 1e11):
        probe.hear(event)
    assert probe.answers() == {}
