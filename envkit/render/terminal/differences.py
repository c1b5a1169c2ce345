"""What differs between two environments, in the terminal."""

from envkit.differences.model import Difference, Differences, Fact, OnlyOne, Side, State, Verdict
from envkit.findings import Severity
from envkit.render.terminal.lines import Lines, Style

_STYLES = {Verdict.SAME: Style.GOOD, Verdict.DIFFERENT: Style.BAD, Verdict.INCOMPLETE: Style.WARNING}
_SEVERITY_STYLES = {Severity.ERROR: Style.BAD, Severity.WARNING: Style.WARNING, Severity.NOTE: Style.STRONG}


def print_differences(out: Lines, a: Side, b: Side, found: Differences, *, verbose: bool = False) -> None:
    """Print the verdict, the two sides, findings of one of them, what matters, and a count of the rest."""
    out.styled(found.verdict.value.upper(), _STYLES[found.verdict], f"  {_headline(found)}")
    out.line()
    out.facts(("A" if side is a else "B", _side(side)) for side in (a, b))
    for finding in found.findings:
        out.line()
        _print_finding(out, finding)
    group = ""
    for difference in found.differences:
        if difference.group != group:
            group = difference.group
            out.line()
            out.line(group, Style.STRONG)
        _print_difference(out, difference)
    _print_unclear(out, found, verbose=verbose)
    _print_others(out, found, verbose=verbose)


def _headline(found: Differences) -> str:
    told = [
        _count(len(found.findings), "finding that only one has", "findings that only one has"),
        _count(len(found.differences), "difference that can matter to torch", "differences that can matter to torch"),
    ]
    if found.verdict is Verdict.DIFFERENT:
        return ", ".join(part for part in told if part)
    if found.verdict is Verdict.INCOMPLETE:
        return "nothing that differs is known, and not all is known"
    return "nothing differs that can matter to torch"


def _count(number: int, one: str, several: str) -> str:
    return "" if not number else f"{number} {one if number == 1 else several}"


def _side(side: Side) -> str:
    kind = "a report" if side.snapshot.pasted else ""
    return ", ".join(part for part in (side.name, kind, side.diagnosis.verdict.value) if part)


def _print_finding(out: Lines, finding: OnlyOne) -> None:
    head = f"only {finding.side.upper()}: {finding.severity.value}  {finding.code}"
    out.line(head, _SEVERITY_STYLES[finding.severity])
    out.line(finding.summary, indent=2)
    if not finding.certain:
        out.line(f"of {'B' if finding.side == 'a' else 'A'} not all is known, so it may have this too", indent=2)


def _print_difference(out: Lines, difference: Difference) -> None:
    out.line(difference.what, indent=2)
    out.facts((("A", _value(difference.a)), ("B", _value(difference.b)), ("why", difference.why)), indent=4)


def _value(fact: Fact) -> str:
    return fact.value if fact.state is State.KNOWN else "none" if fact.state is State.ABSENT else "unknown"


def _print_unclear(out: Lines, found: Differences, *, verbose: bool) -> None:
    if not found.unclear:
        return
    out.line()
    if verbose:
        out.line("told by one alone, so that nobody can say whether it differs", Style.STRONG)
        for one in found.unclear:
            out.line(f"{one.group}: {one.what}", indent=2)
            out.facts((("A", _value(one.a)), ("B", _value(one.b))), indent=4)
        return
    for side, facts in (
        ("A", [one.what for one in found.unclear if one.a.state is State.UNKNOWN]),
        ("B", [one.what for one in found.unclear if one.b.state is State.UNKNOWN]),
    ):
        if facts:
            out.line(f"unknown of {side}, so not compared: {', '.join(facts)}", Style.GAP)


def _print_others(out: Lines, found: Differences, *, verbose: bool) -> None:
    if not found.others:
        return
    out.line()
    if not verbose:
        told = _count(len(found.others), "other difference that rarely matters", "other differences that rarely matter")
        out.line(f"{told}: `-v` shows {'it' if len(found.others) == 1 else 'them'}", Style.DIM)
        return
    out.line("what rarely matters", Style.STRONG)
    for other in found.others:
        out.line(other.path, indent=2)
        out.facts((("A", _or_none(other.a)), ("B", _or_none(other.b))), indent=4)


def _or_none(value: str | None) -> str:
    return "none" if value is None else value or '""'
