"""From the file names of an index to releases: what a name tells, and nothing that it does not."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envkit.matrix.cuda import backend_of
from envkit.matrix.learned import UNKNOWN, LearnedRelease, LearnedWheel, problems_of_release, python_order
from envkit.matrix.versions import minor, numbers

RELEASES_LIMIT = 24
"""More releases than that do not come between two versions of envkit: the newest are kept."""

# "2_28_x86_64" after "manylinux_"; the names before PEP 600 each stand for one glibc.
_MANYLINUX = re.compile(r"manylinux_(?P<glibc>2_\d+)_(?P<arch>\w+)")
_OLD_NAMES = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
_MACOS = re.compile(r"macosx_\d+_\d+_(?P<arch>arm64|x86_64)")
_CPYTHON = re.compile(r"cp3(?P<minor>\d{1,2})")


class Wheel(NamedTuple):
    """What the file name of a torch wheel tells."""

    version: str
    """Without its local part."""
    variant: str
    """The local part, "cu132", "" where there is none."""
    platform: str
    pythons: tuple[str, ...]
    min_glibc: str | None
    name: str


class Source(NamedTuple):
    """What one index lists; `url` is its root."""

    url: str
    names: tuple[str, ...]


def read_wheel_name(name: str, known_pythons: Sequence[str]) -> Wheel | None:
    """Return what a file name tells; None for what is no released wheel of torch for a platform that we know."""
    try:
        project, version, _, tags = parse_wheel_filename(name)
    except (InvalidWheelFilename, ValueError):
        return None
    if project != "torch" or version.is_prerelease or version.is_postrelease or version.epoch:
        return None
    systems = {system for tag in tags if (system := _platform(tag.platform))}
    pythons = {python for tag in tags for python in _pythons(tag, known_pythons)}
    if len({platform for platform, _ in systems}) != 1 or not pythons:
        return None
    platform, _ = next(iter(systems))
    lowest = min((glibc for _, glibc in systems if glibc), key=numbers, default=None)
    return Wheel(
        version=version.public,
        variant=version.local or "",
        platform=platform,
        pythons=tuple(sorted(pythons, key=python_order)),
        min_glibc=lowest,
        name=name,
    )


def _platform(tag: str) -> tuple[str, str | None] | None:
    """Return the wheel platform and the glibc that a platform tag names."""
    if modern := _MANYLINUX.fullmatch(tag):
        return f"linux-{modern['arch']}", modern["glibc"].replace("_", ".")
    for old, glibc in _OLD_NAMES.items():
        if tag.startswith(f"{old}_"):
            return f"linux-{tag.removeprefix(f'{old}_')}", glibc
    if tag.startswith("linux_"):
        return f"linux-{tag.removeprefix('linux_')}", None
    if mac := _MACOS.fullmatch(tag):
        return f"macos-{mac['arch']}", None
    return (f"win-{tag.removeprefix('win_')}", None) if tag in ("win_amd64", "win_arm64") else None


def _pythons(tag: Tag, known: Sequence[str]) -> Iterator[str]:
    found = _CPYTHON.fullmatch(tag.interpreter)
    if not found:
        return
    own = f"3.{found['minor']}"
    if tag.abi == f"{tag.interpreter}t":
        yield f"{own}t"
    elif tag.abi == "abi3":
        yield from (python for python in known if numbers(python) >= numbers(own))
    elif tag.abi in (tag.interpreter, f"{tag.interpreter}m", "none"):
        yield own


def new_wheels(source: Source, shipped: Sequence[str], known_pythons: Sequence[str]) -> tuple[Wheel, ...]:
    """Return the wheels of releases that are not shipped, of the newest `RELEASES_LIMIT`.

    What came before the oldest that is shipped was left out for good; a patch of an older release may be new.
    """
    oldest = min((numbers(version) for version in shipped), default=())
    wheels = [wheel for name in source.names if (wheel := read_wheel_name(name, known_pythons))]
    versions = {wheel.version for wheel in wheels} - set(shipped)
    later = sorted((version for version in versions if numbers(version) > oldest), key=numbers)
    kept = set(later[-RELEASES_LIMIT:])
    return tuple(wheel for wheel in wheels if wheel.version in kept)


def telling(wheels: Iterable[Wheel]) -> tuple[Wheel, ...]:
    """Return the wheels whose metadata may tell what the names do not: one for each release and platform on Linux."""
    first: dict[tuple[str, str], Wheel] = {}
    for wheel in wheels:
        if not wheel.variant and wheel.platform.startswith("linux-"):
            first.setdefault((wheel.version, wheel.platform), wheel)
    return tuple(first.values())


def learn(found: Mapping[str, tuple[Wheel, ...]], metadata: Mapping[str, str]) -> dict[str, LearnedRelease]:
    """Return the releases in wheels by index, first index first; `metadata` is the METADATA of a wheel by its name."""
    plain: dict[str, dict[str, list[Wheel]]] = {}
    variants: dict[str, dict[str, dict[str, set[str]]]] = {}
    indexes: dict[str, dict[str, str]] = {}
    for url, wheels in found.items():
        for wheel in wheels:
            if not wheel.variant:
                plain.setdefault(wheel.version, {}).setdefault(wheel.platform, []).append(wheel)
            elif indexes.setdefault(wheel.version, {}).setdefault(wheel.variant, url) == url:
                platforms = variants.setdefault(wheel.version, {}).setdefault(wheel.variant, {})
                platforms.setdefault(wheel.platform, set()).update(wheel.pythons)
    return {
        version: _well_formed(
            version,
            {platform: _plain(platform, of, metadata) for platform, of in plain.get(version, {}).items()},
            variants.get(version, {}),
            indexes.get(version, {}),
        )
        for version in sorted({*plain, *variants}, key=numbers)
    }


def keep(
    before: Mapping[str, LearnedRelease],
    now: Mapping[str, LearnedRelease],
    silent: Collection[str],
    *,
    plain_silent: bool,
) -> dict[str, LearnedRelease]:
    """Return what is learned now, with what was learned before from the indexes that are silent today.

    `plain_silent`: one of the indexes that pip is configured with is silent.
    """
    nothing = LearnedRelease()
    kept = {
        version: _kept(before.get(version, nothing), now.get(version, nothing), silent, plain_silent=plain_silent)
        for version in sorted({*before, *now}, key=numbers)
    }
    return {version: release for version, release in kept.items() if release != nothing}


def _kept(
    before: LearnedRelease, now: LearnedRelease, silent: Collection[str], *, plain_silent: bool
) -> LearnedRelease:
    backends = {backend for backend, url in before.indexes.items() if url in silent and backend not in now.variants}
    return LearnedRelease(
        plain={**(before.plain if plain_silent else {}), **now.plain},
        variants={**{backend: before.variants[backend] for backend in backends}, **now.variants},
        indexes={**{backend: before.indexes[backend] for backend in backends}, **now.indexes},
    )


def _well_formed(
    version: str,
    plain: dict[str, LearnedWheel],
    variants: Mapping[str, Mapping[str, set[str]]],
    indexes: Mapping[str, str],
) -> LearnedRelease:
    """Return the release without what a name of nobody's making ("+cu1234.foo", "linux-x") would put into it."""
    ordered = {
        backend: {platform: tuple(sorted(pythons, key=python_order)) for platform, pythons in platforms.items()}
        for backend, platforms in variants.items()
    }
    right = {
        backend: platforms
        for backend, platforms in ordered.items()
        if not problems_of_release(version, {}, {backend: platforms})
    }
    return LearnedRelease(
        plain={
            platform: wheel
            for platform, wheel in plain.items()
            if not problems_of_release(version, {platform: wheel.pythons}, {})
        },
        variants=right,
        indexes={backend: indexes[backend] for backend in right},
    )


def _plain(platform: str, wheels: list[Wheel], metadata: Mapping[str, str]) -> LearnedWheel:
    pythons = {python for wheel in wheels for python in wheel.pythons}
    glibcs = [wheel.min_glibc for wheel in wheels if wheel.min_glibc]
    return LearnedWheel(
        pythons=tuple(sorted(pythons, key=python_order)),
        variant=_variant(platform, wheels, metadata),
        min_glibc=max(glibcs, key=numbers) if len(glibcs) == len(wheels) else None,
    )


def _variant(platform: str, wheels: list[Wheel], metadata: Mapping[str, str]) -> str:
    """Return what wheels without a local version were built for, where that is known.

    There is one build for macOS. Elsewhere the libraries that a wheel requires name its CUDA; that it requires
    none says nothing, since it may bring them.
    """
    if platform.startswith("macos"):
        return "cpu"
    told = (cuda for wheel in wheels if (cuda := cuda_of_metadata(metadata.get(wheel.name, ""))))
    release = next(told, None)
    return backend_of(minor(release)) if release else UNKNOWN


def cuda_of_metadata(metadata: str) -> str | None:
    """Return the CUDA release whose libraries a wheel requires ("13.0.3"); None where it pins none."""
    for line in metadata.splitlines():
        if not line.strip():
            return None  # the description follows
        key, _, value = line.partition(":")
        if key.lower() == "requires-dist" and (release := _pinned_cuda(value.strip())):
            return release
    return None


# The meta package of CUDA and the runtime before it: both carry the release of CUDA itself.
_CUDA_PACKAGES = re.compile(r"cuda-toolkit|nvidia-cuda-runtime(-cu\d+)?")


def _pinned_cuda(text: str) -> str | None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    if not _CUDA_PACKAGES.fullmatch(requirement.name.lower()):
        return None
    pinned = [one.version for one in requirement.specifier if one.operator == "=="]
    return pinned[0] if pinned and len(numbers(pinned[0])) >= 2 else None
