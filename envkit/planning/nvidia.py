"""The NVIDIA driver and GPUs that can be planned for, or why there are none."""

from typing import NamedTuple

from envkit import reading
from envkit.matrix import Matrix
from envkit.matrix.versions import numbers
from envkit.planning.model import Reason
from envkit.snapshot import Absent, CudaDriver, Nvml, NvmlDevice, Snapshot, Unknown


class Gpu(NamedTuple):
    """An NVIDIA GPU whose compute capability is known."""

    name: str
    capability: str

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
    if not nvml.driver_version:
        return Nvidia(None, no_gpu="the version of the NVIDIA driver is not known")
    if not nvml.devices:
        return Nvidia(nvml.driver_version, no_gpu="the NVIDIA driver sees no GPU")
    known = [(device, _capability(device, matrix)) for device in nvml.devices]
    gpus = tuple(Gpu(device.name or f"GPU {device.index}", capability) for device, capability in known if capability)
    return Nvidia(
        driver=nvml.driver_version,
        gpus=gpus,
        no_gpu="" if gpus else "the compute capability of no GPU is known",
        reasons=(
            *(_left_out(device) for device, capability in known if not capability),
            *_not_ready(snapshot.cuda, nvml.driver_version),
        ),
    )


def _not_ready(cuda: CudaDriver | Absent | Unknown, driver: str) -> tuple[Reason, ...]:
    """A plan may rest on what NVML says; that nothing runs before the driver is mended is said."""
    if isinstance(cuda, CudaDriver) and cuda.init_error == 0:
        return ()
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


def _left_out(device: NvmlDevice) -> Reason:
    because = f"the compute capability of {device.name or 'it'} is not known"
    if device.error:
        because = f"it does not answer the driver (NVML error {device.error})"
    return Reason("gpu", f"GPU {device.index} left out", because)
