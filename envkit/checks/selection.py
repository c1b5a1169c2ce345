"""Which findings count here: those that were asked for, without those that are ignored, none of them lost."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from envkit.findings import Diagnosis, Finding, Ignored, Severity, judge, rank


class Codes(NamedTuple):
    """Diagnosis codes, and who named them: an option, a file."""

    codes: tuple[str, ...] = ()
    by: str = ""

    def without(self, others: tuple[str, ...]) -> Codes:
        """Return those that are not among others."""
        return self._replace(codes=tuple(code for code in self.codes if code not in others))


class Selection(NamedTuple):
    """What was asked for. No `only` means every code; `strict` lets warnings count as errors."""

    only: Codes = Codes()
    ignore: Codes = Codes()
    strict: bool = False

    def against(self, code: str, counts_with: str = "") -> str:
        """Return who does not want to see a code, "" where nobody minds. That nothing is wrong is always said.

        `counts_with` is the code that it means nothing without.
        """
        if code == "healthy":
            return ""
        if code in self.ignore.codes or (counts_with in self.ignore.codes and code not in self.only.codes):
            return self.ignore.by
        return self.only.by if self.only.codes and code not in self.only.codes else ""


def select(diagnosis: Diagnosis, selection: Selection, plugins: tuple[str, ...] = ()) -> Diagnosis:
    """Return the diagnosis with the findings that count, judged by them; the others are told as ignored.

    So are, of the checks of `plugins`, those that were not started because what they find would not count.
    """
    counting = [one for one in diagnosis.findings if not selection.against(one.code, one.counts_with)]
    ignored = tuple(
        Ignored(code=finding.code, severity=finding.severity, summary=finding.summary, by=by)
        for finding in diagnosis.findings
        if (by := selection.against(finding.code, finding.counts_with))
    )
    told = {one.code for one in ignored}
    ignored += tuple(
        Ignored(code=name, severity=Severity.NOTE, summary="this plugin's check was not started", by=by)
        for name in plugins
        if (by := selection.against(name)) and name not in told
    )
    if not counting and not diagnosis.incomplete:
        counting.append(_nothing_else(ignored))
    # That nothing is wrong stays where it was told: first.
    well = tuple(finding for finding in counting if finding.code == "healthy")
    rest = rank(finding for finding in counting if finding.code != "healthy")
    return msgspec.structs.replace(
        diagnosis,
        verdict=judge(counting, diagnosis.incomplete, strict=selection.strict),
        findings=(*well, *rest),
        ignored=ignored,
    )


def _nothing_else(ignored: tuple[Ignored, ...]) -> Finding:
    return Finding(
        code="healthy",
        severity=Severity.NOTE,
        summary="nothing is wrong with this environment beside what is ignored",
        cause=f"every finding is ignored on request: {', '.join(finding.code for finding in ignored)}",
    )
