"""NVML's answers through nvidia-ml-py, in a process of its own: run by path with envkit's interpreter.

    PYTHON nvml.py TOKEN FOLDER_OF_PYNVML

A stale or hostile libnvidia-ml may hang or crash whoever asks it, hence the separate process.
Every question stands alone: a driver that cannot answer one still answers the others.
"""

import ctypes
import json
import os
import sys

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

LIBRARY = "libnvidia-ml.so.1"
LIBRARY_NOT_FOUND, FUNCTION_NOT_FOUND = 12, 13
UNKNOWN_SIZE = 2**64 - 1  # NVML_VALUE_NOT_AVAILABLE: Windows keeps the memory of each process to itself
MOST_INSTANCES = 64
THROTTLES = (
    (0x04, "sw-power-cap"),
    (0x08, "hw-slowdown"),
    (0x20, "sw-thermal"),
    (0x40, "hw-thermal"),
    (0x80, "hw-power-brake"),
)  # nvmlClocksEventReasons in nvml.h
COMPUTE_MODES = {0: "default", 1: "exclusive-thread", 2: "prohibited", 3: "exclusive-process"}


def unloadable():
    # type: () -> dict[str, str]
    """Say why the library cannot be loaded, nothing if it can: cheaper than importing pynvml to hear it."""
    if sys.platform == "win32":
        return {}  # it lies in a folder that only pynvml knows
    try:
        ctypes.CDLL(LIBRARY)
    except OSError as error:
        return {"absent" if is_absence(error) else "failed": str(error)}
    return {}


def is_absence(error):
    # type: (OSError) -> bool
    """Whether the loader says that there is no such library; one that is there and broken says something else."""
    # The loader names what it misses: a library that LIBRARY needs is not LIBRARY.
    words = str(error).replace("Error loading shared library ", "").replace("cannot open shared object file: ", "")
    return words == LIBRARY + ": No such file or directory"


def facts():
    # type: () -> dict[str, Any]
    why = unloadable()
    if why:
        return why
    import pynvml

    # What nvidia-ml-py raises where the library of an older driver lacks a function; no NVMLError.
    mismatch = getattr(pynvml, "NVMLLibraryMismatchError", pynvml.NVMLError)

    def ask(function, *arguments):
        # type: (str, *Any) -> Any
        try:
            return getattr(pynvml, function)(*arguments)
        except (pynvml.NVMLError, mismatch, AttributeError, UnicodeDecodeError):
            return None

    error = initialise(pynvml)
    if error == LIBRARY_NOT_FOUND:
        return {"absent": "NVML library not found"}
    if error:
        return {"error": error}
    cuda = ask("nvmlSystemGetCudaDriverVersion_v2") or 0
    count = ask("nvmlDeviceGetCount")
    return {
        "error": 0,
        "driver_version": text(ask("nvmlSystemGetDriverVersion")),
        "cuda_version": "%d.%d" % (cuda // 1000, cuda % 1000 // 10) if cuda else None,
        "devices": None if count is None else [device(pynvml, ask, index) for index in range(min(count, 256))],
    }


def initialise(pynvml):
    # type: (Any) -> int
    """Return what NVML's initialisation answers."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        if error.value == FUNCTION_NOT_FOUND:
            # Drivers before 384 have no nvmlInitWithFlags, which nvidia-ml-py calls.
            return int(ctypes.CDLL(LIBRARY).nvmlInit_v2())
        return int(error.value)
    return 0


def device(pynvml, ask, index):
    # type: (Any, Any, int) -> dict[str, Any]
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    except pynvml.NVMLError as error:
        return {"index": index, "error": error.value}
    facts = {"index": index}  # type: dict[str, Any]
    for tell in (identity, health, clocks, link, usage):
        facts.update(tell(ask, handle))
    return facts


def identity(ask, handle):
    # type: (Any, Any) -> dict[str, Any]
    memory = ask("nvmlDeviceGetMemoryInfo", handle)
    capability = ask("nvmlDeviceGetCudaComputeCapability", handle)
    mig = ask("nvmlDeviceGetMigMode", handle)
    persistence = ask("nvmlDeviceGetPersistenceMode", handle)
    return {
        "name": text(ask("nvmlDeviceGetName", handle)),
        "uuid": text(ask("nvmlDeviceGetUUID", handle)),
        "compute_capability": "%d.%d" % tuple(capability) if capability else None,
        "memory_total": int(memory.total) if memory else None,
        "memory_used": int(memory.used) if memory else None,
        "compute_mode": COMPUTE_MODES.get(ask("nvmlDeviceGetComputeMode", handle)),
        "mig_enabled": bool(mig[0]) if mig else None,
        "mig_instances": mig_instances(ask, handle) if mig and mig[0] else None,
        "persistence": None if persistence is None else bool(persistence),
    }


def mig_instances(ask, handle):
    # type: (Any, Any) -> int | None
    """How many MIG devices are ready: their places may have gaps."""
    most = ask("nvmlDeviceGetMaxMigDeviceCount", handle)
    if most is None:
        return None
    places = range(min(most, MOST_INSTANCES))
    return sum(ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, place) is not None for place in places)


def health(ask, handle):
    # type: (Any, Any) -> dict[str, Any]
    """Errors of the memory, and what was done about them: rows from Ampere on, pages before."""
    uncorrected, volatile, aggregate, double_bit = 1, 0, 1, 1
    rows = ask("nvmlDeviceGetRemappedRows", handle)  # corrected, uncorrected, pending, failed
    pages = ask("nvmlDeviceGetRetiredPages", handle, double_bit)
    pending = ask("nvmlDeviceGetRetiredPagesPendingStatus", handle)
    if rows is not None:
        pending = rows[2]
    return {
        "ecc_uncorrected": ask("nvmlDeviceGetTotalEccErrors", handle, uncorrected, volatile),
        "ecc_lifetime": ask("nvmlDeviceGetTotalEccErrors", handle, uncorrected, aggregate),
        "remap_pending": None if pending is None else bool(pending),
        "remap_failed": None if rows is None else bool(rows[3]),
        "retired_pages": None if pages is None else len(pages),
    }


def clocks(ask, handle):
    # type: (Any, Any) -> dict[str, Any]
    mask = ask("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
    core, multiprocessors = 0, 1
    return {
        "clock": ask("nvmlDeviceGetClockInfo", handle, multiprocessors),
        "clock_best": ask("nvmlDeviceGetMaxClockInfo", handle, multiprocessors),
        "throttle": None if mask is None else [name for bit, name in THROTTLES if mask & bit],
        "performance_state": among(ask("nvmlDeviceGetPerformanceState", handle), 15),
        "temperature": among(ask("nvmlDeviceGetTemperature", handle, core), 150),
        "power_limit": ask("nvmlDeviceGetEnforcedPowerLimit", handle),
        "power_limit_default": ask("nvmlDeviceGetPowerManagementDefaultLimit", handle),
    }


def link(ask, handle):
    # type: (Any, Any) -> dict[str, Any]
    return {
        "pcie_generation": ask("nvmlDeviceGetCurrPcieLinkGeneration", handle),
        "pcie_generation_best": ask("nvmlDeviceGetMaxPcieLinkGeneration", handle),
        "pcie_width": ask("nvmlDeviceGetCurrPcieLinkWidth", handle),
        "pcie_width_best": ask("nvmlDeviceGetMaxPcieLinkWidth", handle),
    }


def usage(ask, handle):
    # type: (Any, Any) -> dict[str, Any]
    rates = ask("nvmlDeviceGetUtilizationRates", handle)
    running = ask("nvmlDeviceGetComputeRunningProcesses", handle)
    held = [process.usedGpuMemory for process in running or ()]
    known = [size for size in held if size is not None and size != UNKNOWN_SIZE]
    return {
        "utilization": int(rates.gpu) if rates else None,
        "processes": None if running is None else len(running),
        "processes_memory": sum(known) if running is not None and len(known) == len(held) else None,
    }


def among(value, most):
    # type: (int | None, int) -> int | None
    """A number, None where it is the driver's way to say that it does not know."""
    return value if value is not None and 0 <= value <= most else None


def text(value):
    # type: (Any) -> str | None
    """Text of an answer: nvidia-ml-py before 11.5 gives bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def main(token, folder):
    # type: (str, str) -> None
    sys.path.append(folder)
    channel = os.dup(1)
    os.dup2(2, 1)
    try:
        answer = facts()
    except Exception as error:
        answer = {"failed": "%s: %s" % (type(error).__name__, error)}
    frame = "\n%s %s\n" % (token, json.dumps(["nvml", answer], ensure_ascii=False))
    os.write(channel, frame.encode("utf-8", "replace"))
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
