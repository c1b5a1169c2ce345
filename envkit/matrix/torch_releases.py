"""torch releases: which wheels exist for which Python, platform and backend, and what goes with them."""

from collections.abc import Iterator

import msgspec

from envkit.matrix.data_files import read
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


class _Archs(msgspec.Struct, frozen=True):
    archs: tuple[str, ...] | None = None


class CondaChannel(msgspec.Struct, frozen=True):
    """One torch release in one conda channel; `platforms` and `pythons` are None where they are not recorded."""

    cuda: tuple[str, ...] = ()
    cuda_selector: str = ""
    """How a CUDA release is asked for, "pytorch-cuda="."""
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


class _CondaNotes(msgspec.Struct, frozen=True):
    pytorch_channel_pins: dict[str, tuple[str, ...]] = {}


class _Meta(msgspec.Struct, frozen=True):
    generated: str
    tested: str
    conda_notes: _CondaNotes


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

    @property
    def index(self) -> str | None:
        """URL of the index to take it from, None for the default one."""
        return None if self.default_index else f"{TORCH_INDEX}/{self.backend}"


class TorchTable:
    """Queries on torch releases."""

    def __init__(self, file: _File) -> None:
        self._releases = file.releases
        self.generated = file.meta.generated
        self.tested = file.meta.tested
        """The release to take where request and machine leave the choice."""
        self.pytorch_channel_pins = file.meta.conda_notes.pytorch_channel_pins
        """What an environment from conda's pytorch channel must also hold, by platform."""

    @classmethod
    def load(cls) -> "TorchTable":
        """Read the shipped table."""
        return cls(read("torch.json", _File))

    def releases(self) -> tuple[str, ...]:
        """Return every release, oldest first."""
        return tuple(sorted(self._releases, key=numbers))

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
            for build in _builds_of(version, self._releases[version])
            if backend in (None, build.backend)
            and platform in (None, build.platform)
            and (python is None or python in build.pythons)
        )

    def pythons(self, torch: str) -> tuple[str, ...]:
        """Return the Python minors that a release has wheels for, on any platform, oldest first."""
        found = {python for build in self.builds(torch=public(torch)) for python in build.pythons}
        return tuple(sorted((python for python in found if not python.endswith("t")), key=numbers))

    def companion(self, torch: str, name: str) -> str | None:
        """Return the release of torchvision, torchaudio, ... that belongs to a torch release."""
        release = self._releases.get(public(torch))
        found = release.companions.get(name) if release else None
        return max(found, key=numbers) if isinstance(found, tuple) and found else None

    def numpy2(self, torch: str, platform: str) -> bool | None:
        """Say whether the release works with NumPy 2 on that platform; None when unknown."""
        release = self._releases.get(public(torch))
        return release.numpy2.get(platform) if release else None

    def conda_channels(self, torch: str) -> dict[str, CondaChannel]:
        """Return the conda channels that have a release, by name."""
        release = self._releases.get(public(torch))
        return release.conda if release else {}


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
        )
    for backend, platforms in release.download_index.items():
        if backend.endswith(_SIDE_BUILDS):
            continue
        for platform, pythons in platforms.items():
            default = release.default_index.get(platform)
            if platform.startswith("macos") or (default is not None and default.variant == backend):
                continue  # the default index serves the same build
            yield Build(
                torch=version,
                backend=backend,
                platform=platform,
                pythons=pythons,
                archs=_archs(release, backend, platform),
                min_glibc=default.min_glibc if default else None,
                default_index=False,
                inferred=bool(release.download_index_tag),
            )


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
