"""Host compilers: the newest GCC that the nvcc of each CUDA release takes."""

import msgspec

from envkit.matrix.data_files import read
from envkit.matrix.versions import minor


class _File(msgspec.Struct, frozen=True):
    gcc: dict[str, int]


class CompilerTable:
    """Queries on host compilers."""

    def __init__(self, file: _File) -> None:
        self._gcc = file.gcc

    @classmethod
    def load(cls) -> "CompilerTable":
        """Read the shipped table."""
        return cls(read("compilers.json", _File))

    def newest_gcc(self, nvcc: str) -> int | None:
        """Return the newest major release of GCC that this nvcc takes, None where it is not recorded."""
        return self._gcc.get(minor(nvcc))
