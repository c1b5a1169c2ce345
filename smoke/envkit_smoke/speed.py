"""The stage of speed: what a device can do at its best, and how near to that the two trainings come at every size.

Two ceilings are measured on the device itself, in the same rounds as everything else: a large copy (bytes a second)
and a large matrix product of each dtype (operations a second). Linear regression sweeps its rows at the lecture's
width, which ends at the copy's ceiling; backpropagation sweeps its width, with a batch of as many samples, which ends
at the product's. At the small end neither counts, only the cost of starting work: the launch-bound floor.
"""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Callable, Sequence

import torch

from envkit_smoke import fast_regression, machine, memory, subjects, toolchain, variants
from envkit_smoke.clocks import clock_of
from envkit_smoke.measure import Measure, Rounds
from envkit_smoke.torch_dtypes import TORCH_DTYPES

if TYPE_CHECKING:
    from torch import Tensor

    from envkit_smoke.measure import Clock
    from envkit_smoke.reporter import Reporter
    from envkit_smoke.stage import Bench
    from envkit_smoke.subjects import Candidate

WORKLOAD = "speed"  # the name of all of it, where a run stops there
ROW_FACTOR = 16  # from one number of rows to the next
WIDTHS = (16, 64, 256, 1024, 2048, 4096, 8192, 16384)
PRODUCT_WIDTHS = (256, 1024, 2048, 4096, 8192, 16384)
MATRICES = 9  # of width x width, at most, that a network and its samples hold
GRAPH_WIDTHS = (16, 64, 256)
LECTURE_ROWS = 15
COMPILED_ROWS = 15 * 16**3  # at least: below, compiled code takes longer to start than all the work
SLOWEST_SHARE = 1 / 100  # of the budget that one step may take: every round has one of every size
WARMUP_SHARE = 1 / 30  # of the budget that one warm-up may take
DATA_A_SECOND = 36 * 2**20  # bytes for each second of the budget
LEAST_MEASURING = 1 / 3  # of the budget, however long the preparation took
COMPILE_FROM = 20.0  # seconds of budget: compiling takes about ten of them the first time
LAUNCH_BOUND = 4.0  # times what the ceilings ask for,
LAUNCH_SECONDS = 1e-3  # and shorter than this: all of it is starting work
SHORTEST = 1e-9  # seconds, against a division by zero
FLOAT32_BYTES = 4
LEAST_DATA = 2**20  # bytes

# Dtypes whose products are swept without being asked for: on CPUs most others are slower by far.
CPU_DTYPES = ("float32",)
GPU_DTYPES = ("float32", "tf32", "bfloat16", "float16")


def run(bench: Bench) -> None:
    """Measure within the budget; an operation that fails is the device's failure."""
    if bench.options.budget <= 0 or bench.network is not None:  # a network of one's own is for its numbers
        return
    reporter = bench.reporter
    room = memory.Room.of(torch, bench.device, bench.options.memory)
    if room.data < LEAST_DATA:
        reporter.skip("memory", f"{room.total} bytes are too few: speed is measured with {2 * LEAST_DATA} or more")
        return
    reporter.about(workload=WORKLOAD)
    reporter.emit("conditions", **machine.conditions(torch), when="before")
    reporter.attempt(lambda: _Sweep(bench, room).run())
    reporter.emit("conditions", **machine.conditions(torch), when="after")


class _Sweep:
    """One device's candidates: prepared one by one, timed together."""

    def __init__(self, bench: Bench, room: memory.Room) -> None:
        self.began = perf_counter()
        self.options = bench.options
        self.device = bench.device
        self.on_cuda = bench.device.startswith("cuda")
        self.reporter = bench.reporter
        self.room = room
        self.clock: Clock = clock_of(torch, bench.device, bench.synchronise)
        # Less time, less data: its making and checking take their share.
        self.data = max(LEAST_DATA, min(room.data, int(bench.options.budget * DATA_A_SECOND)))
        self.slowest = bench.options.budget * SLOWEST_SHARE
        self.candidates: list[Candidate] = []
        self.verdicts: dict[tuple[tuple[str, str], ...], bool] = {}

    def run(self) -> None:
        """Prepare and warm up everything, then time it all; an interruption keeps the rounds that are done."""
        budget = self.options.budget
        self._prepare()
        rounds = Rounds([one.subject for one in self.candidates], self.clock)
        left = budget - (perf_counter() - self.began)
        self.reporter.about(workload=WORKLOAD)
        try:
            rounds.run(max(budget * LEAST_MEASURING, left), lambda part: self.reporter.emit("progress", part=part))
        finally:
            _tell(self.reporter, self.candidates, rounds.measures())
        for place, passed in self.verdicts.items():
            self.reporter.of(**dict(place)).emit("result", passed=passed)

    def _prepare(self) -> None:
        data, size = memory.lowered(self.data, LEAST_DATA, self._data)
        if size < self.data:
            self.reporter.skip("memory", f"there was no room for {self.data} bytes of data: {size} are measured")
        self._add(lambda: subjects.copy_ceiling(data))
        for dtype in self._dtypes():
            self._climb(self._fitting(PRODUCT_WIDTHS, 3, dtype), 3, partial(self._product, dtype), only_last=True)
        if "linear-regression" in self.options.workloads and "float32" in self.options.dtypes:
            self._prepare_regression(data)
        if "backprop" in self.options.workloads:
            for dtype in self._dtypes():
                self._climb(self._fitting(WIDTHS, MATRICES, dtype), 3, partial(self._backprop, dtype))
            if self.on_cuda:
                self._climb(GRAPH_WIDTHS, 3, partial(self._backprop, "float32", graph=True))

    def _prepare_regression(self, data: Tensor) -> None:
        self._add(lambda: subjects.lecture_loop(self.device))
        self._add(lambda: subjects.fast_lecture(self.device))
        if self.on_cuda:
            self._add(lambda: subjects.fast_lecture(self.device, graph=True))
        sizes = _row_counts(data.shape[1])
        self._climb(sizes, 1, lambda rows: subjects.regression_point(data, rows, None))
        step = self._compiled(data)
        if step is not None:
            large = [rows for rows in sizes if rows >= COMPILED_ROWS] or sizes[-1:]
            self._climb(large, 1, lambda rows: subjects.regression_point(data, rows, step))

    def _dtypes(self) -> list[str]:
        """The dtypes whose products are swept: those asked for by name, else those that people use there."""
        usual = GPU_DTYPES if self.device != "cpu" else CPU_DTYPES
        wanted = [dtype for dtype in self.options.dtypes if dtype in self.options.explicit or dtype in usual]
        return [dtype for dtype in wanted if dtype != "tf32" or self.on_cuda]

    def _fitting(self, widths: Sequence[int], matrices: int, dtype: str) -> list[int]:
        """The widths at which so many square matrices stay within the memory that may be used beside the data."""
        size = torch.empty(0, dtype=TORCH_DTYPES[dtype]).element_size()
        most = (self.room.total - self.data) / (matrices * size)
        return [width for width in widths if width * width <= most] or list(widths[:1])

    def _data(self, size: int) -> Tensor:
        rows = size // (fast_regression.COLUMNS * FLOAT32_BYTES)
        return fast_regression.columns(rows, self.device, self.options.seed)

    def _product(self, dtype: str, width: int) -> Candidate:
        return subjects.product_ceiling(width, self.device, dtype)

    def _backprop(self, dtype: str, width: int, *, graph: bool = False) -> Candidate:
        made, fitting = memory.lowered(
            width, WIDTHS[0], lambda width: subjects.backprop_point(width, self.device, dtype, graph=graph)
        )
        return made if fitting == width else made.lowered_from({"rows": width, "width": width, "batch": width})

    def _compiled(self, data: Tensor) -> Callable[..., object] | None:
        """The regression's step compiled, or None where that cannot be had, which is told."""
        asked = "compile" in self.options.explicit
        if self.options.budget < COMPILE_FROM and not asked:
            return None
        place = self.reporter.about(workload="linear-regression", dtype="float32", variant="fast-compile")
        lacking = variants.why_lacking("compile", self.device)
        if lacking is not None:
            place.skip("unsupported", lacking)
            return None
        step = variants.Compiled(fast_regression.one_pass, dynamic=False)
        try:
            subjects.regression_point(data, min(COMPILED_ROWS, data.shape[1]), step)
        except variants.CompilerMissingError as missing:
            place.skip("compiler-unsupported", str(missing))
            return None
        return step

    def _climb(
        self, sizes: Sequence[int], power: int, build: Callable[[int], Candidate], *, only_last: bool = False
    ) -> None:
        """Candidates of growing size, for as long as a step can be expected to take no longer than it may.

        ``power`` is that with which the work grows with the size. Of ceilings only the last, the largest, counts.
        """
        last, seconds = 0, 0.0
        for size in sizes:
            expected = seconds * (size / last) ** power if seconds > LAUNCH_SECONDS else 0.0
            if last and (expected > self.slowest or self._is_late()):
                return
            known = self._add(partial(build, size))
            if known is None:
                return
            if only_last and last:
                del self.candidates[-2]
            last, seconds = size, known

    def _is_late(self) -> bool:
        """Say whether preparing has taken so much of the budget that there is only time left to measure."""
        return perf_counter() - self.began > self.options.budget * (1 - LEAST_MEASURING)

    def _judge(self, candidate: Candidate) -> None:
        """Tell its checks; ``verdicts`` has the place of each candidate that has any, and whether they all passed."""
        if candidate.checks:
            place = {"workload": WORKLOAD, **candidate.place}
            passed = self.reporter.of(**place).checks(candidate.checks)
            key = tuple(place.items())
            self.verdicts[key] = self.verdicts.get(key, True) and passed

    def _add(self, build: Callable[[], Candidate]) -> float | None:
        """Make a candidate and warm it up; returns the seconds of a step, or None where there is none to be had."""
        try:
            candidate = build()
            self.reporter.about(**{"workload": WORKLOAD, **candidate.place})
            seconds = candidate.subject.warm_up(self.clock, self.options.budget * WARMUP_SHARE)
        except Exception as error:
            reason = toolchain.one_line(error)
            if memory.is_exhausted(error):
                self.reporter.skip("memory", reason)
            elif isinstance(error, NotImplementedError) or "not implemented for" in str(error):
                self.reporter.skip("unsupported", reason)
            else:
                raise
            return None
        self._judge(candidate)
        self.candidates.append(candidate)
        return seconds / (candidate.subject.calls * candidate.subject.steps)


def _row_counts(most: int) -> list[int]:
    """The lecture's 15 rows, 16 times as many, and so on up to all there are."""
    counts = [LECTURE_ROWS]
    while counts[-1] * ROW_FACTOR < most:
        counts.append(counts[-1] * ROW_FACTOR)
    return [*counts[:-1], most] if len(counts) > 1 else [most]


def _tell(reporter: Reporter, candidates: Sequence[Candidate], measures: Sequence[Measure]) -> None:
    """The events of everything measured, the ceilings first; what limits a point is read off them."""
    rates: dict[tuple[str, str], float] = {}
    pairs = sorted(zip(candidates, measures), key=lambda pair: pair[0].event != "ceiling")
    for candidate, measured in pairs:
        place, fields = reporter.of(**candidate.place), candidate.fields
        if candidate.event == "ceiling":
            rates[fields["of"], candidate.place["dtype"]] = candidate.amount / measured.median
            place.emit("ceiling", **_ceiling(candidate, measured))
        else:
            bound = _bound_by(candidate, measured.median, rates)
            place.emit("point", **fields, seconds=measured.fields(), bound_by=bound, lowered_from=candidate.lowered)


def _ceiling(candidate: Candidate, measured: Measure) -> dict[str, Any]:
    seconds = measured.fields()
    slow, fast = seconds["high"], max(seconds["low"], SHORTEST)
    rates = {"rate": candidate.amount / measured.median, "rate_low": candidate.amount / slow}
    about = {"of": candidate.fields["of"], "size": candidate.fields["size"]}
    return {
        **about,
        "seconds": seconds,
        **rates,
        "rate_high": candidate.amount / fast,
        "unit": candidate.fields["unit"],
    }


def _bound_by(candidate: Candidate, seconds: float, rates: dict[tuple[str, str], float]) -> str | None:
    """What a step's time is made of: the larger of what the two ceilings ask for, or else starting the work."""
    copied, multiplied = rates.get(("copy", "float32")), rates.get(("matmul", candidate.place["dtype"]))
    if not copied or not multiplied:
        return None
    least = {"bytes": candidate.fields["bytes"] / copied, "flops": candidate.fields["flops"] / multiplied}
    limit = max(least, key=lambda name: least[name])
    return "launch" if seconds > LAUNCH_BOUND * least[limit] and seconds < LAUNCH_SECONDS else limit
