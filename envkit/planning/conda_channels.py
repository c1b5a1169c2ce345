"""Which torch the conda channels have: the part of the torch table that speaks of conda."""

from functools import lru_cache

import msgspec

from envkit.matrix.data_files import read


class ChannelEntry(msgspec.Struct, frozen=True):
    """One torch release in one channel; `platforms` and `pythons` are None where they are not recorded."""

    cuda: tuple[str, ...] = ()
    cuda_selector: str = ""
    """How a CUDA release is asked for, "pytorch-cuda="."""
    extra_channels: tuple[str, ...] = ()
    platforms: tuple[str, ...] | None = None
    pythons: tuple[str, ...] | None = None


class _Release(msgspec.Struct, frozen=True):
    conda: dict[str, ChannelEntry] = {}


class _File(msgspec.Struct, frozen=True):
    releases: dict[str, _Release]


@lru_cache(maxsize=1)
def load() -> dict[str, dict[str, ChannelEntry]]:
    """Return release -> channel -> entry, as shipped."""
    return {version: release.conda for version, release in read("torch.json", _File).releases.items()}
