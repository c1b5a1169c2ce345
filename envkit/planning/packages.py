"""What goes in beside torch: the companions built with it, numpy, and whatever else was asked for."""

from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envkit.matrix import Matrix
from envkit.planning.candidates import Candidate
from envkit.planning.model import Reason
from envkit.planning.wishes import Wish

_BUILT_PER_BACKEND = ("torchvision", "torchaudio")
"""Companions that have a build for each backend, beside torch on its index."""


class Packages(NamedTuple):
    """The choice, in the form that a plan holds."""

    companions: dict[str, str]
    built_with: tuple[str, ...]
    requirements: tuple[str, ...]
    reasons: tuple[Reason, ...]


def choose_packages(chosen: Candidate, platform: str, wish: Wish, matrix: Matrix) -> Packages:
    """Pin the companions that were asked for without a version; put numpy before all other packages."""
    companions: dict[str, str] = {}
    others: dict[str, Requirement] = {"numpy": Requirement("numpy")}
    for asked in wish.packages:
        name = canonicalize_name(asked.name)
        release = matrix.torch.companion(chosen.torch, name)
        if release and not asked.specifier:
            companions[name] = release
        else:
            others[name] = _both(others.get(name), asked)
    numpy_reason = _hold_numpy(others, chosen, platform, matrix)
    return Packages(
        companions=companions,
        built_with=tuple(name for name in companions if _is_built(name, companions[name], chosen, platform, matrix)),
        requirements=tuple(str(requirement) for requirement in others.values()),
        reasons=(
            *(Reason(name, release, f"belongs to torch {chosen.torch}") for name, release in companions.items()),
            numpy_reason,
        ),
    )


def _both(one: Requirement | None, other: Requirement) -> Requirement:
    if one is not None:
        other.specifier &= one.specifier
        other.extras |= one.extras
    return other


def _hold_numpy(others: dict[str, Requirement], chosen: Candidate, platform: str, matrix: Matrix) -> Reason:
    works = matrix.torch.numpy2(chosen.torch, platform)
    if works is False:
        others["numpy"].specifier &= SpecifierSet("<2")
    because = {
        True: f"torch {chosen.torch} works with NumPy 1 and 2",
        False: f"torch {chosen.torch} is built against NumPy 1",
        None: f"which NumPy torch {chosen.torch} works with is not recorded",
    }[works]
    return Reason("numpy", str(others["numpy"]), because)


def _is_built(name: str, release: str, chosen: Candidate, platform: str, matrix: Matrix) -> bool:
    """Tell whether the companion has a build for the chosen backend.

    It was built when its own torch came out: a later torch that keeps it (torchaudio ended with 2.11.0)
    may have backends that it was never built for.
    """
    if name not in _BUILT_PER_BACKEND:
        return False
    torches = matrix.torch.releases()
    own = next(torch for torch in torches if matrix.torch.companion(torch, name) == release)
    return own == chosen.torch or bool(matrix.torch.builds(torch=own, backend=chosen.backend, platform=platform))
