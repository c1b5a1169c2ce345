"""Faults of the NVIDIA driver and of GPUs, played by the compiled stand-ins for libcuda and NVML."""

import shutil

from envkit.matrix.data_files import read
from envkit.matrix.errors import NOT_A_FAULT
from tests.faults.fault import Fault
from tests.faults.in_torch import limit, torch
from tests.faults.place import Place

_ERRORS = read("errors.json", dict)


def cuda_build(place: Place, *, works: bool, error: str = "") -> None:
    """Install a CUDA build that finds two GPUs, or none."""
    torch(place, "2.13.0+cu126", cuda="12.6", available=works, devices=2 if works else 0, error=error)


def driver(*, works: bool = False, error: str = "", **answers: object) -> object:
    """Return what plants a CUDA build on a driver with these answers."""

    def plant(place: Place) -> None:
        cuda_build(place, works=works, error=error)
        place.driver(**answers)

    return plant


def _cpu_build(place: Place) -> None:
    torch(place)
    place.driver()


def _hidden(place: Place) -> None:
    cuda_build(place, works=False, error="No CUDA GPUs are available")
    place.driver()
    place.variables["CUDA_VISIBLE_DEVICES"] = "7"


def _no_code(place: Place) -> None:
    torch(place, "2.13.0+cu126", cuda="12.6", available=True, devices=2, archs="sm_90 sm_100")
    place.driver()


def _odd_library(name: str, content: bytes) -> object:
    def plant(place: Place) -> None:
        torch(place, "2.13.0+cu126", cuda="12.6")
        (place.tools / name).write_bytes(content)
        place.variables["LD_LIBRARY_PATH"] = str(place.tools)

    return plant


def _part(place: Place, library: str, *, works: bool) -> None:
    cuda_build(place, works=works)
    place.driver()
    shutil.copy(f"{place.drivers}/{library}", place.tools)
    place.variables["LD_LIBRARY_PATH"] = str(place.tools)


def _half(place: Place) -> None:
    _part(place, "libnvidia-ml.so.1", works=False)


def _other_half(place: Place) -> None:
    _part(place, "libcuda.so.1", works=True)


_ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\xfe\xfe" + bytes(2000)


def _slow(**answers: object) -> object:
    return lambda place: (driver(works=True, **answers)(place), limit(place, 2))


FAULTS = (
    Fault("control: two GPUs that work", driver(works=True), "healthy", 0, driver=True),
    Fault("control: a driver and no GPU", driver(cuinit=100, cuda_devices=0, nvml_devices=0), "gpu-absent", 0,
          driver=True),
    Fault("control: no GPU, and torch complains", driver(cuinit=100, cuda_devices=0, nvml_devices=0,
          error="No CUDA GPUs are available"), "gpu-absent", 0, driver=True),
    Fault("control: NVML's library is not there", driver(nvml=12, cuinit=100), "gpu-absent", 0, driver=True),
    Fault("a CPU build beside two GPUs", _cpu_build, "torch-cpu-build", driver=True),
    Fault("a driver that is too old", driver(driver="470.57.02", cuda_version=11040), "driver-too-old",
          says="525.60.13", driver=True),
    Fault("a variable hides the GPUs", _hidden, "gpu-hidden", says="'7'", driver=True),
    Fault("no code for the GPU", _no_code, "gpu-arch-unsupported", driver=True),
    Fault("NVML lists GPUs that CUDA does not find", driver(cuinit=100), "driver-init-failed", driver=True),
    Fault("torch alone fails", driver(error="CUDA unknown error - planted"), "driver-init-failed", says="planted",
          driver=True),
    Fault("libcuda hangs", _slow(cuinit="hang"), exit=4, says="timed out", driver=True),
    Fault("libcuda aborts", driver(works=True, cuinit="abort"), exit=4, says="SIGABRT", driver=True),
    Fault("NVML hangs", _slow(nvml="hang"), exit=4, says="timed out", driver=True),
    Fault("NVML aborts", driver(works=True, nvml="abort"), exit=4, says="SIGABRT", driver=True),
    Fault("libcuda is no library", _odd_library("libcuda.so.1", b"text\n"), exit=4, says="libcuda.so.1"),
    Fault("libcuda is empty", _odd_library("libcuda.so.1", b""), exit=4, says="libcuda.so.1"),
    Fault("libcuda is of another processor", _odd_library("libcuda.so.1", _ELF), exit=4, says="libcuda.so.1"),
    Fault("NVML is no library", _odd_library("libnvidia-ml.so.1", b"text\n"), exit=4, says="libnvidia-ml.so.1"),
    Fault("NVML alone", _half, "container-no-gpu", also="driver-missing", driver=True),
    Fault("control: libcuda alone", _other_half, "healthy", 0, driver=True),
    # -- GPUs -------------------------------------------------------------------------------------
    Fault("a GPU is lost", driver(works=True, handle=15), "gpu-lost", driver=True),
    Fault("a GPU needs a reset", driver(works=True, handle=16), "gpu-lost", driver=True),
    Fault("memory errors", driver(works=True, ecc=2), "gpu-memory-errors", driver=True),
    Fault("a row cannot be replaced", driver(works=True, remap="failed"), "gpu-memory-errors", driver=True),
    Fault("a row waits to be replaced", driver(works=True, remap="pending"), "gpu-memory-errors", 0, driver=True),
    Fault("too hot", driver(works=True, throttle="0x48"), "gpu-throttled", 0, driver=True),
    Fault("half the lanes", driver(works=True, pcie="4x8", pcie_best="4x16"), "pcie-degraded", 0, driver=True),
    Fault("others hold the memory", driver(works=True, memory="80000/81920", processes="79000"), "gpu-memory-full", 0,
          driver=True),
    Fault("MIG without instances", driver(mig=0, nvml_devices=1, cuda_devices=0), "gpu-mig", driver=True),
    Fault("closed to everybody", driver(mode=2, nvml_devices=1, cuda_devices=0), "gpu-exclusive", driver=True),
)  # fmt: skip

# -- every error ----------------------------------------------------------------------------------

_INIT_FAILED = "CUDA driver initialization failed, you might not have a CUDA gpu."
_NO_GPUS = "No CUDA GPUs are available"


def _pointed_to(entry: dict[str, str]) -> str:
    """The diagnosis of an error of start-up: what points to the program is here the driver's own failure."""
    return "driver-init-failed" if entry["diagnosis"] == NOT_A_FAULT else entry["diagnosis"]


def cuda_error(code: str, diagnosis: str) -> Fault:
    """Every error that cuInit may answer, as the table of errors has them."""
    plant = driver(cuinit=code, error=_INIT_FAILED)
    return Fault(f"cuInit answers {code}", plant, diagnosis, says=code, driver=True)


def nvml_error(code: str, diagnosis: str) -> Fault:
    """Every error that nvmlInit may answer, beside a CUDA that finds nothing."""
    plant = driver(nvml=code, cuinit=100, error=_NO_GPUS)
    fault = Fault(f"nvmlInit answers {code}", plant, diagnosis, says=f"{code} ", driver=True)
    if diagnosis == "gpu-absent":
        return fault._replace(exit=0, says="no device")
    # In a container it is how a control group shows that lost its devices.
    return fault._replace(also="device-permission") if code == "999" else fault


# What has tests of its own above; 12 is nvidia-ml-py's word for a library that is not there.
_NO_ERRORS = {"cuda": ("0", "100"), "nvml": ("0", "12")}

CUDA_ERRORS = tuple(
    cuda_error(code, _pointed_to(entry)) for code, entry in _ERRORS["cuda"].items() if code not in _NO_ERRORS["cuda"]
)
NVML_ERRORS = tuple(
    nvml_error(code, _pointed_to(entry)) for code, entry in _ERRORS["nvml"].items() if code not in _NO_ERRORS["nvml"]
)
