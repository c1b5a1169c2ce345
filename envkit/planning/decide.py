"""Request x Snapshot x Matrix -> Plan."""

from envkit.matrix import Matrix
from envkit.planning.candidates import Candidate, candidates
from envkit.planning.choice import choose
from envkit.planning.conda import CondaChoice, choose_conda
from envkit.planning.constraints import Case
from envkit.planning.machine import read_machine
from envkit.planning.model import Manager, Plan, Request
from envkit.planning.packages import choose_packages
from envkit.planning.reasons import explain_choice, explain_source
from envkit.planning.refusal import refuse
from envkit.planning.wishes import read_wish
from envkit.snapshot import Snapshot


def plan(request: Request, snapshot: Snapshot, matrix: Matrix) -> Plan:
    """Decide what to install; raise `ImpossibleError` when nothing satisfies the request here."""
    wish = read_wish(request, matrix.torch.releases())
    machine = read_machine(request, snapshot, matrix)
    case = Case(wish, machine, matrix)
    options = candidates(matrix, request.manager, machine.platform)
    chosen = choose(options, case)
    if chosen is None:
        raise refuse(options, case, request)
    return _fill(request, case, options, chosen)


def _fill(request: Request, case: Case, options: tuple[Candidate, ...], chosen: Candidate) -> Plan:
    in_conda = request.manager is Manager.CONDA
    machine = case.machine
    index = None if in_conda else request.index or chosen.index_url
    packages = choose_packages(chosen, machine.platform, case.wish, case.matrix)
    conda = CondaChoice((), ())
    if in_conda:
        conda = choose_conda(chosen, machine.platform, machine.python, packages, case.matrix.torch)
    return Plan(
        manager=request.manager,
        engine=request.engine,
        name=request.name or f"torch-{chosen.torch}-{chosen.backend}",
        path=request.path or ("" if in_conda else request.name or ".venv"),
        python=machine.python,
        platform=machine.platform,
        torch=chosen.torch,
        backend=chosen.backend,
        local=_local_version(chosen, machine.platform) if index else "",
        index=index,
        channels=conda.channels,
        dependencies=conda.dependencies,
        companions=packages.companions,
        built_with=packages.built_with,
        packages=packages.requirements,
        reasons=(
            *machine.reasons,
            *explain_choice(options, case, chosen),
            explain_source(request, case, chosen, conda.channels),
            *packages.reasons,
        ),
    )


def _local_version(chosen: Candidate, platform: str) -> str:
    """Return the local version that a build's wheels carry on a torch index; those for macOS carry none."""
    return "" if platform.startswith("macos") else f"+{chosen.backend}"
