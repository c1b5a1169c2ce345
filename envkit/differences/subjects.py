"""The facts that can matter to torch, in the order in which they do, and why: a table, read by `comparing.py`."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from envkit import reading
from envkit.differences.model import ABSENT, UNKNOWN, Fact, State
from envkit.matrix.versions import minor, public
from envkit.snapshot import Absent, Host, Interpreter, NvmlDevice, Snapshot, TorchRuntime


class Listed(NamedTuple):
    """Facts by their names, and what is to be said of a name that is not among them."""

    facts: Mapping[str, Fact]
    otherwise: Fact | None = UNKNOWN
    """None where such a name says nothing of this side."""


class Subject(NamedTuple):
    """Facts of one kind: what they belong to, how they are read, and why a difference can matter."""

    group: str
    tell: Callable[[Snapshot], Listed]
    why: str


def known(value: object) -> Fact:
    """Return a fact: None is unknown, and what is empty is not there."""
    if value is None:
        return UNKNOWN
    return Fact(State.KNOWN, str(value)) if value not in ("", (), 0) else ABSENT


def _one(what: str, tell: Callable[[Snapshot], Fact | None]) -> Callable[[Snapshot], Listed]:
    def read(snapshot: Snapshot) -> Listed:
        fact = tell(snapshot)
        return Listed({} if fact is None else {what: fact}, None)

    return read


# -- torch --------------------------------------------------------------------------------------


def _torch_is_missing(snapshot: Snapshot) -> bool:
    """Whether there is none: a report that names no torch leaves it open."""
    found = reading.packages(snapshot)
    listed = found is not None and found.complete and not snapshot.pasted
    return listed and reading.installed_torch(snapshot) is None


def _version(snapshot: Snapshot) -> Fact:
    torch = reading.installed_torch(snapshot)
    if torch is None:
        return ABSENT if _torch_is_missing(snapshot) else UNKNOWN
    return known(public(torch.version) or torch.version)


def _build(snapshot: Snapshot) -> Fact:
    torch = reading.installed_torch(snapshot)
    if torch is None:
        return ABSENT if _torch_is_missing(snapshot) else UNKNOWN
    builds = [one.build for one in reading.imported_torch(snapshot) if one.build]
    xpu = builds[0].xpu if builds else None
    named = {"CUDA": torch.cuda, "ROCm": torch.hip, "XPU": xpu}
    told = [f"{name} {release}" for name, release in named.items() if release]
    if told:
        return known(told[0])
    return UNKNOWN if torch.cuda is None else known("no CUDA, ROCm or XPU")


def _live(tell: Callable[[TorchRuntime], object]) -> Callable[[Snapshot], Fact]:
    def read(snapshot: Snapshot) -> Fact:
        live = reading.runtime(snapshot)
        if live is not None:
            return known(tell(live))
        return ABSENT if isinstance(snapshot.torch, Absent) else UNKNOWN

    return read


def _import(live: TorchRuntime) -> str | None:
    if live.error:
        return f"{live.error.type}: {reading.first_line(live.error.message)}"
    if live.died_of:
        return f"{live.died_of} in stage {live.stage!r}"
    return "works" if live.version else None


def _cuda_is_available(live: TorchRuntime) -> str | None:
    backend = live.backend("cuda")
    return None if backend is None or backend.available is None else "yes" if backend.available else "no"


_WORKS = {True: "works", False: "fails", None: "was not used"}


def _devices(live: TorchRuntime) -> str | None:
    return ", ".join(f"{one.device} {_WORKS[one.works]}" for one in live.devices) or None


def _installed_by(snapshot: Snapshot) -> Fact:
    installers = {one.installer for one in reading.imported_torch(snapshot) if one.installer}
    if not installers:
        return ABSENT if _torch_is_missing(snapshot) else UNKNOWN
    return known("conda" if "conda" in installers else "a wheel")


# -- driver and GPUs ----------------------------------------------------------------------------


def _no_driver(snapshot: Snapshot) -> bool:
    """Whether there is none at all: then that is the difference, and what it does not answer is none."""
    return isinstance(snapshot.nvml, Absent) and isinstance(snapshot.cuda, Absent)


def _driver(snapshot: Snapshot) -> Fact:
    version = reading.driver_version(snapshot)
    return known(version) if version else ABSENT if _no_driver(snapshot) else UNKNOWN


def _driver_cuda(snapshot: Snapshot) -> Fact | None:
    driver, manager = reading.cuda(snapshot), reading.nvml(snapshot)
    version = (driver and driver.cuda_version) or (manager and manager.cuda_version)
    return known(version) if version else None if _no_driver(snapshot) else UNKNOWN


def _init(snapshot: Snapshot) -> Fact | None:
    driver = reading.cuda(snapshot)
    if driver is not None:
        return Fact(State.KNOWN, str(driver.init_error))
    return None if _no_driver(snapshot) else ABSENT if isinstance(snapshot.cuda, Absent) else UNKNOWN


def _gpus(snapshot: Snapshot) -> Fact:
    names = reading.nvidia_gpus(snapshot)
    return UNKNOWN if names is None else known(_counted(names))


def _counted(names: Iterable[str]) -> str:
    names = sorted(names)
    counts = {name: names.count(name) for name in names}
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in counts.items())


def _cards(vendor: str) -> Callable[[Snapshot], Fact]:
    def read(snapshot: Snapshot) -> Fact:
        machine = reading.host(snapshot)
        if machine is None or machine.gpus is None:
            return UNKNOWN
        return known(_counted(one.name or one.device_id for one in reading.cards(snapshot, vendor)))

    return read


def _of_devices(tell: Callable[[NvmlDevice], object]) -> Callable[[Snapshot], Fact | None]:
    def read(snapshot: Snapshot) -> Fact | None:
        told = [tell(one) for one in reading.devices(snapshot)]
        if told and None not in told:
            return known(_counted(map(str, told)))
        return None if _no_driver(snapshot) else UNKNOWN

    return read


def _gibibytes(count: int | None) -> str | None:
    return None if count is None else f"{count / 2**30:.0f} GiB"


# -- the interpreter and what is installed ------------------------------------------------------


def _python(tell: Callable[[Interpreter], object], *, pasted: bool = True) -> Callable[[Snapshot], Fact]:
    """Read a fact of the interpreter; of some a report holds no more than what is usual: `pasted` is False."""

    def read(snapshot: Snapshot) -> Fact:
        target = reading.interpreter(snapshot)
        if target is None:
            return ABSENT if isinstance(snapshot.target, Absent) else UNKNOWN
        return known(tell(target) if pasted or not snapshot.pasted else None)

    return read


def _packages(chosen: Callable[[str], bool]) -> Callable[[Snapshot], Listed]:
    def read(snapshot: Snapshot) -> Listed:
        found = reading.packages(snapshot)
        if found is None:
            return Listed({})
        versions: dict[str, set[str]] = {}
        for one in found.distributions:
            if chosen(one.name):
                versions.setdefault(one.name, set()).add(one.version)
        facts = {name: known(", ".join(sorted(several))) for name, several in versions.items()}
        return Listed(facts, ABSENT if found.complete and not snapshot.pasted else UNKNOWN)

    return read


def _imported_by_torch(snapshot: Snapshot) -> Listed:
    """Whether they are there: most releases do, and without torch nobody asks for them."""
    found = reading.packages(snapshot)
    if found is None or not found.complete or snapshot.pasted or reading.installed_torch(snapshot) is None:
        return Listed({}, None)
    there = {one.name for one in found.distributions if one.name in _IMPORTED_BY_TORCH}
    return Listed({name: Fact(State.KNOWN, "installed") for name in there}, ABSENT)


_BUILT_FOR_TORCH = frozenset(
    (
        *("torchvision", "torchaudio", "torchtext", "torchdata", "torchao", "torchcodec", "torch-scatter"),
        *("torch-sparse", "torch-cluster", "pytorch3d", "xformers", "flash-attn", "bitsandbytes", "apex"),
        *("triton", "triton-windows", "pytorch-triton", "pytorch-triton-rocm", "pytorch-triton-xpu", "vllm"),
        *(
            "deepspeed",
            "mmcv",
            "detectron2",
            "onnxruntime",
            "onnxruntime-gpu",
            "tensorrt",
            "intel-extension-for-pytorch",
        ),
    )
)
"""Packages with compiled parts that fit one release or build of torch, or load the same libraries."""
_ON_TORCH = frozenset(
    (
        *("accelerate", "transformers", "diffusers", "peft", "safetensors", "tokenizers", "datasets"),
        *("lightning", "pytorch-lightning", "torchmetrics", "timm", "fastai", "sentence-transformers"),
    )
)
_IMPORTED_BY_TORCH = frozenset(
    ("typing-extensions", "sympy", "networkx", "filelock", "jinja2", "fsspec", "setuptools", "mpmath", "markupsafe")
)

# -- the process and the machine ----------------------------------------------------------------


def _foreign_libraries(snapshot: Snapshot) -> Listed:
    live = reading.runtime(snapshot)
    if live is None or live.libraries is None:
        return Listed({})
    foreign = {one.name: known(one.path) for one in live.libraries if one.bundled and one.path != one.bundled}
    return Listed(foreign, Fact(State.KNOWN, "torch's own copy, or none"))


def _variables(snapshot: Snapshot) -> Listed:
    machine = reading.host(snapshot)
    told = {name: Fact(State.KNOWN, repr(value)) for name, value in reading.variables(snapshot).items()}
    return Listed(told, UNKNOWN if machine is None or snapshot.pasted else ABSENT)


def _host(tell: Callable[[Host], object]) -> Callable[[Snapshot], Fact]:
    def read(snapshot: Snapshot) -> Fact:
        machine = reading.host(snapshot)
        return UNKNOWN if machine is None else known(tell(machine))

    return read


def _tool(name: str) -> Callable[[Snapshot], Fact]:
    return lambda snapshot: known(getattr(snapshot.toolkit, name))


SUBJECTS = (
    Subject("torch", _one("version", _version), "each release has operators, faults and limits of its own"),
    Subject("torch", _one("built for", _build), "a build runs on one maker's GPUs, with one CUDA or ROCm"),
    Subject("torch", _one("import torch", _live(_import)), "without the import nothing else counts"),
    Subject("torch", _one("CUDA is available", _live(_cuda_is_available)), "what torch says of the GPU itself"),
    Subject("torch", _one("devices", _live(_devices)), "a small product was computed on each"),
    Subject(
        "torch",
        _one("code for GPUs", _live(lambda live: None if live.arch_list is None else " ".join(live.arch_list))),
        "a GPU runs only the code that a build holds for it",
    ),
    Subject("torch", _one("installed by", _installed_by), "conda's builds bring other libraries than wheels do"),
    Subject("driver", _one("NVIDIA driver", _driver), "it decides which CUDA runs, and has faults of its own"),
    Subject("driver", _one("CUDA of the driver", _driver_cuda), "the newest CUDA that a build may be for"),
    Subject("driver", _one("cuInit answers", _init), "0 is ready; anything else keeps torch from every GPU"),
    Subject("GPU", _one("NVIDIA GPUs", _gpus), "what there is to compute on"),
    Subject(
        "GPU",
        _one("compute capability", _of_devices(lambda one: one.compute_capability)),
        "it decides which code runs, and which number formats there are",
    ),
    Subject(
        "GPU",
        _one("GPU memory", _of_devices(lambda one: _gibibytes(one.memory_total))),
        "what fits one GPU may not fit the other",
    ),
    Subject("GPU", _one("MIG", _of_devices(lambda one: one.mig_enabled)), "a part of a GPU is seen in its place"),
    Subject("GPU", _one("compute mode", _of_devices(lambda one: one.compute_mode)), "it may allow one process alone"),
    Subject("GPU", _one("AMD GPUs", _cards("amd")), "builds for ROCm run there alone"),
    Subject("GPU", _one("Intel GPUs", _cards("intel")), "builds for XPU run there alone"),
    Subject(
        "Python", _one("Python", _python(lambda target: minor(target.version))), "wheels are for one minor release"
    ),
    Subject("Python", _one("implementation", _python(lambda target: target.implementation)), "wheels are for CPython"),
    Subject("Python", _one("bits", _python(lambda target: target.bits)), "torch has wheels for 64 bits alone"),
    Subject(
        "Python",
        _one("free-threaded", _python(lambda target: "yes" if target.free_threaded else "no", pasted=False)),
        "such a Python has wheels of its own",
    ),
    Subject(
        "Python",
        _one("kind of environment", _python(lambda target: target.kind.value, pasted=False)),
        "conda brings system libraries with it, a venv takes the system's",
    ),
    Subject(
        "Python", _one("machine of Python", _python(lambda target: target.machine or None)), "wheels are for one kind"
    ),
    Subject("packages", _packages(_BUILT_FOR_TORCH.__contains__), "it has compiled parts that fit one torch"),
    Subject(
        "packages",
        _packages(lambda name: name.startswith("nvidia-") and name != "nvidia-ml-py"),
        "the libraries of CUDA that torch loads",
    ),
    Subject("packages", _packages(lambda name: name == "numpy"), "torch is built for NumPy 1 or 2"),
    Subject("packages", _packages(_ON_TORCH.__contains__), "it calls torch, and asks for some releases"),
    Subject("packages", _imported_by_torch, "torch imports it"),
    Subject("libraries", _foreign_libraries, "a library in the place of the one that torch brings"),
    Subject(
        "libraries",
        _one("loaded first", _python(lambda target: ", ".join(target.loader_first), pasted=False)),
        "copies of torch's libraries that the loader finds before them",
    ),
    Subject("variables", _variables, "it changes what torch finds or does"),
    Subject(
        "container", _one("container", _host(lambda machine: machine.container)), "GPUs are handed into it, or not"
    ),
    Subject("container", _one("WSL", _host(lambda machine: machine.wsl)), "the driver is that of Windows"),
    Subject(
        "container",
        _one("memory limit", _host(lambda machine: machine.memory_limit and _gibibytes(machine.memory_limit))),
        "a process that takes more is killed",
    ),
    Subject("system", _one("system", _host(lambda machine: machine.os or None)), "each has wheels of its own"),
    Subject("system", _one("processor", _host(lambda machine: machine.arch)), "each kind has wheels of its own"),
    Subject("system", _one("C library", _host(lambda machine: machine.libc)), "wheels ask for a release of it"),
    Subject("system", _one("release of the system", _host(lambda machine: machine.os_name)), "it brings the libraries"),
    Subject(
        "system", _one("CPU", _host(lambda machine: machine.cpu)), "its vector units decide code path and rounding"
    ),
    Subject(
        "system", _one("CPUs for this process", _host(lambda machine: machine.cpus_usable)), "threads, and so speed"
    ),
    Subject(
        "system",
        _one("shared memory", _host(lambda machine: _gibibytes(machine.shm_total))),
        "workers of a DataLoader hand batches over in it",
    ),
    Subject("building", _one("nvcc", _tool("nvcc")), "extensions are built with it, for the CUDA of torch"),
    Subject("building", _one("gcc", _tool("gcc")), "extensions are built with it, and nvcc takes some releases alone"),
)
"""What matters most comes first."""

TOLD = (
    *("torch.version", "torch.cuda", "torch.hip", "torch.error.*", "torch.end", "torch.stage", "torch.died_of"),
    *("torch.backends.cuda.available", "torch.devices.*.works", "torch.arch_list", "torch.libraries.*"),
    *("nvml.driver_version", "nvml.cuda_version", "host.kernel_module_version", "cuda.cuda_version", "cuda.init_error"),
    *("nvml.devices.*.name", "nvml.devices.*.compute_capability", "nvml.devices.*.memory_total"),
    *("nvml.devices.*.mig_enabled", "nvml.devices.*.compute_mode", "cuda.devices.*", "torch.devices.*.name"),
    *("torch.devices.*.compute_capability", "torch.devices.*.memory_total", "host.gpus.*", "host.device_nodes"),
    *("target.implementation", "target.bits", "target.free_threaded", "target.kind", "target.machine"),
    *("target.loader_first", "target.libc", "host.variables.*", "host.container", "host.wsl", "host.memory_limit"),
    *("host.os", "host.arch", "host.libc", "host.os_name", "host.cpu", "host.cpus_usable", "host.shm_total"),
    *("toolkit.nvcc", "toolkit.gcc", "packages.distributions.torch.*", "packages.distributions.pytorch.*"),
    *("packages.distributions.nvidia-*", "packages.distributions.numpy.*"),
    # Of all the other packages the version tells that they are there.
    *(f"packages.distributions.*.{name}" for name in ("name", "metadata", "site", "installer")),
    *(f"packages.distributions.{name}.*" for name in sorted(_BUILT_FOR_TORCH | _ON_TORCH)),
)
"""Ways in a snapshot to what the table tells: not told a second time among the rest."""

PASSING = (
    *("schema_version", "envkit_version", "taken_at", "probes", "probes.*", "pasted"),
    # How a section came to be unknown, where that is told of each of its facts.
    *("*.chosen_by", "*.why", "*.state", "*.outcome"),
    *("host.memory_available", "host.disk_free", "host.shm_free", "packages.rooms.*", "torch.import_seconds"),
    *(f"nvml.devices.*.{name}" for name in ("memory_used", "clock", "performance_state", "utilization")),
    *(f"nvml.devices.*.{name}" for name in ("temperature", "processes", "processes_memory", "throttle")),
    *("nvml.devices.*.pcie_generation", "host.traces.kernel_log", "torch.stderr"),
)
"""What differs from one moment to the next, and between any two runs."""
