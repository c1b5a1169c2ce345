"""Where a plan's build is really taken from: its index, or what stands in for one that cannot be reached.

Whatever stands in has the very build that was planned for the machine: the backend is never swapped.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from envkit import processes
from envkit.apply.engines import Installer, step_variables
from envkit.apply.reach import why_unreachable
from envkit.errors import EnvkitError
from envkit.matrix import Matrix
from envkit.planning.decide import plan as decide
from envkit.planning.model import ImpossibleError, Plan, Reason, Request
from envkit.probes.pip_config import PipSources
from envkit.snapshot import Snapshot

_LISTING_LIMIT = 120.0
_MOST_RELEASES = 6
"""Older ones than these are not looked for, where each costs a question."""
_VERSIONS = re.compile(r"^Available versions: (.+)$", re.MULTILINE)


class Settled(NamedTuple):
    """A plan whose sources were looked at; `told` says what had to change, "" when nothing had."""

    plan: Plan
    told: str = ""


def settle(
    plan: Plan,
    request: Request,
    snapshot: Snapshot,
    matrix: Matrix,
    listed: Callable[[str], Iterable[str]],
    read_sources: Callable[[], PipSources],
) -> Settled:
    """Return the plan with sources that can be reached; raise `EnvkitError` when no source has its build.

    `listed` returns the releases of torch, newest first, that the installer finds in its own sources with a local
    version.
    """
    if plan.index is None:
        return Settled(plan)
    why = why_unreachable(plan.index)
    if why and (proxy := read_sources().proxy):
        why = why_unreachable(plan.index, proxy)
    if not why:
        return Settled(plan)
    away = f"{plan.index} cannot be reached: {why}"
    return _from_default_index(plan, matrix, away) or _from_configured(plan, request, snapshot, matrix, listed, away)


def _from_default_index(plan: Plan, matrix: Matrix, away: str) -> Settled | None:
    builds = matrix.torch.builds(torch=plan.torch, backend=plan.backend, platform=plan.platform)
    if not any(build.default_index and plan.python in build.pythons for build in builds):
        return None
    told = f"{away}; the default index serves the {plan.backend} build of torch {plan.torch} too"
    return Settled(_moved(plan, "", told), told)


def _from_configured(
    plan: Plan,
    request: Request,
    snapshot: Snapshot,
    matrix: Matrix,
    listed: Callable[[str], Iterable[str]],
    away: str,
) -> Settled:
    """Take the newest release whose build, local version and all, lies where the installer is configured to look."""
    for release in listed(plan.local):
        try:
            # The planner judges it as if it had been asked for; what was asked for still holds.
            if request.torch and release not in _asked_for(request.torch, matrix):
                continue
            other = decide(msgspec.structs.replace(request, torch=f"=={release}"), snapshot, matrix)
        except ImpossibleError:
            continue
        if other.backend != plan.backend or other.python != plan.python:
            continue
        told = f"{away}; the sources that are configured have torch {release}{plan.local}"
        if release != plan.torch:
            told += f", so that is taken in place of {plan.torch}"
        return Settled(_moved(other, plan.local, told, torch="" if release == plan.torch else plan.torch), told)
    raise EnvkitError(
        f"{away}; no {plan.backend} build of torch {request.torch or ''}".rstrip()
        + f" for Python {plan.python} lies in the sources that are configured",
        hint="name a mirror of it with `--index URL`, or a folder that holds the wheel: `PIP_FIND_LINKS=DIR`"
        if request.index is None
        else "look at the address, or leave --index out",
        exit_code=1,
    )


def _asked_for(torch: str, matrix: Matrix) -> frozenset[str]:
    from envkit.planning.wishes import read_wish

    return read_wish(Request(torch=torch), matrix.torch.releases()).torch or frozenset()


def listed_by_pip(python: str, local: str) -> Iterator[str]:
    """Yield the releases of torch, newest first, whose build with that local version the pip of `python` finds."""
    listing = processes.run(
        # Indexes that are away are not tried again and again: what the others have is what counts.
        (python, "-I", "-m", "pip", "--retries", "0", "--disable-pip-version-check", "index", "versions", "torch"),
        timeout=_LISTING_LIMIT,
    )
    found = _VERSIONS.search(listing.stdout.decode("utf-8", "replace"))
    for version in found[1].split(",") if found else ():
        release, plus, build = version.strip().partition("+")
        if plus + build == local:
            yield release


def listed_by_uv(installer: Installer, python: str, local: str) -> Iterator[str]:
    """Yield what `listed_by_pip` does, as uv finds it; uv lists nothing, so it is asked for one after the other."""
    best = _resolved_by_uv(installer, python, "torch")
    for _ in range(_MOST_RELEASES):
        release, plus, build = best.partition("+")
        if not release:
            return
        # Of the builds of one release uv names one.
        if plus + build == local or _resolved_by_uv(installer, python, f"torch=={release}{local}"):
            yield release
        best = _resolved_by_uv(installer, python, f"torch<{release}")


def _resolved_by_uv(installer: Installer, python: str, requirement: str) -> str:
    """Return the version of torch that uv would take, "" for none."""
    for_python = ("--python" if Path(python).is_absolute() else "--python-version", python)
    options = ("--quiet", "--no-header", "--no-annotate", "--no-deps", *for_python, *installer.options)
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.in"
        wanted.write_text(requirement, encoding="utf-8")
        told = processes.run(
            (installer.program, "pip", "compile", *options, str(wanted)),
            timeout=_LISTING_LIMIT,
            env={**step_variables(os.environ), **dict(installer.variables), "UV_HTTP_RETRIES": "0"},
        )
    return told.stdout.decode("utf-8", "replace").strip().removeprefix("torch==") if told.ok else ""


def _moved(plan: Plan, local: str, told: str, *, torch: str = "") -> Plan:
    """Return the plan with the configured index in the place of its own, and the reason for it."""
    kept = [
        reason for reason in plan.reasons if reason.decides != "index" and not (torch and reason.decides == "torch")
    ]
    why = [Reason("torch", plan.torch, f"{torch} was planned, and its index cannot be reached")] if torch else []
    return msgspec.structs.replace(
        plan, index=None, local=local, reasons=(*why, *kept, Reason("index", "as configured", told))
    )
