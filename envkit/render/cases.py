"""A diagnosis or a smoke run as a list of test cases, for what shows test results: each check is one."""

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from envkit.checks.applicable import why_not
from envkit.checks.pages import codes
from envkit.findings import Diagnosis, Finding, Fix, Severity
from envkit.render.text import duration
from envkit.results import CheckResult, Comparison, Results, SmokeError, WorkloadResult
from envkit.snapshot import Snapshot


class Outcome(str, Enum):
    """How a case ended; an error is what kept a check from being made."""

    PASSED = "passed"
    FAILED = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


class Case(NamedTuple):
    """One check: the group that it belongs to, how it ended, a line on that, and all there is to say."""

    group: str
    name: str
    outcome: Outcome = Outcome.PASSED
    message: str = ""
    text: str = ""


class Suite(NamedTuple):
    """Cases of one run, and what they were made on."""

    name: str
    cases: tuple[Case, ...]
    properties: dict[str, str]
    seconds: float = 0.0

    def count(self, outcome: Outcome) -> int:
        """Return how many cases ended so."""
        return sum(case.outcome is outcome for case in self.cases)


# -- doctor -------------------------------------------------------------------------------------

_DOCTOR = "envkit.doctor"
_WELL = "healthy"


def diagnosis_suite(diagnosis: Diagnosis, snapshot: Snapshot, *, strict: bool = False) -> Suite:
    """Return every diagnosis code as a case; with `strict`, a warning is a failure."""
    found = {one.code for one in diagnosis.findings} | {one.code for one in diagnosis.ignored}
    told = [_finding_case(_DOCTOR, one, strict=strict) for one in diagnosis.findings if one.code != _WELL]
    told += [
        Case(_DOCTOR, one.code, Outcome.SKIPPED, f"ignored by {one.by}: {one.summary}") for one in diagnosis.ignored
    ]
    told += [_silent(code, snapshot) for code in codes() if code not in found and code != _WELL]
    told += [Case(f"{_DOCTOR}.facts", one.partition(":")[0], Outcome.ERROR, one) for one in diagnosis.incomplete]
    properties = {"verdict": diagnosis.verdict.value, "taken_at": snapshot.taken_at}
    return Suite(_DOCTOR, _named_apart(told), {name: value for name, value in properties.items() if value})


def _silent(code: str, snapshot: Snapshot) -> Case:
    """What was looked for and not found, or means nothing here."""
    why = why_not(code, snapshot)
    return Case(_DOCTOR, code, Outcome.SKIPPED, why) if why else Case(_DOCTOR, code)


def _finding_case(group: str, finding: Finding, *, strict: bool) -> Case:
    grave = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    outcome = Outcome.FAILED if finding.severity in grave else Outcome.PASSED
    return Case(group, finding.code, outcome, finding.summary, finding_text(finding))


def finding_text(finding: Finding) -> str:
    """Return cause, facts and fix as plain text."""
    lines = [f"{finding.severity.value}: {finding.summary}", f"cause: {finding.cause}"]
    if finding.expected:
        lines.append(f"expected: {finding.expected}")
    lines += [f"fact: {fact.what}: {fact.value} ({fact.source})" for fact in finding.facts]
    if finding.explains:
        lines.append(f"follows: {', '.join(finding.explains)}")
    return "\n".join((*lines, *(_fix_lines(finding.fix) if finding.fix else ())))


def _fix_lines(fix: Fix) -> Iterator[str]:
    yield f"fix: {fix.summary}"
    yield from (f"    {line}" for line in (*fix.commands, *fix.steps))


# -- smoke --------------------------------------------------------------------------------------

_SMOKE = "envkit.smoke"


def results_suite(results: Results, findings: Iterable[Finding] = (), comparison: Comparison | None = None) -> Suite:
    """Return every check of a run as a case, what kept a device from being measured, and what follows."""
    told = [case for one in results.results for case in _workload_cases(one)]
    told += [_error_case(one) for one in results.errors]
    told += [
        Case(_group(one.device, one.workload, one.dtype, one.variant), one.kind, Outcome.SKIPPED, one.reason)
        for one in results.skips
    ]
    told += [
        Case(_group(one.device, "copy"), f"to {one.to}", *_outcome(passed=one.passed, why="not every bit arrived"))
        for one in results.copies
    ]
    told += [_finding_case(f"{_SMOKE}.findings", one, strict=False) for one in findings]
    told += _compared_cases(comparison) if comparison is not None else ()
    told += _ends(results, told)
    about = {"python": results.python, "torch": results.torch, "numpy": results.numpy, "mode": results.mode}
    return Suite(_SMOKE, _named_apart(told), {key: value for key, value in about.items() if value}, results.seconds)


def _group(*parts: str | None) -> str:
    return ".".join((_SMOKE, *(part for part in parts if part)))


def _outcome(*, passed: bool, why: str) -> tuple[Outcome, str]:
    return (Outcome.PASSED, "") if passed else (Outcome.FAILED, why)


def _workload_cases(result: WorkloadResult) -> Iterator[Case]:
    group = _group(result.device, result.workload, result.dtype, result.variant)
    yield from (_check_case(group, check) for check in result.checks)
    if not result.passed and all(check.passed for check in result.checks):
        yield Case(group, "result", Outcome.FAILED, "the workload did not pass")


def _check_case(group: str, check: CheckResult) -> Case:
    compared = f"error {_number(check.error)}, tolerance {_number(check.tolerance)}"
    text = "\n".join(line for line in (check.detail, compared) if line)
    return Case(group, check.name, *_outcome(passed=check.passed, why=check.detail or compared), text)


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.3g}"


def _error_case(error: SmokeError) -> Case:
    group = _group(error.device, error.workload, error.dtype, error.variant)
    return Case(group, error.kind, Outcome.ERROR, error.message, error.last_words)


def _compared_cases(comparison: Comparison) -> Iterator[Case]:
    for one in comparison.compared:
        told = f"{duration(one.before)} before, {duration(one.after)} now: {one.ratio:.3g} times as long"
        outcome, message = _outcome(passed=not one.regression, why=told)
        yield Case(_group("compared", one.device), one.what, outcome, message, told)
    yield from (Case(_group("compared"), "not compared", Outcome.SKIPPED, why) for why in comparison.not_compared)
    if not comparison.compared:
        yield Case(_group("compared"), "nothing", Outcome.ERROR, "there was nothing to compare")


def _ends(results: Results, told: Iterable[Case]) -> Iterator[Case]:
    """A run that did not come to its end, or is wrong for a reason that no check tells."""
    if not results.complete:
        stopped = "it was stopped" if results.interrupted else "the workloads came to no end on some device"
        yield Case(_SMOKE, "run", Outcome.ERROR, stopped)
    elif not results.passed and all(case.outcome in (Outcome.PASSED, Outcome.SKIPPED) for case in told):
        yield Case(_SMOKE, "run", Outcome.FAILED, "the run did not pass")


def _named_apart(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Give cases of the same name a number: what shows them takes equal names for one test."""
    seen: Counter[tuple[str, str]] = Counter()
    told = []
    for case in cases:
        seen[case.group, case.name] += 1
        number = seen[case.group, case.name]
        told.append(case if number == 1 else case._replace(name=f"{case.name} ({number})"))
    return tuple(told)
