"""Nothing is wrong with the environment: what then is to be said of what was complained of."""

from collections.abc import Sequence

from envkit import reading
from envkit.findings import Fact, Finding, Severity
from envkit.matrix import Matrix
from envkit.matrix.errors import NOT_A_FAULT
from envkit.snapshot import Interpreter, Snapshot, TorchRuntime

_ASIDE = frozenset(("shm-too-small",))
"""Notes on what matters only to who fills something: no answer to whether the environment is right."""
_MOST = 3


def healthy(snapshot: Snapshot, matrix: Matrix, found: Sequence[Finding], *, complete: bool) -> Finding | None:
    """Return the finding that nothing is wrong, None where something is, or a live machine kept something back."""
    if any(finding.severity is Severity.ERROR for finding in found):
        return None
    answered = any(finding.severity is Severity.WARNING or finding.code not in _ASIDE for finding in found)
    if not snapshot.pasted:
        return None if answered or not complete else _of_machine(snapshot)
    own = own_errors(snapshot, matrix)
    return None if answered and not own else _of_report(own)


def own_errors(snapshot: Snapshot, matrix: Matrix) -> tuple[Fact, ...]:
    """Return as facts the errors that no environment is to blame for: known ones first, then what nothing explains."""
    known, unexplained = [], []
    for one in reading.said(snapshot):
        cause = matrix.errors.cause_of(one.text)
        fact = Fact("said", reading.first_line(one.text), one.source)
        if cause == NOT_A_FAULT:
            known.append(fact)
        elif cause is None and one.source == "python":
            unexplained.append(fact)
    facts = dict.fromkeys((*known, *unexplained))
    # torch's own word on a device is in the exception that quotes it.
    whole = [one for one in facts if not any(one.value in other.value and one != other for other in facts)]
    return tuple(whole or facts)[:_MOST]


def _of_report(own: tuple[Fact, ...]) -> Finding:
    summary = (
        "what failed is the program, not its environment" if own else "the report shows no fault of the environment"
    )
    cause = (
        "the error comes from the running program (its own code, a library's, or torch's), and nothing that the report "
        "tells of the environment explains it"
        if own
        else "every check of what the report tells passed; if something still fails, its error message is needed"
    )
    return Finding(code="healthy", severity=Severity.NOTE, summary=summary, cause=cause, facts=own)


def _of_machine(snapshot: Snapshot) -> Finding:
    target = snapshot.target
    where = target.executable if isinstance(target, Interpreter) else "the target"
    extent = "" if isinstance(snapshot.torch, TorchRuntime) else ", without importing torch"
    return Finding(
        code="healthy",
        severity=Severity.NOTE,
        summary=f"nothing is wrong with this environment{extent}",
        cause=f"every check of {where} passed; if something still fails, the fault lies outside the environment",
    )
