"""How fast plans are made: simulated machines against the oracle, and an inventory through the command.

python benchmarks/planning.py [PAIRS]
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent))

from envkit import matrix as shipped
from envkit.intake.host_description import parse
from envkit.planning.answers import answer
from envkit.planning.inventory import described_task
from envkit.planning.model import Request
from tests.planning import simulation


def measure_pairs(pairs: int) -> None:
    """Print how many pairs a second planner and oracle do together, and where they part."""
    began = perf_counter()
    found = Counter(each.what for each in simulation.disagreements(0, pairs))
    seconds = perf_counter() - began
    parted = f"{sum(found.values())} disagreements {dict(found)}"
    print(f"planner and oracle   {pairs} pairs, {pairs / seconds:,.0f} a second, {parted}")


def measure_planner(pairs: int) -> None:
    """Print how many different descriptions a second the planner alone answers."""
    lines = [json.dumps(case.description).encode() for case in simulation.cases(0, pairs)]
    tables = shipped.load()
    began = perf_counter()
    for line in lines:
        task = described_task(Request(), parse(line, "line"))
        answer(task.request, task.snapshot, tables, assumed=task.assumed)
    print(f"planner alone        {pairs / (perf_counter() - began):,.0f} descriptions a second, all different")


def measure_command(pairs: int, different: int) -> None:
    """Print how many lines a second the command answers, start included, of so many different machines."""
    lines = [json.dumps(case.description) for case in simulation.cases(0, different)]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as inventory_file:
        inventory_file.writelines(f"{lines[at % different]}\n" for at in range(pairs))
        inventory_file.flush()
        command = [sys.executable, "-m", "envkit", "create", "--json", "--for", inventory_file.name]
        began = perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = perf_counter() - began
    print(f"create --for --json  {pairs / seconds:,.0f} lines a second, {different} different in {pairs}")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    measure_pairs(count)
    measure_planner(20_000)
    measure_command(20_000, 20_000)
    measure_command(100_000, 2_000)
