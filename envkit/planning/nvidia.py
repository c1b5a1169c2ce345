"""The NVIDIA driver and GPUs that can be planned for, or why there are none."""

import re
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from envkit import reading
from envkit.matrix import Matrix
from envkit.matrix.gpus import JETSON
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

    @property
    def is_jetson(self) -> bool:
        """Whether it is part of a Jetson board, which runs machine code of exactly its own capability."""
        return self.kind == "cuda" and numbers(self.capability) in JETSON

    def __str__(self) -> str:
        return f"{self.name} ({self.capability})"


class Missing(Enum):
    """What is known where no GPU of a kind can be planned for."""

    UNKNOWN = "unknown"
    """There may be one."""
    NONE = "none"
    """The machine has none."""
    USELESS = "useless"
    """It has some, and none of them can run any such build."""


class Lack(NamedTuple):
    """Why no GPU of a kind can be planned for; `why` is "" when one can."""

    why: str = ""
    what: Missing = Missing.UNKNOWN


class Nvidia(NamedTuple):
    """What a CUDA build is held against."""

    driver: str | None
    """Version of a driver that works, None when there is none to ask."""
    gpus: tuple[Gpu, ...] = ()
    lack: Lack = Lack()
    """Why no GPU, or none with a driver, can be planned for."""
    reasons: tuple[Reason, ...] = ()
    """Which GPUs had to be left out, and why."""


def read_nvidia(snapshot: Snapshot, matrix: Matrix) -> Nvidia:
    """Return what the driver says that a plan can rest on; nothing that it does not say is guessed."""
    nvml, cuda = snapshot.nvml, snapshot.cuda
    if not isinstance(nvml, Nvml):
        if isinstance(cuda, CudaDriver) and cuda.init_error == 0 and cuda.devices:
            return _read_libcuda(cuda, reading.driver_version(snapshot), matrix)
        kind = "there is no NVIDIA driver" if isinstance(nvml, Absent) else "the NVIDIA driver could not be asked"
        return Nvidia(None, lack=Lack(f"{kind}: {nvml.why}", _none_or_unknown(snapshot)))
    if nvml.error:
        what = matrix.errors.nvml(nvml.error)
        return Nvidia(None, lack=Lack(f"the NVIDIA driver does not work: {what.name} ({nvml.error}), {what.meaning}"))
    driver = plain_driver(nvml.driver_version) if nvml.driver_version else None
    reasons = _not_ready(cuda, driver)
    if nvml.devices == ():
        lack = Lack("the NVIDIA driver sees no GPU", _none_or_unknown(snapshot))
        return Nvidia(driver, lack=lack, reasons=reasons)
    return _read_devices(nvml, driver, reasons, matrix)


def _none_or_unknown(snapshot: Snapshot) -> Missing:
    """Say whether the machine is known to have no GPU of NVIDIA's."""
    host = reading.host(snapshot)
    of_nobody = any(not gpu.vendor for gpu in (host.gpus if host else None) or ())
    return Missing.NONE if reading.nvidia_gpus(snapshot) == () and not of_nobody else Missing.UNKNOWN


def _read_devices(nvml: Nvml, driver: str | None, reasons: tuple[Reason, ...], matrix: Matrix) -> Nvidia:
    least = matrix.cuda.least_capability(driver) if driver else None
    gpus: list[Gpu] = []
    lacks: list[Lack] = []
    left_out: list[Reason] = []
    for device in nvml.devices or ():
        capability = _capability(device, matrix)
        lack = _why_left_out(device, capability, driver, least)
        if capability and not lack.why:
            gpus.append(Gpu(device.name or f"GPU {device.index}", capability))
        else:
            lacks.append(lack)
            left_out.append(Reason("gpu", f"GPU {device.index} left out", lack.why))
    alone = _BRANCH_ALONE.fullmatch(driver or "")
    if alone and any(gpu.is_jetson for gpu in gpus):
        driver = alone[1]
    return Nvidia(driver, tuple(gpus), _lack(nvml, driver, gpus, lacks), (*left_out, *reasons))


def _lack(nvml: Nvml, driver: str | None, gpus: list[Gpu], lacks: list[Lack]) -> Lack:
    if driver is None:
        return Lack("the version of the NVIDIA driver is not known")
    if nvml.devices is None:
        return Lack("which GPUs the NVIDIA driver sees is not known")
    return Lack() if gpus else together(lacks)


def together(lacks: Iterable[Lack]) -> Lack:
    """Return why none of several GPUs can be planned for; all of them must be useless for that to be known."""
    lacks = tuple(lacks)
    useless = all(lack.what is Missing.USELESS for lack in lacks)
    why = "; ".join(dict.fromkeys(lack.why for lack in lacks))
    return Lack(why, Missing.USELESS if useless else Missing.UNKNOWN)


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
        return Nvidia(None, gpus, Lack("the version of the NVIDIA driver is not known"))
    because = f"NVML is not there; libcuda runs CUDA {cuda.cuda_version}"
    return Nvidia(
        driver=driver,
        gpus=gpus,
        lack=Lack() if gpus else Lack("the compute capability of no GPU is known"),
        reasons=(Reason("driver", driver if version else f"at least {driver}", because),),
    )


def _capability(device: NvmlDevice, matrix: Matrix) -> str | None:
    if device.error:
        return None
    found = device.compute_capability or (matrix.gpus.compute_capability(device.name) if device.name else None)
    return found if found and len(numbers(found)) == 2 else None


def _why_left_out(device: NvmlDevice, capability: str | None, driver: str | None, least: str | None) -> Lack:
    if device.error:
        return Lack(f"it does not answer the driver (NVML error {device.error})")
    if capability is None:
        return Lack(f"the compute capability of {device.name or 'it'} is not known")
    if least and numbers(capability) < numbers(least):
        told = f"driver {driver} drives GPUs from compute capability {least} on, and {device.name} has {capability}"
        return Lack(told, Missing.USELESS)
    return Lack()


# Jetson's drivers are told as a branch with nothing after it, "580.00", whichever release of it they are.
_BRANCH_ALONE = re.compile(r"(\d+)(?:\.0+)+")
_WINDOWS_FILE = re.compile(r"\d+\.\d+\.\d*(\d)\.(\d\d)(\d\d)")


def plain_driver(version: str) -> str:
    """Return a driver's version as NVIDIA counts: that of the file on Windows, "31.0.15.3623", holds 536.23."""
    numbered = _WINDOWS_FILE.fullmatch(version)
    return f"{numbered[1]}{numbered[2]}.{numbered[3]}" if numbered else version
