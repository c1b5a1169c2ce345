"""Is there room: shared memory for workers, disk for the install, memory for the work?"""

from envkit import reading
from envkit.checks.fixes import pip
from envkit.checks.shells import shell_of
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.snapshot import EnvironmentKind, Host, Room, Snapshot

_GIB = 2**30
_SHM = "/dev/shm"  # noqa: S108 - named, not used
_CONTAINER_DEFAULT = 64 * 2**20
"""What container runtimes give /dev/shm unless told otherwise."""
_LEAST_DISK = _GIB
"""Less than this, and no build of torch can be installed or updated."""
_LEAST_MEMORY = _GIB
"""Less than this, and starting torch with a GPU library or two is already too much."""


def size(count: int | None) -> str:
    """Return bytes in the unit that a person would take."""
    if count is None:
        return "unknown"
    return f"{count / _GIB:.1f} GiB" if count >= _GIB else f"{count / 2**20:.0f} MiB"


# -- shared memory --------------------------------------------------------------------------------

_OUT_OF_FILES = ("Too many open files", "items of ancdata")
"""The second: the handle that a worker sent could not be opened on the other side."""


def check_shm_too_small(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a /dev/shm that DataLoader's workers or NCCL overran, or that has the size containers start with."""
    quotes = reading.quotes(snapshot, matrix, "shm-too-small")
    machine = reading.host(snapshot)
    total = machine.shm_total if machine else None
    small = total is not None and total <= _CONTAINER_DEFAULT
    if not quotes and not small:
        return None
    files = any(mark in quote.value for quote in quotes for mark in _OUT_OF_FILES)
    return Finding(
        code="shm-too-small",
        severity=Severity.ERROR if quotes else _shm_matters(snapshot, total),
        summary="shared memory is too small for what workers hand over"
        if quotes
        else "shared memory has no more than what a container starts with",
        cause="each tensor that a worker hands over takes an open file, and the limit of those is reached"
        if files
        else "DataLoader's workers hand tensors over in /dev/shm, and NCCL keeps its buffers there; it is full"
        if quotes
        else f"{_SHM} holds {size(total)}; DataLoader's workers and NCCL of several GPUs soon need more",
        expected="" if files else "a /dev/shm of some GiB",
        facts=(*quotes, *((Fact(_SHM, size(total), "host"),) if total is not None else ())),
        fix=_more_files(snapshot) if files else _more_shm(snapshot),
        explains=("nccl-failure", "disk-low"),
    )


def _shm_matters(snapshot: Snapshot, total: int | None) -> Severity:
    """What every container starts with is worth a warning where there is a GPU to be fed; less than that always is."""
    less = total is not None and total < _CONTAINER_DEFAULT
    return Severity.WARNING if less or reading.usable_gpu(snapshot) else Severity.NOTE


def _more_files(snapshot: Snapshot) -> Fix:
    other = "or in the program: torch.multiprocessing.set_sharing_strategy('file_system')"
    return Fix(summary="allow more open files", commands=(shell_of(snapshot).open_files,), steps=(other,))


def _more_shm(snapshot: Snapshot) -> Fix:
    machine = reading.host(snapshot)
    ways = _WAYS_TO_SHM.get(machine.container if machine and machine.container is not None else "?", _IN_A_CONTAINER)
    return Fix(summary="give it more shared memory", steps=(*ways, "until then: DataLoader with num_workers=0"))


_IN_A_CONTAINER = (
    "start the container with `--shm-size=8g`, or with `--ipc=host`, which gives it the machine's",
    "under Kubernetes mount an `emptyDir` with `medium: Memory` at /dev/shm",
)
_WAYS_TO_SHM: dict[str, tuple[str, ...]] = {
    "kubernetes": ("mount an `emptyDir` with `medium: Memory` at /dev/shm in the pod",),
    "": ("raise it on this machine, as root: `mount -o remount,size=8G /dev/shm`",),
    "apptainer": (
        "Apptainer shares the machine's: raise it there, as root: `mount -o remount,size=8G /dev/shm`",
        "or start the container without `--contain`, which gives it a small one of its own",
    ),
}


# -- disk -----------------------------------------------------------------------------------------


def check_disk_low(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a full disk, or one with less room than an install takes."""
    quotes = reading.quotes(snapshot, matrix, "disk-low")
    rooms = _rooms(snapshot)
    low = [room for room in rooms if room.free < _LEAST_DISK]
    if not quotes and not low:
        return None
    return Finding(
        code="disk-low",
        severity=Severity.ERROR if quotes else _disk_matters(snapshot, low),
        summary="the disk is full" if quotes else "the disk is nearly full",
        cause="a file could not be written: its disk, or the quota on it, is used up"
        if quotes
        else f"the disk of the {low[0].what} {low[0].path} has {size(low[0].free)} left, less than any build of torch "
        "takes",
        facts=(*quotes, *(Fact(f"disk of the {room.what}", f"{size(room.free)} free", room.path) for room in rooms)),
        fix=_more_disk(snapshot),
        explains=("torch-missing", "torch-corrupt"),
    )


_TEMPORARY = "temporary folder"


def _rooms(snapshot: Snapshot) -> tuple[Room, ...]:
    """The file systems that an install writes to, the environment's first, and that of the work."""
    machine, target, installed = reading.host(snapshot), reading.interpreter(snapshot), reading.packages(snapshot)
    rooms = sorted(installed.rooms if installed else (), key=lambda room: room.what == _TEMPORARY)
    if machine is None or machine.disk_free is None:
        return tuple(rooms)
    here = (target.current_folder if target else "") or "."
    return (*rooms, Room(what="current folder", path=here, free=machine.disk_free))


def _disk_matters(snapshot: Snapshot, low: list[Room]) -> Severity:
    """Where torch is installed nothing has to be unpacked."""
    only_temporary = all(room.what == _TEMPORARY for room in low)
    return Severity.NOTE if only_temporary and reading.installed_torch(snapshot) else Severity.WARNING


def _more_disk(snapshot: Snapshot) -> Fix:
    target, shell = reading.interpreter(snapshot), shell_of(snapshot)
    windows = reading.system(snapshot) == "windows"
    uv = target is not None and target.kind is EnvironmentKind.UV
    purge = "uv cache clean" if uv else pip(snapshot, "cache", "purge")
    elsewhere = shell.set({"TEMP": r"D:\temp"} if windows else {"TMPDIR": "/path/with/room"})
    steps = (
        "pip unpacks in the temporary folder and keeps its cache in the home folder: either may be the full disk",
        f"to unpack elsewhere: `{elsewhere}`, then pip with --no-cache-dir",
    )
    return Fix(summary="free some space; the installer's cache is the first to go", commands=(purge,), steps=steps)


# -- memory ---------------------------------------------------------------------------------------


def check_memory_low(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find that the system refused memory or ended the process for it, or that hardly any is left."""
    quotes = reading.quotes(snapshot, matrix, "memory-low")
    live, machine = reading.runtime(snapshot), reading.host(snapshot)
    killed = live is not None and live.died_of == "SIGKILL"
    left = machine.memory_available if machine else None
    low = left is not None and left < _LEAST_MEMORY
    if not quotes and not killed and not low:
        return None
    ended = (Fact("import torch", f"died of {live.died_of}", "live run"),) if live and killed else ()
    return Finding(
        code="memory-low",
        severity=Severity.ERROR if quotes or killed else Severity.WARNING,
        summary="the system has too little memory for this work" if quotes or killed else "hardly any memory is left",
        cause=_memory_cause(quotes, machine, killed=killed),
        facts=(*quotes, *ended, *_memory_facts(snapshot)),
        fix=_more_memory(snapshot),
        explains=("torch-corrupt", "msvc-runtime-missing"),
    )


_REFUSED = ("allocate", "paging file", "1455", "MemoryError")


def _memory_cause(quotes: tuple[Fact, ...], machine: Host | None, *, killed: bool) -> str:
    told = " ".join(quote.value for quote in quotes)
    if "1455" in told or "paging file" in told:
        return (
            "Windows could not promise the memory that loading torch's libraries reserves: the paging file is too small"
        )
    if any(mark in told for mark in _REFUSED):
        return "the system refused main memory (not the GPU's) that was asked for"
    if quotes or killed:
        return "the process was killed (SIGKILL): as a rule by the kernel or the container, for want of memory"
    left, limit = (machine.memory_available, machine.memory_limit) if machine else (None, None)
    if limit:
        return f"{size(left)} of main memory are left to this process, whose control group may take {size(limit)}"
    return f"{size(left)} of main memory are available"


def _memory_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    machine = reading.host(snapshot)
    if machine is None or machine.memory_total is None:
        return ()
    return (
        Fact("memory", f"{size(machine.memory_total)}, {size(machine.memory_available)} available", "host"),
        *((Fact("limit of memory", size(machine.memory_limit), "control group"),) if machine.memory_limit else ()),
    )


def _more_memory(snapshot: Snapshot) -> Fix:
    machine = reading.host(snapshot)
    if machine is not None and machine.os == "windows":
        steps = (
            "let Windows manage the paging file, or raise it: System, Advanced, Performance, Virtual memory; restart",
            "each DataLoader worker reserves as much again: fewer workers, or num_workers=0",
        )
        return Fix(summary="enlarge the paging file", steps=steps)
    limited = machine is not None and (machine.container or machine.memory_limit)
    raising = "raise the limit: a container's `--memory`, a pod's `limits.memory`, a batch job's `--mem`"
    steps = (
        *((raising,) if limited else ()),
        "take smaller batches and fewer DataLoader workers, or a machine with more memory",
    )
    return Fix(
        summary="see who ended it, then give it more memory or less work",
        commands=("sudo dmesg | grep -i -E 'oom|killed process'",),
        steps=steps,
    )


CHECKS = (check_shm_too_small, check_disk_low, check_memory_low)
