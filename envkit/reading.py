"""Reading a Snapshot: the questions that more than one check or plan asks of it, each answered in one place."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from envkit.findings import Fact
from envkit.matrix import Matrix
from envkit.matrix.torch_releases import platform_of
from envkit.matrix.versions import minor
from envkit.snapshot import (
    CudaDriver,
    Distribution,
    Host,
    Interpreter,
    Launcher,
    Nvml,
    NvmlDevice,
    Packages,
    PciGpu,
    Snapshot,
    TorchRuntime,
    Traces,
)
from envkit.systems import name_architecture

_NODE = re.compile(r"/dev/nvidia\d+")


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


def system(snapshot: Snapshot) -> str:
    """Return the operating system, "" where it is not known."""
    machine = host(snapshot)
    return machine.os if machine else ""


def python_minor(snapshot: Snapshot) -> str:
    """Return the minor version of the target's Python, "3.11"; "" where it is not known."""
    target = interpreter(snapshot)
    return minor(target.version) if target else ""


def driver_os(machine: Host) -> str:
    """Return the system whose NVIDIA driver is meant: inside WSL that of Windows."""
    return "windows" if machine.wsl else machine.os


def libc_of(machine: Host, target: Interpreter | None) -> str | None:
    """Return the C library that the target is built for, else the machine's."""
    return (target.libc if target else None) or machine.libc


def wheel_platform(machine: Host, target: Interpreter | None) -> str | None:
    """Return the platform of the wheels that fit, None where no torch wheel exists.

    The interpreter's word counts before the host's: an x86_64 Python on Apple silicon needs x86_64 wheels.
    """
    arch = name_architecture((target.machine if target else "") or machine.arch or "", machine.os)
    return platform_of(machine.os, arch, libc_of(machine, target))


def wheel_python(target: Interpreter) -> str:
    """Return the target as the matrix lists wheels: "3.11", "3.13t"; "" for what no wheel is made for."""
    if target.implementation != "cpython":
        return ""
    return minor(target.version) + ("t" if target.free_threaded else "")


def packages(snapshot: Snapshot) -> Packages | None:
    """Return what is installed in the target."""
    return snapshot.packages if isinstance(snapshot.packages, Packages) else None


def launchers(snapshot: Snapshot) -> tuple[Launcher, ...]:
    """Return the programs of which it is known which Python they belong to."""
    target = interpreter(snapshot)
    return snapshot.launchers + (target.launchers if target else ())


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


def imported_torch(snapshot: Snapshot) -> tuple[Distribution, ...]:
    """Return the installs of torch that own the copy which is imported; all of them when that cannot be told.

    An environment over system packages may see a second torch in its base, which nothing imports.
    """
    found, installed = torch_distributions(snapshot), packages(snapshot)
    module = installed.module("torch") if installed else None
    owners = tuple(copy for copy in found if module and _lies_in(module.origin, copy.site))
    return owners or found


def _lies_in(file: str, folder: str) -> bool:
    within = folder.rstrip("/\\")
    return file.startswith((f"{within}/", f"{within}\\"))


def imported_from(snapshot: Snapshot, name: str) -> str:
    """Return the folder on the search path from which a module is imported, "" where that is not known."""
    installed = packages(snapshot)
    module = installed.module(name) if installed else None
    return module.entry if module and module.origin else ""


def outside(snapshot: Snapshot, folder: str) -> bool:
    """Say whether a folder of packages is none of those that pip installs the target's into."""
    target = interpreter(snapshot)
    if target is None or snapshot.pasted or not folder or not target.site_dirs:
        return False
    # Files of conda's packages are told relative to the prefix.
    own = (*target.site_dirs, target.user_site, target.prefix)
    return folder.rstrip("/\\") not in {one.rstrip("/\\") for one in own}


def installed_torch(snapshot: Snapshot) -> InstalledTorch | None:
    """Return the torch that the target has, None when it has none or there is no telling."""
    live = runtime(snapshot)
    if live and live.version:
        return InstalledTorch(live.version, live.cuda, live.hip, "torch.__version__")
    found = imported_torch(snapshot)
    if not found:
        return _without_metadata(snapshot)
    build = found[0].build
    return InstalledTorch(
        (build and build.version) or found[0].version,
        build.cuda if build else None,
        build.hip if build else None,
        "installed metadata",
    )


_PYTHON_TAG = re.compile(r"\.(cpython-|cp|pypy|graalpy)(\d)(\d+)")
_PYTHON_NAMES = {"pypy": "PyPy", "graalpy": "GraalPy"}


def for_another_python(snapshot: Snapshot, name: str) -> str:
    """Return the Python that the module which is imported was built for, where it is not the target; "" where it is.

    What its compiled part is called says which Python loads it: "_C.cpython-311-x86_64-linux-gnu.so".
    """
    target, installed = interpreter(snapshot), packages(snapshot)
    module = installed.module(name) if installed else None
    if target is None or not target.extension_suffixes or module is None or not module.compiled:
        return ""
    if any(file[file.index(".") :] in target.extension_suffixes for file in module.compiled):
        return ""
    tag = _PYTHON_TAG.search(module.compiled[0])
    if tag is None:
        return "another system"
    return f"{_PYTHON_NAMES.get(tag[1], 'CPython')} {tag[2]}.{tag[3]}"


def put_aside(snapshot: Snapshot, name: str) -> str:
    """Return the release of what pip had put aside when it was stopped over it, "~orch" for torch; "" for nothing."""
    installed = packages(snapshot)
    found = installed.named(f"~{name[1:]}") if installed else ()
    return found[0].version if found else ""


def _without_metadata(snapshot: Snapshot) -> InstalledTorch | None:
    """The torch that the import system finds, and no metadata tells of: not the user's own folder of that name."""
    installed = packages(snapshot)
    module = installed.module("torch") if installed and installed.complete else None
    if module is None or not module.version or module.way_in:
        return None
    return InstalledTorch(module.version, None, None, "torch/version.py")


def nvidia_gpus(snapshot: Snapshot) -> tuple[str, ...] | None:
    """Return the NVIDIA GPUs of the machine, best source first; None when no source could tell."""
    manager, driver, machine = nvml(snapshot), cuda(snapshot), host(snapshot)
    if manager and manager.devices:
        return tuple(device.name or "NVIDIA GPU" for device in manager.devices)
    if driver and driver.devices:
        return tuple(device.name or "NVIDIA GPU" for device in driver.devices)
    shown = _on_machine(machine) if machine else None
    fault = (manager is not None and manager.error != 0) or (driver is not None and driver.init_error not in (0, 100))
    # A driver that fails may hide what the machine does not show either.
    return None if fault and not shown else shown


def _on_machine(machine: Host) -> tuple[str, ...] | None:
    """The GPUs that bus and device nodes show: a container may have the nodes without the bus."""
    on_bus = tuple(f"NVIDIA GPU {gpu.device_id}" for gpu in machine.gpus or () if gpu.vendor == "nvidia")
    nodes = tuple(f"NVIDIA GPU {node}" for node in machine.device_nodes or () if _NODE.fullmatch(node))
    return on_bus or nodes or (None if machine.gpus is None else ())


def driver_version(snapshot: Snapshot) -> str | None:
    """Return the version of the NVIDIA driver package."""
    manager, machine = nvml(snapshot), host(snapshot)
    return (manager and manager.driver_version) or (machine and machine.kernel_module_version) or None


def usable_gpu(snapshot: Snapshot) -> bool:
    """Say whether CUDA offers at least one GPU here, or would if no variable hid it."""
    manager, driver = nvml(snapshot), cuda(snapshot)
    if driver is None:
        return False  # a GPU that only NVML lists is not ready for use
    if driver.init_error == 0 and driver.devices:
        return True
    listed = manager is not None and manager.error == 0 and bool(manager.devices)
    return listed and driver.init_error in (0, 100) and "CUDA_VISIBLE_DEVICES" in variables(snapshot)


def cuda_works(snapshot: Snapshot) -> bool:
    """Say whether torch itself has a CUDA (or ROCm) device in use."""
    live = runtime(snapshot)
    backend = live.backend("cuda") if live else None
    return backend is not None and backend.available is True


def cuda_starts(snapshot: Snapshot) -> bool:
    """Say whether CUDA has a device in use, or offers one: what is said of the driver is then past, or of elsewhere."""
    driver = cuda(snapshot)
    return cuda_works(snapshot) or (driver is not None and driver.init_error == 0 and bool(driver.devices))


def platform(snapshot: Snapshot) -> str | None:
    """Return the wheel platform of the target."""
    machine = host(snapshot)
    return wheel_platform(machine, interpreter(snapshot)) if machine else None


class Said(NamedTuple):
    """What a program said, in its own words."""

    source: str
    text: str


def said(snapshot: Snapshot) -> Iterator[Said]:
    """Yield every text in which something complains: torch's own first, then what a report quotes."""
    live = runtime(snapshot)
    if live:
        if live.error:
            yield Said("import torch", f"{live.error.type}: {live.error.message}")
        yield from (Said(f"torch.{backend.name}", backend.error) for backend in live.backends if backend.error)
        yield from (Said(device.device, device.error) for device in live.devices if device.error)
        yield from (Said("warning", warning) for warning in live.warnings)
        if live.died_of:
            yield Said("import torch", live.stderr)
    machine = host(snapshot)
    yield from (Said("kernel log", line) for line in (machine.traces.kernel_log if machine else None) or ())
    yield from (Said(complaint.source, complaint.text) for complaint in snapshot.complaints)


_BUILDING = (
    "Getting requirements to build",
    "build backend",
    "build dependency",
    "egg_info",
    "build_wheel",
    "setup.py",
)
"""What an installer says of a package's own build, which has an environment of its own."""


def building(snapshot: Snapshot) -> bool:
    """Say whether a report is of an installer that builds a package."""
    return any(mark in complaint.text for complaint in snapshot.complaints for mark in _BUILDING)


_MOST_QUOTES = 3


def quotes(snapshot: Snapshot, matrix: Matrix, code: str) -> tuple[Fact, ...]:
    """Return as facts the first texts that point to a diagnosis code by the table of errors.

    A hint, a warning that many a good run prints too, counts only where no other text points to another code.
    """
    python = python_minor(snapshot)
    pointing = [
        one
        for one in said(snapshot)
        if matrix.errors.cause_of(one.text) == code and matrix.errors.holds_on(one.text, python)
    ]
    if any(matrix.errors.is_hint(one.text) for one in pointing) and _more_is_said(snapshot, matrix, code):
        pointing = [one for one in pointing if not matrix.errors.is_hint(one.text)]
    return tuple(Fact("said", first_line(one.text), one.source) for one in islice(pointing, _MOST_QUOTES))


def _more_is_said(snapshot: Snapshot, matrix: Matrix, code: str) -> bool:
    """Say whether a text points to another code, and is no hint itself."""
    return any(
        matrix.errors.cause_of(one.text) not in (None, code) and not matrix.errors.is_hint(one.text)
        for one in said(snapshot)
    )


def first_line(text: str) -> str:
    """Return the first line of a message, cut to what a person reads."""
    return text.strip().partition("\n")[0][:300]


def libc_fact(snapshot: Snapshot) -> tuple[Fact, ...]:
    """The C library as a fact, where it is known."""
    machine = host(snapshot)
    libc = libc_of(machine, interpreter(snapshot)) if machine else None
    return (Fact("C library", libc, "host"),) if libc else ()


def variable_facts(snapshot: Snapshot, *names: str) -> tuple[Fact, ...]:
    """Those of the environment variables that are set, as facts."""
    values = variables(snapshot)
    return tuple(Fact(name, values[name], "environment") for name in names if name in values)


def traces(snapshot: Snapshot) -> Traces:
    """Return what the kernel and the file system show of accelerators; nothing is known where there is no host."""
    machine = host(snapshot)
    return machine.traces if machine else Traces()


def cards(snapshot: Snapshot, vendor: str) -> tuple[PciGpu, ...]:
    """Return the display controllers of one maker, as far as they are known."""
    machine = host(snapshot)
    return tuple(gpu for gpu in (machine.gpus if machine else None) or () if gpu.vendor == vendor)


def devices(snapshot: Snapshot) -> tuple[NvmlDevice, ...]:
    """Return the NVIDIA GPUs that NVML tells of."""
    manager = nvml(snapshot)
    return (manager.devices if manager else None) or ()


def gpu_fact(snapshot: Snapshot) -> Fact:
    """The GPUs as a fact, equal ones counted."""
    counts = Counter(nvidia_gpus(snapshot) or ())
    names = (f"{count} x {name}" if count > 1 else name for name, count in counts.items())
    source = "report" if snapshot.pasted else "NVML, libcuda, PCI bus"
    return Fact("GPU", ", ".join(names) or "none seen", source)
