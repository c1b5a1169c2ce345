"""Facts about the machine: operating system, processor, memory, disk, container, PCI.

Everything is read below `root`, so that a recorded tree can stand in for the machine.
"""

import os
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from envkit.probes.cgroup import memory_limit
from envkit.probes.paths import exists
from envkit.probes.shell import find_shell
from envkit.probes.traces import NODES, probe_traces
from envkit.snapshot import Host, PciGpu, Traces
from envkit.systems import name_architecture, name_system

_PCI_VENDORS = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}
_DISPLAY_CLASS = "0x03"  # PCI base class 3: VGA, XGA, 3D and other display controllers

_VARIABLES = re.compile(
    r"(CUDA|NVIDIA|HIP|ROCR|HSA|NCCL|TORCH|PYTORCH|OMP|MKL|KMP|ZE|SYCL)_\w+"
    r"|LD_(LIBRARY_PATH|PRELOAD)|PYTHON(PATH|HOME|NOUSERSITE|SAFEPATH|USERBASE)"
    r"|VIRTUAL_ENV|CONDA_(PREFIX|DEFAULT_ENV|OVERRIDE_CUDA)"
)
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL")
"""A snapshot is there to be shown to others."""


def _is_of_interest(name: str) -> bool:
    return bool(_VARIABLES.fullmatch(name)) and not _SECRET.search(name)


def probe_host(root: Path = Path("/")) -> Host:
    """Read the facts of this machine; a fact that cannot be read is None."""
    os_name = name_system(platform.system())
    linux = os_name == "linux"
    memory_total, memory_available = _linux_memory(root) if linux else _memory()
    limit, left = memory_limit(root) if linux else (0, None)
    shm = _disk(root / "dev/shm") if linux else None
    wsl = _wsl(root) if linux else 0
    return Host(
        os=os_name,
        os_name=_os_name(root) if linux else f"{platform.system()} {platform.release()}",
        kernel=platform.release(),
        arch=name_architecture(platform.machine(), os_name),
        libc=_libc(root) if linux else "",
        cpu=_cpu(root) if linux else platform.processor() or None,
        cpus=os.cpu_count(),
        cpus_usable=len(os.sched_getaffinity(0)) if sys.platform == "linux" else None,
        memory_total=memory_total,
        memory_available=_less(memory_available, left),
        memory_limit=limit,
        disk_free=(_disk(Path()) or (None, None))[1],
        shm_total=shm[0] if shm else None,
        shm_free=shm[1] if shm else None,
        container=_container(root, os.environ) if linux else "",
        wsl=wsl,
        gpus=_pci_gpus(root) if linux else None,
        kernel_module_version=_kernel_module(root) if linux else "",
        device_nodes=_device_nodes(root) if linux else None,
        variables={name: value for name, value in os.environ.items() if _is_of_interest(name)},
        shell=find_shell(root, os_name, os.environ),
        traces=probe_traces(root, wsl=bool(wsl)) if linux else Traces(),
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return None


def _os_name(root: Path) -> str | None:
    match = re.search(r'^PRETTY_NAME="?([^"\n]*)', _read(root / "etc/os-release") or "", re.MULTILINE)
    return match.group(1) if match else None


def _libc(root: Path) -> str | None:
    try:
        version = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        version = None
    if version:
        return version
    return "musl" if any(root.glob("lib/ld-musl-*")) else None


def _cpu(root: Path) -> str | None:
    match = re.search(r"^model name\s*:\s*(.+)$", _read(root / "proc/cpuinfo") or "", re.MULTILINE)
    return match.group(1).strip() if match else None


def _linux_memory(root: Path) -> tuple[int | None, int | None]:
    """Total and available bytes from /proc/meminfo, which counts in KiB."""
    fields = dict(re.findall(r"^(MemTotal|MemAvailable):\s+(\d+) kB", _read(root / "proc/meminfo") or "", re.MULTILINE))
    total, available = (int(fields[name]) * 1024 if name in fields else None for name in ("MemTotal", "MemAvailable"))
    return total, available


def _memory() -> tuple[int | None, int | None]:
    try:
        import psutil

        memory = psutil.virtual_memory()
    except Exception:  # noqa: BLE001 - the collector runs where psutil is not
        return None, None
    return int(memory.total), int(memory.available)


def _less(one: int | None, other: int | None) -> int | None:
    known = [count for count in (one, other) if count is not None]
    return min(known) if known else None


def _disk(path: Path) -> tuple[int, int] | None:
    """Total and free bytes of the file system that holds `path`."""
    try:
        if hasattr(os, "statvfs"):  # what shutil asks; to import that takes longer than all that is asked here
            asked = os.statvfs(path)
            return asked.f_blocks * asked.f_frsize, asked.f_bavail * asked.f_frsize
        import shutil

        usage = shutil.disk_usage(path)
    except OSError:
        return None
    return usage.total, usage.free


def _container(root: Path, variables: Mapping[str, str]) -> str:
    """Name the container runtime by the marks it leaves, "" where there are none."""
    if "APPTAINER_CONTAINER" in variables or "SINGULARITY_CONTAINER" in variables:
        return "apptainer"
    if "KUBERNETES_SERVICE_HOST" in variables:
        return "kubernetes"
    if exists(root / ".dockerenv"):
        return "docker"
    if exists(root / "run/.containerenv"):
        return "podman"
    if exists(root / ".singularity.d"):
        return "apptainer"
    control_groups = _read(root / "proc/1/cgroup") or ""
    named = re.search(r"docker|kubepods|containerd|lxc|garden", control_groups)
    return named.group() if named else variables.get("container", "")


def _wsl(root: Path) -> int:
    version = _read(root / "proc/version") or ""
    if "microsoft" not in version.lower():
        return 0
    # WSL 1 has no Linux kernel of its own, only a Windows build number in its place.
    return 2 if "WSL2" in version or "microsoft-standard" in version else 1


def _pci_gpus(root: Path) -> tuple[PciGpu, ...] | None:
    devices = root / "sys/bus/pci/devices"
    try:
        folders = sorted(devices.iterdir())
    except OSError:
        return None
    return tuple(_pci_gpu(folder) for folder in folders if (_read(folder / "class") or "").startswith(_DISPLAY_CLASS))


def _pci_gpu(folder: Path) -> PciGpu:
    vendor = (_read(folder / "vendor") or "").strip()
    driver = folder / "driver"
    return PciGpu(
        address=folder.name,
        vendor=_PCI_VENDORS.get(vendor, vendor),
        device_id=(_read(folder / "device") or "").strip(),
        kernel_driver=driver.resolve().name if exists(driver) else "",
    )


def _kernel_module(root: Path) -> str:
    """Version of the loaded nvidia module, from the line that the module itself offers."""
    text = _read(root / "proc/driver/nvidia/version") or ""
    match = re.search(r"Kernel Module.*?\s(\d+\.\d+(?:\.\d+)?)\s", text)
    return match.group(1) if match else ""


def _device_nodes(root: Path) -> tuple[str, ...]:
    found = [path for pattern in NODES for path in root.glob(pattern)]
    return tuple(sorted(f"/{path.relative_to(root).as_posix()}" for path in found))
