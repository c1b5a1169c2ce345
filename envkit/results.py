"""Results: what the smoke workloads measured in a target interpreter, as `smoke/` tells it event by event.

Times are seconds. The events are documented in `smoke/README.md`.
"""

import msgspec


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution of repeated timings, in seconds."""

    median: float
    p25: float
    p75: float
    min: float
    max: float
    count: int


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """One verification: `error` is compared with `tolerance`; None stands for a value that is not finite."""

    name: str
    passed: bool
    error: float | None = None
    tolerance: float | None = None
    detail: str = ""


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """The loss after each epoch, and the best that there is."""

    epochs: int
    losses: tuple[float | None, ...]
    final_loss: float | None = None
    optimum: float | None = None


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """The time of a training step and of an epoch, verification left out."""

    warmup_steps: int
    steps: int
    epochs: int
    step_seconds: Spread
    epoch_seconds: Spread


class WorkloadResult(msgspec.Struct, frozen=True, kw_only=True):
    """One workload on one device."""

    workload: str
    device: str
    dtype: str
    passed: bool
    checks: tuple[CheckResult, ...] = ()
    training: Training | None = None
    timing: Timing | None = None


class SmokeError(msgspec.Struct, frozen=True, kw_only=True):
    """Something that kept a workload or a device from being measured."""

    kind: str
    message: str
    device: str | None = None
    workload: str | None = None
    available: tuple[str, ...] = ()


class DeviceName(msgspec.Struct, frozen=True, kw_only=True):
    """A device that torch offers in the target."""

    device: str
    name: str = ""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one smoke run told; `passed` is False unless it came to its own end and all was right."""

    target: str
    python: str | None = None
    torch: str | None = None
    numpy: str | None = None
    seed: int | None = None
    threads: int | None = None
    devices: tuple[DeviceName, ...] = ()
    results: tuple[WorkloadResult, ...] = ()
    errors: tuple[SmokeError, ...] = ()
    complete: bool
    """The workloads came to their end, instead of being killed or dying."""
    passed: bool
    seconds: float
