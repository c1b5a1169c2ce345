"""What libcuda answers, in a process of its own: run by path with envkit's interpreter.

    PYTHON cuda.py TOKEN

A stale or hostile libcuda may hang or crash whoever asks it, hence the separate process. It is asked
with the user's environment variables, as torch would ask it.
"""

import ctypes
import json
import os
import sys

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
ERROR_MOD_NOT_FOUND = 126  # winerror.h


def facts():
    # type: () -> dict[str, Any]
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        return {"absent" if is_absence(error) else "failed": str(error)}
    call = Caller(library)
    init_error = call("cuInit", 0)
    if init_error is None:
        return {"failed": "%s has no cuInit: it is not NVIDIA's library" % (loaded_file("libcuda.so") or "libcuda")}
    version = ctypes.c_int(0)
    told = call("cuDriverGetVersion", ctypes.byref(version)) == 0 and version.value > 0
    return {
        "init_error": init_error,
        "library": loaded_file("libcuda.so"),
        "cuda_version": "%d.%d" % (version.value // 1000, version.value % 1000 // 10) if told else None,
        "devices": devices(call) if init_error == 0 else None,
    }


def is_absence(error):
    # type: (OSError) -> bool
    """Whether the loader says that there is no such library; one that is there and broken says something else."""
    if sys.platform == "win32":
        return isinstance(error, FileNotFoundError) or getattr(error, "winerror", 0) == ERROR_MOD_NOT_FOUND
    # The loader names what it misses: a library that LIBRARY needs is not LIBRARY.
    words = str(error).replace("Error loading shared library ", "").replace("cannot open shared object file: ", "")
    return words == LIBRARY + ": No such file or directory"


class Caller(object):
    """Calls functions of a C library; a function that the library lacks returns None."""

    def __init__(self, library):
        # type: (Any) -> None
        self.library = library

    def __call__(self, function, *arguments):
        # type: (str, *Any) -> int | None
        try:
            entry = getattr(self.library, function)
        except AttributeError:
            return None
        entry.restype = ctypes.c_int
        return int(entry(*arguments))


CAPABILITY_MAJOR, CAPABILITY_MINOR = 75, 76  # CUdevice_attribute in cuda.h


def devices(call):
    # type: (Caller) -> list[dict[str, Any]] | None
    count = ctypes.c_int(0)
    if call("cuDeviceGetCount", ctypes.byref(count)) != 0:
        return None
    return [device_facts(call, index) for index in range(min(count.value, 256))]


def device_facts(call, index):
    # type: (Caller, int) -> dict[str, Any]
    device = ctypes.c_int(0)
    facts = {"index": index}  # type: dict[str, Any]
    if call("cuDeviceGet", ctypes.byref(device), index) != 0:
        return facts
    name = ctypes.create_string_buffer(256)
    if call("cuDeviceGetName", name, 256, device) == 0:
        facts["name"] = name.value.decode("utf-8", "replace")
    numbers = []
    for attribute in (CAPABILITY_MAJOR, CAPABILITY_MINOR):
        number = ctypes.c_int(0)
        if call("cuDeviceGetAttribute", ctypes.byref(number), attribute, device) == 0:
            numbers.append(number.value)
    if len(numbers) == 2:
        facts["compute_capability"] = "%d.%d" % tuple(numbers)
    total = ctypes.c_size_t(0)
    if call("cuDeviceTotalMem_v2", ctypes.byref(total), device) == 0:
        facts["memory_total"] = total.value
    return facts


def loaded_file(name):
    # type: (str) -> str | None
    """The file that the loader really took for a library, from this process's memory map."""
    try:
        with open("/proc/self/maps", "rb") as file:
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if "/" in line and os.path.basename(line).startswith(name):
            return line[line.index("/") :]
    return None


def main(token):
    # type: (str) -> None
    channel = os.dup(1)
    os.dup2(2, 1)
    try:
        answer = facts()
    except Exception as error:
        answer = {"failed": "%s: %s" % (type(error).__name__, error)}
    frame = "\n%s %s\n" % (token, json.dumps(["cuda", answer], ensure_ascii=False))
    os.write(channel, frame.encode("utf-8", "replace"))
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
