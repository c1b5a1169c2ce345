"""Releases of macOS and their kernels."""

import msgspec

from envkit.matrix.data_files import read


class _File(msgspec.Struct, frozen=True):
    by_kernel: dict[str, str]


class MacTable:
    """Queries on macOS."""

    def __init__(self, file: _File) -> None:
        self._by_kernel = file.by_kernel

    @classmethod
    def load(cls) -> "MacTable":
        """Read the shipped table."""
        return cls(read("macos.json", _File))

    def release_of(self, kernel: str) -> str | None:
        """Return the release with a kernel, "22.6.0"; None for one that is not recorded."""
        return self._by_kernel.get(kernel.partition(".")[0])
