"""Where the dynamic loader would look for a library, without loading anything.

glibc's order (ld.so(8)): LD_LIBRARY_PATH, the cache that ldconfig wrote, then the trusted folders.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from envkit.probes.paths import exists, is_folder

_CACHE = "etc/ld.so.cache"
_TRUSTED = ("lib", "lib64", "usr/lib", "usr/lib64", "lib/*-linux-gnu*", "usr/lib/*-linux-gnu*")
_HWCAPS = "glibc-hwcaps/*"


def is_certainly_absent(library: str, variables: Mapping[str, str] = os.environ, root: Path = Path("/")) -> bool:
    """Say whether no folder that the loader searches holds `library`.

    False also when that cannot be told: another loader than glibc's, a cache that cannot be read.
    """
    if sys.platform != "linux":
        return False
    try:
        cached = library.encode() + b"\0" in (root / _CACHE).read_bytes()
    except OSError:
        return False
    return not cached and not any(exists(folder / library) for folder in _folders(variables, root))


def _folders(variables: Mapping[str, str], root: Path) -> Iterator[Path]:
    for entry in variables.get("LD_LIBRARY_PATH", "").replace(";", ":").split(":"):
        # An empty entry means the current folder, and so does an empty variable that is set: harmless to look.
        folder = Path(entry or ".")
        yield folder
        if is_folder(folder):
            yield from folder.glob(_HWCAPS)
    for pattern in _TRUSTED:
        yield from root.glob(pattern)
