"""Findings: a diagnosis with the facts it rests on and the way out, and the order in which they are told."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

import msgspec


class Severity(str, Enum):
    """How much a finding matters; only errors make the environment faulty."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Verdict(str, Enum):
    """The answer in one word."""

    HEALTHY = "healthy"
    FAULTY = "faulty"
    INCOMPLETE = "incomplete"


class Fact(msgspec.Struct, frozen=True):
    """A fact that a finding rests on: what, its value, and who said so."""

    what: str
    value: str
    source: str


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """The way out: exact commands for this host where they exist, honest steps where they do not."""

    summary: str
    commands: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    pip: tuple[tuple[str, ...], ...] = ()
    """The same for `doctor --fix` to do: what pip is told, in order; () where it is not for envkit to do.

    Nothing that changes more than the target environment stands here.
    """
    removes: tuple[str, ...] = ()
    """What of the target goes before: the folders of an install that was cut short, which no record lists."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One diagnosis. `explains` names the codes that are consequences of this one.

    `counts_with` is the code without which it means nothing: who does not mind that one does not mind this one. That a
    Python has no wheels of torch is no fault where nobody wants torch.

    `passes_for` names the codes that a failed import over this one may pass for: consequences too, but for what is
    `proven`, which its own facts show (files that are gone) and not just what an import said.
    """

    code: str
    severity: Severity
    summary: str
    cause: str
    expected: str = ""
    facts: tuple[Fact, ...] = ()
    fix: Fix | None = None
    explains: tuple[str, ...] = ()
    counts_with: str = ""
    passes_for: tuple[str, ...] = ()
    proven: bool = False


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one CUDA release can be used here, and which torch releases bring it."""

    cuda: str
    driver_runs_it: bool | None
    """None when there is no telling."""
    why: str
    torch_releases: tuple[str, ...] | None
    """Releases with such a build for the target's Python and platform, oldest first; None when that is unknown."""
    installed: bool
    """The target's torch is such a build."""


class Ignored(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that does not count, because somebody said so: `by` an option, or a file."""

    code: str
    severity: Severity
    summary: str
    by: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Facts that a report lacks, and the one command that tells them."""

    facts: tuple[str, ...]
    command: str


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What the doctor says of a snapshot; `incomplete` tells which facts could not be had."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    cuda: tuple[Availability, ...] = ()
    incomplete: tuple[str, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    asks: tuple[Asked, ...] = ()
    """Of a report: what its reader should ask for to be sure."""


class Plugged(NamedTuple):
    """What the checks of plugins found, and why some gave no answer."""

    findings: tuple[Finding, ...] = ()
    failures: tuple[str, ...] = ()


_SEVERITY = tuple(Severity)


def rank(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Order findings: the root cause first, what it explains behind it, then the rest. None is lost.

    Of two of the same severity that no other explains, the one that comes earlier counts as the deeper cause: the list
    of checks runs from the interpreter over the metal to what torch loads. `explains` of each returned finding is
    narrowed to codes that are really told after it, and are no graver: a warning is not the cause of a proven error.
    """
    by_severity = sorted(findings, key=lambda finding: _SEVERITY.index(finding.severity))
    ordered = [_settled(finding, by_severity) for finding in by_severity]
    # Of two that explain each other neither is the consequence.
    explained = {
        other.code
        for finding in ordered
        for other in ordered
        if other.code in finding.explains and finding.code not in (other.code, *other.explains)
    }
    told: list[Finding] = []

    def tell(finding: Finding) -> None:
        if any(finding is other for other in told):
            return
        told.append(finding)
        for other in ordered:
            if other.code in finding.explains:
                tell(other)

    for severity in Severity:
        group = [finding for finding in ordered if finding.severity is severity]
        # Causes first; then what only explains each other in a circle.
        for finding in (*(one for one in group if one.code not in explained), *group):
            tell(finding)
    return tuple(_narrowed(finding, told[:at], told[at + 1 :]) for at, finding in enumerate(told))


def consequences(findings: Iterable[Finding]) -> frozenset[str]:
    """Return the codes, of ranked findings, that go away with what explains them."""
    return frozenset(code for finding in findings for code in finding.explains)


def _settled(finding: Finding, findings: Iterable[Finding]) -> Finding:
    grave = _SEVERITY.index(finding.severity)
    graver = {other.code for other in findings if _SEVERITY.index(other.severity) < grave}
    stands = graver | {other.code for other in findings if other.proven}
    explained = (*finding.explains, *(code for code in finding.passes_for if code not in stands))
    kept = tuple(code for code in explained if code not in graver and code != finding.code)
    return msgspec.structs.replace(finding, explains=kept)


def _narrowed(finding: Finding, before: Iterable[Finding], after: Iterable[Finding]) -> Finding:
    later = {other.code for other in after} - {other.code for other in before}
    return msgspec.structs.replace(finding, explains=tuple(code for code in finding.explains if code in later))


def judge(findings: Iterable[Finding], incomplete: tuple[str, ...], *, strict: bool = False) -> Verdict:
    """Return the verdict: faulty on any error, else incomplete where facts are missing, else healthy.

    `strict` lets warnings count as errors.
    """
    faults = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    if any(finding.severity in faults for finding in findings):
        return Verdict.FAULTY
    return Verdict.INCOMPLETE if incomplete else Verdict.HEALTHY
