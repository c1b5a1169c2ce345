"""Snapshot in, Diagnosis out: the explicit list of checks, each a pure function of facts and matrix."""

from collections.abc import Callable

from envkit.checks import driver, gpu, interpreter, torch_install
from envkit.checks.availability import ALWAYS_STATED, cuda_availability
from envkit.findings import Diagnosis, Finding, Severity, judge, rank
from envkit.matrix import Matrix
from envkit.snapshot import Interpreter, ProbeOutcome, Snapshot

Check = Callable[[Snapshot, Matrix], Finding | None]

CHECKS: tuple[Check, ...] = (
    interpreter.check_venv_broken,
    interpreter.check_python_supported,
    interpreter.check_bits,
    interpreter.check_platform,
    torch_install.check_module_shadowed,
    torch_install.check_torch_missing,
    torch_install.check_torch_duplicate,
    torch_install.check_torch_corrupt,
    torch_install.check_torch_cpu_build,
    driver.check_driver_library_mismatch,
    driver.check_driver_not_loaded,
    driver.check_driver_missing,
    driver.check_fabric_manager_down,
    driver.check_forward_compat,
    driver.check_driver_too_old,
    driver.check_driver_init_failed,
    driver.check_cuda_unexplained,
    gpu.check_gpu_hidden,
    gpu.check_gpu_arch,
    gpu.check_device_works,
    gpu.check_gpu_absent,
)

_INCOMPLETE = (ProbeOutcome.TIMED_OUT, ProbeOutcome.CRASHED, ProbeOutcome.FAILED)


def diagnose(snapshot: Snapshot, matrix: Matrix) -> Diagnosis:
    """Run every check and return the findings, root cause first, with the verdict."""
    found = [finding for check in CHECKS if (finding := check(snapshot, matrix)) is not None]
    incomplete = tuple(
        f"{run.name}: {run.detail or run.outcome.value}" for run in snapshot.probes if run.outcome in _INCOMPLETE
    )
    if not found and not incomplete:
        found.append(_healthy(snapshot))
    return Diagnosis(
        verdict=judge(found, incomplete),
        findings=rank(found),
        cuda=tuple(cuda_availability(cuda, snapshot, matrix) for cuda in ALWAYS_STATED),
        incomplete=incomplete,
    )


def _healthy(snapshot: Snapshot) -> Finding:
    target = snapshot.target
    where = target.executable if isinstance(target, Interpreter) else "the target"
    return Finding(
        code="healthy",
        severity=Severity.NOTE,
        summary="nothing is wrong with this environment",
        cause=f"every check of {where} passed; if something still fails, the fault lies outside the environment",
    )
