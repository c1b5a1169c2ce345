"""Snapshot in, Diagnosis out: the explicit list of checks, each a pure function of facts and matrix."""

import msgspec

from envkit.checks import (
    accelerators,
    arrays,
    companions,
    containers,
    distributed,
    driver,
    driver_module,
    gpu,
    gpu_health,
    gpu_sharing,
    interpreter,
    libraries,
    network,
    system,
    toolkit,
    torch_build,
    torch_install,
    torch_needs,
    wheel_support,
    wrong_interpreter,
)
from envkit.checks.availability import ALWAYS_STATED, cuda_availability
from envkit.checks.check import Check
from envkit.checks.healthy import healthy
from envkit.checks.lacking import asked_for
from envkit.findings import Diagnosis, Finding, Plugged, Severity, judge, rank
from envkit.matrix import Matrix
from envkit.snapshot import PLUGIN, ProbeOutcome, RunEnd, Snapshot, TorchRuntime, Unknown

GROUPS = (
    *(interpreter, wheel_support, wrong_interpreter, torch_install),
    *(driver_module, containers, driver, accelerators),
    *(gpu_health, gpu_sharing, gpu),
    *(torch_build, companions, libraries, torch_needs, arrays),
    *(network, toolkit, system, distributed),
)
"""From the interpreter over the metal to what torch loads: of two errors the one of the earlier check is told first,
unless another explains it.

So a report with several complaints is judged, in this order:
a warning that good runs print too, or words that only name a thing (a hint in the table of errors), counts only where
nothing else is said, and no other check found an error;
an error of the environment comes before the program's own, which counts where there is none;
what one finding explains stands under it, however late in the text the cause was said;
of what is left, the deeper layer is told first.
Where in the text a complaint stands says little: pip tells the cause last, ninja first, a chain of exceptions both.

Each module names its checks in `CHECKS`, and in `LAST_RESORT` those that are asked only
when no other check of any group found an error."""

CHECKS: tuple[Check, ...] = tuple(check for group in GROUPS for check in group.CHECKS)
LAST_RESORT: tuple[Check, ...] = tuple(check for group in GROUPS for check in getattr(group, "LAST_RESORT", ()))

_SECTIONS = ("host", "target", "packages", "nvml", "cuda", "torch")


_NOTHING_PLUGGED = Plugged()


def diagnose(snapshot: Snapshot, matrix: Matrix, plugged: Plugged = _NOTHING_PLUGGED) -> Diagnosis:
    """Run every check and return the findings, root cause first, with the verdict.

    `plugged` is what the checks of plugins say of the same snapshot.
    """
    surely = _without_hints(snapshot, matrix)
    found, failed = _run(CHECKS, surely, matrix)
    if surely is not snapshot and not any(finding.severity is Severity.ERROR for finding in found):
        found, failed = _run(CHECKS, snapshot, matrix)
    found += plugged.findings
    if not any(finding.severity is Severity.ERROR for finding in found):
        more, failed_too = _run(LAST_RESORT, snapshot, matrix)
        found, failed = found + more, failed + failed_too
    told = rank(found)
    gaps = () if snapshot.pasted else _unknown(snapshot)
    failed = [*failed, *plugged.failures]
    well = healthy(snapshot, matrix, found, complete=not gaps and not failed)
    asks = asked_for(snapshot, told, explained=well is not None and bool(well.facts))
    incomplete = (*gaps, *(f"{', '.join(ask.facts)}: not in the report" for ask in asks), *failed)
    return Diagnosis(
        verdict=judge(found, incomplete),
        # What is right as it is comes first where the error is the program's own.
        findings=(well, *told) if well else told,
        cuda=tuple(cuda_availability(cuda, snapshot, matrix) for cuda in ALWAYS_STATED),
        incomplete=incomplete,
        asks=asks,
    )


def _without_hints(snapshot: Snapshot, matrix: Matrix) -> Snapshot:
    """The same without what points to a code only where nothing else is known."""
    kept = tuple(one for one in snapshot.complaints if not matrix.errors.is_hint(one.text))
    return snapshot if len(kept) == len(snapshot.complaints) else msgspec.structs.replace(snapshot, complaints=kept)


def _run(checks: tuple[Check, ...], snapshot: Snapshot, matrix: Matrix) -> tuple[list[Finding], list[str]]:
    """Run checks; one that fails on odd facts is told, and the others still judge."""
    found, failed = [], []
    for check in checks:
        try:
            finding = check(snapshot, matrix)
        except Exception as mistake:  # noqa: BLE001, PERF203 - a recorded snapshot may hold anything that has the right type
            failed.append(f"{check.__name__}: {type(mistake).__name__}: {mistake}")
        else:
            found += [finding] if finding else []
    return found, failed


def _unknown(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the sections that should be known and are not; what was left out on request is no gap."""
    sections = {name: getattr(snapshot, name) for name in _SECTIONS}
    gaps = [
        f"{name}: {section.why}"
        for name, section in sections.items()
        if isinstance(section, Unknown) and section.outcome is not ProbeOutcome.SKIPPED
    ]
    live = snapshot.torch
    if isinstance(live, TorchRuntime) and live.end is not RunEnd.FINISHED:
        gaps.append(f"torch: {live.died_of} in stage {live.stage!r}")
    silent = [run for run in snapshot.probes if run.name.startswith(PLUGIN) and run.outcome is not ProbeOutcome.OK]
    gaps += [f"{run.name}: {run.detail}" for run in silent]
    return tuple(gaps)
