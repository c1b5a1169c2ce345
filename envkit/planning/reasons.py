"""Why a choice was made, in the words of the constraint that decided it."""

from collections.abc import Iterable
from functools import lru_cache

from envkit.matrix import Matrix
from envkit.matrix.cuda import cuda_of
from envkit.matrix.versions import numbers
from envkit.planning.candidates import PYTORCH, Candidate
from envkit.planning.choice import preference
from envkit.planning.constraints import (
    Case,
    build_name,
    first_objection,
    is_asked_for,
    kind_of,
    list_gpus,
    perhaps_served,
    release_of,
    served,
    standing_in,
)
from envkit.planning.model import Other, Reason, Request
from envkit.planning.nvidia import Missing


def explain_choice(options: tuple[Candidate, ...], case: Case, chosen: Candidate) -> tuple[Reason, ...]:
    """Say why this torch and this backend, and which GPUs have to do without."""
    return (
        Reason("torch", chosen.torch, _why_torch(options, case, chosen)),
        Reason("backend", chosen.backend, _why_backend(options, case, chosen)),
        *_left_out(case, chosen),
    )


def explain_source(request: Request, case: Case, chosen: Candidate, channels: tuple[str, ...]) -> Reason:
    """Say where the build comes from and why from there."""
    if chosen.channel:
        platform = case.machine.platform
        because = f"the {chosen.channel} channel has torch {chosen.torch} for {platform}"
        if chosen.channel != PYTORCH:
            because += ", the pytorch channel has not"
        if chosen.inferred:
            because += f"; its packages for Python {case.machine.python} are inferred, not seen"
        return Reason("channels", ", ".join(channels), because)
    if request.index:
        return Reason("index", request.index, "as asked")
    if chosen.index_url is None:
        return Reason("index", "as configured", f"the default index serves the {chosen.backend} build of this release")
    default = _default_backend(case.matrix, chosen.torch, case.machine.platform)
    serves = f"the {default} build" if default else "no build"
    because = f"the default index serves {serves} of torch {chosen.torch} for {case.machine.platform}"
    if chosen.inferred:
        because += f"; that this one has the {chosen.backend} build is inferred, not seen"
    return Reason("index", chosen.index_url, because)


@lru_cache(maxsize=1024)
def _default_backend(matrix: Matrix, torch: str, platform: str) -> str | None:
    others = matrix.torch.builds(torch=torch, platform=platform)
    return next((build.backend for build in others if build.default_index), None)


def _why_torch(options: tuple[Candidate, ...], case: Case, chosen: Candidate) -> str:
    asked = case.wish.torch
    if asked is not None and len({option.torch for option in options} & asked) == 1:
        return "as asked"
    limits = f"in `{case.wish.torch_asked}` " if asked is not None else ""
    newer = _next_newer(options, asked, chosen)
    if newer is None:
        return f"the newest release {limits}".rstrip()
    of_newer = [option for option in options if option.torch == newer]
    kinds = _rival_kinds(case, chosen)
    of_kinds = ([option for option in of_newer if kind_of(option.backend) == kind] for kind in kinds)
    rivals = next(filter(None, of_kinds), [])
    told = _why_not(rivals, case, f"torch {newer}", " or ".join(map(build_name, kinds)))
    return f"the newest release {limits}that fits this machine; {told}"


def _rival_kinds(case: Case, chosen: Candidate) -> tuple[str, ...]:
    """Return the kinds of build that could have been chosen: that of this one, then those for other GPUs."""
    kind = kind_of(chosen.backend)
    if case.wish.backend or kind in ("cpu", "mps"):
        return (kind,)
    return tuple(dict.fromkeys((kind, *(gpu.kind for gpu in case.machine.gpus))))


def _next_newer(options: tuple[Candidate, ...], asked: frozenset[str] | None, chosen: Candidate) -> str | None:
    own = numbers(chosen.torch)
    newer = {option.torch for option in options if asked is None or option.torch in asked}
    return min((torch for torch in newer if numbers(torch) > own), key=numbers, default=None)


def _why_not(rivals: list[Candidate], case: Case, what: str, kind: str = "") -> str:
    """Return the objection to the rival that came farthest."""
    if not rivals:
        return f"{what} has no {kind or 'such'} build"
    rival = max(rivals, key=lambda option: _how_close(option, case))
    if not is_asked_for(rival, case.wish.backend):
        return f"{what} has no {build_name(case.wish.backend)} build"
    return f"{rival.label} {first_objection(rival, case)[1] or 'serves fewer of the GPUs'}"


def _how_close(option: Candidate, case: Case) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Order by the constraints met, then by how little CUDA asks of the driver, then by release."""
    met, _ = first_objection(option, case)
    return met, tuple(-number for number in release_of(option.backend)), numbers(option.torch)


def _why_backend(options: tuple[Candidate, ...], case: Case, chosen: Candidate) -> str:
    kind = kind_of(chosen.backend)
    if kind == "cuda":
        return _why_cuda(options, case, chosen)
    if kind in ("rocm", "xpu"):
        return _why_other_gpu(options, case, chosen)
    if case.wish.backend:
        return "as asked"
    if kind == "mps":
        return "the build for Apple silicon uses the GPU through Metal"
    return _why_cpu(options, case)


def _why_cpu(options: tuple[Candidate, ...], case: Case) -> str:
    """Say why there is no GPU build for each kind of GPU that the machine has."""
    machine = case.machine
    kinds = {kind_of(option.backend) for option in options} - {"cpu"}
    if not kinds:
        return f"there is no GPU build for {machine.platform}"
    gpus = machine.gpus
    if not gpus:
        left_out = dict.fromkeys(reason.because for reason in machine.accelerators.reasons)
        told = "; ".join((machine.nvidia.lack.why, *left_out))
        may_be_one = machine.nvidia.driver is not None and machine.nvidia.lack.what is Missing.UNKNOWN
        return f"{told}; a CUDA build is taken nevertheless when it is asked for by name" if may_be_one else told
    asked = case.wish.torch
    rivals = [option for option in options if asked is None or option.torch in asked]
    return "; ".join(
        _why_none_serves(kind, [option for option in rivals if kind_of(option.backend) == kind], case)
        for kind in dict.fromkeys(gpu.kind for gpu in gpus)
    )


def _why_none_serves(kind: str, rivals: list[Candidate], case: Case) -> str:
    name = build_name(kind)
    gpus = tuple(gpu for gpu in case.machine.gpus if gpu.kind == kind)
    if kind == "cuda" and case.machine.nvidia.driver is None:
        return f"no {name} build is sure to run: {case.machine.nvidia.lack.why}{_needed_drivers(rivals, case)}"
    told = f"no {name} build serves {list_gpus(gpus)}; {_why_not(rivals, case, 'torch', name)}"
    return f"{told}; for Jetson boards NVIDIA has builds of its own" if any(gpu.is_jetson for gpu in gpus) else told


def _needed_drivers(rivals: Iterable[Candidate], case: Case) -> str:
    """Say which driver each CUDA build would need that nothing but the driver keeps out, the best for each driver."""
    python = case.machine.python
    best: dict[str, Candidate] = {}
    for option in sorted(rivals, key=lambda option: preference(option, case)):
        least = case.matrix.cuda.minimum_driver(cuda_of(option.backend) or "", case.machine.driver_os)
        by_name = case._replace(wish=case.wish._replace(backend=option.backend))
        if least and (not python or python in option.pythons) and not first_objection(option, by_name)[1]:
            best[least] = option
    drivers = sorted(best, key=numbers, reverse=True)
    return "".join(f"; {best[least].label} needs driver {least} or newer" for least in drivers)


def _why_cuda(options: tuple[Candidate, ...], case: Case, chosen: Candidate) -> str:
    nvidia = case.machine.nvidia
    if nvidia.driver is None:
        return f"as asked; whether this machine runs it could not be checked: {nvidia.lack.why}{_needs(case, chosen)}"
    fit = case.matrix.cuda.fit(cuda_of(chosen.backend) or "", nvidia.driver, case.machine.driver_os)
    runs = f"driver {nvidia.driver} runs it (the least is {fit.minimum})"
    if fit.runs is None:
        runs = f"whether driver {nvidia.driver} runs it is not recorded"
    told = f"{runs}, {_code(case, chosen)}"
    if case.wish.backend:
        return f"as asked; {told}"
    return f"the newest that fits: {told}{_newer(options, case, chosen)}"


def _needs(case: Case, chosen: Candidate) -> str:
    """Say which NVIDIA driver a build needs."""
    cuda = cuda_of(chosen.backend) or ""
    least = case.matrix.cuda.minimum_driver(cuda, case.machine.driver_os)
    return f"; CUDA {cuda} needs NVIDIA driver {least} or newer" if least else ""


def _why_other_gpu(options: tuple[Candidate, ...], case: Case, chosen: Candidate) -> str:
    """Say what ROCm or XPU was chosen for; neither asks for a driver of a recorded version."""
    told = _code(case, chosen)
    if case.wish.backend == chosen.backend:
        return f"as asked; {told}"
    return f"the newest that fits: {told}{_newer(options, case, chosen)}"


def _code(case: Case, chosen: Candidate) -> str:
    """Say which GPUs the build has code for."""
    kind = kind_of(chosen.backend)
    gpus = tuple(gpu for gpu in case.machine.gpus if gpu.kind == kind)
    if not gpus:
        return f"whether there is a GPU for it could not be checked: {case.machine.no_gpu(kind)}"
    if kind == "xpu":
        return f"it is for {list_gpus(gpus)}"
    if chosen.archs is None:
        return f"whether it has code for {list_gpus(gpus)} is not recorded"
    here = served(chosen, gpus)
    if here:
        return f"it has code for {list_gpus(here)}"
    stand_ins = ", ".join(dict.fromkeys(gpu.stands_in for gpu in standing_in(chosen, gpus)))
    return f"it has no code for {list_gpus(gpus)}, which was seen to run that of {stand_ins} when it is told to"


def _newer(options: tuple[Candidate, ...], case: Case, chosen: Candidate) -> str:
    """Say what kept the next newer CUDA or ROCm of this release from being chosen."""
    own = release_of(chosen.backend)
    newer = [
        option
        for option in options
        if option.torch == chosen.torch
        and kind_of(option.backend) == kind_of(chosen.backend)
        and release_of(option.backend) > own
    ]
    if not newer:
        return ""
    rival = min(newer, key=lambda option: release_of(option.backend))
    return f"; {build_name(rival.backend)} {first_objection(rival, case)[1] or 'serves fewer of the GPUs'}"


def _left_out(case: Case, chosen: Candidate) -> tuple[Reason, ...]:
    """Name the GPUs that are not used: those of another kind, and those that the build has no code for."""
    if kind_of(chosen.backend) in ("cpu", "mps"):
        return ()
    here = served(chosen, case.machine.gpus) + perhaps_served(chosen, case.machine.gpus)
    without = tuple(gpu for gpu in case.machine.gpus if gpu not in here and not standing_in(chosen, (gpu,)))
    if not without:
        return _override(case, chosen)
    because = "no build that fits has code for all of the GPUs"
    if case.wish.backend:
        because = f"the {build_name(chosen.backend)} build has no code for it"
    return (Reason("gpu", f"{list_gpus(without)} left out", because), *_override(case, chosen))


def _override(case: Case, chosen: Candidate) -> tuple[Reason, ...]:
    """Name the variable that makes an AMD GPU run another one's code."""
    gpus = [gpu for gpu in standing_in(chosen, case.machine.gpus) if gpu not in served(chosen, case.machine.gpus)]
    return tuple(
        Reason("gpu", f"HSA_OVERRIDE_GFX_VERSION={override}", f"with it {gpu} was seen to run code for {gpu.stands_in}")
        for gpu in dict.fromkeys(gpus)
        if (override := case.matrix.gpus.hsa_override(gpu.capability))
    )


def losing_reasons(options: Iterable[Candidate], case: Case, chosen: Candidate | None) -> tuple[Other, ...]:
    """Return every candidate but the chosen one, newest release first, with why it was not chosen."""
    ordered = sorted(options, key=lambda option: (numbers(option.torch), release_of(option.backend)), reverse=True)
    return tuple(
        Other(option.torch, option.backend, _why_lost(option, case, chosen)) for option in ordered if option != chosen
    )


def _why_lost(option: Candidate, case: Case, chosen: Candidate | None) -> str:
    objection = first_objection(option, case)[1]
    return objection or (_why_less(option, case, chosen) if chosen else "")


def _why_less(option: Candidate, case: Case, chosen: Candidate) -> str:
    """Say what the chosen one has over a candidate that would do as well."""
    gpus = case.machine.gpus
    fewer, more = len(served(option, gpus)), len(served(chosen, gpus))
    kind, own = build_name(kind_of(option.backend)), build_name(kind_of(chosen.backend))
    if fewer < more:
        return f"serves {fewer or 'none'} of the GPUs, and {chosen.label} {more}"
    if option.backend == "cpu" != chosen.backend:
        return f"serves no more GPUs than {chosen.label}, and {own} is preferred"
    if option.torch != chosen.torch:
        return f"would fit, and torch {chosen.torch} is newer"
    if kind != own:
        return f"would fit, and {own} is preferred to {kind}"
    return f"would fit, and {build_name(chosen.backend)} is newer"
