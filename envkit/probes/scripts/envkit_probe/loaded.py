"""The files of code that are in this process, as the system itself tells; None where it does not."""

import os
import re
import sys

from envkit_probe.files import read_text

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

MOST = 4096
LONGEST = 32768  # letters of a path on Windows


def loaded_files():
    # type: () -> list[str] | None
    try:
        if sys.platform == "darwin":
            import ctypes

            return of_dyld(ctypes.CDLL(None))
        if sys.platform == "win32":
            import ctypes

            return of_windows(ctypes.WinDLL("kernel32"))
        return of_maps(read_text("/proc/self/maps"))
    except Exception:  # a Python without ctypes, a system that has other functions
        return None


def of_maps(maps):
    # type: (str | None) -> list[str] | None
    """From the map of a process on Linux, proc(5)."""
    return None if maps is None else sorted(set(re.findall(r" (/\S.*\.so[.\d]*)$", maps, re.MULTILINE)))


def of_dyld(system):
    # type: (Any) -> list[str]
    """From macOS' loader: <mach-o/dyld.h>, dyld(3)."""
    import ctypes

    count, name = system._dyld_image_count, system._dyld_get_image_name
    count.restype = ctypes.c_uint32
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.c_uint32]
    # One that was unloaded meanwhile has no name.
    return sorted(set(os.fsdecode(told) for told in map(name, range(count())) if told))


def of_windows(kernel):
    # type: (Any) -> list[str] | None
    """From Windows: EnumProcessModules in psapi.h, which lies in kernel32 from Windows 7 on, and GetModuleFileNameW."""
    import ctypes

    current, modules_of, file_of = kernel.GetCurrentProcess, kernel.K32EnumProcessModules, kernel.GetModuleFileNameW
    current.restype = ctypes.c_void_p
    modules_of.argtypes = [
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_void_p),
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_uint32),
    ]
    file_of.argtypes, file_of.restype = [ctypes.c_void_p, ctypes.c_wchar_p, ctypes.c_uint32], ctypes.c_uint32
    modules, needed = (ctypes.c_void_p * MOST)(), ctypes.c_uint32(0)
    if not modules_of(current(), modules, ctypes.sizeof(modules), ctypes.byref(needed)):
        return None
    found, file = set(), ctypes.create_unicode_buffer(LONGEST)
    for module in modules[: needed.value // ctypes.sizeof(ctypes.c_void_p)]:
        if file_of(module, file, LONGEST):
            found.add(file.value)
    return sorted(found)
