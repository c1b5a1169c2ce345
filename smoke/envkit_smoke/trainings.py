"""The stage of the two trainings: each workload in each dtype and variant that the device has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envkit_smoke import torch_dtypes, variants, workload

if TYPE_CHECKING:
    from envkit_smoke.network import Network
    from envkit_smoke.reporter import Reporter
    from envkit_smoke.stage import Bench


def run(bench: Bench) -> None:
    """Observe, judge and report them all."""
    options = bench.options
    for name, one in workload.load(options.workloads).items():
        for dtype in options.dtypes:
            for variant in options.variants:
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
        reporter.emit("network", steps=one.records(observed))
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
    place.emit("network", steps=backprop_reference.records(steps))
