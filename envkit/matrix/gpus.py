"""GPUs: the compute capability behind a name, and which of a build's code objects it runs."""

from collections.abc import Iterable

import msgspec

from envkit.matrix.data_files import read
from envkit.matrix.versions import numbers


class _Nvidia(msgspec.Struct, frozen=True):
    cc: str


class _File(msgspec.Struct, frozen=True):
    nvidia: dict[str, _Nvidia]


class GpuTable:
    """Queries on GPUs."""

    def __init__(self, file: _File) -> None:
        self._capabilities = {_plain(name): entry.cc for name, entry in file.nvidia.items()}

    @classmethod
    def load(cls) -> "GpuTable":
        """Read the shipped table."""
        return cls(read("gpus.json", _File))

    def compute_capability(self, name: str) -> str | None:
        """Return the compute capability of an NVIDIA GPU by its product name, with or without "NVIDIA"."""
        return self._capabilities.get(_plain(name))


def _plain(name: str) -> str:
    return name.casefold().removeprefix("nvidia ").strip()


_JETSON = {(5, 3), (6, 2), (7, 2), (8, 7), (10, 1), (11, 0)}


def runs_on(archs: Iterable[str], compute_capability: str) -> bool:
    """Say whether a build with these code objects runs on that compute capability.

    Machine code ("sm_86") runs on the same major with an equal or higher minor; PTX ("compute_70")
    is compiled for anything newer (CUDA C++ programming guide, "application compatibility"). Jetson
    boards run machine code of exactly their own capability (`_meta.legend` in torch.json).
    """
    major, minor = (*numbers(compute_capability), 0, 0)[:2]
    return any(_object_runs(arch, major, minor) for arch in archs)


def _object_runs(arch: str, major: int, minor: int) -> bool:
    kind, _, number = arch.partition("_")
    digits = number.rstrip("af")
    if not digits.isdigit():
        return False
    built_major, built_minor = int(digits[:-1]), int(digits[-1])
    if kind == "sm":
        same = (built_major, built_minor) == (major, minor)
        return same or (built_major == major and built_minor < minor and (major, minor) not in _JETSON)
    return kind == "compute" and (built_major, built_minor) <= (major, minor)
