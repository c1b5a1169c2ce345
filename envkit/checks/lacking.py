"""What a report lacks to be sure, and the command that tells it: just what the diagnosis at hand rests on."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from envkit import reading
from envkit.findings import Asked, Finding, Severity
from envkit.snapshot import Absent, Backend, Snapshot, Unknown

_COLLECT = "python -m torch.utils.collect_env"


class _Need(NamedTuple):
    """A fact: its name for people, whether it is known, and what tells it."""

    name: str
    known: Callable[[Snapshot], bool]
    command: str


def _told(section: object) -> bool:
    return not isinstance(section, Unknown)


def _cuda_backend(snapshot: Snapshot) -> Backend | None:
    live = reading.runtime(snapshot)
    return live.backend("cuda") if live else None


def _has_gpus(snapshot: Snapshot) -> bool:
    machine = reading.host(snapshot)
    return reading.nvidia_gpus(snapshot) is not None or bool(machine and machine.gpus)


def _has_driver(snapshot: Snapshot) -> bool:
    return _told(snapshot.nvml) or reading.driver_version(snapshot) is not None or isinstance(snapshot.cuda, Absent)


def _shm(snapshot: Snapshot) -> bool:
    machine = reading.host(snapshot)
    return machine is not None and machine.shm_total is not None


def _memory(snapshot: Snapshot) -> bool:
    machine = reading.host(snapshot)
    return machine is not None and machine.memory_total is not None


def _system_told(snapshot: Snapshot) -> bool:
    """Say whether the system has a name: a GPU or a container that is told of alone does not tell it."""
    machine = reading.host(snapshot)
    return machine is not None and bool(machine.os)


_NEEDS = {
    "system": _Need("the system", _system_told, _COLLECT),
    "python": _Need("the Python", lambda snapshot: _told(snapshot.target), _COLLECT),
    "torch": _Need(
        "the torch and what it is built for",
        lambda snapshot: isinstance(snapshot.torch, Absent) or reading.installed_torch(snapshot) is not None,
        _COLLECT,
    ),
    "available": _Need(
        "whether torch has CUDA",
        lambda snapshot: isinstance(snapshot.torch, Absent) or _cuda_backend(snapshot) is not None,
        _COLLECT,
    ),
    "driver": _Need("the NVIDIA driver", _has_driver, "nvidia-smi"),
    "gpu": _Need("the GPU", _has_gpus, "nvidia-smi"),
    "packages": _Need("the installed packages", lambda snapshot: _told(snapshot.packages), "python -m pip list"),
    "nvcc": _Need("the CUDA compiler", lambda snapshot: snapshot.toolkit.nvcc is not None, "nvcc --version"),
    "gcc": _Need("the host's compiler", lambda snapshot: snapshot.toolkit.gcc is not None, "gcc --version"),
    "shm": _Need("the size of /dev/shm", _shm, "df -h /dev/shm"),
    "memory": _Need("the memory", _memory, "free -h"),
    "error": _Need(
        "the error itself",
        lambda snapshot: reading.cuda_works(snapshot) or next(reading.said(snapshot), None) is not None,
        "the whole message, from `Traceback` to its last line",
    ),
    "disk": _Need("which disk is full", lambda _snapshot: False, "df -h . ~ /tmp"),
    "index": _Need("which index was asked", lambda _snapshot: False, "python -m pip config list"),
    "nccl": _Need(
        "what NCCL says",
        lambda snapshot: any("NCCL INFO" in one.text or "NCCL WARN" in one.text for one in reading.said(snapshot)),
        "NCCL_DEBUG=INFO before the same command",
    ),
}

_DRIVER = ("system", "torch", "driver", "gpu")
_INSTALL = ("system", "python", "packages")
_FOR_CODE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("python-unsupported", "python-32bit", "platform-no-wheel"), ("system", "python")),
    **dict.fromkeys(("interpreter-mismatch", "user-site-shadow", "module-shadowed"), ("python", "packages")),
    **dict.fromkeys(("venv-broken", "externally-managed", "torch-missing"), ("python",)),
    **dict.fromkeys(("torch-cpu-build", "torch-wrong-backend"), ("system", "python", "torch", "driver", "gpu")),
    **dict.fromkeys(
        ("torch-duplicate", "torch-corrupt", "companion-mismatch", "numpy-abi", "mkl-mismatch", "openmp-duplicate"),
        _INSTALL,
    ),
    **dict.fromkeys(("nvidia-wheels-mismatch", "library-path-conflict", "libc-too-old"), ("system", "packages")),
    "msvc-runtime-missing": ("python", "packages"),
    **dict.fromkeys(
        (
            *("driver-missing", "driver-too-old", "driver-library-mismatch", "driver-not-loaded", "driver-init-failed"),
            *("fabric-manager-down", "forward-compat-unsupported", "device-permission", "container-no-gpu"),
            *("wsl-driver", "gpu-hidden", "gpu-exclusive", "gpu-lost", "gpu-memory-errors", "gpu-mig"),
            *("gpu-throttled", "pcie-degraded", "gpu-memory-full"),
        ),
        _DRIVER,
    ),
    "gpu-absent": ("system", "gpu"),
    "gpu-arch-unsupported": ("torch", "gpu"),
    "toolkit-mismatch": ("torch", "nvcc"),
    "toolkit-missing": ("torch", "nvcc"),
    "compiler-unsupported": ("nvcc", "gcc"),
    "shm-too-small": ("shm",),
    "disk-low": ("disk",),
    "memory-low": ("memory",),
    "network-index": ("index",),
    "nccl-failure": ("nccl",),
    **dict.fromkeys(("rocm-gpu-unsupported", "rocm-permission", "rocm-driver-mismatch"), ("system", "torch", "gpu")),
    "mps-unavailable": ("system", "torch"),
    "xpu-runtime-missing": ("system", "torch"),
}
_WITHOUT_A_CAUSE = ("system", "python", "torch", "available", "driver", "gpu", "error")
_NOT_ON_MACOS = frozenset(("driver", "gpu", "available", "nvcc", "shm"))


def asked_for(snapshot: Snapshot, found: Sequence[Finding], *, explained: bool) -> tuple[Asked, ...]:
    """Return what is to be asked for, facts that one command tells as one; `explained` is what is no fault here."""
    if not snapshot.pasted:
        return ()
    lacking = [_NEEDS[name] for name in _wanted(snapshot, found, explained=explained)]
    commands = dict.fromkeys(need.command for need in lacking)
    return tuple(
        Asked(facts=tuple(need.name for need in lacking if need.command == command), command=command)
        for command in commands
    )


def _wanted(snapshot: Snapshot, found: Sequence[Finding], *, explained: bool) -> list[str]:
    first = next((finding for finding in found if finding.severity is not Severity.NOTE), None)
    names = _FOR_CODE.get(first.code, ()) if first else ("torch",) if explained else _WITHOUT_A_CAUSE
    machine = reading.host(snapshot)
    macos = machine is not None and machine.os == "macos"
    wanted = [name for name in names if not (macos and name in _NOT_ON_MACOS)]
    return [name for name in wanted if not _NEEDS[name].known(snapshot)]
