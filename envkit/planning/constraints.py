"""The constraints a candidate must meet, in the order in which they are told.

Each is a pure function that returns its objection to a candidate in words that follow its label
("torch 2.13.0 (cu130) needs NVIDIA driver ..."), or "" when the candidate meets it.
"""

from collections.abc import Callable
from typing import NamedTuple

from envkit.matrix import Matrix
from envkit.matrix.cuda import cuda_of
from envkit.matrix.gpus import runs_on
from envkit.matrix.versions import numbers
from envkit.planning.candidates import Candidate
from envkit.planning.machine import Machine
from envkit.planning.nvidia import Gpu
from envkit.planning.wishes import Wish


class Case(NamedTuple):
    """What a candidate is held against."""

    wish: Wish
    machine: Machine
    matrix: Matrix


Constraint = Callable[[Candidate, Case], str]


def object_to_release(candidate: Candidate, case: Case) -> str:
    """The release is one that was asked for."""
    asked = case.wish.torch
    return "" if asked is None or candidate.torch in asked else "is not what was asked for"


def object_to_backend(candidate: Candidate, case: Case) -> str:
    """The backend is the one that was asked for."""
    return "" if case.wish.backend in (None, candidate.backend) else f"is no {build_name(case.wish.backend)} build"


def object_to_python(candidate: Candidate, case: Case) -> str:
    """There is one for the environment's Python."""
    if case.machine.python in candidate.pythons:
        return ""
    kind = "package in conda" if candidate.channel else "wheel"
    return f"has no {kind} for Python {case.machine.python}"


def object_to_libc(candidate: Candidate, case: Case) -> str:
    """The machine's glibc is new enough."""
    have, least = case.machine.glibc, candidate.min_glibc
    if have is None or least is None or numbers(have) >= numbers(least):
        return ""
    return f"needs glibc {least}, and this machine has {have}"


def object_to_driver(candidate: Candidate, case: Case) -> str:
    """The NVIDIA driver runs its CUDA; with no driver to ask, only what was asked for by name."""
    cuda = cuda_of(candidate.backend)
    if cuda is None:
        return ""
    driver = case.machine.nvidia.driver
    if driver is None:
        return "" if case.wish.backend else f"is of no use here: {case.machine.nvidia.no_gpu}"
    fit = case.matrix.cuda.fit(cuda, driver, case.machine.driver_os)
    if fit.runs:
        return ""
    if fit.runs is None:
        return "" if case.wish.backend else f"needs an NVIDIA driver that is not recorded for CUDA {cuda}"
    return f"needs NVIDIA driver {fit.minimum} or newer, and this machine has {driver}"


def object_to_gpus(candidate: Candidate, case: Case) -> str:
    """It has code for at least one of the GPUs; how many it serves is a matter of preference."""
    if cuda_of(candidate.backend) is None:
        return ""
    gpus = case.machine.nvidia.gpus
    if not gpus:
        return "" if case.wish.backend else f"is of no use here: {case.machine.nvidia.no_gpu}"
    if candidate.archs is None:
        # A channel's lists are never recorded; a wheel without one is a gap that only a wish may step over.
        return "" if case.wish.backend or candidate.channel else "has code for GPUs that are not recorded"
    return "" if served(candidate, gpus) else f"has no code for {list_gpus(gpus)}"


CONSTRAINTS: tuple[Constraint, ...] = (
    object_to_release,
    object_to_backend,
    object_to_python,
    object_to_libc,
    object_to_driver,
    object_to_gpus,
)


def first_objection(candidate: Candidate, case: Case) -> tuple[int, str]:
    """Return how many constraints the candidate met before the first that it fails, and its objection."""
    for met, constraint in enumerate(CONSTRAINTS):
        objection = constraint(candidate, case)
        if objection:
            return met, objection
    return len(CONSTRAINTS), ""


def served(candidate: Candidate, gpus: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    """Return the GPUs that a CUDA build has code for; all of them where its code is not recorded."""
    if cuda_of(candidate.backend) is None:
        return ()
    archs = candidate.archs
    return gpus if archs is None else tuple(gpu for gpu in gpus if runs_on(archs, gpu.capability))


def build_name(backend: str | None) -> str:
    """Return a backend as people say it: "cu121" gives "CUDA 12.1", "cpu" gives "CPU"."""
    if backend is None:
        return "suitable"
    cuda = cuda_of(backend)
    return f"CUDA {cuda}" if cuda else {"cpu": "CPU", "mps": "Metal"}.get(backend, backend)


def list_gpus(gpus: tuple[Gpu, ...]) -> str:
    """Name each kind of GPU once."""
    return ", ".join(dict.fromkeys(str(gpu) for gpu in gpus))
