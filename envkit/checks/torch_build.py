"""Is the torch that is installed built for the hardware that is here?"""

from typing import TYPE_CHECKING

import msgspec

from envkit import reading
from envkit.checks.fixes import install_torch, on_the_machine, plan_for
from envkit.errors import EnvkitError
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.snapshot import Absent, Snapshot

if TYPE_CHECKING:
    from envkit.planning.model import Plan


def check_torch_cpu_build(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a CPU-only torch beside a GPU that is ready for use."""
    torch = reading.installed_torch(snapshot)
    if torch is None or torch.cuda != "" or torch.hip or not _gpu_waits(snapshot):
        return None
    fitting, elsewhere = _cuda_plan(snapshot, matrix, torch.version), _complains_of_another(snapshot, matrix)
    driver = reading.driver_version(snapshot) or "version unknown"
    finding = Finding(
        code="torch-cpu-build",
        severity=Severity.WARNING if elsewhere else Severity.ERROR,
        summary="this torch is built for the CPU only, and a GPU is ready for use",
        cause=f"torch {torch.version} holds no CUDA code, so torch.cuda.is_available() is False whatever the driver",
        expected="a CUDA build of torch",
        facts=(torch.fact, reading.gpu_fact(snapshot), Fact("driver", driver, "NVML or libcuda")),
    )
    if fitting is None:
        out = "no CUDA build can be chosen for this GPU, driver and Python; `envkit create --explain` says why"
        # A live machine was asked all there is to know; a report may just not say enough.
        severity = Severity.NOTE if _live(snapshot) else finding.severity
        fix = Fix(summary=out) if _live(snapshot) else on_the_machine("what the report tells fits no CUDA build")
        return msgspec.structs.replace(finding, severity=severity, fix=fix)
    fix = install_torch(snapshot, matrix, "install the CUDA build that fits", fitting=fitting, reinstall=True)
    return msgspec.structs.replace(finding, fix=fix)


def _complains_of_another(snapshot: Snapshot, matrix: Matrix) -> bool:
    """Say whether a report is about something that has a cause of its own, and says nothing of CUDA."""
    causes = {matrix.errors.cause_of(one.text) for one in reading.said(snapshot)} if snapshot.pasted else set()
    return bool(causes & _OF_THE_CPU_TOO) and "torch-cpu-build" not in causes


_OF_THE_CPU_TOO = {"numpy-abi", "openmp-duplicate", "mkl-mismatch", "libc-too-old", "msvc-runtime-missing"}
"""What breaks a torch on the CPU as well."""


def _live(snapshot: Snapshot) -> bool:
    """Say whether the machine itself was asked: a report leaves gaps."""
    installed = reading.packages(snapshot)
    return installed is not None and installed.complete


def _gpu_waits(snapshot: Snapshot) -> bool:
    """Say whether a GPU is ready; a report tells that by nvidia-smi's word, as nobody asked libcuda for it."""
    if reading.usable_gpu(snapshot):
        return True
    manager = reading.nvml(snapshot)
    answers = manager is not None and manager.error == 0 and bool(manager.devices or manager.driver_version)
    return answers and not _live(snapshot) and reading.cuda(snapshot) is None


def check_told_cpu_build(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a CPU-only torch in a report that does not tell which GPU the machine has: the last resort."""
    torch = reading.installed_torch(snapshot)
    quotes = reading.quotes(snapshot, matrix, "torch-cpu-build")
    if _no_cuda_here(snapshot) and all(matrix.errors.is_hint(quote.value) for quote in quotes):
        quotes = ()  # that a GPU is wanted says nothing of the build where there is none
    cpu_build = torch is not None and torch.cuda == "" and not torch.hip
    if _live(snapshot) and not quotes and not snapshot.complaints:
        return None
    waits = cpu_build and (not snapshot.complaints or bool(reading.nvidia_gpus(snapshot)))
    told = waits or _sees_none(snapshot)
    if not (quotes or told) or (_no_cuda_here(snapshot) and not quotes) or reading.system(snapshot) == "macos":
        return None
    return Finding(
        code="torch-cpu-build",
        severity=Severity.ERROR if quotes else Severity.WARNING,
        summary="this torch is built without CUDA",
        cause="a build for the CPU holds no CUDA code: whatever asks it for a CUDA device fails, and "
        "torch.cuda.is_available() is False",
        expected="a CUDA build of torch, where the machine has an NVIDIA GPU",
        facts=(*quotes, *((torch.fact,) if torch else ()), *((reading.gpu_fact(snapshot),) if told else ())),
        fix=Fix(
            summary="where there is an NVIDIA GPU, install the CUDA build; `pip` must not keep the CPU one",
            commands=("nvidia-smi", "envkit create --apply .venv"),
        ),
    )


def _sees_none(snapshot: Snapshot) -> bool:
    """Say whether a report has a torch of unknown build that sees no GPU: as a rule a CPU build.

    What else hides a GPU from torch, other checks know by its own signs, and they were asked before.
    """
    torch, live = reading.installed_torch(snapshot), reading.runtime(snapshot)
    backend = live.backend("cuda") if live else None
    unknown = torch is None or torch.cuda is None
    return unknown and not _live(snapshot) and backend is not None and backend.available is False


def _no_cuda_here(snapshot: Snapshot) -> bool:
    """Say whether it is known that no NVIDIA GPU can be used on this machine."""
    return reading.system(snapshot) == "macos" or isinstance(snapshot.nvml, Absent) or isinstance(snapshot.cuda, Absent)


def check_rocm_beside_nvidia(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a torch that is built for AMD's GPUs where there are only NVIDIA's."""
    torch, machine = reading.installed_torch(snapshot), reading.host(snapshot)
    amd = any(gpu.vendor == "amd" for gpu in (machine.gpus if machine else None) or ())
    if torch is None or not torch.hip or amd or not reading.nvidia_gpus(snapshot):
        return None
    return Finding(
        code="torch-wrong-backend",
        severity=Severity.ERROR,
        summary="this torch is built for AMD GPUs, and the GPU is NVIDIA's",
        cause="a build holds code for one maker's GPUs only: one for ROCm holds no CUDA code",
        expected="a CUDA build of torch",
        facts=(torch.fact, reading.gpu_fact(snapshot)),
        fix=install_torch(snapshot, matrix, "install the CUDA build that fits", reinstall=True),
        explains=("driver-missing", "driver-too-old", "driver-init-failed", "gpu-absent", "gpu-hidden"),
    )


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


CHECKS = (check_torch_cpu_build, check_rocm_beside_nvidia)
LAST_RESORT = (check_told_cpu_build,)
