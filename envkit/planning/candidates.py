"""Every torch build that a platform can have, from wheels and from conda channels, in one form."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from envkit.matrix import Matrix
from envkit.matrix.cuda import backend_of, cuda_of
from envkit.matrix.torch_releases import Build, CondaChannel
from envkit.matrix.versions import numbers
from envkit.planning.model import Manager

PYTORCH = "pytorch"
CONDA_FORGE = "conda-forge"


class Candidate(NamedTuple):
    """A build that could be chosen; `archs` None: which GPUs it has code for is not recorded."""

    torch: str
    backend: str
    pythons: tuple[str, ...]
    archs: tuple[str, ...] | None
    min_glibc: str | None
    index_url: str | None
    inferred: bool
    channel: str
    """The conda channel that has it, "" for a wheel."""
    possible: tuple[str, ...] | None = None
    """Where `archs` is None: all that its CUDA can make code for, None where that is not recorded either."""
    min_macos: str | None = None

    @property
    def label(self) -> str:
        """The build in a few words: "torch 2.5.1 (cu121)"."""
        return f"torch {self.torch} ({self.backend})"


@lru_cache(maxsize=64)
def candidates(matrix: Matrix, manager: Manager, platform: str) -> tuple[Candidate, ...]:
    """Return what the manager could install on that platform, oldest release first."""
    builds = matrix.torch.builds(platform=platform)
    found = _in_conda(matrix, platform, builds) if manager is Manager.CONDA else _wheels(matrix, builds)
    full = (option for candidate in found for option in _with_cpu_use(candidate))
    return tuple(sorted(full, key=lambda option: numbers(option.torch)))


def _with_cpu_use(candidate: Candidate) -> tuple[Candidate, ...]:
    """Add the CPU to what an Apple build is good for: one wheel serves both."""
    return (candidate, candidate._replace(backend="cpu")) if candidate.backend == "mps" else (candidate,)


def _wheels(matrix: Matrix, builds: tuple[Build, ...]) -> Iterator[Candidate]:
    for build in builds:
        wheel = Candidate(
            torch=build.torch,
            backend=build.backend,
            pythons=build.pythons,
            archs=_archs(matrix, build),
            min_glibc=build.min_glibc,
            index_url=build.index,
            inferred=build.inferred,
            channel="",
            possible=_possible(matrix, build.backend),
        )
        # Wheels for macOS are built for the oldest release that takes them, which differs between Pythons.
        tags = matrix.torch.macos_tags(build.torch, build.platform) if build.platform.startswith("macos") else {}
        for min_macos, pythons in tags.items():
            yield wheel._replace(pythons=tuple(pythons), min_macos=min_macos)
        if not tags:
            yield wheel


def _archs(matrix: Matrix, build: Build) -> tuple[str, ...] | None:
    if build.backend.startswith("rocm"):
        listed = matrix.torch.rocm_gfx(build.torch, build.backend)
        if listed is not None or build.learned:
            return listed
        # What the lists of the build scripts leave out, the table of GPUs may know.
        return matrix.gpus.native_to(build.backend.removeprefix("rocm")) or None
    return build.archs


def _possible(matrix: Matrix, backend: str) -> tuple[str, ...] | None:
    """Return the code that a CUDA release can make: what no build with it can have more than."""
    capabilities = matrix.cuda.compiles_for(cuda_of(backend) or "")
    return tuple(f"sm_{capability.replace('.', '')}" for capability in capabilities) if capabilities else None


def _in_conda(matrix: Matrix, platform: str, builds: tuple[Build, ...]) -> Iterator[Candidate]:
    for torch in matrix.torch.releases():
        channels = matrix.torch.conda_channels(torch)
        wheels = {build.backend: build for build in builds if build.torch == torch}
        if PYTORCH in channels and wheels and platform in matrix.torch.pytorch_channel.platforms:
            pythons = _pytorch_channel_pythons(matrix, torch, platform, channels[PYTORCH], wheels)
            yield from _in_channel(matrix, PYTORCH, torch, channels[PYTORCH], pythons, platform, wheels)
        elif CONDA_FORGE in channels and platform in (channels[CONDA_FORGE].platforms or ()):
            entry = channels[CONDA_FORGE]
            pythons = entry.pythons or matrix.torch.pythons(torch)
            yield from _in_channel(matrix, CONDA_FORGE, torch, entry, pythons, platform, wheels)


def _pytorch_channel_pythons(
    matrix: Matrix, torch: str, platform: str, entry: CondaChannel, wheels: dict[str, Build]
) -> tuple[str, ...]:
    """Return the Pythons that all of a release's wheels share and, where it is recorded, the channel has.

    Its own list is that of one platform: another's wheels may know fewer.
    """
    rules = matrix.torch.pytorch_channel
    if entry.pythons is not None and platform == rules.seen:
        return entry.pythons
    lists = [
        set(build.pythons)
        for build in matrix.torch.builds(torch=torch)
        if build.default_index and build.platform in rules.inferred_from
    ]
    lists.append({python for build in wheels.values() for python in build.pythons})
    if entry.pythons is not None:
        lists.append(set(entry.pythons))
    return tuple(sorted(set.intersection(*lists), key=numbers))


def _in_channel(
    matrix: Matrix,
    channel: str,
    torch: str,
    entry: CondaChannel,
    pythons: tuple[str, ...],
    platform: str,
    wheels: dict[str, Build],
) -> Iterator[Candidate]:
    cuda = () if platform.startswith("macos") else entry.cuda
    for backend in ("mps" if "mps" in wheels else "cpu", *map(backend_of, cuda)):
        # The pytorch channel was built by the same scripts as the wheels. conda-forge has lists of its own,
        # which are not recorded; nothing in them can be beyond what the CUDA release makes code for.
        wheel = wheels.get(backend) if channel == PYTORCH else None
        yield Candidate(
            torch=torch,
            backend=backend,
            pythons=pythons,
            archs=wheel.archs if wheel else None,
            min_glibc=None,
            index_url=None,
            inferred=entry.pythons is None,
            channel=channel,
            possible=_possible(matrix, backend),
        )
