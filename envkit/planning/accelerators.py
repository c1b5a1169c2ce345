"""The AMD and Intel GPUs that can be planned for, and why others cannot."""

from typing import NamedTuple

from envkit.matrix import Matrix
from envkit.planning.model import Reason
from envkit.planning.nvidia import Gpu
from envkit.snapshot import Host, PciGpu

_NAMES = {"amd": "AMD GPU", "intel": "Intel GPU"}
_BUILDS = {"amd": "rocm", "intel": "xpu"}
_WINDOWS_HAS_NOT = "Ponte Vecchio"


class Accelerators(NamedTuple):
    """What ROCm and XPU builds are held against."""

    gpus: tuple[Gpu, ...] = ()
    no_gpu: tuple[tuple[str, str], ...] = ()
    """Why no GPU of a kind can be planned for."""
    reasons: tuple[Reason, ...] = ()
    """Which GPUs had to be left out, and why."""

    def why_none(self, kind: str) -> str:
        """Return why no GPU of that kind can be planned for."""
        return dict(self.no_gpu).get(kind, "")


def read_accelerators(host: Host, matrix: Matrix) -> Accelerators:
    """Return the GPUs of which it is known what code they run."""
    if host.gpus is None:
        return Accelerators(no_gpu=tuple((kind, "which GPUs there are is not known") for kind in _BUILDS.values()))
    gpus: list[Gpu] = []
    reasons: list[Reason] = []
    no_gpu = {"rocm": "there is no AMD GPU", "xpu": "there is no Intel GPU"}
    for device in host.gpus:
        if device.vendor not in _BUILDS:
            if not device.vendor:
                reasons.append(Reason("gpu", f"{device.name or 'a GPU'} left out", "who makes it is not known"))
            continue
        gpu, why = _read_amd(device, host, matrix) if device.vendor == "amd" else _read_intel(device, host, matrix)
        if gpu and not why:
            gpus.append(gpu)
            continue
        no_gpu[_BUILDS[device.vendor]] = why
        reasons.append(Reason("gpu", f"{_name(device)} left out", why))
    return Accelerators(tuple(gpus), tuple(no_gpu.items()), tuple(reasons))


def _read_amd(device: PciGpu, host: Host, matrix: Matrix) -> tuple[Gpu | None, str]:
    name = _name(device)
    target = device.architecture or matrix.gpus.gfx_target(device.name or "", device.device_id)
    if target is None:
        return None, f"what code {name} runs is not known"
    if host.wsl:
        return None, "inside WSL the kernel has no driver for AMD GPUs, which PyTorch's ROCm builds need"
    if device.kernel_driver not in (None, "amdgpu"):
        return None, f"its kernel driver is {device.kernel_driver or 'missing'}, and ROCm needs amdgpu"
    override = matrix.gpus.hsa_override(target)
    return Gpu(name, target, "rocm", _as_target(override) if override else ""), ""


def _read_intel(device: PciGpu, host: Host, matrix: Matrix) -> tuple[Gpu | None, str]:
    name = _name(device)
    generation = device.architecture or matrix.gpus.xpu_generation(device.name or "", device.device_id)
    if generation is None:
        return None, f"{name} is none of the Intel GPUs that torch's XPU builds are known to be for"
    if host.os == "windows" and generation == _WINDOWS_HAS_NOT:
        return None, f"{name} is supported on Linux only"
    return Gpu(name, generation, "xpu"), ""


def _name(device: PciGpu) -> str:
    return device.name or f"{_NAMES[device.vendor]} {device.device_id}".strip()


def _as_target(override: str) -> str:
    """Return the target that HSA_OVERRIDE_GFX_VERSION stands for: "10.3.0" gives "gfx1030"."""
    major, minor, stepping = override.split(".")
    return f"gfx{major}{minor}{int(stepping):x}"
