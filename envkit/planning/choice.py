"""Which of the candidates that meet every constraint is preferred."""

from collections.abc import Iterable

from envkit.matrix.cuda import cuda_of
from envkit.matrix.versions import numbers
from envkit.planning.candidates import Candidate
from envkit.planning.constraints import CONSTRAINTS, Case, first_objection, served

Preference = tuple[int, bool, bool, tuple[int, ...], tuple[int, ...]]


def fitting(options: Iterable[Candidate], case: Case) -> list[Candidate]:
    """Return the candidates that meet every constraint."""
    return [option for option in options if first_objection(option, case)[0] == len(CONSTRAINTS)]


def choose(options: Iterable[Candidate], case: Case) -> Candidate | None:
    """Return the preferred of the candidates that meet every constraint, None when there is none."""
    return max(fitting(options, case), key=lambda option: preference(option, case), default=None)


def preference(candidate: Candidate, case: Case) -> Preference:
    """Return what the choice goes by, most important first.

    The most GPUs served; Metal over the CPU; the release that envkit is tested with; the newest release;
    the newest CUDA.
    """
    return (
        len(served(candidate, case.machine.nvidia.gpus)),
        candidate.backend == "mps",
        candidate.torch == case.matrix.torch.tested,
        numbers(candidate.torch),
        numbers(cuda_of(candidate.backend) or ""),
    )
