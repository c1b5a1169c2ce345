"""torch releases: which wheels exist for which Python, platform and backend, and what goes with them."""

import re
from collections.abc import Iterator
from functools import cached_property

import msgspec

from envkit.matrix.data_files import read
from envkit.matrix.learned import UNKNOWN, Kept, LearnedRelease, overlay_file, read_overlay
from envkit.matrix.versions import numbers, public

TORCH_INDEX = "https://download.pytorch.org/whl"
"""Root of PyTorch's own index; one folder a backend."""

_SIDE_BUILDS = ("_full", "_pypi_cudnn", "-cxx11-abi")
"""Folders that repackage a variant for a special purpose; nobody is sent there."""


class _DefaultWheel(msgspec.Struct, frozen=True):
    pythons: tuple[str, ...]
    variant: str
    backend: str | None = None
    cuda_archs: tuple[str, ...] | None = None
    min_glibc: str | None = None
    tags: dict[str, tuple[str, ...]] = {}
    """Pythons by platform tag, "macosx_14_0_arm64"."""


class _Archs(msgspec.Struct, frozen=True):
    archs: tuple[str, ...] | None = None


class CondaChannel(msgspec.Struct, frozen=True):
    """One torch release in one conda channel; `platforms` and `pythons` are None where they are not recorded."""

    channel: str = ""
    """Its address where that is not the entry's own name: "pytorch-lts"."""
    cuda: tuple[str, ...] = ()
    cuda_selector: str = ""
    """How a CUDA release is asked for, "pytorch-cuda="."""
    companions: dict[str, str] = {}
    """The releases of torchvision and torchaudio in this channel, where they were seen there."""
    extra_channels: tuple[str, ...] = ()
    platforms: tuple[str, ...] | None = None
    pythons: tuple[str, ...] | None = None


class _Release(msgspec.Struct, frozen=True):
    default_index: dict[str, _DefaultWheel]
    download_index: dict[str, dict[str, tuple[str, ...]]] = {}
    cuda_archs: dict[str, dict[str, _Archs]] = {}
    numpy2: dict[str, bool] = {}
    companions: dict[str, str | tuple[str, ...]] = {}
    conda: dict[str, CondaChannel] = {}
    download_index_tag: str = ""
    download_index_folder: str = ""
    """Where the folders of `download_index` are, below the root."""
    variant_min_glibc: dict[str, str] = {}
    """Of variants that were built on another platform than the default wheel, or have none beside them."""
    indexes: dict[str, str] = {}
    """For a learned release: the index that has each backend of `download_index`."""
    learned: bool = False


class PytorchChannel(msgspec.Struct, frozen=True):
    """The rules of conda's pytorch channel."""

    platforms: tuple[str, ...]
    seen: str
    """The platform that a release's own list of Pythons was read for."""
    inferred_from: tuple[str, ...]
    """The platforms whose wheels were built for the same Pythons as the packages; a wheel of another tells nothing."""


class _CondaNotes(msgspec.Struct, frozen=True):
    pytorch_channel: PytorchChannel
    pytorch_channel_pins: dict[str, tuple[str, ...]] = {}


class _Meta(msgspec.Struct, frozen=True):
    generated: str
    tested: str
    conda_notes: _CondaNotes
    rocm_gfx: dict[str, str | tuple[str, ...]] = {}
    companion_pythons: dict[str, dict[str, tuple[str, ...]]] = {}


class _File(msgspec.Struct, frozen=True):
    meta: _Meta = msgspec.field(name="_meta")
    releases: dict[str, _Release]


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """One wheel variety of one torch release on one platform."""

    torch: str
    backend: str
    """"cpu", "mps", "cu121", "rocm6.2", "xpu"."""
    platform: str
    """"linux-x86_64", "linux-aarch64", "macos-arm64", "macos-x86_64", "win-amd64"."""
    pythons: tuple[str, ...]
    """Minor versions; a trailing t marks a free-threaded build."""
    archs: tuple[str, ...] | None
    """CUDA code objects inside; None when unknown or not a CUDA build."""
    min_glibc: str | None
    default_index: bool
    """The default package index serves this build to a plain `pip install torch`."""
    inferred: bool
    """Its existence was worked out, not seen in a file list."""
    learned: bool = False
    """It came after this version of envkit: what an index lists is all that is known of it."""
    index_root: str = TORCH_INDEX
    """The index that was seen to have it; PyTorch's own, and what is below it, keeps a folder for each backend."""

    @property
    def index(self) -> str | None:
        """URL of the index to take it from, None for the default one."""
        if self.default_index:
            return None
        own = self.index_root.startswith(TORCH_INDEX)
        return f"{self.index_root}/{self.backend}" if own else self.index_root


class TorchTable:
    """Queries on torch releases."""

    def __init__(self, file: _File, kept: Kept | None = None) -> None:
        overlay = (kept or read_overlay(None)).overlay
        learned = {version: _as_shipped(release) for version, release in overlay.releases.items()}
        # What is shipped was looked at more closely than a list of file names.
        self._releases = {**learned, **file.releases}
        self.shipped_releases = tuple(sorted(file.releases, key=numbers))
        self.notice = kept.notice if kept else ""
        """Why what was learned could not be used, "" when all is well."""
        self.learned = tuple(sorted(set(learned) - set(file.releases), key=numbers))
        """The releases that only an index told of, oldest first."""
        self.learned_on = overlay.written if self.learned else ""
        self.generated = file.meta.generated
        self.tested = file.meta.tested
        """The release to take where request and machine leave the choice."""
        self._companion_pythons = file.meta.companion_pythons
        self._rocm_gfx = tuple(_gfx_rows(file.meta.rocm_gfx))
        self.pytorch_channel = file.meta.conda_notes.pytorch_channel
        self.pytorch_channel_pins = file.meta.conda_notes.pytorch_channel_pins
        """What an environment from conda's pytorch channel must also hold, by platform."""

    @classmethod
    def load(cls) -> "TorchTable":
        """Read the shipped table, and what the user's envkit learned since."""
        return cls(read("torch.json", _File), read_overlay(overlay_file()))

    def releases(self) -> tuple[str, ...]:
        """Return every release, oldest first."""
        return self._in_order

    @cached_property
    def _in_order(self) -> tuple[str, ...]:
        return tuple(sorted(self._releases, key=numbers))

    @cached_property
    def _builds(self) -> dict[str, tuple[Build, ...]]:
        """The builds of each release: one plan asks for them a hundred times."""
        return {version: tuple(_builds_of(version, self._releases[version])) for version in self._in_order}

    def builds(
        self,
        *,
        torch: str | None = None,
        backend: str | None = None,
        platform: str | None = None,
        python: str | None = None,
    ) -> tuple[Build, ...]:
        """Return the builds that match what is given, oldest release first."""
        wanted = self.releases() if torch is None else (torch,) if torch in self._releases else ()
        return tuple(
            build
            for version in wanted
            for build in self._builds[version]
            # A build that nobody knows what it was made for can be looked up, but not chosen.
            if (build.backend != UNKNOWN if backend is None else build.backend == backend)
            and platform in (None, build.platform)
            and (python is None or python in build.pythons)
        )

    def pythons(self, torch: str) -> tuple[str, ...]:
        """Return the Python minors that a release has wheels for, on any platform, oldest first."""
        found = {python for build in self.builds(torch=public(torch)) for python in build.pythons}
        return tuple(sorted((python for python in found if not python.endswith("t")), key=numbers))

    def companion(self, torch: str, name: str, channel: str = "") -> str | None:
        """Return the release of torchvision, torchaudio, ... that belongs to a torch release.

        Where several allow that torch, it is the one that came out with it, which is built for the same backends.
        A conda channel has releases of its own for some: torchvision 0.15.0 where the wheel is 0.15.1.
        """
        release = self._releases.get(public(torch))
        in_channel = self.conda_channels(torch).get(channel)
        if in_channel and name in in_channel.companions:
            return in_channel.companions[name]
        found = release.companions.get(name) if release else None
        return found[0] if isinstance(found, tuple) and found else None

    def companion_pythons(self, name: str, release: str) -> tuple[str, ...] | None:
        """Return the Pythons that a companion has wheels for where they are not those of its torch; None else."""
        return self._companion_pythons.get(name, {}).get(release)

    def numpy2(self, torch: str, platform: str) -> bool | None:
        """Say whether the release works with NumPy 2 on that platform; None when unknown."""
        release = self._releases.get(public(torch))
        return release.numpy2.get(platform) if release else None

    def rocm_gfx(self, torch: str, backend: str) -> tuple[str, ...] | None:
        """Return the GPUs that a release's ROCm build has code for, "gfx1100"; None where that is not recorded."""
        of_rocm = {rocm: gfx for rocm, _, gfx in self._rocm_gfx if rocm}
        if backend in of_rocm:
            return of_rocm[backend]
        rocm, minor = numbers(backend.removeprefix("rocm")), numbers(torch)[:2]
        for _, (first, last, least_rocm), gfx in self._rocm_gfx:
            if first <= minor <= last and rocm >= least_rocm:
                return gfx
        return None

    def macos_tags(self, torch: str, platform: str) -> dict[str, tuple[str, ...]]:
        """Return the Pythons of a release's macOS wheels by the oldest macOS that takes them, "14.0"."""
        release = self._releases.get(public(torch))
        wheel = release.default_index.get(platform) if release else None
        return {".".join(tag.split("_")[1:3]): pythons for tag, pythons in (wheel.tags if wheel else {}).items()}

    def conda_channels(self, torch: str) -> dict[str, CondaChannel]:
        """Return the conda channels that have a release, by name."""
        release = self._releases.get(public(torch))
        return release.conda if release else {}


_TORCH_RANGE = re.compile(r"(\d+\.\d+)-(\d+\.\d+)(?: \(rocm(\d+\.\d+)\+\))?")
_ROCM = re.compile(r"(rocm[\d.]+)(?: \(main, .*\))?")
_NO_RANGE: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] = ((9999,), (), ())


def _gfx_rows(
    table: dict[str, str | tuple[str, ...]],
) -> Iterator[tuple[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]], tuple[str, ...]]]:
    """Yield each list of GPUs under its ROCm release, or under its range of torch releases from a ROCm on.

    What the main branch was built for counts only where no release was looked at.
    """
    for key, gfx in sorted(table.items(), key=lambda row: "(main" not in row[0]):
        if isinstance(gfx, str):
            continue
        torches = _TORCH_RANGE.fullmatch(key)
        if torches:
            first, last, rocm = torches.groups()
            yield "", (numbers(first), numbers(last), numbers(rocm or "0")), gfx
        elif rocm_only := _ROCM.fullmatch(key):
            yield rocm_only[1], _NO_RANGE, gfx


def _builds_of(version: str, release: _Release) -> Iterator[Build]:
    for platform, wheel in release.default_index.items():
        yield Build(
            torch=version,
            backend=wheel.backend or wheel.variant,
            platform=platform,
            pythons=wheel.pythons,
            archs=wheel.cuda_archs or _archs(release, wheel.variant, platform),
            min_glibc=wheel.min_glibc,
            default_index=True,
            inferred=False,
            learned=release.learned,
        )
    for backend, platforms in release.download_index.items():
        if backend.endswith(_SIDE_BUILDS):
            continue
        for platform, pythons in platforms.items():
            default = release.default_index.get(platform)
            if default is not None and (platform.startswith("macos") or default.variant == backend):
                continue  # the default index serves the same build
            yield Build(
                torch=version,
                backend=backend,
                platform=platform,
                pythons=pythons,
                archs=_archs(release, backend, platform),
                min_glibc=_min_glibc(release, backend, platform),
                default_index=False,
                inferred=bool(release.download_index_tag),
                learned=release.learned,
                index_root=release.indexes.get(backend) or f"{TORCH_INDEX}/{release.download_index_folder}".rstrip("/"),
            )


def _as_shipped(learned: LearnedRelease) -> _Release:
    """Return a learned release in the form of a shipped one."""
    return _Release(
        default_index={
            platform: _DefaultWheel(
                pythons=wheel.pythons,
                variant=wheel.variant,
                backend="mps" if platform == "macos-arm64" else None,
                min_glibc=wheel.min_glibc,
            )
            for platform, wheel in learned.plain.items()
        },
        download_index=learned.variants,
        indexes=learned.indexes,
        learned=True,
    )


def _min_glibc(release: _Release, variant: str, platform: str) -> str | None:
    """Return the glibc that a variant needs: its own where that is known, else that of the default wheel beside it."""
    default = release.default_index.get(platform)
    own = release.variant_min_glibc.get(variant) if platform.startswith("linux") else None
    return own or (default.min_glibc if default else None)


def _archs(release: _Release, variant: str, platform: str) -> tuple[str, ...] | None:
    entry = release.cuda_archs.get(variant, {}).get(platform)
    return entry.archs if entry else None


def platform_of(os: str, arch: str, libc: str | None) -> str | None:
    """Return the wheel platform of a machine, None where no torch wheel exists for any release."""
    if os == "linux" and not (libc or "").startswith("musl") and arch in ("x86_64", "aarch64"):
        return f"linux-{arch}"
    return {
        ("macos", "arm64"): "macos-arm64",
        ("macos", "x86_64"): "macos-x86_64",
        ("windows", "x86_64"): "win-amd64",
        ("windows", "arm64"): "win-arm64",
    }.get((os, arch))
