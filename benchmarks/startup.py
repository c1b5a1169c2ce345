"""How long envkit takes to start and to judge, as ratios to programs that everybody has.

Each pair of commands runs in turn, in the same session, so that what else the machine does weighs on
both alike; each ratio is that of the medians over whole processes. A benchmark is no test: it exits
with 0 whatever the figures, unless a command fails.

    python benchmarks/startup.py [--runs N] [--python PATH]
"""

import argparse
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

ENVKIT = (sys.executable, "-m", "envkit")


@dataclass(frozen=True)
class Comparison:
    """A command of envkit, what it is measured against, and how many times that it may take."""

    name: str
    command: tuple[str, ...]
    reference_name: str
    reference: tuple[str, ...]
    limit: float


@dataclass(frozen=True)
class Medians:
    """Seconds of the two commands of a comparison."""

    command: float
    reference: float

    @property
    def ratio(self) -> float:
        """How many times the reference the command takes."""
        return self.command / self.reference


def main() -> int:
    """Measure all pairs and print the table."""
    parser = argparse.ArgumentParser(description="Measure the start-up of envkit.")
    parser.add_argument("--runs", type=int, default=9, help="times that each command runs (default: %(default)s)")
    parser.add_argument("--python", default=sys.executable, help="a Python with torch (default: this one)")
    options = parser.parse_args()
    comparisons = list_comparisons(options.python)
    try:
        measured = measure(comparisons, options.runs)
    except (OSError, RuntimeError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    print("\n".join(render_table(comparisons, measured)))
    print(f"medians of {options.runs} runs, Python {sys.version.split()[0]}")
    return 0


def list_comparisons(python: str) -> list[Comparison]:
    """Return what is measured, on a target Python that has torch."""
    see_gpu = "import torch; torch.cuda.is_available()"
    doctor = (*ENVKIT, "doctor", "--python", python)
    nothing = (sys.executable, "-c", "pass")
    return [
        Comparison("envkit --help", (*ENVKIT, "--help"), "python -c pass", nothing, 4),
        Comparison("envkit create --conda", (*ENVKIT, "create", "--conda"), "python -c pass", nothing, 12),
        Comparison(
            "envkit doctor --quick",
            (*doctor, "--quick"),
            "python -m torch.utils.collect_env",
            (python, "-m", "torch.utils.collect_env"),
            1 / 8,
        ),
        Comparison("envkit doctor", doctor, f'python -c "{see_gpu}"', (python, "-c", see_gpu), 1.3),
    ]


def measure(comparisons: list[Comparison], runs: int) -> list[Medians]:
    """Run all commands in turn, a first round to warm the caches, and return the medians of the others."""
    rounds = [[(take_time(one.command), take_time(one.reference)) for one in comparisons] for _ in range(runs + 1)]
    return [Medians(*map(statistics.median, zip(*times, strict=True))) for times in zip(*rounds[1:], strict=True)]


def take_time(command: tuple[str, ...]) -> float:
    """Return the seconds that a whole process takes; raise when it fails. Findings (1) are no failure."""
    started = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode not in ((0, 1) if "doctor" in command else (0,)):
        said = done.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"`{' '.join(command)}` exited with {done.returncode}\n{said}")
    return seconds


def render_table(comparisons: list[Comparison], measured: list[Medians]) -> list[str]:
    """Return the lines of the table."""
    rows = [("command", "seconds", "measured against", "seconds", "ratio", "limit", "")]
    for one, medians in zip(comparisons, measured, strict=True):
        within = "within" if medians.ratio <= one.limit else "over"
        seconds = (f"{medians.command:.3f}", f"{medians.reference:.3f}")
        ratios = (f"{medians.ratio:.3f}", f"{one.limit:.3f}")
        rows.append((one.name, seconds[0], one.reference_name, seconds[1], *ratios, within))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


if __name__ == "__main__":
    sys.exit(main())
