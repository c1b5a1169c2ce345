"""Results: what the smoke workloads measured in a target interpreter, as `smoke/` tells it event by event.

Times are seconds. The events are documented in `smoke/README.md`; what is told here is told by the interpreter that
was measured, and judged elsewhere.
"""

from typing import Any

import msgspec


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution of repeated timings, in seconds. The last six are None where steps were timed one by one."""

    median: float
    p25: float
    p75: float
    min: float
    max: float
    count: int
    low: float | None = None
    high: float | None = None
    """The interval of the median: 95 %, by bootstrap over rounds."""
    rounds: int | None = None
    outliers: int | None = None
    noise: float | None = None
    """Median absolute deviation over the median."""
    medians: tuple[float, ...] = ()
    """Of each whole run, where there were several: `median` is the median of these."""

    @property
    def interval(self) -> tuple[float, float]:
        """Return where the median may lie.

        Steps that follow each other are not independent, so for steps timed one by one it is the middle half, which is
        wider than their count alone would have it.
        """
        return (self.p25 if self.low is None else self.low, self.p75 if self.high is None else self.high)

    @property
    def between_runs(self) -> float | None:
        """Return how far the medians of whole runs lie apart, as a part of their median; None for a single run."""
        return (max(self.medians) - min(self.medians)) / self.median if len(self.medians) > 1 and self.median else None


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
    not_finite: dict[str, str] = {}
    """What the values that are None were: {"losses.3": "inf"}."""


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """The time of a training step and of an epoch, verification left out."""

    warmup_steps: int
    steps: int
    epochs: int
    step_seconds: Spread
    epoch_seconds: Spread


class WorkloadResult(msgspec.Struct, frozen=True, kw_only=True):
    """One workload in one dtype and variant on one device."""

    workload: str
    device: str
    dtype: str
    variant: str = ""
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
    dtype: str | None = None
    variant: str | None = None
    available: tuple[str, ...] = ()
    last_words: str = ""
    """The end of what the process wrote to stderr before it died."""


class Skip(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was not measured, and is no fault of the numbers."""

    kind: str
    reason: str
    device: str | None = None
    workload: str | None = None
    dtype: str | None = None
    variant: str | None = None


class NetworkStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a network that was given: the loss, and of each layer net, output, delta, gradients, parameters."""

    loss: float | None
    layers: tuple[dict[str, Any], ...]


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of a network that was given, on a device, or for the device "reference" as float64 has them."""

    device: str
    dtype: str
    variant: str = ""
    first_step: int = 1
    """A long run comes in several events."""
    steps: tuple[NetworkStep, ...]
    not_finite: dict[str, str] = {}


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What else may have shaped the times on a device; None where it is unknown."""

    device: str
    when: str
    threads: int | None = None
    affinity: int | None = None
    """Processors that may be used."""
    load_average: float | None = None
    frequency_mhz: float | None = None
    governor: str | None = None
    environment: dict[str, str] = {}
    """Settings of threads."""


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """The best rate of a device for large copies, or for large products of a dtype."""

    device: str
    dtype: str
    of: str
    seconds: Spread
    rate: float
    rate_low: float
    rate_high: float
    unit: str
    size: dict[str, Any] = {}


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One training step of one size; bytes and FLOPs are counted from the algorithm."""

    device: str
    workload: str
    dtype: str
    variant: str = ""
    size: dict[str, int]
    samples: int
    bytes: int
    flops: int
    seconds: Spread
    bound_by: str | None = None
    """By the device's own ceilings: "bytes", "flops", or "launch" where neither is near; None: unknown."""
    lowered_from: dict[str, int] | None = None
    """The size that the device had no memory for."""


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """A copy from one device to another, and whether all of it arrived."""

    device: str
    to: str
    bytes: int
    passed: bool
    seconds: Spread | None = None


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """The time of a workload on each device alone, and while all of them work."""

    devices: tuple[str, ...]
    workload: str
    alone: dict[str, float | None]
    together: dict[str, float | None]


class Rank(msgspec.Struct, frozen=True, kw_only=True):
    """One process of a distributed run."""

    rank: int
    device: str
    host: str = ""


class AllReduce(msgspec.Struct, frozen=True, kw_only=True):
    """A sum over all processes."""

    bytes: int
    seconds: Spread


class Distributed(msgspec.Struct, frozen=True, kw_only=True):
    """Several processes that train one model."""

    backend: str
    world: int
    ranks: tuple[Rank, ...] = ()
    all_reduce: AllReduce | None = None


class DeviceName(msgspec.Struct, frozen=True, kw_only=True):
    """A device that torch offers in the target."""

    device: str
    name: str = ""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a smoke run told; `passed` is False unless it came to its own end and all was right."""

    target: str
    python: str | None = None
    torch: str | None = None
    numpy: str | None = None
    seed: int | None = None
    threads: int | None = None
    mode: str | None = None
    epochs: int | None = None
    budget: float | None = None
    devices: tuple[DeviceName, ...] = ()
    requested: tuple[str, ...] = ()
    results: tuple[WorkloadResult, ...] = ()
    networks: tuple[Network, ...] = ()
    conditions: tuple[Conditions, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    points: tuple[Point, ...] = ()
    copies: tuple[Copied, ...] = ()
    together: tuple[Together, ...] = ()
    distributed: tuple[Distributed, ...] = ()
    skips: tuple[Skip, ...] = ()
    errors: tuple[SmokeError, ...] = ()
    runs: int = 1
    """How many whole runs these are the medians of."""
    complete: bool
    """The workloads came to their end on every device, or died on one of their own accord."""
    interrupted: bool = False
    passed: bool
    seconds: float

    def name_of(self, device: str) -> str:
        """Return what a device calls itself, "" where that is unknown."""
        return next((one.name for one in self.devices if one.device == device), "")


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One time in both runs. `ratio` is the new one over the saved one: 2 is twice as slow."""

    what: str
    device: str
    before: float
    after: float
    ratio: float
    low: float
    high: float
    """The ratio's interval, 95 %."""
    regression: bool
    """Slower, beyond what chance explains in any of the comparisons."""
    improvement: bool


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All that two runs have in common, and why the rest cannot be compared."""

    with_file: str
    compared: tuple[Compared, ...]
    not_compared: tuple[str, ...]

    @property
    def regressed(self) -> bool:
        """Say whether anything became slower."""
        return any(one.regression for one in self.compared)
