"""The stage of the two trainings: each workload in each dtype and variant that the device has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envkit_smoke import workload

if TYPE_CHECKING:
    from envkit_smoke.reporter import Reporter
    from envkit_smoke.stage import Bench


def run(bench: Bench) -> None:
    """Observe, judge and report them all."""
    options = bench.options
    for name, one in workload.load(options.workloads).items():
        for dtype in options.dtypes:
            for variant in options.variants:
                task = workload.Task(bench.device, dtype, variant, options.seed, options.epochs, bench.synchronise)
                _run_workload(bench.reporter.about(workload=name, dtype=dtype, variant=variant), one, task)


def _run_workload(reporter: Reporter, one: workload.Workload, task: workload.Task) -> None:
    observed = reporter.attempt(lambda: one.observe(task))
    if observed is None:
        reporter.emit("result", passed=False)
        return
    report = one.judge(observed)
    passed = reporter.checks(report.checks)
    losses = {"losses": report.losses, "final_loss": report.losses[-1], "optimum": report.optimum}
    reporter.emit("training", epochs=len(report.losses), **losses)
    reporter.emit("timing", **report.timing.fields())
    reporter.emit("result", passed=passed)
