"""What else may have shaped the times: load, clocks, threads, memory, caches. None where the system does not tell."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

CACHE_UNKNOWN = 64 * 2**20
"""Bytes taken for the last cache where the system does not tell: as large as most are."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_PROC_BIND", "KMP_AFFINITY", "GOMP_CPU_AFFINITY")
_CPU = Path("/sys/devices/system/cpu/cpu0")


def conditions(torch: Any) -> dict[str, Any]:
    """The fields of a conditions event."""
    return {
        "threads": int(torch.get_num_threads()),
        "affinity": _affinity(),
        "load_average": _load(),
        "frequency_mhz": _frequency(),
        "governor": _read(_CPU / "cpufreq/scaling_governor"),
        "environment": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
    }


def cache_bytes(torch: Any, device: str) -> int:
    """The last cache before a device's memory, in bytes."""
    backend = device.partition(":")[0]
    if backend == "cpu":
        sizes = [_size(_read(path)) for path in _CPU.glob("cache/index*/size")]
        return max((size for size in sizes if size), default=CACHE_UNKNOWN)
    with suppress(Exception):  # an older torch or another backend has no such property
        return int(getattr(torch, backend).get_device_properties(device).L2_cache_size) or CACHE_UNKNOWN
    return CACHE_UNKNOWN


def free_bytes(torch: Any, device: str) -> int | None:
    """Memory that can be had on a device now, in bytes."""
    backend = device.partition(":")[0]
    if backend == "cpu":
        free = [amount for amount in (_available(), _cgroup_left()) if amount is not None]
        return min(free, default=None)
    with suppress(Exception):  # likewise
        return int(getattr(torch, backend).mem_get_info(torch.device(device))[0])
    return None


def _affinity() -> int | None:
    """How many processors this process may run on."""
    ask = getattr(os, "sched_getaffinity", None)
    return len(ask(0)) if ask else os.cpu_count()


def _load() -> float | None:
    """Processes that ran or waited to, over the last minute."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def _frequency() -> float | None:
    """The first processor's clock now, in MHz."""
    current = _read(_CPU / "cpufreq/scaling_cur_freq")
    if current and current.isdigit():
        return int(current) / 1000
    for line in (_read(Path("/proc/cpuinfo")) or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "cpu MHz":
            with suppress(ValueError):
                return float(value)
    return None


def _available() -> int | None:
    for line in (_read(Path("/proc/meminfo")) or "").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _cgroup_left() -> int | None:
    """What a container's limit leaves, of version 2 or 1."""
    pairs = (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    )
    for limit, used in pairs:
        most, now = _read(Path(limit)), _read(Path(used))
        if most and now and most.isdigit() and now.isdigit():
            return max(0, int(most) - int(now))
    return None


def _size(text: str | None) -> int | None:
    """Bytes, of a size such as 32768K."""
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    if not text or not text[:-1].isdigit() or text[-1] not in units:
        return None
    return int(text[:-1]) * units[text[-1]]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
