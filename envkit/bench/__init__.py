"""Driving the workloads of `smoke/` in a target interpreter."""

from envkit.bench.smoke_run import SMOKE_LIMIT, run_smoke

__all__ = ["SMOKE_LIMIT", "run_smoke"]
