"""What the metadata of an installed distribution asks for here: Requires-Dist, its environment markers evaluated."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from envkit import reading
from envkit.matrix.versions import minor
from envkit.snapshot import Snapshot

if TYPE_CHECKING:
    from packaging.markers import Marker
    from packaging.requirements import Requirement
    from packaging.version import Version

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_OF_EXTRA = re.compile(r";\s*\(?\s*extra\s*==\s*['\"][^'\"]*['\"]\s*\)?\s*$")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_WORD = re.compile(r"[a-z_]+")
_OF_MARKERS = ("and", "or", "in", "not")
_SYSTEMS = {"linux": ("Linux", "linux", "posix"), "windows": ("Windows", "win32", "nt"),
            "macos": ("Darwin", "darwin", "posix")}  # fmt: skip
_IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalVM"}


def required(
    snapshot: Snapshot, lines: Iterable[str] | None, is_meant: Callable[[str], bool]
) -> "Iterator[Requirement]":
    """Yield those of the requirement lines that are meant by their normalised name, and hold for the target.

    What is an extra's is not asked for. A marker on what is not known here holds where pip told the line.
    """
    meant = [line for line in lines or () if is_meant(_name(line)) and not _OF_EXTRA.search(line)]
    if not meant:
        return
    # It takes a tenth of a quick run to be imported, and most environments ask it nothing: only here.
    from packaging.requirements import InvalidRequirement, Requirement

    facts = _facts(snapshot)
    for line in meant:
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue
        if wanted.marker is None or _holds(wanted.marker, facts, unknown=snapshot.pasted):
            wanted.name = _name(wanted.name)
            yield wanted


def version_of(text: str) -> "Version | None":
    """Return a version that can be compared, None for what is none."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except InvalidVersion:
        return None


def _name(line: str) -> str:
    found = _NAME.match(line)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def _holds(marker: "Marker", facts: Mapping[str, str], *, unknown: bool) -> bool:
    names = {word for word in _WORD.findall(_QUOTED.sub("", str(marker))) if word not in _OF_MARKERS}
    if not names <= facts.keys():
        # `packaging` would put in what it sees of envkit's own Python.
        return unknown and "extra" not in names
    return marker.evaluate(dict(facts))


def _facts(snapshot: Snapshot) -> dict[str, str]:
    """What is known of the target, as markers name it."""
    target, machine = reading.interpreter(snapshot), reading.host(snapshot)
    system, platform, kind = _SYSTEMS.get(reading.system(snapshot), ("", "", ""))
    implementation = target.implementation if target else ""
    known = {
        "os_name": kind,
        "sys_platform": platform,
        "platform_system": system,
        "platform_machine": (target.machine if target else "") or (machine.arch if machine else "") or "",
        "platform_release": (machine.kernel if machine else "") or "",
        "platform_python_implementation": _IMPLEMENTATIONS.get(implementation, implementation),
        "implementation_name": implementation,
        "python_version": minor(target.version) if target else "",
        "python_full_version": target.version if target else "",
    }
    return {**{name: value for name, value in known.items() if value}, "extra": ""}
