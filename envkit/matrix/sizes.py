"""How much room an environment takes."""

import msgspec

from envkit.matrix.data_files import read

_MEGABYTE = 10**6


class _File(msgspec.Struct, frozen=True):
    megabytes: dict[str, int]


def least_bytes(backend: str) -> int | None:
    """Return the least that an environment with that build takes, None where not known."""
    table = read("sizes.json", _File).megabytes
    found = next((size for start, size in table.items() if backend.startswith(start)), None)
    return None if found is None else found * _MEGABYTE
