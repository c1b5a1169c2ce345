"""What `envkit smoke` promises of its speed, as ratios: of the whole command, and of what its events say.

The command is measured against `import torch` in the same interpreter: the two run in turn, every other round
backwards, so that what else the machine does weighs on both alike. The shares of the ceilings come from the events of
one run, whose ceilings and steps were measured by turns on the same device; so do the lecture's own loop, with its data
loader, and the fast one on the same batches. A benchmark is no test: it exits with 0 whatever the figures, unless a
command fails.

    python benchmarks/smoke.py [--runs N] [--python PATH] [--device D] [--budget 30s]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

IMPORT_LIMIT = 1.6
LOOP_LIMIT = 1 / 20
COPY_LEAST, CPU_MATMUL_LEAST, GPU_MATMUL_LEAST = 0.85, 0.85, 0.80

Document = Mapping[str, Any]


class Row(NamedTuple):
    """A ratio, and what it should be: at most, or at least, the limit."""

    name: str
    ratio: float
    low: float
    high: float
    limit: float
    at_most: bool

    @property
    def line(self) -> str:
        """The row as a line of the table."""
        kept = self.ratio <= self.limit if self.at_most else self.ratio >= self.limit
        asked = f"{'at most' if self.at_most else 'at least'} {self.limit:.3f}"
        spread = f"{self.low:.3f} to {self.high:.3f}"
        return f"{self.name:<58}  {self.ratio:6.3f}  {spread:>16}  {asked}  {'kept' if kept else 'MISSED'}"


def main() -> int:
    """Measure all ratios and print the table."""
    parser = argparse.ArgumentParser(description="Measure what envkit smoke promises of its speed.")
    parser.add_argument("--runs", type=int, default=9, help="times that each command runs (default: %(default)s)")
    parser.add_argument("--python", default=sys.executable, help="a Python with torch (default: this one)")
    parser.add_argument("--device", default="cpu", help="whose ceilings are compared with (default: %(default)s)")
    parser.add_argument("--budget", default="30s", help="for the sweep (default: %(default)s)")
    options = parser.parse_args()
    try:
        rows = [measure_command(options.python, options.runs)]
        rows += shares(run_smoke(options.python, options.device, options.budget), options.device)
    except (OSError, RuntimeError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    print(f"{'':<58}   ratio  {'interval':>16}  limit")
    print("\n".join(row.line for row in rows))
    return 0


def measure_command(python: str, runs: int) -> Row:
    """Return the whole quick run over a bare import; its interval is that of the ratios of single rounds."""
    quick = [sys.executable, "-m", "envkit", "smoke", "--quick", "--device", "cpu", "--python", python]
    bare = [python, "-c", "import torch"]
    take_time(quick), take_time(bare)  # the first round warms the caches
    pairs = []
    for turn in range(runs):
        order = (bare, quick) if turn % 2 else (quick, bare)
        first, second = (take_time(command) for command in order)
        pairs.append((second, first) if turn % 2 else (first, second))
    ratios = [mine / theirs for mine, theirs in pairs]
    mine, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    name = f"smoke --quick --device cpu ({mine:.2f} s) over import torch ({theirs:.2f} s)"
    return Row(name, mine / theirs, min(ratios), max(ratios), IMPORT_LIMIT, at_most=True)


def take_time(command: Sequence[str]) -> float:
    """Return the seconds that a whole process takes; raise when it fails."""
    environment = {**os.environ}
    # A user's envkit is compiled, by its installer or by its first run; a container that writes none would hide that.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise _failed(command, done)
    return seconds


def _failed(command: Sequence[str], done: "subprocess.CompletedProcess[bytes]") -> RuntimeError:
    said = done.stderr.decode(errors="replace").strip()
    return RuntimeError(f"`{' '.join(command)}` exited with {done.returncode}\n{said}")


def run_smoke(python: str, device: str, budget: str) -> Document:
    """Return the document of a run with its sweep."""
    command = [sys.executable, "-m", "envkit", "smoke", "--json", "--python", python, "--device", device]
    command += ["--variant", "eager", "--dtype", "float32", "--budget", budget]
    command += ["--dtype", "bfloat16"] if device != "cpu" else []
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode not in (0, 1):
        raise _failed(command, done)
    document: Document = json.loads(done.stdout)
    return document


def shares(document: Document, device: str) -> Iterator[Row]:
    """Yield what the events of a run say of the promises; what was not measured is left out."""
    yield from loop_share(document)
    yield from ceiling_share(document, "linear-regression", "copy", "bytes", None, COPY_LEAST)
    dtype, least = ("float32", CPU_MATMUL_LEAST) if device == "cpu" else ("bfloat16", GPU_MATMUL_LEAST)
    yield from ceiling_share(document, "backprop", "matmul", "flops", dtype, least)


def loop_share(document: Document) -> Iterator[Row]:
    """The fast loop's step over the lecture's, both on the lecture's batches of three rows."""
    size = {"rows": 15, "width": 3, "batch": 3}
    steps = {point["variant"]: point["seconds"] for point in document["points"] if point["size"] == size}
    if "lecture" not in steps:
        return
    fast, loop = steps["fast"], steps["lecture"]
    yield Row(
        f"fast step ({fast['median'] * 1e6:.2f} us) over the lecture's ({loop['median'] * 1e6:.0f} us)",
        fast["median"] / loop["median"],
        fast["low"] / loop["high"],
        fast["high"] / loop["low"],
        LOOP_LIMIT,
        at_most=True,
    )


def ceiling_share(
    document: Document, workload: str, of: str, count: str, dtype: str | None, least: float
) -> Iterator[Row]:
    """The largest size of a workload over the ceiling of the same run, each with its interval."""
    ceilings = [one for one in document["ceilings"] if one["of"] == of and dtype in (None, one["dtype"])]
    points = [one for one in document["points"] if one["workload"] == workload and dtype in (None, one["dtype"])]
    if not ceilings or not points:
        return
    ceiling = max(ceilings, key=lambda one: float(one["rate"]))
    most = max(point[count] for point in points)
    best = min((one for one in points if one[count] == most), key=lambda point: float(point["seconds"]["median"]))
    done, seconds = most, best["seconds"]
    yield Row(
        f"{workload} {best['dtype']}: {count} a second over the largest {of}",
        done / seconds["median"] / ceiling["rate"],
        done / seconds["high"] / ceiling["rate_high"],
        done / seconds["low"] / ceiling["rate_low"],
        least,
        at_most=False,
    )


if __name__ == "__main__":
    sys.exit(main())
