"""What goes with a torch that is there: the companions of its release and backend, from its index; itself again."""

from typing import NamedTuple

from envkit.matrix import Matrix
from envkit.matrix.versions import public
from envkit.planning.candidates import Candidate, candidates
from envkit.planning.installs import has_own_triton, pin
from envkit.planning.model import Manager
from envkit.planning.packages import choose_packages
from envkit.planning.wishes import Wish


class Stays(NamedTuple):
    """The installed build."""

    torch: str
    """Its version, with the local part where it has one."""
    backend: str | None
    """None where it is not known."""
    platform: str


def installs_beside(
    stays: Stays, names: tuple[str, ...], others: tuple[str, ...], matrix: Matrix
) -> tuple[tuple[str, ...], ...] | None:
    """Return what follows `pip` to install companions by name, and other requirements, beside a torch that stays.

    Each comes alone first, so that nothing takes torch away; the last step brings what they depend on. None where the
    tables do not know the build.
    """
    build = _build(stays, matrix)
    if build is None:
        return None
    companions, built = _companions(build, stays.platform, names, matrix)
    local = _local(build, stays.platform)
    from_index = [pin(name, companions[name], local) for name in built]
    from_default = [pin(name, release) for name, release in companions.items() if name not in built]
    # Triton for AMD and Intel GPUs lies on the index of the build alone.
    (from_index if has_own_triton(build.backend) else from_default).extend(others)
    alone = ("install", "--force-reinstall", "--no-deps")
    index = ("--index-url", build.index_url) if build.index_url else ()
    return (
        *(((*alone, *index, *from_index),) if from_index else ()),
        *(((*alone, *from_default),) if from_default else ()),
        # "==2.5.1" is met by the build that is there, whatever its local part.
        ("install", *from_index, *from_default, f"torch=={public(stays.torch)}"),
    )


def installs_again(stays: Stays, matrix: Matrix, *, numpy: bool) -> tuple[tuple[str, ...], ...] | None:
    """Return what follows `pip` to install the build that is there again: the same release, for the same backend.

    What is beside it stays as it is; the last step brings what it depends on and lacks, NumPy where that is asked for.
    None where the tables do not know the build.
    """
    build = _build(stays, matrix)
    if build is None:
        return None
    torch = pin("torch", build.torch, _local(build, stays.platform))
    index = ("--index-url", build.index_url) if build.index_url else ()
    triton = ("--extra-index-url", build.index_url) if build.index_url and has_own_triton(build.backend) else ()
    nothing = Wish(torch=None, torch_asked="", backend=None, packages=())
    more = choose_packages(build, stays.platform, nothing, matrix).requirements if numpy else ()
    return (("install", "--force-reinstall", "--no-deps", *index, torch), ("install", *triton, torch, *more))


def _local(build: Candidate, platform: str) -> str:
    return f"+{build.backend}" if build.index_url and not platform.startswith("macos") else ""


def _build(stays: Stays, matrix: Matrix) -> Candidate | None:
    """Return the build that is installed: by the local part of its version, else by what it is built for."""
    release, _, local = stays.torch.partition("+")
    options = [one for one in candidates(matrix, Manager.VENV, stays.platform) if one.torch == release]
    for backend in filter(None, (local, stays.backend)):
        found = next((one for one in options if one.backend == backend), None)
        if found:
            return found
    if local or (stays.backend and not stays.platform.startswith("macos")):
        return None
    return next((one for one in options if one.index_url is None), None)


def _companions(
    build: Candidate, platform: str, names: tuple[str, ...], matrix: Matrix
) -> tuple[dict[str, str], tuple[str, ...]]:
    if not names:
        return {}, ()
    from packaging.requirements import Requirement

    wish = Wish(torch=None, torch_asked="", backend=None, packages=tuple(map(Requirement, names)))
    chosen = choose_packages(build, platform, wish, matrix)
    return chosen.companions, chosen.built_with
