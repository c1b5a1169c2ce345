"""How often the doctor names the established cause of recorded environments, with a confusion table.

A folder holds one JSON file a case: `evidence` (the text as it was pasted), `code` (the root cause) and
`also_accept` (codes that are as good). A case counts when the first finding's code is one of these;
"none" stands for a diagnosis without a finding. The exit code is 0 whatever the figures.

    python benchmarks/cases.py FOLDER [--misses] [--show CASE]
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from envkit import matrix
from envkit.checks import diagnose
from envkit.errors import EnvkitError
from envkit.findings import Severity
from envkit.intake import recorded
from envkit.matrix import Matrix

_QUIET = ("healthy", "gpu-absent")


class Outcome(NamedTuple):
    """What the doctor made of one case."""

    case: str
    expected: str
    accepted: tuple[str, ...]
    first: str
    others: tuple[str, ...]
    read: tuple[str, ...]
    """Formats that told something."""
    false_alarms: tuple[str, ...]
    """Errors of another code, where nothing is wrong."""
    seconds: float

    @property
    def right(self) -> bool:
        """The first finding is an accepted one."""
        return self.first in self.accepted


def cases(folder: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield name and content of each case."""
    for path in sorted(folder.glob("*.json")):
        yield path.stem, json.loads(path.read_text("utf-8"))


def judged(name: str, case: dict[str, object], known: Matrix) -> Outcome:
    """Run the doctor on one case."""
    expected = str(case["code"])
    also = case.get("also_accept") or []
    accepted = (expected, *(str(code) for code in also)) if isinstance(also, list) else (expected,)
    began = time.perf_counter()
    codes: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    try:
        snapshot = recorded.read(str(case["evidence"]).encode(), name)
        findings = diagnose(snapshot, known).findings
        formats = tuple(run.name for run in snapshot.probes)
        codes = tuple(finding.code for finding in findings)
        errors = (finding.code for finding in findings if finding.severity is Severity.ERROR)
        alarms = tuple(code for code in errors if expected in _QUIET and code not in accepted)
    except EnvkitError as error:
        formats = (error.message,)
    seconds = time.perf_counter() - began
    return Outcome(name, expected, accepted, codes[0] if codes else "none", codes[1:], formats, alarms, seconds)


def report(outcomes: list[Outcome], *, misses: bool) -> None:
    """Print accuracy, false alarms and the confusion table."""
    right = sum(outcome.right for outcome in outcomes)
    print(f"{right} of {len(outcomes)} right: {right / max(len(outcomes), 1):.1%}")
    quiet = [outcome for outcome in outcomes if outcome.expected in _QUIET]
    print(f"{sum(bool(outcome.false_alarms) for outcome in quiet)} of {len(quiet)} without a fault raise an error")
    print(f"{1000 * sum(outcome.seconds for outcome in outcomes) / max(len(outcomes), 1):.1f} ms a case\n")
    table = Counter((outcome.expected, outcome.first) for outcome in outcomes if not outcome.right)
    width = max((len(expected) for expected, _ in table), default=8)
    print(f"{'established':{width}}  first finding")
    for (expected, first), count in sorted(table.items()):
        print(f"{expected:{width}}  {first} ({count})")
    for outcome in outcomes if misses else ():
        if not outcome.right:
            print(f"\n{outcome.case}: {outcome.expected}, not {', '.join((outcome.first, *outcome.others))}")
            print(f"  read: {', '.join(outcome.read)}")


def show(case: dict[str, object], name: str) -> None:
    """Print a case with the snapshot that was read from it."""
    import msgspec

    print(case["evidence"])
    print(
        msgspec.json.format(msgspec.json.encode(recorded.read(str(case["evidence"]).encode(), name)), indent=1).decode()
    )


def main() -> None:
    """Judge every case of a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--misses", action="store_true", help="name every miss")
    parser.add_argument("--show", metavar="CASE", help="print one case and what was read from it")
    arguments = parser.parse_args()
    if arguments.show:
        for name, case in cases(arguments.folder):
            if arguments.show in name:
                show(case, name)
        return
    known = matrix.load()
    report([judged(name, case, known) for name, case in cases(arguments.folder)], misses=arguments.misses)


if __name__ == "__main__":
    main()
