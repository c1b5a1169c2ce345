"""Which of the candidates that meet every constraint is preferred."""

from functools import lru_cache
from typing import NamedTuple

from envkit.matrix import Matrix
from envkit.matrix.versions import numbers
from envkit.planning.candidates import Candidate, candidates
from envkit.planning.constraints import (
    CONSTRAINTS,
    HARDWARE,
    KINDS,
    Case,
    first_objection,
    is_asked_for,
    kind_of,
    release_of,
    served,
)
from envkit.planning.model import Manager
from envkit.planning.packages import (
    BUILT_PER_BACKEND,
    asked_companions,
    matching_companions,
    missing_companion,
)

Preference = tuple[int, bool, tuple[int, ...], tuple[int, ...], int]


class Choice(NamedTuple):
    """A candidate, and the Python that it is for."""

    build: Candidate
    python: str


def preference(candidate: Candidate, case: Case) -> Preference:
    """Return what the choice goes by, most important first.

    The build that serves the most GPUs; a GPU build over the CPU's; the newest torch release; the newest CUDA or
    ROCm; Metal before CUDA before ROCm before XPU.
    """
    kind = kind_of(candidate.backend)
    return (
        len(served(candidate, case.machine.gpus)),
        kind != "cpu",
        numbers(candidate.torch),
        release_of(candidate.backend),
        -KINDS.index(kind),
    )


def choose_for(manager: Manager, case: Case) -> Choice | None:
    """Return the preferred of all that the manager could install; where the Python is open, it is chosen too.

    An open Python is the newest that the build and its companions are there for.
    """
    python = case.machine.python
    if not python:
        fits = fitting_with_any_python(manager, case)
        build = max(fits, key=lambda option: preference(option, case), default=None)
        return Choice(build, _open_python(build, case)) if build else None
    build = max(fitting_needs(manager, case), key=lambda option: preference(option, case), default=None)
    return Choice(build, python) if build else None


def fitting_needs(manager: Manager, case: Case) -> list[Candidate]:
    """Return what meets every constraint, of builds that are alike but for the release the newest."""
    return [option for option in newest_of_each_need(manager, case) if _meets_hardware(option, case)]


def fitting_with_any_python(manager: Manager, case: Case) -> list[Candidate]:
    """Return what meets every constraint but that of the Python."""
    wish = case.wish
    groups = _by_need(case.matrix, manager, case.machine.platform, wish.torch, wish.backend, asked_companions(wish))
    return [option for group in groups if _meets_hardware(group[0], case) for option in group]


def newest_of_each_need(manager: Manager, case: Case) -> tuple[Candidate, ...]:
    """Return what was asked for and has the Python, of builds that need the same of a machine the newest."""
    wish, machine = case.wish, case.machine
    companions = asked_companions(wish)
    return _newest(case.matrix, manager, machine.platform, wish.torch, wish.backend, companions, machine.python)


def _meets_hardware(option: Candidate, case: Case) -> bool:
    return first_objection(option, case, HARDWARE)[0] == len(CONSTRAINTS)


def _open_python(build: Candidate, case: Case) -> str:
    full = [python for python in build.pythons if not python.endswith("t")] or list(build.pythons)
    with_all = [
        python
        for python in full
        if len(matching_companions(build.torch, python, build.channel, case.matrix)) == len(BUILT_PER_BACKEND)
    ]
    return max(with_all or full, key=python_preference)


def python_preference(python: str) -> tuple[bool, tuple[int, ...]]:
    """Return what makes one Python better than another: that it is not free-threaded, then that it is newer."""
    return not python.endswith("t"), numbers(python.removesuffix("t"))


@lru_cache(maxsize=4096)
def _by_need(
    matrix: Matrix,
    manager: Manager,
    platform: str,
    torch: frozenset[str] | None,
    backend: str | None,
    companions: frozenset[str],
) -> tuple[tuple[Candidate, ...], ...]:
    """Return what was asked for, oldest release first, in groups that need the same of a machine."""
    found: dict[object, list[Candidate]] = {}
    for option in candidates(matrix, manager, platform):
        if (torch is None or option.torch in torch) and is_asked_for(option, backend):
            missing = missing_companion(option, companions, platform, matrix)
            need = (option.backend, option.archs, option.min_glibc, option.min_macos, option.channel, missing)
            found.setdefault(need, []).append(option)
    return tuple(tuple(group) for group in found.values())


@lru_cache(maxsize=16384)
def _newest(
    matrix: Matrix,
    manager: Manager,
    platform: str,
    torch: frozenset[str] | None,
    backend: str | None,
    companions: frozenset[str],
    python: str,
) -> tuple[Candidate, ...]:
    newest = (
        next((option for option in reversed(group) if not python or python in option.pythons), None)
        for group in _by_need(matrix, manager, platform, torch, backend, companions)
    )
    return tuple(option for option in newest if option)
