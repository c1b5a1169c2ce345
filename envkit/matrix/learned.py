"""The overlay: torch releases that came after this version of envkit, learned from an index and kept for the user.

It never stands above the shipped tables, and what is read back is checked as they are: a file that somebody
else wrote, or that was damaged, is passed over with a notice.
"""

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from envkit.errors import EnvkitError
from envkit.matrix.versions import numbers

FORMAT = 1
SIZE_LIMIT = 4 * 2**20
UNKNOWN = "unknown"
"""The variant of a wheel whose file name and metadata do not tell what it was built for."""

# Compiled where they are used: most runs find no overlay.
_RELEASE = r"\d{1,4}(\.\d{1,4}){1,3}"
_PYTHON = r"3\.\d{1,2}t?"
_PLATFORM = r"(linux|macos|win)-[a-z0-9_]{1,16}"
_BACKEND = r"cpu|xpu|mps|cu\d{3,4}|rocm\d{1,2}(\.\d{1,2}){1,2}"
_INDEX = r"(?:https?|file)://[^\s@'\"<>`|\\^{}]+"
_GLIBC = r"2\.\d{1,3}"

Platforms = dict[str, tuple[str, ...]]


class LearnedWheel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The wheels without a local version of one platform."""

    pythons: tuple[str, ...]
    variant: str = UNKNOWN
    min_glibc: str | None = None


class LearnedRelease(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One release, as far as file names and wheel metadata tell."""

    plain: dict[str, LearnedWheel] = {}
    """By platform: the wheels that a plain `pip install torch` may take."""
    variants: dict[str, Platforms] = {}
    """By backend and platform: the Pythons of the wheels with a local version."""
    indexes: dict[str, str] = {}
    """By backend: the index that has these wheels."""


class Overlay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that was learned; `sources` are the indexes that answered, without credentials."""

    format: int = FORMAT
    written: str = ""
    """UTC, ISO 8601."""
    envkit_version: str = ""
    sources: tuple[str, ...] = ()
    releases: dict[str, LearnedRelease] = {}


class _Head(msgspec.Struct):
    format: int


class Kept(NamedTuple):
    """What the user's cache holds; `notice` says why it could not be used, "" when all is well."""

    overlay: Overlay
    notice: str = ""


class SourceAnswer(msgspec.Struct, frozen=True):
    """What one index gave: the wheels of torch that it lists, or why there is no answer."""

    url: str
    wheels: int
    yanked: int
    problem: str


class Refreshed(msgspec.Struct, frozen=True, kw_only=True):
    """What a refresh brought, and where it is kept."""

    overlay: Overlay
    path: str
    sources: tuple[SourceAnswer, ...]
    notices: tuple[str, ...] = ()
    incomplete: bool = False
    """An index that pip is configured with did not answer."""


def overlay_file(variables: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path | None:
    """Return where the overlay is kept: in ENVKIT_CACHE_DIR, else in the user's cache; None where there is none."""
    folder = _cache_folder(variables, platform)
    return folder / "torch-releases.json" if folder else None


def _cache_folder(variables: Mapping[str, str], platform: str) -> Path | None:
    own = variables.get("ENVKIT_CACHE_DIR")
    if own:
        return Path(own)
    named = {"win32": "LOCALAPPDATA", "darwin": ""}.get(platform, "XDG_CACHE_HOME")
    base = variables.get(named, "") if named else ""
    if base and Path(base).is_absolute():
        return Path(base) / "envkit"
    usual = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(platform, ".cache")
    try:
        return Path.home() / usual / "envkit"
    except RuntimeError:  # a user without a home
        return None


def read_overlay(path: Path | None) -> Kept:
    """Return what was learned, with the notice to tell when there is something that cannot be used."""
    nothing = Overlay()
    if path is None:
        return Kept(nothing)
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        return Kept(nothing)
    except OSError as error:
        return Kept(nothing, f"what was learned cannot be read ({path}: {error.strerror})")
    try:
        return Kept(_checked(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as problem:
        return Kept(nothing, f"what was learned is passed over ({path}: {problem}): `envkit matrix --refresh` mends it")


def _checked(data: bytes) -> Overlay:
    if len(data) > SIZE_LIMIT:
        raise ValueError(f"larger than {SIZE_LIMIT} bytes")
    head = msgspec.json.decode(data, type=_Head)
    if head.format != FORMAT:
        raise ValueError(f"format {head.format}, and this envkit reads {FORMAT}")
    overlay = msgspec.json.decode(data, type=Overlay)
    problems = problems_of(overlay)
    if problems:
        raise ValueError(problems[0])
    return overlay


def write_overlay(overlay: Overlay, path: Path | None) -> Path:
    """Keep what was learned, whole or not at all; raise `EnvkitError` where the user's cache cannot be written."""
    if path is None:
        raise EnvkitError(
            "there is no folder to keep what was learned in: this user has no home",
            hint="name one: `ENVKIT_CACHE_DIR=FOLDER envkit matrix --refresh`",
            exit_code=1,
        )
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(overlay), indent=1) + b"\n")
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise EnvkitError(
            f"what was learned cannot be kept in {path.parent}: {error.strerror}",
            hint="name a folder that can be written: `ENVKIT_CACHE_DIR=FOLDER envkit matrix --refresh`",
            exit_code=1,
        ) from error
    return path


def problems_of(overlay: Overlay) -> tuple[str, ...]:
    """Return what is not well formed in what was learned."""
    return tuple(
        problem
        for version, release in overlay.releases.items()
        for problem in (
            *problems_of_release(version, {p: w.pythons for p, w in release.plain.items()}, release.variants),
            *(
                f"{version}: {wheel.variant!r} is no variant"
                for wheel in release.plain.values()
                if wheel.variant != UNKNOWN and not re.fullmatch(_BACKEND, wheel.variant)
            ),
            *(
                f"{version}: {wheel.min_glibc!r} is no glibc"
                for wheel in release.plain.values()
                if wheel.min_glibc is not None and not re.fullmatch(_GLIBC, wheel.min_glibc)
            ),
            *(
                f"{version}: no index has {backend}"
                for backend in release.variants
                if not re.fullmatch(_INDEX, release.indexes.get(backend, ""))
            ),
        )
    )


def problems_of_release(
    version: str, plain: Mapping[str, tuple[str, ...]], variants: Mapping[str, Platforms]
) -> list[str]:
    """Return what is not well formed in one release's wheels, shipped or learned."""
    problems = [] if re.fullmatch(_RELEASE, version) else [f"{version!r} is no release"]
    problems += [f"{version}: {backend!r} is no backend" for backend in variants if not re.fullmatch(_BACKEND, backend)]
    for where, platforms in (("", plain), *variants.items()):
        for platform, pythons in platforms.items():
            wheels = f"{version} {where} {platform}"
            if not re.fullmatch(_PLATFORM, platform):
                problems.append(f"{wheels}: {platform!r} is no platform")
            if not pythons:
                problems.append(f"{wheels}: no Python at all")
            problems += [
                f"{wheels}: {python!r} is no Python" for python in pythons if not re.fullmatch(_PYTHON, python)
            ]
            if list(pythons) != sorted(set(pythons), key=python_order):
                problems.append(f"{wheels}: the Pythons are not in order, each once")
    return problems


def python_order(python: str) -> tuple[tuple[int, ...], bool]:
    """Return what sorts Pythons: the free-threaded build after its plain one."""
    return numbers(python.removesuffix("t")), python.endswith("t")
