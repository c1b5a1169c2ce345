"""JSON: one envelope for every document, with the one `schema_version` of them all."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from envkit import __version__
from envkit.findings import Diagnosis, Finding
from envkit.matrix.learned import Refreshed
from envkit.matrix.torch_releases import TorchTable
from envkit.planning.compatibility import Compatibility
from envkit.planning.installs import pip_installs
from envkit.planning.model import Plan
from envkit.results import Comparison, Results
from envkit.snapshot import ProbeRun, Snapshot, encode

if TYPE_CHECKING:
    from envkit.differences import Differences, Side

SCHEMA_VERSION = 1

Document = dict[str, Any]


def as_text(document: Document) -> str:
    """Return a document as indented JSON."""
    return msgspec.json.format(encode(document), indent=2).decode()


def _envelope(content: Mapping[str, Any]) -> Document:
    head = {"schema_version": SCHEMA_VERSION, "envkit_version": __version__}
    return {**head, **content, **head}  # first in order, and never overridden


def diagnosis_document(diagnosis: Diagnosis, snapshot: Snapshot) -> Document:
    """Return the doctor's answer: verdict, findings (root cause first), CUDA availability, the snapshot.

    Of a report also `read`: its formats, each with the facts that it told; `asks` is what it lacks to be sure.
    """
    read = {"read": [_read(run) for run in snapshot.probes if run.detail.startswith(_TOLD)]} if snapshot.pasted else {}
    return _envelope({**msgspec.structs.asdict(diagnosis), **read, "snapshot": snapshot})


_TOLD = "told: "


def _read(run: ProbeRun) -> dict[str, Any]:
    return {"format": run.name, "facts": run.detail.removeprefix(_TOLD).split(", ")}


def environments_document(environments: Sequence[Document], cut: str) -> Document:
    """Return what was found of each environment; `cut` says what ended the search for them early."""
    return _envelope({"environments": environments, "cut": cut})


def results_document(
    results: Results, findings: Sequence[Finding] = (), comparison: Comparison | None = None
) -> Document:
    """Return the results of a smoke run, what follows from them, and how they differ from a saved run."""
    compared = {"comparison": comparison} if comparison is not None else {}
    return _envelope({**msgspec.structs.asdict(results), "findings": findings, **compared})


def list_document(results: Results, names: Mapping[str, Mapping[str, str]]) -> Document:
    """Return what smoke can be asked for: names with a line each, and the devices of the target."""
    told = {field: [{"name": name, "is": line} for name, line in of.items()] for field, of in names.items()}
    about = {"target": results.target, "python": results.python, "torch": results.torch}
    return _envelope({**about, **told, "devices": results.devices, "errors": results.errors})


def plan_document(plan: Plan | None, **more: Any) -> Document:
    """Return a plan with what pip is told (`install`, argument lists after `pip install`), and `more`.

    `files` are those of the recipe; an environment that was made adds `path`, `python`, `steps`,
    and the documents of `doctor` and `smoke`. One with pip alone has no plan.
    """
    return _envelope({"plan": plan, "install": pip_installs(plan) if plan else (), "files": {}, **more})


def matrix_document(found: Compatibility, torch: TorchTable, refreshed: Refreshed | None) -> Document:
    """Return which builds fit, best first, the date of the tables, and what was learned after them."""
    learned = {"releases": torch.learned, "on": torch.learned_on, "notice": torch.notice}
    more = {} if refreshed is None else {"refreshed": refreshed}
    return _envelope({**msgspec.structs.asdict(found), "tables": torch.generated, "learned": learned, **more})


def differences_document(a: "Side", b: "Side", found: "Differences") -> Document:
    """Return what differs between two sides, what matters most first; `others` rarely matter."""
    sides = {
        name: {"name": side.name, "verdict": side.diagnosis.verdict, "pasted": side.snapshot.pasted}
        for name, side in (("a", a), ("b", b))
    }
    return _envelope({"verdict": found.verdict, **sides, **msgspec.structs.asdict(found)})


def drift_document(**content: Any) -> Document:
    """Return how an environment differs from what it was made from."""
    return _envelope(content)


def error_document(message: str, hint: str, details: Mapping[str, Any]) -> Document:
    """Return a failure; `details` are what it is made of, where it has parts: of a refusal, why and what is nearest."""
    return _envelope({"error": {"message": message, "hint": hint, **details}})
