"""Python releases and their end of life."""

import msgspec

from envkit.matrix.data_files import read
from envkit.matrix.versions import numbers


class _Python(msgspec.Struct, frozen=True):
    end_of_life: str


class _File(msgspec.Struct, frozen=True):
    pythons: dict[str, _Python]
    patch_with_wheels: int


class PythonTable:
    """Queries on Python releases."""

    def __init__(self, file: _File) -> None:
        self._pythons, self._patch = file.pythons, file.patch_with_wheels

    @classmethod
    def load(cls) -> "PythonTable":
        """Read the shipped table."""
        return cls(read("python.json", _File))

    def minors(self) -> tuple[str, ...]:
        """Return every minor release, oldest first."""
        return tuple(sorted(self._pythons, key=numbers))

    def end_of_life(self, minor: str) -> str | None:
        """Return the month ("2024-10") in which that minor release ends, None when unknown."""
        entry = self._pythons.get(minor)
        return entry.end_of_life if entry else None

    def was_new(self, version: str) -> bool:
        """Say whether a release, "3.12.0", is of a time at which torch may have had no wheel for it yet."""
        return len(numbers(version)) > 2 and numbers(version)[2] < self._patch
