"""What a diagnosis code is about, so that a list of all codes can say which of them mean nothing here.

A thing counts as not there only where that is known: what is unknown may be there, and could not be looked for.
"""

from collections.abc import Callable
from typing import NamedTuple

from envkit import reading
from envkit.snapshot import Absent, Host, Snapshot, Unknown


class About(NamedTuple):
    """A thing that codes are about, how to tell that it is not here, and how that is said."""

    codes: tuple[str, ...]
    """What the codes begin with."""
    is_missing: Callable[[Snapshot], bool]
    why: str
    sections: tuple[str, ...] = ()
    """Those of the snapshot without which it cannot be looked for."""

    def silent(self, snapshot: Snapshot) -> str:
        """Return why nothing can be said of the thing here, "" where something can."""
        if self.is_missing(snapshot):
            return self.why
        found = {name: getattr(snapshot, name) for name in self.sections}
        gaps = (f"not known: {name}: {one.why}" for name, one in found.items() if isinstance(one, Unknown))
        return next(gaps, "")


def why_not(code: str, snapshot: Snapshot) -> str:
    """Return why a code means nothing on this machine, or could not be looked for; "" where it was."""
    return next((why for one in ABOUT if code.startswith(one.codes) and (why := one.silent(snapshot))), "")


def _without(vendor: str) -> Callable[[Snapshot], bool]:
    def is_missing(snapshot: Snapshot) -> bool:
        machine = reading.host(snapshot)
        return machine is not None and machine.gpus is not None and not reading.cards(snapshot, vendor)

    return is_missing


def _without_nvidia(snapshot: Snapshot) -> bool:
    driver = isinstance(snapshot.nvml, Absent) and isinstance(snapshot.cuda, Absent)
    return driver and reading.nvidia_gpus(snapshot) == ()


def _is_not(*systems: str) -> Callable[[Snapshot], bool]:
    return _knows(lambda machine: bool(machine.os) and machine.os not in systems)


def _knows(tells: Callable[[Host], bool]) -> Callable[[Snapshot], bool]:
    def is_missing(snapshot: Snapshot) -> bool:
        machine = reading.host(snapshot)
        return machine is not None and tells(machine)

    return is_missing


def _without_torch(snapshot: Snapshot) -> bool:
    found = reading.packages(snapshot)
    return found is not None and found.complete and not found.named("torch") and reading.runtime(snapshot) is None


_NVIDIA = (
    *("driver-", "fabric-manager-down", "forward-compat-unsupported", "pcie-degraded", "nccl-failure"),
    *("gpu-arch", "gpu-exclusive", "gpu-hidden", "gpu-lost", "gpu-memory", "gpu-mig", "gpu-throttled"),
)
_TORCH = (
    *("companion-mismatch", "torch-corrupt", "torch-cpu-build", "torch-duplicate", "torch-wrong-backend"),
    *("nvidia-wheels-mismatch", "numpy-abi", "library-path-conflict", "openmp-duplicate"),
)

ABOUT = (
    About(("device-died", "device-slow"), lambda _: True, "`envkit smoke` looks for it"),
    About(("wsl-driver",), _knows(lambda machine: machine.wsl == 0), "this is not WSL", ("host",)),
    About(("container-no-gpu",), _knows(lambda machine: machine.container == ""), "this is no container", ("host",)),
    About(("msvc-runtime-missing",), _is_not("windows"), "this is not Windows", ("host",)),
    About(("mps-unavailable",), _is_not("macos"), "this is no Mac", ("host",)),
    About(("libc-too-old", "shm-too-small", "device-permission"), _is_not("linux"), "this is not Linux", ("host",)),
    About(("rocm-",), _without("amd"), "no AMD GPU here", ("host",)),
    About(("xpu-",), _without("intel"), "no Intel GPU here", ("host",)),
    About(_NVIDIA, _without_nvidia, "no NVIDIA GPU and no driver of NVIDIA's here", ("nvml", "cuda")),
    About(_TORCH, _without_torch, "no torch here", ("packages",)),
)
