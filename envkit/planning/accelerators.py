"""The AMD and Intel GPUs that can be planned for, and why others cannot."""

from typing import NamedTuple

from envkit.matrix import Matrix
from envkit.planning.model import Reason
from envkit.planning.nvidia import Gpu, Lack, Missing, together
from envkit.snapshot import Host, PciGpu

_NAMES = {"amd": "AMD GPU", "intel": "Intel GPU"}
_BUILDS = {"amd": "rocm", "intel": "xpu"}


class Accelerators(NamedTuple):
    """What ROCm and XPU builds are held against."""

    gpus: tuple[Gpu, ...] = ()
    lacks: tuple[tuple[str, Lack], ...] = ()
    """By kind of build, why no GPU can be planned for."""
    reasons: tuple[Reason, ...] = ()
    """Which GPUs had to be left out, and why."""

    def lack(self, kind: str) -> Lack:
        """Return why no GPU of that kind can be planned for."""
        return dict(self.lacks).get(kind, Lack())


def read_accelerators(host: Host, matrix: Matrix) -> Accelerators:
    """Return the GPUs of which it is known what code they run."""
    if host.gpus is None:
        return Accelerators(lacks=tuple((kind, Lack("which GPUs there are is not known")) for kind in _BUILDS.values()))
    gpus: list[Gpu] = []
    reasons: list[Reason] = []
    lacks: dict[str, list[Lack]] = {kind: [] for kind in _BUILDS.values()}
    for device in host.gpus:
        if not device.vendor:
            reasons.append(Reason("gpu", f"{device.name or 'a GPU'} left out", "who makes it is not known"))
        if device.vendor not in _BUILDS:
            continue
        found = _read_amd(device, host, matrix) if device.vendor == "amd" else _read_intel(device, host, matrix)
        if isinstance(found, Gpu):
            gpus.append(found)
        else:
            lacks[_BUILDS[device.vendor]].append(found)
            reasons.append(Reason("gpu", f"{_name(device)} left out", found.why))
    of_nobody = any(not device.vendor for device in host.gpus)
    none = Missing.UNKNOWN if of_nobody else Missing.NONE
    told = {
        kind: together(lacks[kind]) if lacks[kind] else Lack(f"there is no {_NAMES[vendor]}", none)
        for vendor, kind in _BUILDS.items()
        if not any(gpu.kind == kind for gpu in gpus)
    }
    return Accelerators(tuple(gpus), tuple(told.items()), tuple(reasons))


def _read_amd(device: PciGpu, host: Host, matrix: Matrix) -> Gpu | Lack:
    name = _name(device)
    target = device.architecture or matrix.gpus.gfx_target(device.name or "", device.device_id)
    if host.wsl:
        why = "inside WSL the kernel has no driver for AMD GPUs, which PyTorch's ROCm builds need"
        return Lack(why, Missing.USELESS)
    if target is None:
        return Lack(f"what code {name} runs is not known")
    if device.kernel_driver not in (None, "amdgpu"):
        return Lack(f"its kernel driver is {device.kernel_driver or 'missing'}, and ROCm needs amdgpu")
    override = matrix.gpus.hsa_override(target)
    return Gpu(name, target, "rocm", _as_target(override) if override else "")


def _read_intel(device: PciGpu, host: Host, matrix: Matrix) -> Gpu | Lack:
    name = _name(device)
    generation = device.architecture or matrix.gpus.xpu_generation(device.name or "", device.device_id)
    if generation is None:
        return Lack(f"{name} is none of the Intel GPUs that torch's XPU builds are known to be for")
    systems = matrix.gpus.xpu_systems(generation)
    if systems and host.os not in systems:
        return Lack(f"{name} is supported on {' and '.join(map(str.title, systems))} only", Missing.USELESS)
    return Gpu(name, generation, "xpu")


def _name(device: PciGpu) -> str:
    return device.name or f"{_NAMES[device.vendor]} {device.device_id}".strip()


def _as_target(override: str) -> str:
    """Return the target that HSA_OVERRIDE_GFX_VERSION stands for: "10.3.0" gives "gfx1030"."""
    major, minor, stepping = override.split(".")
    return f"gfx{major}{minor}{int(stepping):x}"
