"""The shape of every document that a command prints with --json, as a model: what the published schemas are made from.

`json.py` puts the documents together. A field that is only there under some options is `UNSET` by default; each
alternative of a command is a document of its own, an error among them.
"""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from envkit.findings import Diagnosis, Finding, Ignored, Verdict
from envkit.planning.answers import Answer, Impossible
from envkit.planning.model import Nearest, Other, Plan
from envkit.results import Comparison, DeviceName, Results, SmokeError
from envkit.snapshot import Snapshot

Argv = tuple[str, ...]


class ErrorTold(Struct, frozen=True, kw_only=True):
    """What went wrong, and what to type next; of a request that cannot be met also why, and what comes nearest."""

    message: str
    hint: str
    why: str | UnsetType = UNSET
    nearest: tuple[Nearest, ...] | UnsetType = UNSET


class ErrorDocument(Struct, frozen=True, kw_only=True):
    """A command that gave no answer."""

    error: ErrorTold


# -- doctor -------------------------------------------------------------------------------------


class ReadFormat(Struct, frozen=True, kw_only=True):
    """A format that was read in a report, and the facts that it told."""

    format: str
    facts: tuple[str, ...]


class MendingPlanned(Struct, frozen=True, kw_only=True):
    """What `--fix` may do about one finding."""

    code: str
    path: str
    """The environment that is changed."""
    commands: tuple[Argv, ...]


class StepDone(Struct, frozen=True, kw_only=True):
    """A step that succeeded; a step that was only rehearsed took no time."""

    name: str
    argv: Argv
    seconds: float | UnsetType = UNSET


class MendingDone(Struct, frozen=True, kw_only=True):
    """What came of one mending."""

    code: str
    gone: bool
    """The finding was not found again."""
    steps: tuple[StepDone, ...]
    error: ErrorTold | None
    log: str
    journal: str


class Mendings(Struct, frozen=True, kw_only=True):
    """What `--fix` planned, and did; `done` is null where there was nothing to do, or no consent."""

    planned: tuple[MendingPlanned, ...]
    done: tuple[MendingDone, ...] | None
    before: Diagnosis


class FindingsDocument(Diagnosis, frozen=True, kw_only=True):
    """What the doctor says of one environment."""

    snapshot: Snapshot
    read: tuple[ReadFormat, ...] | UnsetType = UNSET
    """Only of a report."""
    fix: Mendings | UnsetType = UNSET
    """Only with --fix."""


class EnvironmentTold(Struct, frozen=True, kw_only=True):
    """One environment of `--all-envs`."""

    python: str
    found_by: str
    version: str | None
    torch: str | None
    verdict: Verdict
    code: str | None
    """The first that was found."""
    findings: tuple[Finding, ...]
    incomplete: tuple[str, ...]
    ignored: tuple[Ignored, ...]


class EnvironmentsDocument(Struct, frozen=True, kw_only=True):
    """What `--all-envs` says; `cut` tells what ended the search early, "" where nothing did."""

    environments: tuple[EnvironmentTold, ...]
    cut: str


# -- smoke --------------------------------------------------------------------------------------


class ResultsDocument(Results, frozen=True, kw_only=True):
    """What a smoke run measured, and what follows from it."""

    findings: tuple[Finding, ...]
    comparison: Comparison | UnsetType = UNSET
    """Only with --compare."""


class Named(Struct, frozen=True, kw_only=True, rename={"told": "is"}):
    """Something that smoke can be asked for, and what it is."""

    name: str
    told: str


class ListDocument(Struct, frozen=True, kw_only=True):
    """What `smoke --list` says."""

    target: str
    python: str | None
    torch: str | None
    workloads: tuple[Named, ...]
    dtypes: tuple[Named, ...]
    variants: tuple[Named, ...]
    devices: tuple[DeviceName, ...]
    errors: tuple[SmokeError, ...]


# -- create -------------------------------------------------------------------------------------


class PlanDocument(Struct, frozen=True, kw_only=True):
    """A plan with what pip is told; of an environment that was made, also where it is and how it does."""

    plan: Plan | None
    """null for an environment with pip alone."""
    install: tuple[Argv, ...]
    """Argument lists after `pip install`, in order."""
    files: dict[str, str]
    """The files of the recipe by their names."""
    others: tuple[Other, ...] | UnsetType = UNSET
    """Only with --explain."""
    path: str | UnsetType = UNSET
    python: str | UnsetType = UNSET
    steps: tuple[StepDone, ...] | UnsetType = UNSET
    activate: tuple[str, ...] | UnsetType = UNSET
    doctor: FindingsDocument | UnsetType = UNSET
    smoke: ResultsDocument | UnsetType = UNSET


class DriftTold(Struct, frozen=True, kw_only=True):
    """One difference from what was made; "" where one of the two has no such thing."""

    kind: str
    subject: str
    recorded: str
    found: str


class DriftDocument(Struct, frozen=True, kw_only=True):
    """What `create --check` says."""

    path: str
    drift: tuple[DriftTold, ...]


class LineMistaken(Struct, frozen=True, kw_only=True):
    """A line of an inventory that could not be answered."""

    line: int
    message: str
    hint: str


class LineError(Struct, frozen=True, kw_only=True):
    """The answer to such a line."""

    error: LineMistaken


IN_ENVELOPE: tuple[type[msgspec.Struct], ...] = (
    *(ErrorDocument, FindingsDocument, EnvironmentsDocument),
    *(ResultsDocument, ListDocument, PlanDocument, DriftDocument),
)
"""Documents that begin with `schema_version` and `envkit_version`."""

ALTERNATIVES: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "snapshot": (Snapshot,),
    "findings": (FindingsDocument, EnvironmentsDocument, ErrorDocument),
    "results": (ResultsDocument, ListDocument, ErrorDocument),
    # The last three are lines of `create --for INVENTORY --json`.
    "plan": (PlanDocument, DriftDocument, ErrorDocument, Answer, Impossible, LineError),
}
"""What may be printed, by the name of the schema."""
