"""Every torch build that a platform can have, from wheels and from conda channels, in one form."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from envkit.matrix import Matrix
from envkit.matrix.cuda import backend_of
from envkit.matrix.torch_releases import Build, CondaChannel
from envkit.matrix.versions import numbers
from envkit.planning.model import Manager

PYTORCH = "pytorch"
CONDA_FORGE = "conda-forge"

# Both x86_64 systems were built for one list of Pythons; a wheel of one alone says nothing of conda.
_PYTORCH_CHANNEL_BUILDS = ("linux-x86_64", "win-amd64")


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

    @property
    def label(self) -> str:
        """The build in a few words: "torch 2.5.1 (cu121)"."""
        return f"torch {self.torch} ({self.backend})"


@lru_cache(maxsize=64)
def candidates(matrix: Matrix, manager: Manager, platform: str) -> tuple[Candidate, ...]:
    """Return what the manager could install on that platform, oldest release first."""
    builds = matrix.torch.builds(platform=platform)
    found = _in_conda(matrix, platform, builds) if manager is Manager.CONDA else map(_wheel, builds)
    return tuple(option for candidate in found for option in _with_cpu_use(candidate) if _supported(option))


def _supported(candidate: Candidate) -> bool:
    """Builds for AMD and Intel GPUs are not planned for yet."""
    return candidate.backend in ("cpu", "mps") or candidate.backend.startswith("cu")


def _with_cpu_use(candidate: Candidate) -> tuple[Candidate, ...]:
    """Add the CPU to what an Apple build is good for: one wheel serves both."""
    return (candidate, candidate._replace(backend="cpu")) if candidate.backend == "mps" else (candidate,)


def _wheel(build: Build) -> Candidate:
    return Candidate(
        torch=build.torch,
        backend=build.backend,
        pythons=build.pythons,
        archs=build.archs,
        min_glibc=build.min_glibc,
        index_url=build.index,
        inferred=build.inferred,
        channel="",
    )


def _in_conda(matrix: Matrix, platform: str, builds: tuple[Build, ...]) -> Iterator[Candidate]:
    for torch in matrix.torch.releases():
        channels = matrix.torch.conda_channels(torch)
        wheels = {build.backend: build for build in builds if build.torch == torch}
        if PYTORCH in channels and wheels and platform != "linux-aarch64":
            pythons = _pytorch_channel_pythons(matrix, torch, platform)
            yield from _in_channel(PYTORCH, torch, channels[PYTORCH], pythons, platform, wheels)
        elif CONDA_FORGE in channels and platform in (channels[CONDA_FORGE].platforms or ()):
            entry = channels[CONDA_FORGE]
            pythons = entry.pythons or matrix.torch.pythons(torch)
            yield from _in_channel(CONDA_FORGE, torch, entry, pythons, platform, wheels)


def _pytorch_channel_pythons(matrix: Matrix, torch: str, platform: str) -> tuple[str, ...]:
    """Return the Pythons that all of a release's wheels share: the channel's own list is not recorded."""
    lists = [
        set(build.pythons)
        for build in matrix.torch.builds(torch=torch)
        if build.default_index and build.platform in (*_PYTORCH_CHANNEL_BUILDS, platform)
    ]
    return tuple(sorted(set.intersection(*lists), key=numbers)) if lists else ()


def _in_channel(
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
        # which are not recorded: where there is a wheel for the same CUDA, its list is the best known.
        wheel = wheels.get(backend)
        yield Candidate(
            torch=torch,
            backend=backend,
            pythons=pythons,
            archs=wheel.archs if wheel else None,
            min_glibc=None,
            index_url=None,
            inferred=channel == CONDA_FORGE and entry.pythons is None,
            channel=channel,
        )
