"""Which devices there are and why others are not, told from stand-ins for torch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from envkit_smoke import devices


def fail(*_: Any) -> Any:
    raise RuntimeError("driver/library\nversion mismatch")


def cuda(count: int, **overrides: Any) -> SimpleNamespace:
    given = {
        "is_available": lambda: count > 0,
        "device_count": lambda: count,
        "get_device_name": lambda index: f"GPU {index}",
        "init": lambda: None,
    }
    return SimpleNamespace(**{**given, **overrides})


def torch(**overrides: Any) -> SimpleNamespace:
    given = {
        "__version__": "2.9.0+cu130",
        "version": SimpleNamespace(cuda="13.0", hip=None),
        "cuda": cuda(0),
        "backends": SimpleNamespace(),
    }
    return SimpleNamespace(**{**given, **overrides})


def mps(*, available: bool) -> SimpleNamespace:
    return SimpleNamespace(mps=SimpleNamespace(is_available=lambda: available, is_built=lambda: True))


def detected(fake: Any) -> list[str]:
    return devices.names(devices.detect(fake))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cpu", "cpu"),
        ("all", "all"),
        ("cuda", "cuda:0"),
        ("cuda:3", "cuda:3"),
        ("cuda:03", "cuda:3"),
        ("mps", "mps:0"),
        ("mps:0", "mps:0"),
        ("xpu", "xpu:0"),
        ("xpu:1", "xpu:1"),
    ],
)
def test_a_device_gets_its_full_name(text: str, name: str) -> None:
    assert devices.parse(text) == name


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "mps:1", "cpu:0", "CUDA", "cuda:1\n"])
def test_what_is_no_device_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no device"):
        devices.parse(text)


def test_the_cpu_is_always_there() -> None:
    assert detected(torch()) == ["cpu"]


def test_every_gpu_is_found_with_its_name() -> None:
    found = devices.detect(torch(cuda=cuda(2)))[1:]
    assert found == [devices.Device("cuda:0", "GPU 0"), devices.Device("cuda:1", "GPU 1")]


def test_apple_and_intel_gpus_are_found() -> None:
    assert detected(torch(backends=mps(available=True), xpu=cuda(1))) == ["cpu", "xpu:0", "mps:0"]


@pytest.mark.parametrize("broken", ["is_available", "device_count"])
def test_a_backend_that_raises_has_no_devices(broken: str) -> None:
    assert detected(torch(cuda=cuda(1, **{broken: fail}))) == ["cpu"]


def test_a_gpu_that_cannot_be_named_is_still_there() -> None:
    named = devices.detect(torch(cuda=cuda(1, get_device_name=fail)))[1]
    assert named == devices.Device("cuda:0", "unknown (RuntimeError)")


def test_a_torch_without_any_backend_has_the_cpu() -> None:
    assert detected(SimpleNamespace()) == ["cpu"]


@pytest.mark.parametrize(
    ("fake", "device", "reason"),
    [
        pytest.param(
            torch(version=SimpleNamespace(cuda=None), __version__="2.9.0+cpu"),
            "cuda:0",
            "this torch (2.9.0+cpu) was built without CUDA",
            id="cpu build",
        ),
        pytest.param(
            torch(cuda=cuda(0, init=fail)),
            "cuda:0",
            "driver/library version mismatch",
            id="torch's own words",
        ),
        pytest.param(torch(), "cuda:0", "torch finds no CUDA device", id="torch says nothing"),
        pytest.param(
            torch(version=SimpleNamespace(cuda=None, hip="6.2")),
            "cuda:0",
            "torch finds no CUDA device",
            id="rocm",
        ),
        pytest.param(torch(cuda=cuda(2)), "cuda:2", "torch sees 2 cuda devices, numbered from 0", id="index too high"),
        pytest.param(torch(), "mps:0", "this torch (2.9.0+cu130) was built without MPS", id="no mps in it"),
        pytest.param(
            torch(backends=mps(available=False)),
            "mps:0",
            "torch has MPS, but this system has no Apple GPU or a macOS too old for it",
            id="mps but no device",
        ),
        pytest.param(torch(), "xpu:0", "this torch (2.9.0+cu130) was built without XPU", id="no xpu in it"),
        pytest.param(
            torch(xpu=cuda(0), version=SimpleNamespace(xpu="20250101")),
            "xpu:0",
            "torch finds no XPU device",
            id="xpu but no device",
        ),
    ],
)
def test_why_a_device_is_unavailable(fake: Any, device: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        monkeypatch.delenv(variable, raising=False)
    assert devices.why_unavailable(fake, device) == reason


def test_a_variable_that_hides_gpus_is_mentioned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIP_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices.why_unavailable(torch(), "cuda:0").endswith(" (CUDA_VISIBLE_DEVICES is '')")


def test_waiting_for_a_gpu_waits_for_that_one() -> None:
    waited: list[Any] = []
    fake = torch(cuda=cuda(2, synchronize=waited.append))
    devices.synchroniser(fake, "cuda:1")()
    assert waited == ["cuda:1"]


def test_waiting_for_mps_takes_no_device() -> None:
    waited: list[str] = []
    fake = torch(mps=SimpleNamespace(synchronize=lambda: waited.append("mps")))
    devices.synchroniser(fake, "mps:0")()
    assert waited == ["mps"]


def test_waiting_for_mps_without_synchronize_copies_something_back() -> None:
    copied: list[str] = []
    tensor = SimpleNamespace(cpu=lambda: copied.append("copied"))
    devices.synchroniser(torch(zeros=lambda size, device: {"mps:0": tensor}[device]), "mps:0")()
    assert copied == ["copied"]


def test_the_cpu_needs_no_waiting() -> None:
    devices.synchroniser(SimpleNamespace(), "cpu")()


@pytest.mark.parametrize(
    ("cpuinfo", "name"),
    [
        pytest.param("processor\t: 0\nmodel name\t: A Fine CPU @ 2GHz \nflags\t: x\n", "A Fine CPU @ 2GHz", id="x86"),
        pytest.param("processor\t: 0\nBogoMIPS\t: 50.00\nCPU part\t: 0xd40\n", None, id="arm"),
        pytest.param("model name\t:\nmodel name\t: Second\n", "Second", id="empty"),
    ],
)
def test_processor_name_from_cpuinfo(cpuinfo: str, name: str | None) -> None:
    assert devices.model_name(cpuinfo) == name
