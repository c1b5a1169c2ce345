"""A plan in short: what to install on a described machine, or why nothing can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envkit.planning.decide import Decision, decide, fill, others
from envkit.planning.decide import explain as why_others_lost
from envkit.planning.model import ImpossibleError, Nearest, Other, Reason, Request
from envkit.planning.packages import matching_companions

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
    found = _in_short(decision, assumed)
    return msgspec.structs.replace(found, others=others(decision)) if explain else found


def _tried(request: Request, snapshot: Snapshot, matrix: Matrix) -> tuple[Other, ...]:
    try:
        return why_others_lost(request, snapshot, matrix)
    except ImpossibleError:  # there is no build for such a machine at all
        return ()


def _impossible(refused: ImpossibleError, tried: tuple[Other, ...]) -> Impossible:
    hint = "" if refused.nearest else refused.hint
    return Impossible(impossible=True, why=refused.message, nearest=refused.nearest, hint=hint, others=tried)


def _in_short(decision: Decision, assumed: tuple[Reason, ...]) -> Answer:
    plan, chosen = fill(decision), decision.chosen
    return Answer(
        torch=plan.torch,
        backend=plan.backend,
        index=plan.index,
        python=plan.python,
        companions=matching_companions(chosen.torch, plan.python, chosen.channel, decision.case.matrix),
        reasons=(*assumed, *plan.reasons),
        platform=plan.platform,
        packages=plan.packages,
        channels=plan.channels,
        dependencies=plan.dependencies,
    )
