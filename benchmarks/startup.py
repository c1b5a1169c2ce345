"""How long envkit takes to start and to judge, as ratios to programs that everybody has.

Each pair of commands runs in turn, in the same session, so that what else the machine does weighs on both alike, and
every other round runs backwards. A ratio is told of the medians over whole processes, and of the shortest times, which
a busy machine spoils less. A benchmark is no test: it exits with 0 whatever the figures, unless a command fails.

    python benchmarks/startup.py [--runs N] [--python PATH] [--only WORD]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ENVKIT = (sys.executable, "-m", "envkit")
DISTRIBUTIONS = 1000
MEGABYTES = 10


@dataclass(frozen=True)
class Comparison:
    """A command of envkit, what it is measured against, and how many times that it may take."""

    name: str
    command: tuple[str, ...]
    reference_name: str
    reference: tuple[str, ...]
    limit: float
    variables: dict[str, str] = field(default_factory=dict)
    """The command's alone, beside those that both have."""


@dataclass(frozen=True)
class Seconds:
    """The times of the two commands of a comparison."""

    command: tuple[float, ...]
    reference: tuple[float, ...]


def main() -> int:
    """Measure all pairs and print the table."""
    parser = argparse.ArgumentParser(description="Measure the start-up of envkit.")
    parser.add_argument("--runs", type=int, default=9, help="times that each command runs (default: %(default)s)")
    parser.add_argument("--python", default=sys.executable, help="a Python with torch (default: this one)")
    parser.add_argument("--only", default="", help="measure only what has this in its name")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        comparisons = [one for one in list_comparisons(options.python, Path(folder)) if options.only in one.name]
        try:
            measured = measure(comparisons, options.runs)
        except (OSError, RuntimeError) as problem:
            print(f"error: {problem}", file=sys.stderr)
            return 1
    print("\n".join(render_table(comparisons, measured)))
    print(f"median and shortest of {options.runs} runs, in seconds, Python {sys.version.split()[0]}")
    return 0


def list_comparisons(python: str, folder: Path) -> list[Comparison]:
    """Return what is measured, on a target Python that has torch; what it takes is written to `folder`."""
    see_gpu = "import torch; torch.cuda.is_available()"
    doctor = (*ENVKIT, "doctor", "--python", python)
    nothing = (sys.executable, "-c", "pass")
    crowd = {"PYTHONPATH": os.pathsep.join(filter(None, (write_crowd(folder), os.environ.get("PYTHONPATH"))))}
    whole, quarter = (write_paste(folder, size) for size in (MEGABYTES, MEGABYTES / 4))
    recorded = (*ENVKIT, "doctor", "--from")
    return [
        Comparison("envkit --help", (*ENVKIT, "--help"), "python -c pass", nothing, 4),
        Comparison("envkit create --conda", (*ENVKIT, "create", "--conda"), "python -c pass", nothing, 12),
        Comparison(
            "envkit doctor --quick",
            (*doctor, "--quick"),
            "python -m torch.utils.collect_env",
            (python, "-m", "torch.utils.collect_env"),
            1 / 12,
        ),
        Comparison("envkit doctor", doctor, f'python -c "{see_gpu}"', (python, "-c", see_gpu), 1.15),
        Comparison(f"doctor, {DISTRIBUTIONS} distributions more", doctor, "without them", doctor, 1.1, crowd),
        Comparison(f"doctor --from, {MEGABYTES} MB", (*recorded, whole), "a quarter of it", (*recorded, quarter), 4),
    ]


def write_crowd(folder: Path) -> str:
    """Write the metadata of many distributions, and return the folder to be searched for them."""
    crowd = folder / "crowd"
    for number in range(DISTRIBUTIONS):
        metadata = crowd / f"some_package_{number}-1.{number}.dist-info"
        metadata.mkdir(parents=True)
        header = f"Metadata-Version: 2.1\nName: some-package-{number}\nVersion: 1.{number}\n"
        (metadata / "METADATA").write_text(f"{header}\n{'Words that describe it.' * 200}\n", "utf-8")
        (metadata / "INSTALLER").write_text("pip\n", "utf-8")
        (metadata / "RECORD").write_text(f"some_package_{number}.py,,\n", "utf-8")
    return str(crowd)


def write_paste(folder: Path, megabytes: float) -> str:
    """Write a log of training with an error at its end, as people paste it, and return its path."""
    file = folder / f"{megabytes:g}.txt"
    line = "2024-05-01 12:00:{:02} INFO trainer.py:{} epoch {} step {} loss {:.4f} (RuntimeError: none so far)\n"
    size = int(megabytes * 1e6)
    lines = [line.format(step % 60, 100 + step % 7, step // 1000, step, 9 / (1 + step)) for step in range(size // 88)]
    end = "RuntimeError: The NVIDIA driver on your system is too old (found version 10010).\n"
    file.write_text("".join(lines)[: size - len(end)].rpartition("\n")[0] + "\n" + end, "utf-8")
    return str(file)


def measure(comparisons: list[Comparison], runs: int) -> list[Seconds]:
    """Run all commands in turn, forwards and backwards, after a first round that warms the caches."""
    times: dict[int, list[tuple[float, float]]] = {number: [] for number in range(len(comparisons))}
    for turn in range(runs + 1):
        for number in sorted(times, reverse=bool(turn % 2)):
            pair = take_times(comparisons[number], backwards=bool(turn % 2))
            if turn:
                times[number].append(pair)
    return [Seconds(*map(tuple, zip(*pairs, strict=True))) for pairs in times.values()]


def take_times(one: Comparison, *, backwards: bool) -> tuple[float, float]:
    """Return the seconds of the command and of its reference."""
    commands = [(one.command, one.variables), (one.reference, {})]
    first, second = (take_time(*command) for command in (reversed(commands) if backwards else commands))
    return (second, first) if backwards else (first, second)


def take_time(command: tuple[str, ...], variables: dict[str, str]) -> float:
    """Return the seconds that a whole process takes; raise when it fails. Findings (1) and gaps (4) are no failure."""
    environment = {**os.environ, **variables}
    # A user's envkit is compiled, by its installer or by its first run; a container that writes none would hide that.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode not in ((0, 1, 4) if "doctor" in command else (0,)):
        said = done.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"`{' '.join(command)}` exited with {done.returncode}\n{said}")
    return seconds


def render_table(comparisons: list[Comparison], measured: list[Seconds]) -> list[str]:
    """Return the lines of the table."""
    rows: list[tuple[str, ...]] = [
        ("command", "median", "min", "measured against", "median", "min", "ratio", "of min", "limit", "")
    ]
    for one, seconds in zip(comparisons, measured, strict=True):
        times = [(statistics.median(of), min(of)) for of in (seconds.command, seconds.reference)]
        shown = [tuple(f"{time:.3f}" for time in pair) for pair in times]
        ratios = [mine / theirs for mine, theirs in zip(*times, strict=True)]
        within = "within" if ratios[0] <= one.limit else "over"
        told = (*(f"{ratio:.3f}" for ratio in ratios), f"{one.limit:.3f}", within)
        rows.append((one.name, *shown[0], one.reference_name, *shown[1], *told))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


if __name__ == "__main__":
    sys.exit(main())
