"""GitHub Actions: annotations as workflow commands, and a step summary in Markdown."""

import re
from collections.abc import Iterable, Iterator, Mapping

from envkit.findings import Diagnosis, Finding, Fix, Severity, consequences
from envkit.render.cases import Case, Outcome, Suite
from envkit.render.text import clean

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_WELL = "healthy"


def render_annotations(findings: Iterable[Finding], suite: Suite) -> Iterator[str]:
    """Yield a line for each finding that is no consequence of another, and each failed case of a run beside them."""
    findings = tuple(findings)
    follows = consequences(findings)
    codes = {finding.code for finding in findings}
    for finding in findings:
        if finding.code not in (*follows, _WELL):
            yield _annotation(_LEVELS[finding.severity], f"envkit: {finding.code}", _message(finding))
    for case in suite.cases:
        if case.outcome in (Outcome.FAILED, Outcome.ERROR) and case.name not in codes:
            yield _annotation("error", f"{case.group}: {case.name}", case.message)


def _message(finding: Finding) -> str:
    fix = [f"fix: {finding.fix.summary}", *finding.fix.commands] if finding.fix else []
    return "\n".join((finding.summary, f"cause: {finding.cause}", *fix))


def _annotation(level: str, title: str, message: str) -> str:
    return f"::{level} title={_escaped(title, _OF_PROPERTIES)}::{_escaped(message, _OF_DATA)}"


_OF_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_OF_PROPERTIES = {**_OF_DATA, ":": "%3A", ",": "%2C"}
"""As `@actions/core` escapes them: the runner turns them back."""


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in clean(text))


def render_summary(headline: str, findings: Iterable[Finding], suite: Suite) -> str:
    """Return the page that Actions shows below a job: verdict, findings with their fixes, counts, what failed."""
    return "\n".join(_summary(headline, tuple(findings), suite)) + "\n"


def diagnosis_headline(diagnosis: Diagnosis) -> str:
    """Return the verdict of the doctor in a line."""
    first = diagnosis.findings[0].summary if diagnosis.findings else "; ".join(diagnosis.incomplete)
    return (
        f"envkit doctor: {diagnosis.verdict.value}: {first}" if first else f"envkit doctor: {diagnosis.verdict.value}"
    )


def _summary(headline: str, findings: tuple[Finding, ...], suite: Suite) -> Iterator[str]:
    yield f"### {_text(headline)}"
    follows = consequences(findings)
    for finding in findings:
        if finding.code not in (*follows, _WELL):
            yield from _finding(finding)
    counts = {outcome: suite.count(outcome) for outcome in Outcome}
    told = ", ".join(f"{counts[outcome]} {word}" for outcome, word in _COUNTED.items() if counts[outcome])
    yield from ("", f"{len(suite.cases)} checks: {told}")
    failed = [case for case in suite.cases if case.outcome in (Outcome.FAILED, Outcome.ERROR)]
    if failed:
        yield from ("", "| check | what happened |", "| --- | --- |")
        yield from (_row(case) for case in failed)
    yield ""


_COUNTED = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.ERROR: "could not be made",
    Outcome.SKIPPED: "skipped",
}


def _finding(finding: Finding) -> Iterator[str]:
    yield from ("", f"**{finding.severity.value}: {_text(finding.code)}**: {_text(finding.summary)}")
    yield from ("", f"Cause: {_text(finding.cause)}")
    if finding.explains:
        yield from ("", f"What follows from it: {_text(', '.join(finding.explains))}")
    if finding.fix:
        yield from _fix(finding.fix)


def _fix(fix: Fix) -> Iterator[str]:
    yield from ("", f"Fix: {_text(fix.summary)}")
    if fix.commands:
        yield from ("", *_fenced("\n".join(fix.commands)))
    if fix.steps:
        yield from ("", *(f"- {_text(step)}" for step in fix.steps))


def _fenced(text: str) -> Iterator[str]:
    """Code as it is, within a fence that is longer than any run of backticks in it."""
    text = clean(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (fence, text, fence)


def _row(case: Case) -> str:
    return f"| {_text(f'{case.group}: {case.name}')} | {_text(case.message)} |"


_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|!&@~]|:(?=\S)")


def _text(text: str) -> str:
    """Foreign text on one line that Markdown and HTML take for nothing but text; nobody is notified by a name in it."""
    line = " ".join(clean(text).split())
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", line)
