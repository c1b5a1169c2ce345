"""What the metadata of an installed distribution asks for here: Requires-Dist, its environment markers evaluated."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from envkit import reading
from envkit.matrix.versions import minor, numbers
from envkit.snapshot import Distribution, Snapshot

if TYPE_CHECKING:
    from packaging.markers import Marker
    from packaging.requirements import Requirement
    from packaging.version import Version

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_PLAIN = re.compile(r"[\w.-]+?(?:\s*\(?(>=|==)([\d.]+)\)?)?\s*(?:;.*)?")
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


class Unmet(NamedTuple):
    """What the metadata of the imported torch asks for, and is not there so."""

    name: str
    requirement: str
    """As pip takes it: "sympy>=1.13.3"."""
    too_old: bool
    """It is not there, or older than the least that is asked for; else it is newer, or just another one."""
    version: str = ""
    """What is there, "" for nothing."""
    metadata: str = ""
    site: str = ""


def unmet(snapshot: Snapshot) -> tuple[Unmet, ...]:
    """Return what torch itself depends on and what is not installed, or is in a release that torch does not take."""
    installed = reading.packages(snapshot)
    copies = [copy for copy in reading.imported_torch(snapshot) if _tells_its_needs(copy)]
    if installed is None or not installed.complete or installed.unreadable or not copies:
        return ()
    found = _first_of_each(installed.distributions)
    named = {one.name for one in installed.distributions}

    def is_doubtful(name: str) -> bool:
        # A Triton that is there is a companion, another check's matter.
        return _is_ours(name) and (name not in named or (name in found and name != "triton"))

    lines = [line for line in copies[0].requires or () if not _plainly_met(line, found.get(_name(line)))]
    wanted = required(snapshot, lines, is_doubtful)
    return tuple(one for one in (_against(need, found.get(need.name)) for need in wanted) if one)


def named_in(error: str, lacking: Iterable[Unmet]) -> tuple[Unmet, ...]:
    """Return those of what torch lacks that the error of its import names."""
    return tuple(one for one in lacking if f"'{one.name}'" in error.replace("_", "-"))


def _first_of_each(distributions: Iterable[Distribution]) -> dict[str, Distribution]:
    """The copy of each that is imported: the first on the search path. What pip laid over conda's leaves a record."""
    found: dict[str, Distribution] = {}
    for copy in distributions:
        if not copy.metadata.endswith(".json"):
            found.setdefault(copy.name, copy)
    return found


def _tells_its_needs(copy: Distribution) -> bool:
    """Conda has names of its own for some of them, and sees to them itself."""
    return copy.name == "torch" and copy.installer != "conda"


def _is_ours(name: str) -> bool:
    """Say whether it is no matter of another check, and the default index has it."""
    return not name.startswith(("nvidia-", "pytorch-triton", "triton-"))


def _plainly_met(line: str, copy: Distribution | None) -> bool:
    """Say whether what is there is what most lines ask for, "sympy>=1.13.3", for which `packaging` is not imported."""
    plain = _PLAIN.fullmatch(line)
    if copy is None or plain is None:
        return False
    if not plain[1]:
        return True
    here, there = numbers(copy.version), numbers(plain[2])
    return copy.version.replace(".", "").isdigit() and (here == there or (plain[1] == ">=" and here > there))


def _against(wanted: "Requirement", copy: Distribution | None) -> Unmet | None:
    requirement = f"{wanted.name}{wanted.specifier}"
    if copy is None:
        return Unmet(wanted.name, requirement, too_old=True)
    version = version_of(copy.version)
    if version is None or wanted.specifier.contains(version, prereleases=True):
        return None
    least = [one for one in wanted.specifier if one.operator in (">=", ">", "~=")]
    too_old = not all(one.contains(version, prereleases=True) for one in least)
    return Unmet(wanted.name, requirement, too_old, copy.version, copy.metadata, copy.site)


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
