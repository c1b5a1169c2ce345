"""Names and meanings of the error codes of the CUDA driver and of NVML."""

from typing import NamedTuple

import msgspec

from envkit.matrix.data_files import read


class _Cuda(msgspec.Struct, frozen=True):
    driver: str | None
    runtime: str | None
    meaning: str


class _Nvml(msgspec.Struct, frozen=True):
    name: str
    meaning: str


class _File(msgspec.Struct, frozen=True):
    cuda: dict[str, _Cuda]
    nvml: dict[str, _Nvml]


class ErrorName(NamedTuple):
    """An error code in words."""

    name: str
    meaning: str


class ErrorTable:
    """Queries on error codes; a code that the table lacks is named by its number."""

    def __init__(self, file: _File) -> None:
        self._file = file

    @classmethod
    def load(cls) -> "ErrorTable":
        """Read the shipped table."""
        return cls(read("errors.json", _File))

    def cuda(self, code: int) -> ErrorName:
        """Return the name of a CUDA driver error."""
        entry = self._file.cuda.get(str(code))
        if entry is None:
            return ErrorName(f"CUDA error {code}", "not in the table")
        return ErrorName(entry.driver or entry.runtime or f"CUDA error {code}", entry.meaning)

    def nvml(self, code: int) -> ErrorName:
        """Return the name of an NVML error."""
        entry = self._file.nvml.get(str(code))
        return ErrorName(entry.name, entry.meaning) if entry else ErrorName(f"NVML error {code}", "not in the table")
