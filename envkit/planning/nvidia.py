"""The NVIDIA driver and GPUs that can be planned for, or why there are none."""

import re
from typing import NamedTuple

from envkit import reading
from envkit.matrix import Matrix
from envkit.matrix.versions import numbers
from envkit.planning.model import Reason
from envkit.snapshot import Absent, CudaDriver, Nvml, NvmlDevice, ProbeOutcome, Snapshot, Unknown


class Gpu(NamedTuple):
    """A GPU of which it is known what code it runs."""

    name: str
    capability: str
    """The compute capability of an NVIDIA GPU, "8.6"; the code target of an AMD GPU, "gfx1100"; the
    generation of an Intel GPU."""
    kind: str = "cuda"
    """The kind of build that is for it: "cuda", "rocm", "xpu"."""
    stands_in: str = ""
    """Another target whose code such an AMD GPU was seen to run when it is told to."""

    def __str__(self) -> str:
        return f"{self.name} ({self.capability})"


class Nvidia(NamedTuple):
    """What a CUDA build is held against."""

    driver: str | None
    """Version of a driver that works, None when there is none to ask."""
    gpus: tuple[Gpu, ...] = ()
    no_gpu: str = ""
    """Why no GPU can be planned for; "" when there is one."""
    reasons: tuple[Reason, ...] = ()
    """Which GPUs had to be left out, and why."""


def read_nvidia(snapshot: Snapshot, matrix: Matrix) -> Nvidia:
    """Return what the driver says that a plan can rest on; nothing that it does not say is guessed."""
    nvml, cuda = snapshot.nvml, snapshot.cuda
    if not isinstance(nvml, Nvml):
        if isinstance(cuda, CudaDriver) and cuda.init_error == 0 and cuda.devices:
            return _read_libcuda(cuda, reading.driver_version(snapshot), matrix)
        kind = "there is no NVIDIA driver" if isinstance(nvml, Absent) else "the NVIDIA driver could not be asked"
        return Nvidia(None, no_gpu=f"{kind}: {nvml.why}")
    if nvml.error:
        what = matrix.errors.nvml(nvml.error)
        return Nvidia(None, no_gpu=f"the NVIDIA driver does not work: {what.name} ({nvml.error}), {what.meaning}")
    driver = plain_driver(nvml.driver_version) if nvml.driver_version else None
    return _read_devices(nvml, driver, _not_ready(cuda, driver), matrix)


def _read_devices(nvml: Nvml, driver: str | None, reasons: tuple[Reason, ...], matrix: Matrix) -> Nvidia:
    least = matrix.cuda.least_capability(driver) if driver else None
    gpus: list[Gpu] = []
    left_out: list[Reason] = []
    for device in nvml.devices or ():
        capability = _capability(device, matrix)
        why = _why_left_out(device, capability, driver, least)
        if capability and not why:
            gpus.append(Gpu(device.name or f"GPU {device.index}", capability))
        else:
            left_out.append(Reason("gpu", f"GPU {device.index} left out", why))
    return Nvidia(driver, tuple(gpus), _no_gpu(nvml, driver, gpus, left_out), (*left_out, *reasons))


def _no_gpu(nvml: Nvml, driver: str | None, gpus: list[Gpu], left_out: list[Reason]) -> str:
    if nvml.devices == ():
        return "the NVIDIA driver sees no GPU"
    if driver is None:
        return "the version of the NVIDIA driver is not known"
    if nvml.devices is None:
        return "which GPUs the NVIDIA driver sees is not known"
    return "" if gpus else "; ".join(dict.fromkeys(reason.because for reason in left_out))


def _not_ready(cuda: CudaDriver | Absent | Unknown, driver: str | None) -> tuple[Reason, ...]:
    """A plan may rest on what NVML says; that nothing runs before the driver is mended is said."""
    if driver is None or (isinstance(cuda, CudaDriver) and cuda.init_error == 0):
        return ()
    if isinstance(cuda, Unknown) and cuda.outcome is ProbeOutcome.SKIPPED:
        return ()  # nobody asked
    why = f"cuInit answers {cuda.init_error}" if isinstance(cuda, CudaDriver) else cuda.why
    return (Reason("driver", driver, f"not ready for use yet: {why}; `envkit doctor` says more"),)


def _read_libcuda(cuda: CudaDriver, version: str | None, matrix: Matrix) -> Nvidia:
    """What libcuda tells where NVML is not there: the driver is at least the one of the CUDA that it reports."""
    driver = version or (matrix.cuda.own_driver(cuda.cuda_version) if cuda.cuda_version else None)
    gpus = tuple(
        Gpu(device.name or f"GPU {device.index}", device.compute_capability)
        for device in cuda.devices or ()
        if device.compute_capability
    )
    if driver is None:
        return Nvidia(None, no_gpu="the version of the NVIDIA driver is not known")
    because = f"NVML is not there; libcuda runs CUDA {cuda.cuda_version}"
    return Nvidia(
        driver=driver,
        gpus=gpus,
        no_gpu="" if gpus else "the compute capability of no GPU is known",
        reasons=(Reason("driver", driver if version else f"at least {driver}", because),),
    )


def _capability(device: NvmlDevice, matrix: Matrix) -> str | None:
    if device.error:
        return None
    found = device.compute_capability or (matrix.gpus.compute_capability(device.name) if device.name else None)
    return found if found and len(numbers(found)) == 2 else None


def _why_left_out(device: NvmlDevice, capability: str | None, driver: str | None, least: str | None) -> str:
    if device.error:
        return f"it does not answer the driver (NVML error {device.error})"
    if capability is None:
        return f"the compute capability of {device.name or 'it'} is not known"
    if least and numbers(capability) < numbers(least):
        return f"driver {driver} drives GPUs from compute capability {least} on, and {device.name} has {capability}"
    return ""


_WINDOWS_FILE = re.compile(r"\d+\.\d+\.\d*(\d)\.(\d\d)(\d\d)")


def plain_driver(version: str) -> str:
    """Return a driver's version as NVIDIA counts: that of the file on Windows, "31.0.15.3623", holds 536.23."""
    numbered = _WINDOWS_FILE.fullmatch(version)
    return f"{numbered[1]}{numbered[2]}.{numbered[3]}" if numbered else version
