"""What of torch fails without a package that it depends on."""

import msgspec

from envkit.matrix.data_files import read


class Without(msgspec.Struct, frozen=True):
    """What fails without a package, as a sentence goes on after "without it"."""

    fails: str
    vital: bool = False
    """A first training step fails."""


class _File(msgspec.Struct, frozen=True):
    without: dict[str, Without]


_LITTLE = Without("a part of torch fails")


def without(name: str) -> Without:
    """Return what fails of torch without that package."""
    return read("dependencies.json", _File).without.get(name, _LITTLE)
