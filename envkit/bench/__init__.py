"""Driving the workloads of `smoke/` in a target interpreter, and what follows from what they measured."""

from envkit.bench.request import Request
from envkit.bench.smoke_run import SMOKE_LIMIT, run_smoke

__all__ = ["SMOKE_LIMIT", "Request", "run_smoke"]
