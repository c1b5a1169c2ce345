"""Is the GPU itself sound: on the bus, its memory, its clocks, its link?"""

from collections.abc import Callable

from envkit import reading
from envkit.checks.driver_facts import driver_codes, points_to
from envkit.checks.fixes import with_nvidia_smi
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.snapshot import NvmlDevice, Snapshot

_FALLBACK = "if it comes back, the GPU, its power supply or its slot is at fault"


def check_gpu_lost(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a GPU that no longer answers."""
    whole = points_to(snapshot, matrix, "gpu-lost")
    # A GPU that is listed and gives no handle has stopped to answer, whatever the reason is called.
    lost = [device for device in reading.devices(snapshot) if device.error]
    quotes = reading.quotes(snapshot, matrix, "gpu-lost")
    whole = whole or _none_answers(snapshot, matrix)
    if not (whole or lost or quotes):
        return None
    works = not (whole or lost) and reading.cuda_starts(snapshot)
    return Finding(
        code="gpu-lost",
        # What the kernel log tells of a GPU that works by now is past.
        severity=Severity.WARNING if works else Severity.ERROR,
        summary="a GPU has stopped to answer",
        cause="the GPU fell off the PCI bus or needs a reset: heat, power, its seat in the slot, or a fault of its own",
        expected="every GPU answers NVML",
        facts=(
            *(
                Fact(f"GPU {one.index}", f"{one.error} {matrix.errors.nvml(one.error or 0).name}", "NVML")
                for one in lost
            ),
            *quotes,
            *driver_codes(snapshot, matrix),
        ),
        fix=with_nvidia_smi(
            snapshot,
            Fix(
                summary="reset it, or switch the machine off and on: a warm restart may not be enough",
                commands=("sudo nvidia-smi --gpu-reset --id=0", "sudo dmesg | grep -iE 'xid|nvrm' | tail -n 20"),
                steps=(
                    "a reset needs a GPU that no process uses, and its own number after --id",
                    f"look at temperature, power cables and the slot; {_FALLBACK}",
                ),
            ),
        ),
        explains=("driver-init-failed", "gpu-memory-errors", "pcie-degraded", "gpu-exclusive", "device-permission"),
    )


def _none_answers(snapshot: Snapshot, matrix: Matrix) -> bool:
    """Say whether NVML finds none, though the bus shows NVIDIA's GPU, which another driver may hold."""
    manager = reading.nvml(snapshot)
    listed = manager is not None and manager.error == 0 and manager.devices == ()
    cards = [card for card in reading.cards(snapshot, "nvidia") if card.kernel_driver in (None, "nvidia")]
    return (listed or points_to(snapshot, matrix, "gpu-absent")) and bool(cards)


def _seen(snapshot: Snapshot, trouble: Callable[[NvmlDevice], str]) -> tuple[Fact, ...]:
    """What is wrong with each GPU in some respect, nothing of those with which nothing is."""
    told = ((device.index, trouble(device)) for device in reading.devices(snapshot))
    return tuple(Fact(f"GPU {index}", words, "NVML") for index, words in told if words)


def check_gpu_memory_errors(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find memory of a GPU that gives wrong values, or whose repair waits or failed."""
    seen = _seen(snapshot, _memory_trouble)
    quotes = reading.quotes(snapshot, matrix, "gpu-memory-errors")
    answered = points_to(snapshot, matrix, "gpu-memory-errors")
    if not (seen or quotes or answered):
        return None
    devices = [device for device in reading.devices(snapshot) if _memory_trouble(device)]
    now = any(device.ecc_uncorrected or device.remap_failed for device in devices)
    works = reading.cuda_starts(snapshot) and not now
    return Finding(
        code="gpu-memory-errors",
        # A repair that waits hurts nobody until the next error.
        severity=Severity.ERROR if now or (quotes and not works) or answered else Severity.WARNING,
        summary="the memory of a GPU has uncorrectable errors",
        cause="cells of the memory failed; the driver replaces their row (before Ampere: leaves out their page), which "
        "takes effect at the next reset",
        expected="no uncorrected errors since the last reset, no repair that waits or failed",
        facts=(*seen, *quotes, *driver_codes(snapshot, matrix)),
        fix=with_nvidia_smi(
            snapshot,
            Fix(
                summary="reset the GPU so that the repair takes effect; use another one until then",
                commands=(
                    "nvidia-smi -q -d ECC,ROW_REMAPPER,PAGE_RETIREMENT",
                    f"sudo nvidia-smi --gpu-reset --id={devices[0].index if devices else 0}",
                ),
                steps=(
                    "a reset needs a GPU that no process uses; restarting the machine does the same",
                    "errors that come back, or a repair that failed: have the GPU replaced",
                ),
            ),
        ),
        explains=("driver-init-failed", "gpu-lost"),
    )


def _memory_trouble(device: NvmlDevice) -> str:
    told = (
        (device.ecc_uncorrected, f"{device.ecc_uncorrected} uncorrected errors since the last reset"),
        (device.remap_failed, "a row could not be replaced"),
        (device.remap_pending, "a replacement waits for a reset"),
    )
    return ", ".join(words for fact, words in told if fact)


_HELD_DOWN = {
    "hw-slowdown": "the hardware halves the clocks or worse: heat or power",
    "hw-thermal": "it is too hot (hardware)",
    "sw-thermal": "it is too hot (driver)",
    "hw-power-brake": "the machine's power supply asks it to brake",
}
_LOW_LIMIT = 0.8
"""Part of the default power limit below which somebody has set it low."""
_HOT = 90
"""Degrees from which on no NVIDIA GPU keeps its clocks: their slow-down temperatures lie between 83 and 95."""
_BUSY = 90
_SLOW_STATE = 8
"""The state of a GPU at rest."""


def check_gpu_throttled(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find clocks that heat or power holds down."""
    seen = _seen(snapshot, _why_slow)
    quotes = reading.quotes(snapshot, matrix, "gpu-throttled")
    if not (seen or quotes):
        return None
    return Finding(
        code="gpu-throttled",
        severity=Severity.WARNING,
        summary="a GPU runs below its clocks",
        cause=seen[0].value if seen else "heat or power holds its clocks down",
        expected="no reason to slow down but power at full load",
        facts=(*seen, *quotes),
        fix=with_nvidia_smi(
            snapshot,
            Fix(
                summary="see what slows it, and mend the cooling or the power",
                commands=("nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER,CLOCK",),
                steps=(
                    "heat: dust, fans, the airflow of the case; a passive card needs a server's fans",
                    (
                        "power: every power cable from the supply itself; "
                        "the limit is set with `sudo nvidia-smi --power-limit=WATTS`"
                    ),
                ),
            ),
        ),
    )


def _why_slow(device: NvmlDevice) -> str:
    reasons = [_HELD_DOWN[reason] for reason in device.throttle or () if reason in _HELD_DOWN]
    limit, default = device.power_limit, device.power_limit_default
    if limit and default and limit < _LOW_LIMIT * default and "sw-power-cap" in (device.throttle or ()):
        reasons.append(f"its power limit is {limit // 1000} W of {default // 1000} W")
    if not reasons and device.temperature is not None and device.temperature >= _HOT:
        reasons.append("it is too hot")
    state, busy = device.performance_state, (device.utilization or 0) >= _BUSY
    if not reasons and busy and state is not None and state >= _SLOW_STATE:
        reasons.append(f"it is busy and stays in the performance state of rest, P{state}")
    heat = f" ({device.temperature} C)" if reasons and device.temperature else ""
    return "; ".join(reasons) + heat


def check_pcie_degraded(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a link that is narrower or slower than card and slot allow, or that makes errors."""
    seen = _seen(snapshot, _slow_link)
    quotes = reading.quotes(snapshot, matrix, "pcie-degraded")
    if not (seen or quotes):
        return None
    return Finding(
        code="pcie-degraded",
        severity=Severity.WARNING,
        summary="the PCIe link of a GPU is narrower or slower than it could be",
        cause=seen[0].value if seen else "the kernel tells of a link below its best, or of errors on it",
        expected="the width that card and slot allow, and their speed while the GPU works",
        facts=(*seen, *quotes),
        fix=with_nvidia_smi(
            snapshot,
            Fix(
                summary="seat the card anew, and see what the slot gives",
                commands=(
                    (
                        "nvidia-smi --query-gpu=index,pcie.link.gen.current,pcie.link.gen.max,"
                        "pcie.link.width.current,pcie.link.width.max --format=csv"
                    ),
                    "sudo dmesg | grep -iE 'aer|pcie bus error' | tail -n 20",
                ),
                steps=(
                    "risers and extension cables are the usual suspects; the board may share lanes with another slot",
                    "in the firmware's set-up: the slot's generation and bifurcation",
                ),
            ),
        ),
    )


def _slow_link(device: NvmlDevice) -> str:
    """What of the link is below its best. A GPU at rest lowers the generation, never the width."""
    width, most = device.pcie_width, device.pcie_width_best
    if width and most and width < most:
        return f"the link has {width} lanes of {most}"
    generation, best = device.pcie_generation, device.pcie_generation_best
    at_work = device.performance_state in (0, 1, 2) and (device.utilization or 0) > 0
    if generation and best and generation < best and at_work:
        return f"the link works at generation {generation} of {best}, though the GPU is at work"
    return ""


CHECKS = (check_gpu_lost, check_gpu_memory_errors, check_gpu_throttled, check_pcie_degraded)
