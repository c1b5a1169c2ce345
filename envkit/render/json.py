"""JSON: one envelope a command, each with `schema_version`."""

from typing import Any

import msgspec

from envkit import __version__
from envkit.findings import Diagnosis
from envkit.results import Results
from envkit.snapshot import Snapshot

SCHEMA_VERSION = 1


def _document(content: dict[str, Any]) -> str:
    envelope = {"schema_version": SCHEMA_VERSION, "envkit_version": __version__, **content}
    return msgspec.json.format(msgspec.json.encode(envelope), indent=2).decode()


def diagnosis_json(diagnosis: Diagnosis, snapshot: Snapshot) -> str:
    """Return the doctor's answer: verdict, findings (root cause first), CUDA availability, the snapshot."""
    return _document({**msgspec.structs.asdict(diagnosis), "snapshot": snapshot})


def results_json(results: Results) -> str:
    """Return the results of a smoke run."""
    return _document(msgspec.structs.asdict(results))


def error_json(message: str, hint: str) -> str:
    """Return a failure in the same envelope."""
    return _document({"error": {"message": message, "hint": hint}})
