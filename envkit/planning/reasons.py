"""Why a choice was made, in the words of the constraint that decided it."""

from collections.abc import Iterable

from envkit.matrix.cuda import cuda_of
from envkit.matrix.versions import numbers
from envkit.planning.candidates import PYTORCH, Candidate
from envkit.planning.constraints import (
    Case,
    build_name,
    first_objection,
    list_gpus,
    object_to_backend,
    served,
)
from envkit.planning.model import Reason, Request


def explain_choice(options: Iterable[Candidate], case: Case, chosen: Candidate) -> tuple[Reason, ...]:
    """Say why this torch and this backend, and which GPUs have to do without."""
    options = tuple(options)
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
    others = case.matrix.torch.builds(torch=chosen.torch, platform=case.machine.platform)
    default = next((build.backend for build in others if build.default_index), None)
    serves = f"the {default} build" if default else "no build"
    because = f"the default index serves {serves} of torch {chosen.torch} for {case.machine.platform}"
    if chosen.inferred:
        because += f"; that this one has the {chosen.backend} build is inferred, not seen"
    return Reason("index", chosen.index_url, because)


def _why_torch(options: tuple[Candidate, ...], case: Case, chosen: Candidate) -> str:
    tested = case.matrix.torch.tested
    asked = case.wish.torch
    if asked is not None and len({option.torch for option in options} & asked) == 1:
        return "as asked"
    limits = f"in `{case.wish.torch_asked}` " if asked is not None else ""
    if chosen.torch == tested:
        return f"the release {limits}that this envkit is tested with"
    if asked is not None and tested not in asked:
        return f"the newest release {limits}that fits this machine"
    rivals = [option for option in options if option.torch == tested and _same_kind(option, chosen)]
    return f"the newest release {limits}that fits this machine; {_why_not(rivals, case, f'torch {tested}')}"


def _same_kind(one: Candidate, other: Candidate) -> bool:
    return (cuda_of(one.backend) is None) == (cuda_of(other.backend) is None)


def _why_not(rivals: list[Candidate], case: Case, what: str) -> str:
    """Return the objection to the rival that came farthest."""
    if not rivals:
        return f"{what} has no such build"
    rival = max(rivals, key=lambda option: _how_close(option, case))
    if object_to_backend(rival, case):
        return f"{what} has no {build_name(case.wish.backend)} build"
    return f"{rival.label} {first_objection(rival, case)[1] or 'serves fewer of the GPUs'}"


def _how_close(option: Candidate, case: Case) -> tuple[int, tuple[int, ...]]:
    """Order by the constraints met, then by how little CUDA asks of the driver."""
    met, _ = first_objection(option, case)
    return met, tuple(-number for number in numbers(cuda_of(option.backend) or ""))


def _why_backend(options: tuple[Candidate, ...], case: Case, chosen: Candidate) -> str:
    if cuda_of(chosen.backend):
        return _why_cuda(options, case, chosen)
    if case.wish.backend:
        return "as asked"
    if chosen.backend == "mps":
        return "the build for Apple silicon uses the GPU through Metal"
    rivals = [option for option in options if cuda_of(option.backend)]
    if not rivals:
        return f"there is no GPU build for {case.machine.platform}"
    if not case.machine.nvidia.gpus:
        return case.machine.nvidia.no_gpu
    return f"no CUDA build serves {list_gpus(case.machine.nvidia.gpus)}; {_why_not(rivals, case, 'torch')}"


def _why_cuda(options: tuple[Candidate, ...], case: Case, chosen: Candidate) -> str:
    machine = case.machine
    if machine.nvidia.driver is None:
        return f"as asked; whether this machine runs it could not be checked: {machine.nvidia.no_gpu}"
    fit = case.matrix.cuda.fit(cuda_of(chosen.backend) or "", machine.nvidia.driver, machine.driver_os)
    runs = f"driver {machine.nvidia.driver} runs it (the least is {fit.minimum})"
    if fit.runs is None:
        runs = f"whether driver {machine.nvidia.driver} runs it is not recorded"
    if not machine.nvidia.gpus:
        code = f"for which GPU is not known: {machine.nvidia.no_gpu}"
    elif chosen.archs is None:
        code = f"whether it has code for {list_gpus(machine.nvidia.gpus)} is not recorded"
    else:
        code = f"it has code for {list_gpus(served(chosen, machine.nvidia.gpus))}"
    if case.wish.backend:
        return f"as asked; {runs}, {code}"
    return f"the newest that fits: {runs}, {code}{_newer(options, case, chosen)}"


def _newer(options: tuple[Candidate, ...], case: Case, chosen: Candidate) -> str:
    """Say what kept the next newer CUDA of this release from being chosen."""
    own = numbers(cuda_of(chosen.backend) or "")
    newer = [
        option for option in options if option.torch == chosen.torch and numbers(cuda_of(option.backend) or "") > own
    ]
    if not newer:
        return ""
    rival = min(newer, key=lambda option: numbers(cuda_of(option.backend) or ""))
    return f"; {build_name(rival.backend)} {first_objection(rival, case)[1] or 'serves fewer of the GPUs'}"


def _left_out(case: Case, chosen: Candidate) -> tuple[Reason, ...]:
    if cuda_of(chosen.backend) is None:
        return ()
    here = served(chosen, case.machine.nvidia.gpus)
    without = tuple(gpu for gpu in case.machine.nvidia.gpus if gpu not in here)
    if not without:
        return ()
    return (Reason("gpu", f"{list_gpus(without)} left out", "no build that fits has code for all of the GPUs"),)
