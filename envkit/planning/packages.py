"""What goes in beside torch: the companions built with it, numpy, and whatever else was asked for."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from envkit.matrix.cuda import cuda_of
from envkit.planning.model import Reason

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from envkit.matrix import Matrix
    from envkit.planning.candidates import Candidate
    from envkit.planning.wishes import Wish

BUILT_PER_BACKEND = ("torchvision", "torchaudio")
"""Companions that have a build for each backend, beside torch on its index."""


class Packages(NamedTuple):
    """The choice, in the form that a plan holds."""

    companions: dict[str, str]
    built_with: tuple[str, ...]
    requirements: tuple[str, ...]
    reasons: tuple[Reason, ...]


def choose_packages(chosen: Candidate, platform: str, wish: Wish, matrix: Matrix) -> Packages:
    """Pin the companions that were asked for without a version; put numpy before all other packages."""
    numpy, numpy_reason = _numpy(chosen.torch, platform, matrix)
    companions: dict[str, str] = {}
    requirements: tuple[str, ...] = (numpy,)
    if wish.packages:
        companions, requirements = _sort_asked(numpy, chosen, wish, matrix)
        numpy_reason = Reason("numpy", requirements[0], numpy_reason.because)
    return Packages(
        companions=companions,
        built_with=tuple(name for name in companions if _is_built(name, companions[name], chosen, platform, matrix)),
        requirements=requirements,
        reasons=(
            *(Reason(name, release, f"belongs to torch {chosen.torch}") for name, release in companions.items()),
            numpy_reason,
        ),
    )


@lru_cache(maxsize=1024)
def matching_companions(torch: str, python: str, channel: str, matrix: Matrix) -> dict[str, str]:
    """Return the releases of torchvision and torchaudio that go with a torch, asked for or not.

    One that is known to have nothing for that Python is left out.
    """
    found = {name: matrix.torch.companion(torch, name, channel) for name in BUILT_PER_BACKEND}
    return {
        name: release
        for name, release in found.items()
        if release and python.rstrip("t") in (matrix.torch.companion_pythons(name, release) or (python.rstrip("t"),))
    }


def asked_companions(wish: Wish) -> frozenset[str]:
    """Return the companions that were asked for by name alone, and have a build for each backend."""
    if not wish.packages:
        return frozenset()
    from packaging.utils import canonicalize_name

    names = {canonicalize_name(asked.name) for asked in wish.packages if not asked.specifier}
    return frozenset(names.intersection(BUILT_PER_BACKEND))


@lru_cache(maxsize=4096)
def missing_companion(
    chosen: Candidate, names: frozenset[str], platform: str, matrix: Matrix
) -> tuple[str, str] | None:
    """Return name and release of a companion that has no build which loads beside the wheel, None when all have.

    In conda channels each build of a companion names the torch that it is for, and the solver finds it.
    """
    for name in () if chosen.channel else sorted(names):
        release = matrix.torch.companion(chosen.torch, name)
        if release and not _loads_beside(name, release, chosen, platform, matrix):
            return name, release
    return None


def _loads_beside(name: str, release: str, chosen: Candidate, platform: str, matrix: Matrix) -> bool:
    """Tell whether there is a build of the companion for the backend, or that of the default index will do.

    A CUDA build of it wants the CUDA libraries of its major release, and one for the CPU nothing.
    """
    if _is_built(name, release, chosen, platform, matrix):
        return True
    own = _own_torch(name, release, chosen.channel, matrix)
    for build in matrix.torch.builds(torch=own, platform=platform):
        if build.default_index:
            wants, has = cuda_of(build.backend), cuda_of(chosen.backend)
            return not wants or (has is not None and wants.split(".")[0] == has.split(".")[0])
    return False


def _sort_asked(numpy: str, chosen: Candidate, wish: Wish, matrix: Matrix) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the companions by release and all other requirements, each name once."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    companions: dict[str, str] = {}
    others: dict[str, Requirement] = {"numpy": Requirement(numpy)}
    for asked in wish.packages:
        name = canonicalize_name(asked.name)
        release = matrix.torch.companion(chosen.torch, name, chosen.channel)
        if release and not asked.specifier:
            companions[name] = release
        else:
            others[name] = _both(others.get(name), asked)
    return companions, tuple(str(requirement) for requirement in others.values())


def _both(one: Requirement | None, other: Requirement) -> Requirement:
    if one is None:
        return other
    from packaging.requirements import Requirement

    both = Requirement(str(other))
    both.specifier &= one.specifier
    both.extras |= one.extras
    return both


@lru_cache(maxsize=1024)
def _numpy(torch: str, platform: str, matrix: Matrix) -> tuple[str, Reason]:
    works = matrix.torch.numpy2(torch, platform)
    because = {
        True: f"torch {torch} works with NumPy 1 and 2",
        False: f"torch {torch} is built against NumPy 1",
        None: f"which NumPy torch {torch} works with is not recorded",
    }[works]
    numpy = "numpy<2" if works is False else "numpy"
    return numpy, Reason("numpy", numpy, because)


def _is_built(name: str, release: str, chosen: Candidate, platform: str, matrix: Matrix) -> bool:
    """Tell whether the companion has a build for the chosen backend.

    It was built when its own torch came out: a later torch that keeps it (torchaudio ended with 2.11.0)
    may have backends that it was never built for.
    """
    if name not in BUILT_PER_BACKEND:
        return False
    own = _own_torch(name, release, chosen.channel, matrix)
    return own == chosen.torch or bool(matrix.torch.builds(torch=own, backend=chosen.backend, platform=platform))


def _own_torch(name: str, release: str, channel: str, matrix: Matrix) -> str:
    """Return the torch that a companion's release came out with."""
    torches = matrix.torch.releases()
    return next(torch for torch in torches if matrix.torch.companion(torch, name, channel) == release)
