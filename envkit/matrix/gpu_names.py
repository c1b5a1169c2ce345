"""The names of GPUs, for who typed one that the table does not know, or that several go by."""

import re
from difflib import get_close_matches

import msgspec

from envkit.matrix.data_files import read


class _Devices(msgspec.Struct, frozen=True):
    names: tuple[str, ...] = ()


class _Any(msgspec.Struct, frozen=True):
    """A product, of which only the name matters here."""


class _File(msgspec.Struct, frozen=True):
    nvidia: dict[str, _Any]
    amd: dict[str, _Any]
    apple: dict[str, _Any]
    nvidia_more: dict[str, _Devices] = {}
    amd_more: dict[str, _Devices] = {}
    intel_xpu: dict[str, _Devices] = {}


# What stands before the name that people say: the maker and the line of products.
_BEFORE = {"nvidia", "amd", "apple", "intel", "geforce", "tesla", "quadro", "radeon", "instinct"}
_WORD = re.compile(r"[a-z]+|\d+")
_SHOWN = 3


class GpuNames:
    """The names of the table's products."""

    def __init__(self, file: _File) -> None:
        more = (file.nvidia_more, file.amd_more, file.intel_xpu)
        others = (name for table in more for devices in table.values() for name in devices.names)
        self._names = (*file.nvidia, *file.amd, *file.apple, *others)
        self._apple = {_short(name) for name in file.apple}

    @classmethod
    def load(cls) -> "GpuNames":
        """Read the shipped table."""
        return cls(read("gpus.json", _File))

    def is_apple(self, name: str) -> bool:
        """Say whether a name is that of an Apple chip."""
        return _short(name) in self._apple

    def going_by(self, name: str) -> tuple[str, ...]:
        """Return the products whose name holds all words of a name, shortest first."""
        asked = set(_WORD.findall(name.casefold()))
        holding = (known for known in self._names if asked and asked <= set(_WORD.findall(known.casefold())))
        return tuple(sorted(holding, key=len)[:_SHOWN])

    def nearest(self, name: str) -> tuple[str, ...]:
        """Return the names that look most like a name that nothing has."""
        known = {_short(one): one for one in self._names}
        return tuple(known[close] for close in get_close_matches(_short(name), known, n=_SHOWN, cutoff=0.5))


def _short(name: str) -> str:
    words = _WORD.findall(name.casefold())
    while len(words) > 1 and words[0] in _BEFORE:
        words.pop(0)
    return "".join(words)
