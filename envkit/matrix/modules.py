"""Names of modules that a file of somebody's own may take the place of."""

from functools import lru_cache

import msgspec

from envkit.matrix.data_files import read


class _File(msgspec.Struct, frozen=True):
    imported_by_torch: frozenset[str]
    often_beside_torch: frozenset[str]


@lru_cache(maxsize=1)
def _table() -> _File:
    return read("modules.json", _File)


def imported_by_torch() -> frozenset[str]:
    """Return the modules that torch itself imports of other packages."""
    return _table().imported_by_torch


def often_beside_torch() -> frozenset[str]:
    """Return the modules that programs with torch import of other packages, torch among them."""
    return _table().often_beside_torch | _table().imported_by_torch
