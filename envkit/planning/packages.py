"""What goes in beside torch: the companions built with it, numpy, and whatever else was asked for."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

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
    torches = matrix.torch.releases()
    own = next(torch for torch in torches if matrix.torch.companion(torch, name, chosen.channel) == release)
    return own == chosen.torch or bool(matrix.torch.builds(torch=own, backend=chosen.backend, platform=platform))
