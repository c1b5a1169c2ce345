"""A plan in short: what to install on a described machine, or why nothing can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envkit.planning.decide import Decision, decide, fill, others
from envkit.planning.decide import explain as why_others_lost
from envkit.planning.model import ImpossibleError, Manager, Nearest, Other, Reason, Request
from envkit.planning.packages import choose_packages, matching_companions
from envkit.planning.reasons import explain_choice, explain_source

if TYPE_CHECKING:
    from envkit.matrix import Matrix
    from envkit.snapshot import Snapshot


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to install; fields that say nothing for the request are left out of the JSON, but for `index`."""

    torch: str
    backend: str
    index: str | None
    """None: the index that pip is configured to use."""
    python: str
    companions: dict[str, str]
    """The torchvision and torchaudio that go with this torch, asked for or not."""
    reasons: tuple[Reason, ...]
    platform: str
    packages: tuple[str, ...]
    """What else goes in: numpy, held where this torch needs it."""
    channels: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    """For conda, everything that goes in."""
    others: tuple[Other, ...] = ()


class Impossible(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why nothing satisfies the request, and what comes nearest."""

    impossible: bool
    why: str
    nearest: tuple[Nearest, ...]
    hint: str = ""
    others: tuple[Other, ...] = ()


def answer(
    request: Request, snapshot: Snapshot, matrix: Matrix, *, assumed: tuple[Reason, ...] = (), explain: bool = False
) -> Answer | Impossible:
    """Return the plan in short; raise `EnvkitError` for a request that makes no sense."""
    try:
        decision = decide(request, snapshot, matrix)
    except ImpossibleError as refused:
        tried = _tried(request, snapshot, matrix) if explain else ()
        return _impossible(refused, tried)
    found = _in_conda(decision) if request.manager is Manager.CONDA else _wheels(decision)
    if assumed:
        found = msgspec.structs.replace(found, reasons=(*assumed, *found.reasons))
    return msgspec.structs.replace(found, others=others(decision)) if explain else found


def _tried(request: Request, snapshot: Snapshot, matrix: Matrix) -> tuple[Other, ...]:
    try:
        return why_others_lost(request, snapshot, matrix)
    except ImpossibleError:  # there is no build for such a machine at all
        return ()


def _impossible(refused: ImpossibleError, tried: tuple[Other, ...]) -> Impossible:
    hint = "" if refused.nearest else refused.hint
    return Impossible(impossible=True, why=refused.message, nearest=refused.nearest, hint=hint, others=tried)


def _wheels(decision: Decision) -> Answer:
    case, chosen = decision.case, decision.chosen
    machine = case.machine
    packages = choose_packages(chosen, machine.platform, case.wish, case.matrix)
    return Answer(
        torch=chosen.torch,
        backend=chosen.backend,
        index=decision.request.index or chosen.index_url,
        python=machine.python,
        companions=_companions(decision),
        reasons=(
            *decision.python_reasons,
            *machine.reasons,
            *explain_choice(decision.options, case, chosen),
            explain_source(decision.request, case, chosen, ()),
            *packages.reasons,
        ),
        platform=machine.platform,
        packages=packages.requirements,
    )


def _in_conda(decision: Decision) -> Answer:
    plan = fill(decision)
    return Answer(
        torch=plan.torch,
        backend=plan.backend,
        index=None,
        python=plan.python,
        companions=_companions(decision),
        reasons=plan.reasons,
        platform=plan.platform,
        packages=plan.packages,
        channels=plan.channels,
        dependencies=plan.dependencies,
    )


def _companions(decision: Decision) -> dict[str, str]:
    chosen, case = decision.chosen, decision.case
    return matching_companions(chosen.torch, case.machine.python, chosen.channel, case.matrix)
