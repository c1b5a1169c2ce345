"""What the measurements of a smoke run say of the environment: pure functions of Results, facts and matrix.

`GPU` facts are of the moment in which the device worked; the Snapshot is of the machine and target around it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from envkit import attained
from envkit.checks import CHECKS
from envkit.checks.fixes import pip
from envkit.findings import Fact, Finding, Fix, Severity, rank
from envkit.matrix import Matrix
from envkit.results import Ceiling, Results, Skip, SmokeError
from envkit.snapshot import Complaint, NvmlDevice, Snapshot

_OWN_KINDS = ("device-died", "device-hung")
_TOLD_KINDS = (*_OWN_KINDS, "device-failed", "device-unavailable", "out-of-memory", "torch-import")
"""The errors whose text may point to a diagnosis."""


@dataclass(frozen=True)
class Measured:
    """What is judged. `at_work` is what the driver told of each device under load; `asked` are variants asked for."""

    results: Results
    snapshot: Snapshot | None = None
    at_work: Mapping[str, NvmlDevice] | None = None
    asked: Sequence[str] = ()


def judge_measured(measured: Measured, matrix: Matrix) -> tuple[Finding, ...]:
    """Return what follows from a run, the gravest first."""
    found = [finding for check in CHECKS_OF_RUNS for finding in check(measured, matrix)]
    return rank(_once(found))


def needs_snapshot(results: Results) -> bool:
    """Say whether the machine and target must be known to say what follows."""
    return any(error.kind in _TOLD_KINDS for error in results.errors) or any(_is_compiler(one) for one in results.skips)


def _once(findings: Sequence[Finding]) -> Iterator[Finding]:
    told: set[tuple[str, str]] = set()
    for finding in findings:
        if (finding.code, finding.summary) not in told:
            told.add((finding.code, finding.summary))
            yield finding


# -- what the device said ---------------------------------------------------------------------------


def check_device_errors(measured: Measured, matrix: Matrix) -> Iterator[Finding]:
    """Find devices that died or hung, and what the texts of their errors point to, as the doctor reads them."""
    for error in measured.results.errors:
        if error.kind in _TOLD_KINDS:
            cause = _diagnosed(error, measured.snapshot, matrix)
            died = error.kind in _OWN_KINDS
            if cause:
                yield replace(cause, explains=(*cause.explains, "device-died")) if died else cause
            yield from [_died(error)] if died else []


def _diagnosed(error: SmokeError, snapshot: Snapshot | None, matrix: Matrix) -> Finding | None:
    """What the doctor finds when it hears the error's own words."""
    words = f"{error.message}\n{error.last_words}".strip()
    code = matrix.errors.cause_of(words)
    if code is None or snapshot is None:
        return None
    heard = replace(snapshot, complaints=(*snapshot.complaints, Complaint(source=error.device or "torch", text=words)))
    found = (check(heard, matrix) for check in CHECKS)
    return next((one for one in found if one and one.code == code), None)


def _died(error: SmokeError) -> Finding:
    hung = error.kind == "device-hung"
    place = ", ".join(filter(None, (error.workload, error.dtype, error.variant)))
    words = error.last_words.splitlines()[-3:]
    return Finding(
        code="device-died",
        severity=Severity.ERROR,
        summary=f"{error.device} {'did not come back' if hung else 'killed the process'} in the middle of the run",
        cause=error.message,
        expected="a device that cannot compute something raises an error, and the process lives on",
        facts=(
            *([Fact("at work on", place, "smoke")] if place else []),
            *(Fact("last words", line, "stderr") for line in words),
        ),
        fix=Fix(
            summary="see whether driver, torch and device fit, then whether the device itself is sound",
            commands=("envkit doctor", f"envkit smoke --device {error.device} -v"),
            steps=("the kernel's log names faults of a GPU: `sudo dmesg | grep -iE 'xid|nvrm|amdgpu' | tail -n 20`",),
        ),
    )


# -- what was not measured --------------------------------------------------------------------------


def _is_compiler(skip: Skip) -> bool:
    return skip.kind == "compiler-unsupported"


def check_compiler(measured: Measured, matrix: Matrix) -> Iterator[Finding]:
    """Find that torch.compile has no compiler or Triton; grave only for who asked for it."""
    skips = [skip for skip in measured.results.skips if _is_compiler(skip)]
    if not skips:
        return
    reasons = list(dict.fromkeys(skip.reason for skip in skips))
    asked = "compile" in measured.asked
    yield Finding(
        code="compiler-unsupported",
        severity=Severity.ERROR if asked else Severity.WARNING,
        summary="torch.compile cannot be used here",
        cause=reasons[0],
        expected="a C++ compiler on PATH for the CPU, Triton for a GPU",
        facts=tuple(
            Fact(f"on {', '.join(_devices_of(skips, reason))}", reason if len(reasons) > 1 else "not measured", "smoke")
            for reason in reasons
        ),
        fix=_compiler_fix(reasons, measured.snapshot, matrix),
    )


def _devices_of(skips: Sequence[Skip], reason: str) -> list[str]:
    return list(dict.fromkeys(skip.device or "torch" for skip in skips if skip.reason == reason))


def _compiler_fix(reasons: Sequence[str], snapshot: Snapshot | None, matrix: Matrix) -> Fix | None:
    """The doctor's own fix where it knows the text, else Triton, else a compiler of the system's."""
    if snapshot is None:
        return Fix(summary="give torch.compile a compiler", steps=(_SYSTEM_COMPILER,))
    if any("triton" in reason.lower() for reason in reasons):
        steps = (
            "PyTorch's own wheels for Linux bring it: one without was built elsewhere, or came with --no-deps",
            "its release belongs to torch's: `envkit doctor` names the one that fits",
        )
        return Fix(summary="install Triton", commands=(pip(snapshot, "install", "triton"),), steps=steps)
    complaints = tuple(Complaint(source="python", text=reason) for reason in reasons)
    heard = replace(snapshot, complaints=(*snapshot.complaints, *complaints))
    found = (check(heard, matrix) for check in CHECKS)
    known = next((one.fix for one in found if one and one.code == "compiler-unsupported"), None)
    return known or Fix(summary="give torch.compile a compiler", steps=(_SYSTEM_COMPILER,))


_SYSTEM_COMPILER = "install gcc and g++ from the system's packages (`build-essential`, `gcc-c++`), or name one in CXX"


# -- how fast it was --------------------------------------------------------------------------------

_SOUND = {"copy": 0.7, "matmul": 0.5}
"""Parts of the data sheet's figure that sound GPUs of any generation reach: copies 85 to 93 %, large products 60 to
90 %, the least where the power limit holds the clocks of the largest ones."""

_HELD = {
    "sw-power-cap": "clocks held by the power cap",
    "hw-slowdown": "clocks halved by the hardware for heat or power",
    "hw-thermal": "clocks held by heat (hardware)",
    "sw-thermal": "clocks held by heat (driver)",
    "hw-power-brake": "clocks held by the machine's power supply",
}


def check_speed(measured: Measured, matrix: Matrix) -> Iterator[Finding]:
    """Find a device that does far less than its data sheet says, with all that the driver tells of why."""
    for device in dict.fromkeys(one.device for one in measured.results.ceilings):
        gpu = (measured.at_work or {}).get(device)
        slow = _slow_ceilings(device, measured.results, matrix)
        # The sheet is of the whole card, a MIG device is a slice of it.
        if slow and not (gpu and gpu.mig_enabled):
            yield _slow(device, slow, gpu, measured.results)


def _slow_ceilings(device: str, results: Results, matrix: Matrix) -> list[tuple[Ceiling, float]]:
    of_device = (one for one in results.ceilings if one.device == device)
    shares = [(one, attained.ceiling_share(one, results, matrix)) for one in of_device]
    return [(one, share) for one, share in shares if share is not None and share < _SOUND.get(one.of, 0.0)]


def _slow(device: str, slow: Sequence[tuple[Ceiling, float]], gpu: NvmlDevice | None, results: Results) -> Finding:
    worst = min(share for _, share in slow)
    reasons = why_slow(gpu)
    told = ", ".join(reasons) or (
        "nothing that its driver tells says why" if gpu else "what its driver says of it is not known"
    )
    return Finding(
        code="device-slow",
        severity=Severity.WARNING,
        summary=f"Your {results.name_of(device) or device} does {worst * 100:.0f} % of what it should: {told}",
        cause="; ".join(reasons) if reasons else "another program on it, heat, power, or a link that is too narrow",
        expected=", ".join(
            f"at least {part * 100:.0f} % of the data sheet for a large {of}" for of, part in _SOUND.items()
        ),
        facts=(
            *(Fact(f"{one.of} {one.dtype}", f"{share * 100:.0f} % of the data sheet", "smoke") for one, share in slow),
            *_gpu_facts(gpu),
        ),
        fix=Fix(
            summary="see what holds it while it works, and mend that",
            commands=("nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER,CLOCK", "envkit doctor"),
        )
        if device.startswith("cuda")
        else None,
    )


def why_slow(gpu: NvmlDevice | None) -> list[str]:
    """Return what keeps a GPU from its best, in few words each."""
    if gpu is None:
        return []
    reasons = [_HELD[reason] for reason in gpu.throttle or () if reason in _HELD]
    limit, default = gpu.power_limit, gpu.power_limit_default
    if limit and default and limit < default:
        reasons.append(f"its power limit is set to {limit // 1000} W of {default // 1000} W")
    if not reasons and gpu.clock and gpu.clock_best and gpu.clock < 0.8 * gpu.clock_best:
        reasons.append(f"clocks at {gpu.clock} of {gpu.clock_best} MHz")
    if gpu.pcie_width and gpu.pcie_width_best and gpu.pcie_width < gpu.pcie_width_best:
        reasons.append(f"PCIe at x{gpu.pcie_width}")
    if gpu.pcie_generation and gpu.pcie_generation_best and gpu.pcie_generation < gpu.pcie_generation_best:
        reasons.append(f"PCIe at generation {gpu.pcie_generation} of {gpu.pcie_generation_best}")
    if gpu.processes and gpu.processes > 1:
        reasons.append(f"{gpu.processes - 1} other process{'es' if gpu.processes > 2 else ''} on it")
    if gpu.ecc_uncorrected:
        reasons.append("its memory has uncorrectable errors")
    return reasons


def _gpu_facts(gpu: NvmlDevice | None) -> Iterator[Fact]:
    if gpu is None:
        return
    told = {
        "clock, MHz": _of(gpu.clock, gpu.clock_best),
        "held by": ", ".join(gpu.throttle or ()),
        "temperature": gpu.temperature and f"{gpu.temperature} C",
        "power limit": gpu.power_limit and f"{gpu.power_limit // 1000} W",
        "PCIe lanes": _of(gpu.pcie_width, gpu.pcie_width_best),
        "PCIe generation": _of(gpu.pcie_generation, gpu.pcie_generation_best),
        "memory in use": gpu.memory_used and f"{gpu.memory_used / 2**30:.1f} GiB, by all processes",
        "compute mode": gpu.compute_mode,
        "persistence mode": {True: "on", False: "off"}.get(gpu.persistence) if gpu.persistence is not None else None,
    }
    for what, value in told.items():
        if value:
            yield Fact(what, value, "NVML, at work")


def _of(now: int | None, best: int | None) -> str:
    return "" if not now else f"{now} of {best}" if best else str(now)


CHECKS_OF_RUNS = (check_device_errors, check_compiler, check_speed)
