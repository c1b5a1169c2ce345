"""The channels and dependencies of a conda environment for a chosen build."""

from typing import NamedTuple

from envkit.matrix import Matrix
from envkit.matrix.cuda import cuda_of
from envkit.matrix.torch_releases import CondaChannel, TorchTable
from envkit.matrix.versions import numbers
from envkit.planning.candidates import CONDA_FORGE, PYTORCH, Candidate
from envkit.planning.machine import read_machine
from envkit.planning.model import Plan, Reason, Request
from envkit.planning.packages import Packages
from envkit.planning.wishes import check_place, read_wish
from envkit.snapshot import Snapshot


class CondaChoice(NamedTuple):
    """What goes into `environment.yml`."""

    channels: tuple[str, ...]
    dependencies: tuple[str, ...]


def choose_conda(
    chosen: Candidate,
    platform: str,
    python: str,
    packages: Packages,
    releases: TorchTable,
    index: str | None = None,
) -> CondaChoice:
    """Return the channels, most important first, and the dependencies, Python and torch first.

    `index` is a channel that has everything: it takes the place of all others.
    """
    choose = _from_pytorch if chosen.channel == PYTORCH else _from_conda_forge
    channels, torch = choose(chosen, platform, packages, releases)
    others = map(conda_spec, packages.requirements)
    return CondaChoice((index,) if index else channels, (f"python={python}", *torch, *others))


def plan_bare_conda(request: Request, snapshot: Snapshot, matrix: Matrix) -> Plan:
    """Plan a conda environment with Python and pip alone: no build of torch is to be chosen."""
    read_wish(request, matrix.torch.releases())
    machine = read_machine(request, snapshot, matrix)
    check_place(request.path or "", machine.platform)
    channel, because = (request.index, "as asked") if request.index else (CONDA_FORGE, "it has every Python")
    return Plan(
        manager=request.manager,
        engine=request.engine,
        name=request.name or f"python-{machine.python}",
        path=request.path or "",
        python=machine.python,
        platform=machine.platform,
        torch="",
        backend="",
        local="",
        index=None,
        channels=(channel,),
        dependencies=(f"python={machine.python}", "pip"),
        reasons=(
            *(reason for reason in machine.reasons if reason.decides == "python"),
            Reason("channels", channel, because),
        ),
    )


def conda_spec(requirement: str) -> str:
    """Return a requirement in conda's words, where "=1.2" is any 1.2 and there is no "==1.2.*" or "===1.2"."""
    if requirement.isidentifier():
        return requirement.lower()  # a name alone, as most are: no need to load what parses versions
    from packaging.requirements import Requirement

    asked = Requirement(requirement)
    versions = []
    for one in sorted(asked.specifier, key=str):
        operator, version = one.operator, one.version
        if operator == "===":
            operator = "=="
        elif operator == "==" and version.endswith(".*"):
            operator, version = "=", version.removesuffix(".*")
        versions.append(f"{operator}{version}")
    return asked.name.lower() + ",".join(versions)


def _from_pytorch(
    chosen: Candidate, platform: str, packages: Packages, releases: TorchTable
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    entry = releases.conda_channels(chosen.torch)[PYTORCH]
    cuda = cuda_of(chosen.backend)
    # The CUDA libraries come from a channel of their own, the rest of the world from conda-forge.
    channels = dict.fromkeys((entry.channel or PYTORCH, *(entry.extra_channels if cuda else ()), CONDA_FORGE))
    pins = releases.pytorch_channel_pins.get(platform, ())
    build = _companion_build(chosen, platform, releases)
    companions = (
        f"{name}={release}{build if name in packages.built_with else ''}"
        for name, release in packages.companions.items()
    )
    return tuple(channels), (*_torch_build(chosen.torch, entry, cuda, platform), *pins, *companions)


def _companion_build(chosen: Candidate, platform: str, releases: TorchTable) -> str:
    """Return what keeps conda-forge's companions out where all channels count the same: " *_cu118", " *_cpu".

    Their builds were not always named so; from the first release that was seen in the channel on, they are.
    """
    is_named = any(
        numbers(torch) <= numbers(chosen.torch) and _was_seen(releases.conda_channels(torch).get(PYTORCH))
        for torch in releases.releases()
    )
    return f" *_{chosen.backend}" if is_named and not platform.startswith("macos") else ""


def _was_seen(entry: CondaChannel | None) -> bool:
    return entry is not None and entry.pythons is not None


def _torch_build(torch: str, entry: CondaChannel, cuda: str | None, platform: str) -> tuple[str, ...]:
    """Return what selects the build; on macOS there is one alone, so there is nothing to select.

    The kind of build is named too ("py3.11_cuda11.8_cudnn8.7.0_0", "py3.11_cpu_0"): a selector alone does not keep
    conda-forge's torch out where all channels count the same, nor, before pytorch-cuda, the CPU build in the company
    of a CUDA toolkit. No dot stands in the pattern: strict parsers know none there.
    """
    if platform.startswith("macos"):
        return (f"pytorch={torch}",)
    if cuda:
        return (f"pytorch={torch} *_cuda*", f"{entry.cuda_selector}{cuda}")
    return (f"pytorch={torch} *_cpu_*", "cpuonly")


def _from_conda_forge(
    chosen: Candidate, platform: str, packages: Packages, _releases: TorchTable
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    # Its companions come out on days of their own. Each of their builds names the one torch that it is for, so that
    # the solver finds the one that belongs to it: a release that was never built there would be a dead end.
    companions = tuple(packages.companions)
    cuda = cuda_of(chosen.backend)
    if cuda:
        # Builds for other releases of the same CUDA run with its libraries too: only the build's name tells them apart.
        build = f"pytorch={chosen.torch} cuda{cuda.replace('.', '')}*"
        return (CONDA_FORGE,), (build, f"cuda-version={cuda}", *companions)
    package = "pytorch" if platform.startswith("macos") else "pytorch-cpu"
    return (CONDA_FORGE,), (f"{package}={chosen.torch}", *companions)
