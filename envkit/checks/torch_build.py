"""Is the torch that is installed built for the hardware that is here?"""

from typing import TYPE_CHECKING

import msgspec

from envkit import reading
from envkit.checks.fixes import install_torch, plan_for
from envkit.errors import EnvkitError
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.snapshot import Snapshot

if TYPE_CHECKING:
    from envkit.planning.model import Plan


def check_torch_cpu_build(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a CPU-only torch beside a GPU that is ready for use."""
    torch = reading.installed_torch(snapshot)
    if torch is None or torch.cuda != "" or torch.hip or not reading.usable_gpu(snapshot):
        return None
    fitting = _cuda_plan(snapshot, matrix, torch.version)
    driver = reading.driver_version(snapshot) or "version unknown"
    finding = Finding(
        code="torch-cpu-build",
        severity=Severity.ERROR,
        summary="this torch is built for the CPU only, and a GPU is ready for use",
        cause=f"torch {torch.version} holds no CUDA code, so torch.cuda.is_available() is False whatever the driver",
        expected="a CUDA build of torch",
        facts=(torch.fact, reading.gpu_fact(snapshot), Fact("driver", driver, "NVML or libcuda")),
    )
    if fitting is None:
        out = "no CUDA build can be chosen for this GPU, driver and Python; `envkit create --cuda 11.8` says why"
        return msgspec.structs.replace(finding, severity=Severity.NOTE, fix=Fix(summary=out))
    fix = install_torch(snapshot, matrix, "install the CUDA build that fits", fitting=fitting, reinstall=True)
    return msgspec.structs.replace(finding, fix=fix)


def _cuda_plan(snapshot: Snapshot, matrix: Matrix, torch: str) -> "Plan | None":
    """Return a plan with CUDA, of the same release if there is one; None when only the CPU is left."""
    for release in (torch, None):
        try:
            fitting = plan_for(snapshot, matrix, release)
        except EnvkitError:
            continue
        if fitting.backend.startswith("cu"):
            return fitting
    return None


CHECKS = (check_torch_cpu_build,)
