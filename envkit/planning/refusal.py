"""What to say when nothing fits: which constraint nothing meets, and what comes nearest."""

from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from envkit.matrix import Matrix
from envkit.matrix.cuda import cuda_of
from envkit.matrix.versions import numbers
from envkit.planning.choice import (
    Choice,
    choose_for,
    fitting_with_any_python,
    newest_of_each_need,
    preference,
    python_preference,
)
from envkit.planning.constraints import (
    CONSTRAINTS,
    HARDWARE,
    Case,
    build_name,
    first_objection,
    kind_of,
    object_to_backend,
    object_to_python,
    object_to_release,
    release_of,
)
from envkit.planning.model import ImpossibleError, Manager, Nearest, Request

_RELEASE = CONSTRAINTS.index(object_to_release)
_BACKEND = CONSTRAINTS.index(object_to_backend)
_PYTHON = CONSTRAINTS.index(object_to_python)


class Way(NamedTuple):
    """A way out: what giving up one wish brings, in words and as a choice."""

    text: str
    nearest: Nearest


def refuse(case: Case, request: Request) -> ImpossibleError:
    """Return the refusal: the constraint that nothing meets, and what each wish given up would bring.

    Where giving up one is not enough, two are given up, and then all.
    """
    found = (give_up(case, request) for give_up in (_other_torch, _other_backend, _other_python))
    ways = [way for way in found if way] or _several_given_up(case, request)
    return ImpossibleError(
        _why(case, request),
        others=tuple(way.text for way in ways),
        nearest=tuple(dict.fromkeys(way.nearest for way in ways)),
    )


def _why(case: Case, request: Request) -> str:
    wish, machine = case.wish, case.machine
    kind = "package in conda" if request.manager is Manager.CONDA else "wheel"
    asked, platform = wish.torch_asked, machine.platform
    fits_wish = newest_of_each_need(request.manager, case)
    if fits_wish:
        tried = [(first_objection(option, case, HARDWARE), option) for option in fits_wish]
        (_, objection), option = max(
            tried, key=lambda one: (one[0][0], numbers(one[1].torch), release_of(one[1].backend))
        )
        return f"{option.label} {objection}"
    met = _met(case, request)
    if met == _RELEASE:
        known = wish.torch is None or bool(wish.torch)
        return f"torch{asked and ' '}{asked} has no {kind} for {platform}" if known else f"there is no torch {asked}"
    subject = f"torch {asked} has no" if asked else "no torch release has a"
    build = f" {build_name(wish.backend)}" if wish.backend else ""
    python = f" for Python {machine.python}" if met == _PYTHON and machine.python else ""
    return f"{subject}{build} {kind}{python}{_elsewhere(case)}"


def _met(case: Case, request: Request) -> int:
    """Return the first of the wishes for release, backend and Python that, with those before it, nothing meets."""
    open_python = case._replace(machine=case.machine._replace(python=""))
    if newest_of_each_need(request.manager, open_python):
        return _PYTHON
    any_backend = open_python._replace(wish=case.wish._replace(backend=None))
    return _BACKEND if newest_of_each_need(request.manager, any_backend) else _RELEASE


def _elsewhere(case: Case) -> str:
    """Name the platform where it matters: the build exists, on another one."""
    platform, wish = case.machine.platform, case.wish
    builds = _builds_of(case.matrix, wish.backend)
    exists = any(wish.torch is None or torch in wish.torch for torch, _ in builds)
    return f" on {platform}" if exists and not any(where == platform for _, where in builds) else ""


@lru_cache(maxsize=256)
def _builds_of(matrix: Matrix, backend: str | None) -> frozenset[tuple[str, str]]:
    """Return the release and platform of every wheel with that backend; "rocm" is any release of it."""
    return frozenset(
        (build.torch, build.platform)
        for build in matrix.torch.builds()
        if backend in (None, build.backend, kind_of(build.backend))
    )


# -- ways out -----------------------------------------------------------------------------------


def _other_torch(case: Case, request: Request) -> Way | None:
    wish = case.wish
    if wish.torch is None:
        return None
    best = choose_for(request.manager, case._replace(wish=wish._replace(torch=None)))
    if best is None:
        return None
    what = f"with {build_name(wish.backend)}" if wish.backend else "that fits this machine"
    return Way(f"newest {what}: {best.build.torch}", _nearest(best, case, request))


def _other_backend(case: Case, request: Request) -> Way | None:
    """Offer another CUDA (or ROCm) for the same torch, else whatever the machine can run."""
    wish, kind = case.wish, kind_of(case.wish.backend or "")
    if wish.backend is None:
        return None
    of_torch = f" for torch {wish.torch_asked}" if wish.torch_asked else ""
    best = _newest_of_kind(kind, case, request)
    if best:
        runs = " that this driver runs" if kind == "cuda" and case.machine.nvidia.driver else ""
        name, release = build_name(best.build.backend).partition(" ")[::2]
        return Way(f"newest {name}{of_torch}{runs}: {release}", _nearest(best, case, request))
    rest = choose_for(request.manager, case._replace(wish=wish._replace(backend=None)))
    if rest is None:
        return None
    what = f"what fits this machine{of_torch}: the {build_name(rest.build.backend)} build"
    return Way(what, _nearest(rest, case, request))


def _newest_of_kind(kind: str, case: Case, request: Request) -> Choice | None:
    """Return the build with the newest CUDA or ROCm that could be asked for by name."""
    if kind not in ("cuda", "rocm"):
        return None
    of_any = case._replace(wish=case.wish._replace(backend=None))
    backends = {
        option.backend for option in newest_of_each_need(request.manager, of_any) if kind_of(option.backend) == kind
    }
    for backend in sorted(backends, key=release_of, reverse=True):
        best = choose_for(request.manager, case._replace(wish=case.wish._replace(backend=backend)))
        if best:
            return best
    return None


def _other_python(case: Case, request: Request) -> Way | None:
    """Offer the Python that the best build is for; one of the same kind, free-threaded or not, comes first."""
    if not case.machine.python:
        return None
    bests = _best_by_python(case, request)
    if not bests:
        return None
    first, *_, last = [*bests, *bests]
    python = max(bests, key=lambda one: (preference(bests[one].build, case), python_preference(one)))
    spread = first if first == last else f"{first} to {last}"
    return Way(f"with another Python: {spread}", _nearest(bests[python], case, request))


def _best_by_python(case: Case, request: Request) -> dict[str, Choice]:
    """Return the preferred build for each Python that has one, oldest Python first."""
    fits = sorted(fitting_with_any_python(request.manager, case), key=lambda option: preference(option, case))
    bests = {python: Choice(option, python) for option in fits for python in option.pythons}
    alike = [python for python in bests if python.endswith("t") == case.machine.python.endswith("t")]
    return {python: bests[python] for python in sorted(alike or bests, key=python_preference)}


def _several_given_up(case: Case, request: Request) -> list[Way]:
    """Return what giving up two wishes brings, or all of them."""
    given = {
        "torch": case.wish.torch is not None,
        "build": case.wish.backend is not None,
        "Python": bool(case.machine.python),
    }
    names = [name for name, is_given in given.items() if is_given]
    for count in (2, 3):
        ways = [
            Way(f"with another {' and '.join(given_up)}: {best.build.label} for Python {best.python}", nearest)
            for given_up in combinations(names, count)
            if (best := choose_for(request.manager, _without(case, given_up)))
            and (nearest := _nearest(best, case, request))
        ]
        if ways:
            return ways
    return []


def _without(case: Case, given_up: tuple[str, ...]) -> Case:
    wish, machine = case.wish, case.machine
    return case._replace(
        wish=wish._replace(
            torch=None if "torch" in given_up else wish.torch,
            backend=None if "build" in given_up else wish.backend,
        ),
        machine=machine._replace(python="") if "Python" in given_up else machine,
    )


def _nearest(best: Choice, case: Case, request: Request) -> Nearest:
    """Return the choice with the options that ask for it: what was typed, with what had to change."""
    options = (
        *(() if request.manager is Manager.VENV else (f"--{request.manager.value}",)),
        f"--torch {best.build.torch}",
        *(_backend_option(best.build.backend) if case.wish.backend else ()),
        *((f"--python {best.python}",) if request.python or best.python != case.machine.python else ()),
    )
    return Nearest(torch=best.build.torch, backend=best.build.backend, python=best.python, options=" ".join(options))


def _backend_option(backend: str) -> tuple[str, ...]:
    kind = kind_of(backend)
    return {
        "cuda": (f"--cuda {cuda_of(backend)}",),
        "cpu": ("--cuda cpu",),
        "rocm": (f"--rocm {backend.removeprefix('rocm')}",),
        "xpu": ("--xpu",),
    }.get(kind, ())
