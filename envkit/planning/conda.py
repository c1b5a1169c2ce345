"""The channels and dependencies of a conda environment for a chosen build."""

from typing import NamedTuple

from envkit.matrix.cuda import cuda_of
from envkit.matrix.torch_releases import TorchTable
from envkit.planning.candidates import CONDA_FORGE, PYTORCH, Candidate
from envkit.planning.packages import Packages


class CondaChoice(NamedTuple):
    """What goes into `environment.yml`."""

    channels: tuple[str, ...]
    dependencies: tuple[str, ...]


def choose_conda(
    chosen: Candidate, platform: str, python: str, packages: Packages, releases: TorchTable
) -> CondaChoice:
    """Return the channels, most important first, and the dependencies, Python and torch first."""
    channels, torch = _pytorch(chosen, platform, releases) if chosen.channel == PYTORCH else _conda_forge(chosen)
    pinned = (f"{name}={release}" for name, release in packages.companions.items())
    return CondaChoice(channels, (f"python={python}", *torch, *pinned, *packages.requirements))


def _pytorch(chosen: Candidate, platform: str, releases: TorchTable) -> tuple[tuple[str, ...], tuple[str, ...]]:
    entry = releases.conda_channels(chosen.torch)[PYTORCH]
    cuda = cuda_of(chosen.backend)
    more = entry.extra_channels if cuda else ()
    # On macOS there is one build alone, so there is nothing to select.
    no_cuda = () if platform.startswith("macos") else ("cpuonly",)
    selector = (f"{entry.cuda_selector}{cuda}",) if cuda else no_cuda
    channels = dict.fromkeys((PYTORCH, *more, CONDA_FORGE))
    pins = releases.pytorch_channel_pins.get(platform, ())
    return tuple(channels), (f"pytorch={chosen.torch}", *selector, *pins)


def _conda_forge(chosen: Candidate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    cuda = cuda_of(chosen.backend)
    if cuda:
        return (CONDA_FORGE,), (f"pytorch-gpu={chosen.torch}", f"cuda-version={cuda}")
    package = "pytorch" if chosen.backend == "mps" else "pytorch-cpu"
    return (CONDA_FORGE,), (f"{package}={chosen.torch}",)
