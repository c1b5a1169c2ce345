"""What to say when nothing fits: which constraint nothing meets, and what comes nearest."""

from typing import NamedTuple

from envkit.matrix.cuda import cuda_of
from envkit.matrix.versions import numbers
from envkit.planning.candidates import Candidate
from envkit.planning.choice import choose, fitting, preference
from envkit.planning.constraints import (
    CONSTRAINTS,
    Case,
    build_name,
    first_objection,
    object_to_backend,
    object_to_python,
    object_to_release,
    served,
)
from envkit.planning.model import ImpossibleError, Manager, Nearest, Request

_RELEASE = CONSTRAINTS.index(object_to_release)
_BACKEND = CONSTRAINTS.index(object_to_backend)
_PYTHON = CONSTRAINTS.index(object_to_python)


class Way(NamedTuple):
    """A way out: what giving up one wish brings, in words and as a choice."""

    text: str
    nearest: Nearest


def refuse(options: tuple[Candidate, ...], case: Case, request: Request) -> ImpossibleError:
    """Return the refusal: the constraint that nothing meets, and what each wish given up would bring."""
    found = (give_up(options, case, request) for give_up in (_other_torch, _other_backend, _other_python))
    ways = [way for way in found if way]
    return ImpossibleError(
        _why(options, case, request),
        others=tuple(way.text for way in ways),
        nearest=tuple(way.nearest for way in ways),
    )


def _why(options: tuple[Candidate, ...], case: Case, request: Request) -> str:
    kind = "package in conda" if request.manager is Manager.CONDA else "wheel"
    platform, asked = case.machine.platform, case.wish.torch_asked
    met = max((first_objection(option, case)[0] for option in options), default=_RELEASE)
    if met == _RELEASE:
        known = case.wish.torch is None or bool(case.wish.torch)
        return f"torch{asked and ' '}{asked} has no {kind} for {platform}" if known else f"there is no torch {asked}"
    if met in (_BACKEND, _PYTHON):
        subject = f"torch {asked} has no" if asked else "no torch release has a"
        build = f" {build_name(case.wish.backend)}" if case.wish.backend else ""
        python = f" for Python {case.machine.python}" if met == _PYTHON else ""
        return f"{subject}{build} {kind}{python}{_elsewhere(case)}"
    closest = [option for option in options if first_objection(option, case)[0] == met][-1]
    return f"{closest.label} {first_objection(closest, case)[1]}"


def _elsewhere(case: Case) -> str:
    """Name the platform where it matters: the build exists, on another one."""
    platform, wish = case.machine.platform, case.wish
    builds = case.matrix.torch.builds(backend=wish.backend)
    exists = any(wish.torch is None or build.torch in wish.torch for build in builds)
    return f" on {platform}" if exists and not any(build.platform == platform for build in builds) else ""


def _other_torch(options: tuple[Candidate, ...], case: Case, request: Request) -> Way | None:
    wish = case.wish
    if wish.torch is None:
        return None
    fits = fitting(options, case._replace(wish=wish._replace(torch=None)))
    best = max(fits, key=lambda option: _by_release(option, case), default=None)
    if best is None:
        return None
    what = f"with {build_name(wish.backend)}" if wish.backend else "that fits this machine"
    return Way(f"newest {what}: {best.torch}", _nearest(best, case.machine.python, case, request))


def _other_backend(options: tuple[Candidate, ...], case: Case, request: Request) -> Way | None:
    wish, python = case.wish, case.machine.python
    if wish.backend is None:
        return None
    of_torch = f" for torch {wish.torch_asked}" if wish.torch_asked else ""
    fits = [option for option in options if cuda_of(option.backend) and _fits_if_asked(option, case)]
    if fits:
        best = max(fits, key=_by_cuda)
        runs = " that this driver runs" if case.machine.nvidia.driver else ""
        what = f"newest CUDA{of_torch}{runs}: {cuda_of(best.backend)}"
        return Way(what, _nearest(best, python, case, request))
    rest = choose(options, case._replace(wish=wish._replace(backend=None)))
    if rest is None:
        return None
    what = f"what fits this machine{of_torch}: the {build_name(rest.backend)} build"
    return Way(what, _nearest(rest, python, case, request))


def _other_python(options: tuple[Candidate, ...], case: Case, request: Request) -> Way | None:
    known = {python for option in options for python in option.pythons if not python.endswith("t")}
    bests = {
        python: best
        for python in sorted(known - {case.machine.python}, key=numbers)
        if (best := choose(options, case._replace(machine=case.machine._replace(python=python))))
    }
    if not bests:
        return None
    first, *_, last = [*bests, *bests]
    python = max(bests, key=lambda python: (preference(bests[python], case), numbers(python)))
    spread = first if first == last else f"{first} to {last}"
    return Way(f"with another Python: {spread}", _nearest(bests[python], python, case, request))


def _fits_if_asked(option: Candidate, case: Case) -> bool:
    return bool(fitting((option,), case._replace(wish=case.wish._replace(backend=option.backend))))


def _by_release(option: Candidate, case: Case) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    cuda, torch = _by_cuda(option)
    return len(served(option, case.machine.nvidia.gpus)), torch, cuda


def _by_cuda(option: Candidate) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return numbers(cuda_of(option.backend) or ""), numbers(option.torch)


def _nearest(best: Candidate, python: str, case: Case, request: Request) -> Nearest:
    """Return the choice with the options that ask for it: what was typed, with what had to change."""
    options = (
        *(() if request.manager is Manager.VENV else (f"--{request.manager.value}",)),
        f"--torch {best.torch}",
        *((f"--cuda {cuda_of(best.backend) or 'cpu'}",) if request.cuda else ()),
        *((f"--python {python}",) if request.python or python != case.machine.python else ()),
    )
    return Nearest(torch=best.torch, backend=best.backend, python=python, options=" ".join(options))
