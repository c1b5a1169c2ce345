"""The Snapshot: an immutable, versioned, JSON-serialisable record of facts about one machine and one interpreter.

It is the only thing that flows from the outside in. Probes and intake write it, checks and planning
read it, nothing in it is a judgement. Three rules keep "unknown" apart from "absent":

* a section is `Known` facts, `Absent` (looked for, not there) or `Unknown` (could not tell), each with its reason;
* inside a section `None` means unknown; that a thing is not there is said by a value (`False`, `()`, `0`);
* every probe leaves a `ProbeRun` that says how it ended, so a snapshot also records what was not seen.

Sizes are bytes, times are seconds.
"""

from enum import Enum
from typing import Any

import msgspec

SCHEMA_VERSION = 1

PLUGIN = "plugin "
"""What the name of a plugin's run begins with."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every record: immutable, built by keyword."""


class ProbeOutcome(str, Enum):
    """How a probe ended."""

    OK = "ok"
    SKIPPED = "skipped"
    TIMED_OUT = "timed-out"
    CRASHED = "crashed"
    FAILED = "failed"


class ProbeRun(Record, frozen=True, kw_only=True):
    """One probe's run; `detail` is empty when there is nothing to say beyond the outcome."""

    name: str
    outcome: ProbeOutcome
    seconds: float
    detail: str = ""


class Known(Record, frozen=True, kw_only=True, tag_field="state", tag="known"):
    """Base of a section whose facts were read."""


class Absent(Record, frozen=True, kw_only=True, tag_field="state", tag="absent"):
    """The thing was looked for and is not there; `why` says where it was looked for."""

    why: str
    environment: str = ""
    """For an interpreter: the environment that should have it."""


class Unknown(Record, frozen=True, kw_only=True, tag_field="state", tag="unknown"):
    """Whether the thing is there could not be established; `why` says what prevented it."""

    why: str
    outcome: ProbeOutcome = ProbeOutcome.FAILED
    """How the probe ended that should have told."""


# -- the machine --------------------------------------------------------------------------------


class PciGpu(Record, frozen=True, kw_only=True):
    """A display or 3D controller on the PCI bus; `kernel_driver` is "" when none is bound to it."""

    address: str
    vendor: str
    device_id: str
    kernel_driver: str | None = None
    name: str | None = None
    architecture: str | None = None
    """The code target of an AMD GPU: "gfx1031"."""


class Toolkit(Record, frozen=True, kw_only=True):
    """What extensions are built with; None is unknown, "" is not there."""

    nvcc: str | None = None
    """Version of the CUDA compiler: "12.4.131"."""
    gcc: str | None = None
    cuda_home: str | None = None
    """The folder that CUDA_HOME or CUDA_PATH names, "" where neither is set."""
    gxx: str | None = None
    """Version of the C++ compiler."""
    ninja: str | None = None


class DeviceNode(Record, frozen=True, kw_only=True):
    """A device file of an accelerator, and what this process may do with it."""

    path: str
    openable: bool | None = None
    """Whether this process may open it for reading and writing."""
    group: str | None = None
    """The group that owns it, its number where it has no name here."""


class Traces(Record, frozen=True, kw_only=True):
    """What the kernel and the file system show of accelerators and their drivers; None is unknown."""

    modules: tuple[str, ...] | None = None
    """The loaded kernel modules among those that drive a GPU."""
    secure_boot: bool | None = None
    nodes: tuple[DeviceNode, ...] | None = None
    groups: tuple[str, ...] | None = None
    """The groups of this process."""
    nvswitches: int | None = None
    fabric_manager: bool | None = None
    """Whether a process of the Fabric Manager runs."""
    mig_instances: int | None = None
    """Compute instances that the driver offers in /proc/driver/nvidia/capabilities."""
    gfx: tuple[str, ...] | None = None
    """Code targets of the AMD GPUs that the kernel driver offers for computing: "gfx90a"."""
    wsl_driver: bool | None = None
    """Inside WSL: whether Windows' driver has put its libcuda in /usr/lib/wsl/lib."""
    wsl_paravirtual: bool | None = None
    """Inside WSL: whether /dev/dxg is there, through which Linux reaches the GPU."""
    level_zero: bool | None = None
    """Whether the loader finds libze_loader.so.1, which Intel's runtime brings."""
    kernel_log: tuple[str, ...] | None = None
    """The last lines of the kernel log that tell of a GPU's fault; None where it may not be read."""


HOSTED = "hosted-notebook"
"""The container of a notebook that somebody else runs: Colab, Kaggle."""


class Host(Known, frozen=True, kw_only=True, tag="known"):
    """Operating system, processor, memory and what surrounds the process."""

    os: str
    """"linux", "windows", "macos", or the lower-case `platform.system()` of anything else; "" where a report does not
    say it, and tells other facts of the machine."""
    os_name: str | None = None
    kernel: str | None = None
    arch: str | None = None
    """The machine as torch's wheels spell it: "x86_64", "aarch64", "arm64", "i686", ..."""
    libc: str | None = None
    """"glibc 2.36", "musl 1.2", or "" where the notion does not apply."""
    cpu: str | None = None
    cpus: int | None = None
    cpus_usable: int | None = None
    memory_total: int | None = None
    memory_available: int | None = None
    """What this process may still take, of the machine's and under the limit of its control group."""
    memory_limit: int | None = None
    """What the control group of this process may take in all (a container's limit, a batch job's); 0 is no limit."""
    disk_free: int | None = None
    """Free space of the file system that holds the current folder."""
    shm_total: int | None = None
    shm_free: int | None = None
    container: str | None = None
    """"docker", "podman", "kubernetes", "apptainer", "lxc", ..., or "" outside any container."""
    wsl: int | None = None
    """0 outside WSL, else its version."""
    gpus: tuple[PciGpu, ...] | None = None
    kernel_module_version: str | None = None
    """Version of the loaded nvidia kernel module, "" when it is not loaded."""
    device_nodes: tuple[str, ...] | None = None
    """Device files that exist, among /dev/nvidia*, /dev/kfd and /dev/dri/renderD*."""
    variables: dict[str, str] = {}
    """Environment variables that change what torch finds or does, as set for this process."""
    shell: str | None = None
    """The shell that its user types into: "bash", "zsh", "fish", "tcsh", "pwsh", "cmd", ..."""
    traces: Traces = Traces()


# -- the target interpreter ---------------------------------------------------------------------


class EnvironmentKind(str, Enum):
    """What made the environment that an interpreter belongs to."""

    SYSTEM = "system"
    VENV = "venv"
    VIRTUALENV = "virtualenv"
    UV = "uv"
    CONDA = "conda"


class Launcher(Record, frozen=True, kw_only=True):
    """A program that runs, or installs into, the Python that it belongs to."""

    program: str
    """"pip", "python", "jupyter kernel python3"."""
    path: str
    prefix: str
    """The environment that it belongs to, "" when that could not be told."""
    version: str = ""
    """Of that Python: "3.12"."""
    has_torch: bool | None = None


class Interpreter(Known, frozen=True, kw_only=True, tag="known"):
    """The Python that torch is meant to run in."""

    executable: str
    chosen_by: str
    """Why this interpreter is the target, in a few words."""
    version: str
    """"3.11.7"."""
    implementation: str
    """"cpython", "pypy", ..."""
    bits: int
    prefix: str
    base_prefix: str
    kind: EnvironmentKind
    made_with: str = ""
    """The Python that an environment was made with, as its pyvenv.cfg says; "" where it does not."""
    externally_managed: bool
    """PEP 668: installs into this interpreter are refused by its owner."""
    site_dirs: tuple[str, ...]
    user_site: str
    user_site_enabled: bool
    search_path: tuple[str, ...]
    """sys.path as the user's own run in the current folder has it."""
    current_folder: str
    """The folder that the search path begins with, "" in safe-path mode."""
    platform_tag: str
    """`sysconfig.get_platform()`: "linux-x86_64", "win-amd64", "macosx-11.0-arm64"."""
    machine: str = ""
    libc: str | None = None
    free_threaded: bool = False
    extension_suffixes: tuple[str, ...] = ()
    """How the name of a compiled module ends that this Python loads: ".cpython-311-x86_64-linux-gnu.so", ".so"."""
    loader_first: tuple[str, ...] = ()
    """Copies of libraries that torch also brings, in the folders of LD_LIBRARY_PATH and in LD_PRELOAD."""
    launchers: tuple[Launcher, ...] = ()
    """`pip` and `python` on PATH, and the notebook kernels of this environment."""


class FileDamage(Record, frozen=True, kw_only=True):
    """The installed files of a distribution against its RECORD, or conda's: presence, size, bytes if asked for."""

    entries: int
    missing: int
    altered: int
    hashed: int = 0
    """Files whose bytes were compared too, by their hash: only `doctor --deep` reads them."""
    examples: tuple[str, ...]
    """A few of the damaged files, relative to the site folder, each with what is wrong."""


class TorchBuild(Record, frozen=True, kw_only=True):
    """What `torch/version.py` says the build is for, read as text; "" means built without it."""

    version: str | None = None
    cuda: str | None = None
    hip: str | None = None
    xpu: str | None = None


class Distribution(Record, frozen=True, kw_only=True):
    """An installed distribution as its metadata on disk tells, nothing imported."""

    name: str
    """Normalised: lower case, "-" between words."""
    version: str
    metadata: str
    """The .dist-info, .egg-info or conda-meta entry."""
    site: str
    installer: str = ""
    build: TorchBuild | None = None
    """Only for torch."""
    requires: tuple[str, ...] | None = None
    """Requirement lines, read for torch and what must fit it; of others those that ask for torch."""
    damage: FileDamage | None = None
    """None when no file list could be read."""


class ModuleOrigin(Record, frozen=True, kw_only=True):
    """Where the import system would take a module from, without importing it."""

    name: str
    origin: str
    """The file that wins, "" when there is none."""
    entry: str
    """The entry of the search path that it was found on, without links."""
    hidden: tuple[str, ...] = ()
    """Further copies, later on the search path."""
    way_in: str = ""
    """What of the user's own put `entry` on the search path: "current-folder", "script-folder", "PYTHONPATH",
    "user-site", or ""."""
    otherwise: str = ""
    """The file that would win were what the user's situation puts on the path not there, "" when there is none."""
    version: str = ""
    """The release as the version.py beside that file has it, "" where there is none."""
    compiled: tuple[str, ...] = ()
    """The files of the compiled part that its import begins with, one a Python: "_C.cp311-win_amd64.pyd"."""


class Room(Record, frozen=True, kw_only=True):
    """Free space where an install writes."""

    what: str
    """"environment", "temporary folder" (where pip unpacks and builds)."""
    path: str
    free: int


class Packages(Known, frozen=True, kw_only=True, tag="known"):
    """What is installed in the target, read from disk."""

    distributions: tuple[Distribution, ...]
    modules: tuple[ModuleOrigin, ...]
    complete: bool = True
    """False where a report names some of what is installed: what is not named may be there too."""
    unreadable: tuple[str, ...] = ()
    """Folders of the search path that this user may not read: what is in them was not seen."""
    rooms: tuple[Room, ...] = ()
    """The file systems that an install would write to, as far as this user may write there."""

    def named(self, name: str) -> tuple[Distribution, ...]:
        """Return every installed distribution of that normalised name."""
        return tuple(found for found in self.distributions if found.name == name)

    def module(self, name: str) -> ModuleOrigin | None:
        """Return where the module of that name comes from; None when it was not looked for."""
        return next((found for found in self.modules if found.name == name), None)


# -- the NVIDIA driver --------------------------------------------------------------------------


class NvmlDevice(Record, frozen=True, kw_only=True):
    """A GPU as NVML lists it: physical, whatever CUDA_VISIBLE_DEVICES says."""

    index: int
    name: str | None = None
    uuid: str | None = None
    compute_capability: str | None = None
    memory_total: int | None = None
    memory_used: int | None = None
    compute_mode: str | None = None
    mig_enabled: bool | None = None
    error: int | None = None
    """NVML's code when the device's handle could not be had."""
    ecc_uncorrected: int | None = None
    """Uncorrectable memory errors since the driver was loaded; None also where ECC is off."""
    ecc_lifetime: int | None = None
    """Uncorrectable memory errors since the GPU was made."""
    remap_pending: bool | None = None
    """A row or page of memory waits to be replaced at the next reset."""
    remap_failed: bool | None = None
    """A row could not be replaced: none is left to replace it with."""
    retired_pages: int | None = None
    """Pages that were retired for two-bit errors."""
    throttle: tuple[str, ...] | None = None
    """Why the clocks are held down now: "hw-slowdown", "hw-thermal", "hw-power-brake", "sw-thermal", "sw-power-cap"."""
    clock: int | None = None
    """MHz of the multiprocessors now."""
    clock_best: int | None = None
    """The highest that they can have."""
    performance_state: int | None = None
    """0 is the fastest; a GPU at rest goes to 8 or more."""
    utilization: int | None = None
    """Per cent of the last moments in which something computed."""
    temperature: int | None = None
    """Degrees Celsius."""
    power_limit: int | None = None
    """Milliwatts that it may draw now."""
    power_limit_default: int | None = None
    pcie_generation: int | None = None
    """Of the link now: a GPU at rest lowers it to save power."""
    pcie_generation_best: int | None = None
    """The highest that card and slot allow."""
    pcie_width: int | None = None
    pcie_width_best: int | None = None
    """The most lanes that card and slot allow."""
    persistence: bool | None = None
    processes: int | None = None
    """Processes that compute on it and that could be seen; those of another container are not."""
    processes_memory: int | None = None
    """What those processes hold."""
    mig_instances: int | None = None
    """MIG devices that are ready for use."""


class Nvml(Known, frozen=True, kw_only=True, tag="known"):
    """What the driver's management library answers."""

    error: int
    """Return code of nvmlInit: 0 ready, 9 driver not loaded, 18 kernel module and library differ."""
    driver_version: str | None = None
    """Version of the driver package."""
    cuda_version: str | None = None
    """Newest CUDA that the driver says it runs, "12.4"."""
    devices: tuple[NvmlDevice, ...] | None = None


class CudaDevice(Record, frozen=True, kw_only=True):
    """A GPU as the CUDA driver API shows it to a process with these environment variables."""

    index: int
    name: str | None = None
    compute_capability: str | None = None
    memory_total: int | None = None


class CudaDriver(Known, frozen=True, kw_only=True, tag="known"):
    """What libcuda answers, asked in a process of its own."""

    init_error: int
    """Return code of cuInit: 0 ready, 100 no device, 802 fabric not ready, 803/804 compat libraries, 999 unknown.

    From a report also 35: the CUDA runtime's own number for a driver that is too old for it.
    """
    library: str | None = None
    """The file that was really loaded."""
    cuda_version: str | None = None
    """cuDriverGetVersion: the CUDA API version of this libcuda."""
    devices: tuple[CudaDevice, ...] | None = None


# -- torch, live in the target ------------------------------------------------------------------


class RunEnd(str, Enum):
    """How the child that imports torch came to its end."""

    FINISHED = "finished"
    CRASHED = "crashed"
    TIMED_OUT = "timed-out"


class TorchError(Record, frozen=True, kw_only=True):
    """An exception, as the target told it."""

    type: str
    message: str
    traceback: str = ""


class Backend(Record, frozen=True, kw_only=True):
    """One of torch's accelerators, as torch itself sees it."""

    name: str
    built: bool | None = None
    available: bool | None = None
    device_count: int | None = None
    error: str = ""
    """What torch says when asked why it is not available; "" when it says nothing."""


class TorchDevice(Record, frozen=True, kw_only=True):
    """A device torch offers, and whether a tiny operation on it gave the right number."""

    device: str
    name: str | None = None
    compute_capability: str | None = None
    memory_total: int | None = None
    works: bool | None = None
    error: str = ""


class LoadedLibrary(Record, frozen=True, kw_only=True):
    """A library that was in the process after `import torch`, of a kind that several packages bring."""

    name: str
    """What the loader asked for: "libcudnn.so.9"."""
    path: str
    bundled: str = ""
    """The copy of the same name that torch or an nvidia-* wheel brings, "" when neither does."""


class TorchRuntime(Known, frozen=True, kw_only=True, tag="known"):
    """`import torch` and first use in the target, in a child that may crash, hang or print garbage."""

    end: RunEnd
    stage: str
    """The last stage begun: "start", "import", "backends", "device cuda:0", ..., "done"."""
    died_of: str = ""
    """"SIGABRT", "exit code 3"; "" when the child ended by itself."""
    error: TorchError | None = None
    """The exception of `import torch`; None when it was imported, or the child never came back from it."""
    own_modules: dict[str, str] = {}
    """Where it failed: the modules that had come from the current folder or PYTHONPATH by then, each with its file."""
    version: str | None = None
    file: str | None = None
    import_seconds: float | None = None
    cuda: str | None = None
    """CUDA version the build is for, "" for none."""
    hip: str | None = None
    arch_list: tuple[str, ...] | None = None
    backends: tuple[Backend, ...] = ()
    devices: tuple[TorchDevice, ...] = ()
    warnings: tuple[str, ...] = ()
    threads: int | None = None
    stderr: str = ""
    """The end of what the child wrote to stderr."""
    libraries: tuple[LoadedLibrary, ...] | None = None
    """CUDA, C++ and OpenMP libraries that were really loaded; None where the system does not tell."""

    def backend(self, name: str) -> Backend | None:
        """Return the accelerator of that name as torch told it."""
        return next((found for found in self.backends if found.name == name), None)


# -- what a report quotes -----------------------------------------------------------------------


class Complaint(Record, frozen=True, kw_only=True):
    """What a program said went wrong, as a report quotes it."""

    source: str
    """Who said it: "python" (an exception), "warning", "pip", "loader", "kernel", "nvidia-smi", "program"."""
    text: str


class Refusal(Record, frozen=True, kw_only=True):
    """An install that pip or uv refused because no file of the index fits the interpreter."""

    name: str
    version: str = ""
    """The release that was asked for, "" for any."""
    offered: tuple[str, ...] | None = None
    """The releases that the index has for this interpreter; None when that is not told."""
    text: str = ""


# -- all of it ----------------------------------------------------------------------------------


class Snapshot(Record, frozen=True, kw_only=True):
    """Everything envkit knows about one machine and one interpreter at one moment."""

    schema_version: int = SCHEMA_VERSION
    envkit_version: str = ""
    taken_at: str = ""
    """UTC, ISO 8601."""
    host: Host | Unknown
    target: Interpreter | Absent | Unknown
    packages: Packages | Unknown
    nvml: Nvml | Absent | Unknown
    cuda: CudaDriver | Absent | Unknown
    torch: TorchRuntime | Absent | Unknown
    probes: tuple[ProbeRun, ...] = ()
    toolkit: Toolkit = Toolkit()
    complaints: tuple[Complaint, ...] = ()
    """Only a report has them: a live probe puts what it sees where it belongs."""
    plugins: dict[str, Any] = {}
    """What the probes of plugins tell, by their names."""
    launchers: tuple[Launcher, ...] = ()
    """Programs whose Python a report tells."""
    refusals: tuple[Refusal, ...] = ()
    pasted: bool = False
    """Read from what somebody pasted: what it does not say was not looked for."""


def encode(snapshot: Any) -> bytes:
    """Return a snapshot, or what holds one, as JSON; bytes of a name that are no text are told as "?"."""
    try:
        return msgspec.json.encode(snapshot)
    except UnicodeEncodeError:  # names of files and values of variables may be any bytes
        return msgspec.json.encode(_as_text(msgspec.to_builtins(snapshot)))


def _as_text(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_as_text(key): _as_text(one) for key, one in value.items()}
    return [_as_text(one) for one in value] if isinstance(value, (list, tuple)) else value


def decode(data: bytes) -> Snapshot:
    """Return the snapshot that `encode` wrote; raise `msgspec.DecodeError` on anything else."""
    return msgspec.json.decode(data, type=Snapshot)
