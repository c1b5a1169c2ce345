"""The constraints a candidate must meet, in the order in which they are told.

Each is a pure function that returns its objection to a candidate in words that follow its label
("torch 2.13.0 (cu130) needs NVIDIA driver ..."), or "" when the candidate meets it.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from envkit.matrix import Matrix
from envkit.matrix.cuda import cuda_of
from envkit.matrix.gpus import is_built_for
from envkit.matrix.versions import numbers
from envkit.planning.candidates import Candidate
from envkit.planning.machine import Machine
from envkit.planning.nvidia import Gpu
from envkit.planning.packages import asked_companions, missing_companion
from envkit.planning.wishes import Wish

KINDS = ("mps", "cuda", "rocm", "xpu", "cpu")
"""The kinds of build, the preferred first."""


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
    """The backend is the one that was asked for; "rocm" asks for any release of it."""
    asked = case.wish.backend
    return "" if is_asked_for(candidate, asked) else f"is no {build_name(asked)} build"


def object_to_python(candidate: Candidate, case: Case) -> str:
    """There is one for the environment's Python, where that is not open."""
    if not case.machine.python or case.machine.python in candidate.pythons:
        return ""
    kind = "package in conda" if candidate.channel else "wheel"
    return f"has no {kind} for Python {case.machine.python}"


def object_to_system(candidate: Candidate, case: Case) -> str:
    """The machine's glibc, or macOS, is new enough."""
    for what, have, least in (
        ("glibc", case.machine.glibc, candidate.min_glibc),
        ("macOS", case.machine.macos, candidate.min_macos),
    ):
        if have is not None and least is not None and numbers(have) < numbers(least):
            return f"needs {what} {least.removesuffix('.0')}, and this machine has {have}"
    return ""


def object_to_driver(candidate: Candidate, case: Case) -> str:
    """The NVIDIA driver runs its CUDA; with no driver to ask, only what was asked for by name."""
    cuda = cuda_of(candidate.backend)
    if cuda is None:
        return ""
    nvidia = case.machine.nvidia
    if nvidia.driver is None:
        return "" if case.wish.backend else f"is of no use here: {nvidia.lack.why}"
    fit = case.matrix.cuda.fit(cuda, nvidia.driver, case.machine.driver_os)
    if fit.runs:
        return ""
    if fit.runs is None:
        return "" if case.wish.backend else f"needs an NVIDIA driver that is not recorded for CUDA {cuda}"
    return f"needs NVIDIA driver {fit.minimum} or newer, and this machine has {nvidia.driver}"


def object_to_gpus(candidate: Candidate, case: Case) -> str:
    """It has code for at least one of the GPUs; how many it serves is a matter of preference."""
    kind = kind_of(candidate.backend)
    if kind in ("cpu", "mps"):
        return ""
    named = case.wish.backend is not None
    gpus = tuple(gpu for gpu in case.machine.gpus if gpu.kind == kind)
    if not gpus:
        if named and not case.machine.rules_out(kind):
            return ""
        return f"is of no use here: {case.machine.no_gpu(kind)}"
    if kind != "xpu" and candidate.archs is None and not (candidate.channel or named):
        # A channel's lists are never recorded; a wheel without one is a gap that only a wish may step over.
        return "has code for GPUs that are not recorded"
    if served(candidate, gpus):
        return ""
    unknown = perhaps_served(candidate, gpus)
    if named and (unknown or standing_in(candidate, gpus)):
        return ""
    return f"is not recorded to have code for {list_gpus(unknown)}" if unknown else f"has no code for {list_gpus(gpus)}"


def object_to_companions(candidate: Candidate, case: Case) -> str:
    """Each companion that was asked for has a build that loads beside it."""
    missing = missing_companion(candidate, asked_companions(case.wish), case.machine.platform, case.matrix)
    if not missing:
        return ""
    name, release = missing
    return f"has no {name}: {release}, the one that goes with it, was not built for {build_name(candidate.backend)}"


CONSTRAINTS: tuple[Constraint, ...] = (
    object_to_release,
    object_to_backend,
    object_to_python,
    object_to_system,
    object_to_driver,
    object_to_gpus,
    object_to_companions,
)
HARDWARE = CONSTRAINTS.index(object_to_system)
"""The first constraint that the machine sets, not the wish."""


def first_objection(candidate: Candidate, case: Case, start: int = 0) -> tuple[int, str]:
    """Return how many constraints the candidate met before the first that it fails, and its objection."""
    for met in range(start, len(CONSTRAINTS)):
        objection = CONSTRAINTS[met](candidate, case)
        if objection:
            return met, objection
    return len(CONSTRAINTS), ""


def is_asked_for(candidate: Candidate, backend: str | None) -> bool:
    """Say whether a wish for a backend allows the candidate."""
    return backend in (None, candidate.backend) or (backend == "rocm" and candidate.backend.startswith("rocm"))


def served(candidate: Candidate, gpus: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    """Return the GPUs that a build has code for.

    Where that is not recorded, those that its CUDA makes code for, but for Jetson boards: they need code of their own,
    which builds for servers may leave out.
    """
    kind = kind_of(candidate.backend)
    if not gpus or kind in ("cpu", "mps"):
        return ()
    if kind == "xpu" or candidate.archs is not None:
        return _served(kind, candidate.archs, gpus)
    if candidate.possible is None:
        return ()
    return tuple(gpu for gpu in _served(kind, candidate.possible, gpus) if not gpu.is_jetson)


def perhaps_served(candidate: Candidate, gpus: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    """Return the GPUs that a build may have code for, for all that is recorded."""
    kind = kind_of(candidate.backend)
    return () if kind == "xpu" or candidate.archs is not None else _served(kind, candidate.possible, gpus)


@lru_cache(maxsize=4096)
def _served(kind: str, archs: tuple[str, ...] | None, gpus: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    return tuple(gpu for gpu in gpus if gpu.kind == kind and (archs is None or _has_code(archs, gpu)))


def _has_code(archs: tuple[str, ...], gpu: Gpu) -> bool:
    return is_built_for(archs, gpu.capability) if gpu.kind == "cuda" else gpu.capability in archs


def standing_in(candidate: Candidate, gpus: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    """Return the AMD GPUs that were seen to run other code of the build when they are told to."""
    if not candidate.backend.startswith("rocm"):
        return ()
    return tuple(gpu for gpu in gpus if gpu.stands_in and gpu.stands_in in (candidate.archs or ()))


@lru_cache(maxsize=256)
def kind_of(backend: str) -> str:
    """Return the kind of a build, one of `KINDS`."""
    if cuda_of(backend):
        return "cuda"
    return "rocm" if backend.startswith("rocm") else backend


@lru_cache(maxsize=256)
def release_of(backend: str) -> tuple[int, ...]:
    """Return the CUDA or ROCm release of a build as numbers, () where it has none."""
    return numbers(cuda_of(backend) or backend.removeprefix("rocm"))


@lru_cache(maxsize=256)
def build_name(backend: str | None) -> str:
    """Return a backend as people say it: "cu121" gives "CUDA 12.1", "cpu" gives "CPU"."""
    if backend is None:
        return "suitable"
    cuda = cuda_of(backend)
    if cuda:
        return f"CUDA {cuda}"
    if backend.startswith("rocm"):
        return f"ROCm {backend.removeprefix('rocm')}".strip()
    return {"cpu": "CPU", "mps": "Metal", "xpu": "XPU", "cuda": "CUDA"}.get(backend, backend)


@lru_cache(maxsize=1024)
def list_gpus(gpus: tuple[Gpu, ...]) -> str:
    """Name each kind of GPU once."""
    return ", ".join(dict.fromkeys(str(gpu) for gpu in gpus))
