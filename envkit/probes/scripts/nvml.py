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

    def ask(function, *arguments):
        # type: (str, *Any) -> Any
        try:
            return getattr(pynvml, function)(*arguments)
        except (pynvml.NVMLError, AttributeError, UnicodeDecodeError):
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
    memory = ask("nvmlDeviceGetMemoryInfo", handle)
    capability = ask("nvmlDeviceGetCudaComputeCapability", handle)
    mig = ask("nvmlDeviceGetMigMode", handle)
    return {
        "index": index,
        "name": text(ask("nvmlDeviceGetName", handle)),
        "uuid": text(ask("nvmlDeviceGetUUID", handle)),
        "compute_capability": "%d.%d" % tuple(capability) if capability else None,
        "memory_total": int(memory.total) if memory else None,
        "memory_used": int(memory.used) if memory else None,
        "compute_mode": COMPUTE_MODES.get(ask("nvmlDeviceGetComputeMode", handle)),
        "mig_enabled": bool(mig[0]) if mig else None,
    }


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
