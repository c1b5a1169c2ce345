"""The stage of the two trainings: each workload in each dtype and variant that the device has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

from envkit_smoke import torch_dtypes, variants, workload

if TYPE_CHECKING:
    from envkit_smoke.network import Network
    from envkit_smoke.reporter import Reporter
    from envkit_smoke.stage import Bench


MOST_NUMBERS = 50_000  # in a network event: a line of about a megabyte


def run(bench: Bench) -> None:
    """Observe, judge and report them all."""
    options = bench.options
    for name, one in workload.load(options.workloads).items():
        for dtype, variant in options.trainings():
            network = bench.network if name == "backprop" else None
            synchronise = bench.synchronise
            task = workload.Task(bench.device, dtype, variant, options.seed, options.epochs, synchronise, network)
            _run_workload(bench, name, one, task)


def _run_workload(bench: Bench, name: str, one: workload.Workload, task: workload.Task) -> None:
    reporter = bench.reporter.about(workload=name, dtype=task.dtype, variant=task.variant)
    lacking = torch_dtypes.why_lacking(task.dtype, task.device) or variants.why_lacking(task.variant, task.device)
    trial = workload.Trial(reporter, task.dtype, task.variant, bench.options.explicit)
    observed = trial.observe(lacking, lambda: _observe(one, task))
    if observed is None:
        return
    report = one.judge(observed)
    passed = reporter.checks(report.checks)
    losses = {"losses": report.losses, "final_loss": report.losses[-1], "optimum": report.optimum}
    reporter.emit("training", epochs=len(report.losses), **losses)
    if task.network is not None and one.records is not None:
        emit_steps(reporter, one.records(observed))
    reporter.emit("timing", **report.timing.fields())
    reporter.emit("result", passed=passed)


def _observe(one: workload.Workload, task: workload.Task) -> object:
    with torch_dtypes.products(task.dtype):
        return one.observe(task)


def emit_reference(reporter: Reporter, network: Network) -> None:
    """The network event of the float64 reference."""
    from envkit_smoke import backprop_checks, backprop_reference

    steps = backprop_checks.reference_steps(network)
    place = reporter.of(device="reference", workload="backprop", dtype="float64")
    emit_steps(place, backprop_reference.records(steps))


def emit_steps(reporter: Reporter, steps: Sequence[dict[str, Any]]) -> None:
    """The network events of these steps: as many as it takes for lines that readers can hold."""
    at_once = max(1, MOST_NUMBERS // max(1, _count(steps[0]))) if steps else 1
    for first in range(0, len(steps), at_once):
        reporter.emit("network", first_step=first + 1, steps=steps[first : first + at_once])


def _count(record: object) -> int:
    """How many numbers there are in nested lists and dictionaries."""
    if isinstance(record, dict):
        return sum(map(_count, record.values()))
    if isinstance(record, (list, tuple)):
        return sum(map(_count, record))
    return 1
