"""Request x Snapshot x Matrix -> Plan."""

from typing import NamedTuple

from envkit.errors import EnvkitError
from envkit.matrix import Matrix
from envkit.planning.candidates import Candidate, candidates
from envkit.planning.choice import choose_for
from envkit.planning.constraints import Case
from envkit.planning.machine import read_machine
from envkit.planning.model import Manager, Other, Plan, Reason, Request
from envkit.planning.packages import Packages, choose_packages
from envkit.planning.reasons import explain_choice, explain_source, losing_reasons
from envkit.planning.wishes import check_place, read_wish
from envkit.snapshot import Snapshot


class Decision(NamedTuple):
    """The build that was chosen, and what it was chosen from and for."""

    request: Request
    case: Case
    """With the Python that the build is for, asked, found or chosen."""
    options: tuple[Candidate, ...]
    chosen: Candidate
    python_reasons: tuple[Reason, ...]
    """Why this Python, where the plan chose it."""


def decide(request: Request, snapshot: Snapshot, matrix: Matrix) -> Decision:
    """Choose a build; raise `ImpossibleError` when nothing satisfies the request here."""
    if request.bare:
        raise EnvkitError("--bare asks for an environment without torch, and there is no build to choose")
    case = _case(request, snapshot, matrix)
    machine = case.machine
    choice = choose_for(request.manager, case)
    if choice is None:
        from envkit.planning.refusal import refuse  # as much code as the choice itself, and seldom needed

        raise refuse(case, request)
    reasons: tuple[Reason, ...] = ()
    if not machine.python:
        reasons = (Reason("python", choice.python, "the newest that torch and its companions are there for"),)
        case = case._replace(machine=machine._replace(python=choice.python))
    return Decision(request, case, candidates(matrix, request.manager, machine.platform), choice.build, reasons)


def _case(request: Request, snapshot: Snapshot, matrix: Matrix) -> Case:
    wish = read_wish(request, matrix.torch.releases())
    return Case(wish, read_machine(request, snapshot, matrix), matrix)


def plan(request: Request, snapshot: Snapshot, matrix: Matrix) -> Plan:
    """Decide what to install; raise `ImpossibleError` when nothing satisfies the request here."""
    if request.bare and request.manager is Manager.CONDA:
        from envkit.planning.conda import plan_bare_conda

        return plan_bare_conda(request, snapshot, matrix)
    return fill(decide(request, snapshot, matrix))


def others(decision: Decision) -> tuple[Other, ...]:
    """Return every build on this platform that was not chosen, newest release first, and why."""
    return losing_reasons(decision.options, decision.case, decision.chosen)


def explain(request: Request, snapshot: Snapshot, matrix: Matrix) -> tuple[Other, ...]:
    """Return why each build other than the plan's was not chosen, or, where there is no plan, why none was."""
    case = _case(request, snapshot, matrix)
    if choose_for(request.manager, case) is None:
        return losing_reasons(candidates(matrix, request.manager, case.machine.platform), case, None)
    return others(decide(request, snapshot, matrix))


def fill(decision: Decision) -> Plan:
    """Return the plan that carries a decision out."""
    request, case, chosen = decision.request, decision.case, decision.chosen
    in_conda = request.manager is Manager.CONDA
    machine = case.machine
    path = request.path or ("" if in_conda else request.name or ".venv")
    check_place(path, machine.platform)
    index = None if in_conda else request.index or chosen.index_url
    packages = choose_packages(chosen, machine.platform, case.wish, case.matrix)
    channels, dependencies = _in_channels(decision, packages) if in_conda else ((), ())
    return Plan(
        manager=request.manager,
        engine=request.engine,
        name=request.name or f"torch-{chosen.torch}-{chosen.backend}",
        path=path,
        python=machine.python,
        platform=machine.platform,
        torch=chosen.torch,
        backend=chosen.backend,
        local=_local_version(chosen, machine.platform) if index else "",
        index=index,
        channels=channels,
        dependencies=dependencies,
        companions=packages.companions,
        built_with=packages.built_with,
        packages=packages.requirements,
        reasons=(
            *decision.python_reasons,
            *machine.reasons,
            *explain_choice(decision.options, case, chosen),
            explain_source(request, case, chosen, channels),
            *packages.reasons,
        ),
    )


def _in_channels(decision: Decision, packages: Packages) -> tuple[tuple[str, ...], tuple[str, ...]]:
    # Only conda's recipes pay for reading requirements in conda's words.
    from envkit.planning.conda import choose_conda

    machine, tables = decision.case.machine, decision.case.matrix.torch
    index = decision.request.index
    return choose_conda(decision.chosen, machine.platform, machine.python, packages, tables, index)


def _local_version(chosen: Candidate, platform: str) -> str:
    """Return the local version that a build's wheels carry on a torch index; those for macOS carry none."""
    return "" if platform.startswith("macos") else f"+{chosen.backend}"
