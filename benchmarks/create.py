"""How long envkit takes to make environments, as ratios to the engines' own commands.

Each pair of commands runs in turn, in the same session, each into a new folder that is removed between them; each ratio
is that of the medians over whole processes. A benchmark is no test: it exits with 0 whatever the figures, unless a
command fails.

    python benchmarks/create.py [--runs N] [--packages]

`--packages` also installs torch, which takes a minute a run: from where pip is configured to find it.
"""

import argparse
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ENVKIT = (sys.executable, "-m", "envkit", "create", "--python", sys.executable, "--apply")
PLACE = "PLACE"
"""Stands for the folder in a command."""

Commands = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Comparison:
    """Commands of envkit, what they are measured against, and how many times that they may take."""

    name: str
    commands: Commands
    reference_name: str
    reference: Commands
    limit: float


def main() -> int:
    """Measure all pairs and print the table."""
    parser = argparse.ArgumentParser(description="Measure the making of environments.")
    parser.add_argument("--runs", type=int, default=7, help="times that each command runs (default: %(default)s)")
    parser.add_argument("--packages", action="store_true", help="also install torch")
    options = parser.parse_args()
    comparisons = [*bare(), *(with_packages() if options.packages else ())]
    with tempfile.TemporaryDirectory() as folder:
        try:
            rounds = [[measure(one, Path(folder)) for one in comparisons] for _ in range(options.runs + 1)]
        except (OSError, RuntimeError) as problem:
            print(f"error: {problem}", file=sys.stderr)
            return 1
    print("\n".join(render_table(comparisons, rounds[1:])))
    print(f"medians of {options.runs} runs, Python {sys.version.split()[0]}")
    return 0


def bare() -> list[Comparison]:
    """Return the environments with pip alone."""
    python, uv = sys.executable, shutil.which("uv")
    found = [
        Comparison("--bare", ((*ENVKIT, "--bare", PLACE),), "python -m venv", ((python, "-m", "venv", PLACE),), 1 / 5),
        Comparison(
            "--virtualenv --bare",
            ((*ENVKIT, "--virtualenv", "--bare", PLACE),),
            "virtualenv",
            ((python, "-m", "virtualenv", "--python", python, PLACE),),
            1.2,
        ),
    ]
    if uv:
        seeded = ((uv, "venv", "--seed", "--python", python, PLACE),)
        found.append(
            Comparison(
                "--engine uv --bare", ((*ENVKIT, "--engine", "uv", "--bare", PLACE),), "uv venv --seed", seeded, 1.3
            )
        )
    return found


def with_packages() -> list[Comparison]:
    """Return the environments with torch, each against the very commands that envkit says that it runs."""
    made = (*ENVKIT, "--no-verify")
    by_pip = (*made, "--engine", "pip")
    found = [Comparison("with torch, by pip", ((*by_pip, PLACE),), "its commands alone", commands_of(by_pip), 1.03)]
    if shutil.which("uv"):
        by_uv = (*made, "--engine", "uv")
        found += [
            Comparison("with torch, by uv", ((*by_uv, PLACE),), "its commands alone", commands_of(by_uv), 1.03),
            Comparison("with torch, by uv", ((*by_uv, PLACE),), "envkit by pip", ((*by_pip, PLACE),), 1),
        ]
    return found


def commands_of(command: Sequence[str]) -> Commands:
    """Return what would be run, variables and all."""
    done = subprocess.run([*command, "--dry-run", PLACE], capture_output=True, text=True, check=True)
    place = str(Path(PLACE).absolute())
    lines = (shlex.split(line.replace(place, PLACE)) for line in done.stdout.splitlines())
    return tuple(("env", *line) if "=" in line[0] else tuple(line) for line in lines)


def measure(one: Comparison, folder: Path) -> tuple[float, float]:
    """Return the seconds of both sides of a comparison."""
    return take_time(one.commands, folder / "env"), take_time(one.reference, folder / "env")


def take_time(commands: Commands, place: Path) -> float:
    """Return the seconds that whole processes take, one after the other; raise when one fails."""
    shutil.rmtree(place, ignore_errors=True)
    started = time.perf_counter()
    for command in commands:
        argv = [word.replace(PLACE, str(place)) for word in command]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise RuntimeError(f"`{' '.join(argv)}` exited with {done.returncode}\n{said}")
    return time.perf_counter() - started


def render_table(comparisons: list[Comparison], rounds: list[list[tuple[float, float]]]) -> list[str]:
    """Return the lines of the table."""
    rows = [("envkit create --apply", "seconds", "measured against", "seconds", "ratio", "limit", "")]
    for one, times in zip(comparisons, zip(*rounds, strict=True), strict=True):
        ours, theirs = (statistics.median(side) for side in zip(*times, strict=True))
        within = "within" if ours / theirs <= one.limit else "over"
        figures = (f"{theirs:.3f}", f"{ours / theirs:.3f}", f"{one.limit:.3f}")
        rows.append((one.name, f"{ours:.3f}", one.reference_name, *figures, within))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


if __name__ == "__main__":
    sys.exit(main())
