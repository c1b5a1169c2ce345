"""Reading a Snapshot: the questions that several checks ask of it."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from envkit.findings import Fact
from envkit.matrix.torch_releases import platform_of
from envkit.matrix.versions import minor
from envkit.snapshot import (
    CudaDriver,
    Distribution,
    Host,
    Interpreter,
    Nvml,
    Packages,
    Snapshot,
    TorchRuntime,
)


class InstalledTorch(NamedTuple):
    """The torch of the target, from the live import where there was one, else from disk."""

    version: str
    cuda: str | None
    """CUDA release that the build is for, "" for none, None when unknown."""
    hip: str | None
    source: str

    @property
    def fact(self) -> Fact:
        """The installed version with its build."""
        build = f" (CUDA {self.cuda})" if self.cuda else f" (ROCm {self.hip})" if self.hip else ""
        return Fact("torch", self.version + build, self.source)


def host(snapshot: Snapshot) -> Host | None:
    """Return what is known of the machine."""
    return snapshot.host if isinstance(snapshot.host, Host) else None


def interpreter(snapshot: Snapshot) -> Interpreter | None:
    """Return what is known of the target interpreter."""
    return snapshot.target if isinstance(snapshot.target, Interpreter) else None


def wheel_python(target: Interpreter) -> str:
    """Return the target as the matrix lists wheels: "3.11", "3.13t"; "" for what no wheel is made for."""
    if target.implementation != "cpython":
        return ""
    return minor(target.version) + ("t" if target.free_threaded else "")


def packages(snapshot: Snapshot) -> Packages | None:
    """Return what is installed in the target."""
    return snapshot.packages if isinstance(snapshot.packages, Packages) else None


def runtime(snapshot: Snapshot) -> TorchRuntime | None:
    """Return what was seen of torch live."""
    return snapshot.torch if isinstance(snapshot.torch, TorchRuntime) else None


def nvml(snapshot: Snapshot) -> Nvml | None:
    """Return NVML's answers."""
    return snapshot.nvml if isinstance(snapshot.nvml, Nvml) else None


def cuda(snapshot: Snapshot) -> CudaDriver | None:
    """Return libcuda's answers."""
    return snapshot.cuda if isinstance(snapshot.cuda, CudaDriver) else None


def variables(snapshot: Snapshot) -> Mapping[str, str]:
    """Return the environment variables that matter to torch."""
    machine = host(snapshot)
    return machine.variables if machine else {}


def torch_distributions(snapshot: Snapshot) -> tuple[Distribution, ...]:
    """Return every installed torch, under pip's name and conda's."""
    installed = packages(snapshot)
    return installed.named("torch") + installed.named("pytorch") if installed else ()


def installed_torch(snapshot: Snapshot) -> InstalledTorch | None:
    """Return the torch that the target has, None when it has none or there is no telling."""
    live = runtime(snapshot)
    if live and live.version:
        return InstalledTorch(live.version, live.cuda, live.hip, "torch.__version__")
    found = torch_distributions(snapshot)
    if not found:
        return None
    build = found[0].build
    return InstalledTorch(
        (build and build.version) or found[0].version,
        build.cuda if build else None,
        build.hip if build else None,
        "installed metadata",
    )


def nvidia_gpus(snapshot: Snapshot) -> tuple[str, ...] | None:
    """Return the NVIDIA GPUs of the machine, best source first; None when no source could tell."""
    manager, driver, machine = nvml(snapshot), cuda(snapshot), host(snapshot)
    if manager and manager.devices:
        return tuple(device.name or "NVIDIA GPU" for device in manager.devices)
    if driver and driver.devices:
        return tuple(device.name or "NVIDIA GPU" for device in driver.devices)
    if machine and machine.gpus is not None:
        return tuple(f"NVIDIA GPU {gpu.device_id}" for gpu in machine.gpus if gpu.vendor == "nvidia")
    return None


def driver_version(snapshot: Snapshot) -> str | None:
    """Return the version of the NVIDIA driver package."""
    manager, machine = nvml(snapshot), host(snapshot)
    return (manager and manager.driver_version) or (machine and machine.kernel_module_version) or None


def usable_gpu(snapshot: Snapshot) -> bool:
    """Say whether the driver answers and offers at least one GPU to some process."""
    manager, driver = nvml(snapshot), cuda(snapshot)
    if driver and driver.init_error == 0 and driver.devices:
        return True
    healthy = manager is not None and manager.error == 0 and bool(manager.devices)
    # An error of cuInit other than "no device", which a variable may cause, spoils the use.
    return healthy and (driver is None or driver.init_error in (0, 100))


def platform(snapshot: Snapshot) -> str | None:
    """Return the wheel platform of the target."""
    machine = host(snapshot)
    if machine is None or machine.arch is None:
        return None
    return platform_of(machine.os, machine.arch, machine.libc)


def gpu_fact(snapshot: Snapshot) -> Fact:
    """The GPUs as a fact, equal ones counted."""
    counts = Counter(nvidia_gpus(snapshot))
    names = (f"{count} x {name}" if count > 1 else name for name, count in counts.items())
    return Fact("GPU", ", ".join(names) or "none seen", "NVML, libcuda, PCI bus")
