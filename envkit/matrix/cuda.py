"""CUDA releases: the driver each needs, and the names torch's builds give them."""

from functools import lru_cache
from typing import NamedTuple

import msgspec

from envkit.matrix.data_files import read
from envkit.matrix.versions import numbers


class _MinorCompatibility(msgspec.Struct, frozen=True):
    linux: str | None = None
    windows: str | None = None


class _Toolkit(msgspec.Struct, frozen=True):
    min_driver_linux: str | None = None
    min_driver_windows: str | None = None
    minor_version_compat: _MinorCompatibility | None = None
    compute_capabilities: tuple[str, ...] | None = None


class _Branch(msgspec.Struct, frozen=True):
    min_cc: str | None = None


class _File(msgspec.Struct, frozen=True):
    toolkits: dict[str, _Toolkit]
    driver_branches: dict[str, _Branch] = {}
    old_wheels: dict[str, str] = {}


# Jetson's Linux for Tegra counts from 28 and its drivers follow other rules; no desktop driver since 2008 is lower.
_OLDEST_BRANCH = 100


class DriverFit(NamedTuple):
    """Whether a driver runs a CUDA release; `runs` is None when the table cannot tell."""

    runs: bool | None
    minimum: str | None
    """The lowest driver that runs it."""
    by_minor_compatibility: bool
    """The driver is older than the release, and runs it as a newer minor of its own major."""


class CudaTable:
    """Queries on CUDA releases. `os` is "windows" or anything else, which counts as Linux."""

    def __init__(self, file: _File) -> None:
        self._toolkits = file.toolkits
        self._least = {int(branch): row.min_cc for branch, row in file.driver_branches.items() if row.min_cc}

        self._old_wheels = file.old_wheels

    @classmethod
    def load(cls) -> "CudaTable":
        """Read the shipped table."""
        return cls(read("cuda.json", _File))

    def releases(self) -> tuple[str, ...]:
        """Return every CUDA release, oldest first."""
        return tuple(sorted(self._toolkits, key=numbers))

    def minimum_driver(self, cuda: str, os: str) -> str | None:
        """Return the lowest driver that runs `cuda`, by minor-version compatibility where that exists."""
        toolkit = self._toolkits.get(cuda)
        if toolkit is None:
            return None
        windows = os == "windows"
        own = toolkit.min_driver_windows if windows else toolkit.min_driver_linux
        shared = toolkit.minor_version_compat
        return ((shared.windows if windows else shared.linux) if shared else None) or own

    def of_old_wheel(self, torch: str) -> str | None:
        """Return the CUDA of the Linux wheel that the default index served of a release before torch's table begins."""
        return self._old_wheels.get(".".join(torch.split(".")[:2]))

    def fit(self, cuda: str, driver: str, os: str) -> DriverFit:
        """Say whether the driver of that version runs programs built with that CUDA release.

        A driver runs every older CUDA, and from CUDA 11 on every minor of its own major
        (NVIDIA, "CUDA compatibility": backward and minor-version compatibility).
        """
        minimum = self.minimum_driver(cuda, os)
        have = numbers(driver)
        if minimum is None or not have or have[0] < _OLDEST_BRANCH:
            return DriverFit(None, minimum, by_minor_compatibility=False)
        toolkit = self._toolkits[cuda]
        own = toolkit.min_driver_windows if os == "windows" else toolkit.min_driver_linux
        older = own is not None and not _reaches(have, numbers(own))
        runs = _reaches(have, numbers(minimum))
        return DriverFit(runs, minimum, by_minor_compatibility=runs and older)

    def compiles_for(self, cuda: str) -> tuple[str, ...] | None:
        """Return the compute capabilities that a CUDA release can make code for, None where they are not recorded."""
        toolkit = self._toolkits.get(cuda)
        return toolkit.compute_capabilities if toolkit else None

    def least_capability(self, driver: str) -> str | None:
        """Return the lowest compute capability that a driver still drives, None where it is not recorded."""
        branch = (*numbers(driver), 0)[0]
        return max((least for own, least in self._least.items() if own <= branch), key=numbers, default=None)

    def own_driver(self, cuda: str) -> str | None:
        """Return the Linux driver that a CUDA release came with: one that reports the release is at least that."""
        toolkit = self._toolkits.get(cuda)
        return toolkit.min_driver_linux if toolkit else None


def _reaches(have: tuple[int, ...], least: tuple[int, ...]) -> bool:
    """Say whether a driver is at least another one, as far as it is told: "580" and "580.65" may be "580.65.06"."""
    return have >= least[: len(have)]


def backend_of(cuda: str) -> str:
    """Return torch's name of a CUDA release: "12.1" gives "cu121"."""
    return "cu" + cuda.replace(".", "")


@lru_cache(maxsize=256)
def cuda_of(backend: str) -> str | None:
    """Return the CUDA release of a backend: "cu121" gives "12.1", anything but cuXXX gives None."""
    digits = backend[2:]
    if not backend.startswith("cu") or not digits.isdigit():
        return None
    return f"{digits[:-1]}.{digits[-1]}"
