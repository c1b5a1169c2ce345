"""Snapshots of pasted reports, and what the doctor says of them: shared by the tests of the groups of checks."""

from typing import Any

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Diagnosis, Finding
from envkit.snapshot import Complaint, Snapshot, Unknown
from tests.builders import make_gpu_snapshot

UNTOLD = Unknown(why="not in the report")


def complaints(*texts: str, source: str = "program") -> tuple[Complaint, ...]:
    return tuple(Complaint(source=source, text=text) for text in texts)


def report_of(*texts: str, source: str = "program", **changes: Any) -> Snapshot:
    """A report that quotes these texts and says nothing else."""
    sections: dict[str, Any] = {
        "host": UNTOLD,
        "target": UNTOLD,
        "packages": UNTOLD,
        "nvml": UNTOLD,
        "cuda": UNTOLD,
        "torch": UNTOLD,
        "complaints": complaints(*texts, source=source),
        "pasted": True,
    }
    return Snapshot(**{**sections, **changes})


def gpu_report_of(*texts: str, source: str = "program", **changes: Any) -> Snapshot:
    """A report of a healthy machine with two GPUs that quotes these texts."""
    return make_gpu_snapshot(complaints=complaints(*texts, source=source), pasted=True, **changes)


def diagnosis_of(snapshot: Snapshot) -> Diagnosis:
    return diagnose(snapshot, matrix.load())


def codes_of(snapshot: Snapshot) -> list[str]:
    return [finding.code for finding in diagnosis_of(snapshot).findings]


def first_of(snapshot: Snapshot) -> Finding:
    return diagnosis_of(snapshot).findings[0]


def way_out(snapshot: Snapshot) -> str:
    """Everything that the first finding's fix says."""
    fix = first_of(snapshot).fix
    assert fix is not None
    return "\n".join((fix.summary, *fix.commands, *fix.steps))
