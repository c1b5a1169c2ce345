"""Names of modules that a file of somebody's own may take the place of."""

from functools import lru_cache

import msgspec

from envkit.matrix.data_files import read


class Headers(msgspec.Struct, frozen=True):
    """The packages with the headers that a module of the standard library is built with."""

    debian: str
    fedora: str


class _File(msgspec.Struct, frozen=True):
    imported_by_torch: frozenset[str]
    often_beside_torch: frozenset[str]
    built_with: dict[str, Headers]


@lru_cache(maxsize=1)
def _table() -> _File:
    return read("modules.json", _File)


def imported_by_torch() -> frozenset[str]:
    """Return the modules that torch itself imports of other packages."""
    return _table().imported_by_torch


def headers_of(name: str) -> Headers | None:
    """Return what a compiled module of the standard library is built with; None for one that is always built."""
    return _table().built_with.get(name)


def often_beside_torch() -> frozenset[str]:
    """Return the modules that programs with torch import of other packages, torch among them."""
    return _table().often_beside_torch | _table().imported_by_torch
