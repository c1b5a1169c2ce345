"""How much memory the control groups of this process allow it: a container's limit, a batch job's, a service's."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_WHERE = "sys/fs/cgroup"
_MOST = 2**60
"""The first version writes "no limit" as the highest number of pages there is."""


class _Files(NamedTuple):
    """What a version of control groups calls its files."""

    limit: str
    used: str
    reclaimable: str
    """Of memory.stat: what the kernel takes back before it kills anything."""


_FIRST = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_SECOND = _Files("memory.max", "memory.current", "inactive_file")


def memory_limit(root: Path) -> tuple[int | None, int | None]:
    """Return the lowest limit over this process, 0 where there is none, and what is left under the tightest."""
    own = _read(root / "proc/self/cgroup")
    if own is None:
        return None, None
    levels = [level for files, folder in _groups(root, own) for level in _levels(files, folder, root / _WHERE)]
    if not levels:
        return 0, None
    lefts = [left for _, left in levels if left is not None]
    return min(limit for limit, _ in levels), min(lefts) if lefts else None


def _groups(root: Path, own: str) -> Iterator[tuple[_Files, Path]]:
    """Yield the groups of this process that may limit its memory, each by the files of its version."""
    for controllers, path in re.findall(r"^\d+:([^:\n]*):(/.*)$", own, re.MULTILINE):
        # A group outside of what this container sees is told with "..".
        inside = [part for part in path.split("/") if part not in ("", "..")]
        if "memory" in controllers.split(","):
            yield _FIRST, root.joinpath(_WHERE, "memory", *inside)
        elif not controllers:
            yield _SECOND, root.joinpath(_WHERE, *inside)
            yield _SECOND, root.joinpath(_WHERE, "unified", *inside)


def _levels(files: _Files, folder: Path, top: Path) -> Iterator[tuple[int, int | None]]:
    """Yield limit and rest of a group and of all above it; a container may see itself as the top."""
    while folder == top or top in folder.parents:
        limit = _number(_read(folder / files.limit))
        if limit is not None and limit < _MOST:
            used = _number(_read(folder / files.used))
            found = re.search(rf"^{files.reclaimable} (\d+)$", _read(folder / "memory.stat") or "", re.MULTILINE)
            spare = int(found.group(1)) if found else 0
            yield limit, None if used is None else max(0, limit - used + spare)
        folder = folder.parent


def _number(text: str | None) -> int | None:
    told = (text or "").strip()
    return int(told) if told.isdigit() else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return None
