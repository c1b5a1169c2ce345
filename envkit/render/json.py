"""JSON: one envelope for every document, with the one `schema_version` of them all."""

from collections.abc import Mapping
from typing import Any

import msgspec

from envkit import __version__
from envkit.findings import Diagnosis
from envkit.planning.installs import pip_installs
from envkit.planning.model import Plan
from envkit.results import Results
from envkit.snapshot import Snapshot

SCHEMA_VERSION = 1

Document = dict[str, Any]


def as_text(document: Document) -> str:
    """Return a document as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _envelope(content: Mapping[str, Any]) -> Document:
    head = {"schema_version": SCHEMA_VERSION, "envkit_version": __version__}
    return {**head, **content, **head}  # first in order, and never overridden


def diagnosis_document(diagnosis: Diagnosis, snapshot: Snapshot) -> Document:
    """Return the doctor's answer: verdict, findings (root cause first), CUDA availability, the snapshot."""
    return _envelope({**msgspec.structs.asdict(diagnosis), "snapshot": snapshot})


def results_document(results: Results) -> Document:
    """Return the results of a smoke run."""
    return _envelope(msgspec.structs.asdict(results))


def plan_document(plan: Plan, **more: Any) -> Document:
    """Return a plan with what pip is told (`install`, argument lists after `pip install`), and `more`.

    `files` are those of the recipe; an environment that was made adds `path`, `python`, `steps`,
    and the documents of `doctor` and `smoke`.
    """
    return _envelope({"plan": plan, "install": pip_installs(plan), "files": {}, **more})


def error_document(message: str, hint: str) -> Document:
    """Return a failure."""
    return _envelope({"error": {"message": message, "hint": hint}})
